"""What may be fitted: the constants of `typical`, and the shifts of them that kinds, chips and software bring."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .._native import F64
from ..calibration import ENGINE, owned
from ..specs import Hardware
from .case import Case
from .predict import Evaluator

__all__ = ["CAUSES", "Cause", "Problem"]

#: Rows from which a stack has shifts of its own.
STACK_ROWS = 20
_STEP = 0.02  # of a constant's logarithm, for derivatives
_BEND, _NEAR = 8.0, 0.01  # how sharply a logarithm bends at its end, and how near it may begin
_LEVELS = 2  # a kind of chip, a software stack
_ALONE = (
    1.0  # spread of what an operator timed on its own pays besides its work: launches are the timer's, not an engine's
)
_LAUNCH = ("kernel_overhead", "link_latency")


@dataclass(frozen=True)
class Cause:
    """A constant and how far it is let go: standard deviations of its shift, of its logarithm unless it is linear."""

    name: str
    kind: float  #: from what is assumed, for a kind of chip
    stack: float  #: of a software stack; 0: not its doing
    least: float = 1e-9
    most: float = 1.0
    centre: float = 0.0  #: where nothing is assumed of the kind (0: a cost of nothing, a share of 1)
    linear: bool = False  #: shifts are of the value, not of its logarithm


CAUSES = (
    Cause("compute_efficiency", 0.25, 0.10, 0.30),
    Cause("memory_efficiency", 0.15, 0.05, 0.05),
    Cause("kv_efficiency", 0.30, 0.15, 0.05, centre=0.95),
    Cause("attention_efficiency", 0.40, 0.20, 0.02, centre=0.7),
    Cause("narrow_efficiency", 0.30, 0.15, 0.05, centre=0.8),
    Cause("quant_efficiency", 0.30, 0.15, 0.05, centre=0.9),
    Cause("expert_efficiency", 0.50, 0.30, 0.01, centre=0.5),
    Cause("link_efficiency", 0.30, 0.10, 0.02),
    Cause("link_latency", 0.40, 0.30, 1e-7, 1e-3, 1e-6),
    Cause("layer_overhead", 0.80, 0.40, 1e-7, 1e-3, 5e-6),
    Cause("kernel_overhead", 0.60, 0.50, 1e-7, 1e-4, 3e-6),
    Cause("step_overhead", 0.80, 0.50, 1e-6, 2e-2, 1e-4),
    Cause("sequence_overhead", 0.40, 0.70, 1e-7, 1e-3, 2e-5),
    Cause("prefill_overhead", 0.40, 0.70, 1e-6, 1e-2, 3e-4),
    Cause("tile", 1.00, 0.00, 1.0, 512.0, 16.0),
    Cause("expert_imbalance", 0.30, 0.15, 1.0, 4.0, 1.2),
    Cause("interference", 0.50, 0.30, 0.02),
    Cause("wait_steps", 0.40, 0.80, 0.01, 1e3),
)


class Problem:
    """Cases, their evaluator, and which shifts act on which constants of which machine."""

    def __init__(self, cases: Iterable[Case], causes: Sequence[Cause] = CAUSES, without: str = "") -> None:
        self.evaluator = Evaluator(cases)
        self.cases, self.machines, self.causes = self.evaluator.cases, self.evaluator.machines, tuple(causes)
        self.machine = self.evaluator.machine
        self.measured = np.log([c.measured for c in self.cases]) if self.cases else np.empty(0)
        self.sign = np.array([-1.0 if c.metric == "throughput" else 1.0 for c in self.cases])
        self._low = np.array([c.least if c.linear else math.log(c.least) for c in self.causes])
        self._high = np.array([c.most if c.linear else math.log(c.most) for c in self.causes])
        self._linear = np.array([c.linear for c in self.causes])
        self._share = (self._high == 0.0) & ~self._linear
        self._times = (self._low == 0.0) & ~self._linear
        start = np.array([[_start(c, chip, c.name == without) for c in self.causes] for chip, _ in self.machines])
        self.base = self._free(start)
        self._without = without
        self.names, self.spread, self.links = self._parameters()

    def _parameters(self) -> tuple[list[tuple[str, str, str]], F64, list[npt.NDArray[np.int64]]]:
        """Names (level, of what, constant), standard deviations, and for each machine and constant its shifts."""
        rows = Counter(self.machine.tolist())
        stacks: Counter[str] = Counter()
        for m, (_, software) in enumerate(self.machines):
            stacks[software] += rows[m]
        names: dict[tuple[str, str, str], int] = {}
        spread: list[float] = []
        links = np.full((_LEVELS, len(self.machines), len(self.causes)), -1, dtype=np.int64)
        for m, (chip, software) in enumerate(self.machines):
            levels = (("kind", chip.kind, True), ("software", software, stacks[software] >= STACK_ROWS))
            own = owned(chip)
            for f, cause in enumerate(self.causes):
                alone = software == "kernels" and cause.name in _LAUNCH
                if cause.name == self._without:
                    continue
                for at, (level, of, enough) in enumerate(levels):
                    sd = (cause.kind, _ALONE if alone else cause.stack)[at]
                    if not (enough and of and sd) or (level == "kind" and cause.name in own):
                        continue
                    key = (level, of, cause.name)
                    if key not in names:
                        names[key] = len(spread)
                        spread.append(sd)
                    links[at, m, f] = names[key]
        return list(names), np.array(spread), list(links)

    def _moved(self, z: F64, levels: int = _LEVELS) -> F64:
        shifts = np.append(z * self.spread, 0.0)
        moved: F64 = self.base.copy()
        for link in self.links[:levels]:
            moved += shifts[link]
        return moved

    def _free(self, u: F64) -> F64:
        """The inverse of `_bounded`, of logarithms a little within their ends."""
        near = np.where(self._share, np.minimum(u, -_NEAR), np.where(self._times, np.maximum(u, _NEAR), u))
        inner = np.log(np.expm1(_BEND * np.maximum(np.abs(near), _NEAR))) / _BEND
        found: F64 = np.where(self._share, -inner, np.where(self._times, inner, u))
        return found

    def _bounded(self, v: F64) -> F64:
        """Within physical ends: shares bend towards 1 from below, multiples from above, the rest stops."""
        bent = np.where(self._share, -np.logaddexp(0.0, -_BEND * v), np.logaddexp(0.0, _BEND * v)) / _BEND
        found: F64 = np.clip(np.where(self._share | self._times, bent, v), self._low, self._high)
        return found

    def constants(self, z: F64, levels: int = _LEVELS) -> F64:
        """Each machine's constants as logarithms (shares themselves where linear).

        Parameters
        ----------
        z : array
            Shifts over their spread.
        levels : int
            How many count: 1 the kind's, 2 the stack's too.
        """
        return self._bounded(self._moved(z, levels))

    def values(self, u: F64) -> F64:
        """Constants as numbers."""
        found: F64 = np.where(self._linear, u, np.exp(np.where(self._linear, 0.0, u)))
        return found

    def predict(self, *choices: F64) -> F64:
        """Logarithm of the typical value of each case, for each choice of constants."""
        at = [f for f, c in enumerate(self.causes) if c.name not in ENGINE]
        fields = [self.causes[f].name for f in at]
        number = {c.name: f for f, c in enumerate(self.causes)}
        chips, engines = [], []
        for u in choices:
            value = self.values(u)
            chips.append([_with(chip, fields, value[m, at]) for m, (chip, _) in enumerate(self.machines)])
            engines.append([value[:, number[n]] if n in number else np.full(len(value), ENGINE[n][0]) for n in ENGINE])
        by_constant = np.swapaxes(np.array(engines).reshape(len(choices), len(ENGINE), -1), 0, 1)
        logs: F64 = np.log(self.evaluator.variants(chips, by_constant)[0])
        return logs

    def errors(self, z: F64) -> F64:
        """log(predicted / measured) of each case; of times, so that above 0 is too slow also for throughputs."""
        found: F64 = self.sign * (self.predict(self.constants(z))[0] - self.measured)
        return found

    def slopes(self, z: F64) -> tuple[F64, F64]:
        """Errors, and their derivatives by the shifts (cases x shifts)."""
        free = self._moved(z)
        choices = []
        for f in range(len(self.causes)):
            moved = free.copy()
            moved[:, f] += _STEP
            choices.append(self._bounded(moved))
        logs = self.predict(self._bounded(free), *choices)
        slopes = np.zeros((len(self.cases), len(self.names) + 1))
        row = np.arange(len(self.cases))
        for f in range(len(self.causes)):
            change = np.nan_to_num((logs[f + 1] - logs[0]) / _STEP) * self.sign
            for link in self.links:
                np.add.at(slopes, (row, link[self.machine, f]), change)
        return self.sign * (logs[0] - self.measured), slopes[:, :-1] * self.spread


def _start(cause: Cause, chip: Hardware, off: bool) -> float:
    if off:  # as if there were no such cause
        none = 1.0 if cause.name.endswith("_efficiency") or cause.least == 1.0 else 0.0
        return none if cause.linear else math.log(max(none, cause.least))
    value = ENGINE[cause.name][0] if cause.name in ENGINE else float(getattr(chip.calibration, cause.name))
    neutral = value == 0.0 or (value == 1.0 and (cause.least == 1.0 or cause.centre > 0.0))
    value = cause.centre if neutral and not cause.linear else value
    return value if cause.linear else math.log(value)


def _with(chip: Hardware, names: Sequence[str], values: F64) -> Hardware:
    given = dict(zip(names, values.tolist(), strict=True))
    return replace(chip, calibration=replace(chip.calibration, **given))
