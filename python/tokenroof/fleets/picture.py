"""Pictures of a tornado and of a waterfall; matplotlib is imported when one is drawn."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..errors import SpecError
from ..files import write_atomically
from ..plot.canvas import COLOURS, DPI, drawable, new_figure
from ..units import format_si

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .uncertain import Tornado

__all__ = ["tornado_plot", "waterfall_plot"]


def tornado_plot(
    told: Tornado,
    path: str | os.PathLike[str],
    *,
    unit: str = "",
    labels: Mapping[str, str] | None = None,
    steps: Sequence[tuple[str, float]] = (),
    heading: str = "",
    note: str = "",
) -> None:
    """Draw what each uncertain input is worth as bars on one axis, widest on top, into a PNG file.

    The axis is logarithmic where every result is above 0. Blue: the input at its low end; orange: at its high end.

    Parameters
    ----------
    told : Tornado
        Of `tokenroof.tornado`.
    path : str or path
        The PNG to write: to a temporary file first, then renamed.
    unit : str
        What the results are, written below the axis.
    labels : mapping, optional
        What to write for an input, where it is not its name and ends.
    steps : sequence of (str, float)
        Drawn above on the same axis: what was changed, and the result after it, first to last.
    heading, note : str
        Text above and below.

    Raises
    ------
    SpecError
        When a result or a step cannot be drawn.
    TokenroofError
        When matplotlib is missing or the file cannot be written.
    """
    values = [told.base, *(row[end] for row in told.rows for end in ("at_low", "at_high")), *(v for _, v in steps)]
    if not all(map(math.isfinite, values)):
        raise SpecError("told", values, "finite results")
    heights = [len(steps) + 0.6, len(told.rows) + 0.6] if steps else [len(told.rows) + 0.6]
    figure = new_figure(9.0, 0.42 * sum(heights) + 1.5)
    grid = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    if min(values) > 0.0:
        _decades(grid[-1])
    if steps:
        _steps(grid[0], steps)
    _bars(grid[-1], told, labels or {})
    grid[-1].set_xlabel(unit)
    low, high = min(values), max(values)
    if low > 0.0:  # room for the numbers beside the ends
        grid[-1].set_xlim(low * (low / high) ** 0.12, high * (high / low) ** 0.12)
    if heading:
        figure.suptitle(heading, fontsize="large")
    if note:
        figure.supxlabel(note, fontsize="small")
    write_atomically(path, lambda name: figure.savefig(name, format="png", dpi=DPI))


def waterfall_plot(
    steps: Sequence[tuple[str, float]],
    path: str | os.PathLike[str],
    *,
    unit: str = "",
    notes: Sequence[str] = (),
    level: tuple[str, float] | None = None,
    heading: str = "",
    note: str = "",
) -> None:
    """Draw a result and what each change makes of it, first on top, on a logarithmic axis, into a PNG file.

    Blue: a change that lowers the result; orange: one that raises it. The number beside an end says by which factor.

    Parameters
    ----------
    steps : sequence of (str, float)
        What was changed, and the result after it, above 0; of `tokenroof.fleets.levers.waterfall`, or any others.
    path : str or path
        The PNG to write: to a temporary file first, then renamed.
    unit : str
        What the results are, written below the axis.
    notes : sequence of str
        What to write below each row: what was assumed.
    level : (str, float), optional
        What to write at a vertical line, and where it is.
    heading, note : str
        Text above and below.

    Raises
    ------
    SpecError
        When there is nothing to draw, or a result has no place on the axis.
    TokenroofError
        When matplotlib is missing or the file cannot be written.
    """
    values = [value for _, value in steps] + ([level[1]] if level else [])
    if not steps or not all(map(drawable, values)):
        raise SpecError("steps", values, "at least one result, all of them finite and above 0")
    if notes and len(notes) != len(steps):
        raise SpecError("notes", len(notes), f"one for each of {len(steps)} steps")
    figure = new_figure(9.0, (0.6 if notes else 0.42) * len(steps) + 1.5)
    axes = figure.subplots()
    _decades(axes)
    _steps(axes, steps, factors=True)
    axes.set_xlabel(unit)
    for at, text in enumerate(notes):
        axes.annotate(
            text, (0.01, at + 0.42), xycoords=("axes fraction", "data"), va="center", fontsize="small", color="0.35",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0}, zorder=2,
        )  # fmt: skip
    low, high = min(values), max(values)
    if low < high:  # room for the numbers beside the ends
        axes.set_xlim(low * (low / high) ** 0.2, high * (high / low) ** 0.16)
    if level:
        text, value = level
        axes.axvline(value, color="0.4", linewidth=0.9, linestyle=":", zorder=1)
        axes.annotate(
            text, (value, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points",
            ha="center", va="bottom", fontsize="small", color="0.3",
        )  # fmt: skip
    if heading:
        figure.suptitle(heading, fontsize="large")
    if note:
        figure.supxlabel(note, fontsize="small")
    write_atomically(path, lambda name: figure.savefig(name, format="png", dpi=DPI))


def _decades(axes: Axes) -> None:
    """A logarithmic axis with a short number at each power of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(numticks=20))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_si(value)))


def _factor(before: float, after: float) -> str:
    """By which factor a result changed, as people write it: "÷ 70", "x 5.0"."""
    sign, times = ("÷", before / after) if after <= before else ("x", after / before)
    return f"{sign} {times:.3g}" if times < 10 else f"{sign} {times:.0f}"


def _steps(axes: Axes, steps: Sequence[tuple[str, float]], factors: bool = False) -> None:
    """Results one below the other, each with a line from the one before."""
    rows = range(len(steps))
    for at, ((_, before), (_, after)) in enumerate(pairwise(steps)):
        colour = COLOURS[0] if after < before else COLOURS[1]
        axes.plot([before, before], [at, at + 1], color="0.8", linewidth=0.8, zorder=1)
        axes.plot([before, after], [at + 1, at + 1], color=colour, linewidth=5, solid_capstyle="butt", zorder=2)
    axes.plot([value for _, value in steps], rows, "o", color="black", markersize=4.5, zorder=3)
    for at, (_, value) in zip(rows, steps, strict=True):
        left = at > 0 and value < steps[at - 1][1]  # away from the line that leads here
        place: dict[str, Any] = {"xytext": (-7 if left else 7, 0), "ha": "right" if left else "left"}
        said = f"{format_si(value)}  ({_factor(steps[at - 1][1], value)})" if factors and at else format_si(value)
        axes.annotate(said, (value, at), textcoords="offset points", fontsize="small", va="center", zorder=4, **place)
    _rows(axes, [text for text, _ in steps])


def _bars(axes: Axes, told: Tornado, labels: Mapping[str, str]) -> None:
    """A bar for each input, from the result at its low end to that at its high end, through the base."""
    for at, row in enumerate(told.rows):
        for end, colour in (("at_low", COLOURS[0]), ("at_high", COLOURS[1])):
            axes.barh(at, row[end] - told.base, left=told.base, height=0.55, color=colour, zorder=2)
            right = row[end] >= told.base
            place: dict[str, Any] = {"xytext": (4 if right else -4, 0), "ha": "left" if right else "right"}
            axes.annotate(
                format_si(row[end]), (row[end], at), textcoords="offset points", va="center", fontsize="small", **place
            )
    axes.axvline(told.base, color="black", linewidth=1.0, zorder=3)
    named = (labels.get(row["input"], f"{row['input']}: {row['low']:.3g} to {row['high']:.3g}") for row in told.rows)
    _rows(axes, list(named))


def _rows(axes: Axes, texts: Sequence[str]) -> None:
    """A line of text to the left of each row, first on top."""
    axes.set_yticks(range(len(texts)), texts, fontsize="small")
    axes.set_ylim(len(texts) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x", color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
