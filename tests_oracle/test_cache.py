"""Cache and state after a prefill: bytes that transformers keeps, in small models with random weights on the CPU."""

from __future__ import annotations

import pytest

from . import ours, theirs
from .examples import FAMILIES, RUNS, examples, story
from .report import Report

#: Shorter than every window of the generators, between them, longer.
TOKENS = (5, 12, 40)


@pytest.mark.parametrize("family", FAMILIES)
def test_random_configs(family: str, report: Report) -> None:
    report.start(family, "cache")
    wrong = []
    for number, (seed, config) in enumerate(examples(family, RUNS)):
        tokens = TOKENS[number % len(TOKENS)]
        try:
            model, _ = theirs.text_model(config, "cpu")
        except theirs.Unknown as error:
            report.skip(family, "cache", str(error))
            pytest.skip(str(error))
        run = theirs.run(model, tokens, "cpu")
        lines = ours.cache(config, tokens)
        for line in lines:
            if line.why:
                report.note(family, "cache", line.why)
        if sum(line.theirs for line in lines) != run.cache_bytes:
            rows = "\n".join(f"    {line.theirs:>12,.0f} {line.row} {line.why}" for line in lines)
            layers = "\n".join(f"    {number}: {layer}" for number, layer in enumerate(run.cache))
            wrong.append(
                f"{story(seed, config)}\n{tokens} tokens, {run.cache_bytes:,} B stored:\n{layers}\n  ours:\n{rows}"
            )
    report.cell(family, "cache", RUNS, len(wrong))
    assert not wrong, f"{len(wrong)} of {RUNS} configs differ; the first:\n{wrong[0]}"
