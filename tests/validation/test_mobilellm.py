"""MobileLLM, arXiv:2402.14905, latency on an iPhone 13 (ExecuTorch, MPS, FP16): 125M, layers shared, layers doubled.

Milliseconds to load, initialise and execute: 30 layers 39.2, 1361.7, 15.6; each of them twice 43.6, 1388.2, 16.0;
60 of their own 68.6, 3347.7, 29.0. `typical` for phones was set from this table, so that execution is no proof of it;
that sharing costs almost nothing and doubling almost double is.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

import tokenroof as tr
from tokenroof.specs import Hardware, Model
from tokenroof.techniques import sharing

BASE, SHARED = tr.model("mobilellm-125m"), tr.model("mobilellm-ls-125m")
DOUBLED = Model.from_hf({**BASE.config, "num_hidden_layers": 60}, id="mobilellm-60")

#: A15: 34 GB/s and about 20 MB of SRAM, as the paper says; the peak plays no part.
IPHONE_13 = Hardware(
    "iphone-13",
    {"fp16": 8e12, "bf16": 8e12},
    4e9,
    34e9,
    sram_bytes=20e6,
    calibration=tr.hardware("sd8gen3-hexagon").calibration,
)


def execute_ms(model: Model, estimate: str = "typical") -> float:
    return tr.point(model, IPHONE_13, precision="fp16", isl=64, osl=1, estimate=estimate).tpot_s * 1e3


@pytest.mark.parametrize(("model", "measured"), [(BASE, 15.6), (SHARED, 16.0), (DOUBLED, 29.0)])
def test_execution(model: Model, measured: float) -> None:
    assert execute_ms(model, "bound") <= measured
    assert execute_ms(model) == pytest.approx(measured, rel=0.15)


def test_layers_that_share_weights_cost_2_6_percent_and_others_86() -> None:
    """Time of the extra layers over that of the model: weights that are on chip are not read again."""
    assert execute_ms(SHARED) / execute_ms(BASE) - 1 == pytest.approx(16.0 / 15.6 - 1, abs=0.005)
    assert execute_ms(DOUBLED) / execute_ms(BASE) - 1 == pytest.approx(29.0 / 15.6 - 1, rel=0.15)


def test_a_chip_without_room_for_a_block_reads_it_twice() -> None:
    """What the paper says of SRAM: without it the shared model would be as slow as the doubled one."""
    small = replace(IPHONE_13, sram_bytes=1e6)
    p = tr.point(SHARED, small, precision="fp16", isl=64, osl=1)
    assert p.tpot_s * 1e3 == pytest.approx(execute_ms(DOUBLED), rel=0.01)


def test_loading_goes_by_the_bytes_that_are_stored() -> None:
    """39.2 ms for the first model: as many as for the shared one (43.6, 11 % more), 1.85 times as many for 60 layers
    (68.6, 1.75 times). Initialisation is the framework's work and not modelled: 2 % more, and 2.5 times as much."""
    rate = BASE.weight_bytes("fp16") / 39.2
    assert SHARED.weight_bytes("fp16") / rate == pytest.approx(43.6, rel=0.12)
    assert DOUBLED.weight_bytes("fp16") / rate == pytest.approx(68.6, rel=0.07)
    assert SHARED.weight_bytes("fp16") / BASE.weight_bytes("fp16") == pytest.approx(1388.2 / 1361.7, rel=0.03)


def test_the_listed_models_are_repeats_of_the_first() -> None:
    """The library's repeats, of any model, are the catalogue's shared model and the config with twice the layers."""
    shared, own = (sharing.repeated(BASE, 2, shared=share) for share in (True, False))
    assert shared.operators == SHARED.operators and own.operators == DOUBLED.operators
    found = sharing.compare(BASE, IPHONE_13, precision="fp16", isl=64, osl=1)
    assert (found.shared.tpot_s, found.own.tpot_s) == (execute_ms(SHARED) / 1e3, execute_ms(DOUBLED) / 1e3)
    assert found.extra == pytest.approx(0.026, abs=0.005) and found.extra_own == pytest.approx(0.86, rel=0.15)


def test_closed_form() -> None:
    """30 blocks more take 13.4 ms, so that weights come at 16 GB/s, half of what the memory can. With that one number
    the model without them is 15.7 ms: its blocks and its head. Executing the blocks again takes 0.4 ms, arithmetic
    and launches: 2.6 % more, where loading others would be 86 %."""
    blocks = (DOUBLED.weight_bytes("fp16") - BASE.weight_bytes("fp16")) / 30
    flops = blocks  # two FLOP for two bytes
    rate = 30 * blocks / 13.4e-3
    assert rate == pytest.approx(16e9, rel=0.03)
    peak = IPHONE_13.peaks["fp16"]
    chip = {"peak": peak, "bandwidth": rate, "sram_bytes": 20e6, "overhead": 0.4e-3 / 30 - flops / peak}
    head = (BASE.weight_bytes("fp16") - 30 * blocks) / rate
    base, shared, own = (
        1e3 * (head + sharing.shared_seconds(n, r, blocks, flops, **chip) - chip["overhead"] * 30)
        for n, r in ((30, 1), (30, 2), (60, 1))
    )
    assert base == pytest.approx(15.6, rel=0.02)
    assert shared == pytest.approx(16.0, rel=0.02)
    assert own == pytest.approx(29.0, rel=0.02)
    assert shared / base - 1 == pytest.approx(0.026, abs=0.001)
