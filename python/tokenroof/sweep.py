"""Sweeps: the cartesian product of named axes, evaluated to columns or searched for its best points."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._native import ESTIMATES
from .axes import Axes, zipped
from .binned import Binned
from .calibration import Calibrated, calibrated_all
from .errors import SpecError
from .execution import finished
from .layouts import LAYOUT, legal_layouts
from .plan import Plan
from .result import Result, Table
from .searches import best_table, count_table, histogram_table, pareto_table, quantile_table, reduced
from .sinks.store import Store, memory_bytes
from .specs.options import Options, take_options

if TYPE_CHECKING:
    from .parquet import StoredSweep

__all__ = ["Sweep"]


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
        dtype: npt.DTypeLike = np.float64,
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
        dtype : {float64, float32}
            Each value is computed in float64; float32 keeps the nearest.
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
            Arrays with the shape of the axes.

        Raises
        ------
        MemoryError
            When the columns would not fit this machine's memory; `best` needs none, and `to_parquet` little.
        Interrupted
            On Ctrl-C; its ``partial`` is the result, NaN at the points that were not done.
        """
        sink = Store(columns, dtype)
        names = sink.columns
        need, have = sink.dtype.itemsize * self.size * len(names), memory_bytes()
        if need > have:
            raise MemoryError(
                f"{len(names)} columns of {self.size:,} points are {need / 1e9:,.1f} GB and this machine has "
                f"{have / 1e9:,.1f} GB: use best(), to_parquet(), fewer columns or shorter axes"
            )
        return finished(
            self.plan(isa),
            sink,
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
        method: str = "every",
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
        method : {"every", "bound"}
            Evaluate every point, or leave out blocks of the grid that a bound proves unable to win: the same answer,
            with ``points_evaluated`` and ``points_proven`` in ``meta``.

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
        how = {"threads": threads, "isa": isa, "progress": progress, "executor": executor}
        rule = {"maximize": maximize, "fits": fits, "method": method}
        return best_table(self, objective, by, where, k, columns, how, **rule)

    def pareto(
        self,
        *,
        maximize: str | Iterable[str] = (),
        minimize: str | Iterable[str] = (),
        by: str | Iterable[str] = (),
        where: str | Iterable[str] | None = None,
        fits: bool = True,
        columns: Iterable[str] | None = None,
        **how: Any,
    ) -> Table:
        """The points of each group that no other point of it equals or betters in every objective, exactly.

        Parameters
        ----------
        maximize, minimize : list of str
            Two to four columns together. Points whose objectives are all equal are one: that of the lowest number.
        by, where, fits, columns
            As of `best`.
        **how
            ``threads``, ``isa``, ``progress``, ``executor`` as of `run`; so below.

        Returns
        -------
        Table
            One row a point, group by group, the best of the first objective first: the named axes, the objectives and
            ``columns``.

        Examples
        --------
        >>> sw = Sweep(model="llama-3.1-8b", hardware="h100-sxm", precision="fp8", batch=[1, 16, 64, 256], tp=[1, 2])
        >>> front = sw.pareto(maximize=["tokens_per_s_per_user", "tokens_per_s_per_chip"])
        >>> [(row["tp"], row["batch"]) for row in front]
        [(2, 1), (2, 16), (2, 64), (1, 64), (2, 256), (1, 256)]
        """
        rule = {"maximize": maximize, "minimize": minimize, "by": by, "fits": fits}
        return pareto_table(self, columns, how, where, **rule)

    def histogram(
        self,
        columns: str | Sequence[str],
        edges: npt.ArrayLike,
        *,
        by: str | Iterable[str] = (),
        where: str | Iterable[str] | None = None,
        fits: bool = True,
        **how: Any,
    ) -> Binned:
        """How many points lie between edges of one column, or of two, in each group.

        Parameters
        ----------
        columns : str or two of them
        edges : array, or two of them
            Ascending. A bin holds its lower edge, the last one its upper edge too, as in `numpy.histogram`.
        by, where, fits
            As of `best`; points that do not count are in ``left_out``.

        Returns
        -------
        Binned
            ``counts`` of shape (groups..., bins...), and a table of every cell that holds points.

        Examples
        --------
        >>> sw = Sweep(model="llama-3.1-8b", hardware="h100-sxm", batch="1:512", tp=[1, 2])
        >>> sw.histogram("tpot_s", [0.0, 0.008, 0.016], by="tp").counts.tolist()
        [[10, 137], [106, 242]]
        """
        return histogram_table(self, columns, edges, how, by, where, fits)

    def quantiles(
        self,
        column: str,
        q: float | Sequence[float] | npt.ArrayLike,
        *,
        by: str | Iterable[str] = (),
        where: str | Iterable[str] | None = None,
        fits: bool = True,
        method: str = "linear",
        **how: Any,
    ) -> Table:
        """Quantiles of a column over the points of each group: those of `numpy.quantile`, bit for bit.

        Parameters
        ----------
        column : str
            Points where it is NaN are left out.
        q : shares from 0 to 1
        method : {"linear", "lower", "higher"}
            What lies between two values.

        Returns
        -------
        Table
            One row for each group and share: the axes in ``by``, ``points``, ``q`` and the column. Every row takes all
            points of its group; they are evaluated four times or more, and never held. A run that is broken off has no
            partial table.

        Examples
        --------
        >>> sw = Sweep(model="llama-3.1-8b", hardware="h100-sxm", batch="1:100")
        >>> sw.quantiles("max_batch", [0.5])["max_batch"].tolist()
        [333.0]
        """
        return quantile_table(self, column, q, method, how, by, where, fits)

    def count(
        self,
        *,
        by: str | Iterable[str] = (),
        where: str | Iterable[str] | None = None,
        fits: bool = True,
        **how: Any,
    ) -> Table:
        """How many points of each group count, and why the others do not.

        Returns
        -------
        Table
            One row a group: the axes in ``by``, ``points``, those ``within`` every limit and their ``share``, and
            points by status: ok, memory, context and what makes a layout impossible.

        Examples
        --------
        >>> sw = Sweep(model="llama-3.1-8b", hardware="h100-sxm", batch="1:512", tp=[1, 3])
        >>> sw.count(where="tpot_s <= 0.01").rows()[0]["within"]
        44
        """
        return count_table(self, how, by, where, fits)

    def reduce(
        self,
        columns: str | Iterable[str],
        function: object,
        *,
        state: npt.NDArray[Any],
        merge: Callable[[Any, Any], object],
        by: str | Iterable[str] = (),
        where: str | Iterable[str] | None = None,
        fits: bool = True,
        **how: Any,
    ) -> npt.NDArray[Any]:
        """What a compiled function makes of every point that counts (docs/embedding.md).

        Parameters
        ----------
        columns : list of str
        function : numba.cfunc, ctypes function or address
            A ``tr_reducer`` of the C contract: called with tiles of points, it changes the state.
        state : array
            What every thread starts from; must change nothing when it is merged, as zeros do in sums.
        merge : function
            ``merge(into, other)`` adds one state to another.

        Returns
        -------
        array
            The state of all points. Sums of floats depend on how the points were split; whole numbers, least and
            largest values do not.
        """
        return reduced(self, columns, function, state, merge, how, by, where, fits)
