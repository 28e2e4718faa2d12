"""Jouppi et al., TPU v4, ISCA 2023, table 4: 121, 170 and 192 W at least, in the mean and at most; 90 W idle."""

from __future__ import annotations

import pytest

import tokenroof as tr


def test_power() -> None:
    chip = tr.hardware("tpu-v4")
    assert (chip.power_idle, chip.power_max) == (90.0, 192.0)
    run = {"precision": "bf16", "tp": 64, "pad_heads": True, "isl": 1984, "osl": 64}
    for batch in (1, 64, 512):
        watts = tr.point("palm-540b", chip, batch=batch, **run).watts_per_chip
        assert 121 < watts < 192 and watts == pytest.approx(170, rel=0.25)


def test_peak_over_that_of_an_h100() -> None:
    ratio = tr.hardware("tpu-v4").peaks["bf16"] / tr.hardware("h100-sxm").peaks["bf16"]
    assert ratio == pytest.approx(0.278, rel=0.01)
