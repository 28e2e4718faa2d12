"""What a run does with points. Each sink is exact, and mergeable: any partition of the points gives the same answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from ._native import F64, BestState
from .derived import check_columns
from .plan import Plan

__all__ = ["Best", "Sink", "Stopped", "Store", "Stored"]

State = TypeVar("State")


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


@dataclass
class Stored:
    """Columns of the points from ``begin`` on."""

    begin: int
    columns: dict[str, F64]


class Store(Sink[Stored]):
    """Columns of every point, kept."""

    what = "store"
    shared = True

    def __init__(self, columns: str | Iterable[str]) -> None:
        self.columns = check_columns(columns)

    def start(self, plan: Plan) -> Stored:
        return self.piece(plan, 0, plan.size)

    def piece(self, plan: Plan, begin: int, end: int) -> Stored:
        return Stored(begin, {name: np.empty(end - begin) for name in self.columns})

    def visit(self, plan: Plan, begin: int, end: int, state: Stored) -> None:
        place = slice(begin - state.begin, end - state.begin)
        plan.store(begin, end, self.columns, [state.columns[name][place] for name in self.columns])

    def merge(self, into: Stored, other: Stored) -> None:
        """Copy a piece to its place; ``into`` must reach around it."""
        for name, values in other.columns.items():
            first = other.begin - into.begin
            into.columns[name][first : first + len(values)] = values

    def miss(self, state: Stored, spans: Iterable[tuple[int, int]]) -> None:
        for begin, end in spans:
            for values in state.columns.values():
                values[begin - state.begin : end - state.begin] = np.nan


class Best(Sink[BestState]):
    """The k best points of each group; arguments as of `Sweep.best`."""

    what = "best"

    def __init__(
        self,
        objective: str,
        *,
        by: Iterable[str] = (),
        where: str | Iterable[str] | None = None,
        k: int = 1,
        maximize: bool | None = None,
        fits: bool = True,
    ) -> None:
        self.objective, self.by, self.where = objective, by, where
        self.k, self.maximize, self.fits = k, maximize, fits

    def start(self, plan: Plan) -> BestState:
        return plan.new_best(
            self.objective, by=self.by, where=self.where, k=self.k, maximize=self.maximize, fits=self.fits
        )

    def visit(self, plan: Plan, begin: int, end: int, state: BestState) -> None:
        plan.best(begin, end, state)

    def merge(self, into: BestState, other: BestState) -> None:
        into.merge(other)
