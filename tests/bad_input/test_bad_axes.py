"""Names and values of axes that are refused: each message names field, value and what is right."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from refusals import BOTH, refused

import tokenroof as tr
from tokenroof.axes import Axes
from tokenroof.errors import NativeError, SpecError, TokenroofError, UnknownNameError
from tokenroof.plan import Plan
from tokenroof.specs import precision
from tokenroof.sweep import Sweep


@pytest.fixture(scope="module")
def sw() -> Sweep:
    return Sweep(**BOTH, batch=range(1, 40))


# Names.


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tr.model("lama-2-7b"), ["model", "'lama-2-7b'", "did you mean 'llama-2-7b'"]),
        (lambda: tr.model("zzz"), ["model", "'zzz'", "known are", "more"]),
        (lambda: tr.hardware("h100-smx"), ["hardware", "'h100-smx'", "'h100-sxm'"]),
        (lambda: precision("bf-16"), ["precision", "'bf-16'", "'bf16'"]),
        (lambda: Sweep(**BOTH, bacth=[1]), ["axis", "'bacth'", "'batch'"]),
        (lambda: Sweep(**BOTH | {"hardware": ["h100-sxm", "h1000"]}), ["hardware", "'h1000'"]),
        (lambda: tr.point("llama-2-7b", "h100-sxm", bach=2), ["axis", "'bach'", "'batch'"]),
        (lambda: tr.point("llama-2-7b", "h100-sxm")["tpot"], ["column", "'tpot'", "'tpot_s'"]),
        (lambda: Sweep(**BOTH).run("tpot_ms"), ["column", "'tpot_ms'", "'tpot_s'"]),
        (lambda: Sweep(**BOTH).run(["tpot_s", 5]), ["column", "5", "known are"]),  # type: ignore[list-item]
        (lambda: Sweep(**BOTH).run("tpot_s")["tpot"], ["column of this result", "'tpot'", "'tpot_s'"]),
        (lambda: Sweep(**BOTH).best("tpot_s")["tpots"], ["column of this table", "'tpots'", "'tpot_s'"]),
        (lambda: Sweep(**BOTH).best("usd_per_token"), ["column", "'usd_per_token'", "'usd_per_mtok'"]),
        (lambda: Sweep(**BOTH).best("tpot_s", columns=["mfuu"]), ["column", "'mfuu'", "'mfu'"]),
        (lambda: Sweep(**BOTH).best("tpot_s", by=["modl"]), ["axis in by", "'modl'", "'model'"]),
        (lambda: Sweep(**BOTH).best("tpot_s", where="tpot_s <= tftt_s"), ["name in", "'tftt_s'", "'ttft_s'"]),
        (lambda: Sweep(**BOTH).best("tpot_s", where="__import__('os') <= 1"), ["function", "'__import__'"]),
        (lambda: Sweep(**BOTH).run("2 * tpt_s"), ["name in '2 * tpt_s'", "'tpt_s'", "'tpot_s'"]),
        (lambda: Sweep(**BOTH).best("maxx(tpot_s, 1)"), ["function", "'maxx'", "'max'"]),
        (lambda: Sweep(**BOTH).best("tpot_s", where=["tpt_s <= 1"]), ["column in where", "'tpt_s'", "'tpot_s'"]),
        (lambda: Sweep(**BOTH, tp=[1, 2]).plan().combination(tp=4), ["tp of the sweep", "4", "1, 2"]),
        (lambda: Sweep(**BOTH).plan().combination(batch=4), ["axis", "'batch'"]),
    ],
)  # fmt: skip
def test_unknown_names_are_answered_with_near_ones(call: Callable[[], Any], words: list[str]) -> None:
    with refused(UnknownNameError, "unknown", *words) as caught:
        call()
    assert isinstance(caught.value, KeyError) and isinstance(caught.value, TokenroofError)


# Values on axes.

WRONG_COUNTS: list[tuple[Any, str]] = [
    *(
        (value, "whole numbers from 1")
        for value in (
            True,
            None,
            {},
            {"a": 1},
            "",
            [],
            (),
            [[1, 2]],
            np.array([[1]]),
            np.array([True]),
            [True, 2],
            "abc",
            ["a"],
            "1:",
            ":5",
            "1;5",
            "1.5",
            "-3",
            "1:5:",
            "1:5:2:2",
            "²",
            "1:²",
            object(),
            [1, None],
            [1, [2]],
            range(0),
            range(3, 1),
            b"12",
            np.array([1 + 0j]),
            np.array(["1"]),
            np.array(["2020-01-01"], dtype="datetime64[D]"),
            np.array([5], dtype="timedelta64[s]"),
            10**400,
            [10**400],
            np.array([None]),
            np.array([]),
            "1:9007199254740992:x2",
            "1:1" + "0" * 400,
            "1:1" + "0" * 400 + ":x2",
            range(5),
            range(-3, 3),
            range(1, 10**30),
            range(5, -2, -1),
        )
    ),
    *(
        (value, "a whole number from 1 to 2**52")
        for value in (
            0,
            -1,
            [0],
            [3, -2],
            1.5,
            [1, 2.5],
            math.nan,
            [1, math.nan],
            math.inf,
            -math.inf,
            2**52,
            2**70,
            [2**64],
            np.array([0], np.uint8),
            np.array([0.5], np.float32),
        )
    ),
    *((value, "1 <= first <= last") for value in ("5:1", "0:5", "1:5:0", "1:8:x1", "1:8:x0", "0:0")),
    *((value, "at most 2**31 values") for value in ("1:3000000000", range(1, 10**13), range(1, 2**40, 2))),
]


@pytest.mark.parametrize(("value", "right"), WRONG_COUNTS, ids=lambda v: f"{v!r}".partition(" at 0x")[0][:32])
@pytest.mark.parametrize("axis", ["batch", "tp"])
def test_counts_that_cannot_be(axis: str, value: Any, right: str) -> None:
    with refused(SpecError, axis, " = ", right):
        Sweep(**BOTH, **{axis: value})


def test_the_wrong_one_of_many_is_named() -> None:
    with refused(SpecError, "batch[2] = -5.0"):
        Sweep(**BOTH, batch=[1, 2, -5, 0])
    with refused(SpecError, "isl = '7:3'"):
        Sweep(**BOTH, isl=[1, "2:5", "7:3"])


@pytest.mark.parametrize(
    ("value", "counts"),
    [
        ("1:4", [1, 2, 3, 4]),
        ("1:10:4", [1, 5, 9]),
        ("3:50:x3", [3, 9, 27]),
        ("7:7", [7]),
        (" 2 : 3 ", [2, 3]),
        ("12", [12]),
        (5, [5]),
        (5.0, [5]),
        (np.float32(3), [3]),
        (np.int8(3), [3]),
        (np.array(7), [7]),
        ([3, 1, 3], [3, 1, 3]),
        ((2, "4:6", 2), [2, 4, 5, 6, 2]),
        (range(5, 0, -2), [5, 3, 1]),
        ({4}, [4]),
        ((i for i in (1, 2)), [1, 2]),
        (np.array([1, 2], dtype=object), [1, 2]),
        (2**52 - 1, [2**52 - 1]),
        ("1:1125899906842624:x1073741824", [1, 2**30]),
        (np.arange(1, 4, dtype=np.uint16), [1, 2, 3]),
    ],
)
def test_counts_that_can_be(value: Any, counts: list[int]) -> None:
    assert Sweep(**BOTH, isl=value).axes.labels("isl") == counts


@pytest.mark.parametrize("name", ["model", "hardware", "precision"])
@pytest.mark.parametrize("value", [5, None, [], (), [5], [None], object(), 1.5, b"x"])
def test_objects_that_cannot_be(name: str, value: Any) -> None:
    with refused(SpecError, name, "expected"):
        Sweep(**BOTH | {name: value})


def test_a_name_twice_and_the_wrong_kind_of_object() -> None:
    with refused(SpecError, "model = 'llama-2-7b'", "each name once"):
        Sweep(**BOTH | {"model": ["llama-2-7b", tr.model("llama-2-7b")]})
    with refused(SpecError, "model = ", "Model"):
        Sweep(**BOTH | {"model": tr.hardware("h100-sxm")})
    with refused(SpecError, "model = None", "at least one model"):
        Sweep(hardware="h100-sxm")
    with refused(SpecError, "hardware = None", "at least one hardware"):
        Sweep(model="llama-2-7b")
    with refused(SpecError, "batch = [1, 2]", "one value", "Sweep"):
        tr.point("llama-2-7b", "h100-sxm", batch=[1, 2])


@pytest.mark.parametrize("value", [0, -1, 1.1, math.nan, math.inf, "0.9", None, [0.9]])
def test_memory_fraction(value: Any) -> None:
    for call in (lambda: Sweep(**BOTH, memory_fraction=value), lambda: tr.point(**BOTH, memory_fraction=value)):
        with refused(SpecError, "memory_fraction", repr(value), "above 0, at most 1"):
            call()


@pytest.mark.parametrize("value", ["typicl", "", None, 0])
def test_estimate(value: Any) -> None:
    for call in (lambda: Sweep(**BOTH, estimate=value), lambda: tr.point(**BOTH, estimate=value)):
        with refused(SpecError, "estimate", repr(value), "one of typical, bound, serial"):
            call()


# Sizes.


def test_points_that_64_bits_cannot_number() -> None:
    many = range(1, 2_200_000)
    with refused(SpecError, "axes", "2199999", "2**63 - 1"):
        Sweep(**BOTH, batch=many, isl=many, osl=many)
    with refused(NativeError, "2**63 - 1"):  # the core says so too, whoever asks
        Plan(Axes(BOTH | {"batch": many, "isl": many, "osl": many}))
    assert Sweep(**BOTH, batch=range(1, 2**20), isl=range(1, 2**20), osl=range(1, 2**20)).size == (2**20 - 1) ** 3


def test_a_run_that_memory_cannot_hold_is_refused_before_it_allocates(monkeypatch: pytest.MonkeyPatch) -> None:
    sw = Sweep(**BOTH, batch=range(1, 10_001), isl=range(1, 10_001), osl=range(1, 10_001))
    monkeypatch.setattr(np, "empty", lambda *a, **k: pytest.fail("allocates"))
    with refused(MemoryError, "2 columns", "1,000,000,000,000 points", "16,000.0 GB", "best()"):
        sw.run(["tpot_s", "ttft_s"])


def test_places_that_memory_cannot_hold() -> None:
    with pytest.raises(MemoryError):
        Sweep(**BOTH, batch=range(1, 10_001), isl=range(1, 10_001)).best("tpot_s", by=["batch", "isl"], k=2**31 - 1)


def test_nothing_is_left_over_from_refused_calls(sw: Sweep) -> None:
    """Good calls between bad ones give what they gave before."""
    before = sw.run("tpot_s")["tpot_s"].copy()
    for bad, _ in itertools.islice(WRONG_COUNTS, 8):
        with pytest.raises(SpecError):
            Sweep(**BOTH, batch=bad)
    with pytest.raises(UnknownNameError):
        sw.run("tpot")
    with pytest.raises(SpecError):
        sw.best("tpot_s", where="tpot_s = 1")
    assert (sw.run("tpot_s")["tpot_s"] == before).all()
