"""Continuous batching in steady state: how arrivals fill a batch, and how prefill and decode share the machines."""

from __future__ import annotations

from ..amounts import ABOVE_ZERO, NOT_NEGATIVE, Numbers, broadcasts
from .demand import DAY_S

__all__ = ["batch_in_steady_state", "busy_nodes", "evicted_tokens_per_step", "highest_arrivals", "prefill_to_decode"]


@broadcasts(arrivals_per_s=NOT_NEGATIVE, osl=NOT_NEGATIVE, tpot_s=NOT_NEGATIVE)
def batch_in_steady_state(arrivals_per_s: Numbers, osl: Numbers, tpot_s: Numbers) -> Numbers:
    """(F12) Sequences that decode together when requests of osl tokens arrive at a rate [1]: Little's law in a replica.

    >>> batch_in_steady_state(4.0, 512, 0.025)
    51.2
    """
    return arrivals_per_s * osl * tpot_s


@broadcasts(prefill_s=NOT_NEGATIVE, osl=ABOVE_ZERO, tpot_s=ABOVE_ZERO, batch=ABOVE_ZERO)
def highest_arrivals(prefill_s: Numbers, osl: Numbers, tpot_s: Numbers, batch: Numbers) -> Numbers:
    """(F13) Requests that a replica can take when prefills interrupt decode [1/s]: 1 / (t_p + G t / B).

    >>> round(highest_arrivals(0.1, 512, 0.025, 64), 3)
    3.333
    """
    return 1.0 / (prefill_s + osl * tpot_s / batch)


@broadcasts(batch=NOT_NEGATIVE, isl=NOT_NEGATIVE, osl=ABOVE_ZERO)
def evicted_tokens_per_step(batch: Numbers, isl: Numbers, osl: Numbers) -> Numbers:
    """(F14) Cached tokens that leave with finished requests in each step, and are replaced [tokens]: B (P + G)/G.

    Parameters
    ----------
    batch : Numbers
        Sequences that decode together [1].
    isl, osl : Numbers
        Input and output tokens of a request [tokens].

    References
    ----------
    Austin et al., How to Scale Your Model, applied inference.

    Examples
    --------
    >>> evicted_tokens_per_step(32, 8192, 4096)
    96.0
    """
    return batch * (isl + osl) / osl


@broadcasts(prefill_s=NOT_NEGATIVE, osl=ABOVE_ZERO, tpot_s=ABOVE_ZERO, batch=ABOVE_ZERO)
def prefill_to_decode(prefill_s: Numbers, osl: Numbers, tpot_s: Numbers, batch: Numbers) -> Numbers:
    """(F15) Servers for prefill per server for decode, where each kind does nothing else [1]: t_p B / (G t).

    Parameters
    ----------
    prefill_s : Numbers
        Time of a prompt on its server, alone [s].
    osl : Numbers
        Output tokens of a request [tokens].
    tpot_s, batch : Numbers
        Step time of a decode server [s], and how many it serves at once [1].

    Examples
    --------
    >>> round(prefill_to_decode(0.91, 512, 0.019, 32), 2)
    2.99
    """
    return prefill_s * batch / (osl * tpot_s)


@broadcasts(tokens_per_day=NOT_NEGATIVE, tokens_per_s_per_node=ABOVE_ZERO)
def busy_nodes(tokens_per_day: Numbers, tokens_per_s_per_node: Numbers) -> Numbers:
    """(F16) Nodes that a day's tokens keep busy in the mean [1].

    References
    ----------
    DeepSeek-AI, open-infra-index, day 6: 608e9 input tokens at 73.7k/s and 168e9 output tokens at 14.8k/s per node.

    Examples
    --------
    >>> round(busy_nodes(608e9, 73.7e3), 1), round(busy_nodes(168e9, 14.8e3), 1)
    (95.5, 131.4)
    """
    return tokens_per_day / (DAY_S * tokens_per_s_per_node)
