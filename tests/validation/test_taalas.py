"""Taalas HC1, February 2026, as the press reported it: Llama-3.1-8B in the masks of one die of TSMC N6. A claim."""

from __future__ import annotations

import pytest

import tokenroof as tr
from tokenroof.techniques import burned_in, systems

HC1 = systems.system("taalas")


def test_17_000_tokens_per_s_for_one_user() -> None:
    """The catalogue's chip, whose peak is what the claim needs, comes to it; weights cost no time."""
    p = tr.point(HC1.model, HC1.hardware, precision=HC1.precision, isl=1024, osl=1024, estimate="bound")
    assert p.tokens_per_s_per_user == pytest.approx(17_000, rel=0.05)


def test_no_memory_could_stream_its_weights_so_fast() -> None:
    """99 TB/s would be needed for the 5.8 GB that they are in four bits, as much as 29 H100 have."""
    streamed = HC1.tokens_per_s_per_user * tr.model(HC1.model).weight_bytes(HC1.precision)
    assert streamed > 29 * tr.hardware("h100-sxm").memory_bandwidth


def test_density() -> None:
    """9.85e6 parameters a square millimetre at N6, where HNLPU designs 8.8e6 at 5 nm; 6.6 transistors each."""
    found = burned_in.density("taalas-hc1")
    assert found.params == pytest.approx(tr.model("llama-3.1-8b").params, rel=1e-3)
    assert found.params_per_mm2 == pytest.approx(9.85e6, rel=0.001)
    assert found.transistors_per_param == pytest.approx(6.6, rel=0.002)


def test_70b_would_be_nine_dies() -> None:
    area = burned_in.area_mm2(tr.model("llama-3.1-70b").params, burned_in.density("taalas-hc1").params_per_mm2)
    assert burned_in.chips_for_area(area, 815) == 9
