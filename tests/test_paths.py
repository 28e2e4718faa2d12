"""All ways to a point give the same bits: whole runs, ranges, lists, one call; any threads, any instruction set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import ESTIMATES, PRECISIONS, SUPPORTED, bits, made_hardware, made_models

import tokenroof as tr
from tokenroof import catalogue
from tokenroof._native import AXES, COLUMNS
from tokenroof.execution import threads as on_threads
from tokenroof.plan import Plan
from tokenroof.sweep import Sweep

ALL = list(COLUMNS)
#: Lengths at which tiles and the choice between rows and zipped rows change: 16 and 512.
LANES = st.sampled_from([1, 2, 3, 7, 15, 16, 17, 40, 511, 512, 513, 600])


@st.composite
def sweeps(draw: Any, most: int = 6000) -> dict[str, Any]:
    """Axes in any order, unsorted and repeated counts, short and long batch axes."""
    axes: dict[str, Any] = {
        "model": draw(st.lists(st.sampled_from(catalogue.model_ids()), min_size=1, max_size=2, unique=True)),
        "hardware": draw(st.lists(st.sampled_from(catalogue.hardware_ids()), min_size=1, max_size=2, unique=True)),
        "precision": draw(st.lists(st.sampled_from(PRECISIONS), min_size=1, max_size=2, unique=True)),
    }
    if draw(st.booleans()):
        axes["model"].append(draw(made_models()))
    if draw(st.booleans()):
        axes["hardware"].append(draw(made_hardware()))
    for name in ("tp", "pp", "ep", "dp", "cp"):
        axes[name] = draw(st.lists(st.sampled_from([1, 1, 2, 3, 8]), min_size=1, max_size=2))
    for name in ("isl", "osl"):
        axes[name] = draw(st.lists(st.one_of(st.integers(1, 9), st.integers(1, 200_000)), min_size=1, max_size=3))
    lanes = draw(LANES)
    size = int(np.prod([len(values) for values in axes.values()]))
    lanes = max(1, min(lanes, most // size))
    ascending = list(range(1, lanes + 1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    axes["batch"] = draw(
        st.sampled_from(
            [
                ascending,
                ascending[::-1],
                rng.integers(1, 5000, lanes).tolist(),
                sorted(rng.integers(1, 300, lanes).tolist()),
            ]
        )
    )
    return {name: axes[name] for name in draw(st.permutations(list(axes)))}


def flat(plan: Plan) -> list[Any]:
    return plan.store(0, plan.size, ALL)


def in_users_order(sw: Sweep, column: Any) -> Any:
    """A column of all points, shaped and turned as the user named the axes; unnamed axes have one value and go."""
    unnamed = [name for name in AXES if name not in sw.axes.named]
    grid = column.reshape(sw.axes.shape).transpose([AXES.index(name) for name in (*sw.axes.named, *unnamed)])
    return grid.reshape(grid.shape[: len(sw.axes.named)])


def same(got: Any, want: Any) -> bool:
    return all((bits(a) == bits(b)).all() for a, b in zip(got, want, strict=True))


@settings(max_examples=40)
@given(sweeps(), st.sampled_from(ESTIMATES), st.data())
def test_ranges_lists_and_single_points_equal_the_whole(
    axes: dict[str, Any], estimate: str, data: st.DataObject
) -> None:
    sw = Sweep(**axes, estimate=estimate)
    plan = sw.plan(data.draw(st.sampled_from(SUPPORTED)))
    whole = flat(plan)

    cuts = sorted(data.draw(st.lists(st.integers(0, plan.size), max_size=6)))
    parts = [plan.store(a, b, ALL) for a, b in zip([0, *cuts], [*cuts, plan.size], strict=True)]
    assert same([np.concatenate([part[i] for part in parts]) for i in range(len(ALL))], whole), f"split at {cuts}"

    for isa in SUPPORTED:
        other = Plan(sw.axes, estimate=estimate, isa=isa, bind_all=data.draw(st.booleans()))
        assert same(flat(other), whole), isa
        index = np.unravel_index(np.arange(plan.size), sw.axes.shape)
        combination = np.ravel_multi_index(index[:8], sw.axes.shape[:8])
        isl, osl, batch = (sw.axes.counts[n][at] for n, at in zip(AXES[8:], index[8:], strict=True))
        assert same(other.points(combination, batch, isl, osl, ALL), whole), f"point list, {isa}"
        for at in data.draw(st.lists(st.integers(0, plan.size - 1), min_size=1, max_size=5)):
            one = other.point(int(combination[at]), batch[at], isl[at], osl[at], ALL)
            assert same([one], [[column[at] for column in whole]]), f"point {at}, {isa}"


@settings(max_examples=40)
@given(
    sweeps(3000),
    st.sampled_from(ESTIMATES),
    st.integers(1, 4),
    st.sampled_from([*SUPPORTED, "auto"]),
    st.integers(1, 700),
)
def test_run_gives_the_same_bits_on_any_threads(
    axes: dict[str, Any], estimate: str, threads: int, isa: str, chunk: int
) -> None:
    sw = Sweep(**axes, estimate=estimate)
    whole = flat(sw.plan("generic"))
    with pytest.MonkeyPatch.context() as patch:  # ranges small enough that a small sweep has many
        patch.setattr(on_threads, "_LEAST_CHUNK", chunk)
        patch.setattr(on_threads, "_MOST_CHUNK", chunk)
        result = sw.run(ALL, threads=threads, isa=isa, progress=False)
    assert result.shape == tuple(len(axes[name]) for name in axes)
    for name, want in zip(ALL, whole, strict=True):
        assert result[name].shape == result.shape
        assert (bits(result[name]) == bits(in_users_order(sw, want))).all(), name


@settings(max_examples=30)
@given(sweeps(2000), st.data())
def test_axes_and_values_keep_the_users_order(axes: dict[str, Any], data: st.DataObject) -> None:
    """Whatever the order of axes, values unsorted or repeated: an index of the result is that point alone."""
    result = Sweep(**axes).run(["tpot_s", "ttft_s", "max_batch", "status"])
    assert result.dims == tuple(axes)
    for _ in range(4):
        index = tuple(data.draw(st.integers(0, n - 1)) for n in result.shape)
        alone = tr.point(**{name: axes[name][i] for name, i in zip(result.dims, index, strict=True)})
        for column in result.columns:
            assert bits(result[column][index]) == bits(alone[column]), column
        for name, i in zip(result.dims, index, strict=True):
            label = axes[name][i]
            assert result.coords[name][i] == getattr(label, "id", label)


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_a_run_of_many_ranges(threads: int) -> None:
    """Large enough that the pool really splits it, with nothing patched."""
    sw = Sweep(model=["mixtral-8x7b", "llama-3.1-8b"], hardware=["h100-sxm", "tpu-v5e"], precision=["fp8", "bf16"],
               tp=[1, 2, 8], pp=[1, 2], batch="1:700", isl="64:8192:x2", osl=[1, 200])  # fmt: skip
    columns = ["usd_per_mtok", "tpot_s_bound"]
    assert sw.size > 2 * on_threads._LEAST_CHUNK
    result = sw.run(columns, threads=threads)
    for name, want in zip(columns, sw.plan().store(0, sw.size, columns), strict=True):
        assert (bits(result[name]) == bits(in_users_order(sw, want))).all(), name


def test_out_is_filled_in_place() -> None:
    plan = Sweep(model="llama-2-7b", hardware="a100-80-sxm", batch=range(1, 40)).plan()
    out = [np.full(20, -1.0), np.full(20, -1.0)]
    returned = plan.store(5, 25, ["tpot_s", "ttft_s"], out)
    assert returned[0] is out[0] and returned[1] is out[1]
    assert same(out, plan.store(5, 25, ["tpot_s", "ttft_s"]))
    listed = [np.empty(3)]
    assert plan.points([0, 0, 0], [1, 2, 3], 1024, 256, ["tpot_s"], listed)[0] is listed[0]
    assert same(listed, plan.store(0, 3, ["tpot_s"]))


def test_an_empty_range_and_an_empty_list() -> None:
    plan = Sweep(model="llama-2-7b", hardware="a100-80-sxm", batch=range(1, 40)).plan()
    assert [len(column) for column in plan.store(7, 7, ["tpot_s", "mfu"])] == [0, 0]
    assert [len(column) for column in plan.points(np.empty(0, np.uint64), [], [], [], ["tpot_s"])] == [0]


def test_points_may_lie_off_the_axes_and_broadcast() -> None:
    plan = Sweep(model="llama-2-7b", hardware="a100-80-sxm", tp=[1, 2], batch=4, isl=100, osl=10).plan()
    tpot = plan.points([[0], [1]], [[1, 77, 300]], 1234, 567, ["tpot_s"])[0]
    assert tpot.shape == (6,)
    for at, (tp, batch) in enumerate((tp, batch) for tp in (1, 2) for batch in (1, 77, 300)):
        alone = tr.point("llama-2-7b", "a100-80-sxm", tp=tp, batch=batch, isl=1234, osl=567)
        assert bits(tpot[at]) == bits(alone.tpot_s)


def test_a_plan_can_be_run_by_many_threads_at_once() -> None:
    from concurrent.futures import ThreadPoolExecutor

    plan = Sweep(
        model=["mixtral-8x7b", "llama-2-7b"], hardware="h100-sxm", tp=[1, 2], batch="1:600", isl=[10, 20]
    ).plan()
    want = plan.store(0, plan.size, ["tokens_per_s"])[0]
    with ThreadPoolExecutor(4) as pool:
        for column in pool.map(lambda _: plan.store(0, plan.size, ["tokens_per_s"])[0], range(32)):
            assert (bits(column) == bits(want)).all()


def test_combinations_are_numbered_as_the_axes_say() -> None:
    sw = Sweep(
        model=["llama-2-7b", "mixtral-8x7b"],
        hardware=["h100-sxm", "b200-sxm"],
        precision=["fp8", "bf16"],
        tp=[2, 1],
        ep=[1, 2],
    )
    plan = sw.plan()
    got = plan.point(
        plan.combination(model="mixtral-8x7b", hardware="b200-sxm", precision="bf16", tp=2, ep=2),
        3,
        1024,
        256,
        ["tpot_s"],
    )
    assert got == [tr.point("mixtral-8x7b", "b200-sxm", precision="bf16", tp=2, ep=2, batch=3).tpot_s]
    assert plan.combination() == 0
