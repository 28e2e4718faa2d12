"""One point: every column by name, and why it is what it is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ._native import COLUMNS, ESTIMATES, status_text
from .axes import Axes
from .calibration import Calibrated, calibrated_all
from .errors import SpecError, UnknownNameError
from .plan import Plan
from .result import readable
from .specs import Hardware, Model, Precision, peak
from .specs.options import Options, take_options

if TYPE_CHECKING:
    from .cite import Citation

__all__ = ["Point", "point"]


class Point:
    """One evaluated point: ``p.tpot_s`` and ``p["tpot_s"]`` are columns [unit in the name]."""

    def __init__(self, axes: Axes, estimate: str, options: Options) -> None:
        self.model: Model = axes.models[0]
        self.hardware: Hardware = axes.hardware[0]
        self.precision: Precision = axes.precisions[0]
        self.layout = {n: int(axes.counts[n][0]) for n in ("tp", "pp", "ep", "dp", "cp")}
        self.batch, self.isl, self.osl = (int(axes.counts[n][0]) for n in ("batch", "isl", "osl"))
        self.estimate = estimate
        self.options = options
        #: Dense peak [FLOP/s] at which the matrices run, and its format; 0 and empty where there is none.
        self.peak, self.compute = peak(self.hardware, self.precision, options.fallback)
        plan = Plan(axes, estimate=estimate, options=options)
        values = plan.point(0, self.batch, self.isl, self.osl, list(COLUMNS))
        self.columns: dict[str, float] = dict(zip(COLUMNS, values, strict=True))

    def __getitem__(self, column: str) -> float:
        if column not in self.columns:
            raise UnknownNameError("column", column, COLUMNS)
        return self.columns[column]

    def __getattr__(self, name: str) -> float:
        if not name.startswith("_") and name in COLUMNS:
            return self.columns[name]
        raise AttributeError(f"'Point' object has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *COLUMNS]

    @property
    def ok(self) -> bool:
        """Whether the point can be served."""
        return self.columns["status"] == 0.0

    @property
    def status_text(self) -> str:
        """What the status says."""
        return status_text(int(self.columns["status"]))

    @property
    def title(self) -> str:
        """The point in one line."""
        layout = "".join(f" {n}={v}" for n, v in self.layout.items() if v > 1) or " tp=1"
        return (
            f"{self.model.id} on {self.hardware.id}, {self.precision.name},{layout}, batch {self.batch}, "
            f"isl {self.isl}, osl {self.osl}, {self.estimate}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Coordinates and columns as plain values, NaN as None."""
        columns = {c: None if v != v else readable(c, v) for c, v in self.columns.items()}
        coords = {"model": self.model.id, "hardware": self.hardware.id, "precision": self.precision.name, **self.layout}
        coords |= {"batch": self.batch, "isl": self.isl, "osl": self.osl, "estimate": self.estimate}
        return coords | {"fallback": self.options.fallback, "compute": self.compute or None} | columns

    def __repr__(self) -> str:
        return f"<tokenroof.Point {self.title}: {self.status_text}>"

    def explain(self) -> str:
        """Operator by operator: time, share, FLOPs, bytes, limit, speed of light; memory; equations. Text to print."""
        from .explain import explain

        return explain(self)

    def cite(self) -> Citation:
        """Sources of the numbers of model and chip that were used, each with its grade; ``print`` shows them."""
        from .cite import cite

        asked: dict[str, Any] = {"fallback": self.options.fallback, "offload": self.options.offload}
        return cite([self.model], [self.hardware], [self.precision], estimate=self.estimate, **asked)


def point(
    model: str | Model,
    hardware: str | Hardware,
    *,
    estimate: str = "typical",
    options: Options | None = None,
    calibration: str | os.PathLike[str] | Calibrated | None = None,
    software: str | None = None,
    **axes: Any,
) -> Point:
    """Evaluate one point.

    Parameters
    ----------
    model, hardware : str or object
    precision : str or Precision
        ``bf16`` by default.
    tp, pp, ep, dp, cp, batch, isl, osl : int
        Layout, sequences in flight, input and output tokens. Defaults as in `Sweep`.
    estimate : {"typical", "bound", "serial"}
    options : Options, optional
        As in `Sweep`, as a whole or by its fields' names.
    calibration, software : optional
        As in `Sweep`.

    Raises
    ------
    UnknownNameError, SpecError
        For a name or value that cannot be right. A point that cannot be served is no error: see ``status``.

    Examples
    --------
    Llama-2-7B on an A100 at batch 32 with 2048 tokens in the cache: weights plus KV cache over 2,039 GB/s.

    >>> p = point("llama-2-7b", "a100-80-sxm", precision="fp16", batch=32, isl=2048, osl=1, estimate="bound")
    >>> round(p.tpot_s * 1e3, 1)
    23.3
    """
    if estimate not in ESTIMATES:
        raise SpecError("estimate", estimate, f"one of {', '.join(ESTIMATES)}")
    taken = take_options(axes, options)
    named = {"model": model, "hardware": hardware, **axes}
    grid = Axes(named, lambda chips: calibrated_all(chips, calibration, software))
    for name in grid.named:
        if len(grid.labels(name)) != 1:
            raise SpecError(name, axes.get(name), "one value: several are a Sweep")
    return Point(grid, estimate, taken)
