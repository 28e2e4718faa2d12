"""tokenroof: how fast, how many, how much, for any language model on any accelerator.

Names load on first use, so that ``import tokenroof`` stays far below 100 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import fleets as fleets
    from . import techniques as techniques
    from ._native import COLUMNS as COLUMNS
    from ._native import UNITS as UNITS
    from .axes import zipped as zipped
    from .catalogue import hardware as hardware
    from .catalogue import hardware_ids as hardware_ids
    from .catalogue import model as model
    from .catalogue import model_ids as model_ids
    from .errors import CatalogueError as CatalogueError
    from .errors import ConfigError as ConfigError
    from .errors import Interrupted as Interrupted
    from .errors import NativeError as NativeError
    from .errors import SpecError as SpecError
    from .errors import TokenroofError as TokenroofError
    from .errors import UnknownNameError as UnknownNameError
    from .errors import WorkerError as WorkerError
    from .fleets import Demand as Demand
    from .fleets import Fleet as Fleet
    from .fleets import fleet as fleet
    from .fleets import tornado as tornado
    from .parquet import StoredSweep as StoredSweep
    from .parquet import open_sweep as open_sweep
    from .plan import Plan as Plan
    from .points import Point as Point
    from .points import point as point
    from .result import Result as Result
    from .result import Table as Table
    from .specs import Calibration as Calibration
    from .specs import Hardware as Hardware
    from .specs import Link as Link
    from .specs import Model as Model
    from .specs import Operator as Operator
    from .specs import Precision as Precision
    from .specs import precision as precision
    from .sweep import Sweep as Sweep

_HOMES = {
    "_native": ("COLUMNS", "UNITS"),
    "axes": ("zipped",),
    "catalogue": ("hardware", "hardware_ids", "model", "model_ids"),
    "errors": (
        "CatalogueError",
        "ConfigError",
        "Interrupted",
        "NativeError",
        "SpecError",
        "TokenroofError",
        "UnknownNameError",
        "WorkerError",
    ),
    "fleets": ("Demand", "Fleet", "fleet", "tornado"),
    "parquet": ("StoredSweep", "open_sweep"),
    "plan": ("Plan",),
    "points": ("Point", "point"),
    "result": ("Result", "Table"),
    "specs": ("Calibration", "Hardware", "Link", "Model", "Operator", "Precision", "precision"),
    "sweep": ("Sweep",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}
_MODULES = ("fleets", "techniques")

__all__ = sorted([*_HOME, *_MODULES])  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name not in _HOME:
        raise AttributeError(f"module 'tokenroof' has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *_HOME, *_MODULES]
