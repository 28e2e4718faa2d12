"""Exceptions of tokenroof: one family, each message names the field, the value and what would be right."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from os.path import commonprefix
from typing import Any

__all__ = [
    "CatalogueError",
    "ConfigError",
    "Interrupted",
    "NativeError",
    "SpecError",
    "TokenroofError",
    "UnknownNameError",
    "WorkerError",
    "near_matches",
]


class TokenroofError(Exception):
    """Base of every exception that tokenroof raises on purpose."""


class SpecError(TokenroofError, ValueError):
    """A field of a specification holds a value that cannot be right."""

    def __init__(self, field: str, value: object, expected: str, where: str = "") -> None:
        self.field = field
        self.value = value
        self.expected = expected
        self.where = where
        place = f"{where}: " if where else ""
        super().__init__(f"{place}{field} = {value!r}: expected {expected}")

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:  # a worker process must be able to send it
        return type(self), (self.field, self.value, self.expected, self.where)


class ConfigError(TokenroofError, ValueError):
    """A Hugging Face ``config.json`` that cannot be lowered, and why."""


class CatalogueError(TokenroofError, ValueError):
    """A catalogue or user TOML file that cannot be read, and where it is damaged."""


class NativeError(TokenroofError, RuntimeError):
    """The native core refused a call; carries its negative status code."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(message)

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (self.code, str(self))


class WorkerError(TokenroofError, RuntimeError):
    """Workers of an executor were lost, or cannot run what was sent to them."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C broke a run off; what was done by then is not lost.

    A `KeyboardInterrupt`, so that programs end as they would without it.

    Attributes
    ----------
    partial
        What the call would have returned, over the points of ``done`` alone: a table, a result (NaN elsewhere), a
        stored sweep that is not complete.
    done : list of (begin, end)
        The points that were evaluated, by number.
    size : int
        Points that were asked for.
    """

    def __init__(self, partial: Any, done: list[tuple[int, int]], size: int) -> None:
        self.partial, self.done, self.size = partial, done, size
        super().__init__(partial, done, size)

    @property
    def points(self) -> int:
        """Number of points done."""
        return sum(end - begin for begin, end in self.done)

    def __str__(self) -> str:
        share = self.points / self.size if self.size else 1.0
        return f"interrupted after {self.points:,} of {self.size:,} points ({share:.1%})"


class UnknownNameError(TokenroofError, KeyError):
    """A name that nothing here has, with the nearest ones that exist."""

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = sorted(known)
        near = near_matches(str(name), self.known)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else _listing(self.known)
        self.message = f"unknown {kind} {name!r}: {hint}"
        super().__init__(self.message)

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (self.kind, self.name, self.known)

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return self.message


def near_matches(name: str, known: Iterable[str], n: int = 3) -> list[str]:
    """The names of ``known`` nearest to ``name``, best first; empty when none is near.

    >>> near_matches("h100", ["h100-sxm", "a100-80-sxm", "tpu-v4"])
    ['h100-sxm']
    >>> near_matches("a100-80gb", ["h100-sxm", "a100-80-sxm", "tpu-v4"])
    ['a100-80-sxm']
    """
    names = list(known)
    folded = {_fold(k): k for k in names}
    wanted = _fold(name)
    near = [folded[f] for f in get_close_matches(wanted, folded, n=n, cutoff=0.72)]
    near += [k for f, k in folded.items() if wanted and wanted in f and k not in near]
    if not near:  # "a100-80gb" is nearest to what begins like it
        shared = {k: len(commonprefix([wanted, f])) for f, k in folded.items()}
        near = [k for k in sorted(shared, key=lambda k: -shared[k]) if shared[k] >= 4]
    return near[:n]


def _fold(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def _listing(known: list[str], most: int = 12) -> str:
    shown = ", ".join(known[:most])
    return f"known are {shown}" + (f" and {len(known) - most} more" if len(known) > most else "")
