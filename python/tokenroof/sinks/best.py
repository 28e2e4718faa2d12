"""The k best points of each group."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._native import BestState
from ..errors import SpecError
from ..plan import Plan
from .base import Gathering

__all__ = ["BEST_METHODS", "Best"]

#: Evaluate every point, or leave out blocks of the grid that a bound proves unable to win.
BEST_METHODS = ("every", "bound")


class Best(Gathering[BestState]):
    """The k best points of each group; arguments as of `Sweep.best`."""

    what = "best"

    def __init__(
        self,
        objective: str,
        *,
        by: str | Iterable[str] = (),
        where: str | Iterable[str] | None = None,
        k: int = 1,
        maximize: bool | None = None,
        fits: bool = True,
        method: str = "every",
    ) -> None:
        if method not in BEST_METHODS:
            raise SpecError("method", method, f"one of {', '.join(BEST_METHODS)}")
        self.method = method
        self.objective, self.by, self.where = objective, by, where
        self.k, self.maximize, self.fits = k, maximize, fits

    def start(self, plan: Plan) -> BestState:
        rule: dict[str, Any] = {
            "by": self.by,
            "where": self.where,
            "k": self.k,
            "maximize": self.maximize,
            "fits": self.fits,
        }
        state = plan.new_best(self.objective, **rule)
        state.by_bound = self.method == "bound"
        return state
