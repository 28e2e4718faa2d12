"""Cases against the engine's own columns: what each metric is made of."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import tokenroof as tr
from tokenroof.calibration import Calibrated, load_calibration
from tokenroof.formulas import causal_pairs
from tokenroof.plan import Plan
from tokenroof.reference.network import Network
from tokenroof.specs import Kind, precision
from tokenroof.validation.case import METRICS, Case
from tokenroof.validation.predict import OPTIONS, Evaluator, predict

CHIP, MODEL = tr.hardware("h100-sxm"), tr.model("llama-3.1-8b")


def case(metric: str, **more: Any) -> Case:
    given = {"model": MODEL, "measured": 1.0, "hardware": CHIP, "precision": precision("bf16"), "batch": 8, "isl": 512}
    given |= {"id": f"{metric}-1", "source": "test", "osl": 64} | more
    return Case(metric=metric, **given)


def typical(of: Case, calibration: Calibrated | None = None) -> float:
    found = predict([of], calibration)
    assert not found.reasons
    return float(found.typical[0])


def point(**more: Any) -> tr.Point:
    fitted = {
        "calibration": "published",
        "software": "vllm",
    }  # what a case of this kind that names no software is taken for
    return tr.point(MODEL, CHIP, options=OPTIONS, **({"batch": 8, "isl": 512, "osl": 64} | fitted | more))


def test_steps_and_prompts_are_the_engines_columns() -> None:
    p = point(tp=2)
    layout = {"tp": 2}
    assert typical(case("step", layout=layout)) == p.tpot_s
    assert typical(case("ttft", layout=layout)) == p.ttft_s
    assert typical(case("prefill", layout=layout, batch=1)) == p.ttft_s
    assert typical(case("throughput", layout=layout, replicas=3)) == pytest.approx(3 * p.tokens_per_s)
    assert typical(case("loaded_tpot", layout=layout)) == pytest.approx(
        p.tpot_s + load_calibration("published").engine("interference", CHIP, "vllm") * 7 / 63 * p.ttft_s
    )
    assert typical(case("request", layout=layout, batch=1)) == pytest.approx(
        p.ttft_s + 63 * point(tp=2, batch=1).tpot_s
    )


def test_a_batch_of_prompts_does_no_pairs_between_them() -> None:
    """In FLOP, which add up exactly: those of 8 prompts apart are those of the batch."""
    one, together = point(isl=512), point(isl=8 * 512)
    pairs = sum(op.count * op.flops_ctx_prefill for op in MODEL.operators)
    between = pairs * (causal_pairs(4096.0, math.inf) - 8 * causal_pairs(512.0, math.inf))
    head = sum(op.flops_token for op in MODEL.rows(Kind.HEAD))
    assert together.prefill_flops - between + 7 * head == pytest.approx(8 * one.prefill_flops)
    chip = replace(
        CHIP, calibration=replace(CHIP.calibration, layer_overhead=0.0, step_overhead=0.0, kernel_overhead=0.0)
    )
    batch = typical(case("prefill", hardware=chip), Calibrated())
    single = tr.point(MODEL, chip, isl=512).ttft_s
    assert batch < tr.point(MODEL, chip, isl=4096).ttft_s
    assert 6 * single < batch <= 8 * single  # weights are read once


def test_bounds_are_below_and_share_nothing_with_calibration() -> None:
    slow = replace(CHIP, calibration=replace(CHIP.calibration, memory_efficiency=0.1, layer_overhead=1e-3))
    names = ("step", "ttft", "prefill", "request", "loaded_tpot")
    cases = [case(name, id=f"{name}{i}", hardware=chip) for i, chip in enumerate((CHIP, slow)) for name in names]
    found = predict(cases)
    assert (
        (found.bound < found.typical).all() and (found.low < found.typical).all() and (found.typical < found.high).all()
    )
    assert found.bound[:5].tolist() == found.bound[5:].tolist()
    rate = predict([case("throughput")])
    assert rate.bound[0] > rate.typical[0]


def test_interference_is_the_share_of_prefill_that_is_waited_for() -> None:
    evaluator = Evaluator([case("loaded_tpot")])
    none, half, all_ = (evaluator.evaluate([CHIP], np.array([[share], [0.0]]))[0][0] for share in (0.0, 0.5, 1.0))
    assert none == tr.point(MODEL, CHIP, options=OPTIONS, batch=8, isl=512, osl=64).tpot_s
    assert half == pytest.approx((none + all_) / 2)


def test_operators_alone() -> None:
    calibration = CHIP.calibration
    m, n, k = 4096.0, 8192.0, 1024.0
    product = case("gemm", model=None, shape={"m": m, "n": n, "k": k})
    fast = 2 * m * n * k / (CHIP.peaks["bf16"] * calibration.compute_efficiency)
    slow = 2 * (n * k + m * (n + k)) / (CHIP.memory_bandwidth * calibration.memory_efficiency)
    want = max(fast, slow) + calibration.serial * min(fast, slow) + calibration.kernel_overhead
    assert typical(product, Calibrated()) == pytest.approx(want)
    heads = {"heads": 32.0, "kv_heads": 8.0, "head_dim": 128.0}
    decode = predict([case("attention_decode", model=None, batch=64, isl=8192, osl=1, shape=heads)])
    cache = 64 * 8192 * 2 * 8 * 128 * 2
    assert decode.bound[0] == pytest.approx(cache / CHIP.memory_bandwidth)
    latent = case(
        "attention_decode",
        model=None,
        batch=64,
        isl=8192,
        osl=1,
        shape={"heads": 128.0, "kv_rank": 512.0, "rope": 64.0},
    )
    assert predict([latent]).bound[0] >= 0.999 * 64 * 8192 * 576 * 2 / CHIP.memory_bandwidth
    wave = case("all_reduce", model=None, layout={"tp": 8}, shape={"bytes": 1e8})
    assert typical(wave, Calibrated()) == Network(CHIP).all_reduce(8.0)[0].seconds(1e8)


def test_what_fits_on_chip_is_not_charged_by_the_bound() -> None:
    small = case("gemm", model=None, shape={"m": 1.0, "n": 1024.0, "k": 1024.0})
    assert predict([small]).bound[0] == pytest.approx(2 * 1024 * 1024 / CHIP.peaks["bf16"])


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"metric": "step", "model": None}, "a model"),
        ({"metric": "nonsense"}, "one of"),
        ({"metric": "step", "measured": math.nan}, "above 0"),
        ({"metric": "step", "batch": 0}, "whole number"),
        ({"metric": "step", "layout": {"ep": 3}}, "experts"),
        ({"metric": "gemm", "shape": {"m": 1.0}}, "shape.n"),
        ({"metric": "attention_decode", "shape": {}}, "shape.heads"),
        ({"metric": "all_reduce", "shape": {"bytes": 1.0}}, "ranks"),
    ],
)
def test_what_cannot_be_evaluated_has_a_reason(more: dict[str, Any], reason: str) -> None:
    good = case("step", id="good")
    found = predict([good, case(**({"id": "bad"} | more))])
    assert reason in found.reasons["bad"] and len(found.reasons) == 1
    assert found.typical[0] > 0 and math.isnan(found.typical[1]) and math.isnan(found.bound[1])


def test_nothing_and_every_metric() -> None:
    assert predict([]).typical.size == 0
    shape = {"m": 8.0, "n": 64.0, "k": 64.0, "heads": 8.0, "kv_heads": 8.0, "head_dim": 64.0, "bytes": 1e6}
    shape |= {"hidden": 64.0, "inner": 32.0, "experts": 16.0, "active": 2.0, "ranks": 4.0}
    found = predict([case(name, id=name, shape=shape, layout={"tp": 8}) for name in METRICS])
    assert not found.reasons and np.isfinite(found.typical).all()


def test_one_plan_for_a_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    real = Plan.__init__
    monkeypatch.setattr(Plan, "__init__", lambda self, *a, **k: (made.append(1), real(self, *a, **k))[1])
    predict([case("step", id=str(i), batch=1 + i % 7, isl=1 + i) for i in range(300)])
    assert len(made) == 1
