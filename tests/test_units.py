"""Quantities: every unit reads into SI, decimal and binary prefixes stay apart, and nonsense is refused."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenroof.errors import SpecError
from tokenroof.units import DIMENSIONS, format_si, parse_quantity

UNITS = [(dimension, unit) for dimension, units in DIMENSIONS.items() for unit in units]


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("3.35 TB/s", "bytes/s", 3.35e12),
        ("80 GB", "bytes", 80e9),
        ("80 GiB", "bytes", 80 * 2**30),
        ("275,040 MiB", "bytes", 275_040 * 2**20),
        ("198.67e9 bytes", "bytes", 198.67e9),
        ("400 Gb/s", "bytes/s", 50e9),
        ("820 GiB/s", "bytes/s", 820 * 2**30),
        ("989.4 TFLOPS", "flop/s", 989.4e12),
        ("1.979 PFLOP/s", "flop/s", 1.979e15),
        ("260 TOPS", "flop/s", 260e12),
        ("40us", "s", 40e-6),
        ("2.5 µs", "s", 2.5e-6),
        ("0.7 kW", "W", 700.0),
        ("2.95 USD/h", "USD/h", 2.95),
        ("30 kUSD", "USD", 30e3),
        ("0.08 USD/kWh", "USD/J", 0.08 / 3.6e6),
        ("80 USD/MWh", "USD/J", 0.08 / 3.6e6),
        ("71 %", "1", 0.71),
        (0.709, "1", 0.709),
        (8, "1", 8.0),
    ],
)
def test_spellings(text: object, dimension: str, value: float) -> None:
    assert parse_quantity(text, dimension) == pytest.approx(value, rel=1e-15)


def test_gb_is_not_gib() -> None:
    assert parse_quantity("1 GB", "bytes") == 1e9
    assert parse_quantity("1 GiB", "bytes") == 2.0**30


def test_bits_are_not_bytes() -> None:
    assert parse_quantity("8 Gb/s", "bytes/s") == parse_quantity("1 GB/s", "bytes/s")


@given(st.sampled_from(UNITS), st.floats(0, 1e12))
def test_round_trip_of_every_unit(unit: tuple[str, str], number: float) -> None:
    dimension, spelling = unit
    factor = DIMENSIONS[dimension][spelling]
    exact = Fraction(number) * (Fraction(factor) if factor >= 1 else Fraction(1, round(1 / factor)))
    assert parse_quantity(f"{number!r} {spelling}", dimension) == float(exact)  # rounded once


@given(st.sampled_from(UNITS), st.floats(0, 1e6), st.floats(0, 1e6))
def test_order_is_kept(unit: tuple[str, str], a: float, b: float) -> None:
    dimension, spelling = unit
    low, high = (parse_quantity(f"{x!r} {spelling}", dimension) for x in sorted((a, b)))
    assert low <= high


@given(st.floats(1e-9, 1e17))
def test_formatted_bytes_read_back(value: float) -> None:
    text = format_si(value, "s", digits=12) if value < 1 else format_si(value, "B", digits=12)
    dimension = "s" if value < 1 else "bytes"
    assert parse_quantity(text, dimension) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(
    ("text", "dimension"),
    [
        ("-1 GB", "bytes"),
        ("1 GB", "bytes/s"),
        ("1 gb", "bytes"),
        ("1 parsec", "bytes"),
        ("GB", "bytes"),
        ("", "bytes"),
        ("nan GB", "bytes"),
        ("inf GB", "bytes"),
        ("1e400 GB", "bytes"),
        ("1..2 GB", "bytes"),
        (80, "bytes"),
        (math.nan, "1"),
        (math.inf, "1"),
        (-0.1, "1"),
        (True, "1"),
        (None, "bytes"),
        (["80 GB"], "bytes"),
    ],
)
def test_nonsense_is_refused(text: object, dimension: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_quantity(text, dimension, "memory.capacity", "mine.toml")
    assert "mine.toml: memory.capacity = " in str(caught.value)
    assert repr(text) in str(caught.value)


@given(st.text(max_size=12), st.sampled_from(sorted(DIMENSIONS)))
def test_any_text_is_a_quantity_or_a_spec_error(text: str, dimension: str) -> None:
    try:
        value = parse_quantity(text, dimension)
    except SpecError:
        return
    assert math.isfinite(value) and value >= 0


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (3.35e12, "B/s", "3.35 TB/s"),
        (0.0233, "s", "23.3 ms"),
        (0, "B", "0 B"),
        (math.nan, "s", "-"),
        (999.9, "B", "1 kB"),
    ],
)
def test_format_si(value: float, unit: str, text: str) -> None:
    assert format_si(value, unit) == text
