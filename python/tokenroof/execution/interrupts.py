"""Ctrl-C, held back for the moment in which a state and what is said of it must change together."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread

__all__ = ["held_back"]


@contextmanager
def held_back() -> Iterator[None]:
    """Ctrl-C waits until the end of the context; for what takes milliseconds."""
    if current_thread() is not main_thread():  # other threads are never interrupted
        yield
        return
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if heard:
            signal.raise_signal(signal.SIGINT)
