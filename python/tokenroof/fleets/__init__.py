"""Demand to fleet: users to tokens, tokens to replicas, replicas to chips, racks, power, money and wafers.

Formulas are numbered F1, F2, ... as in docs/fleet.md. Every function takes numbers or arrays, results of sweeps among
them, and broadcasts; NaN stands for "nobody knows" or "cannot be served" and comes out again.
"""

from __future__ import annotations

from . import demand, levers, machines, money, paging, queueing, search, sizing, steady, supply, uncertain
from .demand import Demand
from .search import fleet
from .sizing import Fleet
from .uncertain import tornado

__all__ = [
    "Demand",
    "Fleet",
    "demand",
    "fleet",
    "levers",
    "machines",
    "money",
    "paging",
    "queueing",
    "search",
    "sizing",
    "steady",
    "supply",
    "tornado",
    "uncertain",
]
