"""The search by bounds: the exhaustive answer, from a fraction of the points."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SUPPORTED, bits, made_hardware, made_models
from test_best import searches

from tokenroof.errors import SpecError
from tokenroof.plan import Plan
from tokenroof.sinks import Best
from tokenroof.sweep import Sweep


def assert_same(plan: Plan, rule: dict[str, Any], cuts: list[int]) -> int:
    """Asserts that both ways give the same places, also for parts of the points; how many points were proven."""
    every, bound = Best(**rule), Best(**rule, method="bound")
    want, got, parts = every.start(plan), bound.start(plan), bound.start(plan)
    every.visit(plan, 0, plan.size, want)
    bound.visit(plan, 0, plan.size, got)
    for begin, end in reversed(list(zip([0, *cuts], [*cuts, plan.size], strict=True))):
        part = bound.start(plan)
        bound.visit(plan, begin, end, part)
        bound.merge(parts, part)
    for state in (got, parts):
        assert (state.point == want.point).all() and (bits(state.value) == bits(want.value)).all()
        assert 0 <= state.proven <= plan.size and want.proven == 0
    return got.proven


@settings(max_examples=80)
@given(searches(), st.sampled_from(SUPPORTED), st.data())
def test_bounds_give_the_exhaustive_answer(
    drawn: tuple[dict[str, Any], dict[str, Any]], isa: str, data: st.DataObject
) -> None:
    axes, rule = drawn
    plan = Plan(Sweep(**axes).axes, estimate=rule.pop("estimate"), isa=isa)
    rule["where"] = [f"{column} {op} {limit!r}" for column, op, limit in rule["where"]]
    assert_same(plan, rule, sorted(data.draw(st.lists(st.integers(0, plan.size), max_size=4))))


@settings(max_examples=60)
@given(
    made_models(),
    made_hardware(),
    st.sampled_from(["typical", "bound", "serial"]),
    st.sampled_from(["tpot_s", "usd_per_mtok", "tokens_per_s_per_chip", "tokens_per_s_per_user"]),
    st.lists(st.integers(1, 100_000), min_size=1, max_size=12),
    st.lists(st.integers(1, 5_000), min_size=1, max_size=12),
    st.integers(1, 20),
)
def test_any_model_on_any_chip_with_lengths_in_any_order(
    model: Any, chip: Any, estimate: str, objective: str, isl: list[int], osl: list[int], k: int
) -> None:
    sw = Sweep(model=model, hardware=chip, isl=isl, osl=osl, batch="1:300", estimate=estimate, offload=["kv"])
    assert_same(sw.plan(), {"objective": objective, "k": k}, [sw.size // 3])
    assert_same(sw.plan(), {"objective": objective, "k": 1, "by": ["isl"]}, [])


def test_most_of_a_large_grid_is_proven() -> None:
    sw = Sweep(model="llama-3.1-8b", hardware="b200-sxm", tp=[1, 2], isl="64:8192:64", osl="16:2048:16", batch="1:512")
    rule = {"where": ["tpot_s <= 0.01"], "columns": ["chips"]}
    table = sw.best("usd_per_mtok", method="bound", **rule)
    assert table.rows() == sw.best("usd_per_mtok", **rule).rows()
    meta = table.meta
    assert meta["method"] == "bound" and meta["points_evaluated"] + meta["points_proven"] == sw.size
    assert meta["points_proven"] > 0.9 * sw.size
    assert sw.best("usd_per_mtok", **rule).meta["points_evaluated"] == sw.size


def test_an_objective_without_a_bound_is_searched() -> None:
    sw = Sweep(model="llama-3.1-8b", hardware="b200-sxm", isl=range(1, 50), batch="1:512")
    table = sw.best("joules_per_token", method="bound")
    assert table.rows() == sw.best("joules_per_token").rows() and table.meta["points_proven"] == 0


def test_another_method_is_refused() -> None:
    with pytest.raises(SpecError, match="every, bound"):
        Sweep(model="llama-3.1-8b", hardware="b200-sxm").best("tpot_s", method="quick")
