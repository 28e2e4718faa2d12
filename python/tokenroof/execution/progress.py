"""How far a run is: a bar on stderr, with the rate and the time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress_bar"]

_SHOW_AFTER_S = 2.0  # runs shorter than this stay silent


@contextmanager
def progress_bar(size: int, wanted: bool | None, what: str) -> Iterator[Callable[[int], None]]:
    """A function to call with the number of points done so far; it shows a bar once a run has taken a while.

    Silent when stderr is not a terminal, unless ``wanted``.
    """
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
    began, shown = monotonic(), False

    def show(done: int) -> None:
        nonlocal shown
        elapsed = monotonic() - began
        if not shown and (wanted or elapsed > _SHOW_AFTER_S):
            bar.start()
            shown = True
        if shown:
            bar.update(task, completed=done, rate=_rate(done / max(elapsed, 1e-9)))

    try:
        yield show
    finally:
        if shown:
            bar.stop()


def _rate(points_per_s: float) -> str:
    """A rate in the unit that suits it: files are written a thousand times slower than winners are found.

    >>> _rate(4.2e9), _rate(8.1e6)
    ('4.20 G points/s', '8.10 M points/s')
    """
    return f"{points_per_s / 1e9:.2f} G points/s" if points_per_s >= 1e8 else f"{points_per_s / 1e6:.2f} M points/s"
