"""Pope et al., Efficiently Scaling Transformer Inference, arXiv:2211.05102: PaLM on TPU v4.

Tables 2 and 3: measured latencies and model FLOP utilisation. Table 1: longest contexts that fit. Section 3.1: what
the layouts send. The 540B figures of tables 2 and 3 were read in the paper, those of 62B are as quoted.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from plain import cache, chip, first, of

import tokenroof as tr
from tokenroof import formulas as fs
from tokenroof.reference.network import Network
from tokenroof.specs import Hardware, Kind, Link, Operator, precision

CONTEXT, GENERATED = 2048, 64


def tpu_v4() -> Hardware:
    """With the bandwidth that the paper states; the catalogue has Google's 1228 GB/s."""
    return replace(tr.hardware("tpu-v4"), memory_bandwidth=1.2e12)


#: The paper's layout of the cache (3.3): each chip holds other sequences, not a copy of the one KV head.
PAPER = {"attention_sharding": "batch", "weight_sharding": "auto"}


@pytest.mark.parametrize(
    ("model", "chips", "weights", "batch", "phase", "measured"),
    [
        ("palm-540b", 64, "w8a16", 64, "decode", 1.82),
        ("palm-540b", 64, "bf16", 512, "decode", 6.0),
        ("palm-540b", 64, "bf16", 512, "prefill", 85.2),
        ("palm-62b", 16, "w8a16", 1, "prefill", 0.16),
        ("palm-62b", 16, "w8a16", 32, "decode", 0.73),
        ("palm-62b", 8, "bf16", 512, "decode", 5.1),
    ],
)
def test_latency(model: str, chips: int, weights: str, batch: int, phase: str, measured: float) -> None:
    """Seconds for 64 generated tokens, or for a prompt of 2048. No measurement beats the bound; `typical` is 1.2 to 3
    times faster than measured.

    Only the large prefill is compared with the bound: the paper runs 512 prompts in one pass and gathers weights
    (3.2.3), which pays from some hundred thousand tokens on. Here a prompt is a pass of its own, and the messages of so
    many passes make `typical` half as slow again as measured.
    """

    def seconds(estimate: str) -> float:
        sizes = (
            {"isl": CONTEXT - GENERATED, "osl": GENERATED, "batch": batch} if phase == "decode" else {"isl": CONTEXT}
        )
        p = tr.point(model, tpu_v4(), precision=weights, tp=chips, pad_heads=True, estimate=estimate, **PAPER, **sizes)
        return p.tpot_s * GENERATED if phase == "decode" else p.ttft_s * batch

    gathered = phase == "prefill" and batch > 1
    assert seconds("bound") <= measured
    assert 1.2 < measured / seconds("bound" if gathered else "typical") < 3
    assert not gathered or 1.2 < seconds("typical") / measured < 1.7


def test_a_copy_of_the_cache_on_each_chip_is_what_the_layout_saves() -> None:
    """Without the paper's layout 64 chips read the cache of one KV head 64 times: 12 s where 6.0 s were measured."""
    sizes = {"precision": "bf16", "tp": 64, "pad_heads": True, "batch": 512, "isl": 1984, "osl": 64}
    copied, shared = (tr.point("palm-540b", tpu_v4(), attention_sharding=how, **sizes) for how in ("heads", "batch"))
    assert shared.tpot_s * GENERATED < 6.0 < copied.tpot_s * GENERATED
    assert copied.kv_bytes_per_chip == pytest.approx(64 * shared.kv_bytes_per_chip)


@pytest.mark.parametrize(
    ("model", "chips", "batch", "tokens", "seconds", "mfu"),
    [
        ("palm-540b", 64, 512, 2048, 85.2, 0.76),
        ("palm-540b", 64, 512, 64, 6.0, 0.33),
        ("palm-62b", 16, 1, 2048, 0.16, 0.36),
        ("palm-62b", 16, 32, 64, 0.73, 0.08),
        ("palm-62b", 32, 512, 2048, 20.2, 0.73),
        ("palm-62b", 8, 512, 64, 5.1, 0.37),
    ],
)
def test_model_flop_utilisation(model: str, chips: int, batch: int, tokens: int, seconds: float, mfu: float) -> None:
    """Work of the matrices, without attention, over peak and measured time."""
    work = tr.model(model).flops_per_token * batch * tokens
    assert work / (chips * tr.hardware("tpu-v4").peaks["bf16"] * seconds) == pytest.approx(mfu, abs=0.01)


@pytest.mark.parametrize(
    ("layers", "heads", "head_dim", "layout", "batch", "tokens"),
    [
        (118, 48, 128, {"tp": 64, "pad_heads": True}, 512, 330),  # multi-head: a head on each chip, 16 chips have none
        (118, 1, 256, {"cp": 64}, 128, 43_000),  # multi-query, the cache split over chips without regard to heads
    ],
)
def test_longest_context(
    layers: int, heads: int, head_dim: int, layout: dict[str, int], batch: int, tokens: int
) -> None:
    """Table 1: a cache in 30 % of 64 chips of 32 GiB (GiB: with 32 GB the table does not come out)."""
    row = Operator(
        "attention",
        Kind.ATTENTION,
        count=layers,
        kv_read_elems=2 * heads * head_dim,
        kv_store_elems=2 * heads * head_dim,
        heads=heads,
        kv_heads=heads,
    )
    model, hardware = of(row, layers=layers), chip(1.2e12, memory=32 * 2**30)

    def too_long(isl: int) -> bool:
        p = tr.point(model, hardware, batch=batch, isl=isl, osl=1, memory_fraction=0.3, **layout)
        return p.max_batch < batch

    assert first(too_long) == pytest.approx(tokens, rel=0.02)


def test_cache_of_multi_head_attention() -> None:
    """Introduction: 3 TB at batch 512 and 2048 tokens, 118 layers of 48 heads of 128."""
    model = of(replace(cache(2 * 48 * 128), count=118.0), layers=118)
    assert 512 * model.cache_bytes(2048, precision("bf16")) == pytest.approx(3.0e12, rel=0.03)


def test_one_dimensional_layout_sends_two_elements_for_each_of_the_activations() -> None:
    """3.2.1: 2 B L E whatever the number of chips; exactly 2 (n - 1) / n."""
    moved = {n: fs.all_reduce_per_byte(float(n), 1.0) for n in (16, 64, 256)}
    assert moved[64] == pytest.approx(2.0, rel=0.05) and moved[256] == pytest.approx(moved[16], rel=0.07)


def sent(chips: int, hidden: float = 1.0, inner: float = 8.0) -> tuple[float, float]:
    """Elements of E that the best split in two dimensions sends, F = 4 E: as the paper counts, less what is there."""
    wire = Network(chip(1.0, scaleup=Link("wire", 1.0)))
    best = min(wire.splits(float(chips)), key=lambda s: fs.split_seconds(hidden, inner, s.hidden, s.inner))
    x, y = next((x, chips // x) for x in range(2, chips) if chips % x == 0 and best.hidden == (1 - x / chips) / x)
    return 2 * hidden / x + inner / y, fs.split_seconds(hidden, inner, best.hidden, best.inner)


@pytest.mark.parametrize("chips", [16, 64, 256, 1024, 4096])
def test_two_dimensional_layout_sends_less_with_more_chips(chips: int) -> None:
    """3.2.2: 8 B L E / sqrt(n), 1.0 on 64 chips. The paper rounds (k - 1) / k to 1, which 64 chips do not bear out:
    0.84 are left without what each group has already, and the two meet within 2 % at 4096."""
    published, exact = sent(chips)
    assert published == pytest.approx(8 / chips**0.5, rel=0.05)
    assert exact == pytest.approx(published, rel={16: 0.5, 64: 0.16, 256: 0.08, 1024: 0.04, 4096: 0.02}[chips])
    assert exact < published


def test_two_dimensions_pay_from_the_square_root_of_the_chips_on() -> None:
    """3.2.2: where sqrt(n) > F / E. On links whose axes cannot be used at once, later; `auto` takes the better one."""
    assert sent(64)[0] < fs.all_reduce_per_byte(64.0, 1.0) + 0.1 and sent(16)[0] == 2.0 and sent(4)[0] > 2.0
    big = tr.hardware("gb200-nvl72")
    run = {"tp": 64, "batch": 512, "isl": 1024, "osl": 64}
    one, two, auto = (tr.point("llama-3.1-405b", big, weight_sharding=how, **run) for how in ("1d", "2d", "auto"))
    assert two.ttft_s < one.ttft_s and auto.ttft_s <= min(one.ttft_s, two.ttft_s)
    assert auto.tpot_s <= min(one.tpot_s, two.tpot_s)
