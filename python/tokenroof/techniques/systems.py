"""Systems other than GPUs: what fits, what a claim needs, what the parts cost; (C16) to (C21) of docs/chips.md.

Chips are those of the catalogue. How fast a system is, the engine says; these are the sums around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..amounts import ABOVE_ZERO, COUNT, NOT_NEGATIVE, Amount, plain, take
from ..catalogue import hardware as find
from ..errors import SpecError, UnknownNameError

if TYPE_CHECKING:
    from ..specs import Hardware

__all__ = [
    "SYSTEMS",
    "System",
    "chips_for_bytes",
    "compared",
    "counted_tokens",
    "flops_per_chip",
    "serial_tokens_per_s",
    "system",
    "usd_per_token_per_s",
]


@dataclass(frozen=True, slots=True)
class System:
    """Chips that serve one model, as somebody announced it."""

    name: str
    hardware: str  #: catalogue id
    chips: int
    model: str  #: catalogue id
    precision: str
    tokens_per_s_per_user: float  #: NaN where none was given
    tokens_per_s: float  #: of the whole system; NaN where none was given
    transistors_per_chip: float  #: NaN where not published
    source: str

    @property
    def price_usd(self) -> float:
        """Bare chips at the catalogue's price, without hosts and network [USD]."""
        return self.chips * find(self.hardware).price_usd

    @property
    def memory_bytes(self) -> float:
        """Of all chips [B]."""
        return self.chips * find(self.hardware).memory_bytes

    @property
    def memory_bandwidth(self) -> float:
        """Of all chips [B/s]."""
        return self.chips * find(self.hardware).memory_bandwidth

    @property
    def transistors(self) -> float:
        """Of all chips."""
        return self.chips * self.transistors_per_chip


SYSTEMS = {
    entry.name: entry
    for entry in (
        System(
            "groq", "groq-lpu-v1", 576, "llama-2-70b", "int8", 300.0, np.nan, 26.8e9, "Groq, December 2023: over 300"
        ),
        System("groq-mixtral", "groq-lpu-v1", 576, "mixtral-8x7b", "int8", 480.0, np.nan, 26.8e9, "Groq, early 2024"),
        System(
            "cerebras-8b", "cerebras-wse3", 1, "llama-3.1-8b", "fp16", 1800.0, np.nan, 4e12, "Cerebras, August 2024"
        ),
        System(
            "cerebras-70b", "cerebras-wse3", 4, "llama-3.1-70b", "fp16", 450.0, np.nan, 4e12, "Cerebras, August 2024"
        ),
        System("sohu", "etched-sohu", 8, "llama-3-70b", "fp8", np.nan, 500e3, np.nan, "Etched, June 2024: a claim"),
        System("hnlpu", "hnlpu", 16, "gpt-oss-120b", "mxfp4", np.nan, 249_960.0, np.nan, "arXiv:2508.16151: a design"),
        System(
            "taalas", "taalas-hc1", 1, "llama-3.1-8b", "w4a16", 17e3, np.nan, 53e9, "Taalas, February 2026: a claim"
        ),
        System("dgx-h100", "h100-sxm", 8, "llama-2-70b", "fp16", np.nan, np.nan, 80e9, "the usual server"),
    )
}


def system(name: str) -> System:
    """One of `SYSTEMS`.

    Raises
    ------
    UnknownNameError
        For another name.

    Examples
    --------
    >>> groq, dgx = system("groq"), system("dgx-h100")
    >>> f"{groq.price_usd / dgx.price_usd:.0f} x the price, {groq.transistors / dgx.transistors:.0f} x the transistors"
    '48 x the price, 24 x the transistors'
    """
    if name not in SYSTEMS:
        raise UnknownNameError("system", name, SYSTEMS)
    return SYSTEMS[name]


def chips_for_bytes(weight_bytes: npt.ArrayLike, chip_bytes: npt.ArrayLike) -> Amount:
    """(C16) Chips whose memory holds the weights, were they cut anywhere: ceil(bytes / memory of one).

    >>> chips_for_bytes([70.6e9, 141.1e9], [230e6, 44e9])  # 70B in int8 on Groq, in fp16 on wafers
    array([307.,   4.])
    """
    b, m = take("chips_for_bytes", weight_bytes=(weight_bytes, ABOVE_ZERO), chip_bytes=(chip_bytes, ABOVE_ZERO))
    return plain(np.ceil(b / m))


def serial_tokens_per_s(
    weight_bytes: npt.ArrayLike, chip_bandwidth: npt.ArrayLike, split: npt.ArrayLike = 1.0
) -> Amount:
    """(C17) Most tokens of one sequence that goes from chip to chip [tokens/s]: bandwidth of one x split / bytes.

    Parameters
    ----------
    weight_bytes : array_like
        Read for a token, on all chips [B].
    chip_bandwidth : array_like
        Of one chip [B/s].
    split : array_like
        Chips that work on a layer at once; chips one after another add none.

    >>> round(serial_tokens_per_s(70.6e9, 80e12))  # Groq, however many chips
    1133
    """
    b, w, s = take(
        "serial_tokens_per_s",
        weight_bytes=(weight_bytes, ABOVE_ZERO),
        chip_bandwidth=(chip_bandwidth, ABOVE_ZERO),
        split=(split, COUNT),
    )
    return plain(w * s / b)


def counted_tokens(output_per_s: npt.ArrayLike, isl: npt.ArrayLike, osl: npt.ArrayLike) -> Amount:
    """(C18) Tokens a second when those that come in count too: output x (isl + osl) / osl.

    >>> counted_tokens(29_411.76, 2048, 128)  # what 500,000 of Sohu put out
    499999.92
    """
    r, i, o = take(
        "counted_tokens", output_per_s=(output_per_s, NOT_NEGATIVE), isl=(isl, NOT_NEGATIVE), osl=(osl, COUNT)
    )
    return plain(r * (i + o) / o)


def flops_per_chip(tokens_per_s: npt.ArrayLike, flops_per_token: npt.ArrayLike, chips: npt.ArrayLike) -> Amount:
    """(C19) Least arithmetic of a chip that a claimed rate needs [FLOP/s]: rate x work / chips.

    >>> both = flops_per_chip(500e3, 2 * 70.55e9, 8)  # input counted
    >>> output = flops_per_chip(counted_tokens(500e3, 2048, 128), 2 * 70.55e9, 8)  # output alone, its input read too
    >>> f"{both:.2g} {output:.2g}"
    '8.8e+15 1.5e+17'
    """
    r, f, n = take(
        "flops_per_chip",
        tokens_per_s=(tokens_per_s, NOT_NEGATIVE),
        flops_per_token=(flops_per_token, NOT_NEGATIVE),
        chips=(chips, COUNT),
    )
    return plain(r * f / n)


def usd_per_token_per_s(chips: npt.ArrayLike, usd_per_chip: npt.ArrayLike, tokens_per_s: npt.ArrayLike) -> Amount:
    """(C20) Price of a rate [USD s/token]: chips x price / rate. Of one user's speed it says what quickness costs.

    >>> usd_per_token_per_s(576, 20e3, 300)
    38400.0
    """
    n, c, r = take(
        "usd_per_token_per_s",
        chips=(chips, COUNT),
        usd_per_chip=(usd_per_chip, NOT_NEGATIVE),
        tokens_per_s=(tokens_per_s, ABOVE_ZERO),
    )
    return plain(n * c / r)


def compared(one: Hardware | str, other: Hardware | str, compute: str = "bf16") -> dict[str, float]:
    """(C21) Datasheet of one chip over that of another, as ratios; NaN where a number is unknown.

    Parameters
    ----------
    one, other : Hardware or str
        Chips, or their catalogue ids.
    compute : str
        Format of the peaks; 0 where ``one`` lacks it, NaN where ``other`` does.

    Returns
    -------
    dict
        ``peak``, ``bandwidth``, ``capacity``, ``power``, ``price``, ``die``, and per watt of maximal power
        ``peak_per_watt`` and ``bandwidth_per_watt``.

    Raises
    ------
    SpecError
        When neither chip has the format.

    Examples
    --------
    >>> found = compared("tpu-v4", "h100-sxm")
    >>> {name: round(found[name], 2) for name in ("peak", "bandwidth", "capacity", "peak_per_watt")}
    {'peak': 0.28, 'bandwidth': 0.37, 'capacity': 0.4, 'peak_per_watt': 1.01}
    """
    a, b = (find(chip) if isinstance(chip, str) else chip for chip in (one, other))
    if compute not in a.peaks and compute not in b.peaks:
        raise SpecError("compute", compute, f"a format of {a.id} or {b.id}", "compared")
    ratios = {
        "peak": a.peaks.get(compute, 0.0) / b.peaks[compute] if compute in b.peaks else np.nan,
        "bandwidth": a.memory_bandwidth / b.memory_bandwidth,
        "capacity": a.memory_bytes / b.memory_bytes,
        "power": a.power_max / b.power_max,
        "price": a.price_usd / b.price_usd,
        "die": a.die_mm2 / b.die_mm2,
    }
    per_watt = {f"{name}_per_watt": ratios[name] / ratios["power"] for name in ("peak", "bandwidth")}
    return {name: float(ratio) for name, ratio in (ratios | per_watt).items()}
