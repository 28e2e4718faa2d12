"""How many points count, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterable

from .._native import CountState
from ..groups import group_by
from ..plan import Plan, select
from .base import Gathering

__all__ = ["Count"]


class Count(Gathering[CountState]):
    """Points by status and group; arguments as of `Sweep.count`."""

    what = "count"

    def __init__(
        self, *, by: str | Iterable[str] = (), where: str | Iterable[str] | None = None, fits: bool = True
    ) -> None:
        self.by, self.where, self.fits = by, where, fits

    def start(self, plan: Plan) -> CountState:
        return CountState(select(self.where, self.fits), group_by(plan.axes, self.by).native)
