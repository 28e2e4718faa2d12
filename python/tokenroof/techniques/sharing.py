"""Layers that run several times while their weights are on chip, as MobileLLM does; (M1) to (M4) of docs/sharing.md.

What it buys is quality at the same stored bytes, not speed: the work and the cache grow with every execution.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..amounts import ABOVE_ZERO, COUNT, NOT_NEGATIVE, UP_TO_INFINITY, Amount, plain, take
from ..errors import SpecError
from ..specs import Model
from ..specs.operator import Kind, Stage

if TYPE_CHECKING:
    from ..points import Point
    from ..specs import Hardware

__all__ = ["Sharing", "block_seconds", "compare", "repeated", "shared_cache_bytes", "shared_seconds"]


def block_seconds(
    weight_bytes: npt.ArrayLike, flops: npt.ArrayLike, bandwidth: npt.ArrayLike, peak: npt.ArrayLike
) -> Amount:
    """(M1) Time of one execution of a block [s]: max(bytes / bandwidth, FLOP / peak).

    >>> block_seconds(7.08e6, 7.08e6, 34e9, 8e12)  # a block of MobileLLM-125M in fp16 on an iPhone 13
    0.00020823529411764707
    """
    b, f, w, p = take(
        "block_seconds",
        weight_bytes=(weight_bytes, NOT_NEGATIVE),
        flops=(flops, NOT_NEGATIVE),
        bandwidth=(bandwidth, ABOVE_ZERO),
        peak=(peak, ABOVE_ZERO),
    )
    return plain(np.maximum(b / w, f / p))


def shared_seconds(
    blocks: npt.ArrayLike,
    repeats: npt.ArrayLike,
    weight_bytes: npt.ArrayLike,
    flops: npt.ArrayLike,
    *,
    peak: npt.ArrayLike,
    bandwidth: npt.ArrayLike,
    sram_bytes: npt.ArrayLike,
    sram_bandwidth: npt.ArrayLike = np.inf,
    overhead: npt.ArrayLike = 0.0,
) -> Amount:
    """(M2) Time of a token through blocks that each run r times in a row [s].

    Parameters
    ----------
    blocks, repeats : array_like
        Blocks with weights of their own, and executions r of each.
    weight_bytes, flops : array_like
        Of one block [B], and of one execution of it [FLOP].
    peak, bandwidth : array_like
        Of the chip [FLOP/s] and of its main memory [B/s].
    sram_bytes, sram_bandwidth : array_like
        On-chip memory [B] and its bandwidth [B/s]; infinite where operands are where the arithmetic is.
    overhead : array_like
        Of one execution, launches and the like [s].

    Notes
    -----
    blocks x (max(b/W, f/C) + (r - 1) max(b/W_sram, f/C) + r x overhead) where b <= SRAM, else r loads. Memory that
    a block does not fit keeps no part of it: weights stream through in order, so that the first is gone again.
    An SRAM slower than main memory would not be used.

    References
    ----------
    Liu et al., MobileLLM, arXiv:2402.14905, section 2.3 and its table of latencies on an iPhone 13.

    Examples
    --------
    >>> chip = {"peak": 8e12, "bandwidth": 16e9, "sram_bytes": 20e6}
    >>> once, twice, own = (shared_seconds(n, r, 7.08e6, 7.08e6, **chip) * 1e3 for n, r in ((30, 1), (30, 2), (60, 1)))
    >>> f"{once:.1f} {twice:.1f} {own:.1f} ms"
    '13.3 13.3 26.6 ms'
    """
    n, r, b, f, c, w, s, near, o = take(
        "shared_seconds",
        blocks=(blocks, COUNT),
        repeats=(repeats, COUNT),
        weight_bytes=(weight_bytes, NOT_NEGATIVE),
        flops=(flops, NOT_NEGATIVE),
        peak=(peak, ABOVE_ZERO),
        bandwidth=(bandwidth, ABOVE_ZERO),
        sram_bytes=(sram_bytes, NOT_NEGATIVE),
        sram_bandwidth=(sram_bandwidth, UP_TO_INFINITY),
        overhead=(overhead, NOT_NEGATIVE),
    )
    load = np.asarray(block_seconds(b, f, w, c))
    again = np.where(b <= s, np.maximum(b / np.maximum(near, w), f / c), load)
    return plain(n * (load + (r - 1.0) * again + r * o))


def shared_cache_bytes(cache_bytes_per_block: npt.ArrayLike, blocks: npt.ArrayLike, repeats: npt.ArrayLike) -> Amount:
    """(M3) Cache of a sequence [B]: every execution keeps its own, so that it grows r times.

    >>> shared_cache_bytes(1e6, 30, 2)
    60000000.0
    """
    c, n, r = take(
        "shared_cache_bytes",
        cache_bytes_per_block=(cache_bytes_per_block, NOT_NEGATIVE),
        blocks=(blocks, COUNT),
        repeats=(repeats, COUNT),
    )
    return plain(c * n * r)


def repeated(model: Model, times: int, *, shared: bool = True) -> Model:
    """A model whose every layer runs so many times in a row, with the same weights or with copies of its own.

    Parameters
    ----------
    model : Model
    times : int
        Executions for each of the model's.
    shared : bool
        Whether an execution uses the weights of the one before; else they are layers of their own.

    Raises
    ------
    SpecError
        When ``times`` is not a whole number from 1.

    Notes
    -----
    The engine reads shared weights once where they fit on chip, (25) of docs/formulas.md. Distinct layers are stored
    once, executed layers compute and keep a cache.

    >>> from tokenroof import model
    >>> base, listed = model("mobilellm-125m"), model("mobilellm-ls-125m")
    >>> repeated(base, 2).operators == listed.operators, repeated(base, 2).params == base.params
    (True, True)
    """
    if not isinstance(times, int) or isinstance(times, bool) or times < 1:
        raise SpecError("times", times, "a whole number, at least 1", "repeated")
    if times == 1:
        return model
    rows = tuple(
        replace(op, count=op.count * times, stored=op.stored if shared else op.stored * times)
        if op.stage is Stage.LAYERS and op.kind is not Kind.POINT_TO_POINT  # once a stage, whatever it holds
        else op
        for op in model.operators
    )
    kind = "shared" if shared else "own"
    return replace(model, id=f"{model.id} x{times} {kind}", operators=rows, layers=model.layers * times)


@dataclass(frozen=True, slots=True)
class Sharing:
    """One run of a model as it is, with its layers executed again, and with as many layers of their own."""

    base: Point
    shared: Point
    own: Point

    @property
    def extra(self) -> float:
        """Share of time that executing every layer again costs."""
        return self.shared.tpot_s / self.base.tpot_s - 1.0

    @property
    def extra_own(self) -> float:
        """Share of time that layers of their own cost instead."""
        return self.own.tpot_s / self.base.tpot_s - 1.0


def compare(model: Model | str, hardware: Hardware | str, times: int = 2, **run: Any) -> Sharing:
    """(M4) The same through the engine: three points that differ in the model alone.

    ``run`` is what `point` takes: precision, batch, lengths, estimate.

    >>> found = compare("mobilellm-125m", "apple-a17pro-ane", precision="fp16", isl=64, osl=1, estimate="bound")
    >>> f"{found.extra:.1%} {found.extra_own:.0%}"
    '0.6% 85%'
    """
    from ..catalogue import model as find
    from ..points import point

    base = find(model) if isinstance(model, str) else model
    models = (base, repeated(base, times), repeated(base, times, shared=False))
    return Sharing(*(point(one, hardware, **run) for one in models))
