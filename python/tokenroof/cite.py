"""Where the numbers of a result come from: the facts that were used of each model and chip, with their sources."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Any

from . import catalogue
from .axes.fields import unit_of_field
from .errors import SpecError, UnknownNameError
from .specs import Hardware, Level, Model, Precision, peak
from .units import format_si, parse_quantity

__all__ = ["Citation", "Entry", "Fact", "cite"]

#: Grades that a reader must not take for the maker's word.
_DOUBTFUL = ("claim", "rumour", "assumed")
#: Where a chip holds what a fact says, with its dimension; peaks and [typical] besides.
_HELD = {
    "memory.capacity": ("memory_bytes", "bytes"),
    "memory.bandwidth": ("memory_bandwidth", "bytes/s"),
    "memory.sram": ("sram_bytes", "bytes"),
    "power.max": ("power_max", "W"),
    "power.idle": ("power_idle", "W"),
    "price.buy": ("price_usd", "USD"),
    "price.rent": ("usd_per_hour", "USD/h"),
    "energy.memory": ("byte_joules", "J/B"),
    "energy.link": ("link_joules", "J/B"),
    "scaleup.bandwidth": ("scaleup.bandwidth", "bytes/s"),
    "scaleup.domain": ("scaleup.domain", "1"),
    "scaleup.wrap": ("scaleup.wrap", "1"),
    "scaleup.reduction": ("scaleup.reduction", "1"),
    "scaleup.reduction_latency": ("scaleup.reduction_latency", "s"),
    "scaleup.latency": ("calibration.link_latency", "s"),
    "scaleout.latency": ("calibration.scaleout_latency", "s"),
    "scaleout.bandwidth": ("scaleout.bandwidth", "bytes/s"),
    "scaleout.domain": ("scaleout.domain", "1"),
}
_LEVEL = re.compile(r"level\[(\d+)\]\.(capacity|bandwidth|energy)")
_UNITS = {"bytes": "B", "bytes/s": "B/s", "flop/s": "FLOP/s"}
_SECTIONS = ("peak", "memory", "level", "scaleup", "scaleout", "power", "energy", "price", "typical")
#: What no column uses.
_UNUSED = ("year", "notes", "die.area", "die.process", "price.rent_low", "price.rent_high")
#: What the cost of a chip that nobody rents out is derived from.
_OWNED = ("price.buy", "typical.life_years", "typical.pue", "typical.electricity")
GIVEN = "given by the caller"


@dataclass(frozen=True, slots=True)
class Fact:
    """One number, or a model's config, as its source spells it."""

    field: str
    value: str = ""
    grade: str = ""  #: of the catalogue's grades; `GIVEN` where it is not the catalogue's
    source: str = ""  #: key of the source; empty where there is none
    title: str = ""
    ref: str = ""
    note: str = ""  #: reason, provider, date
    default: str = ""  #: the kind of chip whose default it is

    @property
    def claim(self) -> bool:
        """Whether it is claimed or rumoured, with no datasheet or measurement behind it."""
        return self.grade in ("claim", "rumour")


@dataclass(frozen=True, slots=True)
class Entry:
    """A model or chip with the facts that were used of it."""

    id: str
    name: str
    status: str
    facts: tuple[Fact, ...]

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Entry:
        """The entry that `to_dict` was called on."""
        facts = tuple(Fact(**{name: fact[name] for name in fact if name != "claim"}) for fact in said["facts"])
        return cls(said["id"], said["name"], said["status"], facts)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values."""
        facts = [asdict(fact) | {"claim": fact.claim} for fact in self.facts]
        return {"id": self.id, "name": self.name, "status": self.status, "facts": facts}


@dataclass(frozen=True, repr=False)
class Citation:
    """Sources of what was used; ``print`` shows them, each source once."""

    catalogue: str  #: version of the catalogue
    models: tuple[Entry, ...]
    hardware: tuple[Entry, ...]

    @property
    def sources(self) -> dict[str, dict[str, str]]:
        """Title and reference of each source, by its key, in order of first use."""
        facts = [fact for entry in (*self.models, *self.hardware) for fact in entry.facts if fact.source]
        return {fact.source: {"title": fact.title, "ref": fact.ref} for fact in facts}

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Citation:
        """The citation that `to_dict` was called on."""
        models, chips = (tuple(map(Entry.from_dict, said[kind])) for kind in ("models", "hardware"))
        return cls(said["catalogue"], models, chips)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "catalogue": self.catalogue,
            "models": [entry.to_dict() for entry in self.models],
            "hardware": [entry.to_dict() for entry in self.hardware],
            "sources": self.sources,
        }

    def __str__(self) -> str:
        numbers = {key: f"[{i}]" for i, key in enumerate(self.sources, start=1)}
        lines = [f"catalogue {self.catalogue}"]
        for kind, entries in (("model", self.models), ("hardware", self.hardware)):
            for entry in entries:
                status = entry.status if entry.status == "official" else entry.status.upper()
                lines += ["", f"{kind} {entry.id} ({status})", *_lines(entry.facts, numbers)]
        lines += ["", "sources"]
        lines += [f"  {numbers[key]} {_source_text(key, **said)}" for key, said in self.sources.items()]
        legend = "CLAIM, RUMOUR, ASSUMED: neither the maker's datasheet nor a measurement."
        return "\n".join([*lines, "", legend])

    def __repr__(self) -> str:
        return str(self)


def cite(
    models: Iterable[Model],
    hardware: Iterable[Hardware],
    precisions: Sequence[Precision],
    *,
    estimate: str = "typical",
    fallback: str = "status",
    offload: Collection[str] = (),
    changes: Mapping[str, Sequence[Any]] | None = None,
) -> Citation:
    """The facts that points of these models, chips and precisions use; the rest as of `Sweep`.

    ``changes`` are fields that the caller set, ``hardware.memory_bandwidth`` and the like, with their values.
    """
    entries = [_model(m) for m in models], [_hardware(h, precisions, estimate, fallback, offload) for h in hardware]
    kept = [
        tuple(_with_changes(entry, kind, changes or {}) for entry in part)
        for kind, part in zip(("model", "hardware"), entries, strict=True)
    ]
    return Citation(catalogue.version(), kept[0], kept[1])


def _with_changes(entry: Entry, kind: str, changes: Mapping[str, Sequence[Any]]) -> Entry:
    """What the caller set, in place of the facts that no point uses any more."""
    set_here = {name.partition(".")[2]: values for name, values in changes.items() if name.partition(".")[0] == kind}
    held = {place: fact for fact, (place, _) in _HELD.items()}
    renamed = {"peaks.": "peak.", "calibration.": "typical."}
    gone = {
        next((new + n.removeprefix(old) for old, new in renamed.items() if n.startswith(old)), held.get(n, n))
        for n in set_here
    }
    factors = any(isinstance(value, str) for values in set_here.values() for value in values)
    facts = [fact for fact in entry.facts if factors or fact.field not in gone]
    facts += [Fact(field, _values_text(f"{kind}.{field}", values), GIVEN) for field, values in set_here.items()]
    return replace(entry, facts=tuple(facts))


def _values_text(name: str, values: Sequence[Any]) -> str:
    """Few values as they are, many by the first and the last."""
    unit = unit_of_field(name)
    texts = [v if isinstance(v, str) else format_si(v, unit, 6) if unit else f"{v:g}" for v in values]
    return ", ".join(texts) if len(texts) <= 4 else f"{texts[0]} to {texts[-1]}, {len(texts)} values"


def _model(model: Model) -> Entry:
    """A catalogue's model by its file; any other one by the sources that it names."""
    if model.id in catalogue.model_ids() and catalogue.model(model.id) is model:
        facts = [_fact(field, said) for field, said in catalogue.model_facts(model.id).items()]
    else:
        facts = [Fact("config", grade=GIVEN), *(_fact("config", {"source": key}) for key in model.sources)]
    return Entry(model.id, model.name, model.status, tuple(facts))


def _hardware(
    hw: Hardware, precisions: Sequence[Precision], estimate: str, fallback: str, offload: Collection[str]
) -> Entry:
    formats = {peak(hw, p, fallback)[1] for p in precisions}
    owned = hw.facts.get("price.rent", {}).get("grade") == "derived"
    facts = [Fact(f"peak.{key}", _si(hw.peaks[key], "flop/s"), GIVEN) for key in hw.peaks if key in formats]
    facts += [Fact(field, _si(getattr(hw, place), unit), GIVEN) for field, (place, unit) in list(_HELD.items())[:2]]
    facts = [fact for fact in facts if fact.field not in hw.facts]
    for field, said in sorted(hw.facts.items(), key=_order):  # stable: the file's order within a section
        section, _, key = field.partition(".")
        if field in _UNUSED or (section == "peak" and key not in formats) or (field in _OWNED and not owned):
            continue
        if section == "typical" and estimate == "bound" and field not in (*_OWNED, "typical.idle_power_share"):
            continue
        level = _level(hw, field)
        if level is not None and not level.near and not set(level.holds) & set(offload):
            continue
        changed = _changed(hw, field, said.get("value"))
        if changed is None:
            facts.append(_fact(field, said))
        elif changed:
            facts.append(Fact(field, changed, GIVEN))
    return Entry(hw.id, hw.name, hw.status, tuple(facts))


def _order(item: tuple[str, object]) -> int:
    section = item[0].partition(".")[0].partition("[")[0]
    return _SECTIONS.index(section) if section in _SECTIONS else len(_SECTIONS)


def _level(hw: Hardware, field: str) -> Level | None:
    """The memory level that a fact is of."""
    match = _LEVEL.fullmatch(field)
    return hw.levels[int(match[1])] if match and int(match[1]) < len(hw.levels) else None


def _changed(hw: Hardware, field: str, value: object) -> str | None:
    """What a chip holds instead of a fact's value, empty where nothing; None where it holds what the fact says."""
    section, _, key = field.partition(".")
    if section == "peak":
        held, unit = hw.peaks.get(key, math.nan), "flop/s"
    elif section == "energy" and field not in _HELD:
        held, unit = hw.flop_joules.get(key, math.nan), "J/FLOP"
    elif section == "typical" and hasattr(hw.calibration, key):
        held, unit = getattr(hw.calibration, key), "1" if isinstance(value, int | float) else "s"
    elif field in _HELD:
        place, unit = _HELD[field]
        held = _at(hw, place)
    elif _LEVEL.fullmatch(field):
        level = _level(hw, field)
        held = math.nan if level is None else float(getattr(level, "byte_joules" if key == "energy" else key))
        unit = {"capacity": "bytes", "bandwidth": "bytes/s", "energy": "J/B"}[key]
    else:
        return None
    try:
        said = math.inf if value == "inf" else parse_quantity(value, unit)
    except SpecError:
        return None
    if math.isclose(held, said, rel_tol=1e-3):  # derived rents are written with four digits
        return None
    return "" if math.isnan(held) else _si(held, unit)


def _at(hw: Hardware, place: str) -> float:
    """The number at an attribute of a chip, or of one of its links; NaN where the chip has no such link."""
    part, _, name = place.rpartition(".")
    owner = getattr(hw, part) if part else hw
    return math.nan if owner is None else float(getattr(owner, name))


def _si(value: float, unit: str) -> str:
    return format_si(value, "" if unit == "1" else _UNITS.get(unit, unit), 6)


def _fact(field: str, said: Mapping[str, object]) -> Fact:
    key = str(said.get("source") or "")
    try:
        source = catalogue.source(key) if key else {}
    except UnknownNameError:  # of the user's own file
        source = {}
    value = said.get("value", "")
    note = "; ".join(str(said[name]) for name in ("reason", "provider", "date") if said.get(name))
    return Fact(
        field,
        f"{value:g}" if isinstance(value, int | float) else str(value),
        str(said.get("grade", "")),
        key,
        str(source.get("title", "")),
        str(source.get("ref", "")),
        note,
        str(said.get("default", "")),
    )


def _lines(facts: Iterable[Fact], numbers: Mapping[str, str]) -> list[str]:
    """One line for each grade and source; a kind's defaults by themselves."""

    def place(fact: Fact) -> tuple[str, str, str]:
        return fact.default, fact.grade, fact.source

    order = list(dict.fromkeys(place(fact) for fact in facts))
    lines = []
    for (default, grade, source), group in groupby(sorted(facts, key=lambda f: order.index(place(f))), key=place):
        said = ", ".join(" ".join(part for part in (fact.field, fact.value) if part) for fact in group)
        marked = grade.upper() if grade in _DOUBTFUL else grade or "not graded"
        kind = f"default of kind {default}, " if default else ""
        lines.append(f"  {said}: {kind}{marked}{f' {numbers[source]}' if source else ''}")
    return lines


def _source_text(key: str, title: str, ref: str) -> str:
    return ", ".join(part for part in (title, ref) if part) or f"{key} (not in the catalogue)"
