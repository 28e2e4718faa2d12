"""Why a point is what it is: the step operator by operator, against the speed of light, and memory as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .reference import RowTime, bind
from .text import format_cell, render
from .units import format_si

if TYPE_CHECKING:
    from .points import Point

__all__ = ["explain", "speed_of_light"]

_BAR = 40


def speed_of_light(row: RowTime, point: Point) -> float:
    """Least time [s] in which the replica's chips could do a row's FLOPs and reads, at datasheet peaks."""
    hw, chips = point.hardware, point.columns["chips"]
    peak = hw.peaks[point.precision.compute]
    return max(row.flops / peak, row.bytes / hw.memory_bandwidth) / chips


def explain(point: Point) -> str:
    """The explanation of one point as text; its rows add up to the typical tpot_s."""
    lines = [point.title, ""]
    if point.columns["status"] >= 16:
        return "\n".join([*lines, f"cannot be: {point.status_text}"])
    lines += [
        _summary(point),
        "",
        f"decode step, typical, mean over osl (equations of docs/formulas.md)\n{_rows(point)}",
    ]
    lines += ["", _memory(point), "", _sources(point)]
    if point.columns["status"]:
        lines.insert(2, f"does not count: {point.status_text}\n")
    return "\n".join(lines)


def _summary(point: Point) -> str:
    shown = ("ttft_s", "tpot_s", "e2e_s", "tokens_per_s", "tokens_per_s_per_user", "usd_per_mtok", "joules_per_token")
    c = point.columns
    parts = []
    for name in shown:
        bound = c.get(f"{name}_bound", float("nan"))
        parts.append(f"  {name:<22}{format_cell(name, c[name]):>12}   bound {format_cell(name, bound):>10}")
    parts.append(f"  {'max_batch':<22}{format_cell('max_batch', c['max_batch']):>12}")
    return "\n".join(parts)


def _rows(point: Point) -> str:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    bound = bind(point.model, point.hardware, point.precision, memory_fraction=point.memory_fraction, **point.layout)
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


def _memory(point: Point) -> str:
    c, capacity = point.columns, point.hardware.memory_bytes
    usable = capacity * point.memory_fraction
    parts = (
        ("weights", c["weight_bytes_per_chip"]),
        ("KV cache", c["kv_bytes_per_chip"]),
        ("reserved", capacity - usable),
        ("free", max(usable - c["mem_bytes_per_chip"], 0.0)),
    )
    lines = [f"memory of one chip: {format_si(capacity, 'B', 4)}, {point.memory_fraction:.0%} of it for weights and KV"]
    for name, value in parts:
        filled = min(round(_BAR * value / capacity), _BAR)
        lines.append(
            f"  {name:<9}{'█' * filled}{'·' * (_BAR - filled)} {format_si(value, 'B', 4):>9}  {value / capacity:.1%}"
        )
    return "\n".join(lines)


def _sources(point: Point) -> str:
    facts = point.hardware.facts
    wanted = (f"peak.{point.precision.compute}", "memory.bandwidth", "memory.capacity", "price.rent")
    said = [
        f"{key} {fact.get('value')} [{fact.get('grade')}: {fact.get('source') or fact.get('reason')}]"
        for key, fact in ((key, facts[key]) for key in wanted if key in facts)
    ]
    return "from: " + "; ".join([*said, f"model {point.model.status}: {', '.join(point.model.sources) or 'given'}"])
