"""A real Dask cluster: processes on loopback that talk through sockets, and one of them killed on the way."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from strategies import bits

import tokenroof as tr
from tokenroof.cli import main
from tokenroof.errors import Interrupted, SpecError, WorkerError
from tokenroof.execution import cluster, execute, executors
from tokenroof.plan import Plan
from tokenroof.sinks import Best, Sink

distributed = pytest.importorskip("distributed", reason="distributed is not installed: tokenroof[dask]")
# Warnings of the library's own about sockets and ports are not ours.
pytestmark = [
    pytest.mark.filterwarnings("default"),
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL"),
]

GRID: dict[str, Any] = {
    "model": ["llama-3.1-8b", "mixtral-8x7b"],
    "hardware": ["h100-sxm", "b200-sxm"],
    "tp": [1, 2, 3],
    "batch": "1:40",
    "isl": [512, 4096],
}
COLUMNS = ["tpot_s", "usd_per_mtok", "status"]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Two workers of one thread each, that the cluster replaces when they die."""
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(Path(tr.__file__).parent.parent), str(Path(__file__).parent), *filter(None, sys.path)]
    )
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
        ) as made,
        distributed.Client(made) as found,
    ):
        yield found


@pytest.fixture
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "_LEAST_TASK", 40)
    monkeypatch.setattr(executors, "_MOST_TASK", 40)


@pytest.mark.usefixtures("small_tasks")
def test_a_cluster_gives_the_same_bits(client: Any) -> None:
    sweep = tr.Sweep(**GRID, memory_fraction=0.8, estimate="bound")
    search: dict[str, Any] = {"by": ["model", "hardware"], "where": "tpot_s <= 0.02", "k": 4}
    found = sweep.best("usd_per_mtok", **search, executor=client)
    assert found.rows() == sweep.best("usd_per_mtok", **search).rows() and len(found) == 16
    stored, want = sweep.run(COLUMNS, executor=client), sweep.run(COLUMNS)
    assert all((bits(stored[name]) == bits(want[name])).all() for name in COLUMNS)


@pytest.mark.usefixtures("small_tasks")
def test_each_worker_makes_the_plan_once(client: Any) -> None:
    def made() -> Any:
        from tokenroof.execution.tasks import _plan

        return _plan.cache_info().misses

    before = client.run(made)
    tr.Sweep(**GRID | {"isl": [600, 700, 800]}).best("tpot_s", executor=client)
    after = client.run(made)
    assert {after[worker] - before[worker] for worker in after} <= {0, 1} and after != before


class Dying(Best):
    """Ranges that take a while; the worker that gets to the marked one dies, the first time."""

    def __init__(self, marker: Path, at: int, slow: float) -> None:
        super().__init__("usd_per_mtok", by=["hardware"], k=5)
        self.marker, self.at, self.slow = marker, at, slow

    def visit(self, plan: Plan, begin: int, end: int, state: Any) -> None:
        time.sleep(self.slow)
        if begin <= self.at < end and not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        super().visit(plan, begin, end, state)


@pytest.mark.usefixtures("small_tasks")
def test_a_worker_killed_on_the_way_changes_nothing(client: Any, tmp_path: Path) -> None:
    """With it go the pieces that it held and those of its merges that had not come home: others do them again."""
    plan = tr.Sweep(**GRID).plan()
    workers = set(client.run(os.getpid).values())
    want = plan.best(0, plan.size, plan.new_best("usd_per_mtok", by=["hardware"], k=5))
    total = execute(plan, Dying(tmp_path / "died", 500, 0.02), executor=client)
    assert (tmp_path / "died").exists()
    assert (total.point == want.point).all() and (bits(total.value) == bits(want.value)).all()
    client.wait_for_workers(2, timeout=60)
    assert set(client.run(os.getpid).values()) != workers


def test_files_written_by_workers_one_of_them_killed(client: Any, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    sweep = tr.Sweep(model="llama-3.1-8b", hardware="h100-sxm", batch="1:1000", isl="1:1000")
    columns: dict[str, Any] = {"columns": ["tpot_s"], "rows_per_file": 40_000}

    def kill_one() -> None:
        while not list(tmp_path.glob("killed/part*")):
            time.sleep(0.005)
        os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)

    killer = Thread(target=kill_one)
    killer.start()
    stored = sweep.to_parquet(tmp_path / "killed", **columns, executor=client)
    killer.join()
    assert stored.complete and len(stored.files) == 25
    sweep.to_parquet(tmp_path / "here", **columns)
    here = {file.name: file.read_bytes() for file in (tmp_path / "here").iterdir()}
    assert {name: (tmp_path / "killed" / name).read_bytes() for name in here} == here
    client.wait_for_workers(2, timeout=60)


def allow(count: int, dask_scheduler: Any = None) -> int:
    """Sets how many deaths the scheduler forgives one task; what it was."""
    before: int = dask_scheduler.allowed_failures
    dask_scheduler.allowed_failures = count
    return before


@contextmanager
def forgiving(client: Any, count: int) -> Iterator[None]:
    before = client.run_on_scheduler(allow, count)
    yield
    client.run_on_scheduler(allow, before)


class Poison(Sink[list[int]]):
    """A range that no worker survives."""

    what = "poison"

    def start(self, plan: Plan) -> list[int]:
        return []

    def visit(self, plan: Plan, begin: int, end: int, state: list[int]) -> None:
        if begin == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def merge(self, into: list[int], other: list[int]) -> None:
        into += other


def test_points_that_kill_every_worker_end_the_run(client: Any) -> None:
    with forgiving(client, 0), pytest.raises(WorkerError) as caught:
        execute(tr.Sweep(**GRID).plan(), Poison(), executor=client)
    assert "the cluster lost worker after worker over the same points" in str(caught.value)
    client.wait_for_workers(2, timeout=60)


class Interrupting(Dying):
    """Ranges that take a while; interrupts this process while it merges what has come home."""

    home = 0

    def merge(self, into: Any, other: Any) -> None:
        if os.getpid() == self.home:
            os.kill(self.home, signal.SIGINT)
        super().merge(into, other)


@pytest.mark.usefixtures("small_tasks")
def test_control_c_keeps_what_has_come_home(client: Any, tmp_path: Path) -> None:
    plan = tr.Sweep(**GRID).plan()
    sink = Interrupting(tmp_path / "stopped", -1, 0.01)
    sink.home = os.getpid()
    with pytest.raises(Interrupted) as caught:
        execute(plan, sink, executor=client)
    stop = caught.value
    assert 0 < stop.points < plan.size
    want = plan.new_best("usd_per_mtok", by=["hardware"], k=5)
    for begin, end in stop.done:
        plan.best(begin, end, want)
    assert (stop.partial.point == want.point).all(), "of the points that are said to be done, and no others"


def test_an_asynchronous_client_is_refused(client: Any) -> None:
    class Asynchronous(distributed.Client):  # type: ignore[misc,name-defined,unused-ignore]
        asynchronous = True

        def __init__(self) -> None:
            pass

        def __del__(self) -> None:
            pass

        def __repr__(self) -> str:
            return "<Asynchronous>"

    with pytest.raises(SpecError, match="a client with asynchronous=False"):
        tr.Sweep(**GRID).best("tpot_s", executor=Asynchronous())


def test_the_command_uses_a_cluster(client: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    grid = ["--model", "llama-3.1-8b", "--hardware", "h100-sxm,b200-sxm", "--batch", "1:50"]
    dask = ["--dask", client.scheduler.address]
    for command in (["best", "usd_per_mtok", *grid, "--by", "hardware"], ["sweep", *grid, "--columns", "tpot_s"]):
        told = []
        for more in ([], dask):
            assert main([*command, *more, "--json"]) == 0, capsys.readouterr().err
            told.append([line for line in capsys.readouterr().out.splitlines() if '"seconds"' not in line])
        assert told[0] == told[1]
    pytest.importorskip("pyarrow")
    assert main(["sweep", *grid, "--columns", "tpot_s", "--out", f"{tmp_path}/out/", *dask]) == 0
    assert tr.open_sweep(tmp_path / "out").complete


def test_no_scheduler_answers(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from tokenroof.cli import arguments

    monkeypatch.setattr(arguments, "_CONNECT_S", 0.3)
    grid = ["--model", "llama-3.1-8b", "--hardware", "h100-sxm"]
    for address in ("tcp://127.0.0.1:9", "nonsense://x"):
        assert main(["best", "tpot_s", *grid, "--dask", address]) == 2
        assert f"tokenroof: --dask {address}: no scheduler answers there" in capsys.readouterr().err


def test_slots_are_the_threads_of_all_workers(client: Any) -> None:
    assert cluster.slots(client) == 2
