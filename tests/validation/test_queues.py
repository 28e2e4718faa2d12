"""Queues as textbooks and DistServe (arXiv:2401.09670) have them, and redundancy by the binomial distribution."""

from __future__ import annotations

import pytest

from tokenroof.fleets.machines import availability, replica_availability
from tokenroof.fleets.queueing import erlang_b, erlang_c, md1_seconds, mg1_wait


@pytest.mark.parametrize(("rate", "seconds"), [(2.0, 0.1125), (5.0, 0.15), (8.0, 0.3)])
def test_distserve_first_token(rate: float, seconds: float) -> None:
    """Prefills of 0.1 s, D + R D^2 / (2 (1 - R D))."""
    assert md1_seconds(rate, 0.1) == pytest.approx(seconds, rel=1e-12)


def test_distserve_parallel_prefill() -> None:
    """Two pipeline stages, D + R D^2 / (4 (2 - R D)); K times as fast, D/K + R D^2 / (2 K (K - R D))."""
    rate, service = 5.0, 0.15
    assert md1_seconds(rate, service, stages=2) == pytest.approx(
        service + rate * service**2 / (4 * (2 - rate * service))
    )
    k = 1.6
    told = service / k + rate * service**2 / (2 * k * (k - rate * service))
    assert md1_seconds(rate, service, speedup=k) == pytest.approx(told)


def test_erlang() -> None:
    """The larger system waits less at a higher load."""
    assert erlang_b(5.0, 10) == pytest.approx(0.018385, rel=1e-4)
    assert erlang_c(8.0, 10) == pytest.approx(0.40918, rel=1e-4)
    assert erlang_c(90.0, 100) == pytest.approx(0.21694, rel=1e-4)


@pytest.mark.parametrize(("cs2", "seconds"), [(0.0, 2.0), (1.0, 4.0), (4.0, 10.0)])
def test_pollaczek_khinchine(cs2: float, seconds: float) -> None:
    assert mg1_wait(0.8, 1.0, cs2) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(("spare", "share"), [(0, 0.85146), (1, 0.98769), (2, 0.99927)])
def test_sixteen_replicas(spare: int, share: float) -> None:
    """Replicas that are up 99 % of the time."""
    assert availability(16, spare, 0.99) == pytest.approx(share, rel=1e-4)


def test_large_replicas_fail() -> None:
    """576 chips that are each up 99.99 % of the time."""
    assert replica_availability(0.9999, 576) == pytest.approx(0.944, abs=5e-4)
