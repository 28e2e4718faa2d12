"""Layouts: what `parallelism="auto"` stands for, and what each way to spread a model costs."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tokenroof as tr
from tokenroof.catalogue import hardware, model
from tokenroof.errors import SpecError, UnknownNameError
from tokenroof.layouts import layouts
from tokenroof.specs import Level

TIMES = ("ttft_s", "tpot_s", "e2e_s")


def at(name: str, chip: Any, **axes: Any) -> tr.Point:
    return tr.point(name, chip, **axes)


def test_layouts_are_legal_and_all_there() -> None:
    found = layouts("llama-3.1-70b", "h100-sxm", 8)
    assert {"tp": 8, "pp": 1, "ep": 1, "dp": 1, "cp": 1} in found and {
        "tp": 2,
        "pp": 2,
        "ep": 1,
        "dp": 2,
        "cp": 1,
    } in found
    assert all(layout["tp"] * layout["pp"] * layout["dp"] <= 8 for layout in found)
    assert all(at("llama-3.1-70b", "h100-sxm", **layout).status < 16 for layout in found)
    assert not any(layout["tp"] in (3, 6, 7) or layout["ep"] > 1 for layout in found)  # 64 heads, no experts
    assert len({tuple(layout.values()) for layout in found}) == len(found)


def test_layouts_across_domains_need_a_link() -> None:
    inside = layouts("llama-2-7b", "apple-m3-max", 4)
    assert [layout["tp"] for layout in inside] == [1]
    assert max(layout["tp"] for layout in layouts("llama-3.1-70b", "h100-sxm", 16)) == 16


def test_auto_finds_what_every_layout_by_hand_finds() -> None:
    """The best of an automatic sweep is the best of all points over all legal layouts."""
    named: dict[str, Any] = {
        "model": "mixtral-8x7b",
        "hardware": "a100-80-sxm",
        "batch": [1, 16, 64],
        "isl": 512,
        "osl": 128,
    }
    best = next(iter(tr.Sweep(**named, parallelism="auto", chips=4).best("usd_per_mtok")))
    by_hand = min(
        tr.Sweep(**named, **layout).best("usd_per_mtok")["usd_per_mtok"][0]
        for layout in layouts("mixtral-8x7b", "a100-80-sxm", 4)
        if len(tr.Sweep(**named, **layout).best("usd_per_mtok"))
    )
    assert best["usd_per_mtok"] == by_hand and best["chips"] <= 4


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ({"parallelism": "auto"}, ["chips"]),
        ({"parallelism": "auto", "chips": 0}, ["chips = 0"]),
        ({"parallelism": "auto", "chips": 8, "tp": 2}, ["tp = 2", "either"]),
        ({"parallelism": "most", "chips": 8}, ["parallelism", "'auto'"]),
    ],
)
def test_auto_refuses(axes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        tr.Sweep(model="llama-2-7b", hardware="h100-sxm", **axes)
    assert all(word in str(caught.value) for word in words)


# Context parallelism.


def test_context_ranks_share_cache_and_context_work() -> None:
    one = at("llama-3.1-70b", "h100-sxm", tp=8, batch=1, isl=100_000, osl=128)
    four = at("llama-3.1-70b", "h100-sxm", tp=8, cp=4, batch=1, isl=100_000, osl=128)
    assert four.chips == 32 and four.kv_bytes_per_chip == one.kv_bytes_per_chip / 4
    assert four.weight_bytes_per_chip == one.weight_bytes_per_chip  # weights are not split further
    assert 3.0 < one.ttft_s / four.ttft_s < 4.0 and four.tpot_s_bound < one.tpot_s_bound
    assert four.decode_flops == one.decode_flops


# Overlap.


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["llama-3.1-70b", "mixtral-8x7b", "deepseek-v3", "jamba-v0.1"]),
    st.sampled_from(["h100-sxm", "tpu-v5e", "mi300x", "groq-lpu-v1"]),
    st.integers(1, 512),
    st.integers(1, 20_000),
)
def test_bound_typical_serial(name: str, chip: str, batch: int, isl: int) -> None:
    """Perfect overlap, the rows' roofline, and nothing hidden: in this order."""
    axes: dict[str, Any] = {"tp": 4, "batch": batch, "isl": isl, "osl": 128, "fallback": "wider"}
    typical, serial = (at(name, chip, estimate=e, **axes) for e in ("typical", "serial"))
    if typical.status >= 16:
        return
    for column in TIMES:
        assert typical[f"{column}_bound"] <= typical[column] * (1 + 1e-12)
        assert typical[column] <= serial[column] <= 2 * typical[column]
        assert serial[f"{column}_bound"] == typical[f"{column}_bound"]


# Levels of memory.


def test_offloaded_weights_fit_and_are_read_over_the_bus() -> None:
    """Llama-3.1-70B in bf16 on one RTX 4090: 141 GB of weights, 24 GB of memory."""
    alone = at("llama-3.1-70b", "rtx4090", isl=128, osl=128)
    host = next(level for level in hardware("rtx4090").levels if "weights" in level.holds)
    offloaded = at("llama-3.1-70b", "rtx4090", isl=128, osl=128, offload="weights")
    if alone.weight_bytes_per_chip <= 0.9 * hardware("rtx4090").memory_bytes + host.capacity:
        assert (alone.fits, offloaded.fits) == (0.0, 1.0)
    beyond = alone.weight_bytes_per_chip - 0.9 * hardware("rtx4090").memory_bytes
    assert offloaded.tpot_s > beyond / host.bandwidth > 1.0  # seconds per token: what streaming costs


def test_burned_in_weights_cost_no_traffic() -> None:
    h100 = hardware("h100-sxm")
    rom = Level("rom", 1e12, math.inf, ("weights",), near=True)
    burned = replace(h100, id="burned", levels=(rom,))
    usual, free = (at("llama-3.1-8b", chip, isl=1024, osl=2, batch=4) for chip in (h100, burned))
    assert free.tpot_s_bound < 0.1 * usual.tpot_s_bound and free.max_batch > usual.max_batch
    assert free.weight_bytes_per_chip == usual.weight_bytes_per_chip


def test_a_cache_moves_behind_main_memory_as_a_whole() -> None:
    """Batches up to max_batch stay near; beyond, every sequence is read over the bus."""
    near = at("llama-3.1-8b", "h100-sxm", batch=256, isl=2048, osl=128)
    held = int(near.max_batch)
    inside, beyond = (
        at("llama-3.1-8b", "h100-sxm", batch=n, isl=2048, osl=128, offload="kv") for n in (held, held + 1)
    )
    assert inside.tpot_s == at("llama-3.1-8b", "h100-sxm", batch=held, isl=2048, osl=128).tpot_s
    assert beyond.fits == 1.0 and beyond.tpot_s > 10 * inside.tpot_s
    assert beyond.tpot_s_bound < 1.01 * inside.tpot_s_bound  # an engine may keep all but one sequence near
    grid = tr.Sweep(
        model="llama-3.1-8b", hardware="h100-sxm", batch=range(held - 20, held + 20), isl=2048, osl=128, offload="kv"
    ).run(["tpot_s"])["tpot_s"]
    assert grid.ravel()[20] == inside.tpot_s and grid.ravel()[21] == beyond.tpot_s


# Budgets.


def test_both_conventions_of_a_memory_fraction() -> None:
    weights, memory = at("llama-3.1-8b", "h100-sxm").weight_bytes_per_chip, hardware("h100-sxm").memory_bytes
    cache = at("llama-3.1-8b", "h100-sxm", isl=1000, osl=24).kv_bytes_per_chip
    total = at("llama-3.1-8b", "h100-sxm", isl=1000, osl=24, reserved="2 GB").max_batch
    free = at(
        "llama-3.1-8b", "h100-sxm", isl=1000, osl=24, memory_of="free", reserved={"activations": "2 GB"}
    ).max_batch
    assert total == (0.9 * memory - 2e9 - weights) // cache
    assert free == (0.9 * (memory - 2e9 - weights)) // cache > total


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"memory_of": "all"}, ["memory_of", "'all'"]),
        ({"offload": "weight"}, ["offload", "'weight'", "weights"]),
        ({"reserved": "2 GHz"}, ["reserved", "2 GHz"]),
        ({"reserved": -1.0}, ["reserved", "-1.0"]),
        ({"pad_heads": 1}, ["pad_heads = 1"]),
        ({"fallback": "narrower"}, ["fallback", "'narrower'"]),
    ],
)
def test_options_refuse(options: dict[str, Any], words: list[str]) -> None:
    with pytest.raises((SpecError, UnknownNameError)) as caught:
        at("llama-2-7b", "h100-sxm", **options)
    assert all(word in str(caught.value) for word in words)


def test_padded_heads() -> None:
    """64 heads over 6 ranks: 11 on the fullest, which sets the pace; 8 KV heads: 2 of them."""
    refused = at("llama-3.1-70b", "h100-sxm", tp=6)
    padded = at("llama-3.1-70b", "h100-sxm", tp=6, pad_heads=True)
    eight = at("llama-3.1-70b", "h100-sxm", tp=8)
    assert refused.status == 16 and padded.status == 0
    assert padded.kv_bytes_per_chip == 2 * eight.kv_bytes_per_chip
    assert padded.tpot_s_bound < at("llama-3.1-70b", "h100-sxm", tp=4).tpot_s_bound


def test_skewed_routing_reads_fewer_experts() -> None:
    even, skewed = model("mixtral-8x7b"), model("mixtral-8x7b").skewed(1.0)
    a, b = (tr.point(m, "h100-sxm", tp=2, batch=4) for m in (even, skewed))
    assert b.decode_bytes < a.decode_bytes and b.tpot_s < a.tpot_s and b.tpot_s_bound == a.tpot_s_bound


# Layouts of attention and of matrices; padding; offloaded weights.


@pytest.mark.parametrize(("name", "tp"), [("llama-3.1-70b", 16), ("deepseek-v3", 8), ("qwen3-next-80b-a3b", 8)])
def test_caches_by_sequence_are_held_once(name: str, tp: int) -> None:
    """Ranks beyond the KV heads hold other sequences: as much cache in all as one chip would hold."""
    run = {"tp": tp, "isl": 4096, "osl": 256, "batch": 64, "precision": "w8a16"}
    copies, once = (at(name, "h200-sxm", attention_sharding=how, **run) for how in ("heads", "batch"))
    one = at(name, "h200-sxm", **run | {"tp": 1, "batch": 1})
    assert once.kv_bytes_per_chip * tp == pytest.approx(64 * one.kv_bytes_per_chip)
    assert once.kv_bytes_per_chip < copies.kv_bytes_per_chip and once.max_batch > copies.max_batch
    assert once.decode_bytes < copies.decode_bytes and once.tpot_s_bound == copies.tpot_s_bound


def test_one_sequence_gains_nothing_from_caches_by_sequence() -> None:
    """It has one holder, which reads all of it, and pays for the exchange: two messages a layer."""
    run = {"tp": 16, "isl": 4096, "osl": 256, "batch": 1}
    copies, once = (at("llama-3.1-70b", "gb200-nvl72", attention_sharding=how, **run) for how in ("heads", "batch"))
    assert once.kv_bytes_per_chip == copies.kv_bytes_per_chip
    assert once.tpot_s - copies.tpot_s == pytest.approx(80 * 2 * 2.5e-6, rel=0.1)


def test_as_many_ranks_as_heads_need_no_exchange() -> None:
    run = {"tp": 8, "isl": 4096, "osl": 256, "batch": 64}
    copies, once = (at("llama-3.1-70b", "h100-sxm", attention_sharding=how, **run) for how in ("heads", "batch"))
    assert copies.columns == once.columns


@settings(max_examples=40)
@given(
    st.sampled_from(["llama-3.1-70b", "palm-62b", "deepseek-v3", "falcon-7b"]),
    st.sampled_from(["gb200-nvl72", "tpu-v5p", "mi300x", "tpu-v6e"]),
    st.sampled_from([2, 4, 8, 16, 64]),
    st.integers(1, 2048),
    st.integers(1, 100_000),
)
def test_auto_is_never_slower_than_either_split(name: str, chip: str, tp: int, batch: int, isl: int) -> None:
    run = {"tp": tp, "batch": batch, "isl": isl, "osl": 64, "pad_heads": True}
    one, two, auto = (at(name, chip, weight_sharding=how, **run) for how in ("1d", "2d", "auto"))
    if math.isnan(one.tpot_s):
        return
    for column in TIMES:
        assert auto[column] <= min(one[column], two[column]) * (1 + 1e-12)
        assert auto[f"{column}_bound"] == min(one[f"{column}_bound"], two[f"{column}_bound"])


def test_what_cannot_be_split_twice_is_split_once() -> None:
    """Prime numbers of ranks; blocks of routed experts and of latent attention."""
    one, two = (at("llama-2-7b", "h100-sxm", tp=2, weight_sharding=how) for how in ("1d", "2d"))
    assert one.columns == two.columns
    inner = {op.name: op.inner_elems for op in model("deepseek-v3").operators if op.kind.name == "ALL_REDUCE"}
    assert inner.pop("all_reduce_ffn.dense") == 3 * 18432 and set(inner.values()) == {0.0}


def test_padded_heads_take_padded_projections() -> None:
    """40 heads on 16 ranks: three each. Attention and its projections are as those of 48 heads, the rest is not."""
    run = {"tp": 16, "batch": 8, "isl": 512, "osl": 64, "pad_heads": True}
    padded = at("llama-2-13b", "gb200-nvl72", **run)
    one = at("llama-2-13b", "gb200-nvl72", **run | {"tp": 1})
    projections = 40 * 4 * 5120 * 5120 * 2  # bytes of all layers
    rest = one.weight_bytes_per_chip - projections
    norms = (2 * 40 + 1) * 5120 * 2  # on each rank
    want = projections * 3 / 40 + (rest - norms) / 16 + norms
    assert padded.weight_bytes_per_chip == pytest.approx(want, rel=1e-6)
    assert padded.weight_bytes_per_chip > at("llama-2-13b", "gb200-nvl72", **run | {"tp": 20}).weight_bytes_per_chip
    assert padded.tpot_s_bound * 16 == pytest.approx(one.tpot_s_bound, rel=0.01)  # the bound pads nothing


def test_caches_keep_room_where_weights_overflow() -> None:
    """70B in bf16 on one H100: 72 GB of budget for 141 GB. A third stays for caches, the weights go to host memory."""
    run = {"offload": "weights", "isl": 2048, "osl": 256, "batch": 8}
    p = at("llama-3.1-70b", "h100-sxm", **run)
    assert p.ok and p.max_batch == int(0.3 * 72e9 / (327_680 * 2304))
    none = at("llama-3.1-70b", "h100-sxm", cache_share=0.0, **run)
    assert not none.ok and none.max_batch == 0
    read = 1 - 128_256 * 8192 / model("llama-3.1-70b").params  # the input table moves too, but no step reads it
    slower = read * 0.3 * 72e9 / 0.8 * (1 / 63e9 - 1 / 3.35e12)
    assert p.tpot_s - none.tpot_s == pytest.approx(slower, rel=1e-3)


@settings(max_examples=60)
@given(
    st.sampled_from(["llama-2-7b", "llama-3.1-70b", "mixtral-8x7b", "gpt-oss-120b", "mobilellm-125m"]),
    st.sampled_from(["h100-sxm", "l4", "rtx4090", "tpu-v5e", "apple-m3-max", "groq-lpu-v1"]),
    st.sampled_from([1, 2, 4]),
    st.integers(1, 512),
    st.integers(1, 50_000),
    st.sampled_from(["total", "free"]),
    st.floats(0.0, 1.0),
)
def test_offloading_never_takes_a_fit_away(
    name: str, chip: str, tp: int, batch: int, isl: int, of: str, share: float
) -> None:
    def fits(offload: tuple[str, ...]) -> float:
        run = {"tp": tp, "pad_heads": True, "batch": batch, "isl": isl, "osl": 64, "memory_of": of}
        return at(name, chip, offload=offload, cache_share=share, **run).fits

    none, weights, kv, both = (fits(o) for o in ((), ("weights",), ("kv",), ("weights", "kv")))
    assert none <= min(weights, kv) and max(weights, kv) <= both
