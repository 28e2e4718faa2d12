"""Models and hardware that come with tokenroof, each number with its source; parsed when asked for."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UnknownNameError
from ._toml import load_toml
from .load_hardware import GRADES, hardware, hardware_from_toml, hardware_ids

if TYPE_CHECKING:
    from .load_models import model, model_from_toml, model_ids

__all__ = [
    "GRADES",
    "hardware",
    "hardware_from_toml",
    "hardware_ids",
    "model",
    "model_from_toml",
    "model_ids",
    "source",
]

_MODELS = ("model", "model_from_toml", "model_ids")


def __getattr__(name: str) -> Any:
    """Models on first use: lowering is not needed by those who only ask for hardware."""
    if name in _MODELS:
        from . import load_models

        return getattr(load_models, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def source(key: str) -> dict[str, Any]:
    """Title and reference of the source that a fact of the catalogue names.

    Raises
    ------
    UnknownNameError
        When no file of sources has the key.

    Examples
    --------
    >>> source("pope-scaling")["ref"]
    'arXiv:2211.05102'
    """
    sources = _sources()
    if key not in sources:
        raise UnknownNameError("source", key, sources)
    return dict(sources[key])


@cache
def _sources() -> dict[str, dict[str, Any]]:
    merged: dict[str, dict[str, Any]] = {}
    for file in sorted((Path(__file__).parent / "sources").glob("*.toml")):
        merged |= load_toml(file)
    return merged
