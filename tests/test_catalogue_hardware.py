"""The hardware catalogue: every file loads, every number has a source and a grade, and bad files say what is wrong."""

from __future__ import annotations

import ast
import math
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenroof import catalogue
from tokenroof.catalogue import GRADES, hardware, hardware_from_toml, hardware_ids, source
from tokenroof.catalogue._toml import load_toml
from tokenroof.errors import CatalogueError, SpecError, UnknownNameError
from tokenroof.specs.hardware import Hardware

FOLDER = Path(catalogue.__file__).parent
IDS = hardware_ids()
TEXT_FACTS = {"year", "notes"}

MINIMAL = """
id = "mine"
[peak]
bf16 = "100 TFLOPS"
[memory]
capacity = "80 GB"
bandwidth = "3 TB/s"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(tmp_path: Path, text: str, kind: type[Exception], *parts: str) -> None:
    """The file must be refused with an error that names the file and holds each of ``parts``."""
    with pytest.raises(kind) as caught:
        hardware_from_toml(written(tmp_path, text))
    for part in ("mine.toml", *parts):
        assert part in str(caught.value)


# What comes with the package


def test_the_catalogue_holds_the_chips_that_people_ask_for() -> None:
    assert len(IDS) >= 43
    assert {"h100-sxm", "b200-sxm", "gb200-nvl72", "mi300x", "tpu-v5p", "groq-lpu-v1", "apple-m2-ultra"} <= set(IDS)


@pytest.mark.parametrize("id", IDS)
def test_every_file_loads_under_its_own_id(id: str) -> None:
    chip = hardware(id)
    assert chip.id == id
    assert chip.name and chip.vendor and chip.kind
    assert math.isfinite(chip.memory_bytes) and math.isfinite(chip.memory_bandwidth)
    assert "bf16" in chip.peaks
    assert chip.facts["year"]["value"] in range(2015, 2030)


@pytest.mark.parametrize("id", IDS)
def test_every_number_has_a_grade_and_a_source_or_a_reason(id: str) -> None:
    for field, fact in hardware(id).facts.items():
        if field in TEXT_FACTS:
            continue
        if field.endswith(".domain") and "grade" not in fact:
            continue  # how many chips a link joins is part of the product's name
        assert fact.get("grade") in GRADES, field
        assert "source" in fact or "reason" in fact, field
        if "source" in fact:
            assert source(str(fact["source"])).keys() == {"title", "ref"}, field
        else:
            assert fact["grade"] in ("assumed", "derived"), f"{field}: {fact['grade']} without a source"


@pytest.mark.parametrize("id", IDS)
def test_peaks_are_dense_and_in_order(id: str) -> None:
    peaks = hardware(id).peaks
    order = [peaks[key] for key in ("bf16", "fp8", "fp4") if key in peaks]
    assert order == sorted(order)
    assert all(b / a < 7 for a, b in pairwise(order)), "a sparse peak among dense ones?"
    assert peaks.get("fp32", 0) <= peaks["bf16"]


@pytest.mark.parametrize(
    ("id", "field", "value"),
    [
        ("h100-sxm", "memory_bandwidth", 3.35e12),
        ("h100-sxm", "memory_bytes", 80e9),
        ("h100-sxm", "power_max", 700.0),
        ("h100-sxm", "usd_per_hour", 2.95),
        ("a100-80-sxm", "memory_bandwidth", 2.039e12),
        ("h200-sxm", "memory_bytes", 141 * 2.0**30),
        ("b200-sxm", "memory_bytes", 180 * 2.0**30),
        ("b300-sxm", "memory_bytes", 275_040 * 2.0**20),
        ("gb200-nvl72", "memory_bytes", 198.67e9),
        ("groq-lpu-v1", "memory_bytes", 230e6),
        ("cerebras-wse3", "memory_bandwidth", 21e15),
        ("trainium2", "memory_bytes", 96 * 2.0**30),
    ],
)
def test_spot_values(id: str, field: str, value: float) -> None:
    assert getattr(hardware(id), field) == value


@pytest.mark.parametrize(
    ("id", "precision", "value"),
    [
        ("h100-sxm", "bf16", 989.4e12),
        ("h100-sxm", "fp8", 1978.9e12),
        ("a100-80-sxm", "bf16", 312e12),
        ("b300-sxm", "int8", 153.5e12),  # cut on Blackwell Ultra
        ("b200-sxm", "fp4", 9e15),
        ("mi300x", "fp8", 2614.9e12),
        ("cerebras-wse3", "bf16", 15.8e15),  # dense, not the advertised 125 PFLOPS
    ],
)
def test_spot_peaks(id: str, precision: str, value: float) -> None:
    assert hardware(id).peaks[precision] == value


def test_formats_without_units_are_absent() -> None:
    assert "fp8" not in hardware("a100-80-sxm").peaks
    assert "fp4" not in hardware("h100-sxm").peaks
    assert "fp8" not in hardware("tpu-v6e").peaks


@pytest.mark.parametrize(
    ("id", "domain", "bandwidth"),
    [
        ("h100-sxm", 8, 450e9),  # sold as 900 GB/s of both directions
        ("a100-80-sxm", 8, 300e9),
        ("h800-sxm", 8, 200e9),
        ("b200-sxm", 8, 900e9),
        ("gb200-nvl72", 72, 900e9),
        ("tpu-v5p", 8960, 540e9),
        ("rtx4090", 8, 31.5e9),
    ],
)
def test_links_are_per_direction(id: str, domain: int, bandwidth: float) -> None:
    link = hardware(id).scaleup
    assert link is not None
    assert (link.domain, link.bandwidth) == (domain, bandwidth)


def test_chips_that_stand_alone_have_no_link() -> None:
    chip = hardware("apple-m2-ultra")
    assert chip.scaleup is None and chip.scaleout is None


def test_a_chips_own_calibration_beats_its_kinds() -> None:
    chip = hardware("h100-sxm")
    assert chip.calibration.compute_efficiency == 0.709
    assert chip.facts["typical.compute_efficiency"]["source"] == "ml-engineering-mamf"
    assert chip.calibration.memory_efficiency == 0.8
    assert chip.facts["typical.memory_efficiency"]["default"] == "gpu"
    assert hardware("rtx4090").calibration.memory_efficiency == 0.85


def test_every_kind_of_the_defaults_says_why() -> None:
    for kind, table in load_toml(FOLDER / "defaults.toml").items():
        for key, fact in table.items():
            assert fact["grade"] in GRADES and fact.get("reason"), f"{kind}.{key}"
            if "source" in fact:
                source(fact["source"])
        assert 0 < table["memory_efficiency"]["value"] <= 1


def test_sources_are_unique_over_files_and_used() -> None:
    keys = [key for file in (FOLDER / "sources").glob("*.toml") for key in load_toml(file)]
    assert len(keys) == len(set(keys))
    texts = [p.read_text(encoding="utf-8") for p in (*(FOLDER / "hardware").glob("*.toml"), FOLDER / "defaults.toml")]
    for key in load_toml(FOLDER / "sources" / "hardware.toml"):
        assert any(f'source = "{key}"' in text for text in texts), f"{key} is used by no chip"


# Names


@pytest.mark.parametrize("name", ["h100-sxm", "H100 SXM", "h100_sxm", "H100SXM", "H100-SXM"])
def test_spellings_of_a_name(name: str) -> None:
    assert hardware(name) is hardware("h100-sxm")


def test_an_unknown_name_gets_the_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="h100-sxm"):
        hardware("h100")
    with pytest.raises(UnknownNameError, match="known are a10"):
        hardware("z")
    with pytest.raises(UnknownNameError, match="ml-engineering-mamf"):
        source("ml-engineering-mamff")
    with pytest.raises(UnknownNameError):
        hardware(100)  # type: ignore[arg-type]


@given(st.text(max_size=20))
def test_any_name_gives_a_chip_or_unknown_name(name: str) -> None:
    try:
        assert isinstance(hardware(name), Hardware)
    except UnknownNameError as error:
        assert "unknown hardware" in str(error)


# Users' files


def test_the_shortest_file(tmp_path: Path) -> None:
    path = written(tmp_path, MINIMAL)
    chip = Hardware.from_toml(path)
    assert hardware_from_toml(str(path)).facts == chip.facts
    assert (chip.id, chip.kind, chip.peaks) == ("mine", "gpu", {"bf16": 100e12})
    assert chip.scaleup is None and chip.sram_bytes == 0
    assert all(map(math.isnan, (chip.power_max, chip.power_idle, chip.price_usd, chip.usd_per_hour)))
    assert chip.calibration.compute_efficiency == 0.7
    assert chip.facts["memory.capacity"] == {"value": "80 GB"}


def test_rent_is_derived_from_price_life_and_power(tmp_path: Path) -> None:
    text = MINIMAL + '[price]\nbuy = "35064 USD"\n[power]\nmax = "1 kW"\n'
    text += '[typical]\nlife_years = 4\npue = 1.25\nelectricity = "0.08 USD/kWh"\nidle_power_share = 0.1\n'
    chip = hardware_from_toml(written(tmp_path, text))
    assert chip.usd_per_hour == pytest.approx(35064 / (4 * 8766) + 1.25 * 0.08)
    assert chip.power_idle == pytest.approx(100)
    assert chip.facts["price.rent"]["grade"] == "derived"
    rented = hardware_from_toml(written(tmp_path, text.replace("[power]", 'rent = "2 USD/h"\n[power]')))
    assert rented.usd_per_hour == 2


def test_price_without_power_still_wears_out(tmp_path: Path) -> None:
    chip = hardware_from_toml(written(tmp_path, MINIMAL + '[price]\nbuy = "35064 USD"\n'))
    assert chip.usd_per_hour == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("old", "new", "kind", "parts"),
    [
        ('id = "mine"', "", CatalogueError, ("id is missing",)),
        ('bf16 = "100 TFLOPS"', "", CatalogueError, ("[peak] is missing", "bf16")),
        ('capacity = "80 GB"', "", CatalogueError, ("memory.capacity is missing", "80 GB")),
        ("bandwidth", "bandwith", CatalogueError, ("'bandwith'", "[memory]", "'bandwidth'")),
        ("[memory]", "[memmory]", CatalogueError, ("'memmory'", "'memory'")),
        ("bf16", "fp16", CatalogueError, ("'fp16'", "[peak]", "bf16")),
        ("3 TB/s", "3 TB", SpecError, ("memory.bandwidth", "3 TB", "TB/s")),
        ('"80 GB"', "80", SpecError, ("memory.capacity", "80", "unit")),
        ("80 GB", "-80 GB", SpecError, ("memory.capacity", "-80 GB", "not negative")),
        ("80 GB", "nan GB", SpecError, ("memory.capacity", "nan GB")),
        ("80 GB", "0 GB", SpecError, ("memory.capacity", "above 0")),
        ('"80 GB"', '{ value = "80 GB", grade = "guess" }', SpecError, ("memory.capacity.grade", "guess", "assumed")),
        ('"80 GB"', '{ source = "me" }', CatalogueError, ("memory.capacity.value is missing",)),
        ('"80 GB"', '{ value = "80 GB", sauce = "me" }', CatalogueError, ("'sauce'", "'source'")),
        ('"80 GB"', '{ value = "80 GB", source = 7 }', SpecError, ("memory.capacity.source", "7")),
        ('id = "mine"', 'id = "mine"\nkind = "gpo"', SpecError, ("kind", "'gpo'", "gpu")),
        ('id = "mine"', 'id = "mine"\nstatus = "real"', SpecError, ("status", "'real'", "official")),
        ('id = "mine"', "id = 7", SpecError, ("id", "7", "text")),
        ('id = "mine"', 'id = "mine"\nscaleup = 8', SpecError, ("scaleup", "[scaleup]")),
    ],
)
def test_a_wrong_file_says_what_is_right(
    tmp_path: Path, old: str, new: str, kind: type[Exception], parts: tuple[str, ...]
) -> None:
    assert old in MINIMAL
    refused(tmp_path, MINIMAL.replace(old, new, 1), kind, *parts)


@pytest.mark.parametrize(
    ("more", "kind", "parts"),
    [
        ("[scaleup]\ndomain = 8\n", CatalogueError, ("scaleup.bandwidth is missing",)),
        ('[scaleup]\ndomain = 0\nbandwidth = "1 GB/s"\n', SpecError, ("scaleup.domain", "at least 1")),
        ('[scaleup]\ndomain = 2.5\nbandwidth = "1 GB/s"\n', SpecError, ("scaleup.domain", "whole number")),
        ("[typical]\nmemory_efficiency = 1.2\n", SpecError, ("typical.memory_efficiency", "1.2", "at most 1")),
        ('[typical]\nlayer_overhead = "3 W"\n', SpecError, ("typical.layer_overhead", "3 W", "us")),
        ("[typical]\npue = 0.9\n", SpecError, ("typical.pue", "0.9", "at least 1")),
        ("[typical]\nlife_years = 0\n", SpecError, ("typical.life_years", "above 0")),
        ('[price]\nrent = "2 EUR/h"\n', SpecError, ("price.rent", "2 EUR/h", "USD/h")),
    ],
)
def test_a_wrong_section_says_what_is_right(
    tmp_path: Path, more: str, kind: type[Exception], parts: tuple[str, ...]
) -> None:
    refused(tmp_path, MINIMAL + more, kind, *parts)


def test_damaged_toml_names_file_and_line(tmp_path: Path) -> None:
    refused(tmp_path, MINIMAL.replace('"80 GB"', '"80 GB'), CatalogueError, "line 6")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"absent\.toml"):
        hardware_from_toml(tmp_path / "absent.toml")


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=8), inner, max_size=2),
    max_leaves=4,
)


@given(
    section=st.sampled_from(["id", "kind", "peak", "memory", "scaleup", "power", "price", "typical", "other"]),
    key=st.sampled_from(["", "bf16", "capacity", "bandwidth", "domain", "max", "rent", "pue", "odd"]),
    junk=_JUNK,
)
def test_junk_is_refused_with_an_error_of_ours(section: str, key: str, junk: Any) -> None:
    from tokenroof.catalogue.load_hardware import _Reader

    data: dict[str, Any] = {
        "id": "mine",
        "peak": {"bf16": "1 TFLOPS"},
        "memory": {"capacity": "1 GB", "bandwidth": "1 GB/s"},
    }
    if key and isinstance(data.get(section, {}), dict):
        data.setdefault(section, {})[key] = junk
    else:
        data[section] = junk
    try:
        _Reader(data, "mine.toml").hardware()
    except (CatalogueError, SpecError) as error:
        assert "mine" in str(error)


# Cost and floors


def test_importing_the_catalogue_parses_nothing() -> None:
    code = (
        "import sys, tokenroof.catalogue as c; from tokenroof.catalogue import hardware; "
        "assert not c._sources.cache_info().currsize; h = sys.modules['tokenroof.catalogue.load_hardware']; "
        "assert not h._defaults.cache_info().currsize and not h._files.cache_info().currsize; "
        "hardware('h100-sxm'); assert h._load.cache_info().currsize == 1"
    )
    root = str(FOLDER.parents[1])
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {root!r}); {code}"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


def test_hardware_imports_only_its_own_floor() -> None:
    tree = ast.parse((FOLDER / "load_hardware.py").read_text(encoding="utf-8"))
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level}
    assert names == {"errors", "specs.hardware", "units", "_toml"}
