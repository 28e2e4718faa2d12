"""Fitting the constants of `typical` to measurements: robust least squares on the logarithm of predicted over measured.

A constant of a case's chip is the catalogue's value, shifted for its kind of chip, for the chip itself where enough was
measured on it, and for the software stack; every shift is pulled towards none. A constant has one value for all rows of
a chip and stack: nothing belongs to a row or a model. docs/calibration.md says what each can explain.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .._native import F64
from ..calibration import Calibrated, Fitted, stack
from ..errors import SpecError, TokenroofError
from ..specs import Hardware
from .case import Case
from .predict import Evaluator

__all__ = ["CAUSES", "NOISE", "Cause", "Fit", "Held", "cross_validate", "fit", "usable"]

#: Spread of a good measurement about a right model, of its logarithm: what the pull towards defaults is weighed against.
NOISE = 0.10
#: Rows of one source, chip, model and metric count as at most so many independent ones.
INDEPENDENT = 12.0
#: Rows from which a chip or a stack has shifts of its own.
CHIP_ROWS, STACK_ROWS = 8, 20
_STEP = 0.02  # of a constant's logarithm, for derivatives


@dataclass(frozen=True)
class Cause:
    """A constant and how far it is let go: standard deviations of its shift, of the logarithm unless it is a share itself."""

    name: str
    kind: float  #: from the catalogue, for a kind of chip
    chip: float  #: of one chip from its kind; 0: the same for all
    stack: float  #: of a software stack; 0: not its doing
    least: float = 1e-9
    most: float = 1.0
    centre: float = 0.0  #: where the catalogue has none (0)
    linear: bool = False  #: shifts are of the value, not of its logarithm


CAUSES = (
    Cause("compute_efficiency", 0.25, 0.15, 0.10, 0.05),
    Cause("memory_efficiency", 0.15, 0.08, 0.05, 0.05),
    Cause("kv_efficiency", 0.30, 0.10, 0.15, 0.05),
    Cause("attention_efficiency", 0.40, 0.15, 0.20, 0.02),
    Cause("narrow_efficiency", 0.30, 0.15, 0.15, 0.05),
    Cause("quant_efficiency", 0.30, 0.15, 0.15, 0.05),
    Cause("link_efficiency", 0.30, 0.20, 0.10, 0.02),
    Cause("link_latency", 0.60, 0.30, 0.30, 1e-7, 1e-3, 1e-6),
    Cause("layer_overhead", 0.80, 0.30, 0.40, 1e-7, 1e-3, 5e-6),
    Cause("kernel_overhead", 0.80, 0.30, 0.30, 1e-7, 1e-4, 2e-6),
    Cause("step_overhead", 0.80, 0.30, 0.50, 1e-6, 2e-2, 1e-4),
    Cause("tile", 1.00, 0.30, 0.00, 1.0, 512.0, 16.0),
    Cause("expert_imbalance", 0.30, 0.00, 0.15, 1.0, 4.0, 1.2),
    Cause("serial", 0.30, 0.10, 0.00, 0.0, 1.0, 0.0, True),
    Cause("interference", 0.50, 0.00, 0.30, 0.02),
)


def usable(case: Case) -> bool:
    """Whether a case may teach: its source's number is not doubted, and waiting in a queue is not part of it."""
    return not case.flag and case.metric != "loaded_ttft"


class Problem:
    """Cases, their evaluator, and which shifts act on which constants of which machine."""

    def __init__(self, cases: Iterable[Case], causes: Sequence[Cause] = CAUSES) -> None:
        self.evaluator = Evaluator(cases)
        self.cases, self.machines, self.causes = self.evaluator.cases, self.evaluator.machines, tuple(causes)
        self.machine = self.evaluator.machine
        self.measured = np.log([c.measured for c in self.cases]) if self.cases else np.empty(0)
        self.sign = np.array([-1.0 if c.metric == "throughput" else 1.0 for c in self.cases])
        self.base = np.array([[_start(cause, chip) for cause in self.causes] for chip, _ in self.machines])
        self._low = np.array([c.least if c.linear else math.log(c.least) for c in self.causes])
        self._high = np.array([c.most if c.linear else math.log(c.most) for c in self.causes])
        self._linear = np.array([c.linear for c in self.causes])
        self.names, self.spread, self.links = self._parameters()

    def _parameters(self) -> tuple[list[tuple[str, str, str]], F64, list[npt.NDArray[np.int64]]]:
        """Names (level, of what, constant), standard deviations, and for each machine and constant its shifts."""
        rows = Counter(self.machine.tolist())
        chips: Counter[str] = Counter()
        stacks: Counter[str] = Counter()
        for m, (chip, software) in enumerate(self.machines):
            chips[chip.id] += rows[m]
            stacks[stack(software)] += rows[m]
        names: dict[tuple[str, str, str], int] = {}
        spread: list[float] = []
        links = np.full((3, len(self.machines), len(self.causes)), -1, dtype=np.int64)
        for m, (chip, software) in enumerate(self.machines):
            own, whose = chips[chip.id] >= CHIP_ROWS, stack(software)
            levels = (
                ("kind", chip.kind, True),
                ("chip", chip.id, own),
                ("software", whose, stacks[whose] >= STACK_ROWS),
            )
            for f, cause in enumerate(self.causes):
                sds = (cause.kind, cause.chip, cause.stack)
                for at, ((level, of, enough), sd) in enumerate(zip(levels, sds, strict=True)):
                    if not (enough and of and sd):
                        continue
                    key = (level, of, cause.name)
                    if key not in names:
                        names[key] = len(spread)
                        spread.append(sd)
                    links[at, m, f] = names[key]
        return list(names), np.array(spread), list(links)

    def constants(self, z: F64) -> F64:
        """Each machine's constants as logarithms (shares themselves where linear); ``z``: shifts over their spread."""
        shifts = np.append(z * self.spread, 0.0)
        return np.clip(self.base + sum(shifts[link] for link in self.links), self._low, self._high)

    def values(self, u: F64) -> F64:
        """Constants as numbers."""
        return np.where(self._linear, u, np.exp(np.where(self._linear, 0.0, u)))

    def predict(self, *choices: F64) -> F64:
        """Logarithm of the typical value of each case, for each choice of constants."""
        fields = [c.name for c in self.causes if c.name != "interference"]
        at = [f for f, c in enumerate(self.causes) if c.name != "interference"]
        chips, shares = [], []
        for u in choices:
            value = self.values(u)
            chips.append([_with(chip, fields, value[m, at]) for m, (chip, _) in enumerate(self.machines)])
            waits = [value[:, f] for f, c in enumerate(self.causes) if c.name == "interference"]
            shares.append(waits[0] if waits else np.ones(len(self.machines)))
        with np.errstate(divide="ignore"):
            return np.log(self.evaluator.variants(chips, np.array(shares))[0])

    def errors(self, z: F64) -> F64:
        """log(predicted / measured) of each case; of times, so that above 0 is too slow also for throughputs."""
        return self.sign * (self.predict(self.constants(z))[0] - self.measured)

    def slopes(self, z: F64) -> tuple[F64, F64]:
        """Errors, and their derivatives by the shifts (cases x shifts)."""
        u = self.constants(z)
        choices = [u]
        for f in range(len(self.causes)):
            moved = u.copy()
            moved[:, f] += np.where(u[:, f] + _STEP <= self._high[f], _STEP, -_STEP)
            choices.append(moved)
        logs = self.predict(*choices)
        slopes = np.zeros((len(self.cases), len(self.names) + 1))
        row = np.arange(len(self.cases))
        for f in range(len(self.causes)):
            moved = (choices[f + 1] - u)[self.machine, f]
            change = np.nan_to_num((logs[f + 1] - logs[0]) / moved) * self.sign
            for link in self.links:
                np.add.at(slopes, (row, link[self.machine, f]), change)
        return self.sign * (logs[0] - self.measured), slopes[:, :-1] * self.spread


def _start(cause: Cause, chip: Hardware) -> float:
    value = 1.0 if cause.name == "interference" else float(getattr(chip.calibration, cause.name))
    neutral = value == 0.0 or (value == 1.0 and cause.least == 1.0)
    value = cause.centre if neutral and not cause.linear else value
    return value if cause.linear else math.log(value)


def _with(chip: Hardware, names: Sequence[str], values: F64) -> Hardware:
    given = dict(zip(names, values.tolist(), strict=True))
    return replace(chip, calibration=replace(chip.calibration, **given))


@dataclass(frozen=True)
class Fit:
    """Shifts that explain cases best, and how sure they are."""

    problem: Problem
    z: F64  #: shifts over their spread
    covariance: F64  #: of z; 1 where nothing was learned
    errors: F64  #: log(predicted / measured), NaN where a case could not be evaluated
    singular: F64  #: singular values of the weighted slopes, in units of the pull: above 1 the data decide

    def sure(self) -> F64:
        """Standard deviation of each shift over its spread before any measurement: 1 nothing learned, 0 known."""
        return np.sqrt(np.diag(self.covariance))


def fit(
    cases: Iterable[Case],
    *,
    causes: Sequence[Cause] = CAUSES,
    start: F64 | None = None,
    problem: Problem | None = None,
    use: npt.NDArray[np.bool_] | None = None,
    rounds: int = 30,
) -> Fit:
    """Fit the constants of the cases' chips and software.

    Parameters
    ----------
    cases : iterable of Case
    causes : sequence of Cause
        What may be fitted, and how far it is let go.
    problem, use, start, rounds
        For cross-validation: cases sorted already, which of them count, where to begin, most evaluations.

    Raises
    ------
    TokenroofError
        When scipy is not installed.
    SpecError
        When no case can be evaluated.
    """
    least_squares = _least_squares()
    whole = problem or Problem([c for c in cases if usable(c)], causes)
    errors = whole.errors(np.zeros(len(whole.names)))
    good = np.isfinite(errors) if use is None else np.isfinite(errors) & use
    if not good.any():
        raise SpecError("cases", len(whole.cases), "at least one measurement that can be evaluated")
    weight = _weights(whole.cases, good)[good] / NOISE
    n = int(good.sum())

    def residuals(z: F64) -> F64:
        return np.concatenate([whole.errors(z)[good] * weight, z])

    def jacobian(z: F64) -> F64:
        return np.vstack([whole.slopes(z)[1][good] * weight[:, None], np.eye(len(z))])

    first = np.zeros(len(whole.names)) if start is None else start
    found = least_squares(
        residuals, first, jac=jacobian, loss=_robust(n), max_nfev=rounds, xtol=1e-5, ftol=1e-5, gtol=1e-6
    )
    z = found.x
    errors, slopes = whole.slopes(z)
    r = errors[good] * weight
    slopes = slopes[good] * (weight * (1.0 + r * r) ** -0.25)[:, None]  # the weight that the loss leaves a row
    covariance = np.linalg.inv(slopes.T @ slopes + np.eye(len(z)))
    return Fit(whole, z, covariance, errors, np.linalg.svd(slopes, compute_uv=False))


def _least_squares() -> Callable[..., Any]:
    try:
        from scipy.optimize import least_squares
    except ImportError:
        raise TokenroofError("fitting needs scipy: pip install 'tokenroof[calibrate]'") from None
    found: Callable[..., Any] = least_squares
    return found


def _robust(n: int) -> Callable[[F64], F64]:
    """Soft L1 for the first n squared residuals, squares for the pull after them; with two derivatives."""

    def rho(squares: F64) -> F64:
        out = np.stack([squares, np.ones_like(squares), np.zeros_like(squares)])
        t = 1.0 + squares[:n]
        out[:, :n] = 2.0 * (np.sqrt(t) - 1.0), t**-0.5, -0.5 * t**-1.5
        return out

    return rho


def _weights(cases: Sequence[Case], good: npt.NDArray[np.bool_]) -> F64:
    """Rows of one table are no independent witnesses: together they weigh at most as `INDEPENDENT` ones."""
    groups = [(c.source, c.hardware.id, c.model.id if c.model else "", c.metric) for c in cases]
    size = Counter(g for g, g_good in zip(groups, good.tolist(), strict=True) if g_good)
    return np.array([math.sqrt(min(1.0, INDEPENDENT / size[g])) if size[g] else 0.0 for g in groups])


@dataclass(frozen=True)
class Held:
    """Cases that a fit did not see."""

    by: str  #: source, chip or model
    name: str
    places: npt.NDArray[np.int64]  #: of the cases
    errors: F64  #: log(predicted / measured)
    before: F64  #: the same, without any fit


def cross_validate(whole: Fit, by: str, least: int = 5, rounds: int = 8) -> list[Held]:
    """Leave out one source, chip or model after the other, fit the rest, and predict what was left out.

    Parameters
    ----------
    whole : Fit
        Of all cases.
    by : {"source", "chip", "model"}
    least : int
        Smaller groups are not left out on their own.
    rounds : int
        Most evaluations of each fit; it begins without shifts.
    """
    keys: dict[str, Callable[[Case], str]] = {
        "source": lambda c: c.source,
        "chip": lambda c: c.hardware.id,
        "model": lambda c: c.model.id if c.model else "",
    }
    if by not in keys:
        raise SpecError("by", by, "source, chip or model")
    names = np.array([keys[by](case) for case in whole.problem.cases])
    good = np.isfinite(whole.errors)
    before = whole.problem.errors(np.zeros(len(whole.z)))
    out = []
    for name in sorted(set(names.tolist()) - {""}):
        left = (names == name) & good
        if left.sum() < least or not (good & ~left).any():
            continue
        again = fit((), problem=whole.problem, use=~left, rounds=rounds)
        places = np.flatnonzero(left)
        out.append(Held(by, name, places, again.errors[places], before[places]))
    return out


def result(
    whole: Fit, *, spread: dict[str, dict[str, tuple[float, float]]] | None = None, date: str = ""
) -> Calibrated:
    """The fit as a calibration: constants of kinds and chips, factors of software."""
    problem = whole.problem
    shift = dict(zip(problem.names, whole.z * problem.spread, strict=True))
    error = dict(zip(problem.names, whole.sure() * problem.spread, strict=True))
    good = np.isfinite(whole.errors)
    rows = Counter(problem.machine[good].tolist())
    kinds: dict[str, dict[str, Fitted]] = {}
    chips: dict[str, dict[str, Fitted]] = {}
    stacks: dict[str, dict[str, Fitted]] = {}
    for f, cause in enumerate(problem.causes):
        base: dict[str, list[float]] = {}
        for m, (chip, _) in enumerate(problem.machines):
            base.setdefault(chip.kind, []).append(float(problem.base[m, f]))
        for kind, values in base.items():
            n = sum(rows[m] for m, (chip, _) in enumerate(problem.machines) if chip.kind == kind)
            u = float(np.median(values)) + shift[("kind", kind, cause.name)]
            kinds.setdefault(kind, {})[cause.name] = _fitted(cause, u, n, error[("kind", kind, cause.name)])
        for level, table in (("chip", chips), ("software", stacks)):
            for of in sorted({name for lv, name, c in problem.names if (lv, c) == (level, cause.name)}):
                key = (level, of, cause.name)
                whose = [
                    m
                    for m, (chip, software) in enumerate(problem.machines)
                    if of == (chip.id if level == "chip" else stack(software))
                ]
                n = sum(rows[m] for m in whose)
                if level == "chip" and cause.name != "interference":
                    chip = problem.machines[whose[0]][0]
                    u = float(problem.base[whose[0], f]) + shift[("kind", chip.kind, cause.name)] + shift[key]
                    both = math.hypot(error[key], error[("kind", chip.kind, cause.name)])
                    table.setdefault(of, {})[cause.name] = _fitted(cause, u, n, both)
                elif level == "software":
                    table.setdefault(of, {})[cause.name] = Fitted(math.exp(shift[key]), n, error[key])
    return Calibrated(kinds, chips, stacks, spread or {}, tuple(sorted({c.source for c in problem.cases})), date)


def _fitted(cause: Cause, u: float, n: int, error: float) -> Fitted:
    value = min(max(u if cause.linear else math.exp(u), cause.least), cause.most)
    return Fitted(value, n, error)
