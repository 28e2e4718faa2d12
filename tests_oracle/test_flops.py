"""FLOPs of a prefill and of a decode step against torch's counter, on the meta device, row by row where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tokenroof.catalogue import model, model_ids
from tokenroof.specs import Operator

from . import ours, theirs
from .catalogue import comparable
from .examples import FAMILIES, RUNS, examples, story
from .report import Report

#: Longer than some windows of the generators and shorter than others.
TOKENS = 12

#: The counter multiplies integers, and so do we: what it sees is equal or wrong. The requirement is one in a thousand.
TOLERANCE = 1e-3


def compare(config: Mapping[str, Any], tokens: int, device: str = "meta") -> tuple[str, list[ours.Line], float]:
    """What differs, all lines, and the largest relative deviation."""
    model, head = theirs.text_model(config, device)
    run = theirs.run(model, tokens, device)
    prefill = ours.flops(config, tokens, 0, head=head)
    decode = ours.flops(config, 1, tokens, head=head)
    texts, worst = [], 0.0
    for name, lines, counted in (("prefill", prefill, run.prefill_flops), ("decode", decode, run.decode_flops)):
        expected = sum(line.theirs for line in lines)
        deviation = abs(expected / counted - 1)
        worst = max(worst, deviation)
        if deviation > TOLERANCE:
            rows = "\n".join(f"    {line.theirs:>16,.0f} {line.row} {line.why}" for line in lines if line.theirs)
            texts.append(f"{name}: {expected:,.0f} of ours, {counted:,} counted ({expected - counted:+,.0f})\n{rows}")
    return "\n".join(texts), prefill + decode, worst


@pytest.mark.parametrize("family", FAMILIES)
def test_random_configs(family: str, report: Report) -> None:
    report.start(family, "FLOPs")
    wrong, worst, compared = [], 0.0, 0
    for seed, config in examples(family, RUNS):
        try:
            try:
                found, lines, deviation = compare(config, TOKENS)
            except theirs.NeedsData:
                found, lines, deviation = compare(config, TOKENS, "cpu")
                report.note(family, "FLOPs", "counted on the CPU, since its routing depends on data")
        except theirs.Unknown as error:
            report.skip(family, "FLOPs", str(error))
            pytest.skip(str(error))
        except theirs.CannotRun as error:
            report.note(family, "FLOPs", f"some configs fail in transformers: {error}")
            continue
        compared += 1
        worst = max(worst, deviation)
        for line in lines:
            if line.why:
                report.note(family, "FLOPs", line.why)
        if found:
            wrong.append(f"{story(seed, config)}\n{found}")
    report.cell(family, "FLOPs", compared, len(wrong), " exact" if worst == 0 else f" within {worst:.1e}")
    assert not wrong, f"{len(wrong)} of {RUNS} configs differ; the first:\n{wrong[0]}"
    assert compared


#: Operator tables of the catalogue that agree, and the model that had each first.
_AGREE: dict[tuple[Operator, ...], str] = {}


@pytest.mark.parametrize("model_id", model_ids())
def test_catalogue(model_id: str, report: Report) -> None:
    table = model(model_id).operators
    if table in _AGREE:  # many models have the table of another
        report.configs["FLOPs equal"].append(f"{model_id} (the table of {_AGREE[table]})")
        return
    try:
        found, _, _ = compare(comparable(model_id), 256)
    except (theirs.Unknown, theirs.NeedsData, theirs.CannotRun) as error:
        report.configs[f"FLOPs skipped: {error}"].append(model_id)
        pytest.skip(str(error))
    report.configs["FLOPS DIFFER" if found else "FLOPs equal"].append(model_id)
    assert not found, f"{model_id}: {found}"
    _AGREE[table] = model_id
