"""Uncertain inputs: distributions, draws that a seed repeats, and tornados."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokenroof as tr
from tokenroof.fleets import uncertain
from tokenroof.fleets.machines import chips_by_flops, replicas_for
from tokenroof.fleets.uncertain import (
    Distribution,
    LogNormal,
    LogUniform,
    Normal,
    Samples,
    Triangular,
    Uniform,
    simulate,
)

values = st.floats(1e-3, 1e6)
pairs = st.tuples(values, values).map(sorted)
distributions = st.one_of(
    pairs.map(lambda p: Uniform(*p)),
    pairs.map(lambda p: LogNormal(*p)),
    pairs.map(lambda p: LogUniform(*p)),
    st.tuples(values, values).map(lambda p: Normal(*p)),
    st.lists(values, min_size=3, max_size=3).map(lambda t: Triangular(*sorted(t))),
    st.lists(values, min_size=1, max_size=50).map(Samples),
)


@given(distributions, st.lists(st.floats(0.001, 0.999), min_size=2, max_size=9))
def test_quantiles_are_in_order(distribution: Distribution, at: list[float]) -> None:
    found = distribution.quantile(np.sort(at))
    assert np.isfinite(found).all()
    assert (np.diff(found) >= -1e-9 * np.abs(found[1:])).all()
    assert distribution.median == float(distribution.quantile(0.5))


@given(distributions, st.integers(0, 2**32))
def test_draws_follow_the_quantiles_and_the_seed(distribution: Distribution, seed: int) -> None:
    drawn = distribution.sample(np.random.default_rng(seed), 2000)
    again = distribution.sample(np.random.default_rng(seed), 2000)
    assert np.array_equal(drawn, again) and np.isfinite(drawn).all()
    # 2000 draws know a share to 0.011; five times that, and ties of samples count as both
    low, high = (drawn < distribution.median).mean(), (drawn <= distribution.median).mean()
    assert low <= 0.556 and high >= 0.444


def test_quantiles_by_hand() -> None:
    assert float(Uniform(0.0, 10.0).quantile(0.1)) == 1.0
    assert LogNormal(1.0, 100.0).quantile([0.1, 0.5, 0.9]) == pytest.approx([1.0, 10.0, 100.0])
    assert LogUniform(1.0, 100.0).quantile([0.0, 0.5, 1.0]) == pytest.approx([1.0, 10.0, 100.0])
    assert Normal(5.0, 2.0).quantile([0.158655, 0.5, 0.841345]) == pytest.approx([3.0, 5.0, 7.0], abs=1e-4)
    assert Triangular(0.0, 1.0, 1.0).quantile([0.25, 1.0]) == pytest.approx([0.5, 1.0])
    assert Triangular(2.0, 2.0, 2.0).median == 2.0
    assert Samples([3.0, math.nan, 1.0]).median == 2.0


@given(st.floats(1.0, 100.0), st.floats(1.0, 100.0))
def test_a_product_of_lognormals_is_one(first: float, second: float) -> None:
    """Widths of logarithms add in squares, so the result is known exactly."""
    inputs = {"tokens_per_s": LogNormal(1e6, 1e6 * first), "flop_per_token": LogNormal(1e11, 1e11 * second)}
    told = simulate(chips_by_flops, {**inputs, "peak_flops": 1e15}, draws=4000)
    width = math.sqrt(math.log10(first) ** 2 + math.log10(second) ** 2)
    found = math.log10(told.quantile(0.9) / told.quantile(0.1))
    assert found == pytest.approx(width, rel=0.1, abs=1e-9)


def test_seeds_and_generators() -> None:
    inputs = {"tokens_per_s": Uniform(1.0, 2.0), "flop_per_token": 1.0, "peak_flops": 1.0}
    told = [simulate(chips_by_flops, inputs, seed=s).draws for s in (1, 1, np.random.default_rng(1), 2)]
    assert np.array_equal(told[0], told[1]) and np.array_equal(told[0], told[2])
    assert not np.array_equal(told[0], told[3])


def test_draws_that_cannot_be_served_are_left_out() -> None:
    told = simulate(lambda x: np.where(x > 0.5, x, np.nan), {"x": Uniform(0.0, 1.0)}, draws=1000)
    assert 0.5 < told.quantile(0.0) <= told.quantile([0.5])[0] <= told.quantile(1.0) < 1.0
    assert told.mean == pytest.approx(0.75, abs=0.03)
    assert math.isnan(simulate(lambda x: x + math.nan, {"x": Uniform(0.0, 1.0)}, draws=9).quantile(0.5))


def test_tornado_of_a_fleet() -> None:
    """Any function of arrays will do, a whole fleet among them."""

    def chips(users: Any, peak: Any, rate: Any) -> Any:
        return tr.fleet(tr.Demand(users, 25 * users, 1024, 512, peak), rate, 8, spare_replicas=1).chips

    inputs = {"users": LogNormal(1e8, 1e9), "peak": Uniform(1.2, 2.0), "rate": LogNormal(5e3, 2e4)}
    told = tr.tornado(chips, inputs)
    assert [row["input"] for row in told] == ["users", "rate", "peak"]
    assert told.rows[0]["swing"] == pytest.approx(10, rel=0.02)
    assert told.rows[1]["at_low"] > told.base > told.rows[1]["at_high"]
    assert told.base == chips(LogNormal(1e8, 1e9).median, 1.6, 1e4)
    assert "users" in repr(told)


def test_swings() -> None:
    told = tr.tornado(lambda x, y: x + 0.0 * y, {"x": Uniform(-1.0, 1.0), "y": Uniform(0.0, 1.0)})
    assert [row["swing"] for row in told] == [math.inf, 1.0]


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: Uniform(2.0, 1.0), "high"),
        (lambda: Uniform(math.nan, 1.0), "low"),
        (lambda: Normal(0.0, -1.0), "sd"),
        (lambda: LogNormal(0.0, 1.0), "low"),
        (lambda: LogNormal(2.0, 1.0), "high"),
        (lambda: LogUniform(2.0, 1.0), "high"),
        (lambda: Triangular(0.0, 3.0, 1.0), "mode"),
        (lambda: Samples([math.nan]), "values"),
        (lambda: Samples(["a"]), "values"),
        (lambda: Uniform([1.0, 2.0], 3.0), "low"),  # type: ignore[arg-type]
        (lambda: simulate(replicas_for, {"tokens_per_s": 1.0}), "inputs"),
        (lambda: simulate(lambda x: 1.0, {"x": Uniform(0, 1)}), "function"),
        (lambda: simulate(lambda x: x, {"x": Uniform(0, 1)}, draws=0), "draws"),
        (lambda: simulate(lambda x: x, {"x": Uniform(0, 1)}).quantile(2.0), "share"),
        (lambda: tr.tornado(lambda x: 1.0, {"x": Uniform(0, 1)}), "function"),
        (lambda: tr.tornado(lambda x: x, {"x": Uniform(0, 1)}, ends=(0.9, 0.1)), "ends"),
    ],
)
def test_what_cannot_be(call: Any, field: str) -> None:
    with pytest.raises(tr.SpecError, match=field):
        call()


def test_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from tokenroof.fleets.picture import tornado_plot

    told = tr.tornado(lambda x, y: x * y, {"x": LogNormal(1.0, 100.0), "y": Uniform(1.0, 2.0)})
    told.plot(tmp_path / "one.png", unit="chips", heading="one", note="two")
    tornado_plot(
        told, tmp_path / "two.png", labels={"x": "an x"}, steps=[("first", 1.0), ("then", 30.0), ("last", 3.0)]
    )
    for name in ("one.png", "two.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    across = tr.tornado(lambda x: x - 1.5, {"x": Uniform(1.0, 2.0)})
    across.plot(tmp_path / "three.png")  # results below 0: no logarithm
    endless = uncertain.Tornado(math.inf, told.rows)
    with pytest.raises(tr.SpecError, match="finite"):
        endless.plot(tmp_path / "four.png")
    assert not (tmp_path / "four.png").exists()
