"""Arguments of every technique alike: shapes broadcast or are refused, NaN passes or is refused, errors name them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import tokenroof as tr
from tokenroof.amounts import Kind
from tokenroof.techniques import allocation, cascade, prefix_cache, reasoning, rounds, routing, trees, voting
from tokenroof.techniques import test_time as samples

Function = Callable[..., Any]


def decorated() -> Iterator[tuple[str, Function]]:
    """The functions that say which kinds they take, once each, by the module that they are written in."""
    for name in tr.techniques.__all__ + ["rounds", "allocation", "tradeoffs"]:
        module = import_module(f"tokenroof.techniques.{name}")
        for public in module.__all__:
            function = getattr(module, public)
            if hasattr(function, "kinds") and function.__module__ == module.__name__:
                yield f"{name}.{public}", function


FUNCTIONS = dict(decorated())
#: What must be larger or smaller than another argument for there to be an answer.
APART = {"strong": 3.0, "strong_s": 3.0, "strong_score": 3.0, "always": 0.1, "never": 0.1}


def right(function: Function) -> dict[str, float]:
    kinds: dict[str, Kind] = function.kinds  # type: ignore[attr-defined]
    usual = {name: next(x for x in (0.5, 1.0, -0.5) if kind.holds(np.array(x))) for name, kind in kinds.items()}
    return usual | {name: value for name, value in APART.items() if name in usual}


def each(test: Function) -> Function:
    return pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)(test)


def test_there_are_functions() -> None:
    assert len(FUNCTIONS) >= 40


@each
def test_numbers_give_floats_and_arrays_their_joint_shape(function: Function) -> None:
    given = right(function)
    one = function(**given)
    assert type(one) is float and not math.isnan(one)
    first, last = list(inspect.signature(function).parameters)[:: len(given) - 1]
    both = function(**given | {first: np.full((2, 1), given[first]), last: [given[last]] * 3})
    assert both.shape == (2, 3) and both.dtype == np.float64 and np.all(both == one)


@each
def test_shapes_that_do_not_broadcast_are_refused(function: Function) -> None:
    given = right(function)
    first, last = list(given)[0], list(given)[-1]
    with pytest.raises(tr.SpecError, match=f"{first}.*{last}.*broadcast"):
        function(**given | {first: [given[first]] * 2, last: [given[last]] * 3})


@each
def test_the_unknown_comes_out_as_such_or_is_refused(function: Function) -> None:
    given = right(function)
    for name, kind in function.kinds.items():  # type: ignore[attr-defined]
        unknown = given | {name: [given[name], math.nan]}
        if kind.unknown:
            known, nothing = function(**unknown)
            assert known == function(**given) and math.isnan(nothing), name
        else:
            with pytest.raises(tr.SpecError, match=f"{name} = nan"):
                function(**unknown)


@each
def test_what_is_no_such_number_is_named(function: Function) -> None:
    given = right(function)
    for name, kind in function.kinds.items():  # type: ignore[attr-defined]
        for wrong in (math.inf, -math.inf, "many", True, None, 1j, [given[name], math.inf], [[1.0], [1.0, 2.0]]):
            with pytest.raises(tr.SpecError, match=f"{function.__name__}: {name} = ") as caught:
                function(**given | {name: wrong})
            assert caught.value.expected == kind.text


@pytest.mark.parametrize(
    "call",
    [
        lambda two, three: voting.latency(0.9, 3, 10, two, per_subtask=three),
        lambda two, three: voting.latency(two / 4, 3, 10, three, parallel=False),
        lambda two, three: trees.beam(two, 1, 1, prompt=three, thought=1),
        lambda two, three: trees.mcts(two, prompt=three, thought=1, branch=1, mean_depth=1),
        lambda two, three: reasoning.flops("llama-3.1-8b", two, three),
        lambda two, three: reasoning.flop_ratio("llama-3.1-8b", two, three),
        lambda two, three: cascade.cost(1.0 * np.ones((2, 2)), 0.1 * np.ones((3, 1))),
        lambda two, three: cascade.accuracy(two / 4, three / 4, 0.5, 0.5),
        lambda two, three: routing.fit_cpt(two / 10, three / 10),
        lambda two, three: samples.fit_beta(two / 10, 2 * three, 0.5),
        lambda two, three: rounds.acceptance_of(two, three),
        lambda two, three: prefix_cache.token_hit_rate(two / 4, three, 1.0),
        lambda two, three: prefix_cache.hit_rates(two, three, 1.0),
        lambda two, three: allocation.efficiency_gain(two, three),
    ],
)  # fmt: skip
def test_so_are_shapes_of_those_that_take_more_than_numbers(call: Function) -> None:
    with pytest.raises(tr.SpecError, match="broadcast"):
        call(np.array([1, 2]), np.array([1, 2, 3]))
