"""Groups: the points of a sweep by the values of some of its axes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._native import AXES, Groups
from .axes import Axes
from .axes.fields import ALIASES
from .errors import SpecError, UnknownNameError

__all__ = ["Grouping", "group_by"]


@dataclass(frozen=True)
class Grouping:
    """What groups are by, and what the core needs to find a point's group."""

    axes: Axes
    names: tuple[str, ...]
    native: Groups

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the dimensions that `names` belong to; groups are numbered row-major."""
        dims = dict.fromkeys(self.axes.dimension(name).name for name in self.names)
        return tuple(self.axes.dimension(name).length for name in dims)

    def values(self) -> dict[str, list[Any]]:
        """The values of each group under `names`, in the order of the groups' numbers."""
        dims = list(dict.fromkeys(self.axes.dimension(name).name for name in self.names))
        index = dict(zip(dims, np.unravel_index(np.arange(self.native.n), self.shape), strict=True)) if dims else {}
        found = {}
        for name in self.names:
            labels = self.axes.labels(name)
            found[name] = [labels[i] for i in index[self.axes.dimension(name).name].tolist()]
        return found


def group_by(axes: Axes, by: str | Iterable[str] = ()) -> Grouping:
    """Groups of every combination of the values of the axes in ``by``: whole axes of the core, fields, zipped ones.

    Raises
    ------
    UnknownNameError
        For a name that is no axis.
    """
    if not isinstance(by, Iterable):
        raise SpecError("by", by, "names of axes")
    asked = [
        ALIASES.get(name, name) if isinstance(name, str) else name for name in ([by] if isinstance(by, str) else by)
    ]
    for name in asked:
        if name not in AXES and name not in axes.named:
            raise UnknownNameError("axis in by", name, [*AXES, *axes.named])
    names, tables, groups = axes.groups(asked)
    return Grouping(axes, names, Groups(groups, {name: table.astype(np.uint64) for name, table in tables.items()}))
