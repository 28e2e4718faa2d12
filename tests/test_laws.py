"""What a physicist would check: units, limits, monotony, conservation. Holds for real and made-up models and chips."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from strategies import (
    ESTIMATES,
    PRECISIONS,
    bits,
    layouts,
    made_hardware,
    made_models,
    real_hardware,
    real_models,
    real_precisions,
    spread,
)

from tokenroof import catalogue
from tokenroof import formulas as fs
from tokenroof._native import COLUMNS, UNITS
from tokenroof.axes import Axes
from tokenroof.plan import LARGER_IS_BETTER, Plan
from tokenroof.reference import bind
from tokenroof.specs import Calibration, Hardware, Kind, Level, Link, Model, Operator, Options, Precision, precision

ALL = list(COLUMNS)
TIMES = ["ttft_s", "tpot_s", "e2e_s"]
Columns = dict[str, float]
#: A column is a sum of at most some hundred terms, each rounded to 2**-53: nothing physical is this small.
ROUNDING = 1e-13

MODELS = st.one_of(real_models(), made_models())
CHIPS = st.one_of(real_hardware(), made_hardware())
BATCH, ISL, OSL = spread(1, 4096), spread(1, 300_000), spread(1, 50_000)


ONE = {"tp": 1, "pp": 1, "ep": 1, "dp": 1, "cp": 1}


@st.composite
def points(
    draw: Any, chips: st.SearchStrategy[Hardware] = CHIPS, models: st.SearchStrategy[Model] = MODELS
) -> dict[str, Any]:
    """One point that can exist, as arguments of `at`; whether it fits memory is of no concern to time."""
    hw = draw(chips)
    possible = [name for name in PRECISIONS if precision(name).compute in hw.peaks]
    point = {
        "model": draw(models),
        "hardware": hw,
        "precision": precision(draw(st.sampled_from(possible))),
        **draw(layouts()),
        "batch": draw(BATCH),
        "isl": draw(ISL),
        "osl": draw(OSL),
    }
    return point if bind(**{n: point[n] for n in (*ONE, "model", "hardware", "precision")}).status == 0 else point | ONE


def at(point: dict[str, Any], estimate: str = "typical", fraction: float = 0.9, **other: Any) -> Columns:
    """Every column of a point, some of its arguments replaced."""
    axes = Axes(point | other)
    plan = Plan(axes, estimate=estimate, options=Options(memory_fraction=fraction))
    lengths = [float(axes.counts[name][0]) for name in ("batch", "isl", "osl")]
    return dict(zip(ALL, plan.point(0, *lengths, ALL), strict=True))


def at_most(less: float, more: float) -> bool:
    return less <= more * (1 + ROUNDING)


# Bounds bound.


@settings(max_examples=60)
@given(points())
def test_nothing_typical_beats_its_bound(point: dict[str, Any]) -> None:
    c = at(point)
    for bound in [name for name in ALL if name.endswith("_bound")]:
        name = bound.removesuffix("_bound")
        less, more = (name, bound) if name in LARGER_IS_BETTER else (bound, name)
        assert math.isnan(c[name]) or at_most(c[less], c[more]), name


def test_a_hand_over_is_bound_by_the_faster_link() -> None:
    """As on the catalogue's l40s: 31.5 GB/s of PCIe within a server, 50 GB/s of InfiniBand between servers."""
    links = {"scaleup": Link("in", 1e3, 8.0), "scaleout": Link("out", 1e12)}
    hw = replace(catalogue.hardware("h100-sxm"), calibration=Calibration(), **links)
    point = ONE | {"model": catalogue.model("llama-2-7b"), "hardware": hw, "precision": precision("bf16")}
    c = at(point | {"pp": 16, "batch": 64, "isl": 1, "osl": 1})
    assert at_most(c["tpot_s_bound"], c["tpot_s"])


@settings(max_examples=60)
@given(points())
def test_bounds_do_not_depend_on_the_estimate(point: dict[str, Any]) -> None:
    typical, bound = at(point), at(point, "bound")
    for name in ALL:
        if name.endswith("_bound"):
            assert bits(typical[name]) == bits(bound[name]) == bits(bound[name.removesuffix("_bound")]), name


OFF_CHIP = st.one_of(real_hardware().map(lambda hw: replace(hw, sram_bytes=0.0, levels=())), made_hardware(sram=False))


@settings(max_examples=60)
@given(points(chips=OFF_CHIP))
def test_no_chip_computes_more_than_its_peak(point: dict[str, Any]) -> None:
    assert at_most(at(point)["mfu"], 1.0) and at_most(at(point, "bound")["mfu"], 1.0)


@settings(max_examples=60)
@given(points(chips=OFF_CHIP))
@example(
    ONE
    | {
        "model": catalogue.model("mixtral-8x7b"),
        "hardware": catalogue.hardware("cerebras-wse3"),
        "precision": precision("bf16"),
        "batch": 32,
        "isl": 1,
        "osl": 1,
    }
)
def test_no_memory_moves_more_than_its_bandwidth(point: dict[str, Any]) -> None:
    """In the bound too: the bytes that `mbu` divides must be those that the bound of the step counts.

    Of main memory alone: weights in a level before it are read beside it, and `mbu` may then exceed 1.
    """
    assert at_most(at(point)["mbu"], 1.0) and at_most(at(point, "bound")["mbu"], 1.0)


@settings(max_examples=60)
@given(points(chips=OFF_CHIP))
def test_typical_shares_stay_below_what_was_calibrated(point: dict[str, Any]) -> None:
    c, calibration = at(point), point["hardware"].calibration
    assert at_most(c["mfu"], calibration.compute_efficiency)
    assert at_most(c["mbu"], calibration.memory_efficiency)


@settings(max_examples=60)
@given(points())
def test_the_step_takes_at_least_what_work_over_peak_takes(point: dict[str, Any]) -> None:
    """Roofline of the whole replica, from its own FLOP column: whatever the layout, work over all peaks is a floor."""
    c, hw = at(point), point["hardware"]
    peak = hw.peaks[point["precision"].compute]
    assert at_most(c["decode_flops"] / (c["chips"] * peak), c["tpot_s_bound"])
    assert at_most(c["prefill_flops"] / (c["chips"] * peak), c["ttft_s_bound"])


# Better chips, more work.


def faster(hw: Hardware, what: str) -> Hardware:
    if what == "memory":
        return replace(hw, memory_bandwidth=2 * hw.memory_bandwidth)
    if what == "compute":
        return replace(hw, peaks={name: 2 * peak for name, peak in hw.peaks.items()})
    if what == "links":
        links = {
            n: getattr(hw, n) and replace(getattr(hw, n), bandwidth=2 * getattr(hw, n).bandwidth)
            for n in ("scaleup", "scaleout")
        }
        return replace(hw, **links)
    if what == "sram":
        return replace(hw, sram_bytes=2 * hw.sram_bytes)
    zero = {
        name: getattr(hw.calibration, name) / 2
        for name in ("link_latency", "scaleout_latency", "layer_overhead", "step_overhead")
    }
    return replace(hw, calibration=replace(hw.calibration, **zero))


@settings(max_examples=60)
@given(points(), st.sampled_from(["memory", "compute", "links", "sram", "overheads"]))
def test_a_better_chip_is_never_slower(point: dict[str, Any], what: str) -> None:
    slow, fast = at(point), at(point, hardware=faster(point["hardware"], what))
    for name in [*TIMES, *(f"{name}_bound" for name in TIMES)]:
        assert fast[name] <= slow[name], name
        assert fast[name] >= slow[name] / 2 or what == "sram" and name.endswith("_bound"), name
    for name in ("tokens_per_s", "tokens_per_s_bound"):
        assert fast[name] >= slow[name], name


@settings(max_examples=60)
@given(points())
def test_more_sequences_never_make_a_step_shorter(point: dict[str, Any]) -> None:
    one, two = at(point), at(point, batch=2 * point["batch"])
    for name in (
        "tpot_s",
        "tpot_s_bound",
        "e2e_s",
        "kv_bytes_per_chip",
        "mem_bytes_per_chip",
        "decode_flops",
        "decode_bytes",
    ):
        assert at_most(one[name], two[name]), name
    for name in ("ttft_s", "max_batch", "prefill_flops", "weight_bytes_per_chip"):
        assert bits(one[name]) == bits(two[name]), name


@settings(max_examples=60)
@given(points(chips=CHIPS.map(lambda h: replace(h, sram_bytes=0.0))))
def test_more_sequences_never_make_fewer_tokens(point: dict[str, Any]) -> None:
    """With memory off chip only: a cache that outgrows the chip's own memory may well cost throughput."""
    one, two = at(point), at(point, batch=2 * point["batch"])
    for name in ("decode_tokens_per_s", "decode_tokens_per_s_bound", "tokens_per_s", "tokens_per_s_bound"):
        assert at_most(one[name], two[name]), name
        assert at_most(two[name], 2 * one[name]) or one["tpot_s"] > 0 and name.startswith("tokens"), name


def sliding(model: Model) -> Model:
    """Without chunked windows: one that starts anew makes a longer context cheaper now and then."""
    return replace(model, operators=tuple(replace(op, chunked=0.0) for op in model.operators))


@settings(max_examples=60)
@given(points(models=MODELS.map(sliding)), st.integers(1, 100_000))
def test_longer_inputs_and_outputs_never_cost_less(point: dict[str, Any], more: int) -> None:
    short = at(point)
    longer_in, longer_out = at(point, isl=point["isl"] + more), at(point, osl=point["osl"] + more)
    for name in [
        *TIMES,
        *(f"{name}_bound" for name in TIMES),
        "prefill_flops",
        "decode_flops",
        "decode_bytes",
        "kv_bytes_per_chip",
    ]:
        assert at_most(short[name], longer_in[name]), f"isl, {name}"
        assert at_most(short[name], longer_out[name]), f"osl, {name}"
    for longer in (longer_in, longer_out):
        assert longer["max_batch"] <= short["max_batch"] and longer["fits"] <= short["fits"]


@settings(max_examples=60)
@given(points(), st.floats(1.0, 10.0))
def test_more_memory_never_holds_fewer_sequences(point: dict[str, Any], times: float) -> None:
    hw = point["hardware"]
    small, large = at(point), at(point, hardware=replace(hw, memory_bytes=times * hw.memory_bytes))
    assert small["max_batch"] <= large["max_batch"] and small["fits"] <= large["fits"]


@settings(max_examples=60)
@given(points(models=made_models().map(sliding)), spread(1, 10**5))
def test_a_window_never_costs(point: dict[str, Any], window: int) -> None:
    model = point["model"]
    rows = tuple(replace(op, window=min(op.window, float(window))) for op in model.operators)
    full, windowed = at(point), at(point, model=replace(model, operators=rows))
    for name in [*TIMES, *(f"{name}_bound" for name in TIMES), "kv_bytes_per_chip", "decode_bytes", "prefill_flops"]:
        assert at_most(windowed[name], full[name]), name


@settings(max_examples=60)
@given(points())
def test_narrower_weights_never_cost(point: dict[str, Any]) -> None:
    """bf16 arithmetic over bf16, 8-bit and 4-bit weights."""
    hw = point["hardware"]
    assume("bf16" in hw.peaks)
    hw = replace(hw, calibration=replace(hw.calibration, quant_efficiency=1.0), levels=())
    point |= {"hardware": hw}  # unpacking may cost, and so may a near level that is slower than main memory
    wide, byte, half = (at(point, precision=precision(name)) for name in ("bf16", "w8a16", "w4a16"))
    for name in [*TIMES, *(f"{name}_bound" for name in TIMES), "weight_bytes_per_chip", "decode_bytes"]:
        assert half[name] <= byte[name] <= wide[name], name
    for name in ("decode_flops", "prefill_flops", "kv_bytes_per_chip"):
        assert half[name] == byte[name] == wide[name], name


@settings(max_examples=60)
@given(points(models=made_models()))
def test_narrower_state_never_costs(point: dict[str, Any]) -> None:
    wide, own, half = (at(point, precision=replace(point["precision"], state=state)) for state in ("fp32", "", "bf16"))
    for name in [*TIMES, *(f"{name}_bound" for name in TIMES), "kv_bytes_per_chip", "decode_bytes"]:
        assert half[name] <= own[name] <= wide[name], name  # rows of the strategy keep 2 or 4 bytes


@settings(max_examples=60)
@given(points(models=made_models()), st.floats(0.0, 8.0))
def test_skewed_routing_never_touches_more_experts(point: dict[str, Any], skew: float) -> None:
    model = point["model"]
    even, skewed = (
        replace(model, operators=tuple(replace(op, skew=s if op.experts else 0.0) for op in model.operators))
        for s in (0.0, skew)
    )
    a, b = at(point, model=even), at(point, model=skewed)
    for name in ("tpot_s", "ttft_s", "decode_bytes"):
        assert at_most(b[name], a[name]), name
    for name in ("tpot_s_bound", "ttft_s_bound"):
        assert a[name] == b[name], name


@settings(max_examples=60)
@given(points(models=made_models()), st.floats(1.0, 1e6))
def test_more_memory_on_chip_never_costs(point: dict[str, Any], times: float) -> None:
    """Repeated layers may then find their weights on chip (25), and a bound more of its operands (15)."""
    hw = point["hardware"]
    small, large = at(point), at(point, hardware=replace(hw, sram_bytes=hw.sram_bytes * times))
    for name in [*TIMES, *(f"{name}_bound" for name in TIMES), "decode_bytes"]:
        assert large[name] <= small[name], name


# Dimensions: a change of unit changes numbers by powers of two, exactly, and nothing else.

EXPONENTS = {"s": {"T": 1}, "1/s": {"T": -1}, "1": {}, "B": {"B": 1}, "FLOP": {"F": 1}, "FLOP/B": {"F": 1, "B": -1},
             "J": {"J": 1}, "W": {"J": 1, "T": -1}, "USD": {"M": 1}}  # fmt: skip
_FLOPS = ("flops_token", "flops_ctx_decode", "flops_ctx_prefill")
_ELEMS = (
    "read_elems",
    "store_elems",
    "tied_elems",
    "act_elems",
    "kv_read_elems",
    "kv_store_elems",
    "state_elems",
    "comm_elems",
    "inner_elems",
)


def in_units(
    point: dict[str, Any], time: float, byte: float, flop: float, joule: float, money: float
) -> dict[str, Any]:
    """The same world with seconds, bytes, FLOP, joules and dollars cut into that many parts."""
    model, hw = point["model"], point["hardware"]
    rows = tuple(
        replace(op, **{n: getattr(op, n) * flop for n in _FLOPS}, **{n: getattr(op, n) * byte for n in _ELEMS})
        for op in model.operators
    )

    def link(old: Link | None) -> Link | None:
        return old and replace(
            old, bandwidth=old.bandwidth * byte / time, reduction_latency=old.reduction_latency * time
        )

    def level(old: Level) -> Level:
        return replace(
            old,
            capacity=old.capacity * byte,
            bandwidth=old.bandwidth * byte / time,
            byte_joules=old.byte_joules * joule / byte,
        )

    seconds = (
        "link_latency",
        "scaleout_latency",
        "layer_overhead",
        "step_overhead",
        "kernel_overhead",
        "sequence_overhead",
        "prefill_overhead",
    )
    chip = replace(
        hw,
        peaks={name: peak * flop / time for name, peak in hw.peaks.items()},
        memory_bytes=hw.memory_bytes * byte,
        memory_bandwidth=hw.memory_bandwidth * byte / time,
        sram_bytes=hw.sram_bytes * byte,
        levels=tuple(map(level, hw.levels)),
        scaleup=link(hw.scaleup),
        scaleout=link(hw.scaleout),
        power_max=hw.power_max * joule / time,
        power_idle=hw.power_idle * joule / time,
        flop_joules={name: energy * joule / flop for name, energy in hw.flop_joules.items()},
        byte_joules=hw.byte_joules * joule / byte,
        link_joules=hw.link_joules * joule / byte,
        usd_per_hour=hw.usd_per_hour * money / time,
        calibration=replace(hw.calibration, **{n: getattr(hw.calibration, n) * time for n in seconds}),
    )
    return point | {"model": replace(model, operators=rows), "hardware": chip}


_SCALE = st.integers(-6, 6).map(lambda n: 2.0**n)


@settings(max_examples=60)
@given(points(), _SCALE, st.integers(0, 6).map(lambda n: 2.0**n), _SCALE, _SCALE, _SCALE, st.sampled_from(ESTIMATES))
def test_every_column_has_the_unit_that_it_says(
    point: dict[str, Any], time: float, byte: float, flop: float, joule: float, money: float, estimate: str
) -> None:
    """Dimensional analysis. Bytes scale through elements, so that every format keeps its size."""
    before = at(point, estimate)
    after = at(in_units(point, time, byte, flop, joule, money), estimate)
    scale = {"T": time, "B": byte, "F": flop, "J": joule, "M": money}
    for name in ALL:
        factor = math.prod(scale[d] ** power for d, power in EXPONENTS[UNITS[name]].items())
        assert bits(after[name]) == bits(before[name] * factor), f"{name} [{UNITS[name]}]"


@settings(max_examples=60)
@given(points())
def test_twice_the_bytes_over_twice_the_bandwidth_is_the_same_time(point: dict[str, Any]) -> None:
    """fp32 has exactly twice the bytes of bf16, scales, sums and cache included; here a byte takes half the energy."""
    hw = point["hardware"]
    half = replace(hw, peaks={"bf16": 1e15, "fp32": 1e15}, flop_joules={"bf16": 1e-12} if hw.flop_joules else {})
    doubled = tuple(
        replace(x, capacity=2 * x.capacity, bandwidth=2 * x.bandwidth, byte_joules=x.byte_joules / 2) for x in hw.levels
    )
    twice = replace(
        faster(faster(half, "memory"), "links"),
        memory_bytes=2 * hw.memory_bytes,
        sram_bytes=2 * hw.sram_bytes,
        levels=doubled,
        byte_joules=hw.byte_joules / 2,
        link_joules=hw.link_joules / 2,
    )
    bf16, fp32 = (replace(precision(name), state=name) for name in ("bf16", "fp32"))
    a, b = at(point, hardware=half, precision=bf16), at(point, hardware=twice, precision=fp32)
    for name in ALL:
        factor = {"B": 2.0, "FLOP/B": 0.5}.get(UNITS[name], 1.0)
        assert bits(b[name]) == bits(a[name] * factor), name


# Identities between columns.


@settings(max_examples=60)
@given(points(), st.sampled_from(ESTIMATES))
def test_columns_mean_what_they_say(point: dict[str, Any], estimate: str) -> None:
    c, batch, osl = at(point, estimate), point["batch"], point["osl"]
    assert c["chips"] == point["tp"] * point["pp"] * point["dp"] * point["cp"]
    assert c["e2e_s"] == c["ttft_s"] + c["tpot_s"] * (osl - 1)
    assert c["tokens_per_s_per_user"] == 1 / c["tpot_s"] and c["decode_tokens_per_s"] == batch / c["tpot_s"]
    assert c["tokens_per_s_per_chip"] * c["chips"] == pytest.approx(c["tokens_per_s"], rel=1e-15)
    assert (
        c["mem_bytes_per_chip"] == c["weight_bytes_per_chip"] + c["kv_bytes_per_chip"]
        or point["dp"] * point["batch"] > 1
    )
    assert c["mem_bytes_per_chip"] == pytest.approx(c["weight_bytes_per_chip"] + c["kv_bytes_per_chip"], rel=1e-15)
    assert c["intensity_flop_per_byte"] * c["decode_bytes"] == pytest.approx(c["decode_flops"], rel=1e-15)
    # prefill makes one of the osl tokens, so decode alone is at most osl / (osl - 1) of the steady rate
    assert at_most(c["tokens_per_s"] * (osl - 1), c["decode_tokens_per_s"] * osl)
    if point["hardware"].power_max > 0:
        assert c["watts_per_chip"] * c["chips"] == pytest.approx(c["joules_per_token"] * c["tokens_per_s"], rel=1e-14)


@settings(max_examples=60)
@given(points(), st.sampled_from(["", "_bound"]))
def test_dollars_are_price_times_time(point: dict[str, Any], suffix: str) -> None:
    """Four roundings lie between the two, each half an ulp at most: never off by more than 4 ulp of a million."""
    c, hourly = at(point), point["hardware"].usd_per_hour
    assume(hourly > 0)
    per_second = Fraction(hourly / 3600)
    product = (
        Fraction(c[f"usd_per_mtok{suffix}"]) * Fraction(c[f"tokens_per_s{suffix}"]) / Fraction(c["chips"]) / per_second
    )
    assert abs(product - 1_000_000) <= 4 * Fraction(math.ulp(1e6))


@settings(max_examples=60)
@given(points(), st.sampled_from(ESTIMATES))
def test_power_lies_between_idle_and_full(point: dict[str, Any], estimate: str) -> None:
    hw = point["hardware"]
    assume(hw.power_max > 0)
    idle = 0.0 if math.isnan(hw.power_idle) else hw.power_idle
    c = at(point, estimate)
    assert at_most(idle, c["watts_per_chip"]) and at_most(c["watts_per_chip"], hw.power_max)
    if estimate == "bound" and not hw.joules_per_flop(point["precision"].compute):
        assert c["watts_per_chip"] == pytest.approx(hw.power_max, rel=1e-14)


@settings(max_examples=60)
@given(
    points(
        chips=made_hardware().map(lambda h: replace(h, power_max=math.nan, power_idle=math.nan, usd_per_hour=math.nan))
    )
)
def test_what_nobody_knows_is_nan_and_spoils_nothing_else(point: dict[str, Any]) -> None:
    c = at(point)
    by_work = point["hardware"].joules_per_flop(point["precision"].compute) > 0.0
    unknown = {name for name in ALL if UNITS[name] in (("USD",) if by_work else ("J", "W", "USD"))}
    assert {name for name in ALL if math.isnan(c[name])} == unknown


#: Chips that say what work takes; `usual` has the same numbers in each layout and batch.
ENERGETIC = made_hardware().map(
    lambda hw: replace(hw, flop_joules={"bf16": 7e-13}, byte_joules=3e-11, link_joules=1e-11, power_max=math.nan)
)


@settings(max_examples=60)
@given(points(chips=ENERGETIC), st.sampled_from(ESTIMATES))
def test_energy_is_at_least_that_of_chips_at_rest(point: dict[str, Any], estimate: str) -> None:
    """And with a limit of power it never exceeds what the limit allows."""
    hw = replace(point["hardware"], power_max=200.0, power_idle=90.0)
    c = at(point, estimate, hardware=hw)
    rest, most = (c["chips"] * watts / c["tokens_per_s"] for watts in (hw.power_idle, hw.power_max))
    assert at_most(rest, c["joules_per_token"]) and at_most(c["joules_per_token"], most)
    assert at_most(
        c["joules_per_token"], at(point, estimate, hardware=replace(hw, power_max=math.nan))["joules_per_token"]
    )


@settings(max_examples=60)
@given(points(chips=ENERGETIC), st.sampled_from(["flop_joules", "byte_joules", "link_joules", "power_idle"]))
def test_no_kind_of_work_gives_energy_back(point: dict[str, Any], what: str) -> None:
    hw = replace(point["hardware"], power_idle=90.0)
    more = {"bf16": 1.4e-12} if what == "flop_joules" else 2 * getattr(hw, what)
    less, dear = at(point, hardware=hw), at(point, hardware=replace(hw, **{what: more}))
    assert at_most(less["joules_per_token"], dear["joules_per_token"])
    assert at_most(dear["joules_per_token"], 2 * less["joules_per_token"])


@settings(max_examples=60)
@given(points(chips=ENERGETIC, models=MODELS.map(sliding)), st.integers(1, 100_000))
def test_more_bytes_never_take_less_energy(point: dict[str, Any], more: int) -> None:
    """A longer prompt reads more cache; wider weights are more bytes at the same FLOPs."""
    point = point | {"hardware": replace(point["hardware"], levels=(), power_idle=90.0)}
    short, long = at(point), at(point, isl=point["isl"] + more)
    assert at_most(short["joules_per_token"], long["joules_per_token"])
    without_rest = replace(point["hardware"], power_idle=0.0)  # unpacking narrow weights takes time, not energy
    four, eight, sixteen = (
        at(point, precision=precision(name), hardware=without_rest)["joules_per_token"]
        for name in ("w4a16", "w8a16", "bf16")
    )
    assert at_most(four, eight) and at_most(eight, sixteen)


@settings(max_examples=30)
@given(points(chips=ENERGETIC))
def test_energy_by_hand(point: dict[str, Any]) -> None:
    """Without links and levels, one output token: the prompt's FLOPs, its weights and cache, and power at rest."""
    hw = replace(point["hardware"], levels=(), power_idle=90.0, link_joules=math.nan)
    point = point | ONE | {"hardware": hw, "osl": 1}
    c, b = at(point), bind(point["model"], hw, point["precision"])
    read = b.prefill(float(point["isl"]))["read"] + sum(row.decode_bytes for row in b.contexts) * point["isl"]
    work = c["prefill_flops"] * hw.joules_per_flop(point["precision"].compute) + read * hw.byte_joules
    assert c["joules_per_token"] == pytest.approx(work + 90.0 / c["tokens_per_s"], rel=1e-12)


# Memory.


def room(point: dict[str, Any], c: Columns, fraction: float, one: Columns) -> tuple[Fraction, Fraction, Fraction]:
    return (
        Fraction(point["hardware"].memory_bytes * fraction),
        Fraction(c["weight_bytes_per_chip"]),
        Fraction(one["kv_bytes_per_chip"]),
    )


@settings(max_examples=60)
@given(points(), st.sampled_from([0.9, 1.0, 0.5]), st.integers(-2, 2))
def test_a_batch_fits_exactly_when_it_is_at_most_max_batch(point: dict[str, Any], fraction: float, off: int) -> None:
    """Batches around the boundary. `fits` rounds n * kv and weights + that, `max_batch` rounds usable - weights and the
    quotient; so the two can part ways only where the sum of n sequences meets the budget to within four roundings.
    """
    one = at(point, batch=1, fraction=fraction)
    most = one["max_batch"]
    batch = max(min(most, 2.0**50) + off, 1.0)
    c = at(point, batch=int(batch), fraction=fraction)
    usable, weights, cache = room(point, c, fraction, one)
    for edge in (c["max_batch"], c["max_batch"] + point["dp"]):
        gap = abs(usable - weights - math.ceil(Fraction(edge) / point["dp"]) * cache)
        assume(edge > 2.0**50 or gap > usable * Fraction(4, 2**53))
    assert (c["fits"] == 1.0) == (batch <= most)
    assert (c["status"] in (0.0, 2.0)) == (c["fits"] == 1.0) or c["status"] == 2.0


@settings(max_examples=60)
@given(spread(0, 10**13), spread(1, 10**10), spread(0, 10**12), st.sampled_from([1, 2, 3, 4, 8]), st.integers(-9, 9))
@example(80, 8, 0, 1, 0)
@example(80, 8, 0, 4, 1)
def test_whole_bytes_fit_to_the_last_one(usable: int, cache: int, weights: int, dp: int, off: int) -> None:
    """No exception to the rule above where bytes are whole numbers."""
    usable = max(usable // cache * cache + weights, 1)  # a budget that n sequences fill to the last byte
    rows = (
        Operator("mlp", Kind.GEMM, store_elems=weights, read_elems=1.0, flops_token=1.0),
        Operator("attention", Kind.ATTENTION, state_elems=cache, state_bytes=1.0),
    )
    point = {
        "model": Model("m", rows, layers=1, hidden=1, vocab=1),
        "precision": Precision("int8", "int8", "int8", "int8"),
        "hardware": Hardware("h", {"int8": 1.0}, float(usable), 1.0, scaleup=Link("l", 1.0)),
        "dp": dp,
    }
    most = at(point, fraction=1.0)["max_batch"]
    assert most == (usable - weights) // cache * dp
    batch = max(int(most) + off, 1)
    assert (at(point, fraction=1.0, batch=batch)["fits"] == 1.0) == (batch <= most)


@settings(max_examples=60)
@given(points())
def test_the_cache_is_what_the_sequences_of_a_rank_take(point: dict[str, Any]) -> None:
    one, many = at(point, batch=1), at(point)
    assert many["kv_bytes_per_chip"] == math.ceil(point["batch"] / point["dp"]) * one["kv_bytes_per_chip"]


# Layouts.


def dense(heads: int = 64) -> Model:
    """A model without work that every rank repeats: projections, attention, feed-forward, head."""
    rows = (
        Operator(
            "qkv", Kind.GEMM, count=16.0, stored=16.0, read_elems=2.0**22, store_elems=2.0**22, flops_token=2.0**23
        ),
        Operator(
            "attention",
            Kind.ATTENTION,
            count=16.0,
            flops_ctx_decode=2.0**14,
            flops_ctx_prefill=2.0**14,
            kv_read_elems=2.0**13,
            kv_store_elems=2.0**13,
            heads=heads,
            kv_heads=heads,
        ),
        Operator(
            "mlp", Kind.GEMM, count=16.0, stored=16.0, read_elems=2.0**24, store_elems=2.0**24, flops_token=2.0**25
        ),
        Operator("head", Kind.HEAD, read_elems=2.0**27, store_elems=2.0**27, flops_token=2.0**28),
    )
    return Model("dense", rows, layers=16, hidden=4096, vocab=32768)


@settings(max_examples=60)
@given(real_hardware(), BATCH, ISL, OSL, st.sampled_from([1, 2, 4, 8, 16, 32]))
def test_twice_the_ranks_halve_the_bound(hw: Hardware, batch: int, isl: int, osl: int, tp: int) -> None:
    """Where the heads permit and nothing is sent: halves compute, weights, cache and context, to the last bit."""
    hw = replace(hw, sram_bytes=0.0, scaleup=Link("free", 1e30))
    point = {"model": dense(), "hardware": hw, "precision": precision("bf16"), "batch": batch, "isl": isl, "osl": osl}
    assume("bf16" in hw.peaks)
    one, two = at(point, tp=tp), at(point, tp=2 * tp)
    for name in ("tpot_s_bound", "ttft_s_bound", "weight_bytes_per_chip", "kv_bytes_per_chip"):
        assert two[name] == one[name] / 2, name
    for name in ("decode_flops", "decode_bytes", "prefill_flops"):
        assert two[name] == one[name], name
    assert two["tokens_per_s_bound"] == 2 * one["tokens_per_s_bound"]
    assert two["usd_per_mtok_bound"] == one["usd_per_mtok_bound"] or math.isnan(hw.usd_per_hour)


@settings(max_examples=60)
@given(real_hardware(), real_precisions(), BATCH, ISL, OSL, st.sampled_from([1, 2, 4]))
def test_two_data_parallel_ranks_are_two_replicas(
    hw: Hardware, p: Precision, batch: int, isl: int, osl: int, tp: int
) -> None:
    """Without experts nothing is shared: twice the batch on twice the ranks is the same step and the same price."""
    point = {
        "model": catalogue.model("llama-3.1-8b"),
        "hardware": replace(hw, scaleup=Link("wide", 1e12)),
        "precision": p,
        "tp": tp,
        "isl": isl,
        "osl": osl,
    }
    one, two = at(point, batch=batch), at(point, batch=2 * batch, dp=2)
    assume(one["status"] < 16)
    for name in ("ttft_s", "tpot_s", "ttft_s_bound", "tpot_s_bound", "mem_bytes_per_chip", "tokens_per_s_per_chip",
                 "tokens_per_s_per_chip_bound", "usd_per_mtok", "mbu", "mfu", "bottleneck"):  # fmt: skip
        assert two[name] == pytest.approx(one[name], rel=1e-15, nan_ok=True), name
    assert two["max_batch"] == 2 * one["max_batch"]


@settings(max_examples=60)
@given(real_models(), real_hardware(), real_precisions(), st.sampled_from([1, 2, 4, 8]), st.sampled_from([1, 2, 4]))
def test_layouts_split_the_weights_and_lose_none(model: Model, hw: Hardware, p: Precision, tp: int, pp: int) -> None:
    """All chips together hold at least the model, and at most what repeats on every rank or fills the longest stage."""
    point = {"model": model, "hardware": hw, "precision": p}
    one, many = at(point), at(point, tp=tp, pp=pp)
    assume(one["status"] < 16 and many["status"] < 16)
    held = many["weight_bytes_per_chip"] * many["chips"]
    assert at_most(one["weight_bytes_per_chip"], held)
    assert many["weight_bytes_per_chip"] <= one["weight_bytes_per_chip"]


@settings(max_examples=60)
@given(points(chips=OFF_CHIP))
def test_pipeline_stages_do_not_speed_up_one_sequence(point: dict[str, Any]) -> None:
    """A token passes all layers, wherever they are."""
    one, staged = at(point, batch=1, **ONE), at(point, batch=1, **ONE | {"pp": 2})
    assume(staged["status"] < 16)
    for name in ("tpot_s", "tpot_s_bound"):
        assert at_most(one[name], staged[name]), name


# Experts.


@settings(max_examples=60)
@given(spread(1, 512), st.data())
def test_expected_experts_between_one_token_and_all(experts: int, data: st.DataObject) -> None:
    active = data.draw(spread(1, experts))
    before = 0.0
    for tokens in sorted(data.draw(st.lists(spread(1, 10_000), min_size=1, max_size=6))):
        touched = fs.expected_experts(float(experts), float(active), float(tokens))
        assert at_most(active, touched) and at_most(touched, min(experts, active * tokens))
        assert at_most(before, touched)
        before = touched


@pytest.mark.parametrize("name", ["mixtral-8x7b", "deepseek-v3", "gpt-oss-120b", "qwen3-235b-a22b"])
def test_a_step_reads_the_experts_that_its_batch_touches(name: str) -> None:
    """From active parameters at batch 1 to all of them: never the top-k at any batch, nor all at batch 1."""
    model = catalogue.model(name)
    point = {
        "model": model,
        "hardware": catalogue.hardware("h200-sxm"),
        "precision": precision("bf16"),
        "isl": 1,
        "osl": 1,
    }
    table = model.vocab * model.hidden
    cache = sum(op.count * op.kv_read_elems for op in model.operators) * 2
    tied = any(op.tied_elems for op in model.operators)
    read = lambda batch: (at(point, batch=batch)["decode_bytes"] - batch * cache) / 2  # noqa: E731
    assert read(1) == pytest.approx(model.active_params - (0 if tied else table), rel=1e-3)
    assert read(100_000) == pytest.approx(model.params - (0 if tied else table), rel=1e-3)
    assert read(1) < read(2) < read(8) < read(64)


# Limits of the typical estimate.


@settings(max_examples=60)
@given(real_hardware(), real_precisions(), BATCH, st.sampled_from([1, 2, 8]))
def test_one_row_on_a_perfect_chip_is_its_bound(hw: Hardware, p: Precision, batch: int, tp: int) -> None:
    """Efficiencies of 1, no overhead, nothing to add up: typical and bound are the same roofline, to the last bit."""
    assume(p.compute in hw.peaks)
    ideal = replace(hw, calibration=Calibration(), sram_bytes=0.0, scaleup=Link("free", 1e30))
    only = Model("one", (Operator("mlp", Kind.GEMM, read_elems=1e9, flops_token=2e9),), layers=1, hidden=1, vocab=1)
    c = at({"model": only, "hardware": ideal, "precision": p, "batch": batch, "tp": tp})
    for name in TIMES:
        assert c[name] == c[f"{name}_bound"], name


def test_every_field_of_a_row_has_a_unit_in_the_test_above() -> None:
    """A new coefficient of Operator must take part in the dimensional analysis, or be named here as a pure number."""
    pure = {"name", "kind", "weights", "stage", "count", "stored", "experts", "active", "window", "heads", "kv_heads"}
    pure |= {"chunked", "skew", "state_bytes", "nodes"}  # bytes scale through elements
    assert {f.name for f in fields(Operator)} == pure | set(_FLOPS) | set(_ELEMS)
