"""Training against inference, from several sources: each test names its own."""

from __future__ import annotations

import pytest

from tokenroof.techniques.training import (
    break_even_tokens,
    inference_share,
    lifetime_split,
    training_flops,
    training_seconds,
    training_usd,
)

GPT_4_FLOPS, GPT_4_ACTIVE = 2.15e25, 280e9  # SemiAnalysis, GPT-4 Architecture, July 2023: rumoured


def test_llama_70b_on_a_pod_takes_44_days() -> None:
    """JAX scaling book, applied training: 15e12 tokens on 8960 TPU v5p at 40 %."""
    flops = training_flops(70e9, 15e12)
    assert flops == pytest.approx(6.3e24)
    assert training_seconds(flops, 8960, 459e12, 0.4) / 86400 == pytest.approx(44, rel=0.01)


def test_openai_2024_spent_29_percent_on_inference() -> None:
    """Epoch AI: 2e9 of 7e9 USD, what Microsoft serves left out."""
    assert inference_share(2e9, 5e9) == pytest.approx(0.286, rel=0.01)


def test_one_order_for_one_means_equal_spending() -> None:
    """E. Erdil, Optimally allocating compute between inference and training, Epoch AI, 2024."""
    assert lifetime_split(1.0) == 0.5


def test_gpt_4_serves_as_much_as_it_was_trained_after_a_year() -> None:
    """3.8e13 tokens, 384 days at 1e11 a day: inference does not vastly exceed training."""
    tokens = break_even_tokens(GPT_4_FLOPS, GPT_4_ACTIVE)
    assert tokens == pytest.approx(3.8e13, rel=0.02)
    assert tokens / 1e11 == pytest.approx(384, rel=0.01)


def test_gpt_4_cost_63_million_to_train() -> None:
    """SemiAnalysis prints 63e6 at one dollar an A100 hour: 25,000 of them for 90 to 100 days, 60e6 at most; 21.5e6
    for 8192 H100 at two dollars for 55 days."""
    assert training_usd(25_000, 100, 1.0) == pytest.approx(63e6, rel=0.10)
    assert training_usd(8192, 55, 2.0) == pytest.approx(21.5e6, rel=0.01)
    seconds = training_seconds(GPT_4_FLOPS, 25_000, 312e12, 0.34)
    assert seconds / 86400 == pytest.approx(95, rel=0.03)  # at the rumoured 32 to 36 % MFU
