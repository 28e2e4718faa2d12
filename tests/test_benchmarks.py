"""Every benchmark runs once, small, so that none rots; what it measures here means nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

#: Imports every suite and runs each benchmark with its first parameters, in a process that has the small sizes.
RUN_ALL = """
import importlib, inspect, itertools, pkgutil, sys
import benchmarks
for found in sorted(pkgutil.iter_modules(benchmarks.__path__), key=lambda m: m.name):
    if not found.name.startswith("bench_"):
        continue
    module = importlib.import_module("benchmarks." + found.name)
    for name, suite in inspect.getmembers(module, inspect.isclass):
        if suite.__module__ != module.__name__:
            continue
        params = getattr(suite, "params", [])
        nested = params if params and isinstance(params[0], (list, tuple)) else [params] if params else []
        first = tuple(axis[0] for axis in nested)
        for method in [m for m in dir(suite) if m.startswith(("time_", "track_", "peakmem_"))]:
            bench = suite()
            if hasattr(bench, "setup"):
                try:
                    bench.setup(*first)
                except NotImplementedError:
                    print("skip", found.name, name, method)
                    continue
            value = getattr(bench, method)(*first)
            assert not method.startswith("track_") or value > 0, (name, method, value)
            print("ran", found.name, name, method)
"""


def run_quick(*arguments: str) -> str:
    """Output of a Python process with the small inputs."""
    path = os.pathsep.join([str(ROOT), *(p for p in sys.path if p)])
    env = os.environ | {"TOKENROOF_BENCH_QUICK": "1", "PYTHONPATH": path}
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=env, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_benchmark_runs() -> None:
    lines = run_quick("-c", RUN_ALL).splitlines()
    ran = {tuple(line.split()[1:]) for line in lines if line.startswith("ran ")}
    suites = {path.stem for path in (ROOT / "benchmarks").glob("bench_*.py")}
    assert {line[0] for line in ran} == suites
    assert len(ran) >= 15


def test_ratios_as_json() -> None:
    found = json.loads(run_quick("benchmarks/ratios.py", "--quick", "--json"))
    names = [row["quantity"] for row in found["rows"]]
    assert len(names) == len(set(names)) and len(names) >= 10
    assert all(row["ours"] > 0 for row in found["rows"])
    assert {"cpu", "isa", "numpy"} <= found["machine"].keys()


@pytest.mark.parametrize("rate", [10000.0, 3.0, 0.1, 1e-7])
def test_largest_spt_is_the_last_that_holds(rate: float, monkeypatch: pytest.MonkeyPatch) -> None:
    import math

    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.baseline import largest_spt

    x = largest_spt(rate)
    assert 1.0 / x >= rate > 1.0 / math.nextafter(x, math.inf)
