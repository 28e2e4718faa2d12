"""How good a model gets by its size and its data, and which size is cheapest to train, or to train and serve.

L = E + A / N^alpha + B / D^beta of N parameters trained on D tokens; equations (L1) to (L6) of docs/training.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..amounts import ABOVE_ZERO, F64, NOT_NEGATIVE, Amount, plain, take
from ..errors import SpecError, UnknownNameError

__all__ = ["LAWS", "Lifetime", "LossLaw", "Optimum", "law", "rule_of_thumb"]

#: FLOP per parameter and token: forward 2, backward 4 (Kaplan et al., arXiv:2001.08361, section 2.1).
TRAINING, SERVING = 6.0, 2.0


@dataclass(frozen=True, slots=True)
class Optimum:
    """A model of the least training compute; every field has the shape of what was asked."""

    params: Amount  #: N
    tokens: Amount  #: D that it is trained on
    loss: Amount  #: [nat/token]
    training_flops: Amount


@dataclass(frozen=True, slots=True)
class Lifetime:
    """A model of the least cost of training and serving; every field has the shape of what was asked."""

    params: Amount  #: N
    tokens: Amount  #: D that it is trained on
    training_flops: Amount
    inference_flops: Amount
    cost: Amount  #: in the unit in which a FLOP was priced; FLOP where none was
    chinchilla: Optimum  #: the model of the same loss that is cheapest to train
    chinchilla_cost: Amount  #: of that one, trained and served

    @property
    def saving(self) -> Amount:
        """Share of the cost that the model saves against the one that is cheapest to train."""
        return plain(1.0 - np.asarray(self.cost) / np.asarray(self.chinchilla_cost))

    @property
    def data_ratio(self) -> Amount:
        """Tokens that it is trained on over those of the one that is cheapest to train."""
        return plain(np.asarray(self.tokens) / np.asarray(self.chinchilla.tokens))

    @property
    def params_ratio(self) -> Amount:
        """Parameters over those of the one that is cheapest to train."""
        return plain(np.asarray(self.params) / np.asarray(self.chinchilla.params))


@dataclass(frozen=True, slots=True)
class LossLaw:
    """Constants of the loss law, as a source fitted them.

    >>> hoffmann = law("hoffmann")
    >>> round(hoffmann.loss(70e9, 1.4e12), 3)  # Chinchilla
    1.937
    """

    name: str
    irreducible: float  #: E, the loss of an endless model on endless data [nat/token]
    A: float
    B: float
    alpha: float
    beta: float
    source: str

    def __post_init__(self) -> None:
        for name in ("irreducible", "A", "B", "alpha", "beta"):
            take(f"law {self.name!r}", **{name: (getattr(self, name), ABOVE_ZERO)})

    @property
    def params_exponent(self) -> float:
        """(L4) Growth of the optimal size with compute: N ~ C^(beta / (alpha + beta)).

        The work of a token goes with N, so that this is also how inference grows with training.

        >>> [round(law(name).params_exponent, 3) for name in ("hoffmann", "besiroglu")]
        [0.452, 0.513]
        """
        return self.beta / (self.alpha + self.beta)

    def loss(self, params: npt.ArrayLike, tokens: npt.ArrayLike) -> Amount:
        """(L1) Loss of N parameters trained on D tokens [nat/token]: E + A / N^alpha + B / D^beta.

        References
        ----------
        Hoffmann et al., Training compute-optimal large language models, arXiv:2203.15556, equation 10.
        """
        n, d = take("loss", params=(params, ABOVE_ZERO), tokens=(tokens, ABOVE_ZERO))
        return plain(self.irreducible + self.A * n**-self.alpha + self.B * d**-self.beta)

    def tokens_for(self, params: npt.ArrayLike, loss: npt.ArrayLike) -> Amount:
        """(L2) Tokens that bring N parameters to a loss: (B / (L - E - A / N^alpha))^(1 / beta); inf: none do.

        >>> law("hoffmann").tokens_for(7e9, 1.85), f'{law("hoffmann").tokens_for(70e9, 1.937):.3g}'
        (inf, '1.39e+12')
        """
        n, target = take("tokens_for", params=(params, ABOVE_ZERO), loss=(loss, ABOVE_ZERO))
        rest = target - self.irreducible - self.A * n**-self.alpha
        reachable = np.where(rest > 0, rest, np.where(np.isnan(rest), np.nan, 1.0))
        return plain(np.where(rest <= 0, np.inf, (self.B / reachable) ** (1 / self.beta)))

    def optimum(self, flops: npt.ArrayLike) -> Optimum:
        """(L3) Size and data of the least loss at a compute C = 6 N D [FLOP].

        Notes
        -----
        N = G (C / 6)^(beta / (alpha + beta)), D = C / (6 N), G = (alpha A / (beta B))^(1 / (alpha + beta)): there,
        another FLOP on size is worth as much as one on data, alpha A / N^alpha = beta B / D^beta.

        References
        ----------
        Hoffmann et al., arXiv:2203.15556, equation 4.

        Examples
        --------
        >>> best = law("besiroglu").optimum(1e24)
        >>> f"{best.params:.4g} parameters, {best.tokens:.4g} tokens"
        '9.586e+10 parameters, 1.739e+12 tokens'
        """
        (c,) = take("optimum", flops=(flops, ABOVE_ZERO))
        both = self.alpha + self.beta
        g = (self.alpha * self.A / (self.beta * self.B)) ** (1 / both)
        n = g * (c / TRAINING) ** (self.beta / both)
        return self._optimum(n, c / (TRAINING * n))

    def optimum_of_size(self, params: npt.ArrayLike) -> Optimum:
        """(L3) The same, of a given size: D = (beta B N^alpha / (alpha A))^(1 / beta) [tokens].

        >>> f'{law("sardana").optimum_of_size(70e9).tokens:.3g}'
        '4.25e+12'
        """
        (n,) = take("optimum_of_size", params=(params, ABOVE_ZERO))
        return self._optimum(n, (self.beta * self.B * n**self.alpha / (self.alpha * self.A)) ** (1 / self.beta))

    def optimum_for_loss(self, loss: npt.ArrayLike) -> Optimum:
        """(L3) The same, of a given loss: A / N^alpha takes the share beta / (alpha + beta) of L - E.

        >>> f'{law("hoffmann").optimum_for_loss(1.937).params:.3g}'
        '2.99e+10'
        """
        (target,) = take("optimum_for_loss", loss=(loss, ABOVE_ZERO))
        rest = self._reducible(target, "optimum_for_loss") * (self.beta / (self.alpha + self.beta))
        return self.optimum_of_size((self.A / rest) ** (1 / self.alpha))

    def lifetime_optimum(
        self,
        loss: npt.ArrayLike,
        tokens_out: npt.ArrayLike,
        tokens_in: npt.ArrayLike = 0.0,
        *,
        training_price: npt.ArrayLike = 1.0,
        decode_price: npt.ArrayLike = 1.0,
        prefill_price: npt.ArrayLike = 1.0,
    ) -> Lifetime:
        """(L5) Size and data of the least cost at a loss, training and all tokens ever served counted.

        Parameters
        ----------
        loss : array_like
            Loss to reach [nat/token], above E.
        tokens_out, tokens_in : array_like
            Tokens generated and read over the model's life.
        training_price, decode_price, prefill_price : array_like
            Price of a FLOP of each, in one unit [1/FLOP]; `usd_per_flop` makes dollars of a chip's rent and MFU.
            With the default the cost is in FLOP.

        Raises
        ------
        SpecError
            For a loss that no model reaches, or what is not a positive number.

        Notes
        -----
        min over N of p_t 6 N D(N) + p_d 2 N D_out + p_p 2 N D_in with D(N) from (L2). With u = A / N^alpha and
        v = B / D^beta, u + v = L - E, the least cost is where
        D (alpha u / (beta v) - 1) = (p_d D_out + p_p D_in) / (3 p_t). The left side falls as v grows, from infinity to
        0 at the optimum of (L3), so that there is one solution; it is bisected in log v to the last bit. All models
        on the way have the same loss by the law, far outside of where it was fitted too.

        References
        ----------
        Sardana, Portes, Doubov, Frankle, Beyond Chinchilla-optimal, arXiv:2401.00448, equations 2 to 4.

        Examples
        --------
        A model as good as Chinchilla of 30e9 parameters that will serve 1e13 tokens:

        >>> sardana = law("sardana")
        >>> best = sardana.lifetime_optimum(sardana.optimum_of_size(30e9).loss, 1e13)
        >>> f"{best.params:.3g} parameters, {best.data_ratio:.2f} x the data, {best.saving:.0%} saved"
        '1.36e+10 parameters, 2.84 x the data, 28% saved'
        """
        target, out, read, per_t, per_d, per_p = take(
            "lifetime_optimum",
            loss=(loss, ABOVE_ZERO),
            tokens_out=(tokens_out, NOT_NEGATIVE),
            tokens_in=(tokens_in, NOT_NEGATIVE),
            training_price=(training_price, ABOVE_ZERO),
            decode_price=(decode_price, NOT_NEGATIVE),
            prefill_price=(prefill_price, NOT_NEGATIVE),
        )
        rest = self._reducible(target, "lifetime_optimum")
        served = SERVING * (out * per_d + read * per_p)  # of one parameter
        v = self._balance(rest, served / (TRAINING * per_t))
        n, d = (self.A / (rest - v)) ** (1 / self.alpha), (self.B / v) ** (1 / self.beta)
        least = self.optimum_for_loss(target)
        n0, d0 = np.asarray(least.params), np.asarray(least.tokens)
        return Lifetime(
            params=plain(n),
            tokens=plain(d),
            training_flops=plain(TRAINING * n * d),
            inference_flops=plain(SERVING * n * (out + read)),
            cost=plain(n * (TRAINING * d * per_t + served)),
            chinchilla=least,
            chinchilla_cost=plain(n0 * (TRAINING * d0 * per_t + served)),
        )

    def _balance(self, rest: F64, wanted: F64) -> F64:
        """v = B / D^beta at which (L5) holds, of rest = L - E; ``wanted`` is the right side."""
        first = rest * (self.alpha / (self.alpha + self.beta))

        def too_far(log_share: F64) -> npt.NDArray[np.bool_]:
            """Whether data so much beyond (L3) cost more than they save."""
            v = first * np.exp(log_share)
            with np.errstate(over="ignore", divide="ignore"):  # infinitely much data cost enough
                gain = self.alpha * (rest - v) / (self.beta * v) - 1.0
                return np.asarray((self.B / v) ** (1 / self.beta) * gain >= wanted)

        known = ~np.isnan(rest + wanted)
        low, high = np.full_like(rest, -1.0), np.zeros_like(rest)
        while not (enough := too_far(low) | ~known).all():
            low = np.where(enough, low, 2.0 * low)
        for _ in range(64):  # each halves an interval that is at most some hundred wide: 2**-53 is reached
            middle = 0.5 * (low + high)
            far = too_far(middle)
            low, high = np.where(far, middle, low), np.where(far, high, middle)
        return np.where(known, np.where(wanted > 0, first * np.exp(high), first), np.nan)

    def _reducible(self, loss: F64, where: str) -> F64:
        """L - E of losses that a model can reach."""
        if (loss <= self.irreducible).any():
            worst = float(loss[loss <= self.irreducible][0])
            raise SpecError("loss", worst, f"above {self.irreducible:g}, which no model of {self.name} passes", where)
        return np.asarray(loss - self.irreducible)

    def _optimum(self, params: F64, tokens: F64) -> Optimum:
        return Optimum(plain(params), plain(tokens), self.loss(params, tokens), plain(TRAINING * params * tokens))


#: Fits of the law. Hoffmann et al. print exponents of two digits; Sardana et al. compute with a third.
LAWS = {
    fit.name: fit
    for fit in (
        LossLaw("hoffmann", 1.69, 406.4, 410.7, 0.34, 0.28, "Hoffmann et al., arXiv:2203.15556, equation 10"),
        LossLaw("sardana", 1.69, 406.4, 410.7, 0.336, 0.283, "Sardana et al., arXiv:2401.00448, section 2.1"),
        LossLaw("besiroglu", 1.8172, 482.01, 2085.43, 0.3478, 0.3658, "Besiroglu et al., arXiv:2404.10102, table 1"),
    )
}


def law(name: str) -> LossLaw:
    """One of `LAWS`: ``"hoffmann"``, ``"sardana"`` or ``"besiroglu"``.

    Raises
    ------
    UnknownNameError
        For another name.
    """
    if name not in LAWS:
        raise UnknownNameError("loss law", name, LAWS)
    return LAWS[name]


def rule_of_thumb(flops: npt.ArrayLike, tokens_per_param: npt.ArrayLike = 20.0) -> Amount:
    """(L6) Parameters at a fixed ratio r of tokens to parameters: (C / (6 r))^0.5, the first approach of 2022.

    >>> f"{rule_of_thumb(5.76e23):.3g}"  # the compute of Gopher
    '6.93e+10'
    """
    c, ratio = take("rule_of_thumb", flops=(flops, ABOVE_ZERO), tokens_per_param=(tokens_per_param, ABOVE_ZERO))
    return plain(np.sqrt(c / (TRAINING * ratio)))
