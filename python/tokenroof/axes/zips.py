"""Axes that move together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import SpecError

__all__ = ["ZIP", "Zipped", "take_zips", "zipped"]

#: Between the names of a zipped dimension.
ZIP = ","


class Zipped:
    """Axes that move together, value by value: what `zipped` returns."""

    def __init__(self, axes: Mapping[str, Any]) -> None:
        if len(axes) < 2:
            raise SpecError("zipped", list(axes), "at least two axes of equal length")
        self.axes = dict(axes)

    def __repr__(self) -> str:
        return f"zipped({', '.join(f'{name}={value!r}' for name, value in self.axes.items())})"


def zipped(axes: Mapping[str, Any] | None = None, **named: Any) -> Zipped:
    """Axes that move together instead of being multiplied: the first value of each, then the second of each.

    ``Sweep(..., lengths=zipped(isl=[512, 8192], osl=[64, 1024]))``; the name of the argument does not matter. A mapping
    serves fields, whose names have a point: ``zipped({"hardware.mem_bw": [...], "hardware.mem": [...]})``.

    >>> zipped(isl=[512, 8192], osl=[64, 1024])
    zipped(isl=[512, 8192], osl=[64, 1024])
    """
    return Zipped({**(axes or {}), **named})


def take_zips(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, ...]]]:
    """The axes of a sweep's arguments one by one, in their order, and which of them are zipped.

    Zips come as `Zipped` values under any name, or as ``zip=[("isl", "osl"), ...]``.
    """
    axes: dict[str, Any] = {}
    zips: list[tuple[str, ...]] = []
    for name, value in given.items():
        parts = value.axes if isinstance(value, Zipped) else {name: value}
        for part, values in parts.items():
            if part in axes or (part != name and part in given):
                raise SpecError(part, values, "each axis once: alone or in one zip")
            if part != "zip":
                axes[part] = values
        if isinstance(value, Zipped):
            zips.append(tuple(parts))
    for names in _groups(given.get("zip", ())):
        unknown = [name for name in names if name not in axes]
        if unknown:
            raise SpecError("zip", unknown[0], "axes that the sweep names")
        zips.append(names)
    seen = [name for names in zips for name in names]
    twice = next((name for name in seen if seen.count(name) > 1), None)
    if twice is not None:
        raise SpecError("zip", twice, "each axis in one zip")
    return axes, zips


def _groups(asked: Any) -> list[tuple[str, ...]]:
    """``zip=`` as lists of names; one list of names is one zip."""
    groups = list(asked) if isinstance(asked, Iterable) and not isinstance(asked, str) else [asked]
    if groups and all(isinstance(name, str) for name in groups):
        groups = [groups]
    for group in groups:
        if not isinstance(group, list | tuple) or len(group) < 2 or not all(isinstance(name, str) for name in group):
            raise SpecError("zip", asked, "lists of names of axes, e.g. [('isl', 'osl')]")
    return [tuple(group) for group in groups]
