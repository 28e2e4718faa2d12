"""From measurements to what the engine says of them: every case in a few calls of the core.

What a metric is made of, with the engine's columns (docs/calibration.md derives each):

- ``step``: ``tpot_s`` at the case's batch, isl and osl (osl 1: one step on isl cached tokens);
- ``ttft``: ``ttft_s``; ``prefill``: ``ttft_s`` of one prompt as long as all of the batch together, whose attention rows
  do only the pairs within each prompt, and whose head works for each prompt's last token;
- ``request``: that, and osl - 1 steps;
- ``loaded_tpot``: a step, and of the batch - 1 other requests' prefills the share that decoding waits for;
- ``loaded_ttft``: ``ttft_s``, so many steps of the loop until the engine takes the prompt, and, for the requests
  that arrive at once when the run begins, half of the others' prompts;
- ``throughput``: ``tokens_per_s`` of all replicas.

An operator on its own is a model of one row, on the chip without overheads per layer and step.

Keys of `Case.shape`: ``gemm`` m, n, k; ``experts`` m (tokens of all ranks), hidden, inner, experts, active
and ranks; attention ``heads``, ``kv_heads``, ``head_dim``, and for latent attention
``kv_rank`` and ``rope`` instead of the last two; ``all_reduce`` bytes of the tensor, and
ranks where the layout has no tp.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from .._native import F64, status_text
from ..axes import DEFAULTS, Axes
from ..calibration import ENGINE, USUAL_STACKS, Calibrated, load_calibration, stack
from ..errors import SpecError
from ..formulas import causal_pairs, chunk_pairs
from ..plan import Plan
from ..reference.network import Network
from ..specs import Hardware, Kind, Model, Operator, Options, Precision, Weights
from .case import METRICS, Case
from .uncertainty import interval

__all__ = ["Evaluator", "Prediction", "predict"]

#: Times are asked for, not whether a cache fits. Chips without a format widen it; heads are padded to a multiple of tp.
OPTIONS = Options(memory_fraction=1.0, pad_heads=True, fallback="wider")
LAYOUT = ("tp", "pp", "ep", "dp", "cp")
#: Requests that a run serves for each one of its loop; those of the first round arrive all at once.
ROUNDS = 10.0
_COLUMNS = ("status", "tpot_s", "ttft_s", "tokens_per_s", "tpot_s_bound", "ttft_s_bound", "tokens_per_s_bound")
_STATUS, _TPOT, _TTFT, _RATE = range(4)
_BOUND = 3  # from a typical column to its bound
_OPERATORS = {"gemm", "experts", "attention_decode", "attention_prefill"}


@dataclass(frozen=True)
class Prediction:
    """What the engine says, case by case, in the unit of `Case.measured`; NaN where it cannot say anything."""

    typical: F64
    bound: F64  #: the least time, or the highest throughput
    low: F64  #: a tenth of measurements is expected below
    high: F64  #: a tenth of measurements is expected above
    reasons: dict[str, str] = field(default_factory=dict)  #: by the id of a case: why it could not be evaluated


def predict(cases: Sequence[Case], calibration: Calibrated | None = None) -> Prediction:
    """Evaluate cases.

    Parameters
    ----------
    cases : sequence of Case
    calibration : Calibrated, optional
        Fitted constants (`tokenroof.calibration.load_calibration`); those that the package carries where absent.

    Returns
    -------
    Prediction
        Arrays in the order of the cases, and reasons where a case could not be evaluated.
    """
    fitted = calibration or load_calibration("published")
    evaluator = Evaluator(cases)
    chips = [fitted.hardware(chip, software) for chip, software in evaluator.machines]
    engines = [[fitted.engine(name, *machine) for machine in evaluator.machines] for name in ENGINE]
    typical, bound = evaluator.evaluate(chips, np.array(engines))
    low, high = interval(cases, typical, fitted)
    return Prediction(typical, bound, low, high, evaluator.reasons)


@dataclass
class _Probe:
    """A point that the core is asked for."""

    precision: Precision
    model: Model
    counts: tuple[int, ...]  #: tp, pp, ep, dp, cp
    batch: float
    isl: float
    osl: float
    machine: int
    bare: bool  #: without overheads per layer and step


@dataclass
class _Group:
    """Probes of one precision: one plan."""

    precision: Precision
    models: list[Model]
    machines: list[tuple[int, bool]]
    axes: dict[str, list[int]]
    places: list[int]  #: of the probes
    combination: npt.NDArray[np.int64]  #: but for the machine, which is the slowest axis but one
    batch: F64
    isl: F64
    osl: F64


class Evaluator:
    """Cases, sorted once into plans; evaluated for any calibration of their chips.

    Attributes
    ----------
    machines : list of (Hardware, str)
        Chip and software stack of the cases; a calibration is a chip for each.
    machine : array of int
        Which of them a case ran on.
    reasons : dict
        Why cases could not be evaluated, by id.
    """

    def __init__(self, cases: Iterable[Case]) -> None:
        self.cases = list(cases)
        self.machines: list[tuple[Hardware, str]] = []
        self.reasons: dict[str, str] = {}
        self._numbers: dict[tuple[int, str], int] = {}
        self._variants: dict[tuple[object, ...], Model] = {}
        self.machine = np.array([self._machine(c) for c in self.cases], dtype=np.int64)
        self._probes: list[_Probe] = []
        self._steps = np.full(len(self.cases), -1, dtype=np.int64)
        self._prefills = np.full(len(self.cases), -1, dtype=np.int64)
        self._reductions: list[int] = []
        for i, case in enumerate(self.cases):
            self._try(i, case)
        self._metric = np.array([c.metric for c in self.cases])
        self._osl = np.array([float(c.osl) for c in self.cases])
        self._others = np.array([self._waiting(c) for c in self.cases])
        self._ahead = np.array([self._prompts(c) for c in self.cases]) / (2.0 * ROUNDS)
        self._replicas = np.array([float(c.replicas) for c in self.cases])
        self._groups = [self._group(p) for p in _by(range(len(self._probes)), lambda at: self._probes[at].precision)]

    def evaluate(self, chips: Sequence[Hardware], engines: F64) -> tuple[F64, F64]:
        """Typical and bound of each case, with ``chips[m]`` in place of machine m's.

        ``engines`` has the constants of `ENGINE` of each machine, (constants, machines).
        """
        typical, bound = self.variants([chips], engines[:, None, :])
        return typical[0], bound[0]

    def variants(self, chips: Sequence[Sequence[Hardware]], engines: F64) -> tuple[F64, F64]:
        """The same for several choices at once: arrays of (choices, cases); engines: (constants, choices, machines)."""
        n = len(chips)
        values = np.full((n, len(self._probes) + 1, len(_COLUMNS)), np.nan)  # the last: of cases without such a probe
        for group in self._groups:
            self._run(group, chips, values)
        self._explain(values[0])
        values = np.where(values[:, :, _STATUS, None] >= 16.0, np.nan, values)
        out = np.empty((2, n, len(self.cases)))
        for at, shift in ((0, 0), (1, _BOUND)):
            step, prefill = values[:, self._steps, _TPOT + shift], values[:, self._prefills, _TTFT + shift]
            rate, metric = values[:, self._steps, _RATE + shift], self._metric
            share, waits = engines[:, :, self.machine] * (at == 0)
            loaded = step + share * self._others * np.nan_to_num(prefill)
            queue = waits * np.nan_to_num(loaded) + self._ahead * (at == 0) * prefill
            choices = {
                "step": step,
                "attention_decode": step,
                "gemm": step,
                "experts": step,
                "attention_prefill": prefill,
                "prefill": prefill,
                "ttft": prefill,
                "request": prefill + (self._osl - 1.0) * step,
                "loaded_tpot": loaded,
                "loaded_ttft": prefill + queue,
                "throughput": rate * self._replicas,
            }
            empty = np.full(step.shape, np.nan)
            out[at] = np.select([metric == m for m in choices], list(choices.values()), empty)
        for i in self._reductions:
            for v in range(n):
                out[:, v, i] = self._reduce(self.cases[i], chips[v][self.machine[i]])
        return out[0], out[1]

    def _machine(self, case: Case) -> int:
        # An operator on its own is launched by whoever times it, whatever stack its kernel is from.
        alone = case.metric in _OPERATORS or case.metric == "all_reduce"
        usual = USUAL_STACKS.get(case.hardware.kind, "")
        key = (id(case.hardware), "kernels" if alone else stack(case.software) if case.software else usual)
        if key not in self._numbers:
            self._numbers[key] = len(self.machines)
            self.machines.append((case.hardware, key[1]))
        return self._numbers[key]

    @staticmethod
    def _waiting(case: Case) -> float:
        """Prefills of others per token of a request in a closed loop; none where nobody says how long outputs are."""
        unknown = case.metric == "loaded_ttft" and case.osl == 1
        return 0.0 if unknown else Evaluator._prompts(case) / max(case.osl - 1.0, 1.0)

    @staticmethod
    def _prompts(case: Case) -> float:
        """Other requests of a closed loop, for each rank of attention and stage."""
        return max(case.batch - 1.0, 0.0) / (case.layout.get("pp", 1) * case.layout.get("dp", 1))

    def _try(self, i: int, case: Case) -> None:
        try:
            self._add(i, case)
        except SpecError as error:
            self.reasons[case.id] = str(error)

    def _add(self, i: int, case: Case) -> None:
        """What a case asks of the core."""
        if case.metric not in METRICS:
            raise SpecError("metric", case.metric, f"one of {', '.join(METRICS)}")
        if not (math.isfinite(case.measured) and case.measured > 0):
            raise SpecError("measured", case.measured, "a number above 0")
        if case.metric == "all_reduce":
            self._ranks(case), _need(case, "bytes")
            self._reductions.append(i)
            return
        batch = _need(case, "m") if case.metric in ("gemm", "experts") else float(case.batch)
        if case.metric in _OPERATORS:
            model = self._operator(case)
        elif case.model is None:
            raise SpecError("model", None, "a model, for this metric")
        else:
            model = case.model
        if case.metric in ("step", "request", "loaded_tpot", "loaded_ttft", "throughput", *_OPERATORS) and (
            case.metric != "attention_prefill"
        ):
            tokens = 1 if case.metric in ("gemm", "experts") else case.isl
            self._steps[i] = self._probe(i, case, model, batch, tokens, case.osl)
        if case.metric in ("prefill", "request", "attention_prefill"):
            prompts = math.ceil(batch / case.layout.get("dp", 1))
            whole = self._whole(model, case.isl, prompts)
            self._prefills[i] = self._probe(i, case, whole, 1.0, case.isl * prompts, 1)
        elif case.metric in ("ttft", "loaded_tpot", "loaded_ttft"):
            self._prefills[i] = self._probe(i, case, model, 1.0, case.isl, 1)

    def _probe(self, i: int, case: Case, model: Model, batch: float, isl: int, osl: int) -> int:
        for name, value in (("batch", batch), ("isl", isl), ("osl", osl), *case.layout.items()):
            if not (value >= 1 and value == int(value)):
                raise SpecError(name, value, "a whole number from 1")
        counts = tuple(int(case.layout.get(name, 1)) for name in LAYOUT)
        bare = case.metric in _OPERATORS
        point = _Probe(case.precision, model, counts, batch, float(isl), float(osl), int(self.machine[i]), bare)
        self._probes.append(point)
        return len(self._probes) - 1

    def _whole(self, model: Model, isl: int, prompts: int) -> Model:
        """A model for which one prompt of ``isl * prompts`` tokens is the work of that many prompts."""
        if prompts == 1:
            return model
        key = (id(model), isl, prompts)
        if key not in self._variants:
            rows = tuple(_batched(op, float(isl), float(prompts)) for op in model.operators)
            self._variants[key] = replace(model, operators=rows, max_context=math.inf)
        return self._variants[key]

    def _operator(self, case: Case) -> Model:
        """A model of one row."""
        wide = case.precision.comm_bytes / case.precision.act_bytes  # results are 16 bit
        if case.metric == "gemm":
            n, k = _need(case, "n"), _need(case, "k")
            key: tuple[object, ...] = ("gemm", n, k, wide)
            row = Operator(
                "gemm", Kind.GEMM, read_elems=n * k, store_elems=n * k, flops_token=2 * n * k, act_elems=k + wide * n
            )
        elif case.metric == "experts":  # those of one rank, of which a token uses as many as the ranks share
            hidden, inner, ranks = _need(case, "hidden"), _need(case, "inner"), _need(case, "ranks")
            active, experts = _need(case, "active") / ranks, _need(case, "experts") / ranks
            key = ("experts", hidden, inner, active, experts)
            one = 3.0 * hidden * inner  # gate, up and down
            row = Operator(
                "experts",
                Kind.EXPERTS,
                Weights.EXPERT,
                read_elems=one,
                store_elems=experts * one,
                flops_token=2.0 * active * one,
                act_elems=active * (2.0 * hidden + 3.0 * inner),
                experts=experts,
                active=active,
            )
        else:
            heads = _need(case, "heads")
            dim, kv_heads = case.shape.get("head_dim", 0.0), case.shape.get("kv_heads", 1.0)
            rank, rope = case.shape.get("kv_rank", 0.0), case.shape.get("rope", 0.0)
            key = (case.metric, heads, dim, kv_heads, rank, rope)
            pair = 4 * heads * _need(case, "head_dim") if not rank else 2 * heads * (2 * rank + rope)
            kv = 2 * kv_heads * dim if not rank else rank + rope
            row = Operator(
                "attention",
                Kind.ATTENTION,
                flops_ctx_decode=pair,
                flops_ctx_prefill=pair,
                kv_read_elems=kv,
                kv_store_elems=kv,
                heads=heads,
                kv_heads=1.0 if rank else kv_heads,
            )
        if key not in self._variants:
            self._variants[key] = Model(case.metric, (row,), layers=1, hidden=1, vocab=1)
        return self._variants[key]

    def _group(self, places: list[int]) -> _Group:
        probes = [self._probes[at] for at in places]
        models = _unique(p.model for p in probes)
        number = {id(m): i for i, m in enumerate(models)}
        machines = sorted({(p.machine, p.bare) for p in probes})
        axes = {name: sorted({p.counts[i] for p in probes}) for i, name in enumerate(LAYOUT)}
        combination = []
        for p in probes:
            at = number[id(p.model)]
            at = at * len(machines) + machines.index((p.machine, p.bare))
            for name, value in zip(LAYOUT, p.counts, strict=True):
                at = at * len(axes[name]) + axes[name].index(value)
            combination.append(at)
        batch, isl, osl = (np.array([getattr(p, name) for p in probes]) for name in ("batch", "isl", "osl"))
        named = [replace(m, id=f"{m.id}#{i}") for i, m in enumerate(models)]
        return _Group(
            probes[0].precision, named, machines, axes, places, np.array(combination, dtype=np.int64), batch, isl, osl
        )

    def _run(self, group: _Group, chips: Sequence[Sequence[Hardware]], values: F64) -> None:
        """One plan for all choices: chips of choice v follow those of choice v - 1 on the hardware axis."""
        fleet = [_named(c[m], f"{v}.{m}.{bare:d}", bare) for v, c in enumerate(chips) for m, bare in group.machines]
        axes = Axes(DEFAULTS | {"model": group.models, "hardware": fleet, "precision": group.precision} | group.axes)
        plan = Plan(axes, options=OPTIONS)
        inner = math.prod(len(group.axes[name]) for name in LAYOUT)
        per_model = len(group.machines) * inner
        model, rest = np.divmod(group.combination, per_model)
        first = model * (per_model * len(chips)) + rest
        every = first[None, :] + (np.arange(len(chips)) * per_model)[:, None]
        batch, isl, osl = (np.broadcast_to(a, every.shape).ravel() for a in (group.batch, group.isl, group.osl))
        columns = plan.points(every.ravel(), batch, isl, osl, _COLUMNS)
        values[:, group.places, :] = np.stack(columns, axis=-1).reshape(*every.shape, len(_COLUMNS))

    def _explain(self, values: F64) -> None:
        """Reasons of cases whose layout cannot exist."""
        for places in (self._steps, self._prefills):
            for i in np.flatnonzero((places >= 0) & (values[places, _STATUS] >= 16.0)):
                self.reasons.setdefault(self.cases[i].id, status_text(int(values[places[i], _STATUS])))

    def _ranks(self, case: Case) -> float:
        ranks = float(case.shape.get("ranks", 0.0) or case.layout.get("tp", 1))
        if not (ranks >= 2 and ranks == int(ranks)):
            raise SpecError("ranks", ranks, "a whole number from 2")
        if case.hardware.scaleup is None and case.hardware.scaleout is None:
            raise SpecError("hardware", case.hardware.id, "a chip whose links are known")
        return ranks

    def _reduce(self, case: Case, chip: Hardware) -> tuple[float, float]:
        """An all-reduce: the best algorithm's time, and the bound's [s]."""
        size = float(case.shape["bytes"])
        lines, per_byte = Network(chip).all_reduce(self._ranks(case))
        return lines.seconds(size), per_byte * size


def _batched(op: Operator, isl: float, prompts: float) -> Operator:
    """A row of a model that reads all prompts as one: no pairs between prompts, a head for each."""
    if op.kind is Kind.HEAD:
        return replace(op, flops_token=op.flops_token * prompts, act_elems=op.act_elems * prompts)
    if op.kind is Kind.ATTENTION and op.flops_ctx_prefill > 0.0:
        pairs = chunk_pairs if op.chunked else causal_pairs
        share = prompts * pairs(isl, op.window) / pairs(isl * prompts, op.window)
        return replace(op, flops_ctx_prefill=op.flops_ctx_prefill * share)
    return op


def _named(chip: Hardware, name: str, bare: bool) -> Hardware:
    none = dict.fromkeys(("layer_overhead", "step_overhead", "sequence_overhead", "prefill_overhead"), 0.0)
    return replace(chip, id=name, calibration=replace(chip.calibration, **none) if bare else chip.calibration)


def _need(case: Case, name: str) -> float:
    value = float(case.shape.get(name, math.nan))
    if not value > 0:
        raise SpecError(f"shape.{name}", value, f"a number above 0, for {case.metric}")
    return value


def _unique(items: Iterable[Model]) -> list[Model]:
    return list({id(item): item for item in items}.values())


def _by(places: Iterable[int], key: Callable[[int], object]) -> list[list[int]]:
    groups: dict[object, list[int]] = {}
    for at in places:
        groups.setdefault(key(at), []).append(at)
    return list(groups.values())
