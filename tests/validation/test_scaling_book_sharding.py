"""Austin et al., How to Scale Your Model (JAX scaling book): collectives on TPU axes, sharding and inference chapters.

An all-gather is half an all-reduce. The book takes bytes / bandwidth on a closed axis and so counts all p shares of a
tensor, of which p - 1 travel: its times are ours times p / (p - 1).
"""

from __future__ import annotations

import pytest
from plain import chip

import tokenroof as tr
from tokenroof.reference.network import Network
from tokenroof.specs import Calibration, Link

UNI = 45e9  # one way of one link [B/s]


def axis(chips: int, latency: float = 0.0) -> Network:
    """An axis of a TPU v5e: two links, closed only as a whole of 16."""
    link = Link("axis", 2 * UNI, chips, "ring")
    return Network(chip(1e12, scaleup=link, calibration=Calibration(link_latency=latency)))


def torus() -> Network:
    """TPU v4, whose axes close at every fourth chip, without what is lost and waited for."""
    v4 = tr.hardware("tpu-v4")
    return Network(chip(1e12, scaleup=v4.scaleup))


def test_all_gather_over_an_open_axis_of_four() -> None:
    """Three hops of a shard of 8.4 MB: 560 us, where 680 were measured."""
    halved = axis(16).all_reduce(4.0)[0].seconds(4 * 8.4e6) / 2
    assert halved * 1e6 == pytest.approx(560, rel=0.005)
    efficiency = tr.hardware("tpu-v5e").calibration.link_efficiency
    assert halved / efficiency * 1e6 == pytest.approx(680, rel=0.01)


def test_all_gather_as_if_the_axis_were_closed() -> None:
    """377 us for 32 MiB, 373 exactly: what moves is three quarters."""
    assert axis(4).all_reduce(4.0)[0].seconds(33_554_432) / 2 * (4 / 3) * 1e6 == pytest.approx(377, rel=0.02)


def test_all_gather_over_two_axes() -> None:
    """46 us for 8 MiB over 4 x 4 chips of a TPU v4 pod."""
    assert torus().all_reduce(16.0)[0].seconds(8_388_608) / 2 * (16 / 15) * 1e6 == pytest.approx(46, rel=0.02)


def test_all_reduce_over_one_axis() -> None:
    """190 us for 8 MiB over four chips, 186 exactly."""
    assert torus().all_reduce(4.0)[0].seconds(8_388_608) * (4 / 3) * 1e6 == pytest.approx(190, rel=0.03)


def test_below_360_kb_eight_shards_wait_for_hops() -> None:
    """Inference chapter, appendix C: a hop of 1 us takes as long as a shard of 45 kB."""
    network = axis(16, 1e-6)
    lines = network.all_reduce(8.0)[0]
    waits = lines.seconds(0.0)
    assert lines.seconds(360_000.0) == pytest.approx(2 * waits, rel=1e-12)
    assert waits == pytest.approx(2 * 7 * 1e-6, rel=1e-12)
