/* Binding: operator table x chip x precision x layout -> coefficients of one combination. Equation numbers: formulas.h.
 * python/tokenroof/reference/binding.py does the same in the same order. */
#include "bind_links.h"

#include <string.h>

size_t tr_coef_bytes(const tr_plan *p)
{
    return sizeof(coef_t) + p->max_rows * sizeof(row_t) + p->max_experts * sizeof(expert_t)
           + p->max_contexts * sizeof(context_t)
           + p->max_nets * sizeof(lines_t) + p->max_places * sizeof(place_t);
}

/* Share of a row's work and weights on one rank if all have alike. */
static double even_split(const layout_t *y, int kind)
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

/* The same on the fullest rank: rows made of heads are padded with them. */
static double split_of(const layout_t *y, const tr_operator *o)
{
    const int made_of_heads = o->heads > 0.0 && (o->kind == TR_GEMM || o->kind == TR_ATTENTION);
    return y->padded && made_of_heads ? head_split(o->heads, y->tp, y->inv_tp) : even_split(y, o->kind);
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
        split = split_of(y, o);
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
    const double main_joules = hw->byte_joules == hw->byte_joules ? hw->byte_joules : 0.0;
    double rest = weights, typical = 0.0, bound = 0.0, behind = 0.0, joules = 0.0;
    uint32_t i, pass;
    y->read = y->chip->inv_bw_typical;
    y->read_bound = y->cache_bound = y->chip->inv_bw;
    if (!hw->n_levels) {
        c->places[0].room = p->flags & TR_FRACTION_OF_FREE ? (main_room - weights) * p->memory_fraction : main_room - weights;
        c->places[0].slow = 1.0;
        c->places[0].joules = c->k[K_JOULES_WEIGHT] = main_joules;
        c->n_places = 1;
        c->k[K_ROOM] = c->places[0].room;
        return;
    }
    for (i = 0; i < hw->n_levels; i++)
        if (!hw->levels[i].near && (hw->levels[i].holds & TR_HOLDS_WEIGHTS)) behind += hw->levels[i].capacity;
    for (pass = 0; pass < 3; pass++) { /* near, main, behind */
        for (i = 0; i < (pass == 1 ? 1 : hw->n_levels); i++) {
            const tr_level *level = pass == 1 ? NULL : &hw->levels[i];
            const double room = level ? level->capacity : main_room;
            const double inv = level ? y->chip->inv_level[i] : y->chip->inv_bw;
            const double inv_typical = level ? y->chip->inv_level_typical[i] : y->chip->inv_bw_typical;
            const double known = level ? y->chip->level_joules[i] : main_joules, per_byte = known == known ? known : 0.0;
            double here = 0.0;
            if (level && (level->near != 0) != (pass == 0)) continue;
            if (!level || (level->holds & TR_HOLDS_WEIGHTS))
                here = tr_placed(rest, level ? room : tr_main_for_weights(rest, room, behind, p->cache_share));
            rest -= here;
            if (weights > 0.0) {
                typical += here / weights * inv_typical;
                joules += here / weights * per_byte;
                bound = tr_max(bound, here / weights * inv); /* levels are read at the same time at best */
            }
            if (!level || (level->holds & TR_HOLDS_KV)) {
                place_t *at = &c->places[c->n_places++];
                at->room = !level && (p->flags & TR_FRACTION_OF_FREE) ? (room - here) * p->memory_fraction : room - here;
                at->slow = inv_typical / y->chip->inv_bw_typical;
                at->joules = per_byte;
                y->cache_bound = tr_min(inv, y->cache_bound);
            }
        }
    }
    if (rest > 0.0) { /* no place for all: it does not fit, and the rest is read from main memory */
        typical += rest / weights * y->chip->inv_bw_typical;
        bound += rest / weights * y->chip->inv_bw;
        joules += rest / weights * main_joules;
        for (i = 0; i < c->n_places; i++) c->places[i].room = 0.0 - rest;
    }
    y->read = typical;
    y->read_bound = bound;
    c->k[K_JOULES_WEIGHT] = joules;
    c->k[K_ROOM] = c->places[0].room;
    for (i = 1; i < c->n_places; i++) c->k[K_ROOM] = tr_max(c->k[K_ROOM], c->places[i].room);
}

/* Weights narrower than the arithmetic are unpacked on the way. */
static double unpacking(const layout_t *y, double bytes) { return bytes < y->pr->act_bytes ? y->chip->inv_quant : 1.0; }

/* A row without FLOP is bound by memory at any batch: such rows add up to one line. Returns whether `row` is used. */
static uint32_t bind_dense(coef_t *c, layout_t *y, const tr_operator *o, double count, double split, row_t *row)
{
    const double bytes = y->pr->weight_bytes[o->weights];
    const double weights = o->read_elems * bytes * split, work = o->flops_token * split;
    const double even = y->padded ? even_split(y, o->kind) : split; /* of the bound, which pads nothing */
    const double fewest = y->padded ? o->read_elems * bytes * even : weights;
    const double seconds = y->padded ? o->flops_token * even : work;
    double reads = o->stage == TR_LAYERS ? tr_reads_share(o->count, o->stored, y->shared, y->chip->hw.sram_bytes) : 1.0;
    row->f = count * work * y->ipt;
    row->w = count * reads * weights * y->read * unpacking(y, bytes);
    row->a = count * (o->act_elems * y->pr->act_bytes * split) * y->chip->inv_bw_typical;
    c->k[K_WEIGHTS_BOUND] += tr_min(o->count, o->stored) * fewest * y->read_bound;
    c->read_bytes += o->count * reads * weights * y->ranks;
    c->read_bound += tr_min(o->count, o->stored) * fewest * y->ranks;
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
    e->f = count * (o->flops_token * y->inv_ranks) * (y->ipt * y->chip->inv_expert);
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
    double kv_split = cache_split(o->kv_heads, y->head_ranks, y->inv_head_ranks) * y->inv_cp;
    double split = (o->heads > 0.0 ? head_split(o->heads, y->head_ranks, y->inv_head_ranks) : y->inv_head_ranks) * y->inv_cp;
    /* a prompt is one sequence: all ranks work on its heads, then its cache goes to those that hold it */
    const int grouped = y->group > 1.0;
    double kv_split_prompt = grouped ? cache_split(o->kv_heads, y->tp, y->inv_tp) * y->inv_cp : kv_split;
    double split_prompt = !grouped ? split : (o->heads > 0.0 ? head_split(o->heads, y->tp, y->inv_tp) : y->inv_tp) * y->inv_cp;
    double once = y->inv_tp * y->inv_cp; /* the bound splits caches over all ranks: by tokens where heads run out */
    double ranks = y->head_ranks * y->cp;
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
    x->prefill_compute = count * (o->flops_ctx_prefill * split_prompt) * y->ipa;
    x->prefill_memory =
        grouped ? count * (o->kv_read_elems * y->pr->kv_bytes * kv_split_prompt) * y->chip->inv_bw_cache : memory;
    x->prefill_exchange = 0.0;
    x->bound_decode_compute = o->count * (o->flops_ctx_decode * once) * y->ip;
    x->bound_decode_memory = o->count * read_once * y->cache_bound;
    x->bound_prefill = o->count * (o->flops_ctx_prefill * once) * y->ip;
    x->decode_flops = o->count * o->flops_ctx_decode;
    x->prefill_flops = o->count * o->flops_ctx_prefill;
    x->decode_bytes = o->count * read * ranks;
    x->decode_bytes_bound = o->count * read_once * (y->tp * y->cp);
    x->store = o->count * (o->kv_store_elems * y->pr->kv_bytes * kv_split) * y->stage_share;
    c->state_bytes += o->count * state * y->stage_share;
    c->state_traffic += 2.0 * (o->count * state) * ranks;
    c->state_traffic_bound += 2.0 * (o->count * state_once) * (y->tp * y->cp);
    c->state_seconds += 2.0 * (count * state) * y->chip->inv_bw_cache;
    c->bound_state += 2.0 * (o->count * state_once) * y->cache_bound;
    if (y->cp > 1.0) {
        /* decode: queries to all context ranks, partial outputs back (their weights, one per head, are not counted);
         * prefill: caches in a ring */
        const double others = (y->cp - 1.0) / y->cp;
        const double message = o->act_elems * y->pr->comm_bytes * y->inv_head_ranks;
        c->k[K_LATENCY] += count * (2.0 * y->ring_latency);
        c->k[K_EXCHANGE] += count * (others * message) * y->ring_byte;
        x->prefill_exchange =
            count * (others * (o->kv_read_elems * y->pr->kv_bytes * (kv_split_prompt * y->cp))) * y->ring_byte;
        c->k[K_JOULES_LINK] += o->count * (o->act_elems * y->pr->comm_bytes * (y->cp - 1.0));
    }
    if (grouped && o->act_elems > 0.0) { /* each rank gets its sequences' queries from the others and returns what comes of them */
        c->k[K_LATENCY] += count * y->exchange->latency;
        c->k[K_EXCHANGE] += count * (o->act_elems * y->pr->comm_bytes * y->inv_head_ranks) * y->exchange->slope;
        c->k[K_JOULES_LINK] += o->count * (o->act_elems * y->pr->comm_bytes * ((y->group - 1.0) / y->group));
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
    const size_t tp = p->kind[AX_TP][at[AX_TP]], ntp = p->n_distinct[AX_TP]; /* tables are over distinct values */
    y.reduce = &p->reduce[at[AX_HARDWARE] * ntp + tp];
    y.splits = p->splits ? &p->splits[at[AX_HARDWARE] * ntp + tp] : NULL;
    y.padded = (p->flags & TR_PAD_HEADS) != 0;
    y.joules_flop = rate->joules;
    y.group_index = p->group_of[at[AX_MODEL] * ntp + tp];
    y.group = p->groups[y.group_index];
    y.exchange = &p->exchange[at[AX_HARDWARE] * p->n_groups + y.group_index];
    y.head_ranks = y.group == 1.0 ? y.tp : y.tp / y.group;
    y.inv_head_ranks = y.group == 1.0 ? y.inv_tp : 1.0 / y.head_ranks;
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
    c->k[K_HOLDERS] = y.dp * y.group;
    c->group_index = y.group_index;
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
                    c->n_body += bind_dense(c, &y, o, count, split_of(&y, o), &c->rows[c->n_body]);
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
    c->k[K_JOULES_FLOP] = y.joules_flop;
    c->k[K_JOULES_LINK] = hw->link_joules == hw->link_joules ? c->k[K_JOULES_LINK] * hw->link_joules : 0.0;
    c->k[K_HOST] = hw->sequence_overhead;
    c->k[K_PROMPT] = m->spec.layers * hw->prefill_overhead;
    c->k[K_ON_CHIP] = hw->sram_bytes * y.pp * y.chip->inv_bw;
    return 0;
}
