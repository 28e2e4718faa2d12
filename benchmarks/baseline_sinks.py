"""The competitor of pareto, histogram and count: the same columns in NumPy, block by block (baseline.py)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .baseline import BLOCK, F64, GridBaseline


class SinksBaseline(GridBaseline):
    """Points of the grid gathered block by block; tables that rows or batches alone decide are given for free."""

    def blocks(self, block: tuple[int, int] = BLOCK) -> Iterator[tuple[Any, slice, F64, F64]]:
        """(combination, rows, step times, seconds per token) of every block of rows."""
        self._scratch((block[0], len(self.batch)))
        for c in self.combinations:
            for i in range(0, self.n_rows, block[0]):
                rows = slice(i, min(i + block[0], self.n_rows))
                step, spt = (a[: rows.stop - i] for a in self._f[:2])
                np.multiply(c.tokens, c.rows["context"][rows], out=step)
                np.add(step, c.fixed, out=step)
                np.multiply(step, self.inv, out=spt)
                np.multiply(spt, c.rows["share"][rows], out=spt)
                np.add(spt, c.rows["prefill"][rows], out=spt)
                yield c, rows, step, spt

    def histogram(self, edges: F64) -> F64:
        """tpot_s of every point, by edges."""
        return sum(np.histogram(step, edges)[0] for _, _, step, _ in self.blocks())

    def count(self) -> int:
        """Points within the limits that fit."""
        ttft_limit, tpot_limit, rate_limit = self.limits
        found = 0
        for c, rows, step, spt in self.blocks():
            rate, mem = (a[: len(step)] for a in self._f[2:4])
            np.divide(1.0, spt, out=rate)
            np.multiply(c.seqs, c.rows["kv"][rows], out=mem)
            held = (step <= tpot_limit) & (rate >= rate_limit) & (mem <= c.room) & (c.rows["ttft"][rows] <= ttft_limit)
            found += int(np.count_nonzero(held))
        return found

    def front(self, inv_chips: list[float]) -> tuple[F64, F64]:
        """Largest 1 / tpot_s against largest tokens/s per chip: values on the front, the first one falling."""
        x, y = np.empty(0), np.empty(0)
        for c, _rows, step, spt in self.blocks():
            a, b = (s[: len(step)] for s in self._f[2:4])
            np.divide(1.0, step, out=a)
            np.divide(inv_chips[self.combinations.index(c)], spt, out=b)
            if len(x):  # the best second objective among those held with a first one at least as large
                at = np.searchsorted(-x, -a.ravel(), side="right")
                keep = b.ravel() > np.concatenate([[-np.inf], y])[at]
            else:
                keep = np.ones(a.size, bool)
            first, second = np.concatenate([x, a.ravel()[keep]]), np.concatenate([y, b.ravel()[keep]])
            order = np.lexsort((-second, -first))
            first, second = first[order], second[order]
            top = np.concatenate([[-np.inf], np.maximum.accumulate(second)[:-1]])
            x, y = first[second > top], second[second > top]
        return x, y
