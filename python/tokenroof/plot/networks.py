"""Collectives of networks: the time of an all-reduce against its size."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from ..collectives import all_reduce
from ..errors import SpecError
from ..files import write_atomically
from ..units import format_si
from .canvas import COLOURS, DPI, MARKERS, decades, new_figure

if TYPE_CHECKING:
    from ..specs import Hardware

__all__ = ["all_reduce_plot"]

_PER_DECADE = 20  # points of a curve


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
    figure = new_figure(7.5, 6.5)
    axes = figure.subplots()
    for number, (label, (hardware, ranks)) in enumerate(networks.items()):
        colour = COLOURS[number % len(COLOURS)]
        changes = _changes(hardware, ranks, xs)
        said = ", ".join(f"{name} from {format_si(at, 'B')}" if i else name for i, (at, name) in enumerate(changes))
        times = [all_reduce(hardware, ranks, x).seconds for x in xs]
        axes.plot(xs, times, "-", color=colour, linewidth=1.6, label=f"{label}: {said}")
        least = [all_reduce(hardware, ranks, x, bound=True).seconds for x in xs]
        axes.plot(xs, least, ":", color=colour, linewidth=0.9, zorder=1)
        marks = [at for at, _ in changes[1:]]
        times = [all_reduce(hardware, ranks, at).seconds for at in marks]
        axes.plot(marks, times, MARKERS[number % len(MARKERS)], color=colour, markersize=5.5)
    axes.set_xlabel("tensor on each rank [B]")
    axes.set_ylabel("time of one all-reduce [s]")
    decades(axes, "B", "s")
    axes.set_xlim(first, last)
    axes.set_ylim(bottom=1e-6 if first >= 1e3 else None)
    if heading:
        figure.suptitle(heading, fontsize="large")
    figure.legend(
        loc="outside lower left", frameon=False, fontsize="small", title=note, title_fontsize="small", alignment="left"
    )
    write_atomically(path, lambda name: figure.savefig(name, format="png", dpi=DPI))


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
