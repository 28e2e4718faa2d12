"""Groq, November and December 2023: Llama-2-70B on 576 chips of 230 MB at more than 300 tokens/s per user."""

from __future__ import annotations

import math

import pytest

import tokenroof as tr
from tokenroof.techniques import systems

CHIPS, MODEL = 576, "llama-2-70b"


def fitting(precision: str) -> list[int]:
    """Chips of the layouts of up to 576 whose memory holds the weights."""
    sweep = tr.Sweep(
        model=[MODEL],
        hardware=["groq-lpu-v1"],
        precision=[precision],
        tp=[1, 2, 4, 8, 16, 32, 64],
        pp=list(range(1, 81)),
        batch=[1],
        isl=[1],
        osl=[1],
        memory_fraction=1.0,
    )
    fits = sweep.run(["fits"])["fits"].reshape(7, 80)
    return [tp * pp for i, tp in enumerate((1, 2, 4, 8, 16, 32, 64)) for pp in range(1, 81) if fits[i, pp - 1] == 1.0]


def test_576_chips_hold_132_5_gb() -> None:
    """Half of what the weights take in 16 bit, so that the service cannot have been in FP16."""
    chip = tr.hardware("groq-lpu-v1")
    assert CHIPS * chip.memory_bytes == pytest.approx(132.5e9, rel=0.01)
    assert tr.model(MODEL).weight_bytes("int8") < CHIPS * chip.memory_bytes < tr.model(MODEL).weight_bytes("fp16")


def test_int8_fits_and_fp16_does_not() -> None:
    """The fewest chips of a layout are more than the bytes need: stages hold whole layers."""
    least = math.ceil(tr.model(MODEL).weight_bytes("int8") / tr.hardware("groq-lpu-v1").memory_bytes)
    assert least <= min(fitting("int8")) <= CHIPS
    assert not [chips for chips in fitting("fp16") if chips <= CHIPS]


def test_300_tokens_per_s_do_not_beat_the_bound() -> None:
    """A token passes one chip after another, so that a pipeline alone is as fast as one chip's SRAM: about 1150 a
    second, of which 300 are a quarter."""
    p = tr.point(MODEL, "groq-lpu-v1", precision="int8", pp=80, isl=1024, osl=256, estimate="bound")
    assert 0.2 < 300 / p.tokens_per_s_per_user < 0.3
    split = tr.point(MODEL, "groq-lpu-v1", precision="int8", tp=8, pp=72, isl=1024, osl=256, estimate="bound")
    assert split.tokens_per_s_per_user > 7 * p.tokens_per_s_per_user


def test_307_chips_hold_int8_were_they_cut_anywhere() -> None:
    chip = tr.hardware("groq-lpu-v1")
    assert systems.chips_for_bytes(70.6e9, chip.memory_bytes) == 307
    assert systems.serial_tokens_per_s(70.6e9, chip.memory_bandwidth) == pytest.approx(1133, rel=0.001)


def test_a_system_is_neither_of_equal_price_nor_of_fewer_transistors() -> None:
    """Said to be five times faster than GPUs of equal price, by architecture alone. 576 cards at 20,000 USD are 11.5
    million, 48 times eight H100 at theirs, with 24 times the transistors and 1,719 times the memory's bandwidth; of one
    chip it is 24 times that of HBM3, not ten."""
    groq, dgx = systems.system("groq"), systems.system("dgx-h100")
    assert groq.price_usd == pytest.approx(11.5e6, rel=0.005)
    assert groq.price_usd / dgx.price_usd == pytest.approx(48)
    assert groq.transistors / dgx.transistors == pytest.approx(24, rel=0.01)
    assert groq.memory_bandwidth / dgx.memory_bandwidth == pytest.approx(1719, rel=0.001)
    assert systems.compared("groq-lpu-v1", "h100-sxm")["bandwidth"] == pytest.approx(23.9, rel=0.002)
