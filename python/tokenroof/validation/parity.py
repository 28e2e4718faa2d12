"""Measured against predicted, one point a row; matplotlib is imported when the picture is drawn."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import TokenroofError
from ..files import write_atomically
from .stats import Result
from .uncertainty import CLASSES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["parity_plot"]

#: Okabe and Ito's colours for all kinds of sight, without the yellow that vanishes on white, and three darker ones.
_COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"),
    *("#E69F00", "#000000", "#7F3C8D", "#A5AA00", "#B03A2E"),
)
_REST = "0.65"
_OTHERS = "other sources"
#: Title of a panel -> classes of metrics in it.
_PANELS = {
    "steps, requests and throughput": ("decode", "loaded"),
    "prefill and time to first token": ("prefill", "queue"),
    "operators": ("operator",),
}
_DPI = 130


def parity_plot(found: Sequence[Result], path: str | os.PathLike[str]) -> None:
    """Draw `typical` against the measurements that are in the errors, coloured by source, into a PNG file.

    A panel for each kind of metric; a throughput is drawn as the time of a token. Lines: equal, twice and half.

    Raises
    ------
    TokenroofError
        When matplotlib is missing or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise TokenroofError("plots need matplotlib: pip install 'tokenroof[plot]'") from None
    rows = [r for r in found if r.counts]
    parts = {title: [r for r in rows if CLASSES[r.case.metric] in classes] for title, classes in _PANELS.items()}
    panels = {title: part for title, part in parts.items() if part}
    figure = Figure(figsize=(5.2 * max(len(panels), 1), 6.6), layout="constrained")
    FigureCanvasAgg(figure)
    ranked = [name for name, _ in Counter(r.case.source for r in rows).most_common()]
    colours = dict(zip(ranked, _COLOURS, strict=False))
    grid = figure.subplots(1, max(len(panels), 1), squeeze=False)[0]
    for axes, (title, part) in zip(grid, panels.items(), strict=False):
        _panel(axes, part, colours)
        axes.set_title(title)
    handles = {text: h for axes in grid for h, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    if handles:
        order = [name for name in (*colours, _OTHERS) if name in handles]
        shown = [handles[name] for name in order]
        figure.legend(shown, order, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    write_atomically(path, lambda name: figure.savefig(name, format="png", dpi=_DPI))


def _seconds(result: Result, value: float) -> float:
    """A value as a time [s]: of a throughput, that of one token."""
    return 1 / value if result.case.metric == "throughput" else value


def _panel(axes: Axes, rows: Sequence[Result], colours: dict[str, str]) -> None:
    """Rows of one kind; sources without a colour of their own below the others."""
    for source in [*dict.fromkeys(r.case.source for r in rows if r.case.source not in colours), *colours]:
        part = [r for r in rows if r.case.source == source]
        if part:
            axes.plot(
                [_seconds(r, r.case.measured) for r in part],
                [_seconds(r, r.typical) for r in part],
                ".",
                color=colours.get(source, _REST),
                markersize=3.5,
                alpha=0.7,
                label=source if source in colours else _OTHERS,
            )
    values = [_seconds(r, v) for r in rows for v in (r.case.measured, r.typical)]
    ends = [min(values), max(values)]
    for factor, style in ((1.0, "-"), (2.0, ":"), (0.5, ":")):
        axes.plot(ends, [factor * end for end in ends], style, color="0.3", linewidth=0.8, zorder=1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("measured [s]")
    axes.set_ylabel("predicted, typical [s]")
    axes.grid(True, color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
