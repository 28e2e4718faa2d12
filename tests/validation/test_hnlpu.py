"""Liu et al., Hardwired-Neurons Language Processing Units, arXiv:2508.16151: gpt-oss-120b in the wires of 16 chips.

A design at 5 nm, not fabricated. Dies per wafer and yield belong to fleets; the chain here starts at chips.
"""

from __future__ import annotations

import pytest

import tokenroof as tr
from tokenroof.techniques import burned_in, chips

CHIPS, DIE_MM2, TOKENS_PER_S, WATTS = 16, 827.08, 249_960, 6900.0
#: Table 3, three years of 1e8 tokens/s [USD]: a cluster of H100, and HNLPU at the higher and the lower mask price.
TCO_H100, TCO_HIGH, TCO_LOW = 9563e6, 229.4e6, 118.9e6
SET_LOW, SET_HIGH = chips.node("5nm").mask_set_usd
SHARED, OWN = chips.mask_set_units(12, 48), chips.mask_set_units(0, 10)  # 60 of 70 layers alike, all EUV among them


def test_masks_of_200_chips_cost_6e9() -> None:
    """Weights in the transistors: each chip needs a set of its own."""
    assert chips.masks_usd(200, SET_HIGH) == 6e9


def test_naive_silicon() -> None:
    """A constant multiplier of 208 transistors for each FP4 weight, 138e6 of them a square millimetre: 176,000 mm2."""
    area = burned_in.transistor_area_mm2(tr.model("gpt-oss-120b").params, 208, 138e6)
    assert area == pytest.approx(176_000, rel=0.005)
    assert burned_in.chips_for_area(area, DIE_MM2) == pytest.approx(200, rel=0.07)  # the paper's 200 sets are rounded


def test_metal_embedding_takes_13_232_mm2() -> None:
    found = burned_in.density("hnlpu")
    assert found.area_mm2 == CHIPS * tr.hardware("hnlpu").die_mm2 == pytest.approx(13_232, rel=0.001)
    assert found.params_per_mm2 == pytest.approx(8.8e6, rel=0.01)
    assert found.params == pytest.approx(tr.model("gpt-oss-120b").params, rel=1e-3)


def test_new_weights_cost_18_5_to_37_1_million() -> None:
    """Ten metal layers of 16 chips, of a set that weighs 12 x 6 + 58."""
    assert SHARED + OWN == 130
    for set_usd, printed in ((SET_LOW, 18.5e6), (SET_HIGH, 37.1e6)):
        first = chips.masks_usd(CHIPS, set_usd, SHARED, OWN)
        shared = chips.masks_usd(0, set_usd, SHARED, OWN)
        assert first - shared == pytest.approx(printed, rel=0.006)


def test_masks_are_not_112_times_cheaper_than_200_sets() -> None:
    """The paper divides 6e9 by 112. Sixteen chips that share what it says cost 64.6e6 at the same price of a set, a
    93rd. 112 is 15 times the density times 7.4 for sharing: by it the naive design would be some 240 chips, not 200."""
    shared = chips.masks_usd(CHIPS, SET_HIGH, SHARED, OWN)
    assert 6e9 / shared == pytest.approx(92.9, rel=0.001)
    alike = chips.masks_usd(CHIPS, SET_HIGH) / shared
    assert 15 * alike == pytest.approx(112, rel=0.01)
    assert chips.masks_usd(15 * CHIPS, SET_HIGH) > 7e9


def test_nre_of_59_to_123_million_is_mostly_masks() -> None:
    """59.46e6 and 123.5e6 printed, masks and design: the masks of 16 chips are a little more than half of either."""
    for set_usd, printed in ((SET_LOW, 59.46e6), (SET_HIGH, 123.5e6)):
        masks = chips.masks_usd(CHIPS, set_usd, SHARED, OWN)
        assert 0.5 < masks / printed < 0.6


def test_36_2_tokens_per_joule() -> None:
    assert burned_in.tokens_per_joule(TOKENS_PER_S, WATTS) == pytest.approx(36.2, rel=0.002)


def test_216_sequences_in_flight() -> None:
    """6 stages in each of 36 layers; a token takes 864 us, so that one user gets 1157 tokens/s."""
    seconds = 36 * 24e-6
    assert burned_in.pipeline_tokens_per_s(216, seconds) == pytest.approx(TOKENS_PER_S, rel=0.001)
    assert burned_in.in_flight(TOKENS_PER_S, 1 / seconds) == pytest.approx(216, rel=0.001)


def test_41_7_times_cheaper() -> None:
    """Table 3 with annual weights; 80.4 at the lower price of masks."""
    high, low = TCO_H100 / TCO_HIGH, TCO_H100 / TCO_LOW
    assert (high, low) == pytest.approx((41.7, 80.4), rel=0.002)


def test_1_01_dollars_per_million_tokens_of_h100() -> None:
    """And 0.024 of HNLPU: three years at 1e8 tokens/s."""
    mtok = 1e8 * 3 * 365.25 * 86400 / 1e6
    assert TCO_H100 / mtok == pytest.approx(1.01, rel=0.01)
    assert TCO_HIGH / mtok == pytest.approx(0.024, rel=0.02)


def test_masks_and_new_weights_are_most_of_the_total() -> None:
    """NRE and two years' new weights against 229.4e6 and 118.9e6: a system of burned-in weights is paid in masks."""
    spins = chips.respins(3, 1)
    assert spins == 2
    for nre, spin, tco in ((123.5e6, 37.1e6, TCO_HIGH), (59.46e6, 18.5e6, TCO_LOW)):
        assert 0.80 < chips.nre_usd(nre, 0.0, spins, spin) / tco < 0.87


def test_5555_times_an_h100_takes_one_at_45_tokens_per_s() -> None:
    """The abstract's H100 makes 45 tokens/s, that of its costs 1,080: the ratio of the same paper's is 231."""
    implied, ratio = TOKENS_PER_S / 5555, TOKENS_PER_S / 1080
    assert implied == pytest.approx(45, rel=0.001) and ratio == pytest.approx(231, rel=0.005)
    served = tr.point("gpt-oss-120b", "h100-sxm", precision="mxfp4", tp=2, batch=64, isl=1024, osl=1024)
    assert served.tokens_per_s_per_chip > 10 * 45
