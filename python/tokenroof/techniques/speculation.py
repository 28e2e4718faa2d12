"""Speculative decoding on the core's step times: what a draft brings on this chip, at this batch. S1 to S9.

The closed forms S1 to S6 are in `rounds` and have their names here, too. S7 to S9 of docs/speculation.md are here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..amounts import COUNT, F64, NOT_NEGATIVE, SHARE, checked
from ..axes import DEFAULTS, parse_count_axis
from ..catalogue import model as model_of
from ..errors import SpecError, UnknownNameError
from ..specs import Hardware, Kind, Model, Operator, Stage
from ..specs.options import Options, take_options
from ..sweep import Sweep
from ._common import facts
from .rounds import (
    Tree,
    acceptance_of,
    expected_tokens,
    expected_tokens_by_position,
    operations,
    speedup,
)

__all__ = [
    "Speculated",
    "Tree",
    "acceptance_of",
    "drafts",
    "evaluate",
    "expected_tokens",
    "expected_tokens_by_position",
    "head_of",
    "operations",
    "speedup",
    "verifying",
]


def verifying(model: Model, tokens: int) -> Model:
    """(S7) The model of a step that checks several tokens of each sequence, for a batch of tokens x sequences.

    Evaluate it at ``tokens`` times the batch: ``tpot_s`` is then the time of the step. The other columns count tokens
    as if they were sequences.

    Parameters
    ----------
    model : Model
    tokens : int
        New tokens of each sequence in one step, the one that plain decoding would compute included [1].

    Returns
    -------
    Model
        Each of its "sequences" is one token, and reads and keeps 1/tokens of a cache and of a state.

    Raises
    ------
    SpecError
        When tokens is not a whole number from 1.

    Notes
    -----
    B sequences with T new tokens each are B T tokens to every row but the cache: weights are read once; arithmetic,
    activations and collectives are those of B T tokens; and B T routed tokens touch E (1 - (1 - k/E)^(B T)) experts, by
    equation (1). Attention does the arithmetic of B T queries; its cache is read once per sequence, B T times 1/T.
    `typical`, `serial` and `bound` each stay what they are.

    Approximations, all on the fast side: a query sees the mean context, not the up to T - 1 draft tokens before it; a
    recurrent state is written once, not at every token that may be the last; tokens of one sequence choose their cached
    tokens together where an indexer chooses them; draft tokens of one sequence may be split over data-parallel ranks
    where these do not divide the batch, by less than T tokens of a rank.

    Examples
    --------
    Six tokens of each of four sequences, or one token of each of 24 with a sixth of the cache:

    >>> import tokenroof as tr
    >>> llama = tr.model("llama-3.1-8b")
    >>> step = tr.point(llama, "h100-sxm", batch=4).tpot_s
    >>> round(tr.point(verifying(llama, 6), "h100-sxm", batch=24).tpot_s / step, 3)
    1.005
    """
    if isinstance(tokens, bool) or not isinstance(tokens, int) or tokens < 1:
        raise SpecError("tokens", tokens, "a whole number of tokens, at least 1", f"model {model.id!r}")
    if tokens == 1:
        return model
    part = 1.0 / tokens

    def shared(op: Operator) -> Operator:
        return replace(
            op,
            kv_read_elems=op.kv_read_elems * part,
            kv_store_elems=op.kv_store_elems * part,
            state_elems=op.state_elems * part,
        )

    return replace(model, operators=tuple(shared(op) for op in model.operators))


def head_of(model: str | Model, layers: int = 1, vocab: int | None = None) -> Model:
    """(S8) A draft head on the target's own states, as EAGLE and MTP have: a few of its layers, and its LM head.

    Parameters
    ----------
    model : str or Model
        The target.
    layers : int
        Of the head, each the mean of the target's layers.
    vocab : int, optional
        Tokens that the head can propose; fewer than the target's make its LM head cheaper (32,000 in EAGLE-3).

    Returns
    -------
    Model
        With a matrix that joins two hidden states to one. Embedding and LM head are the target's: read, stored once.

    Raises
    ------
    SpecError
        For more layers or tokens than the target has.

    References
    ----------
    Li et al.: EAGLE-3. arXiv:2503.01840; DeepSeek-V3 Technical Report, section 2.2. arXiv:2412.19437

    Examples
    --------
    The prediction block of DeepSeek-V3, of a mean layer; its checkpoint has 11.6e9 without embedding and head:

    >>> round(head_of("deepseek-v3").params / 1e9, 1)
    11.1
    """
    target = model if isinstance(model, Model) else model_of(model)
    where = f"model {target.id!r}"
    for name, value, most in (("layers", layers, target.layers), ("vocab", vocab or target.vocab, target.vocab)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise SpecError(name, value, f"a whole number from 1 to {most}", where)
    part, words = layers / target.layers, (vocab or target.vocab) / target.vocab

    def row(op: Operator) -> Operator:
        if op.stage is Stage.LAYERS:
            return replace(op, count=op.count * part, stored=op.stored * part)
        wide = words if op.kind is Kind.HEAD else 1.0
        read, work = op.read_elems * wide, op.flops_token * wide
        return replace(op, store_elems=0.0, tied_elems=0.0, read_elems=read, flops_token=work)

    two = 2.0 * target.hidden * target.hidden
    join = Operator(
        "join", Kind.GEMM, read_elems=two, store_elems=two, flops_token=2.0 * two, act_elems=3.0 * target.hidden
    )
    rows = (join, *(row(op) for op in target.operators))
    return replace(target, id=f"{target.id} head", name="", operators=rows, layers=layers, checkpoint=())


@dataclass(frozen=True)
class Speculated:
    """Plain decoding against rounds of speculation, over the axes of a sweep.

    Arrays have the shape of the sweep; those with a first axis more have one entry for each scheme (a draft length or
    a tree). NaN where a point cannot be served.
    """

    dims: tuple[str, ...]  #: the sweep's axes, in the order in which they were named
    coords: Mapping[str, list[Any]]
    lengths: F64  #: steps of the draft in a round, by scheme
    tokens: F64  #: tokens that a round yields, by scheme
    step_s: F64  #: plain decode step [s]
    verify_s: F64  #: the target's step of a round [s], by scheme
    draft_s: F64  #: the draft's steps of a round [s], by scheme
    mem_bytes_per_chip: F64  #: weights and full caches of target and draft [B]
    fits: npt.NDArray[np.bool_]  #: whether that is within `memory_fraction` of main memory

    @property
    def tpot_s(self) -> F64:
        """Mean time per output token [s], by scheme."""
        return (self.verify_s + self.draft_s) / self._by_scheme(self.tokens)

    @property
    def speedup(self) -> F64:
        """(S4) Speed against plain decoding at the same batch [1], by scheme; cost per token falls by as much."""
        return self.step_s / self.tpot_s

    @property
    def best_speedup(self) -> F64:
        """(S9) Of the best scheme, plain decoding being one of them: at least 1 [1]."""
        best: F64 = np.fmax.reduce(self.speedup, axis=0)
        return np.where(np.isnan(best), best, np.maximum(best, 1.0))

    @property
    def best_length(self) -> F64:
        """(S9) Draft length of the best scheme; 0 where plain decoding is."""
        gains = np.where(np.isnan(self.speedup), -np.inf, self.speedup)
        found = self.lengths[np.argmax(gains, axis=0)]
        return np.where(np.isnan(self.best_speedup), np.nan, np.where(gains.max(axis=0) > 1.0, found, 0.0))

    @property
    def pays_until(self) -> F64:
        """Largest batch up to which the best scheme is faster than plain decoding at every batch; 0 where at none.

        The batch axis is gone; where the answer is the largest batch of the sweep, it may be larger.
        """
        if "batch" not in self.dims:
            raise SpecError("batch", None, "an axis of several batches in the call of evaluate")
        gains = np.moveaxis(self.best_speedup, self.dims.index("batch"), -1)
        batches = np.asarray(self.coords["batch"], dtype=np.float64)
        order = np.argsort(batches)
        always = np.logical_and.accumulate(gains[..., order] > 1.0, axis=-1)
        found: F64 = np.where(always, batches[order], 0.0).max(axis=-1)
        return found

    def _by_scheme(self, values: F64) -> F64:
        return values.reshape(-1, *[1] * self.step_s.ndim)


def evaluate(
    model: str | Model,
    hardware: str | Hardware | Sequence[str | Hardware],
    *,
    draft: str | Model | float,
    acceptance: float | Sequence[float] | npt.NDArray[Any] | None = None,
    lengths: Iterable[int] = range(1, 9),
    trees: Sequence[Tree] = (),
    draft_axes: Mapping[str, Any] | None = None,
    estimate: str = "typical",
    options: Options | None = None,
    **axes: Any,
) -> Speculated:
    """(S9) Every draft length at every point of a sweep, on the core's step times.

    Parameters
    ----------
    model : str or Model
        The target.
    hardware : str, Hardware or list of them
    draft : str, Model or float
        A model on the same chips in the same layout (`head_of` makes heads), its steps timed by the core; or the time
        of one of its steps over that of a plain step of the target [1]: 0 for drafts that cost nothing (n-grams).
    acceptance : float or sequence
        Probability that a draft token is accepted where all before it were [1]: one for all, or one for each position.
    lengths : iterable of int
        Draft lengths to look at [tokens].
    trees : sequence of Tree
        Looked at instead of lengths and acceptance.
    draft_axes : mapping, optional
        Axes of the draft that differ, one value each: ``{"tp": 1, "precision": "fp8"}``. A draft without experts has
        ep 1 unless told otherwise.
    estimate, options, **axes
        As in `Sweep`; the layout by its axes.

    Returns
    -------
    Speculated

    Raises
    ------
    UnknownNameError, SpecError
        For a name or value that cannot be right.

    Notes
    -----
    A round is one draft step for each drafted token (each depth of a tree, with all tokens of the depth), one after the
    other, then one step of the target over the drafts and the token before them, `verifying`. Nothing of the two is
    overlapped, and sampling costs what it costs in a plain step.

    Examples
    --------
    A 1B draft for a 70B target on one H100 node: worth it at small batches, and with shorter drafts as they grow.

    >>> s = evaluate("llama-3.1-70b", "h100-sxm", draft="llama-3.2-1b", acceptance=0.8, tp=8, batch=[1, 16, 256])
    >>> s.dims, s.best_length[0, 0].tolist(), s.best_speedup[0, 0].round(2).tolist()
    (('hardware', 'tp', 'batch'), [5.0, 5.0, 2.0], [2.23, 2.03, 1.16])
    """
    target = model if isinstance(model, Model) else model_of(model)
    if "parallelism" in axes:
        raise SpecError("parallelism", axes["parallelism"], "axes of the layout: the draft's would differ")
    schemes = _schemes(acceptance, lengths, trees)
    taken = take_options(axes, options)
    rest = {name: value for name, value in DEFAULTS.items() if name not in axes}
    given = {"hardware": hardware, **axes, **rest}
    batches = parse_count_axis("batch", given["batch"])

    def run(of: Model, tokens: int, **other: Any) -> dict[str, F64]:
        wanted = {**given, "batch": batches * tokens, **other}
        result = Sweep(model=verifying(of, tokens), estimate=estimate, options=taken, **wanted).run(_COLUMNS)
        return {column: result[column][0] for column in _COLUMNS}  # of the one model

    plain_step = run(target, 1)
    step, memory = plain_step["tpot_s"], plain_step["mem_bytes_per_chip"]
    verify = {t: run(target, t)["tpot_s"] for t in {new for _, _, new in schemes}}
    widths = {width for depth, _, _ in schemes for width in depth}
    if isinstance(draft, str | Model):
        drafter = draft if isinstance(draft, Model) else model_of(draft)
        other = {} if drafter.rows(Kind.EXPERTS) else {"ep": 1}
        other |= _single(draft_axes or {})
        steps = {width: run(drafter, width, **other) for width in widths}
        drafted = {width: np.broadcast_to(steps[width]["tpot_s"], step.shape) for width in widths}
        memory = memory + next(iter(steps.values()))["mem_bytes_per_chip"]
    else:
        ratio = float(checked("draft", draft, NOT_NEGATIVE, "evaluate"))
        drafted = dict.fromkeys(widths, ratio * step)
    sweep = Sweep(model=target, hardware=hardware, estimate=estimate, options=taken, **axes)
    chips = np.array([h.memory_bytes for h in sweep.axes.hardware]).reshape(-1, *[1] * (step.ndim - 1))
    fits = (plain_step["fits"] == 1.0) & (memory <= taken.memory_fraction * chips)
    dims = tuple(name for name in sweep.axes.named if name != "model")
    shape = tuple(len(sweep.axes.labels(name)) for name in dims)
    return Speculated(
        dims=dims,
        coords={name: sweep.axes.labels(name) for name in dims},
        lengths=np.array([float(len(depth)) for depth, _, _ in schemes]),
        tokens=np.array([tokens for _, tokens, _ in schemes]),
        step_s=step.reshape(shape),
        verify_s=np.stack([verify[new].reshape(shape) for _, _, new in schemes]),
        draft_s=np.stack([np.sum([drafted[w] for w in depth], axis=0).reshape(shape) for depth, _, _ in schemes]),
        mem_bytes_per_chip=memory.reshape(shape),
        fits=fits.reshape(shape),
    )


_COLUMNS = ("tpot_s", "mem_bytes_per_chip", "fits")


def drafts(name: str | None = None) -> dict[str, Any]:
    """Published drafts, each with its source: all of them by name, or one.

    >>> drafts("deepseek-v3-mtp")["acceptance"], len(drafts()) >= 8
    ([0.85, 0.9], True)
    """
    known: dict[str, Any] = facts("speculation")["drafts"]
    if name is None:
        return known
    if name not in known:
        raise UnknownNameError("draft", name, known)
    return dict(known[name])


def _schemes(
    acceptance: Any, lengths: Iterable[int], trees: Sequence[Tree]
) -> list[tuple[tuple[int, ...], float, int]]:
    """Of each scheme: tokens of the draft's steps, tokens that a round yields, tokens that the target checks."""
    if trees:
        if acceptance is not None:
            raise SpecError("acceptance", acceptance, "either trees, which have their own, or acceptance and lengths")
        return [(tree.widths, tree.tokens, tree.nodes + 1) for tree in trees]
    if acceptance is None:
        raise SpecError("acceptance", None, "a probability, or one for each position")
    given = [int(g) for g in np.atleast_1d(checked("lengths", list(lengths), COUNT.known, "evaluate"))]
    if not given:
        raise SpecError("lengths", given, "at least one draft length")
    a = checked("acceptance", acceptance, SHARE.known, "evaluate")
    if a.ndim > 1 or (a.ndim == 1 and a.size < max(given)):
        raise SpecError("acceptance", a.shape, f"one number, or one for each of {max(given)} positions")
    at = np.broadcast_to(a, max(given)) if a.ndim == 0 else a
    return [((1,) * g, float(expected_tokens_by_position(at[:g])), g + 1) for g in given]


def _single(axes: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in axes.items():
        if name not in DEFAULTS or name in ("batch", "isl", "osl"):
            raise UnknownNameError("axis of a draft", name, [n for n in DEFAULTS if n not in ("batch", "isl", "osl")])
        if not isinstance(value, str | int) and not hasattr(value, "weight_bytes"):
            raise SpecError(f"draft_axes.{name}", value, "one value")
    return dict(axes)
