"""Runs a sink over a plan: ranges on threads, or on the workers of an executor. Any split gives the same answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ..errors import Interrupted, SpecError
from ..plan import Plan
from ..sinks import Sink
from .executors import kind_of, on_executor, worker_pace
from .progress import progress_bar
from .ranges import Ranges, Span, Spans
from .threads import check_threads, on_threads, thread_pace

__all__ = ["Span", "Spans", "check_run", "execute", "finished"]

State = TypeVar("State")
Answer = TypeVar("Answer")


def check_run(threads: int | None, executor: Any) -> None:
    """Refuse what `execute` would refuse, before any work is done."""
    if executor is not None:
        kind_of(executor)
        if threads is not None:
            raise SpecError("threads", threads, "either threads of this process or an executor")
    check_threads(threads)


def execute(
    plan: Plan,
    sink: Sink[State],
    *,
    threads: int | None = None,
    progress: bool | None = None,
    executor: Any = None,
    spans: Iterable[Span] | None = None,
) -> State:
    """Lets a sink see every point of a plan.

    Parameters
    ----------
    plan : Plan
    sink : Sink
    threads : int, optional
        All CPUs of this process by default. Any number gives the same bits.
    progress : bool, optional
        A progress bar on stderr; by default for long runs on a terminal.
    executor : concurrent.futures.Executor or distributed.Client, optional
        Who visits ranges instead of threads of this process. Any one gives the same bits.
    spans : iterable of (begin, end), optional
        Visit these alone, each in one piece; by default all points, cut as suits the run.

    Returns
    -------
    State
        What the sink has gathered over all points.

    Raises
    ------
    Interrupted
        On Ctrl-C, within a second; carries what was gathered by then, and over which points.
    WorkerError
        When workers of the executor were lost, and it has no others.
    """
    check_run(threads, executor)
    total = sink.start(plan)
    if executor is None:
        count = check_threads(threads)
        ranges = Ranges([(0, plan.size)], thread_pace(count)) if spans is None else Ranges(spans)
    else:
        ranges = Ranges([(0, plan.size)], worker_pace(executor)) if spans is None else Ranges(spans)
    try:
        with progress_bar(ranges.size, progress, sink.what) as show:
            if executor is None:
                on_threads(plan, sink, ranges, total, count, show)
            else:
                on_executor(executor, plan, sink, ranges, total, show)
    except KeyboardInterrupt:
        sink.miss(total, ranges.done.missing((0, plan.size)))
        raise Interrupted(total, list(ranges.done), ranges.size) from None
    return total


def finished(plan: Plan, sink: Sink[State], finish: Callable[[State], Answer], **how: Any) -> Answer:
    """What ``finish`` makes of the state that `execute` returns; when interrupted, of what was gathered by then."""
    try:
        state = execute(plan, sink, **how)
    except Interrupted as stop:
        stop.partial = finish(stop.partial)
        raise
    return finish(state)
