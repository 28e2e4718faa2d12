"""Kinds of arguments: which numbers they hold, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenroof import amounts
from tokenroof.amounts import FINITE, SHARE, UP_TO_INFINITY, Kind, checked, plain, shape_of, take
from tokenroof.errors import SpecError

KINDS = {name: kind for name, kind in vars(amounts).items() if isinstance(kind, Kind)}


@pytest.mark.parametrize("name", KINDS)
@given(value=st.floats(-3.0, 3.0) | st.integers(-3, 3).map(float))
def test_a_kind_holds_what_its_words_say(name: str, value: float) -> None:
    """The words, read by a test of its own."""
    text = KINDS[name].text
    right = not text.startswith("a whole") or value.is_integer()
    right &= value >= 0 or not any(words in text for words in ("at least 0", "from 0", "above 0", "at least 1"))
    right &= value != 0 or not any(words in text for words in ("above 0", "at least 1"))
    right &= value >= 1 or "at least 1" not in text
    right &= value <= 1 or not any(words in text for words in ("to 1", "at most 1", "below 1"))
    right &= value != 1 or "below 1" not in text
    assert bool(KINDS[name].holds(np.array(value))) is right


def test_infinity_is_a_number_of_one_kind_only() -> None:
    assert [name for name, kind in KINDS.items() if kind.holds(np.array(math.inf))] == ["UP_TO_INFINITY"]
    assert checked("life", math.inf, UP_TO_INFINITY) == math.inf
    with pytest.raises(SpecError, match="x = -inf: expected a finite number"):
        checked("x", -math.inf, FINITE)


def test_what_must_be_known() -> None:
    assert np.isnan(checked("p", math.nan, SHARE))
    assert np.isnan(checked("p", [math.nan, 0.5], SHARE)).tolist() == [True, False]
    with pytest.raises(SpecError, match="vote: p = nan: expected a number from 0 to 1"):
        checked("p", [0.5, math.nan], SHARE.known, "vote")
    assert SHARE.known.known == SHARE.known and SHARE.unknown


def test_the_first_wrong_number_is_told_as_it_was_given() -> None:
    with pytest.raises(SpecError, match=r"p = 2: "):
        checked("p", [[0, 1], [2, 3]], SHARE)
    with pytest.raises(SpecError, match=r"p = \[\[1\], \[1, 2\]\]: "):
        checked("p", [[1], [1, 2]], SHARE)


def test_shapes() -> None:
    assert shape_of("f", a=1.0, b=[1, 2], c=[[1], [2], [3]]) == (3, 2)
    with pytest.raises(SpecError, match=r"f: a, b = \(\(2,\), \(3,\)\): expected shapes that broadcast"):
        take("f", a=([1, 2], FINITE), b=([1, 2, 3], FINITE), c=(1, FINITE))
    assert type(plain(np.float64(1))) is float and plain([1, 2]).dtype == np.float64
