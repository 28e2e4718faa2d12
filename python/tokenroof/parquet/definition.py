"""What a folder holds: the sweep's definition in full, so that another one is never mixed in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import sha256
from typing import Any

from .. import __version__
from ..axes import Axes
from ..catalogue import version

__all__ = ["changes", "definition_of"]


def definition_of(axes: Axes, settings: Mapping[str, Any], files: Mapping[str, Any]) -> dict[str, Any]:
    """All that decides the bytes of the files, as JSON holds it.

    Objects are named and have a digest of their numbers: one of the user's may keep its id and change.
    """
    named = {name: _values(axes.labels(name)) for name in axes.named}
    numbers = {
        kind: {label: _digest(item) for label, item in zip(axes.labels(kind), axes.objects(kind), strict=True)}
        for kind in ("model", "hardware", "precision")
    }
    made = {"tokenroof": __version__, "catalogue": version()}
    found: dict[str, Any] = json.loads(
        json.dumps(
            {
                "axes": named,
                "dims": axes.dims,
                "numbers": numbers,
                "settings": dict(settings),
                "files": dict(files),
                "made": made,
            }
        )
    )
    return found


def _values(labels: list[Any]) -> Any:
    """Labels of an axis; whole numbers in even steps as the string that a user may write for them.

    >>> _values([1, 2, 3, 4]), _values([8, 16, 24]), _values([1, 2, 8])
    ('1:4', '8:24:8', [1, 2, 8])
    """
    if len(labels) > 2 and all(isinstance(v, int) for v in labels):
        step = labels[1] - labels[0]
        if step > 0 and labels == list(range(labels[0], labels[-1] + 1, step)):
            return f"{labels[0]}:{labels[-1]}" + (f":{step}" if step > 1 else "")
    return labels


def _digest(item: Any) -> str:
    return sha256(json.dumps(_plain(item), sort_keys=True).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """The numbers of a specification, without where they are from: fields that take part in comparison."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.compare}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value if isinstance(value, str | int | float | None) else repr(value)


def changes(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two definitions, each difference in a few words; none: they are the same.

    >>> changes({"axes": {"tp": [1, 2], "batch": "1:256"}}, {"axes": {"tp": [1, 2], "batch": "1:512"}})
    ["batch was '1:256' and is '1:512'"]
    """
    return list(_changes(was, now))


def _changes(was: Mapping[str, Any], now: Mapping[str, Any], kind: str = "") -> Iterator[str]:
    for name in [*was, *(name for name in now if name not in was)]:
        old, new = was.get(name), now.get(name)
        if old == new:
            continue
        if kind in ("model", "hardware", "precision"):
            if old is not None and new is not None:  # one that came or went shows in the axis
                yield f"{kind} {name} has other numbers"
        elif isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _changes(old, new, name)
        elif old is None or new is None:
            yield f"{name} {'is new' if old is None else 'is gone'}: {_short(new if old is None else old)}"
        else:
            yield f"{name} was {_short(old)} and is {_short(new)}"


def _short(value: Any, most: int = 120) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."
