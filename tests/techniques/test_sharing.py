"""Laws of shared layers, by the closed form and through the engine."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from amounts import at_most, between
from hypothesis import given, settings
from hypothesis import strategies as st

import tokenroof as tr
from tokenroof.errors import SpecError
from tokenroof.techniques import sharing

COUNTS, REPEATS = st.integers(1, 200), st.integers(1, 8)
CHIPS = st.fixed_dictionaries(
    {
        "peak": between(1e9, 1e16),
        "bandwidth": between(1e9, 1e13),
        "sram_bytes": between(1e3, 1e9),
        "sram_bandwidth": between(1e9, 1e15),
        "overhead": st.floats(0, 1e-3),
    }
)
BYTES, FLOPS = between(1e3, 1e9), between(1e3, 1e12)


@given(COUNTS, REPEATS, BYTES, FLOPS, CHIPS)
def test_sharing_is_never_slower_than_loading_again(n: int, r: int, b: float, f: float, chip: dict[str, float]) -> None:
    shared = sharing.shared_seconds(n, r, b, f, **chip)
    own = sharing.shared_seconds(n * r, 1, b, f, **chip)
    once = sharing.shared_seconds(n, 1, b, f, **chip)
    assert at_most(shared, own) and at_most(once, shared)
    assert at_most(r * n * f / chip["peak"], shared)  # the work is done each time


@given(COUNTS, REPEATS, BYTES, FLOPS, CHIPS)
def test_without_room_it_is_loading_again(n: int, r: int, b: float, f: float, chip: dict[str, float]) -> None:
    small = chip | {"sram_bytes": b / 2}
    own = sharing.shared_seconds(n * r, 1, b, f, **small)
    assert sharing.shared_seconds(n, r, b, f, **small) == pytest.approx(own)


@given(COUNTS, REPEATS, BYTES, FLOPS, CHIPS, between(1, 1e3))
def test_a_better_chip_is_never_slower(n: int, r: int, b: float, f: float, chip: dict[str, float], more: float) -> None:
    time = sharing.shared_seconds(n, r, b, f, **chip)
    for name in ("peak", "bandwidth", "sram_bytes", "sram_bandwidth"):
        assert at_most(sharing.shared_seconds(n, r, b, f, **chip | {name: chip[name] * more}), time)


def test_broadcasts() -> None:
    times = sharing.shared_seconds(30, [1, 2, 3], 7e6, 7e6, peak=8e12, bandwidth=[[34e9], [68e9]], sram_bytes=20e6)
    assert times.shape == (2, 3) and (np.diff(times) > 0).all() and (times[0] > times[1]).all()
    assert isinstance(sharing.block_seconds(1, 1, 1, 1), float)
    assert math.isnan(sharing.block_seconds(1, 1, math.nan, 1))


@pytest.mark.parametrize("model", ["mobilellm-125m", "llama-3.2-1b", "mixtral-8x7b"])
@given(times=st.integers(2, 4), batch=st.sampled_from([1, 8]), estimate=st.sampled_from(["bound", "typical"]))
@settings(max_examples=6)
def test_the_engine_agrees(model: str, times: int, batch: int, estimate: str) -> None:
    """Sharing costs something, never more than layers of one's own; the cache is that of executed layers."""
    found = sharing.compare(model, "h100-sxm", times, precision="bf16", batch=batch, estimate=estimate)
    assert at_most(found.base.tpot_s, found.shared.tpot_s) and at_most(found.shared.tpot_s, found.own.tpot_s)
    assert found.shared.model.params == found.base.model.params < found.own.model.params
    assert found.shared.decode_flops == found.own.decode_flops > found.base.decode_flops
    cache = found.base.model.cache_bytes(100)
    assert found.shared.model.cache_bytes(100) == sharing.shared_cache_bytes(cache / 10, 10, times) == times * cache


def test_a_server_gains_nothing_where_a_block_does_not_stay() -> None:
    """A block of Llama-3-70B is 1.7 GB in bf16 and the L2 of an H100 50 MB: shared layers are as slow as own ones."""
    found = sharing.compare("llama-3-70b", "h100-sxm", precision="bf16", tp=8)
    assert found.shared.tpot_s == pytest.approx(found.own.tpot_s)
    roomy = replace(tr.hardware("h100-sxm"), sram_bytes=2e9)
    assert sharing.compare("llama-3-70b", roomy, precision="bf16", tp=8).extra < 0.7 * found.extra


def test_bad_input() -> None:
    with pytest.raises(SpecError, match="times = 0"):
        sharing.repeated(tr.model("mobilellm-125m"), 0)
    with pytest.raises(SpecError, match="times = 2.0"):
        sharing.repeated(tr.model("mobilellm-125m"), 2.0)
    with pytest.raises(SpecError, match=r"repeats = 1.5: expected a whole number"):
        sharing.shared_seconds(30, 1.5, 1, 1, peak=1, bandwidth=1, sram_bytes=1)
    with pytest.raises(SpecError, match="sram_bandwidth = 0:"):
        sharing.shared_seconds(30, 2, 1, 1, peak=1, bandwidth=1, sram_bytes=1, sram_bandwidth=0)
    base = tr.model("mobilellm-125m")
    assert sharing.repeated(base, 1) is base
