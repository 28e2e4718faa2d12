"""Rewrites what docs/hardware.md says of the code: the table of one model on every chip, and the picture beside it.

Run from anywhere: ``python docs/make_hardware_table.py``; a test compares the page with what this makes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import tokenroof as tr
from tokenroof.plot import all_reduce_plot
from tokenroof.result import readable

PAGE = Path(__file__).parent / "hardware.md"
PICTURE = Path(__file__).parent / "all_reduce.png"

MODEL, ISL, OSL = "llama-3-70b", 2048, 256
TP, PP, BATCH = [1, 2, 4, 8, 16, 32, 64], "1:80", "1:8192"
#: The first of these that a chip computes in is taken, and bf16 in its next wider format where it has none of them.
PRECISIONS = ("fp8", "int8", "bf16")
#: Of a value that is not the maker's word, the weakest grade first.
MARKS = {"assumed": "?", "claim": "~", "derived": "*"}
NETWORKS = {
    "PCIe 4.0, 8 x L40S": ("l40s", 8),
    "NVLink 4, 8 x H100": ("h100-sxm", 8),
    "InfiniBand NDR, 2 hosts of 8 x H100": ("h100-sxm", 16),
    "ICI, 16 x TPU v5e": ("tpu-v5e", 16),
    "ICI, 64 x TPU v5p": ("tpu-v5p", 64),
}


def _precision(hw: tr.Hardware) -> str:
    return next((name for name in PRECISIONS if name in hw.peaks), "bf16")


def _mark(hw: tr.Hardware, *fields: str) -> str:
    """The mark of the weakest of these facts."""
    grades = {hw.facts.get(field, {}).get("grade") for field in fields}
    return next((mark for grade, mark in MARKS.items() if grade in grades), "")


def _three(value: float, mark: str = "") -> str:
    """Three digits, no power of ten, and a mark; nothing where nobody knows."""
    return "" if math.isnan(value) else f"{float(f'{value:.3g}'):,.10g}{mark}"


def _row(hw: tr.Hardware) -> str:
    name = hw.id if hw.status == "official" else f"{hw.id} ({hw.status})"
    precision = _precision(hw)
    axes = {"model": MODEL, "hardware": hw, "precision": precision, "isl": ISL, "osl": OSL, "fallback": "wider"}
    alone = tr.Sweep(**axes, tp=TP, pp=PP)
    fewest = list(alone.best("chips", columns=["chips"]))
    if not fewest:
        return f"| {name} | {precision} | {_why_not(hw, precision)} |||||||||"
    chips = fewest[0]["chips"]
    same = f"chips <= {chips:.0f}"
    bound, typical = (
        next(iter(alone.best(column, where=same)))[column]
        for column in ("tokens_per_s_per_user_bound", "tokens_per_s_per_user")
    )
    full = next(iter(tr.Sweep(**axes, tp=TP, pp=PP, batch=BATCH).best("tokens_per_s_per_chip", where=same)))
    mark = _mark(hw, f"peak.{precision}", "memory.capacity", "memory.bandwidth")
    cells = [
        name,
        precision,
        f"{chips:,.0f}",
        _three(bound, mark),
        _three(typical, mark),
        " ".join(f"{axis} {full[axis]}" for axis in ("tp", "pp") if full[axis] > 1),
        f"{full['batch']:,}",
        _three(full["tokens_per_s_per_chip"], mark),
        _three(full["joules_per_token"], _mark(hw, "power.max")),
        _three(full["usd_per_mtok"], _mark(hw, "price.rent") if "price.rent" in hw.facts else MARKS["derived"]),
        readable("bottleneck", full["bottleneck"]),
    ]
    return f"| {' | '.join(cells)} |"


def _why_not(hw: tr.Hardware, precision: str) -> str:
    """Of a chip on which no layout fits: how many one would need, and how many can be joined."""
    domain = hw.scaleup.domain if hw.scaleup else 1.0
    need = tr.point(MODEL, hw, precision=precision, fallback="wider").weight_bytes_per_chip
    return f"no: {math.ceil(need / (0.9 * hw.memory_bytes)):,} for the weights, {domain:,.0f} can be joined"


def _chips() -> str:
    columns = ["chip", "precision", "chips", "tokens/s/user, bound", "typical", "layout", "batch", "tokens/s/chip"]
    columns += ["J/token", "$/Mtok", "limited by"]
    head = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    chips = [tr.hardware(name) for name in tr.hardware_ids()]
    return "\n".join(head + [_row(hw) for hw in chips if hw.kind != "burned-in"])


MADE: dict[str, Callable[[], str]] = {"chips": _chips}


def remade(text: str) -> str:
    """The page with every made part as the code has it now."""
    for name, make in MADE.items():
        before, mark, rest = text.partition(f"<!-- made: {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        if not mark or not end:
            raise SystemExit(f"{PAGE}: expected a part between <!-- made: {name} --> and <!-- end -->")
        text = f"{before}{mark}{make()}\n{end}{after}"
    return text


def draw() -> None:
    """The picture: all-reduce over five networks."""
    note = "Solid: typical. Dotted: bound, bytes at the datasheet bandwidth.\nMarker: from here another algorithm wins."
    all_reduce_plot(NETWORKS, PICTURE, heading="All-reduce: time against size", note=note)


if __name__ == "__main__":
    PAGE.write_text(remade(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    draw()
