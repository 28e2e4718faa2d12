"""Replicas multiplied up to a demand: chips, spares, power and cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ..amounts import (
    ABOVE_ZERO,
    AT_LEAST_ONE,
    BELOW_ONE,
    COUNT,
    NOT_NEGATIVE,
    PORTION,
    WHOLE,
    Kind,
    Numbers,
    checked,
    plain,
    shape_of,
)
from ..errors import SpecError
from . import money
from .demand import Demand, users_per_slot
from .machines import availability as availability_of
from .machines import racks, replica_availability, replicas_for, spares_for
from .queueing import servers_for

__all__ = ["Fleet", "size"]

_KINDS: dict[str, Kind] = {
    "tokens_per_s_per_replica": ABOVE_ZERO,
    "chips_per_replica": COUNT,
    "watts_per_chip": NOT_NEGATIVE,
    "idle_watts_per_chip": NOT_NEGATIVE,
    "host_watts_per_chip": NOT_NEGATIVE,
    "usd_per_chip_hour": NOT_NEGATIVE,
    "usd_per_chip": NOT_NEGATIVE,
    "e2e_s": NOT_NEGATIVE,
    "pue": AT_LEAST_ONE,
    "load": PORTION,
    "spare_replicas": WHOLE,
    "availability": BELOW_ONE,
    "chip_availability": PORTION,
    "prompt_s": ABOVE_ZERO,
    "idle_ttft_s": NOT_NEGATIVE,
    "ttft_limit_s": NOT_NEGATIVE,
    "percentile": BELOW_ONE,
    "life_years": ABOVE_ZERO,
    "interest": NOT_NEGATIVE,
    "usd_per_kwh": NOT_NEGATIVE,
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Fleet:
    """Replicas that meet a demand; ``nan`` where an input was not known. Arrays where inputs were."""

    demand: Demand
    tokens_per_s_per_replica: Numbers  #: output of one in steady state [tokens/s]
    mean_replicas: Numbers  #: replicas that the mean load keeps busy
    needed_replicas: Numbers  #: replicas that the peak needs, all regions together
    replicas: Numbers  #: replicas to build: those of the peak, and spares
    chips_per_replica: Numbers
    availability: Numbers  #: probability that every region has the replicas of its peak [1]
    power_w: Numbers  #: site power with every replica at work [W]
    mean_power_w: Numbers  #: site power over a day, idle replicas at their idle draw where that is known [W]
    rack_power_w: Numbers  #: power of the machines alone, without the PUE [W]
    usd_per_hour: Numbers  #: rent of every chip built [USD/h]
    capex_usd: Numbers  #: price of every chip built [USD]
    owned_usd_per_hour: Numbers  #: capital and electricity of a fleet that is bought [USD/h]
    requests_in_flight: Numbers  #: at the mean load
    peak_requests_in_flight: Numbers
    layouts: tuple[dict[str, Any], ...] = field(default=())  #: winners of the search, one a row

    def __repr__(self) -> str:
        if np.ndim(self.replicas):
            return f"<tokenroof.Fleet of shape {np.shape(self.replicas)}: chips {self.chips}>"
        users = f"{self.demand.users:,.0f} users"
        return f"<tokenroof.Fleet {self.chips:,} chips for {users}: {self.replicas:,} x {self.chips_per_replica}>"

    @property
    def spare_replicas(self) -> Numbers:
        """Replicas beyond the peak's."""
        return self.replicas - self.needed_replicas

    @property
    def mean_chips(self) -> Numbers:
        """Chips that the mean load keeps busy."""
        return self.mean_replicas * self.chips_per_replica

    @property
    def chips(self) -> Numbers:
        """Chips to build."""
        return self.replicas * self.chips_per_replica

    @property
    def users_per_chip(self) -> Numbers:
        """Weekly users that share one chip."""
        return self.demand.users / self.chips

    @property
    def users_per_slot(self) -> Numbers:
        """Weekly users that share one place in a batch (F7)."""
        return users_per_slot(self.demand.users, self.requests_in_flight)

    @property
    def racks(self) -> Numbers:
        """Racks of 40.8 kW (F33)."""
        return _whole(racks(self.rack_power_w))

    @property
    def use(self) -> Numbers:
        """Share of the fleet that the mean load keeps busy [1]."""
        return self.demand.tokens_per_s / (self.replicas * self.tokens_per_s_per_replica)

    @property
    def joules_per_token(self) -> Numbers:
        """Energy of an output token at the meter, idle machines included (F47) [J]."""
        return money.joules_per_token(self.mean_power_w, 1.0, self.demand.tokens_per_s)

    @property
    def kwh_per_user_year(self) -> Numbers:
        """Energy of a user in a year at the meter (F48) [kWh]."""
        return money.kwh_per_user_year(self.mean_power_w, 1.0, self.demand.users)

    @property
    def usd_per_mtok(self) -> Numbers:
        """Rent of the whole fleet over the tokens that are asked for, idle hours included (F40) [USD]."""
        return money.usd_per_mtok(self.usd_per_hour, self.demand.tokens_per_s)

    @property
    def usd_per_user_month(self) -> Numbers:
        """Rent of the whole fleet per user and month of 730.5 h (F41) [USD]."""
        return money.usd_per_user_month(self.usd_per_hour, self.demand.users)

    @property
    def owned_usd_per_user_month(self) -> Numbers:
        """The same of a fleet that is bought [USD]."""
        return money.usd_per_user_month(self.owned_usd_per_hour, self.demand.users)

    def to_dict(self) -> dict[str, Any]:
        """Every number by name, demand and properties too."""
        own = [f.name for f in fields(self) if f.name not in ("demand", "layouts")]
        more = [name for name, value in vars(type(self)).items() if isinstance(value, property)]
        demand = {f.name: getattr(self.demand, f.name) for f in fields(self.demand)}
        found = {name: getattr(self, name) for name in own + more}
        return {"demand": demand, **found, "layouts": list(self.layouts)}


def _whole(value: Numbers) -> Any:
    """As `plain`, but an int for a whole scalar."""
    return int(value) if np.ndim(value) == 0 and math.isfinite(value) else plain(value)


def _parts(regions: int | Sequence[float]) -> list[float]:
    """Each region's share of the demand."""
    if isinstance(regions, bool) or (isinstance(regions, int) and regions < 1):
        raise SpecError("regions", regions, "a whole number from 1, or each region's share of the demand", "fleet")
    if isinstance(regions, int):
        return [1.0 / regions] * regions
    shares = checked("regions", regions, PORTION.known, "fleet").ravel().tolist()
    if not math.isclose(sum(shares), 1.0, rel_tol=1e-9):
        raise SpecError("regions", sum(shares), "shares that add up to 1", "fleet")
    return shares


def size(
    demand: Demand,
    tokens_per_s_per_replica: Numbers,
    chips_per_replica: Numbers,
    *,
    watts_per_chip: Numbers = math.nan,
    idle_watts_per_chip: Numbers = math.nan,
    host_watts_per_chip: Numbers = 0.0,
    usd_per_chip_hour: Numbers = math.nan,
    usd_per_chip: Numbers = math.nan,
    e2e_s: Numbers = math.nan,
    pue: Numbers = 1.0,
    load: Numbers = 1.0,
    spare_replicas: Numbers = 0,
    availability: Numbers = math.nan,
    chip_availability: Numbers = 1.0,
    regions: int | Sequence[float] = 1,
    prompt_s: Numbers = math.nan,
    idle_ttft_s: Numbers = math.nan,
    ttft_limit_s: Numbers = math.nan,
    percentile: Numbers = 0.99,
    life_years: Numbers = 4.0,
    interest: Numbers = 0.0,
    usd_per_kwh: Numbers = 0.08,
    layouts: tuple[dict[str, Any], ...] = (),
) -> Fleet:
    """A fleet of equal replicas of a known rate. Arguments broadcast with each other and with the demand.

    Parameters
    ----------
    demand : Demand
    tokens_per_s_per_replica : Numbers
        Output of one replica in steady state [tokens/s], prefill interleaved: column ``tokens_per_s`` at the demand's
        isl and osl. NaN where a point cannot be served, and so is the fleet.
    chips_per_replica : Numbers
        [1]
    watts_per_chip, idle_watts_per_chip, host_watts_per_chip : Numbers
        Of a chip at work and idle, and of its share of the server around it [W]. Idle draw unknown: as at work.
    usd_per_chip_hour, usd_per_chip : Numbers
        Rent [USD/h] and price [USD] of a chip, with what is counted of server, network and building.
    e2e_s : Numbers
        Latency of a request [s].
    pue : Numbers
        Site power over machine power, at least 1.
    load : Numbers
        Share of a replica's rate that the peak may take.
    spare_replicas : Numbers
        Replicas beyond the peak of each region, against failures ...
    availability : Numbers
        ... or the probability with which every region shall have what its peak needs: the fewest spares that do.
    chip_availability : Numbers
        Share of time that a chip is up; a replica needs all of its chips.
    regions : int or sequence of float
        Equal regions, or shares of the demand. Each meets its own peak by itself and has its own spares.
    prompt_s, idle_ttft_s, ttft_limit_s, percentile : Numbers
        Time of a replica that a prompt takes from others, time to its first token without a queue, and the limit on
        that time with one [s]: where all are known, the replicas are enough that this share of prompts holds it. A
        prompt waits for any replica of its region that no other prompt takes (F25): an optimum that routing only
        approaches.
    life_years, interest, usd_per_kwh : Numbers
        Of a fleet that is bought.

    Raises
    ------
    SpecError
        For a number that cannot be right, or shapes that do not broadcast.

    Notes
    -----
    Replicas = sum over regions of ceil(peak output / (rate x load)) + spares (F28, F32); requests in flight by Little's
    law (F6); power = chips x (watts + host) x PUE; owned cost by (F38).

    Examples
    --------
    >>> f = size(Demand(700e6, 18e9, 1024, 512, peak_to_mean=1.5), 10_000.0, 8, e2e_s=10.0)
    >>> f.mean_replicas, f.replicas, f.chips, round(f.requests_in_flight)
    (1524, 2286, 18288, 297619)
    >>> g = size(f.demand, 10_000.0, 8, chip_availability=0.9995, availability=0.999, regions=3)
    >>> g.replicas, g.spare_replicas, round(g.availability, 4)
    (2319, 33, 0.9997)
    """
    given = locals()
    values = {name: checked(name, given[name], kind, "fleet") for name, kind in _KINDS.items()}
    for name in ("tokens_per_s_per_replica", "chips_per_replica", "spare_replicas"):
        if values[name].ndim == 0 and np.isnan(values[name]):
            raise SpecError(name, given[name], _KINDS[name].text, "fleet")
    parts = _parts(regions)
    per_user = {f.name: np.asarray(getattr(demand, f.name), dtype=float) for f in fields(demand)}
    shape = shape_of("fleet", **values, **per_user)
    rate, chips_each = values["tokens_per_s_per_replica"], values["chips_per_replica"]
    one = replica_availability(values["chip_availability"], chips_each)
    needed = spares = np.zeros(shape)
    up = np.ones(shape)
    for part in parts:
        here = np.asarray(replicas_for(demand.peak_tokens_per_s * part, rate, values["load"]))
        here = np.fmax(here, _replicas_in_time(demand, part, values))
        target = values["availability"] ** (1.0 / len(parts))
        enough = np.isnan(target) | np.isnan(here)
        chosen = spares_for(np.where(enough, 1.0, here), one, np.where(enough, 0.0, target))
        extra = np.where(np.isnan(target), values["spare_replicas"], chosen)
        needed, spares = needed + here, spares + extra
        up = up * availability_of(here, extra, one)
    replicas = needed + spares
    chips = replicas * chips_each
    drawn = values["watts_per_chip"] + values["host_watts_per_chip"]
    idle = np.where(
        np.isnan(values["idle_watts_per_chip"]), drawn, values["idle_watts_per_chip"] + values["host_watts_per_chip"]
    )
    busy = np.minimum(demand.tokens_per_s / rate, replicas) * chips_each
    mean_power = (busy * drawn + (chips - busy) * idle) * values["pue"]
    capex = chips * values["usd_per_chip"]
    owned = money.owned_usd_per_hour(
        capex, values["life_years"], values["interest"], mean_power, 1.0, values["usd_per_kwh"]
    )
    flying = np.asarray(demand.requests_per_s * values["e2e_s"])

    def out(value: Numbers, of: Any = plain) -> Any:
        return of(np.array(np.broadcast_to(value, shape)))

    return Fleet(
        demand=demand,
        tokens_per_s_per_replica=out(rate),
        mean_replicas=out(replicas_for(demand.tokens_per_s, rate), _whole),
        needed_replicas=out(needed, _whole),
        replicas=out(replicas, _whole),
        chips_per_replica=out(chips_each, _whole),
        availability=out(up),
        power_w=out(chips * drawn * values["pue"]),
        mean_power_w=out(mean_power),
        rack_power_w=out(chips * drawn),
        usd_per_hour=out(chips * values["usd_per_chip_hour"]),
        capex_usd=out(capex),
        owned_usd_per_hour=out(owned),
        requests_in_flight=out(flying),
        peak_requests_in_flight=out(flying * demand.peak_to_mean),
        layouts=layouts,
    )


def _replicas_in_time(demand: Demand, part: float, values: dict[str, Any]) -> Numbers:
    """Replicas that start enough prompts in time; NaN where a time is not known."""
    room = values["ttft_limit_s"] - values["idle_ttft_s"]
    if np.isnan(room + values["prompt_s"]).all():
        return math.nan
    if (room < 0).any():
        expected = f"at least {np.nanmax(values['idle_ttft_s']):.3g} s, what a prompt takes without a queue"
        raise SpecError("ttft_limit_s", float(np.nanmin(values["ttft_limit_s"])), expected, "fleet")
    # prompts of one length take one time: no variability of service
    arrivals = demand.peak_requests_per_s * part
    return servers_for(arrivals, values["prompt_s"], room, values["percentile"], 1.0, 0.0)
