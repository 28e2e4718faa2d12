"""Work that the asv suites and ratios.py share: each case is prepared once and hands out plain callables."""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tokenroof import Sweep
from tokenroof._core import ffi, lib
from tokenroof._native import COLUMNS
from tokenroof.axes import Axes
from tokenroof.layouts import candidates
from tokenroof.plan import Plan
from tokenroof.sinks import Best, Count, Histogram, Pareto, Ranks, Sink

from . import inputs
from .baseline import GridBaseline, ListBaseline
from .baseline_sinks import SinksBaseline

OBJECTIVE = "usd_per_mtok"


class BestCase:
    """A grid searched for its cheapest point, on one thread, with places kept from run to run as `Sweep.best` does."""

    def __init__(
        self,
        grid: dict[str, Any],
        where: list[str],
        *,
        objective: str = OBJECTIVE,
        estimate: str = "typical",
        isa: str = "auto",
    ) -> None:
        self.sweep = Sweep(estimate=estimate, **grid)
        self.plan = self.sweep.plan(isa)
        self.points = self.plan.size
        self.objective, self.where = objective, where

    def run(self) -> tuple[float, int]:
        """Value and number of the winner."""
        state = self.plan.new_best(self.objective, where=self.where)
        self.plan.best(0, self.points, state)
        return float(state.value[0]), int(state.point[0])


def limits(where: list[str]) -> tuple[float, float, float]:
    """The numbers of limits on ttft_s, tpot_s and tokens_per_s, in this order."""
    ttft, tpot, rate = (float(text.split()[2]) for text in where)
    return ttft, tpot, rate


def grid_baseline(case: BestCase) -> GridBaseline:
    """The NumPy competitor on the same grid with the same limits."""
    return GridBaseline(case.sweep, *limits(case.where))


def sinks_2025() -> dict[str, Sink[Any]]:
    """Sinks by the names of their benchmarks."""
    edges = inputs.HISTOGRAM_EDGES_2025
    return {
        "count": Count(where=inputs.WHERE_2025),
        "pareto": Pareto(maximize=inputs.PARETO_2025),
        "pareto, limits": Pareto(maximize=inputs.PARETO_2025, where=inputs.WHERE_2025),
        "pareto, three": Pareto(**inputs.PARETO_THREE_2025),
        "histogram": Histogram(inputs.HISTOGRAM_2025, edges),
        "histogram, two columns": Histogram([inputs.HISTOGRAM_2025, "chips"], [edges, [1.0, 2.0, 4.0, 8.0]]),
        "quantiles, first pass": Ranks(inputs.HISTOGRAM_2025, 48, 16),
        "best, by bounds": Best(OBJECTIVE, where=inputs.WHERE_2025, method="bound"),
    }


class SinkCase:
    """The grid gathered by one sink, on one thread."""

    def __init__(self, sink: Sink[Any], isa: str = "auto") -> None:
        self.sink, self.sweep = sink, Sweep(**inputs.GRID_2025)
        self.plan = self.sweep.plan(isa)
        self.points = self.plan.size

    def run(self) -> Any:
        state = self.sink.start(self.plan)
        self.sink.visit(self.plan, 0, self.points, state)
        return state

    def inv_chips(self) -> list[float]:
        """1 / chips of each combination, in their order."""
        chips = self.plan.store(0, self.points, ["chips"])[0]
        return [float(1.0 / n) for n in chips[:: self.points // self.plan.native.combinations]]

    @classmethod
    def checked(cls) -> SinksBaseline:
        """The NumPy competitor, checked to gather the same."""
        sinks = sinks_2025()
        case = cls(sinks["pareto"])
        baseline = SinksBaseline(case.sweep, *limits(inputs.WHERE_2025))
        counts = cls(sinks["histogram"]).run().counts[0, 1:-2]
        if not np.array_equal(baseline.histogram(np.array(inputs.HISTOGRAM_EDGES_2025)), counts):
            raise AssertionError("histogram differs from NumPy")
        if baseline.count() != cls(sinks["count"]).run().within[0]:
            raise AssertionError("count differs from NumPy")
        if not np.array_equal(np.stack(baseline.front(case.inv_chips()), axis=1), case.run().read()[2]):
            raise AssertionError("front differs from NumPy")
        return baseline


class StoreCase:
    """Columns of the first points of the grid, into fresh or reused arrays, and memset of the same bytes."""

    def __init__(self, estimate: str = "typical", isa: str = "auto", points: int = inputs.STORE_POINTS_2025) -> None:
        self.sweep = Sweep(estimate=estimate, **inputs.GRID_2025)
        self.plan = self.sweep.plan(isa)
        self.points = points
        self.columns = inputs.STORE_COLUMNS_2025
        self.bytes = 8 * self.points * len(self.columns)
        self.out = self.fresh()
        self.reused()

    def fresh(self) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
        """New arrays; the kernel maps their pages when they are first written."""
        return [np.empty(self.points) for _ in self.columns]

    def reused(self) -> None:
        self.plan.store(0, self.points, self.columns, self.out)

    def into_fresh(self) -> None:
        self.plan.store(0, self.points, self.columns, self.fresh())

    def memset_reused(self) -> None:
        for a in self.out:
            ctypes.memset(a.ctypes.data, 0, a.nbytes)

    def memset_fresh(self) -> None:
        for a in self.fresh():
            ctypes.memset(a.ctypes.data, 0, a.nbytes)


class ExpressionCase:
    """A column of the library and an expression of two of them, into one array that stays in the cache."""

    column, expression = "usd_per_mtok", "usd_per_mtok + 0.1 * tpot_s"

    def __init__(self, isa: str = "auto", points: int = inputs.EXPRESSION_POINTS_2026) -> None:
        self.plan = Sweep(**inputs.GRID_2025).plan(isa)
        self.points, self._out = points, np.empty(inputs.EXPRESSION_BLOCK_2026)

    def _store(self, name: str) -> None:
        for begin in range(0, self.points, len(self._out)):
            self.plan.store(begin, begin + len(self._out), [name], [self._out])

    def built_in(self) -> None:
        self._store(self.column)

    def derived(self) -> None:
        self._store(self.expression)

    def best_built_in(self) -> None:
        """By a column that no short-cut of best knows, with a limit of the same kind."""
        self.plan.best(0, self.points, self.plan.new_best("joules_per_token", where="mbu >= 0"))

    def best_derived(self) -> None:
        self.plan.best(0, self.points, self.plan.new_best(self.expression, where="ttft_s / tpot_s >= 0"))


class LayoutsCase:
    """The best of every layout: of the product of axes, most of which cannot exist, and of the list of the others."""

    def __init__(self) -> None:
        grid, chips = inputs.LAYOUTS_2026, inputs.LAYOUTS_CHIPS_2026
        values = candidates(Axes({"model": grid["model"], "hardware": grid["hardware"]}), chips)
        self.product, self.listed = Sweep(**grid, **values), Sweep(**grid, parallelism="auto", chips=chips)
        self.limits = ["tpot_s <= 0.05", f"chips <= {chips}"]

    def of_product(self) -> float:
        return self._best(self.product)

    def of_list(self) -> float:
        return self._best(self.listed)

    def _best(self, sweep: Sweep) -> float:
        plan = sweep.plan()
        return float(plan.best(0, plan.size, plan.new_best(OBJECTIVE, where=self.limits)).value[0])


class ListCase:
    """Points with a random combination, batch, isl and osl each, from a plan with every combination bound."""

    def __init__(self, axes: dict[str, Any], isa: str = "auto") -> None:
        self.sweep = Sweep(**axes)
        self.plan = self.sweep.plan(isa, bind_all=True)
        self.points, self.columns = inputs.LIST_POINTS_2025, inputs.LIST_COLUMNS_2025
        rng = np.random.default_rng(2025)
        self.combination = rng.integers(0, self.plan.native.combinations, self.points).astype(np.uint64)
        self.batch, self.isl, self.osl = (
            rng.integers(1, most + 1, self.points).astype(np.float64) for most in (512, 8192, 2048)
        )
        self.out = [np.empty(self.points) for _ in self.columns]
        self.numpy_out = [np.empty(self.points) for _ in self.columns]

    def run(self) -> None:
        self.plan.points(self.combination, self.batch, self.isl, self.osl, self.columns, self.out)

    def numpy(self) -> Callable[[], None]:
        """The NumPy competitor, checked to give the same bits. Dense models only."""
        baseline, combination = ListBaseline(self.sweep), self.combination.astype(np.intp)

        def run() -> None:
            baseline.run(combination, self.batch, self.isl, self.osl, self.numpy_out)

        run()
        self.run()
        for name, mine, theirs in zip(self.columns, self.out, self.numpy_out, strict=True):
            if not np.array_equal(mine, theirs):
                raise AssertionError(f"{name} differs from NumPy")
        return run


class ScalarCase:
    """One point a call: from Python, through cffi with buffers made beforehand, and from Numba where it is there."""

    calls = 2_000 if not inputs.QUICK else 10

    def __init__(self) -> None:
        self.plan = Sweep(**inputs.LIST_DENSE_2025).plan(bind_all=True)
        names = inputs.LIST_COLUMNS_2025
        self.columns = ffi.new("int32_t[]", [COLUMNS[name] for name in names])
        self.out = ffi.new("double[]", len(names))
        self.names = names

    def cffi(self) -> None:
        evaluate, plan = lib.tr_point_eval, self.plan.native._plan
        columns, out, n = self.columns, self.out, len(self.names)
        for combination in range(self.calls):
            evaluate(plan, combination % 64, 32.0, 1024.0, 256.0, n, columns, out)

    def python(self) -> None:
        point, names = self.plan.point, self.names
        for combination in range(self.calls):
            point(combination % 64, 32.0, 1024.0, 256.0, names)

    def numba(self) -> Callable[[], None]:
        """A compiled loop over `calls` points. Raises ImportError without Numba."""
        import numba

        from tokenroof.jit import point_function

        point, n, calls = point_function(self.plan, self.names), len(self.names), self.calls

        @numba.njit  # type: ignore[untyped-decorator,unused-ignore]
        def loop() -> Any:
            out, total = np.empty(n), 0.0
            for combination in range(calls):
                point(combination % 64, 32.0, 1024.0, 256.0, out)
                total += out[0]
            return total

        loop()

        def run() -> None:
            loop()

        return run


class BindCase:
    """A plan made anew with every combination bound."""

    def __init__(self, axes: dict[str, Any]) -> None:
        self.sweep = Sweep(**axes)
        self.combinations = self.run().native.combinations
        status = self.sweep.run(["status"], threads=1)["status"]
        if (np.asarray(status) >= 16).any():
            raise AssertionError("a combination is illegal: it would bind in no time")

    def run(self) -> Plan:
        return Plan(self.sweep.axes, bind_all=True)


def _child(code: str) -> str:
    """Output of code in a fresh interpreter that finds what this one does, with compiled modules cached as usual."""
    path = os.pathsep.join([str(Path(__file__).parent.parent), *(p for p in sys.path if p)])
    env = os.environ | {"PYTHONPATH": path, "PYTHONPYCACHEPREFIX": _pycache()}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env).stdout


@cache
def _pycache() -> str:
    """A folder for bytecode: installed packages have theirs, a checkout may be without."""
    folder = tempfile.mkdtemp(prefix="tokenroof-pyc-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def import_ms(what: str) -> float:
    """Wall time of a statement in a fresh interpreter, start-up excluded [ms]; a process's first call also compiles."""
    return float(_child(f"from time import perf_counter as t; b = t(); {what}; print(1e3 * (t() - b))"))


_PEAK = """
import json, resource, sys, time
from benchmarks import inputs
import tokenroof as tr
sweep = tr.Sweep(**inputs.PEAK_GRID_2025)
begin = time.perf_counter()
table = sweep.best("usd_per_mtok", where=["tpot_s <= 0.05"], progress=False)
seconds = time.perf_counter() - begin
unit = 1.0 if sys.platform == "darwin" else 1024.0
print(json.dumps({"points": sweep.size, "seconds": seconds, "winners": len(table),
                  "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6}))
"""


def peak_memory() -> dict[str, float]:
    """A best sweep in a process of its own, on all its CPUs: points, seconds, peak resident memory in MB."""
    found: dict[str, float] = json.loads(_child(_PEAK))
    return found
