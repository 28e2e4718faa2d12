"""Citations say where numbers come from, and nothing else; versions of the catalogue tell sets apart."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tokenroof as tr
from tokenroof import catalogue
from tokenroof.catalogue import EDITION, _version, source, version
from tokenroof.cite import GIVEN, Citation, Entry, cite
from tokenroof.cli import main
from tokenroof.specs import precision

CHIP = """
id = "mine"
[peak]
bf16 = { value = "100 TFLOPS", source = "slide-12", grade = "claim", provider = "me" }
fp8 = "200 TFLOPS"
[memory]
capacity = "80 GB"
bandwidth = { value = "2 TB/s", source = "hf-hardware", grade = "datasheet" }
"""


def fields(entry: Entry) -> dict[str, Any]:
    found = {fact.field: fact for fact in entry.facts}
    assert len(found) == len(entry.facts), "each fact once"
    return found


def of(hw: tr.Hardware | str, *names: str, **options: Any) -> dict[str, Any]:
    chip = tr.hardware(hw) if isinstance(hw, str) else hw
    return fields(cite([], [chip], [precision(name) for name in names or ("bf16",)], **options).hardware[0])


# Versions.


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(Path(catalogue.__file__).parent, tmp_path / "catalogue")
    return tmp_path / "catalogue"


def test_a_version_is_a_month_and_a_digest() -> None:
    assert re.fullmatch(r"20\d\d\.(0[1-9]|1[0-2])\+[0-9a-f]{12}", version())
    assert version() == version() and version().startswith(f"{EDITION}+")


def test_a_copy_has_the_same_version(folder: Path) -> None:
    assert _version(folder) == version()


@pytest.mark.parametrize(
    "file", ["hardware/h100-sxm.toml", "models/llama-2-7b.toml", "sources/hardware.toml", "defaults.toml"]
)
def test_a_changed_file_changes_the_version(folder: Path, file: str) -> None:
    path = folder / file
    path.write_bytes(path.read_bytes().replace(b"8", b"9", 1))
    assert _version(folder) != version()


def test_a_new_a_missing_and_a_renamed_file_change_the_version(folder: Path) -> None:
    first, second = sorted((folder / "hardware").glob("*.toml"))[:2]
    known = {version()}
    shutil.copy(first, folder / "hardware" / "zz.toml")
    known.add(_version.__wrapped__(folder))
    (folder / "hardware" / "zz.toml").rename(folder / "hardware" / "zy.toml")
    known.add(_version.__wrapped__(folder))
    (folder / "hardware" / "zy.toml").unlink()
    assert _version.__wrapped__(folder) == version()
    second.unlink()
    known.add(_version.__wrapped__(folder))
    assert len(known) == 4


def test_neither_line_ends_nor_other_files_change_the_version(folder: Path) -> None:
    path = folder / "defaults.toml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    (folder / "notes.txt").write_text("not part of the set")
    assert _version(folder) == version()


# What is cited.


def test_each_fact_has_value_grade_and_source() -> None:
    found = of("h100-sxm", "bf16", "w4a16", "fp8")
    peak = found["peak.bf16"]
    said = tr.hardware("h100-sxm").facts["peak.bf16"]
    assert (peak.value, peak.grade, peak.source) == (said["value"], said["grade"], said["source"])
    assert (peak.title, peak.ref) == (source(peak.source)["title"], source(peak.source)["ref"])
    assert "peak.fp8" in found and "peak.int8" not in found, "only what the precisions use"
    rent = found["price.rent"]
    assert rent.claim and rent.grade == "claim" and "Nebius" in rent.note
    assert found["typical.layer_overhead"].default == "gpu"
    assert not any(name.startswith(("die", "notes", "year")) for name in found)
    assert "price.buy" not in found and "typical.life_years" not in found, "it is rented"


def test_only_what_the_estimate_and_fallback_use() -> None:
    assert "typical.memory_efficiency" not in of("h100-sxm", estimate="bound")
    assert not any(name.startswith("peak") for name in of("h100-sxm", "fp4"))
    assert "peak.fp8" in of("h100-sxm", "fp4", fallback="wider")


def test_an_owned_chip_cites_what_its_cost_is_derived_from() -> None:
    found = of("groq-lpu-v1")
    assert found["price.rent"].grade == "derived" and "life_years" in "".join(found) and "price.buy" in found


def test_what_the_caller_changed_is_the_callers() -> None:
    h100 = tr.hardware("h100-sxm")
    mine = replace(
        h100,
        id="mine",
        memory_bandwidth=6.7e12,
        scaleup=None,
        calibration=replace(h100.calibration, layer_overhead=1e-5),
        peaks={**h100.peaks, "bf16": 2e15},
    )
    found, plain = of(mine), of(h100)
    changed = {name for name, fact in found.items() if fact.grade == GIVEN}
    assert changed == {"memory.bandwidth", "typical.layer_overhead", "peak.bf16"}
    assert [found[name].value for name in sorted(changed)] == ["6.7 TB/s", "2 PFLOP/s", "10 µs"]
    assert not any(found[name].source for name in changed)
    assert {name.partition(".")[0] for name in set(plain) - set(found)} == {"scaleup"}
    assert all(found[name] == plain[name] for name in set(found) - changed)


def test_levels_behind_main_memory_only_where_they_are_used() -> None:
    h100 = tr.hardware("h100-sxm")
    host = {f"level[{i}].{key}" for i in range(len(h100.levels)) for key in ("capacity", "bandwidth")}
    assert host and not h100.levels[0].near
    assert not host & set(of(h100)) and host <= set(of(h100, offload=("weights",)))
    assert "level[0].capacity 256 GB" in str(tr.point("llama-3.1-8b", h100, offload="weights").cite())
    other = replace(h100, levels=(replace(h100.levels[0], bandwidth=1e11), *h100.levels[1:]))
    found = of(other, offload=("weights",))
    assert (found["level[0].bandwidth"].value, found["level[0].bandwidth"].grade) == ("100 GB/s", GIVEN)
    assert found["level[1].bandwidth"].grade != GIVEN
    assert not any(name.startswith("level") for name in of(replace(h100, levels=()), offload=("weights",)))


def test_a_chip_of_numbers_alone() -> None:
    found = of(tr.Hardware("made", {"bf16": 1e14, "fp8": 2e14}, 80e9, 2e12))
    assert {name: (fact.value, fact.grade) for name, fact in found.items()} == {
        "peak.bf16": ("100 TFLOP/s", GIVEN),
        "memory.capacity": ("80 GB", GIVEN),
        "memory.bandwidth": ("2 TB/s", GIVEN),
    }


def test_a_chip_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(CHIP)
    text = str(tr.point("llama-2-7b", tr.Hardware.from_toml(tmp_path / "mine.toml")).cite())
    assert "peak.bf16 100 TFLOPS: CLAIM [" in text and "slide-12 (not in the catalogue)" in text
    assert "memory.capacity 80 GB: not graded\n" in text and "memory.bandwidth 2 TB/s: datasheet [" in text


def test_models() -> None:
    llama, gpt = (fields(entry) for entry in cite([tr.model("llama-3.1-70b"), tr.model("gpt-4")], [], []).models)
    assert (llama["config"].source, llama["config"].grade) == ("aiconfigurator-configs", "verbatim")
    assert llama["params.total"].value == "70,553,706,496"
    assert gpt["config"].claim and not llama["config"].claim
    text = str(tr.point("gpt-4", "h100-sxm").cite())
    assert "model gpt-4 (RUMOURED)\n  config: RUMOUR [1]\n" in text


def test_a_model_that_is_not_the_catalogues() -> None:
    mine = replace(tr.model("llama-3.1-70b"), max_context=1.0)
    (entry,) = cite([mine], [], []).models
    assert entry.facts[0].grade == GIVEN and {fact.source for fact in entry.facts[1:]} == set(mine.sources)
    config = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
              "intermediate_size": 128, "vocab_size": 100}  # fmt: skip
    (entry,) = cite([tr.Model.from_hf(config, id="tiny")], [], []).models
    assert [fact.grade for fact in entry.facts] == [GIVEN]


@pytest.mark.parametrize("name", tr.hardware_ids())
def test_every_chip_can_be_cited(name: str) -> None:
    hw = tr.hardware(name)
    facts = of(hw, "bf16", "fp8", "fp4", fallback="wider")
    assert not [fact for fact in facts.values() if fact.grade == GIVEN], "the chip holds what its file says"
    assert {"memory.capacity", "memory.bandwidth"} <= set(facts)
    assert all(fact.title and fact.ref for fact in facts.values() if fact.source)


@pytest.mark.parametrize("name", tr.model_ids())
def test_every_model_can_be_cited(name: str) -> None:
    (entry,) = cite([tr.model(name)], [], []).models
    assert "config" in fields(entry)
    assert all(fact.title and fact.ref for fact in entry.facts if fact.source)


def test_the_text_names_each_source_once() -> None:
    text = str(tr.Sweep(model=["llama-3.1-8b", "gpt-4"], hardware=["h100-sxm", "h200-sxm"]).run("tpot_s").cite())
    head, _, tail = text.partition("\nsources\n")
    listed = re.findall(r"^  (\[\d+\]) (.+)$", tail, flags=re.M)
    assert [number for number, _ in listed] == [f"[{i}]" for i in range(1, len(listed) + 1)]
    assert len({said for _, said in listed}) == len(listed)
    assert set(re.findall(r" (\[\d+\])$", head, flags=re.M)) == {number for number, _ in listed}
    assert text.startswith(f"catalogue {version()}\n") and "price.rent 2.95 USD/h: CLAIM [" in text


def test_a_citation_as_a_dict_is_json() -> None:
    citation = tr.point("gpt-4", "h100-sxm", tp=8, pp=8).cite()
    assert isinstance(citation, Citation) and repr(citation) == str(citation)
    told = json.loads(json.dumps(citation.to_dict(), allow_nan=False))
    assert told["catalogue"] == version() and told["models"][0]["facts"][0]["claim"] is True
    used = {fact["source"] for kind in ("models", "hardware") for entry in told[kind] for fact in entry["facts"]}
    assert used - {""} == set(told["sources"])


# Where it stands.


AXES = {
    "model": ["llama-3.1-8b", "llama-2-7b"],
    "hardware": ["h100-sxm", "l4", "tpu-v5e"],
    "precision": ["fp8", "bf16"],
}


def test_a_result_cites_its_sweep_and_a_table_its_rows() -> None:
    sweep = tr.Sweep(**AXES, tp=[1, 2])
    everything = sweep.run("tpot_s").cite()
    assert [entry.id for entry in everything.models] == AXES["model"]
    assert [entry.id for entry in everything.hardware] == AXES["hardware"]
    best = sweep.best("tpot_s")
    (row,) = best.rows()
    cited = best.cite()
    assert [e.id for e in cited.models] == [row["model"]] and [e.id for e in cited.hardware] == [row["hardware"]]
    assert f"peak.{row['precision']}" in fields(cited.hardware[0])
    assert sweep.best("tpot_s", where="tpot_s < 0").cite().hardware == ()


def test_meta() -> None:
    sweep = tr.Sweep(**AXES, memory_fraction=0.8)
    for meta in (sweep.run("tpot_s").meta, sweep.best("tpot_s").meta):
        assert (meta["tokenroof"], meta["catalogue"]) == (tr.__version__, version())
        assert (meta["estimate"], meta["memory_fraction"], meta["fallback"]) == ("typical", 0.8, "status")
        assert meta["compute"]["tpu-v5e"] == {"fp8": None, "bf16": "bf16"}
        assert json.loads(json.dumps(meta)) == json.loads(json.dumps(meta, default=list))


def test_metadata_travels_with_the_data() -> None:
    pa = pytest.importorskip("pyarrow")
    result, best = (f("tpot_s") for f in (tr.Sweep(**AXES).run, tr.Sweep(**AXES).best))
    for holder in (result, best):
        want = json.loads(json.dumps(holder.meta))
        assert json.loads(holder.to_arrow().schema.metadata[b"tokenroof"]) == want
        assert json.loads(pa.table(holder).schema.metadata[b"tokenroof"]) == want
    pytest.importorskip("pandas")
    assert result.to_pandas().attrs["tokenroof"] == result.meta and best.to_pandas().attrs["tokenroof"] == best.meta
    pytest.importorskip("xarray")
    assert json.loads(result.to_xarray().attrs["tokenroof"])["catalogue"] == version()


# The command.


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(argv) == 0, capsys.readouterr().err
    return capsys.readouterr().out


GRID = ["--model", "llama-3.1-8b", "--hardware", "h100-sxm,l4", "--precision", "fp4,bf16"]


@pytest.mark.parametrize(
    "argv", [["point", "llama-3.1-8b", "l4"], ["sweep", *GRID], ["best", "tpot_s", *GRID]], ids=lambda argv: argv[0]
)
def test_the_command_cites(capsys: pytest.CaptureFixture[str], argv: list[str]) -> None:
    plain, cited = run(capsys, *argv), run(capsys, *argv, "--cite")
    assert "sources\n" not in plain
    assert f"\ncatalogue {version()}\n" in cited and "\nsources\n  [1] " in cited
    told = json.loads(run(capsys, *argv, "--cite", "--json"))
    assert told["sources"]["catalogue"] == version() and told["sources"]["hardware"]
    assert "sources" not in json.loads(run(capsys, *argv, "--json"))


def test_json_says_what_was_computed_with_what(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["sweep", *GRID], ["best", "tpot_s", *GRID]):
        told = json.loads(run(capsys, *argv, "--fallback", "wider", "--json"))
        assert (told["catalogue"], told["fallback"]) == (version(), "wider")
        assert told["compute"] == {"h100-sxm": {"fp4": "fp8", "bf16": "bf16"}, "l4": {"fp4": "fp8", "bf16": "bf16"}}
    told = json.loads(run(capsys, "point", "llama-3.1-8b", "l4", "--precision", "fp4", "--fallback", "wider", "--json"))
    assert (told["compute"], told["status"]) == ("fp8", "ok")


def test_fallback_in_a_spec_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    spec = tmp_path / "sweep.toml"
    spec.write_text('[sweep]\nmodel = "llama-3.1-8b"\nhardware = "l4"\nprecision = "fp4"\nfallback = "wider"\n')
    told = json.loads(run(capsys, "sweep", str(spec), "--columns", "status", "--json"))
    assert told["values"]["status"] == [0.0] and tr.Sweep.from_toml(spec).run("status").meta["fallback"] == "wider"
    assert json.loads(run(capsys, "sweep", str(spec), "--fallback", "status", "--json"))["fallback"] == "status"


def test_a_wrong_fallback(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["point", "llama-3.1-8b", "l4", "--fallback", "widest"]) == 2
    assert "did you mean 'wider'" in capsys.readouterr().err
