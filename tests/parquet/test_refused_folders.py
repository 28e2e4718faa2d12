"""Folders and calls of stored sweeps that are refused; nothing is left behind."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from folders import COLUMNS, GRID

import tokenroof as tr
from tokenroof.errors import SpecError, TokenroofError, UnknownNameError

pytest.importorskip("pyarrow.parquet")


# What is refused.


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"columns": "tpot"}, "unknown column 'tpot'"),
        ({"columns": []}, "columns = []"),
        ({"columns": ["tpot_s", "tpot_s"]}, "columns = 'tpot_s': expected each name once"),
        ({"rows_per_file": 0}, "rows_per_file = 0: expected a whole number from 1"),
        ({"rows_per_file": 1e6}, "rows_per_file = 1000000.0"),
        ({"compression": "zip"}, "compression = 'zip': expected one of none, snappy, zstd"),
        ({"float32": 1}, "float32 = 1: expected True or False"),
        ({"columns": ["tpot_s", "batch"]}, "columns = 'batch': expected columns besides the axes"),
        ({"threads": 0}, "threads = 0"),
        ({"executor": 3}, "executor = 3"),
        ({"isa": "sse"}, "isa = 'sse'"),
    ],
)
def test_wrong_calls_leave_nothing_behind(given: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises((SpecError, UnknownNameError)) as caught:
        tr.Sweep(**GRID).to_parquet(tmp_path / "out", **{"columns": COLUMNS} | given)
    assert words in str(caught.value) and list(tmp_path.iterdir()) == []


def test_folders_that_hold_something_else(tmp_path: Path) -> None:
    sweep = tr.Sweep(**GRID)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "data.csv").write_text("mine")
    for name in ("file", "full"):
        with pytest.raises(SpecError, match="expected a new or empty folder, or one that to_parquet has begun"):
            sweep.to_parquet(tmp_path / name, COLUMNS)
        with pytest.raises(SpecError, match="expected a folder that to_parquet has written"):
            tr.open_sweep(tmp_path / name)
    with pytest.raises(SpecError, match="expected a folder that to_parquet has written"):
        tr.open_sweep(tmp_path / "nothing")
    assert (tmp_path / "full" / "data.csv").read_text() == "mine"
    with pytest.raises(TokenroofError, match="cannot be written"):
        sweep.to_parquet(tmp_path / "file" / "out", COLUMNS)


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("sweep.json", "{", "sweep.json: cannot be read"),
        ("sweep.json", "[]", "sweep.json: is damaged"),
        ("sweep.json", '{"format": 99}', "format 99, and this version reads 1"),
        ("sweep.json", '{"format": 1}', "is damaged"),
        ("manifest.json", '{"done": 3}', "is damaged"),
        ("manifest.json", "\xff", "manifest.json: cannot be read"),
    ],
)
def test_damaged_folders(file: str, text: str, words: str, tmp_path: Path) -> None:
    tr.Sweep(**GRID).to_parquet(tmp_path / "out", COLUMNS)
    (tmp_path / "out" / file).write_bytes(text.encode("latin-1"))
    with pytest.raises(TokenroofError) as caught:
        tr.open_sweep(tmp_path / "out")
    assert words in str(caught.value)


def test_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(TokenroofError, match=r"Parquet files need pyarrow: pip install 'tokenroof\[tables\]'"):
        tr.Sweep(**GRID).to_parquet(tmp_path / "out", COLUMNS)
    assert not (tmp_path / "out").exists()
