"""``tokenroof sweep``: columns of every point, as a table, a summary, JSON, a file or a folder of files."""

from __future__ import annotations

import argparse
import itertools
import math
from typing import TYPE_CHECKING, Any

from ..errors import SpecError
from .arguments import add_axes, add_cite, add_json, add_run, add_settings, run_options, split_names, sweep_of
from .output import check_out, is_folder, print_json, write_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..result import Result
    from ..sweep import Sweep

_EXAMPLES = """\
examples:
  tokenroof sweep --model llama-3.1-70b --hardware h100-sxm,b200-sxm --precision bf16,fp8 --tp 4,8 --batch 1,8,64
  tokenroof sweep --model llama-3.1-8b --hardware all --batch 1:512 --columns tpot_s,usd_per_mtok --out all.parquet
  tokenroof sweep my-sweep.toml --columns status --json
  tokenroof sweep my-sweep.toml --columns tpot_s,usd_per_mtok --out points/ --dask tcp://10.0.0.1:8786

A folder is written file by file, so that it may be larger than memory. Broken off, the same command goes on.

A spec file holds a table [sweep]:
  [sweep]
  model = ["llama-3.1-70b"]
  hardware = "all"
  precision = ["bf16", "fp8"]
  tp = "1:64:x2"
  batch = "1:512"
"""
_DEFAULT_COLUMNS = "status,ttft_s,tpot_s,tokens_per_s_per_chip,usd_per_mtok"
_FOLDER = ("rows_per_file", "compression", "float32")  #: what only a folder has
_MOST_ROWS = 60  # more points than this are summarised on a terminal
_MOST_JSON = 1_000_000  # values; beyond this JSON is the wrong format


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "sweep",
        help="evaluate every point of a grid",
        description="Evaluate columns at every point of the cartesian product of axes.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("spec", nargs="?", metavar="SPEC.toml", help="axes from a file; options go before it")
    add_axes(parser, several=True)
    add_settings(parser)
    parser.add_argument(
        "--columns", default=_DEFAULT_COLUMNS, help=f"default {_DEFAULT_COLUMNS}; see tokenroof columns"
    )
    parser.add_argument(
        "--out",
        metavar="FILE|DIR/",
        help="write every point: a .csv or .parquet file, or a folder of .parquet files",
    )
    folder = parser.add_argument_group("a folder", "with --out DIR/")
    folder.add_argument("--rows-per-file", type=int, metavar="N", help="default 4194304")
    folder.add_argument("--compression", help="zstd (default), none, snappy, gzip, brotli or lz4")
    folder.add_argument("--float32", action="store_true", default=None, help="columns in 4 bytes rather than 8")
    add_run(parser)
    add_cite(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Evaluate, then write or print."""
    given = {name: getattr(args, name) for name in _FOLDER if getattr(args, name) is not None}
    if given and not is_folder(args.out):
        raise SpecError(next(iter(given)), next(iter(given.values())), "only with --out DIR/, which ends in a slash")
    check_out(args.out)
    sweep, _ = sweep_of(args)
    names = split_names(args.columns)
    if is_folder(args.out):
        _to_folder(args, sweep, names, given)
        return
    if args.json and args.out is None and sweep.size * len(names) > _MOST_JSON:
        raise SpecError("json", f"{sweep.size:,} points", f"at most {_MOST_JSON:,} values; write them with --out")
    with run_options(args) as how:
        result = sweep.run(names, **how)
    if args.out is not None:
        write_rows(args.out, [*result.axes, *names], lambda: _rows(result, names), result.to_arrow)
    if args.json:
        values = None if args.out else {name: result[name].ravel() for name in names}
        print_json(
            {
                "points": sweep.size,
                **result.meta,
                "axes": result.coords,
                "shape": result.shape,
                "summary": _summary(result, names),
                "values": values,
                "out": args.out,
                **({"sources": result.cite().to_dict()} if args.cite else {}),
            }
        )
    elif args.out is None and sweep.size <= _MOST_ROWS:
        from ..text import table_text

        heads = [*result.axes, *names]
        print(table_text([dict(zip(heads, row, strict=True)) for row in _rows(result, names)], heads))
    else:
        _print_summary(result, names, sweep.size)
    if args.out is not None and not args.json:
        print(f"wrote {args.out}")
    if args.cite and not args.json:
        print(f"\n{result.cite()}")


def _to_folder(args: argparse.Namespace, sweep: Sweep, names: list[str], files: dict[str, Any]) -> None:
    with run_options(args) as how:
        stored = sweep.to_parquet(args.out, names, **files, **how)
    if args.json:
        sources = {"sources": stored.cite().to_dict()} if args.cite else {}
        print_json({"points": stored.size, **stored.meta, "axes": stored.coords, "out": args.out, **sources})
        return
    print(f"{stored.size:,} points in {len(stored.files):,} files\nwrote {args.out}")
    if args.cite:
        print(f"\n{stored.cite()}")


def _rows(result: Result, names: list[str]) -> Iterator[tuple[Any, ...]]:
    """Coordinates and columns of each point, first axis slowest."""
    from ..result import readable

    columns = [result[name].ravel().tolist() for name in names]
    for at, place in enumerate(itertools.product(*result.places)):
        yield (
            *itertools.chain.from_iterable(place),
            *(readable(name, values[at]) for name, values in zip(names, columns, strict=True)),
        )


def _summary(result: Result, names: list[str]) -> dict[str, dict[str, Any]]:
    """Least, median and largest value of each column over the points where it has a meaning."""
    import numpy as np

    summary = {}
    for name in names:
        values = result[name].ravel()
        values = values[~np.isnan(values)]
        ends = [float(f(values)) for f in (np.min, np.median, np.max)] if len(values) else [math.nan] * 3
        summary[name] = dict(zip(("min", "median", "max"), ends, strict=True)) | {"points": len(values)}
    return summary


def _print_summary(result: Result, names: list[str], size: int) -> None:
    from ..text import format_cell, table_text

    axes = ", ".join(f"{d} {n}" for d, n in zip(result.dims, result.shape, strict=True))
    rows = [
        {"column": name, **{k: format_cell(name, v) for k, v in s.items() if k != "points"}, "points": s["points"]}
        for name, s in _summary(result, names).items()
    ]
    print(f"{size:,} points: {axes}")
    print(table_text(rows, ["column", "min", "median", "max", "points"]))
