"""What a fleet costs, earns and draws: capital, rent, electricity, per token and per user."""

from __future__ import annotations

import numpy as np

from ..amounts import ABOVE_ZERO, AT_LEAST_ONE, BELOW_ONE, NOT_NEGATIVE, PORTION, Kind, Numbers, broadcasts

__all__ = [
    "annuity",
    "break_even_usd_per_mtok",
    "electricity_share",
    "electricity_usd_per_hour",
    "joules_per_token",
    "kwh_per_user_year",
    "margin_on_cost",
    "owned_usd_per_hour",
    "rent_usd",
    "revenue_usd",
    "usd_per_mtok",
    "usd_per_stream_hour",
    "usd_per_user_month",
]

HOURS_PER_YEAR = 365.25 * 24
HOURS_PER_MONTH = HOURS_PER_YEAR / 12
_RATE = Kind("an interest per year, not negative", 0.0)


@broadcasts(interest=_RATE, years=ABOVE_ZERO)
def annuity(interest: Numbers, years: Numbers) -> Numbers:
    """(F36) Yearly payment that writes off a dollar with interest [1/year]: r / (1 - (1 + r)^-n); 1/n without.

    Parameters
    ----------
    interest : Numbers
        r, per year [1].
    years : Numbers
        Useful life n [years].

    Examples
    --------
    >>> annuity(0.0, 4.0), round(annuity(0.1, 4.0), 4)
    (0.25, 0.3155)
    """
    grown = -np.expm1(-years * np.log1p(interest))
    return np.where(interest == 0.0, 1.0 / years, interest / grown)


@broadcasts(watts=NOT_NEGATIVE, pue=AT_LEAST_ONE, usd_per_kwh=NOT_NEGATIVE)
def electricity_usd_per_hour(watts: Numbers, pue: Numbers, usd_per_kwh: Numbers) -> Numbers:
    """(F37) Electricity of machines that draw so much, cooling and losses by the PUE [USD/h].

    >>> round(electricity_usd_per_hour(1275.0, 1.3, 0.08), 4)
    0.1326
    """
    return watts * pue / 1000.0 * usd_per_kwh


@broadcasts(
    capex_usd=NOT_NEGATIVE,
    life_years=ABOVE_ZERO,
    interest=_RATE,
    watts=NOT_NEGATIVE,
    pue=AT_LEAST_ONE,
    usd_per_kwh=NOT_NEGATIVE,
    opex_usd_per_year=NOT_NEGATIVE,
)
def owned_usd_per_hour(
    capex_usd: Numbers,
    life_years: Numbers,
    interest: Numbers = 0.0,
    watts: Numbers = 0.0,
    pue: Numbers = 1.0,
    usd_per_kwh: Numbers = 0.0,
    opex_usd_per_year: Numbers = 0.0,
) -> Numbers:
    """(F38) Cost of machines that were bought [USD/h]: their annuity (F36), electricity (F37) and what else they take.

    Parameters
    ----------
    capex_usd : Numbers
        What was paid: chips, servers, network, building, as far as they are counted [USD].
    life_years, interest : Numbers
        Until written off [years], per year [1].
    watts : Numbers
        Mean draw [W], before the PUE.
    pue, usd_per_kwh : Numbers
        [1], [USD/kWh].
    opex_usd_per_year : Numbers
        People, space, repairs [USD/year].

    Examples
    --------
    An H100 with its share of a server at 50,000 USD, 4 years, 1275 W at a use of 0.7.

    >>> round(owned_usd_per_hour(50e3, 4.0, 0.0, 0.7 * 1275.0, 1.3, 0.08), 3)
    1.519
    """
    capital = capex_usd * annuity(interest, life_years) / HOURS_PER_YEAR
    return capital + electricity_usd_per_hour(watts, pue, usd_per_kwh) + opex_usd_per_year / HOURS_PER_YEAR


@broadcasts(capex_usd=ABOVE_ZERO, life_years=ABOVE_ZERO, watts=NOT_NEGATIVE, pue=AT_LEAST_ONE, usd_per_kwh=NOT_NEGATIVE)
def electricity_share(
    capex_usd: Numbers, life_years: Numbers, watts: Numbers, pue: Numbers, usd_per_kwh: Numbers
) -> Numbers:
    """(F39) Share of electricity in capital and electricity over a life without interest [1].

    Examples
    --------
    It is not the dominant cost of an H100.

    >>> round(electricity_share(50e3, 4.0, 0.7 * 1275.0, 1.3, 0.08), 3)
    0.061
    """
    power = electricity_usd_per_hour(watts, pue, usd_per_kwh) * HOURS_PER_YEAR * life_years
    return power / (capex_usd + power)


@broadcasts(usd_per_hour=NOT_NEGATIVE, tokens_per_s=ABOVE_ZERO, use=PORTION)
def usd_per_mtok(usd_per_hour: Numbers, tokens_per_s: Numbers, use: Numbers = 1.0) -> Numbers:
    """(F40) Cost of a million tokens [USD] of machines that make so many at full load, and are at work for a share.

    Parameters
    ----------
    usd_per_hour : Numbers
        Of the machines [USD/h].
    tokens_per_s : Numbers
        At full load [tokens/s].
    use : Numbers
        Mean over full load [1].

    Examples
    --------
    SGLang on a node of eight H100 at 2 USD/h: 22,300 tokens/s.

    >>> round(usd_per_mtok(16.0, 22_300.0), 2)
    0.2
    """
    return usd_per_hour / 3600.0 / (tokens_per_s * use) * 1e6


@broadcasts(usd_per_hour=NOT_NEGATIVE, users=ABOVE_ZERO)
def usd_per_user_month(usd_per_hour: Numbers, users: Numbers) -> Numbers:
    """(F41) Cost of a fleet per user and month of 730.5 h [USD].

    >>> usd_per_user_month(100.0, 1000.0)
    73.05
    """
    return usd_per_hour * HOURS_PER_MONTH / users


@broadcasts(usd_per_hour=NOT_NEGATIVE, tokens_per_s=ABOVE_ZERO, use=PORTION, margin=BELOW_ONE)
def break_even_usd_per_mtok(
    usd_per_hour: Numbers, tokens_per_s: Numbers, use: Numbers = 1.0, margin: Numbers = 0.0
) -> Numbers:
    """(F42) Price of a million tokens that leaves a share of revenue over [USD]: cost (F40) / (1 - margin).

    >>> round(break_even_usd_per_mtok(16.0, 22_300.0, 0.5, 0.6), 3)
    0.997
    """
    return usd_per_mtok(usd_per_hour, tokens_per_s, use) / (1.0 - margin)


@broadcasts(tokens=NOT_NEGATIVE, usd_per_mtok=NOT_NEGATIVE)
def revenue_usd(tokens: Numbers, usd_per_mtok: Numbers) -> Numbers:
    """(F43) What tokens earn at a price [USD].

    >>> revenue_usd(168e9, 2.19)
    367920.0
    """
    return tokens / 1e6 * usd_per_mtok


@broadcasts(revenue=NOT_NEGATIVE, cost=ABOVE_ZERO)
def margin_on_cost(revenue: Numbers, cost: Numbers) -> Numbers:
    """(F44) Profit over cost [1]. Over revenue it is m / (1 + m): DeepSeek's 545 % are 84.5 %.

    >>> round(margin_on_cost(562_027.0, 87_072.0), 3)
    5.455
    """
    return (revenue - cost) / cost


@broadcasts(chips=NOT_NEGATIVE, hours=NOT_NEGATIVE, usd_per_chip_hour=NOT_NEGATIVE)
def rent_usd(chips: Numbers, hours: Numbers, usd_per_chip_hour: Numbers) -> Numbers:
    """(F45) Rent of chips for a time [USD].

    >>> rent_usd(226.75 * 8, 24.0, 2.0)
    87072.0
    """
    return chips * hours * usd_per_chip_hour


@broadcasts(tokens_per_s=NOT_NEGATIVE, usd_per_mtok=NOT_NEGATIVE)
def usd_per_stream_hour(tokens_per_s: Numbers, usd_per_mtok: Numbers) -> Numbers:
    """(F46) What a stream costs by the hour, as a wage [USD/h].

    >>> round(usd_per_stream_hour(100.0, 10.0), 2)
    3.6
    """
    return tokens_per_s * 3600.0 / 1e6 * usd_per_mtok


@broadcasts(watts=NOT_NEGATIVE, pue=AT_LEAST_ONE, tokens_per_s=ABOVE_ZERO)
def joules_per_token(watts: Numbers, pue: Numbers, tokens_per_s: Numbers) -> Numbers:
    """(F47) Energy of a token at the meter [J].

    >>> round(joules_per_token(10_200.0, 1.3, 22_300.0), 4)
    0.5946
    """
    return watts * pue / tokens_per_s


@broadcasts(watts=NOT_NEGATIVE, pue=AT_LEAST_ONE, users=ABOVE_ZERO)
def kwh_per_user_year(watts: Numbers, pue: Numbers, users: Numbers) -> Numbers:
    """(F48) Energy of a user in a year at the meter [kWh].

    >>> round(kwh_per_user_year(1e9, 1.3, 700e6), 1)
    16.3
    """
    return watts * pue / 1000.0 * HOURS_PER_YEAR / users
