"""Weights that are part of the silicon: area, throughput, energy; (C10) to (C15) of docs/chips.md.

Reading them costs nothing any more. What is left is the cache, links, arithmetic and the length of the pipeline, which
the engine evaluates from the catalogue's ``hnlpu`` and ``taalas-hc1``; here are the closed forms of what is printed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..amounts import ABOVE_ZERO, NOT_NEGATIVE, SHARE, Amount, plain, take
from ..errors import UnknownNameError

__all__ = [
    "DENSITIES",
    "Density",
    "area_mm2",
    "chips_for_area",
    "density",
    "in_flight",
    "layer_seconds",
    "pipeline_tokens_per_s",
    "tokens_per_joule",
    "transistor_area_mm2",
]


@dataclass(frozen=True, slots=True)
class Density:
    """Silicon that a maker or paper needs for weights that never change."""

    name: str
    params: float
    area_mm2: float
    transistors: float  #: of all; NaN where not published
    source: str

    @property
    def params_per_mm2(self) -> float:
        """[1/mm2], everything on the die counted."""
        return self.params / self.area_mm2

    @property
    def transistors_per_param(self) -> float:
        """Everything on the die counted."""
        return self.transistors / self.params


#: gpt-oss-120b has 116.83e9 parameters, Llama-3.1-8B 8.03e9.
DENSITIES = {
    entry.name: entry
    for entry in (
        Density(
            "hnlpu", 116.83e9, 16 * 827.08, np.nan, "arXiv:2508.16151: 16 chips at 5 nm, metal wires, FP4; a design"
        ),
        Density("taalas-hc1", 8.03e9, 815.0, 53e9, "Taalas, February 2026: TSMC N6, 3 and 6 bits; the maker's figures"),
    )
}


def density(name: str) -> Density:
    """One of `DENSITIES`.

    Raises
    ------
    UnknownNameError
        For another name.

    >>> [round(density(name).params_per_mm2 / 1e6, 2) for name in DENSITIES]
    [8.83, 9.85]
    """
    if name not in DENSITIES:
        raise UnknownNameError("density", name, DENSITIES)
    return DENSITIES[name]


def transistor_area_mm2(
    params: npt.ArrayLike, transistors_per_param: npt.ArrayLike, transistors_per_mm2: npt.ArrayLike
) -> Amount:
    """(C10) Silicon of weights as circuits [mm2]: N x transistors of each / density of the process.

    >>> round(transistor_area_mm2(116.83e9, 208, 138e6))  # a constant multiplier for each weight of gpt-oss-120b
    176092
    """
    n, t, d = take(
        "transistor_area_mm2",
        params=(params, ABOVE_ZERO),
        transistors_per_param=(transistors_per_param, ABOVE_ZERO),
        transistors_per_mm2=(transistors_per_mm2, ABOVE_ZERO),
    )
    return plain(n * t / d)


def area_mm2(params: npt.ArrayLike, params_per_mm2: npt.ArrayLike, programmable: npt.ArrayLike = 0.0) -> Amount:
    """(C11) Silicon at a density that was reached, a share s on top for what can be written [mm2]: N (1 + s) / density.

    >>> round(area_mm2(70.6e9, density("taalas-hc1").params_per_mm2, 0.01))  # 70B, 1 % of adapters
    7237
    """
    n, d, s = take(
        "area_mm2",
        params=(params, ABOVE_ZERO),
        params_per_mm2=(params_per_mm2, ABOVE_ZERO),
        programmable=(programmable, SHARE),
    )
    return plain(n / d * (1.0 + s))


def chips_for_area(area: npt.ArrayLike, die_mm2: npt.ArrayLike) -> Amount:
    """(C12) Dies that the silicon takes: ceil(area / die).

    >>> chips_for_area(13232, 827.08), chips_for_area(176092, 827.08)
    (16.0, 213.0)
    """
    a, d = take("chips_for_area", area=(area, ABOVE_ZERO), die_mm2=(die_mm2, ABOVE_ZERO))
    return plain(np.ceil(a / d))


def pipeline_tokens_per_s(in_flight: npt.ArrayLike, token_seconds: npt.ArrayLike) -> Amount:
    """(C13) Output of a pipeline that is full [tokens/s]: sequences in flight / time of a token (Little's law).

    >>> round(pipeline_tokens_per_s(216, 36 * 24.003e-6))  # HNLPU
    249969
    """
    n, t = take("pipeline_tokens_per_s", in_flight=(in_flight, ABOVE_ZERO), token_seconds=(token_seconds, ABOVE_ZERO))
    return plain(n / t)


def in_flight(tokens_per_s: npt.ArrayLike, tokens_per_s_per_user: npt.ArrayLike) -> Amount:
    """(C13) Sequences that fill a pipeline: output / output of one.

    >>> round(in_flight(249_960, 1157.2))
    216
    """
    n, u = take(
        "in_flight", tokens_per_s=(tokens_per_s, ABOVE_ZERO), tokens_per_s_per_user=(tokens_per_s_per_user, ABOVE_ZERO)
    )
    return plain(n / u)


def layer_seconds(tokens_per_s_per_user: npt.ArrayLike, layers: npt.ArrayLike) -> Amount:
    """(C14) Time of a layer that a speed of one user shows [s]: 1 / (speed x layers).

    >>> f"{layer_seconds(450, 80) * 1e6:.1f} us"  # Llama-3.1-70B on Cerebras, August 2024
    '27.8 us'
    """
    u, n = take("layer_seconds", tokens_per_s_per_user=(tokens_per_s_per_user, ABOVE_ZERO), layers=(layers, ABOVE_ZERO))
    return plain(1.0 / (u * n))


def tokens_per_joule(tokens_per_s: npt.ArrayLike, watts: npt.ArrayLike) -> Amount:
    """(C15) Tokens of a joule: rate / power; (F47) is its inverse, at the meter.

    >>> round(tokens_per_joule(249_960, 6900), 1)
    36.2
    """
    r, w = take("tokens_per_joule", tokens_per_s=(tokens_per_s, NOT_NEGATIVE), watts=(watts, ABOVE_ZERO))
    return plain(r / w)
