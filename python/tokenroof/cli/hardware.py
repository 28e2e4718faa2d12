"""``tokenroof hardware``: the catalogue's accelerators, or one of them fact by fact."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

from .arguments import add_json, find_hardware
from .output import facts_text, print_json

if TYPE_CHECKING:
    from ..specs import Hardware, Link
    from ..specs.hardware import Level

#: Grades that a reader should not take for the maker's word.
_DOUBTFUL = {"claim": "CLAIM", "assumed": "ASSUMED"}
_PEAKS = ("bf16", "fp8", "int8", "fp6", "fp4", "int4", "tf32", "fp32")
#: Sections in the order in which they are shown; within each, the file's order.
_ORDER = ("peak", "memory", "level", "scaleup", "scaleout", "power", "energy", "price", "die", "typical")


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "hardware",
        help="list the catalogue's accelerators, or show one",
        description="The catalogue's accelerators; with an ID (or a .toml file), each fact as its source spells it.",
        allow_abbrev=False,
    )
    parser.add_argument("id", nargs="?", metavar="ID", help="catalogue id or .toml file")
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the list or the chip."""
    from .. import catalogue

    if args.id is None:
        rows = [_row(catalogue.hardware(id)) for id in catalogue.hardware_ids()]
        print_json(rows) if args.json else print(_listing(rows))
        return
    found = find_hardware(args.id)
    hw = catalogue.hardware(found) if isinstance(found, str) else found
    if args.json:
        print_json(_row(hw) | {"facts": _facts(hw)})
    else:
        print(_one(hw))


def _link(link: Link | None) -> dict[str, Any] | None:
    if link is None:
        return None
    return {
        "name": link.name,
        "bandwidth": link.bandwidth,
        "domain": link.domain,
        "topology": link.topology,
        "dims": list(link.dims),
        "wrap": link.wrap,
        "reduction": link.reduction,
    }


def _level(level: Level) -> dict[str, Any]:
    return {
        "name": level.name,
        "capacity": level.capacity,
        # JSON knows no infinity: null is memory that is read where the arithmetic is
        "bandwidth": None if math.isinf(level.bandwidth) else level.bandwidth,
        "holds": list(level.holds),
        "near": level.near,
        "joules_per_byte": level.byte_joules,
    }


def _shape(link: dict[str, Any]) -> str:
    """What a link joins: chips, and how unless through a switch."""
    if link["dims"]:
        return "x".join(map(str, link["dims"])) + " torus"
    return f"{link['domain']:g}" + ("" if link["topology"] == "switch" else f" {link['topology']}")


def _row(hw: Hardware) -> dict[str, Any]:
    return {
        "id": hw.id,
        "name": hw.name,
        "vendor": hw.vendor,
        "kind": hw.kind,
        "status": hw.status,
        "peaks_flop_per_s": {key: hw.peaks.get(key) for key in _PEAKS},
        "memory_bytes": hw.memory_bytes,
        "memory_bandwidth_bytes_per_s": hw.memory_bandwidth,
        "levels": [_level(level) for level in hw.levels],
        "scaleup": _link(hw.scaleup),
        "scaleout": _link(hw.scaleout),
        "power_max_w": hw.power_max,
        "joules_per_flop": dict(hw.flop_joules),
        "joules_per_byte": hw.byte_joules,
        "joules_per_link_byte": hw.link_joules,
        "price_usd": hw.price_usd,
        "usd_per_hour": hw.usd_per_hour,
        "usd_per_hour_grade": hw.facts.get("price.rent", {}).get("grade"),
        "die_mm2": hw.die_mm2,
        "process_nm": hw.process_nm,
    }


def _energy(row: dict[str, Any]) -> str:
    """Of arithmetic and memory, where the catalogue knows both."""
    flops, byte = row["joules_per_flop"], row["joules_per_byte"]
    if not flops or math.isnan(byte):
        return "-"
    return f"{next(iter(flops.values())) * 1e12:.2g}, {byte * 1e12:.3g}"


def _listing(rows: list[dict[str, Any]]) -> str:
    from ..text import table_text
    from ..units import format_si

    def si(value: float | None, unit: str) -> str:
        return "-" if value is None or math.isnan(value) else format_si(value, unit)

    def link(value: dict[str, Any] | None) -> str:
        if value is None:
            return "-"
        return f"{format_si(value['bandwidth'], 'B/s')} x {_shape(value)}"

    marks = {"assumed": "?", "claim": "~", "derived": "*"}
    shown = [
        {
            "id": row["id"],
            "bf16 FLOP/s": si(row["peaks_flop_per_s"]["bf16"], ""),
            "fp8 FLOP/s": si(row["peaks_flop_per_s"]["fp8"], ""),
            "memory": si(row["memory_bytes"], "B"),
            "bandwidth": si(row["memory_bandwidth_bytes_per_s"], "B/s"),
            "link x domain": link(row["scaleup"]),
            "W": si(row["power_max_w"], ""),
            "pJ/FLOP, pJ/B": _energy(row),
            "$/h": "-"
            if math.isnan(row["usd_per_hour"])
            else f"{row['usd_per_hour']:.2f}{marks.get(row['usd_per_hour_grade'], ' ')}",
            "status": row["status"] if row["status"] == "official" else row["status"].upper(),
        }
        for row in rows
    ]
    legend = (
        "Dense peaks; link per chip and direction, joined by a switch unless it says how.\n"
        "pJ/FLOP in the first format that has one, bf16 as a rule; pJ/B of main memory.\n"
        "$/h: ~ claimed rent, ? assumed rent, * wear and power if bought."
    )
    return f"{table_text(shown, shown[0])}\n\n{legend}"


def _facts(hw: Hardware) -> list[dict[str, Any]]:
    from ..catalogue import source

    rows = []
    for name, fact in hw.facts.items():
        if name in ("year", "notes"):
            continue
        row = {key: fact.get(key) for key in ("value", "grade", "source", "reason", "provider", "date")}
        key = row["source"]
        reference = source(str(key)).get("ref") if key is not None else None
        rows.append({"fact": name, **row, "ref": reference, "default_of_kind": fact.get("default")})
    return sorted(rows, key=lambda row: _ORDER.index(row["fact"].split(".")[0].split("[")[0]))  # stable


def _levels_text(levels: tuple[Level, ...]) -> str:
    return "; ".join(
        f"[{i}] {level.name} ({'near, ' if level.near else ''}{' and '.join(level.holds)})"
        for i, level in enumerate(levels)
    )


def _link_text(link: Link | None) -> str:
    if link is None:
        return ""
    joined = {
        "switch": "chips through a switch",
        "mesh": "chips, each with a link to each other one",
        "ring": "chips in a ring",
        "torus": "chips in a " + "x".join(map(str, link.dims)) + " torus",
    }
    words = [f"{link.name}: {link.domain:,.0f} {joined[link.topology]}"]
    if link.wrap:
        words.append(f"rings where a multiple of {link.wrap}")
    if link.reduction:
        words.append(f"reduces inside at {link.reduction:.0%} of the bandwidth")
    return ", ".join(words)


def _one(hw: Hardware) -> str:
    from ..text import table_text

    head = {
        "name": f"{hw.name}, {hw.vendor}" if hw.vendor else hw.name,
        "year": str(hw.facts.get("year", {}).get("value", "")),
        "kind": hw.kind,
        "status": hw.status if hw.status == "official" else f"{hw.status.upper()}: not as the maker ships it",
        "links": _link_text(hw.scaleup),
        "levels": _levels_text(hw.levels),
        "notes": str(hw.facts.get("notes", {}).get("value", "")),
    }
    rows, reasons = [], []
    for fact in _facts(hw):
        grade = fact["grade"] or "not graded"
        default = f" (default of kind {fact['default_of_kind']})" if fact["default_of_kind"] else ""
        rows.append(
            {
                "fact": fact["fact"],
                "value": f"{fact['value']:g}" if isinstance(fact["value"], int | float) else str(fact["value"]),
                "grade": _DOUBTFUL.get(grade, grade),
                "source": (fact["ref"] or fact["source"] or "-") + default,
            }
        )
        why = "; ".join(str(fact[key]) for key in ("reason", "provider", "date") if fact[key])
        if why and not default:  # the file of defaults argues for its own
            reasons.append(f"  {fact['fact']}: {why}")
    notes = ["", "notes on these", *reasons] if reasons else []
    legend = "Values as their sources spell them. CLAIM and ASSUMED: not the maker's datasheet and not a measurement."
    return "\n".join([hw.id, "", facts_text(head), "", table_text(rows, rows[0]), *notes, "", legend])
