"""Waiting: what a mean hides. Erlang's formulas, single servers, percentiles, and what a limit on waiting costs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..amounts import ABOVE_ZERO, BELOW_ONE, COUNT, F64, NOT_NEGATIVE, Kind, Numbers, broadcasts

__all__ = [
    "erlang_b",
    "erlang_c",
    "goodput",
    "kingman_wait",
    "md1_seconds",
    "mean_wait",
    "mg1_wait",
    "servers_for",
    "wait_percentile",
]

_HALVINGS = 60  # of an interval: more than the 53 bits of a float
_SERVERS = Kind("a whole number from 1 to 10 million", 1.0, 1e7, whole=True)
_MOST_SERVERS = 1e7


def _erlang_b(offered: F64, servers: F64) -> F64:
    """1/B(n) = 1 + n/a 1/B(n - 1), which neither overflows nor cancels.

    Each step takes a share B off a relative error. So it need not begin at no servers: from 12 standard deviations
    below the load, an error is down by e^(-12^2/2) when the load is reached, and 1 - n/a is near enough to begin with.
    """
    a, n = np.broadcast_arrays(offered, servers)
    first = np.maximum(np.floor(np.minimum(a, n) - 12.0 * np.sqrt(a) - 12.0), 0.0)
    inverse = 1.0 / (1.0 - np.where(first > 0.0, first / a, 0.0))
    for step in range(1, int(np.nanmax(n - first, initial=0.0)) + 1):
        now = first + step
        inverse = np.where(now <= n, 1.0 + now / a * inverse, inverse)
    return 1.0 / inverse


def _erlang_c(offered: F64, servers: F64) -> F64:
    blocked = _erlang_b(offered, servers)
    waits = servers * blocked / (servers - offered * (1.0 - blocked))
    return np.where(offered < servers, waits, 1.0)


@broadcasts(offered=NOT_NEGATIVE, servers=_SERVERS)
def erlang_b(offered: Numbers, servers: Numbers) -> Numbers:
    """(F17) Share of arrivals that find every server busy and leave [1].

    Parameters
    ----------
    offered : Numbers
        Arrivals x service time [1].
    servers : Numbers
        [1]

    References
    ----------
    A. K. Erlang, 1917; recursion as in any textbook of queueing theory.

    Examples
    --------
    >>> round(erlang_b(5.0, 10), 6)
    0.018385
    """
    return _erlang_b(offered, servers)


@broadcasts(offered=NOT_NEGATIVE, servers=_SERVERS)
def erlang_c(offered: Numbers, servers: Numbers) -> Numbers:
    """(F18) Share of arrivals that must wait when none leaves (M/M/c) [1]; 1 where the load is too much.

    Pooling gains: the larger system waits less at a higher load.

    Examples
    --------
    >>> round(erlang_c(8.0, 10), 5), round(erlang_c(90.0, 100), 5)
    (0.40918, 0.21694)
    """
    return _erlang_c(offered, servers)


@broadcasts(arrivals_per_s=NOT_NEGATIVE, service_s=ABOVE_ZERO, servers=_SERVERS, ca2=NOT_NEGATIVE, cs2=NOT_NEGATIVE)
def mean_wait(
    arrivals_per_s: Numbers, service_s: Numbers, servers: Numbers, ca2: Numbers = 1.0, cs2: Numbers = 1.0
) -> Numbers:
    """(F19) Mean wait for one of several servers (G/G/c) [s]: Erlang's C, scaled by both variabilities.

    ``C(c, a) s / (c - a) (ca2 + cs2)/2``: exact for M/M/c, near otherwise; infinite where the load is too much.

    Parameters
    ----------
    arrivals_per_s, service_s : Numbers
        [1/s], mean service time [s].
    servers : Numbers
        [1]
    ca2, cs2 : Numbers
        Squared coefficient of variation of the times between arrivals and of the service times [1]; 1 for a Poisson
        process and exponential times, 0 for clockwork. Real arrivals come in bursts: above 1.

    References
    ----------
    A. O. Allen, Probability, Statistics, and Queueing Theory, 1990 (Allen and Cunneen's approximation).

    Examples
    --------
    >>> round(mean_wait(8.0, 1.0, 10), 4)
    0.2046
    """
    offered = arrivals_per_s * service_s
    wait = _erlang_c(offered, servers) * service_s / (servers - offered) * (ca2 + cs2) / 2.0
    return np.where(offered < servers, wait, np.inf)


def _percentile(share: F64, arrivals: F64, service: F64, servers: F64, ca2: F64, cs2: F64) -> F64:
    offered = arrivals * service
    tail = np.log(_erlang_c(offered, servers) / (1.0 - share)) * service / (servers - offered) * (ca2 + cs2) / 2.0
    return np.where(offered < servers, np.where(tail > 0.0, tail, 0.0), np.inf)


@broadcasts(
    share=BELOW_ONE,
    arrivals_per_s=ABOVE_ZERO,
    service_s=ABOVE_ZERO,
    servers=_SERVERS,
    ca2=NOT_NEGATIVE,
    cs2=NOT_NEGATIVE,
)
def wait_percentile(
    share: Numbers,
    arrivals_per_s: Numbers,
    service_s: Numbers,
    servers: Numbers,
    ca2: Numbers = 1.0,
    cs2: Numbers = 1.0,
) -> Numbers:
    """(F20) Wait that a share of arrivals does not exceed [s]: the tail is exponential, P(W > t) = C e^(-t / v).

    ``v = s / (c - a) (ca2 + cs2)/2``, so that the mean is (F19); exact for M/M/c. Arguments as `mean_wait`.

    Examples
    --------
    >>> round(wait_percentile(0.99, 8.0, 1.0, 10), 3), wait_percentile(0.5, 8.0, 1.0, 10)
    (1.856, 0.0)
    """
    return _percentile(share, arrivals_per_s, service_s, servers, ca2, cs2)


@broadcasts(arrivals_per_s=NOT_NEGATIVE, service_s=ABOVE_ZERO, cs2=NOT_NEGATIVE)
def mg1_wait(arrivals_per_s: Numbers, service_s: Numbers, cs2: Numbers) -> Numbers:
    """(F21) Mean wait for one server of any service time (M/G/1) [s]: l E[S^2] / (2 (1 - rho)), Pollaczek-Khinchine.

    Parameters
    ----------
    arrivals_per_s, service_s, cs2 : Numbers
        [1/s], [s], squared coefficient of variation of the service times [1].

    Examples
    --------
    At a load of 0.8 and a second of service: clockwork, exponential, and heavy-tailed lengths.

    >>> [round(mg1_wait(0.8, 1.0, cs2), 9) for cs2 in (0.0, 1.0, 4.0)]
    [2.0, 4.0, 10.0]
    """
    rho = arrivals_per_s * service_s
    wait = arrivals_per_s * service_s**2 * (1.0 + cs2) / (2.0 * (1.0 - rho))
    return np.where(rho < 1.0, wait, np.inf)


@broadcasts(arrivals_per_s=NOT_NEGATIVE, service_s=ABOVE_ZERO, ca2=NOT_NEGATIVE, cs2=NOT_NEGATIVE)
def kingman_wait(arrivals_per_s: Numbers, service_s: Numbers, ca2: Numbers, cs2: Numbers) -> Numbers:
    """(F22) Mean wait for one server, any arrivals and service times (G/G/1) [s]: (ca2 + cs2)/2 rho/(1 - rho) s.

    References
    ----------
    J. F. C. Kingman, 1961. doi:10.1017/S0305004100036094

    Examples
    --------
    >>> round(kingman_wait(0.8, 1.0, 1.0, 0.0), 9)
    2.0
    """
    rho = arrivals_per_s * service_s
    wait = (ca2 + cs2) / 2.0 * rho / (1.0 - rho) * service_s
    return np.where(rho < 1.0, wait, np.inf)


@broadcasts(arrivals_per_s=NOT_NEGATIVE, service_s=ABOVE_ZERO, stages=COUNT, speedup=ABOVE_ZERO)
def md1_seconds(arrivals_per_s: Numbers, service_s: Numbers, stages: Numbers = 1, speedup: Numbers = 1.0) -> Numbers:
    """(F23) Mean time to first token of prefills of one length (M/D/1) [s]: wait and service.

    ``D' + R t^2 / (2 (1 - R t))`` with D' = D / speedup and t = D' / stages: pipeline stages take the next prompt
    after t, tensor parallelism shortens all of it.

    Parameters
    ----------
    arrivals_per_s, service_s : Numbers
        R [1/s], prefill on one device D [s].
    stages : Numbers
        Pipeline stages, each with an equal part of the layers [1].
    speedup : Numbers
        Of tensor parallelism [1].

    References
    ----------
    Zhong et al., DistServe, section 3.1. arXiv:2401.09670

    Examples
    --------
    >>> [round(md1_seconds(rate, 0.1), 4) for rate in (2.0, 5.0, 8.0)]
    [0.1125, 0.15, 0.3]
    """
    service = service_s / speedup
    slot = service / stages
    wait = arrivals_per_s * slot**2 / (2.0 * (1.0 - arrivals_per_s * slot))
    return np.where(arrivals_per_s * slot < 1.0, service + wait, np.inf)


@broadcasts(
    wait_s=NOT_NEGATIVE, share=BELOW_ONE, service_s=ABOVE_ZERO, servers=_SERVERS, ca2=NOT_NEGATIVE, cs2=NOT_NEGATIVE
)
def goodput(
    wait_s: Numbers, share: Numbers, service_s: Numbers, servers: Numbers, ca2: Numbers = 1.0, cs2: Numbers = 1.0
) -> Numbers:
    """(F24) Highest arrivals of which a share waits no longer than a limit [1/s], by (F20).

    Parameters
    ----------
    wait_s, share : Numbers
        Limit on the wait [s], and the share of arrivals that must hold it [1].
    service_s, servers, ca2, cs2 : Numbers
        As `mean_wait`.

    Examples
    --------
    Ten servers of a second could serve 10/s; if 99 % may wait a second at most, 6.94/s.

    >>> round(goodput(1.0, 0.99, 1.0, 10), 2)
    6.94
    """
    shape = np.broadcast_shapes(*map(np.shape, (wait_s, share, service_s, servers, ca2, cs2)))
    low, high = np.zeros(shape), np.broadcast_to(servers / service_s, shape)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        held = _percentile(share, middle, service_s, servers, ca2, cs2) <= wait_s
        low, high = np.where(held, middle, low), np.where(held, high, middle)
    return low


@broadcasts(
    arrivals_per_s=ABOVE_ZERO,
    service_s=ABOVE_ZERO,
    wait_s=NOT_NEGATIVE,
    share=BELOW_ONE,
    ca2=NOT_NEGATIVE,
    cs2=NOT_NEGATIVE,
)
def servers_for(
    arrivals_per_s: Numbers,
    service_s: Numbers,
    wait_s: Numbers,
    share: Numbers,
    ca2: Numbers = 1.0,
    cs2: Numbers = 1.0,
) -> Numbers:
    """(F25) Fewest servers with which a share of arrivals waits no longer than a limit [1], by (F20).

    Infinite where it would take more than 10 million.

    Examples
    --------
    >>> servers_for(8.0, 1.0, 1.0, 0.99), servers_for(800.0, 1.0, 1.0, 0.99)
    (12.0, 805.0)
    """
    known = arrivals_per_s + service_s + wait_s + share + ca2 + cs2  # NaN where one of them is
    low = np.floor(np.broadcast_to(arrivals_per_s * service_s, known.shape))  # too few: the load is not below it
    step = np.ones(known.shape)

    def held(servers: F64) -> npt.NDArray[np.bool_]:
        safe = np.clip(servers, 1.0, _MOST_SERVERS)
        waits = _percentile(share, arrivals_per_s, service_s, safe, ca2, cs2)
        return np.asarray(~(waits > wait_s) | (servers > _MOST_SERVERS) | np.isnan(known))

    high = low + step
    while not (enough := held(high)).all():
        step = np.where(enough, step, 2.0 * step)
        low = np.where(enough, low, high)
        high = np.where(enough, high, high + step)
    while (apart := high - low > 1.0).any():
        middle = np.floor((low + high) / 2.0)
        enough = held(middle)
        high, low = np.where(apart & enough, middle, high), np.where(apart & ~enough, middle, low)
    return np.where(high > _MOST_SERVERS, np.inf, high)
