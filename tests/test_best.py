"""The search against brute force over all points: objectives, limits, groups, ties, splits, threads."""

from __future__ import annotations

import math
import operator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import ESTIMATES, SUPPORTED, bits, made_hardware, made_models

import tokenroof as tr
from tokenroof import catalogue
from tokenroof._native import AXES, COLUMNS, BestState
from tokenroof.execution import threads as on_threads
from tokenroof.plan import LARGER_IS_BETTER, Plan
from tokenroof.specs import Kind, Model, Operator
from tokenroof.sweep import Sweep

ALL = list(COLUMNS)
NOTHING = np.uint64(2**64 - 1)
COMPARE = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}
#: Objectives whose rows are searched in registers, and some of each of the others.
FAST = ["tpot_s", "usd_per_mtok", "tokens_per_s_per_user", "tokens_per_s", "tokens_per_s_per_chip"]
#: Models whose points fit somewhere.
MODELS = ["llama-3.1-8b", "mixtral-8x7b", "qwen3-30b-a3b", "smollm2-135m", "llama-2-7b"]
CHIPS = [
    "h100-sxm",
    "gb300-nvl72",
    "l4",
    "apple-m3-max",
    "tpu-v5e",
    "mi300x",
    "groq-lpu-v1",
]  # some without price or links


def brute(plan: Plan, objective: str, *, by: list[str], where: list[tuple[str, str, float]], k: int,
          maximize: bool | None, fits: bool) -> tuple[Any, Any]:  # fmt: skip
    """Places as `best` defines them, from every point's columns: (values, point numbers) of groups x k."""
    columns = dict(zip(ALL, plan.store(0, plan.size, ALL), strict=True))
    counts = columns["status"] == 0 if fits else (columns["status"] == 0) | (columns["status"] == 1)
    for column, compare, limit in where:
        counts &= COMPARE[compare](columns[column], limit)
    value = columns[objective]
    counts &= np.isfinite(value)
    larger = objective in LARGER_IS_BETTER if maximize is None else maximize
    index = np.unravel_index(np.arange(plan.size), plan.axes.shape)
    grouped = [a for a in range(len(AXES)) if AXES[a] in by]
    lengths = [plan.axes.shape[a] for a in grouped]
    group = np.ravel_multi_index([index[a] for a in grouped], lengths) if grouped else np.zeros(plan.size, np.int64)
    groups = math.prod(lengths)
    values, points = np.full(groups * k, np.nan), np.full(groups * k, NOTHING)
    for g in range(groups):
        members = np.flatnonzero(counts & (group == g))
        order = members[np.lexsort((members, -value[members] if larger else value[members]))][:k]
        values[g * k : g * k + len(order)], points[g * k : g * k + len(order)] = value[order], order
    return values, points


def assert_same(state: BestState, want: tuple[Any, Any]) -> None:
    assert (state.point == want[1]).all(), (state.point, want[1], state.value, want[0])
    assert (bits(state.value) == bits(want[0])).all()


@st.composite
def searches(draw: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A sweep and what to look for in it; limits are drawn from the values that its points take, so that they cut."""
    batches = draw(st.sampled_from([
        list(range(1, 65)), list(range(1, 700, 9)), [2**i for i in range(18)], list(range(1, 1100)),  # long: fast path
        [5, 5, 5, 9, 9, *range(10, 40), 40, 40], [1, 2, 8], [4],  # repeated; short
        [*range(40, 1, -1), 7, 300, 7],  # not ascending
    ]))  # fmt: skip
    axes: dict[str, Any] = {
        "model": draw(st.lists(st.sampled_from(MODELS), min_size=1, max_size=2, unique=True)),
        "hardware": draw(st.lists(st.sampled_from(CHIPS), min_size=1, max_size=2, unique=True)),
        "precision": draw(st.lists(st.sampled_from(["bf16", "fp8", "w4a16"]), min_size=1, max_size=2, unique=True)),
        "tp": draw(st.lists(st.sampled_from([1, 1, 2, 4, 8]), min_size=1, max_size=3)),
        "pp": draw(st.sampled_from([[1], [1, 2]])),
        "dp": draw(st.sampled_from([[1], [2, 1], [1, 4]])),
        "isl": draw(st.lists(st.sampled_from([64, 1000, 1000, 3000, 30_000]), min_size=1, max_size=2)),
        "osl": draw(st.lists(st.sampled_from([1, 2, 100, 100, 1000]), min_size=1, max_size=2)),
        "batch": batches,
    }
    if draw(st.booleans()):
        axes["model"].append(draw(made_models()))
    if draw(st.booleans()):
        axes["hardware"].append(draw(made_hardware()))
    while math.prod(map(len, axes.values())) > 12_000:
        longest = max((name for name in axes if name != "batch"), key=lambda name: len(axes[name]))
        axes[longest] = axes[longest][:-1]
    estimate = draw(st.sampled_from(ESTIMATES))
    objective = draw(st.one_of(st.sampled_from(FAST), st.sampled_from(ALL)))
    rule: dict[str, Any] = {
        "by": draw(st.lists(st.sampled_from(AXES), max_size=3, unique=True)),
        "k": draw(st.sampled_from([1, 1, 2, 3, 10])),
        "maximize": draw(st.sampled_from([None, None, None, True, False])),
        "fits": draw(st.sampled_from([True, True, False])),
        "where": [],
    }
    kinds = st.one_of(st.sampled_from([*FAST, "ttft_s", "max_batch"]), st.sampled_from(ALL))
    for column in draw(st.lists(kinds, max_size=3)):
        seen = tr.point(**{name: draw(st.sampled_from(values)) for name, values in axes.items()}, estimate=estimate)[
            column
        ]
        limit = draw(st.sampled_from([seen, seen, seen * 2, seen / 2, 0.0, math.inf, -1.0, math.nextafter(seen, 0.0)]))
        good = "<=" if column not in LARGER_IS_BETTER else ">="
        compare = draw(st.one_of(st.just(good), st.sampled_from(list(COMPARE))))
        rule["where"].append((column, compare, 1.0 if math.isnan(limit) else limit))
    return axes, {"objective": objective, "estimate": estimate, **rule}


@settings(max_examples=100)
@given(searches(), st.sampled_from(SUPPORTED), st.data())
def test_best_is_what_brute_force_finds(
    drawn: tuple[dict[str, Any], dict[str, Any]], isa: str, data: st.DataObject
) -> None:
    axes, rule = drawn
    estimate, objective = rule.pop("estimate"), rule.pop("objective")
    plan = Plan(Sweep(**axes).axes, estimate=estimate, isa=isa, bind_all=data.draw(st.booleans()))
    want = brute(plan, objective, **rule)
    rule["where"] = [f"{column} {compare} {limit!r}" for column, compare, limit in rule["where"]]

    def fresh() -> BestState:
        return plan.new_best(objective, **rule)

    assert_same(plan.best(0, plan.size, fresh()), want)

    cuts = sorted(data.draw(st.lists(st.integers(0, plan.size), max_size=5)))
    ranges = data.draw(st.permutations(list(zip([0, *cuts], [*cuts, plan.size], strict=True))))
    one, parts = fresh(), []
    for begin, end in ranges:
        plan.best(begin, end, one)
        parts.append(plan.best(begin, end, fresh()))
    assert_same(one, want)
    while len(parts) > 1:  # merged in any order, as a tree
        into, other = (parts.pop(data.draw(st.integers(0, len(parts) - 1))) for _ in range(2))
        into.merge(other)
        parts.append(into)
    assert_same(parts[0], want)


@settings(max_examples=40)
@given(searches(), st.integers(1, 4), st.integers(50, 5000), st.sampled_from([*SUPPORTED, "auto"]))
def test_the_table_names_the_winners(
    drawn: tuple[dict[str, Any], dict[str, Any]], threads: int, chunk: int, isa: str
) -> None:
    axes, rule = drawn
    sw = Sweep(**axes, estimate=rule.pop("estimate"))
    objective = rule.pop("objective")
    _, points = brute(sw.plan(), objective, **rule)
    rule["where"] = [f"{column}{compare}{limit!r}" for column, compare, limit in rule["where"]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(on_threads, "_LEAST_CHUNK", chunk)
        patch.setattr(on_threads, "_MOST_CHUNK", chunk)
        table = sw.best(objective, **rule, threads=threads, isa=isa, progress=False, columns=["status", "mfu"])
    places = [(slot % rule["k"] + 1, int(p)) for slot, p in enumerate(points) if p != NOTHING]
    assert table["rank"].tolist() == [rank for rank, _ in places]
    assert table.columns[0] == "rank" and objective in table.columns and len(table) == len(places)
    stored = dict(
        zip(("status", "mfu", objective), sw.plan().store(0, sw.size, ["status", "mfu", objective]), strict=True)
    )
    for row, (_, at) in enumerate(places):
        index = np.unravel_index(at, sw.axes.shape)
        for name, i in zip(AXES, index, strict=True):
            if name in axes:
                assert table[name][row] == sw.axes.labels(name)[i]
        for column, values in stored.items():
            assert bits(table[column][row]) == bits(values[at])


def test_equal_values_go_to_the_first_point() -> None:
    sw = Sweep(model="llama-3.1-8b", hardware="h100-sxm", tp=[2, 2, 1, 1], isl=[500, 500], batch=[7] * 20 + [8] * 20)
    state = sw.plan().best(0, sw.size, sw.plan().new_best("chips", k=3))
    assert state.point.tolist() == [160, 161, 162] and state.value.tolist() == [1.0] * 3
    state = sw.plan().best(0, sw.size, sw.plan().new_best("tpot_s", k=5))
    assert state.point.tolist() == [0, 1, 2, 3, 4] and len(set(state.value)) == 1
    state = sw.plan().best(0, sw.size, sw.plan().new_best("tokens_per_s", k=50, by=["tp"]))
    values, points = brute(sw.plan(), "tokens_per_s", by=["tp"], where=[], k=50, maximize=None, fits=True)
    assert (state.point == points).all() and (state.value == values)[points != NOTHING].all()


def test_ranges_in_reverse_keep_the_first_of_equals() -> None:
    sw = Sweep(model="llama-3.1-8b", hardware="h100-sxm", batch=[7] * 600)
    plan = sw.plan()
    state = plan.new_best("tpot_s", k=2)
    for begin in range(590, -1, -10):
        plan.best(begin, begin + 10, state)
    assert state.point.tolist() == [0, 1]


def test_a_group_without_a_point_that_counts_has_no_row() -> None:
    sw = Sweep(model=["llama-3.1-405b", "llama-3.1-8b"], hardware=["l4", "h100-sxm"], tp=[1, 3], batch=range(1, 30))
    table = sw.best("tpot_s", by=["model", "hardware", "tp"], k=2)
    assert {(r["model"], r["hardware"], r["tp"]) for r in table} == {
        ("llama-3.1-8b", "l4", 1),
        ("llama-3.1-8b", "h100-sxm", 1),
    }
    nobody = sw.best("tpot_s", where="tpot_s < 0")
    assert len(nobody) == 0 and nobody.columns[:2] == ["rank", "model"]


def test_a_chip_without_a_price_is_never_the_cheapest() -> None:
    h100 = catalogue.hardware("h100-sxm")
    unpriced = replace(h100, id="unpriced", usd_per_hour=math.nan, memory_bandwidth=1e15)
    sw = Sweep(model="llama-3.1-8b", hardware=[unpriced, h100], batch=range(1, 100))
    assert set(sw.best("usd_per_mtok", k=200)["hardware"]) == {"h100-sxm"}
    assert len(sw.best("usd_per_mtok", by="hardware")) == 1
    assert set(sw.best("tpot_s", where="usd_per_mtok < 1e9")["hardware"]) == {"h100-sxm"}
    assert sw.best("tpot_s")["hardware"][0] == "unpriced"


def test_fits_false_lets_points_short_of_memory_compete_but_no_others() -> None:
    sw = Sweep(
        model="llama-3.1-405b", hardware="h100-sxm", precision="bf16", tp=[1, 3], batch=range(1, 40), isl=[100, 200_000]
    )
    assert len(sw.best("tpot_s")) == 0
    row = sw.best("tpot_s", fits=False, columns=["status"]).rows()[0]
    assert (row["tp"], row["isl"], row["batch"]) == (1, 100, 1) and row["status"].startswith("weights plus KV")


def test_as_many_places_as_points() -> None:
    sw = Sweep(model="llama-3.1-8b", hardware="h100-sxm", batch=range(1, 30), tp=[1, 2])
    table = sw.best("tokens_per_s_per_chip", k=1000)
    assert len(table) == sw.size and (np.diff(table["tokens_per_s_per_chip"]) <= 0).all()
    assert table["rank"].tolist() == list(range(1, sw.size + 1))


def test_naming_an_axis_twice_in_by_is_naming_it_once() -> None:
    sw = Sweep(model=["llama-3.1-8b", "llama-2-7b"], hardware=["l4", "h100-sxm", "a10"], batch=range(1, 30))
    once, twice = sw.best("tpot_s", by=["model"]), sw.best("tpot_s", by=["model", "model"])
    assert once.rows() == twice.rows()


@pytest.mark.parametrize("isa", SUPPORTED)
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_a_large_search_on_threads(isa: str, threads: int) -> None:
    """Tens of millions of points, nothing patched; the winner is looked up again by its coordinates."""
    sw = Sweep(
        model=["llama-3.1-70b", "mixtral-8x7b"],
        hardware=["h100-sxm", "b200-sxm", "mi300x"],
        precision=["bf16", "fp8"],
        tp=[1, 2, 4, 8],
        pp=[1, 2],
        isl=range(100, 2000, 100),
        osl=range(10, 200, 10),
        batch="1:512",
    )
    table = sw.best("usd_per_mtok", by=["model"], where=["tpot_s <= 0.03", "ttft_s < 1"], k=3, threads=threads, isa=isa)
    assert len(table) == 6
    for row in table:
        at = {name: row[name] for name in ("model", "hardware", "precision", "tp", "pp", "isl", "osl", "batch")}
        p = tr.point(**at)
        assert p.ok and p.tpot_s <= 0.03 and p.ttft_s < 1 and bits(p.usd_per_mtok) == bits(row["usd_per_mtok"])
    assert (
        table.rows()
        == sw.best("usd_per_mtok", by="model", where=["tpot_s <= 0.03", "ttft_s < 1"], k=3, threads=1).rows()
    )


def test_a_limit_is_kept_to_the_last_bit() -> None:
    """The fast path turns a limit on dollars or tokens/s into one on time; it must cut between neighbouring doubles."""
    sw = Sweep(model="llama-3.1-8b", hardware="h100-sxm", batch=range(1, 200), tp=[1, 2])
    for column in FAST:
        values = np.unique(sw.run(column)[column]).tolist()
        for value in (values[0], values[len(values) // 2], values[-1]):
            for compare, limit in (
                ("<=", value),
                ("<", value),
                (">=", value),
                (">", value),
                ("<=", math.nextafter(value, 0)),
                (">=", math.nextafter(value, math.inf)),
            ):
                for objective in FAST:
                    state = sw.plan().new_best(objective, where=f"{column} {compare} {limit!r}")
                    where = [(column, compare, limit)]
                    want = brute(sw.plan(), objective, by=[], where=where, k=1, maximize=None, fits=True)
                    assert_same(sw.plan().best(0, sw.size, state), want)


def test_a_free_model_ties_at_every_batch() -> None:
    """Steps that a bound puts at the same time: the first batch wins, whatever the fast path sees first."""
    row = Operator("only", Kind.GEMM, read_elems=1e9, store_elems=1e9, flops_token=1.0)
    flat = Model("flat", (row,), layers=1, hidden=1, vocab=1)
    sw = Sweep(model=flat, hardware="h100-sxm", batch=range(1, 1400), isl=[1, 1], estimate="bound")
    state = sw.plan().best(0, sw.size, sw.plan().new_best("tpot_s", k=4))
    assert state.point.tolist() == [0, 1, 2, 3] and len(set(state.value)) == 1
