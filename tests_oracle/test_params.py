"""Parameters, to the last one: random configs of each family, configs with a key left out, and the catalogue's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tokenroof.catalogue import model, model_ids
from tokenroof.errors import ConfigError
from tokenroof.lowering import families, model_from_hf

from . import theirs
from .examples import EXAMPLES, FAMILIES, NO_ORACLE, examples, story
from .generators import GENERATORS
from .ours import params_by_row
from .report import Report

#: Keys without which a config is no config: absent ones are refused, and the class's default is nobody's model.
#: ``q_lora_rank`` is not among those that published files leave out; absent, it is a ``null`` that some format dropped.
CORE = {"model_type", "text_config", "layer_types", "q_lora_rank"}


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


def without_one_key(config: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """``config`` without each of its keys in turn; those of a wrapper's language model."""
    inner = config.get("text_config", config)
    for key in inner:
        if key in CORE:
            continue
        fewer = {name: value for name, value in inner.items() if name != key}
        if key == "num_key_value_heads":  # some classes mean 8 or 32 of them: as many heads as that can go with
            fewer |= {"num_attention_heads": 32, "hidden_size": 64}
        yield key, config | {"text_config": fewer} if "text_config" in config else fewer


def plausible(config: Mapping[str, Any]) -> bool:
    """Whether transformers builds a model that could run."""
    try:
        theirs.learned(config)
    except Exception:  # whatever the class's default clashes with
        return False
    text = theirs.config_of(config).get_text_config(decoder=True)
    text.allow_global_per_layer_attribute_access = True  # Gemma 4 has KV heads per layer
    heads, kv_heads = (getattr(text, f"num_{kind}_heads", None) for kind in ("attention", "key_value"))
    return not (isinstance(heads, int) and isinstance(kv_heads, int) and heads % kv_heads)


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
            try:
                model_from_hf(fewer)
            except ConfigError:
                continue
            if not plausible(fewer):
                continue
            compared += 1
            found = difference(fewer)
            if found and key not in wrong:
                wrong[key] = f"without {key}: {found}"
    report.cell(family, "absent keys", compared, len(wrong))
    assert not wrong, f"keys that mean something else when absent: {', '.join(wrong)}\n" + "\n".join(wrong.values())


@pytest.mark.parametrize("model_id", model_ids())
def test_catalogue(model_id: str, report: Report) -> None:
    entry = model(model_id)
    if entry.status != "official":
        reason = f"{entry.status}, no published config"
    elif not theirs.known(entry.config["model_type"]):
        reason = f"transformers has no model_type {entry.config['model_type']!r}"
    else:
        reason = ""
    if reason:
        report.configs[f"parameters skipped: {reason}"].append(model_id)
        pytest.skip(reason)
    try:
        found = difference(entry.config)
    except theirs.Unknown as error:
        report.configs[f"parameters skipped: {error}"].append(model_id)
        pytest.skip(str(error))
    report.configs["PARAMETERS DIFFER" if found else "parameters equal"].append(model_id)
    assert not found, f"{model_id}: {found}"


def test_families_without_a_generator_have_a_reason(report: Report) -> None:
    without = set(families()) - GENERATORS.keys()
    for family in sorted(without):
        report.not_compared[NO_ORACLE.get(family, "NO REASON GIVEN")].append(family)
    assert without == NO_ORACLE.keys()
