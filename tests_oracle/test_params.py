"""Parameters, to the last one: random configs of each family, configs with a key left out, and the catalogue's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tokenroof.catalogue import model_ids
from tokenroof.lowering import families, model_from_hf

from . import theirs
from .absent import lowers, plausible, without_one_key
from .catalogue import comparable
from .examples import EXAMPLES, FAMILIES, NO_ORACLE, examples, story
from .generators import GENERATORS
from .ours import params_by_row
from .report import Report


def difference(config: Mapping[str, Any]) -> str:
    """Both sides part by part where their totals differ, else nothing."""
    tensors = theirs.learned(config)
    expected, got = sum(tensors.values()), model_from_hf(config).params
    if got == expected:
        return ""
    gap = got - expected
    lines = [f"ours {got:,}, transformers {expected:,}: {gap:+,}", "  transformers, by tensor:"]
    for name, elems in theirs.by_module(tensors).items():
        lines.append(f"    {elems:>16,} {name}" + (" <- as much as the difference" if elems == abs(gap) else ""))
    lines.append("  ours, by row:")
    lines += [f"    {elems:>16,} {name}" for name, elems in params_by_row(config).items()]
    return "\n".join(lines)


@pytest.mark.parametrize("family", FAMILIES)
def test_random_configs(family: str, report: Report) -> None:
    if not theirs.known(family):
        reason = "transformers has no such model_type"
        report.skip(family, "parameters", reason)
        pytest.skip(reason)
    report.start(family, "parameters")
    wrong = []
    for seed, config in examples(family, EXAMPLES):
        found = difference(config)
        if found:
            wrong.append(f"{story(seed, config)}\n{found}")
    report.cell(family, "parameters", EXAMPLES, len(wrong))
    assert not wrong, f"{len(wrong)} of {EXAMPLES} configs differ; the first:\n{wrong[0]}"


@pytest.mark.parametrize("family", FAMILIES)
def test_absent_keys(family: str, report: Report) -> None:
    """A key that is left out is refused by name, or means what the class's default means."""
    if not theirs.known(family):
        report.skip(family, "absent keys", "transformers has no such model_type")
        pytest.skip("transformers has no such model_type")
    report.start(family, "absent keys")
    compared, wrong = 0, {}
    for _, config in examples(family, 3):
        for key, fewer in without_one_key(config):
            if not (lowers(fewer) and plausible(fewer)):
                continue
            compared += 1
            found = difference(fewer)
            if found and key not in wrong:
                wrong[key] = f"without {key}: {found}"
    report.cell(family, "absent keys", compared, len(wrong))
    assert not wrong, f"keys that mean something else when absent: {', '.join(wrong)}\n" + "\n".join(wrong.values())


@pytest.mark.parametrize("model_id", model_ids())
def test_catalogue(model_id: str, report: Report) -> None:
    try:
        config = comparable(model_id)
    except theirs.Unknown as error:
        report.configs[f"parameters skipped: {error}"].append(model_id)
        pytest.skip(str(error))
    found = difference(config)
    report.configs["PARAMETERS DIFFER" if found else "parameters equal"].append(model_id)
    assert not found, f"{model_id}: {found}"


def test_families_without_a_generator_have_a_reason(report: Report) -> None:
    without = set(families()) - GENERATORS.keys()
    for family in sorted(without):
        report.not_compared[NO_ORACLE.get(family, "NO REASON GIVEN")].append(family)
    assert without == NO_ORACLE.keys()
