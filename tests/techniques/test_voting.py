"""Voting: laws, an exact count of votes, and calls that cannot be right."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenroof import SpecError
from tokenroof.techniques import voting

RIGHT = st.floats(0.501, 1)
LEAD, STEPS = st.integers(1, 60), st.integers(1, 10**9)


@given(st.floats(0.01, 0.99), st.integers(1, 8))
def test_votes_and_success_solve_the_random_walk(p: float, k: int) -> None:
    """First-step equations of the walk between -k and k, solved as a linear system."""
    states = 2 * k - 1
    walk = np.diag(np.full(states - 1, p), 1) + np.diag(np.full(states - 1, 1 - p), -1)
    mean = np.linalg.solve(np.eye(states) - walk, np.ones(states))
    end = np.zeros(states)
    end[-1] = p
    won = np.linalg.solve(np.eye(states) - walk, end)
    assert voting.expected_votes(p, k) == pytest.approx(mean[k - 1], rel=1e-9)
    assert voting.step_success(p, k) == pytest.approx(won[k - 1], rel=1e-9)


@given(RIGHT, LEAD)
def test_a_larger_lead_is_surer_and_dearer(p: float, k: int) -> None:
    assert voting.step_success(p, k + 1) >= voting.step_success(p, k) >= p * (1 - 1e-12)
    assert voting.expected_votes(p, k + 1) > voting.expected_votes(p, k) >= k * (1 - 1e-12)
    assert voting.expected_votes(p, k) <= k / (2 * p - 1) * (1 + 1e-9), "MAKER's own estimate is never less"


@given(RIGHT, RIGHT, STEPS, STEPS, st.floats(0.01, 0.999))
def test_k_min_is_monotone_and_the_least(p: float, other: float, s: int, t: int, target: float) -> None:
    k = voting.k_min(p, s, target)
    assert voting.k_min(max(p, other), s, target) <= voting.k_min(min(p, other), s, target)
    assert voting.k_min(p, max(s, t), target) >= voting.k_min(p, min(s, t), target)
    assert voting.success(p, k, s) >= target * (1 - 1e-6)
    if k > 1:
        assert voting.success(p, k - 1, s) <= target * (1 + 1e-6)


@given(st.floats(0.9, 0.999), LEAD, st.integers(2, 50))
def test_the_finest_decomposition_is_the_cheapest(p: float, k: int, m: int) -> None:
    """m times as many tokens a call: the same tokens, divided by p^(m - 1)."""
    fine, coarse = voting.calls(p, k, 1000), voting.calls(p, k, 1000, per_subtask=m)
    assert coarse * m / fine == pytest.approx(p ** (1 - m))


@given(st.floats(0, 0.5), LEAD)
def test_where_most_votes_are_wrong_no_lead_is_enough(p: float, k: int) -> None:
    assert math.isinf(voting.k_min(p, 10))
    assert voting.step_success(p, k) <= p + 1e-12


def test_latency_is_serial() -> None:
    assert voting.latency(0.9, 3, 100, 2.0) == 200.0
    assert voting.latency(0.9, 3, 100, 2.0, parallel=False) == pytest.approx(200 * voting.expected_votes(0.9, 3))
    assert voting.latency(0.9, [1, 2], 100, [[1.0], [2.0]]).tolist() == [[100.0, 100.0], [200.0, 200.0]]


def test_shapes() -> None:
    assert isinstance(voting.expected_votes(0.9, 3), float)
    assert voting.k_min(np.full((3, 1), 0.9), [10, 100]).shape == (3, 2)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: voting.step_success(0.9, 0), "k = 0: expected a whole number, at least 1"),
        (lambda: voting.step_success(0.9, 1.5), "k = 1.5"),
        (lambda: voting.success(-0.1, 1, 1), "p = -0.1"),
        (lambda: voting.k_min(0.9, 10, 1.0), "target = 1.0: expected a number above 0 and below 1"),
        (lambda: voting.calls(0.9, 1, 10, valid=0.0), "valid = 0.0"),
    ],
)
def test_wrong_calls_say_what_is_right(call: Any, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        call()
