/* Binding: operator table x chip x precision x layout -> coefficients of one combination. Equation numbers: formulas.h.
 * python/tokenroof/reference/binding.py does the same in the same order. */
#include "internal.h"

#include <string.h>

size_t tr_coef_bytes(const tr_plan *p)
{
    return sizeof(coef_t) + p->max_rows * sizeof(row_t) + p->max_experts * sizeof(expert_t)
           + p->max_contexts * sizeof(context_t)
           + p->max_nets * sizeof(lines_t) + p->max_places * sizeof(place_t);
}

typedef struct {
    double tp, pp, ep, dp, cp, inv_tp, inv_dp, inv_ep, inv_cp, ranks, inv_ranks, inv_etp, chips;
    double imbalance, stage_share;
    double first, last, spread;   /* weight bytes of one chip, by stage */
    double shared;                /* bytes of one execution of the layers that are executed several times */
    double read, read_bound;      /* seconds per byte of weights, wherever they were placed */
    double cache_bound;           /* of caches, in the fastest place that may hold them */
    const tr_precision *pr;
    const chip_t *chip;
    double ip, ipt, ipa;                          /* s/FLOP: bound, typical, typical of a prompt's attention */
    const reduce_t *reduce;                       /* all-reduce over tp */
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

static double split_of(const layout_t *y, int kind)
{
    return kind == TR_REPLICATED ? 1.0 : kind == TR_EXPERTS ? y->inv_ranks : y->inv_tp;
}

static int dense_kind(int kind)
{
    return kind == TR_GEMM || kind == TR_REPLICATED || kind == TR_EMBEDDING || kind == TR_ATTENTION;
}

/* Share of the heads that the fullest rank holds. */
static double head_split(double heads, double tp, double inv_tp)
{
    return tr_whole(heads / tp) ? inv_tp : tr_ceil(heads / tp) / heads;
}

static double cache_split(double kv_heads, double tp, double inv_tp)
{
    if (!(kv_heads > 0.0)) return inv_tp;
    return kv_heads < tp ? 1.0 / kv_heads : head_split(kv_heads, tp, inv_tp);
}

/* Weight bytes of one chip, by stage. */
static void store_weights(const model_t *m, layout_t *y)
{
    uint32_t i;
    for (i = 0; i < m->spec.n_operators; i++) {
        const tr_operator *o = &m->ops[i];
        double bytes, split, stored;
        if (o->kind >= TR_ALL_REDUCE) continue;
        bytes = y->pr->weight_bytes[o->weights];
        split = split_of(y, o->kind);
        stored = o->stored * o->store_elems * bytes * split;
        if (o->stage == TR_FIRST) y->first += stored;
        else if (o->stage == TR_LAST) y->last += stored + (y->pp > 1.0 ? o->tied_elems * bytes * split : 0.0);
        else y->spread += stored;
        if (dense_kind(o->kind) && o->stage == TR_LAYERS && o->stored > 0.0 && o->stored < o->count)
            y->shared += o->read_elems * bytes * split;
    }
}

/* Fills near levels, main memory, then levels behind it with weights; what room they leave is the cache's. */
static void place(const tr_plan *p, layout_t *y, coef_t *c)
{
    const tr_hardware *hw = &y->chip->hw;
    const double weights = c->k[K_WEIGHTS], free_share = p->flags & TR_FRACTION_OF_FREE ? 1.0 : p->memory_fraction;
    const double main_room = hw->memory_bytes * free_share - p->memory_reserved;
    double rest = weights, typical = 0.0, bound = 0.0;
    uint32_t i, pass;
    y->read = y->chip->inv_bw_typical;
    y->read_bound = y->cache_bound = y->chip->inv_bw;
    if (!hw->n_levels) {
        c->places[0].room = p->flags & TR_FRACTION_OF_FREE ? (main_room - weights) * p->memory_fraction : main_room - weights;
        c->places[0].slow = 1.0;
        c->n_places = 1;
        c->k[K_ROOM] = c->places[0].room;
        return;
    }
    for (pass = 0; pass < 3; pass++) { /* near, main, behind */
        for (i = 0; i < (pass == 1 ? 1 : hw->n_levels); i++) {
            const tr_level *level = pass == 1 ? NULL : &hw->levels[i];
            const double room = level ? level->capacity : main_room;
            const double inv = level ? y->chip->inv_level[i] : y->chip->inv_bw;
            const double inv_typical = level ? y->chip->inv_level_typical[i] : y->chip->inv_bw_typical;
            double here = 0.0;
            if (level && (level->near != 0) != (pass == 0)) continue;
            if (!level || (level->holds & TR_HOLDS_WEIGHTS))
                here = tr_placed(rest, room);
            rest -= here;
            if (weights > 0.0) {
                typical += here / weights * inv_typical;
                bound = tr_max(bound, here / weights * inv); /* levels are read at the same time at best */
            }
            if (!level || (level->holds & TR_HOLDS_KV)) {
                place_t *at = &c->places[c->n_places++];
                at->room = !level && (p->flags & TR_FRACTION_OF_FREE) ? (room - here) * p->memory_fraction : room - here;
                at->slow = inv_typical / y->chip->inv_bw_typical;
                y->cache_bound = tr_min(inv, y->cache_bound);
            }
        }
    }
    if (rest > 0.0) { /* no place for all: it does not fit, and the rest is read from main memory */
        typical += rest / weights * y->chip->inv_bw_typical;
        bound += rest / weights * y->chip->inv_bw;
        for (i = 0; i < c->n_places; i++) c->places[i].room = 0.0 - rest;
    }
    y->read = typical;
    y->read_bound = bound;
    c->k[K_ROOM] = c->places[0].room;
    for (i = 1; i < c->n_places; i++) c->k[K_ROOM] = tr_max(c->k[K_ROOM], c->places[i].room);
}

/* Weights narrower than the arithmetic are unpacked on the way. */
static double unpacking(const layout_t *y, double bytes) { return bytes < y->pr->act_bytes ? y->chip->inv_quant : 1.0; }

/* A row without FLOP is bound by memory at any batch: such rows add up to one line. Returns whether `row` is used. */
static uint32_t bind_dense(coef_t *c, layout_t *y, const tr_operator *o, double count, double split, row_t *row)
{
    double bytes = y->pr->weight_bytes[o->weights];
    double seconds = o->flops_token * split;
    double reads = o->stage == TR_LAYERS ? tr_reads_share(o->count, o->stored, y->shared, y->chip->hw.sram_bytes) : 1.0;
    row->f = count * seconds * y->ipt;
    row->w = count * reads * (o->read_elems * bytes * split) * y->read * unpacking(y, bytes);
    row->a = count * (o->act_elems * y->pr->act_bytes * split) * y->chip->inv_bw_typical;
    c->k[K_WEIGHTS_BOUND] += tr_min(o->count, o->stored) * (o->read_elems * bytes * split) * y->read_bound;
    c->read_bytes += o->count * reads * (o->read_elems * bytes * split) * y->ranks;
    c->read_bound += tr_min(o->count, o->stored) * (o->read_elems * bytes * split) * y->ranks;
    if (o->kind == TR_HEAD) {
        c->bound_head += o->count * seconds * y->ip;
        c->flops_head += o->count * o->flops_token;
    } else {
        c->bound_body += o->count * seconds * y->ip;
        c->flops_body += o->count * o->flops_token;
    }
    if (o->kind == TR_HEAD || row->f > 0.0) return 1;
    c->k[K_LIGHT] += row->w;
    c->k[K_LIGHT_TOKEN] += row->a;
    return 0;
}

static void bind_experts(coef_t *c, layout_t *y, const tr_operator *o, double count, uint32_t pair, expert_t *e)
{
    if (y->ep > 1.0) count = count * y->chip->hw.expert_imbalance;
    double bytes = y->pr->weight_bytes[o->weights];
    double one = o->read_elems * bytes * y->inv_etp;
    e->f = count * (o->flops_token * y->inv_ranks) * y->ipt;
    e->w = count * one * y->read * unpacking(y, bytes);
    e->a = count * (o->act_elems * y->pr->act_bytes * y->inv_ranks) * y->chip->inv_bw_typical;
    e->read = o->count * (o->read_elems * bytes);
    e->tile = y->chip->hw.tile / o->active;
    e->pair = pair;
    e->pad = 0;
    c->k[K_EXPERT_BOUND] += o->count * (o->flops_token * y->inv_ranks) * y->ip;
    c->flops_expert += o->count * o->flops_token;
    c->k[K_WEIGHTS_BOUND] +=
        tr_min(o->count, o->stored) * one * tr_experts_per_rank(o->active, y->inv_ep) * y->read_bound;
    c->read_bound += tr_min(o->count, o->stored) * (o->read_elems * bytes) * o->active;
}

static void bind_context(coef_t *c, const layout_t *y, const tr_operator *o, double count, context_t *x)
{
    double kv_split = cache_split(o->kv_heads, y->tp, y->inv_tp) * y->inv_cp;
    double split = (o->heads > 0.0 ? head_split(o->heads, y->tp, y->inv_tp) : y->inv_tp) * y->inv_cp;
    double once = y->inv_tp * y->inv_cp; /* the bound splits caches over all ranks: by tokens where heads run out */
    double ranks = y->tp * y->cp;
    double read = o->kv_read_elems * y->pr->kv_bytes * kv_split;
    double state_bytes = o->state_elems * (y->pr->state_bytes > 0.0 ? y->pr->state_bytes : o->state_bytes);
    double state = state_bytes * kv_split;
    double read_once = o->kv_read_elems * y->pr->kv_bytes * once;
    double state_once = state_bytes * once;
    double compute = count * (o->flops_ctx_decode * split) * y->ipt;
    double memory = count * read * y->chip->inv_bw_cache;
    x->window = o->window;
    x->chunked = o->chunked;
    x->compute = compute;
    x->memory = memory;
    x->decode = tr_overlapped(compute, memory, y->chip->serial);
    x->decode_compute = compute >= memory ? compute : 0.0;
    x->decode_memory = compute >= memory ? 0.0 : memory;
    x->prefill_compute = count * (o->flops_ctx_prefill * split) * y->ipa;
    x->prefill_memory = memory;
    x->prefill_exchange = 0.0;
    x->bound_decode_compute = o->count * (o->flops_ctx_decode * once) * y->ip;
    x->bound_decode_memory = o->count * read_once * y->cache_bound;
    x->bound_prefill = o->count * (o->flops_ctx_prefill * once) * y->ip;
    x->decode_flops = o->count * o->flops_ctx_decode;
    x->prefill_flops = o->count * o->flops_ctx_prefill;
    x->decode_bytes = o->count * read * ranks;
    x->decode_bytes_bound = o->count * read_once * ranks;
    x->store = o->count * (o->kv_store_elems * y->pr->kv_bytes * kv_split) * y->stage_share;
    c->state_bytes += o->count * state * y->stage_share;
    c->state_traffic += 2.0 * (o->count * state) * ranks;
    c->state_traffic_bound += 2.0 * (o->count * state_once) * ranks;
    c->state_seconds += 2.0 * (count * state) * y->chip->inv_bw_cache;
    c->bound_state += 2.0 * (o->count * state_once) * y->cache_bound;
    if (y->cp > 1.0) {
        /* decode: queries to all context ranks, partial outputs back (their weights, one per head, are not counted);
         * prefill: caches in a ring */
        const double others = (y->cp - 1.0) / y->cp;
        const double message = o->act_elems * y->pr->comm_bytes * y->inv_tp;
        c->k[K_LATENCY] += count * (2.0 * y->ring_latency);
        c->k[K_EXCHANGE] += count * (others * message) * y->ring_byte;
        x->prefill_exchange = count * (others * (o->kv_read_elems * y->pr->kv_bytes * (kv_split * y->cp))) * y->ring_byte;
    }
}

/* An all-reduce takes the best of several algorithms for its size; equal sizes are one entry. Every combination of a
 * plan has entries and lines alike, empty ones where it needs none, so that a list's loops never surprise the CPU. */
static void bind_reduce(coef_t *c, const tr_plan *p, uint32_t *used, const lines_t *by_byte, double count, double bytes)
{
    lines_t *l = c->nets;
    uint32_t j;
    if (by_byte->n == 1) {
        c->k[K_LATENCY] += count * by_byte->line[0].latency;
        c->k[K_PER_TOKEN] += count * bytes * by_byte->line[0].slope;
        return;
    }
    while (l < c->nets + *used && l->bytes != bytes) l++;
    if (l == c->nets + *used) {
        (*used)++;
        l->used = 1;
        l->bytes = bytes;
    }
    for (j = 0; j < p->most_lines; j++) {
        const line_t *line = &by_byte->line[j < by_byte->n ? j : by_byte->n - 1];
        l->line[j].latency += count * line->latency;
        l->line[j].slope += count * bytes * line->slope;
    }
}

static void bind_collective(coef_t *c, const tr_plan *p, layout_t *y, const tr_operator *o, double count)
{
    const tr_precision *pr = y->pr;
    const double least = tr_min(pr->act_bytes, pr->comm_bytes);
    if (o->kind == TR_ALL_REDUCE) {
        if (y->tp > 1.0) bind_reduce(c, p, &y->nets_used, &y->reduce->lines, count, o->comm_elems * pr->comm_bytes);
        c->k[K_NETWORK_BOUND] += o->count * (o->comm_elems * least) * y->reduce->bound;
    } else if (o->kind == TR_ALL_TO_ALL) {
        double share = o->active > 0.0 ? tr_min(y->ep / o->active, 1.0) : 1.0;
        double bytes = o->comm_elems * share * (pr->act_bytes + pr->comm_bytes) * y->inv_tp;
        double copies = o->active > 0.0 ? o->active * share : 1.0, ranks = y->a2a_inner * y->a2a_outer;
        double out = y->a2a_outer > 1.0 ? tr_leaving_share(y->a2a_inner, ranks, copies, o->nodes) : 0.0;
        /* copies that a node limit keeps off the outer network are made inside the domain that gets them */
        double in = out > 0.0 && !(o->nodes > 0.0) ? y->a2a_inner / ranks : 1.0;
        c->k[K_LATENCY] += count * y->a2a_latency;
        c->k[K_PER_TOKEN] += count * bytes * (in * y->a2a_byte + out * y->chip->per_byte_out_typical);
    } else {
        double hops = y->pp - 1.0;
        c->k[K_LATENCY] += hops * y->p2p_latency;
        c->k[K_PER_TOKEN] += hops * (o->comm_elems * pr->comm_bytes * y->inv_tp) * y->p2p_byte;
        c->k[K_NETWORK_BOUND] += hops * (o->comm_elems * least * y->inv_tp) * y->p2p_byte_bound;
    }
}

static layout_t layout_of(const tr_plan *p, const size_t *at)
{
    const rate_t *rate = &p->rates[at[AX_HARDWARE] * p->len[AX_PRECISION] + at[AX_PRECISION]];
    layout_t y = {0};
    y.chip = &p->chips[at[AX_HARDWARE]];
    y.pr = &p->precisions[at[AX_PRECISION]];
    y.ip = rate->inv_peak;
    y.ipt = rate->inv_peak_typical;
    y.ipa = rate->inv_peak_attention;
    y.tp = p->axis[AX_TP][at[AX_TP]];
    y.pp = p->axis[AX_PP][at[AX_PP]];
    y.ep = p->axis[AX_EP][at[AX_EP]];
    y.dp = p->axis[AX_DP][at[AX_DP]];
    y.cp = p->axis[AX_CP][at[AX_CP]];
    y.inv_tp = p->inv[AX_TP][at[AX_TP]];
    y.inv_dp = p->inv[AX_DP][at[AX_DP]];
    y.inv_ep = p->inv[AX_EP][at[AX_EP]];
    y.inv_cp = p->inv[AX_CP][at[AX_CP]];
    y.ranks = y.tp * y.dp * y.cp;
    y.inv_ranks = y.inv_tp * y.inv_dp * y.inv_cp;
    y.reduce = &p->reduce[at[AX_HARDWARE] * p->n_distinct[AX_TP] + p->kind[AX_TP][at[AX_TP]]];
    y.inv_etp = y.ep * y.inv_ranks;
    y.chips = y.ranks * y.pp;
    return y;
}

int tr_bind(const tr_plan *p, const size_t *at, coef_t *c, walk_t *w)
{
    const model_t *m = &p->models[at[AX_MODEL]];
    layout_t y = layout_of(p, at);
    int pass;
    uint32_t i;
    memset(c, 0, sizeof *c);
    c->rows = (row_t *)(c + 1);
    c->experts = (expert_t *)(c->rows + p->max_rows);
    c->contexts = (context_t *)(c->experts + p->max_experts);
    c->nets = (lines_t *)(c->contexts + p->max_contexts);
    c->places = (place_t *)(c->nets + p->max_nets);
    c->pp_index = (uint32_t)at[AX_PP];
    c->dp_index = (uint32_t)at[AX_DP];
    c->cp_index = (uint32_t)at[AX_CP];
    c->k[K_CHIPS] = y.chips;
    c->k[K_TP] = y.tp;
    c->k[K_PP] = y.pp;
    c->k[K_EP] = y.ep;
    c->k[K_DP] = y.dp;
    c->k[K_CP] = y.cp;
    c->k[K_STATUS] = (double)tr_status(p, at);
    if (c->k[K_STATUS] != 0.0) return 0;

    const tr_hardware *hw = &y.chip->hw;
    y.imbalance = tr_stage_imbalance(m->spec.layers, y.pp);
    y.stage_share = y.imbalance * p->inv[AX_PP][at[AX_PP]];
    store_weights(m, &y);
    c->k[K_WEIGHTS] = y.spread * y.stage_share + (y.pp > 1.0 ? tr_max(y.first, y.last) : y.first + y.last);
    place(p, &y, c);
    if (w && w->refuses && w->refuses(w)) return 1;
    bind_links(&y);
    c->n_net = m->n_nets;
    memset(c->nets, 0, m->n_nets * sizeof *c->nets);
    for (i = 0; i < m->n_nets; i++) c->nets[i].n = p->most_lines;
    for (pass = 0; pass < 2; pass++) { /* body rows first, then the head: prefill gives the head one token */
        for (i = 0; i < m->spec.n_operators; i++) {
            const tr_operator *o = &m->ops[i];
            double count = o->stage == TR_LAYERS ? o->count * y.imbalance : o->count;
            if (pass == 1) {
                if (o->kind == TR_HEAD)
                    c->n_head += bind_dense(c, &y, o, count, y.inv_tp, &c->rows[c->n_body + c->n_head]);
            } else if (o->kind == TR_EXPERTS) {
                bind_experts(c, &y, o, count, m->pair[i], &c->experts[c->n_expert++]);
            } else if (dense_kind(o->kind)) {
                if (o->flops_token > 0.0 || o->read_elems > 0.0 || o->act_elems > 0.0 || o->store_elems > 0.0)
                    c->n_body += bind_dense(c, &y, o, count, split_of(&y, o->kind), &c->rows[c->n_body]);
                if (o->kind == TR_ATTENTION) bind_context(c, &y, o, count, &c->contexts[c->n_context++]);
            } else if (o->kind != TR_HEAD) {
                bind_collective(c, p, &y, o, count);
            }
        }
    }
    /* context ranks share the tokens */
    c->bound_body = c->bound_body * y.inv_cp;
    c->bound_head = c->bound_head * y.inv_cp;
    c->k[K_NETWORK_BOUND] = c->k[K_NETWORK_BOUND] * y.inv_cp;
    c->inv_dp = y.inv_dp;
    c->inv_pp = p->inv[AX_PP][at[AX_PP]];
    c->inv_ep = y.inv_ep;
    c->inv_cp = y.inv_cp;
    c->serial = y.chip->serial;
    c->tile = hw->tile;
    c->max_context = m->spec.max_context;
    c->k[K_INV_CHIPS] = y.inv_ranks * c->inv_pp;
    c->k[K_USD] = hw->usd_per_s * y.chips * 1e6;
    c->k[K_IDLE] = hw->power_idle;
    c->k[K_DYNAMIC] = hw->power_max - hw->power_idle;
    c->k[K_INV_FLOPS] = y.ip * c->k[K_INV_CHIPS];
    c->k[K_INV_BYTES] = y.chip->inv_bw * c->k[K_INV_CHIPS];
    c->k[K_OVERHEAD] = m->spec.layers * hw->layer_overhead + m->kernels * hw->kernel_overhead + y.pp * hw->step_overhead;
    c->k[K_ON_CHIP] = hw->sram_bytes * y.pp * y.chip->inv_bw;
    return 0;
}
