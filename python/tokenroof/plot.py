"""Pictures of what `best` found and of collectives; matplotlib is imported when one is drawn."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .collectives import all_reduce
from .errors import SpecError, TokenroofError
from .files import write_atomically
from .units import format_si

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .specs import Hardware

__all__ = ["all_reduce_plot", "cost_plot", "curves_plot", "panels_plot"]

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
_PER_DECADE = 20  # points of a curve


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
    panels = list(dict.fromkeys(row[panel] for row in drawn))
    named = list(bright) or list(dict.fromkeys(row[line] for row in drawn))
    figure = _figure(max(_PANEL_WIDTH * len(panels), 7.0), _HEIGHT)
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


def all_reduce_plot(
    networks: Mapping[str, tuple[str | Hardware, int]],
    path: str | os.PathLike[str],
    *,
    sizes: tuple[float, float] = (1e3, 1e9),
    heading: str = "",
    note: str = "",
) -> None:
    """Draw the time of an all-reduce against its size, a line per network, into a PNG file.

    Solid lines are `typical`, dotted ones bounds; a marker is where another algorithm becomes the fastest.

    Parameters
    ----------
    networks : mapping
        What the legend calls a line -> catalogue id or chip, and how many ranks.
    path : str or path
        The PNG to write: to a temporary file first, then renamed.
    sizes : (float, float)
        First and last size [B].
    heading, note : str
        Text above and below.

    Raises
    ------
    SpecError
        When there is nothing to draw, or so many ranks have no link between them.
    TokenroofError
        When matplotlib is missing or the file cannot be written.
    """
    first, last = sizes
    if not networks or not 0 < first < last < math.inf:
        raise SpecError(
            "networks, sizes", (len(networks), sizes), "at least one network, and two sizes above 0 in order"
        )
    steps = math.ceil(_PER_DECADE * math.log10(last / first))
    xs = [first * (last / first) ** (i / steps) for i in range(steps + 1)]
    figure = _figure(7.5, 6.5)
    axes = figure.subplots()
    for number, (label, (hardware, ranks)) in enumerate(networks.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        changes = _changes(hardware, ranks, xs)
        said = ", ".join(f"{name} from {format_si(at, 'B')}" if i else name for i, (at, name) in enumerate(changes))
        times = [all_reduce(hardware, ranks, x).seconds for x in xs]
        axes.plot(xs, times, "-", color=colour, linewidth=1.6, label=f"{label}: {said}")
        least = [all_reduce(hardware, ranks, x, bound=True).seconds for x in xs]
        axes.plot(xs, least, ":", color=colour, linewidth=0.9, zorder=1)
        marks = [at for at, _ in changes[1:]]
        times = [all_reduce(hardware, ranks, at).seconds for at in marks]
        axes.plot(marks, times, _MARKERS[number % len(_MARKERS)], color=colour, markersize=5.5)
    axes.set_xlabel("tensor on each rank [B]")
    axes.set_ylabel("time of one all-reduce [s]")
    _decades(axes, "B", "s")
    axes.set_xlim(first, last)
    axes.set_ylim(bottom=1e-6 if first >= 1e3 else None)
    if heading:
        figure.suptitle(heading, fontsize="large")
    figure.legend(
        loc="outside lower left", frameon=False, fontsize="small", title=note, title_fontsize="small", alignment="left"
    )
    write_atomically(path, lambda name: figure.savefig(name, format="png", dpi=_DPI))


def curves_plot(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    path: str | os.PathLike[str],
    *,
    x: str,
    y: str,
    units: tuple[str, str] = ("", ""),
    dashed: Collection[str] = (),
    points: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
    levels: Mapping[str, float] | None = None,
    linear: str = "",
    heading: str = "",
    note: str = "",
) -> None:
    """Draw curves over one another into a PNG file, with published points and levels to compare.

    Parameters
    ----------
    curves : mapping
        What the legend calls a curve -> its x and y. Curves whose names agree up to a colon share a colour.
    path : str or path
        The PNG to write: to a temporary file first, then renamed.
    x, y : str
        What the axes are.
    units : (str, str)
        Units at the ticks of x and y.
    dashed : collection of str
        Curves drawn dashed.
    points : mapping, optional
        What the legend calls measured or published points -> their x and y; drawn black.
    levels : mapping, optional
        What to write on a horizontal line -> its y.
    linear : str
        Axes that are not logarithmic: ``""``, ``"x"``, ``"y"`` or ``"xy"``.
    heading, note : str
        Text above and below.

    Raises
    ------
    SpecError
        When there is no curve.
    TokenroofError
        When matplotlib is missing or the file cannot be written.
    """
    if not curves:
        raise SpecError("curves", {}, "at least one curve")
    figure = _figure(7.5, _HEIGHT)
    axes = figure.subplots()
    groups = list(dict.fromkeys(label.partition(": ")[0] for label in curves))
    for label, (xs, ys) in curves.items():
        colour = _COLOURS[groups.index(label.partition(": ")[0]) % len(_COLOURS)]
        axes.plot(xs, ys, "--" if label in dashed else "-", color=colour, linewidth=1.6, label=label)
    for number, (label, (xs, ys)) in enumerate((points or {}).items()):
        marker = _MARKERS[number % len(_MARKERS)]
        axes.plot(xs, ys, marker, color="black", markersize=5, label=label, zorder=3, clip_on=False)
    axes.margins(x=0)
    _decades(axes, *units)
    for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        if name in linear:
            getattr(axes, f"set_{name}scale")("linear")
            _plain_numbers(axis)
        else:
            _finer(axis)
    for text, value in (levels or {}).items():
        axes.axhline(value, color="0.4", linewidth=0.9, linestyle=":", zorder=1)
        axes.annotate(
            text,
            (0.99, value),
            xycoords=("axes fraction", "data"),
            xytext=(0, -2),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize="small",
            color="0.3",
        )
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if heading:
        figure.suptitle(heading, fontsize="large")
    figure.legend(
        loc="outside lower left",
        frameon=False,
        fontsize="small",
        ncols=2,
        title=note,
        title_fontsize="small",
        alignment="left",
    )
    write_atomically(path, lambda name: figure.savefig(name, format="png", dpi=_DPI))


def panels_plot(
    panels: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]],
    path: str | os.PathLike[str],
    *,
    x: Sequence[str],
    y: Sequence[str],
    scales: Sequence[str] = (),
    points: Collection[str] = (),
    dashed: Collection[str] = (),
    heading: str = "",
    note: str = "",
) -> None:
    """Draw named curves side by side, one panel each, into a PNG file.

    Parameters
    ----------
    panels : mapping
        Title -> name of a curve -> its xs and ys; what is not finite is left out. A name has one colour in all panels.
    path : str or path
        The PNG to write: to a temporary file first, then renamed.
    x, y : sequence of str
        What to write along the axes of each panel.
    scales : sequence of {"linear", "semilogx", "semilogy", "loglog"}
        Of each panel; linear by default.
    points, dashed : collection of str
        Names drawn as points alone (what was measured), and dashed.
    heading, note : str
        Text above and below the panels.

    Raises
    ------
    SpecError
        When there is nothing to draw, or a panel lacks a text or a scale.
    TokenroofError
        When matplotlib is missing or the file cannot be written.
    """
    kinds = list(scales) or ["linear"] * len(panels)
    if not panels or not len(panels) == len(x) == len(y) == len(kinds):
        raise SpecError("panels", len(panels), "at least one, and an x, a y and a scale for each")
    figure = _figure(_PANEL_WIDTH * len(panels), 4.4)
    grid = figure.subplots(1, len(panels), squeeze=False)[0]
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    lines = [name for name in names if name not in points]
    handles: dict[str, Any] = {}
    for axes, title, across, up, kind in zip(grid, panels, x, y, kinds, strict=True):
        for name, (xs, ys) in panels[title].items():
            colour = _COLOURS[lines.index(name) % len(_COLOURS)] if name in lines else "black"
            style = "--" if name in dashed else "-"
            shape = {"marker": "o", "linestyle": "none", "markersize": 5, "zorder": 3} if name in points else {}
            handles[name] = axes.plot(xs, ys, **{"color": colour, "linewidth": 1.6, "linestyle": style, **shape})[0]
        axes.set_title(title, fontsize="medium")
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        if kind in ("semilogx", "loglog"):
            axes.set_xscale("log")
            _plain_powers(axes.xaxis)
        if kind in ("semilogy", "loglog"):
            axes.set_yscale("log")
            _plain_powers(axes.yaxis)
        axes.grid(True, color="0.92", linewidth=0.6)
        axes.set_axisbelow(True)
    if heading:
        figure.suptitle(heading, fontsize="large")
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=min(len(handles), 2 * len(panels) + 1),
        frameon=False, fontsize="small", title=note, title_fontsize="small",
    )  # fmt: skip
    write_atomically(path, lambda name: figure.savefig(name, format="png", dpi=_DPI))


def _changes(hardware: str | Hardware, ranks: int, sizes: Sequence[float]) -> list[tuple[float, str]]:
    """Sizes from which an algorithm is the fastest, and its name."""

    def name(size: float) -> str:
        return all_reduce(hardware, ranks, size).algorithm

    found = [(sizes[0], name(sizes[0]))]
    for below, above in pairwise(sizes):
        if name(above) == found[-1][1]:
            continue
        for _ in range(20):
            middle = math.sqrt(below * above)
            below, above = (middle, above) if name(middle) == found[-1][1] else (below, middle)
        found.append((above, name(above)))
    return found


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise TokenroofError("plots need matplotlib: pip install 'tokenroof[plot]'") from None
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)  # no window system, no state shared with the caller's own plots
    return figure


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


def _plain_powers(axis: Any) -> None:
    """Plain numbers at the powers of ten of a logarithmic axis."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _decades(axes: Axes, x: str, y: str) -> None:
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


def _finer(axis: Any) -> None:
    """Numbers at 1, 2 and 5 of an axis that spans few powers of ten."""
    from matplotlib.ticker import LogLocator

    low, high = axis.get_view_interval()
    if high < 1e3 * low:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))


def _plain_numbers(axis: Any) -> None:
    """A linear axis: whole numbers where there are four."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins="auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=4))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
