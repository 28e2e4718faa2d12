"""Sweeps on disk that were killed, ended by Ctrl-C or changed: taken up again, or refused in words that say why."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from folders import COLUMNS, GRID, content, environment

import tokenroof as tr
from tokenroof import parquet
from tokenroof.errors import Interrupted, SpecError, TokenroofError
from tokenroof.parquet import writer
from tokenroof.parquet.definition import changes

pytest.importorskip("pyarrow.parquet")


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
