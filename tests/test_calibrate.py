"""Fitting: constants that made the measurements are found again, and files say what was found."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tokenroof as tr
from tokenroof.calibration import Calibrated, Fitted, calibrated, load_calibration
from tokenroof.errors import CatalogueError, SpecError, TokenroofError
from tokenroof.specs import precision
from tokenroof.validation import calibrate as c
from tokenroof.validation.case import Case
from tokenroof.validation.parameters import Problem
from tokenroof.validation.predict import Evaluator, predict
from tokenroof.validation.uncertainty import coverage, spreads

pytest.importorskip("scipy")
MODELS = [tr.model(name) for name in ("llama-3.1-8b", "llama-3.1-70b", "qwen3-32b")]


def cases(chip: str = "h100-sxm", source: str = "a", software: str = "vllm") -> list[Case]:
    """Steps, prompts and loops at several sizes; what they measured is filled in by `measured`."""
    out = []
    for model in MODELS:
        for tp in (4, 8):
            for batch, isl in ((1, 128), (8, 1024), (64, 2048), (256, 512)):
                for metric in ("step", "prefill", "loaded_tpot"):
                    out.append(
                        Case(
                            id=f"{source}-{chip}-{len(out)}",
                            source=source,
                            metric=metric,
                            measured=1.0,
                            hardware=tr.hardware(chip),
                            precision=precision("bf16"),
                            model=model,
                            layout={"tp": tp},
                            batch=batch,
                            isl=isl,
                            osl=128,
                            software=software,
                        )
                    )
    return out


def measured(given: list[Case], noise: float = 0.0, interference: float = 1.0, **constants: float) -> list[Case]:
    """The cases as a machine with these constants would measure them."""
    evaluator = Evaluator(given)
    chips = [replace(h, calibration=replace(h.calibration, **constants)) for h, _ in evaluator.machines]
    times = evaluator.evaluate(chips, np.array([[interference], [1.0]]) * np.ones(len(chips)))[0]
    times = times * np.exp(noise * np.random.default_rng(1).standard_normal(len(times)))
    return [replace(case, measured=float(t)) for case, t in zip(given, times, strict=True)]


def test_constants_are_found_again() -> None:
    made = {"memory_efficiency": 0.65, "compute_efficiency": 0.55, "layer_overhead": 8e-5}
    data = measured(cases("h100-pcie"), noise=0.02, interference=0.6, **made)  # whose own file has none of them
    found = c.fit(data, causes=[x for x in c.CAUSES if x.name in made])
    before = c.accuracy("", found.problem.errors(np.zeros(len(found.z))))
    after = c.accuracy("", found.errors)
    assert before.median > 0.1 and after.median < 0.03
    chip = c.result(found).hardware(tr.hardware("h100-pcie"), "vllm").calibration
    assert chip.memory_efficiency == pytest.approx(0.65, rel=0.1)
    assert chip.compute_efficiency == pytest.approx(0.55, rel=0.1)
    assert (found.singular > 1).sum() >= 3


def test_one_wrong_row_does_not_move_the_fit() -> None:
    data = measured(cases(), noise=0.02, memory_efficiency=0.65)
    wrong = [replace(data[0], measured=data[0].measured * 20), *data[1:]]
    chips = [c.result(c.fit(d)).hardware(tr.hardware("h100-sxm"), "vllm").calibration for d in (data, wrong)]
    assert chips[1].memory_efficiency == pytest.approx(chips[0].memory_efficiency, rel=0.03)


def test_ten_measurements_are_enough_to_help_and_move_only_what_they_show() -> None:
    data = [x for x in measured(cases(), memory_efficiency=0.6) if x.metric == "step" and x.batch == 1]
    found = c.fit(data)
    assert c.accuracy("", found.errors).median < 0.05
    sure = dict(zip(found.problem.names, found.sure(), strict=True))
    assert sure["kind", "gpu", "memory_efficiency"] < 0.8
    assert sure["kind", "gpu", "attention_efficiency"] > 0.99  # no prompt was measured


def test_derivatives_are_those_of_the_errors() -> None:
    problem = Problem(measured(cases(), memory_efficiency=0.7))
    z = np.random.default_rng(3).normal(0, 0.3, len(problem.names))
    errors, slopes = problem.slopes(z)
    step = np.random.default_rng(4).normal(0, 1e-3, len(z))
    assert np.allclose(problem.errors(z + step) - errors, slopes @ step, atol=2e-4)


def test_constants_stay_physical() -> None:
    problem = Problem(measured(cases()))
    for size in (-50.0, 50.0):
        values = problem.values(problem.constants(np.full(len(problem.names), size)))
        for cause, column in zip(problem.causes, values.T, strict=True):
            assert (column >= cause.least * 0.999).all() and (column <= cause.most * 1.001).all()


def test_cross_validation_leaves_out_and_spreads_cover() -> None:
    data = measured(
        cases("h100-sxm", "a") + cases("h200-sxm", "b") + cases("b200-sxm", "c"), 0.05, memory_efficiency=0.65
    )
    whole = c.fit(data)
    held = {by: c.cross_validate(whole, by) for by in ("source", "chip", "model")}
    assert [len(held[by]) for by in ("source", "chip", "model")] == [3, 3, 3]
    for group in held["chip"]:
        assert len(group.places) == len(data) // 3
        assert np.median(np.abs(group.errors)) < np.median(np.abs(group.before))
    of = spreads(whole.problem.cases, [group for groups in held.values() for group in groups])
    n, inside = coverage(whole.problem.cases, held["chip"], of)
    assert n == len(data) and 0.7 < inside < 0.9
    with pytest.raises(SpecError):
        c.cross_validate(whole, "colour")


def test_ablation_makes_it_worse() -> None:
    data = measured(cases(), layer_overhead=1e-4, kernel_overhead=1e-6)
    causes = tuple(x for x in c.CAUSES if x.name in ("layer_overhead", "memory_efficiency"))
    whole = c.fit(data, causes=causes)
    without = c.ablate(whole)
    assert set(without) == {"layer_overhead", "memory_efficiency"}
    assert c.accuracy("", without["layer_overhead"]).median > 2 * c.accuracy("", whole.errors).median


def test_flagged_rows_do_not_teach() -> None:
    data = measured(cases())
    found = c.fit([*data, replace(data[0], id="x", flag="queued")])
    assert len(found.problem.cases) == len(data)
    with pytest.raises(SpecError, match="at least one"):
        c.fit([replace(data[0], flag="queued")])


def test_a_file_gives_back_what_was_fitted(tmp_path: Path) -> None:
    data = measured(cases(), memory_efficiency=0.65, interference=0.6)
    made = c.result(c.fit(data), spread={"gpu": {"decode": (-0.1, 0.2)}}, date="2026-01-01")
    path = tmp_path / "mine.toml"
    path.write_text(made.to_toml(), encoding="utf-8")
    read = load_calibration(path)
    assert read.sources == ("a",) and read.date == "2026-01-01" and read.spread == {"gpu": {"decode": (-0.1, 0.2)}}
    for software in (None, "vllm", "TensorRT-LLM 1.0"):
        ours, theirs = (x.hardware(tr.hardware("h100-sxm"), software).calibration for x in (made, read))
        for name in ("memory_efficiency", "layer_overhead", "tile"):
            assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-3)
    assert predict(data, read).typical == pytest.approx(predict(data, made).typical, rel=1e-2)
    p = tr.point("llama-3.1-8b", "h100-sxm", calibration=path, software="vllm")
    assert p.hardware == calibrated("h100-sxm", path, "vllm")
    assert p.tpot_s != tr.point("llama-3.1-8b", "h100-sxm").tpot_s
    assert p.tpot_s_bound == tr.point("llama-3.1-8b", "h100-sxm").tpot_s_bound
    sweep = tr.Sweep(model="llama-3.1-8b", hardware="h100-sxm", calibration=read, software="vllm")
    assert float(sweep.run("tpot_s")["tpot_s"].ravel()[0]) == p.tpot_s
    named = tr.Sweep(model="llama-3.1-8b", hardware="h100-sxm", software="vllm").run("tpot_s")["tpot_s"]
    shipped = tr.point("llama-3.1-8b", "h100-sxm", calibration="published", software="vllm")
    assert float(named.ravel()[0]) == shipped.tpot_s  # software alone asks for the file of the package


def test_a_chips_own_constants_go_before_its_kinds_and_software_multiplies() -> None:
    fitted = Calibrated(
        kinds={"gpu": {"memory_efficiency": Fitted(0.7), "layer_overhead": Fitted(1e-5)}},
        chips={"h100-sxm": {"memory_efficiency": Fitted(0.9)}},
        software={"vllm": {"layer_overhead": Fitted(2.0), "memory_efficiency": Fitted(1.5)}},
    )
    own, other = (fitted.hardware(tr.hardware(name), "").calibration for name in ("h100-sxm", "h200-sxm"))
    assert (own.memory_efficiency, other.memory_efficiency, own.layer_overhead) == (0.9, 0.7, 1e-5)
    sure = Calibrated(kinds={"gpu": {"compute_efficiency": Fitted(0.1)}})  # the H100's own file has one, measured
    assert sure.hardware(tr.hardware("h100-sxm")) == tr.hardware("h100-sxm")
    assert fitted.hardware(tr.hardware("h100-sxm")).calibration.layer_overhead == 2e-5  # the kind's usual stack
    slow = fitted.hardware(tr.hardware("h100-sxm"), "vLLM 0.9").calibration
    assert (slow.layer_overhead, slow.memory_efficiency) == (2e-5, 1.0)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[kind.gpu]\nmemory_efficiency = 1.2", SpecError),
        ("[kind.gpu]\nmemory_efficiency = 0", SpecError),
        ("[kind.gpu]\ntile = 0.5", SpecError),
        ("[kind.gpu]\nlayer_overhead = 'much'", SpecError),
        ("[kind.gpu]\nspeed = 1", CatalogueError),
        ("[king.gpu]\nserial = 0", CatalogueError),
        ("[kind]\ngpu = 1", CatalogueError),
        ("[spread.gpu]\ndecode = [1]", SpecError),
        ("kind =", CatalogueError),
    ],
)
def test_wrong_files_are_refused(text: str, error: type[TokenroofError], tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(error, match=r"wrong\.toml"):
        load_calibration(path)


def test_without_scipy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real = builtins.__import__

    def no_scipy(name: str, *args: object, **more: object) -> object:
        if name.startswith("scipy"):
            raise ImportError(name)
        return real(name, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", no_scipy)
    with pytest.raises(TokenroofError, match=r"tokenroof\[calibrate\]"):
        c.fit(measured(cases())[:5])


def test_accuracy_of_nothing() -> None:
    assert math.isnan(c.accuracy("", np.array([np.nan])).median)


def test_the_command_fits_checks_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tokenroof.cli import main

    columns = "id,source_name,kind,granularity,model,hardware,num_devices,tp,pp,weight_precision,kv_precision"
    columns += ",act_precision,phase,batch_or_concurrency,input_len,output_len,metric,value,unit,software"
    rows = [columns]
    chip = "Llama-3.1-8B,H100 SXM 80GB,1,1,1,bf16,bf16,bf16"
    for i, batch in enumerate((1, 2, 4, 8, 16, 32, 64, 96, 128, 192)):
        value = 12.0 + 0.05 * batch
        rows.append(f"r{i},mine,measurement,step,{chip},decode,{batch},512,128,tpot,{value},ms,vllm")
    table, out = tmp_path / "ten.csv", tmp_path / "mine.toml"
    table.write_text("\n".join(rows), encoding="utf-8")
    assert main(["calibrate", str(table), "--out", str(out), "--cross-validate", "source,chip"]) == 0
    said = capsys.readouterr().out
    assert "10 measurements" in said and "singular" in said and "memory_efficiency" in said
    assert load_calibration(out).kinds["gpu"]
    assert main(["calibrate", str(table), "--json", "--ablation"]) == 0
    assert '"singular_values"' in capsys.readouterr().out
    assert main(["calibrate", str(table), "--cross-validate", "colour"]) == 2
    assert main(["calibrate", str(table), "--out", str(tmp_path / "no" / "x.toml")]) == 2


def test_the_package_carries_a_fit_to_published_measurements() -> None:
    import tokenroof as tr
    from tokenroof.calibration import load_calibration

    shipped = load_calibration("published")
    assert len(shipped.sources) > 10 and "docs/calibration.md" in shipped.notes
    plain = tr.point("llama-3.1-8b", "h100-sxm", batch=16)
    fitted = tr.point("llama-3.1-8b", "h100-sxm", batch=16, calibration="published", software="vllm")
    assert fitted.tpot_s != plain.tpot_s and fitted.tpot_s_bound == plain.tpot_s_bound <= fitted.tpot_s
