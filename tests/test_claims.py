"""The audit: each verdict follows from the computed numbers, and the page says what the numbers say."""

import json
from pathlib import Path

import pytest

from tokenroof.claims import Claim, audit, load_claims, page
from tokenroof.claims.audit import VERDICTS, Document, judge, unused
from tokenroof.claims.expressions import evaluate
from tokenroof.cli import main
from tokenroof.errors import SpecError, UnknownNameError

PAGE = Path(__file__).parent.parent / "docs" / "claims.md"
CLAIMS = load_claims()
TEXT = Document("X", "a text", "A text.")


@pytest.fixture(scope="module")
def findings():
    return {found.claim.id: found for found in audit()}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_the_verdict_follows_from_the_numbers(claim, findings):
    found = findings[claim.id]
    assert found.verdict == claim.verdict
    assert found.because
    assert "{" not in found.because
    assert not unused(claim)


def test_ids_are_unique_and_name_their_document():
    ids = [claim.id for claim in CLAIMS]
    assert len(set(ids)) == len(ids)
    assert all(claim.id.startswith(claim.document.id + "-") for claim in CLAIMS)


def test_the_page_in_the_docs_is_what_the_audit_writes(findings):
    assert PAGE.read_text(encoding="utf-8") == page(findings.values()), "tokenroof claims --write docs/claims.md"


@pytest.mark.parametrize(
    ("inputs", "statement", "weaker", "verdict"),
    [
        ({"x": [1, 2]}, "x >= 1", "", "right"),
        ({"x": [1, 2]}, "x >= 2", "", "underspecified"),
        ({"x": [1, 2]}, "x >= 3", "", "wrong"),
        ({"x": [1, 2]}, "x >= 3", "x >= 1", "overstated"),
        ({"x": [1, 2]}, "x >= 3", "x >= 2", "wrong"),
        ({"x": 1}, "", "", "underspecified"),
    ],
)
def test_what_a_verdict_means(inputs, statement, weaker, verdict):
    claim = Claim("X-1", TEXT, "says", verdict, "because", inputs=inputs, statement=statement, weaker=weaker)
    assert judge(claim).verdict == verdict


def test_scenarios_are_every_choice_from_the_lists():
    claim = Claim("X-1", TEXT, "s", "right", "{z}", inputs={"x": [1, 2], "y": [10, 20, 30]}, steps={"z": "x * y"})
    assert judge(claim).values["z"] == (10, 20, 30, 20, 40, 60)
    assert judge(claim).because == "10 to 60"


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "hardware.__globals__",
        "(lambda: 1)()",
        "[x for x in (1, 2)]",
        "f'{1}'",
        "x := 1",
        "1 if",
        "hardware(*['h100-sxm'])",
        "fleets.__dict__",
    ],
)
def test_an_expression_is_arithmetic_and_calls_of_the_library_alone(text):
    with pytest.raises((SpecError, UnknownNameError)):
        evaluate(text, {}, "test")


def test_expressions_call_the_library():
    assert evaluate("hardware('h100-sxm').memory_bandwidth / 1e12", {}, "test") == pytest.approx(3.35)
    assert evaluate("max(a, 2) if a < 5 else [a, -a][1]", {"a": 7}, "test") == -7
    with pytest.raises(UnknownNameError, match="point"):
        evaluate("pint(1)", {}, "test")


def test_the_command(capsys, tmp_path):
    assert main(["claims", "S003-07", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["verdict"] == "wrong"
    assert entry["values"]["interval_s"] == [0.1]
    assert main(["claims", "--document", "S003", "--write", str(tmp_path / "page.md")]) == 0
    assert "S003-07" in (tmp_path / "page.md").read_text(encoding="utf-8")
    assert main(["claims", "S003-08"]) == 0
    assert "4500" in capsys.readouterr().out
    assert main(["claims", "S003-99"]) == 2
    assert "S003-" in capsys.readouterr().err


def test_every_kind_of_verdict_is_given():
    assert {claim.verdict for claim in CLAIMS} == set(VERDICTS)
