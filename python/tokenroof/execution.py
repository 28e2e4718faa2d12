"""Runs a sink over a plan: ranges, threads, progress. Any split of the points gives the same answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

from .errors import SpecError
from .plan import Plan
from .sinks import Sink

__all__ = ["execute"]

_SHOW_PROGRESS_S = 2.0  # runs shorter than this stay silent
_LEAST_CHUNK, _MOST_CHUNK = 1 << 18, 1 << 28  # points: a fraction of a millisecond to a fraction of a second

State = TypeVar("State")


def execute(plan: Plan, sink: Sink[State], *, threads: int | None = None, progress: bool | None = None) -> State:
    """Lets a sink see every point of a plan.

    Parameters
    ----------
    plan : Plan
    sink : Sink
    threads : int, optional
        All CPUs of this process by default. Any number gives the same bits.
    progress : bool, optional
        A progress bar on stderr; by default for long runs on a terminal.

    Returns
    -------
    State
        What the sink has gathered over all points.
    """
    total = sink.start(plan)
    if not sink.shared:
        states: list[State] = []

        def work(begin: int, end: int) -> None:
            state = states.pop() if states else sink.start(plan)  # list.pop is atomic: each state has one user
            sink.visit(plan, begin, end, state)
            states.append(state)

        _over_ranges(plan.size, work, threads, progress, sink.what)
        for state in states:
            sink.merge(total, state)
    else:
        _over_ranges(plan.size, lambda begin, end: sink.visit(plan, begin, end, total), threads, progress, sink.what)
    return total


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _over_ranges(
    size: int, work: Callable[[int, int], None], threads: int | None, progress: bool | None, what: str
) -> None:
    """Calls work(begin, end) over ranges that cover [0, size), from a pool of threads (the core drops the GIL)."""
    count = _cpus() if threads is None else threads
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise SpecError("threads", threads, "a whole number from 1")
    chunk = min(max(size // (count * 16), _LEAST_CHUNK), _MOST_CHUNK)
    ranges = ((begin, min(begin + chunk, size)) for begin in range(0, size, chunk))
    with _progress(size, progress, what) as advance:
        if count == 1 or size <= chunk:
            for begin, end in ranges:
                work(begin, end)
                advance(end - begin)
            return
        with ThreadPoolExecutor(count, thread_name_prefix="tokenroof") as pool:
            pending = {pool.submit(work, b, e): e - b for b, e in _take(ranges, 2 * count)}
            try:
                while pending:
                    done, _ = wait(pending, return_when=FIRST_COMPLETED)
                    for future in done:
                        future.result()
                        advance(pending.pop(future))
                        pending |= {pool.submit(work, b, e): e - b for b, e in _take(ranges, 1)}
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise


def _take(ranges: Iterator[tuple[int, int]], n: int) -> list[tuple[int, int]]:
    return [r for _, r in zip(range(n), ranges, strict=False)]


@contextmanager
def _progress(size: int, wanted: bool | None, what: str) -> Iterator[Callable[[int], None]]:
    """A rich progress bar on stderr, shown once a run has taken a while; silent when stderr is not a terminal."""
    import sys
    from time import monotonic

    if wanted is False or (wanted is None and not sys.stderr.isatty()):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task(what, total=size, rate="")
    began, done, shown = monotonic(), 0, False

    def advance(points: int) -> None:
        nonlocal done, shown
        done += points
        elapsed = monotonic() - began
        if not shown and (wanted or elapsed > _SHOW_PROGRESS_S):
            bar.start()
            shown = True
        if shown:
            bar.update(task, completed=done, rate=f"{done / max(elapsed, 1e-9) / 1e9:.2f} G points/s")

    try:
        yield advance
    finally:
        if shown:
            bar.stop()
