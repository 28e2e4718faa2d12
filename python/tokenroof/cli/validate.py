"""``tokenroof validate``: measurement tables against what the engine predicts for them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import UnknownNameError
from .arguments import add_json
from .output import print_json

_EXAMPLES = """\
examples:
  tokenroof validate                                     the selection of figures that comes with tokenroof
  tokenroof validate measurements.csv --only step,ttft --by source,chip
  tokenroof validate measurements.csv runs.csv --calibration mine.toml --report report/

Formats of tables, metrics and rules: docs/validation.md.
"""


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "validate",
        help="compare measurements with bounds and estimates",
        description="Read measurement tables (CSV) and compare each number with its bound and its typical value.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="table of measurements or of serving runs")
    parser.add_argument("--calibration", metavar="FILE", help="constants from tokenroof calibrate")
    parser.add_argument("--report", metavar="DIR", help="write README.md and parity.png into this folder")
    parser.add_argument(
        "--by", metavar="NAMES", help="tables to print: source, chip, model, phase, metric, class, software, or a+b"
    )
    parser.add_argument("--only", metavar="METRICS", help="only these metrics, for example step,ttft")
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Read, predict, print."""
    from ..calibration import load_calibration
    from ..validation.case import METRICS
    from ..validation.predict import predict
    from ..validation.report import BY, make_report
    from ..validation.tables import FIGURES, read_tables

    only = args.only.split(",") if args.only else list(METRICS)
    for name in only:
        if name not in METRICS:
            raise UnknownNameError("metric", name, METRICS)
    fitted = load_calibration(args.calibration) if args.calibration else None
    cases, skipped = read_tables(args.files or [FIGURES])
    cases = [case for case in cases if case.metric in only]
    report = make_report(
        cases,
        skipped,
        predict(cases, fitted),
        by=args.by.split(",") if args.by else BY,
        tables_read=max(len(args.files), 1),
        calibration=f"`{Path(args.calibration).name}`" if args.calibration else "those that the package carries",
    )
    if args.report:
        report.write(args.report, _command(args))
    print_json(report.to_dict()) if args.json else print(report.text())


def _command(args: argparse.Namespace) -> str:
    """The command that was given, without where its files lie."""
    words = ["tokenroof validate", *(["TABLE..."] if args.files else [])]
    words += [f"--calibration {Path(args.calibration).name}"] if args.calibration else []
    words += [f"--{name} {value}" for name in ("by", "only") if (value := getattr(args, name))]
    return " ".join([*words, "--report DIR"])
