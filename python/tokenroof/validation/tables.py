"""Measurement tables, read into cases. The formats are described column by column in docs/validation.md."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import SpecError, TokenroofError
from .case import Case, Skipped
from .names import Unusable
from .operators import operator_case
from .rows import Row
from .serving import SERVING_COLUMNS, serving_cases
from .steps import step_case

__all__ = ["FIGURES", "MEASUREMENT_COLUMNS", "SERVING_COLUMNS", "read_table", "read_tables"]

MEASUREMENT_COLUMNS = (
    *("id", "source_url", "source_name", "kind", "granularity", "model", "params_active_b", "hardware", "num_devices"),
    *("tp", "pp", "ep", "weight_precision", "kv_precision", "act_precision", "phase", "batch_or_concurrency"),
    *("input_len", "output_len", "context_len", "metric", "value", "unit", "software", "notes"),
)
#: The selection of published figures that comes with tokenroof.
FIGURES = Path(__file__).parent / "figures.csv"
_NEEDED = {MEASUREMENT_COLUMNS: ("id", "hardware", "metric", "value", "unit"), SERVING_COLUMNS: ("id", "model", "chip")}


def read_table(path: str | os.PathLike[str]) -> tuple[list[Case], list[Skipped]]:
    """Cases of a CSV file, and the rows that cannot be evaluated, each with its reason.

    Parameters
    ----------
    path : str or path
        Measurements (a row for a number) or serving runs (a row for a run); which one the header tells.

    Raises
    ------
    TokenroofError
        When the file cannot be read.
    SpecError
        When it is neither format, or has columns that its format does not know: names them.
    """
    where = os.fspath(path)
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            columns = _format(header, where)
            rows = [_row(header, fields, reader.line_num) for fields in reader if any(fields)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TokenroofError(f"{where}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    skipped = [Skipped(row["id"], _source(row), row.broken) for row in rows if row.broken]
    rows = [row for row in rows if not row.broken]
    if columns is SERVING_COLUMNS:
        cases, lost = serving_cases(rows)
        return cases, skipped + lost
    cases = []
    for row in rows:
        source = _source(row)
        try:
            read = operator_case if row["granularity"] == "op" else step_case
            cases.append(read(row, source))
        except (Unusable, TokenroofError) as why:
            skipped.append(Skipped(row["id"], source, str(why)))
    return cases, skipped


def read_tables(paths: Iterable[str | os.PathLike[str]]) -> tuple[list[Case], list[Skipped]]:
    """Cases of several CSV files; a number that two of them have is taken from the first."""
    cases: dict[tuple[object, ...], Case] = {}
    skipped: list[Skipped] = []
    for path in paths:
        read, lost = read_table(path)
        skipped += lost
        known = set(cases)
        for case in read:
            key = _number(case)
            if key in known:
                skipped.append(Skipped(case.id, case.source, "the same number as another table's"))
            else:
                cases[key if key not in cases else (case.id, key)] = case
    return list(cases.values()), skipped


def _number(case: Case) -> tuple[object, ...]:
    """What tells a measurement from others, its value to five digits."""
    model = case.model.id if case.model else ""
    return (case.source, case.hardware.id, model, case.metric, case.isl, case.osl, f"{case.measured:.4e}")


def _format(header: Sequence[str], where: str) -> tuple[str, ...]:
    """Columns of the format that a header belongs to."""
    columns = SERVING_COLUMNS if {"ttft_s", "tpot_s"} & set(header) else MEASUREMENT_COLUMNS
    unknown = [name for name in header if name not in columns]
    missing = [name for name in _NEEDED[columns] if name not in header]
    if missing:
        raise SpecError("columns", ", ".join(header), f"among them {', '.join(missing)} (docs/validation.md)", where)
    if unknown:
        raise SpecError("columns", ", ".join(unknown), f"only {', '.join(columns)}", where)
    return columns


def _row(header: Sequence[str], fields: Sequence[str], line: int) -> Row:
    """A row; what is missing at its end reads as empty."""
    row = Row(dict(zip(header, fields, strict=False)), "more fields than columns" if len(fields) > len(header) else "")
    row.fields["id"] = row["id"] or f"line {line}"
    return row


def _source(row: Row) -> str:
    """Who measured, without what differs from submitter to submitter or table to table."""
    return re.split(r"\s*[(;,]", row["source_name"] or row["id"].rsplit("-", 1)[0])[0].strip()
