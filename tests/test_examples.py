"""The sweeps under examples/ are what their first lines say."""

from pathlib import Path

import pytest

from tokenroof.catalogue._toml import load_toml
from tokenroof.sweep import Sweep

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_every_point_of_the_trillion_exists_and_fits() -> None:
    spec = load_toml(EXAMPLES / "trillion.toml")["sweep"]
    corner = {name: spec[name].split(":")[0] for name in spec if name.startswith("hardware.")}
    counted = Sweep.from_spec(spec | corner).count()
    chips = [Sweep(model="qwen3-8b", hardware="h200-sxm", **{name: spec[name]}).size for name in corner]
    assert chips == [64, 64, 16]
    assert counted["within"][0] == counted["points"][0]
    assert counted["points"][0] * 64 * 64 * 16 >= 1e12


def test_every_layout_is_as_many_points_as_it_says() -> None:
    sweep = Sweep.from_toml(EXAMPLES / "every_layout.toml")
    assert sweep.size == pytest.approx(1.2e13, rel=0.05)
    assert sweep.legal == pytest.approx(1.43e12, rel=0.05)
