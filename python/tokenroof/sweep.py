"""Sweeps: the cartesian product of named axes, evaluated to columns or searched for its best points."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._native import ESTIMATES, BestState
from .axes import Axes, zipped
from .calibration import Calibrated, calibrated_all
from .derived import check_columns
from .errors import SpecError
from .execution import finished
from .layouts import LAYOUT, legal_layouts
from .plan import Plan
from .result import Result, Table
from .sinks import Best, Store
from .specs.options import Options, take_options

if TYPE_CHECKING:
    from .parquet import StoredSweep

__all__ = ["Sweep"]

#: Columns that `best` reports of each winner.
WINNER_COLUMNS = (
    "tpot_s",
    "ttft_s",
    "tokens_per_s_per_user",
    "tokens_per_s_per_chip",
    "usd_per_mtok",
    "joules_per_token",
    "chips",
    "mem_bytes_per_chip",
    "bottleneck",
)


class Sweep:
    """Named axes; its points are their cartesian product, never held in memory unless asked for.

    Parameters
    ----------
    model, hardware, precision : str, object or list of them
        Catalogue ids or objects. ``precision`` defaults to bf16.
    tp, pp, ep, dp, cp, batch, isl, osl : int, list, range, array or str
        Whole numbers from 1; strings as ``"1:512"`` or ``"128:131072:x2"``. Lengths isl and osl in tokens, batch in
        sequences per replica. Defaults: 1 for each layout axis and batch, isl 1024, osl 256.
    estimate : {"typical", "bound", "serial"}
        What columns without the suffix ``_bound`` hold; serial is typical with nothing overlapped.
    options : Options, optional
        Memory budget, offloading, padded heads, formats that a chip lacks; its fields may be given by name instead:
        ``memory_fraction=0.9``, ``memory_of="total"``, ``reserved={}``, ``offload=()``, ``pad_heads=False``,
        ``fallback="status"``, ``attention_sharding="heads"``, ``weight_sharding="1d"``, ``cache_share=0.3``.
    calibration : path or Calibrated, optional
        Fitted constants of the chips in place of the catalogue's (``tokenroof calibrate``), and ``software``, the stack
        whose factors apply: ``calibration="mine.toml", software="vllm"``.

    **fields : number, str or list of them
        Fields of chips, models and precisions, ``**{"hardware.memory_bandwidth": ["2 TB/s", "x2"]}``: numbers are SI,
        strings have units, ``"x2"`` is a multiple of what each object has, ``"1e12:16e12:1e12"`` a range. Axes like any
        other (docs/nomenclature.md).
    zip : list of lists of str, optional
        Axes that move together instead of being multiplied, ``[("isl", "osl")]``; or `zipped` under any name.
    parallelism : {"auto"}, optional
        Instead of tp, pp, ep and dp: every layout of up to ``chips`` chips that one of the models can have on one of
        the chips, as zipped axes (`layouts.legal_layouts`).

    Raises
    ------
    UnknownNameError, SpecError
        For a name or value that cannot be right, before any work is done.

    Examples
    --------
    >>> sw = Sweep(model="llama-3.1-70b", hardware=["h100-sxm", "b200-sxm"], precision="fp8", tp=[2, 4, 8],
    ...            batch="1:512", isl=[1024, 8192], osl=256)
    >>> sw.size
    6144
    >>> sw.run(["tpot_s"])["tpot_s"].shape
    (1, 2, 1, 3, 512, 2, 1)
    """

    def __init__(
        self,
        *,
        estimate: str = "typical",
        options: Options | None = None,
        calibration: str | os.PathLike[str] | Calibrated | None = None,
        software: str | None = None,
        **axes: Any,
    ) -> None:
        if estimate not in ESTIMATES:
            raise SpecError("estimate", estimate, f"one of {', '.join(ESTIMATES)}")
        self.estimate = estimate
        self.options = take_options(axes, options)
        if "parallelism" in axes:
            axes = self._spread(axes)
        self.axes = Axes(axes, lambda chips: calibrated_all(chips, calibration, software))
        self.calibration = calibration
        self._plans: dict[tuple[str, bool], Plan] = {}
        if self.size >= 2**63:
            raise SpecError("axes", self.axes.shape, "a product of at most 2**63 - 1 points")

    def _spread(self, axes: dict[str, Any]) -> dict[str, Any]:
        """Axes with the layouts that ``parallelism="auto"`` stands for."""
        if axes.pop("parallelism") != "auto":
            raise SpecError("parallelism", "...", "'auto', with chips=; or the axes tp, pp, ep, dp, cp themselves")
        named = [name for name in LAYOUT if name in axes]
        if named:
            raise SpecError(named[0], axes[named[0]], "either parallelism='auto' or axes of the layout")
        if "chips" not in axes:
            raise SpecError("chips", None, "the most chips of a replica, with parallelism='auto'")
        chips = axes.pop("chips")
        found = {n: v for n, v in legal_layouts(axes, chips, options=self.options).axes.items() if n != "cp"}
        return axes | {"layout": zipped(found)}

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> Sweep:
        """A sweep from the ``[sweep]`` table of a TOML file: axes as values, lists or strings such as ``"1:512"``."""
        from .catalogue._toml import load_toml

        return cls.from_spec(load_toml(Path(path)).get("sweep"), os.fspath(path))

    @classmethod
    def from_spec(cls, spec: object, where: str = "sweep") -> Sweep:
        """A sweep from a mapping as a TOML file holds it."""
        if not isinstance(spec, Mapping):
            raise SpecError("sweep", spec, "a table [sweep] with at least model and hardware", where)
        return cls(**spec)

    @property
    def settings(self) -> dict[str, Any]:
        """What is asked of every point alike."""
        of = (
            {}
            if self.calibration is None
            else {"calibration": getattr(self.calibration, "date", str(self.calibration))}
        )
        return {"estimate": self.estimate, **asdict(self.options), **of}

    @property
    def size(self) -> int:
        """Number of points."""
        return math.prod(self.axes.shape)

    @property
    def legal(self) -> int:
        """Number of points whose layout can exist on their chip: status below 16."""
        return self.plan().legal

    def __repr__(self) -> str:
        axes = ", ".join(f"{dim} {n}" for dim, n in zip(self.axes.dims, self.axes.lengths, strict=True))
        return f"<tokenroof.Sweep {self.size:,} points: {axes}; {self.estimate}>"

    def __getstate__(self) -> dict[str, Any]:
        """A sweep travels without its plans: they are made anew where it arrives."""
        return self.__dict__ | {"_plans": {}}

    def plan(self, isa: str = "auto", bind_all: bool = False) -> Plan:
        """The sweep bound to numbers; made once for each ``isa``."""
        key = isa, bind_all
        if key not in self._plans:
            self._plans[key] = Plan(self.axes, estimate=self.estimate, options=self.options, isa=isa, bind_all=bind_all)
        return self._plans[key]

    def run(
        self,
        columns: str | Iterable[str],
        *,
        threads: int | None = None,
        isa: str = "auto",
        progress: bool | None = None,
        executor: Any = None,
    ) -> Result:
        """Evaluate columns at every point and keep them.

        Parameters
        ----------
        columns : str or list of str
            Columns, or expressions of columns and axes: ``"usd_per_mtok + 0.1 * tpot_s"``.
        threads : int, optional
            All CPUs of this process by default. Any number gives the same bits.
        isa : {"auto", "generic", "avx2", "avx512"}
        progress : bool, optional
            A progress bar on stderr; by default for long runs on a terminal.
        executor : concurrent.futures.Executor or distributed.Client, optional
            Whose workers evaluate instead of threads of this process. The same bits.

        Returns
        -------
        Result
            float64 arrays with the shape of the axes.

        Raises
        ------
        MemoryError
            When the columns would not fit this machine's memory; `best` needs none, and `to_parquet` little.
        Interrupted
            On Ctrl-C; its ``partial`` is the result, NaN at the points that were not done.
        """
        names = check_columns(columns)
        need, have = 8 * self.size * len(names), _memory_bytes()
        if need > have:
            raise MemoryError(
                f"{len(names)} columns of {self.size:,} points are {need / 1e9:,.1f} GB and this machine has "
                f"{have / 1e9:,.1f} GB: use best(), to_parquet(), fewer columns or shorter axes"
            )
        return finished(
            self.plan(isa),
            Store(names),
            lambda stored: Result(self.axes, stored.columns, self.settings),
            threads=threads,
            progress=progress,
            executor=executor,
        )

    def to_parquet(
        self,
        path: str | os.PathLike[str],
        columns: str | Iterable[str],
        *,
        rows_per_file: int = 1 << 22,
        compression: str = "zstd",
        float32: bool = False,
        threads: int | None = None,
        isa: str = "auto",
        progress: bool | None = None,
        executor: Any = None,
    ) -> StoredSweep:
        """Write columns of every point to a folder of Parquet files; broken off, the same call takes it up again.

        Parameters
        ----------
        path : path
            A new or empty folder, or one that the same call has begun. With an executor every worker must see it under
            this path.
        columns : str or list of str
        rows_per_file : int
            Points of a file: what is lost when a process is killed, for each thread.
        compression : {"zstd", "none", "snappy", "gzip", "brotli", "lz4"}
        float32 : bool
            Store columns in 4 bytes rather than 8; the named axes keep their values.
        threads, isa, progress, executor
            As of `run`.

        Returns
        -------
        StoredSweep
            What `open_sweep` returns for the folder.

        Raises
        ------
        SpecError
            When the folder holds something else, or another sweep; names what changed.
        Interrupted
            On Ctrl-C, within a second; files that were whole stay.

        Notes
        -----
        Files are written under other names and renamed when they are whole; ``manifest.json`` says which are. However
        often a run is broken off, the folder ends up with the same bytes as after one that was not (with one version of
        pyarrow). ``sweep.json`` and each file's metadata hold the sweep's definition, the catalogue's version and the
        sources.
        """
        from .parquet import write_sweep

        return write_sweep(
            self.axes,
            self.settings,
            self.plan(isa),
            path,
            columns,
            rows_per_file=rows_per_file,
            compression=compression,
            float32=float32,
            threads=threads,
            progress=progress,
            executor=executor,
        )

    def best(
        self,
        objective: str,
        *,
        by: str | Iterable[str] = (),
        where: str | Iterable[str] | None = None,
        k: int = 1,
        maximize: bool | None = None,
        fits: bool = True,
        columns: Iterable[str] | None = None,
        threads: int | None = None,
        isa: str = "auto",
        progress: bool | None = None,
        executor: Any = None,
    ) -> Table:
        """The k best points of each group, exactly.

        Parameters
        ----------
        objective : str
            Any column, or an expression of columns and axes.
        by : list of str
            Axes whose values are the groups; none: one group.
        where : list of str
            Limits that a point must hold, e.g. ``["tpot_s <= 0.05", "ttft_s < 40 * tpot_s or batch == 1"]``.
        k : int
            Places per group. Equal values go to the point with the lower number, i.e. first in the order model,
            hardware, precision, tp, pp, ep, dp, isl, osl, batch of the axes' values.
        maximize : bool, optional
            By default what is good: more of rates and shares, less of everything else, expressions too.
        fits : bool
            Whether points must fit memory; False lets those short of memory compete too.
        columns : list of str, optional
            Columns to report of each winner.

        Returns
        -------
        Table
            One row a winner, best first in its group: rank, the named axes, the objective and ``columns``. A group
            without a point that counts has no row.

        Raises
        ------
        Interrupted
            On Ctrl-C; its ``partial`` is the table of the best points among those that were done.
        """
        groups = list(by) if isinstance(by, Iterable) and not isinstance(by, str) else by
        limits = [where] if isinstance(where, str) else list(where) if isinstance(where, Iterable) else where
        extra = check_columns(columns) if columns else WINNER_COLUMNS
        report = check_columns([objective, *(c for c in extra if c != objective)])
        plan = self.plan(isa)
        sink = Best(objective, by=groups, where=limits, k=k, maximize=maximize, fits=fits)
        how = {"threads": threads, "progress": progress, "executor": executor}
        return finished(plan, sink, lambda state: self._winners(plan, state, report), **how)

    def _winners(self, plan: Plan, state: BestState, report: list[str]) -> Table:
        found = state.point != np.uint64(2**64 - 1)
        points = state.point[found]
        rank = np.tile(np.arange(1, state.k + 1), state.groups)[found]
        at = plan.coordinates(points)
        places = {name: at[name] for name in self.axes.named}
        columns = {name: values for name, values in plan.gather(points, report).items() if name not in places}
        return Table({"rank": rank.tolist(), **places, **columns}, self.axes, self.settings)


def _memory_bytes() -> int:
    """Memory that this process may still take: what is free, within the limit of its control group."""
    limits = [2**63]
    for path, key in (("/proc/meminfo", "MemAvailable:"), ("/sys/fs/cgroup/memory.max", "")):
        try:
            text = Path(path).read_text(encoding="ascii")
        except OSError:
            continue  # another system, or no control groups
        words = text.partition(key)[2].split() if key else text.split()
        if words and words[0].isdigit():
            limits.append(int(words[0]) * (1024 if key else 1))
    return min(limits)
