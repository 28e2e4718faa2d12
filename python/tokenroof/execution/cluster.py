"""A run on a Dask cluster: ranges as tasks, states merged in a tree, lost workers survived."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import WorkerError
from ..sinks import Sink
from .interrupts import held_back
from .ranges import Ranges, Span
from .tasks import PackedPlan, Piece, gather, visit

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["on_cluster", "slots"]

State = TypeVar("State")

#: Pieces that a worker merges before one state comes back. The caller merges those, a tree of two levels: each deeper
#: one would save the caller little, and have a lost worker lose that much more.
_FAN = 16
_AHEAD = 2  # tasks in flight for each thread of a worker, so that none waits for the next
_LOOK_S = 1.0  # between two looks at who is there: workers come and go


def slots(client: Client) -> int:
    """Tasks that the cluster's workers run at once."""
    return max(sum(int(n) for n in client.nthreads().values()), 1)


def on_cluster(
    client: Client,
    packed: PackedPlan,
    sink: Sink[State],
    ranges: Ranges,
    total: State,
    progress: Callable[[int], None],
) -> None:
    """Let ``total`` gather every range. What a worker had not handed over when it was lost, others do again."""
    from distributed import KilledWorker

    run = _Run(client, packed, sink, ranges, total)
    try:
        while run.step():
            progress(ranges.done.points)
    except KilledWorker as error:
        raise WorkerError(f"the cluster lost worker after worker over the same points: {error}") from error
    except (CancelledError, OSError) as error:  # the scheduler has gone
        raise WorkerError(f"the cluster gave the run up: {error or type(error).__name__}") from error
    finally:
        client.cancel(list(run.running), force=True)


class _Run:
    """Tasks in flight, and what they are for."""

    def __init__(self, client: Client, packed: PackedPlan, sink: Sink[Any], ranges: Ranges, total: Any) -> None:
        from distributed import as_completed

        self.client, self.sink, self.ranges, self.total = client, sink, ranges, total
        self.packed = packed  # in each task: a few KB, and no worker depends on another one that may be lost
        self.running: dict[Future, tuple[bool, list[Span]]] = {}  # whether it brings a state home, and its points
        self.held: list[tuple[Future, Span]] = []  # visited, not merged yet
        self.ended = as_completed()
        self.visiting = 0
        self.fan = 1  # of the next merge; small at first, as merges also tell how fast workers are
        self.most, self.looked = 0, -_LOOK_S

    def step(self) -> bool:
        """Hand out what is due and wait for one task to end; False when there is none left."""
        if monotonic() - self.looked > _LOOK_S:
            self.most, self.looked = _AHEAD * slots(self.client), monotonic()
        while self.visiting < self.most and (span := self.ranges.take()) is not None:
            self._submit(visit, span, self.sink.shared, [span])
            self.visiting += 1
        if self.held and (len(self.held) >= self.fan or self.visiting == 0):
            futures, spans = [future for future, _ in self.held], [span for _, span in self.held]
            self._submit(gather, (futures,), True, spans)
            self.held, self.fan = [], min(2 * self.fan, _FAN)
        if not self.running:
            return False
        self._take_in(next(self.ended))
        return True

    def _submit(self, task: Callable[..., Piece[Any]], what: tuple[Any, ...], home: bool, spans: list[Span]) -> None:
        future = self.client.submit(task, self.packed, self.sink, *what, pure=False)
        self.running[future] = home, spans
        self.ended.add(future)

    def _take_in(self, future: Future) -> None:
        home, spans = self.running.pop(future)
        if future.status != "finished":
            future.result()  # raises
        if not home:
            self.visiting -= 1
            self.held.append((future, spans[0]))
            return
        self.visiting -= self.sink.shared
        piece = future.result()
        with held_back():
            self.sink.merge(self.total, piece.state)
            for span in spans:
                self.ranges.finish(span)
        self.ranges.learn(piece.points // len(spans), piece.seconds / len(spans))
