"""Compute of inference for parameters and training: T11 to T13 of docs/test_time.md."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..amounts import ABOVE_ZERO, AT_LEAST_ONE, FINITE, Kind, Numbers, broadcasts, checked, plain
from .training import EXCHANGES

__all__ = ["exchange", "flop_multiplier", "growth"]


@broadcasts(parameters=AT_LEAST_ONE, inference_to_training=ABOVE_ZERO)
def flop_multiplier(parameters: Numbers, inference_to_training: Numbers) -> Any:
    """(T11) Inference compute that a small model may spend for the FLOP of a larger one, per answer of its own [1].

    Parameters
    ----------
    parameters : array
        Parameters of the larger model over those of the smaller, M [1], at least 1.
    inference_to_training : array
        Tokens generated in the models' life over tokens trained on, R [1].

    Returns
    -------
    float or array

    Raises
    ------
    SpecError
        For a number outside of its range.

    Notes
    -----
    6 M N D + 2 M N I = 6 N D + 2 N I x with R = I/D: x = M + 3 (M - 1)/R. It says what may be spent, not what it
    buys: on easy and medium questions at R << 1 that beats the larger model, on hard ones or at R >> 1 it does not.

    References
    ----------
    Snell et al., section 7. arXiv:2408.03314

    Examples
    --------
    >>> [round(x, 2) for x in flop_multiplier(14, [0.16, 0.79, 22]).tolist()]
    [257.75, 63.37, 15.77]
    """
    return parameters + 3.0 * (parameters - 1.0) / inference_to_training


def exchange(training_oom: Numbers, cheap_verification: bool = False) -> tuple[Any, Any]:
    """(T12) Orders of magnitude of inference compute that replace some of training compute: least and most.

    Parameters
    ----------
    training_oom : array
        Orders of magnitude saved in training, 0 to 2, or to 4 with cheap verification.
    cheap_verification : bool
        Whether answers can be checked at next to no cost (tests, proofs).

    Returns
    -------
    (float, float) or (array, array)
        Linear between what was found, `training.EXCHANGES`: 1 for 1 to 2, 2 for 2 to 3; with verification 3 to 4 for
        5 to 6. (L14) goes the other way, along one technique.

    Raises
    ------
    SpecError
        Beyond what was found.

    References
    ----------
    Villalobos, Atkinson: Trading off compute in training and inference. Epoch AI, 2023.
    https://epoch.ai/publications/trading-off-compute-in-training-and-inference

    Examples
    --------
    >>> exchange(1), exchange(2), exchange(3.5, cheap_verification=True)
    ((1.0, 2.0), (2.0, 3.0), (5.0, 6.0))
    """
    names = ("any", "sequential", "verified") if cheap_verification else ("any", "sequential")
    most = EXCHANGES[names[-1]].training[1]
    saved = checked("training_oom", training_oom, Kind(f"a number from 0 to {most:g}", 0.0, most).known, "exchange")
    at, least, high = np.array([(0.0, 0.0, 0.0), *(point for name in names for point in _found(name))]).T
    return plain(np.interp(saved, at, least)), plain(np.interp(saved, at, high))


def _found(name: str) -> list[tuple[float, float, float]]:
    """Orders saved in training by a way to spend more on inference, and the least and most that this takes."""
    way = EXCHANGES[name]
    return [(saved, *way.inference) for saved in sorted(set(way.training))]


@broadcasts(per_year=ABOVE_ZERO, years=FINITE.known)
def growth(per_year: Numbers, years: Numbers) -> Any:
    """(T13) Growth over some years at a constant factor a year [1].

    Lengths of answers grow 5 times a year where models reason, 2.2 times where not (Epoch AI, 2025,
    https://epoch.ai/data-insights/output-length).

    >>> growth([5.0, 2.2], 2).round(2).tolist()
    [25.0, 4.84]
    """
    return per_year**years
