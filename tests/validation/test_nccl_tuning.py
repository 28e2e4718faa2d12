"""NCCL's own latency model of an all-reduce, src/graph/tuning.cc at 5067397 (NVIDIA/nccl): base + hops x latency.

Microseconds; base and latency of a hop by protocol are the file's constants, the hops are ours.
"""

from __future__ import annotations

import pytest

from tokenroof import formulas as fs


@pytest.mark.parametrize(("base", "hop", "total"), [(14.0, 1.9, 40.6), (8.4, 3.4, 56.0)])  # LL128, Simple
def test_ring_of_eight_over_nvlink(base: float, hop: float, total: float) -> None:
    assert base + fs.ring_latency(8.0, hop) == pytest.approx(total, rel=1e-12)


def test_tree_of_eight_nodes_of_eight() -> None:
    """LL: a chain inside each node, up and down, and a binary tree between the nodes."""
    assert 6.8 + fs.ring_latency(8.0, 0.6) + fs.tree_latency(8.0, 5.0) == pytest.approx(45.2, rel=1e-12)
