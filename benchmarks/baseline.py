"""The competitor: the same columns in NumPy, hoisted alike, blocked to stay in cache, with ``out=`` everywhere.

What the clock does not see is given to NumPy for free: combinations are bound with `reference.bind`, and every table
that depends on the batch alone or on (isl, osl) alone is ready before a run starts. tokenroof computes all of that in
its own time. A run is then the arithmetic of each point and nothing else, in the same order of operations, so that both
sides find the same winner bit for bit (`check_best`).

Two searches: `search` evaluates ttft, tpot, tokens/s, cost, memory and fit of every point, as the question is put.
`search_monotone` is given the algebra that the C search uses: limits and objective turned into limits on step time and
seconds per token, memory into the largest batch that fits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from time import get_clock_info, perf_counter, thread_time
from typing import Any

import numpy as np
import numpy.typing as npt

from tokenroof import Sweep
from tokenroof import formulas as fs
from tokenroof.reference import Bound, bind

F64 = npt.NDArray[np.float64]

#: Seconds that this thread has run, where the system counts them finely; both sides have one thread.
cpu_seconds = thread_time if get_clock_info("thread_time").resolution <= 1e-6 else perf_counter

#: Rows (isl, osl) and batch values of a block. `fastest_block` chooses anew on each machine.
BLOCK = (64, 512)


def batch_tables(b: Bound, batch: F64) -> tuple[F64, F64, F64]:
    """What the batch alone decides: seconds of a step, tokens of a microbatch, sequences of a rank; as `Bound.step`."""
    table = [(b.step(float(n)), fs.microbatch(float(n), b.dp)) for n in batch]
    return (
        np.array([t["fixed"] for t, _ in table]),
        np.array([t["sequences"] for t, _ in table]),
        np.array([s for _, s in table]),
    )


def row_tables(b: Bound, isl: F64, osl: F64) -> dict[str, F64]:
    """What isl and osl alone decide, one column vector each over the rows in order; as `Bound.sequence`."""
    i, o = (a.reshape(-1, 1) for a in np.meshgrid(isl, osl, indexing="ij"))
    steps = np.maximum(o - 1.0, 1.0)
    context, kv = np.full_like(i, b.k["state_seconds"] + b.k["exchange"]), np.full_like(i, b.k["state_bytes"])
    for c in b.contexts:
        w = np.minimum(c.op.window, i + steps)
        below = np.minimum(np.maximum(w - i, 0.0), steps)
        seconds = fs.overlapped(c.compute, c.memory, b.serial)
        context += seconds * ((below * i + below * (below - 1.0) * 0.5 + (steps - below) * w) * (1.0 / steps))
        kv += c.store * np.minimum(i + o, c.op.window)
    ttft = np.repeat([b.prefill(float(n))["typical"] for n in isl], len(osl)).reshape(-1, 1)
    inv_osl = 1.0 / o
    prefill = ttft * (b.k["inv_pp"] * b.k["inv_dp"]) * inv_osl
    return {"ttft": ttft, "context": context, "kv": kv, "prefill": prefill, "share": (o - 1.0) * inv_osl}


@dataclass
class Combination:
    """Tables of one model, chip, precision and layout."""

    first: int  #: number of its first point
    weights: float
    room: float
    usd: float
    fixed: F64
    tokens: F64
    seqs: F64
    rows: dict[str, F64]
    last_lane: npt.NDArray[np.int64]  #: lanes of each row that fit memory


class GridBaseline:
    """The points of a sweep without pp, ep, dp, with a limit on ttft, tpot and tokens/s: cheapest point, or columns."""

    def __init__(self, sweep: Sweep, ttft_limit: float, tpot_limit: float, rate_limit: float) -> None:
        axes = sweep.axes
        self.batch, isl, osl = (np.array(axes.counts[name]) for name in ("batch", "isl", "osl"))
        self.inv = 1.0 / self.batch
        self.limits = ttft_limit, tpot_limit, rate_limit
        self.combinations: list[Combination] = []
        self.n_rows = len(isl) * len(osl)
        for model in axes.models:
            for hw in axes.hardware:
                for precision in axes.precisions:
                    for tp in axes.counts["tp"]:
                        b = bind(model, hw, precision, tp=int(tp), options=sweep.options)
                        if b.status or (isl.max() + osl.max()) > model.max_context:
                            raise ValueError("the baseline takes grids whose points are all legal")
                        self._add(b, isl, osl)
        self._scratch((0, 0))

    def _add(self, b: Bound, isl: F64, osl: F64) -> None:
        fixed, tokens, seqs = batch_tables(b, self.batch)
        rows = row_tables(b, isl, osl)
        first = len(self.combinations) * self.n_rows * len(self.batch)
        room = b.k["room"] / rows["kv"].ravel()
        lanes = np.searchsorted(seqs, np.floor(room), side="right")
        self.combinations.append(
            Combination(first, b.k["weights"], b.k["room"], b.k["usd"], fixed, tokens, seqs, rows, lanes)
        )

    @property
    def size(self) -> int:
        return len(self.combinations) * self.n_rows * len(self.batch)

    def _scratch(self, shape: tuple[int, int]) -> None:
        """Buffers of a block, made once: a fresh temporary costs more than the arithmetic done in it."""
        if getattr(self, "_shape", None) != shape:
            self._shape = shape
            self._f = [np.empty(shape) for _ in range(6)]
            self._b = [np.empty(shape, dtype=bool) for _ in range(2)]

    def search(self, block: tuple[int, int] = BLOCK) -> tuple[float, int]:
        """Smallest usd_per_mtok within the limits, and its point: every column of every point evaluated."""
        rows_block, lanes = min(block[0], self.n_rows), min(block[1], len(self.batch))
        ttft_limit, tpot_limit, rate_limit = self.limits
        best, at, width = math.inf, -1, len(self.batch)
        self._scratch((rows_block, lanes))
        for c in self.combinations:
            r = c.rows
            for i in range(0, self.n_rows, rows_block):
                rows = slice(i, min(i + rows_block, self.n_rows))
                ttft, context, kv, prefill, share = (r[n][rows] for n in ("ttft", "context", "kv", "prefill", "share"))
                n = rows.stop - rows.start
                for j in range(0, width, lanes):
                    cols = slice(j, min(j + lanes, width))
                    full = n == rows_block and cols.stop - j == lanes
                    view = (slice(None), slice(None)) if full else (slice(0, n), slice(0, cols.stop - j))
                    step, spt, rate, usd, mem, first = self._f if full else (a[view] for a in self._f)
                    bad, more = self._b if full else (a[view] for a in self._b)
                    np.multiply(c.tokens[cols], context, out=step)
                    np.add(step, c.fixed[cols], out=step)  # tpot_s
                    np.multiply(step, self.inv[cols], out=spt)
                    np.multiply(spt, share, out=spt)
                    np.add(spt, prefill, out=spt)
                    np.divide(1.0, spt, out=rate)  # tokens_per_s
                    np.multiply(spt, c.usd, out=usd)  # usd_per_mtok
                    np.multiply(c.seqs[cols], kv, out=mem)
                    np.greater(mem, c.room, out=bad)  # not fits
                    np.add(mem, c.weights, out=mem)  # mem_bytes_per_chip
                    np.copyto(first, ttft)  # ttft_s
                    for column, limit, fails in (
                        (step, tpot_limit, np.greater),
                        (rate, rate_limit, np.less),
                        (first, ttft_limit, np.greater),
                    ):
                        fails(column, limit, out=more)
                        np.logical_or(bad, more, out=bad)
                    np.copyto(usd, math.inf, where=bad)
                    least = usd.min()
                    if least < best:
                        best, (y, x) = float(least), divmod(int(usd.argmin()), usd.shape[1])
                        at = c.first + (i + y) * width + j + x
        return best, at

    def search_monotone(self, block: tuple[int, int] = BLOCK) -> tuple[float, int]:
        """The same answer from the short-cuts of ``csrc/best.c``: five operations, one limit and a minimum a point."""
        rows_block, lanes = min(block[0], self.n_rows), min(block[1], len(self.batch))
        ttft_limit, tpot_limit, rate_limit = self.limits
        best, at, width = math.inf, -1, len(self.batch)
        spt_limit = largest_spt(rate_limit)
        self._scratch((rows_block, lanes))
        for c in self.combinations:
            r = c.rows
            for i in range(0, self.n_rows, rows_block):
                rows = slice(i, min(i + rows_block, self.n_rows))
                if not (r["ttft"][rows] <= ttft_limit).all() or (c.last_lane[rows] < width).any():
                    raise ValueError("this baseline is for grids where no row or lane is cut by prefill or memory")
                context, prefill, share = r["context"][rows], r["prefill"][rows], r["share"][rows]
                n = rows.stop - rows.start
                for j in range(0, width, lanes):
                    cols = slice(j, min(j + lanes, width))
                    view = (slice(0, n), slice(0, cols.stop - j))
                    step, spt, bad = self._f[0][view], self._f[1][view], self._b[0][view]
                    np.multiply(c.tokens[cols], context, out=step)
                    np.add(step, c.fixed[cols], out=step)
                    np.multiply(step, self.inv[cols], out=spt)
                    np.multiply(spt, share, out=spt)
                    np.add(spt, prefill, out=spt)
                    np.greater(step, tpot_limit, out=bad)
                    np.copyto(spt, math.inf, where=bad)
                    least = float(spt.min())
                    if least <= spt_limit and c.usd * least < best:
                        usd = spt * c.usd
                        best, (y, x) = float(usd.min()), divmod(int(usd.argmin()), usd.shape[1])
                        at = c.first + (i + y) * width + j + x
        return best, at

    def store(self, n: int, out: list[F64], block: tuple[int, int] = BLOCK) -> None:
        """ttft_s, tpot_s, tokens_per_s, usd_per_mtok and mem_bytes_per_chip of the first n points, written in place."""
        width = len(self.batch)
        self._scratch((block[0], width))
        scratch = self._f[0]
        shaped = [a[: n // width * width].reshape(-1, width) for a in out]
        done = 0
        for c in self.combinations:
            r = c.rows
            for i in range(0, min(self.n_rows, n // width - done), block[0]):
                rows = slice(i, min(i + block[0], self.n_rows, n // width - done))
                first, step, rate, usd, mem = (a[done + i : done + rows.stop] for a in shaped)
                np.copyto(first, r["ttft"][rows])
                np.multiply(c.tokens, r["context"][rows], out=step)
                np.add(step, c.fixed, out=step)
                spt = scratch[: rows.stop - i]
                np.multiply(step, self.inv, out=spt)
                np.multiply(spt, r["share"][rows], out=spt)
                np.add(spt, r["prefill"][rows], out=spt)
                np.divide(1.0, spt, out=rate)
                np.multiply(spt, c.usd, out=usd)
                np.multiply(c.seqs, r["kv"][rows], out=mem)
                np.add(mem, c.weights, out=mem)
            done += self.n_rows
            if done * width >= n:
                return

    def kept(self) -> dict[str, float]:
        """Share of all points that each limit keeps, and all of them together."""
        held = {"fits": 0.0, "ttft_s": 0.0, "tpot_s": 0.0, "tokens_per_s": 0.0, "all": 0.0}
        for c in self.combinations:
            r = c.rows
            step = c.tokens * r["context"] + c.fixed
            spt = r["prefill"] + step * self.inv * r["share"]
            masks = (
                c.seqs * r["kv"] <= c.room,
                np.broadcast_to(r["ttft"] <= self.limits[0], step.shape),
                step <= self.limits[1],
                1.0 / spt >= self.limits[2],
            )
            for name, mask in zip(held, (*masks, np.logical_and.reduce(masks)), strict=True):
                held[name] += float(mask.mean()) / len(self.combinations)
        return held


def largest_spt(rate_limit: float) -> float:
    """Largest x with 1/x >= rate_limit, to the last bit."""
    x = 1.0 / rate_limit
    while 1.0 / x >= rate_limit:
        x = math.nextafter(x, math.inf)
    while not 1.0 / x >= rate_limit:
        x = math.nextafter(x, 0.0)
    return x


class ListBaseline:
    """Arbitrary points of dense models: coefficients gathered by combination, rows padded to the longest."""

    def __init__(self, sweep: Sweep) -> None:
        axes = sweep.axes
        bounds = [
            bind(m, hw, p, tp=int(tp), options=sweep.options)
            for m in axes.models
            for hw in axes.hardware
            for p in axes.precisions
            for tp in axes.counts["tp"]
        ]
        if any(b.serial or b.tile > 1.0 or len(b.reductions) > 1 for b in bounds):
            raise ValueError("the list baseline takes overlapped rows and one size of all-reduce")
        if any(b.status or b.experts or len(b.contexts) != 1 or math.isfinite(b.contexts[0].op.window) for b in bounds):
            raise ValueError("the list baseline takes legal, dense models with one kind of full attention")
        n_rows = max(len(b.body) for b in bounds)
        rows = [[(r.f, r.w, r.a) for r in b.body] + [(0.0, 0.0, 0.0)] * (n_rows - len(b.body)) for b in bounds]
        self.rows = np.array(rows).transpose(1, 2, 0).copy()
        self.head = np.array([[(r.f, r.w, r.a) for r in b.head] for b in bounds]).transpose(1, 2, 0).copy()
        names = ("overhead", "latency", "per_token", "light", "light_token", "weights", "usd")
        self.k = {name: np.array([b.k[name] for b in bounds]) for name in names}
        self.context = {
            name: np.array([getattr(b.contexts[0], name) for b in bounds])
            for name in ("compute", "memory", "prefill_compute", "prefill_memory", "store")
        }
        nets = [b.reductions[0].lines if b.reductions else [(0.0, 0.0)] for b in bounds]
        most = max(map(len, nets))
        padded = [lines + lines[-1:] * (most - len(lines)) for lines in nets]  # a line twice changes no minimum
        self.nets = np.array(padded).transpose(1, 2, 0).copy()

    def run(
        self, combination: npt.NDArray[Any], batch: F64, isl: F64, osl: F64, out: list[F64], block: int = 4096
    ) -> None:
        """ttft_s, tpot_s, tokens_per_s, usd_per_mtok and mem_bytes_per_chip of every point."""
        f, m, g = (np.empty(min(block, len(batch))) for _ in range(3))
        for at in range(0, len(batch), block):
            part = slice(at, min(at + block, len(batch)))
            n = part.stop - at
            self._run(combination[part], batch[part], isl[part], osl[part], [a[part] for a in out], f[:n], m[:n], g[:n])

    def _add_row(
        self, seconds: F64, tokens: F64 | float, row: F64, c: npt.NDArray[Any], f: F64, m: F64, g: F64
    ) -> None:
        np.take(row[0], c, out=f, mode="clip")
        np.multiply(f, tokens, out=f)
        np.take(row[2], c, out=m, mode="clip")
        np.multiply(m, tokens, out=m)
        np.take(row[1], c, out=g, mode="clip")
        np.add(m, g, out=m)
        np.maximum(f, m, out=f)
        np.add(seconds, f, out=seconds)

    def _run(self, c: npt.NDArray[Any], batch: F64, isl: F64, osl: F64, out: list[F64], f: F64, m: F64, g: F64) -> None:
        ttft, step, rate, usd, mem = out
        k = {name: a.take(c) for name, a in self.k.items()}
        ctx = {name: a.take(c) for name, a in self.context.items()}
        k["overhead"] += k["latency"]
        for seconds, tokens in ((ttft, isl), (step, batch)):
            np.multiply(tokens, k["per_token"], out=seconds)
            seconds += k["overhead"]
            np.multiply(tokens, k["light_token"], out=f)
            f += k["light"]
            seconds += f
            for line, (latency, slope) in enumerate(self.nets):
                np.take(slope, c, out=m, mode="clip")
                np.multiply(m, tokens, out=m)
                m += np.take(latency, c, out=g, mode="clip")
                np.minimum(f if line else m, m, out=f)
            seconds += f
        for row in self.rows:
            self._add_row(ttft, isl, row, c, f, m, g)
            self._add_row(step, batch, row, c, f, m, g)
        for row in self.head:
            self._add_row(ttft, 1.0, row, c, f, m, g)
            self._add_row(step, batch, row, c, f, m, g)
        pairs = isl * (isl + 1.0) * 0.5
        ctx["prefill_compute"] *= pairs
        ctx["prefill_memory"] *= isl
        ttft += np.maximum(ctx["prefill_compute"], ctx["prefill_memory"])
        steps = np.maximum(osl - 1.0, 1.0)
        mean = steps * isl
        mean += steps * (steps - 1.0) * 0.5
        mean *= 1.0 / steps
        mean *= np.maximum(ctx["compute"], ctx["memory"])
        mean *= batch
        step += mean
        inv_osl = 1.0 / osl
        np.multiply(step, 1.0 / batch, out=f)
        f *= (osl - 1.0) * inv_osl
        f += ttft * inv_osl
        np.divide(1.0, f, out=rate)
        np.multiply(f, k["usd"], out=usd)
        np.add(isl, osl, out=mem)
        mem *= ctx["store"]
        mem *= batch
        mem += k["weights"]


def check_best(sweep: Sweep, baseline: GridBaseline, objective: str, where: list[str]) -> None:
    """Raises unless both baselines and `Sweep.best` name the same point with the same bits."""
    plan = sweep.plan()
    state = plan.best(0, sweep.size, plan.new_best(objective, where=where))
    ours = float(state.value[0]), int(state.point[0])
    for found in (baseline.search(), baseline.search_monotone()):
        if found != ours:
            raise AssertionError(f"NumPy found {found}, tokenroof {ours}")


def fastest_block(
    run: Callable[[tuple[int, int]], object], rows: tuple[int, ...] = (16, 32, 64, 128, 256)
) -> tuple[int, int]:
    """The block shape with which a search runs fastest on this machine, of those tried in turns."""
    blocks = [(n, 512) for n in rows]
    took = dict.fromkeys(blocks, math.inf)
    for _ in range(3):
        for block in blocks:
            begin = cpu_seconds()
            run(block)
            took[block] = min(took[block], cpu_seconds() - begin)
    return min(blocks, key=lambda block: took[block])
