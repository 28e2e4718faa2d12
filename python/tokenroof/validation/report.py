"""The report of a validation: tables on the terminal, Markdown with a parity plot, or plain values."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import TokenroofError
from ..files import write_atomically
from .case import Case, Skipped
from .parity import parity_plot
from .predict import Prediction
from .stats import Group, Result, groups, results, verdict

__all__ = ["BY", "Report", "make_report"]

#: Tables of a report unless others are asked for.
BY = ("metric", "source+metric", "chip+class", "model+class", "phase")
_WORST = 15
_WORDS = {
    "ours": "the bound or its inputs",
    "source": "the source's number",
    "assumption": "what was assumed to evaluate it",
    "": "not examined",
}


@dataclass(frozen=True)
class Report:
    """Everything that a validation found."""

    results: list[Result]
    skipped: list[Skipped]
    tables: dict[str, list[Group]]
    tables_read: int
    calibration: str  #: what was in place of the catalogue's constants

    @property
    def violations(self) -> list[Result]:
        """Measurements that beat the bound, the furthest first."""
        return sorted((r for r in self.results if r.violates), key=lambda r: r.ratio)

    @property
    def worst(self) -> list[Result]:
        """Rows with the largest errors of `typical`, by the logarithm."""
        rows = (r for r in self.results if r.counts)
        return sorted(rows, key=lambda r: -abs(r.log_error))[:_WORST]

    @property
    def counts(self) -> dict[str, int]:
        """How many numbers were read, and what became of them."""
        doubted = sum(r.doubted for r in self.results)
        violations = self.violations
        return {
            "read": len(self.results) + len(self.skipped),
            "skipped": len(self.skipped),
            "evaluated": len(self.results),
            "doubted": doubted,
            "checked against the bound": len(self.results) - doubted,
            "violations": sum(not r.doubted for r in violations),
            "violations by doubted numbers": sum(r.doubted for r in violations),
            "in the errors": sum(r.counts for r in self.results),
        }

    @property
    def reasons(self) -> dict[str, int]:
        """Why numbers were skipped, most frequent first."""
        return dict(Counter(s.reason for s in self.skipped).most_common())

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "calibration": self.calibration,
            "counts": self.counts,
            "tables": {by: [group.to_dict() for group in found] for by, found in self.tables.items()},
            "violations": [_violation(r) for r in self.violations],
            "worst": [_row(r) for r in self.worst],
            "skipped": [{"id": s.id, "source": s.source, "reason": s.reason} for s in self.skipped],
        }

    def text(self) -> str:
        """Tables for a terminal."""
        from ..text import table_text

        parts = ["\n".join(f"{n:>8,}  {name}" for name, n in self.counts.items())]
        for by, found in self.tables.items():
            rows = [_cells(by, group) for group in found]
            if rows:
                parts.append(table_text(rows, rows[0], title=f"by {by.replace('+', ' and ')}"))
        violations = [_violation_cells(r) for r in self.violations]
        parts.append(table_text(violations, violations[0], title="violations") if violations else "no violations")
        worst = [_worst_cells(r) for r in self.worst]
        if worst:
            parts.append(table_text(worst, worst[0], title="largest errors"))
        reasons = [{"numbers": n, "skipped because": why} for why, n in self.reasons.items()]
        if reasons:
            parts.append(table_text(reasons, reasons[0]))
        return "\n\n".join(parts)

    def markdown(self, command: str) -> str:
        """The report as a Markdown document beside ``parity.png``."""
        lines = [
            "# Measurements against the engine",
            "",
            f"Made by `{command}` from {self.tables_read} table{'s' * (self.tables_read != 1)} of measurements"
            " ([formats, metrics and rules](../validation.md)).",
            f"Constants: {self.calibration}.",
            "",
            *_md([{"numbers": name, "count": f"{n:,}"} for name, n in self.counts.items()]),
            "",
            "A number is *doubted* where its source or the table says that something is wrong with it, or a maker",
            "claims it: it proves nothing. It is *checked against the bound* but not *in the errors* where the source",
            "leaves open what decides the typical value: running batch, lengths, layout or format.",
            "",
            "![measured against predicted](parity.png)",
            "",
            "## Errors",
            "",
            "Error: predicted over measured, less 1. Bias is its median through logarithms, the median and the 90th",
            "percentile are of its absolute value. Inside: share of rows in the interval that holds eight of ten.",
        ]
        for by, found in self.tables.items():
            lines += ["", f"### By {by.replace('+', ' and ')}", "", *_md([_cells(by, group) for group in found])]
        lines += ["", "## Violations of the bound", ""]
        violations = self.violations
        if violations:
            lines += [*_md([_violation_cells(r) for r in violations]), ""]
        for r in violations:
            whose, why = verdict(r.case.id)
            lines.append(f"- **{r.case.id}** ({_WORDS.get(whose, whose)}): {why or 'nobody has examined it yet.'}")
        lines += ["None." if not violations else ""]
        lines += ["## Largest errors", "", *_md([_worst_cells(r) for r in self.worst]), ""]
        lines += ["## Skipped", ""]
        lines += _md([{"numbers": f"{n:,}", "because": why} for why, n in self.reasons.items()])
        return "\n".join(lines).rstrip() + "\n"

    def write(self, folder: str | os.PathLike[str], command: str) -> None:
        """Write ``README.md`` and ``parity.png`` into a folder, made if need be; each file whole or not at all."""
        target = Path(folder)
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TokenroofError(f"{target}: cannot be made ({error.strerror or error})") from error
        parity_plot(self.results, target / "parity.png")
        document = self.markdown(command)

        def fill(name: str) -> None:
            Path(name).write_text(document, encoding="utf-8")

        write_atomically(target / "README.md", fill)


def make_report(
    cases: Sequence[Case],
    skipped: Iterable[Skipped],
    prediction: Prediction,
    *,
    by: Iterable[str] = BY,
    tables_read: int = 1,
    calibration: str = "the catalogue's",
) -> Report:
    """Statistics of a prediction.

    Parameters
    ----------
    cases, skipped : sequences
        As `read_tables` gives them.
    prediction : Prediction
        Of the cases.
    by : iterable of str
        Properties to group by, of `stats.KEYS`, joined with ``+``.

    Raises
    ------
    SpecError
        When a property is unknown.
    """
    found = results(cases, prediction)
    there = {r.case.id for r in found}
    lost = [Skipped(c.id, c.source, prediction.reasons.get(c.id, "no value")) for c in cases if c.id not in there]
    tables = {name: groups(found, name) for name in by}
    return Report(found, [*skipped, *lost], tables, tables_read, calibration)


def _percent(value: float, sign: str = "") -> str:
    return "-" if math.isnan(value) else f"{value:{sign}.1%}"


def _cells(by: str, group: Group) -> dict[str, str]:
    """A group as a row of a table."""
    return dict(zip(by.split("+"), group.key, strict=True)) | {
        "checked": str(group.checked),
        "violations": str(group.violations),
        "rows": str(group.rows),
        "bias": _percent(group.bias, "+"),
        "median": _percent(group.median),
        "p90": _percent(group.p90),
        "inside": "-" if math.isnan(group.coverage) else f"{group.coverage:.0%}",
        "worst": group.worst or "-",
    }


def _row(result: Result) -> dict[str, Any]:
    """A result as plain values."""
    case = result.case
    return {
        "id": case.id,
        "source": case.source,
        "chip": case.hardware.id,
        "model": case.model.id if case.model else None,
        "metric": case.metric,
        "precision": case.precision.name,
        "layout": dict(case.layout),
        "batch": case.batch,
        "isl": case.isl,
        "osl": case.osl,
        "measured": case.measured,
        "typical": result.typical,
        "bound": result.bound,
        "low": result.low,
        "high": result.high,
        "flag": case.flag,
        "assumed": list(case.assumed),
    }


def _violation(result: Result) -> dict[str, Any]:
    whose, why = verdict(result.case.id)
    return _row(result) | {"measured_over_bound": result.ratio, "verdict": whose, "why": why}


def _where(case: Case) -> str:
    """A case in a few words."""
    layout = "".join(f" {name}{n}" for name, n in case.layout.items() if n > 1)
    what = case.model.id if case.model else " ".join(f"{name}={value:g}" for name, value in case.shape.items())
    lengths = "" if case.model is None else f" b{case.batch} {case.isl}/{case.osl}"
    return f"{what} on {case.hardware.id}, {case.precision.name}{layout}{lengths}"


def _violation_cells(result: Result) -> dict[str, str]:
    case = result.case
    return {
        "id": case.id,
        "metric": case.metric,
        "measured/bound": f"{result.ratio:.3f}",
        "case": _where(case),
        "doubted": case.flag or "no",
        "assumed": "; ".join(case.assumed) or "nothing",
        "verdict": verdict(case.id)[0] or "not examined",
    }


def _worst_cells(result: Result) -> dict[str, str]:
    case = result.case
    return {
        "id": case.id,
        "metric": case.metric,
        "predicted/measured": f"{result.typical / case.measured:.2f}",
        "case": _where(case),
    }


def _md(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """A Markdown table."""
    if not rows:
        return ["None."]
    names = list(rows[0])
    body = ["| " + " | ".join(str(row[name]).replace("|", "/") for name in names) + " |" for row in rows]
    return ["| " + " | ".join(names) + " |", "|" + "---|" * len(names), *body]
