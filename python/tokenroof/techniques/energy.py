"""Energy of bits, arithmetic and queries, and what batteries and grids make of it; (E1) to (E10) of docs/energy.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy.typing as npt

from ..amounts import ABOVE_ZERO, AT_LEAST_ONE, NOT_NEGATIVE, PORTION, Amount, plain, take
from ..errors import UnknownNameError
from .loss_law import SERVING

__all__ = [
    "ACCESSES",
    "JOULES_PER_WH",
    "Access",
    "access",
    "battery_hours",
    "battery_share",
    "electricity_usd",
    "grid_share",
    "joules_per_flop",
    "mean_watts",
    "mobile_joules_per_token",
    "operation_joules",
    "query_joules",
    "static_joules",
]

JOULES_PER_WH = 3600.0
_JOULES_PER_KWH = 3.6e6
_HOURS_PER_YEAR = 24 * 365.25
#: Energy of a token on a phone per parameter [J]: 0.1 J per 1e9, whatever the width (MobileLLM, arXiv:2402.14905,
#: section 1, after Han et al., EIE, arXiv:1602.01528, and Malladi et al., ISCA 2012).
MOBILE_JOULES_PER_PARAM = 0.1e-9


@dataclass(frozen=True, slots=True)
class Access:
    """Energy to move bits, as a source measured or stated it."""

    name: str
    picojoules: float
    bits: float  #: that these picojoules move
    source: str

    @property
    def joules_per_bit(self) -> float:
        """[J/bit]."""
        return self.picojoules * 1e-12 / self.bits

    @property
    def joules_per_byte(self) -> float:
        """[J/B]."""
        return self.joules_per_bit * 8


#: What it takes to move bits; those of 45 nm are of 2014 and stand for the ratio of memory to arithmetic.
ACCESSES = {
    entry.name: entry
    for entry in (
        Access("hbm2", 3.97, 1, "O'Connor et al., Fine-grained DRAM, MICRO 2017: activation, data path and I/O"),
        Access("nvlink-c2c", 1.3, 1, "NVIDIA Grace Hopper superchip architecture, white paper"),
        Access("dram-45nm", 640, 32, "Horowitz, ISSCC 2014; Han et al., arXiv:1602.01528, table 1; up to 1300"),
        Access("sram-45nm", 5, 32, "Horowitz, ISSCC 2014; 32 kB: Han et al., arXiv:1602.01528, table 1"),
    )
}


def access(name: str) -> Access:
    """One of `ACCESSES`.

    Raises
    ------
    UnknownNameError
        For another name.

    >>> f"{access('dram-45nm').joules_per_bit:.3g} J/bit"
    '2e-11 J/bit'
    """
    if name not in ACCESSES:
        raise UnknownNameError("access", name, ACCESSES)
    return ACCESSES[name]


def joules_per_flop(watts: npt.ArrayLike, peak: npt.ArrayLike, mfu: npt.ArrayLike = 1.0) -> Amount:
    """(E1) Energy of a useful FLOP [J]: W / (peak x MFU), everything that draws power included.

    >>> f"{joules_per_flop(700, 989.4e12):.3g}"  # H100 at its datasheet's word
    '7.07e-13'
    """
    w, p, u = take("joules_per_flop", watts=(watts, NOT_NEGATIVE), peak=(peak, ABOVE_ZERO), mfu=(mfu, PORTION))
    return plain(w / (p * u))


def query_joules(
    params_active: npt.ArrayLike,
    tokens: npt.ArrayLike,
    peak: npt.ArrayLike,
    mfu: npt.ArrayLike,
    watts: npt.ArrayLike,
    pue: npt.ArrayLike = 1.0,
) -> Amount:
    """(E2) Energy of a query [J]: 2 N x tokens / (peak x MFU) x W x PUE.

    Parameters
    ----------
    params_active : array_like
        Parameters that a token uses N.
    tokens : array_like
        Tokens of the query that are charged, as a rule those generated.
    peak : array_like
        Dense peak of a chip [FLOP/s].
    mfu : array_like
        Share of it that serving reaches.
    watts : array_like
        Power of a chip with its share of the server, as drawn [W].
    pue : array_like
        Site power over server power, at least 1.

    Notes
    -----
    All of it hangs on the MFU, which for decoding is a matter of batch: `Point.joules_per_token` works it out from
    layout and batch instead.

    References
    ----------
    J. You, How much energy does ChatGPT use?, Epoch AI, 2025.

    Examples
    --------
    100e9 active parameters, 500 tokens, 70 % of 1275 W, with cooling:

    >>> round(query_joules(100e9, 500, 989e12, 0.1, 0.7 * 1275, 1.2) / JOULES_PER_WH, 2)  # Wh
    0.3
    """
    n, t, p, u, w, f = take(
        "query_joules",
        params_active=(params_active, ABOVE_ZERO),
        tokens=(tokens, NOT_NEGATIVE),
        peak=(peak, ABOVE_ZERO),
        mfu=(mfu, PORTION),
        watts=(watts, NOT_NEGATIVE),
        pue=(pue, AT_LEAST_ONE),
    )
    return plain(SERVING * n * t / (p * u) * w * f)


def operation_joules(
    flops: npt.ArrayLike,
    memory_bytes: npt.ArrayLike,
    link_bytes: npt.ArrayLike = 0.0,
    *,
    joules_per_flop: npt.ArrayLike,
    joules_per_memory_byte: npt.ArrayLike,
    joules_per_link_byte: npt.ArrayLike = 0.0,
) -> Amount:
    """(E3) Energy of work by what is done and moved [J]: FLOP x e_f + bytes x e_m + link bytes x e_l.

    What a chip draws at rest comes on top, (E4).

    >>> hbm, link = access("hbm2").joules_per_byte, access("nvlink-c2c").joules_per_byte
    >>> round(operation_joules(1.4e11, 1.41e11, joules_per_flop=5e-13, joules_per_memory_byte=hbm), 2)
    4.55
    """
    f, m, k, e_f, e_m, e_k = take(
        "operation_joules",
        flops=(flops, NOT_NEGATIVE),
        memory_bytes=(memory_bytes, NOT_NEGATIVE),
        link_bytes=(link_bytes, NOT_NEGATIVE),
        joules_per_flop=(joules_per_flop, NOT_NEGATIVE),
        joules_per_memory_byte=(joules_per_memory_byte, NOT_NEGATIVE),
        joules_per_link_byte=(joules_per_link_byte, NOT_NEGATIVE),
    )
    return plain(f * e_f + m * e_m + k * e_k)


def static_joules(watts: npt.ArrayLike, seconds: npt.ArrayLike) -> Amount:
    """(E4) Energy of a chip at rest, or of anything at constant power [J]: W t.

    >>> static_joules(105.0, 0.02)
    2.1
    """
    w, t = take("static_joules", watts=(watts, NOT_NEGATIVE), seconds=(seconds, NOT_NEGATIVE))
    return plain(w * t)


def mobile_joules_per_token(params: npt.ArrayLike) -> Amount:
    """(E5) Energy of a token on a phone [J]: 0.1 J per 1e9 parameters.

    References
    ----------
    Liu et al., MobileLLM, arXiv:2402.14905, section 1.

    >>> round(mobile_joules_per_token(7e9), 3), round(mobile_joules_per_token(350e6), 3)
    (0.7, 0.035)
    """
    (n,) = take("mobile_joules_per_token", params=(params, ABOVE_ZERO))
    return plain(n * MOBILE_JOULES_PER_PARAM)


def battery_hours(
    battery_joules: npt.ArrayLike,
    joules_per_token: npt.ArrayLike,
    tokens_per_s: npt.ArrayLike,
    other_watts: npt.ArrayLike = 0.0,
) -> Amount:
    """(E6) Hours that a battery generates: E / (3600 (e x rate + other power)).

    >>> round(battery_hours(50e3, 0.7, 10), 2)  # 7e9 parameters on a phone
    1.98
    """
    b, e, r, w = take(
        "battery_hours",
        battery_joules=(battery_joules, NOT_NEGATIVE),
        joules_per_token=(joules_per_token, ABOVE_ZERO),
        tokens_per_s=(tokens_per_s, ABOVE_ZERO),
        other_watts=(other_watts, NOT_NEGATIVE),
    )
    return plain(b / (3600.0 * (e * r + w)))


def battery_share(tokens: npt.ArrayLike, joules_per_token: npt.ArrayLike, battery_joules: npt.ArrayLike) -> Amount:
    """(E7) Share of a battery that so many tokens take: n e / E.

    >>> round(battery_share(64, 0.7, 50e3), 5)  # MobileLLM prints 0.2 %
    0.0009
    """
    n, e, b = take(
        "battery_share",
        tokens=(tokens, NOT_NEGATIVE),
        joules_per_token=(joules_per_token, NOT_NEGATIVE),
        battery_joules=(battery_joules, ABOVE_ZERO),
    )
    return plain(n * e / b)


def mean_watts(joules_each: npt.ArrayLike, per_day: npt.ArrayLike) -> Amount:
    """(E8) Mean power of so many queries, requests or tokens a day [W].

    >>> round(mean_watts(0.3 * JOULES_PER_WH, 2.6e9) / 1e6, 1)  # MW, ChatGPT in July 2025 at 0.3 Wh
    32.5
    """
    e, n = take("mean_watts", joules_each=(joules_each, NOT_NEGATIVE), per_day=(per_day, NOT_NEGATIVE))
    return plain(e * n / 86400.0)


def grid_share(watts: npt.ArrayLike, twh_per_year: npt.ArrayLike) -> Amount:
    """(E9) Share of what a grid delivers in a year; ``twh_per_year`` [TWh].

    >>> f"{grid_share(100e9, 4000):.0%}"  # 100 GW of the 4000 TWh of the United States
    '22%'
    """
    w, g = take("grid_share", watts=(watts, NOT_NEGATIVE), twh_per_year=(twh_per_year, ABOVE_ZERO))
    return plain(w * _HOURS_PER_YEAR / (g * 1e12))


def electricity_usd(joules: npt.ArrayLike, usd_per_kwh: npt.ArrayLike, pue: npt.ArrayLike = 1.0) -> Amount:
    """(E10) Price of energy [USD]: J / 3.6e6 x PUE x price.

    A third saved on each of a million requests of 0.3 Wh a day, at 8 cents:

    >>> round(electricity_usd(0.3 * 0.3 * JOULES_PER_WH * 1e6, 0.08), 2)
    7.2
    """
    e, p, f = take(
        "electricity_usd",
        joules=(joules, NOT_NEGATIVE),
        usd_per_kwh=(usd_per_kwh, NOT_NEGATIVE),
        pue=(pue, AT_LEAST_ONE),
    )
    return plain(e / _JOULES_PER_KWH * p * f)
