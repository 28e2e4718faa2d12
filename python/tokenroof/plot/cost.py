"""The cheapest way to serve at each speed: a line for each chip, a panel for each model."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import SpecError
from ..files import write_atomically
from .canvas import COLOURS, DPI, HEIGHT, MARKERS, PANEL_WIDTH, drawable, log_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["cost_plot"]


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
    drawn = [row for row in rows if drawable(row[x]) and drawable(row[y])]
    if not drawn:
        raise SpecError("rows", 0, f"at least one row with {x} and {y} above 0")
    panels = list(dict.fromkeys(row[panel] for row in drawn))
    named = list(bright) or list(dict.fromkeys(row[line] for row in drawn))
    figure = new_figure(max(PANEL_WIDTH * len(panels), 7.0), HEIGHT)
    grid = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    handles: dict[str, Any] = {}
    for axes, name in zip(grid, panels, strict=True):
        for one in [n for n in dict.fromkeys(r[line] for r in drawn) if n not in named] + named:
            points = sorted((row[x], row[y]) for row in drawn if row[panel] == name and row[line] == one)
            if points:
                handles[one] = _line(axes, points, named.index(one) if one in named else None, one in dashed)
        axes.set_title((titles or {}).get(name, name))
        axes.set_xlabel((labels or {}).get(x, x))
        log_axes(axes)
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
    write_atomically(path, lambda name: figure.savefig(name, format="png", dpi=DPI))


def _line(axes: Axes, points: Sequence[tuple[float, float]], number: int | None, dashed: bool) -> Any:
    xs, ys = zip(*points, strict=True)
    style = "--" if dashed else "-"
    if number is None:
        return axes.plot(xs, ys, style, color="0.82", linewidth=0.8, zorder=1)[0]
    return axes.plot(
        xs,
        ys,
        style,
        color=COLOURS[number % len(COLOURS)],
        marker=MARKERS[number // len(COLOURS) % len(MARKERS)],
        markersize=3.5,
        linewidth=1.5,
        zorder=2,
    )[0]
