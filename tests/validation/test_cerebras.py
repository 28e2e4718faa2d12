"""Cerebras, August 2024: Llama-3.1-70B in 16 bit on four wafers of 44 GB at 450 tokens/s per user."""

from __future__ import annotations

from plain import first

import tokenroof as tr

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
