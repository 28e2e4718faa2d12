"""Levers on the number of chips: batches, formats, experts, drafts, small models for easy requests, thinking.

A `Setup` says which of them are pulled, `serve` what a demand then takes, `waterfall` what each one brings on top of
those before it. (F60) to (F62) of docs/fleet.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..amounts import ABOVE_ZERO, SHARE, WHOLE, checked
from ..catalogue import model as model_of
from ..errors import SpecError, UnknownNameError
from ..specs import Hardware, Kind, Model, Operator
from .demand import Demand
from .machines import replicas_for

if TYPE_CHECKING:
    from ..techniques.speculation import Speculated

__all__ = ["Served", "Setup", "Step", "dense", "serve", "waterfall"]

_LAYOUT = ("tp", "pp", "ep", "dp", "cp")
_COLUMNS = ("tpot_s", "ttft_s", "tokens_per_s", "tokens_per_s_per_chip", "chips", "bottleneck")


def dense(model: str | Model) -> Model:
    """(F60) The model with every expert at work for every token: as many parameters, none of them ever idle.

    Parameters
    ----------
    model : str or Model
        With routed experts; one without is returned as it is.

    Returns
    -------
    Model
        Its experts are one wide feed-forward block; router and dispatch are gone. Per token: E/k of the experts' FLOP.

    Raises
    ------
    UnknownNameError
        For a model that is not in the catalogue.

    Notes
    -----
    A block as wide as E experts reads and writes its input and output once, not once per expert. Models whose experts
    work on a narrower vector keep the matrices around them.

    Examples
    --------
    GPT-4 as rumoured, 1.8e12 parameters, of which a token uses 275e9:

    >>> m = dense("gpt-4")
    >>> print(f"{m.params:.3g} {m.active_params:.3g} {model_of('gpt-4').active_params:.3g}")
    1.8e+12 1.8e+12 2.75e+11
    """
    of = model if isinstance(model, Model) else model_of(model)
    if not of.rows(Kind.EXPERTS):
        return of

    def block(op: Operator) -> Operator:
        if op.kind is not Kind.EXPERTS:
            return op
        times = op.experts / op.active
        ends = 2.0 * of.hidden  # input and output of one expert
        return replace(
            op,
            name="mlp",
            kind=Kind.GEMM,
            read_elems=op.store_elems,
            flops_token=op.flops_token * times,
            act_elems=(op.act_elems - ends * op.active) * times + ends,
            experts=0.0,
            active=0.0,
            skew=0.0,
        )

    kept = [op for op in of.operators if op.kind is not Kind.ALL_TO_ALL and op.name != "router"]
    return replace(of, id=f"{of.id} dense", name="", operators=tuple(map(block, kept)), config={})


@dataclass(frozen=True, slots=True)
class Setup:
    """How a demand is served: which levers are pulled."""

    model: str | Model
    hardware: str | Hardware
    precision: str = "bf16"
    batch: Any = "1:2048"  #: sequences in flight on a replica that are tried; 1: one user at a time
    chips: int = 64  #: most of a replica
    draft: str | Model | float | None = None  #: of speculative decoding, as `tokenroof.techniques.speculation.evaluate`
    acceptance: Any = None  #: probability that a draft token is right [1]
    lengths: Sequence[int] = (1, 2, 3, 4)  #: draft lengths that are tried
    weak: str | Model | None = None  #: a smaller model, which answers ...
    strong_share: float = 1.0  #: ... all but this share of the requests [1]
    thoughts: int = 0  #: tokens that ``model`` generates before each answer and nobody reads


@dataclass(frozen=True, slots=True)
class Served:
    """What a demand takes; replicas of the strong model first, then those of the weak one."""

    setup: Setup
    replicas: tuple[int, ...]
    rows: tuple[dict[str, Any], ...]  #: of each kind of replica: layout, batch and columns

    @property
    def chips(self) -> int:
        """All together."""
        return sum(n * int(row["chips"]) for n, row in zip(self.replicas, self.rows, strict=True))


@dataclass(frozen=True, slots=True)
class Step:
    """One bar of a waterfall."""

    name: str
    served: Served
    factor: float  #: chips over those of the step before [1]; 1 of the first

    @property
    def chips(self) -> int:
        """After this step."""
        return self.served.chips


def serve(setup: Setup, demand: Demand, *, ttft_s: float = 2.0, tpot_s: float = 0.05) -> Served:
    """(F61) What a demand's peak takes with these levers: for each model the layout that serves most per chip.

    Parameters
    ----------
    setup : Setup
    demand : Demand
        Of one length of prompts and answers.
    ttft_s, tpot_s : float
        Limits on the prefill of one request and on the time per output token [s].

    Returns
    -------
    Served

    Raises
    ------
    SpecError
        For a number that cannot be right, or where no layout serves within the limits.
    UnknownNameError
        For a name that nothing has.

    Notes
    -----
    Replicas = ceil(phi T (1 + thoughts/osl) / strong rate) + ceil((1 - phi) T / weak rate), T the demand's peak
    [tokens/s]. Layouts are searched exhaustively, without a draft. A draft is then tried at every batch of the best one
    and taken where it serves more within the limits; prefill is not sped up.

    Examples
    --------
    >>> demand = Demand(700e6, 18e9, isl=1024, osl=512, peak_to_mean=1.5)
    >>> alone = serve(Setup("mixtral-8x7b", "h100-sxm", batch=1, chips=8), demand)
    >>> shared = serve(Setup("mixtral-8x7b", "h100-sxm", chips=8), demand)
    >>> alone.chips, shared.chips, shared.replicas, shared.rows[0]["batch"]
    (309280, 4392, (549,), 2048)
    """
    phi = float(checked("strong_share", setup.strong_share, SHARE.known, "serve"))
    thoughts = int(checked("thoughts", setup.thoughts, WHOLE.known, "serve"))
    limits = {"ttft_s": ttft_s, "tpot_s": tpot_s}
    for name, limit in limits.items():
        checked(name, limit, ABOVE_ZERO.known, "serve")
    if (setup.weak is None) != (phi == 1.0):
        raise SpecError("strong_share", phi, "1 without a weak model, and below 1 with one", "serve")
    for name in ("isl", "osl"):
        if np.ndim(getattr(demand, name)):
            raise SpecError(name, np.shape(getattr(demand, name)), "one length, where layouts are searched", "serve")
    replicas, rows = [], []
    for model, share, osl in ((setup.model, phi, int(demand.osl) + thoughts), (setup.weak, 1.0 - phi, int(demand.osl))):
        if model is None or not share:
            continue
        row = _best(model, setup, int(demand.isl), osl, limits)
        if setup.draft is not None and model is setup.model:
            row = _drafted(model, setup, row, limits)
        tokens = float(demand.peak_requests_per_s) * osl * share
        replicas.append(int(replicas_for(tokens, row["tokens_per_s"])))
        rows.append(row)
    return Served(setup, tuple(replicas), tuple(rows))


def _best(model: str | Model, setup: Setup, isl: int, osl: int, limits: Mapping[str, float]) -> dict[str, Any]:
    """The layout and batch with most tokens/s per chip."""
    from ..sweep import Sweep

    sweep = Sweep(
        model=model,
        hardware=setup.hardware,
        precision=setup.precision,
        parallelism="auto",
        chips=setup.chips,
        batch=setup.batch,
        isl=isl,
        osl=osl,
    )
    where = [f"{name} <= {limit!r}" for name, limit in limits.items()]
    found = sweep.best("tokens_per_s_per_chip", where=where, columns=list(_COLUMNS)).rows()
    if not found:
        held = " and ".join(where)
        expected = f"a setup that {sweep.axes.labels('model')[0]} fits: up to {setup.chips} chips, {held}"
        raise SpecError("setup", setup.precision, expected, "serve")
    return found[0] | {"drafted": 0}


def _drafted(model: str | Model, setup: Setup, row: dict[str, Any], limits: Mapping[str, float]) -> dict[str, Any]:
    """The row with a draft at its best batch and length; as it was where none serves more within the limits."""
    from ..sweep import Sweep
    from ..techniques.speculation import evaluate

    axes = {name: row[name] for name in (*_LAYOUT, "isl", "osl") if name in row}
    axes |= {"precision": setup.precision, "batch": setup.batch}
    plain = Sweep(model=model, hardware=setup.hardware, **axes).run(["tokens_per_s", "tpot_s", "ttft_s"])
    batches = np.asarray(plain.coords["batch"], dtype=float)
    rate, step, first = (plain[name].reshape(batches.size) for name in ("tokens_per_s", "tpot_s", "ttft_s"))
    told: Speculated = evaluate(
        model,
        setup.hardware,
        draft=0.0 if setup.draft is None else setup.draft,
        acceptance=setup.acceptance,
        lengths=setup.lengths,
        **axes,
    )
    faster = told.tpot_s.reshape(len(told.lengths), batches.size)
    prompts = 1.0 / rate - step / batches  # of a token's time on a replica: its share of the prompt
    rates = 1.0 / (prompts + faster / batches)
    held = (faster <= limits["tpot_s"]) & (first <= limits["ttft_s"]) & told.fits.reshape(batches.size)
    rates = np.where(held, rates, -math.inf)
    length, at = np.unravel_index(np.argmax(rates), rates.shape)
    if not rates[length, at] > row["tokens_per_s"]:
        return row
    better = {"tokens_per_s": float(rates[length, at]), "tpot_s": float(faster[length, at])}
    better |= {"tokens_per_s_per_chip": better["tokens_per_s"] / row["chips"], "ttft_s": float(first[at])}
    return row | better | {"batch": int(batches[at]), "drafted": int(told.lengths[length])}


def waterfall(
    start: Setup,
    steps: Iterable[tuple[str, Mapping[str, Any]]],
    demand: Demand,
    *,
    name: str = "start",
    ttft_s: float = 2.0,
    tpot_s: float = 0.05,
) -> tuple[Step, ...]:
    """(F62) Chips for a demand, one lever after the other: each on top of those before it.

    Parameters
    ----------
    start : Setup
        Before the first lever.
    steps : iterable of (str, mapping)
        What to call a lever, and the fields of `Setup` that it changes.
    demand : Demand
    name : str
        What to call the start.
    ttft_s, tpot_s : float
        As in `serve`.

    Returns
    -------
    tuple of Step
        The start first. Factors multiply to last over first; in another order each of them is another.

    Raises
    ------
    UnknownNameError
        For a field that a Setup lacks.
    SpecError
        As `serve`.

    Examples
    --------
    >>> demand = Demand(700e6, 18e9, isl=1024, osl=512, peak_to_mean=1.5)
    >>> told = waterfall(Setup("llama-3.1-8b", "h100-sxm", batch=1, chips=1),
    ...                  [("batching", {"batch": "1:512"}), ("8 bit", {"precision": "fp8"})], demand)
    >>> [(step.name, step.chips, round(step.factor, 4)) for step in told]
    [('start', 170878, 1.0), ('batching', 3113, 0.0182), ('8 bit', 1606, 0.5159)]
    """
    known = [f.name for f in fields(Setup)]
    setup = start
    told = [Step(name, serve(setup, demand, ttft_s=ttft_s, tpot_s=tpot_s), 1.0)]
    for lever, changes in steps:
        for field in changes:
            if field not in known:
                raise UnknownNameError("field of a setup", field, known)
        setup = replace(setup, **changes)
        served = serve(setup, demand, ttft_s=ttft_s, tpot_s=tpot_s)
        told.append(Step(lever, served, served.chips / told[-1].chips))
    return tuple(told)
