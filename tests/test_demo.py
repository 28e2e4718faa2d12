"""The demo on a thinned grid: it runs from any folder, its numbers hang together, and its picture is one."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tokenroof as tr
from tokenroof.plot import cost_plot

DEMO = Path(__file__).parents[1] / "examples" / "gpt4_for_everyone.py"
PNG = b"\x89PNG\r\n\x1a\n"

pytest.importorskip("matplotlib")


def run(folder: Path, *options: str) -> str:
    command = [sys.executable, str(DEMO), *options, "--quick"]
    env = os.environ | {"PYTHONPATH": str(Path(tr.__file__).parents[1])}  # whether it is installed or not
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run(folder, "here", "--json"), parse_constant=lambda name: pytest.fail(name))
    return told


def test_files(found: dict[str, Any], folder: Path) -> None:
    assert (folder / "here" / "gpt4_for_everyone.png").read_bytes().startswith(PNG)
    assert len((folder / "here" / "gpt4_for_everyone.csv").read_text().splitlines()) == len(found["winners"]) + 1


def test_every_winner_holds_the_limits(found: dict[str, Any]) -> None:
    assert {row["model"] for row in found["cheapest"]} == {"gpt-4", "llama-3.1-405b", "deepseek-v3"}
    for row in found["cheapest"]:
        assert row["tpot_s"] <= 0.05
        assert row["ttft_s"] <= 2
        assert row["chips"] == row["tp"] * row["pp"] * row["dp"]
        assert row["model_status"] == ("rumoured" if row["model"] == "gpt-4" else "official")


def test_a_winner_is_the_point_that_the_library_computes(found: dict[str, Any]) -> None:
    row = found["cheapest"][0]
    axes = {name: row[name] for name in ("precision", "tp", "pp", "ep", "dp", "batch", "isl", "osl")}
    p = tr.point(row["model"], row["hardware"], **axes)
    assert p.ok
    assert (p.usd_per_mtok, p.tokens_per_s) == (row["usd_per_mtok"], row["tokens_per_s"])


def test_chips_follow_from_the_demand(found: dict[str, Any]) -> None:
    for row in found["cheapest"]:
        needed = 18e9 / 604_800 * row["osl"] / row["tokens_per_s"]
        assert row["fleet_chips_mean"] == math.ceil(needed) * row["chips"]
        assert row["fleet_chips_peak"] >= row["fleet_chips_mean"]


def test_chips_without_a_price_are_named(found: dict[str, Any]) -> None:
    chips = [tr.hardware(n) for n in tr.hardware_ids()]
    sold = [c for c in chips if c.status == "official" and c.kind != "burned-in"]
    assert found["unpriced"] == [c.id for c in sold if math.isnan(c.usd_per_hour)]
    assert not {row["hardware"] for row in found["winners"]} & set(found["unpriced"])


def test_the_claim_is_recomputed(found: dict[str, Any]) -> None:
    assert found["claim"]["chips_by_its_own_formula"] == pytest.approx(7.22e7, rel=1e-3)


def test_text_for_a_newcomer(folder: Path) -> None:
    text = run(folder)
    assert max(map(len, text.splitlines())) <= 120
    for word in ("gpt-4 (RUMOURED)", "points/s", "No price known", "Would it take 100 million chips?"):
        assert word in text
    assert (folder / "out" / "gpt4_for_everyone.png").exists()  # the folder where no other is given


def test_plot_refuses_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(tr.SpecError, match="rows"):
        cost_plot(
            [{"model": "m", "hardware": "h", "tokens_per_s_per_user": 1.0, "usd_per_mtok": math.nan}],
            tmp_path / "x.png",
        )
    assert not list(tmp_path.iterdir())
