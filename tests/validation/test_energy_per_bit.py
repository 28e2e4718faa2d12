"""Energy to move a bit: Horowitz, ISSCC 2014 (45 nm); O'Connor et al., MICRO 2017 (HBM2); NVIDIA (NVLink-C2C)."""

from __future__ import annotations

import pytest

import tokenroof as tr
from tokenroof.techniques.energy import access, joules_per_flop


def test_dram_32_bit_takes_640_pj() -> None:
    """Up to 1300 in the same talk: 20 to 40 pJ a bit, five to ten times those of stacked memory."""
    found = access("dram-45nm")
    assert found.joules_per_bit * 32 == pytest.approx(640e-12)
    assert 5 < found.joules_per_bit / access("hbm2").joules_per_bit < 10
    assert found.picojoules / access("sram-45nm").picojoules == 128  # one access is worth 128 on chip


def test_nvlink_c2c_takes_1_3_pj_per_bit() -> None:
    assert access("nvlink-c2c").joules_per_bit == pytest.approx(1.3e-12)


def test_reading_memory_at_full_speed_is_a_sixth_of_an_h100() -> None:
    """3.35 TB/s at HBM2's 3.97 pJ a bit: 106 of 700 W. A FLOP at the datasheet's peak takes 0.7 pJ, so that a weight
    of two bytes costs as much as 90 FLOP: batching saves energy long before the ridge at 295."""
    chip = tr.hardware("h100-sxm")
    watts = chip.memory_bandwidth * access("hbm2").joules_per_byte
    assert watts == pytest.approx(106, rel=0.01)
    assert watts / chip.power_max == pytest.approx(0.15, abs=0.01)
    per_flop = joules_per_flop(chip.power_max, chip.peaks["bf16"])
    assert 2 * access("hbm2").joules_per_byte / per_flop == pytest.approx(90, rel=0.01)
