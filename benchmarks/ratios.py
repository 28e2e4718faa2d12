"""What ``make bench`` runs: ours against the competitor, in one process, in turns, on one thread of one CPU.

Each pair is measured alternately for several rounds, by the thread's own CPU time. A ratio is that of the two minima,
since noise only adds time; beside it stands the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
if "--quick" in sys.argv:
    os.environ["TOKENROOF_BENCH_QUICK"] = "1"
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np  # noqa: E402

from benchmarks import baseline, cases, inputs  # noqa: E402
from benchmarks.baseline import cpu_seconds  # noqa: E402
from benchmarks.sweeps import ParquetCase, ThreadsCase, seconds  # noqa: E402
from tokenroof import Model  # noqa: E402

_LANES = {"generic": 2, "avx2": 4, "avx512": 8}
_OPERATIONS = 8  # of a typical best: 3 multiplications, 2 additions, comparison, selection, minimum
_PER_CYCLE = 4  # vector operations that any current core starts at most


#: What stands between a sink and its target: shares of a profile with AVX2 on Zen 3.
_FLOORS = {
    "count": "8 operations a point, as best",
    "pareto": "a third of it evaluates all lanes, the rest are lanes near the front, one by one",
    "pareto, three": "every point near the front is compared with all of it",
    "histogram": "a quarter of it evaluates, the rest compares 32 lanes with each edge between them",
}


@dataclass
class Row:
    """One line of the table. Both sides in ``unit``; the ratio is how many times better ours is."""

    quantity: str
    unit: str
    ours: float
    baseline: float | None = None
    against: str = ""
    target: str = ""
    met: bool | None = None
    note: str = ""
    median: float | None = None  #: of the rounds' ratios; far from the ratio where the machine was busy

    @property
    def ratio(self) -> float | None:
        if self.baseline is None:
            return None
        return self.ours / self.baseline if "/s" in self.unit else self.baseline / self.ours


class Turns:
    """Seconds of this thread that each of several callables took, run alternately for ``budget`` seconds.

    The clock counts the thread's own time, page faults included: other processes on the CPU do not enter.
    """

    def __init__(self, *sides: Callable[[], object], rounds: int = 15, budget: float = 8.0) -> None:
        self.took: list[list[float]] = [[] for _ in sides]
        until = perf_counter() + (0.0 if inputs.QUICK else budget)
        for n in range(rounds):
            for side, took in zip(sides, self.took, strict=True):
                begin = cpu_seconds()
                side()
                took.append(max(cpu_seconds() - begin, 1e-9))
            if n >= 1 and perf_counter() > until:
                break

    def least(self) -> list[float]:
        """Shortest time of each."""
        return [min(took) for took in self.took]

    def median(self, ours: int, theirs: int) -> float:
        """Median over the rounds of how many times faster one is than another in the same round."""
        return median(b / a for a, b in zip(self.took[ours], self.took[theirs], strict=True))


def best_rows(facts: dict[str, Any]) -> list[Row]:
    case = cases.BestCase(inputs.GRID_2025, inputs.WHERE_2025)
    bound = cases.BestCase(inputs.GRID_2025, inputs.WHERE_2025, estimate="bound")
    mixed = cases.BestCase(inputs.GRID_MIXED_2025, ["tpot_s <= 0.05"])
    plain = cases.BestCase(inputs.GRID_2025, inputs.WHERE_2025, isa="generic")
    numpy = cases.grid_baseline(case)
    baseline.check_best(case.sweep, numpy, case.objective, case.where)
    facts["isa"] = case.plan.isa
    facts["best_grid"] = {"points": case.points, "where": case.where, "kept": numpy.kept()}
    block, monotone = baseline.fastest_block(numpy.search), baseline.fastest_block(numpy.search_monotone)
    turns = Turns(
        case.run,
        lambda: numpy.search(block),
        lambda: numpy.search_monotone(monotone),
        bound.run,
        mixed.run,
        plain.run,
        rounds=25,
        budget=15.0,
    )
    times = turns.least()
    ours, every, short = (1e-9 * case.points / t for t in times[:3])
    unit = "1e9 points/s"
    floor = 1e-3 * facts["mhz"] * _LANES[facts["isa"]] * _PER_CYCLE / _OPERATIONS
    note = f"ceiling {floor:.2g}: {_OPERATIONS} operations a point, {_PER_CYCLE} vectors a cycle" if floor else ""
    all_columns = f"NumPy, all columns, {block[0]}x{block[1]}"
    short_cuts = f"NumPy, short-cuts of best.c, {monotone[0]}x{monotone[1]}"
    return [
        Row("best", unit, ours, every, all_columns, ">= 50x", ours >= 50 * every, note, turns.median(0, 1)),
        Row("best, same algebra", unit, ours, short, short_cuts, median=turns.median(0, 2)),
        Row("best, guide", unit, ours, None, "", ">= 2 (AVX-512)", ours >= 2.0),
        Row("best, generic ISA", unit, 1e-9 * plain.points / times[5], note="as built for any x86-64"),
        Row("best, bound", unit, 1e-9 * bound.points / times[3]),
        Row("best, mixed models", unit, 1e-9 * mixed.points / times[4], note="flattered: skips what does not fit"),
    ]


def sink_rows() -> list[Row]:
    baseline = cases.SinkCase.checked()
    found = {name: cases.SinkCase(sink) for name, sink in cases.sinks_2025().items()}
    edges, inv_chips = np.array(inputs.HISTOGRAM_EDGES_2025), found["pareto"].inv_chips()
    theirs: dict[str, Callable[[], object]] = {
        "count": baseline.count,
        "pareto": lambda: baseline.front(inv_chips),
        "histogram": lambda: baseline.histogram(edges),
    }
    turns = Turns(*(case.run for case in found.values()), *theirs.values(), rounds=8, budget=20.0)
    seconds, rows = turns.least(), []
    target = {"count": 5.0, "pareto": 1.0, "histogram": 1.0}
    for i, (name, case) in enumerate(found.items()):
        if name == "best, by bounds":
            share = case.run().proven / case.points
            rows.append(
                Row(name, "ms", 1e3 * seconds[i], note=f"{100 * share:.1f} % of the points proven, not evaluated")
            )
            continue
        rate, j = 1e-9 * case.points / seconds[i], len(found) + list(theirs).index(name) if name in theirs else -1
        row = Row(name, "1e9 points/s", rate, note=_FLOORS.get(name, ""))
        if name in theirs:
            row.baseline, row.against = 1e-9 * case.points / seconds[j], "NumPy, same columns"
            row.target, row.met, row.median = f">= {target[name]:g} (guide)", rate >= target[name], turns.median(i, j)
        rows.append(row)
    return rows


def store_rows() -> list[Row]:
    case = cases.StoreCase()
    numpy = baseline.GridBaseline(case.sweep, *cases.limits(inputs.WHERE_2025))
    case.reused()
    mine = [a.copy() for a in case.out]
    numpy.store(case.points, case.out)
    for name, a, b in zip(case.columns, mine, case.out, strict=True):
        if not np.array_equal(a, b):
            raise AssertionError(f"{name} differs from NumPy")
    del mine
    small = cases.StoreCase(points=inputs.STORE_POINTS_8MB_2025)
    turns = Turns(
        case.reused,
        case.memset_reused,
        case.into_fresh,
        case.memset_fresh,
        lambda: numpy.store(case.points, case.out),
        small.reused,
        small.memset_reused,
    )
    rates = [1e-9 * case.bytes / t for t in turns.least()[:5]]
    rates += [1e-9 * small.bytes / t for t in turns.least()[5:]]
    rows = []
    for name, ours, theirs, one in (
        ("store, reused", 0, 1, case),
        ("store, reused, small", 5, 6, small),
        ("store, fresh arrays", 2, 3, case),
    ):
        met, note = rates[ours] >= 0.6 * rates[theirs], f"5 arrays of {8e-6 * one.points:.1f} MB"
        middle = turns.median(ours, theirs)
        rows.append(Row(name, "1e9 B/s", rates[ours], rates[theirs], "memset", ">= 0.6", met, note, middle))
    columns = "NumPy, same columns, 64x512"
    return [*rows, Row("store, NumPy", "1e9 B/s", rates[0], rates[4], columns, median=turns.median(0, 4))]


def axes_rows() -> list[Row]:
    case, layouts = cases.ExpressionCase(), cases.LayoutsCase()
    turns = Turns(case.built_in, case.derived, case.best_built_in, case.best_derived)
    column, derived, best, best_derived = (1e9 * t / case.points for t in turns.least())
    both = Turns(layouts.of_list, layouts.of_product, budget=4.0)
    listed, product = (1e3 * t for t in both.least())
    note = f"{layouts.listed.size:,} points, {layouts.product.size:,} in the product, {layouts.product.legal:,} legal"
    return [
        Row("expression, stored", "ns a point", derived, column, f"{case.column}; ours: {case.expression}"),
        Row("expression, best", "ns a point", best_derived, best, "joules_per_token where mbu"),
        Row("layouts as a list", "ms", listed, product, "their product", note=note, median=both.median(0, 1)),
    ]


def list_rows() -> list[Row]:
    dense, routed = cases.ListCase(inputs.LIST_DENSE_2025), cases.ListCase(inputs.LIST_ROUTED_2025)
    turns = Turns(dense.run, dense.numpy(), routed.run, rounds=40, budget=6.0)
    ours, theirs, experts = (1e-6 * dense.points / t for t in turns.least())
    unit = "1e6 points/s"
    return [
        Row(
            "point list, dense",
            unit,
            ours,
            theirs,
            "NumPy, gathered rows",
            ">= 30",
            ours >= 30.0,
            "",
            turns.median(0, 1),
        ),
        Row("point list, routed", unit, experts, None, "", ">= 30", experts >= 30.0),
    ]


def scalar_rows() -> list[Row]:
    case = cases.ScalarCase()
    sides = [case.cffi, case.python]
    try:
        sides.append(case.numba())
    except ImportError:
        print("no numba: the compiled loop is left out", file=sys.stderr)
    times = [1e9 * t / case.calls for t in Turns(*sides, rounds=100, budget=4.0).least()]
    first = Row("scalar call, cffi", "ns", times[0], target="< 1000", met=times[0] < 1000.0)
    return [
        first,
        Row("scalar call, Plan.point", "ns", times[1]),
        *(Row("scalar call, Numba", "ns", t) for t in times[2:]),
    ]


def setup_rows() -> list[Row]:
    dense, routed = cases.BindCase(inputs.BIND_DENSE_2025), cases.BindCase(inputs.BIND_ROUTED_2025)
    lower, n = 50, 1 if inputs.QUICK else 7

    def lowering() -> None:
        for _ in range(lower):
            Model.from_hf(inputs.CONFIG_2025, id="config-2025")

    turns = Turns(dense.run, routed.run, lowering, rounds=15, budget=6.0)
    times, rows = turns.least(), []
    for name, case, took in (("bind, dense", dense, times[0]), ("bind, routed", routed, times[1])):
        ns, note = 1e9 * took / case.combinations, f"a combination, {case.combinations:,} of them"
        rows.append(Row(name, "ns", ns, target="< 1000", met=ns < 1000.0, note=note))
    rows.append(Row("lower a config", "us", 1e6 * times[2] / lower))
    whats = ("import tokenroof", "from tokenroof import Sweep", "import numpy")
    whole, sweep, numpy = (min(column) for column in zip(*(map(cases.import_ms, whats) for _ in range(n)), strict=True))
    return [
        *rows,
        Row("import tokenroof", "ms", whole, target="< 100", met=whole < 100.0, note="names load on first use"),
        Row("import Sweep", "ms", sweep, numpy, "import numpy alone", "< 100", sweep < 100.0),
    ]


def memory_row() -> Row:
    found = cases.peak_memory()
    note = f"{found['points']:.3g} points in {found['seconds']:.1f} s on all CPUs"
    return Row("peak memory of best", "MB", found["mb"], target="< 200", met=found["mb"] < 200.0, note=note)


def threads_row() -> Row:
    ratio = ThreadsCase().scaling(2, 1 if inputs.QUICK else 5)
    return Row("best, 2 threads", "x of 1", ratio, target=">= 1.9, quiet", met=ratio >= 1.9, note="wall clock")


def parquet_rows() -> list[Row]:
    """Wall clock: files are written by a thread of their own, and by the system."""
    rows = []
    for compression in ("none", "zstd"):
        case = ParquetCase(compression)
        try:
            alone = case.bare()
        except ImportError:
            print("no pyarrow: files are left out", file=sys.stderr)
            return []
        took = [(seconds(case.to_parquet), seconds(alone)) for _ in range(1 if inputs.QUICK else 5)]
        ours, bare = (1e-6 * case.points / min(column) for column in zip(*took, strict=True))
        met, note = ours >= 0.8 * bare, "5 columns, 7 axes, wall clock"
        rows.append(Row(f"to_parquet, {compression}", "1e6 rows/s", ours, bare, "pyarrow alone", ">= 0.8", met, note))
    return rows


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    facts: dict[str, Any] = {"cpu": platform.processor() or platform.machine(), "mhz": 0.0}
    info = Path("/proc/cpuinfo")
    for line in info.read_text(encoding="utf-8").splitlines() if info.exists() else ():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            facts["cpu"] = value.strip()
        elif name.strip() == "cpu MHz":
            facts["mhz"] = max(facts["mhz"], float(value))
    return facts | {"python": platform.python_version(), "numpy": np.__version__, "system": platform.platform()}


def show(facts: dict[str, Any], rows: list[Row]) -> None:
    print(f"{facts['cpu']}, {facts['isa']}, NumPy {facts['numpy']}, Python {facts['python']}; one thread")
    grid = facts["best_grid"]
    kept = ", ".join(f"{name} {100 * share:.0f} %" for name, share in grid["kept"].items())
    print(f"best: {grid['points']:,} points; limits {'; '.join(grid['where'])} keep: {kept}")
    print("      every point is legal and fits, and no row is cut by its prefill, so that nothing can be skipped")
    head = f"{'quantity':<23}{'ours':>8} {'unit':<13}{'baseline':>9}{'ratio':>7}{'median':>7}"
    print(f"\n{head}  {'target':<15}{'met':<4}notes")
    for r in rows:
        base, ratio, middle = ("" if x is None else f"{x:.3g}" for x in (r.baseline, r.ratio, r.median))
        met = "" if r.met is None else "yes" if r.met else "NO"
        notes = "; ".join(text for text in (r.against, r.note) if text)
        left = f"{r.quantity:<23}{r.ours:>8.4g} {r.unit:<13}{base:>9}{ratio:>7}{middle:>7}"
        print(f"{left}  {r.target:<15}{met:<4}{notes}".rstrip())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--quick", action="store_true", help="small sizes: the numbers mean nothing")
    asked = parser.parse_args()
    facts = machine()
    memory, threads = memory_row(), threads_row()  # before pinning: they use all CPUs
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rows = [
        *best_rows(facts),
        *sink_rows(),
        *store_rows(),
        *axes_rows(),
        *list_rows(),
        *scalar_rows(),
        *setup_rows(),
        *parquet_rows(),
        memory,
        threads,
    ]
    if asked.json:
        print(json.dumps({"machine": facts, "rows": [asdict(r) | {"ratio": r.ratio} for r in rows]}, indent=1))
    else:
        show(facts, rows)


if __name__ == "__main__":
    main()
