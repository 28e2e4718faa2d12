"""What commands leave behind: JSON, tables of text, files."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SpecError, TokenroofError
from ..files import write_atomically

if TYPE_CHECKING:
    import pyarrow

__all__ = ["check_out", "facts_text", "is_folder", "plain", "print_json", "write_rows"]


def plain(value: Any) -> Any:
    """``value`` as JSON can hold it: NaN and infinities as None, NumPy numbers as Python's."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, str) or value is None:
        return value
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return [plain(v) for v in value] if isinstance(value, Sequence) else value


def print_json(value: Any) -> None:
    """``value`` on stdout as JSON."""
    print(json.dumps(plain(value), indent=2, allow_nan=False))


def facts_text(facts: Mapping[str, str]) -> str:
    """Names and what they are, one a line, aligned; empty ones left out."""
    shown = {name: text for name, text in facts.items() if text}
    width = max(map(len, shown), default=0)
    return "\n".join(f"  {name:<{width}}  {text}" for name, text in shown.items())


def is_folder(path: str | None) -> bool:
    """Whether ``--out`` names a folder: it ends in a slash, so that a name without an ending is never taken for one."""
    return path is not None and path.endswith(("/", "\\"))


def check_out(path: str | None) -> None:
    """Refuse a file that cannot be written, before any work is done."""
    if path is None or is_folder(path):
        return
    if Path(path).suffix not in (".csv", ".parquet"):
        raise SpecError("out", path, "a file that ends in .csv or .parquet")
    if not Path(path).absolute().parent.is_dir():
        raise SpecError("out", path, "a file in a folder that exists")
    if path.endswith(".parquet"):
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise TokenroofError("writing .parquet needs pyarrow: pip install 'tokenroof[tables]'") from None


def write_rows(
    path: str, columns: Sequence[str], rows: Callable[[], Iterable[Sequence[Any]]], arrow: Callable[[], pyarrow.Table]
) -> None:
    """Rows to a .csv file (empty where a value has no meaning), or their Arrow table to a .parquet file."""

    def to_csv(name: str) -> None:
        with Path(name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows([plain(v) for v in row] for row in rows())

    def to_parquet(name: str) -> None:
        import pyarrow.parquet as pq

        pq.write_table(arrow(), name)

    write_atomically(path, to_parquet if path.endswith(".parquet") else to_csv)
