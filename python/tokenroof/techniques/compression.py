"""A distilled or quantised model's cost against a quality that the user measured; (Q1) to (Q7) of docs/sharing.md.

No quality is computed here: nothing known predicts what a model loses to four bits, or what a student learns. What can
be computed is bytes, time and money of each variant, and which one is cheapest among those that are good enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..amounts import ABOVE_ZERO, COUNT, F64, FINITE, NOT_NEGATIVE, SHARE, Amount, plain, take
from ..errors import SpecError
from .loss_law import SERVING, TRAINING

if TYPE_CHECKING:
    from ..result import Table

__all__ = [
    "Variant",
    "break_even_tokens",
    "cost_at_quality",
    "distillation_flops",
    "efficient",
    "priced",
    "speedup",
    "weight_bits",
    "weight_bytes",
    "weights_share",
]


def weight_bits(
    bits: npt.ArrayLike, group: npt.ArrayLike = 128, scale_bits: npt.ArrayLike = 16.0, zero_bits: npt.ArrayLike = 16.0
) -> Amount:
    """(Q1) Bits that a weight takes with the scale and zero of its group: bits + (scale + zero) / group.

    >>> weight_bits(4), weight_bits(4, 32), weight_bits(4, 32, 8, 0)  # GPTQ in groups of 128, of 32, MXFP4
    (4.25, 5.0, 4.25)
    """
    b, g, s, z = take(
        "weight_bits",
        bits=(bits, ABOVE_ZERO),
        group=(group, COUNT),
        scale_bits=(scale_bits, NOT_NEGATIVE),
        zero_bits=(zero_bits, NOT_NEGATIVE),
    )
    return plain(b + (s + z) / g)


def weight_bytes(
    params: npt.ArrayLike, bits: npt.ArrayLike, wide_params: npt.ArrayLike = 0.0, wide_bits: npt.ArrayLike = 16.0
) -> Amount:
    """(Q2) Bytes of a checkpoint of which a part stays wide [B]: ((N - n) bits + n wide bits) / 8.

    `Model.weight_bytes` does the same for a model of the catalogue, with the rows that quantisers leave alone.

    >>> weight_bytes(1e12, 4) / 1e9, weight_bytes(1e12, weight_bits(4)) / 1e9  # GB
    (500.0, 531.25)
    """
    n, b, m, w = take(
        "weight_bytes",
        params=(params, ABOVE_ZERO),
        bits=(bits, ABOVE_ZERO),
        wide_params=(wide_params, NOT_NEGATIVE),
        wide_bits=(wide_bits, ABOVE_ZERO),
    )
    if (m > n).any():
        raise SpecError("wide_params", float(m[m > n][0]), "at most params", "weight_bytes")
    return plain(((n - m) * b + m * w) / 8.0)


def speedup(weights_share: npt.ArrayLike, bits_ratio: npt.ArrayLike, unpacking: npt.ArrayLike = 1.0) -> Amount:
    """(Q3) Speed of a step with narrower weights over that without: 1 / (1 - s + s q / u).

    Parameters
    ----------
    weights_share : array_like
        Share s of the step that reads weights; cache, launches, collectives and arithmetic are the rest.
    bits_ratio : array_like
        Bits of a weight over those before, q.
    unpacking : array_like
        Bandwidth at narrow weights over that before, u: what is lost to unpacking.

    Notes
    -----
    Amdahl's law, so that no width is worth more than 1 / (1 - s). Sources that promise 2 and 4 take s = u = 1.

    >>> round(speedup(0.65, 0.5), 2), speedup(1.0, 0.25)
    (1.48, 4.0)
    """
    s, q, u = take(
        "speedup",
        weights_share=(weights_share, SHARE),
        bits_ratio=(bits_ratio, ABOVE_ZERO),
        unpacking=(unpacking, ABOVE_ZERO),
    )
    return plain(1.0 / (1.0 - s + s * q / u))


def weights_share(measured_speedup: npt.ArrayLike, bits_ratio: npt.ArrayLike) -> Amount:
    """(Q4) Share of a step that a measured speed-up shows to read weights: (1 - 1 / speed-up) / (1 - q).

    What unpacking costs counts as time that does not shrink. A share above 1 says that something else changed too.

    >>> round(weights_share(1.48, 0.5), 2)  # gpt-fast, Llama-2-7B, int8 on an A100
    0.65
    """
    v, q = take("weights_share", measured_speedup=(measured_speedup, ABOVE_ZERO), bits_ratio=(bits_ratio, ABOVE_ZERO))
    if (q == 1).any():
        raise SpecError("bits_ratio", 1.0, "other than 1: nothing was made narrower", "weights_share")
    return plain((1.0 - 1.0 / v) / (1.0 - q))


def distillation_flops(student_params: npt.ArrayLike, teacher_params: npt.ArrayLike, tokens: npt.ArrayLike) -> Amount:
    """(Q5) Compute to distil on D tokens [FLOP]: D (6 N_student + 2 N_teacher).

    The student is trained and the teacher reads along; 0 for a teacher whose answers are there already.

    >>> f"{distillation_flops(8e9, 70e9, 1e12):.3g}"
    '1.88e+23'
    """
    s, t, d = take(
        "distillation_flops",
        student_params=(student_params, ABOVE_ZERO),
        teacher_params=(teacher_params, NOT_NEGATIVE),
        tokens=(tokens, ABOVE_ZERO),
    )
    return plain(d * (TRAINING * s + SERVING * t))


def break_even_tokens(once: npt.ArrayLike, cost_before: npt.ArrayLike, cost_after: npt.ArrayLike) -> Amount:
    """(Q6) Tokens after which a cost paid once has come back: once / (before - after); inf where nothing is saved.

    Parameters
    ----------
    once : array_like
        Of distilling or quantising, in any unit.
    cost_before, cost_after : array_like
        Of a token, in the same unit.

    >>> f"{break_even_tokens(distillation_flops(8e9, 70e9, 1e12), 2 * 70e9, 2 * 8e9):.3g}"  # all in FLOP
    '1.52e+12'
    """
    c, before, after = take(
        "break_even_tokens",
        once=(once, NOT_NEGATIVE),
        cost_before=(cost_before, NOT_NEGATIVE),
        cost_after=(cost_after, NOT_NEGATIVE),
    )
    saved = before - after
    return plain(np.where(saved <= 0, np.inf, c / np.where(saved == 0, 1.0, saved)))


def cost_at_quality(quality: npt.ArrayLike, cost: npt.ArrayLike, at_least: npt.ArrayLike) -> Amount:
    """(Q7) Least cost among variants of a quality, in the unit of ``cost``; inf where none is good enough.

    Parameters
    ----------
    quality, cost : array_like
        Of each variant, as measured and as priced; one after the other. Larger quality is better. A variant with an
        unknown in either is not chosen.
    at_least : array_like
        Qualities to reach, of any shape.

    >>> cost_at_quality([0.70, 0.69, 0.62], [0.9, 0.5, 0.1], [0.70, 0.65, 0.60, 0.80])
    array([0.9, 0.5, 0.1, inf])
    """
    q, c = _table("cost_at_quality", quality, cost)
    wanted = take("cost_at_quality", at_least=(at_least, FINITE))[0]
    good = q >= wanted[..., None]  # NaN is never good
    return plain(np.where(np.isnan(wanted), np.nan, np.where(good & ~np.isnan(c), c, np.inf).min(axis=-1)))


def efficient(quality: npt.ArrayLike, cost: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """(Q7) Which variants no other one beats in quality and cost; equal ones all stay.

    >>> efficient([0.70, 0.69, 0.62, 0.60], [0.9, 0.5, 0.1, 0.3]).tolist()
    [True, True, True, False]
    """
    q, c = _table("efficient", quality, cost)
    as_good, as_cheap = q[:, None] >= q, c[:, None] <= c
    better = as_good & as_cheap & ((q[:, None] > q) | (c[:, None] < c))
    return np.asarray(~better.any(axis=0) & ~np.isnan(q) & ~np.isnan(c))


@dataclass(frozen=True, slots=True)
class Variant:
    """A row of a quality table: what was measured, and how it is served."""

    model: str
    precision: str
    quality: float  #: as the user measured it, on whatever scale


def priced(
    variants: Iterable[Variant | Mapping[str, Any]], column: str = "usd_per_mtok", **sweep: Any
) -> list[dict[str, Any]]:
    """Each variant's cheapest point, by exhaustive search, next to its measured quality.

    Parameters
    ----------
    variants : iterable of Variant or mapping
        With ``model``, ``precision`` and ``quality``.
    column : str
        What is to be least.
    **sweep
        All other axes and options of `Sweep`; ``where`` and ``fits`` go to the search.

    Returns
    -------
    list of dict
        One row for each variant that can be served: those of `Sweep.best`, with ``quality``.

    Examples
    --------
    Qualities are the user's; those here are made up.

    >>> rows = priced(
    ...     [Variant("llama-3.1-70b", "fp8", 1.0), Variant("llama-3.1-8b", "fp8", 0.8)],
    ...     hardware="h100-sxm", tp=[1, 2, 4, 8], batch="1:256", isl=1024, osl=256, where="tpot_s <= 0.05",
    ... )
    >>> [(row["model"], row["quality"], round(row["usd_per_mtok"], 2)) for row in rows]
    [('llama-3.1-70b', 1.0, 0.58), ('llama-3.1-8b', 0.8, 0.08)]
    """
    from ..sweep import Sweep

    search = {name: sweep.pop(name) for name in ("where", "fits") if name in sweep}
    found = []
    for entry in variants:
        one = entry if isinstance(entry, Variant) else Variant(**entry)
        best: Table = Sweep(model=one.model, precision=one.precision, **sweep).best(column, **search)
        found += [{**row, "quality": one.quality} for row in best.rows()]
    return found


def _table(where: str, quality: npt.ArrayLike, cost: npt.ArrayLike) -> tuple[F64, F64]:
    """The two columns of a table of variants."""
    q, c = take(where, quality=(quality, FINITE), cost=(cost, NOT_NEGATIVE))
    if q.ndim != 1 or not q.size:
        raise SpecError("quality", q.shape, "one number for each variant, at least one", where)
    return q, c
