"""Leviathan, Kalman, Matias: Fast Inference from Transformers via Speculative Decoding, arXiv:2211.17192."""

from __future__ import annotations

import pytest

from tokenroof.techniques.speculation import expected_tokens, operations, speedup


@pytest.mark.parametrize(
    ("acceptance", "length", "published"),
    [(0.6, 2, 1.96), (0.7, 3, 2.53), (0.8, 2, 2.44), (0.8, 5, 3.69), (0.9, 2, 2.71)],
)
def test_table_1_speed(acceptance: float, length: int, published: float) -> None:
    """A draft that costs nothing, and a check that takes as long as a step: rel 0.3 %."""
    assert speedup(expected_tokens(acceptance, length), 1.0, 1.0, 0.0) == pytest.approx(published, rel=0.003)


@pytest.mark.parametrize(("acceptance", "length", "published"), [(0.8, 2, 1.23), (0.9, 2, 1.11), (0.9, 10, 1.60)])
def test_table_1_operations(acceptance: float, length: int, published: float) -> None:
    assert operations(acceptance, length) == pytest.approx(published, rel=0.005)


TABLE_2 = {
    # task, temperature, draft: acceptance, draft length, cost of a draft step, measured on TPU v4
    "EnDe, 0, T5-base": (0.80, 7, 0.04, 2.8),
    "EnDe, 1, T5-small": (0.62, 7, 0.02, 2.6),
    "CNN/DM, 0, T5-small": (0.65, 5, 0.02, 3.1),
}


@pytest.mark.parametrize("row", TABLE_2)
def test_table_2_measured_speed_of_t5_xxl(row: str) -> None:
    """Measured over formula is 0.7 to 1.3: above 1 where the plain baseline wastes more of a step than the check."""
    acceptance, length, ratio, measured = TABLE_2[row]
    assert 0.7 < measured / speedup(expected_tokens(acceptance, length), 1.0, 1.0, length * ratio) < 1.3


def test_table_2_t5_large_costs_more_than_its_ratio() -> None:
    """T5-large: 1.7 measured for a formula of 2.50, a factor of 0.68, outside of 0.7 to 1.3.

    With a ratio of 0.11 the draft's seven steps take 0.77 of a step; 1.7 needs 1.6. T5-large has as many layers as the
    target (24), one after the other: a step of it takes more of the target's time than its share of the weights.
    """
    tokens = expected_tokens(0.82, 7)
    assert speedup(tokens, 1.0, 1.0, 7 * 0.11) == pytest.approx(2.50, rel=0.003)
    implied = (tokens / 1.7 - 1.0) / 7
    assert implied == pytest.approx(0.23, abs=0.005)
    assert speedup(tokens, 1.0, 1.0, 7 * implied) == pytest.approx(1.7)
