"""Sweeps on disk: what is written is what `run` returns, whole, in part, by workers and by the command."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from folders import COLUMNS, GRID, assert_same, content, environment
from hypothesis import given, settings
from hypothesis import strategies as st

import tokenroof as tr
from tokenroof.cli import main
from tokenroof.coordinates import Coordinate, coordinates
from tokenroof.errors import SpecError, UnknownNameError, WorkerError
from tokenroof.parquet import files as parts
from tokenroof.parquet import writer

pq = pytest.importorskip("pyarrow.parquet")


# Coordinates.


@given(st.lists(st.integers(0, 4), min_size=1, max_size=6), st.integers(1, 5), st.integers(1, 4), st.data())
def test_codes_are_those_of_the_grid(places: list[int], inner: int, turns: int, data: st.DataObject) -> None:
    steps = np.array(places, np.int32)
    size = len(places) * inner * turns
    begin = data.draw(st.integers(0, size))
    end = data.draw(st.integers(begin, size))
    found = Coordinate("x", [], steps, inner).codes(begin, end)
    assert found.tolist() == [places[p // inner % len(places)] for p in range(begin, end)]


# Written and read.


@settings(max_examples=15)
@given(st.integers(150, 2500), st.sampled_from([64, 100, 1 << 18]), st.integers(1, 3), st.booleans())
def test_a_folder_holds_what_a_run_returns(rows: int, group: int, threads: int, float32: bool) -> None:
    sweep, folder = tr.Sweep(**GRID), Path("stored")
    with pytest.MonkeyPatch.context() as patch, TemporaryFolder(patch):
        patch.setattr(parts, "ROWS_PER_GROUP", group)
        stored = sweep.to_parquet(folder, COLUMNS, rows_per_file=rows, float32=float32, threads=threads)
        want = sweep.run(COLUMNS)
        assert stored.complete and stored.size == sweep.size == 1920 and len(stored.files) == -(-1920 // rows)
        assert_same(stored.result(), want, np.float32 if float32 else np.float64)
        assert_same(tr.open_sweep(folder).result("tpot_s"), sweep.run("tpot_s"), np.float32 if float32 else np.float64)
        table, whole = stored.to_arrow(), want.to_arrow()
        assert table.column_names == whole.column_names
        for name in coordinates(sweep.axes):
            assert table[name.name].to_pylist() == whole[name.name].to_pylist()
        assert {f.name for f in folder.iterdir()} == {
            "sweep.json",
            "manifest.json",
            *(Path(name).name for name in stored.files),
        }


class TemporaryFolder:
    """The working directory, as long as the context: hypothesis runs many examples in one test."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch

    def __enter__(self) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.patch.chdir(self.folder.name)

    def __exit__(self, *_: object) -> None:
        self.patch.undo()
        self.folder.cleanup()


def test_what_a_file_says_of_itself(tmp_path: Path) -> None:
    sweep = tr.Sweep(**GRID, estimate="bound", memory_fraction=0.8)
    stored = sweep.to_parquet(tmp_path / "out", COLUMNS, rows_per_file=1000)
    result = sweep.run("tpot_s")
    for file in stored.files:
        read = pq.ParquetFile(file)
        said = {k.decode(): json.loads(v) for k, v in read.schema_arrow.metadata.items() if k.startswith(b"tokenroof")}
        assert said["tokenroof"] == json.loads(json.dumps(result.meta)) and said["tokenroof"]["estimate"] == "bound"
        assert said["tokenroof.definition"] == stored.definition
        assert said["tokenroof.definition"]["axes"]["batch"] == "1:60"
        assert said["tokenroof.definition"]["made"]["catalogue"] == result.meta["catalogue"]
        assert said["tokenroof.sources"] == result.cite().sources
        group = read.metadata.row_group(0)
        for at in range(group.num_columns):
            column = group.column(at)
            if column.path_in_schema in GRID:
                assert "RLE_DICTIONARY" in column.encodings and column.has_dictionary_page
            if column.path_in_schema == "tpot_s":
                assert column.statistics.min <= column.statistics.max and not column.has_dictionary_page
    assert str(stored.cite()) == str(result.cite()) and stored.meta == said["tokenroof"]
    assert stored.cite().to_dict() == result.cite().to_dict()


def test_what_is_read_back_converts_as_a_result_does(tmp_path: Path) -> None:
    sweep = tr.Sweep(**GRID)
    found, want = sweep.to_parquet(tmp_path / "out", COLUMNS).result(), sweep.run(COLUMNS)
    assert found.to_arrow().equals(want.to_arrow()) and repr(found) == repr(want)
    assert str(found.cite()) == str(want.cite())


def test_what_is_read_back_converts_to_xarray(tmp_path: Path) -> None:
    pytest.importorskip("xarray")
    sweep = tr.Sweep(**GRID)
    found = sweep.to_parquet(tmp_path / "out", COLUMNS).result().to_xarray()
    assert found.equals(sweep.run(COLUMNS).to_xarray())


def test_zipped_axes_fields_and_expressions(tmp_path: Path) -> None:
    sweep = tr.Sweep(
        **{"hardware.memory_bandwidth": ["x1", "x2", "2 TB/s"]},
        hardware=["h100-sxm", "b200-sxm"],
        model="llama-3.1-8b",
        isl=[512, 512, 4096],
        osl=[64, 256, 64],
        batch="1:20",
        zip=[("isl", "osl")],
    )
    columns = ["tpot_s", "usd_per_mtok + 0.1 * tpot_s"]
    stored = sweep.to_parquet(tmp_path / "out", columns, rows_per_file=100)
    assert_same(stored.result(), sweep.run(columns))
    assert stored.result().to_arrow().equals(sweep.run(columns).to_arrow())
    assert stored.to_arrow().num_rows == sweep.size == 360
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        again = sweep.to_parquet(tmp_path / "again", columns, rows_per_file=100, executor=pool)
        found = sweep.best(columns[1], by=["hardware.memory_bandwidth"], executor=pool)
    assert content(tmp_path / "again") == content(tmp_path / "out") and again.complete
    assert found.rows() == sweep.best(columns[1], by=["hardware.memory_bandwidth"]).rows() and len(found) == 3
    faster = replace(tr.hardware("h100-sxm"), memory_bandwidth=5e12)
    with pytest.raises(SpecError, match="hardware h100-sxm has other numbers"):
        tr.Sweep(
            **{"hardware.memory_bandwidth": ["x1", "x2", "2 TB/s"]},
            hardware=[faster, "b200-sxm"],
            model="llama-3.1-8b",
            isl=[512, 512, 4096],
            osl=[64, 256, 64],
            batch="1:20",
            zip=[("isl", "osl")],
        ).to_parquet(tmp_path / "out", columns, rows_per_file=100)


def test_reading_in_part(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.dataset as ds

    stored = tr.Sweep(**GRID).to_parquet(tmp_path / "out", COLUMNS, rows_per_file=500)
    fast = stored.to_arrow(["hardware", "batch", "tpot_s"], where=ds.field("tpot_s") <= 0.01)
    everything = stored.to_arrow()
    assert fast.num_rows == sum(v <= 0.01 for v in everything["tpot_s"].to_pylist()) > 0
    assert pa.table(stored).equals(everything), "Arrow's stream protocol"
    with pytest.raises(UnknownNameError, match="column of this sweep 'tpot'.*'tpot_s'"):
        stored.to_arrow(["tpot"])
    with pytest.raises(UnknownNameError, match="column of this sweep 'batch'"):
        stored.result(["batch"])
    with pytest.raises(UnknownNameError, match="column of this sweep 'mfu'"):
        stored.result("mfu")


def test_a_query(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    sweep = tr.Sweep(**GRID)
    sweep.to_parquet(tmp_path / "out", COLUMNS, rows_per_file=500)
    rows = duckdb.sql(
        f"select hardware, min(usd_per_mtok) from '{tmp_path}/out/*.parquet' "
        "where status = 0 and tpot_s <= 0.01 group by hardware order by hardware"
    ).fetchall()
    best = sweep.best("usd_per_mtok", by="hardware", where="tpot_s <= 0.01")
    assert rows == sorted((row["hardware"], row["usd_per_mtok"]) for row in best) and len(rows) == 2


def test_executors_write_the_same_files(tmp_path: Path) -> None:
    sweep = tr.Sweep(**GRID)
    sweep.to_parquet(tmp_path / "here", COLUMNS, rows_per_file=300)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes, ThreadPoolExecutor(2) as threads:
        for name, pool in (("processes", processes), ("threads", threads)):
            assert sweep.to_parquet(tmp_path / name, COLUMNS, rows_per_file=300, executor=pool).complete
            assert content(tmp_path / name) == content(tmp_path / "here")


def test_a_worker_that_writes_elsewhere_is_found_out(tmp_path: Path) -> None:
    sink = writer._Files(
        writer.Layout(10, 5), tmp_path, ["tpot_s"], False, "none", {}
    )  # as if the worker had another disk
    written = writer._Written()
    written.add((5, 10))
    with pytest.raises(WorkerError, match=r"wrote part-1.parquet, which is not there as seen from here"):
        sink.merge(writer._Written(), written)


def test_memory_stays_bounded(tmp_path: Path) -> None:
    """A GB of columns; what the process takes beyond what pyarrow and a small run take is a few row groups."""
    pytest.importorskip("resource")
    code = """
import resource, sys, tokenroof as tr
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
grid = dict(model="llama-3.1-8b", hardware="h100-sxm", isl="1:2000")
columns = ["tpot_s", "ttft_s", "usd_per_mtok", "mem_bytes_per_chip"]
tr.Sweep(**grid, batch="1:200").to_parquet("small", columns, threads=1, compression="none", rows_per_file=1 << 20)
small = peak()
big = tr.Sweep(**grid, batch="1:8000")
big.to_parquet("big", columns, threads=1, compression="none", rows_per_file=1 << 20)
print(8 * len(columns) * big.size, peak() - small)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment())
    assert done.returncode == 0, done.stderr
    written, more = map(int, done.stdout.split())
    shutil.rmtree(tmp_path)
    assert written == 512_000_000 and more < 64_000_000


# The command line.


def test_the_command_writes_a_folder_and_goes_on(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    grid = ["--model", "llama-3.1-8b", "--hardware", "h100-sxm,b200-sxm", "--batch", "1:50", "--columns", "tpot_s"]
    out = ["--out", f"{tmp_path}/out/"]
    assert main(["sweep", *grid, *out, "--rows-per-file", "30", "--float32"]) == 0
    assert "100 points in 4 files" in capsys.readouterr().out
    stored = tr.open_sweep(tmp_path / "out")
    assert stored.complete and stored.result()["tpot_s"].dtype == np.float32
    assert main(["sweep", *grid, *out, "--rows-per-file", "30", "--float32", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["points"] == 100
    assert main(["sweep", *grid, *out, "--rows-per-file", "31"]) == 2
    assert "rows_per_file was 30 and is 31" in capsys.readouterr().err
    assert main(["sweep", *grid, "--rows-per-file", "31"]) == 2
    assert "rows_per_file = 31: expected only with --out DIR/" in capsys.readouterr().err
