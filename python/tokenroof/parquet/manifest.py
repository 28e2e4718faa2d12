"""Which parts of a folder are whole: a small JSON file that is replaced as a whole."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SpecError, TokenroofError
from ..execution import Spans
from ..files import write_atomically

__all__ = ["Layout", "Manifest"]

_FORMAT = 1
_SWEEP, _MANIFEST = "sweep.json", "manifest.json"


@dataclass(frozen=True)
class Layout:
    """How points are laid out in files."""

    size: int  #: points
    rows_per_file: int

    def part(self, begin: int) -> str:
        """Name of the file whose first point is ``begin``; names sort as points do.

        >>> Layout(1000, 100).part(300)
        'part-3.parquet'
        """
        most = max(math.ceil(self.size / self.rows_per_file) - 1, 0)
        return f"part-{begin // self.rows_per_file:0{len(str(most))}d}.parquet"

    def parts(self, span: tuple[int, int]) -> list[tuple[int, int]]:
        """The files' ranges that a span of whole files covers."""
        step = self.rows_per_file
        return [(begin, min(begin + step, span[1])) for begin in range(span[0], span[1], step)]


class Manifest:
    """A folder's state: its sweep (``sweep.json``, written once) and the points that it has (``manifest.json``)."""

    def __init__(self, folder: Path, sweep: Mapping[str, Any], done: Spans) -> None:
        self.folder, self.sweep, self.done = folder, sweep, done
        files = sweep["definition"]["files"]
        self.layout = Layout(sweep["points"], files["rows_per_file"])

    @classmethod
    def begin(cls, folder: Path, sweep: Mapping[str, Any]) -> Manifest:
        """A new folder, or an empty one."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TokenroofError(f"{folder}: cannot be written ({error.strerror or error})") from error
        _write_json(folder / _SWEEP, {"format": _FORMAT, **sweep})
        manifest = cls(folder, sweep, Spans())
        manifest.save()
        return manifest

    @classmethod
    def exists(cls, folder: Path) -> bool:
        return (folder / _SWEEP).is_file()

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """What a folder says of itself.

        Raises
        ------
        TokenroofError
            When it is not one that `to_parquet` has written, or a newer version has.
        """
        if not cls.exists(folder):
            raise SpecError("path", str(folder), "a folder that to_parquet has written: it has no sweep.json")
        sweep = _read_json(folder / _SWEEP)
        state = _read_json(folder / _MANIFEST) if (folder / _MANIFEST).exists() else {"done": []}  # begun, no more
        if sweep.get("format") != _FORMAT:
            raise TokenroofError(f"{folder}: format {sweep.get('format')!r}, and this version reads {_FORMAT}")
        try:
            return cls(folder, sweep, Spans((int(begin), int(end)) for begin, end in state["done"]))
        except (KeyError, TypeError, ValueError) as error:
            raise TokenroofError(f"{folder}: {_SWEEP} or {_MANIFEST} is damaged ({error!r})") from None

    def add(self, span: tuple[int, int]) -> None:
        """A file is whole."""
        self.done.add(span)
        self.save()

    def replace(self, parts: list[tuple[int, int]]) -> None:
        """These files are whole, and no others."""
        self.done = Spans(parts)
        self.save()

    def save(self) -> None:
        _write_json(self.folder / _MANIFEST, {"points": self.done.points, "done": list(self.done)})

    @property
    def parts(self) -> list[tuple[int, int]]:
        """Ranges of the files that are whole, in order."""
        return [part for span in self.done for part in self.layout.parts(span)]

    @property
    def missing(self) -> list[tuple[int, int]]:
        """Ranges of the files that are not."""
        return [part for span in self.done.missing((0, self.layout.size)) for part in self.layout.parts(span)]


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    text = json.dumps(value, indent=1)
    write_atomically(path, lambda name: _write_text(name, text))


def _write_text(name: str, text: str) -> None:
    Path(name).write_text(text + "\n", encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TokenroofError(f"{path}: cannot be read ({error})") from None
    if not isinstance(found, dict):
        raise TokenroofError(f"{path}: is damaged: not a table")
    return found
