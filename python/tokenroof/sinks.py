"""What a run does with points. Each sink is exact, and mergeable: any partition of the points gives the same answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Generic, TypeVar

import numpy as np

from ._native import F64, BestState
from .derived import check_columns
from .plan import Plan

__all__ = ["Best", "Sink", "Store"]

State = TypeVar("State")


class Sink(ABC, Generic[State]):
    """A rule by which points are gathered, apart from what was gathered: the state.

    Sinks hold names and numbers alone, so that they travel to other processes; states belong to a plan.
    """

    #: In one word, for the progress bar.
    what: str
    #: Whether ranges write to places of their own, so that one state serves all threads.
    shared = False

    @abstractmethod
    def start(self, plan: Plan) -> State:
        """An empty state."""

    @abstractmethod
    def visit(self, plan: Plan, begin: int, end: int, state: State) -> None:
        """Gather the points [begin, end) into the state; the core drops the GIL."""

    @abstractmethod
    def merge(self, into: State, other: State) -> None:
        """Take over what another state of the same plan and sink gathered, in any order."""


class Store(Sink[dict[str, F64]]):
    """Columns of every point, kept."""

    what = "store"
    shared = True

    def __init__(self, columns: str | Iterable[str]) -> None:
        self.columns = check_columns(columns)

    def start(self, plan: Plan) -> dict[str, F64]:
        return {name: np.empty(plan.size) for name in self.columns}

    def visit(self, plan: Plan, begin: int, end: int, state: dict[str, F64]) -> None:
        plan.store(begin, end, self.columns, [state[name][begin:end] for name in self.columns])

    def merge(self, into: dict[str, F64], other: dict[str, F64]) -> None:
        raise NotImplementedError("one state serves every range")


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
