"""Sinks against brute force on stored columns: fronts, histograms, counts, quantiles, reducers, float32."""

from __future__ import annotations

import ctypes
import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SUPPORTED, bits
from test_best import ALL, COMPARE, searches

import tokenroof as tr
from tokenroof._native import AXES, STATUSES, Groups, Select
from tokenroof.errors import NativeError, SpecError, UnknownNameError
from tokenroof.execution import threads as on_threads
from tokenroof.plan import LARGER_IS_BETTER, Plan
from tokenroof.sinks import Best, Count, Histogram, Pareto, Ranks, Reduce, Sink
from tokenroof.sweep import Sweep

#: Objectives of fronts: fused ones, those of a whole row, and any.
GOOD = [
    "tokens_per_s_per_user",
    "tokens_per_s_per_chip",
    "tpot_s",
    "usd_per_mtok",
    "ttft_s",
    "chips",
    "joules_per_token",
]


class World:
    """A drawn sweep with every column of every point, and which points a drawn rule lets count."""

    def __init__(self, drawn: tuple[dict[str, Any], dict[str, Any]], isa: str) -> None:
        axes, rule = drawn
        self.by, self.fits, self.estimate = rule["by"], rule["fits"], rule["estimate"]
        self.where = [f"{column} {op} {limit!r}" for column, op, limit in rule["where"]]
        self.sweep = Sweep(**axes, estimate=self.estimate)
        self.plan = self.sweep.plan(isa)
        self.columns = dict(zip(ALL, self.plan.store(0, self.plan.size, ALL), strict=True))
        status = self.columns["status"]
        self.counts = status == 0 if self.fits else status <= 1
        for column, op, limit in rule["where"]:
            self.counts = self.counts & COMPARE[op](self.columns[column], limit)
        index = np.unravel_index(np.arange(self.plan.size), self.plan.axes.shape)
        grouped = [a for a in range(len(AXES)) if AXES[a] in self.by]
        lengths = [self.plan.axes.shape[a] for a in grouped]
        self.shape = tuple(lengths)
        self.groups = math.prod(lengths)
        at = [index[a] for a in grouped]
        self.group = np.ravel_multi_index(at, lengths) if grouped else np.zeros(self.plan.size, np.int64)

    @property
    def rule(self) -> dict[str, Any]:
        return {"by": self.by, "where": self.where, "fits": self.fits}

    def ways(self, sink: Sink[Any], data: st.DataObject) -> list[Any]:
        """States of all points: at once; in parts, out of order, by one; merged as a tree, some of them unpickled."""
        plan = self.plan
        cuts = sorted(data.draw(st.lists(st.integers(0, plan.size), max_size=4)))
        ranges = data.draw(st.permutations(list(zip([0, *cuts], [*cuts, plan.size], strict=True))))
        whole, one, parts = sink.start(plan), sink.start(plan), []
        sink.visit(plan, 0, plan.size, whole)
        for begin, end in ranges:
            sink.visit(plan, begin, end, one)
            part = sink.start(plan)
            sink.visit(plan, begin, end, part)
            parts.append(pickle.loads(pickle.dumps(part)) if data.draw(st.booleans()) else part)
        while len(parts) > 1:
            into, other = (parts.pop(data.draw(st.integers(0, len(parts) - 1))) for _ in range(2))
            sink.merge(into, other)
            parts.append(into)
        return [whole, one, parts[0]]


def worlds() -> st.SearchStrategy[World]:
    return st.builds(World, searches(), st.sampled_from(SUPPORTED))


def front(world: World, objectives: list[tuple[str, bool]]) -> list[tuple[int, int]]:
    """(group, point) by the definition: sorted by keys, then all that an earlier one equals or betters left out."""
    keys = np.stack([-world.columns[c] if larger else world.columns[c] for c, larger in objectives], axis=1)
    counts = world.counts & np.isfinite(keys).all(axis=1)
    found = []
    for g in range(world.groups):
        members = np.flatnonzero(counts & (world.group == g))
        members = members[np.lexsort((members, *keys[members].T[::-1]))]
        kept = np.empty((0, len(objectives)))
        for point in members:  # what betters a point has keys that sort before its own
            if not (kept <= keys[point]).all(axis=1).any():
                kept = np.vstack([kept, keys[point]])
                found.append((g, int(point)))
    return found


@settings(max_examples=30)
@given(worlds(), st.lists(st.sampled_from(GOOD), min_size=2, max_size=4, unique=True), st.data())
def test_fronts_are_what_brute_force_finds(world: World, names: list[str], data: st.DataObject) -> None:
    names = data.draw(st.sampled_from([names, [*names[:-1], data.draw(st.sampled_from(ALL))]]))
    names = list(dict.fromkeys(names))
    if len(names) < 2:
        names.append("max_batch" if names[0] != "max_batch" else "tpot_s")
    larger = [data.draw(st.sampled_from([n in LARGER_IS_BETTER] * 3 + [True, False])) for n in names]
    up, down = ([n for n, more in zip(names, larger, strict=True) if more is way] for way in (True, False))
    sink = Pareto(maximize=up, minimize=down, **world.rule)
    want = front(world, sink.objectives)
    for state in world.ways(sink, data):
        group, point, value = state.read()
        assert list(zip(group.tolist(), point.tolist(), strict=True)) == want
        for i, (name, _) in enumerate(sink.objectives):
            assert (bits(value[:, i]) == bits(world.columns[name][point.astype(np.int64)])).all()


def edges_of(data: st.DataObject, values: Any) -> list[float]:
    """Edges among the values that occur and beside them."""
    known = values[np.isfinite(values)]
    drawn = [data.draw(st.floats(-1.0, 1e6))] if not len(known) else known[:: max(len(known) // 40, 1)].tolist()
    picked = data.draw(st.lists(st.sampled_from(drawn), min_size=1, max_size=30))
    picked += [math.nextafter(picked[0], 0.0), picked[0] + 1.0]
    return sorted(set(picked))


@settings(max_examples=30)
@given(worlds(), st.lists(st.sampled_from(ALL), min_size=1, max_size=2), st.data())
def test_histograms_are_numpys(world: World, names: list[str], data: st.DataObject) -> None:
    edges = [edges_of(data, world.columns[name]) for name in names]
    one = len(names) == 1
    sink = Histogram(names[0] if one else names, edges[0] if one else edges, **world.rule)
    states = world.ways(sink, data)
    for state in states:
        for g in range(world.groups):
            members = world.group == g
            values = [world.columns[name][members & world.counts] for name in names]
            inside = np.histogramdd(np.stack(values, axis=1)[~np.isnan(values).any(axis=0)], edges)[0]
            middle = state.counts[(g, *(slice(1, -2) for _ in names))]
            assert (middle == inside).all()
            assert state.counts[g].sum() == len(values[0]) and state.left_out[g] == members.sum() - len(values[0])
            if one:
                below, above, none = state.counts[g][[0, -2, -1]].tolist()
                x = values[0]
                assert (below, above) == ((x < edges[0][0]).sum(), (x > edges[0][-1]).sum())
                assert none == np.isnan(x).sum()
        assert (state.counts == states[0].counts).all()


@settings(max_examples=30)
@given(worlds(), st.data())
def test_counts_are_counts(world: World, data: st.DataObject) -> None:
    for state in world.ways(Count(**world.rule), data):
        for g in range(world.groups):
            members = world.group == g
            assert state.within[g] == (members & world.counts).sum()
            assert (
                state.status[g].tolist()
                == np.bincount(world.columns["status"][members].astype(int), minlength=32).tolist()
            )


@settings(max_examples=20)
@given(
    worlds(),
    st.sampled_from([*GOOD, "max_batch", "bottleneck", "mfu"]),
    st.lists(st.one_of(st.floats(0.0, 1.0), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=4),
    st.sampled_from(["linear", "lower", "higher"]),
    st.integers(1, 3),
)
def test_quantiles_are_numpys_bit_for_bit(world: World, column: str, q: list[float], method: Any, threads: int) -> None:
    table = world.sweep.quantiles(column, q, method=method, threads=threads, isa=world.plan.isa, **world.rule)
    got = table[column].astype(float).reshape(world.groups, len(q))
    for g in range(world.groups):
        values = world.columns[column][(world.group == g) & world.counts]
        values = values[~np.isnan(values)]
        want = np.quantile(values, q, method=method) if len(values) else np.full(len(q), np.nan)
        assert (bits(got[g]) == bits(want)).all()
        assert table["points"].reshape(world.groups, len(q))[g].tolist() == [len(values)] * len(q)


@settings(max_examples=30)
@given(worlds(), st.data())
def test_passes_for_quantiles_can_be_split(world: World, data: st.DataObject) -> None:
    sink = Ranks(data.draw(st.sampled_from(ALL)), 52, 12, **world.rule)
    states = world.ways(sink, data)
    assert all((s.counts == states[0].counts).all() for s in states)


@ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_size_t,
    ctypes.c_size_t,
    ctypes.POINTER(ctypes.c_double),
    ctypes.POINTER(ctypes.c_uint64),
    ctypes.POINTER(ctypes.c_uint64),
    ctypes.POINTER(ctypes.c_uint64),
)
def numbers(n: int, stride: int, columns: Any, points: Any, groups: Any, state: Any) -> int:
    """How many points it saw, the sum of their numbers, and a digest of their columns and groups."""
    values = np.ctypeslib.as_array(columns, (2 * stride,)).reshape(2, stride)[:, :n]
    point = np.ctypeslib.as_array(points, (n,))
    state[0] += n
    state[1] += int(point.sum())
    digest = (values.copy().view(np.uint64) % np.uint64(1009)).sum(axis=0) * (
        np.ctypeslib.as_array(groups, (n,)) + np.uint64(1)
    )
    state[2] += int((digest % np.uint64(10007)).sum())
    return 0


def add(into: Any, other: Any) -> None:
    into += other


@settings(max_examples=20)
@given(worlds(), st.data())
def test_reducers_see_every_point_that_counts_once(world: World, data: st.DataObject) -> None:
    names = ["tpot_s", data.draw(st.sampled_from(["chips", "usd_per_mtok", "ttft_s"]))]
    sink = Reduce(names, numbers, state=np.zeros(3, np.uint64), merge=add, **world.rule)
    at = np.flatnonzero(world.counts)
    values = np.stack([world.columns[name][at] for name in names])
    digest = (values.view(np.uint64) % np.uint64(1009)).sum(axis=0) * (world.group[at] + 1).astype(np.uint64)
    want = [len(at), int(at.sum()), int((digest % np.uint64(10007)).sum())]
    for state in world.ways(sink, data):
        assert state.data.tolist() == want


@settings(max_examples=30)
@given(worlds(), st.integers(1, 4), st.integers(50, 5000))
def test_threads_and_chunks_change_nothing(world: World, threads: int, chunk: int) -> None:
    sw, how = world.sweep, {"threads": threads, "progress": False}
    ask = {"maximize": ["tokens_per_s_per_user", "tokens_per_s_per_chip"], **world.rule, "columns": ["chips"]}
    edges = [0.0, 0.005, 0.01, 0.02]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(on_threads, "_LEAST_CHUNK", chunk)
        patch.setattr(on_threads, "_MOST_CHUNK", chunk)
        front, counts = sw.pareto(**ask, **how), sw.count(**world.rule, **how)
        binned, half = (
            sw.histogram("tpot_s", edges, **world.rule, **how),
            sw.quantiles("ttft_s", 0.5, **world.rule, **how),
        )
        narrow = sw.run("tpot_s", dtype="float32", **how)["tpot_s"]
    assert front.rows() == sw.pareto(**ask, threads=1).rows()
    assert counts.rows() == sw.count(**world.rule, threads=1).rows()
    assert (binned.counts == sw.histogram("tpot_s", edges, **world.rule, threads=1).counts).all()
    assert binned.counts.shape == (*world.shape, 3)
    assert half["points"].sum() <= sw.size and narrow.dtype == np.float32
    assert np.array_equal(narrow, sw.run("tpot_s")["tpot_s"].astype(np.float32), equal_nan=True)


def test_groups_of_any_parts_of_an_axis() -> None:
    """What fields and zipped axes need: indices that share a group."""
    sw = Sweep(model="llama-3.1-8b", hardware=["h100-sxm", "l4", "a100-80-sxm"], tp=[1, 2], batch=range(1, 40))
    plan = sw.plan()
    maker = Groups(2, {"hardware": np.array([0, 1, 0], np.uint64)})
    state = plan.new_best("usd_per_mtok")
    two = type(state)(Select(), maker, "usd_per_mtok", False, 1)
    two.visit(plan.native, 0, plan.size)
    whole = [sw.best("usd_per_mtok", by="hardware")["usd_per_mtok"][i] for i in range(3)]
    assert two.value.tolist() == [min(whole[0], whole[2]), whole[1]]
    wrong = type(state)(Select(), Groups(2, {"hardware": np.array([0, 1], np.uint64)}), "usd_per_mtok", False, 1)
    with pytest.raises(SpecError, match="one number for each of 3 values"):
        wrong.visit(plan.native, 0, plan.size)


def test_a_front_of_equal_points_is_the_first_of_them() -> None:
    sw = Sweep(model="llama-3.1-8b", hardware="h100-sxm", isl=[500, 500], batch=[7] * 600)
    sink = Pareto(maximize="tokens_per_s_per_user", minimize="usd_per_mtok")
    state = sink.start(sw.plan())
    for begin in range(1190, -1, -10):
        sink.visit(sw.plan(), begin, begin + 10, state)
    assert state.read()[1].tolist() == [0]


def test_the_table_of_a_front() -> None:
    sw = Sweep(model=["llama-3.1-8b", "llama-2-7b"], hardware="h100-sxm", tp=[1, 2, 4], batch="1:256")
    table = sw.pareto(maximize=["tokens_per_s_per_user"], minimize=["usd_per_mtok"], by="model", columns=["chips"])
    assert table.columns == ["model", "hardware", "tp", "batch", "tokens_per_s_per_user", "usd_per_mtok", "chips"]
    for name in ("llama-3.1-8b", "llama-2-7b"):
        rows = [r for r in table if r["model"] == name]
        speed, price = [r["tokens_per_s_per_user"] for r in rows], [r["usd_per_mtok"] for r in rows]
        assert len(rows) > 10 and speed == sorted(speed, reverse=True) and price == sorted(price, reverse=True)
    best = sw.best("usd_per_mtok", by="model")["usd_per_mtok"].tolist()
    assert [min(r["usd_per_mtok"] for r in table if r["model"] == m) for m in sw.axes.labels("model")] == best


def test_the_table_of_a_histogram() -> None:
    unpriced = replace(tr.hardware("h100-sxm"), id="unpriced", usd_per_hour=math.nan)
    sw = Sweep(model="llama-3.1-8b", hardware=["h100-sxm", unpriced], batch=range(1, 101))
    h = sw.histogram("usd_per_mtok", [0.2, 0.5, 1.0], by="hardware", fits=False)
    assert h.counts.shape == (2, 2) and h.cells.shape == (2, 5) and h.cells[1].tolist() == [0, 0, 0, 0, 100]
    assert h.left_out.tolist() == [0, 0] and h["points"].sum() == 200
    assert h.columns == ["hardware", "usd_per_mtok_from", "usd_per_mtok_to", "points"]
    assert h.rows()[0]["usd_per_mtok_to"] <= 1.0 and len(h) == 5


def test_the_table_of_a_count() -> None:
    sw = Sweep(model="llama-3.1-405b", hardware=["h100-sxm", "l4"], tp=[8, 3], batch=[1, 2], precision="fp8")
    table = sw.count(by=["hardware"], where="tpot_s < 1")
    assert [(r["hardware"], r["points"], r["ok"], r["heads"]) for r in table] == [
        ("h100-sxm", 4, 2, 2),
        ("l4", 4, 0, 2),
    ]
    assert table["share"].tolist() == [0.5, 0.0] and set(STATUSES) < set(table.columns)


def test_a_state_that_is_not_picked_up_again_is_freed_with_its_front() -> None:
    sink = Pareto(maximize=["tokens_per_s", "tokens_per_s_per_user"])
    plan = Sweep(model="llama-3.1-8b", hardware="h100-sxm", batch="1:512").plan()
    for _ in range(50):
        state = sink.start(plan)
        sink.visit(plan, 0, plan.size, state)
        assert len(pickle.loads(pickle.dumps(state))) == len(state) > 10


def sweep() -> Sweep:
    return Sweep(model="llama-3.1-8b", hardware="h100-sxm", batch=range(1, 30))


NO_FUNCTION: Any = object()
REFUSED: list[tuple[Any, str]] = [
    (lambda s: s.pareto(maximize="tpot_s"), "objectives"),
    (lambda s: s.pareto(), "objectives"),
    (lambda s: s.pareto(maximize=["tpot_s"], minimize=["tpot_s"]), "objectives"),
    (lambda s: s.pareto(maximize=ALL[:5]), "objectives"),
    (lambda s: s.histogram("tpot_s", [1.0]), "edges"),
    (lambda s: s.histogram("tpot_s", [1.0, 1.0]), "edges"),
    (lambda s: s.histogram("tpot_s", [2.0, 1.0]), "edges"),
    (lambda s: s.histogram("tpot_s", [0.0, math.nan]), "edges"),
    (lambda s: s.histogram("tpot_s", "ab"), "edges"),
    (lambda s: s.histogram("tpot_s", [[0.0, 1.0]]), "edges"),
    (lambda s: s.histogram(["tpot_s", "ttft_s"], [[0.0, 1.0]]), "edges"),
    (lambda s: s.histogram(["tpot_s"] * 3, [[0.0, 1.0]] * 3), "columns"),
    (lambda s: s.quantiles("tpot_s", [1.1]), "q"),
    (lambda s: s.quantiles("tpot_s", []), "q"),
    (lambda s: s.quantiles("tpot_s", "median"), "q"),
    (lambda s: s.quantiles("tpot_s", math.nan), "q"),
    (lambda s: s.quantiles("tpot_s", 0.5, method="median"), "method"),
    (lambda s: s.run("tpot_s", dtype="int8"), "dtype"),
    (lambda s: s.run("tpot_s", dtype="fast"), "dtype"),
    (lambda s: s.count(by=7), "by"),
    (lambda s: s.count(where="tpot_s"), "where"),
    (lambda s: s.count(threads=0), "threads"),
    (lambda s: s.reduce("tpot_s", NO_FUNCTION, state=np.zeros(1), merge=add), "function"),
    (lambda s: s.reduce("tpot_s", 0, state=np.zeros(1), merge=add), "function"),
    (lambda s: s.reduce("tpot_s", numbers, state=[0], merge=add), "state"),
    (lambda s: s.reduce("tpot_s", numbers, state=np.array([None]), merge=add), "state"),
    (lambda s: s.reduce("tpot_s", numbers, state=np.zeros(3), merge=None), "merge"),
]


@pytest.mark.parametrize(("call", "field"), REFUSED, ids=range(len(REFUSED)))
def test_wrong_calls_name_the_field(call: Any, field: str) -> None:
    with pytest.raises(SpecError) as found:
        call(sweep())
    assert found.value.field == field and "expected" in str(found.value)


def test_unknown_names_are_refused() -> None:
    for call in (
        lambda s: s.pareto(maximize=["tpot", "ttft_s"]),
        lambda s: s.histogram("tpot", [0.0, 1.0]),
        lambda s: s.quantiles("tpot", 0.5),
        lambda s: s.count(by="chip"),
        lambda s: s.pareto(maximize=["tpot_s", "ttft_s"], columns=["cost"]),
    ):
        with pytest.raises(UnknownNameError):
            call(sweep())


def test_a_reducer_that_stops_ends_the_run() -> None:
    @ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_size_t] * 2, *[ctypes.c_void_p] * 4)
    def stop(*_: Any) -> int:
        return 1

    with pytest.raises(NativeError, match="returned other than 0") as found:
        sweep().reduce("tpot_s", stop, state=np.zeros(1), merge=add)
    assert found.value.code == -205


def test_every_sink_says_what_it_does() -> None:
    sinks = [
        Best("tpot_s"),
        Count(),
        Histogram("tpot_s", [0.0, 1.0]),
        Pareto(maximize=["tokens_per_s", "chips"]),
        Ranks("tpot_s", 48, 16),
    ]
    for sink in sinks:
        assert sink.what and pickle.loads(pickle.dumps(sink)).what == sink.what
        state = sink.start(Plan(sweep().axes))
        assert type(pickle.loads(pickle.dumps(state))) is type(state)


def test_expressions_fields_and_zips_in_every_sink() -> None:
    """Columns of the caller's as objectives and limits; groups by parts of the core's axes."""
    axes: dict[str, Any] = {"hardware.memory_bandwidth": ["x1", "x2"], "isl": [512, 4096], "osl": [64, 512]}
    sw = Sweep(model="llama-3.1-8b", hardware=["h100-sxm", "l4"], batch="1:64", zip=[("isl", "osl")], **axes)
    sum_, limit = "usd_per_mtok + 10 * tpot_s", "ttft_s < 40 * tpot_s or batch == 1"
    stored = sw.run([sum_, "tpot_s", "ttft_s", "status", limit])
    counts = ((stored["status"] == 0) & (stored[limit] == 1)).transpose([stored.dims.index(d) for d in sw.axes.dims])
    assert 0 < counts.sum() < sw.size
    axis = [i for i, d in enumerate(sw.axes.dims) if d != "hardware.memory_bandwidth"]
    by: dict[str, Any] = {"by": ["hardware.memory_bandwidth"], "where": limit}
    assert sw.count(**by)["within"].tolist() == counts.sum(axis=tuple(axis)).tolist()
    edges = [0.0, 0.5, 1.0, 2.0]
    binned = sw.histogram(sum_, edges, **by)
    middle = np.quantile(stored[sum_][counts], 0.5)
    assert sw.quantiles(sum_, 0.5, where=limit)[sum_].tolist() == [middle]
    for g in range(2):
        held = counts.take(g, axis=sw.axes.dims.index("hardware.memory_bandwidth"))
        values = stored[sum_].take(g, axis=sw.axes.dims.index("hardware.memory_bandwidth"))[held]
        assert binned.counts[g].tolist() == np.histogram(values, edges)[0].tolist()
    zips = sw.count(by="isl")
    assert zips["isl"].tolist() == [512, 4096] and zips["osl"].tolist() == [64, 512]
    front = sw.pareto(minimize=[sum_, "ttft_s"], where=limit, columns=["chips"])
    assert front[sum_].tolist()[0] == stored[sum_][counts].min() == sw.best(sum_, where=limit)[sum_][0]
    assert (np.diff(front[sum_]) > 0).all() and (np.diff(front["ttft_s"]) < 0).all()
    rows = sw.best("usd_per_mtok", method="bound", by="isl", k=3).rows()
    assert rows == sw.best("usd_per_mtok", by="isl", k=3).rows()
    state = pickle.loads(pickle.dumps(Pareto(minimize=[sum_, "ttft_s"]).start(sw.plan())))
    state.visit(sw.plan().native_with(state.asked), 0, sw.size)
    assert len(state) == len(sw.pareto(minimize=[sum_, "ttft_s"]))
