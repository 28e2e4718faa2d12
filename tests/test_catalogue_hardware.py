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

#: Chips that do not compute in 16 bit, or of which nobody says how fast.
WITHOUT_BF16 = {"gtx580", "etched-sohu", "sd8gen3-hexagon", "sdx-elite-hexagon"}
MINIMAL = """
id = "mine"
[peak]
bf16 = "100 TFLOPS"
[memory]
capacity = "80 GB"
bandwidth = "3 TB/s"
"""

LINK = '[scaleup]\ndomain = 8\nbandwidth = "1 GB/s"\n'
LEVEL = '[[level]]\nname = "host"\ncapacity = "1 TB"\nbandwidth = "20 GB/s"\n'


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


@pytest.mark.parametrize("id", IDS)
def test_every_file_loads_under_its_own_id(id: str) -> None:
    chip = hardware(id)
    assert chip.id == id
    assert chip.name and chip.vendor and chip.kind
    assert math.isfinite(chip.memory_bytes) and math.isfinite(chip.memory_bandwidth)
    assert ("bf16" in chip.peaks) == (id not in WITHOUT_BF16)
    assert chip.facts["year"]["value"] in range(2010, 2030)


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
    for order in (("fp32", "tf32", "bf16", "fp8", "fp6", "fp4"), ("int8", "int4")):
        rates = [peaks[key] for key in order if key in peaks]
        assert rates == sorted(rates)
    rates = [peaks[key] for key in ("bf16", "fp8", "fp4") if key in peaks]
    assert all(b / a < 7 for a, b in pairwise(rates)), "a sparse peak among dense ones?"


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
    with pytest.raises(UnknownNameError, match="known are 2s-epyc-9965"):
        hardware("#")
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
        ('[price]\nrent_low = "2 EUR/h"\n', SpecError, ("price.rent_low", "2 EUR/h", "USD/h")),
        ('[die]\narea = "8 cm2"\n', SpecError, ("die.area", "8 cm2", "mm2")),
        (LINK + 'topology = "star"\n', SpecError, ("scaleup.topology", "'star'", "mesh")),
        (LINK + 'dims = "4x4"\n', SpecError, ("scaleup.dims", "4x4", "[16, 16]")),
        (LEVEL.replace("capacity", "capcity"), CatalogueError, ("'capcity'", "level[0]", "'capacity'")),
        (LEVEL.replace('capacity = "1 TB"\n', ""), CatalogueError, ("level[0].capacity is missing",)),
        (LEVEL.replace("20 GB/s", "20 GB"), SpecError, ("level[0].bandwidth", "20 GB", "GB/s")),
        (LEVEL + 'holds = "kv"\n', SpecError, ("level[0].holds", "'kv'", '"weights"')),
        (LEVEL + 'near = "yes"\n', SpecError, ("level[0].near", "'yes'", "true")),
        ('[level]\nname = "host"\n', SpecError, ("level", "[[level]]")),
    ],
)
def test_a_wrong_section_says_what_is_right(
    tmp_path: Path, more: str, kind: type[Exception], parts: tuple[str, ...]
) -> None:
    refused(tmp_path, MINIMAL + more, kind, *parts)


@pytest.mark.parametrize(
    ("more", "parts"),
    [
        (LINK + 'topology = "torus"\n', ("dims", "torus")),
        (LINK + 'topology = "torus"\ndims = [4, 4]\n', ("dims", "product is the domain, 8 chips")),
        (LINK + "dims = [2, 4]\n", ("dims", "torus")),
        (LINK + 'topology = "mesh"\nreduction = 0.85\n', ("reduction", "switch")),
        ('[scaleup]\nbandwidth = "1 GB/s"\ntopology = "ring"\n', ("domain", "finite")),
        (LEVEL + LEVEL + "near = true\n", ("levels", "near levels first")),
        (LEVEL * 5, ("levels", "at most 4")),
        (LEVEL + 'holds = ["activations"]\n', ("holds", "'weights', 'kv'")),
    ],
)
def test_links_and_levels_that_cannot_be_are_refused(tmp_path: Path, more: str, parts: tuple[str, ...]) -> None:
    with pytest.raises(SpecError) as caught:
        hardware_from_toml(written(tmp_path, MINIMAL + more))
    for part in parts:
        assert part in str(caught.value)


def test_a_chip_with_levels_and_a_torus(tmp_path: Path) -> None:
    near = LEVEL.replace("20 GB/s", "inf") + 'near = true\nholds = ["weights"]\n'
    torus = LINK + 'topology = "torus"\ndims = [2, 4]\nwrap = 4\n'
    chip = hardware_from_toml(written(tmp_path, MINIMAL + near + LEVEL + torus + '[die]\narea = "814 mm2"\n'))
    assert [(level.bandwidth, level.near) for level in chip.levels] == [(math.inf, True), (20e9, False)]
    assert chip.scaleup is not None and (chip.scaleup.dims, chip.scaleup.wrap) == ((2, 4), 4)
    assert chip.die_mm2 == 814 and chip.facts["level[1].bandwidth"] == {"value": "20 GB/s"}


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
    section=st.sampled_from(
        ["id", "kind", "peak", "memory", "scaleup", "level", "power", "price", "die", "typical", "other"]
    ),
    key=st.sampled_from(
        ["", "bf16", "capacity", "bandwidth", "domain", "dims", "wrap", "max", "rent", "area", "pue", "odd"]
    ),
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
