"""The demo on a thinned grid: it runs from any folder, its numbers hang together, and its text says them."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import tokenroof as tr
from tokenroof.catalogue._toml import load_toml
from tokenroof.claims import audit
from tokenroof.plot import cost_plot

DEMO = Path(__file__).parents[1] / "examples" / "gpt4_for_everyone.py"
CSV = "gpt4_for_everyone.csv"
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


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return run(folder)


def test_files(found: dict[str, Any], folder: Path) -> None:
    here = folder / "here"
    assert [Path(name).name for name in found["files"]] == ["gpt4_for_everyone.png", "levers.png", CSV]
    assert all((folder / name).exists() for name in found["files"])
    for image in ("gpt4_for_everyone.png", "levers.png"):
        assert (here / image).read_bytes().startswith(PNG)
    assert len((here / CSV).read_text().splitlines()) == len(found["winners"]) + 1


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


# Screen one.


def systems(found: dict[str, Any], name: str) -> dict[str, Any]:
    row: dict[str, Any] = next(r for r in found["systems"]["rows"] if name in r["name"])
    return row


def test_six_systems(found: dict[str, Any]) -> None:
    names = [row["name"] for row in found["systems"]["rows"]]
    wanted = ("H100", "B200", "TPU v5p", "Cerebras", "Groq", "Burned-in")
    assert len(names) == 6 and all(part in name for part, name in zip(wanted, names, strict=True))
    assert [row["grade"] for row in found["systems"]["rows"]] == ["estimate"] * 5 + ["claim"]


@pytest.mark.parametrize("name", ["H100", "B200", "TPU v5p", "Cerebras"])
def test_a_system_is_a_point_of_the_library(found: dict[str, Any], name: str) -> None:
    row = systems(found, name)
    axes = {key: row[key] for key in ("precision", "tp", "pp", "ep", "dp", "batch")}
    p = tr.point("gpt-4", row["hardware"], **axes, isl=1024, osl=512)
    assert p.ok and p.tpot_s <= 0.05 and p.ttft_s <= 2
    assert (p.tokens_per_s, p.tpot_s, p.chips) == (row["tokens_per_s"], row["tpot_s"], row["chips"])


def test_a_copy_on_groq_needs_a_network_of_thousands(found: dict[str, Any]) -> None:
    row = systems(found, "Groq")
    assert row["chips"] * 230e6 > 1.8e12 / 2  # 4 bit a parameter at the very least
    assert 576 < row["chips"] <= 10440  # more than the catalogue's network joins, no more than the largest described


def test_demands_of_the_systems(found: dict[str, Any]) -> None:
    """Today's peak, the same of 7.88e9 people, and 7.88e9 x 5 % x 50 tokens/s."""
    peak = 18e9 / 604_800 * 512 * 1.5
    for row in found["systems"]["rows"]:
        assert row["tpot_s"] <= 0.05
        assert row["fleet_chips"] == math.ceil(peak / row["tokens_per_s"]) * row["chips"]
        assert row["everyone_chips"] == math.ceil(peak * 7.88e9 / 700e6 / row["tokens_per_s"]) * row["chips"]
        assert row["users_per_chip"] == pytest.approx(700e6 / row["fleet_chips"], rel=1e-12)
        assert row["reading_chips"] == math.ceil(19.7e9 / row["fast_tokens_per_s_per_chip"])
        assert row["fast_tokens_per_s_per_chip"] <= row["tokens_per_s_per_chip"]
        if row["watts_per_chip"] is not None:
            assert row["fleet_power_w"] == pytest.approx(row["fleet_chips"] * row["watts_per_chip"] * 1.3, rel=1e-9)
    assert systems(found, "TPU")["fleet_power_w"] is None  # nobody says what it draws


def test_the_burned_in_chip_is_scaled_by_its_makers_claims(found: dict[str, Any]) -> None:
    """8.83e6 parameters a square millimetre; a token leaves every 4 us; of three tokens one is an answer's."""
    row, made = systems(found, "Burned-in"), found["systems"]["burned_in"]
    assert made["area_mm2"] == pytest.approx(1.7969e12 / 8.828e6, rel=1e-3)
    assert row["chips"] == math.ceil(made["area_mm2"] / 827.08) == 247
    assert row["tokens_per_s_per_user"] == pytest.approx(1 / (120 * 24e-6), rel=1e-9)
    assert row["tokens_per_s"] == pytest.approx(249_960 / 3, rel=1e-3)
    assert row["batch"] == 720  # six a layer, as in the design
    low, high = made["masks_usd"]
    assert (low, high) == pytest.approx(((120 + 247 * 10) / 130 * 15e6, (120 + 247 * 10) / 130 * 30e6), rel=1e-9)
    assert row["usd_per_mtok"] is None and row["price"] == "-"


# Screen two.


def test_levers(found: dict[str, Any]) -> None:
    levers = found["levers"]
    assert [lever["name"] for lever in levers] == [
        "one user at a time",
        "batching",
        "quantisation",
        "mixture of experts",
        "speculation",
        "routing",
        "thinking first",
    ]
    assert [lever["factor"] < 1 for lever in levers[1:]] == [True] * 5 + [False]
    for before, lever in pairwise(levers):
        assert lever["factor"] == pytest.approx(lever["chips"] / before["chips"], rel=1e-12)
    for lever in levers:
        parts = zip(lever["replicas"], lever["rows"], strict=True)
        assert lever["chips"] == sum(n * row["chips"] for n, row in parts)
        assert all(row["tpot_s"] <= 0.05 and row["ttft_s"] <= 2 for row in lever["rows"])
    assert levers[0]["rows"][0]["batch"] == 1
    assert [len(lever["rows"]) for lever in levers] == [1] * 5 + [2] * 2
    assert {row["osl"] for row in levers[-1]["rows"]} == {512, 5120}  # the small model does not think


def test_what_levers_assume_is_what_was_computed(found: dict[str, Any]) -> None:
    said = {lever["name"]: (lever["assumed"], lever["rows"][0]) for lever in found["levers"]}
    assert "1.8 trillion" in said["one user at a time"][0]
    for name in ("batching", "quantisation", "mixture of experts", "speculation"):
        text, row = said[name]
        assert f"{row['batch']:,}" in text
    assert "275 billion" in said["mixture of experts"][0]
    assert "85%" in said["speculation"][0]
    assert "69%" in said["routing"][0]  # 1 - 0.3131: RouteLLM's share that keeps 80 %
    assert "4,608" in said["thinking first"][0]


def test_the_audit_is_the_librarys(found: dict[str, Any]) -> None:
    assert {(f["id"], f["verdict"]) for f in found["audit"]} == {(f.claim.id, f.verdict) for f in audit()}


# The text.


def test_two_screens_without_jargon(text: str) -> None:
    lines = text.splitlines()
    assert len(lines) <= 90
    assert max(map(len, lines)) <= 118
    assert not set(re.findall(r"\w+", text.lower())) & {
        "ttft",
        "tpot",
        "isl",
        "osl",
        "tp",
        "pp",
        "ep",
        "dp",
        "mtok",
        "pue",
    }
    for explained in ("A token is", "A replica is", "at once", "MW: ", "$: ", "Burned-in: a claim"):
        assert explained in text


def test_the_answer_comes_first(text: str, found: dict[str, Any]) -> None:
    head = " ".join(text.split("chips a  ")[0].split())
    assert head.startswith("Would it take 100 million chips to serve GPT-4 to everyone? No: ")
    row, levers = systems(found, "H100"), found["levers"]
    numbers = [f"{row[key]:,}" for key in ("fleet_chips", "everyone_chips")] + [f"{row['users_per_chip']:,.0f}"]
    numbers += [f"{row['reading_chips'] / 1e6:.3g} million", f"{levers[0]['chips'] / 1e6:.3g} million"]
    numbers += [f"{min(lever['chips'] for lever in levers):,}", f"{levers[-1]['chips']:,}"]
    assert [n for n in numbers if n not in head] == []
    assert len(re.findall(r"\.(?= |$)", head)) == 3  # sentences


def test_tables_say_what_the_json_says(text: str, found: dict[str, Any]) -> None:
    lines = text.splitlines()
    for row in found["systems"]["rows"]:
        line = next(line for line in lines if row["name"] in line and f"{row['chips']:,} " in line)
        for key in ("chips", "batch", "fleet_chips", "everyone_chips"):
            assert f" {row[key]:,}" in line
        price = "-" if row["usd_per_mtok"] is None else f"{row['usd_per_mtok']:.2f}"
        assert f" {price}{'*' if row['price'] == 'bought' else ''}" in line
        assert line.startswith("~" if row["grade"] == "claim" else "  ")
    bars = []
    for lever in found["levers"]:
        at = next(n for n, line in enumerate(lines) if line.startswith(f"  {lever['name']} "))
        assert f" {lever['chips']:,} " in lines[at]
        assert lines[at + 1].strip() == lever["assumed"]
        bars.append((lever["chips"], lines[at].count("█")))
    assert all(n == round(8 * math.log10(chips / 1e3)) for chips, n in bars)


def test_the_audits_table(text: str, found: dict[str, Any]) -> None:
    verdicts = [f["verdict"] for f in found["audit"]]
    counts = [str(verdicts.count(v)) for v in ("right", "underspecified", "overstated", "wrong")]
    last = [line.split() for line in text.splitlines() if line.startswith("  all ")]
    assert last == [["all", str(len(verdicts)), *counts]]
    told = [f for f in found["audit"] if f["says"][:60] in " ".join(text.split())]
    assert len(told) == 3 and all(f"{f['verdict'].upper()}:" in text for f in told)


def test_the_readme_shows_what_the_demo_says() -> None:
    """On the whole grid: the answer and the table of systems are in README.md to the letter."""
    code = (
        "import json, sys; from gpt4 import levers, screens, systems; spec = json.loads(sys.argv[1]);"
        "found = {'systems': systems.study(spec), 'levers': levers.study(spec)};"
        "print(screens.answer(found, spec), screens.fleet_screen(found, spec).split('\\n\\n')[0], sep='\\n\\n')"
    )
    paths = (Path(tr.__file__).parents[1], DEMO.parent)
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    spec = load_toml(DEMO.with_suffix(".toml"))
    command = [sys.executable, "-c", code, json.dumps(spec)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in (DEMO.parents[1] / "README.md").read_text(encoding="utf-8")


def test_all_adds_the_long_tables(folder: Path, text: str) -> None:
    more = run(folder, "--all")
    assert "more tables: --all" in text
    for word in ("gpt-4 (RUMOURED)", "No price known", "by precision", "by input length"):
        assert word in more and word not in text
    assert (folder / "out" / "levers.png").exists()  # the folder where no other is given


def test_plot_refuses_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(tr.SpecError, match="rows"):
        cost_plot(
            [{"model": "m", "hardware": "h", "tokens_per_s_per_user": 1.0, "usd_per_mtok": math.nan}],
            tmp_path / "x.png",
        )
    assert not list(tmp_path.iterdir())
