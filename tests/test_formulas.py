"""The formula sheet: one set of equations in Python, Numba and C, the same to the last bit, and true."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import math
import os
import re
import shlex
import subprocess
import sysconfig
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numba
import pytest
from cffi import FFI
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import bits, magnitude, spread

from tokenroof import formulas as fs

ROOT = Path(__file__).resolve().parent.parent
Formula = Callable[..., float]


# What each argument may be, by its name in the sheet. Whole counts stay below 2**52, as in a plan.
COUNT = st.one_of(spread(1, 10**15).map(float), st.sampled_from([1.0, 2.0**52 - 1.0]))
AMOUNT = st.one_of(st.just(0.0), magnitude(1e-15, 1e15), st.floats(0.0, 1e15))
SECONDS = st.one_of(st.just(0.0), magnitude(1e-18, 1e6), st.just(5e-324))
SHARE = st.one_of(st.floats(0.0, 1.0), spread(1, 10**6).map(lambda n: 1.0 / n))
MONEY = st.one_of(SECONDS, st.just(math.nan))
RANKS = st.one_of(spread(1, 10**6).map(float), st.floats(1.0, 1e4))
DOMAINS: dict[str, st.SearchStrategy[float]] = {
    "tokens": COUNT, "touched": AMOUNT, "inv_ep": SHARE, "isl": COUNT, "steps": COUNT, "inv_steps": SHARE,
    "window": st.one_of(st.just(math.inf), COUNT, st.floats(0.01, 1e15)),
    "f": SECONDS, "w": SECONDS, "a": SECONDS, "batch": COUNT, "shares": RANKS, "layers": spread(1, 10**6).map(float),
    "pp": spread(1, 10**6).map(float), "inner": RANKS, "outer": RANKS, "alpha_in": SECONDS, "alpha_out": SECONDS,
    "per_byte_in": SECONDS, "per_byte_out": SECONDS, "fixed": SECONDS, "sequences": COUNT, "per_sequence": SECONDS,
    "seconds": SECONDS, "on_chip": SECONDS, "compute": SECONDS, "memory": SECONDS, "network": SECONDS,
    "prefill": SECONDS, "step": SECONDS, "inv_batch": SHARE, "decode_share": SHARE, "ttft": SECONDS, "tpot": SECONDS,
    "later": COUNT, "weights": AMOUNT, "kv_sequence": st.one_of(AMOUNT, magnitude(1e-300, 1.0)), "usable": AMOUNT,
    "ranks": RANKS, "domain": RANKS, "alpha": SECONDS, "per_byte": SECONDS, "closed": st.sampled_from([0.0, 1.0]),
    "tile": COUNT, "least": AMOUNT, "axes": st.sampled_from([1.0, 2.0, 3.0]), "serial": st.floats(0.0, 1.0),
    "one": SECONDS, "other": SECONDS,
    "device": SECONDS, "host": SECONDS,
    "need": AMOUNT, "room": st.one_of(AMOUNT, AMOUNT.map(lambda n: -n)), "copies": RANKS,
    "nodes": st.one_of(st.just(0.0), RANKS), "hidden": AMOUNT, "along_hidden": SECONDS, "along_inner": SECONDS,
    "behind": AMOUNT, "work": MONEY,
    "share": st.floats(1e-6, 1.0), "exponent": COUNT, "base": st.floats(0.0, 1.0), "count": AMOUNT, "stored": AMOUNT,
    "shared_bytes": AMOUNT, "sram_bytes": AMOUNT,
    "dp": COUNT, "chips": COUNT, "idle": MONEY, "dynamic": MONEY, "spt": SECONDS, "spt_bound": SECONDS,
}  # fmt: skip
ROUTED = st.one_of(spread(1, 4096).map(float), st.floats(1.0, 4096.0)).flatmap(
    lambda e: st.tuples(st.just(e), st.one_of(st.just(e), st.floats(1e-3, e), spread(1, max(int(e), 1)).map(float)))
)


def arguments(name: str) -> st.SearchStrategy[tuple[float, ...]]:
    names = list(inspect.signature(getattr(fs, name)).parameters)
    if name == "expected_experts":  # active is at most experts
        few = st.one_of(COUNT, st.just(0.0), spread(1, 4096).map(float))
        return st.tuples(ROUTED, few).map(lambda drawn: (*drawn[0], drawn[1]))
    chunk = {"window": COUNT} if "chunk" in name else {}
    return st.tuples(*(chunk.get(argument, DOMAINS[argument]) for argument in names))


def flags() -> list[str]:
    spec = importlib.util.spec_from_file_location("build_ffi", ROOT / "csrc" / "build_ffi.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.FLAGS)


def numbered_in_c() -> dict[str, int]:
    """Functions of formulas.h that a numbered comment precedes, with their numbers."""
    text = (ROOT / "csrc" / "formulas.h").read_text(encoding="utf-8")
    found = re.findall(r"/\* \((\d+)\) (?:[^*]|\*(?!/))*\*/\s*TR_FN double tr_(\w+)\(", text)
    return {name: int(number) for number, name in found}


def parameters_in_c() -> dict[str, list[str]]:
    text = (ROOT / "csrc" / "formulas.h").read_text(encoding="utf-8")
    return {
        name: re.findall(r"double (\w+)", args) for name, args in re.findall(r"TR_FN double tr_(\w+)\(([^)]*)\)", text)
    }


@pytest.fixture(scope="module")
def in_c(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Formula]]:
    """formulas.h compiled with the flags of the library, a wrapper for each function."""
    folder = tmp_path_factory.mktemp("formulas")
    declared, wrappers = [], ['#include "formulas.h"']
    for name, args in parameters_in_c().items():
        head = f"double sheet_{name}({', '.join(f'double {a}' for a in args)})"
        declared.append(f"{head};")
        wrappers.append(f'__attribute__((visibility("default"))) {head} {{ return tr_{name}({", ".join(args)}); }}')
    source, library = folder / "sheet.c", folder / "sheet.so"
    source.write_text("\n".join(wrappers) + "\n", encoding="utf-8")
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[:1]
    command = [
        *compiler,
        *flags(),
        "-Wall",
        "-Werror",
        "-fPIC",
        "-shared",
        f"-I{ROOT / 'csrc'}",
        str(source),
        "-o",
        str(library),
    ]
    subprocess.run(command, check=True)
    ffi = FFI()
    ffi.cdef("\n".join(declared))
    lib = ffi.dlopen(str(library))  # its functions live as long as this name
    yield {name: getattr(lib, f"sheet_{name}") for name in parameters_in_c()}


@pytest.fixture(scope="module")
def in_numba() -> Mapping[str, Formula]:
    """Each function under numba.njit; the sheet's own helpers are compiled first, so that the others can call them."""
    space: dict[str, Any] = dict(vars(fs))
    for name in [
        n for n, f in vars(fs).items() if isinstance(f, types.FunctionType) and n.startswith("_")
    ] + fs.__all__:
        plain = getattr(fs, name)
        space[name] = numba.njit(types.FunctionType(plain.__code__, space, name))
    return {name: space[name] for name in fs.__all__}


@pytest.mark.parametrize("name", fs.__all__)
def test_python_numba_and_c_agree_bit_for_bit(
    name: str, in_c: Mapping[str, Formula], in_numba: Mapping[str, Formula]
) -> None:
    python = getattr(fs, name)

    @settings(max_examples=80)
    @given(arguments(name))
    def agree(args: tuple[float, ...]) -> None:
        want = python(*args)
        assert bits(in_c[name](*args)) == bits(want), f"C: {name}{args}"
        assert bits(in_numba[name](*args)) == bits(want), f"Numba: {name}{args}"

    agree()


@settings(max_examples=150)
@given(st.one_of(st.floats(-(2.0**52), 2.0**52), st.integers(-(10**9), 10**9).map(float), st.floats(-3.0, 3.0)))
def test_ceil_needs_no_libm(in_c: Mapping[str, Formula], x: float) -> None:
    assert in_c["ceil"](x) == math.ceil(x)


def test_the_sheets_have_the_same_functions_numbers_and_arguments() -> None:
    in_header = numbered_in_c()
    assert sorted(in_header) == sorted(fs.__all__)
    assert sorted(in_header.values()) == list(range(1, len(in_header) + 1)), "numbers run from 1 without gaps"
    for name, number in in_header.items():
        doc = inspect.getdoc(getattr(fs, name)) or ""
        assert doc.startswith(f"({number}) "), f"{name}: docstring {doc[:8]!r}, formulas.h ({number})"
        assert list(inspect.signature(getattr(fs, name)).parameters) == parameters_in_c()[name], name


def test_the_page_has_the_same_functions_and_numbers() -> None:
    text = (ROOT / "docs" / "formulas.md").read_text(encoding="utf-8")
    section = 0
    placed: dict[str, set[int]] = {name: set() for name in fs.__all__}
    for line in text.splitlines():
        numbers = {int(n) for n in re.findall(r"\((\d+)\)", line)}
        if line.startswith("#") and len(numbers) <= 1:
            section = next(iter(numbers), 0)
        for name in re.findall(r"\w+", line):
            if name in placed:
                placed[name] |= {*numbers, section}
    for name, number in numbered_in_c().items():
        assert number in placed[name], f"docs/formulas.md: no heading or line joins ({number}) and {name}"


def test_the_sheet_uses_correctly_rounded_operations_only() -> None:
    """No power, no exponential, no remainder: what C, Numba and Python need not round alike."""
    allowed = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.BitAnd)
    tree = ast.parse(inspect.getsource(fs))
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp | ast.AugAssign) and not isinstance(node.op, (*allowed, ast.RShift)):
            raise AssertionError(f"line {node.lineno}: {type(node.op).__name__}")
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "math":
            assert node.attr in ("ceil", "inf"), f"line {node.lineno}: math.{node.attr}"


# The closed forms against what they are closed forms of, exactly.

LENGTH = spread(1, 9_999)


@settings(max_examples=100)
@given(LENGTH, LENGTH, st.one_of(LENGTH, st.just(math.inf)))
def test_mean_context_is_the_mean_of_every_step(isl: int, steps: int, window: float) -> None:
    total = sum(min(isl + j, window) for j in range(steps))
    assert fs.mean_context(float(isl), float(steps), 1.0 / steps, float(window)) == float(total) * (1.0 / steps)


@settings(max_examples=100)
@given(LENGTH, LENGTH, LENGTH)
def test_mean_chunk_context_is_the_mean_of_every_step(isl: int, steps: int, window: int) -> None:
    total = sum((isl + j) % window for j in range(steps))
    assert fs.mean_chunk_context(float(isl), float(steps), 1.0 / steps, float(window)) == float(total) * (1.0 / steps)


@settings(max_examples=100)
@given(LENGTH, LENGTH)
def test_chunk_pairs_counts_every_pair(isl: int, window: int) -> None:
    assert fs.chunk_pairs(float(isl), float(window)) == sum(i % window + 1 for i in range(isl))


@settings(max_examples=100)
@given(LENGTH, LENGTH, LENGTH)
def test_a_chunk_shows_at_most_what_a_sliding_window_shows(isl: int, steps: int, window: int) -> None:
    args = float(isl), float(steps), 1.0 / steps, float(window)
    assert fs.mean_chunk_context(*args) <= fs.mean_context(*args)
    assert fs.chunk_pairs(float(isl), float(window)) <= fs.causal_pairs(float(isl), float(window))


@settings(max_examples=100)
@given(LENGTH, st.one_of(LENGTH, st.just(math.inf)))
def test_causal_pairs_counts_every_pair(isl: int, window: float) -> None:
    assert fs.causal_pairs(float(isl), float(window)) == sum(min(i, window) for i in range(1, isl + 1))


@settings(max_examples=60)
@given(spread(1, 64), st.data())
def test_expected_experts_is_the_expectation(experts: int, data: st.DataObject) -> None:
    """Against the same expectation as a Markov chain over the number of distinct experts, in exact fractions."""
    from fractions import Fraction

    active, tokens = data.draw(spread(1, experts)), data.draw(spread(0, 24))
    touched = Fraction(0)
    for _ in range(tokens):  # each token leaves a share (1 - k/E) of the untouched experts untouched
        touched += (experts - touched) * Fraction(active, experts)
    assert fs.expected_experts(float(experts), float(active), float(tokens)) == pytest.approx(float(touched), rel=1e-13)


@given(ROUTED, spread(1, 10**6))
def test_expected_experts_lies_between_k_and_all_that_could_be_touched(
    routed: tuple[float, float], tokens: int
) -> None:
    experts, active = routed
    touched = fs.expected_experts(experts, active, float(tokens))
    assert active * (1 - 1e-9) <= touched <= min(experts, active * tokens) * (1 + 1e-9)


@given(COUNT, RANKS)
def test_microbatches_hold_the_batch(batch: float, shares: float) -> None:
    largest, mean = fs.microbatch(batch, shares), fs.microbatch_bound(batch, shares)
    assert 1.0 <= mean <= largest == float(int(largest))
    assert largest < batch / shares + 1.0 or largest == 1.0


@given(spread(1, 10**4), spread(1, 10**4))
def test_stage_imbalance_is_the_longest_stage(layers: int, pp: int) -> None:
    longest = max(len(range(stage, layers, pp)) for stage in range(min(pp, layers)))
    assert fs.stage_imbalance(float(layers), float(pp)) == pytest.approx(longest / (layers / pp), rel=1e-15)


@given(spread(2, 512), magnitude(1e-13, 1e-8))
def test_no_all_reduce_beats_its_bound(ranks: int, per_byte: float) -> None:
    """In-switch reduction is the least, a ring up to twice that; a mesh with idle links and a line take longer."""
    n, ring = float(ranks), fs.all_reduce_per_byte(float(ranks), per_byte)
    assert fs.all_reduce_per_byte_bound(n, 1.0, per_byte, 0.0) <= ring <= 2.0 * per_byte
    assert fs.mesh_all_reduce_per_byte(n, n, per_byte) == ring <= fs.mesh_all_reduce_per_byte(n, n + 1.0, per_byte)
    whole, line = (fs.axis_share(n, closed, 1.0) for closed in (1.0, 0.0))
    assert fs.torus_all_reduce_per_byte(n, whole, per_byte) == ring
    assert fs.torus_all_reduce_per_byte(n, line, per_byte) == 2.0 * ring


def test_a_tree_has_less_latency_than_a_ring_and_more_bytes() -> None:
    assert fs.tree_latency(64.0, 1.0) == 12.0 < fs.ring_latency(64.0, 1.0) == 126.0
    assert fs.all_reduce_per_byte(64.0, 1.0) == 1.96875 < 2.0  # a tree's root takes and sends the whole


def test_an_all_to_all_takes_a_quarter_of_an_all_gather_on_a_closed_axis() -> None:
    """A chip of 16 in a ring sends S bytes: the all-gather of what all then hold, 16 S, takes 16 S / W."""
    assert fs.axis_all_to_all_per_byte(16.0, 1.0, 1.0, 1.0) == 16.0 / 4.0
    assert fs.axis_all_to_all_per_byte(16.0, 0.0, 1.0, 1.0) == 16.0 / 2.0  # in a line, one way round


@given(spread(1, 10**6), spread(0, 10**6), spread(1, 10**6), spread(1, 64))
def test_max_batch_is_the_last_that_fits(usable: int, weights: int, cache: int, dp: int) -> None:
    """Exact wherever bytes are whole: the quotient of whole numbers below 2**53 never rounds up to a whole one."""
    most = fs.max_batch(float(usable - weights), float(cache), float(dp))
    fits = lambda b: fs.memory_bytes(float(weights), fs.microbatch(b, float(dp)), float(cache)) <= usable  # noqa: E731
    assert most == max((usable - weights) // cache, 0) * dp
    assert (most == 0 or fits(most)) and not fits(most + 1)


@given(COUNT, SECONDS, SECONDS, st.floats(1e-9, 1.0))
def test_energy_lies_between_idle_and_full_power(chips: float, idle: float, dynamic: float, share: float) -> None:
    joules = fs.joules_per_token(chips, idle, dynamic, 1.0, share)
    assert chips * idle <= joules <= chips * (idle + dynamic) * (1 + 1e-15)


def test_mixtral_touches_as_many_experts_as_its_users_say() -> None:
    """8 experts, 2 per token: 2, 5.469 and 8 distinct ones per layer at batch 1, 4 and large."""
    assert [round(fs.expected_experts(8.0, 2.0, b), 3) for b in (1.0, 4.0, 4096.0)] == [2.0, 5.469, 8.0]
