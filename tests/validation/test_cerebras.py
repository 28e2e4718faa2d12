"""Cerebras, August 2024: Llama-3.1-70B in 16 bit on four wafers of 44 GB at 450 tokens/s per user."""

from __future__ import annotations

import pytest
from plain import first

import tokenroof as tr
from tokenroof.techniques import burned_in, systems

RUN = {"precision": "fp16", "isl": 1024, "osl": 256}


def test_four_wafers() -> None:
    def holds(wafers: int) -> bool:
        return tr.point("llama-3.1-70b", "cerebras-wse3", pp=wafers, memory_fraction=1.0, **RUN).fits == 1.0

    assert first(holds, 80) == 4


def test_450_tokens_per_s_are_a_matter_of_latency() -> None:
    """28 us a layer; SRAM alone would allow hundreds of times as many. `typical` has one latency for wide and narrow
    layers and comes out a third too fast."""
    bound, typical = (tr.point("llama-3.1-70b", "cerebras-wse3", pp=4, estimate=e, **RUN) for e in ("bound", "typical"))
    assert bound.tokens_per_s_per_user > 200 * 450
    assert typical.bottleneck == 3.0 and 1 / 1.5 < 450 / typical.tokens_per_s_per_user < 1.5


def test_17_and_28_microseconds_a_layer() -> None:
    """8B at 1,800 tokens/s on one wafer and 70B at 450 on four: neither is bandwidth's."""
    for name, us in (("cerebras-8b", 17.4), ("cerebras-70b", 27.8)):
        entry = systems.system(name)
        m = tr.model(entry.model)
        assert burned_in.layer_seconds(entry.tokens_per_s_per_user, m.layers) * 1e6 == pytest.approx(us, rel=0.005)
        assert systems.chips_for_bytes(m.weight_bytes("fp16"), tr.hardware(entry.hardware).memory_bytes) == entry.chips
        wafer = tr.hardware(entry.hardware).memory_bandwidth
        assert systems.serial_tokens_per_s(m.weight_bytes("fp16"), wafer) > 300 * entry.tokens_per_s_per_user
