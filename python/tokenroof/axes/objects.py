"""Axes of objects: models, chips, precisions, by catalogue id or as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..errors import SpecError

__all__ = ["parse_objects"]


def parse_objects(
    name: str, value: Any, find: Any, kind: type, ids: Callable[[], list[str]] | None = None
) -> list[Any]:
    """The objects that a user names.

    ``"all"`` stands for every id of the catalogue, ``"official"`` for those whose maker publishes the numbers and sells
    the thing for any model: no claims, announcements, estimates or burned-in weights.
    """
    items = [value] if isinstance(value, str | kind) else list(value) if isinstance(value, Iterable) else None
    if not items:
        raise SpecError(name, value, f"catalogue ids or {kind.__name__} objects, at least one")
    if ids is not None:
        items = [i for item in items for i in (_set(item, find, ids) if item in ("all", "official") else [item])]
    for item in items:
        if not isinstance(item, str | kind):
            raise SpecError(name, item, f"a catalogue id or a {kind.__name__}")
    return [find(item) if isinstance(item, str) else item for item in items]


def _set(name: str, find: Any, ids: Callable[[], list[str]]) -> list[str]:
    """Ids of a named set of the catalogue."""
    if name == "all":
        return ids()
    return [i for i in ids() if find(i).status == "official" and getattr(find(i), "kind", "") != "burned-in"]
