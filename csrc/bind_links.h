/* Collectives of a layout: what bind.c binds of links. Only bind.c includes it. */
#ifndef TOKENROOF_BIND_LINKS_H
#define TOKENROOF_BIND_LINKS_H

#include "internal.h"

typedef struct {
    double tp, pp, ep, dp, cp, inv_tp, inv_dp, inv_ep, inv_cp, ranks, inv_ranks, inv_etp, chips;
    double joules_flop;
    uint32_t group_index;
    double group;                      /* ranks that share a KV head's sequences out */
    double head_ranks, inv_head_ranks; /* ranks that hold different heads of one sequence: tp over the group */
    int padded;
    double imbalance, stage_share;
    double first, last, spread;   /* weight bytes of one chip, by stage */
    double shared;                /* bytes of one execution of the layers that are executed several times */
    double read, read_bound;      /* seconds per byte of weights, wherever they were placed */
    double cache_bound;           /* of caches, in the fastest place that may hold them */
    const tr_precision *pr;
    const chip_t *chip;
    double ip, ipt, ipa;                          /* s/FLOP: bound, typical, typical of a prompt's attention */
    const reduce_t *reduce;                       /* all-reduce over tp */
    const splits_t *splits;                       /* instead of it; NULL where none is asked for */
    const line_t *exchange;                       /* among the ranks of a group */
    uint32_t nets_used;
    double a2a_latency, a2a_inner, a2a_outer, a2a_byte; /* dispatch and combine over ep: ranks of a domain, domains */
    double p2p_latency, p2p_byte, p2p_byte_bound; /* hand-over between stages */
    double ring_latency, ring_byte;               /* among the context ranks */
} layout_t;

static void bind_links(layout_t *y)
{
    const chip_t *chip = y->chip;
    const tr_hardware *hw = &chip->hw;
    y->a2a_latency = y->a2a_byte = 0.0;
    y->a2a_inner = y->a2a_outer = 1.0;
    y->p2p_latency = y->p2p_byte = y->p2p_byte_bound = 0.0;
    y->ring_latency = y->ring_byte = 0.0;
    if (y->ep > 1.0 && y->dp * y->cp > 1.0) {
        double reach = hw->domain * y->inv_etp; /* expert ranks of one domain: each takes 1 / inv_etp chips */
        y->a2a_inner = reach >= y->ep ? y->ep : tr_max(0.0 - tr_ceil(-reach), 1.0);
        y->a2a_outer = tr_ceil(y->ep / y->a2a_inner);
        y->a2a_latency = 2.0 * (y->a2a_outer > 1.0 ? hw->scaleout_latency : hw->link_latency);
        y->a2a_byte = tr_all_to_all_inside(chip, y->a2a_inner);
    }
    if (y->cp > 1.0) {
        int inside = y->tp * y->cp <= hw->domain;
        y->ring_latency = inside ? hw->link_latency : hw->scaleout_latency;
        y->ring_byte = inside ? tr_one_link(chip) : chip->per_byte_out_typical;
    }
    if (y->pp > 1.0) {
        int inside = y->chips <= hw->domain;
        y->p2p_latency = inside ? hw->link_latency : hw->scaleout_latency;
        y->p2p_byte = inside ? tr_one_link(chip) : chip->per_byte_out_typical;
        y->p2p_byte_bound = !(hw->domain > 1.0)                ? chip->per_byte_out
                            : !(hw->scaleout_bandwidth > 0.0) ? chip->per_byte_in
                                                              : tr_min(chip->per_byte_in, chip->per_byte_out);
    }
}

/* An all-reduce takes the best of several algorithms for its size; equal sizes are one entry. Every combination of a
 * plan has entries and lines alike, empty ones where it needs none, so that a list's loops never surprise the CPU. */
static void bind_reduce(coef_t *c, const tr_plan *p, uint32_t *used, const lines_t *by_byte, const line_t *flat,
                        double count, double bytes, double inner)
{
    const uint32_t n = flat ? by_byte->n + 1 : by_byte->n;
    lines_t *l = c->nets;
    uint32_t j;
    if (n == 1) {
        c->k[K_LATENCY] += count * by_byte->line[0].latency;
        c->k[K_PER_TOKEN] += count * bytes * by_byte->line[0].slope;
        return;
    }
    while (l < c->nets + *used && (l->bytes != bytes || l->inner != inner)) l++;
    if (l == c->nets + *used) {
        (*used)++;
        l->used = 1;
        l->bytes = bytes;
        l->inner = inner;
    }
    for (j = 0; j < (flat ? by_byte->n : p->most_lines); j++) {
        const line_t *line = &by_byte->line[j < by_byte->n ? j : by_byte->n - 1];
        l->line[j].latency += count * line->latency;
        l->line[j].slope += count * bytes * line->slope;
    }
    for (; j < p->most_lines; j++) {
        l->line[j].latency += count * flat->latency;
        l->line[j].slope += count * flat->slope;
    }
}

/* The two-dimensional split of a block that sends least, seconds per token; and the least that any must send. */
static int least_split(const layout_t *y, double hidden, double inner, double least, line_t *flat, double *bound)
{
    uint32_t i;
    if (!y->splits->n || !(inner > 0.0)) return 0;
    flat->slope = *bound = INFINITY;
    for (i = 0; i < y->splits->n; i++) {
        const split_t *s = &y->splits->split[i];
        const double bytes = y->pr->comm_bytes;
        const double slope = tr_split_seconds(hidden * bytes, inner * bytes, s->hidden, s->inner);
        if (slope < flat->slope) flat->latency = s->latency, flat->slope = slope;
        *bound = tr_min(tr_split_seconds(hidden * least, inner * least, s->hidden_bound, s->inner_bound), *bound);
    }
    return 1;
}

static void bind_all_reduce(coef_t *c, const tr_plan *p, layout_t *y, const tr_operator *o, double count, double least)
{
    const int choose = (p->flags & TR_SPLIT_AUTO) != 0;
    const double bytes = o->comm_elems * y->pr->comm_bytes, ring = o->comm_elems * least * y->reduce->bound;
    line_t flat;
    double bound;
    if (p->joules) c->k[K_JOULES_LINK] += o->count * bytes * (2.0 * (y->tp - 1.0));
    if (!y->splits) {
        if (y->tp > 1.0) bind_reduce(c, p, &y->nets_used, &y->reduce->lines, NULL, count, bytes, 0.0);
        c->k[K_NETWORK_BOUND] += o->count * ring;
        return;
    }
    if (!least_split(y, o->comm_elems, o->inner_elems, least, &flat, &bound)) {
        const double inner = choose ? o->inner_elems : 0.0;
        if (y->tp > 1.0) bind_reduce(c, p, &y->nets_used, &y->reduce->lines, NULL, count, bytes, inner);
        c->k[K_NETWORK_BOUND] += o->count * ring;
    } else if (choose) {
        bind_reduce(c, p, &y->nets_used, &y->reduce->lines, &flat, count, bytes, o->inner_elems);
        c->k[K_NETWORK_BOUND] += o->count * tr_min(bound, ring);
    } else {
        c->k[K_LATENCY] += count * flat.latency;
        c->k[K_PER_TOKEN] += count * flat.slope;
        c->k[K_NETWORK_BOUND] += o->count * bound;
    }
}

static void bind_collective(coef_t *c, const tr_plan *p, layout_t *y, const tr_operator *o, double count)
{
    const tr_precision *pr = y->pr;
    const double least = tr_min(pr->act_bytes, pr->comm_bytes);
    if (o->kind == TR_ALL_REDUCE) {
        bind_all_reduce(c, p, y, o, count, least);
    } else if (o->kind == TR_ALL_TO_ALL) {
        double share = o->active > 0.0 ? tr_min(y->ep / o->active, 1.0) : 1.0;
        double bytes = o->comm_elems * share * (pr->act_bytes + pr->comm_bytes) * y->inv_tp;
        double copies = o->active > 0.0 ? o->active * share : 1.0, ranks = y->a2a_inner * y->a2a_outer;
        double out = y->a2a_outer > 1.0 ? tr_leaving_share(y->a2a_inner, ranks, copies, o->nodes) : 0.0;
        /* copies that a node limit keeps off the outer network are made inside the domain that gets them */
        double in = out > 0.0 && !(o->nodes > 0.0) ? y->a2a_inner / ranks : 1.0;
        c->k[K_LATENCY] += count * y->a2a_latency;
        c->k[K_PER_TOKEN] += count * bytes * (in * y->a2a_byte + out * y->chip->per_byte_out_typical);
        if (y->a2a_inner * y->a2a_outer > 1.0)
            c->k[K_JOULES_LINK] += o->count * (o->comm_elems * share * (pr->act_bytes + pr->comm_bytes) * ((ranks - 1.0) / ranks));
    } else {
        double hops = y->pp - 1.0;
        c->k[K_LATENCY] += hops * y->p2p_latency;
        c->k[K_PER_TOKEN] += hops * (o->comm_elems * pr->comm_bytes * y->inv_tp) * y->p2p_byte;
        c->k[K_NETWORK_BOUND] += hops * (o->comm_elems * least * y->inv_tp) * y->p2p_byte_bound;
        c->k[K_JOULES_LINK] += hops * (o->comm_elems * pr->comm_bytes);
    }
}

#endif
