"""What a run does with points. Each sink is exact, and mergeable: any partition of the points gives the same answer."""

from .base import Sink, Stopped, objectives
from .best import Best
from .count import Count
from .histogram import Histogram
from .pareto import Pareto
from .quantiles import Ranks, quantiles
from .reduce import Reduce
from .store import Store, Stored

__all__ = [
    "Best",
    "Count",
    "Histogram",
    "Pareto",
    "Ranks",
    "Reduce",
    "Sink",
    "Stopped",
    "Store",
    "Stored",
    "objectives",
    "quantiles",
]
