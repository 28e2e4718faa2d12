"""What the methods of a sweep do: run a sink, and make a table of what it has gathered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._native import STATUSES, U64, BestState, CountState
from .binned import Binned
from .derived import check_columns
from .errors import Interrupted, SpecError
from .execution import execute, finished
from .groups import group_by
from .plan import Plan
from .result import Table
from .sinks import Best, Count, Histogram, Pareto, Ranks, Reduce, quantiles
from .sinks.quantiles import QUANTILE_METHODS, check_shares

if TYPE_CHECKING:
    from .sweep import Sweep

__all__ = ["best_table", "count_table", "histogram_table", "pareto_table", "quantile_table", "reduced"]

#: Columns that are reported of each winner besides the objectives.
WINNER_COLUMNS = (
    "tpot_s",
    "ttft_s",
    "tokens_per_s_per_user",
    "tokens_per_s_per_chip",
    "usd_per_mtok",
    "joules_per_token",
    "chips",
    "mem_bytes_per_chip",
    "bottleneck",
)

Names = str | Iterable[str]
Limits = str | Iterable[str] | None


def best_table(
    sweep: Sweep, objective: str, by: Names, where: Limits, k: int, columns: Iterable[str] | None, how: dict[str, Any],
    **rule: Any,
) -> Table:  # fmt: skip
    report = _report([objective], columns)
    plan = _plan(sweep, how)
    sink = Best(objective, by=_names(by), where=_names(where), k=k, **rule)

    def table(state: BestState) -> Table:
        found = state.point != np.uint64(2**64 - 1)
        rank = np.tile(np.arange(1, k + 1), state.groups.n)[found]
        evaluated = state.visited - state.proven
        facts = {"method": sink.method, "points_evaluated": evaluated, "points_proven": state.proven}
        return _points(sweep, plan, {"rank": rank.tolist()}, state.point[found], report, facts)

    return finished(plan, sink, table, **how)


def pareto_table(sweep: Sweep, columns: Iterable[str] | None, how: dict[str, Any], where: Limits, **rule: Any) -> Table:
    sink = Pareto(where=_names(where), **rule)
    report = _report([name for name, _ in sink.objectives], columns)
    plan = _plan(sweep, how)
    return finished(plan, sink, lambda state: _points(sweep, plan, {}, state.read()[1], report, {}), **how)


def histogram_table(
    sweep: Sweep, columns: str | Sequence[str], edges: Any, how: dict[str, Any], by: Names, where: Limits, fits: bool
) -> Binned:
    by = _names(by)
    sink = Histogram(columns, edges, by=by, where=_names(where), fits=fits)
    grouping = group_by(sweep.axes, by)
    return finished(_plan(sweep, how), sink, lambda state: Binned(state, grouping, sweep.settings), **how)


def quantile_table(
    sweep: Sweep,
    column: str,
    q: float | Sequence[float] | npt.ArrayLike,
    method: str,
    how: dict[str, Any],
    by: Names,
    where: Limits,
    fits: bool,
) -> Table:
    if method not in QUANTILE_METHODS:
        raise SpecError("method", method, f"one of {', '.join(QUANTILE_METHODS)}")
    shares, plan, grouping = check_shares(q), _plan(sweep, how), group_by(sweep.axes, by)
    which = {"by": grouping.names, "where": _names(where), "fits": fits}

    def run(sink: Ranks) -> Any:
        try:
            return execute(plan, sink, **how)
        except Interrupted as stop:
            stop.partial = None  # a quantile of some points says nothing of all
            raise

    n, values = quantiles(run, grouping.native.n, column, shares, method, **which)
    names = {name: np.repeat(np.array(v, dtype=object), len(shares)).tolist() for name, v in grouping.values().items()}
    rows = {"points": np.repeat(n, len(shares)), "q": np.tile(shares, len(n)), column: values.ravel()}
    return Table({**names, **rows}, sweep.axes, sweep.settings)


def count_table(sweep: Sweep, how: dict[str, Any], by: Names, where: Limits, fits: bool) -> Table:
    grouping = group_by(sweep.axes, by)
    sink = Count(by=grouping.names, where=_names(where), fits=fits)

    def table(state: CountState) -> Table:
        points = state.status.sum(axis=1)
        statuses = {name: state.status[:, code] for name, code in STATUSES.items()}
        share = np.divide(state.within, points, out=np.full(len(points), np.nan), where=points > 0)
        counted = {"points": points, "within": state.within, "share": share}
        return Table({**grouping.values(), **counted, **statuses}, sweep.axes, sweep.settings)

    return finished(_plan(sweep, how), sink, table, **how)


def reduced(
    sweep: Sweep,
    columns: Names,
    function: object,
    state: npt.NDArray[Any],
    merge: Callable[[Any, Any], object],
    how: dict[str, Any],
    by: Names,
    where: Limits,
    fits: bool,
) -> npt.NDArray[Any]:
    limited = _names(where)
    sink = Reduce(columns, function, state=state, merge=merge, by=_names(by), where=limited, fits=fits)
    return finished(_plan(sweep, how), sink, lambda state: state.data, **how)


def _names(given: Any) -> Any:
    """Names or limits that can be read more than once: an iterator would be empty the second time."""
    return list(given) if isinstance(given, Iterable) and not isinstance(given, str) else given


def _plan(sweep: Sweep, how: dict[str, Any]) -> Plan:
    """The plan for the instruction set asked for; the rest of `how` is for `execute`."""
    return sweep.plan(how.pop("isa", "auto"))


def _report(objectives: list[str], columns: Iterable[str] | None) -> list[str]:
    extra = check_columns(columns) if columns else WINNER_COLUMNS
    return check_columns([*objectives, *(name for name in extra if name not in objectives)])


def _points(
    sweep: Sweep, plan: Plan, first: dict[str, list[Any]], points: U64, report: list[str], facts: dict[str, Any]
) -> Table:
    """Rows for points by number: their places on the axes that the sweep names, then columns."""
    found = plan.coordinates(points)
    places = {name: found[name] for name in sweep.axes.named}
    columns = {name: values for name, values in plan.gather(points, report).items() if name not in places}
    return Table({**first, **places, **columns}, sweep.axes, {**sweep.settings, **facts})
