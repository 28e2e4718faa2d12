"""How a sweep runs: ranges, threads, executors, Ctrl-C. None of it changes a bit of the answer."""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import bits

import tokenroof as tr
from tokenroof.errors import Interrupted, SpecError, WorkerError
from tokenroof.execution import Spans, execute, executors, finished
from tokenroof.execution import threads as on_threads
from tokenroof.execution.progress import progress_bar
from tokenroof.execution.ranges import Pace, Ranges
from tokenroof.execution.tasks import PackedPlan, gather, visit
from tokenroof.plan import Plan
from tokenroof.sinks import Best, Sink, Store

SMALL: dict[str, Any] = {
    "model": ["llama-3.1-8b", "mixtral-8x7b"],
    "hardware": ["h100-sxm", "b200-sxm"],
    "tp": [1, 2, 3],
    "batch": "1:40",
    "isl": [512, 4096],
}
COLUMNS = ["tpot_s", "usd_per_mtok", "status"]


def children() -> ProcessPoolExecutor:
    """Processes that start afresh, as on another machine: nothing is inherited."""
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))


# Sets of points.

spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda s: (s[0], s[0] + s[1])), max_size=12)


@given(spans, st.tuples(st.integers(0, 70), st.integers(0, 70)))
def test_spans_are_a_set_of_points(drawn: list[tuple[int, int]], within: tuple[int, int]) -> None:
    points = {p for begin, end in drawn for p in range(begin, end)}
    found = Spans(drawn)
    assert {p for begin, end in found for p in range(begin, end)} == points and found.points == len(points)
    flat = [edge for span in found for edge in span]
    assert flat == sorted(set(flat)), "disjoint, ascending, and none touches the next"
    gaps = {p for begin, end in found.missing(within) for p in range(begin, end)}
    assert gaps == set(range(*within)) - points


@given(st.integers(0, 3000), st.integers(1, 5), st.lists(st.floats(1e-9, 1e3), max_size=40), st.integers(1, 300))
def test_ranges_cover_every_point_once(size: int, workers: int, seconds: list[float], least: int) -> None:
    """Whatever ranges are said to have taken, and in whatever order they end."""
    ranges = Ranges([(0, size)], Pace(0.1, least, 700, workers))
    taken, waiting = [], iter([*seconds, *[0.1] * (size + 1)])
    while (span := ranges.take()) is not None:
        taken.append(span)
        ranges.learn(span[1] - span[0], next(waiting))
        assert span[1] - span[0] <= max(700, least)
    assert [p for begin, end in taken for p in range(begin, end)] == list(range(size))
    for span in reversed(taken):
        ranges.finish(span)
    assert list(ranges.done) == ([(0, size)] if size else [])


def test_ranges_find_the_length_that_takes_its_time() -> None:
    """Ten million points a second and a tenth of a second: a million points, from far below and from far above."""
    pace = Pace(0.1, 1, 1 << 40, 1)
    for start in (1, 1 << 30):
        pace.points = start
        for _ in range(12):
            length = pace.length(1 << 50)
            pace.learn(length, length / 1e7)
        assert 0.9e6 < pace.points < 1.1e6


def test_no_range_is_handed_out_after_the_stop() -> None:
    ranges = Ranges([(0, 100)], Pace(0.1, 10, 10, 1))
    assert ranges.take() == (0, 10)
    ranges.stop()
    assert ranges.take() is None


# Any partition, merged in any order, whole or by way of other processes.


@given(st.data())
def test_pieces_that_have_travelled_give_the_same_bits(data: st.DataObject) -> None:
    plan = tr.Sweep(**SMALL).plan()
    packed = PackedPlan.of(plan)
    sinks: list[Sink[Any]] = [Best("usd_per_mtok", by=["hardware", "tp"], k=3, where="tpot_s < 0.02"), Store(COLUMNS)]
    cuts = sorted(data.draw(st.lists(st.integers(0, plan.size), max_size=6)))
    parts = data.draw(st.permutations(list(zip([0, *cuts], [*cuts, plan.size], strict=True))))
    fan = data.draw(st.integers(1, 4))
    for sink in sinks:
        sink = pickle.loads(pickle.dumps(sink))
        pieces = [pickle.loads(pickle.dumps(visit(packed, sink, *part))) for part in parts]
        if not sink.shared:
            merged = [gather(packed, sink, pieces[i : i + fan]) for i in range(0, len(pieces), fan)]
            pieces = [pickle.loads(pickle.dumps(piece)) for piece in merged]
        assert sum(piece.points for piece in pieces) == plan.size
        total = sink.start(plan)
        for piece in pieces:
            sink.merge(total, piece.state)
        want = sink.start(plan)
        sink.visit(plan, 0, plan.size, want)
        for a, b in zip(arrays(total), arrays(want), strict=True):
            assert (a == b).all()


def arrays(state: Any) -> list[Any]:
    """The bits that a state holds."""
    return [bits(values) for values in state.columns.values()] if hasattr(state, "columns") else [
        bits(state.value), state.point
    ]  # fmt: skip


def test_a_sweep_and_its_plan_travel() -> None:
    sweep = tr.Sweep(**SMALL, estimate="bound", memory_fraction=0.8, offload="kv", calibration="published")
    again = pickle.loads(pickle.dumps(sweep))
    assert again.settings == sweep.settings and again.size == sweep.size
    want = sweep.run(COLUMNS)
    for found in (again.run(COLUMNS), pickle.loads(pickle.dumps(sweep)).run(COLUMNS)):
        assert all((bits(found[name]) == bits(want[name])).all() for name in COLUMNS)
    plan: Plan = pickle.loads(pickle.dumps(sweep.plan("generic")))
    assert plan.isa == "generic" and plan.size == sweep.size


def test_a_process_makes_a_plan_once() -> None:
    packed = PackedPlan.of(tr.Sweep(**SMALL).plan())
    assert pickle.loads(pickle.dumps(packed)).plan() is packed.plan()


def test_another_version_is_refused() -> None:
    packed = PackedPlan.of(tr.Sweep(**SMALL).plan())
    with pytest.raises(WorkerError, match="a worker has tokenroof .* and this sweep is of 0.0.0"):
        PackedPlan(packed.content, "other", "0.0.0").plan()


# Executors.


@pytest.mark.parametrize("pool", [lambda: ThreadPoolExecutor(2), children], ids=["threads", "processes"])
def test_an_executor_gives_the_same_bits(pool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "_LEAST_TASK", 100)
    monkeypatch.setattr(executors, "_MOST_TASK", 100)
    sweep = tr.Sweep(**SMALL)
    search: dict[str, Any] = {"by": ["model", "hardware"], "where": "tpot_s <= 0.02", "k": 4}
    with pool() as executor:
        found = sweep.best("usd_per_mtok", **search, executor=executor)
        stored = sweep.run(COLUMNS, executor=executor)
    assert found.rows() == sweep.best("usd_per_mtok", **search).rows() and len(found) == 16
    want = sweep.run(COLUMNS)
    assert all((bits(stored[name]) == bits(want[name])).all() for name in COLUMNS)


def die(*_: object) -> None:
    os._exit(1)


def test_a_pool_that_loses_a_worker_says_so() -> None:
    with children() as pool:
        assert pool.submit(die).exception() is not None
        with pytest.raises(WorkerError, match="a worker of the pool was killed.*make a new pool"):
            tr.Sweep(**SMALL).best("tpot_s", executor=pool)


class Refusing(Executor):
    """A pool whose tasks fail."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(ZeroDivisionError("from a worker"))
        return future


def test_what_a_worker_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError, match="from a worker"):
        tr.Sweep(**SMALL).best("tpot_s", executor=Refusing())


@pytest.mark.parametrize("wrong", ["dask", 4, object(), ThreadPoolExecutor])
def test_what_is_no_executor(wrong: Any) -> None:
    with pytest.raises(SpecError, match=r"executor = .*a concurrent.futures.Executor or a distributed.Client"):
        tr.Sweep(**SMALL).run("tpot_s", executor=wrong)


def test_threads_or_an_executor() -> None:
    with ThreadPoolExecutor(1) as pool, pytest.raises(SpecError, match="threads = 2: expected either"):
        tr.Sweep(**SMALL).best("tpot_s", executor=pool, threads=2)


# Breaking off.


class Slow(Sink[list[tuple[int, int]]]):
    """Ranges that it was shown; each takes a while. Interrupts the run, as Ctrl-C does, after some of them."""

    what = "slow"

    def __init__(self, after: int) -> None:
        self.after, self.seen = after, 0

    def start(self, plan: Plan) -> list[tuple[int, int]]:
        return []

    def visit(self, plan: Plan, begin: int, end: int, state: list[tuple[int, int]]) -> None:
        self.seen += 1
        if self.seen == self.after:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01 * (self.seen > self.after))
        state.append((begin, end))

    def merge(self, into: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
        into += other


@pytest.mark.parametrize("how", ["1 thread", "3 threads", "executor"])
def test_what_is_gathered_is_what_is_said_to_be_done(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, names in ((on_threads, ("_LEAST_CHUNK", "_MOST_CHUNK")), (executors, ("_LEAST_TASK", "_MOST_TASK"))):
        for name in names:
            monkeypatch.setattr(module, name, 3)
    plan = tr.Sweep(**SMALL).plan()
    with pytest.raises(Interrupted) as caught:
        if how == "executor":
            with ThreadPoolExecutor(2) as pool:
                execute(plan, Slow(9), executor=pool)
        else:
            execute(plan, Slow(9), threads=int(how[0]))
    stop = caught.value
    assert list(Spans(stop.partial)) == stop.done and 0 < stop.points < plan.size == stop.size
    assert sum(end - begin for begin, end in stop.partial) == stop.points, "no point twice"
    assert str(stop) == f"interrupted after {stop.points:,} of 960 points ({stop.points / 960:.1%})"


class StoreAndStop(Store):
    """Interrupts the run at its third range; those after it take long, so that the caller hears it on any machine."""

    seen = 0

    def visit(self, plan: Plan, begin: int, end: int, state: Any) -> None:
        self.seen += 1
        if self.seen == 3:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2 * (self.seen > 2))
        super().visit(plan, begin, end, state)


def test_a_stored_result_that_was_broken_off_has_nan_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_LEAST_CHUNK", "_MOST_CHUNK"):
        monkeypatch.setattr(on_threads, name, 40)
    plan = tr.Sweep(**SMALL).plan()
    with pytest.raises(Interrupted) as caught:
        finished(plan, StoreAndStop("usd_per_mtok"), lambda state: state.columns["usd_per_mtok"], threads=1)
    found, (want,) = caught.value.partial, plan.store(0, plan.size, ["usd_per_mtok"])
    ((begin, end),) = caught.value.done
    assert begin == 0 and 120 <= end < plan.size
    assert (bits(found[:end]) == bits(want[:end])).all() and np.isnan(found[end:]).all()


LONG = """
import json, sys, time
import tokenroof as tr
sweep = tr.Sweep(model=["llama-3.1-8b"], hardware=["h100-sxm", "b200-sxm"], precision=["bf16", "fp8"], tp=[1, 2, 4, 8],
                 batch="1:512", isl="1:20000", osl="1:10000")
print("ready", sweep.size, flush=True)
try:
    sweep.best("usd_per_mtok", by="hardware", threads=THREADS, progress=False)
except tr.Interrupted as stop:
    print(json.dumps({"points": stop.points, "rows": len(stop.partial), "ranges": len(stop.done)}))
else:
    print("null")
"""
GENEROUS_S = 10.0  # a second is meant; machines that run other things too take longer


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(tr.__file__).parent.parent), *filter(None, sys.path)])}


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT to another process")
@pytest.mark.parametrize("threads", [1, 2])
def test_control_c_ends_a_long_run_within_a_second(threads: int) -> None:
    """1.6e12 points: minutes on any machine."""
    code = LONG.replace("THREADS", str(threads))
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline().split() == ["ready", "1638400000000"]
        time.sleep(1.0)
        child.send_signal(signal.SIGINT)
        sent = time.monotonic()
        out, err = child.communicate(timeout=60)
        took = time.monotonic() - sent
    told = json.loads(out)
    assert told is not None, "it was over before it was interrupted"
    assert 0 < told["points"] < 1_638_400_000_000 and told["rows"] in (1, 2), err
    assert took < GENEROUS_S


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT to another process")
def test_control_c_on_the_command_line_prints_what_is_done() -> None:
    grid = ["--model", "llama-3.1-8b", "--hardware", "h100-sxm", "--tp", "1:8:x2", "--batch", "1:512"]
    grid += ["--isl", "1:50000", "--osl", "1:20000"]
    command = [sys.executable, "-m", "tokenroof", "best", "usd_per_mtok", *grid, "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as child:
        time.sleep(3.0)  # imports, too
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    told = json.loads(out)
    assert 0 < told["points_done"] < told["points"] == 2_048_000_000_000 and len(told["rows"]) == 1
    assert f"tokenroof: interrupted after {told['points_done']:,} of 2,048,000,000,000 points" in err


# Progress.


def test_progress_has_rate_and_time_left(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes the captured stream for a terminal
    monkeypatch.setenv("COLUMNS", "120")
    with progress_bar(10**9, True, "best") as show:
        show(10**8)
        time.sleep(0.3)
        show(3 * 10**8)
        time.sleep(0.3)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
    assert re.search(r"best .* 30% 0\.\d\d G points/s \d:\d\d:\d\d", shown), shown
