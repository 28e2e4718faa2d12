"""Techniques that change what an answer costs, each a file of plain functions over arrays.

Modules load on first use: ``tr.techniques.speculation.evaluate(...)``.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

__all__ = [
    "burned_in",
    "cascade",
    "chips",
    "compression",
    "energy",
    "loss_law",
    "prefix_cache",
    "reasoning",
    "routing",
    "sharing",
    "speculation",
    "systems",
    "test_time",
    "training",
    "trees",
    "voting",
]


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f".{name}", __name__)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
