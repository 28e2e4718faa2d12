"""Sweeps on disk: what is written is what `run` returns, whole or broken off and taken up again."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import bits

import tokenroof as tr
from tokenroof import parquet
from tokenroof.cli import main
from tokenroof.coordinates import Coordinate, coordinates
from tokenroof.errors import Interrupted, SpecError, TokenroofError, UnknownNameError, WorkerError
from tokenroof.parquet import files as parts
from tokenroof.parquet import writer
from tokenroof.parquet.definition import changes

pq = pytest.importorskip("pyarrow.parquet")

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


# Broken off and taken up.


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(tr.__file__).parent.parent), *filter(None, sys.path)])}


CHILD = """
import sys, tokenroof as tr
from tokenroof.parquet import files
files.ROWS_PER_GROUP = 1000
sweep = tr.Sweep(model="llama-3.1-8b", hardware=["h100-sxm", "b200-sxm"], batch="1:250", isl="1:800")
sweep.to_parquet(sys.argv[1], ["tpot_s", "usd_per_mtok"], rows_per_file=2000, threads=2)
"""


def stored_points(folder: Path) -> int:
    try:
        return int(json.loads((folder / "manifest.json").read_text())["points"])
    except OSError:
        return 0


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_killed_at_any_moment_it_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    """SIGKILL again and again, at random moments; the files are those of a run that nothing disturbed."""
    (tmp_path / "child.py").write_text(CHILD)
    command = [sys.executable, str(tmp_path / "child.py")]
    killed, seen = tmp_path / "killed", [0]
    for attempt in range(200):
        with subprocess.Popen([*command, str(killed)], stderr=subprocess.PIPE, env=environment()) as child:
            until = time.monotonic() + 60
            while child.poll() is None and stored_points(killed) == seen[-1] and time.monotonic() < until:
                time.sleep(0.002)
            time.sleep(random.uniform(0.0, 0.05))
            if attempt < 3:
                child.send_signal(signal.SIGKILL)
            assert child.stderr is not None
            said = child.stderr.read().decode()
        assert child.returncode in (0, -signal.SIGKILL), said
        seen.append(stored_points(killed))
        if child.returncode == 0:
            break
    assert seen == sorted(seen) and seen[1] > 0 and len(seen) > 2, "what was whole stayed"
    whole = tmp_path / "whole"
    subprocess.run([*command, str(whole)], check=True, env=environment())
    assert content(killed) == content(whole)
    stored = tr.open_sweep(killed)
    assert stored.complete and stored.size == 400_000 and len(stored.files) == 200


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT to another process")
def test_control_c_keeps_the_files_that_are_whole(tmp_path: Path) -> None:
    """Files of minutes each, broken off between two row groups; on the command line."""
    grid = [
        "--model",
        "llama-3.1-8b",
        "--hardware",
        "h100-sxm",
        "--batch",
        "1:1000",
        "--isl",
        "1:1000",
        "--osl",
        "1:50",
    ]
    command = [sys.executable, "-m", "tokenroof", "sweep", *grid, "--columns", "tpot_s", "--out", f"{tmp_path}/out/"]
    command += ["--rows-per-file", "50000000", "--compression", "none"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as child:
        until = time.monotonic() + 60
        while not list(tmp_path.glob("out/.part*")) and time.monotonic() < until:
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        sent = time.monotonic()
        out, err = child.communicate(timeout=60)
        took = time.monotonic() - sent
    assert child.returncode == 130 and out == "", err
    assert "interrupted after 0 of 50,000,000 points" in err and took < 10.0
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["manifest.json", "sweep.json"]
    stored = tr.open_sweep(tmp_path / "out")
    assert not stored.complete and stored.done == 0 and "0 of them stored" in repr(stored)


def broken_off(sweep: tr.Sweep, folder: Path, monkeypatch: pytest.MonkeyPatch, **how: Any) -> Interrupted:
    """A run that Ctrl-C ended after two files."""
    add, count = writer._Folder.add, [0]

    def add_and_stop(self: Any, span: Any) -> None:
        add(self, span)
        count[0] += 1
        if count[0] == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(Interrupted) as caught:
        patch.setattr(writer._Folder, "add", add_and_stop)
        sweep.to_parquet(folder, COLUMNS, rows_per_file=300, threads=1, **how)
    return caught.value


def test_taking_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep, folder = tr.Sweep(**GRID), tmp_path / "out"
    stop = broken_off(sweep, folder, monkeypatch)
    assert stop.partial.done == 600 and not stop.partial.complete and len(stop.partial.files) == 2
    assert stop.partial.to_arrow().num_rows == 600
    with pytest.raises(TokenroofError, match="600 of 1,920 points are stored: call to_parquet again"):
        stop.partial.result()
    first = (folder / "part-0.parquet").stat()
    (folder / ".part-3-0123456789ab.parquet").write_bytes(b"half a fi")  # what a kill leaves
    (folder / "part-1.parquet").write_bytes((folder / "part-1.parquet").read_bytes()[:-9])  # what a crash may leave
    assert sweep.to_parquet(folder, COLUMNS, rows_per_file=300).complete
    assert (folder / "part-0.parquet").stat().st_mtime_ns == first.st_mtime_ns, "what was whole is not written again"
    sweep.to_parquet(tmp_path / "whole", COLUMNS, rows_per_file=300)
    assert content(folder) == content(tmp_path / "whole")
    before = {file: file.stat().st_mtime_ns for file in folder.glob("part*")}
    assert sweep.to_parquet(folder, COLUMNS, rows_per_file=300).complete
    assert before == {file: file.stat().st_mtime_ns for file in folder.glob("part*")}


H100 = tr.hardware("h100-sxm")


@pytest.mark.parametrize(
    ("axes", "files", "words"),
    [
        ({"batch": "1:61"}, {}, "batch was '1:60' and is '1:61'"),
        ({"tp": [4, 1, 2, 8]}, {}, "tp was [4, 1, 2, 1] and is [4, 1, 2, 8]"),
        ({"osl": 512}, {}, "osl is new: [512]"),
        ({"estimate": "bound"}, {}, "estimate was 'typical' and is 'bound'"),
        ({"memory_fraction": 0.8}, {}, "memory_fraction was 0.9 and is 0.8"),
        (
            {"hardware": [replace(H100, memory_bandwidth=H100.memory_bandwidth * 2), "b200-sxm"]},
            {},
            "hardware h100-sxm has other numbers",
        ),
        (
            {},
            {"columns": ["tpot_s"]},
            "columns was ['tpot_s', 'usd_per_mtok', 'status', 'max_batch'] and is ['tpot_s']",
        ),
        ({}, {"rows_per_file": 301}, "rows_per_file was 300 and is 301"),
        ({}, {"float32": True, "compression": "none"}, "float32 was False and is True; compression was 'zstd' and is"),
        ({"batch": "1:60", "order": True}, {}, "dims was ['batch', 'hardware', 'model', 'tp', 'isl', 'precision']"),
    ],
)
def test_another_sweep_is_refused_and_told_what_changed(
    axes: dict[str, Any], files: dict[str, Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_off(tr.Sweep(**GRID), tmp_path / "out", monkeypatch)
    before = content(tmp_path / "out")
    changed = dict(reversed(GRID.items())) if axes.pop("order", False) else GRID
    with pytest.raises(SpecError) as caught:
        tr.Sweep(**changed | axes).to_parquet(tmp_path / "out", **{"columns": COLUMNS, "rows_per_file": 300} | files)
    assert "expected a folder of this same sweep, but " in str(caught.value) and words in str(caught.value)
    assert content(tmp_path / "out") == before


def test_other_versions_are_other_definitions() -> None:
    sweep = tr.Sweep(**GRID)
    now = parquet.definition.definition_of(sweep.axes, sweep.settings, {})
    old = json.loads(json.dumps(now)) | {"made": {"tokenroof": "0.0.9", "catalogue": "2025.01+0"}}
    assert changes(now, now) == []
    assert [text.split()[0] for text in changes(old, now)] == ["tokenroof", "catalogue"]


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
