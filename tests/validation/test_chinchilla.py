"""Hoffmann et al., arXiv:2203.15556, and their replication, Besiroglu et al., arXiv:2404.10102: size at a compute."""

from __future__ import annotations

import numpy as np
import pytest

from tokenroof.techniques.loss_law import law, rule_of_thumb
from tokenroof.techniques.training import growth_of_inference

#: Hoffmann et al., table 3, the first approach: parameters, compute, tokens.
TABLE_3 = np.array(
    [
        (400e6, 1.92e19, 8.0e9),
        (1e9, 1.21e20, 20.2e9),
        (10e9, 1.23e22, 205.1e9),
        (67e9, 5.76e23, 1.5e12),
        (175e9, 3.85e24, 3.7e12),
        (280e9, 9.90e24, 5.9e12),
        (520e9, 3.43e25, 11.0e12),
        (1e12, 1.27e26, 21.2e12),
        (10e12, 1.30e28, 216.2e12),
    ]
)


def test_besiroglu_95_86e9_parameters_at_1e24() -> None:
    best = law("besiroglu").optimum(1e24)
    assert best.params == pytest.approx(9.586e10, rel=0.005)
    assert best.tokens == pytest.approx(1.739e12, rel=0.005)
    assert best.tokens / best.params == pytest.approx(18, abs=0.3)


def test_hoffmann_41_3e9_parameters_at_1e24() -> None:
    """Less than half of the replication's: the third approach contradicts the other two of its own paper."""
    assert law("hoffmann").optimum(1e24).params == pytest.approx(4.13e10, rel=0.005)
    assert rule_of_thumb(1e24) == pytest.approx(9.13e10, rel=0.005)


def test_first_approach_grows_with_the_root_of_compute() -> None:
    """Slope 0.50 +- 0.02 over table 3, and 67e9 parameters at 5.76e23 FLOP by the table's own tokens per parameter."""
    params, flops, tokens = TABLE_3.T
    slope = np.polyfit(np.log(flops), np.log(params), 1)[0]
    assert slope == pytest.approx(0.50, abs=0.02)
    at_67e9 = rule_of_thumb(5.76e23, tokens[3] / params[3])
    assert at_67e9 == pytest.approx(67e9, rel=0.03)


@pytest.mark.parametrize(
    ("fit", "exponent", "growth"), [("hoffmann", 0.452, 64), ("besiroglu", 0.513, 112), (None, 0.5, 100)]
)
def test_10_000_times_the_training_is_about_100_times_the_inference(
    fit: str | None, exponent: float, growth: float
) -> None:
    """64 to 112 times over the fits, 100 by the rule of a fixed ratio."""
    power = 0.5 if fit is None else law(fit).params_exponent
    assert power == pytest.approx(exponent, abs=0.001)
    assert growth_of_inference(1e4, power) == pytest.approx(growth, rel=0.01)
    if fit is not None:
        best = law(fit).optimum([1e22, 1e26])
        assert best.params[1] / best.params[0] == pytest.approx(growth, rel=0.01)
