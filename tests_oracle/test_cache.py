"""Cache and state after a prefill: bytes that transformers keeps, in small models with random weights on the CPU."""

from __future__ import annotations

import re

import pytest

from . import ours, theirs
from .absent import NULL_WHEN_ABSENT, lowers, plausible, without_one_key
from .examples import FAMILIES, RUNS, examples, story
from .report import Report

#: Shorter than every window of the generators, between them, longer.
TOKENS = (5, 12, 40)

#: Longer than every window that a class means by itself.
LONG = 10_000

_WINDOW_KEY = re.compile(r"window|sliding|chunk|pattern|layer_types|interval|local|no_rope|attention_types|dense_att")


@pytest.mark.parametrize("family", FAMILIES)
def test_random_configs(family: str, report: Report) -> None:
    report.start(family, "cache")
    wrong, compared = [], 0
    for number, (seed, config) in enumerate(examples(family, RUNS)):
        tokens = TOKENS[number % len(TOKENS)]
        try:
            run = theirs.run(theirs.text_model(config, "cpu")[0], tokens, "cpu")
        except theirs.Unknown as error:
            report.skip(family, "cache", str(error))
            pytest.skip(str(error))
        except theirs.CannotRun as error:
            report.note(family, "cache", f"some configs fail in transformers: {error}")
            continue
        compared += 1
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
    report.cell(family, "cache", compared, len(wrong))
    assert not wrong, f"{len(wrong)} of {RUNS} configs differ; the first:\n{wrong[0]}"
    assert compared


@pytest.mark.parametrize("family", FAMILIES)
def test_absent_windows(family: str, report: Report) -> None:
    """Without a key that decides which layers have a window, as many tokens are kept as the class's default says."""
    if not theirs.known(family):
        report.skip(family, "absent windows", "transformers has no such model_type")
        pytest.skip("transformers has no such model_type")
    report.start(family, "absent windows")
    compared, wrong = 0, {}
    for _, config in examples(family, 3):
        if ours.has_scan(config):  # prompts that are longer than any default would take minutes
            report.skip(family, "absent windows", "a recurrence over so many tokens is slow")
            pytest.skip("a recurrence over so many tokens is slow")
        for key, fewer in without_one_key(config):
            if not _WINDOW_KEY.search(key) or not plausible(fewer) or not lowers(fewer):
                continue
            if (family, key) in NULL_WHEN_ABSENT:
                report.note(family, "absent windows", f"without {key} as with null, which TOML cannot spell")
                continue
            try:
                stored = theirs.run(theirs.text_model(fewer, "meta")[0], LONG, "meta").cache_bytes
            except Exception:  # a default that the other keys contradict, or a context that is shorter
                continue
            expected = sum(line.theirs for line in ours.cache(fewer, LONG))
            compared += 1
            if stored != expected:
                wrong[key] = f"without {key}: {expected:,.0f} B of ours, {stored:,} B stored"
    if compared:
        report.cell(family, "absent windows", compared, len(wrong))
    else:
        report.skip(family, "absent windows", "no such key, or none that may be absent")
    assert not wrong, "\n".join(wrong.values())
