"""Pictures as PNG files, one family a module; matplotlib is imported when one is drawn."""

from __future__ import annotations

from .cost import cost_plot
from .curves import curves_plot, panels_plot
from .networks import all_reduce_plot

__all__ = ["all_reduce_plot", "cost_plot", "curves_plot", "panels_plot"]
