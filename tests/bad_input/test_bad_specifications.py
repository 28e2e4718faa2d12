"""Specifications and files that are refused: each message names field or file, value and what is right."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from refusals import refused

import tokenroof as tr
from tokenroof.errors import CatalogueError, ConfigError, NativeError, SpecError, UnknownNameError
from tokenroof.specs import Calibration, Hardware, Kind, Link, Model, Operator, Precision
from tokenroof.sweep import Sweep

# Specifications.


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Operator("x", Kind.GEMM, count=-1.0), ["operator 'x'", "count = -1.0", "not negative"]),
        (lambda: Operator("x", Kind.GEMM, flops_token=math.nan), ["flops_token = nan"]),
        (lambda: Operator("x", Kind.GEMM, flops_token=math.inf), ["flops_token = inf", "finite"]),
        (lambda: Operator("x", Kind.GEMM, read_elems="7"), ["read_elems = '7'"]),  # type: ignore[arg-type]
        (lambda: Operator("x", Kind.ATTENTION, window=0.0), ["window = 0.0", "at least one token"]),
        (lambda: Operator("x", Kind.EXPERTS, experts=4.0, active=5.0), ["active = 5.0", "4"]),
        (lambda: Operator("x", Kind.EXPERTS), ["active = 0.0"]),
        (lambda: Model("m", (), 1, 1, 1), ["model 'm'", "operators", "at least one"]),
        (lambda: Model("m", (Operator("x", Kind.GEMM),), 0, 1, 1), ["layers = 0", "at least 1"]),
        (lambda: Model("m", (Operator("x", Kind.GEMM),), 1, 1, 1, max_context=math.nan), ["max_context = nan"]),
        (lambda: Hardware("h", {}, 1.0, 1.0), ["hardware 'h'", "peaks", "at least one"]),
        (lambda: Hardware("h", {"bf16": 0.0}, 1.0, 1.0), ["peaks.bf16 = 0.0", "above 0"]),
        (lambda: Hardware("h", {"bf16": 1.0}, -1.0, 1.0), ["memory_bytes = -1.0", "above 0"]),
        (lambda: Hardware("h", {"bf16": 1.0}, 1.0, math.nan), ["memory_bandwidth = nan"]),
        (lambda: Hardware("h", {"bf16": 1.0}, 1.0, 1.0, scaleup=Link("l", 0.0)), ["link 'l'", "bandwidth = 0.0"]),
        (
            lambda: Hardware("h", {"bf16": 1.0}, 1.0, 1.0, scaleup=Link("l", 1.0, 0.5)),
            ["domain = 0.5", "at least one chip"],
        ),
        (lambda: Hardware("h", {"bf16": 1.0}, 1.0, 1.0, power_max=-3.0), ["power_max = -3.0"]),
        (lambda: Hardware("h", {"bf16": 1.0}, 1.0, 1.0, sram_bytes=math.nan), ["sram_bytes = nan"]),
        (
            lambda: Hardware("h", {"bf16": 1.0}, 1.0, 1.0, calibration=Calibration(1.2)),
            ["compute_efficiency = 1.2", "at most 1"],
        ),
        (
            lambda: Hardware("h", {"bf16": 1.0}, 1.0, 1.0, calibration=Calibration(step_overhead=-1.0)),
            ["step_overhead = -1.0"],
        ),
        (
            lambda: Hardware("h", {"bf16": 1.0}, 1.0, 1.0, power_max=5.0, power_idle=6.0),
            ["power_idle = 6.0", "at most power_max"],
        ),
        (
            lambda: Hardware("h", {"bf16": 1.0}, 1.0, 1.0, scaleout=Link("l", 1.0, 2.5)),
            ["domain = 2.5", "a whole number"],
        ),
        (lambda: Precision("p", weights="int5"), ["precision 'p'", "weights = 'int5'", "'int4'", "one of"]),
        (lambda: Precision("p", activations="q4_k"), ["activations = 'q4_k'", "one of"]),
    ],
)
def test_specifications_that_cannot_be(make: Callable[[], Any], words: list[str]) -> None:
    with refused(SpecError, *words, "expected"):
        make()


# Files.


def test_a_config_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "config.json", tmp_path, tmp_path / "nothing"):
        with refused(ConfigError, str(path), "cannot be read"):
            tr.Model.from_hf(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", ["not valid JSON"]),
        ("[]", ["JSON object"]),
        ("\xff\xfe", ["config.json"]),
        ("{}", ["model_type"]),
        ('{"model_type": "lama"}', ["'lama'", "llama"]),
        ('{"model_type": "llama", "hidden_size": 64}', ["missing key"]),
        (
            '{"model_type": "llama", "hidden_size": -64, "num_hidden_layers": 2, "num_attention_heads": 4, '
            '"intermediate_size": 8, '
            '"vocab_size": 9}',
            ["hidden_size = -64", "at least 1"],
        ),
    ],
)
def test_damaged_configs(tmp_path: Path, text: str, words: list[str]) -> None:
    (tmp_path / "config.json").write_bytes(text.encode("latin-1"))
    with refused(ConfigError, *words):
        tr.Model.from_hf(tmp_path)


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("\n[sweep\nmodel = 1", CatalogueError, ["not valid TOML", "line 2"]),
        ("\xff", CatalogueError, ["not UTF-8"]),
        ("", SpecError, ["sweep = None", "[sweep]"]),
        ("sweep = 5", SpecError, ["sweep = 5", "[sweep]"]),
        ('[sweep]\nmodel = "llama-2-7b"', SpecError, ["hardware = None"]),
        ('[sweep]\nmodel = "llama-2-7b"\nhardware = "h100-sxm"\nbacth = 3', UnknownNameError, ["'bacth'", "'batch'"]),
        ('[sweep]\nmodel = "llama-2-7b"\nhardware = "h100-sxm"\nbatch = "9:1"', SpecError, ["batch = '9:1'"]),
        ('[sweep]\nmodel = "llama-2-7b"\nhardware = "h100-sxm"\nbatch = 2020-01-01', SpecError, ["batch"]),
        ('[sweep]\nmodel = "llama-2-7b"\nhardware = "h100-sxm"\nestimate = "best"', SpecError, ["estimate = 'best'"]),
        (
            '[sweep]\nmodel = "llama-2-7b"\nhardware = "h100-sxm"\nmemory_fraction = 2',
            SpecError,
            ["memory_fraction = 2"],
        ),
    ],
)
def test_damaged_sweeps(tmp_path: Path, text: str, kind: type[Exception], words: list[str]) -> None:
    (tmp_path / "sweep.toml").write_bytes(text.encode("latin-1"))
    with refused(kind, *words):
        Sweep.from_toml(tmp_path / "sweep.toml")


def test_a_sweep_that_is_not_there(tmp_path: Path) -> None:
    with refused(CatalogueError, "none.toml", "cannot be read"):
        Sweep.from_toml(tmp_path / "none.toml")


CHIP = 'id = "x"\n[peak]\nbf16 = "1 TFLOPS"\n[memory]\ncapacity = "1 GB"\nbandwidth = "1 GB/s"\n'


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("id = \n", CatalogueError, ["not valid TOML", "line 1"]),
        (CHIP.replace('"1 GB/s"', '"1 GB"'), SpecError, ["memory.bandwidth = '1 GB'", "GB/s"]),
        (CHIP.replace('"1 TFLOPS"', "1e12"), SpecError, ["peak.bf16", "unit"]),
        (CHIP.replace('"1 TFLOPS"', '"-1 TFLOPS"'), SpecError, ["peak.bf16 = '-1 TFLOPS'", "not negative"]),
        (CHIP.replace("bf16", "bf61"), CatalogueError, ["'bf61'", "'bf16'"]),
        (CHIP.replace("bandwidth", "bandwith"), CatalogueError, ["'bandwith'", "'bandwidth'"]),
        (CHIP + "[power]\nmax = true\n", SpecError, ["power.max = True"]),
    ],
)
def test_damaged_chips(tmp_path: Path, text: str, kind: type[Exception], words: list[str]) -> None:
    (tmp_path / "chip.toml").write_text(text, encoding="utf-8")
    with refused(kind, "chip.toml", *words):
        tr.Hardware.from_toml(tmp_path / "chip.toml")


def test_an_error_says_what_it_holds() -> None:
    error = SpecError("batch", -1, "a whole number", "here")
    assert (error.field, error.value, error.expected, str(error)) == (
        "batch",
        -1,
        "a whole number",
        "here: batch = -1: expected a whole number",
    )
    unknown = UnknownNameError("column", "tpot", ["tpot_s", "mfu"])
    assert (unknown.kind, unknown.name, unknown.known) == ("column", "tpot", ["mfu", "tpot_s"]) and str(
        unknown
    ) == unknown.message


@pytest.mark.parametrize(
    "error", [SpecError("k", 0, "from 1"), UnknownNameError("axis", "x", ["isl"]), NativeError(-104, "text")]
)
def test_errors_survive_a_process_pool(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and str(again) == str(error) and vars(again) == vars(error)
