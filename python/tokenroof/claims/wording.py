"""Computed numbers as people read them: thousands with commas, large ones in words, several as a range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["number", "span"]

_WORDS = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
_WORDS_END = 1e15  #: from here on powers of ten are read more easily


def number(value: float, spec: str = ".3g") -> str:
    """A number in a format of Python's, or in words: ``"3w"`` is three digits and a word for its size.

    >>> number(5.6e11, "2w"), number(14_880_952, "3w"), number(29_762, "2w"), number(1.5e-7, ".2g")
    ('560 billion', '14.9 million', '30,000', '1.5e-7')
    """
    if spec.endswith("w"):
        return _in_words(value, int(spec[:-1] or 2))
    digits, exponent, power = format(value, spec).partition("e")
    return f"{digits}e{int(power)}" if exponent else digits


def span(values: Sequence[Any], spec: str = ".3g") -> str:
    """One number, the range of several, or names one after the other.

    >>> span([8, 2, 4], ".0f"), span([0.07, 0.14], ".0%"), span([2e9, 5e9], "w"), span(["fp8", "int4", "fp8"])
    ('2 to 8', '7 to 14%', '2 to 5 billion', 'fp8, int4')
    """
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return ", ".join(dict.fromkeys(map(str, values)))
    low, high = number(min(values), spec), number(max(values), spec)
    if low == high:
        return low
    (low_digits, low_unit), (_, high_unit) = _parted(low), _parted(high)
    return f"{low_digits if low_unit == high_unit else low} to {high}"


def _in_words(value: float, digits: int) -> str:
    rounded = float(f"{value:.{digits}g}")
    size = abs(rounded)
    if size >= _WORDS_END:
        return number(value, f".{digits}g")
    for scale, word in _WORDS:
        if size >= scale:
            return f"{rounded / scale:.{max(digits, 3)}g} {word}"
    return f"{rounded:,.0f}" if size >= 100 else f"{rounded:g}"


def _parted(text: str) -> tuple[str, str]:
    """Digits, and the word or sign after them."""
    if text.endswith("%"):
        return text[:-1], "%"
    digits, _, word = text.partition(" ")
    return digits, word
