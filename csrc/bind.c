/* Binding: operator table x chip x precision x layout -> coefficients of one combination. Equation numbers: formulas.h.
 * python/tokenroof/reference/binding.py does the same in the same order. */
#include "internal.h"

#include <string.h>

static int whole(double x) { return x < TR_WHOLE_MAX && tr_ceil(x) == x; } /* quotients of coefficients may be huge */

size_t tr_coef_bytes(const tr_plan *p)
{
    return sizeof(coef_t) + p->max_rows * sizeof(row_t) + p->max_experts * sizeof(expert_t)
           + p->max_contexts * sizeof(context_t);
}

typedef struct {
    double tp, pp, ep, dp, inv_tp, inv_dp, inv_ep, ranks, inv_ranks, inv_etp, chips;
    double imbalance, stage_share;
    double first, last, spread; /* weight bytes of one chip, by stage */
    double shared; /* bytes of one execution of the layers that are executed several times */
    const tr_precision *pr;
    const chip_t *chip;
    double ip, ipt;                               /* s/FLOP: bound, typical */
    double ar_latency, ar_byte, ar_byte_bound;    /* all-reduce over tp */
    double a2a_latency, a2a_byte;                 /* dispatch and combine over ep */
    double p2p_latency, p2p_byte, p2p_byte_bound; /* hand-over between stages */
} layout_t;

static int point_status(const model_t *m, const layout_t *y, double peak)
{
    const tr_hardware *hw = &y->chip->hw;
    uint32_t i;
    if (!(peak > 0.0)) return TR_POINT_PRECISION;
    for (i = 0; i < m->spec.n_operators; i++) {
        const tr_operator *o = &m->ops[i];
        if (o->heads > 0.0 && !whole(o->heads / y->tp)) return TR_POINT_HEADS;
        if (o->kv_heads > 0.0 && !whole(o->kv_heads / y->tp) && !whole(y->tp / o->kv_heads)) return TR_POINT_KV_HEADS;
        if (o->kind == TR_EXPERTS && !whole(o->experts / y->ep)) return TR_POINT_EXPERTS;
    }
    if (y->pp > m->spec.layers) return TR_POINT_STAGES;
    if (m->routed ? !(whole(y->ranks / y->ep) && whole(y->ep / y->dp)) && !(y->ep == 1.0 && y->dp == 1.0)
                  : y->ep != 1.0)
        return TR_POINT_EXPERTS;
    if (y->chips > hw->domain && !(hw->scaleout_bandwidth > 0.0)) return TR_POINT_LINK;
    return TR_POINT_OK;
}

static void bind_links(layout_t *y)
{
    const chip_t *chip = y->chip;
    const tr_hardware *hw = &chip->hw;
    double inner, outer;
    y->ar_latency = y->ar_byte = y->ar_byte_bound = 0.0;
    y->a2a_latency = y->a2a_byte = 0.0;
    y->p2p_latency = y->p2p_byte = y->p2p_byte_bound = 0.0;
    if (y->tp > 1.0) {
        inner = tr_min(y->tp, hw->domain);
        outer = tr_ceil(y->tp / inner);
        y->ar_latency = tr_all_reduce_latency(inner, outer, hw->link_latency, hw->scaleout_latency);
        y->ar_byte = tr_all_reduce_per_byte(inner, outer, chip->per_byte_in_typical, chip->per_byte_out_typical);
        y->ar_byte_bound = tr_all_reduce_per_byte_bound(inner, outer, chip->per_byte_in, chip->per_byte_out);
    }
    if (y->ep > 1.0 && y->dp > 1.0) {
        double reach = hw->domain * y->inv_etp; /* expert ranks of one domain: each takes 1 / inv_etp chips */
        inner = reach >= y->ep ? y->ep : tr_max(0.0 - tr_ceil(-reach), 1.0);
        outer = tr_ceil(y->ep / inner);
        y->a2a_latency = 2.0 * (outer > 1.0 ? hw->scaleout_latency : hw->link_latency);
        y->a2a_byte = tr_all_to_all_per_byte(inner, outer, chip->per_byte_in_typical, chip->per_byte_out_typical);
    }
    if (y->pp > 1.0) {
        int inside = y->chips <= hw->domain;
        y->p2p_latency = inside ? hw->link_latency : hw->scaleout_latency;
        y->p2p_byte = inside ? chip->per_byte_in_typical : chip->per_byte_out_typical;
        y->p2p_byte_bound = !(hw->domain > 1.0)                ? chip->per_byte_out
                            : !(hw->scaleout_bandwidth > 0.0) ? chip->per_byte_in
                                                              : tr_min(chip->per_byte_in, chip->per_byte_out);
    }
}

static void store_weights(layout_t *y, const tr_operator *o, double bytes, double split)
{
    double stored = o->stored * o->store_elems * bytes * split;
    if (o->stage == TR_FIRST) y->first += stored;
    else if (o->stage == TR_LAST) y->last += stored + (y->pp > 1.0 ? o->tied_elems * bytes * split : 0.0);
    else y->spread += stored;
}

/* A row without FLOP is bound by memory at any batch: such rows add up to one line. Returns whether `row` is used. */
static uint32_t bind_dense(coef_t *c, layout_t *y, const tr_operator *o, double count, double split, row_t *row)
{
    double bytes = y->pr->weight_bytes[o->weights];
    double seconds = o->flops_token * split;
    double reads = o->stage == TR_LAYERS ? tr_reads_share(o->count, o->stored, y->shared, y->chip->hw.sram_bytes) : 1.0;
    row->f = count * seconds * y->ipt;
    row->w = count * reads * (o->read_elems * bytes * split) * y->chip->inv_bw_typical;
    row->a = count * (o->act_elems * y->pr->act_bytes * split) * y->chip->inv_bw_typical;
    c->k[K_WEIGHTS_BOUND] += tr_min(o->count, o->stored) * (o->read_elems * bytes * split) * y->chip->inv_bw;
    c->read_bytes += o->count * reads * (o->read_elems * bytes * split) * y->ranks;
    c->read_bound += tr_min(o->count, o->stored) * (o->read_elems * bytes * split) * y->ranks;
    if (o->kind == TR_HEAD) {
        c->bound_head += o->count * seconds * y->ip;
        c->flops_head += o->count * o->flops_token;
    } else {
        c->bound_body += o->count * seconds * y->ip;
        c->flops_body += o->count * o->flops_token;
    }
    store_weights(y, o, bytes, split);
    if (o->kind == TR_HEAD || row->f > 0.0) return 1;
    c->k[K_LIGHT] += row->w;
    c->k[K_LIGHT_TOKEN] += row->a;
    return 0;
}

static void bind_experts(coef_t *c, layout_t *y, const tr_operator *o, double count, uint32_t pair, expert_t *e)
{
    double bytes = y->pr->weight_bytes[o->weights];
    double one = o->read_elems * bytes * y->inv_etp;
    e->f = count * (o->flops_token * y->inv_ranks) * y->ipt;
    e->w = count * one * y->chip->inv_bw_typical;
    e->a = count * (o->act_elems * y->pr->act_bytes * y->inv_ranks) * y->chip->inv_bw_typical;
    e->read = o->count * (o->read_elems * bytes);
    e->pair = pair;
    e->pad = 0;
    c->k[K_EXPERT_BOUND] += o->count * (o->flops_token * y->inv_ranks) * y->ip;
    c->flops_expert += o->count * o->flops_token;
    c->k[K_WEIGHTS_BOUND] +=
        tr_min(o->count, o->stored) * one * tr_experts_per_rank(o->active, y->inv_ep) * y->chip->inv_bw;
    c->read_bound += tr_min(o->count, o->stored) * (o->read_elems * bytes) * o->active;
    store_weights(y, o, bytes, y->inv_ranks);
}

static void bind_context(coef_t *c, const layout_t *y, const tr_operator *o, double count, context_t *x)
{
    double kv_split = o->kv_heads > 0.0 && o->kv_heads < y->tp ? 1.0 / o->kv_heads : y->inv_tp;
    double read = o->kv_read_elems * y->pr->kv_bytes * kv_split;
    double state_bytes = o->state_elems * (y->pr->state_bytes > 0.0 ? y->pr->state_bytes : o->state_bytes);
    double state = state_bytes * kv_split;
    /* the bound splits caches over all of tp: by tokens where heads run out */
    double read_once = o->kv_read_elems * y->pr->kv_bytes * y->inv_tp;
    double state_once = state_bytes * y->inv_tp;
    double compute = count * (o->flops_ctx_decode * y->inv_tp) * y->ipt;
    double memory = count * read * y->chip->inv_bw_typical;
    x->window = o->window;
    x->chunked = o->chunked;
    x->decode = tr_max(compute, memory);
    x->decode_compute = compute >= memory ? compute : 0.0;
    x->decode_memory = compute >= memory ? 0.0 : memory;
    x->prefill_compute = count * (o->flops_ctx_prefill * y->inv_tp) * y->ipt;
    x->prefill_memory = memory;
    x->bound_decode_compute = o->count * (o->flops_ctx_decode * y->inv_tp) * y->ip;
    x->bound_decode_memory = o->count * read_once * y->chip->inv_bw;
    x->bound_prefill = o->count * (o->flops_ctx_prefill * y->inv_tp) * y->ip;
    x->decode_flops = o->count * o->flops_ctx_decode;
    x->prefill_flops = o->count * o->flops_ctx_prefill;
    x->decode_bytes = o->count * read * y->tp;
    x->decode_bytes_bound = o->count * read_once * y->tp;
    x->store = o->count * (o->kv_store_elems * y->pr->kv_bytes * kv_split) * y->stage_share;
    c->state_bytes += o->count * state * y->stage_share;
    c->state_traffic += 2.0 * (o->count * state) * y->tp;
    c->state_traffic_bound += 2.0 * (o->count * state_once) * y->tp;
    c->state_seconds += 2.0 * (count * state) * y->chip->inv_bw_typical;
    c->bound_state += 2.0 * (o->count * state_once) * y->chip->inv_bw;
}

static void bind_collective(coef_t *c, const layout_t *y, const tr_operator *o, double count)
{
    const tr_precision *pr = y->pr;
    const double least = tr_min(pr->act_bytes, pr->comm_bytes);
    if (o->kind == TR_ALL_REDUCE) {
        c->k[K_LATENCY] += count * y->ar_latency;
        c->k[K_PER_TOKEN] += count * (o->comm_elems * pr->comm_bytes) * y->ar_byte;
        c->k[K_NETWORK_BOUND] += o->count * (o->comm_elems * least) * y->ar_byte_bound;
    } else if (o->kind == TR_ALL_TO_ALL) {
        double copies = o->active > 0.0 ? tr_min(y->ep / o->active, 1.0) : 1.0;
        double bytes = o->comm_elems * copies * (pr->act_bytes + pr->comm_bytes) * y->inv_tp;
        c->k[K_LATENCY] += count * y->a2a_latency;
        c->k[K_PER_TOKEN] += count * bytes * y->a2a_byte;
    } else {
        double hops = y->pp - 1.0;
        c->k[K_LATENCY] += hops * y->p2p_latency;
        c->k[K_PER_TOKEN] += hops * (o->comm_elems * pr->comm_bytes * y->inv_tp) * y->p2p_byte;
        c->k[K_NETWORK_BOUND] += hops * (o->comm_elems * least * y->inv_tp) * y->p2p_byte_bound;
    }
}

static double split_of(const layout_t *y, int kind) { return kind == TR_REPLICATED ? 1.0 : y->inv_tp; }

static int dense_kind(int kind)
{
    return kind == TR_GEMM || kind == TR_REPLICATED || kind == TR_EMBEDDING || kind == TR_ATTENTION;
}

void tr_bind(const tr_plan *p, uint64_t combination, coef_t *c)
{
    size_t at[N_AXES];
    uint64_t rest = combination;
    int a, pass;
    uint32_t i;
    layout_t y;
    for (a = AX_DP; a >= AX_MODEL; a--) {
        at[a] = (size_t)(rest % p->n[a]);
        rest /= p->n[a];
    }
    const model_t *m = &p->models[at[AX_MODEL]];
    const rate_t *rate = &p->rates[at[AX_HARDWARE] * p->n[AX_PRECISION] + at[AX_PRECISION]];
    memset(c, 0, sizeof *c);
    memset(&y, 0, sizeof y);
    c->rows = (row_t *)(c + 1);
    c->experts = (expert_t *)(c->rows + p->max_rows);
    c->contexts = (context_t *)(c->experts + p->max_experts);
    c->pp_index = (uint32_t)at[AX_PP];
    c->dp_index = (uint32_t)at[AX_DP];
    y.chip = &p->chips[at[AX_HARDWARE]];
    y.pr = &p->precisions[at[AX_PRECISION]];
    y.ip = rate->inv_peak;
    y.ipt = rate->inv_peak_typical;
    y.tp = p->axis[AX_TP][at[AX_TP]];
    y.pp = p->axis[AX_PP][at[AX_PP]];
    y.ep = p->axis[AX_EP][at[AX_EP]];
    y.dp = p->axis[AX_DP][at[AX_DP]];
    y.inv_tp = p->inv[AX_TP][at[AX_TP]];
    y.inv_dp = p->inv[AX_DP][at[AX_DP]];
    y.inv_ep = p->inv[AX_EP][at[AX_EP]];
    y.ranks = y.tp * y.dp;
    y.inv_ranks = y.inv_tp * y.inv_dp;
    y.inv_etp = y.ep * y.inv_ranks;
    y.chips = y.ranks * y.pp;
    c->k[K_CHIPS] = y.chips;
    c->k[K_DP] = y.dp;
    c->k[K_STATUS] = (double)point_status(m, &y, rate->peak);
    if (c->k[K_STATUS] != 0.0) return;

    const tr_hardware *hw = &y.chip->hw;
    y.imbalance = tr_stage_imbalance(m->spec.layers, y.pp);
    y.stage_share = y.imbalance * p->inv[AX_PP][at[AX_PP]];
    bind_links(&y);
    for (i = 0; i < m->spec.n_operators; i++) {
        const tr_operator *o = &m->ops[i];
        if (dense_kind(o->kind) && o->stage == TR_LAYERS && o->stored > 0.0 && o->stored < o->count)
            y.shared += o->read_elems * y.pr->weight_bytes[o->weights] * split_of(&y, o->kind);
    }
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
                bind_collective(c, &y, o, count);
            }
        }
    }
    c->inv_dp = y.inv_dp;
    c->inv_pp = p->inv[AX_PP][at[AX_PP]];
    c->inv_ep = y.inv_ep;
    c->max_context = m->spec.max_context;
    c->k[K_INV_CHIPS] = y.inv_ranks * c->inv_pp;
    c->k[K_WEIGHTS] = y.spread * y.stage_share + (y.pp > 1.0 ? tr_max(y.first, y.last) : y.first + y.last);
    c->k[K_USABLE] = hw->memory_bytes * p->memory_fraction;
    c->k[K_USD] = hw->usd_per_s * y.chips * 1e6;
    c->k[K_IDLE] = hw->power_idle;
    c->k[K_DYNAMIC] = hw->power_max - hw->power_idle;
    c->k[K_INV_FLOPS] = y.ip * c->k[K_INV_CHIPS];
    c->k[K_INV_BYTES] = y.chip->inv_bw * c->k[K_INV_CHIPS];
    c->k[K_OVERHEAD] = m->spec.layers * hw->layer_overhead + y.pp * hw->step_overhead;
    c->k[K_ON_CHIP] = hw->sram_bytes * y.pp * y.chip->inv_bw;
}
