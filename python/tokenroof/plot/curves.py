"""Named curves, over one another or side by side, with published points and levels to compare."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..errors import SpecError
from ..files import write_atomically
from .canvas import (
    COLOURS,
    DPI,
    HEIGHT,
    MARKERS,
    PANEL_WIDTH,
    decades,
    finer,
    new_figure,
    plain_numbers,
    plain_powers,
)

__all__ = ["curves_plot", "panels_plot"]


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
    figure = new_figure(7.5, HEIGHT)
    axes = figure.subplots()
    groups = list(dict.fromkeys(label.partition(": ")[0] for label in curves))
    for label, (xs, ys) in curves.items():
        colour = COLOURS[groups.index(label.partition(": ")[0]) % len(COLOURS)]
        axes.plot(xs, ys, "--" if label in dashed else "-", color=colour, linewidth=1.6, label=label)
    for number, (label, (xs, ys)) in enumerate((points or {}).items()):
        marker = MARKERS[number % len(MARKERS)]
        axes.plot(xs, ys, marker, color="black", markersize=5, label=label, zorder=3, clip_on=False)
    axes.margins(x=0)
    decades(axes, *units)
    for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        if name in linear:
            getattr(axes, f"set_{name}scale")("linear")
            plain_numbers(axis)
        else:
            finer(axis)
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
    write_atomically(path, lambda name: figure.savefig(name, format="png", dpi=DPI))


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
    figure = new_figure(PANEL_WIDTH * len(panels), 4.4)
    grid = figure.subplots(1, len(panels), squeeze=False)[0]
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    lines = [name for name in names if name not in points]
    handles: dict[str, Any] = {}
    for axes, title, across, up, kind in zip(grid, panels, x, y, kinds, strict=True):
        for name, (xs, ys) in panels[title].items():
            colour = COLOURS[lines.index(name) % len(COLOURS)] if name in lines else "black"
            style = "--" if name in dashed else "-"
            shape = {"marker": "o", "linestyle": "none", "markersize": 5, "zorder": 3} if name in points else {}
            handles[name] = axes.plot(xs, ys, **{"color": colour, "linewidth": 1.6, "linestyle": style, **shape})[0]
        axes.set_title(title, fontsize="medium")
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        if kind in ("semilogx", "loglog"):
            axes.set_xscale("log")
            plain_powers(axes.xaxis)
        if kind in ("semilogy", "loglog"):
            axes.set_yscale("log")
            plain_powers(axes.yaxis)
        axes.grid(True, color="0.92", linewidth=0.6)
        axes.set_axisbelow(True)
    if heading:
        figure.suptitle(heading, fontsize="large")
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=min(len(handles), 2 * len(panels) + 1),
        frameon=False, fontsize="small", title=note, title_fontsize="small",
    )  # fmt: skip
    write_atomically(path, lambda name: figure.savefig(name, format="png", dpi=DPI))
