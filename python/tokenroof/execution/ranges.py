"""Ranges of points: how a run is cut into them, and which of them are done."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator
from threading import Lock

__all__ = ["Pace", "Ranges", "Span", "Spans"]

#: Points [begin, end) by number.
Span = tuple[int, int]


class Spans:
    """A set of points, as disjoint spans in ascending order; spans that touch are one.

    >>> done = Spans([(0, 10), (20, 30)])
    >>> done.add((10, 15))
    >>> list(done), done.points, done.missing((0, 40))
    ([(0, 15), (20, 30)], 25, [(15, 20), (30, 40)])
    """

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._spans: list[Span] = []
        self.points = 0
        for span in spans:
            self.add(span)

    def add(self, span: Span) -> None:
        """Take the points of a span in; those that are there already stay once."""
        begin, end = span
        if begin >= end:
            return
        first = bisect_left(self._spans, begin, key=lambda s: s[1])  # the first that reaches as far as this begins
        last = first
        while last < len(self._spans) and self._spans[last][0] <= end:
            begin, end = min(begin, self._spans[last][0]), max(end, self._spans[last][1])
            self.points -= self._spans[last][1] - self._spans[last][0]
            last += 1
        self._spans[first:last] = [(begin, end)]
        self.points += end - begin

    def missing(self, within: Span) -> list[Span]:
        """The spans of ``within`` that are not in the set."""
        at, gaps = within[0], []
        for begin, end in self._spans:
            if begin >= within[1]:
                break
            if begin > at:
                gaps.append((at, begin))
            at = max(at, end)
        if at < within[1]:
            gaps.append((at, within[1]))
        return gaps

    def __iter__(self) -> Iterator[Span]:
        return iter(list(self._spans))


class Pace:
    """How long ranges should be so that each takes about ``seconds``: learned from those that were run.

    A range is what a run waits for when it is interrupted, and loses when a worker dies; each costs a little to hand
    out. So it should take a small, steady time; how many points that is depends on the sink and the machine.
    """

    def __init__(self, seconds: float, least: int, most: int, workers: int) -> None:
        self.seconds, self.least, self.most, self.workers = seconds, least, most, workers
        self.points = least

    def length(self, left: int) -> int:
        """Points of the next range where ``left`` remain: fewer near the end, so that all workers end together."""
        return max(min(self.points, left // (2 * self.workers)), self.least)

    def learn(self, points: int, seconds: float) -> None:
        """A range of so many points took so long; short ones, from the end of a span, say little."""
        if 2 * points >= self.points:
            factor = self.seconds / max(seconds, self.seconds / _STEP)
            self.points = int(min(max(points * max(factor, 1.0 / _STEP), self.least), self.most))


_STEP = 16.0  # a range is at most so many times longer or shorter than the last one


class Ranges:
    """Hands out ranges of spans and remembers those that are done; for any number of threads.

    Parameters
    ----------
    spans : iterable of (begin, end)
    pace : Pace, optional
        Cuts spans into ranges; without it each span is one range.
    """

    def __init__(self, spans: Iterable[Span], pace: Pace | None = None) -> None:
        self._waiting = deque(span for span in spans if span[0] < span[1])
        self._pace = pace
        self._lock = Lock()
        self.size = self._left = sum(end - begin for begin, end in self._waiting)
        self.done = Spans()

    def take(self) -> Span | None:
        """The next range; None when there is none left."""
        with self._lock:
            if not self._waiting:
                return None
            begin, end = self._waiting.popleft()
            if self._pace is not None:
                cut = min(begin + self._pace.length(self._left), end)
                if cut < end:
                    self._waiting.appendleft((cut, end))
                end = cut
            self._left -= end - begin
            return begin, end

    def finish(self, span: Span) -> None:
        """A range is done."""
        with self._lock:
            self.done.add(span)

    def learn(self, points: int, seconds: float) -> None:
        """So many points took one worker so long."""
        if self._pace is not None:
            with self._lock:
                self._pace.learn(points, seconds)

    def stop(self) -> None:
        """Hand out no more."""
        with self._lock:
            self._waiting.clear()
