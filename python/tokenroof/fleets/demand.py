"""What users ask for: requests, tokens, the day's curve, and how few of them are at work at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from ..amounts import (
    ABOVE_ZERO,
    AT_LEAST_ONE,
    COUNT,
    FINITE,
    NOT_NEGATIVE,
    SHARE,
    Kind,
    Numbers,
    broadcasts,
    checked,
    plain,
    shape_of,
)
from ..errors import SpecError

__all__ = [
    "Demand",
    "duty_tokens_per_s",
    "in_flight",
    "peak_to_mean",
    "pooled",
    "requests_per_s",
    "sinusoid",
    "users_per_slot",
    "words_per_minute",
]

DAY_S = 86400.0
WEEK_S = 7 * DAY_S
_SWING = Kind("from 1 to 2: the trough is 2 less this", 1.0, 2.0)


@broadcasts(people=NOT_NEGATIVE, active_share=SHARE, sessions_per_day=NOT_NEGATIVE, requests_per_session=NOT_NEGATIVE)
def requests_per_s(
    people: Numbers, active_share: Numbers, sessions_per_day: Numbers, requests_per_session: Numbers
) -> Numbers:
    """(F1) Mean arrivals of a service [1/s]: people x share that is active x sessions x requests, over a day.

    Parameters
    ----------
    people : Numbers
        Those who could use it [1].
    active_share : Numbers
        Share of them that uses it on a day [1].
    sessions_per_day, requests_per_session : Numbers
        Of one who does [1].

    Examples
    --------
    ChatGPT in July 2025: 2.57 billion messages a day are 29,762 a second, whatever the split.

    >>> round(requests_per_s(700e6, 0.5, 2.0, 18e9 / 7 / 700e6))
    29762
    """
    return people * active_share * sessions_per_day * requests_per_session / DAY_S


@broadcasts(people=NOT_NEGATIVE, duty=SHARE, tokens_per_s_per_user=NOT_NEGATIVE)
def duty_tokens_per_s(people: Numbers, duty: Numbers, tokens_per_s_per_user: Numbers) -> Numbers:
    """(F2) Mean output of a service whose users spend a share of their time reading it [tokens/s].

    Parameters
    ----------
    people : Numbers
        Users [1].
    duty : Numbers
        Share of all hours that a user spends with the model at work [1].
    tokens_per_s_per_user : Numbers
        Speed of one stream [tokens/s].

    References
    ----------
    Liu et al., MobileLLM, appendix I: 5 % of everyone's time at 50 tokens/s. arXiv:2402.14905

    Examples
    --------
    >>> duty_tokens_per_s(7.88e9, 0.05, 50.0)
    19700000000.0
    """
    return people * duty * tokens_per_s_per_user


@broadcasts(hour=FINITE, peak_to_mean=_SWING, peak_hour=NOT_NEGATIVE)
def sinusoid(hour: Numbers, peak_to_mean: Numbers, peak_hour: Numbers = 20.0) -> Numbers:
    """(F3) Load over its mean at an hour of a day that swings as a sine [1]: 1 + (r - 1) cos(2 pi (h - h0)/24).

    Parameters
    ----------
    hour, peak_hour : Numbers
        Hour of the day, and that of the peak [h].
    peak_to_mean : Numbers
        r, from 1 to 2 [1]; the trough is 2 - r.

    Examples
    --------
    >>> [round(sinusoid(hour, 1.5), 3) for hour in (20.0, 2.0, 8.0)]
    [1.5, 1.0, 0.5]
    """
    return 1.0 + (peak_to_mean - 1.0) * np.cos(2.0 * np.pi * (hour - peak_hour) / 24.0)


def _curve(curve: Numbers) -> npt.NDArray[np.float64]:
    array = checked("curve", curve, NOT_NEGATIVE.known)
    if array.ndim == 0 or array.shape[-1] == 0 or not (array.sum(axis=-1) > 0).all():
        raise SpecError("curve", curve, "loads of equal stretches of a day along the last axis, one of them above 0")
    return array


def peak_to_mean(curve: Numbers) -> Numbers:
    """(F4) Busiest over mean load of a day given as loads of equal stretches, usually 24 hours [1].

    Parameters
    ----------
    curve : array
        Loads in any unit, the day along the last axis; other axes stay.

    Examples
    --------
    DeepSeek ran 278 nodes at the busiest time and 226.75 in the mean of a day.

    >>> round(278 / 226.75, 3), peak_to_mean([1.0, 1.0, 4.0, 2.0])
    (1.226, 2.0)
    """
    array = _curve(curve)
    return plain(array.max(axis=-1) / array.mean(axis=-1))


def pooled(curve: Numbers, shifts: Sequence[int], shares: Sequence[float]) -> npt.NDArray[np.float64]:
    """(F5) The day of a service that pools regions of other hours: sum of shares of the curve, each shifted.

    Parameters
    ----------
    curve : array
        One region's day, equal stretches along the last axis.
    shifts : sequence of int
        By how many stretches each region's day is later.
    shares : sequence of float
        Each region's share of the demand.

    Examples
    --------
    Three regions eight hours apart, each with a peak of 1.5: together they are flat.

    >>> day = sinusoid(np.arange(24), 1.5)
    >>> round(peak_to_mean(pooled(day, [0, 8, 16], [1, 1, 1])), 6)
    1.0
    """
    array = _curve(curve)
    if len(shifts) != len(shares) or not len(shifts):
        raise SpecError("shifts, shares", (len(shifts), len(shares)), "one of each for a region")
    weights = checked("shares", shares, NOT_NEGATIVE.known)
    level = array / array.mean(axis=-1, keepdims=True)
    total = sum(w * np.roll(level, int(s), axis=-1) for w, s in zip(weights, shifts, strict=True))
    return np.asarray(total / weights.sum(), dtype=np.float64)


@broadcasts(arrivals_per_s=NOT_NEGATIVE, seconds=NOT_NEGATIVE)
def in_flight(arrivals_per_s: Numbers, seconds: Numbers) -> Numbers:
    """(F6) Requests in flight at once [1]: arrivals x latency, whatever the distribution of either (Little's law).

    Parameters
    ----------
    arrivals_per_s : Numbers
        [1/s]; tokens/s as well, with the seconds of a token.
    seconds : Numbers
        Time of one in the system [s].

    References
    ----------
    J. D. C. Little, Oper. Res. 9:383, 1961. doi:10.1287/opre.9.3.383

    Examples
    --------
    >>> round(in_flight(18e9 / 604800, 10.0))
    297619
    """
    return arrivals_per_s * seconds


@broadcasts(users=NOT_NEGATIVE, requests_in_flight=ABOVE_ZERO)
def users_per_slot(users: Numbers, requests_in_flight: Numbers) -> Numbers:
    """(F7) Users that share one place in a batch, because all but one of them are idle [1].

    Examples
    --------
    >>> round(users_per_slot(700e6, in_flight(18e9 / 604800, 10.0)))
    2352
    """
    return users / requests_in_flight


@broadcasts(tokens_per_s=NOT_NEGATIVE, words_per_token=ABOVE_ZERO)
def words_per_minute(tokens_per_s: Numbers, words_per_token: Numbers = 0.75) -> Numbers:
    """(F8) Speed of a stream in words [1/min]; about 0.75 words of English in a token.

    >>> words_per_minute(10.0)
    450.0
    """
    return tokens_per_s * 60.0 * words_per_token


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """What users ask for. Every field may be an array; they broadcast together.

    Parameters
    ----------
    users : Numbers
        People who use the service in a week.
    requests_per_week : Numbers
        Requests of all users together in a week.
    isl, osl : Numbers
        Input and output tokens of a request, whole.
    peak_to_mean : Numbers
        Busiest load of the day over the mean: known, or of a curve by `peak_to_mean`.

    Raises
    ------
    SpecError
        For a number that cannot be right, or shapes that do not broadcast.

    Examples
    --------
    ChatGPT in July 2025: 700 million weekly users, 18 billion messages a week.

    >>> demand = Demand(users=700e6, requests_per_week=18e9, isl=1024, osl=512)
    >>> round(demand.requests_per_s), round(demand.requests_per_user_per_week, 1)
    (29762, 25.7)
    """

    users: Numbers
    requests_per_week: Numbers
    isl: Numbers
    osl: Numbers
    peak_to_mean: Numbers = 1.0

    def __post_init__(self) -> None:
        kinds = (ABOVE_ZERO, ABOVE_ZERO, COUNT, COUNT, AT_LEAST_ONE)
        for field, kind in zip(fields(self), kinds, strict=True):
            value = getattr(self, field.name)
            array = checked(field.name, value, kind.known, "demand")
            if array.ndim:
                object.__setattr__(self, field.name, array)
        shape_of("demand", **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def from_sessions(
        cls,
        people: Numbers,
        active_share: Numbers,
        sessions_per_day: Numbers,
        requests_per_session: Numbers,
        isl: Numbers,
        osl: Numbers,
        peak_to_mean: Numbers = 1.0,
    ) -> Demand:
        """The demand of (F1); ``users`` are those who are active on a day.

        >>> round(Demand.from_sessions(1e9, 0.1, 2.0, 4.0, 1024, 512).requests_per_s)
        9259
        """
        rate = requests_per_s(people, active_share, sessions_per_day, requests_per_session)
        return cls(people * active_share, rate * WEEK_S, isl, osl, peak_to_mean)

    @classmethod
    def from_duty(
        cls,
        people: Numbers,
        duty: Numbers,
        tokens_per_s_per_user: Numbers,
        isl: Numbers,
        osl: Numbers,
        peak_to_mean: Numbers = 1.0,
    ) -> Demand:
        """The demand of (F2), cut into requests of ``osl`` output tokens.

        >>> Demand.from_duty(7.88e9, 0.05, 50.0, 1024, 512).tokens_per_s
        19700000000.0
        """
        per_week = duty_tokens_per_s(people, duty, tokens_per_s_per_user) / np.asarray(osl) * WEEK_S
        return cls(people, plain(per_week), isl, osl, peak_to_mean)

    @property
    def requests_per_user_per_week(self) -> Numbers:
        """Requests of one user in a week."""
        return self.requests_per_week / self.users

    @property
    def requests_per_s(self) -> Numbers:
        """Mean arrivals [1/s]."""
        return self.requests_per_week / WEEK_S

    @property
    def tokens_per_s(self) -> Numbers:
        """Mean output [tokens/s]."""
        return self.requests_per_s * self.osl

    @property
    def peak_requests_per_s(self) -> Numbers:
        """Arrivals at the busiest time [1/s]."""
        return self.requests_per_s * self.peak_to_mean

    @property
    def peak_tokens_per_s(self) -> Numbers:
        """Output at the busiest time [tokens/s]."""
        return self.tokens_per_s * self.peak_to_mean
