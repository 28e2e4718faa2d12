"""The protocol of sinks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Generic, TypeVar

from .._native import State as NativeState
from ..derived import check_columns
from ..errors import SpecError
from ..plan import Plan

__all__ = ["Gathering", "Sink", "Stopped", "objectives"]

State = TypeVar("State")
Gathered = TypeVar("Gathered", bound=NativeState)


class Stopped(Exception):
    """A visit was told to end early: its range does not count."""


class Sink(ABC, Generic[State]):
    """A rule by which points are gathered, apart from what was gathered: the state.

    Sinks hold names and numbers alone, so that they travel to other processes. States belong to a plan; they travel
    too, to be merged into a state of the same plan there.
    """

    #: In one word, for the progress bar.
    what: str
    #: Whether ranges write to places of their own, so that one state serves all threads.
    shared = False

    @abstractmethod
    def start(self, plan: Plan) -> State:
        """An empty state."""

    def piece(self, plan: Plan, begin: int, end: int) -> State:
        """An empty state for the points [begin, end) alone, as a worker elsewhere fills it."""
        return self.start(plan)

    @abstractmethod
    def visit(self, plan: Plan, begin: int, end: int, state: State) -> None:
        """Gather the points [begin, end) into the state; the core drops the GIL."""

    @abstractmethod
    def merge(self, into: State, other: State) -> None:
        """Take over what another state of the same plan and sink gathered, in any order."""

    def stop(self, state: State) -> None:  # noqa: B027
        """The run is broken off: visits of this state that last longer than a second raise `Stopped`."""

    def miss(self, state: State, spans: Iterable[tuple[int, int]]) -> None:  # noqa: B027
        """The run was broken off, and these points were not visited."""


class Gathering(Sink[Gathered]):
    """A sink whose states belong to the core."""

    def visit(self, plan: Plan, begin: int, end: int, state: Gathered) -> None:
        state.visit(plan.native_with(state.asked), begin, end)

    def merge(self, into: Gathered, other: Gathered) -> None:
        into.merge(other)


def objectives(
    maximize: str | Iterable[str] = (), minimize: str | Iterable[str] = (), most: int = 4
) -> list[tuple[str, bool]]:
    """What is looked for, as (column, whether more is better), in the order given; at least two.

    Raises
    ------
    SpecError, UnknownNameError
        For an unknown column, one named twice, or too few or too many of them.
    """
    named = [(name, True) for name in check_columns(maximize)] if maximize else []
    named += [(name, False) for name in check_columns(minimize)] if minimize else []
    names = [name for name, _ in named]
    if not 2 <= len(named) <= most or len(set(names)) < len(names):
        raise SpecError("objectives", names, f"2 to {most} different columns in maximize and minimize together")
    return named
