/* What isl and osl decide for one combination: prefill, the cost of context, the cache of a full sequence.
 * Inline: walk.c calls it once a row, the kernels once a point of a list. The typical prefill is theirs (typical_at). */
#ifndef TOKENROOF_SEQ_H
#define TOKENROOF_SEQ_H

#include "internal.h"

TR_FN lengths_t lengths_of_osl(double osl)
{
    lengths_t x = {0};
    x.osl = osl;
    x.steps = tr_max(osl - 1.0, 1.0); /* prefill makes the first token */
    x.inv_steps = 1.0 / x.steps;
    x.inv_osl = 1.0 / osl;
    x.share = (osl - 1.0) * x.inv_osl;
    return x;
}

TR_FN void set_isl(lengths_t *x, double isl)
{
    x->isl = isl;
    x->mean = tr_mean_context(isl, x->steps, x->inv_steps, INFINITY);
    x->pairs = tr_causal_pairs(isl, INFINITY);
}

TR_FN double mean_context(const lengths_t *x, const context_t *o)
{
    if (o->window == INFINITY) return x->mean;
    return o->chunked != 0.0 ? tr_mean_chunk_context(x->isl, x->steps, x->inv_steps, o->window)
                             : tr_mean_context(x->isl, x->steps, x->inv_steps, o->window);
}

TR_FN double causal_pairs(const lengths_t *x, const context_t *o)
{
    if (o->window == INFINITY) return x->pairs;
    return o->chunked != 0.0 ? tr_chunk_pairs(x->isl, o->window) : tr_causal_pairs(x->isl, o->window);
}

/* The collective's best algorithm for so many tokens. */
TR_FN double tr_least_line(const lines_t *l, double tokens)
{
    double least = l->line[0].latency + l->line[0].slope * tokens;
    uint32_t i;
    for (i = 1; i < l->n; i++) least = tr_min(l->line[i].latency + l->line[i].slope * tokens, least);
    return least;
}

/* Bytes of a full sequence on one chip. */
TR_FN double cache_bytes(const coef_t *c, const lengths_t *x)
{
    double kv = c->state_bytes;
    uint32_t r;
    for (r = 0; r < c->n_context; r++) kv += c->contexts[r].store * tr_min(x->isl + x->osl, c->contexts[r].window);
    return kv;
}

/* The nearest place that holds the caches of so many sequences, or the last. */
TR_FN uint32_t place_for(const coef_t *c, double cache)
{
    uint32_t i = 0;
    while (i + 1 < c->n_places && !(cache <= c->places[i].room)) i++;
    return i;
}

TR_FN uint32_t place_of(const coef_t *c, const lengths_t *x, double seqs)
{
    return c->n_places > 1 ? place_for(c, seqs * cache_bytes(c, x)) : 0;
}

/* Prefill's bound and FLOP, where a column needs them. */
TR_FN void prefill_work(const tr_plan *p, const coef_t *c, const lengths_t *x, int needs, prefill_t *pre)
{
    const double isl = x->isl;
    uint32_t r;
    if (!(needs & NEED_PREFILL) || !(needs & (NEED_BOUND | NEED_WORK))) return;
    pre->dense = isl * c->bound_body + c->bound_head;
    pre->routed = isl * c->k[K_EXPERT_BOUND];
    pre->network = isl * c->k[K_NETWORK_BOUND];
    pre->flops = isl * (c->flops_body + c->flops_expert) + c->flops_head;
    for (r = 0; r < c->n_context; r++) {
        const double pairs = causal_pairs(x, &c->contexts[r]);
        pre->dense += c->contexts[r].bound_prefill * pairs;
        pre->flops += c->contexts[r].prefill_flops * pairs;
    }
    if (!(needs & NEED_JOULES)) return;
    pre->read = c->read_bytes; /* all data-parallel ranks prefill a request each: theirs is a share of what is read */
    for (r = 0; r < c->n_expert; r++)
        pre->read += c->experts[r].read * tr_touched(&p->pairs[c->experts[r].pair], isl * c->k[K_DP]);
    if (needs & NEED_READ_BOUND) pre->read = c->read_bound;
    pre->read = pre->read * c->inv_dp;
}

/* (35) without what the batch decides, J per output token: arithmetic, caches, messages, a prompt's share of the weights. */
TR_FN double token_joules(const coef_t *c, const lengths_t *x, const prefill_t *pre, int needs, uint32_t place,
                          double decode_flops, double decode_bytes)
{
    double prompt = 0.0;
    uint32_t r;
    for (r = 0; r < c->n_context; r++)
        prompt += (needs & NEED_READ_BOUND ? c->contexts[r].decode_bytes_bound : c->contexts[r].decode_bytes) * x->isl;
    return (decode_flops * x->share + pre->flops * x->inv_osl) * c->k[K_JOULES_FLOP]
           + (decode_bytes * x->share + prompt * x->inv_osl) * c->places[place].joules
           + (x->share + x->isl * x->inv_osl) * c->k[K_JOULES_LINK] + pre->read * x->inv_osl * c->k[K_JOULES_WEIGHT];
}

TR_FN void seq_eval(const coef_t *c, const lengths_t *x, const prefill_t *pre, int needs, uint32_t place, double *seq,
                    size_t stride)
{
    const double slow = c->places[place].slow;
    double context = c->state_seconds * slow + c->k[K_EXCHANGE], kv = c->state_bytes;
    uint32_t r;
    for (r = 0; r < c->n_context; r++) {
        const context_t *o = &c->contexts[r];
        const double seconds = slow == 1.0 ? o->decode : tr_overlapped(o->compute, o->memory * slow, c->serial);
        context += seconds * mean_context(x, o);
        kv += o->store * tr_min(x->isl + x->osl, o->window);
    }
    seq[S_ISL * stride] = x->isl;
    seq[S_CONTEXT * stride] = context;
    seq[S_KV * stride] = kv;
    seq[S_ROOM * stride] = c->places[place].room;
    seq[S_SHARE * stride] = x->share;
    seq[S_LATER * stride] = x->osl - 1.0;
    seq[S_TOO_LONG * stride] = x->isl + x->osl > c->max_context ? 1.0 : 0.0;
    seq[S_TTFT * stride] = pre->typical;
    seq[S_PREFILL * stride] = pre->typical * (c->inv_pp * c->inv_dp) * x->inv_osl;
    if (needs & NEED_BOUND) {
        double compute = c->bound_body + c->bound_head, memory = c->bound_state;
        for (r = 0; r < c->n_context; r++) {
            const context_t *o = &c->contexts[r];
            const double mean = mean_context(x, o);
            compute += o->bound_decode_compute * mean;
            memory += o->bound_decode_memory * mean;
        }
        seq[S_COMPUTE_BOUND * stride] = compute;
        seq[S_MEMORY_BOUND * stride] = memory;
        /* a prompt's chunks may fill the pipeline, but the first one passes all weights */
        seq[S_TTFT_BOUND * stride] =
            tr_overlap((pre->dense + pre->routed) * c->inv_pp,
                       tr_memory_bound(c->k[K_WEIGHTS_BOUND], c->k[K_ON_CHIP]), pre->network * c->inv_pp);
        seq[S_PREFILL_COMPUTE * stride] = (pre->dense * c->inv_dp + pre->routed) * c->inv_pp * x->inv_osl;
        seq[S_PREFILL_NETWORK * stride] = pre->network * c->inv_dp * c->inv_pp * x->inv_osl;
    }
    if (needs & (NEED_SPLIT | NEED_WORK)) {
        double compute = 0.0, memory = c->state_seconds * slow;
        double flops = c->flops_body + c->flops_head + c->flops_expert;
        double bytes = needs & NEED_READ_BOUND ? c->state_traffic_bound : c->state_traffic;
        for (r = 0; r < c->n_context; r++) {
            const context_t *o = &c->contexts[r];
            const double mean = mean_context(x, o);
            if (slow == 1.0) {
                compute += o->decode_compute * mean;
                memory += o->decode_memory * mean;
            } else {
                const double reads = o->memory * slow;
                compute += (o->compute >= reads ? o->compute : 0.0) * mean;
                memory += (o->compute >= reads ? 0.0 : reads) * mean;
            }
            flops += o->decode_flops * mean;
            bytes += (needs & NEED_READ_BOUND ? o->decode_bytes_bound : o->decode_bytes) * mean;
        }
        seq[S_CONTEXT_COMPUTE * stride] = compute;
        seq[S_CONTEXT_MEMORY * stride] = memory;
        seq[S_DECODE_FLOPS * stride] = flops;
        seq[S_DECODE_BYTES * stride] = bytes;
        seq[S_PREFILL_FLOPS * stride] = pre->flops;
        if (needs & NEED_JOULES) seq[S_JOULES * stride] = token_joules(c, x, pre, needs, place, flops, bytes);
    }
}

#endif
