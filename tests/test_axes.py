"""Axes: fields of chips, models and precisions, axes that move together, groups by any of them."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SUPPORTED, bits

import tokenroof as tr
from tokenroof import catalogue
from tokenroof._native import AXES, COLUMNS
from tokenroof.axes import Axes
from tokenroof.axes.fields import ALIASES, HARDWARE_FIELDS, Change, parse_field_axis, variant
from tokenroof.errors import SpecError, UnknownNameError
from tokenroof.lowering.change import changed_model
from tokenroof.plan import Plan
from tokenroof.sweep import Sweep

ALL = list(COLUMNS)
NOTHING = np.uint64(2**64 - 1)
BOTH: dict[str, Any] = {"model": "llama-3.1-8b", "hardware": "h100-sxm"}
#: What a zip may take, as many of each as there are.
POOLS: dict[str, list[Any]] = {
    "model": ["llama-3.1-8b", "mixtral-8x7b", "qwen3-30b-a3b"],
    "hardware": ["h100-sxm", "l4", "mi300x"],
    "precision": ["bf16", "fp8", "w4a16"],
    "tp": [1, 2, 3, 8],
    "pp": [1, 2, 4],
    "ep": [1, 2, 4],
    "dp": [1, 2],
    "cp": [1, 2],
    "isl": [1, 64, 1000, 30_000],
    "osl": [1, 100, 2000],
    "hardware.memory_bandwidth": ["x1", "x2", 1e12, "16 TB/s"],
    "hardware.scaleup.domain": [4, 16, "x1"],
    "model.kv_heads": [4, 8],
    "precision.kv": ["bf16", "fp8"],
}


@st.composite
def zipped_sweeps(draw: Any) -> tuple[dict[str, Any], list[tuple[str, ...]]]:
    """Axes in any order, some of them zipped."""
    names = draw(st.lists(st.sampled_from(list(POOLS)), min_size=2, max_size=6, unique=True))
    split = draw(st.integers(0, len(names) - 2))
    parts = [p for p in (names[split:], names[:split]) if len(p) > 1]
    zips = [tuple(p[: draw(st.integers(2, len(p)))]) for p in parts[: draw(st.integers(1, 2))]]
    axes: dict[str, Any] = {"model": ["llama-3.1-8b"], "hardware": ["h100-sxm"]}
    zipped = {name: draw(st.integers(1, 3)) for name in names}
    for group in zips:
        length = draw(st.integers(1, 4))
        zipped |= dict.fromkeys(group, length)
    for name in names:
        pool = POOLS[name]
        alone = not any(name in group for group in zips)
        n = min(zipped[name], len(pool)) if alone else zipped[name]
        axes[name] = draw(st.lists(st.sampled_from(pool), min_size=n, max_size=n, unique=alone))
    axes["batch"] = draw(st.sampled_from([[1, 7], [3], list(range(1, 40)), list(range(1, 600, 2))]))
    return {name: axes[name] for name in draw(st.permutations(list(axes)))}, zips


def alone(values: dict[str, Any]) -> Plan:
    """The plan of one combination, with fields set by hand."""
    return Sweep(**values).plan()


@settings(max_examples=40)
@given(zipped_sweeps(), st.sampled_from(SUPPORTED), st.data())
def test_zipped_points_are_those_of_their_values(
    drawn: tuple[dict[str, Any], list[tuple[str, ...]]], isa: str, data: st.DataObject
) -> None:
    """Every path to a point of a zipped sweep with fields gives the point of those values alone."""
    axes, zips = drawn
    sw = Sweep(**axes, zip=zips)
    plan = sw.plan(isa, bind_all=data.draw(st.booleans()))
    whole = plan.store(0, plan.size, ALL)
    cut = data.draw(st.integers(0, plan.size))
    halves = [
        np.concatenate(pair) for pair in zip(plan.store(0, cut, ALL), plan.store(cut, plan.size, ALL), strict=True)
    ]
    assert all((bits(a) == bits(b)).all() for a, b in zip(whole, halves, strict=True))
    picked = data.draw(st.lists(st.integers(0, plan.size - 1), min_size=1, max_size=4))
    listed = plan.gather(np.array(picked, dtype=np.uint64), ALL)
    index = sw.axes.index(np.array(picked))
    result = sw.run(["tpot_s", "status"], isa=isa)
    for i, point in enumerate(picked):
        values = {name: axes[name][index[name][i]] for name in axes}
        want = alone(values).store(0, 1, ALL)
        for name, column, one in zip(ALL, whole, want, strict=True):
            assert bits(column[point]) == bits(one[0]) == bits(listed[name][i]), (name, values)
        place = tuple(int(index[dim.split(",")[0]][i]) for dim in result.dims)
        assert bits(result["tpot_s"][place]) == bits(whole[ALL.index("tpot_s")][point])
        coords = plan.coordinates(np.array([point], dtype=np.uint64))
        assert all(coords[name][0] == sw.axes.labels(name)[index[name][i]] for name in axes)
    assert sw.legal == (whole[ALL.index("status")] < 16).sum()


@settings(max_examples=40)
@given(zipped_sweeps(), st.data())
def test_groups_by_any_axes(drawn: tuple[dict[str, Any], list[tuple[str, ...]]], data: st.DataObject) -> None:
    axes, zips = drawn
    sw = Sweep(**axes, zip=zips)
    plan = sw.plan()
    by = data.draw(st.lists(st.sampled_from(sorted(axes)), max_size=3, unique=True))
    k = data.draw(st.integers(1, 3))
    status, value = plan.store(0, plan.size, ["status", "tpot_s"])
    index = sw.axes.index(np.arange(plan.size))
    dims = sorted({sw.axes.dimension(name).name for name in by})
    want: dict[tuple[int, ...], list[int]] = {}
    for point in np.flatnonzero((status == 0) & np.isfinite(value)).tolist():
        want.setdefault(tuple(int(index[dim.split(",")[0]][point]) for dim in dims), []).append(point)
    best = sorted(itertools.chain.from_iterable(sorted(g, key=lambda i: (value[i], i))[:k] for g in want.values()))
    cut = data.draw(st.integers(0, plan.size))
    state, other = (plan.new_best("tpot_s", by=by, k=k) for _ in range(2))
    plan.best(cut, plan.size, state), plan.best(0, cut, other)
    state.merge(other)
    found = state.point[state.point != NOTHING]
    assert sorted(found.tolist()) == best
    names, tables, groups = sw.axes.groups(by)
    assert groups == math.prod(sw.axes.dimension(dim).length for dim in dims) and set(names) >= set(by)
    core = dict(zip(AXES, np.unravel_index(np.arange(plan.size), sw.axes.shape), strict=True))
    group = sum((table[core[lead]] for lead, table in tables.items()), np.zeros(plan.size, np.int64))
    assert group.min(initial=0) >= 0 and group.max(initial=0) < groups
    assert (group[found.astype(int)] == np.repeat(np.arange(groups), k)[state.point != NOTHING]).all()


def test_lengths_that_belong_together() -> None:
    sw = Sweep(**BOTH, isl=[512, 8192], osl=[64, 1024], batch=[1, 8], zip=[("isl", "osl")])
    result = sw.run("tpot_s")
    assert (sw.size, result.dims, result.shape) == (4, ("model", "hardware", "isl,osl", "batch"), (1, 1, 2, 2))
    assert result.coords["isl,osl"] == [(512, 64), (8192, 1024)] and result.axes[2:] == ("isl", "osl", "batch")
    assert result["tpot_s"][0, 0, 1, 1] == tr.point(**BOTH, isl=8192, osl=1024, batch=8).tpot_s
    same = Sweep(**BOTH, lengths=tr.zipped(isl=[512, 8192], osl=[64, 1024]), batch=[1, 8])
    assert (same.run("tpot_s")["tpot_s"] == result["tpot_s"]).all()
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table(result)
    assert table.column_names == ["model", "hardware", "isl", "osl", "batch", "tpot_s"]
    assert table["osl"].to_pylist() == [64, 64, 1024, 1024]
    pytest.importorskip("xarray")
    data = result.to_xarray()
    assert data["tpot_s"].dims == result.dims and data["osl"].values.tolist() == [64, 1024]


def test_each_model_in_its_own_precision() -> None:
    pairs = tr.zipped(model=["llama-3.1-8b", "gpt-oss-20b"], precision=["bf16", "mxfp4"])
    sw = Sweep(pairs=pairs, hardware="h100-sxm")
    rows = sw.best("tpot_s", by="model").rows()
    assert [(r["model"], r["precision"]) for r in rows] == [("llama-3.1-8b", "bf16"), ("gpt-oss-20b", "mxfp4")]


def test_a_model_may_come_twice_in_a_zip() -> None:
    sw = Sweep(hardware="h100-sxm", pairs=tr.zipped(model=["llama-3.1-8b"] * 2, tp=[1, 8]))
    assert sw.run("chips")["chips"].ravel().tolist() == [1, 8]


# Fields.


def test_memory_twice_as_fast_by_hand() -> None:
    """Llama-3.1-8B at batch 1 is bound by 16.06 GB of weights: at 16 TB/s they take a millisecond."""
    sw = Sweep(**BOTH, isl=1, osl=1, estimate="bound", **{"hardware.mem_bw": ["x1", "x2", "16 TB/s"]})
    times = sw.run("tpot_s")["tpot_s"].ravel()
    assert times[0] / times[1] == pytest.approx(2, rel=1e-12) and times[2] * 16e12 == pytest.approx(times[0] * 3.35e12)
    assert sw.run("tpot_s").coords["hardware.memory_bandwidth"] == ["x1", "x2", 16e12]


CHANGED = [name for name in HARDWARE_FIELDS if name not in ("peaks",)]


@settings(max_examples=60)
@given(st.sampled_from(CHANGED), st.sampled_from(["h100-sxm", "mi300x", "tpu-v5e", "l4"]), st.floats(0.5, 1.0))
def test_a_field_is_what_replacing_it_gives(name: str, chip: str, share: float) -> None:
    base = catalogue.hardware(chip)
    part, _, key = name.rpartition(".")
    if part == "peaks":
        value = 1e15 * share
        by_hand = replace(base, peaks={**base.peaks, key: value})
    else:
        owner = getattr(base, part) if part else base
        if owner is None:
            with pytest.raises(SpecError, match=f"{chip}.*{part}"):
                Sweep(model="llama-3.1-8b", hardware=chip, **{f"hardware.{name}": [1.0]})
            return
        old = getattr(owner, key)
        value = math.ceil(old * share) if key in ("domain", "wrap", "tile") and math.isfinite(old) else share
        value = old * share if old > 1 and key not in ("domain", "wrap", "tile", "expert_imbalance") else value
        value = max(value, 1.0) if key in ("domain", "tile", "expert_imbalance") else value
        if key == "domain" and base.scaleup is not None and base.scaleup.dims:
            with pytest.raises(SpecError, match="product is the domain"):
                Sweep(model="llama-3.1-8b", hardware=chip, **{f"hardware.{name}": [3]})
            return
        value = int(value) if isinstance(old, int) else value
        try:
            changed = replace(owner, **{key: value})
            by_hand = replace(base, **{part: changed}) if part else changed
        except SpecError:
            with pytest.raises(SpecError):
                Sweep(model="llama-3.1-8b", hardware=chip, **{f"hardware.{name}": [value]})
            return
    axes: dict[str, Any] = {"model": "llama-3.1-8b", "precision": ["bf16", "fp8"], "tp": [1, 8], "batch": [1, 64]}
    got = Sweep(**axes, hardware=chip, **{f"hardware.{name}": [value]}).plan()
    want = Sweep(**axes, hardware=by_hand).plan()
    for a, b in zip(got.store(0, got.size, ALL), want.store(0, want.size, ALL), strict=True):
        assert (bits(a) == bits(b)).all()


@pytest.mark.parametrize(
    ("model", "field", "value", "check"),
    [
        ("llama-3.1-8b", "layers", 16, lambda m: m.layers == 16 and m.params == 8_030_261_248 - 16 * 218_112_000),
        ("llama-3.1-8b", "kv_heads", 4, lambda m: m.kv_elems_per_token == 32 * 2 * 4 * 128),
        ("llama-3.1-8b", "vocab", 64_000, lambda m: m.vocab == 64_000),
        ("llama-3.1-8b", "hidden", 8192, lambda m: m.hidden == 8192),
        ("mixtral-8x7b", "experts", 16, lambda m: {op.experts for op in m.operators if op.experts} == {16.0}),
        ("deepseek-v3", "experts", 512, lambda m: max(op.experts for op in m.operators) == 512),
        ("deepseek-v3", "active", 4, lambda m: {op.active for op in m.operators if op.experts} == {4.0}),
        ("deepseek-v3", "kv_rank", 256, lambda m: m.kv_elems_per_token == 61 * (256 + 64)),
        ("gemma-3-12b", "layers", 24, lambda m: m.layers == 24),
        ("gpt2", "layers", 24, lambda m: m.layers == 24),
        ("gpt2", "n_head", 6, lambda m: max(op.heads for op in m.operators) == 6),
        ("mistral-7b-v0.1", "window", 1024, lambda m: {op.window for op in m.operators} == {1024.0, math.inf}),
        ("llama-3.1-8b", "max_context", 4096, lambda m: m.max_context == 4096),
        ("mixtral-8x7b", "skew", 0.8, lambda m: {op.skew for op in m.operators if op.experts} == {0.8}),
        ("mixtral-8x7b", "num_local_experts", 4, lambda m: max(op.experts for op in m.operators) == 4),
    ],
)
def test_models_are_lowered_again(model: str, field: str, value: float, check: Any) -> None:
    base = tr.model(model)
    made = changed_model(base, field, value)
    assert check(made) and made.id == base.id and made.native_precision == base.native_precision
    sw = Sweep(model=model, hardware="h100-sxm", **{f"model.{field}": [value]})
    got = sw.run(["tpot_s", "weight_bytes_per_chip"])
    want = Sweep(model=made, hardware="h100-sxm").run(["tpot_s", "weight_bytes_per_chip"])
    assert all((bits(got[c]) == bits(want[c]).reshape(got[c].shape)).all() for c in got.columns)


@settings(max_examples=30)
@given(
    st.sampled_from(["llama-3.1-8b", "qwen3-32b", "mixtral-8x7b", "deepseek-v3", "gemma-3-12b"]), st.integers(1, 200)
)
def test_more_layers_are_more_weights(name: str, layers: int) -> None:
    base = tr.model(name)
    some, more = (changed_model(base, "layers", n).params for n in (layers, layers + 1))
    assert some < more and changed_model(base, "layers", base.layers).operators == base.operators


def test_lists_of_layers_repeat_from_their_start() -> None:
    base = tr.model("gemma-3-12b")  # five windowed layers, then one that sees all
    made = changed_model(base, "layers", 2 * base.layers)

    def seeing_all(model: tr.Model) -> float:
        return sum(op.count for op in model.operators if op.kv_store_elems and math.isinf(op.window))

    assert seeing_all(made) == 2 * seeing_all(base)


def test_several_fields_and_chips_are_a_product() -> None:
    sw = Sweep(
        model="llama-3.1-8b",
        hardware=["h100-sxm", "l4"],
        batch=[1, 2],
        **{
            "hardware.mem_bw": "1 TB/s:3 TB/s:1 TB/s",
            "hardware.price": [1.0, "2 USD/h"],
            "precision.kv": ["bf16", "fp8"],
        },
    )
    result = sw.run("usd_per_mtok")
    assert result.shape == (1, 2, 2, 3, 2, 2) and sw.size == 48
    chip = replace(tr.hardware("l4"), id="mine", memory_bandwidth=2e12, usd_per_hour=2.0)
    kv = replace(tr.precision("bf16"), name="mine", kv="fp8")
    want = tr.point("llama-3.1-8b", chip, precision=kv, batch=2).usd_per_mtok
    assert result["usd_per_mtok"][0, 1, 1, 1, 1, 1] == want
    best = sw.best("tpot_s", by=["hardware", "hardware.usd_per_hour"])
    assert [(r["hardware"], r["hardware.usd_per_hour"]) for r in best] == [
        ("h100-sxm", 1), ("h100-sxm", 2), ("l4", 1), ("l4", 2)]  # fmt: skip
    assert set(best["hardware.memory_bandwidth"]) == {3e12}


def test_what_was_set_is_said() -> None:
    sw = Sweep(**BOTH, **{"hardware.mem_bw": ["4 TB/s", "8 TB/s"], "model.layers": [16], "hardware.peaks.fp4": 4e15})
    result = sw.run("tpot_s")
    assert result.meta["set by the caller"] == {
        "hardware.memory_bandwidth": [4e12, 8e12],
        "model.layers": [16],
        "hardware.peaks.fp4": [4e15],
    }
    facts = {fact.field: fact for fact in result.cite().hardware[0].facts}
    assert (
        facts["memory_bandwidth"].value == "4 TB/s, 8 TB/s" and facts["memory_bandwidth"].grade == "given by the caller"
    )
    assert "memory.bandwidth" not in facts and "memory.capacity" in facts
    assert [f.value for f in result.cite().models[0].facts if f.field == "layers"] == ["16"]
    assert "set by the caller" not in Sweep(**BOTH).run("tpot_s").meta
    assert "4 TB/s" in str(sw.best("tpot_s", by="hardware.memory_bandwidth"))


def test_points_take_fields() -> None:
    p = tr.point(**BOTH, **{"hardware.mem_bw": "x2"})
    assert p.hardware.memory_bandwidth == 2 * tr.hardware("h100-sxm").memory_bandwidth
    assert p.hardware.id == "h100-sxm memory_bandwidth=x2" and "memory_bandwidth=x2" in p.explain()


def test_a_calibration_is_of_the_chip_that_was_named() -> None:
    """Fitted constants come first, then what the caller sets."""
    given = {"calibration": "published", "hardware.memory_bandwidth": ["x1"]}
    plain = Sweep(**BOTH, calibration="published").run("tpot_s")["tpot_s"]
    assert (Sweep(**BOTH, **given).run("tpot_s")["tpot_s"].ravel() == plain.ravel()).all()
    fitted = Sweep(**BOTH, calibration="published", **{"hardware.calibration.memory_efficiency": [0.5]})
    assert fitted.axes.hardware[0].calibration.memory_efficiency == 0.5


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (2e12, [2e12]),
        ("2e12", [2e12]),
        ("2 TB/s", [2e12]),
        ("1 TB/s:4 TB/s:x2", [1e12, 2e12, 4e12]),
        ("1 TB/s:4 TB/s", [1e12, 2e12, 4e12]),
        ("1e12:2e12:0.5 TB/s", [1e12, 1.5e12, 2e12]),
        (["x0.5", "1 TB/s"], ["x0.5", 1e12]),
        (np.linspace(1e12, 2e12, 3), [1e12, 1.5e12, 2e12]),
        (np.array([10**12]), [1e12]),
    ],
)
def test_values_of_a_field(text: Any, values: list[Any]) -> None:
    for name in ("hardware.mem_bw", "hardware.memory_bandwidth"):
        full, changes = parse_field_axis(name, text)
        assert full == "hardware.memory_bandwidth" and [change.label for change in changes] == values


def test_ids_of_variants_can_be_read() -> None:
    bandwidth, domain = Change("hardware.memory_bandwidth", 2e12), Change("hardware.scaleup.domain", 16.0)
    changes = (bandwidth, domain, Change("hardware.peaks", 2.0, True))
    assert (
        variant(tr.hardware("h100-sxm"), changes).id == "h100-sxm memory_bandwidth=2 TB/s, scaleup.domain=16, peaks=x2"
    )
    assert variant(tr.precision("bf16"), (Change("precision.kv", "fp8"),)).name == "bf16 kv=fp8"


def test_aliases_lead_to_fields() -> None:
    for alias, full in ALIASES.items():
        assert full.removeprefix("hardware.") in HARDWARE_FIELDS and parse_field_axis(alias, 8.0)[0] == full


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ({"hardware.mem_bw": []}, ["hardware.mem_bw", "a value or a list"]),
        ({"hardware.mem_bw": "2 TB"}, ["hardware.mem_bw = '2 TB'", "units"]),
        ({"hardware.mem_bw": [True]}, ["True", "a number [B/s]"]),
        ({"hardware.mem_bw": None}, ["None", "a number [B/s]"]),
        ({"hardware.mem_bw": [math.nan]}, ["not negative"]),
        ({"hardware.mem_bw": [-1.0]}, ["not negative"]),
        ({"hardware.mem_bw": [0.0]}, ["hardware 'h100-sxm'", "hardware.memory_bandwidth = 0", "above 0"]),
        ({"hardware.mem_bw": "4 TB/s:1 TB/s:1 TB/s"}, ["first <= last"]),
        ({"hardware.mem_bw": "1:1e12:1"}, ["at most"]),
        ({"hardware.peaks": [1e15]}, ["factors", "hardware.peaks.bf16"]),
        ({"hardware.peaks.fp4": ["x2"]}, ["no fp4 peak to multiply"]),
        ({"hardware.price_usd": [1.0]}, ["hardware.usd_per_hour"]),
        ({"hardware.scaleup.domain": [1.5]}, ["hardware.scaleup.domain = 1.5", "whole number of chips"]),
        ({"hardware.calibration.serial": [2]}, ["a share, at most 1"]),
        ({"hardware.memory_bandwidth": [1e12], "hardware.mem_bw": [1e12]}, ["named twice"]),
        ({"hardware": "apple-m3-max", "hardware.link_bw": [1e12]}, ["'apple-m3-max'", "scaleup", "none"]),
        ({"model.layers": [0]}, ["model.layers", "whole number"]),
        ({"model.experts": [8]}, ["model 'llama-3.1-8b'", "model.experts = 8", "kv_heads", "layers"]),
        ({"model.hidden": [1000]}, ["model 'llama-3.1-8b'"]),
        ({"model.layers": ["x0.3"]}, ["a whole number: num_hidden_layers would be 9.6"]),
        ({"precision.kv": ["fp5"]}, ["precision 'bf16'", "fp5"]),
        ({"precision.kv": [8]}, ["the name of a format"]),
        ({"zip": [("isl", "osl")], "isl": [1, 2], "osl": [1, 2, 3]}, ["isl,osl", "equal length", "isl 2", "osl 3"]),
        ({"zip": [("isl", "batch")], "isl": [1, 2], "batch": [1, 2]}, ["zip", "batch", "Plan.points"]),
        ({"zip": [("isl", "osl")], "isl": [1, 2]}, ["zip = 'osl'", "axes that the sweep names"]),
        ({"zip": [("isl",)], "isl": [1, 2]}, ["lists of names"]),
        ({"zip": 5}, ["zip = 5", "lists of names"]),
        ({"zip": [("isl", "osl"), ("osl", "tp")], "isl": [1], "osl": [1], "tp": [1]}, ["'osl'", "one zip"]),
        ({"z": tr.zipped(isl=[1, 2], osl=[1, 2]), "isl": [1]}, ["isl", "each axis once"]),
    ],
    ids=lambda v: f"{v!r}"[:40],
)
def test_axes_that_are_refused(axes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        Sweep(**BOTH | axes)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    ("name", "near"),
    [("hardware.memory_bandwith", "hardware.memory_bandwidth"), ("hardware.domian", "hardware.domain"),
     ("precision.weight", "precision.weights"), ("hrdware.mem_bw", "hardware.mem_bw")],
)  # fmt: skip
def test_fields_that_do_not_exist(name: str, near: str) -> None:
    with pytest.raises(UnknownNameError, match=f"axis '{name}'.*'{near}'"):
        Sweep(**BOTH, **{name: [1]})


def test_models_without_a_config_say_so() -> None:
    made = replace(tr.model("llama-3.1-8b"), id="made", config={})
    with pytest.raises(SpecError, match=r"model 'made': model.layers.*lowered from a config"):
        Sweep(model=made, hardware="h100-sxm", **{"model.layers": [2]})
    with pytest.raises(SpecError, match="this one was changed"):
        Sweep(model=tr.model("mixtral-8x7b").skewed(0.5), hardware="h100-sxm", **{"model.layers": [2]})
    with pytest.raises(SpecError, match="at least two axes"):
        tr.zipped(isl=[1])


def test_the_core_gets_one_object_for_each_value() -> None:
    axes = Axes(BOTH | {"tp": [1, 2], "hardware.mem_bw": ["x1", "x2"], "zip": [("tp", "hardware.mem_bw")]})
    assert axes.shape == (1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1) and axes.zip[1] == axes.zip[3] != 0
    assert [h.memory_bandwidth for h in axes.hardware] == [3.35e12, 6.7e12] and axes.counts["tp"].tolist() == [1, 2]
    assert axes.dims == ("model", "hardware", "tp,hardware.memory_bandwidth")


def test_groups_take_the_short_name_of_a_field() -> None:
    sw = Sweep(model="llama-3.1-8b", hardware="h100-sxm", **{"hardware.mem_bw": ["x1", "x2"]})
    short, whole = (sw.best("tpot_s", by=name).rows() for name in ("hardware.mem_bw", "hardware.memory_bandwidth"))
    assert short == whole
    assert len(short) == 2
