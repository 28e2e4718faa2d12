"""``tokenroof pareto``: the points of a sweep that no other point betters in every objective, exactly."""

from __future__ import annotations

import argparse
import time
from typing import Any

from ..errors import SpecError
from .arguments import add_axes, add_cite, add_json, add_run, add_settings, run_options, split_names, sweep_of
from .output import check_out, print_json, write_rows

_EXAMPLES = """\
examples:
  tokenroof pareto --maximize tokens_per_s_per_user,tokens_per_s_per_chip --model llama-3.1-70b \\
            --hardware h100-sxm,b200-sxm --precision fp8 --tp 1:8:x2 --batch 1:512 --by hardware --plot front.png
  tokenroof pareto --minimize ttft_s,usd_per_mtok --maximize tokens_per_s_per_user --spec sweep.toml
"""


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "pareto",
        help="find the points that no other point betters",
        description="Find the points of each group that no other equals or betters in two to four objectives.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("spec", nargs="?", metavar="SPEC.toml", help="axes from a file")
    parser.add_argument("--spec", dest="spec_option", metavar="FILE", help="the same")
    parser.add_argument("--maximize", metavar="COLUMNS", help="columns of which more is better")
    parser.add_argument("--minimize", metavar="COLUMNS", help="columns of which less is better")
    add_axes(parser, several=True)
    add_settings(parser)
    parser.add_argument("--by", metavar="AXES", help="one front for each value of these axes, e.g. model,hardware")
    parser.add_argument(
        "--where", action="append", metavar="LIMIT", help="'tpot_s <= 0.05'; may be given several times"
    )
    parser.add_argument("--columns", help="columns to report of each point")
    parser.add_argument("--out", metavar="FILE", help="write the front to a .csv or .parquet file")
    parser.add_argument("--plot", metavar="PNG", help="draw the first two objectives, a panel a model, a line a chip")
    add_run(parser)
    add_cite(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Search, then print the front."""
    check_out(args.out)
    if args.spec_option is not None and args.spec is not None:
        raise SpecError("spec", args.spec_option, f"one spec file, not also {args.spec!r}")
    args.spec = args.spec or args.spec_option
    sweep, _ = sweep_of(args)
    names = ("maximize", "minimize", "by", "columns")
    asked: dict[str, Any] = {
        name: split_names(getattr(args, name)) for name in names if getattr(args, name) is not None
    }
    began = time.perf_counter()
    with run_options(args) as how:
        table = sweep.pareto(**asked, where=args.where, **how)
    seconds = time.perf_counter() - began
    objectives = [*asked.get("maximize", []), *asked.get("minimize", [])]
    if args.out is not None:
        write_rows(args.out, table.columns, lambda: [list(row.values()) for row in table.rows()], table.to_arrow)
    if args.plot is not None:
        from ..plot import cost_plot

        cost_plot(table.rows(), args.plot, x=objectives[0], y=objectives[1])
    if args.json:
        print_json(
            {
                "points": sweep.size,
                "seconds": seconds,
                "isa": sweep.plan(args.isa).isa,
                **table.meta,
                **{name: asked.get(name, []) for name in ("maximize", "minimize", "by")},
                "where": args.where or [],
                "rows": table.rows(),
                "out": args.out,
                "plot": args.plot,
                **({"sources": table.cite().to_dict()} if args.cite else {}),
            }
        )
        return
    print(table if len(table) else "no point fits memory and holds every limit")
    print(f"{len(table):,} of {sweep.size:,} points in {seconds:.2f} s ({sweep.size / seconds / 1e9:.2f}e9 points/s)")
    for path in (args.out, args.plot):
        if path is not None:
            print(f"wrote {path}")
    if args.cite:
        print(f"\n{table.cite()}")
