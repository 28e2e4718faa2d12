"""Axes of a sweep: what a user may write for them, checked before any work is done."""

from .counts import COUNTS, parse_count_axis
from .grid import DEFAULTS, Axes, Dimension
from .limits import parse_where
from .zips import Zipped, zipped

__all__ = ["COUNTS", "DEFAULTS", "Axes", "Dimension", "Zipped", "parse_count_axis", "parse_where", "zipped"]
