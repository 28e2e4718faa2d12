"""Writing a sweep to a folder: one file after another, by threads or by the workers of an executor."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from threading import Event, Lock
from typing import Any

from ..axes import Axes
from ..derived import check_columns
from ..errors import SpecError, WorkerError
from ..execution import Span, check_run, finished
from ..plan import Plan
from ..result import Result
from ..sinks import Sink, Stopped
from .definition import changes, definition_of
from .files import file_is_whole, need_pyarrow, write_file
from .manifest import Layout, Manifest
from .reader import StoredSweep

__all__ = ["write_sweep"]

#: What pyarrow writes in every build.
_COMPRESSIONS = ("none", "snappy", "zstd", "gzip", "brotli", "lz4")


class _Written:
    """Files that a worker has written, as it reports them."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def add(self, span: Span) -> None:
        self.spans.append(span)


class _Folder(_Written):
    """All files that are whole, in the folder's manifest: it is never behind by more than a file."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.manifest = Manifest.load(folder)
        self.stopped = Event()
        self._lock = Lock()

    def add(self, span: Span) -> None:
        with self._lock:
            self.manifest.add(span)


class _Files(Sink[_Written]):
    """A file for each range that it is shown."""

    what = "to_parquet"
    shared = True

    def __init__(
        self,
        layout: Layout,
        folder: Path,
        columns: Sequence[str],
        float32: bool,
        compression: str,
        about: Mapping[str, Any],
    ) -> None:
        self.layout, self.folder, self.columns = layout, folder, columns
        self.float32, self.compression, self.about = float32, compression, about

    def start(self, plan: Plan) -> _Written:
        return _Folder(self.folder)

    def piece(self, plan: Plan, begin: int, end: int) -> _Written:
        return _Written()

    def visit(self, plan: Plan, begin: int, end: int, state: _Written) -> None:
        def between() -> None:
            if isinstance(state, _Folder) and state.stopped.is_set():
                raise Stopped

        write_file(
            plan,
            (begin, end),
            self.folder / self.layout.part(begin),
            self.columns,
            float32=self.float32,
            compression=self.compression,
            about=self.about,
            between=between,
        )
        state.add((begin, end))

    def merge(self, into: _Written, other: _Written) -> None:
        for span in other.spans:
            if not (self.folder / self.layout.part(span[0])).is_file():
                raise WorkerError(
                    f"{self.folder}: a worker wrote {self.layout.part(span[0])}, which is not there as seen from here: "
                    "all workers and this process must see the folder under one path"
                )
            into.add(span)

    def stop(self, state: _Written) -> None:
        if isinstance(state, _Folder):
            state.stopped.set()


def write_sweep(
    axes: Axes,
    settings: Mapping[str, Any],
    plan: Plan,
    path: str | os.PathLike[str],
    columns: str | Iterable[str],
    *,
    rows_per_file: int = 1 << 22,
    compression: str = "zstd",
    float32: bool = False,
    threads: int | None = None,
    progress: bool | None = None,
    executor: Any = None,
) -> StoredSweep:
    """`Sweep.to_parquet`, of a plan."""
    names = check_columns(columns)
    _check(names, axes.named, rows_per_file, compression, float32)
    check_run(threads, executor)
    need_pyarrow()
    folder = Path(path).absolute()
    files = {"columns": names, "float32": float32, "compression": compression, "rows_per_file": rows_per_file}
    nothing = Result(axes, {}, settings)
    citation = nothing.cite().to_dict()
    sweep = {
        "points": plan.size,
        "definition": definition_of(axes, settings, files),
        "labels": {name: axes.labels(name) for name in axes.named},
        "dims": [axes.dimension(dim).names for dim in axes.dims],
        "placed": [dim.names for dim in axes.placed if dim.name in axes.dims],
        "meta": nothing.meta,
        "citation": citation,
    }
    manifest = _taken_up(folder, sweep) if _is_begun(folder) else Manifest.begin(folder, sweep)
    about = {
        "tokenroof": sweep["meta"],
        "tokenroof.definition": sweep["definition"],
        "tokenroof.sources": citation["sources"],
    }
    sink = _Files(manifest.layout, folder, names, float32, compression, about)
    how: dict[str, Any] = {"threads": threads, "progress": progress, "executor": executor}
    return finished(plan, sink, lambda _: StoredSweep(Manifest.load(folder)), **how, spans=manifest.missing)


def _check(
    columns: Sequence[str], axes: Sequence[str], rows_per_file: object, compression: object, float32: object
) -> None:
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise SpecError("columns", twice, "each name once")
    axis = next((name for name in columns if name in axes), None)
    if axis is not None:
        raise SpecError("columns", axis, "columns besides the axes that the sweep names: those are stored anyway")
    if not isinstance(rows_per_file, int) or isinstance(rows_per_file, bool) or rows_per_file < 1:
        raise SpecError("rows_per_file", rows_per_file, "a whole number from 1")
    if compression not in _COMPRESSIONS:
        raise SpecError("compression", compression, f"one of {', '.join(_COMPRESSIONS)}")
    if not isinstance(float32, bool):
        raise SpecError("float32", float32, "True or False")


def _is_begun(folder: Path) -> bool:
    """Whether there is a sweep to take up; refuses a folder that holds something else."""
    if Manifest.exists(folder):
        return True
    if folder.exists() and (not folder.is_dir() or any(not _is_temporary(file) for file in folder.iterdir())):
        raise SpecError("path", str(folder), "a new or empty folder, or one that to_parquet has begun")
    return False


def _taken_up(folder: Path, sweep: Mapping[str, Any]) -> Manifest:
    """A folder that was begun: of this same sweep, with the files that are whole, and nothing half written."""
    manifest = Manifest.load(folder)
    changed = changes(manifest.sweep["definition"], sweep["definition"])
    if changed:
        raise SpecError("path", str(folder), f"a folder of this same sweep, but {'; '.join(changed)}")
    for file in folder.iterdir():
        if _is_temporary(file):
            file.unlink(missing_ok=True)
    layout = manifest.layout
    whole = [part for part in manifest.parts if file_is_whole(folder / layout.part(part[0]), part[1] - part[0])]
    manifest.replace(whole)
    return manifest


def _is_temporary(file: Path) -> bool:
    """Whether a file was being written when its process ended (`files.write_atomically`)."""
    return file.name.startswith((".part-", ".manifest-", ".sweep-"))
