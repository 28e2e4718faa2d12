"""A run on the workers of an executor: any of `concurrent.futures`, or a Dask client."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from typing import Any, TypeVar

from ..errors import SpecError, WorkerError
from ..plan import Plan
from ..sinks import Sink
from .cluster import on_cluster, slots
from .interrupts import held_back
from .ranges import Pace, Ranges, Span
from .tasks import PackedPlan, Piece, visit

__all__ = ["kind_of", "on_executor", "worker_pace"]

State = TypeVar("State")

#: A task should take two seconds: a thousand times what it costs to send one, and not much to do again.
_TASK_S = 2.0
_LEAST_TASK, _MOST_TASK = 1 << 22, 1 << 34  # points
_AHEAD = 2  # tasks in flight for each worker, so that none waits for the next


def kind_of(executor: Any) -> str:
    """``"pool"`` or ``"cluster"``.

    Raises
    ------
    SpecError
        For what is neither.
    """
    distributed = sys.modules.get("distributed")  # whoever has a client has imported it
    if distributed is not None and isinstance(executor, distributed.Client):
        if executor.asynchronous:
            raise SpecError("executor", executor, "a client with asynchronous=False")
        return "cluster"
    if isinstance(executor, Executor):
        return "pool"
    raise SpecError("executor", executor, "a concurrent.futures.Executor or a distributed.Client")


def _workers(executor: Any) -> int:
    """How many tasks run at once, as far as one can know."""
    if kind_of(executor) == "cluster":
        return slots(executor)
    return max(getattr(executor, "_max_workers", 1), 1)  # of both pools of the standard library


def worker_pace(executor: Any) -> Pace:
    """How long ranges are for an executor."""
    return Pace(_TASK_S, _LEAST_TASK, _MOST_TASK, _workers(executor))


def on_executor(
    executor: Any, plan: Plan, sink: Sink[State], ranges: Ranges, total: State, progress: Callable[[int], None]
) -> None:
    """Let ``total`` gather every range, visited by workers. Tasks that run when it is broken off end by themselves."""
    run = on_cluster if kind_of(executor) == "cluster" else _on_pool
    run(executor, PackedPlan.of(plan), sink, ranges, total, progress)


def _on_pool(
    pool: Executor,
    packed: PackedPlan,
    sink: Sink[State],
    ranges: Ranges,
    total: State,
    progress: Callable[[int], None],
) -> None:
    """Every result of a pool comes back to the caller, so that it is merged here, as it comes."""
    most = _AHEAD * _workers(pool)
    running: dict[Future[Piece[State]], Span] = {}
    try:
        while True:
            while len(running) < most and (span := ranges.take()) is not None:
                running[pool.submit(visit, packed, sink, span[0], span[1])] = span
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                piece, span = future.result(), running.pop(future)
                with held_back():
                    sink.merge(total, piece.state)
                    ranges.finish(span)
                ranges.learn(piece.points, piece.seconds)
            progress(ranges.done.points)
    except BrokenExecutor as error:
        raise WorkerError(
            f"a worker of the pool was killed, perhaps for want of memory, after {ranges.done.points:,} of "
            f"{ranges.size:,} points: make a new pool and call again ({error})"
        ) from error
    finally:
        for future in running:
            future.cancel()
