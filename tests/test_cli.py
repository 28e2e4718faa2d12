"""The command: every one of its words, in text and JSON, and what it says when the input is wrong."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tokenroof as tr
from tokenroof.cli import main
from tokenroof.sweep import Sweep

GRID = ["--model", "llama-3.1-8b", "--hardware", "h100-sxm,b200-sxm", "--tp", "1,2", "--batch", "1:8"]


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(list(argv)) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def run_json(capsys: pytest.CaptureFixture[str], *argv: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(run(capsys, *argv, "--json"), parse_constant=refuse)


def fail(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(list(argv)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


def test_point_agrees_with_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--precision", "fp8", "--tp", "4", "--batch", "32", "--isl", "2048", "--osl", "128"]
    told = run_json(capsys, "point", "llama-3.1-70b", "h100-sxm", *options, "--estimate", "bound")
    p = tr.point("llama-3.1-70b", "h100-sxm", precision="fp8", tp=4, batch=32, isl=2048, osl=128, estimate="bound")
    assert told == p.to_dict()


def test_point_in_text(capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "point", "llama-3.1-70b", "h100-sxm", "--precision", "fp8", "--tp", "4")
    assert "tpot_s" in text
    assert "mean time per output token" in text
    assert "speed of light" in run(capsys, "point", "llama-3.1-70b", "h100-sxm", "--tp", "4", "--explain")


def test_point_that_cannot_be_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert "does not count" in run(capsys, "point", "llama-3.1-70b", "h100-sxm", "--tp", "3")
    told = run_json(capsys, "point", "llama-3.1-70b", "h100-sxm", "--tp", "3")
    assert told["tpot_s"] is None
    assert "heads" in told["status"]


def test_point_from_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    config = {"model_type": "llama", "hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 4,
              "num_attention_heads": 8, "num_key_value_heads": 2, "vocab_size": 1000,
              "max_position_embeddings": 4096}  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    chip = tmp_path / "mine.toml"
    chip.write_text(
        'id = "mine"\n[peak]\nbf16 = "100 TFLOPS"\n[memory]\ncapacity = "10 GB"\nbandwidth = "1 TB/s"\n',
        encoding="utf-8",
    )
    for model in (str(tmp_path / "config.json"), str(tmp_path)):
        told = run_json(capsys, "point", model, str(chip), "--isl", "128", "--osl", "16")
        assert told["hardware"] == "mine"
        assert told["status"] == "ok"
    assert run_json(capsys, "models", str(tmp_path))["layers"] == 4
    facts = run_json(capsys, "hardware", str(chip))["facts"]
    assert {"peak.bf16", "memory.bandwidth"} <= {fact["fact"] for fact in facts}
    assert "not graded" in run(capsys, "hardware", str(chip))


def test_sweep_prints_points_or_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "sweep", *GRID, "--columns", "tpot_s").count("b200-sxm") == 16
    text = run(capsys, "sweep", *GRID, "--isl", "128:8192:x2", "--columns", "tpot_s,usd_per_mtok", "--no-progress")
    assert "224 points" in text
    assert "median" in text


def test_sweep_json_has_every_value(capsys: pytest.CaptureFixture[str]) -> None:
    told = run_json(capsys, "sweep", *GRID, "--columns", "tpot_s,status", "--threads", "2", "--isa", "generic")
    assert told["shape"] == [1, 2, 2, 8]
    assert list(told["axes"]) == ["model", "hardware", "tp", "batch"]
    sweep = tr.Sweep(model="llama-3.1-8b", hardware=["h100-sxm", "b200-sxm"], tp=[1, 2], batch="1:8")
    assert told["values"]["tpot_s"] == sweep.run("tpot_s")["tpot_s"].ravel().tolist()
    assert told["summary"]["tpot_s"]["points"] == 32
    assert "b300-sxm" not in told["axes"]["hardware"]


def test_sweep_writes_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for name in ("points.csv", "points.parquet"):
        assert name in run(capsys, "sweep", *GRID, "--columns", "tpot_s,bottleneck", "--out", str(tmp_path / name))
    with (tmp_path / "points.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 32
    assert rows[-1]["hardware"] == "b200-sxm"
    assert rows[-1]["batch"] == "8"
    assert rows[0]["bottleneck"] in ("compute", "memory", "network", "overhead")
    table = parquet.read_table(tmp_path / "points.parquet")
    assert table["tpot_s"].to_pylist() == [float(row["tpot_s"]) for row in rows]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["points.csv", "points.parquet"]  # no temporary file stays


def test_csv_leaves_out_what_has_no_meaning(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "o.csv"
    run(
        capsys,
        "sweep",
        "--model",
        "llama-3.1-8b",
        "--hardware",
        "h100-sxm",
        "--tp",
        "3",
        "--columns",
        "tpot_s",
        "--out",
        str(out),
    )
    assert out.read_text().splitlines()[1] == "llama-3.1-8b,h100-sxm,3,"


def test_best_agrees_with_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    told = run_json(capsys, "best", "usd_per_mtok", *GRID, "--by", "hardware", "--where", "tpot_s <= 0.01",
                    "--where", "ttft_s < 1", "--k", "2", "--columns", "tpot_s")  # fmt: skip
    sweep = tr.Sweep(model="llama-3.1-8b", hardware=["h100-sxm", "b200-sxm"], tp=[1, 2], batch="1:8")
    table = sweep.best("usd_per_mtok", by="hardware", where=["tpot_s <= 0.01", "ttft_s < 1"], k=2, columns=["tpot_s"])
    assert told["rows"] == table.rows()
    assert told["points"] == 32


def test_best_directions(capsys: pytest.CaptureFixture[str]) -> None:
    least, most = (
        run_json(capsys, "best", "tpot_s", *GRID, flag)["rows"][0]["tpot_s"] for flag in ("--minimize", "--maximize")
    )
    assert least < most


def test_best_by_bound_is_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    ask = ("best", "usd_per_mtok", *GRID, "--isl", "64:4096:64", "--osl", "64:1024:64")
    every, bound = run_json(capsys, *ask), run_json(capsys, *ask, "--method", "bound")
    assert every["rows"] == bound["rows"] and every["points_proven"] == 0 < bound["points_proven"]
    assert "more cannot win" in run(capsys, *ask, "--method", "bound")


def test_pareto_agrees_with_the_library(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    two = "tokens_per_s_per_user,tokens_per_s_per_chip"
    out = str(tmp_path / "front.csv")
    told = run_json(
        capsys, "pareto", "--maximize", two, *GRID, "--by", "hardware", "--where", "ttft_s < 1", "--out", out
    )
    sweep = Sweep(model="llama-3.1-8b", hardware=["h100-sxm", "b200-sxm"], tp=[1, 2], batch=range(1, 9))
    table = sweep.pareto(maximize=two.split(","), by="hardware", where="ttft_s < 1")
    assert told["rows"] == table.rows() and told["maximize"] == two.split(",") and len(table) > 10
    assert len(Path(out).read_text(encoding="utf-8").splitlines()) == len(told["rows"]) + 1
    assert "no point" in run(capsys, "pareto", "--minimize", "tpot_s,ttft_s", *GRID, "--where", "tpot_s < 0")


def test_pareto_draws(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    png = tmp_path / "front.png"
    run(
        capsys, "pareto", "--maximize", "tokens_per_s_per_user", "--minimize", "usd_per_mtok", *GRID, "--plot", str(png)
    )
    assert png.stat().st_size > 10_000


def test_best_without_a_winner(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no point" in run(capsys, "best", "tpot_s", *GRID, "--where", "tpot_s < 0")


SPEC = """
[sweep]
model = "llama-3.1-8b"
hardware = ["h100-sxm", "b200-sxm"]
precision = ["bf16", "fp8"]
batch = "1:64"
[best]
objective = "usd_per_mtok"
by = ["hardware"]
where = ["tpot_s <= 0.02"]
"""


def test_spec_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(SPEC)
    rows = run_json(capsys, "best", "--spec", str(spec))["rows"]
    assert [row["hardware"] for row in rows] == ["h100-sxm", "b200-sxm"]
    assert run_json(capsys, "best", str(spec))["rows"] == rows
    assert len(run_json(capsys, "best", "tpot_s", str(spec), "--by", "precision")["rows"]) == 2
    assert run_json(capsys, "sweep", str(spec))["points"] == 256
    assert run_json(capsys, "sweep", str(spec), "--batch", "1,2", "--hardware", "h100-sxm")["points"] == 4


def test_winners_to_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("pyarrow.parquet")
    for name in ("w.csv", "w.parquet"):
        run(capsys, "best", "tpot_s", *GRID, "--by", "hardware", "--out", str(tmp_path / name))
    assert len((tmp_path / "w.csv").read_text().splitlines()) == 3


def test_all_of_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    told = run_json(capsys, "sweep", "--model", "all", "--hardware", "all", "--columns", "status")
    assert told["axes"]["model"] == tr.model_ids()
    assert told["axes"]["hardware"] == tr.hardware_ids()
    assert tr.Sweep(model="smollm2-135m", hardware="all").size == len(tr.hardware_ids())


def test_models(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["id"]: row for row in run_json(capsys, "models")}
    assert list(rows) == tr.model_ids()
    assert rows["llama-3.1-70b"]["params"] == 70_553_706_496
    assert rows["llama-3.1-70b"]["kv_bytes_per_token_bf16"] == 327_680
    assert "RUMOURED" in run(capsys, "models")
    text = run(capsys, "models", "DeepSeek-V3")
    assert "671,026,419,200" in text
    assert "aiconfigurator-configs" in text
    assert "70,272 bytes per token at bf16" in text
    told = run_json(capsys, "models", "deepseek-v3")
    assert told["operators"]
    assert all(source["ref"] for source in told["sources"])
    assert sum(told["summary"]["params_by_part"].values()) == told["params"]
    assert told["summary"]["experts"] == [{"layers": 58, "experts": 256, "active": 8}]
    assert told["summary"]["cache_uses"][0]["reads"] == [{"how": "all", "tokens": None}]


def test_models_from_a_gguf_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    from gguf_files import write

    keys = {"block_count": 4, "embedding_length": 512, "feed_forward_length": 1024, "context_length": 4096,
            "attention.head_count": 8, "attention.head_count_kv": 2, "vocab_size": 1000}  # fmt: skip
    path = str(write(tmp_path / "mine.gguf", "llama", keys))
    told = run_json(capsys, "models", path)
    assert (told["id"], told["layers"], told["summary"]["layers"]) == ("mine", 4, 4)
    assert "4 layers, hidden 512" in run(capsys, "models", path)
    assert run_json(capsys, "point", path, "h100-sxm", "--isl", "128", "--osl", "16")["model"] == "mine"


def test_hardware(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["id"]: row for row in run_json(capsys, "hardware")}
    assert list(rows) == tr.hardware_ids()
    assert rows["h100-sxm"]["memory_bandwidth_bytes_per_s"] == 3.35e12
    assert "h100-sxm" in run(capsys, "hardware")
    text = run(capsys, "hardware", "h100-sxm")
    assert "3.35 TB/s" in text  # the source's own spelling
    assert "ASSUMED" in text
    assert "CLAIM" in text


def test_every_catalogue_entry_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for id in tr.hardware_ids():
        assert id in run(capsys, "hardware", id)
    for id in tr.model_ids():
        assert id in run(capsys, "models", id)


def test_columns(capsys: pytest.CaptureFixture[str]) -> None:
    rows = run_json(capsys, "columns")
    assert [row["column"] for row in rows] == list(tr.COLUMNS)
    assert "usd_per_mtok" in run(capsys, "columns")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["point", "llama-3.1-70b", "h100"], ["unknown hardware 'h100'", "h100-sxm"]),
        (["point", "llama-3.1-70", "h100-sxm"], ["unknown model", "llama-3.1-70b"]),
        (["point", "llama-3.1-70b", "h100-sxm", "--tp", "0"], ["tp", "0"]),
        (["point", "llama-3.1-70b", "h100-sxm", "--batch", "1:4"], ["batch", "one value"]),
        (["point", "llama-3.1-70b", "h100-sxm", "--precision", "fp9"], ["precision 'fp9'"]),
        (["point", "llama-3.1-70b", "h100-sxm", "--estimate", "hope"], ["estimate = 'hope'"]),
        (["point", "./none/config.json", "h100-sxm"], ["none"]),
        (["sweep", *GRID, "--columns", "tpot"], ["unknown column 'tpot'", "tpot_s"]),
        (["sweep", *GRID, "--isa", "sse"], ["isa = 'sse'"]),
        (["sweep", *GRID, "--threads", "0"], ["threads = 0"]),
        (["sweep", *GRID, "--out", "x.xls"], ["out = 'x.xls'", ".parquet"]),
        (["sweep", *GRID, "--out", "./no/such/folder/x.csv"], ["out", "folder that exists"]),
        (["sweep", *GRID, "--json", "--isl", "1:100000"], ["--out"]),
        (["sweep", "--model", "llama-3.1-8b"], ["hardware = None"]),
        (["sweep", *GRID, "--isl", "1:9999999", "--osl", "1:9999999"], ["GB"]),
        (["best", *GRID], ["objective = None"]),
        (["best", "tpot_s", *GRID, "--by", "colour"], ["unknown axis"]),
        (["best", "tpot_s", *GRID, "--where", "tpot_s ~ 1"], ["where = 'tpot_s ~ 1'"]),
        (["best", "tpot_s", *GRID, "--k", "0"], ["k = 0"]),
        (["best", "tpot_s", "a.toml", "--spec", "b.toml"], ["one spec file"]),
        (["best", "tpot_s", *GRID, "--method", "luck"], ["method = 'luck'", "every, bound"]),
        (["pareto", *GRID, "--maximize", "tpot_s"], ["objectives", "2 to 4"]),
        (["pareto", *GRID, "--maximize", "tpot_s,cost"], ["unknown column"]),
        (["pareto", "a.toml", "--spec", "b.toml"], ["one spec file"]),
        (["sweep", "missing.toml"], ["missing.toml", "cannot be read"]),
        (["models", "gpt-9"], ["unknown model"]),
        (["models", "./none.gguf"], ["none.gguf", "cannot be read"]),
        (["hardware", "h900-sxm"], ["unknown hardware", "h100-sxm"]),
        (["nothing"], ["invalid choice"]),
        (["sweep", *GRID, "--btach", "3"], ["--btach"]),
        ([], ["COMMAND"]),
    ],
)  # fmt: skip
def test_wrong_input_is_told(capsys: pytest.CaptureFixture[str], argv: list[str], words: list[str]) -> None:
    told = fail(capsys, *argv)
    for word in words:
        assert word in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[sweep\n", ["not valid TOML", "line 1"]),
        ("[best]\nk = 1\n", ["[sweep]"]),
        (SPEC + "[bset]\nk = 1\n", ["'bset'", "'best'"]),
        (SPEC + "size = 3\n", ["'size'"]),
        (SPEC.replace("batch", "batsch"), ["'batsch'", "'batch'"]),
        (SPEC.replace('"1:64"', '"64:1"'), ["batch", "64:1"]),
        (SPEC.replace("[best]", "best = 3\n[other]"), ["unknown"]),
    ],
)  # fmt: skip
def test_wrong_spec_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, words: list[str]) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(text)
    told = fail(capsys, "best", str(spec))
    for word in words:
        assert word in told


def test_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    from tokenroof.files import write_atomically

    out = tmp_path / "kept.txt"
    out.write_text("old")

    def broken(name: str) -> None:
        Path(name).write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(tr.TokenroofError, match="No space left"):
        write_atomically(out, broken)
    assert out.read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version") == f"tokenroof {tr.__version__}\n"
    assert "examples:" in run(capsys, "--help")
    for command in ("point", "sweep", "best"):
        assert "examples:" in run(capsys, command, "--help")


def test_interrupt(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tr.Sweep, "run", stop)
    assert main(["sweep", *GRID]) == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="pipes as POSIX has them")
def test_module_and_broken_pipe() -> None:
    command = [sys.executable, "-m", "tokenroof", "sweep", *GRID, "--isl", "1:200", "--json"]
    env = os.environ | {"PYTHONPATH": str(Path(tr.__file__).parents[1])}  # whether it is installed or not
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 141


def test_importing_a_module_keeps_the_function_of_its_name() -> None:
    import tokenroof.fleets  # noqa: F401
    import tokenroof.points  # noqa: F401

    assert callable(tr.point)
    assert callable(tr.fleet)


def test_fields_zips_and_expressions_on_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    base = ["--model", "llama-3.1-8b", "--hardware", "h100-sxm", "--json"]
    argv = [
        "sweep",
        *base,
        "--isl",
        "512,8192",
        "--osl",
        "64,1024",
        "--zip",
        "isl,osl",
        "--set",
        "hardware.mem_bw=x1,8 TB/s",
    ]
    found = json.loads(run(capsys, *argv, "--columns", "tpot_s, min(tpot_s, 0.003)"))
    assert found["shape"] == [1, 1, 2, 2] and found["axes"]["isl,osl"] == [[512, 64], [8192, 1024]]
    assert found["set by the caller"] == {"hardware.memory_bandwidth": ["x1", 8e12]}
    sw = tr.Sweep(**{"model": "llama-3.1-8b", "hardware": "h100-sxm", "hardware.mem_bw": ["x1", "8 TB/s"]},
               lengths=tr.zipped(isl=[512, 8192], osl=[64, 1024]))  # fmt: skip
    want = sw.run("tpot_s")["tpot_s"]
    assert found["values"]["tpot_s"] == want.transpose(0, 1, 3, 2).ravel().tolist()
    assert found["values"]["min(tpot_s, 0.003)"] == [min(x, 0.003) for x in found["values"]["tpot_s"]]
    table = run(capsys, *argv[:5], *argv[6:], "--columns", "tpot_s")
    assert "hardware.memory_bandwidth" in table and "8 TB/s" in table
    out = tmp_path / "rows.csv"
    run(capsys, *argv, "--out", str(out))
    assert out.read_text().splitlines()[0].startswith("model,hardware,isl,osl,hardware.memory_bandwidth,")
    assert out.read_text().splitlines()[1].startswith("llama-3.1-8b,h100-sxm,512,64,x1,")


def test_a_spec_file_holds_all_of_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(
        '[sweep]\nmodel = "mixtral-8x7b"\nhardware = ["h100-sxm", "l4"]\nbatch = "1:64"\n'
        "isl = [512, 8192]\nosl = [64, 1024]\n"
        'zip = [["isl", "osl"]]\n"hardware.memory_bandwidth" = ["x1", "1 TB/s:4 TB/s:x2"]\n"model.experts" = [8, 16]\n'
        'parallelism = "auto"\nchips = 8\n'
        '[best]\nobjective = "usd_per_mtok + 10 * tpot_s"\nby = ["hardware", "osl", "model.experts"]\n'
        'where = ["tokens_per_s_per_chip / usd_per_mtok >= 1", "ttft_s <= 2 or batch == 1"]\n'
    )
    found = json.loads(run(capsys, "best", str(spec), "--json"))
    rows = found["rows"]
    assert {(r["hardware"], r["osl"], r["model.experts"]) for r in rows} >= {
        ("h100-sxm", 64, 8),
        ("h100-sxm", 1024, 16),
    }
    assert all(r["tokens_per_s_per_chip"] / r["usd_per_mtok"] >= 1 for r in rows)
    assert all(r["usd_per_mtok + 10 * tpot_s"] == r["usd_per_mtok"] + 10 * r["tpot_s"] for r in rows)
    assert all(r["ttft_s"] <= 2 or r["batch"] == 1 for r in rows)


def test_what_the_command_line_refuses_of_fields(capsys: pytest.CaptureFixture[str]) -> None:
    base = ["best", "tpot_s", "--model", "llama-3.1-8b", "--hardware", "h100-sxm"]
    for more, words in (
        (["--set", "hardware.mem_bw"], ["FIELD=VALUES"]),
        (["--set", "hardware.mem_bv=1e12"], ["hardware.mem_bw"]),
        (["--zip", "isl"], ["zip", "lists of names"]),
        (["--where", "tpot_s + usd_per_mtok <= 1"], ["s and USD"]),
    ):
        assert main([*base, *more]) == 2
        said = capsys.readouterr().err
        assert all(word in said for word in words), said
