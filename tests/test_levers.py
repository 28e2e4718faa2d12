"""Levers on the number of chips: what each is worth, hand-checked; and the picture."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tokenroof as tr
from tokenroof.fleets.levers import Setup, dense, serve, waterfall
from tokenroof.fleets.picture import waterfall_plot
from tokenroof.specs import Kind
from tokenroof.techniques import speculation

DEMAND = tr.Demand(users=7e6, requests_per_week=18e7, isl=1024, osl=512, peak_to_mean=1.5)
MIXTRAL = Setup("mixtral-8x7b", "h100-sxm", chips=8)


@pytest.fixture(scope="module")
def plain() -> int:
    return serve(MIXTRAL, DEMAND).chips


def test_dense_is_the_model_of_one_wide_block() -> None:
    """GPT-4's shape with a feed-forward block 16 experts wide, lowered from a config: every row alike."""
    config = dict(tr.model("gpt-4").config) | {"intermediate_size": 16 * 36864}
    for key in ("num_experts", "num_experts_per_tok", "moe_intermediate_size"):
        del config[key]
    lowered = tr.Model.from_hf(config)
    ours = dense("gpt-4")

    def total(model: tr.Model, field: str) -> float:
        return sum(op.count * getattr(op, field) for op in model.operators if op.kind is Kind.GEMM)

    for field in ("read_elems", "store_elems", "flops_token", "act_elems"):
        assert total(ours, field) == pytest.approx(total(lowered, field), rel=1e-12), field
    assert ours.params == lowered.params == ours.active_params
    assert {op.kind for op in ours.operators} == {op.kind for op in lowered.operators}


def test_dense_leaves_a_dense_model_alone() -> None:
    assert dense("llama-3.1-8b") is tr.model("llama-3.1-8b")


def test_replicas_follow_from_the_best_layout(plain: int) -> None:
    """The same as a fleet of the same search: 8 chips at most, 16 bit."""
    fleet = tr.fleet("mixtral-8x7b", "h100-sxm", DEMAND, chips=8)
    served = serve(MIXTRAL, DEMAND)
    assert (served.chips, served.replicas) == (fleet.chips, (fleet.replicas,)) == (plain, (fleet.replicas,))
    row = served.rows[0]
    needed = DEMAND.peak_tokens_per_s / row["tokens_per_s"]
    assert served.replicas[0] == math.ceil(needed)


def test_routing_splits_the_requests(plain: int) -> None:
    routed = Setup("mixtral-8x7b", "h100-sxm", chips=8, weak="llama-3.2-1b", strong_share=0.25)
    served = serve(routed, DEMAND)
    small = serve(Setup("llama-3.2-1b", "h100-sxm", chips=8), DEMAND)
    assert len(served.replicas) == 2
    expected = 0.25 * plain + 0.75 * small.chips
    assert expected <= served.chips <= expected + served.rows[0]["chips"] + served.rows[1]["chips"]


def test_thinking_costs_more_than_its_tokens(plain: int) -> None:
    """Nine tokens of thought for each of the answer: less than ten times, as the prompt is read once; more than what
    the tokens cost alone without the prompt, as caches are longer."""
    served = serve(Setup("mixtral-8x7b", "h100-sxm", chips=8, thoughts=9 * 512), DEMAND)
    alone = serve(MIXTRAL, tr.Demand(users=7e6, requests_per_week=18e7, isl=1, osl=512, peak_to_mean=1.5))
    assert 10 * alone.chips < served.chips
    assert served.rows[0]["osl"] == 10 * 512
    assert served.chips > plain


def test_a_draft_is_taken_where_it_serves_more() -> None:
    """One user: tokens of a round over its time, with the core's own step times; prefill stays."""
    head = speculation.head_of("mixtral-8x7b")
    one = Setup("mixtral-8x7b", "h100-sxm", batch=1, chips=1, precision="fp8")
    before = serve(one, DEMAND).rows[0]
    after = serve(replace(one, draft=head, acceptance=0.8, lengths=(1,)), DEMAND).rows[0]
    told = speculation.evaluate(
        "mixtral-8x7b", "h100-sxm", draft=head, acceptance=0.8, lengths=(1,), precision="fp8", isl=1024, osl=512
    )
    assert after["drafted"] == 1 and before["drafted"] == 0
    assert after["tpot_s"] == float(told.tpot_s.ravel()[0]) < before["tpot_s"]
    prompt = 1 / before["tokens_per_s"] - before["tpot_s"]
    assert after["tokens_per_s"] == pytest.approx(1 / (prompt + after["tpot_s"]), rel=1e-12)


def test_a_useless_draft_is_left() -> None:
    slow = Setup("mixtral-8x7b", "h100-sxm", chips=8, draft=1.0, acceptance=0.0, lengths=(1,))
    assert serve(slow, DEMAND).rows == serve(MIXTRAL, DEMAND).rows


@settings(max_examples=8, deadline=None)
@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_more_strong_answers_take_more_chips(one: float, other: float) -> None:
    low, high = sorted((one, other))

    def chips(share: float) -> int:
        return serve(Setup("llama-3.1-70b", "h100-sxm", chips=4, weak="llama-3.1-8b", strong_share=share), DEMAND).chips

    slack = 4 + 4  # replicas are whole: one of each kind
    assert chips(low) <= chips(high) + slack


def test_a_waterfall_multiplies_to_its_end() -> None:
    steps = [("batching", {"batch": "1:512"}), ("8 bit", {"precision": "fp8"}), ("thinking", {"thoughts": 1000})]
    told = waterfall(Setup("mixtral-8x7b", "h100-sxm", batch=1, chips=8), steps, DEMAND, name="alone")
    assert [step.name for step in told] == ["alone", "batching", "8 bit", "thinking"]
    assert told[0].factor == 1.0
    assert math.prod(step.factor for step in told) == pytest.approx(told[-1].chips / told[0].chips, rel=1e-12)
    assert [step.factor < 1 for step in told[1:]] == [True, True, False]
    setup = told[-1].served.setup
    assert (setup.batch, setup.precision, setup.thoughts) == ("1:512", "fp8", 1000)  # each on top of those before


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"strong_share": 0.5}, "strong_share"),
        ({"weak": "llama-3.1-8b"}, "strong_share"),
        ({"weak": "llama-3.1-8b", "strong_share": 1.5}, "strong_share"),
        ({"thoughts": -1}, "thoughts"),
        ({"thoughts": 0.5}, "thoughts"),
        ({"model": "gpt-4"}, "chips"),
    ],
)
def test_wrong_setups_are_named(wrong: dict[str, object], match: str) -> None:
    setup = Setup(**{"model": "mixtral-8x7b", "hardware": "h100-sxm", "chips": 8} | wrong)  # type: ignore[arg-type]
    with pytest.raises(tr.SpecError, match=match):
        serve(setup, DEMAND)


def test_wrong_calls_are_named() -> None:
    with pytest.raises(tr.UnknownNameError, match="precison"):
        waterfall(MIXTRAL, [("8 bit", {"precison": "fp8"})], DEMAND)
    with pytest.raises(tr.SpecError, match="tpot_s"):
        serve(MIXTRAL, DEMAND, tpot_s=0.0)
    with pytest.raises(tr.SpecError, match="osl"):
        serve(MIXTRAL, tr.Demand(users=7e6, requests_per_week=18e7, isl=1024, osl=[128, 512]))  # type: ignore[arg-type]


def test_the_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    image = tmp_path / "steps.png"
    waterfall_plot([("start", 1e8), ("less", 1e6), ("more", 5e6)], image, unit="chips", level=("said", 1e8), note="n")
    assert image.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    waterfall_plot([("start", 1e8)], image, notes=["as it was"])
    for wrong in ([], [("nothing", 0.0)], [("unknown", math.nan)]):
        with pytest.raises(tr.SpecError, match="steps"):
            waterfall_plot(wrong, tmp_path / "none.png")
    with pytest.raises(tr.SpecError, match="notes"):
        waterfall_plot([("start", 1e8), ("less", 1e6)], tmp_path / "none.png", notes=["one"])
    assert not (tmp_path / "none.png").exists()
