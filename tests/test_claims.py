"""The audit: each verdict follows from the computed numbers, and the page says what the numbers say."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenroof.claims import Claim, audit, load_claims, page
from tokenroof.claims.audit import VERDICTS, Document, judge, unused
from tokenroof.claims.expressions import evaluate
from tokenroof.claims.wording import number, span
from tokenroof.cli import main
from tokenroof.errors import SpecError, UnknownNameError

PAGE = Path(__file__).parent.parent / "docs" / "claims.md"
CLAIMS = load_claims()
TEXT = Document("X", "a text", "A text.")
#: Claims of each text, numbered from 01.
COUNTS = {"S000": 20, "S001": 26, "S002": 13, "S003": 23, "S004": 42}


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
    numbers = [v for values in found.values.values() for v in values if isinstance(v, float)]
    assert not any(map(math.isnan, numbers)), "a claim must not rest on what nobody knows"


def test_ids_are_unique_and_name_their_document():
    ids = [claim.id for claim in CLAIMS]
    assert len(set(ids)) == len(ids)
    assert all(claim.id.startswith(claim.document.id + "-") for claim in CLAIMS)


@pytest.mark.parametrize("document", COUNTS)
def test_every_claim_of_a_text_is_there(document):
    expected = [f"{document}-{n:02d}" for n in range(1, COUNTS[document] + 1)]
    assert [claim.id for claim in CLAIMS if claim.document.id == document] == expected


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_without_a_test_there_is_no_other_verdict_than_underspecified(claim):
    assert claim.statement or claim.verdict == "underspecified"
    assert not claim.weaker or claim.statement


def test_the_million_chips_are_rebuilt_corrected_and_spread(findings):
    """MobileLLM, arXiv:2402.14905: 7.22e7, printed as 1e8; five orders of magnitude between published inputs."""
    values = findings["S000-01"].values
    assert values["printed"] == pytest.approx([7.22e7] * 6, rel=1e-3)
    assert max(values["chips"]) == pytest.approx(1.1e8, rel=0.03)
    assert 5.0 < values["orders"][0] < 5.5
    assert "](fleet.md#100-million-chips)" in page(findings.values())


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


def test_cases_are_every_choice_from_the_lists():
    claim = Claim("X-1", TEXT, "s", "right", "{z}", inputs={"x": [1, 2], "y": [10, 20, 30]}, steps={"z": "x * y"})
    assert judge(claim).values["z"] == (10, 20, 30, 20, 40, 60)
    assert judge(claim).because == "10 to 60"


@pytest.mark.parametrize(
    ("values", "spec", "text"),
    [
        ([0.07, 0.14], ".0%", "7 to 14%"),
        ([5.4e11, 2.2e11], "2w", "220 to 540 billion"),
        ([1e5, 1e6], "w", "100,000 to 1 million"),
        ([999_999], "2w", "1 million"),
        ([0, 0.5], "2w", "0 to 0.5"),
        ([-3e6, 2e6], "w", "-3 to 2 million"),
        ([3e15], "2w", "3e15"),
        ([7.3e-7], ".2g", "7.3e-7"),
        ([True, False], "", "True, False"),
        (["fp8", "int4", "fp8"], "", "fp8, int4"),
    ],
)
def test_numbers_as_people_read_them(values, spec, text):
    assert span(values, spec) == text


@given(st.floats(1e-3, 1e14), st.integers(1, 6))
def test_words_keep_the_digits(value, digits):
    scales = {"million": 1e6, "billion": 1e9, "trillion": 1e12}
    told, _, word = number(value, f"{digits}w").partition(" ")
    read = float(told.replace(",", "")) * scales.get(word, 1.0)
    assert read == pytest.approx(value, rel=0.5 * 10 ** (1 - digits) * (1 + 1e-9))


def test_the_page_says_what_was_tried():
    def entry(**given):
        return judge(Claim("X-1", TEXT, "Says.", "right", "Because.", **given))

    both = page([entry(inputs={"x": [1, 2500]}, statement="x >= 1")])
    assert "1 claim from 1 text " in both
    assert "Decided by `x >= 1`, which holds in both cases (x 1, 2,500)." in both
    one = page([entry(inputs={"x": 1}, statement="x > 1", sources=("a", "b"))])
    assert "which does not hold. Sources: a; b." in one
    some = page([entry(inputs={"x": [1, 2, 3]}, statement="x > 1")])
    assert "holds in 2 of 3 cases" in some
    weak = page([entry(inputs={"x": [1, 2, 3]}, statement="x > 3", weaker="x > 0")])
    assert "holds in none of the 3 cases (x 1, 2, 3). The weaker `x > 0` holds in every case." in weak
    assert "Decided" not in page([entry()])


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


def test_the_command_shows_every_claim(capsys, findings):
    assert main(["claims", *findings]) == 0
    told = capsys.readouterr().out
    assert all(f"{id} (" in told for id in findings)
    assert max(map(len, told.splitlines())) < 400
    assert main(["claims", "--json"]) == 0
    assert [entry["verdict"] for entry in json.loads(capsys.readouterr().out)] == [f.verdict for f in findings.values()]


def test_every_kind_of_verdict_is_given():
    assert {claim.verdict for claim in CLAIMS} == set(VERDICTS)
