"""The pages on sharing, training, chips and energy: every equation, every function, and pictures that can be drawn."""

from __future__ import annotations

import importlib.util
import re
from importlib import import_module
from pathlib import Path

import pytest

from tokenroof.errors import SpecError
from tokenroof.plot import curves_plot

ROOT = Path(__file__).parents[2]
PAGES = {
    "training": ("L", ("loss_law", "training")),
    "energy": ("E", ("energy",)),
    "sharing": ("MQ", ("sharing", "compression")),
    "chips": ("C", ("chips", "burned_in", "systems")),
}
#: Tables of facts and what looks a row up: named in prose, no equations.
FACTS = {"law", "node", "density", "system", "access"}


@pytest.mark.parametrize("page", PAGES)
def test_page_has_every_equation_and_function(page: str) -> None:
    letters, modules = PAGES[page]
    text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \(([A-Z]\d+)\)", text, flags=re.M)
    sources = [(ROOT / f"python/tokenroof/techniques/{module}.py").read_text(encoding="utf-8") for module in modules]
    numbered = [number for source in sources for number in re.findall(r'"""\(([A-Z]\d+)\)', source)]
    assert {number[0] for number in numbered} == set(letters)
    assert sorted(set(numbered)) == sorted(listed)
    for letter in letters:
        own = [int(number[1:]) for number in listed if number[0] == letter]
        assert own == list(range(1, len(own) + 1))
    for module in modules:
        public = import_module(f"tokenroof.techniques.{module}").__all__
        for name in (n for n in public if n.islower() and n not in FACTS):
            assert f"`{name}`" in text, f"{page}.md does not name {module}.{name}"


def script() -> object:
    spec = importlib.util.spec_from_file_location("make_scaling_plots", ROOT / "docs/make_scaling_plots.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.mark.parametrize("page", PAGES)
def test_picture_can_be_drawn(page: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    script().PLOTS[page](tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert f"({page}.png)" in (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
    assert (ROOT / f"docs/{page}.png").exists()


def test_no_curve_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="at least one curve"):
        curves_plot({}, tmp_path / "plot.png", x="x", y="y")
    assert not list(tmp_path.iterdir())
