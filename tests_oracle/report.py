"""What was compared, what was not and why: the table at the end of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

COLUMNS = ("parameters", "absent keys", "FLOPs", "cache", "absent windows")


class Report:
    """Results by family and column; notes on where the two sides differ on purpose."""

    def __init__(self) -> None:
        self._cells: dict[str, dict[str, str]] = defaultdict(dict)
        self._notes: dict[str, set[str]] = defaultdict(set)
        self._skipped: dict[str, list[str]] = defaultdict(list)
        self.configs: dict[str, list[str]] = defaultdict(list)  #: end of a comparison: models of the catalogue
        self.not_compared: dict[str, list[str]] = defaultdict(list)  #: reason: families

    def start(self, family: str, column: str) -> None:
        """A comparison begins; what ends it without a word was an error."""
        self._cells[family][column] = "ERROR"

    def cell(self, family: str, column: str, compared: int, differ: int, unit: str = "") -> None:
        """``compared`` cases of a family, of which ``differ`` do."""
        text = f"{compared}{unit}" if not differ else f"{differ} OF {compared} DIFFER"
        self._cells[family][column] = text

    def skip(self, family: str, column: str, reason: str) -> None:
        """A comparison of a family that could not be made."""
        self._cells[family][column] = "-"
        self._skipped[f"{column}: {reason}"].append(family)

    def note(self, family: str, column: str, why: str) -> None:
        """A difference that is meant, derived from the shape before comparing."""
        self._notes[f"{column}: {why}"].add(family)

    def lines(self) -> Iterator[str]:
        """The table, then reasons, each with the families that it holds for."""
        width = max(map(len, self._cells), default=8) + 2
        yield f"{'family':<{width}}" + "".join(f"{name:<17}" for name in COLUMNS)
        for family, cells in sorted(self._cells.items()):
            yield f"{family:<{width}}" + "".join(f"{cells.get(name, 'not run'):<17}" for name in COLUMNS)
        clean = [family for family, cells in self._cells.items() if _is_clean(cells)]
        yield f"{len(self._cells)} families, {len(clean)} compared without a difference"
        yield from _listed("skipped", self._skipped)
        yield from _listed("different on purpose, derived before comparing", self._notes)
        yield from _listed("models of the catalogue", self.configs)
        yield from _listed("families without a generator", self.not_compared)


def _is_clean(cells: dict[str, str]) -> bool:
    """Whether something was compared, and all of it equal."""
    return any(cell != "-" for cell in cells.values()) and not any(
        cell == "ERROR" or cell.endswith("DIFFER") for cell in cells.values()
    )


def _listed(title: str, groups: dict[str, list[str]] | dict[str, set[str]]) -> Iterator[str]:
    if groups:
        yield ""
        yield f"{title}:"
        for reason, names in sorted(groups.items()):
            yield f"  {reason}: {', '.join(sorted(set(names)))}"
