"""``tokenroof point``: every column of one point, or why it is what it is."""

from __future__ import annotations

import argparse
from typing import Any

from .arguments import SETTINGS, add_axes, add_cite, add_json, add_settings, find_hardware, find_model, set_fields
from .output import print_json

_EXAMPLES = """\
examples:
  tokenroof point llama-3.1-70b h100-sxm --precision fp8 --tp 4 --batch 32 --isl 2048 --osl 256
  tokenroof point deepseek-v3 h200-sxm --precision fp8 --tp 8 --batch 64 --explain
  tokenroof point ./my-model/config.json ./my-chip.toml --json
"""
_NAMES = ("precision", "tp", "pp", "ep", "dp", "cp", "batch", "isl", "osl")


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "point",
        help="evaluate one point",
        description="Evaluate one point: time, throughput, memory, energy, cost.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("model", help="catalogue id, config.json, or its folder")
    parser.add_argument("hardware", help="catalogue id or .toml file")
    add_axes(parser, several=False)
    add_settings(parser)
    parser.add_argument("--explain", action="store_true", help="operator by operator, against the speed of light")
    add_cite(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the point."""
    from ..points import point

    given = {name: getattr(args, name) for name in (*_NAMES, *SETTINGS)} | set_fields(args)
    p = point(find_model(args.model), find_hardware(args.hardware), **{n: v for n, v in given.items() if v is not None})
    if args.json:
        more = {"explanation": p.explain()} if args.explain else {}
        print_json(p.to_dict() | more | ({"sources": p.cite().to_dict()} if args.cite else {}))
        return
    if args.explain:
        print(p.explain())
    else:
        print(p.title if p.ok else f"{p.title}\n\ndoes not count: {p.status_text}")
        if p.tpot_s == p.tpot_s:  # an illegal layout has no values to show
            print(_table(p))
    if args.cite:
        print(f"\n{p.cite()}")


def _table(p: Any) -> str:
    """Each column with its value, its bound where it has one, and what it means."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from .._native import COLUMNS, column_text
    from ..result import readable
    from ..text import format_cell, render

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for head, side in (("column", "left"), (p.estimate, "right"), ("bound", "right"), ("meaning", "left")):
        table.add_column(head, justify=side, no_wrap=True)  # type: ignore[arg-type]
    for name in COLUMNS:
        if name.endswith("_bound"):
            continue
        bound = format_cell(name, p[f"{name}_bound"]) if f"{name}_bound" in COLUMNS else ""
        table.add_row(name, format_cell(name, readable(name, p[name])), bound, column_text(name))
    return render(table)
