"""A chip of one's own as a business: masks, design, break-even, useful life; (C1) to (C9) of docs/chips.md.

Dies per wafer, yield and the price of a good die come from `tokenroof.fleets.supply`; here they are inputs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..amounts import ABOVE_ZERO, NOT_NEGATIVE, UP_TO_INFINITY, Amount, plain, take
from ..errors import UnknownNameError

__all__ = [
    "NODES",
    "Node",
    "amortised_usd",
    "break_even_units",
    "direct_write_wafers",
    "mask_set_units",
    "masks_usd",
    "node",
    "nre_usd",
    "project_usd",
    "respins",
    "useful_years",
]

#: Cost of an EUV mask in DUV masks (Liu et al., HNLPU, arXiv:2508.16151, section on masks).
EUV_WEIGHT = 6.0


@dataclass(frozen=True, slots=True)
class Node:
    """What a process costs once, lowest and highest where sources differ."""

    name: str
    mask_set_usd: tuple[float, float]
    design_usd: float  #: a large system on a chip, software and verification included
    euv_masks: int  #: 0: none, or unknown which
    duv_masks: int
    source: str


#: The design costs are IBS's estimates for a large system on a chip, as the trade press quotes them; an accelerator
#: of many equal cores costs a fraction of that. Mask sets: HNLPU, arXiv:2508.16151, at 5 nm.
NODES = {
    entry.name: entry
    for entry in (
        Node("7nm", (np.nan, np.nan), 300e6, 0, 0, "design: IBS"),
        Node("5nm", (15e6, 30e6), 540e6, 12, 58, "masks: arXiv:2508.16151; design: IBS"),
    )
}


def node(name: str) -> Node:
    """One of `NODES`.

    Raises
    ------
    UnknownNameError
        For another name.

    >>> node("5nm").mask_set_usd
    (15000000.0, 30000000.0)
    """
    if name not in NODES:
        raise UnknownNameError("process", name, NODES)
    return NODES[name]


def mask_set_units(
    euv_masks: npt.ArrayLike, duv_masks: npt.ArrayLike, euv_weight: npt.ArrayLike = EUV_WEIGHT
) -> Amount:
    """(C1) Cost of masks in that of a DUV mask: weight x EUV + DUV.

    >>> mask_set_units(12, 58)
    130.0
    """
    e, d, w = take(
        "mask_set_units",
        euv_masks=(euv_masks, NOT_NEGATIVE),
        duv_masks=(duv_masks, NOT_NEGATIVE),
        euv_weight=(euv_weight, ABOVE_ZERO),
    )
    return plain(w * e + d)


def masks_usd(
    chips: npt.ArrayLike,
    set_usd: npt.ArrayLike,
    shared_units: npt.ArrayLike = 0.0,
    own_units: npt.ArrayLike = 1.0,
) -> Amount:
    """(C2) Masks of so many different chips that share a part of them [USD]: set (shared + n own) / (shared + own).

    Parameters
    ----------
    chips : array_like
        Different designs, each with masks of its own; all a system's when its chips hold different weights.
    set_usd : array_like
        A whole set of masks [USD].
    shared_units, own_units : array_like
        Masks that all chips use, and those of each, in any unit: (C1) of both.

    Examples
    --------
    Sixteen chips whose ten metal layers hold the weights, and the same with nothing shared:

    >>> masks_usd(16, 30e6, mask_set_units(12, 48), 10) / 1e6, masks_usd(16, 30e6) / 1e6
    (64.61538461538461, 480.0)

    And for new weights, once the shared masks are there:

    >>> (masks_usd(16, 30e6, 120, 10) - masks_usd(0.0, 30e6, 120, 10)) / 1e6
    36.92307692307693
    """
    n, c, s, o = take(
        "masks_usd",
        chips=(chips, NOT_NEGATIVE),
        set_usd=(set_usd, NOT_NEGATIVE),
        shared_units=(shared_units, NOT_NEGATIVE),
        own_units=(own_units, ABOVE_ZERO),
    )
    return plain(c * ((s + n * o) / (s + o)))


def nre_usd(
    masks: npt.ArrayLike, design: npt.ArrayLike, spins: npt.ArrayLike = 0.0, usd_per_spin: npt.ArrayLike = 0.0
) -> Amount:
    """(C3) What is paid once, whatever is sold [USD]: masks + design + spins x cost of a spin.

    >>> nre_usd(22.5e6, 540e6, 1, 22.5e6) / 1e6
    585.0
    """
    m, d, n, c = take(
        "nre_usd",
        masks=(masks, NOT_NEGATIVE),
        design=(design, NOT_NEGATIVE),
        spins=(spins, NOT_NEGATIVE),
        usd_per_spin=(usd_per_spin, NOT_NEGATIVE),
    )
    return plain(m + d + n * c)


def break_even_units(nre: npt.ArrayLike, saving_per_unit: npt.ArrayLike) -> Amount:
    """(C4) Chips whose saving pays what was paid once: NRE / saving; inf where none is saved.

    Parameters
    ----------
    nre : array_like
        (C3) [USD].
    saving_per_unit : array_like
        What a chip saves against buying its throughput elsewhere, less what it costs to make [USD].

    Examples
    --------
    A million dollars of masks, 20,000 saved on each; and a hundred millions:

    >>> break_even_units([1e6, 1e8], 20e3)
    array([  50., 5000.])
    """
    c, s = take("break_even_units", nre=(nre, NOT_NEGATIVE), saving_per_unit=(saving_per_unit, NOT_NEGATIVE))
    return plain(np.where(s == 0, np.inf, c / np.where(s == 0, 1.0, s)))


def amortised_usd(nre: npt.ArrayLike, unit_usd: npt.ArrayLike, units: npt.ArrayLike) -> Amount:
    """(C5) Cost of a chip with its part of what was paid once [USD]: unit + NRE / units.

    >>> amortised_usd(1e6, 0.0, 1e5)  # a million over a hundred thousand
    10.0
    """
    c, u, n = take(
        "amortised_usd", nre=(nre, NOT_NEGATIVE), unit_usd=(unit_usd, NOT_NEGATIVE), units=(units, ABOVE_ZERO)
    )
    return plain(u + c / n)


def useful_years(chip_years: npt.ArrayLike, model_years: npt.ArrayLike = np.nan) -> Amount:
    """(C6) Years that a chip earns [years]: the less of its own life and its model's, where weights are in the masks.

    NaN for the model's life says that the chip runs any.

    >>> useful_years(4.0, [0.5, 1.0, 6.0]), useful_years(4.0)
    (array([0.5, 1. , 4. ]), 4.0)
    """
    c, m = take("useful_years", chip_years=(chip_years, ABOVE_ZERO), model_years=(model_years, ABOVE_ZERO))
    return plain(np.where(np.isnan(c), np.nan, np.fmin(c, m)))


def respins(years: npt.ArrayLike, model_years: npt.ArrayLike) -> Amount:
    """(C7) New sets of weights that a service needs over so many years, after the first: ceil(years / life) - 1.

    >>> respins(3.0, 1.0), respins(3.0, 5.0)
    (2.0, 0.0)
    """
    y, m = take("respins", years=(years, ABOVE_ZERO), model_years=(model_years, ABOVE_ZERO))
    return plain(np.ceil(y / m) - 1.0)


def project_usd(
    nre: npt.ArrayLike,
    unit_usd: npt.ArrayLike,
    units: npt.ArrayLike,
    years: npt.ArrayLike,
    *,
    model_years: npt.ArrayLike = np.inf,
    usd_per_respin: npt.ArrayLike = 0.0,
    running_usd_per_unit_year: npt.ArrayLike = 0.0,
    chip_years: npt.ArrayLike = np.inf,
) -> Amount:
    """(C8) Everything that a fleet of own chips costs over so many years [USD].

    Parameters
    ----------
    nre, unit_usd, units : array_like
        Paid once [USD], a finished chip [USD], and how many are at work.
    years : array_like
        That the service runs.
    model_years, usd_per_respin : array_like
        Life of a model whose weights are in the chips, and what new ones cost once [USD]; all chips are then made
        anew. Infinite where the chips run any model.
    running_usd_per_unit_year : array_like
        Power, space and people [USD].
    chip_years : array_like
        Years after which a chip is replaced.

    Notes
    -----
    NRE + respins x cost of one + units x (chip x generations + running x years), with generations =
    ceil(years / useful life), (C6). Chips are bought whole and nothing is sold on.

    >>> burned = project_usd(100e6, 5e3, 6400, 3, model_years=1, usd_per_respin=37e6, running_usd_per_unit_year=400)
    >>> lasting = project_usd(100e6, 5e3, 6400, 3, running_usd_per_unit_year=400)
    >>> round(burned / 1e6), round(lasting / 1e6)
    (278, 140)
    """
    c, u, n, y, m, r, w, life = take(
        "project_usd",
        nre=(nre, NOT_NEGATIVE),
        unit_usd=(unit_usd, NOT_NEGATIVE),
        units=(units, NOT_NEGATIVE),
        years=(years, ABOVE_ZERO),
        model_years=(model_years, UP_TO_INFINITY),
        usd_per_respin=(usd_per_respin, NOT_NEGATIVE),
        running_usd_per_unit_year=(running_usd_per_unit_year, NOT_NEGATIVE),
        chip_years=(chip_years, UP_TO_INFINITY),
    )
    spins = np.maximum(np.ceil(y / m) - 1.0, 0.0)
    generations = np.maximum(np.ceil(y / np.minimum(m, life)), 1.0)
    return plain(c + spins * r + n * (u * generations + w * y))


def direct_write_wafers(
    masks: npt.ArrayLike, usd_per_wafer_written: npt.ArrayLike, usd_per_wafer: npt.ArrayLike = 0.0
) -> Amount:
    """(C9) Wafers up to which writing without masks is cheaper: masks / (written wafer - wafer from masks).

    Electron beams write a wafer in hours instead of minutes; what that costs has to be known, and the tool's
    throughput bounds how many there are. inf where a written wafer is no dearer.

    >>> direct_write_wafers(20e6, 200e3, 17e3)  # with made-up prices
    109.2896174863388
    """
    m, w, u = take(
        "direct_write_wafers",
        masks=(masks, NOT_NEGATIVE),
        usd_per_wafer_written=(usd_per_wafer_written, NOT_NEGATIVE),
        usd_per_wafer=(usd_per_wafer, NOT_NEGATIVE),
    )
    dearer = w - u
    return plain(np.where(dearer <= 0, np.inf, m / np.where(dearer == 0, 1.0, dearer)))
