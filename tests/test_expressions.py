"""Expressions: read and checked, the same bits as plain Python's on every path, refused in words that help."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import ESTIMATES, SUPPORTED, bits

import tokenroof as tr
from tokenroof._native import AXES, COLUMNS
from tokenroof.axes import parse_where
from tokenroof.derived import NUMBERED, expression, unit_of
from tokenroof.errors import SpecError, UnknownNameError
from tokenroof.expressions import parse_expression, split_limit
from tokenroof.plan import Plan
from tokenroof.reference.expression import evaluate
from tokenroof.sweep import Sweep

NOTHING = np.uint64(2**64 - 1)
GRID: dict[str, Any] = {
    "model": ["llama-3.1-8b", "mixtral-8x7b"],
    "hardware": ["h100-sxm", "apple-m3-max"],  # the second has no price of a rented hour
    "tp": [1, 2, 3],
    "ep": [1, 2],
    "isl": [64, 4000],
    "osl": [1, 100],
    "batch": [1, 2, 3, 50, 5000],
}


def test_a_number_by_hand() -> None:
    """0.1 USD/s of waiting per token beside the price: 1.07 + 0.1 * 0.02."""
    tree = expression("usd_per_mtok + 0.1 * tpot_s").tree
    assert evaluate(tree, {"usd_per_mtok": 1.07, "tpot_s": 0.02}) == 1.07 + 0.1 * 0.02
    p = tr.point("llama-3.1-8b", "h100-sxm", batch=8)
    sw = Sweep(model="llama-3.1-8b", hardware="h100-sxm", batch=[8])
    assert (
        sw.run("usd_per_mtok + 0.1 * tpot_s")["usd_per_mtok + 0.1 * tpot_s"].item() == p.usd_per_mtok + 0.1 * p.tpot_s
    )


def texts(depth: int = 3) -> st.SearchStrategy[str]:
    """Expressions whose units always agree: every name carries a coefficient."""
    names = st.sampled_from([*COLUMNS, *NUMBERED]).map(lambda name: f"(2 * {name})")
    numbers = st.sampled_from(["0", "1", "-2.5", "1e9", "0.1", "inf"])
    leaves = st.one_of(names, names, numbers)

    def more(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        pairs = st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "<=", "<", ">=", ">", "==", "!="]), inner)
        calls = st.tuples(st.sampled_from(["min", "max"]), inner, inner)
        ones = st.tuples(st.sampled_from(["sqrt", "abs", "ceil", "floor", "-"]), inner)
        return st.one_of(
            pairs.map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
            calls.map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
            ones.map(lambda t: f"{t[0]}({t[1]})"),
        )

    return st.recursive(leaves, more, max_leaves=8)


@settings(max_examples=60)
@given(texts(), st.sampled_from(ESTIMATES), st.sampled_from(SUPPORTED), st.data())
def test_every_path_gives_what_plain_python_gives(text: str, estimate: str, isa: str, data: st.DataObject) -> None:
    try:
        tree = expression(text).tree
    except SpecError as error:  # truths compared with what has a unit
        assert "one unit" in str(error)
        return
    plan = Plan(Sweep(**GRID).axes, estimate=estimate, isa=isa, bind_all=data.draw(st.booleans()))
    columns = dict(zip(COLUMNS, plan.store(0, plan.size, list(COLUMNS)), strict=True))
    index = plan.axes.index(np.arange(plan.size))
    columns |= {name: plan.axes.value(name, index[name]).astype(float) for name in NUMBERED}
    want = np.array(
        [
            math.nan if status >= 16 else evaluate(tree, {name: float(values[i]) for name, values in columns.items()})
            for i, status in enumerate(columns["status"].tolist())
        ]
    )
    assert (bits(plan.store(0, plan.size, [text])[0]) == bits(want)).all()
    some = np.array(data.draw(st.lists(st.integers(0, plan.size - 1), min_size=1, max_size=70)))
    assert (bits(plan.gather(some.astype(np.uint64), [text])[text]) == bits(want[some])).all()
    at = {name: index[name][some[0]] for name in AXES}
    combination = int(some[0]) // int(np.prod(plan.axes.shape[8:]))
    values = [float(plan.axes.value(name, at[name])) for name in ("batch", "isl", "osl")]
    assert bits(plan.point(combination, *values, [text])) == bits(want[some[:1]])


@settings(max_examples=40)
@given(texts(), texts(), st.sampled_from([None, True]), st.sampled_from(SUPPORTED))
def test_best_ranks_and_limits_by_expressions(objective: str, limit: str, maximize: bool | None, isa: str) -> None:
    try:
        where = f"{limit} >= 1"
        expression(objective), parse_where(where)
    except SpecError:
        return
    plan = Sweep(**GRID).plan(isa)
    status, value, other = plan.store(0, plan.size, ["status", objective, limit])
    counts = np.flatnonzero((status == 0) & np.isfinite(value) & (other >= 1))
    state = plan.best(0, plan.size, plan.new_best(objective, where=where, maximize=maximize))
    key = -value[counts] if maximize else value[counts]
    assert state.point.tolist() == ([counts[np.argmin(key)]] if len(counts) else [NOTHING])


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("usd_per_mtok + 0.1 * tpot_s", "USD"),
        ("tokens_per_s_per_chip / usd_per_mtok", "1/USD/s"),
        ("watts_per_chip * tpot_s + joules_per_token", "J"),
        ("sqrt(tpot_s * ttft_s)", "s"),
        ("sqrt(tpot_s)", "s^0.5"),
        ("min(tpot_s, ttft_s, 1)", "s"),
        ("2 * tpot_s", ""),
        ("ttft_s / tpot_s", "1"),
        ("kv_bytes_per_chip / isl", "B"),
        ("tpot_s <= 0.05 and not fits == 0", "1"),
        ("usd_per_mtok * (batch > 4)", "USD"),
        ("-tpot_s", "s"),
        ("tpot_s", "s"),
    ],
)
def test_units_follow(text: str, unit: str) -> None:
    assert unit_of(text) == unit


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tpot_s + usd_per_mtok", ["'+'", "s and USD", "coefficient"]),
        ("min(tpot_s, usd_per_mtok)", ["'min'", "s and USD"]),
        ("tpot_s <= usd_per_mtok", ["'<='", "s and USD"]),
        ("tpot_s ** 2", ["x * x"]),
        ("tpot_s // 2", ["+ - * /"]),
        ("tpot_s if fits else 1", ["columns, axes, numbers"]),
        ("[tpot_s]", ["columns, axes, numbers"]),
        ("lambda: 1", ["columns, axes, numbers"]),
        ("'tpot_s' + 1", ["columns, axes, numbers"]),
        ("True + 1", ["columns, axes, numbers"]),
        ("1j * tpot_s", ["columns, axes, numbers"]),
        ("tpot_s +", ["an expression such as"]),
        ("tpot_s; ttft_s", ["an expression such as"]),
        ("(" * 500 + "tpot_s" + ")" * 500, ["an expression such as"]),
        ("tpot_s\0", ["an expression such as"]),
        ("nan * tpot_s", ["not NaN"]),
        ("1" + "0" * 400 + " * tpot_s", ["float64"]),
        ("min(tpot_s)", ["two or more"]),
        ("sqrt(tpot_s, 1)", ["one value"]),
        ("min(tpot_s, x=1)", ["two or more"]),
        ("tpot_s and fits", ["comparisons on both sides of 'and'"]),
        ("not tpot_s", ["'not' before a comparison"]),
        ("tpot_s in fits", ["comparisons"]),
        ("(1 - " * 17 + "fits" + ")" * 17, ["nest less"]),
        ("+".join(["tpot_s"] * 3000), ["expression"]),
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused(text: str, words: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        expression(text)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize("text", ["tpot + 1", "exec('1')", "tr.COLUMNS", "hardware.memory_bytes * 2", "model == 1"])
def test_unknown_names_and_functions(text: str) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown (name|function) in"):
        expression(text)


def test_where_takes_apart_what_it_can() -> None:
    assert parse_where("0.05 >= tpot_s") == [("tpot_s", "<=", 0.05)]
    assert parse_where("batch >= 4") == [("batch", ">=", 4.0)]
    assert parse_where("0.01 <= tpot_s <= 0.05") == [("0.01 <= tpot_s <= 0.05", ">=", 1.0)]
    assert parse_where("tpot_s <= -inf") == [("tpot_s", "<=", -math.inf)]
    assert split_limit("ttft_s < 2 * tpot_s") is None and split_limit("1 < 2") is None
    with pytest.raises(SpecError, match="NaN"):
        parse_where("tpot_s <= nan")


def test_division_by_zero_is_data() -> None:
    sw = Sweep(model="llama-3.1-8b", hardware="h100-sxm", osl=[1, 2], tp=[1, 3])
    found = sw.run(["1 / (osl - 1)", "(osl - 2) / (osl - 2)"])
    assert found["1 / (osl - 1)"][0, 0, :, 0].tolist() == [math.inf, 1.0]
    assert np.isnan(found["1 / (osl - 1)"][..., 1]).all(), "tp = 3 cannot exist: no value"
    assert found["(osl - 2) / (osl - 2)"][0, 0, 0, 0] == 1.0 and np.isnan(found["(osl - 2) / (osl - 2)"][0, 0, 1]).all()


def test_results_keep_the_text_and_its_unit() -> None:
    sw = Sweep(model="llama-3.1-8b", hardware="h100-sxm", batch=[1, 64])
    text = "tokens_per_s_per_chip / usd_per_mtok"
    table = sw.best(text, maximize=True, where=f"{text} >= 3", columns=["batch * tpot_s"])
    assert table.columns[-2:] == [text, "batch * tpot_s"] and table["batch"].tolist() == [64]
    assert sw.best("batch", maximize=True).rows()[0]["batch"] == 64
    pytest.importorskip("xarray")
    assert sw.run(text).to_xarray()[text].units == "1/USD/s"


def test_a_depth_that_the_core_takes() -> None:
    deep = "1" + "".join(f" - ({i} * batch" for i in range(7)) + ")" * 7
    e = parse_expression(deep, {"batch": "1"})
    got = Sweep(model="llama-2-7b", hardware="h100-sxm", batch=[3]).run(deep)[deep].item()
    assert got == evaluate(e.tree, {"batch": 3.0})


def test_numba_takes_expressions() -> None:
    pytest.importorskip("numba")
    from tokenroof.jit import point_function

    plan = Sweep(model="llama-2-7b", hardware="h100-sxm").plan(bind_all=True)
    out = np.empty(1)
    assert point_function(plan, ["2 * tpot_s"])(0, 4.0, 100.0, 10.0, out) == 0
    assert out[0] == 2 * plan.point(0, 4, 100, 10, ["tpot_s"])[0]
