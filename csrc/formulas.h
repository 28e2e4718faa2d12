/* The formula sheet: the same equations, in the same order of operations, as python/tokenroof/formulas.py.
 *
 * Plain arithmetic: no other header, no libm, so that the file compiles as C, as C++, for a GPU and to WebAssembly.
 * Only correctly rounded operations are used and contraction is off, hence both spellings agree bit for bit.
 * Numbers in brackets are the equations of docs/formulas.md. Units are SI; "s" is seconds per chip of the replica.
 */
#ifndef TOKENROOF_FORMULAS_H
#define TOKENROOF_FORMULAS_H

#ifndef TR_FN
#if defined(__CUDACC__)
#define TR_FN static inline __host__ __device__
#elif defined(__GNUC__)
#define TR_FN static inline __attribute__((always_inline, unused))
#else
#define TR_FN static inline
#endif
#endif

TR_FN double tr_min(double a, double b) { return a < b ? a : b; }
TR_FN double tr_max(double a, double b) { return a > b ? a : b; }

/* ceil of a number below 2**52 in magnitude (token counts): no libm. */
TR_FN double tr_ceil(double x)
{
    const long long whole = (long long)x;
    return (double)(whole + ((double)whole < x)); /* no branch: what follows the point is anyone's guess */
}

/* A base within 0 and 1 to a whole power, by squaring. */
TR_FN double tr_power(double base, double exponent)
{
    double power = 1.0;
    unsigned long long n = (unsigned long long)tr_min(exponent, 4611686018427387904.0); /* 2**62: 0 or 1 long before */
    while (n) {
        const double factor[2] = {1.0, base}; /* no branch: bits of a batch are anyone's guess */
        power = power * factor[n & 1u];
        base = base * base;
        n >>= 1;
    }
    return power;
}

TR_FN double tr_overlapped(double one, double other, double serial); /* equation 26, below */

/* (1) Distinct experts that `tokens` (whole) independent tokens touch, uniform routing: E (1 - (1 - k/E)^n). */
TR_FN double tr_expected_experts(double experts, double active, double tokens)
{
    return experts * (1.0 - tr_power(1.0 - active / experts, tokens));
}

/* (2) Experts that the busiest of `ep` ranks reads: the mean share, but at least one. */
TR_FN double tr_experts_per_rank(double touched, double inv_ep) { return tr_max(touched * inv_ep, 1.0); }

/* (3) Mean context that a window lets a query see over decode steps with isl, isl+1, ... cached tokens. */
TR_FN double tr_mean_context(double isl, double steps, double inv_steps, double window)
{
    double w = tr_min(window, isl + steps);
    double below = tr_min(tr_max(w - isl, 0.0), steps);
    double sum = below * isl + below * (below - 1.0) * 0.5 + (steps - below) * w;
    return sum * inv_steps;
}

/* (4) Query-key pairs of a causal prefill under a window: sum over i = 1..isl of min(i, window). */
TR_FN double tr_causal_pairs(double isl, double window)
{
    double w = tr_min(window, isl);
    return w * (w + 1.0) * 0.5 + (isl - w) * w;
}

/* (5) Time of a dense row for `tokens`: roofline of f s/token against w s of weights and a s/token of activations. The
 * arithmetic is of `tile` tokens at least. */
TR_FN double tr_row_seconds(double tokens, double f, double w, double a, double tile, double serial)
{
    return tr_overlapped(f * tr_max(tokens, tile), w + a * tokens, serial);
}

/* (6) Time of routed experts: as (5), weights w per expert for `touched` experts on this rank, arithmetic of `least`
 * tokens at least: a tile for each expert touched, over the experts of a token. */
TR_FN double tr_expert_seconds(double tokens, double touched, double f, double w, double a, double least, double serial)
{
    return tr_overlapped(f * tr_max(tokens, least), w * touched + a * tokens, serial);
}

/* (7) Tokens of one microbatch on one data-parallel rank, largest of the pp * dp shares. */
TR_FN double tr_microbatch(double batch, double shares) { return tr_ceil(batch / shares); }

/* (8) The same for the bound: the mean share, at least one token. */
TR_FN double tr_microbatch_bound(double batch, double shares) { return tr_max(batch / shares, 1.0); }

/* (9) Largest over mean number of layers of a pipeline stage. */
TR_FN double tr_stage_imbalance(double layers, double pp) { return tr_ceil(layers / pp) * pp / layers; }

/* (10) Latency of a ring all-reduce: each share passes all other ranks, once to be summed and once to be told. */
TR_FN double tr_ring_latency(double ranks, double alpha) { return 2.0 * (ranks - 1.0) * alpha; }

/* (11) All-reduce by reduce-scatter and all-gather (ring, two-shot): seconds per byte of the full tensor. */
TR_FN double tr_all_reduce_per_byte(double ranks, double per_byte) { return 2.0 * ((ranks - 1.0) / ranks) * per_byte; }

/* (12) The least any all-reduce moves (in-switch reduction): the tensor once each way, levels overlapped. */
TR_FN double tr_all_reduce_per_byte_bound(double inner, double outer, double per_byte_in, double per_byte_out)
{
    double in = inner > 1.0 ? per_byte_in : 0.0;
    double out = outer > 1.0 ? per_byte_out / inner : 0.0;
    return tr_max(in, out);
}

/* (13) All-to-all among `ranks`: seconds per byte that a rank sends, its own part included. */
TR_FN double tr_all_to_all_per_byte(double ranks, double per_byte) { return (ranks - 1.0) / ranks * per_byte; }

/* (14) Decode step, typical: what depends on the batch alone plus context work. */
TR_FN double tr_step_seconds(double fixed, double sequences, double per_sequence)
{
    return fixed + sequences * per_sequence;
}

/* (15) Memory time of a bound: nothing when all of it fits on chip. A part that a cache could pin is not taken off:
 * no engine pins operands, and published floors do not either. */
TR_FN double tr_memory_bound(double seconds, double on_chip) { return seconds > on_chip ? seconds : 0.0; }

/* (16) Bound: every resource perfectly overlapped. */
TR_FN double tr_overlap(double compute, double memory, double network)
{
    return tr_max(compute, tr_max(memory, network));
}

/* (17) Replica seconds per output token in steady state: prefill share plus step time over the batch.
 * `decode_share` is (osl - 1) / osl: prefill makes the first token. */
TR_FN double tr_seconds_per_token(double prefill, double step, double inv_batch, double decode_share)
{
    return prefill + step * inv_batch * decode_share;
}

/* (18) End-to-end latency: first token, then osl - 1 steps. */
TR_FN double tr_e2e_seconds(double ttft, double tpot, double later) { return ttft + tpot * later; }

/* (19) Memory of one chip. */
TR_FN double tr_memory_bytes(double weights, double sequences, double kv_sequence)
{
    return weights + sequences * kv_sequence;
}

/* (20) Largest batch whose cache fits into `room`: whole sequences per data-parallel rank. Subtracted from 0, not negated: compilers turn
 * the casts of tr_ceil into an instruction that keeps the sign of zero on some CPUs only. */
TR_FN double tr_max_batch(double room, double kv_sequence, double dp)
{
    double n = room / kv_sequence;
    return n >= 4503599627370496.0 ? 4503599627370496.0 : n > 0.0 ? (0.0 - tr_ceil(-n)) * dp : 0.0;
}

/* (21) Energy per output token of `chips`: idle power all the time, the rest while the limiting resource works. */
TR_FN double tr_joules_per_token(double chips, double idle, double dynamic, double spt, double spt_bound)
{
    return chips * (idle * spt + dynamic * spt_bound);
}

/* (22) As (3) for a window that starts anew at each multiple of its length: the sum of c mod window over the steps. */
TR_FN double tr_mean_chunk_context(double isl, double steps, double inv_steps, double window)
{
    double end = isl + steps;
    double whole = 0.0 - tr_ceil(-(isl / window)), whole_end = 0.0 - tr_ceil(-(end / window));
    double rest = isl - whole * window, rest_end = end - whole_end * window;
    double sum = (whole_end - whole) * (window * (window - 1.0) * 0.5)
                 + (rest_end * (rest_end - 1.0) * 0.5 - rest * (rest - 1.0) * 0.5);
    return tr_max(sum, 0.0) * inv_steps;
}

/* (23) As (4) for such a window: sum over i = 0..isl-1 of (i mod window) + 1. */
TR_FN double tr_chunk_pairs(double isl, double window)
{
    const double whole = 0.0 - tr_ceil(-(isl / window)), rest = isl - whole * window;
    return whole * (window * (window + 1.0) * 0.5) + rest * (rest + 1.0) * 0.5;
}

/* (24) Probability that at least one of `tokens` (whole) touches an expert which a token uses with probability share. */
TR_FN double tr_expert_touched(double share, double tokens) { return 1.0 - tr_power(1.0 - share, tokens); }

/* (25) Share of the executions of a layer that read its weights from memory, where it is executed several times in
 * succession: the first of them when what the repeated layers share fits on chip, else all. */
TR_FN double tr_reads_share(double count, double stored, double shared_bytes, double sram_bytes)
{
    return stored > 0.0 && stored < count && shared_bytes <= sram_bytes ? stored / count : 1.0;
}

/* (26) Two resources at work on one row: the longer time, and the share `serial` of the shorter that is not hidden. */
TR_FN double tr_overlapped(double one, double other, double serial)
{
    return serial == 0.0 ? tr_max(one, other) : tr_max(one, other) + serial * tr_min(one, other);
}

/* (27) Latency of a reduction by a tree and back: twice the levels of a binary tree over `ranks`. */
TR_FN double tr_tree_latency(double ranks, double alpha)
{
    double levels = 0.0, reach = 1.0;
    for (; reach < ranks; reach = reach * 2.0) levels += 1.0;
    return 2.0 * levels * alpha;
}

/* (28) Seconds per byte of an all-reduce where each pair of `domain` chips has a link of its own: each of `ranks` sends
 * a share to each other one, twice (two-shot). */
TR_FN double tr_mesh_all_reduce_per_byte(double ranks, double domain, double per_byte)
{
    return 2.0 * ((domain - 1.0) / ranks) * per_byte;
}

/* (29) Steps from end to end of a torus axis part of `chips`: half way round where it closes into a ring. */
TR_FN double tr_axis_hops(double chips, double closed)
{
    return closed > 0.0 ? tr_ceil((chips - 1.0) * 0.5) : chips - 1.0;
}

/* (30) Share of a chip's bandwidth that a part of one of `axes` torus axes uses: both ways round, or one way only. */
TR_FN double tr_axis_share(double chips, double closed, double axes)
{
    return chips > 1.0 ? (closed > 0.0 ? 1.0 : 0.5) / axes : 0.0;
}

/* (31) Seconds per byte of an all-reduce over `ranks` whose torus axes share the data: `share` of the bandwidth. */
TR_FN double tr_torus_all_reduce_per_byte(double ranks, double share, double per_byte)
{
    return 2.0 * ((ranks - 1.0) / ranks) * per_byte / share;
}

/* (32) Seconds per byte that a rank sends in an all-to-all along a torus axis part: a quarter of it on the way. */
TR_FN double tr_axis_all_to_all_per_byte(double chips, double closed, double axes, double per_byte)
{
    return chips > 1.0 ? chips * 0.25 * (closed > 0.0 ? 1.0 : 2.0) * axes * per_byte : 0.0;
}

/* (33) Bytes of `need` that a level with `room` takes. */
TR_FN double tr_placed(double need, double room) { return tr_max(tr_min(need, room), 0.0); }

/* (34) Share of a token's expert copies that leave the domain: all that live elsewhere, or one to each of at most
 * `nodes` other domains, which pass them on (0: no such limit). */
TR_FN double tr_leaving_share(double inner, double ranks, double copies, double nodes)
{
    const double share = (ranks - inner) / ranks;
    return nodes > 0.0 ? tr_min(share, nodes / copies) : share;
}

/* (35) Energy per output token of `chips` from the work of a token: that, and idle power all the time; never more than
 * full power, idle and dynamic, which a chip keeps by slowing down. */
TR_FN double tr_work_joules(double work, double chips, double idle, double dynamic, double spt)
{
    const double joules = work + chips * idle * spt, limit = chips * (idle + dynamic) * spt;
    return limit < joules ? limit : joules; /* NaN where full power is unknown: no limit */
}

/* (36) All-gather or reduce-scatter over `ranks` that use `share` of the bandwidth: seconds per byte of the whole. */
TR_FN double tr_gather_per_byte(double ranks, double share, double per_byte)
{
    return (ranks - 1.0) / ranks * per_byte / share;
}

/* (37) A block of matrices split in two dimensions: `hidden` gathered and scattered along one, `inner` along the other. */
TR_FN double tr_split_seconds(double hidden, double inner, double along_hidden, double along_inner)
{
    return 2.0 * hidden * along_hidden + inner * along_inner;
}

/* (38) Main memory that weights may take, of `room`: all where `need` fits, else less the share that caches keep, as far as
 * the levels `behind` take what it displaces. */
TR_FN double tr_main_for_weights(double need, double room, double behind, double share)
{
    return need > room ? tr_max(room * (1.0 - share), tr_min(need - behind, room)) : room;
}

/* (39) The pass over a prompt, typical: the device's time, or the host's to launch it, whichever is longer. */
TR_FN double tr_prompt_seconds(double device, double host) { return tr_max(device, host); }

#endif
