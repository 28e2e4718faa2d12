"""Inputs that nobody knows exactly: distributions, what they make of a result, and which of them matters."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..amounts import ABOVE_ZERO, F64, FINITE, NOT_NEGATIVE, SHARE, Kind, checked
from ..errors import SpecError

__all__ = [
    "Distribution",
    "LogNormal",
    "LogUniform",
    "Normal",
    "Outcome",
    "Samples",
    "Tornado",
    "Triangular",
    "Uniform",
    "simulate",
    "tornado",
]

Seed: TypeAlias = int | np.random.Generator
_NORMAL = np.vectorize(NormalDist().inv_cdf, otypes=[np.float64])
_DRAWS = 10_000  # a quantile of 0.05 is then known to 0.002 of the probability


def _finite(name: str, value: object, kind: Kind = FINITE) -> float:
    array = checked(name, value, kind.known)
    if array.ndim:
        raise SpecError(name, value, f"one number: {kind.text}")
    return float(array)


@dataclass(frozen=True, slots=True)
class Distribution:
    """A number that is not known exactly; subclasses say how. `quantile` takes probabilities within (0, 1)."""

    def quantile(self, share: npt.ArrayLike) -> F64:
        """Values that a share of draws does not exceed."""
        raise NotImplementedError

    def sample(self, rng: np.random.Generator, count: int) -> F64:
        """``count`` independent draws."""
        # random() may be 0.0, where quantiles of unbounded distributions are infinite; 1 - random() may be 1.0
        return self.quantile(rng.random(count) * (1.0 - 2.0**-52) + 2.0**-53)

    @property
    def median(self) -> float:
        """The middle: as often above as below."""
        return float(self.quantile(0.5))


@dataclass(frozen=True, slots=True)
class Uniform(Distribution):
    """Anything from ``low`` to ``high``, alike.

    >>> Uniform(10.0, 20.0).median
    15.0
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not _finite("low", self.low) <= _finite("high", self.high):
            raise SpecError("high", self.high, f"no less than low, {self.low:g}", "Uniform")

    def quantile(self, share: npt.ArrayLike) -> F64:
        """``low + share (high - low)``."""
        return np.asarray(self.low + np.asarray(share) * (self.high - self.low))


@dataclass(frozen=True, slots=True)
class Normal(Distribution):
    """A mean with a standard deviation.

    >>> round(float(Normal(10.0, 2.0).quantile(0.975)), 2)
    13.92
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        _finite("mean", self.mean)
        _finite("sd", self.sd, NOT_NEGATIVE)

    def quantile(self, share: npt.ArrayLike) -> F64:
        """``mean + sd z(share)``."""
        return np.asarray(self.mean + self.sd * _NORMAL(share))


@dataclass(frozen=True, slots=True)
class LogNormal(Distribution):
    """A number of which only the order of magnitude is known: 80 % of draws lie between ``low`` and ``high``.

    Its logarithm is normal; ``low`` and ``high`` are its quantiles 0.1 and 0.9.

    >>> round(LogNormal(1e4, 1e6).median)
    100000
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not _finite("low", self.low, ABOVE_ZERO) <= _finite("high", self.high, ABOVE_ZERO):
            raise SpecError("high", self.high, f"no less than low, {self.low:g}", "LogNormal")

    def quantile(self, share: npt.ArrayLike) -> F64:
        """``sqrt(low high) (high / low)^(z(share) / 2 z(0.9))``."""
        power = _NORMAL(share) / (2.0 * float(_NORMAL(0.9)))
        return np.asarray(math.sqrt(self.low) * math.sqrt(self.high) * (self.high / self.low) ** power)


@dataclass(frozen=True, slots=True)
class LogUniform(Distribution):
    """Any order of magnitude from ``low`` to ``high``, alike, and nothing outside: for shares, which end at 1.

    >>> round(LogUniform(0.05, 0.5).median, 3)
    0.158
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not _finite("low", self.low, ABOVE_ZERO) <= _finite("high", self.high, ABOVE_ZERO):
            raise SpecError("high", self.high, f"no less than low, {self.low:g}", "LogUniform")

    def quantile(self, share: npt.ArrayLike) -> F64:
        """``low (high / low)^share``."""
        return np.asarray(self.low * (self.high / self.low) ** np.asarray(share))


@dataclass(frozen=True, slots=True)
class Triangular(Distribution):
    """Between ``low`` and ``high``, most likely ``mode``.

    >>> round(Triangular(1.0, 1.3, 2.0).median, 3)
    1.408
    """

    low: float
    mode: float
    high: float

    def __post_init__(self) -> None:
        low, mode, high = (_finite(name, getattr(self, name)) for name in ("low", "mode", "high"))
        if not low <= mode <= high:
            raise SpecError("mode", mode, f"from low, {low:g}, to high, {high:g}", "Triangular")

    def quantile(self, share: npt.ArrayLike) -> F64:
        """Inverse of the two parabolas of the distribution function."""
        p = np.asarray(share, dtype=float)
        width = self.high - self.low
        if width == 0.0:
            return np.full(p.shape, float(self.low))
        rising = self.low + np.sqrt(p * width * (self.mode - self.low))
        falling = self.high - np.sqrt((1.0 - p) * width * (self.high - self.mode))
        return np.where(p * width <= self.mode - self.low, rising, falling)


@dataclass(frozen=True, slots=True, eq=False)
class Samples(Distribution):
    """Values as they were observed, or came out of a sweep; NaN are left out.

    >>> Samples([1.0, 2.0, 4.0]).median
    2.0
    """

    values: npt.ArrayLike

    def __post_init__(self) -> None:
        array = checked("values", self.values, FINITE).ravel()
        array = array[~np.isnan(array)]
        if not len(array):
            raise SpecError("values", self.values, "at least one number", "Samples")
        object.__setattr__(self, "values", array)

    def quantile(self, share: npt.ArrayLike) -> F64:
        """Linear between the ordered values."""
        return np.asarray(np.quantile(np.asarray(self.values), np.asarray(share)))

    def sample(self, rng: np.random.Generator, count: int) -> F64:
        """Draws with replacement."""
        return rng.choice(np.asarray(self.values), count)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What draws of the inputs make of a result."""

    draws: F64  #: results, one a draw; NaN where a draw cannot be served
    inputs: dict[str, F64]  #: the draws themselves

    def quantile(self, share: npt.ArrayLike) -> Any:
        """Results that a share of draws does not exceed; draws without a result are left out."""
        shares = checked("share", share, SHARE.known)
        found = self.draws[~np.isnan(self.draws)]
        if not len(found):
            return np.full(shares.shape, np.nan) if shares.ndim else math.nan
        value = np.quantile(found, shares)
        return value if shares.ndim else float(value)

    @property
    def mean(self) -> float:
        """Mean of the draws that have a result."""
        return float(np.nanmean(self.draws))


def _split(inputs: Mapping[str, Any]) -> tuple[dict[str, Distribution], dict[str, Any]]:
    """Inputs that are uncertain, and those that are not."""
    unsure = {name: value for name, value in inputs.items() if isinstance(value, Distribution)}
    if not unsure:
        raise SpecError("inputs", list(inputs), "at least one Distribution, e.g. Uniform(0.1, 0.3)")
    return unsure, {name: value for name, value in inputs.items() if name not in unsure}


def simulate(
    function: Callable[..., Any], inputs: Mapping[str, Any], *, draws: int = _DRAWS, seed: Seed = 0
) -> Outcome:
    """(F58) Monte Carlo: a function of arrays at independent draws of its uncertain inputs, in one call.

    Parameters
    ----------
    function : callable
        Takes ``inputs`` by name, arrays among them, and returns an array: any function of `tokenroof.fleets`.
    inputs : mapping
        Name -> Distribution, or anything else, which is handed on as it is.
    draws : int
    seed : int or numpy.random.Generator
        The same seed gives the same draws.

    Raises
    ------
    SpecError
        Where nothing is uncertain, or the function does not return a number for each draw.

    Examples
    --------
    >>> from tokenroof.fleets.machines import chips_by_flops
    >>> told = simulate(chips_by_flops, {"tokens_per_s": LogNormal(1e7, 1e10), "flop_per_token": 5.6e11,
    ...                                  "peak_flops": 989e12, "mfu": Uniform(0.1, 0.3)})
    >>> bool(told.quantile(0.05) < told.quantile(0.5) < told.quantile(0.95)), told.draws.shape
    (True, (10000,))
    """
    if not isinstance(draws, int) or isinstance(draws, bool) or draws < 1:
        raise SpecError("draws", draws, "a whole number from 1", "simulate")
    unsure, known = _split(inputs)
    rng = np.random.default_rng(seed)
    drawn = {name: distribution.sample(rng, draws) for name, distribution in unsure.items()}
    result = np.asarray(function(**known, **drawn), dtype=float)
    if result.shape != (draws,):
        raise SpecError("function", result.shape, f"one number for each draw, of shape ({draws},)", "simulate")
    return Outcome(result, drawn)


@dataclass(frozen=True, slots=True)
class Tornado:
    """Which input matters: the result at each input's low and high end, the others in the middle."""

    base: float  #: result with every input at its median
    rows: tuple[dict[str, Any], ...]  #: widest swing first: input, low, high, at_low, at_high, swing

    def __iter__(self) -> Any:
        return iter(self.rows)

    def __repr__(self) -> str:
        from ..text import table_text

        shown = [{n: f"{v:.3g}" if isinstance(v, float) else v for n, v in row.items()} for row in self.rows]
        return table_text(shown, self.rows[0], title=f"with every input at its median: {self.base:.4g}")

    def plot(self, path: str | os.PathLike[str], *, unit: str = "", heading: str = "", note: str = "") -> None:
        """Draw the table as bars around the base, widest on top, into a PNG file (`tokenroof.fleets.picture`)."""
        from .picture import tornado_plot

        tornado_plot(self, path, unit=unit, heading=heading, note=note)


def tornado(function: Callable[..., Any], inputs: Mapping[str, Any], *, ends: Sequence[float] = (0.1, 0.9)) -> Tornado:
    """(F59) Move one input after the other from its low to its high end, the others at their medians.

    Parameters
    ----------
    function, inputs : as `simulate`
        The function is called once, with arrays of all cases.
    ends : (float, float)
        Quantiles that are an input's ends.

    Returns
    -------
    Tornado
        ``base`` and ``rows``; the swing of a row is the larger over the smaller result, infinite across 0.

    Notes
    -----
    One input at a time shows no interaction; in a product there is none on a logarithmic scale. `simulate` shows all.

    Examples
    --------
    >>> from tokenroof.fleets.machines import chips_by_flops
    >>> told = tornado(chips_by_flops, {"tokens_per_s": LogNormal(1e7, 1e9), "flop_per_token": 5.6e11,
    ...                                 "peak_flops": 989e12, "mfu": LogNormal(0.05, 0.5)})
    >>> [(row["input"], round(row["swing"])) for row in told]
    [('tokens_per_s', 100), ('mfu', 10)]
    """
    if len(ends) != 2 or not 0.0 < ends[0] < ends[1] < 1.0:
        raise SpecError("ends", tuple(ends), "two probabilities in order, within 0 and 1", "tornado")
    unsure, known = _split(inputs)
    middle = {name: distribution.median for name, distribution in unsure.items()}
    cases = {name: np.full(2 * len(unsure) + 1, value) for name, value in middle.items()}
    for at, (name, distribution) in enumerate(unsure.items()):
        cases[name][2 * at + 1 : 2 * at + 3] = distribution.quantile(ends)
    result = np.asarray(function(**known, **cases), dtype=float)
    if result.shape != (2 * len(unsure) + 1,):
        raise SpecError("function", result.shape, f"one number a case, of shape ({2 * len(unsure) + 1},)", "tornado")
    rows = []
    for at, name in enumerate(unsure):
        low, high = (float(v) for v in cases[name][2 * at + 1 : 2 * at + 3])
        at_low, at_high = (float(v) for v in result[2 * at + 1 : 2 * at + 3])
        rows.append(
            {"input": name, "low": low, "high": high, "at_low": at_low, "at_high": at_high,
             "swing": _swing(at_low, at_high)}
        )  # fmt: skip
    return Tornado(float(result[0]), tuple(sorted(rows, key=lambda row: -row["swing"])))


def _swing(one: float, other: float) -> float:
    small, large = sorted((abs(one), abs(other)))
    if one == other:
        return 1.0
    return large / small if small > 0.0 and (one > 0.0) == (other > 0.0) else math.inf
