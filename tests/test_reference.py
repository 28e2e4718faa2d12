"""The core against the same engine in plain Python: every column, every path, every instruction set, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import (
    ESTIMATES,
    SUPPORTED,
    bits,
    layouts,
    made_hardware,
    made_models,
    made_options,
    real_hardware,
    real_models,
    real_precisions,
    spread,
)

from tokenroof._native import COLUMNS
from tokenroof.axes import Axes
from tokenroof.plan import Plan
from tokenroof.reference import OK, Bound, bind
from tokenroof.specs import Hardware, Kind, Model, Operator, Options, Precision, Stage, precision

ALL = list(COLUMNS)
Layout = dict[str, int]
LENGTHS = st.tuples(
    st.one_of(spread(1, 4096), spread(1, 2**52 - 1)),  # batch
    st.one_of(spread(1, 10**6), spread(1, 2**40)),  # isl
    st.one_of(spread(1, 10**5), spread(1, 2**40)),  # osl
)
USUAL = Options()


def plans(
    model: Model, hardware: Hardware, p: Precision, layout: Layout, lengths: Sequence[int], options: Options
) -> list[Plan]:
    batch, isl, osl = lengths
    axes = Axes(
        {"model": model, "hardware": hardware, "precision": p, **layout, "batch": batch, "isl": isl, "osl": osl}
    )
    return [
        Plan(axes, estimate=estimate, isa=isa, options=options, bind_all=bind_all)
        for estimate in ESTIMATES
        for isa in SUPPORTED
        for bind_all in (False, True)
    ]


def check(
    model: Model, hardware: Hardware, p: Precision, layout: Layout, lengths: tuple[int, int, int], options: Options
) -> Bound:
    batch, isl, osl = map(float, lengths)
    bound = bind(model, hardware, p, **layout, options=options)
    want = {e: bound.columns(batch, isl, osl, e) for e in ESTIMATES}
    for plan, estimate in zip(
        plans(model, hardware, p, layout, lengths, options),
        [e for e in ESTIMATES for _ in range(2 * len(SUPPORTED))],
        strict=True,
    ):
        expected = bits([want[estimate][name] for name in ALL])
        paths = {
            "scalar call": plan.point(0, batch, isl, osl, ALL),
            "point list": [float(column[0]) for column in plan.points([0], batch, isl, osl, ALL)],
            "grid": [float(column[0]) for column in plan.store(0, 1, ALL)],
        }
        for path, got in paths.items():
            wrong = [(name, got[i], want[estimate][name]) for i, name in enumerate(ALL) if bits(got)[i] != expected[i]]
            assert not wrong, f"{path}, {plan.isa}, {estimate}: {wrong}"
    return bound


@settings(max_examples=80)
@given(real_models(), real_hardware(), real_precisions(), layouts(), LENGTHS, made_options())
def test_catalogue(
    model: Model, hardware: Hardware, p: Precision, layout: Layout, lengths: tuple[int, int, int], options: Options
) -> None:
    check(model, hardware, p, layout, lengths, options)


@settings(max_examples=100)
@given(made_models(), made_hardware(), real_precisions(), layouts(), LENGTHS, made_options())
def test_any_operator_table_on_any_chip(
    model: Model, hardware: Hardware, p: Precision, layout: Layout, lengths: tuple[int, int, int], options: Options
) -> None:
    check(model, hardware, p, layout, lengths, options)


@settings(max_examples=40)
@given(
    st.one_of(real_models(), made_models()),
    made_hardware(),
    real_precisions(),
    layouts(),
    st.sampled_from([1, 15, 16, 40, 513]),
    st.integers(1, 10**5),
    st.integers(1, 10**5),
    st.sampled_from(ESTIMATES),
)
def test_whole_tiles(
    model: Model, hardware: Hardware, p: Precision, layout: Layout, lanes: int, isl: int, osl: int, estimate: str
) -> None:
    """Vector lanes and their remainders, short batch axes and long ones; a few lanes of each are compared."""
    batch = range(1, 3 * lanes + 1, 3)
    axes = Axes(
        {"model": model, "hardware": hardware, "precision": p, **layout, "batch": batch, "isl": isl, "osl": osl}
    )
    bound = bind(model, hardware, p, **layout)
    for isa in SUPPORTED:
        columns = Plan(axes, estimate=estimate, isa=isa).store(0, lanes, ALL)
        for lane in {0, 1, 7, lanes // 2, lanes - 1} & set(range(lanes)):
            want = bound.columns(float(batch[lane]), float(isl), float(osl), estimate)
            got = [column[lane] for column in columns]
            assert (bits(got) == bits([want[name] for name in ALL])).all(), f"{isa}, lane {lane} of {lanes}"


@pytest.mark.parametrize(
    "layout", [(1, 8, 8, 1), (1, 64, 64, 1), (2, 16, 32, 1), (8, 4, 4, 2), (1, 16, 32, 2), (4, 1, 4, 2)]
)
@pytest.mark.parametrize("chip", ["h100-sxm", "tpu-v5p", "mi300x", "gb200-nvl72"])
def test_expert_exchange_inside_and_across_domains(chip: str, layout: tuple[int, int, int, int]) -> None:
    from tokenroof.catalogue import hardware, model

    tp, dp, ep, cp = layout
    full = {"tp": tp, "pp": 1, "ep": ep, "dp": dp, "cp": cp}
    for name in ("deepseek-v3", "mixtral-8x7b", "qwen3-235b-a22b"):
        for lengths in ((1, 12, 1), (777, 3001, 257)):
            check(model(name), hardware(chip), precision("bf16"), full, lengths, USUAL)


STATUSES = {  # one layout for each reason, by the reason's number
    0: ("llama-3.1-70b", {"tp": 8}, "bf16"),
    1: ("llama-3.1-405b", {"tp": 1}, "bf16"),
    16: ("llama-3.1-70b", {"tp": 3}, "bf16"),
    17: ("qwen2.5-14b", {"tp": 5}, "bf16"),
    18: ("llama-3.1-70b", {"pp": 81}, "bf16"),
    19: ("mixtral-8x7b", {"tp": 8, "ep": 3}, "bf16"),
    20: ("llama-3.1-70b", {"tp": 8}, "fp4"),
}


@pytest.mark.parametrize("status", STATUSES)
def test_every_status(status: int) -> None:
    from tokenroof.catalogue import hardware, model

    name, layout, p = STATUSES[status]
    full = {"tp": 1, "pp": 1, "ep": 1, "dp": 1, "cp": 1} | layout
    bound = check(model(name), hardware("h100-sxm"), precision(p), full, (1, 1024, 256), USUAL)
    assert bound.columns(1.0, 1024.0, 256.0)["status"] == status


def test_every_status_of_lengths_and_links() -> None:
    from tokenroof.catalogue import hardware, model

    one = {"tp": 1, "pp": 1, "ep": 1, "dp": 1, "cp": 1}
    bound = check(model("llama-2-7b"), hardware("h100-sxm"), precision("bf16"), one, (1, 4096, 1), USUAL)
    assert bound.columns(1.0, 4096.0, 1.0)["status"] == 2
    bound = check(model("llama-2-7b"), hardware("apple-m3-max"), precision("bf16"), one | {"tp": 2}, (1, 64, 64), USUAL)
    assert bound.status == 21


@settings(max_examples=100)
@given(
    st.one_of(st.tuples(real_models(), real_hardware()), st.tuples(made_models(), made_hardware())),
    real_precisions(), layouts(), st.tuples(spread(1, 4096), spread(1, 10**6), spread(1, 10**5)),
)  # fmt: skip
def test_rows_add_up_to_the_step(
    pair: tuple[Model, Hardware], p: Precision, layout: Layout, lengths: tuple[int, int, int]
) -> None:
    """What `explain` prints row by row is the whole: seconds, FLOP and bytes."""
    bound = bind(*pair, p, **layout)
    if bound.status != OK:
        return
    at = tuple(map(float, lengths))
    columns, rows = bound.columns(*at), bound.decode_rows(*at)
    for column, part in (
        ("tpot_s", [r.seconds for r in rows]),
        ("decode_flops", [r.flops for r in rows]),
        ("decode_bytes", [r.bytes for r in rows]),
    ):
        assert math.fsum(part) == pytest.approx(columns[column], rel=1e-12, abs=0.0), column


def test_a_shared_layer_is_stored_once_and_executed_twice() -> None:
    """Layer sharing: storage and the reads of a bound count copies; work, cache and a typical step count layers."""
    from tokenroof.catalogue import hardware

    def made(stored: float) -> Model:
        mlp = Operator("mlp", Kind.GEMM, count=60.0, stored=stored, read_elems=1e6, store_elems=1e6, flops_token=2e6)
        attention = Operator(
            "attention",
            Kind.ATTENTION,
            count=60.0,
            stored=stored,
            kv_read_elems=512.0,
            kv_store_elems=512.0,
            flops_ctx_decode=4096.0,
            flops_ctx_prefill=4096.0,
        )
        return Model("made", (mlp, attention), layers=60, hidden=64, vocab=100)

    def columns(stored: float, sram: float) -> dict[str, float]:
        chip = replace(hardware("a100-80-sxm"), sram_bytes=sram)
        return bind(made(stored), chip, precision("bf16")).columns(1.0, 100.0, 1.0)

    own, shared, kept = columns(60.0, 40e6), columns(30.0, 1e6), columns(30.0, 2e6)  # a layer has 2 MB
    assert shared["weight_bytes_per_chip"] == own["weight_bytes_per_chip"] / 2 == 30e6 * 2
    for same in ("kv_bytes_per_chip", "decode_flops", "decode_bytes", "tpot_s"):
        assert shared[same] == own[same]
    assert own["decode_bytes"] - kept["decode_bytes"] == 30 * 2e6  # the second execution finds them on chip
    assert kept["tpot_s"] < shared["tpot_s"] and kept["tpot_s_bound"] == shared["tpot_s_bound"]


def test_a_tied_table_is_stored_twice_only_across_stages() -> None:
    from tokenroof.catalogue import hardware

    rows = (
        Operator("table", Kind.EMBEDDING, stage=Stage.FIRST, store_elems=1e6),
        Operator("mlp", Kind.GEMM, count=2.0, stored=2.0, read_elems=1e6, store_elems=1e6, flops_token=2e6),
        Operator("head", Kind.HEAD, stage=Stage.LAST, read_elems=1e6, tied_elems=1e6, flops_token=2e6),
    )
    tied = Model("made", rows, layers=2, hidden=64, vocab=100)
    weights = [
        bind(tied, hardware("h100-sxm"), precision("bf16"), pp=pp).columns(1.0, 1.0, 1.0)["weight_bytes_per_chip"]
        for pp in (1, 2)
    ]
    assert weights == [3e6 * 2, 2e6 * 2]
