"""Options of runs and calls of plans that are refused: each message names field, value and what is right."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from refusals import BOTH, refused

import tokenroof as tr
from tokenroof.errors import NativeError, SpecError
from tokenroof.plan import Plan
from tokenroof.sweep import Sweep


@pytest.fixture(scope="module")
def sw() -> Sweep:
    return Sweep(**BOTH, batch=range(1, 40))


@pytest.fixture(scope="module")
def plan(sw: Sweep) -> Plan:
    return sw.plan()


# Options of runs.


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "2", math.nan])
def test_threads(sw: Sweep, value: Any) -> None:
    for call in (lambda: sw.run("tpot_s", threads=value), lambda: sw.best("tpot_s", threads=value)):
        with refused(SpecError, "threads", repr(value), "a whole number from 1"):
            call()


@pytest.mark.parametrize("value", ["avx", "AVX2", "", 5, "neon"])
def test_isa(sw: Sweep, value: Any) -> None:
    with refused(SpecError, "isa", repr(value), "auto, generic, avx2, avx512"):
        sw.run("tpot_s", isa=value)


@pytest.mark.parametrize("value", [[], (), 5, None])
def test_columns(sw: Sweep, value: Any) -> None:
    with refused(SpecError, "columns", repr(list(value) if isinstance(value, tuple) else value)):
        sw.run(value)


@pytest.mark.parametrize(
    "value",
    [
        "tpot_s",
        "tpot_s <=",
        "tpot_s << 3",
        "tpot_s = 3",
        "tpot_s <= 1 <= True",
        "tpot_s <= 1 and ttft_s",
        "tpot_s + ttft_s",
        "tpot_s <= usd_per_mtok",
        "tpot_s + usd_per_mtok <= 1",
        "tpot_s ** 2 <= 1",
        "(tpot_s <= 1",
        "min(tpot_s) <= 1",
        "<= 1",
        "",
        5,
        "tpot_s <= nan",
    ],
)
def test_where(sw: Sweep, value: Any) -> None:
    with refused(SpecError, "where", repr(value), "number"):
        sw.best("tpot_s", where=[value])


@pytest.mark.parametrize("value", [5, 1.5, True])
def test_where_that_is_no_list(sw: Sweep, value: Any) -> None:
    with refused(SpecError, "where", repr(value), "list"):
        sw.best("tpot_s", where=value)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, 2**31, "1", None])
def test_k(sw: Sweep, value: Any) -> None:
    with refused(SpecError, "k", repr(value), "a whole number from 1"):
        sw.best("tpot_s", k=value)


@pytest.mark.parametrize("value", [5, None, 1.5])
def test_by_that_is_no_list(sw: Sweep, value: Any) -> None:
    with refused(SpecError, "by", repr(value)):
        sw.best("tpot_s", by=value)


def test_limits_and_groups_may_be_any_iterable_and_names_plain_strings(sw: Sweep) -> None:
    """An iterator is read once, however many states a search on threads makes."""
    limits = ["tpot_s <= 0.01"]
    want = sw.best("tokens_per_s", where=limits, by=["model"], columns=["mfu"]).rows()
    got = sw.best("tokens_per_s", where=iter(limits), by=iter(["model"]), columns="mfu", threads=2).rows()
    assert got == want and set(got[0]) >= {"rank", "tokens_per_s", "mfu"}


# Plans.


@pytest.mark.parametrize(("begin", "end"), [(-1, 3), (5, 3), (0, 40), (40, 41), (-3, -1)])
def test_ranges(plan: Plan, begin: int, end: int) -> None:
    for call in (lambda: plan.store(begin, end, ["tpot_s"]), lambda: plan.best(begin, end, plan.new_best("tpot_s"))):
        with refused(SpecError, "range", f"({begin}, {end})", "<= 39"):
            call()


WRONG_OUT: list[Any] = [
    [np.zeros(2)],
    [np.zeros(4)],
    [np.zeros(3, np.float16)],
    [np.zeros(3, np.int64)],
    [np.zeros((3, 1))],
    [np.zeros(6)[::2]],
    [np.frombuffer(bytes(24))],
    [[0.0, 0.0, 0.0]],
    [None],
    [np.zeros(3, ">f8")],
    [],
    [np.zeros(3), np.empty(3)],
]


@pytest.mark.parametrize("out", WRONG_OUT, ids=lambda o: f"{o!r}"[:24])
def test_out(plan: Plan, out: list[Any]) -> None:
    for call in (lambda: plan.store(0, 3, ["tpot_s"], out), lambda: plan.points([0, 0, 0], 1, 1, 1, ["tpot_s"], out)):
        with refused(SpecError, "out", "expected"):
            call()


def test_fewer_arrays_than_columns_are_not_written_past(plan: Plan) -> None:
    with refused(SpecError, "out = 1", "2 arrays"):
        plan.points([0, 0, 0], 1, 1, 1, ["tpot_s", "ttft_s"], [np.empty(3)])


def test_one_wrong_array_leaves_the_others_untouched(plan: Plan) -> None:
    first = np.full(3, -1.0)
    with refused(SpecError, "out"):
        plan.store(0, 3, ["tpot_s", "ttft_s"], [first, np.empty(2)])
    with refused(NativeError, "point 2"):
        plan.points([0, 0, 0], [1.0, 2.0, math.nan], 1, 1, ["tpot_s"], [first])
    assert first.tolist() == [-1.0, -1.0, -1.0]


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ((1, 1, 1, 1), ["combination 1 of 1"]),
        ((0, math.nan, 1, 1), ["batch nan", "whole numbers from 1"]),
        ((0, 0, 1, 1), ["batch 0"]),
        ((0, 1.5, 1, 1), ["batch 1.5"]),
        ((0, 1, -3, 1), ["isl -3"]),
        ((0, 1, 1, math.inf), ["osl inf"]),
        ((0, 1, 2**53, 1), ["isl 9.0"]),
    ],
)
def test_points_that_are_none(plan: Plan, point: tuple[Any, ...], words: list[str]) -> None:
    with refused(NativeError, "point 1", *words) as caught:
        plan.points([0, point[0]], [1, point[1]], [1, point[2]], [1, point[3]], ["tpot_s"])
    assert caught.value.code in (-104, -201)
    with refused(NativeError, f"combination {point[0]}", *[word.split(" of ")[0] for word in words[:1]]):
        plan.point(*point, ["tpot_s"])


@pytest.mark.parametrize("combination", [-1, [0, -1], 0.0, [0.5], [True], "0", 2**64, [None]])
def test_combinations_that_are_no_numbers(plan: Plan, combination: Any) -> None:
    with refused(SpecError, "combination", "whole numbers from 0"):
        plan.points(combination, 1, 1, 1, ["tpot_s"])


# Points that cannot be served are data.


@pytest.mark.parametrize(
    ("axes", "status", "text"),
    [
        ({"model": "llama-3.1-70b", "tp": 3}, 16, "query heads"),
        ({"model": "llama-3.1-70b", "pp": 81}, 18, "more pipeline stages"),
        ({"model": "mixtral-8x7b", "tp": 8, "ep": 3}, 19, "experts"),
        ({"model": "llama-2-7b", "precision": "fp4"}, 20, "no peak"),
        ({"model": "llama-2-7b", "hardware": "apple-m3-max", "tp": 2}, 21, "no scale-out link"),
        ({"model": "llama-3.1-405b"}, 1, "memory budget"),
        ({"model": "llama-2-7b", "isl": 4096}, 2, "context"),
    ],
)
def test_a_point_that_cannot_be_served_has_a_status(axes: dict[str, Any], status: int, text: str) -> None:
    p = tr.point(**{"hardware": "h100-sxm"} | axes)
    assert p.status == status and text in p.status_text and not p.ok and text in repr(p) and text in p.explain()
    assert math.isnan(p.tpot_s) == (status >= 16) and (p.fits == 0.0 or status == 2)
    result = Sweep(**{"hardware": "h100-sxm"} | axes).run(["status", "tpot_s"])
    assert result["status"].ravel().tolist() == [status]
