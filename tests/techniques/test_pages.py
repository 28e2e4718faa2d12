"""The techniques' package: modules on first use, formulas numbered alike in code and documents, data with sources."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path

import pytest

import tokenroof as tr
from tokenroof.techniques import _common, routing

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {
    "routing": ("routing", "cascade"),
    "speculation": ("rounds", "speculation"),
    "test_time": ("test_time", "trees", "reasoning"),
    "voting": ("voting",),
    "prefix_cache": ("prefix_cache",),
}


@pytest.mark.parametrize("name", tr.techniques.__all__)
def test_modules_load_by_name(name: str) -> None:
    module = getattr(tr.techniques, name)
    assert module is importlib.import_module(f"tokenroof.techniques.{name}")
    assert name in dir(tr.techniques)
    assert all(hasattr(module, public) for public in module.__all__)


def test_an_unknown_module_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'teleportation'"):
        _ = tr.techniques.teleportation


@pytest.mark.parametrize("page", PAGES)
def test_formulas_have_the_same_numbers_in_code_and_documents(page: str) -> None:
    """Every number of the code is a row of the page, in order, and each row names the functions that have it."""
    of_code: dict[str, set[str]] = {}
    for name in PAGES[page]:
        module = importlib.import_module(f"tokenroof.techniques.{name}")
        for function in module.__all__:
            doc = getattr(module, function).__doc__ or ""
            number = re.match(r"\(([A-Z]\d+)\)", doc)
            if number:
                of_code.setdefault(number[1], set()).add(function)
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([A-Z]\d+) \|.*\| ([^|]+) \|$", text, flags=re.M)
    numbers = [number for number, _ in rows]
    assert numbers == [f"{numbers[0][0]}{i}" for i in range(1, len(rows) + 1)]
    for number, functions in rows:
        named = {f.rpartition(".")[2] for f in re.findall(r"`([\w.]+)`", functions)}
        assert named <= of_code.get(number, set()), number
    assert set(numbers) == set(of_code)


@pytest.mark.parametrize("topic", ["routing", "speculation", "reasoning"])
def test_data_names_its_sources(topic: str) -> None:
    data = _common.facts(topic)
    sources = data.pop("sources")
    named = {row["source"] for table in data.values() for row in table.values()}
    assert named == set(sources)
    assert all(source["title"] and source["ref"] for source in sources.values())


@pytest.mark.parametrize("page", PAGES)
def test_pages_have_pictures_that_can_be_drawn_again(page: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    spec = importlib.util.spec_from_file_location("make_technique_plots", DOCS / "make_technique_plots.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.PICTURES[page](tmp_path / "drawn.png")
    assert (tmp_path / "drawn.png").read_bytes().startswith(b"\x89PNG") and (DOCS / f"{page}.png").exists()
    assert f"]({page}.png)" in (DOCS / f"{page}.md").read_text(encoding="utf-8")


def test_curves_need_a_text_for_each_panel(tmp_path: Path) -> None:
    from tokenroof.plot import panels_plot

    with pytest.raises(tr.SpecError, match="panels = 1"):
        panels_plot({"one": {}}, tmp_path / "none.png", x=[], y=["y"])


def test_scalars_give_floats_and_arrays_give_their_shape() -> None:
    assert isinstance(routing.cost(0.5, 1, 3), float)
    assert routing.cost([[0.1], [0.2]], [1.0, 2.0, 3.0], 4.0).shape == (2, 3)
