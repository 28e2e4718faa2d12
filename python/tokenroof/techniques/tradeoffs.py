"""Compute of inference for parameters and training: T11 to T13 of docs/test_time.md."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ._numbers import amount, number, plain

__all__ = ["exchange", "flop_multiplier", "growth"]


def flop_multiplier(parameters: npt.ArrayLike, inference_to_training: npt.ArrayLike) -> Any:
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
    m = amount("parameters", parameters, least=1.0)
    return plain(m + 3.0 * (m - 1.0) / amount("inference_to_training", inference_to_training, above=0.0))


def exchange(training_oom: npt.ArrayLike, cheap_verification: bool = False) -> tuple[Any, Any]:
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
        Linear between what was found: 1 for 1 to 2, 2 for 2 to 3; with verification 3 to 4 for 5 to 6.

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
    most = 4.0 if cheap_verification else 2.0
    saved = number("training_oom", training_oom, f"a number from 0 to {most:g}", lambda x: (x >= 0) & (x <= most))
    at, least, high = [0.0, 1.0, 2.0], [0.0, 1.0, 2.0], [0.0, 2.0, 3.0]
    if cheap_verification:
        at, least, high = [*at, 3.0, 4.0], [*least, 5.0, 5.0], [*high, 6.0, 6.0]
    return plain(np.interp(saved, at, least)), plain(np.interp(saved, at, high))


def growth(per_year: npt.ArrayLike, years: npt.ArrayLike) -> Any:
    """(T13) Growth over some years at a constant factor a year [1].

    Lengths of answers grow 5 times a year where models reason, 2.2 times where not (Epoch AI, 2025,
    https://epoch.ai/data-insights/output-length).

    >>> growth([5.0, 2.2], 2).round(2).tolist()
    [25.0, 4.84]
    """
    factor = amount("per_year", per_year, above=0.0)
    return plain(factor ** number("years", years, "a finite number", np.isfinite))
