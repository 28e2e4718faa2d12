"""Pictures of what `best` found; matplotlib is imported when one is drawn."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .errors import SpecError, TokenroofError
from .files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["cost_plot"]

#: Okabe and Ito's colours for all kinds of sight, without the yellow that vanishes on white, and three darker ones.
_COLOURS = (
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
_MARKERS = "osD^vP"
_PANEL_WIDTH, _HEIGHT, _DPI = 4.6, 5.6, 150  # inches, inches, dots per inch


def cost_plot(
    rows: Iterable[Mapping[str, Any]],
    path: str | os.PathLike[str],
    *,
    x: str = "tokens_per_s_per_user",
    y: str = "usd_per_mtok",
    panel: str = "model",
    line: str = "hardware",
    bright: Sequence[str] = (),
    dashed: Collection[str] = (),
    titles: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    heading: str = "",
    note: str = "",
) -> None:
    """Draw one line per chip in one panel per model, both axes logarithmic, into a PNG file.

    Parameters
    ----------
    rows : iterable of mapping
        Winners, as `Table.rows` gives them; rows without finite, positive ``x`` and ``y`` are left out.
    path : str or path
        The PNG to write: to a temporary file first, then renamed.
    x, y, panel, line : str
        Columns: the axes, what a panel is, what a line is.
    bright : sequence of str
        Lines drawn in colour and named in the legend, in this order; all other lines are grey. All lines by default.
    dashed : collection of str
        Lines drawn dashed.
    titles, labels : mapping, optional
        What to write over a panel, and what to write for a column, where it is not its name.
    heading, note : str
        Text above and below the panels.

    Raises
    ------
    SpecError
        When no row can be drawn.
    TokenroofError
        When matplotlib is missing or the file cannot be written.
    """
    drawn = [row for row in rows if _drawable(row[x]) and _drawable(row[y])]
    if not drawn:
        raise SpecError("rows", 0, f"at least one row with {x} and {y} above 0")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise TokenroofError("plots need matplotlib: pip install 'tokenroof[plot]'") from None
    panels = list(dict.fromkeys(row[panel] for row in drawn))
    named = list(bright) or list(dict.fromkeys(row[line] for row in drawn))
    figure = Figure(figsize=(max(_PANEL_WIDTH * len(panels), 7.0), _HEIGHT), layout="constrained")
    FigureCanvasAgg(figure)  # no window system, no state shared with the caller's own plots
    grid = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    handles: dict[str, Any] = {}
    for axes, name in zip(grid, panels, strict=True):
        for one in [n for n in dict.fromkeys(r[line] for r in drawn) if n not in named] + named:
            points = sorted((row[x], row[y]) for row in drawn if row[panel] == name and row[line] == one)
            if points:
                handles[one] = _line(axes, points, named.index(one) if one in named else None, one in dashed)
        axes.set_title((titles or {}).get(name, name))
        axes.set_xlabel((labels or {}).get(x, x))
        _log_axes(axes)
    grid[0].set_ylabel((labels or {}).get(y, y))
    if heading:
        figure.suptitle(heading, fontsize="large")
    legend = {n: handles[n] for n in named if n in handles}
    grey = [handle for n, handle in handles.items() if n not in named]
    if grey:
        legend["others"] = grey[0]
    figure.legend(
        legend.values(),
        legend.keys(),
        loc="outside lower center",
        ncols=min(len(legend), 3 * len(panels)),
        frameon=False,
        fontsize="small",
        title=note,
        title_fontsize="small",
    )
    write_atomically(path, lambda name: figure.savefig(name, format="png", dpi=_DPI))


def _drawable(value: float) -> bool:
    return math.isfinite(value) and value > 0


def _line(axes: Axes, points: Sequence[tuple[float, float]], number: int | None, dashed: bool) -> Any:
    xs, ys = zip(*points, strict=True)
    style = "--" if dashed else "-"
    if number is None:
        return axes.plot(xs, ys, style, color="0.82", linewidth=0.8, zorder=1)[0]
    return axes.plot(
        xs,
        ys,
        style,
        color=_COLOURS[number % len(_COLOURS)],
        marker=_MARKERS[number // len(_COLOURS) % len(_MARKERS)],
        markersize=3.5,
        linewidth=1.5,
        zorder=2,
    )[0]


def _log_axes(axes: Axes) -> None:
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
