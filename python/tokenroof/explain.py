"""Why a point is what it is: the step operator by operator, against the speed of light, and memory as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .reference import Bound, RowTime, bind
from .reference.placement import MAIN, NOWHERE
from .specs import peak
from .text import format_cell, render
from .units import format_si

if TYPE_CHECKING:
    from .points import Point

__all__ = ["explain", "speed_of_light"]

_BAR = 40


def speed_of_light(row: RowTime, point: Point) -> float:
    """Least time [s] in which the replica's chips could do a row's FLOPs and reads, at datasheet peaks."""
    hw, chips = point.hardware, point.columns["chips"]
    return max(row.flops / point.peak, row.bytes / hw.memory_bandwidth) / chips


def explain(point: Point) -> str:
    """The explanation of one point as text; its rows add up to the typical tpot_s."""
    lines = [point.title, ""]
    if point.columns["status"] >= 16:
        return "\n".join([*lines, f"cannot be: {point.status_text}", *_instead(point)])
    asked: dict[str, Any] = {**point.layout, "options": point.options}
    bound = bind(point.model, point.hardware, point.precision, **asked)
    if point.estimate == "serial":
        bound.serial = 1.0
    lines += [
        _summary(point),
        "",
        _compute(point),
        "",
        f"decode step, typical, mean over osl (equations of docs/formulas.md)\n{_rows(point, bound)}",
    ]
    lines += ["", _memory(point, bound), "", _sources(point)]
    if point.columns["status"]:
        lines.insert(2, f"does not count: {point.status_text}\n")
    return "\n".join(lines)


def _compute(point: Point) -> str:
    """At which rate the matrices run."""
    wanted = point.precision.compute
    why = "" if point.compute == wanted else f": the next wider format, the chip has no {wanted}"
    return f"matrices run in {point.compute} at {format_si(point.peak, 'FLOP/s', 4)} dense{why}"


def _instead(point: Point) -> list[str]:
    """What the chip could compute in where it lacks the format."""
    rate, name = peak(point.hardware, point.precision, "wider")
    if point.compute or not name:
        return []
    said = f"it has no {point.precision.compute}; fallback='wider' computes in {name} at {format_si(rate, 'FLOP/s', 4)}"
    return [said]


def _summary(point: Point) -> str:
    shown = ("ttft_s", "tpot_s", "e2e_s", "tokens_per_s", "tokens_per_s_per_user", "usd_per_mtok", "joules_per_token")
    c = point.columns
    parts = []
    for name in shown:
        bound = c.get(f"{name}_bound", float("nan"))
        parts.append(f"  {name:<22}{format_cell(name, c[name]):>12}   bound {format_cell(name, bound):>10}")
    parts.append(f"  {'max_batch':<22}{format_cell('max_batch', c['max_batch']):>12}")
    return "\n".join(parts)


def _rows(point: Point, bound: Bound) -> str:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    rows = bound.decode_rows(float(point.batch), float(point.isl), float(point.osl))
    total = sum(row.seconds for row in rows)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for head, side in (
        ("operator", "left"),
        ("time", "right"),
        ("share", "right"),
        ("FLOP", "right"),
        ("bytes", "right"),
        ("limit", "left"),
        ("speed of light", "right"),
        ("times that", "right"),
        ("eq.", "left"),
    ):
        table.add_column(head, justify=side, no_wrap=True)  # type: ignore[arg-type]
    for row in rows:
        light = speed_of_light(row, point)
        times = f"{row.seconds / light:.2f}x" if light > 0 else "-"
        table.add_row(
            row.name,
            format_si(row.seconds, "s"),
            f"{row.seconds / total:.1%}",
            format_si(row.flops),
            format_si(row.bytes, "B"),
            row.limit,
            format_si(light, "s") if light > 0 else "-",
            times,
            row.equation,
        )
    light = sum(speed_of_light(row, point) for row in rows)
    table.add_section()
    table.add_row(
        "step",
        format_si(total, "s"),
        "100.0%",
        format_si(sum(r.flops for r in rows)),
        format_si(sum(r.bytes for r in rows), "B"),
        "",
        format_si(light, "s"),
        f"{total / light:.2f}x",
        "(14)",
    )
    return render(table)


def _memory(point: Point, bound: Bound) -> str:
    c, options, placement = point.columns, point.options, bound.placement
    assert placement is not None  # of every layout that can exist
    capacity = point.hardware.memory_bytes
    sequences = -(-point.batch // bound.k["holders"])
    here = placement.names[bound.place_of(sequences * bound.cache(float(point.isl), float(point.osl)))]
    kv, weights = c["kv_bytes_per_chip"], placement.held.get(MAIN, 0.0) + placement.held.get(NOWHERE, 0.0)
    kept = capacity - options.reserved_bytes
    usable = weights + (kept - weights) * options.memory_fraction
    if options.memory_of == "total":
        usable = capacity * options.memory_fraction - options.reserved_bytes
    parts = {"weights": weights, "KV cache": kv if here == MAIN else 0.0, "reserved": capacity - usable}
    parts["free"] = max(usable - parts["weights"] - parts["KV cache"], 0.0)
    what = "what weights leave free" if options.memory_of == "free" else "it"
    lines = [f"memory of one chip: {format_si(capacity, 'B', 4)}, {options.memory_fraction:.0%} of {what} may be used"]
    for name, value in parts.items():
        filled = min(round(_BAR * value / capacity), _BAR)
        lines.append(
            f"  {name:<9}{'█' * filled}{'·' * (_BAR - filled)} {format_si(value, 'B', 4):>9}  {value / capacity:.1%}"
        )
    lines += [f"  reserved for {name}: {format_si(value, 'B', 4)}" for name, value in options.reserved.items()]
    for level in point.hardware.levels:
        held = [f"weights {format_si(placement.held[level.name], 'B', 4)}"] if level.name in placement.held else []
        held += [f"KV cache {format_si(kv, 'B', 4)}"] if here == level.name else []
        if held:
            lines.append(f"  in {level.name} ({format_si(level.capacity, 'B', 4)}): {', '.join(held)}")
    return "\n".join(lines)


def _sources(point: Point) -> str:
    facts = point.hardware.facts
    wanted = (f"peak.{point.compute}", "memory.bandwidth", "memory.capacity", "price.rent", "energy.memory")
    said = [
        f"{key} {fact.get('value')} [{fact.get('grade')}: {fact.get('source') or fact.get('reason')}]"
        for key, fact in ((key, facts[key]) for key in wanted if key in facts)
    ]
    return "from: " + "; ".join([*said, f"model {point.model.status}: {', '.join(point.model.sources) or 'given'}"])
