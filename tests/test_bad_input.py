"""What is refused, and in which words: each message names field, value and what is right; nothing is half done."""

from __future__ import annotations

import itertools
import math
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tokenroof as tr
from tokenroof.axes import Axes
from tokenroof.errors import CatalogueError, ConfigError, NativeError, SpecError, TokenroofError, UnknownNameError
from tokenroof.plan import Plan
from tokenroof.specs import Calibration, Hardware, Kind, Link, Model, Operator, Precision, precision
from tokenroof.sweep import Sweep

BOTH: dict[str, Any] = {"model": "llama-2-7b", "hardware": "h100-sxm"}


@pytest.fixture(scope="module")
def sw() -> Sweep:
    return Sweep(**BOTH, batch=range(1, 40))


@pytest.fixture(scope="module")
def plan(sw: Sweep) -> Plan:
    return sw.plan()


def refused(kind: type[BaseException], *words: str) -> Any:
    """The exception that a `with` block must raise, every one of the words in its message."""
    return pytest.raises(kind, match="(?s)" + "".join(f"(?=.*{re.escape(word)})" for word in words))


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


@pytest.mark.parametrize(("value", "right"), WRONG_COUNTS, ids=lambda v: f"{v!r}"[:32])
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
    [np.empty(2)],
    [np.empty(4)],
    [np.empty(3, np.float16)],
    [np.empty(3, np.int64)],
    [np.empty((3, 1))],
    [np.empty(6)[::2]],
    [np.frombuffer(bytes(24))],
    [[0.0, 0.0, 0.0]],
    [None],
    [np.empty(3, ">f8")],
    [],
    [np.empty(3), np.empty(3)],
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


# Specifications.


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Operator("x", Kind.GEMM, count=-1.0), ["operator 'x'", "count = -1.0", "not negative"]),
        (lambda: Operator("x", Kind.GEMM, flops_token=math.nan), ["flops_token = nan"]),
        (lambda: Operator("x", Kind.GEMM, flops_token=math.inf), ["flops_token = inf", "finite"]),
        (lambda: Operator("x", Kind.GEMM, read_elems="7"), ["read_elems = '7'"]),  # type: ignore[arg-type]
        (lambda: Operator("x", Kind.ATTENTION, window=0.0), ["window = 0.0", "at least one token"]),
        (lambda: Operator("x", Kind.EXPERTS, experts=4.0, active=5.0), ["active = 5.0", "4"]),
        (lambda: Operator("x", Kind.EXPERTS), ["active = 0.0"]),
        (lambda: Model("m", (), 1, 1, 1), ["model 'm'", "operators", "at least one"]),
        (lambda: Model("m", (Operator("x", Kind.GEMM),), 0, 1, 1), ["layers = 0", "at least 1"]),
        (lambda: Model("m", (Operator("x", Kind.GEMM),), 1, 1, 1, max_context=math.nan), ["max_context = nan"]),
        (lambda: Hardware("h", {}, 1.0, 1.0), ["hardware 'h'", "peaks", "at least one"]),
        (lambda: Hardware("h", {"bf16": 0.0}, 1.0, 1.0), ["peaks.bf16 = 0.0", "above 0"]),
        (lambda: Hardware("h", {"bf16": 1.0}, -1.0, 1.0), ["memory_bytes = -1.0", "above 0"]),
        (lambda: Hardware("h", {"bf16": 1.0}, 1.0, math.nan), ["memory_bandwidth = nan"]),
        (lambda: Hardware("h", {"bf16": 1.0}, 1.0, 1.0, scaleup=Link("l", 0.0)), ["link 'l'", "bandwidth = 0.0"]),
        (
            lambda: Hardware("h", {"bf16": 1.0}, 1.0, 1.0, scaleup=Link("l", 1.0, 0.5)),
            ["domain = 0.5", "at least one chip"],
        ),
        (lambda: Hardware("h", {"bf16": 1.0}, 1.0, 1.0, power_max=-3.0), ["power_max = -3.0"]),
        (lambda: Hardware("h", {"bf16": 1.0}, 1.0, 1.0, sram_bytes=math.nan), ["sram_bytes = nan"]),
        (
            lambda: Hardware("h", {"bf16": 1.0}, 1.0, 1.0, calibration=Calibration(1.2)),
            ["compute_efficiency = 1.2", "at most 1"],
        ),
        (
            lambda: Hardware("h", {"bf16": 1.0}, 1.0, 1.0, calibration=Calibration(step_overhead=-1.0)),
            ["step_overhead = -1.0"],
        ),
        (
            lambda: Hardware("h", {"bf16": 1.0}, 1.0, 1.0, power_max=5.0, power_idle=6.0),
            ["power_idle = 6.0", "at most power_max"],
        ),
        (
            lambda: Hardware("h", {"bf16": 1.0}, 1.0, 1.0, scaleout=Link("l", 1.0, 2.5)),
            ["domain = 2.5", "a whole number"],
        ),
        (lambda: Precision("p", weights="int5"), ["precision 'p'", "weights = 'int5'", "'int4'", "one of"]),
        (lambda: Precision("p", activations="q4_k"), ["activations = 'q4_k'", "one of"]),
    ],
)
def test_specifications_that_cannot_be(make: Callable[[], Any], words: list[str]) -> None:
    with refused(SpecError, *words, "expected"):
        make()


# Files.


def test_a_config_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "config.json", tmp_path, tmp_path / "nothing"):
        with refused(ConfigError, str(path), "cannot be read"):
            tr.Model.from_hf(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", ["not valid JSON"]),
        ("[]", ["JSON object"]),
        ("\xff\xfe", ["config.json"]),
        ("{}", ["model_type"]),
        ('{"model_type": "lama"}', ["'lama'", "llama"]),
        ('{"model_type": "llama", "hidden_size": 64}', ["missing key"]),
        (
            '{"model_type": "llama", "hidden_size": -64, "num_hidden_layers": 2, "num_attention_heads": 4, '
            '"intermediate_size": 8, '
            '"vocab_size": 9}',
            ["hidden_size = -64", "at least 1"],
        ),
    ],
)
def test_damaged_configs(tmp_path: Path, text: str, words: list[str]) -> None:
    (tmp_path / "config.json").write_bytes(text.encode("latin-1"))
    with refused(ConfigError, *words):
        tr.Model.from_hf(tmp_path)


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("\n[sweep\nmodel = 1", CatalogueError, ["not valid TOML", "line 2"]),
        ("\xff", CatalogueError, ["not UTF-8"]),
        ("", SpecError, ["sweep = None", "[sweep]"]),
        ("sweep = 5", SpecError, ["sweep = 5", "[sweep]"]),
        ('[sweep]\nmodel = "llama-2-7b"', SpecError, ["hardware = None"]),
        ('[sweep]\nmodel = "llama-2-7b"\nhardware = "h100-sxm"\nbacth = 3', UnknownNameError, ["'bacth'", "'batch'"]),
        ('[sweep]\nmodel = "llama-2-7b"\nhardware = "h100-sxm"\nbatch = "9:1"', SpecError, ["batch = '9:1'"]),
        ('[sweep]\nmodel = "llama-2-7b"\nhardware = "h100-sxm"\nbatch = 2020-01-01', SpecError, ["batch"]),
        ('[sweep]\nmodel = "llama-2-7b"\nhardware = "h100-sxm"\nestimate = "best"', SpecError, ["estimate = 'best'"]),
        (
            '[sweep]\nmodel = "llama-2-7b"\nhardware = "h100-sxm"\nmemory_fraction = 2',
            SpecError,
            ["memory_fraction = 2"],
        ),
    ],
)
def test_damaged_sweeps(tmp_path: Path, text: str, kind: type[Exception], words: list[str]) -> None:
    (tmp_path / "sweep.toml").write_bytes(text.encode("latin-1"))
    with refused(kind, *words):
        Sweep.from_toml(tmp_path / "sweep.toml")


def test_a_sweep_that_is_not_there(tmp_path: Path) -> None:
    with refused(CatalogueError, "none.toml", "cannot be read"):
        Sweep.from_toml(tmp_path / "none.toml")


CHIP = 'id = "x"\n[peak]\nbf16 = "1 TFLOPS"\n[memory]\ncapacity = "1 GB"\nbandwidth = "1 GB/s"\n'


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("id = \n", CatalogueError, ["not valid TOML", "line 1"]),
        (CHIP.replace('"1 GB/s"', '"1 GB"'), SpecError, ["memory.bandwidth = '1 GB'", "GB/s"]),
        (CHIP.replace('"1 TFLOPS"', "1e12"), SpecError, ["peak.bf16", "unit"]),
        (CHIP.replace('"1 TFLOPS"', '"-1 TFLOPS"'), SpecError, ["peak.bf16 = '-1 TFLOPS'", "not negative"]),
        (CHIP.replace("bf16", "bf61"), CatalogueError, ["'bf61'", "'bf16'"]),
        (CHIP.replace("bandwidth", "bandwith"), CatalogueError, ["'bandwith'", "'bandwidth'"]),
        (CHIP + "[power]\nmax = true\n", SpecError, ["power.max = True"]),
    ],
)
def test_damaged_chips(tmp_path: Path, text: str, kind: type[Exception], words: list[str]) -> None:
    (tmp_path / "chip.toml").write_text(text, encoding="utf-8")
    with refused(kind, "chip.toml", *words):
        tr.Hardware.from_toml(tmp_path / "chip.toml")


def test_an_error_says_what_it_holds() -> None:
    error = SpecError("batch", -1, "a whole number", "here")
    assert (error.field, error.value, error.expected, str(error)) == (
        "batch",
        -1,
        "a whole number",
        "here: batch = -1: expected a whole number",
    )
    unknown = UnknownNameError("column", "tpot", ["tpot_s", "mfu"])
    assert (unknown.kind, unknown.name, unknown.known) == ("column", "tpot", ["mfu", "tpot_s"]) and str(
        unknown
    ) == unknown.message


@pytest.mark.parametrize(
    "error", [SpecError("k", 0, "from 1"), UnknownNameError("axis", "x", ["isl"]), NativeError(-104, "text")]
)
def test_errors_survive_a_process_pool(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and str(again) == str(error) and vars(again) == vars(error)


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
