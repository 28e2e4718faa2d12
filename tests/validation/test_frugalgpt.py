"""FrugalGPT, arXiv:2305.05176, Table 3: cost of the best single model and of a cascade that is as good."""

from __future__ import annotations

import pytest

from tokenroof.techniques import cascade, routing


@pytest.mark.parametrize(
    ("row", "single", "paid", "published"),
    [("frugalgpt-overruling", 9.7, 2.6, 0.733), ("frugalgpt-coqa", 72.5, 29.6, 0.592)],
)
def test_table_3(row: str, single: float, paid: float, published: float) -> None:
    data = routing.published("cascades")[row]
    assert (data["single_usd"], data["cascade_usd"]) == (single, paid)
    assert cascade.saving(paid, single) == pytest.approx(published, abs=0.002)
