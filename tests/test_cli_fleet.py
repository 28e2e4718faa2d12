"""``tokenroof fleet``: what it prints is what the library says, and what it says when the input is wrong."""

from __future__ import annotations

import json

import pytest

import tokenroof as tr
from tokenroof.cli import main

SMALL = ["llama-3.1-8b", "h100-sxm", "--users", "1e6", "--requests", "10", "--chips", "4"]


def test_json_agrees_with_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    bare = ["--regions", "1", "--load", "1", "--availability", "0", "--host-watts", "0", "--pue", "1"]
    assert main(["fleet", *SMALL, *bare, "--json"]) == 0
    told = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(name))
    demand = tr.Demand(1e6, 70e6, 1024, 512, 1.5)
    f = tr.fleet("llama-3.1-8b", "h100-sxm", demand, precision=["fp8", "bf16"], chips=4)
    for name in ("chips", "power_w", "usd_per_user_month", "owned_usd_per_hour", "requests_in_flight"):
        assert told[name] == [pytest.approx(getattr(f, name), rel=1e-12)]
    assert told["demand"]["users"] == 1e6
    assert told["layouts"][0]["hardware"] == "h100-sxm"


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", *SMALL]) == 0
    text = capsys.readouterr().out
    assert text.startswith("llama-3.1-8b on h100-sxm: ")
    for word in ("in flight", "spare", "racks", "kWh a user", "a user and month", "fp8"):
        assert word in text
    assert max(map(len, text.splitlines())) <= 120


def test_several_chips(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", "llama-3.1-8b", "h100-sxm,tpu-v5p,b200-sxm", "--chips", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if line.split()[:1] and line.split()[0] in ("h100-sxm", "tpu-v5p", "b200-sxm")]
    assert [row.split()[0] for row in rows] == ["b200-sxm", "h100-sxm", "tpu-v5p"]  # fewest chips first
    assert "-" in rows[2].split()  # nobody says what a TPU v5p draws


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--users", "-1"], "users"),
        (["--chips", "1", "--tpot", "1e-6"], "no such layout"),
        (["--peak", "0.5"], "peak_to_mean"),
        (["--pue", "0.9"], "pue"),
        (["--regions", "0"], "regions"),
        (["--availability", "1"], "availability"),
    ],
)
def test_wrong_input(capsys: pytest.CaptureFixture[str], options: list[str], words: str) -> None:
    assert main(["fleet", *SMALL, *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and words in captured.err and "Traceback" not in captured.err
