"""Random small configs, one generator per family; importing this package imports every module in it."""

from __future__ import annotations

import importlib
import pkgutil

from .registry import GENERATORS, Generate, generator

__all__ = ["GENERATORS", "Generate", "generator"]

for _found in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
    importlib.import_module(f"{__name__}.{_found.name}")
