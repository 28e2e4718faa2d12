"""A grid to write, and what a folder of it is compared by."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from strategies import bits

import tokenroof as tr

#: An order of axes that is not the core's, and an axis that repeats a value.
GRID: dict[str, Any] = {
    "batch": "1:60",
    "hardware": ["h100-sxm", "b200-sxm"],
    "model": "llama-3.1-8b",
    "tp": [4, 1, 2, 1],
    "isl": [512, 4096],
    "precision": ["bf16", "fp8"],
}
COLUMNS = ["tpot_s", "usd_per_mtok", "status", "max_batch"]


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def assert_same(found: tr.Result, want: tr.Result, dtype: type = np.float64) -> None:
    assert found.dims == want.dims and found.coords == want.coords and found.columns == want.columns
    for name in want.columns:
        assert (bits(found[name]) == bits(want[name].astype(dtype))).all(), name


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(tr.__file__).parent.parent), *filter(None, sys.path)])}
