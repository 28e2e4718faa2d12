"""Tables of measurements: what each row becomes, what is refused and why, and what the report says of them."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tokenroof as tr
from tokenroof.cli import main
from tokenroof.errors import SpecError, TokenroofError
from tokenroof.specs import Precision
from tokenroof.validation.case import METRICS, Case, Skipped
from tokenroof.validation.names import Unusable, find_chip, find_format, find_model
from tokenroof.validation.predict import Prediction, predict
from tokenroof.validation.report import make_report
from tokenroof.validation.stats import VERDICTS, _verdicts, groups, results
from tokenroof.validation.tables import FIGURES, MEASUREMENT_COLUMNS, SERVING_COLUMNS, read_table, read_tables

STEP = {
    "id": "A-1",
    "source_name": "Somebody (2024)",
    "kind": "measurement",
    "granularity": "step",
    "model": "Llama-3.1-8B",
    "hardware": "H100 SXM 80GB",
    "num_devices": "1",
    "tp": "1",
    "pp": "1",
    "weight_precision": "fp16",
    "kv_precision": "fp16",
    "act_precision": "fp16",
    "phase": "decode",
    "batch_or_concurrency": "4",
    "input_len": "128",
    "output_len": "64",
    "metric": "tpot",
    "value": "10",
    "unit": "ms",
    "software": "vLLM",
}
OP = STEP | {"granularity": "op", "model": "", "metric": "op_latency", "unit": "us", "value": "100"}
RATE = {"unit": "tok/s"}
PER_GPU = {"unit": "tok/s/GPU", "num_devices": "2", "tp": "2"}
PER_NODE = {"unit": "tok/s/node", "num_devices": "8", "tp": "8"}
LOOP = RATE | {"notes": "concurrency 4"}
RUN = {
    "id": "run_c64",
    "backend": "trtllm",
    "model": "deepseek-ai/DeepSeek-R1",
    "chip": "b200_sxm",
    "mode": "agg",
    "isl": "1024",
    "osl": "1024",
    "gemm_precision": "fp8",
    "moe_precision": "fp8_block",
    "concurrency": "64",
    "tp": "8",
    "pp": "1",
    "attention_dp": "1",
    "moe_tp": "8",
    "moe_ep": "1",
    "ttft_s": "0.5",
    "tpot_s": "0.02",
}


def table(path: Path, columns: Sequence[str], *rows: Mapping[str, str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """The cases and skipped rows of one row, with fields changed."""

    def one(base: Mapping[str, str], **changes: str) -> tuple[list[Case], list[Skipped]]:
        columns = SERVING_COLUMNS if "ttft_s" in base else MEASUREMENT_COLUMNS
        return read_table(table(tmp_path / "t.csv", columns, {**base, **changes}))

    return one


def case(found: tuple[list[Case], list[Skipped]]) -> Case:
    cases, skipped = found
    assert len(cases) == 1 and not skipped, skipped
    return cases[0]


def reason(found: tuple[list[Case], list[Skipped]]) -> str:
    cases, skipped = found
    assert not cases and len(skipped) == 1
    return skipped[0].reason


# Names.


@pytest.mark.parametrize(
    ("spelling", "id"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("meta-llama/Llama-2-7b-hf", "llama-2-7b"),
        ("nvidia/DeepSeek-V3.1-NVFP4", "deepseek-v3"),
        ("Mixtral-8x7B", "mixtral-8x7b"),
        ("LLaMA-7B", "llama-1-7b"),
        ("CodeLlama-34B", "llama-2-34b"),
        ("Qwen2-72B", "qwen2.5-72b"),
        ("Mistral-7B", "mistral-7b-v0.1"),
        ("mistralai/Mistral-7B-Instruct-v0.3", "mistral-7b-v0.3"),
        ("Qwen/Qwen3.5-397B-A17B", "qwen3.5-397b-a17b"),
        ("MiniMax-M2.5", "minimax-m2"),
        ("openai/gpt-oss-120b", "gpt-oss-120b"),
        ("zhipuai/GLM-5", "glm-5"),
    ],
)
def test_models_are_found(spelling: str, id: str) -> None:
    assert find_model(spelling).id == id


@pytest.mark.parametrize(
    ("spelling", "id", "assumed"),
    [
        ("H100 SXM 80GB", "h100-sxm", False),
        ("NVIDIA H100 80GB HBM3", "h100-sxm", True),
        ("H100 80GB", "h100-sxm", True),
        ("A100 SXM 80GB", "a100-80-sxm", False),
        ("A100-SXM4-40GB", "a100-40-sxm", False),
        ("A100 PCIe 80GB", "a100-80-pcie", False),
        ("A100 40GB (LLM-Inference-Bench)", "a100-40-sxm", True),
        ("b200_sxm", "b200-sxm", False),
        ("gb200", "gb200-nvl72", False),
        ("GB200 NVL72 192GB", "gb200-nvl72", False),
        ("RTX PRO 6000 Blackwell Server 96GB", "rtxpro6000", False),
        ("RTX A6000 48GB", "rtxa6000", False),
        ("Apple M2 Ultra 76-Core GPU 192GB", "apple-m2-ultra", False),
        ("Apple M3 Max 40-core GPU", "apple-m3-max", False),
        ("Inferentia2 (inf2.48xlarge)", "inferentia2", False),
        ("SambaNova SN40L", "sn40l", False),
        ("Gaudi2 96GB", "gaudi2", False),
        ("AMD Instinct MI300X 192GB", "mi300x", False),
        ("TPU v6e (1 chip)", "tpu-v6e", False),
        ("Intel Xeon 6980P (socket)", "2s-xeon-6980p", False),
        ("GH200 96GB", "gh200", False),
    ],
)
def test_chips_are_found(spelling: str, id: str, assumed: bool) -> None:
    found = find_chip(spelling)
    assert found.hardware.id == id
    assert bool(found.assumed) == assumed
    assert found.units == (2 if "socket" in spelling else 1)


@pytest.mark.parametrize(
    "spelling",
    [
        "RTX 3090 Ti 24GB",
        "Apple M2 9-core GPU",
        "H200 NVL 94GB",
        "A100 (pairwise NVLink)",
        "",
    ],
)
def test_a_chip_that_the_catalogue_lacks_is_not_its_neighbour(spelling: str) -> None:
    with pytest.raises(Unusable, match="no such chip"):
        find_chip(spelling)


def test_formats() -> None:
    said: list[str] = []
    found = [
        find_format(text, said.append) for text in ("fp8_block", "int4 g32 (QAT)", "int8/int4 (see submission)", "")
    ]
    assert found == ["fp8", "int4-g32", "int8", ""]
    assert said == ["int8/int4 (see submission)"]
    with pytest.raises(Unusable, match="no such format: fp7"):
        find_format("fp7", said.append)


# Rows of measurements: each with its value worked out by hand.


@pytest.mark.parametrize(
    ("changes", "metric", "measured"),
    [
        ({}, "step", 0.010),
        (RATE | {"metric": "decode_throughput", "value": "200"}, "step", 4 / 200),
        (PER_GPU | {"metric": "output_throughput_per_gpu", "value": "50"}, "step", 4 / 100),
        (PER_NODE | {"metric": "output_throughput_per_node", "value": "50"}, "step", 4 / 50),
        (RATE | {"metric": "output_throughput_per_user", "value": "50"}, "step", 1 / 50),
        ({"metric": "phase_latency", "unit": "s", "value": "1.28"}, "step", 1.28 / 64),
        ({"metric": "ttft", "phase": "prefill"}, "prefill", 0.010),
        ({"metric": "ttft", "phase": "prefill", "batch_or_concurrency": "1"}, "ttft", 0.010),
        (RATE | {"metric": "prefill_throughput", "phase": "prefill", "value": "1000"}, "prefill", 4 * 128 / 1000),
        ({"metric": "e2e_latency", "phase": "mixed", "unit": "s", "value": "3"}, "request", 3.0),
        (RATE | {"metric": "output_throughput", "phase": "mixed", "value": "128"}, "request", 4 * 64 / 128),
        (LOOP | {"metric": "output_throughput", "phase": "mixed", "value": "128"}, "throughput", 128.0),
        ({"metric": "tpot", "notes": "batch=concurrency"}, "loaded_tpot", 0.010),
        ({"metric": "ttft", "phase": "prefill", "notes": "batch=concurrency"}, "loaded_ttft", 0.010),
    ],
)
def test_what_rows_of_models_become(read: Any, changes: dict[str, str], metric: str, measured: float) -> None:
    found = case(read(STEP, **changes))
    assert (found.metric, found.measured) == (metric, pytest.approx(measured))
    assert (found.batch, found.source) == (1 if metric == "ttft" else 4, "Somebody")
    assert found.metric in METRICS


@pytest.mark.parametrize(
    ("changes", "metric", "measured", "shape"),
    [
        ({"notes": "op=gemm; M=64; N=128; K=256"}, "gemm", 1e-4, {"m": 64, "n": 128, "k": 256}),
        (
            {"notes": "op=gemm; M=1000; N=1000; K=1000", "metric": "tflops", "unit": "TFLOPS", "value": "100"},
            "gemm",
            2e9 / 1e14,
            {"m": 1000, "n": 1000, "k": 1000},
        ),
        (
            {"notes": "op=attn_decode; q_heads=64; kv_heads=8; head_dim=128", "context_len": "2048"},
            "attention_decode",
            1e-4,
            {"heads": 64, "kv_heads": 8, "head_dim": 128},
        ),
        (
            {"notes": "op=mla_decode (absorbed); heads=128; kv_lora=512 rope=64 -> 576", "context_len": "2048"},
            "attention_decode",
            1e-4,
            {"heads": 128, "kv_rank": 512, "rope": 64},
        ),
        (
            {"notes": "op=allreduce; elements=512 (bf16, bytes=2x)", "tp": "4"},
            "all_reduce",
            1e-4,
            {"bytes": 1024, "ranks": 4},
        ),
        (
            {
                "notes": "op=allreduce; bytes=8000000",
                "tp": "8",
                "metric": "bus_bandwidth",
                "unit": "GB/s",
                "value": "100",
            },
            "all_reduce",
            2 * 7 / 8 * 8e6 / 1e11,
            {"bytes": 8e6, "ranks": 8},
        ),
    ],
)
def test_what_rows_of_operators_become(
    read: Any, changes: dict[str, str], metric: str, measured: float, shape: dict[str, float]
) -> None:
    found = case(read(OP, **changes))
    assert (found.metric, found.measured, dict(found.shape)) == (metric, pytest.approx(measured), shape)


def test_nodes_end_the_fast_link(read: Any) -> None:
    notes = "op=allreduce; size=1000; workers=4; devices_per_node="
    inside, outside = (case(read(OP, tp="4", notes=notes + n)) for n in ("4", "1"))
    assert outside.hardware.scaleup is not None and outside.hardware.scaleup.domain == 1
    first, second = predict([inside]).typical, predict([outside]).typical
    assert second > first


@pytest.mark.parametrize(
    ("changes", "isl", "osl"),
    [
        ({}, 128, 64),
        ({"input_len": "", "output_len": "512", "context_len": "256"}, 1, 512),
        ({"input_len": "", "output_len": "32", "context_len": "16400"}, 16384, 32),
        ({"input_len": "", "output_len": "", "context_len": "4096"}, 4096, 1),
        ({"output_len": "", "context_len": "192"}, 128, 128),
    ],
)
def test_lengths_of_a_step(read: Any, changes: dict[str, str], isl: int, osl: int) -> None:
    found = case(read(STEP, **changes))
    assert (found.isl, found.osl, found.flag) == (isl, osl, "")


@pytest.mark.parametrize(
    ("changes", "layout", "replicas"),
    [
        ({"num_devices": "4", "tp": "2"}, {"tp": 2, "pp": 1, "ep": 1, "dp": 1}, 2),
        ({"num_devices": "4", "tp": "1", "pp": "4"}, {"tp": 1, "pp": 4, "ep": 1, "dp": 1}, 1),
        ({"num_devices": "16", "tp": "32", "hardware": "Trainium1"}, {"tp": 16, "pp": 1, "ep": 1, "dp": 1}, 1),
        (
            {"num_devices": "8", "tp": "8", "ep": "8", "model": "DeepSeek-V3", "notes": "attention DP8"},
            {"tp": 1, "pp": 1, "ep": 8, "dp": 8},
            1,
        ),
        (
            {"num_devices": "32", "tp": "", "ep": "32", "model": "DeepSeek-V3", "batch_or_concurrency": "64"},
            {"tp": 1, "pp": 1, "ep": 32, "dp": 32},
            1,
        ),
    ],
)
def test_layouts(read: Any, changes: dict[str, str], layout: dict[str, int], replicas: int) -> None:
    found = case(read(STEP, **changes))
    assert (dict(found.layout), found.replicas) == (layout, replicas)
    assert found.batch * replicas == int(changes.get("batch_or_concurrency", 4))


@pytest.mark.parametrize(
    ("changes", "precision"),
    [
        ({"weight_precision": "fp8", "kv_precision": "", "act_precision": "fp8", "software": "vLLM"}, "fp8/fp8/bf16"),
        (
            {"weight_precision": "fp8", "kv_precision": "", "act_precision": "", "software": "TensorRT-LLM"},
            "fp8/fp8/fp8",
        ),
        ({"weight_precision": "fp8", "kv_precision": "", "hardware": "b200_sxm", "act_precision": ""}, "fp8/fp8/fp8"),
        ({"weight_precision": "int4 g128 (awq)"}, "int4/fp16/fp16"),
        ({"weight_precision": "q4_k_m", "software": "llama.cpp"}, "q4_k_m/int8/fp16, head q6_k"),
        ({"weight_precision": "q8_0", "hardware": "Apple M1 8-core GPU"}, "q8_0/fp16/fp16, head q8_0"),
        ({"weight_precision": "mxfp4", "model": "gpt-oss-20b"}, "bf16/fp16/fp16, experts mxfp4"),
        (
            {"weight_precision": "mxfp4", "model": "gpt-oss-20b", "software": "llama.cpp"},
            "q8_0/int8/fp16, experts mxfp4, head q8_0",
        ),
        (
            {"weight_precision": "nvfp4 (MoE), fp8 attention", "model": "DeepSeek-V3", "act_precision": "nvfp4/fp8"},
            "fp8/nvfp4/fp16, experts nvfp4",
        ),
    ],
)
def test_precisions(read: Any, changes: dict[str, str], precision: str) -> None:
    assert case(read(STEP, **changes)).precision.name == precision


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"value": "fast"}, "value: 'fast' is no number"),
        ({"value": "-1"}, "value: '-1' is not a number above 0"),
        ({"value": "nan"}, "not a number above 0"),
        ({"value": ""}, "value is empty"),
        ({"tp": "2.x"}, "tp: '2.x' is no number"),
        ({"input_len": "1e30"}, "more than 2^52"),
        ({"unit": "furlongs"}, "unit 'furlongs' of tpot is none of us, ms, s"),
        ({"metric": "avg_power", "unit": "W"}, "not a time or rate that the engine predicts: avg_power"),
        ({"metric": ""}, "no metric"),
        ({"hardware": "RTX 3050 8GB"}, "no such chip in the catalogue: RTX 3050 8GB"),
        ({"model": "GPT-9"}, "no such model in the catalogue: GPT-9"),
        ({"weight_precision": "fp7"}, "no such format: fp7"),
        ({"num_devices": ""}, "the number of chips is not given"),
        ({"num_devices": "3", "tp": "2"}, "tp 2 x pp 1 x dp 1 does not divide 3 chips"),
        ({"batch_or_concurrency": ""}, "the running batch is not given"),
        ({"num_devices": "8", "ep": "144", "tp": ""}, "ep 144 on 8 chips: the figure is one node's share"),
        ({"notes": "MTP-3 speculative decoding ON"}, "speculative decoding: tokens per step are not given"),
        ({"metric": "ttft", "phase": "prefill", "context_len": "9000"}, "a prompt on top of a cache"),
    ],
)
def test_rows_that_cannot_be_evaluated_say_why(read: Any, changes: dict[str, str], why: str) -> None:
    assert why in reason(read(STEP, **changes))


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"notes": "a; FLAG: first run"}, "first run"),
        ({"notes": "NEGATIVE CONTROL: cannot hold the weights"}, "NEGATIVE CONTROL: cannot hold the weights"),
        ({"kind": "vendor_claim"}, "vendor claim"),
        ({"notes": "MTP/speculative status not recorded"}, ""),
        ({"weight_precision": "fp8 (assumed)"}, "bound only: the format of weights is not stated"),
        ({"input_len": "", "output_len": ""}, "bound only: lengths are not stated"),
        ({"num_devices": "2", "tp": ""}, "bound only: the layout is not stated"),
        ({"batch_or_concurrency": "100000"}, "bound only: memory holds"),
    ],
)
def test_flags(read: Any, changes: dict[str, str], flag: str) -> None:
    found = case(read(STEP, **changes)).flag
    assert found.startswith(flag) if flag else not found


def test_an_unknown_batch_is_what_memory_holds(read: Any) -> None:
    changes = {"metric": "output_throughput", "phase": "mixed", "unit": "tok/s", "batch_or_concurrency": ""}
    found = case(read(STEP, **changes))
    # 80 GB less 15.0e9 B of weights, over 192 tokens of 131,072 B
    assert found.batch == pytest.approx((80e9 - 2 * 8.03e9) / (192 * 131072), rel=0.01)
    assert found.flag == "bound only: the running batch is not published"


def test_the_running_batch_of_a_loop(read: Any) -> None:
    changes = {"batch_or_concurrency": "64", "notes": "closed loop, concurrency; mean_ttft_ms=630"}
    assert case(read(STEP, **changes)).batch == 32  # 63 tokens of 10 ms after 0.63 s: half of the time
    room = tr.point("llama-3.1-8b", "h100-sxm", isl=8192, osl=64, memory_fraction=1.0).max_batch
    full = case(read(STEP, **changes | {"input_len": "8192", "notes": "concurrency", "batch_or_concurrency": "500"}))
    assert full.batch == room < 500
    assert "what memory holds" in " ".join(full.assumed)


# Serving runs.


def both(found: tuple[list[Case], list[Skipped]]) -> dict[str, Case]:
    cases, skipped = found
    assert not skipped, skipped
    return {c.id.rsplit("/", 1)[1]: c for c in cases}


def test_a_serving_run_is_two_cases(read: Any) -> None:
    found = both(read(RUN))
    tpot, ttft = found["tpot"], found["ttft"]
    assert (tpot.metric, tpot.measured, tpot.phase) == ("loaded_tpot", 0.02, "decode")
    assert (ttft.metric, ttft.measured, ttft.phase) == ("loaded_ttft", 0.5, "prefill")
    assert dict(tpot.layout) == {"tp": 8, "pp": 1, "ep": 1, "dp": 1}
    assert (tpot.batch, ttft.batch) == (round(64 * 20.46 / 20.96), 64)
    assert tpot.precision.name == "fp8/fp8/fp8"


@pytest.mark.parametrize(
    ("changes", "layout", "loop"),
    [
        ({"tp": "64", "moe_tp": "8", "moe_ep": "8"}, {"tp": 8, "pp": 1, "ep": 8, "dp": 1}, 64),
        ({"tp": "16", "moe_tp": "4", "moe_ep": "4"}, {"tp": 4, "pp": 1, "ep": 4, "dp": 1}, 64),
        ({"tp": "1", "attention_dp": "8", "moe_tp": "1", "moe_ep": "8"}, {"tp": 1, "pp": 1, "ep": 8, "dp": 8}, 512),
        ({"tp": "4", "moe_tp": "1", "moe_ep": "4"}, {"tp": 4, "pp": 1, "ep": 4, "dp": 1}, 64),
        ({"tp": "8", "attention_dp": "0", "moe_tp": "0", "moe_ep": "0"}, {"tp": 8, "pp": 1, "ep": 1, "dp": 1}, 64),
    ],
)
def test_layouts_of_serving_runs(read: Any, changes: dict[str, str], layout: dict[str, int], loop: int) -> None:
    found = [c for c in read(RUN, **changes)[0] if c.metric == "loaded_ttft"]
    assert [(dict(c.layout), c.batch) for c in found] == [(layout, loop)]


def test_servers_apart(read: Any) -> None:
    apart = {"mode": "disagg", "concurrency": "", "tp": "", "ttft_s": "0.0001"}
    prefill = {"prefill_tp": "4", "prefill_attention_dp": "1", "prefill_moe_tp": "4", "prefill_moe_ep": "1"}
    decode = {"decode_tp": "1", "decode_attention_dp": "8", "decode_moe_tp": "1", "decode_moe_ep": "8"}
    load = {"decode_batch": "4", "decode_workers": "2"}
    found = both(read(RUN, **apart, **prefill, **decode, **load))
    assert (found["tpot"].metric, found["tpot"].batch, found["tpot"].layout["dp"]) == ("step", 32, 8)
    assert (found["ttft"].metric, found["ttft"].layout["tp"]) == ("ttft", 4)
    assert found["ttft"].flag.startswith("bound only")
    cases, skipped = read(RUN, **apart, **prefill, **decode)
    assert [c.metric for c in cases] == ["ttft"]
    assert [s.reason for s in skipped] == ["how many decode workers share the load is not given"]
    _, skipped = read(RUN, **apart, **prefill, **decode, **load | {"decode_batch": "256"})
    assert skipped[0].reason == "the load is not given: decode_batch is the most that a worker takes"


def test_chips_of_all_workers_are_no_layout(read: Any) -> None:
    cases, skipped = read(RUN, chip="gb200", tp="72", moe_tp="72")
    assert not cases and {s.reason for s in skipped} == {"tp 72: chips of all workers added up"}


def test_runs_are_taken_once(tmp_path: Path) -> None:
    poor = RUN | {"id": "again_c64", "moe_precision": ""}
    cases, skipped = read_table(
        table(tmp_path / "t.csv", SERVING_COLUMNS, poor, RUN, RUN | {"id": "b", "ttft_s": "0.6"})
    )
    assert {c.id for c in cases} == {"run_c64/tpot", "run_c64/ttft", "b/tpot", "b/ttft"}
    assert [(s.id, s.reason) for s in skipped] == [("again_c64", "the same run as another row's")]
    first = table(tmp_path / "first.csv", MEASUREMENT_COLUMNS, STEP, STEP | {"id": "A-2"})
    second = table(tmp_path / "second.csv", MEASUREMENT_COLUMNS, STEP | {"id": "B-1", "value": "10.00001"})
    cases, skipped = read_tables([first, second])
    assert [c.id for c in cases] == ["A-1", "A-2"] and [s.id for s in skipped] == ["B-1"]


# Files.


def test_columns_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with pytest.raises(SpecError, match=r"colour, smell.*only id, source_url"):
        read_table(table(path, [*MEASUREMENT_COLUMNS, "colour", "smell"]))
    with pytest.raises(SpecError, match="among them model, chip"):
        read_table(table(path, ["id", "ttft_s", "tpot_s"]))
    with pytest.raises(SpecError, match="among them id, hardware, metric, value, unit"):
        path.write_text("")
        read_table(path)
    with pytest.raises(TokenroofError, match="cannot be read"):
        read_table(tmp_path / "absent.csv")
    path.write_bytes(b"id,hardware,metric,value,unit\n\xff\xfe")
    with pytest.raises(TokenroofError, match="cannot be read"):
        read_table(path)


def test_few_columns_are_enough(tmp_path: Path) -> None:
    columns = (
        "id",
        "hardware",
        "model",
        "metric",
        "value",
        "unit",
        "phase",
        "num_devices",
        "tp",
        "batch_or_concurrency",
    )
    (found,), skipped = read_table(table(tmp_path / "t.csv", columns, {name: STEP[name] for name in columns}))
    assert not skipped and found.source == "A" and found.precision.name == "bf16/bf16/bf16"


def test_a_row_that_is_too_long_is_skipped(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", MEASUREMENT_COLUMNS, STEP)
    path.write_text(path.read_text().rstrip() + ",more,fields\n", encoding="utf-8")
    assert reason(read_table(path)) == "more fields than columns"


WORDS = st.one_of(
    st.sampled_from(["", "0", "1", "8", "-3", "1e9", "1e400", "nan", "fp8", "q4_0", "int4", "tok/s", "s", "decode"]),
    st.sampled_from(["Llama-2-70B", "DeepSeek-V3", "H100 SXM 80GB", "Trainium1", "agg", "disagg", "tpot", "ttft"]),
    st.sampled_from(
        ["op=gemm; M=1; N=0; K=5", "op=allreduce; bytes=" + "9" * 400, "attention DP3", "0 tokens per device"]
    ),
    st.text(max_size=12),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_row_crashes_anything(tmp_path: Path, data: st.DataObject) -> None:
    base, columns = data.draw(
        st.sampled_from([(STEP, MEASUREMENT_COLUMNS), (OP, MEASUREMENT_COLUMNS), (RUN, SERVING_COLUMNS)])
    )
    changes = data.draw(st.dictionaries(st.sampled_from(columns), WORDS, max_size=6))
    fields = {name: text.replace("\0", "") for name, text in {**base, **changes}.items()}
    cases, skipped = read_table(table(tmp_path / "t.csv", columns, fields))
    assert cases or skipped
    report = make_report(cases, skipped, predict(cases))
    assert report.counts["read"] == len(cases) + len(skipped)
    json.dumps(report.to_dict())


# Statistics, on numbers worked out by hand.


def numbered(*values: tuple[float, float, float, str, str]) -> tuple[list[Case], Prediction]:
    """Cases (measured, typical, bound, metric, flag), their interval half and twice the typical value."""
    base = Case("", "src", "step", 1.0, tr.hardware("h100-sxm"), Precision("p"), model=tr.model("llama-3.1-8b"))
    cases = [replace(base, id=str(i), measured=v[0], metric=v[3], flag=v[4]) for i, v in enumerate(values)]
    typical, bound = (np.array([v[i] for v in values]) for i in (1, 2))
    return cases, Prediction(typical, bound, typical / 2, typical * 2)


def test_statistics() -> None:
    cases, found = numbered(
        (1.0, 0.9, 0.5, "step", ""),
        (1.0, 1.2, 0.5, "step", ""),
        (1.0, 3.0, 1.1, "step", ""),
        (1.0, 9.0, 2.0, "step", "vendor claim"),
        (1.0, 9.0, 2.0, "step", "bound only: no batch"),
        (10.0, 5.0, 8.0, "throughput", ""),
        (1.0, math.nan, math.nan, "step", ""),
    )
    report = make_report(cases, [Skipped("x", "src", "why")], found, by=["metric", "source+chip"])
    step, throughput = report.tables["metric"]
    assert (step.key, step.rows, step.checked, step.violations) == (("step",), 3, 4, 2)
    assert (step.bias, step.median, step.worst) == (pytest.approx(0.2), pytest.approx(0.2), "2")
    assert step.p90 == pytest.approx(0.2 + 0.8 * 1.8)
    assert step.coverage == pytest.approx(2 / 3)
    assert (throughput.violations, throughput.bias) == (1, pytest.approx(-0.5))  # 10 tokens/s where 8 is the most
    assert [(r.case.id, r.ratio) for r in report.violations] == [
        ("3", 0.5),
        ("4", 0.5),
        ("5", 0.8),
        ("2", pytest.approx(1 / 1.1)),
    ]
    assert report.counts == {
        "read": 8,
        "skipped": 2,
        "evaluated": 6,
        "doubted": 1,
        "checked against the bound": 5,
        "violations": 3,
        "violations by doubted numbers": 1,
        "in the errors": 4,
    }
    assert report.reasons == {"why": 1, "no value": 1}
    with pytest.raises(SpecError, match="'taste'"):
        groups(results(cases, found), "metric+taste")


# The command, and the figures that come with it.


@pytest.fixture(scope="module")
def figures() -> Any:
    cases, skipped = read_tables([FIGURES])
    return make_report(cases, skipped, predict(cases))


def test_figures_are_few_and_say_where_they_are_from(figures: Any) -> None:
    with FIGURES.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) <= 300
    assert len({row["id"] for row in rows}) == len(rows)
    assert all(re.match(r"https://\S+$", row["source_url"]) and row["source_name"] for row in rows)
    assert not figures.skipped, "each can be evaluated"
    assert len(figures.results) == len(rows)
    for key, least in (("source", 15), ("chip", 25), ("model", 20), ("metric", len(METRICS))):
        assert len(groups(figures.results, key)) >= least


def test_figures_do_not_beat_the_bound_unexplained(figures: Any) -> None:
    for result in figures.violations:
        assert result.doubted or result.case.id in _verdicts(), result.case.id


def test_verdicts_are_sentences() -> None:
    for id, verdict in _verdicts().items():
        assert verdict["verdict"] in VERDICTS, id
        assert str(verdict["why"]).endswith("."), id


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(["validate", *argv]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(
        table(tmp_path / "t.csv", MEASUREMENT_COLUMNS, STEP, STEP | {"id": "A-2", "value": "0.001"}, STEP | {"tp": "x"})
    )
    text = run(capsys, path, "--by", "source,chip+metric")
    assert "by chip and metric" in text and "h100-sxm" in text
    assert "A-2" in text and "not examined" in text
    assert "tp: 'x' is no number" in text
    told = json.loads(run(capsys, path, "--json", "--only", "step"))
    assert told["counts"]["read"] == 3
    assert [row["id"] for row in told["violations"]] == ["A-2"]
    assert json.loads(run(capsys, path, "--json", "--only", "ttft"))["counts"]["evaluated"] == 0


def test_the_report(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    folder = tmp_path / "deep" / "report"
    run(capsys, "--report", str(folder), "--only", "step,throughput,gemm")
    assert {p.name for p in folder.iterdir()} == {"README.md", "parity.png"}
    assert (folder / "parity.png").read_bytes().startswith(b"\x89PNG")
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "`tokenroof validate --only step,throughput,gemm --report DIR`" in text
    assert "LSS-0012" in text and str(tmp_path) not in text
    for line in text.splitlines():
        assert not line.startswith("|") or line.endswith("|")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["absent.csv"], "cannot be read"),
        (["--only", "taste"], "unknown metric 'taste'"),
        (["--by", "taste"], "taste"),
        (["--calibration", "absent.toml"], "absent.toml"),
    ],
)
def test_wrong_calls(capsys: pytest.CaptureFixture[str], argv: list[str], said: str) -> None:
    assert main(["validate", *argv]) == 2
    captured = capsys.readouterr()
    assert said in captured.err and "Traceback" not in captured.err and not captured.out
