"""``tokenroof best``: the k best points of each group of a sweep, exactly."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from ..errors import Interrupted, SpecError, UnknownNameError
from .arguments import add_axes, add_cite, add_json, add_run, add_settings, run_options, split_names, sweep_of
from .output import check_out, print_json, write_rows

if TYPE_CHECKING:
    from ..result import Table
    from ..sweep import Sweep

_EXAMPLES = """\
examples:
  tokenroof best usd_per_mtok --model llama-3.1-70b --hardware all --precision bf16,fp8 --tp 1:8:x2 --batch 1:512 \\
            --by hardware --where "tpot_s <= 0.05" --where "ttft_s < 2"
  tokenroof best tokens_per_s_per_chip --model all --hardware b200-sxm --precision fp8 --tp 1,2,4,8 --batch 1:512 \\
            --by model
  tokenroof best --spec examples/gpt4_for_everyone.toml

A spec file holds [sweep] (see tokenroof sweep --help) and may hold [best]:
  [best]
  objective = "usd_per_mtok"
  by = ["model", "hardware"]
  where = ["tpot_s <= 0.05"]
  k = 1
"""
_KEYS = ("objective", "by", "where", "k", "maximize", "columns", "method")


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "best",
        help="find the best points of a grid",
        description="Find the k best points of each group among every point of a grid. Only points that fit count.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "objective", nargs="?", metavar="OBJECTIVE", help="a column, e.g. usd_per_mtok, or an expression of columns"
    )
    parser.add_argument("spec", nargs="?", metavar="SPEC.toml", help="axes, and perhaps [best], from a file")
    parser.add_argument("--spec", dest="spec_option", metavar="FILE", help="the same; [best] gives the objective")
    add_axes(parser, several=True)
    add_settings(parser)
    parser.add_argument("--by", metavar="AXES", help="one winner for each value of these axes, e.g. model,hardware")
    parser.add_argument(
        "--where",
        action="append",
        metavar="LIMIT",
        help="'tpot_s <= 0.05' or an expression; may be given several times",
    )
    parser.add_argument("--k", type=int, metavar="N", help="places per group (default 1)")
    more = parser.add_mutually_exclusive_group()
    more.add_argument("--maximize", action="store_true", default=None, help="default: more of rates, less of all else")
    more.add_argument("--minimize", dest="maximize", action="store_false")
    parser.add_argument("--columns", help="columns to report of each winner")
    parser.add_argument(
        "--method", help="every (default: evaluate every point), or bound: leave out what a bound proves unable to win"
    )
    parser.add_argument("--out", metavar="FILE", help="write the winners to a .csv or .parquet file")
    add_run(parser)
    add_cite(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Search, then print the winners."""
    check_out(args.out)
    if args.objective is not None and args.objective.endswith(".toml") and args.spec is None:
        args.objective, args.spec = None, args.objective
    if args.spec_option is not None and args.spec is not None:
        raise SpecError("spec", args.spec_option, f"one spec file, not also {args.spec!r}")
    args.spec = args.spec or args.spec_option
    sweep, options = sweep_of(args)
    for key in options:
        if key not in _KEYS:
            raise UnknownNameError(f"key of [best] in {args.spec}", key, _KEYS)
    given = {name: getattr(args, name) for name in _KEYS}
    for name in ("by", "columns"):
        if given[name] is not None:
            given[name] = split_names(given[name])
    options |= {name: value for name, value in given.items() if value is not None}
    if not isinstance(options.get("objective"), str):
        raise SpecError("objective", options.get("objective"), "a column, e.g. tokenroof best usd_per_mtok ...")
    plan = sweep.plan(args.isa)
    began = time.perf_counter()
    stopped = None
    with run_options(args) as how:
        try:
            table, points = sweep.best(**options, **how), sweep.size
        except Interrupted as stop:  # show what was found, then end as interrupted
            table, points, stopped = stop.partial, stop.points, stop
    seconds = time.perf_counter() - began
    if args.out is not None and stopped is None:
        write_rows(args.out, table.columns, lambda: [list(row.values()) for row in table.rows()], table.to_arrow)
    if args.json:
        print_json(
            {
                "points": sweep.size,
                "legal": sweep.legal,
                "points_done": points,
                "seconds": seconds,
                "isa": plan.isa,
                **table.meta,
                "objective": options["objective"],
                "by": options.get("by", []),
                "where": options.get("where", []),
                "rows": table.rows(),
                "out": args.out if stopped is None else None,
                **({"sources": table.cite().to_dict()} if args.cite else {}),
            }
        )
    else:
        evaluated, proven = table.meta["points_evaluated"], table.meta["points_proven"]
        said = f"{evaluated:,} points in {seconds:.2f} s ({evaluated / seconds / 1e9:.2f}e9 points/s, {plan.isa})"
        said += f"; {proven:,} more cannot win" if proven else ""
        _print(args, table, sweep, said, whole=stopped is None)
    if stopped is not None:
        raise stopped


def _print(args: argparse.Namespace, table: Table, sweep: Sweep, said: str, whole: bool) -> None:
    if len(table):
        print(table)
    else:
        print("no point fits memory and holds every limit")
    print(said)
    if whole and sweep.legal < sweep.size:
        print(f"{sweep.legal:,} of them in layouts that can exist")
    if args.out is not None and whole:
        print(f"wrote {args.out}")
    if args.cite:
        print(f"\n{table.cite()}")
