"""Fitting the constants of `typical` to measurements: robust least squares on the logarithm of predicted over measured.

A constant of a case is what is assumed of its chip, shifted for the kind of chip and the software stack; every shift is
pulled towards none. A constant has one value for all rows of a kind and stack: nothing belongs to a row, a model or a
chip. docs/calibration.md says what each can explain.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .._native import F64
from ..calibration import Calibrated, Fitted, owned, stack
from ..errors import SpecError, TokenroofError
from .case import Case
from .parameters import CAUSES, Cause, Problem

__all__ = [
    "CAUSES",
    "NOISE",
    "Accuracy",
    "Cause",
    "Fit",
    "Held",
    "ablate",
    "accuracy",
    "cross_validate",
    "fit",
    "result",
    "usable",
]

#: Spread of a good measurement about a right model, of its logarithm: the pull towards defaults is weighed against it.
NOISE = 0.10
#: The same of a time to first token in a closed loop: how engines admit requests is only modelled in the mean.
_QUEUE_NOISE = 0.35
#: Rows of one source, chip, stack, model and metric count as at most so many independent ones.
INDEPENDENT = 20.0


def usable(case: Case) -> bool:
    """Whether a case may teach: its source's number is not doubted, and what decides it is known."""
    return not case.flag


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
        found: F64 = np.sqrt(np.diag(self.covariance))
        return found


def fit(
    cases: Iterable[Case],
    *,
    causes: Sequence[Cause] = CAUSES,
    start: F64 | None = None,
    problem: Problem | None = None,
    use: npt.NDArray[np.bool_] | None = None,
    rounds: int = 60,
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
    given = [c for c in cases if usable(c)]
    if not (given or problem):
        raise SpecError("cases", 0, "at least one measurement that is not doubted")
    whole = problem or Problem(given, causes)
    errors = whole.errors(np.zeros(len(whole.names)))
    good = np.isfinite(errors) if use is None else np.isfinite(errors) & use
    if not good.any():
        raise SpecError("cases", len(whole.cases), "at least one measurement that can be evaluated")
    weight = _weights(whole.cases, good)[good]
    n = int(good.sum())

    def residuals(z: F64) -> F64:
        return np.concatenate([whole.errors(z)[good] * weight, z])

    def jacobian(z: F64) -> F64:
        return np.vstack([whole.slopes(z)[1][good] * weight[:, None], np.eye(len(z))])

    first = np.zeros(len(whole.names)) if start is None else start
    found = least_squares(
        residuals,
        first,
        jac=jacobian,
        loss=_robust(n),
        tr_solver="lsmr",
        max_nfev=rounds,
        xtol=1e-4,
        ftol=1e-4,
        gtol=1e-4,
    )
    z = found.x
    errors, slopes = whole.slopes(z)
    r = errors[good] * weight
    slopes = slopes[good] * (weight * (1.0 + r * r) ** -0.25)[:, None]  # the weight that the loss leaves a row
    covariance = np.asarray(np.linalg.inv(slopes.T @ slopes + np.eye(len(z))), dtype=np.float64)
    singular = np.asarray(np.linalg.svd(slopes, compute_uv=False), dtype=np.float64)
    return Fit(whole, z, covariance, errors, singular)


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
    """Over the noise. Rows of one table are no independent witnesses: together they weigh at most as `INDEPENDENT`."""
    groups = [(c.source, c.hardware.id, stack(c.software), c.model.id if c.model else "", c.metric) for c in cases]
    size = Counter(g for g, g_good in zip(groups, good.tolist(), strict=True) if g_good)
    noise = [_QUEUE_NOISE if c.metric == "loaded_ttft" else NOISE for c in cases]
    return np.array(
        [math.sqrt(min(1.0, INDEPENDENT / size[g])) / n if size[g] else 0.0 for g, n in zip(groups, noise, strict=True)]
    )


@dataclass(frozen=True)
class Held:
    """Cases that a fit did not see."""

    by: str  #: source, chip or model
    name: str
    places: npt.NDArray[np.int64]  #: of the cases
    errors: F64  #: log(predicted / measured)
    before: F64  #: the same, without any fit


def cross_validate(whole: Fit, by: str, least: int = 5, rounds: int = 6) -> list[Held]:
    """Leave out one source, chip or model after the other, fit the rest, and predict what was left out.

    Parameters
    ----------
    whole : Fit
        Of all cases.
    by : {"source", "chip", "model"}
    least : int
        Smaller groups are not left out on their own.
    rounds : int
        Most evaluations of each fit; it begins at the fit of all, and the pull takes back what only the left-out
        cases had decided.
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
        again = fit((), problem=whole.problem, start=whole.z, use=~left, rounds=rounds)
        places = np.flatnonzero(left)
        out.append(Held(by, name, places, again.errors[places], before[places]))
    return out


@dataclass(frozen=True)
class Accuracy:
    """Errors of a group of cases."""

    name: str
    n: int
    median: float  #: of |predicted / measured - 1|
    p90: float
    bias: float  #: median of predicted / measured, less 1


def accuracy(name: str, errors: F64) -> Accuracy:
    """Of logarithms of predicted over measured; NaN are left out."""
    good = errors[np.isfinite(errors)]
    if not good.size:
        return Accuracy(name, 0, math.nan, math.nan, math.nan)
    wrong = np.abs(np.expm1(good))
    bias = math.expm1(float(np.median(good)))
    return Accuracy(name, good.size, float(np.median(wrong)), float(np.quantile(wrong, 0.9)), bias)


def ablate(whole: Fit, rounds: int = 10) -> dict[str, F64]:
    """Errors where one cause after the other does not exist and all others are fitted again without it."""
    out = {}
    for cause in whole.problem.causes:
        less = Problem(whole.problem.cases, whole.problem.causes, without=cause.name)
        shifts = dict(zip(whole.problem.names, whole.z, strict=True))
        start = np.array([shifts[name] for name in less.names])
        out[cause.name] = fit((), problem=less, start=start, rounds=rounds).errors
    return out


def result(
    whole: Fit, *, spread: dict[str, dict[str, tuple[float, float]]] | None = None, date: str = ""
) -> Calibrated:
    """The fit as a calibration: constants of kinds, factors of software."""
    problem = whole.problem
    error = dict(zip(problem.names, whole.sure() * problem.spread, strict=True))
    rows = Counter(problem.machine[np.isfinite(whole.errors)].tolist())
    of_kind, with_stack = (problem.constants(whole.z, levels) for levels in (1, 2))
    values = problem.values(of_kind)
    places: dict[tuple[str, str], list[int]] = {}
    for m, (chip, software) in enumerate(problem.machines):
        for key in (("kind", chip.kind), ("software", software)):
            places.setdefault(key, []).append(m)
    tables: dict[str, dict[str, dict[str, Fitted]]] = {"kind": {}, "software": {}}
    for (level, of), whose in sorted(places.items()):
        n = sum(rows[m] for m in whose)
        for f, cause in enumerate(problem.causes):
            name = (level, of, cause.name)
            if name not in error:
                continue
            if level == "kind":  # chips whose files say otherwise keep what they say
                free = [m for m in whose if cause.name not in owned(problem.machines[m][0])]
                found = float(np.median(values[free, f]))
            else:
                found = math.exp(float(np.median((with_stack - of_kind)[whose, f])))
            tables[level].setdefault(of, {})[cause.name] = Fitted(found, n, error[name])
    sources = tuple(sorted({c.source for c in problem.cases}))
    return Calibrated(tables["kind"], {}, tables["software"], spread or {}, sources, date)
