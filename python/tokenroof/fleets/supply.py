"""From wafers to a fleet: dies, yield, memory, packaging, and how long it takes to build so many chips."""

from __future__ import annotations

import numpy as np

from ..amounts import ABOVE_ZERO, COUNT, NOT_NEGATIVE, PORTION, SHARE, Kind, Numbers, broadcasts

__all__ = [
    "chips_by",
    "chips_per_year",
    "dies_per_wafer",
    "usd_per_good_die",
    "wafers_for",
    "yield_murphy",
    "yield_negative_binomial",
    "yield_poisson",
    "years_to_build",
]

_GROWTH = Kind("a growth per year above -1: 0.6 is 60 % a year", -1.0, open_below=True)
_MM2_PER_CM2 = 100.0


@broadcasts(die_mm2=ABOVE_ZERO, wafer_mm=ABOVE_ZERO)
def dies_per_wafer(die_mm2: Numbers, wafer_mm: Numbers = 300.0) -> Numbers:
    """(F49) Whole dies of a round wafer [1]: floor(pi r^2/A - pi d/sqrt(2 A)), not negative.

    Parameters
    ----------
    die_mm2, wafer_mm : Numbers
        Area of a die, or of an interposer [mm2]; diameter [mm].

    Examples
    --------
    >>> dies_per_wafer(814.0), dies_per_wafer(827.08)
    (63.0, 62.0)
    """
    dies = np.pi * (wafer_mm / 2.0) ** 2 / die_mm2 - np.pi * wafer_mm / np.sqrt(2.0 * die_mm2)
    return np.maximum(np.floor(dies), 0.0)


def _faults(die_mm2: Numbers, defects_per_cm2: Numbers, repairable: Numbers) -> Numbers:
    """Defects that a die does not survive, in the mean."""
    return die_mm2 / _MM2_PER_CM2 * defects_per_cm2 * (1.0 - repairable)


@broadcasts(die_mm2=NOT_NEGATIVE, defects_per_cm2=NOT_NEGATIVE, repairable=SHARE)
def yield_poisson(die_mm2: Numbers, defects_per_cm2: Numbers, repairable: Numbers = 0.0) -> Numbers:
    """(F50) Share of good dies if defects fall independently [1]: e^(-A D).

    Parameters
    ----------
    die_mm2, defects_per_cm2 : Numbers
        Area A [mm2], density of defects D [1/cm2].
    repairable : Numbers
        Share of the area where spare units take over from a defect [1].

    Examples
    --------
    >>> round(yield_poisson(814.0, 0.11), 3)
    0.408
    """
    return np.exp(-_faults(die_mm2, defects_per_cm2, repairable))


@broadcasts(die_mm2=NOT_NEGATIVE, defects_per_cm2=NOT_NEGATIVE, repairable=SHARE)
def yield_murphy(die_mm2: Numbers, defects_per_cm2: Numbers, repairable: Numbers = 0.0) -> Numbers:
    """(F51) Share of good dies if the density of defects varies over wafers (Murphy) [1]: ((1 - e^(-A D))/(A D))^2.

    References
    ----------
    B. T. Murphy, Proc. IEEE 52:1537, 1964. doi:10.1109/PROC.1964.3442

    Examples
    --------
    >>> round(yield_murphy(814.0, 0.11), 3)
    0.436
    """
    faults = _faults(die_mm2, defects_per_cm2, repairable)
    return np.where(faults == 0.0, 1.0, (-np.expm1(-faults) / faults) ** 2)


@broadcasts(die_mm2=NOT_NEGATIVE, defects_per_cm2=NOT_NEGATIVE, clustering=ABOVE_ZERO, repairable=SHARE)
def yield_negative_binomial(
    die_mm2: Numbers, defects_per_cm2: Numbers, clustering: Numbers = 3.0, repairable: Numbers = 0.0
) -> Numbers:
    """(F52) Share of good dies if defects cluster [1]: (1 + A D / c)^(-c); Poisson's for a large c.

    Parameters
    ----------
    clustering : Numbers
        c, 2 to 4 are usual [1]; the smaller, the more defects fall onto few dies.

    Examples
    --------
    >>> round(yield_negative_binomial(814.0, 0.11), 3)
    0.457
    """
    return (1.0 + _faults(die_mm2, defects_per_cm2, repairable) / clustering) ** -clustering


@broadcasts(usd_per_wafer=NOT_NEGATIVE, dies=ABOVE_ZERO, good=PORTION)
def usd_per_good_die(usd_per_wafer: Numbers, dies: Numbers, good: Numbers) -> Numbers:
    """(F53) Cost of a good die [USD]: the wafer's, over its good dies.

    >>> round(usd_per_good_die(16_988.0, 62, 0.4355))
    629
    """
    return usd_per_wafer / (dies * good)


@broadcasts(chips=NOT_NEGATIVE, dies=ABOVE_ZERO, good=PORTION, dies_per_chip=COUNT)
def wafers_for(chips: Numbers, dies: Numbers, good: Numbers, dies_per_chip: Numbers = 1) -> Numbers:
    """(F54) Wafers for so many chips [1], not rounded.

    Parameters
    ----------
    chips, dies_per_chip : Numbers
        Chips, and dies in the package of one [1].
    dies, good : Numbers
        Dies of a wafer, share that is good [1].

    Examples
    --------
    Two million H100.

    >>> round(wafers_for(2e6, 63, 0.436))
    72812
    """
    return chips * dies_per_chip / (dies * good)


@broadcasts(
    wafers=NOT_NEGATIVE,
    good_dies_per_wafer=NOT_NEGATIVE,
    dies_per_chip=COUNT,
    packaging_wafers=NOT_NEGATIVE,
    packages_per_wafer=NOT_NEGATIVE,
    memory_bytes=NOT_NEGATIVE,
    memory_bytes_per_chip=ABOVE_ZERO,
)
def chips_per_year(
    wafers: Numbers,
    good_dies_per_wafer: Numbers,
    dies_per_chip: Numbers,
    packaging_wafers: Numbers,
    packages_per_wafer: Numbers,
    memory_bytes: Numbers,
    memory_bytes_per_chip: Numbers,
) -> Numbers:
    """(F55) Chips that a year's logic, packaging and memory are enough for [1/year]: the least of the three.

    Parameters
    ----------
    wafers, good_dies_per_wafer, dies_per_chip : Numbers
        Logic wafers [1/year], good dies of one, dies of a chip [1].
    packaging_wafers, packages_per_wafer : Numbers
        Interposer wafers [1/year], packages of one [1].
    memory_bytes, memory_bytes_per_chip : Numbers
        Stacked memory [B/year], and of a chip [B].

    Examples
    --------
    All of TSMC's 5 and 3 nm and of its CoWoS of 2024 for H100: packaging decides.

    >>> chips_per_year(2.2e6, 63 * 0.44, 1, 12 * 34_000, 29, 1e18, 80e9)
    11832000.0
    """
    logic = wafers * good_dies_per_wafer / dies_per_chip
    packaged = packaging_wafers * packages_per_wafer
    return np.minimum(np.minimum(logic, packaged), memory_bytes / memory_bytes_per_chip)


@broadcasts(per_year=NOT_NEGATIVE, growth=_GROWTH, years=NOT_NEGATIVE)
def chips_by(per_year: Numbers, growth: Numbers, years: Numbers) -> Numbers:
    """(F56) Chips built within a time [1]: p ((1 + g)^t - 1)/ln(1 + g), or p t without growth.

    Parameters
    ----------
    per_year, growth : Numbers
        Rate at the start [1/year], its growth per year [1].
    years : Numbers
        [years]

    Examples
    --------
    >>> round(chips_by(1e6, 1.0, 3.0)), chips_by(1e6, 0.0, 3.0)
    (10098865, 3000000.0)
    """
    rate = np.log1p(growth)
    return per_year * np.where(rate == 0.0, years, np.expm1(rate * years) / rate)


@broadcasts(chips=NOT_NEGATIVE, per_year=ABOVE_ZERO, growth=_GROWTH)
def years_to_build(chips: Numbers, per_year: Numbers, growth: Numbers = 0.0) -> Numbers:
    """(F57) Time until so many chips are built [years]: (F56) solved for t; infinite where a shrinking rate never does.

    Examples
    --------
    A hundred million at three million a year that grow by 60 %.

    >>> round(years_to_build(100e6, 3e6, 0.6), 1)
    6.0
    """
    rate = np.log1p(growth)
    need = chips / per_year
    years = np.where(rate == 0.0, need, np.log1p(need * rate) / rate)
    return np.where(need * rate > -1.0, years, np.inf)
