"""``tokenroof columns``: what can be asked of a point."""

from __future__ import annotations

import argparse
from typing import Any

from .arguments import add_json
from .output import print_json


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "columns",
        help="list the columns of a point",
        description="Every column: name, unit, meaning.",
        allow_abbrev=False,
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the columns."""
    from .._native import UNITS, column_text
    from ..text import table_text

    rows = [{"column": name, "unit": unit, "meaning": column_text(name)} for name, unit in UNITS.items()]
    if args.json:
        print_json(rows)
    else:
        print(table_text(rows, rows[0]))
