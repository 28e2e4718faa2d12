"""What travels to workers and back: plans, visits of a range, and merging on the way."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from threading import Lock
from time import perf_counter
from typing import Generic, TypeVar

from .. import __version__
from ..errors import WorkerError
from ..plan import Plan
from ..sinks import Sink

__all__ = ["PackedPlan", "Piece", "gather", "visit"]

State = TypeVar("State")


@dataclass(frozen=True)
class PackedPlan:
    """A plan as it travels: what it is made from. Each process that gets it makes the plan once."""

    content: bytes = field(compare=False, repr=False)
    fingerprint: str
    version: str

    @classmethod
    def of(cls, plan: Plan) -> PackedPlan:
        content = zlib.compress(pickle.dumps(plan, protocol=5))  # to a tenth: it goes out with each task
        return cls(content, sha256(content).hexdigest(), __version__)

    def plan(self) -> Plan:
        """The plan, made on the first call in this process."""
        with _LOCK:
            return _plan(self)


_LOCK = Lock()


@lru_cache(maxsize=4)
def _plan(packed: PackedPlan) -> Plan:
    if packed.version != __version__:
        raise WorkerError(f"a worker has tokenroof {__version__}, and this sweep is of {packed.version}: install one")
    plan: Plan = pickle.loads(zlib.decompress(packed.content))
    return plan


@dataclass
class Piece(Generic[State]):
    """What was gathered over some points, and how long one worker took."""

    state: State
    points: int
    seconds: float


def visit(packed: PackedPlan, sink: Sink[State], begin: int, end: int) -> Piece[State]:
    """A worker's task: the points [begin, end)."""
    plan = packed.plan()
    began = perf_counter()
    state = sink.piece(plan, begin, end)
    sink.visit(plan, begin, end, state)
    return Piece(state, end - begin, perf_counter() - began)


def gather(packed: PackedPlan, sink: Sink[State], pieces: Sequence[Piece[State]]) -> Piece[State]:
    """A worker's task: several pieces as one."""
    state = sink.start(packed.plan())
    for piece in pieces:
        sink.merge(state, piece.state)
    return Piece(state, sum(piece.points for piece in pieces), sum(piece.seconds for piece in pieces))
