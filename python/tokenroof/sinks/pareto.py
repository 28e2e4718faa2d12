"""Fronts: the points of each group that no other point of it dominates."""

from __future__ import annotations

from collections.abc import Iterable

from .._native import FrontState
from ..groups import group_by
from ..plan import Plan, select
from .base import Gathering, objectives

__all__ = ["Pareto"]


class Pareto(Gathering[FrontState]):
    """The front of two to four objectives in each group; arguments as of `Sweep.pareto`."""

    what = "pareto"

    def __init__(
        self,
        *,
        maximize: str | Iterable[str] = (),
        minimize: str | Iterable[str] = (),
        by: str | Iterable[str] = (),
        where: str | Iterable[str] | None = None,
        fits: bool = True,
    ) -> None:
        self.objectives = objectives(maximize, minimize)
        self.by, self.where, self.fits = by, where, fits

    def start(self, plan: Plan) -> FrontState:
        return FrontState(select(self.where, self.fits), group_by(plan.axes, self.by).native, self.objectives)
