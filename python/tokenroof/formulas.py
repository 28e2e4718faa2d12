"""The formula sheet: scalar, pure, one equation each, in the same order of operations as ``csrc/formulas.h``.

Only correctly rounded operations (``+ - * /``, comparison, ceil) are used, so that Python, Numba and C agree bit for
bit (tests/test_formulas.py). Numbers in brackets are the equations of docs/formulas.md, symbols those of its
nomenclature. Everything is SI: seconds, bytes, FLOP, watts. Each function compiles under ``numba.njit`` as it stands.
"""

from __future__ import annotations

import math

__all__ = [
    "all_reduce_per_byte",
    "all_reduce_per_byte_bound",
    "all_to_all_per_byte",
    "axis_all_to_all_per_byte",
    "axis_hops",
    "axis_share",
    "causal_pairs",
    "chunk_pairs",
    "e2e_seconds",
    "expected_experts",
    "expert_seconds",
    "expert_touched",
    "experts_per_rank",
    "gather_per_byte",
    "joules_per_token",
    "leaving_share",
    "main_for_weights",
    "max_batch",
    "mean_chunk_context",
    "mean_context",
    "memory_bound",
    "memory_bytes",
    "mesh_all_reduce_per_byte",
    "microbatch",
    "microbatch_bound",
    "overlap",
    "overlapped",
    "placed",
    "prompt_seconds",
    "reads_share",
    "ring_latency",
    "row_seconds",
    "seconds_per_token",
    "split_seconds",
    "stage_imbalance",
    "step_seconds",
    "torus_all_reduce_per_byte",
    "tree_latency",
    "work_joules",
]


def _min(a: float, b: float) -> float:
    return a if a < b else b


def _max(a: float, b: float) -> float:
    return a if a > b else b


def _power(base: float, exponent: float) -> float:
    power = 1.0
    n = int(exponent)
    while n > 0:
        if n & 1:
            power = power * base
        base = base * base
        n >>= 1
    return power


def expected_experts(experts: float, active: float, tokens: float) -> float:
    """(1) Distinct experts that `tokens` independent tokens touch under uniform routing: E (1 - (1 - k/E)^n).

    Parameters
    ----------
    experts, active : float
        Routed experts of the layer E and experts per token k [1].
    tokens : float
        Tokens n routed together [1], a whole number from 0.

    Notes
    -----
    The power is a product by squaring, so that it rounds alike everywhere. Measured routing is more skewed: real
    batches touch up to 1.5 times fewer experts, which is why a bound counts k alone.

    Examples
    --------
    Mixtral 8x7B, as tabulated by its users: 2, 5.469 and 8 experts at batch 1, 4 and many.

    >>> expected_experts(8.0, 2.0, 1.0), expected_experts(8.0, 2.0, 4.0), expected_experts(8.0, 2.0, 512.0)
    (2.0, 5.46875, 8.0)
    """
    return experts * (1.0 - _power(1.0 - active / experts, tokens))


def experts_per_rank(touched: float, inv_ep: float) -> float:
    """(2) Experts that the busiest of ep ranks reads [1]: the mean share of `touched`, but at least one.

    >>> experts_per_rank(8.0, 1 / 64)
    1.0
    """
    return _max(touched * inv_ep, 1.0)


def mean_context(isl: float, steps: float, inv_steps: float, window: float) -> float:
    """(3) Mean cached tokens that a query sees over decode steps with isl, isl+1, ... tokens in the cache [tokens].

    ``sum(min(isl + j, window) for j in range(steps)) * inv_steps`` in closed form.

    >>> mean_context(2048.0, 1.0, 1.0, math.inf)
    2048.0
    >>> mean_context(100.0, 64.0, 1 / 64, 128.0) == sum(min(100 + j, 128) for j in range(64)) / 64
    True
    """
    w = _min(window, isl + steps)
    below = _min(_max(w - isl, 0.0), steps)
    total = below * isl + below * (below - 1.0) * 0.5 + (steps - below) * w
    return total * inv_steps


def causal_pairs(isl: float, window: float) -> float:
    """(4) Query-key pairs of a causal prefill under a window [1]: ``sum(min(i, window) for i in 1..isl)``.

    >>> causal_pairs(4.0, math.inf), causal_pairs(4.0, 2.0)
    (10.0, 7.0)
    """
    w = _min(window, isl)
    return w * (w + 1.0) * 0.5 + (isl - w) * w


def row_seconds(tokens: float, f: float, w: float, a: float, tile: float, serial: float) -> float:
    """(5) Time of a dense row [s]: the roofline of f n against w + a n, by (26).

    Parameters
    ----------
    tokens : float
        Tokens n of the step on this rank [1].
    f, w, a : float
        Compute [s/token], weight traffic [s] and activation traffic [s/token] of the row on one chip.
    tile : float
        Tokens that the arithmetic takes at least: what a matrix unit works on at once [1].
    serial : float
        Share of the shorter of compute and memory that is not hidden [1].

    References
    ----------
    Williams, Waterman, Patterson: Roofline. doi:10.1145/1498765.1498785
    """
    return overlapped(f * _max(tokens, tile), w + a * tokens, serial)


def expert_seconds(tokens: float, touched: float, f: float, w: float, a: float, least: float, serial: float) -> float:
    """(6) Time of a routed-expert row [s]: as (5) with weights of w [s] for each of `touched` experts on this rank.

    `least`: tokens that the arithmetic takes at least, a tile for each expert touched over the experts of a token [1].
    """
    return overlapped(f * _max(tokens, least), w * touched + a * tokens, serial)


def microbatch(batch: float, shares: float) -> float:
    """(7) Sequences of the largest of `shares` (= pp dp) parts of a batch [1].

    >>> microbatch(33.0, 4.0)
    9.0
    """
    return float(math.ceil(batch / shares))


def microbatch_bound(batch: float, shares: float) -> float:
    """(8) The same for the bound: the mean part, at least one sequence [1].

    >>> microbatch_bound(33.0, 4.0)
    8.25
    """
    return _max(batch / shares, 1.0)


def stage_imbalance(layers: float, pp: float) -> float:
    """(9) Layers of the longest pipeline stage over the mean [1].

    >>> stage_imbalance(126.0, 4.0) == 32 / 31.5
    True
    """
    return float(math.ceil(layers / pp)) * pp / layers


def ring_latency(ranks: float, alpha: float) -> float:
    """(10) Latency of a ring all-reduce [s]: each share passes all other ranks, to be summed and to be told.

    >>> ring_latency(8.0, 1.0)
    14.0
    """
    return 2.0 * (ranks - 1.0) * alpha


def all_reduce_per_byte(ranks: float, per_byte: float) -> float:
    """(11) All-reduce by reduce-scatter and all-gather, ring or two-shot [s per byte of the full tensor].

    References
    ----------
    Thakur, Rabenseifner, Gropp: Optimization of collective communication operations. doi:10.1177/1094342005051521
    """
    return 2.0 * ((ranks - 1.0) / ranks) * per_byte


def all_reduce_per_byte_bound(inner: float, outer: float, per_byte_in: float, per_byte_out: float) -> float:
    """(12) The least any all-reduce moves [s/B]: the tensor once each way, as in-switch reduction does."""
    inside = per_byte_in if inner > 1.0 else 0.0
    outside = per_byte_out / inner if outer > 1.0 else 0.0
    return _max(inside, outside)


def all_to_all_per_byte(ranks: float, per_byte: float) -> float:
    """(13) All-to-all among `ranks` [s per byte that a rank sends, its own part included].

    >>> all_to_all_per_byte(64.0, 1.0)
    0.984375
    """
    return (ranks - 1.0) / ranks * per_byte


def step_seconds(fixed: float, sequences: float, per_sequence: float) -> float:
    """(14) Decode step, typical [s]: what the batch alone decides plus context work of each sequence."""
    return fixed + sequences * per_sequence


def memory_bound(seconds: float, on_chip: float) -> float:
    """(15) Memory time of a bound [s]: none when everything that the step reads fits on chip."""
    return seconds if seconds > on_chip else 0.0


def overlap(compute: float, memory: float, network: float) -> float:
    """(16) Bound [s]: every resource perfectly overlapped with the others.

    Llama-2-7B, fp16, batch 32, 2048 tokens in the cache, on an A100 80GB (312 TFLOP/s, 2039 GB/s):

    >>> weights, cache = 6_607_343_616 * 2, 32 * 2048 * 524_288
    >>> flops = 32 * (2 * 6_607_077_376 + 4 * 32 * 32 * 128 * 2048)
    >>> round(overlap(flops / 312e12, (weights + cache) / 2039e9, 0.0) * 1e3, 2)
    23.33
    """
    return _max(compute, _max(memory, network))


def seconds_per_token(prefill: float, step: float, inv_batch: float, decode_share: float) -> float:
    """(17) Replica time per output token in steady state [s]: prefill share plus step time over the batch.

    Parameters
    ----------
    prefill : float
        Prefill time of one request over osl [s].
    step : float
        Mean decode step [s].
    inv_batch : float
        One over the sequences in flight [1].
    decode_share : float
        (osl - 1) / osl: prefill makes the first token [1].
    """
    return prefill + step * inv_batch * decode_share


def e2e_seconds(ttft: float, tpot: float, later: float) -> float:
    """(18) End-to-end latency [s]: the first token, then osl - 1 more."""
    return ttft + tpot * later


def memory_bytes(weights: float, sequences: float, kv_sequence: float) -> float:
    """(19) Memory of one chip [B]: weights plus a full cache for each of its sequences.

    >>> memory_bytes(141.107e9 / 8, 64.0, 327_680 * 2304 / 8) / 1e9
    23.67817276
    """
    return weights + sequences * kv_sequence


def max_batch(room: float, kv_sequence: float, dp: float) -> float:
    """(20) Largest batch whose cache fits into `room` [1]: whole sequences per data-parallel rank; 2**52: no limit.

    >>> max_batch(72e9 - 17.6e9, 94.4e6, 1.0)
    576.0
    """
    nothing = math.inf if room > 0.0 else -math.inf  # what C's division by zero gives
    n = nothing if kv_sequence == 0.0 else room / kv_sequence
    if n >= 4503599627370496.0:
        return 4503599627370496.0
    return (0.0 - float(math.ceil(-n))) * dp if n > 0.0 else 0.0


def joules_per_token(chips: float, idle: float, dynamic: float, spt: float, spt_bound: float) -> float:
    """(21) Energy of the replica per output token [J]: idle power all the time, the rest while the limiting
    resource works (its bound time).

    >>> joules_per_token(8.0, 105.0, 595.0, 2e-4, 1e-4)
    0.644
    """
    return chips * (idle * spt + dynamic * spt_bound)


def mean_chunk_context(isl: float, steps: float, inv_steps: float, window: float) -> float:
    """(22) As (3), for a window that starts anew at each multiple of its length [tokens].

    ``sum((isl + j) % window for j in range(steps)) * inv_steps`` in closed form, for a whole, finite window.

    >>> mean_chunk_context(8190.0, 4.0, 0.25, 8192.0)  # 8190, 8191, 0 and 1 cached tokens of the chunk
    4095.5
    """
    end = isl + steps
    whole = 0.0 - float(math.ceil(-(isl / window)))
    whole_end = 0.0 - float(math.ceil(-(end / window)))
    rest = isl - whole * window
    rest_end = end - whole_end * window
    total = (whole_end - whole) * (window * (window - 1.0) * 0.5) + (
        rest_end * (rest_end - 1.0) * 0.5 - rest * (rest - 1.0) * 0.5
    )
    return _max(total, 0.0) * inv_steps


def chunk_pairs(isl: float, window: float) -> float:
    """(23) As (4), for such a window [1]: ``sum(i % window + 1 for i in range(isl))``.

    >>> chunk_pairs(5.0, 2.0), chunk_pairs(4.0, 8.0)  # 1 + 2 + 1 + 2 + 1; 1 + 2 + 3 + 4
    (7.0, 10.0)
    """
    whole = 0.0 - float(math.ceil(-(isl / window)))
    rest = isl - whole * window
    return whole * (window * (window + 1.0) * 0.5) + rest * (rest + 1.0) * 0.5


def expert_touched(share: float, tokens: float) -> float:
    """(24) Probability that some of `tokens` independent tokens touches an expert of which one uses `share` [1].

    Summed over the experts this is (1) for experts of unlike popularity.

    >>> expert_touched(0.25, 4.0)
    0.68359375
    """
    return 1.0 - _power(1.0 - share, tokens)


def reads_share(count: float, stored: float, shared_bytes: float, sram_bytes: float) -> float:
    """(25) Share of the executions of a layer that read its weights from memory [1].

    A layer that is executed `count / stored` times in succession with the same weights reads them once where what the
    repeated layers hold (`shared_bytes` of one execution) fits on chip, and each time where it does not.

    >>> reads_share(60.0, 30.0, 4e6, 8e6), reads_share(60.0, 30.0, 4e7, 8e6)
    (0.5, 1.0)
    """
    return stored / count if 0.0 < stored < count and shared_bytes <= sram_bytes else 1.0


def overlapped(one: float, other: float, serial: float) -> float:
    """(26) Time of two resources at work on one row [s]: the longer, and the share of the shorter that is not hidden.

    >>> overlapped(3.0, 1.0, 0.0), overlapped(3.0, 1.0, 1.0)  # perfect overlap; one after the other
    (3.0, 4.0)
    """
    return _max(one, other) if serial == 0.0 else _max(one, other) + serial * _min(one, other)


def tree_latency(ranks: float, alpha: float) -> float:
    """(27) Latency of a reduction by a binary tree and back [s]: twice the tree's levels.

    >>> tree_latency(8.0, 1.0), tree_latency(9.0, 1.0)
    (6.0, 8.0)
    """
    levels, reach = 0.0, 1.0
    while reach < ranks:
        levels += 1.0
        reach = reach * 2.0
    return 2.0 * levels * alpha


def mesh_all_reduce_per_byte(ranks: float, domain: float, per_byte: float) -> float:
    """(28) All-reduce where each pair of `domain` chips has a link of its own [s/B]: two-shot, a share to each rank.

    Eight MI300X with 64 GB/s between any two (448 GB/s in all): as fast as a switch when all take part.

    >>> mesh_all_reduce_per_byte(8.0, 8.0, 1 / 448e9) == all_reduce_per_byte(8.0, 1 / 448e9)
    True
    """
    return 2.0 * ((domain - 1.0) / ranks) * per_byte


def axis_hops(chips: float, closed: float) -> float:
    """(29) Hops from end to end of a torus axis part [1]: half way round where it closes into a ring.

    >>> axis_hops(16.0, 1.0), axis_hops(8.0, 0.0)
    (8.0, 7.0)
    """
    return float(math.ceil((chips - 1.0) * 0.5)) if closed > 0.0 else chips - 1.0


def axis_share(chips: float, closed: float, axes: float) -> float:
    """(30) Share of a chip's bandwidth that a part of one of `axes` torus axes uses [1].

    >>> axis_share(16.0, 1.0, 2.0), axis_share(8.0, 0.0, 2.0), axis_share(1.0, 0.0, 2.0)
    (0.5, 0.25, 0.0)
    """
    return (1.0 if closed > 0.0 else 0.5) / axes if chips > 1.0 else 0.0


def torus_all_reduce_per_byte(ranks: float, share: float, per_byte: float) -> float:
    """(31) All-reduce over torus axes that share the data [s/B]; `share`: of the bandwidth, the sum of (30).

    References
    ----------
    Austin et al.: How to Scale Your Model, part 3: V / (W axes) for each of the two halves.
    """
    return 2.0 * ((ranks - 1.0) / ranks) * per_byte / share


def axis_all_to_all_per_byte(chips: float, closed: float, axes: float, per_byte: float) -> float:
    """(32) All-to-all along a torus axis part [s/B that a rank sends]: what crosses the middle, a quarter of a ring.

    References
    ----------
    Austin et al.: How to Scale Your Model, part 3: an all-to-all takes a quarter of an all-gather on a closed axis.
    """
    return chips * 0.25 * (1.0 if closed > 0.0 else 2.0) * axes * per_byte if chips > 1.0 else 0.0


def placed(need: float, room: float) -> float:
    """(33) Bytes of `need` that a level of memory with `room` takes [B].

    >>> placed(100.0, 30.0), placed(100.0, 300.0), placed(100.0, -1.0)
    (30.0, 100.0, 0.0)
    """
    return _max(_min(need, room), 0.0)


def leaving_share(inner: float, ranks: float, copies: float, nodes: float) -> float:
    """(34) Share of a token's expert copies that leave its domain [1].

    All that live elsewhere; or, where the router limits a token to `nodes` domains, one to each of these at most, which
    pass copies on inside (DeepSeek-V3: 8 experts in 4 nodes; arXiv:2412.19437, 3.2.2). 0: no such limit.

    >>> leaving_share(8.0, 64.0, 8.0, 0.0), leaving_share(8.0, 64.0, 8.0, 4.0)
    (0.875, 0.5)
    """
    share = (ranks - inner) / ranks
    return _min(share, nodes / copies) if nodes > 0.0 else share


def work_joules(work: float, chips: float, idle: float, dynamic: float, spt: float) -> float:
    """(35) Energy of the replica per output token [J] from what the token's work takes, and idle power all the time.

    Parameters
    ----------
    work : float
        FLOPs, bytes of memory and bytes of messages, each times its energy [J].
    chips : float
        Of the replica [1].
    idle, dynamic : float
        Power of a chip at rest, and what more it draws at full load [W]; beyond, it slows down. nan: no limit.
    spt : float
        Seconds per output token of the replica [s].

    References
    ----------
    Choi, Bedard, Fowler, Vuduc: A Roofline Model of Energy. doi:10.1109/IPDPS.2013.77

    Examples
    --------
    0.05 J of work a token, eight chips of 105 to 700 W, 5000 tokens/s:

    >>> round(work_joules(0.05, 8.0, 105.0, 595.0, 2e-4), 3), round(work_joules(5.0, 8.0, 105.0, 595.0, 2e-4), 3)
    (0.218, 1.12)
    """
    joules = work + chips * idle * spt
    limit = chips * (idle + dynamic) * spt
    return limit if limit < joules else joules


def gather_per_byte(ranks: float, share: float, per_byte: float) -> float:
    """(36) All-gather or reduce-scatter over `ranks` that use `share` of the bandwidth [s per byte of the whole].

    >>> gather_per_byte(4.0, 0.5, 1.0)
    1.5
    """
    return (ranks - 1.0) / ranks * per_byte / share


def split_seconds(hidden: float, inner: float, along_hidden: float, along_inner: float) -> float:
    """(37) What a block of matrices sends when X x Y ranks split both its width and its inner width [s/token].

    Parameters
    ----------
    hidden, inner : float
        Bytes per token of what enters or leaves the block, and of what its first matrices give and its last takes [B].
    along_hidden, along_inner : float
        Seconds per byte of the two: (36) over Y ranks by X, and over X ranks by Y [s/B].

    References
    ----------
    Pope et al., arXiv:2211.05102, 3.2.2: 8 B L E / sqrt(n) where the inner width is 4 E and X = sqrt(n) / 2.

    Examples
    --------
    Twice E and twice 4 E elements on 4 x 16 ranks: 1 E each way, less what is there already.

    >>> split_seconds(1.0, 8.0, gather_per_byte(16.0, 1.0, 1.0) / 4, gather_per_byte(4.0, 1.0, 1.0) / 16)
    0.84375
    """
    return 2.0 * hidden * along_hidden + inner * along_inner


def main_for_weights(need: float, room: float, behind: float, share: float) -> float:
    """(38) Main memory that weights may take, of `room` [B].

    All of it where their `need` fits. Where it does not, caches keep a `share`, as far as the levels `behind` main
    memory take the weights that it displaces.

    >>> [main_for_weights(need, 100.0, 80.0, 0.25) for need in (100.0, 120.0, 160.0, 190.0)]
    [100.0, 75.0, 80.0, 100.0]
    """
    return _max(room * (1.0 - share), _min(need - behind, room)) if need > room else room


def prompt_seconds(device: float, host: float) -> float:
    """(39) The pass over a prompt, typical: the device's time, or the host's to launch it, the longer of the two [s].

    A decode step is recorded once and launched as a whole; a prompt's length is new each time, so engines launch its
    kernels one by one: a fixed time per layer, whatever the device does meanwhile.

    >>> prompt_seconds(0.012, 0.019)
    0.019
    """
    return _max(device, host)
