"""Accelerators from TOML files: the catalogue's and the user's own."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import CatalogueError, SpecError, UnknownNameError, near_matches
from ..specs.hardware import TOPOLOGIES, Calibration, Hardware, Level, Link
from ..units import parse_quantity
from ._toml import load_toml

__all__ = ["GRADES", "hardware", "hardware_from_toml", "hardware_ids"]

#: How well a number is known, best first.
GRADES = ("datasheet", "measured", "derived", "claim", "assumed")

_HERE = Path(__file__).parent
_STATUS = ("official", "announced", "claim", "estimated")
_PEAKS = ("fp32", "tf32", "bf16", "fp8", "int8", "fp6", "fp4", "int4")
#: Each key of [typical] and of defaults.toml, with its dimension: the fields of Calibration, then what prices need.
_TYPICAL = {
    "compute_efficiency": "1",
    "memory_efficiency": "1",
    "link_efficiency": "1",
    "link_latency": "s",
    "scaleout_latency": "s",
    "layer_overhead": "s",
    "step_overhead": "s",
    "serial": "1",
    "kv_efficiency": "1",
    "attention_efficiency": "1",
    "narrow_efficiency": "1",
    "quant_efficiency": "1",
    "kernel_overhead": "s",
    "tile": "1",
    "expert_imbalance": "1",
    "expert_efficiency": "1",
    "sequence_overhead": "s",
    "prefill_overhead": "s",
    "idle_power_share": "1",
    "life_years": "1",
    "pue": "1",
    "electricity": "USD/J",
}
_CALIBRATION = tuple(f.name for f in fields(Calibration))
#: Latencies of [typical] that a link may bring along.
_LATENCIES = {"link_latency": "scaleup", "scaleout_latency": "scaleout"}
#: Each section's quantities with their dimensions; "" marks text.
_SECTIONS: dict[str, dict[str, str]] = {
    "peak": dict.fromkeys(_PEAKS, "flop/s"),
    "memory": {"capacity": "bytes", "bandwidth": "bytes/s", "sram": "bytes"},
    "scaleup": {
        "name": "",
        "domain": "1",
        "bandwidth": "bytes/s",
        "topology": "",
        "dims": "",
        "wrap": "1",
        "reduction": "1",
        "reduction_latency": "s",
        "latency": "s",
    },
    "scaleout": {"name": "", "domain": "1", "bandwidth": "bytes/s", "latency": "s"},
    "power": {"max": "W", "idle": "W"},
    "energy": dict.fromkeys(_PEAKS, "J/FLOP") | {"memory": "J/B", "link": "J/B"},
    "price": {"buy": "USD", "rent": "USD/h", "rent_low": "USD/h", "rent_high": "USD/h"},
    "die": {"area": "mm2", "process": "nm"},
    "typical": _TYPICAL,
}
#: Keys of each [[level]]; what lies behind main memory is used only where a run allows to offload.
_LEVEL = {"name": "", "capacity": "bytes", "bandwidth": "bytes/s", "holds": "", "near": "", "energy": "J/B"}
_TEXT = ("id", "name", "vendor", "kind", "status", "notes")
_FACT = ("value", "source", "grade", "reason", "provider", "date")
_HOURS_PER_YEAR = 365.25 * 24


def hardware(name: str) -> Hardware:
    """The catalogue's chip called ``name``; case, spaces, hyphens and underscores do not matter.

    Raises
    ------
    UnknownNameError
        When no chip has that name; names the nearest ones.

    Examples
    --------
    >>> hardware("H100 SXM").memory_bandwidth
    3350000000000.0
    """
    files = _files()
    if isinstance(name, str):
        if name in files:
            return _load(name)
        folded = _fold(name)
        for known in files:
            if _fold(known) == folded:
                return _load(known)
    raise UnknownNameError("hardware", name, files)


def hardware_ids() -> list[str]:
    """The ids of the catalogue's chips, sorted; reads names of files, not their contents."""
    return list(_files())


def hardware_from_toml(path: str | os.PathLike[str]) -> Hardware:
    """Read one chip from a TOML file in the catalogue's format.

    Plain values may stand for ``{ value, source, grade }`` tables. Needed are ``id``, one key of ``[peak]``,
    ``memory.capacity`` and ``memory.bandwidth``; what ``[typical]`` leaves out comes from the defaults of ``kind``.

    Raises
    ------
    CatalogueError
        When the file cannot be read, or a section or key is missing or unknown.
    SpecError
        When a value is not what its key needs: names file, key, value and what is right.
    """
    return _Reader(load_toml(path), os.fspath(path)).hardware()


@cache
def _files() -> dict[str, Path]:
    return {p.stem: p for p in sorted((_HERE / "hardware").glob("*.toml"), key=lambda p: p.stem)}


@cache
def _load(id: str) -> Hardware:
    return hardware_from_toml(_files()[id])


@cache
def _defaults() -> dict[str, Any]:
    return load_toml(_HERE / "defaults.toml")


def _fold(name: str) -> str:
    return "".join(c for c in name.lower() if c not in " -_")


class _Reader:
    """Checks one file's tables and turns them into a Hardware, remembering where each number came from."""

    def __init__(self, data: Mapping[str, Any], where: str) -> None:
        self.data = data
        self.where = where
        self.facts: dict[str, Mapping[str, object]] = {}

    def hardware(self) -> Hardware:
        data = self.data
        self.known(data, (*_TEXT, "year", "level", *_SECTIONS), "")
        text = {key: self.text(data, key, key) for key in _TEXT if key in data}
        for section, keys in _SECTIONS.items():
            self.known(self.table(section), keys, section)
        if not text.get("id"):
            raise CatalogueError(f'{self.where}: id is missing: write id = "my-chip"')
        self.among("kind", text.setdefault("kind", "gpu"), _defaults())
        self.among("status", text.setdefault("status", "official"), _STATUS)
        self.note_text("year", "notes")
        peaks = {key: self.number("peak", key, above_zero=True) for key in self.table("peak")}
        if not peaks:
            raise CatalogueError(f"{self.where}: [peak] is missing: give at least one of {', '.join(_PEAKS)}")
        typical = self.typical(text["kind"])
        power_max, power_idle = self.number("power", "max"), self.number("power", "idle")
        if math.isnan(power_idle):
            power_idle = typical["idle_power_share"] * power_max
        price = self.number("price", "buy")
        known = {key: self.number("energy", key, above_zero=True) for key in _PEAKS if key in self.table("energy")}
        for key in known:
            self.among(f"energy.{key}", key, peaks)
        return Hardware(
            id=text["id"],
            name=text.get("name", text["id"]),
            vendor=text.get("vendor", ""),
            kind=text["kind"],
            status=text["status"],
            peaks=peaks,
            memory_bytes=self.needed("memory", "capacity"),
            memory_bandwidth=self.needed("memory", "bandwidth"),
            sram_bytes=self.number("memory", "sram", absent=0.0),
            levels=self.levels(),
            scaleup=self.link("scaleup"),
            scaleout=self.link("scaleout"),
            power_max=power_max,
            power_idle=power_idle,
            price_usd=price,
            usd_per_hour=self.usd_per_hour(price, power_max, typical),
            life_years=typical["life_years"],
            die_mm2=self.number("die", "area"),
            process_nm=self.number("die", "process"),
            flop_joules=known,
            byte_joules=self.number("energy", "memory"),
            link_joules=self.number("energy", "link"),
            calibration=Calibration(**{key: typical[key] for key in _CALIBRATION}),
            facts=self.facts,
        )

    def link(self, section: str) -> Link | None:
        table = self.table(section)
        if not table:
            return None
        name = self.text(table, "name", f"{section}.name") if "name" in table else section
        domain = self.number(section, "domain", absent=math.inf)
        if not domain >= 1 or (domain != math.inf and domain % 1):
            raise SpecError(f"{section}.domain", table["domain"], "a whole number of chips, at least 1", self.where)
        topology = self.text(table, "topology", f"{section}.topology") if "topology" in table else "switch"
        self.among(f"{section}.topology", topology, TOPOLOGIES)
        dims = table.get("dims", [])
        if not isinstance(dims, list) or not all(type(n) is int and n >= 1 for n in dims):
            raise SpecError(f"{section}.dims", dims, "a list of chips along each axis, e.g. [16, 16]", self.where)
        return Link(
            name,
            self.needed(section, "bandwidth"),
            domain,
            topology,
            tuple(dims),
            int(self.number(section, "wrap", absent=0.0)),
            self.number(section, "reduction", absent=0.0),
            self.number(section, "reduction_latency", absent=0.0),
        )

    def levels(self) -> tuple[Level, ...]:
        tables = self.data.get("level", [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise SpecError("level", tables, "tables, [[level]] each", self.where)
        levels = []
        for i, table in enumerate(tables):
            field = f"level[{i}]"
            self.known(table, _LEVEL, field)
            for key in ("name", "capacity", "bandwidth"):
                if key not in table:
                    raise CatalogueError(f"{self.where}: {field}.{key} is missing")
            holds, near = table.get("holds", ["weights"]), table.get("near", False)
            if not isinstance(holds, list):
                raise SpecError(f"{field}.holds", holds, 'a list of "weights" and "kv"', self.where)
            if not isinstance(near, bool):
                raise SpecError(f"{field}.near", near, "true or false", self.where)
            in_place = _value(table["bandwidth"]) == "inf"
            if in_place:
                self.facts[f"{field}.bandwidth"] = _fact(table["bandwidth"])
            levels.append(
                Level(
                    self.text(table, "name", f"{field}.name"),
                    self.quantity(table["capacity"], "bytes", f"{field}.capacity"),
                    math.inf if in_place else self.quantity(table["bandwidth"], "bytes/s", f"{field}.bandwidth"),
                    tuple(holds),
                    near,
                    self.quantity(table["energy"], "J/B", f"{field}.energy") if "energy" in table else math.nan,
                )
            )
        return tuple(levels)

    def typical(self, kind: str) -> dict[str, float]:
        defaults, own = _defaults()[kind], self.table("typical")
        fallback = _Reader({"typical": defaults}, str(_HERE / "defaults.toml"))
        usual: dict[str, float] = {f.name: getattr(Calibration(), f.name) for f in fields(Calibration)}
        values = {
            key: (self if key in own else fallback).number("typical", key, absent=usual.get(key, math.nan))
            for key in _TYPICAL
        }
        for key in (*(name for name in usual if name.endswith("_efficiency")), "idle_power_share"):
            if key in own and not (values[key] <= 1 and (values[key] > 0 or key == "idle_power_share")):
                raise SpecError(f"typical.{key}", _value(own[key]), "a share above 0, at most 1", self.where)
        if not values["pue"] >= 1:
            raise SpecError("typical.pue", _value(own["pue"]), "at least 1: site power over chip power", self.where)
        if not values["life_years"] > 0:
            raise SpecError("typical.life_years", _value(own["life_years"]), "years above 0", self.where)
        self.facts |= {key: {**fact, "default": kind} for key, fact in fallback.facts.items()}
        for key, link in _LATENCIES.items():  # the link's own, unless [typical] was measured with it
            if key not in own and "latency" in self.table(link):
                values[key] = self.number(link, "latency")
                del self.facts[f"typical.{key}"]
        return values

    def usd_per_hour(self, price: float, power: float, typical: Mapping[str, float]) -> float:
        """Rent, or straight-line depreciation plus electricity at full power [USD/h]; nan when neither is known."""
        rent, *_ = (self.number("price", key) for key in ("rent", "rent_low", "rent_high"))  # the spread is a fact only
        if not math.isnan(rent) or math.isnan(price):
            return rent
        hourly = price / (typical["life_years"] * _HOURS_PER_YEAR)
        reason = f"price over {typical['life_years']:g} years"
        if not math.isnan(power):  # a chip of unknown power still wears out
            hourly += power * typical["pue"] * 3600.0 * typical["electricity"]
            reason += " and electricity at full power"
        self.facts["price.rent"] = {"value": f"{hourly:.4g} USD/h", "grade": "derived", "reason": reason}
        return hourly

    def needed(self, section: str, key: str) -> float:
        if key not in self.table(section):
            unit = {"bytes": '"80 GB"', "bytes/s": '"450 GB/s"'}[_SECTIONS[section][key]]
            raise CatalogueError(f"{self.where}: {section}.{key} is missing: write {key} = {unit} under [{section}]")
        return self.number(section, key, above_zero=True)

    def number(self, section: str, key: str, absent: float = math.nan, above_zero: bool = False) -> float:
        """The quantity at ``section.key`` in SI units; remembers its fact."""
        table = self.table(section)
        if key not in table:
            return absent
        field, raw = f"{section}.{key}", table[key]
        return self.quantity(raw, _SECTIONS[section][key], field, above_zero)

    def quantity(self, raw: Any, dimension: str, field: str, above_zero: bool = False) -> float:
        """A quantity in SI units, with or without its source; remembers its fact under ``field``."""
        if isinstance(raw, dict):
            self.known(raw, _FACT, field)
            if "value" not in raw:
                raise CatalogueError(f"{self.where}: {field}.value is missing: a table needs {{ value = ... }}")
            if "grade" in raw:
                self.among(f"{field}.grade", raw["grade"], GRADES)
            for part in _FACT[1:]:
                if part in raw:
                    self.text(raw, part, f"{field}.{part}")
        self.facts[field] = _fact(raw)
        value = parse_quantity(_value(raw), dimension, field, self.where)
        if above_zero and value == 0:
            raise SpecError(field, _value(raw), "a number above 0 (leave the key out when it is unknown)", self.where)
        return value

    def table(self, section: str) -> Mapping[str, Any]:
        table = self.data.get(section, {})
        if not isinstance(table, dict):
            raise SpecError(section, table, f"a table, [{section}]", self.where)
        return table

    def text(self, table: Mapping[str, Any], key: str, field: str) -> str:
        value = table[key]
        if not isinstance(value, str):
            raise SpecError(field, value, "text in quotes", self.where)
        return value

    def note_text(self, *keys: str) -> None:
        self.facts |= {key: {"value": self.data[key]} for key in keys if key in self.data}

    def known(self, table: Mapping[str, Any], keys: Any, section: str) -> None:
        for key in table:
            if key not in keys:
                place = f"[{section}]" if section in _SECTIONS else section or "the file"
                near = near_matches(key, keys)
                hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known are {', '.join(keys)}"
                raise CatalogueError(f"{self.where}: unknown key {key!r} in {place}: {hint}")

    def among(self, field: str, value: object, choices: Any) -> None:
        if value not in choices:
            raise SpecError(field, value, f"one of {', '.join(choices)}", self.where)


def _value(raw: Any) -> Any:
    return raw["value"] if isinstance(raw, dict) else raw


def _fact(raw: Any) -> Mapping[str, object]:
    return dict(raw) if isinstance(raw, dict) else {"value": raw}
