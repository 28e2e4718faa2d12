"""What a Dask cluster costs: the same search by threads of one process and by as many workers on loopback.

Two figures. The wall clocks of both, which other programs of the machine disturb; and the share of the workers' time
that was not spent in tasks, which they disturb less. ``python benchmarks/cluster_overhead.py --seconds 60``, alone.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, sys.path)])  # of the workers too

from tokenroof import Sweep  # noqa: E402

GRID: dict[str, Any] = {
    "model": "llama-3.1-70b",
    "hardware": ["h200-sxm", "b200-sxm", "mi300x", "mi325x"],
    "precision": ["bf16", "fp8"],
    "tp": [2, 4, 8],
    "batch": "1:1024",
    "isl": range(16, 16 * 640 + 1, 16),
}
SEARCH: dict[str, Any] = {"objective": "usd_per_mtok", "by": ["hardware"], "where": ["tpot_s <= 0.05"]}


def grid(osl: int) -> Sweep:
    return Sweep(**GRID, osl=range(1, osl + 1))


def timed(sweep: Sweep, **how: Any) -> tuple[float, list[dict[str, Any]]]:
    began = perf_counter()
    rows = sweep.best(**SEARCH, **how, progress=False).rows()
    return perf_counter() - began, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="that the search should take")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    from distributed import Client, LocalCluster, get_task_stream

    n = asked.workers
    timed(grid(8), threads=n)
    took, _ = timed(grid(64), threads=n)
    sweep = grid(max(int(64 * asked.seconds / took), 1))
    print(f"{sweep.size:.3g} points, {n} threads or {n} workers of one thread")
    cluster = LocalCluster(
        n_workers=n, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=":0"
    )  # the task stream is the dashboard's
    with cluster, Client(cluster) as client:
        timed(grid(8), executor=client)
        for _ in range(asked.rounds):
            local, want = timed(sweep, threads=n)
            with get_task_stream(client) as stream:
                far, rows = timed(sweep, executor=client)
            if rows != want:
                raise AssertionError("the cluster found something else")
            busy = sum(
                part["stop"] - part["start"]
                for task in stream.data
                for part in task["startstops"]
                if part["action"] == "compute"
            )
            idle = 1.0 - busy / (n * far)
            print(
                f"threads {local:.1f} s, cluster {far:.1f} s ({far / local - 1:+.1%}), {len(stream.data)} tasks, "
                f"workers outside tasks {idle:.1%} of the time"
            )


if __name__ == "__main__":
    main()
