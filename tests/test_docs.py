"""The documents tell the truth: their examples run, their numbers match, their links lead somewhere.

A fenced block with ``>>>`` is run as a doctest; the blocks of one page share their names. A block whose fence line
names a file (```` ```toml my-chip.toml ````) is written to the folder in which the page runs. A block after
``<!-- needs pandas -->`` is left out where that library is missing.
"""

from __future__ import annotations

import doctest
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tokenroof as tr
from tokenroof._native import AXES, column_text, status_text
from tokenroof.specs.precision import FORMATS, NAMED

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = DOCS + [page for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md") if (page := ROOT / name).exists()]
EQUATIONS = range(1, 40)

_FENCE = re.compile(r"^(`{3,})(.*)$")
_NEEDS = re.compile(r"<!-- needs ([\w ]+) -->")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def blocks(text: str) -> list[tuple[int, str, list[str], list[str]]]:
    """Fenced blocks of a page: first line's number, what the fence line says, libraries needed, lines."""
    found, needs, current, fence = [], [], None, ""
    for number, line in enumerate(text.splitlines(), start=1):
        match = _FENCE.match(line)
        if current is None and match:
            current, fence = (number, match[2].strip(), needs, []), match[1]
            needs = []
        elif current is not None and line == fence:
            found.append(current)
            current = None
        elif current is not None:
            current[3].append(line)
        elif _NEEDS.match(line):
            needs = _NEEDS.match(line)[1].split()
        elif line.strip():
            needs = []
    assert current is None, f"line {current and current[0]}: this block is never closed"
    return found


def missing(libraries: list[str]) -> bool:
    return any(importlib.util.find_spec(name) is None for name in libraries)


def prose(text: str) -> str:
    """A page without its code blocks."""
    lines = text.splitlines()
    for first, _, _, inside in blocks(text):
        lines[first - 1 : first + len(inside) + 1] = [""] * (len(inside) + 2)
    return "\n".join(lines)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_examples(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    lines = [""] * (text.count("\n") + 2)
    for first, info, needs, inside in blocks(text):
        _, _, file = info.partition(" ")
        if file:
            Path(file).write_text("\n".join(inside) + "\n", encoding="utf-8")
        elif any(line.startswith(">>> ") for line in inside) and not missing(needs):
            lines[first : first + len(inside)] = inside
    examples = doctest.DocTestParser().get_doctest("\n".join(lines), {"tr": tr}, page.name, str(page), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False)
    said: list[str] = []
    runner.run(examples, out=said.append)
    assert not runner.failures, "".join(said)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links(page: Path) -> None:
    for target in _LINK.findall(prose(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        to = (page.parent / name).resolve() if name else page
        assert to.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(to), f"{page.name} links to {target}"


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ +(.*)$", prose(page.read_text(encoding="utf-8")), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("file", ["python/tokenroof/formulas.py", "csrc/formulas.h"])
def test_sheets_have_every_equation(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    numbers = [int(n) for n in re.findall(r'(?:"""|/\* )\((\d+)\)', text)]
    assert numbers == list(EQUATIONS)


def test_formulas_has_every_equation() -> None:
    text = (ROOT / "docs/formulas.md").read_text(encoding="utf-8")
    assert [int(n) for n in re.findall(r"^### \((\d+)\)", text, flags=re.M)] == list(EQUATIONS)


def test_formulas_names_every_function() -> None:
    from tokenroof import formulas

    text = (ROOT / "docs/formulas.md").read_text(encoding="utf-8")
    assert [name for name in formulas.__all__ if f"`{name}`" not in text] == []


def table(page: str, head: str) -> list[list[str]]:
    """Cells of the table whose header starts with the cell ``head``."""
    lines = (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {head} |") and lines[i + 1].startswith("|--"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


@pytest.mark.parametrize("page", ["models", "hardware"])
def test_page_is_as_made(page: str) -> None:
    script = f"make_{page}_table"
    spec = importlib.util.spec_from_file_location(script, ROOT / f"docs/{script}.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
    assert text == made.remade(text), f"run python docs/{script}.py"


def test_nomenclature_has_every_column() -> None:
    rows = {row[0].strip("`"): row for row in table("nomenclature.md", "column")}
    assert list(rows) == list(tr.COLUMNS)
    for name, unit in tr.UNITS.items():
        assert rows[name][1] == unit, f"{name}: unit"
        assert column_text(name)


def test_nomenclature_has_every_axis() -> None:
    assert [row[0].strip("`") for row in table("nomenclature.md", "axis")] == list(AXES)


def test_nomenclature_has_every_status() -> None:
    rows = {int(row[0]): row for row in table("nomenclature.md", "status")}
    known = [number for number in range(256) if status_text(number) != "unknown status"]
    assert sorted(rows) == known
    assert all(rows[number][2] == status_text(number) for number in known)


def test_nomenclature_has_every_format() -> None:
    rows = {row[0].strip("`"): row for row in table("nomenclature.md", "format")}
    assert {name: float(row[1]) for name, row in rows.items()} == FORMATS
    named = {row[0].strip("`") for row in table("nomenclature.md", "precision")}
    assert named >= set(NAMED)


def run_example(name: str) -> str:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "python"), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name)], capture_output=True, text=True, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_simulator_loop() -> None:
    text = run_example("simulator_loop.py")
    assert "TTFT" in text and "TPOT" in text
    assert run_example("simulator_loop.py") == text  # the seed is fixed


def test_embed_numba() -> None:
    pytest.importorskip("numba")
    text = run_example("embed_numba.py")
    assert "95 %" in text


def test_fleet_has_every_formula_of_fleets() -> None:
    """F1, F2, ...: once in the docstrings, once in a row of docs/fleet.md with the function's name, and in order."""
    from tokenroof import fleets

    modules = [getattr(fleets, name) for name in fleets.__all__ if type(getattr(fleets, name)) is type(fleets)]
    told = {
        match[1]: name
        for module in modules
        for name in module.__all__
        if (match := re.match(r"\((F\d+)\)", getattr(module, name).__doc__ or ""))
    }
    text = (ROOT / "docs/fleet.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (F\d+) \| `(\w+)` \|", text, flags=re.M))
    assert rows == told
    assert list(rows) == [f"F{n}" for n in range(1, len(rows) + 1)]
