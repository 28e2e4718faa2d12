"""Calibration files: fitted constants of chips, kinds of chips and software, and how sure they are.

A file is what ``tokenroof calibrate`` writes; `calibrated` gives a chip with its constants. See docs/calibration.md.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from .catalogue import hardware as _find
from .catalogue._toml import load_toml
from .errors import CatalogueError, SpecError
from .specs import Hardware
from .specs.hardware import Calibration

__all__ = [
    "ENGINE",
    "FIELDS",
    "SHARES",
    "STACKS",
    "USUAL_STACKS",
    "Calibrated",
    "Fitted",
    "calibrated",
    "calibrated_all",
    "load_calibration",
    "owned",
    "stack",
]

#: Constants of a chip that a file may hold.
FIELDS = tuple(f.name for f in fields(Calibration))
#: Constants of engines, with what is assumed of them and the most they may be: the share of others' prompts that
#: decoding waits for; the steps that a request waits for before its prompt is taken.
ENGINE = {"interference": (0.6, 1.0), "wait_steps": (10.0, 1e3)}
#: Those that are multiples, at least 1.
_MULTIPLES = ("tile", "expert_imbalance")
#: Those that are shares, at most 1.
SHARES = frozenset(name for name in FIELDS if name.endswith("_efficiency"))
#: Software stacks by what their names contain. Engines that were rewritten have a stack for each generation.
STACKS = {
    "kernels": ("kernels", "profil"),  # operators timed on their own
    "llama.cpp": ("llama.cpp", "llama-bench", "gguf", "ollama"),
    "trtllm": ("trtllm", "tensorrt"),
    "trtllm-engine": (),
    "vllm": ("vllm",),
    "vllm-0": (),
    "sglang": ("sglang",),
    "neuron": ("neuron",),
}
#: What a kind of chip usually runs: the stack whose factors count where nobody says which.
USUAL_STACKS = {
    **dict.fromkeys(("gpu", "amd-gpu", "gddr-gpu"), "vllm"),
    **dict.fromkeys(("consumer-gpu", "apple"), "llama.cpp"),
    "npu": "neuron",
}
#: Rewritten stacks: the version from which the name means the new one, and the old one's name. TensorRT-LLM 1.0 runs
#: models in PyTorch where it compiled engines; vLLM 0.8 made its second engine the default. Both are of 2025.
_REWRITTEN = {"trtllm": ((1, 0), "trtllm-engine"), "vllm": ((0, 8), "vllm-0")}
_NEW_SINCE = 2025
_META = ("date", "sources", "notes", "kind", "chip", "software", "spread")
_FITTED = ("value", "grade", "n", "error", "date")


def stack(software: str) -> str:
    """The software stack that a source's wording means; empty where it is none of `STACKS`.

    The name of a stack is itself. Of a rewritten one a version, a year or the backend tells the generation; a wording
    without any is of before.

    >>> stack("TensorRT-LLM 0.9.0"), stack("trtllm/1.3.0rc20"), stack("vLLM"), stack("vllm (2026)"), stack("in-house")
    ('trtllm-engine', 'trtllm', 'vllm-0', 'vllm', '')
    """
    if software in STACKS:
        return software
    text = software.lower()
    found = next((name for name, marks in STACKS.items() if any(mark in text for mark in marks)), "")
    if found not in _REWRITTEN:
        return found
    since, old = _REWRITTEN[found]
    year = re.search(r"\b(20\d\d)\b", text)
    version = re.search(r"(\d+)\.(\d+)", text)
    if year:
        new = int(year[1]) >= _NEW_SINCE
    else:
        new = "pytorch" in text or (version is not None and (int(version[1]), int(version[2])) >= since)
    return found if new else old


@dataclass(frozen=True)
class Fitted:
    """One fitted number."""

    value: float  #: of a field, SI; for software a factor on the chip's value, or the share itself (interference)
    n: int = 0  #: measurements that decide it
    error: float = math.nan  #: standard error of its logarithm
    grade: str = "fitted"


@dataclass(frozen=True)
class Calibrated:
    """What a calibration file holds; empty: the catalogue as it is."""

    kinds: Mapping[str, Mapping[str, Fitted]] = field(default_factory=dict)
    chips: Mapping[str, Mapping[str, Fitted]] = field(default_factory=dict)
    software: Mapping[str, Mapping[str, Fitted]] = field(default_factory=dict)
    #: Tenth and ninetieth percentile of log(measured / typical), by kind or "other", and by class of metric.
    spread: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    date: str = ""
    notes: str = ""

    def hardware(self, chip: Hardware, software: str | None = None) -> Hardware:
        """The chip with the file's constants: its own, else those of its kind; times the software's factors.

        What the chip's own catalogue file says goes before its kind.
        """
        own = owned(chip)
        kind = {name: given for name, given in self.kinds.get(chip.kind, {}).items() if name not in own}
        entries = {**kind, **self.chips.get(chip.id, {})}
        found = {name: given.value for name, given in entries.items() if name in FIELDS}
        for table in self._factors(chip, software):
            for name, given in table.items():
                if name in FIELDS:
                    found[name] = found.get(name, getattr(chip.calibration, name)) * given.value
        found = {name: _possible(name, value) for name, value in found.items()}
        return replace(chip, calibration=replace(chip.calibration, **found)) if found else chip

    def engine(self, name: str, chip: Hardware, software: str | None = None) -> float:
        """A constant of engines, of `ENGINE`; where the file says nothing, what is assumed."""
        tables = (self.kinds.get(chip.kind, {}), *self._factors(chip, software))
        start, most = ENGINE[name]
        kind = tables[0].get(name)
        factors = math.prod(table[name].value for table in tables[1:] if name in table)
        return min((kind.value if kind else start) * factors, most)

    def _factors(self, chip: Hardware, software: str | None) -> list[Mapping[str, Fitted]]:
        """Factors of a stack, and of that stack on this chip; of the kind's usual one where nobody says which."""
        name = USUAL_STACKS.get(chip.kind, "") if software is None else stack(software)
        return [self.software[key] for key in (name, f"{name}@{chip.id}") if name and key in self.software]

    def to_toml(self) -> str:
        """The text of a calibration file."""
        lines = [f"date = {_text(self.date)}", f"notes = {_text(self.notes)}"]
        lines += ["sources = [", *(f"    {_text(source)}," for source in self.sources), "]"]
        for part, tables in zip(_PARTS, (self.kinds, self.chips, self.software), strict=True):
            for name, entries in tables.items():
                lines += ["", f"[{part}.{_text(name)}]"]
                lines += [f"{key} = {_entry(given)}" for key, given in entries.items()]
        for name, pairs in self.spread.items():
            lines += ["", f"[spread.{_text(name)}]"]
            lines += [f"{key} = [{low:.3f}, {high:.3f}]" for key, (low, high) in pairs.items()]
        return "\n".join(lines) + "\n"


def owned(chip: Hardware) -> set[str]:
    """Constants that the chip's own catalogue file says: measured on it, so that no fit of its kind moves them."""
    return {name for name in FIELDS if "default" not in chip.facts.get(f"typical.{name}", {"default": ""})}


def _possible(name: str, value: float) -> float:
    """A product of factors within what a field may be."""
    if name in SHARES or name == "serial":
        return min(value, 1.0)
    return max(value, 1.0) if name in _MULTIPLES else value


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _entry(given: Fitted) -> str:
    error = "" if math.isnan(given.error) else f", error = {given.error:.2g}"
    return f'{{ value = {given.value:.4g}, grade = "{given.grade}", n = {given.n}{error} }}'


def calibrated(
    hardware: str | Hardware, file: str | os.PathLike[str] | Calibrated, software: str | None = None
) -> Hardware:
    """A chip with the constants of a calibration file in place of the catalogue's.

    Parameters
    ----------
    hardware : str or Hardware
    file : path or Calibrated
        Written by ``tokenroof calibrate``.
    software : str, optional
        The stack whose factors apply, for example ``"vllm"`` or ``"TensorRT-LLM 1.0"``.
    """
    chip = _find(hardware) if isinstance(hardware, str) else hardware
    return (file if isinstance(file, Calibrated) else load_calibration(file)).hardware(chip, software)


def calibrated_all(
    chips: Iterable[Hardware], file: str | os.PathLike[str] | Calibrated | None, software: str | None
) -> tuple[Hardware, ...]:
    """What a run's ``calibration`` and ``software`` make of its chips; software alone asks for the shipped file."""
    if file is None:
        if software is None:
            return tuple(chips)
        file = "published"
    given = file if isinstance(file, Calibrated) else load_calibration(file)
    return tuple(given.hardware(chip, software) for chip in chips)


_SHIPPED = Path(__file__).parent / "catalogue" / "calibrations" / "published.toml"


def load_calibration(path: str | os.PathLike[str]) -> Calibrated:
    """Read a calibration file; ``"published"`` is the one that the package carries (docs/calibration.md).

    Raises
    ------
    CatalogueError
        When it cannot be read, or has a table or key that is not known.
    SpecError
        When a value is not possible for its key.
    """
    if path == "published":
        path = _SHIPPED
    where, data = os.fspath(path), load_toml(path)
    _known(data, _META, where)
    kinds, chips, software = (
        {name: _entries(table, f"{part}.{name}", where) for name, table in _tables(data, part, where)}
        for part in _PARTS
    )
    return Calibrated(
        kinds,
        chips,
        software,
        spread={name: _spreads(table, name, where) for name, table in _tables(data, "spread", where)},
        sources=tuple(str(s) for s in data.get("sources", ())),
        date=str(data.get("date", "")),
        notes=str(data.get("notes", "")),
    )


_PARTS = ("kind", "chip", "software")


def _known(table: Mapping[str, Any], names: Iterable[str], where: str) -> None:
    for key in table:
        if key not in names:
            raise CatalogueError(f"{where}: unknown key {key!r}: known are {', '.join(names)}")


def _tables(data: Mapping[str, Any], part: str, where: str) -> list[tuple[str, Mapping[str, Any]]]:
    found = data.get(part, {})
    if not isinstance(found, dict) or not all(isinstance(t, dict) for t in found.values()):
        raise CatalogueError(f"{where}: [{part}] is not a table of tables")
    return list(found.items())


def _entries(table: Mapping[str, Any], name: str, where: str) -> dict[str, Fitted]:
    _known(table, (*FIELDS, *ENGINE), f"{where}, [{name}]")
    return {key: _fitted(key, raw, name, f"{where}, [{name}]") for key, raw in table.items()}


def _fitted(key: str, raw: Any, name: str, where: str) -> Fitted:
    given = raw if isinstance(raw, dict) else {"value": raw}
    _known(given, _FITTED, f"{where}, {key}")
    value = given.get("value")
    factor = name.startswith("software.")
    at_most = 1.0 if not factor and (key in SHARES or key in ("serial", "interference")) else math.inf
    at_least = 1.0 if not factor and key in _MULTIPLES else 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not at_least <= value <= at_most:
        raise SpecError(key, value, f"a number from {at_least:g} to {at_most:g}", where)
    if math.isinf(value) or (value == 0 and key in SHARES):
        raise SpecError(key, value, "a finite number above 0", where)
    return Fitted(
        float(value), int(given.get("n", 0)), float(given.get("error", math.nan)), str(given.get("grade", "fitted"))
    )


def _spreads(table: Mapping[str, Any], name: str, where: str) -> dict[str, tuple[float, float]]:
    out = {}
    for key, pair in table.items():
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(x, int | float) for x in pair):
            raise SpecError(key, pair, "two logarithms, [low, high]", f"{where}, [spread.{name}]")
        out[key] = (float(pair[0]), float(pair[1]))
    return out
