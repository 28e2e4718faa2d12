"""A sweep on disk: a folder of Parquet files, written in any order, broken off and taken up again, read back."""

from __future__ import annotations

from .reader import StoredSweep, open_sweep
from .writer import write_sweep

__all__ = ["StoredSweep", "open_sweep", "write_sweep"]
