"""What thinking costs: attention that grows with every token, batches that shrink with it. T18 to T22.

Tokens are the only measure of thinking here; what they bring is data (`ceilings`), or the curves of `test_time`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import formulas as fs
from ..amounts import (
    ABOVE_ZERO,
    AT_LEAST_ONE,
    COUNT,
    F64,
    NOT_NEGATIVE,
    SHARE,
    WHOLE,
    Numbers,
    broadcasts,
    checked,
    plain,
    shape_of,
    take,
)
from ..catalogue import model as model_of
from ..errors import SpecError, UnknownNameError
from ..specs import Hardware, Model
from ..sweep import Sweep
from ._common import facts

__all__ = ["Thinking", "ceiling", "ceilings", "flop_ratio", "flops", "sequences", "think"]


def flops(model: str | Model, tokens: Numbers, context: Numbers = 0) -> Any:
    """(T18) Arithmetic of generating so many tokens after a context [FLOP]: all layers, and attention over the past.

    Parameters
    ----------
    model : str or Model
    tokens, context : array
        Generated, and in the cache before [tokens].

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For numbers of tokens that are not whole.

    Notes
    -----
    n F + f sum over j of min(context + j, window): equation (3) of docs/formulas.md. Quadratic in n but for windows.

    Examples
    --------
    A million tokens of Llama-3-70B: nine parts of attention to one of all else.

    >>> print(f"{flops('llama-3-70b', 1_000_000):.3e}")
    1.450e+18
    """
    of = model if isinstance(model, Model) else model_of(model)
    n, before = take("flops", tokens=(tokens, COUNT.known), context=(context, WHOLE.known))
    total = np.asarray(n * of.flops_per_token, dtype=np.float64)
    for op in of.operators:
        if op.flops_ctx_decode:
            mean = np.vectorize(fs.mean_chunk_context if op.chunked else fs.mean_context, otypes=[np.float64])
            total = total + op.count * op.flops_ctx_decode * n * mean(before, n, 1.0 / n, op.window)
    return plain(total)


def flop_ratio(model: str | Model, tokens: Numbers, than: Numbers, context: Numbers = 0) -> Any:
    """(T19) Arithmetic of an answer of so many tokens over that of one of ``than`` tokens [1].

    Parameters as in `flops`. From a hundred to a million tokens is 1e4 in tokens and ten times that in FLOP:

    >>> print(f"{flop_ratio('llama-3-70b', 1_000_000, 100):.2e}")
    1.04e+05
    """
    long, short = np.asarray(flops(model, tokens, context)), np.asarray(flops(model, than, context))
    shape_of("flop_ratio", tokens=long, than=short)
    return plain(long / short)


@broadcasts(room_bytes=NOT_NEGATIVE, kv_bytes_per_token=ABOVE_ZERO, tokens=COUNT.known)
def sequences(room_bytes: Numbers, kv_bytes_per_token: Numbers, tokens: Numbers) -> Any:
    """(T20) Sequences of a length whose caches fit: half as many for twice the length [sequences].

    Parameters
    ----------
    room_bytes, kv_bytes_per_token : array
        For caches, and of one token [B].
    tokens : array
        Of a sequence.

    Returns
    -------
    float or array
        Whole numbers.

    Raises
    ------
    SpecError
        For a negative number.

    Examples
    --------
    A room that holds 256 sequences of 4K tokens holds 16 of 64K, and tokens per joule fall nearly as much:

    >>> sequences(256 * 4096 * 40_960, 40_960, [4096, 65536]).tolist()
    [256.0, 16.0]
    """
    return np.floor(room_bytes / (kv_bytes_per_token * tokens))


@dataclass(frozen=True, slots=True)
class Thinking:
    """The cheapest way to serve answers of each length; NaN where there is none. Arrays over lengths."""

    tokens: F64  #: thought and answered [tokens]
    batch: F64  #: the best batch
    tpot_s: F64  #: [s]
    e2e_s: F64  #: one answer, alone in the queue [s]
    chip_s: F64  #: chips x seconds that one answer takes [s]
    usd: F64  #: of one answer [USD]; NaN where the chip has no price
    joules: F64  #: of one answer [J]

    @property
    def multiplier(self) -> F64:
        """Chip time of an answer over that of the shortest [1]."""
        ratio: F64 = self.chip_s / self.chip_s[np.argmin(self.tokens)]
        return ratio


def think(
    model: str | Model,
    hardware: str | Hardware,
    tokens: Numbers,
    *,
    batch: Any = "1:8192",
    where: str | list[str] | None = None,
    **axes: Any,
) -> Thinking:
    """(T21) What answers of these lengths cost on a chip, at the best batch that fits for each, by the core.

    Parameters
    ----------
    model, hardware : str or object
    tokens : array
        Generated for one answer, thoughts included.
    batch : axis
        Batches to look at, each of them: an axis as in `Sweep`.
    where : list of str, optional
        Limits as in `Sweep.best`, e.g. ``"tpot_s <= 0.05"``.
    **axes
        Of `Sweep`: precision, layout, isl, estimate ...

    Returns
    -------
    Thinking

    Raises
    ------
    UnknownNameError, SpecError
        For a name or value that cannot be right.

    Notes
    -----
    Chip time of an answer = tokens / ``tokens_per_s_per_chip`` with the prompt's prefill in it. It grows faster than
    the tokens: each reads a longer cache, and fewer sequences share the weights.

    Examples
    --------
    >>> t = think("llama-3.1-8b", "h100-sxm", [1000, 10_000, 100_000])
    >>> t.batch.tolist(), t.multiplier.round(1).tolist()
    ([210.0, 38.0, 4.0], [1.0, 36.6, 3225.6])
    """
    if "osl" in axes:
        raise SpecError("osl", axes["osl"], "the lengths in tokens")
    lengths = np.atleast_1d(checked("tokens", tokens, COUNT.known, "think"))
    sweep = Sweep(model=model, hardware=hardware, batch=batch, osl=lengths, **axes)
    columns = ["tpot_s", "e2e_s", "usd_per_mtok", "joules_per_token"]
    found = {row["osl"]: row for row in sweep.best("tokens_per_s_per_chip", by="osl", where=where, columns=columns)}

    def of(column: str) -> F64:
        values: F64 = np.array([found[n][column] if n in found else np.nan for n in lengths.tolist()], dtype=np.float64)
        return values

    return Thinking(
        tokens=lengths,
        batch=of("batch"),
        tpot_s=of("tpot_s"),
        e2e_s=of("e2e_s"),
        chip_s=lengths / of("tokens_per_s_per_chip"),
        usd=lengths * of("usd_per_mtok") * 1e-6,
        joules=lengths * of("joules_per_token"),
    )


@broadcasts(budget=AT_LEAST_ONE, limit=SHARE.known, rate=ABOVE_ZERO)
def ceiling(budget: Numbers, limit: Numbers, rate: Numbers) -> Any:
    """(T22) Quality that tends to a ceiling as more is thought: limit (1 - budget^-rate) [1].

    Parameters
    ----------
    budget : array
        Compute over the least that gives any answer [1], at least 1.
    limit : array
        Ceiling of the class of models, set by training [1]. No budget lifts a model above it.
    rate : array
        How fast it is approached, above 0 [1].

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a number outside of its range.

    References
    ----------
    Wang et al.: Think Deep, Think Fast. arXiv:2504.14047: without verifiers, models that do not reason stay far behind
    those that do at any budget. Limits and rates are the user's: none is published as such.

    Examples
    --------
    >>> round(ceiling(1e6, 0.3, 0.5), 4) < ceiling(16, 0.8, 0.5)
    True
    """
    return limit * -np.expm1(-rate * np.log(budget))


def ceilings(name: str | None = None) -> Mapping[str, Any]:
    """Published right answers of one sample and of a majority of 64, reasoning models and others; all or one.

    >>> ceilings("gpt-4o-0513")["majority_64"] < min(m["one"] for m in ceilings().values() if m["reasoning"])
    True
    """
    known: dict[str, Any] = facts("reasoning")["models"]
    if name is None:
        return known
    if name not in known:
        raise UnknownNameError("model", name, known)
    return dict(known[name])
