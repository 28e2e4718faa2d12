"""Formats, precisions and the rate at which a chip computes: sizes from blocks, names, and what a chip lacks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import ESTIMATES, bits, layouts, made_hardware, made_models, real_hardware, real_models, spread

import tokenroof as tr
from tokenroof._native import COLUMNS
from tokenroof.axes import Axes
from tokenroof.errors import SpecError, UnknownNameError
from tokenroof.plan import Plan
from tokenroof.reference import bind
from tokenroof.specs import Hardware, Model, Options, Precision, peak, precision
from tokenroof.specs.formats import COMPUTE, FORMATS, MIXES, PEAK_OF, WIDER, bytes_per_element
from tokenroof.specs.precision import NAMED

ALL = list(COLUMNS)
NAMES = [*NAMED, "w4a16", "w2a16-g32", "w3a8kv4", "w4a4kv4", "w6a6", "int4/int4/int8", "fp4/fp6/fp6", "fp8/tf32/q8_0"]


# Sizes.


def test_gguf_blocks_are_those_of_its_package() -> None:
    constants = pytest.importorskip("gguf.constants")
    theirs = {kind.name.lower(): size / elems for kind, (elems, size) in constants.GGML_QUANT_SIZES.items()}
    blocks = [name for name in FORMATS if name.startswith(("q", "iq", "tq"))]
    assert len(blocks) == 14
    assert {name: FORMATS[name] for name in blocks} == {name: theirs[name] for name in blocks}
    # the two others that it has store the same scales as ours
    assert (FORMATS["mxfp4"], FORMATS["nvfp4"]) == (theirs["mxfp4"], theirs["nvfp4"])


@pytest.mark.parametrize(
    ("name", "bits_each"),
    [
        ("tf32", 32),
        ("mxfp8", 8.25),
        ("fp6", 6),
        ("mxfp6", 6.25),
        ("mxfp4", 4.25),
        ("nvfp4", 4.5),
        ("fp4", 4),
        ("int4", 4.25),
        ("int4-g64", 4.5),
        ("int4-g32", 5),
        ("int3", 3.25),
        ("int2", 2.25),
        ("ternary", 2),
        ("tq2_0", 2.0625),
        ("tq1_0", 1.6875),
        ("q8_0", 8.5),
        ("q6_k", 6.5625),
        ("q2_k", 2.625),
    ],
)
def test_bits_with_scales(name: str, bits_each: float) -> None:
    assert 8 * FORMATS[name] == bits_each


#: Bits per weight of whole files of Llama-3.1-8B, ggml-org/llama.cpp@311c2c9:tools/quantize/README.md.
LLAMA_31_8B = {
    "q2_k_m": 3.1593,
    "q3_k": 3.6429,
    "q3_k_l": 4.2979,
    "q4_k_s": 4.6672,
    "q4_k_m": 4.8944,
    "q5_k": 5.5704,
    "q5_k_m": 5.7036,
    "q6_k": 6.5633,
    "q8_0": 8.5008,
}


def file_bits(model: Model, name: str) -> float:
    """Bits per weight of a GGUF file: the embedding in the mix's base, the head in 6 bits, norms in 32."""
    base = MIXES[name].base if name in MIXES else name
    parts = model.params_by_part
    widths = {"embedding": 8 * FORMATS[base], "lm_head": max(8 * FORMATS[base], 6.5625), "norms_and_biases": 32.0}
    return sum(n * widths.get(part, 8 * bytes_per_element(name)) for part, n in parts.items()) / model.params


@pytest.mark.parametrize(("name", "published"), LLAMA_31_8B.items())
def test_gguf_mixes_make_files_of_the_published_size(name: str, published: float) -> None:
    assert file_bits(tr.model("llama-3.1-8b"), name) == pytest.approx(published, abs=1e-4)


#: The same of Llama 2: llama.cpp, examples/quantize/README.md as the crate llama-cpp-sys-2 0.1.7 holds it.
LLAMA_2 = [
    ("llama-2-7b", "q3_k_m", 3.91),
    ("llama-2-7b", "q3_k_l", 4.27),
    ("llama-2-7b", "q4_k_s", 4.58),
    ("llama-2-7b", "q4_k_m", 4.84),
    ("llama-2-7b", "q5_k_m", 5.68),
    ("llama-2-13b", "q4_k_m", 4.83),
    ("llama-2-70b", "q3_k_m", 3.85),
    ("llama-2-70b", "q4_k_m", 4.80),
    ("llama-2-70b", "q5_k_m", 5.65),
]


@pytest.mark.parametrize(("model", "name", "published"), LLAMA_2)
def test_gguf_mixes_differ_little_between_shapes(model: str, name: str, published: float) -> None:
    assert file_bits(tr.model(model), name) == pytest.approx(published, rel=0.012)


def test_a_gguf_precision_counts_what_a_step_reads() -> None:
    p, model = precision("Q4_K_M"), tr.model("llama-3.1-8b")
    assert (p.name, p.compute, p.kv_bytes, p.head_bytes) == ("q4_k_m", "bf16", 2.0, 6.5625 / 8)
    assert model.weight_bytes(p) / (model.params * 4.8944 / 8) == pytest.approx(1.03, abs=0.005)  # the embedding


# Names.


@pytest.mark.parametrize(
    ("name", "weights", "activations", "kv"),
    [
        ("w4a16", "int4", "bf16", "bf16"),
        ("w8a16", "int8", "bf16", "bf16"),
        ("w16a16", "bf16", "bf16", "bf16"),
        ("w8a8", "fp8", "fp8", "bf16"),
        ("w4a4", "nvfp4", "nvfp4", "bf16"),
        ("w4a8kv8", "int4", "fp8", "fp8"),
        ("w16a8", "bf16", "fp8", "bf16"),
        ("w8a4kv16", "int8", "nvfp4", "bf16"),
        ("w2a16", "int2", "bf16", "bf16"),
        ("w3a16kv4", "int3", "bf16", "nvfp4"),
        ("w6a16", "fp6", "bf16", "bf16"),
        ("w6a6kv8", "mxfp6", "mxfp6", "fp8"),
        ("w4a16-g32", "int4-g32", "bf16", "bf16"),
        ("w4a16-g128", "int4", "bf16", "bf16"),
        ("w3a8kv8-g64", "int3-g64", "fp8", "fp8"),
        ("W4A16", "int4", "bf16", "bf16"),
        ("int4-g32/fp16/int8", "int4-g32", "fp16", "int8"),
        ("q4_k_m/int8/q8_0", "q4_k_m", "int8", "q8_0"),
        ("ternary", "ternary", "int8", "bf16"),
        ("fp4", "nvfp4", "nvfp4", "fp8"),
        ("fp6", "mxfp6", "mxfp6", "fp8"),
    ],
)
def test_names(name: str, weights: str, activations: str, kv: str) -> None:
    p = precision(name)
    assert (p.name, p.weights, p.activations, p.kv) == (name.lower(), weights, activations, kv)
    assert precision(p) is p


def test_every_part_has_a_format_of_its_own() -> None:
    p = Precision("mine", "int4-g64", "int8", "int4-g32", experts="mxfp4", head="fp8", state="fp16")
    assert (p.weight_bytes, p.expert_bytes, p.head_bytes) == (0.5625, 0.53125, FORMATS["fp8"])
    assert (p.act_bytes, p.comm_bytes, p.kv_bytes, p.state_bytes, p.wide_bytes) == (1.0, 2.0, 0.625, 2.0, 2.0)


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("w4a17", UnknownNameError, "did you mean 'w4a16'"),
        ("w5a16", UnknownNameError, "'w4a16'"),
        ("w8a16-g64", UnknownNameError, "'w8a16'"),
        ("w4a16-g48", UnknownNameError, "'w4a16'"),
        ("q4_k_x", UnknownNameError, "'q4_k_"),
        ("bf61", UnknownNameError, "'bf16'"),
        ("int4", SpecError, "'int4/bf16/bf16'"),
        ("q2_k_m", SpecError, "'q2_k_m/bf16/bf16'"),
        ("int4-g31/bf16/bf16", SpecError, "weights = 'int4-g31': expected 'int4-g32'"),
        ("int4/bf61/bf16", SpecError, "activations = 'bf61': expected 'bf16'"),
        ("int4/q8_0/bf16", SpecError, "activations = 'q8_0': expected .*one of fp32"),  # nothing computes in it
        ("int4/bf16/q4_k_m", SpecError, "kv = 'q4_k_m': expected 'q4_k'"),  # a mix of matrices
        ("int4/bf16", UnknownNameError, "unknown precision"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(name: str, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        precision(name)


# The rate.


def floats(exponent: int, mantissa: int, top: float) -> set[float]:
    """Values of a small float with subnormals, up to its largest."""
    bias, step = 2 ** (exponent - 1) - 1, 2.0**-mantissa
    found = {n * step * 2.0 ** (1 - bias) for n in range(2**mantissa)}
    for e in range(1, 2**exponent):
        found |= {(1.0 + n * step) * 2.0 ** (e - bias) for n in range(2**mantissa)}
    return {sign * x for x in found if x <= top for sign in (1.0, -1.0)}


#: Values of each format's variants.
VALUES = {
    "fp4": (floats(2, 1, 6.0),),
    "fp6": (floats(3, 2, 28.0), floats(2, 3, 7.5)),
    "fp8": (floats(4, 3, 448.0),),
    "int4": (set(map(float, range(-8, 8))),),
    "int8": (set(map(float, range(-128, 128))),),
}
#: Mantissa bits and smallest normal exponent of those with too many values to list.
WIDE = {"bf16": (7, -126), "tf32": (10, -126), "fp32": (23, -126)}


def holds(wide: str, values: set[float]) -> bool:
    if wide in VALUES:
        return all(values <= variant for variant in VALUES[wide])
    mantissa, least = WIDE[wide]
    return all((x * 2.0 ** (mantissa - least)).is_integer() and _significant(x) <= mantissa + 1 for x in values)


def _significant(x: float) -> int:
    """Binary digits from the first to the last that is not 0."""
    whole, parts = abs(x).as_integer_ratio()
    assert parts & (parts - 1) == 0
    return (whole // (whole & -whole)).bit_length() if whole else 0


def test_wider_formats_hold_every_value() -> None:
    assert set(WIDER) == set(COMPUTE) == set(PEAK_OF.values())
    for narrow, chain in WIDER.items():
        for wide in chain:
            if narrow in VALUES:
                assert all(holds(wide, variant) for variant in VALUES[narrow]), (narrow, wide)
            else:
                assert WIDE[narrow] < WIDE[wide]
    for narrow, wide in (("int8", "fp8"), ("fp8", "int8"), ("fp4", "int8"), ("int4", "fp6"), ("fp6", "int8")):
        assert not all(holds(wide, variant) for variant in VALUES[narrow]) and wide not in WIDER[narrow]


def test_wider_formats_come_nearest_first() -> None:
    width = {"fp4": 4, "int4": 4, "fp6": 6, "int8": 8, "fp8": 8, "bf16": 16, "tf32": 19, "fp32": 32}
    for narrow, chain in WIDER.items():
        widths = [width[name] for name in (narrow, *chain)]
        assert widths == sorted(widths) and len({narrow, *chain}) == len(widths)


@pytest.mark.parametrize(
    ("chip", "name", "got"),
    [
        ("h100-sxm", "w4a16", "bf16"),  # narrow weights are widened: the 16-bit peak
        ("h100-sxm", "q4_k_m", "bf16"),
        ("h100-sxm", "ternary", "int8"),
        ("b200-sxm", "fp4", "fp4"),
        ("h100-sxm", "fp4", "fp8"),
        ("a100-80-sxm", "fp4", "bf16"),  # its int8 is no float
        ("a100-80-sxm", "fp8", "bf16"),
        ("trainium2", "int8", "bf16"),
        ("tpu-v6e", "w8a8", "bf16"),
    ],
)
def test_rates_of_chips(chip: str, name: str, got: str) -> None:
    hw = tr.hardware(chip)
    assert peak(hw, name, "wider") == (hw.peaks[got], got)
    assert peak(hw, name) == ((hw.peaks[got], got) if precision(name).compute == got else (0.0, ""))


def made(**peaks: float) -> Hardware:
    return Hardware("made", peaks, 80e9, 1e12)


def test_the_nearest_wider_format_is_taken() -> None:
    assert peak(made(fp32=1.0, bf16=2.0), "fp4", "wider") == (2.0, "bf16")
    assert peak(made(fp32=1.0, tf32=3.0), "bf16", "wider") == (3.0, "tf32")
    assert peak(made(fp8=5.0, bf16=2.0), "int4/int4/bf16", "wider") == (5.0, "fp8")
    assert peak(made(int8=7.0, fp8=5.0, bf16=2.0), "int4/int4/bf16", "wider") == (7.0, "int8")
    assert peak(made(int8=7.0), "fp8", "wider") == (0.0, ""), "no integer holds them"
    assert peak(made(bf16=2.0), "fp32", "wider") == (0.0, ""), "nothing is wider"
    with pytest.raises(UnknownNameError, match="unknown fallback 'widr': did you mean 'wider'"):
        peak(made(bf16=2.0), "bf16", "widr")


@st.composite
def lacking(draw: st.DrawFn) -> Hardware:
    """A chip that lacks some of its peaks."""
    hw = draw(made_hardware())
    kept = draw(st.sets(st.sampled_from(COMPUTE), min_size=1))
    return replace(hw, peaks={name: hw.peaks.get(name, 3e14) for name in COMPUTE if name in kept})


LENGTHS = st.tuples(spread(1, 4096), spread(1, 10**6), spread(1, 10**5))


@settings(max_examples=150)
@given(
    st.one_of(real_models(), made_models()), st.one_of(real_hardware(), lacking()), st.sampled_from(NAMES), layouts(),
    LENGTHS, st.sampled_from(["status", "wider"]),
)  # fmt: skip
def test_core_and_reference_agree(
    model: Model, hw: Hardware, name: str, layout: dict[str, int], lengths: tuple[int, int, int], fallback: str
) -> None:
    p, options = precision(name), Options(fallback=fallback)
    bound = bind(model, hw, p, **layout, options=options)
    batch, isl, osl = lengths
    axes = Axes({"model": model, "hardware": hw, "precision": p, **layout, "batch": batch, "isl": isl, "osl": osl})
    assert (bound.status == 20) == (peak(hw, p, fallback)[0] == 0.0)
    for estimate in ESTIMATES:
        want = bound.columns(float(batch), float(isl), float(osl), estimate)
        got = Plan(axes, estimate=estimate, options=options).point(0, batch, isl, osl, ALL)
        assert dict(zip(ALL, bits(got).tolist(), strict=True)) == dict(
            zip(ALL, bits([want[c] for c in ALL]).tolist(), strict=True)
        )


@given(real_models(), lacking(), st.sampled_from(NAMES))
def test_wider_is_a_chip_that_has_the_peak(model: Model, hw: Hardware, name: str) -> None:
    rate, _ = peak(hw, name, "wider")
    if rate == 0.0:
        assert tr.point(model, hw, precision=name, fallback="wider").status == 20
        return
    hw = replace(hw, flop_joules={})  # energies belong to the format that computes, which is another one there
    other = replace(hw, peaks={**hw.peaks, precision(name).compute: rate})
    wider, had = (
        tr.point(model, chip, precision=name, fallback=fallback).columns
        for chip, fallback in ((hw, "wider"), (other, "status"))
    )
    assert (bits(list(wider.values())) == bits(list(had.values()))).all()


# Where it shows.


def test_a_missing_peak_is_a_status_unless_asked_otherwise() -> None:
    plain, wider = (
        tr.point("llama-3.1-8b", "h100-sxm", precision="fp4", **kwargs) for kwargs in ({}, {"fallback": "wider"})
    )
    assert (plain.status, plain.compute, plain.peak) == (20, "", 0.0)
    assert (wider.status, wider.compute, wider.peak) == (0, "fp8", tr.hardware("h100-sxm").peaks["fp8"])
    assert (plain.to_dict()["compute"], wider.to_dict()["compute"]) == (None, "fp8")
    assert "fallback='wider' computes in fp8" in plain.explain()
    assert "matrices run in fp8 at 1.979 PFLOP/s dense: the next wider format, the chip has no fp4" in wider.explain()
    assert "matrices run in bf16 at 989.4 TFLOP/s dense\n" in tr.point("llama-3.1-8b", "h100-sxm").explain()


def test_a_sweep_says_what_each_chip_computes_in() -> None:
    axes = {"model": "llama-3.1-8b", "hardware": ["h100-sxm", "b200-sxm"], "precision": ["fp4", "w4a16"], "tp": [1, 2]}
    status, wider = (tr.Sweep(**axes, fallback=fallback).run("status") for fallback in ("status", "wider"))
    assert status["status"][0, 0, 0].tolist() == [20.0, 20.0] and not wider["status"].any()
    assert wider.meta["compute"] == {
        "h100-sxm": {"fp4": "fp8", "w4a16": "bf16"},
        "b200-sxm": {"fp4": "fp4", "w4a16": "bf16"},
    }
    assert status.meta["compute"]["h100-sxm"] == {"fp4": None, "w4a16": "bf16"}
    best = tr.Sweep.from_spec({**axes, "fallback": "wider"}).best("tpot_s", by="hardware")
    assert len(best) == 2 and best.meta["fallback"] == "wider"


def test_an_unknown_fallback() -> None:
    for call in (tr.Sweep, tr.point):
        with pytest.raises(UnknownNameError, match="'wide': did you mean 'wider'"):
            call(model="llama-2-7b", hardware="h100-sxm", fallback="wide")
