"""Published and hand-checked numbers, each named after where it is printed.

The inputs of the tables are often a model's size in gigabytes rather than a model, so that `plain` builds an operator
table of just that: weights read, FLOP and cache per token.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

import tokenroof as tr
from tokenroof import formulas as fs
from tokenroof.lowering import Attention, Dense, LayerGroup, Shape, model_from_shape
from tokenroof.specs import Calibration, Hardware, Kind, Link, Model, Operator, Precision, precision

INT8 = Precision("int8-all", "int8", "int8", "int8", head="int8")


def plain(weights: float, kv_token: float = 0.0, flops: float | None = None) -> Model:
    """`weights` elements, `flops` per token (2 per weight by default), `kv_token` elements per cached token."""
    rows = [
        Operator(
            "weights",
            Kind.GEMM,
            read_elems=weights,
            store_elems=weights,
            flops_token=2 * weights if flops is None else flops,
        )
    ]
    if kv_token:
        rows.append(Operator("attention", Kind.ATTENTION, kv_read_elems=kv_token, kv_store_elems=kv_token))
    return Model("plain", tuple(rows), layers=1, hidden=1, vocab=1)


def chip(bandwidth: float, peak: float = 1e18, memory: float = 1e18, **other: Any) -> Hardware:
    """A chip of these numbers whose links cost nothing."""
    return Hardware("chip", {"bf16": peak, "int8": peak}, memory, bandwidth, scaleup=Link("free", 1e30), **other)


# Decode steps in ms, fp16, 2048 tokens in the cache. Floor: bytes of weights and of cache that one step reads, over tp,
# over the datasheet's bandwidth; the input embedding is looked up, not read. Peers say 21.8 to 40.3 where it is 23.3.


@pytest.mark.parametrize(
    ("model", "hardware", "tp", "batch", "floor_ms"),
    [
        ("llama-2-7b", "a100-80-sxm", 1, 1, "7.01"),
        ("llama-2-7b", "a100-80-sxm", 1, 32, "23.3"),
        ("llama-2-7b", "a100-80-sxm", 8, 32, "2.92"),
        ("llama-2-70b", "a100-80-sxm", 8, 1, "8.47"),
        ("llama-2-70b", "a100-80-sxm", 8, 32, "9.74"),
        ("llama-2-70b", "h100-sxm", 8, 1, "5.15"),
    ],
)
def test_floors_of_the_comparison_of_peers(model: str, hardware: str, tp: int, batch: int, floor_ms: str) -> None:
    p = tr.point(model, hardware, precision="fp16", tp=tp, batch=batch, isl=2048, osl=1, estimate="bound")
    assert f"{p.tpot_s * 1e3:.3g}" == floor_ms and p.bottleneck == 1.0
    m = tr.model(model)
    read = 2 * (m.params - m.vocab * m.hidden) + batch * 2048 * 2 * m.kv_elems_per_token
    assert p.tpot_s == pytest.approx(read / tp / tr.hardware(hardware).memory_bandwidth, rel=3e-4)  # norms on each rank
    assert (
        p.tpot_s
        == p.tpot_s_bound
        <= tr.point(model, hardware, precision="fp16", tp=tp, batch=batch, isl=2048, osl=1).tpot_s
    )


def test_llama_31_70b_takes_141_gb_and_327680_bytes_a_token() -> None:
    small, large = (tr.point("llama-3.1-70b", "h200-sxm", precision="fp16", isl=isl) for isl in (1000, 1001))
    assert f"{small.weight_bytes_per_chip / 1e9:.1f}" == "141.1"
    assert large.kv_bytes_per_chip - small.kv_bytes_per_chip == 327_680


@pytest.mark.parametrize(
    ("model", "kv_bytes"),
    [  # bytes per token in 16 bit: arXiv:2505.09343, table 1; the last two from their configs
        ("deepseek-v3", 70_272), ("qwen2.5-72b", 327_680), ("llama-3.1-405b", 516_096), ("llama-3-8b", 131_072),
        ("llama-3.1-70b", 327_680),
    ],
)  # fmt: skip
def test_cache_per_token_of_insights_into_deepseek_v3(model: str, kv_bytes: int) -> None:
    assert tr.model(model).kv_elems_per_token * precision("bf16").kv_bytes == kv_bytes
    one, two = (tr.point(model, "b200-sxm", precision="bf16", batch=2, isl=isl).kv_bytes_per_chip for isl in (100, 101))
    assert two - one == 2 * kv_bytes


def test_deepseek_v3_has_671_billion_parameters_and_fp8_takes_as_many_bytes() -> None:
    """A peer takes routed experts to be as wide as the dense layers and gets 5.9 TB."""
    assert f"{tr.model('deepseek-v3').params / 1e9:.2f}" == "671.03"
    stored = tr.point("deepseek-v3", "b200-sxm", precision="fp8").weight_bytes_per_chip
    assert stored == pytest.approx(0.67e12, rel=0.01)


# Distinct experts E (1 - (1 - k/E)^B), uniform routing.


@pytest.mark.parametrize(
    ("experts", "active", "batch", "touched"),
    [
        (8, 2, 1, "2"),
        (8, 2, 4, "5.46875"),
        (8, 2, 16, "7.9198"),
        (16, 2, 8, "10.502"),
        (256, 8, 32, "163.31"),
        (256, 8, 64, "222.4"),
        (256, 8, 256, "255.924"),
        (8, 2, 1000, "8"),
    ],
)
def test_expected_distinct_experts(experts: int, active: int, batch: int, touched: str) -> None:
    """To every digit that is printed."""
    digits = len(touched.partition(".")[2])
    assert f"{fs.expected_experts(float(experts), float(active), float(batch)):.{digits}f}" == touched


@pytest.mark.parametrize(("batch", "touched"), [(1, "2.000"), (4, "5.469"), (4096, "8.000")])
def test_mixtral_reads_the_experts_that_a_batch_touches(batch: int, touched: str) -> None:
    """From bytes that a step reads: what is left after everything that is not a routed expert."""
    model = tr.model("mixtral-8x7b")
    expert = 3 * 4096 * 14336 * 2 * 32  # three matrices, 16 bit, 32 layers
    others = 2 * (model.params - model.vocab * model.hidden) - 8 * expert
    p = tr.point(model, "h200-sxm", batch=batch, isl=100, osl=1)
    cache = batch * 100 * model.kv_elems_per_token * 2
    assert f"{(p.decode_bytes - others - cache) / expert:.3f}" == touched


def crossover(model: Model, hardware: Hardware, p: Precision) -> int:
    """The first batch at which the step is bound by compute."""
    low, high = 1, 1 << 20
    while low < high:
        middle = (low + high) // 2
        bound = tr.point(model, hardware, precision=p, batch=middle, isl=1, osl=1).bottleneck == 0.0
        low, high = (low, middle) if bound else (middle + 1, high)
    return low


@pytest.mark.parametrize(
    ("peak", "bandwidth", "p", "batch", "within"),
    [  # (peak / bandwidth) bytes per weight / 2: JAX scaling book, roofline chapter
        (197e12, 820e9, precision("w8a16"), 120, 0.01),
        (394e12, 810e9, INT8, 243, 0.01),
        (1000e12, 3350e9, precision("bf16"), 298, 0.02),
        (989e12, 3350e9, precision("bf16"), 295, 0.01),
    ],
)
def test_critical_batch_of_the_scaling_book(
    peak: float, bandwidth: float, p: Precision, batch: int, within: float
) -> None:
    assert crossover(plain(1e10), chip(bandwidth, peak), replace(p, head="")) == pytest.approx(batch, rel=within)


def test_critical_batch_of_routed_experts() -> None:
    """E/k times that of a dense model: 256 experts, 8 active, FP8 on an H100, as derived from both."""
    row = Operator(
        "experts", Kind.EXPERTS, read_elems=1e7, store_elems=256e7, flops_token=2 * 8 * 1e7, experts=256.0, active=8.0
    )
    model = Model("experts", (row,), layers=1, hidden=1, vocab=1)
    assert crossover(model, chip(3350e9, 1979e12), INT8) == pytest.approx(9452, rel=0.01)


def test_attention_adds_to_the_matrices_of_the_scaling_book() -> None:
    """Quiz: 30e9 int8 weights, 100 kB of cache a token, batch 256 at 8192 on 16 v5e: 21 ms, rows one after another."""
    p = tr.point(plain(30e9, 50e3), chip(0.81e12, 197e12), precision="w8a16", tp=16, batch=256, isl=8192, osl=1)
    assert p.tpot_s * 1e3 == pytest.approx(21, rel=0.02)


def test_weights_of_200_billion_over_32_chips_load_in_10_ms() -> None:
    """Scaling book, TPU chapter, question 1."""
    p = tr.point(plain(200e9), chip(1.23e12), precision="bf16", tp=32, isl=1, osl=1, estimate="bound")
    assert p.tpot_s * 1e3 == pytest.approx(10, rel=0.03)


def test_worked_model_of_the_scaling_book() -> None:
    """Inference chapter, question 1: 18.4e9 parameters, 262,144 bytes of int8 cache a token."""
    layer = LayerGroup(64, Attention(heads=32, kv_heads=8, head_dim=256), Dense(16384), norm_params=0)
    model = model_from_shape(Shape(4096, 32128, (layer,), tied=True), "worked")
    assert model.params == 18_385_207_296
    assert model.kv_elems_per_token * INT8.kv_bytes == 262_144


def test_llama_3_70b_in_int8_of_the_scaling_book() -> None:
    """Applied inference: 112 GB at batch 32 and 8192 tokens, 235 tokens/s per chip on 8, 17 ms a step."""
    p = tr.point(plain(70e9, 160e3), chip(0.82e12), precision=INT8, tp=8, batch=32, isl=8191, osl=1, estimate="bound")
    assert p.mem_bytes_per_chip * 8 == pytest.approx(112e9, rel=0.005)
    assert p.tpot_s * 1e3 == pytest.approx(17, rel=0.005)
    assert p.decode_tokens_per_s / 8 == pytest.approx(235, rel=0.01)


@pytest.mark.parametrize(("chips", "batch", "queries"), [(16, 43, 0.27), (4, 67, 1.72)])
def test_queries_per_chip_of_the_scaling_book(chips: int, batch: int, queries: float) -> None:
    """Steps that read all 16 GB of each chip take 19 ms; 512 tokens a query."""
    p = tr.point(
        plain(16e9 * chips), chip(0.82e12), precision=INT8, tp=chips, batch=batch, isl=1, osl=1, estimate="bound"
    )
    assert p.tpot_s * 1e3 == pytest.approx(19, rel=0.03)
    assert p.decode_tokens_per_s / 512 / chips == pytest.approx(queries, rel=0.03)


def test_prefill_of_8192_tokens_of_the_scaling_book() -> None:
    """70e9 parameters on 16 v5e at 40 % of the peak: 0.91 s."""
    hw = chip(0.82e12, 197e12, calibration=Calibration(compute_efficiency=0.4))
    assert tr.point(plain(70e9), hw, precision="bf16", tp=16, isl=8192).ttft_s == pytest.approx(0.91, rel=0.005)


def test_q_proj_of_llama_2_7b_on_an_a6000() -> None:
    """LLM-Viewer, arXiv:2402.16363: 68.7 GFLOP over 2048 tokens; in decode 1 FLOP a byte, 768 GFLOP/s."""
    d = 4096.0
    p = tr.point(plain(d * d), chip(768e9, 155e12), precision="fp16", isl=2048, osl=1, estimate="bound")
    assert p.prefill_flops == pytest.approx(68.7e9, rel=0.001)
    assert p.intensity_flop_per_byte == pytest.approx(1.0, rel=0.001)
    assert p.decode_flops / p.tpot_s == pytest.approx(768e9, rel=0.001)


# Mistakes of peers that must not be made here.


def test_a_gigabyte_is_a_billion_bytes() -> None:
    """A peer that takes it for 2**30 answers 7 % below the floor."""
    assert tr.hardware("a100-80-sxm").memory_bandwidth == 2039e9 and tr.hardware("h100-sxm").memory_bytes == 80e9


def test_data_parallel_ranks_do_not_slow_a_step() -> None:
    """One peer makes 10 ms into 599 with dp = 8."""
    one, eight = (tr.point("llama-2-7b", "h100-sxm", batch=8 * dp, dp=dp) for dp in (1, 8))
    assert eight.tpot_s == one.tpot_s and eight.tokens_per_s == pytest.approx(8 * one.tokens_per_s, rel=1e-15)


def test_a_pipeline_is_as_slow_as_all_its_stages() -> None:
    """One peer charges a token for one stage only."""
    one, four = (tr.point("llama-2-7b", "h100-sxm", pp=pp, batch=pp, estimate="bound") for pp in (1, 4))
    assert four.tpot_s == pytest.approx(one.tpot_s, rel=1e-12)


def test_a_window_shortens_the_cache() -> None:
    """Mistral-7B sees 4096 tokens: cache and step stop growing there. One peer stores the window and never uses it."""
    at = {isl: tr.point("mistral-7b-v0.1", "h100-sxm", isl=isl, osl=1, estimate="bound") for isl in (4096, 8192, 16384)}
    assert at[8192].tpot_s == at[16384].tpot_s == at[4096].tpot_s
    assert at[8192].kv_bytes_per_chip == at[16384].kv_bytes_per_chip == 4096 * 131_072


def test_the_head_sees_one_token_of_a_prompt_and_the_embedding_is_not_read() -> None:
    model, isl = tr.model("llama-2-7b"), 1000
    p = tr.point(model, "h100-sxm", isl=isl, osl=1)
    table = model.vocab * model.hidden
    body = sum(op.count * op.flops_token for op in model.rows(Kind.GEMM))
    attention = 32 * 4 * 4096 * (isl * (isl + 1) / 2)  # causal: half of the square
    assert p.prefill_flops == body * isl + attention + 2 * table
    assert p.decode_bytes == 2 * (model.params - table) + isl * 524_288


def test_four_bit_weights_compute_in_sixteen() -> None:
    """W4A16 reads a quarter but runs at the 16-bit peak: a long prefill is no faster."""
    wide, narrow = (
        tr.point("llama-3.1-8b", "b200-sxm", precision=p, isl=100_000, estimate="bound") for p in ("bf16", "w4a16")
    )
    assert narrow.ttft_s == wide.ttft_s and narrow.tpot_s < wide.tpot_s


def test_no_chip_draws_more_than_it_may() -> None:
    """One peer's energy implies 32 kW for a 700 W chip."""
    for batch in (1, 64):
        p = tr.point("llama-2-7b", "h100-sxm", batch=batch)
        assert 0.15 * 700 <= p.watts_per_chip <= 700


def test_tp_splits_cache_heads_and_head_and_pays_for_all_reduce() -> None:
    one, eight = (tr.point("llama-2-7b", "h100-sxm", tp=tp, batch=16, isl=4000, osl=90) for tp in (1, 8))
    assert eight.kv_bytes_per_chip == one.kv_bytes_per_chip / 8
    assert eight.weight_bytes_per_chip == pytest.approx(one.weight_bytes_per_chip / 8, rel=1e-3)
    assert one.tpot_s / 8 < eight.tpot_s < one.tpot_s


def test_out_of_memory_is_an_answer() -> None:
    p = tr.point("llama-3.1-405b", "h100-sxm", batch=4)
    assert p.status == 1 and p.fits == 0 and p.max_batch == 0 and not math.isnan(p.tpot_s)
