"""Jouppi et al., TPU v4, ISCA 2023, table 4: 121, 170 and 192 W at least, in the mean and at most; 90 W idle."""

from __future__ import annotations

import pytest

import tokenroof as tr
from tokenroof.techniques import systems


def test_power() -> None:
    chip = tr.hardware("tpu-v4")
    assert (chip.power_idle, chip.power_max) == (90.0, 192.0)
    run = {"precision": "bf16", "tp": 64, "pad_heads": True, "isl": 1984, "osl": 64}
    watts = [tr.point("palm-540b", chip, batch=batch, **run).watts_per_chip for batch in (1, 64, 512)]
    assert all(121 < w < 192 for w in watts) and sum(watts) / 3 == pytest.approx(170, rel=0.25)


def test_peak_over_that_of_an_h100() -> None:
    ratio = tr.hardware("tpu-v4").peaks["bf16"] / tr.hardware("h100-sxm").peaks["bf16"]
    assert ratio == pytest.approx(0.278, rel=0.01)


def test_not_the_throughput_of_an_h100() -> None:
    """0.28 of its arithmetic, 0.37 of its bandwidth, 0.40 of its memory. Per watt of the maximum a third more
    bandwidth, the same arithmetic, and no FP8, in which an H100 does twice as much."""
    found = systems.compared("tpu-v4", "h100-sxm")
    assert found["bandwidth"] == pytest.approx(0.367, abs=0.001) and found["capacity"] == pytest.approx(0.40)
    assert found["bandwidth_per_watt"] == pytest.approx(1.34, abs=0.01)
    assert found["peak_per_watt"] == pytest.approx(1.01, abs=0.01)
    assert systems.compared("tpu-v4", "h100-sxm", "fp8")["peak"] == 0
