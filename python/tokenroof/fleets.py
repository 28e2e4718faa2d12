"""Replicas multiplied up to a demand: chips, power, cost per user.

Everything here is steady state at two loads, the mean and the peak of the day; queueing is not in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .errors import SpecError

__all__ = ["Demand", "Fleet", "fleet"]

_WEEK_S = 7 * 86400.0
_HOURS_PER_MONTH = 365.25 * 24 / 12


@dataclass(frozen=True, slots=True)
class Demand:
    """What users ask for.

    Parameters
    ----------
    users : float
        People who use the service in a week.
    requests_per_week : float
        Requests of all users together in a week.
    isl, osl : int
        Input and output tokens of a request.
    peak_to_mean : float
        Busiest load of the day over the mean.

    Examples
    --------
    ChatGPT in July 2025: 700 million weekly users, 18 billion messages a week.

    >>> demand = Demand(users=700e6, requests_per_week=18e9, isl=1024, osl=512)
    >>> round(demand.requests_per_s), round(demand.requests_per_user_per_week, 1)
    (29762, 25.7)
    """

    users: float
    requests_per_week: float
    isl: int
    osl: int
    peak_to_mean: float = 1.0

    def __post_init__(self) -> None:
        for name in ("users", "requests_per_week"):
            _positive(name, getattr(self, name))
        for name in ("isl", "osl"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise SpecError(name, value, "a whole number of tokens, at least 1", "demand")
        _at_least("peak_to_mean", self.peak_to_mean, 1.0)

    @property
    def requests_per_user_per_week(self) -> float:
        """Requests of one user in a week."""
        return self.requests_per_week / self.users

    @property
    def requests_per_s(self) -> float:
        """Mean arrivals [1/s]."""
        return self.requests_per_week / _WEEK_S

    @property
    def tokens_per_s(self) -> float:
        """Mean output [tokens/s]."""
        return self.requests_per_s * self.osl

    @property
    def peak_tokens_per_s(self) -> float:
        """Output at the busiest time [tokens/s]."""
        return self.tokens_per_s * self.peak_to_mean


@dataclass(frozen=True, slots=True)
class Fleet:
    """Replicas that meet a demand; ``nan`` where an input was not known."""

    demand: Demand
    mean_replicas: int  #: replicas that the mean load keeps busy
    replicas: int  #: replicas to build: the peak load, and spares
    chips_per_replica: int
    power_w: float  #: site power with every replica at work [W]
    usd_per_hour: float  #: of every chip built [USD/h]
    requests_in_flight: float  #: at the mean load
    peak_requests_in_flight: float

    @property
    def mean_chips(self) -> int:
        """Chips that the mean load keeps busy."""
        return self.mean_replicas * self.chips_per_replica

    @property
    def chips(self) -> int:
        """Chips to build."""
        return self.replicas * self.chips_per_replica

    @property
    def users_per_chip(self) -> float:
        """Weekly users that share one chip."""
        return self.demand.users / self.chips

    @property
    def usd_per_user_month(self) -> float:
        """Cost of the whole fleet per user and month of 730.5 h [USD]."""
        return self.usd_per_hour * _HOURS_PER_MONTH / self.demand.users


def fleet(
    demand: Demand,
    tokens_per_s_per_replica: float,
    chips_per_replica: int,
    *,
    watts_per_chip: float = math.nan,
    usd_per_chip_hour: float = math.nan,
    e2e_s: float = math.nan,
    pue: float = 1.0,
    spare_replicas: int = 0,
) -> Fleet:
    """Size a fleet of equal replicas for a demand.

    Parameters
    ----------
    demand : Demand
    tokens_per_s_per_replica : float
        Output of one replica in steady state [tokens/s], prefill interleaved: column ``tokens_per_s`` at the demand's
        isl and osl.
    chips_per_replica : int
    watts_per_chip, usd_per_chip_hour, e2e_s : float
        Power [W] and cost [USD/h] of one chip, latency of one request [s]; ``nan`` when unknown.
    pue : float
        Site power over chip power, at least 1.
    spare_replicas : int
        Replicas beyond the peak load, against failures.

    Raises
    ------
    SpecError
        For a number that cannot be right.

    Notes
    -----
    Replicas = ceil(peak output / output of a replica) + spares. Requests in flight = arrivals x latency, whatever the
    distribution of either (Little's law; J. D. C. Little, Oper. Res. 9:383, 1961, doi:10.1287/opre.9.3.383). Power is
    chips x watts x PUE with every replica at work, so an upper end: replicas that rest at night draw less.

    Examples
    --------
    >>> f = fleet(Demand(700e6, 18e9, 1024, 512, peak_to_mean=1.5), 10_000.0, 8, e2e_s=10.0)
    >>> f.mean_replicas, f.replicas, f.chips, round(f.requests_in_flight)
    (1524, 2286, 18288, 297619)
    """
    _positive("tokens_per_s_per_replica", tokens_per_s_per_replica)
    for name, value, least in (("chips_per_replica", chips_per_replica, 1), ("spare_replicas", spare_replicas, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise SpecError(name, value, f"a whole number, at least {least}", "fleet")
    optional = {"watts_per_chip": watts_per_chip, "usd_per_chip_hour": usd_per_chip_hour, "e2e_s": e2e_s}
    for name, amount in optional.items():
        if not math.isnan(amount):
            _at_least(name, amount, 0.0)
    _at_least("pue", pue, 1.0)
    replicas = math.ceil(demand.peak_tokens_per_s / tokens_per_s_per_replica) + spare_replicas
    chips = replicas * chips_per_replica
    in_flight = demand.requests_per_s * e2e_s
    return Fleet(
        demand=demand,
        mean_replicas=math.ceil(demand.tokens_per_s / tokens_per_s_per_replica),
        replicas=replicas,
        chips_per_replica=chips_per_replica,
        power_w=chips * watts_per_chip * pue,
        usd_per_hour=chips * usd_per_chip_hour,
        requests_in_flight=in_flight,
        peak_requests_in_flight=in_flight * demand.peak_to_mean,
    )


def _positive(name: str, value: float) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
        raise SpecError(name, value, "a finite number above 0")


def _at_least(name: str, value: float, least: float) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value < math.inf:
        raise SpecError(name, value, f"a finite number, at least {least:g}")
