"""A run on threads of this process: the core drops the GIL."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from time import perf_counter
from typing import TypeVar

from ..errors import SpecError
from ..plan import Plan
from ..sinks import Sink, Stopped
from .interrupts import held_back
from .ranges import Pace, Ranges

__all__ = ["check_threads", "on_threads", "thread_pace"]

State = TypeVar("State")

#: A range should take a tenth of a second, so that Ctrl-C is heard; a short one costs some 50 us of Python.
_RANGE_S = 0.1
_LEAST_CHUNK, _MOST_CHUNK = 1 << 18, 1 << 26  # points
_TICK_S = 0.1  # between two looks at the progress


def check_threads(threads: int | None) -> int:
    """A number of threads: all CPUs of this process where none is given."""
    count = _cpus() if threads is None else threads
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise SpecError("threads", threads, "a whole number from 1")
    return count


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_pace(threads: int) -> Pace:
    """How long ranges are, for so many threads."""
    return Pace(_RANGE_S, _LEAST_CHUNK, _MOST_CHUNK, threads)


def on_threads(
    plan: Plan, sink: Sink[State], ranges: Ranges, total: State, threads: int, progress: Callable[[int], None]
) -> None:
    """Let ``total`` gather every range; when the run is broken off, those that were visited by then.

    Each thread has a state of its own, and takes the next range when it is through with one. The calling thread only
    waits, so that it hears Ctrl-C at once; visits then end by themselves, or because the sink is told to end them.
    """

    def work(state: State) -> State:
        while (span := ranges.take()) is not None:
            began = perf_counter()
            try:
                sink.visit(plan, *span, state)
            except Stopped:
                break
            ranges.learn(span[1] - span[0], perf_counter() - began)
            ranges.finish(span)
        return state

    if ranges.size <= _LEAST_CHUNK:  # less work than to start a thread
        work(total)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="tokenroof") as pool:
        futures: list[Future[State]] = []
        try:
            with held_back():
                futures += [pool.submit(work, total if sink.shared else sink.start(plan)) for _ in range(threads)]
            waiting = set(futures)
            while waiting:
                done, waiting = wait(waiting, timeout=_TICK_S, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                progress(ranges.done.points)
        except BaseException:
            ranges.stop()
            sink.stop(total)
            raise
        finally:
            with held_back():
                for future in futures:
                    if future.exception() is None and not sink.shared:
                        sink.merge(total, future.result())
