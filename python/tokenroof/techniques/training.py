"""Compute, time and money of training, against those of serving; equations (L7) to (L15) of docs/training.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..amounts import ABOVE_ZERO, NOT_NEGATIVE, PORTION, Amount, plain, take
from ..errors import UnknownNameError
from ..fleets.money import rent_usd
from .loss_law import SERVING, TRAINING

__all__ = [
    "EXCHANGES",
    "Exchange",
    "break_even_tokens",
    "exchange",
    "growth_of_inference",
    "inference_share",
    "lifetime_split",
    "query_flops",
    "training_flops",
    "training_seconds",
    "training_usd",
    "usd_per_flop",
]

_HOUR = 3600.0


def training_flops(params_active: npt.ArrayLike, tokens: npt.ArrayLike) -> Amount:
    """(L7) Compute of training, attention left out [FLOP]: 6 N D; N active parameters, D tokens.

    References
    ----------
    Kaplan et al., Scaling laws for neural language models, arXiv:2001.08361, section 2.1.

    >>> f"{training_flops(70e9, 15e12):.3g}"
    '6.3e+24'
    """
    n, d = take("training_flops", params_active=(params_active, ABOVE_ZERO), tokens=(tokens, ABOVE_ZERO))
    return plain(TRAINING * n * d)


def training_seconds(flops: npt.ArrayLike, chips: npt.ArrayLike, peak: npt.ArrayLike, mfu: npt.ArrayLike) -> Amount:
    """(L8) Time of a training run [s]: C / (chips x peak x MFU); peak of one chip [FLOP/s].

    >>> round(training_seconds(training_flops(70e9, 15e12), 8960, 459e12, 0.4) / 86400, 1)  # one pod of TPU v5p
    44.3
    """
    c, n, p, u = take(
        "training_seconds",
        flops=(flops, ABOVE_ZERO),
        chips=(chips, ABOVE_ZERO),
        peak=(peak, ABOVE_ZERO),
        mfu=(mfu, PORTION),
    )
    return plain(c / (n * p * u))


def usd_per_flop(usd_per_chip_hour: npt.ArrayLike, peak: npt.ArrayLike, mfu: npt.ArrayLike) -> Amount:
    """(L9) Price of a useful FLOP [USD/FLOP]: rent / (3600 x peak x MFU). Chips of a second kind have another.

    >>> f"{usd_per_flop(2.0, 989.4e12, 0.4):.3g}"
    '1.4e-18'
    """
    r, p, u = take(
        "usd_per_flop", usd_per_chip_hour=(usd_per_chip_hour, NOT_NEGATIVE), peak=(peak, ABOVE_ZERO), mfu=(mfu, PORTION)
    )
    return plain(r / (_HOUR * p * u))


def training_usd(chips: npt.ArrayLike, days: npt.ArrayLike, usd_per_chip_hour: npt.ArrayLike) -> Amount:
    """(L9) Cost of a run that is known by its chips and days [USD]: chips x hours x rent, (F45) by the day.

    >>> training_usd(25_000, 95, 1.0)  # GPT-4 as rumoured, A100 at one dollar an hour
    57000000.0
    """
    n, d, r = take(
        "training_usd",
        chips=(chips, ABOVE_ZERO),
        days=(days, ABOVE_ZERO),
        usd_per_chip_hour=(usd_per_chip_hour, NOT_NEGATIVE),
    )
    return plain(rent_usd(n, 24.0 * d, r))


def break_even_tokens(training: npt.ArrayLike, params_active: npt.ArrayLike) -> Amount:
    """(L10) Tokens whose inference takes as much compute as training did: C / (2 N).

    Parameters
    ----------
    training : array_like
        Compute of training C [FLOP].
    params_active : array_like
        Parameters that a token uses N.

    Notes
    -----
    With C = 6 N D it is 3 D: a model has to serve three times what it was trained on.

    >>> tokens = break_even_tokens(2.15e25, 280e9)  # GPT-4 as rumoured
    >>> f"{tokens:.2g} tokens, {tokens / 1e11:.0f} days of 1e11"
    '3.8e+13 tokens, 384 days of 1e11'
    """
    c, n = take("break_even_tokens", training=(training, ABOVE_ZERO), params_active=(params_active, ABOVE_ZERO))
    return plain(c / (SERVING * n))


def growth_of_inference(growth_of_training: npt.ArrayLike, exponent: npt.ArrayLike = 0.5) -> Amount:
    """(L11) Growth of the work of a token when training grows, at the optimum of (L3): growth^exponent.

    ``exponent`` is `LossLaw.params_exponent`, or 0.5 at a fixed ratio of tokens to parameters (L6). Per query it also
    needs the number of tokens, and neither over-training (L5) nor routed experts follow it.

    >>> growth_of_inference(1e4)
    100.0
    """
    growth, power = take(
        "growth_of_inference", growth_of_training=(growth_of_training, ABOVE_ZERO), exponent=(exponent, PORTION)
    )
    return plain(growth**power)


def inference_share(inference: npt.ArrayLike, training: npt.ArrayLike) -> Amount:
    """(L12) Share of inference in what both take, in any unit: I / (I + T).

    >>> round(inference_share(2e9, 5e9), 3)  # OpenAI 2024, USD
    0.286
    """
    i, t = take("inference_share", inference=(inference, NOT_NEGATIVE), training=(training, ABOVE_ZERO))
    return plain(i / (i + t))


def lifetime_split(exchange_slope: npt.ArrayLike) -> Amount:
    """(L13) Share of training in the least total, where I ~ T^-s keeps a quality: s / (1 + s).

    Parameters
    ----------
    exchange_slope : array_like
        s: orders of magnitude of inference that one order of training saves.

    Notes
    -----
    d(T + I) / dT = 0 with I ~ T^-s gives T = s I. One order for one, s = 1, means equal spending.

    References
    ----------
    E. Erdil, Optimally allocating compute between inference and training, Epoch AI, 2024.

    >>> lifetime_split(1.0), lifetime_split(2.0)
    (0.5, 0.6666666666666666)
    """
    (s,) = take("lifetime_split", exchange_slope=(exchange_slope, ABOVE_ZERO))
    return plain(s / (1.0 + s))


@dataclass(frozen=True, slots=True)
class Exchange:
    """Inference that buys the quality of more training, both in orders of magnitude, the whole span of a technique."""

    name: str
    training: tuple[float, float]  #: orders saved in training, lowest and highest
    inference: tuple[float, float]  #: orders more per query, lowest and highest
    needs: str  #: of the task

    def training_saved(self, inference: npt.ArrayLike) -> tuple[Amount, Amount]:
        """(L14) Orders of training that so many orders of inference replace, lowest and highest.

        A straight line from nothing to the whole span, and no more than that: what is known are its ends.

        >>> exchange("any").training_saved(1.0)
        (0.5, 1.0)
        """
        (more,) = take("training_saved", inference=(inference, NOT_NEGATIVE))
        low = np.minimum(more / self.inference[1], 1.0) * self.training[0]
        high = np.minimum(more / self.inference[0], 1.0) * self.training[1]
        return plain(low), plain(high)


#: What Epoch AI expects of models like GPT-4: P. Villalobos and D. Atkinson, Trading off compute in training and
#: inference, July 2023, key takeaways. The first two need no verifier.
EXCHANGES = {
    entry.name: entry
    for entry in (
        Exchange("any", (1.0, 1.0), (1.0, 2.0), "no rare facts and no narrow skills"),
        Exchange("sequential", (2.0, 2.0), (2.0, 3.0), "steps of reasoning, or parts that are easier than the whole"),
        Exchange("verified", (3.0, 4.0), (5.0, 6.0), "answers that are cheap to check, attempts in parallel"),
    )
}


def exchange(name: str) -> Exchange:
    """One of `EXCHANGES`: ``"any"``, ``"sequential"`` or ``"verified"``.

    Raises
    ------
    UnknownNameError
        For another name.
    """
    if name not in EXCHANGES:
        raise UnknownNameError("exchange", name, EXCHANGES)
    return EXCHANGES[name]


def query_flops(
    tokens: npt.ArrayLike, flops_per_token: npt.ArrayLike, flops_per_cached_token: npt.ArrayLike = 0.0
) -> Amount:
    """(L15) Work of a sequence of T tokens, every one attending to those before it [FLOP]: f T + a T (T + 1) / 2.

    Parameters
    ----------
    tokens : array_like
        T, all of a query: what is read, thought and said.
    flops_per_token, flops_per_cached_token : array_like
        f [FLOP] and a [FLOP]: `Model.flops_per_token` and `Model.flops_per_cached_token`.

    Notes
    -----
    Test-time compute of 1e2 to 1e4 times the tokens is more than that in work once a T / 2 passes f. Of a model with
    windows it is too much: `reasoning.flops` (T18) sums each operator by its own.

    Examples
    --------
    1e4 times the tokens of Llama-3-70B:

    >>> from tokenroof import model
    >>> llama = model("llama-3-70b")
    >>> short, long = query_flops([1e2, 1e6], llama.flops_per_token, llama.flops_per_cached_token)
    >>> f"{long / short:.3g}"
    '1.04e+05'
    """
    t, f, a = take(
        "query_flops",
        tokens=(tokens, NOT_NEGATIVE),
        flops_per_token=(flops_per_token, NOT_NEGATIVE),
        flops_per_cached_token=(flops_per_cached_token, NOT_NEGATIVE),
    )
    return plain(f * t + a * t * (t + 1.0) / 2.0)
