"""``tokenroof calibrate``: measurements to a calibration file."""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SpecError, UnknownNameError
from ..files import write_atomically
from .arguments import add_json
from .output import print_json

if TYPE_CHECKING:
    from ..calibration import Calibrated
    from ..validation.calibrate import Accuracy, Fit

_EXAMPLES = """\
examples:
  tokenroof calibrate measurements.csv --out mine.toml
  tokenroof calibrate measurements.csv runs.csv --out mine.toml --cross-validate source,chip,model --ablation
  tokenroof point llama-3.1-70b h100-sxm --precision fp8 --tp 4 --calibration mine.toml --software vllm

Formats of tables: docs/validation.md. What is fitted and how: docs/calibration.md. Needs scipy: the extra [calibrate].
"""
_BY = ("source", "chip", "model")
_SHOWN, _SURE = 12, 0.7  # shifts in the text: so many, and all that are known better than this share of their spread


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "calibrate",
        help="fit the estimate's constants to measurements",
        description="Fit efficiencies and overheads of chips and software to measurements, and write them to a file.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="table of measurements or of serving runs")
    parser.add_argument("--out", metavar="FILE.toml", help="write the calibration to this file")
    parser.add_argument("--cross-validate", metavar="NAMES", help="leave out each source, chip, model in turn")
    parser.add_argument("--ablation", action="store_true", help="fit again without each cause in turn")
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Read, fit, check, write, print."""
    import numpy as np

    from ..validation import calibrate as c
    from ..validation.tables import read_tables
    from ..validation.uncertainty import coverage, spreads

    by = args.cross_validate.split(",") if args.cross_validate else []
    for name in by:
        if name not in _BY:
            raise UnknownNameError("--cross-validate", name, _BY)
    if args.out and not Path(args.out).absolute().parent.is_dir():
        raise SpecError("out", args.out, "a file in a folder that exists")
    cases, skipped = read_tables(args.files)
    fit = c.fit(cases)
    metrics = np.array([case.metric for case in fit.problem.cases])
    tables: dict[str, list[Accuracy]] = {
        "before": _by_metric(metrics, fit.problem.errors(np.zeros(len(fit.z)))),
        "after": _by_metric(metrics, fit.errors),
    }
    held = {name: c.cross_validate(fit, name) for name in by}
    for name, groups in held.items():
        errors = np.full(len(metrics), np.nan)
        for group in groups:
            errors[group.places] = group.errors
        tables[f"left-out {name}s"] = _by_metric(metrics, errors)
    if args.ablation:
        classes = {
            "step, request, loaded_tpot": ("step", "request", "loaded_tpot"),
            "ttft and prefill": ("ttft", "prefill"),
            "loaded_ttft": ("loaded_ttft",),
            "operators": ("gemm", "attention_decode", "attention_prefill", "all_reduce"),
        }
        left = {"(nothing)": fit.errors, **c.ablate(fit)}
        for of_class, names in classes.items():
            rows = [c.accuracy(name, errors[np.isin(metrics, names)]) for name, errors in left.items()]
            tables[f"{of_class} without"] = rows
    of = spreads(fit.problem.cases, [group for groups in held.values() for group in groups])
    inside = {n: coverage(fit.problem.cases, held[n], of) for n in by}
    made = c.result(fit, spread=of, date=datetime.date.today().isoformat())
    if args.out:
        write_atomically(args.out, lambda name: _write(name, made.to_toml()))
    if args.json:
        print_json(_json(fit, tables, inside, len(skipped)))
    else:
        print(_text(fit, made, tables, inside, len(skipped)))
        if args.out:
            print(f"\nwritten to {args.out}")


def _write(path: str, text: str) -> None:
    Path(path).write_text(text, encoding="utf-8")


def _by_metric(metrics: Any, errors: Any) -> list[Accuracy]:
    from ..validation.calibrate import accuracy

    found = [accuracy(name, errors[metrics == name]) for name in sorted(set(metrics.tolist()))]
    return [*(row for row in found if row.n), accuracy("all", errors)]


def _constants(fit: Fit) -> list[dict[str, Any]]:
    """Shifts, the surest first."""
    rows = [
        {
            "level": level,
            "of": of,
            "cause": cause,
            "shift": float(z * sd),
            "error": float(sure * sd),
            "sure": float(sure),
        }
        for (level, of, cause), z, sd, sure in zip(
            fit.problem.names, fit.z, fit.problem.spread, fit.sure(), strict=True
        )
    ]
    return sorted(rows, key=lambda row: float(row["sure"]))


def _json(fit: Fit, tables: dict[str, list[Accuracy]], inside: dict[str, tuple[int, float]], skipped: int) -> Any:
    from dataclasses import asdict

    return {
        "cases": len(fit.problem.cases),
        "not_read": skipped,
        "not_evaluated": fit.problem.evaluator.reasons,
        "errors": {name: [asdict(row) for row in rows] for name, rows in tables.items()},
        "coverage": {name: {"n": n, "inside": share} for name, (n, share) in inside.items()},
        "singular_values": fit.singular,
        "shifts": _constants(fit),
    }


def _text(
    fit: Fit,
    made: Calibrated,
    tables: dict[str, list[Accuracy]],
    inside: dict[str, tuple[int, float]],
    skipped: int,
) -> str:
    lines = [f"{len(fit.problem.cases)} measurements, {skipped} rows that cannot be read or evaluated"]
    for name, rows in tables.items():
        lines += ["", f"{name:<32} {'n':>6} {'median':>8} {'p90':>8} {'bias':>8}"]
        lines += [f"  {r.name:<30} {r.n:>6} {r.median:>8.1%} {r.p90:>8.1%} {r.bias:>+8.1%}" for r in rows]
    for name, (n, share) in inside.items():
        lines += ["", f"of {n} cases of left-out {name}s {share:.0%} lie in their intervals (80% should)"]
    decided = int((fit.singular > 1.0).sum())
    lines += ["", f"shifts {len(fit.z)}, of which the data decide {decided} combinations (singular values above 1)"]
    lines += [f"{'shift of':<36} {'constant':<22} {'by':>8} {'error':>8}  learned"]
    shifts = _constants(fit)
    for row in shifts[: max(_SHOWN, sum(row["sure"] < _SURE for row in shifts))]:
        of = f"{row['level']} {row['of']}"
        learned = 1.0 - row["sure"] ** 2
        lines.append(f"{of:<36} {row['cause']:<22} {row['shift']:>+8.2f} {row['error']:>8.2f} {learned:>8.0%}")
    lines += [f"({len(made.kinds)} kinds, {len(made.software)} stacks; other shifts stay near 0)"]
    return "\n".join(lines)
