"""What all pictures share: a figure without a window, colours for all kinds of sight, axes with plain numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..errors import TokenroofError
from ..units import format_si

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "COLOURS",
    "DPI",
    "HEIGHT",
    "MARKERS",
    "PANEL_WIDTH",
    "decades",
    "drawable",
    "finer",
    "log_axes",
    "new_figure",
    "plain_numbers",
    "plain_powers",
]

#: Okabe and Ito's colours for all kinds of sight, without the yellow that vanishes on white, and three darker ones.
COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
    "#000000",
    "#7F3C8D",
    "#A5AA00",
    "#B03A2E",
)
MARKERS = "osD^vP"
PANEL_WIDTH, HEIGHT, DPI = 4.6, 5.6, 150  # inches, inches, dots per inch


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches; raises where matplotlib is missing."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise TokenroofError("plots need matplotlib: pip install 'tokenroof[plot]'") from None
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)  # no window system, no state shared with the caller's own plots
    return figure


def drawable(value: float) -> bool:
    """Whether a value has a place on a logarithmic axis."""
    return math.isfinite(value) and value > 0


def log_axes(axes: Axes) -> None:
    """Logarithmic axes with plain numbers at 1, 2 and 5: 10^1.3 says little to most readers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(True, color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)


def plain_powers(axis: Any) -> None:
    """Plain numbers at the powers of ten of a logarithmic axis."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def decades(axes: Axes, x: str, y: str) -> None:
    """Logarithmic axes with a number and its unit at each power of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis, unit in ((axes.xaxis, x), (axes.yaxis, y)):
        axis.set_major_locator(LogLocator(numticks=20))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _, unit=unit: format_si(value, unit)))
    axes.grid(True, color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)


def finer(axis: Any) -> None:
    """Numbers at 1, 2 and 5 of an axis that spans few powers of ten."""
    from matplotlib.ticker import LogLocator

    low, high = axis.get_view_interval()
    if high < 1e3 * low:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))


def plain_numbers(axis: Any) -> None:
    """A linear axis: whole numbers where there are four."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins="auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=4))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
