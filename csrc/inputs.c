/* What a plan is made of, checked and copied: operator tables, chips, precisions. The core trusts nobody. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define MAX_OPERATORS 4096
#define MAX_AXIS_CHIPS 1024.0
#define MAX_SKEW 16.0      /* Zipf exponents seen are near 1; above, shares underflow */
#define MAX_SKEWED 65536.0 /* experts whose shares are held one by one */

static int unknown_or(double x) { return x != x || tr_from(x, 0.0); }

static int check_operator(const tr_operator *o, int64_t model, unsigned row, tr_error *err)
{
    const double coefs[] = {o->count, o->stored, o->read_elems, o->store_elems, o->tied_elems, o->flops_token,
                            o->act_elems, o->experts, o->active, o->flops_ctx_decode, o->flops_ctx_prefill,
                            o->kv_read_elems, o->kv_store_elems, o->state_elems, o->heads, o->kv_heads, o->comm_elems,
                            o->state_bytes, o->skew, o->nodes, o->inner_elems};
    size_t i;
    if (o->kind < TR_GEMM || o->kind > TR_POINT_TO_POINT || o->weights < TR_LINEAR || o->weights > TR_EXPERT_WEIGHTS
        || o->stage < TR_LAYERS || o->stage > TR_LAST)
        return tr_fail(err, TR_ERR_KIND, AX_MODEL, model, "operator %u has an unknown kind, weights or stage", row);
    for (i = 0; i < sizeof coefs / sizeof *coefs; i++)
        if (!tr_from(coefs[i], 0.0))
            return tr_fail(err, TR_ERR_VALUE, AX_MODEL, model, "operator %u, coefficient %u is %g: expected at least 0",
                           row, (unsigned)i, coefs[i]);
    if (!tr_whole(o->heads) || !tr_whole(o->kv_heads))
        return tr_fail(err, TR_ERR_VALUE, AX_MODEL, model, "operator %u has %g heads, %g KV heads: expected whole numbers",
                       row, o->heads, o->kv_heads);
    if (!(o->window > 0.0))
        return tr_fail(err, TR_ERR_VALUE, AX_MODEL, model, "operator %u has window %g: expected above 0", row, o->window);
    if (o->chunked != 0.0 && !(o->chunked == 1.0 && o->window >= 1.0 && tr_whole(o->window)))
        return tr_fail(err, TR_ERR_VALUE, AX_MODEL, model, "operator %u: chunked %g, window %g: expected 0 or 1, whole",
                       row, o->chunked, o->window);
    if (o->skew > 0.0 && (o->skew > MAX_SKEW || !tr_whole(o->experts) || o->experts > MAX_SKEWED))
        return tr_fail(err, TR_ERR_VALUE, AX_MODEL, model, "operator %u: skew %g of %g experts: expected at most %g of %g",
                       row, o->skew, o->experts, MAX_SKEW, MAX_SKEWED);
    if (o->kind == TR_EXPERTS && !(o->active > 0.0 && o->active <= o->experts))
        return tr_fail(err, TR_ERR_VALUE, AX_MODEL, model, "operator %u routes %g of %g experts", row, o->active,
                       o->experts);
    return TR_OK;
}

/* Inclusion probabilities under Zipf popularity: e^-skew, scaled to the sum k, none above 1 (docs/formulas.md, 24). */
static const double *popularity(tr_plan *p, const tr_operator *o)
{
    const size_t n = (size_t)o->experts;
    double *share = tr_keep(p, n, sizeof *share);
    double rest = 0.0, scale;
    size_t e, sure = 0;
    if (!share) return NULL;
    for (e = n; e-- > 0;) share[e] = pow((double)(e + 1), -o->skew);
    for (e = n; e-- > 0;) rest += share[e];
    scale = o->active / rest;
    while (sure < n && (double)sure < o->active && scale * share[sure] > 1.0) {
        rest = 0.0;
        for (e = n; e-- > sure + 1;) rest += share[e];
        sure++;
        scale = rest > 0.0 ? (o->active - (double)sure) / rest : 0.0;
    }
    for (e = 0; e < n; e++) share[e] = e < sure ? 1.0 : tr_max(tr_min(scale * share[e], 1.0), 0.0);
    return share;
}

double tr_touched(const pair_t *pair, double tokens)
{
    double sum = 0.0;
    size_t e;
    if (!pair->share) return tr_expected_experts(pair->experts, pair->active, tokens);
    for (e = 0; e < (size_t)pair->experts; e++) sum += tr_expert_touched(pair->share[e], tokens);
    return sum;
}

int tr_copy_models(tr_plan *p, const tr_axes *x, tr_error *err)
{
    size_t m, size;
    uint32_t i;
    if (tr_bad_size(x->model[0].struct_size, FIRST(tr_model, max_context)))
        return tr_fail(err, TR_ERR_STRUCT_SIZE, AX_MODEL, 0, "struct_size %u", (unsigned)x->model[0].struct_size);
    size = x->model[0].struct_size;
    p->models = tr_keep(p, x->n_model, sizeof *p->models);
    if (!p->models) return tr_fail(err, TR_ERR_MEMORY, AX_MODEL, -1, "out of memory");
    for (m = 0; m < x->n_model; m++) {
        const tr_model *from = (const tr_model *)((const char *)x->model + m * size);
        model_t *to = &p->models[m];
        uint32_t body = 0, experts = 0, contexts = 0, nets = 0;
        if (from->struct_size != size)
            return tr_fail(err, TR_ERR_STRUCT_SIZE, AX_MODEL, (int64_t)m, "struct_size differs within the array");
        if (!from->operators) return tr_fail(err, TR_ERR_NULL, AX_MODEL, (int64_t)m, "operators is NULL");
        if (from->n_operators < 1 || from->n_operators > MAX_OPERATORS)
            return tr_fail(err, TR_ERR_VALUE, AX_MODEL, (int64_t)m, "%u operators: expected 1 to %d",
                           (unsigned)from->n_operators, MAX_OPERATORS);
        if (!tr_from(from->layers, 1.0) || !tr_whole(from->layers) || !(from->max_context > 0.0))
            return tr_fail(err, TR_ERR_VALUE, AX_MODEL, (int64_t)m, "layers %g, max_context %g: expected from 1",
                           from->layers, from->max_context);
        to->spec = *from;
        to->ops = tr_keep(p, from->n_operators, sizeof *to->ops);
        to->pair = tr_keep(p, from->n_operators, sizeof *to->pair);
        if (!to->ops || !to->pair) return tr_fail(err, TR_ERR_MEMORY, AX_MODEL, -1, "out of memory");
        size_t op_size = from->operators[0].struct_size;
        if (tr_bad_size((uint32_t)op_size, FIRST(tr_operator, inner_elems)))
            return tr_fail(err, TR_ERR_STRUCT_SIZE, AX_MODEL, (int64_t)m, "operator struct_size %u", (unsigned)op_size);
        for (i = 0; i < from->n_operators; i++) {
            const tr_operator *o = (const tr_operator *)((const char *)from->operators + i * op_size);
            if (o->struct_size != op_size)
                return tr_fail(err, TR_ERR_STRUCT_SIZE, AX_MODEL, (int64_t)m, "operator %u: struct_size differs", i);
            int code = check_operator(o, (int64_t)m, i, err);
            if (code) return code;
            to->ops[i] = *o;
            if (o->kind < TR_ALL_REDUCE) to->kernels += o->count;
            if (o->kind == TR_EXPERTS) {
                size_t k;
                for (k = 0; k < p->n_pairs; k++)
                    if (p->pairs[k].experts == o->experts && p->pairs[k].active == o->active
                        && p->pairs[k].skew == o->skew)
                        break;
                if (k == p->n_pairs) {
                    pair_t *grown = tr_keep(p, p->n_pairs + 1, sizeof *grown); /* few pairs: quadratic is fine */
                    if (!grown) return tr_fail(err, TR_ERR_MEMORY, AX_MODEL, -1, "out of memory");
                    if (p->n_pairs) memcpy(grown, p->pairs, p->n_pairs * sizeof *grown);
                    grown[k].experts = o->experts;
                    grown[k].active = o->active;
                    grown[k].skew = o->skew;
                    if (o->skew > 0.0 && !(grown[k].share = popularity(p, o)))
                        return tr_fail(err, TR_ERR_MEMORY, AX_MODEL, -1, "out of memory");
                    grown[k].miss[0] = 1.0 - o->active / o->experts;
                    for (size_t bit = 1; bit < 63; bit++)
                        grown[k].miss[bit] = grown[k].miss[bit - 1] * grown[k].miss[bit - 1];
                    p->pairs = grown;
                    p->n_pairs++;
                }
                to->pair[i] = (uint32_t)k;
                to->routed = 1;
                experts++;
            } else if (o->kind < TR_ALL_REDUCE) {
                body++;
                if (o->kind == TR_ATTENTION) contexts++;
            } else if (o->kind == TR_ALL_REDUCE) {
                uint32_t before = 0; /* equal sizes share an entry */
                while (before < i && (to->ops[before].kind != TR_ALL_REDUCE || to->ops[before].comm_elems != o->comm_elems
                                      || ((x->flags & TR_SPLIT_AUTO) && to->ops[before].inner_elems != o->inner_elems)))
                    before++;
                nets += before == i;
            }
        }
        if (body > p->max_rows) p->max_rows = body;
        if (experts > p->max_experts) p->max_experts = experts;
        if (contexts > p->max_contexts) p->max_contexts = contexts;
        to->n_nets = nets;
        if (nets > p->max_nets) p->max_nets = nets;
    }
    return TR_OK;
}

/* Boxes of a torus are tried one by one, so an axis has at most MAX_AXIS_CHIPS. */
static int check_topology(const tr_hardware *h)
{
    int i;
    if (h->topology < TR_SWITCH || h->topology > TR_TORUS) return 0;
    if (h->topology == TR_SWITCH) return 1;
    if (!(h->domain <= MAX_AXIS_CHIPS * MAX_AXIS_CHIPS * MAX_AXIS_CHIPS) || !tr_whole(h->domain)) return 0;
    if (h->topology == TR_RING) return h->domain <= MAX_AXIS_CHIPS;
    if (h->topology == TR_MESH) return 1;
    for (i = 0; i < 3; i++)
        if (!(h->dims[i] >= 1.0 && h->dims[i] <= MAX_AXIS_CHIPS) || !tr_whole(h->dims[i])) return 0;
    return h->dims[0] * h->dims[1] * h->dims[2] == h->domain;
}

static int check_levels(const tr_hardware *h)
{
    uint32_t i;
    if (h->n_levels > 4) return 0;
    for (i = 0; i < h->n_levels; i++) {
        const tr_level *l = &h->levels[i];
        if (!tr_from(l->capacity, 1.0) || !(l->bandwidth >= 1.0) || l->holds < 1 || l->holds > 3) return 0;
        if (i && l->near && !h->levels[i - 1].near) return 0;
    }
    return 1;
}

int tr_copy_hardware(tr_plan *p, const tr_axes *x, tr_error *err)
{
    size_t i, size = x->hardware[0].struct_size;
    if (tr_bad_size((uint32_t)size, FIRST(tr_hardware, prefill_overhead)))
        return tr_fail(err, TR_ERR_STRUCT_SIZE, AX_HARDWARE, 0, "struct_size %u", (unsigned)size);
    p->chips = tr_keep(p, x->n_hardware, sizeof *p->chips);
    if (!p->chips) return tr_fail(err, TR_ERR_MEMORY, AX_HARDWARE, -1, "out of memory");
    for (i = 0; i < x->n_hardware; i++) {
        const tr_hardware *h = (const tr_hardware *)((const char *)x->hardware + i * size);
        chip_t *c = &p->chips[i];
        if (h->struct_size != size)
            return tr_fail(err, TR_ERR_STRUCT_SIZE, AX_HARDWARE, (int64_t)i, "struct_size differs within the array");
        const double network[] = {h->reduction, h->reduction_latency, h->wrap};
        const double shares[] = {h->compute_efficiency,   h->memory_efficiency, h->link_efficiency,  h->kv_efficiency,
                                 h->attention_efficiency, h->narrow_efficiency, h->quant_efficiency, h->expert_efficiency};
        const double seconds[] = {h->link_latency, h->scaleout_latency, h->layer_overhead, h->step_overhead,
                                  h->kernel_overhead, h->sequence_overhead, h->prefill_overhead};
        int ok = tr_from(h->memory_bytes, 1.0) && tr_from(h->memory_bandwidth, 1.0)
                 && tr_from(h->sram_bytes, 0.0) && h->domain >= 1.0 && tr_from(h->link_bandwidth, 0.0)
                 && tr_from(h->scaleout_bandwidth, 0.0) && unknown_or(h->power_max) && unknown_or(h->power_idle)
                 && unknown_or(h->usd_per_s) && (h->link_bandwidth > 0.0 || h->domain == 1.0);
        size_t j;
        for (j = 0; j < sizeof shares / sizeof *shares; j++) ok = ok && shares[j] > 0.0 && shares[j] <= 1.0;
        for (j = 0; j < sizeof seconds / sizeof *seconds; j++) ok = ok && tr_from(seconds[j], 0.0);
        ok = ok && tr_from(h->tile, 1.0) && tr_from(h->expert_imbalance, 1.0);
        ok = ok && !(h->power_idle > h->power_max) && h->serial >= 0.0 && h->serial <= 1.0;
        for (j = 0; j < 3; j++) ok = ok && tr_from(network[j], 0.0);
        for (j = 0; j < 4; j++) ok = ok && unknown_or(h->level_joules[j]);
        ok = ok && unknown_or(h->byte_joules) && unknown_or(h->link_joules);
        ok = ok && h->reduction <= 1.0 && check_topology(h) && check_levels(h);
        if (!ok) return tr_fail(err, TR_ERR_VALUE, AX_HARDWARE, (int64_t)i, "a number is out of range");
        c->hw = *h;
        c->serial = x->estimate == TR_SERIAL ? 1.0 : h->serial;
        c->hw.n_levels = 0;
        for (j = 0; j < h->n_levels; j++) { /* only those that may hold something */
            const tr_level *l = &h->levels[j];
            const int weights = (l->holds & TR_HOLDS_WEIGHTS) && (l->near || (x->flags & TR_OFFLOAD_WEIGHTS));
            const int kv = (l->holds & TR_HOLDS_KV) && (l->near || (x->flags & TR_OFFLOAD_KV));
            const uint32_t at = c->hw.n_levels;
            if (!weights && !kv) continue;
            c->hw.levels[at] = *l;
            c->hw.levels[at].holds = (weights ? TR_HOLDS_WEIGHTS : 0) | (kv ? TR_HOLDS_KV : 0);
            c->inv_level[at] = 1.0 / l->bandwidth;
            c->inv_level_typical[at] = 1.0 / (l->bandwidth * h->memory_efficiency);
            c->level_joules[at] = h->level_joules[j] == h->level_joules[j] ? h->level_joules[j] : h->byte_joules;
            c->hw.n_levels++;
        }
        if (c->hw.n_levels + 1 > p->max_places) p->max_places = c->hw.n_levels + 1;
        c->inv_bw = 1.0 / h->memory_bandwidth;
        c->inv_bw_typical = 1.0 / (h->memory_bandwidth * h->memory_efficiency);
        c->inv_bw_cache = 1.0 / (h->memory_bandwidth * h->memory_efficiency * h->kv_efficiency);
        c->inv_quant = 1.0 / h->quant_efficiency;
        c->inv_expert = 1.0 / h->expert_efficiency;
        c->per_byte_in = h->link_bandwidth > 0.0 ? 1.0 / h->link_bandwidth : 0.0;
        c->per_byte_out = h->scaleout_bandwidth > 0.0 ? 1.0 / h->scaleout_bandwidth : 0.0;
        c->per_byte_in_typical = h->link_bandwidth > 0.0 ? 1.0 / (h->link_bandwidth * h->link_efficiency) : 0.0;
        c->per_byte_out_typical =
            h->scaleout_bandwidth > 0.0 ? 1.0 / (h->scaleout_bandwidth * h->link_efficiency) : 0.0;
    }
    return TR_OK;
}

int tr_copy_precisions(tr_plan *p, const tr_axes *x, tr_error *err)
{
    size_t i, j, size = x->precision[0].struct_size;
    if (tr_bad_size((uint32_t)size, FIRST(tr_precision, state_bytes)))
        return tr_fail(err, TR_ERR_STRUCT_SIZE, AX_PRECISION, 0, "struct_size %u", (unsigned)size);
    p->precisions = tr_keep(p, x->n_precision, sizeof *p->precisions);
    p->rates = tr_keep(p, tr_times(x->n_hardware, x->n_precision), sizeof *p->rates);
    if (!p->precisions || !p->rates) return tr_fail(err, TR_ERR_MEMORY, AX_PRECISION, -1, "out of memory");
    for (i = 0; i < x->n_precision; i++) {
        const tr_precision *q = (const tr_precision *)((const char *)x->precision + i * size);
        int ok = tr_from(q->act_bytes, 0.0) && tr_from(q->comm_bytes, 0.0) && tr_from(q->kv_bytes, 0.0)
                 && tr_from(q->state_bytes, 0.0);
        if (q->struct_size != size)
            return tr_fail(err, TR_ERR_STRUCT_SIZE, AX_PRECISION, (int64_t)i, "struct_size differs within the array");
        for (j = 0; j < 4; j++) ok = ok && tr_from(q->weight_bytes[j], 0.0);
        if (!ok) return tr_fail(err, TR_ERR_VALUE, AX_PRECISION, (int64_t)i, "bytes per element are out of range");
        p->precisions[i] = *q;
    }
    for (i = 0; i < x->n_hardware; i++)
        for (j = 0; j < x->n_precision; j++) {
            rate_t *r = &p->rates[i * x->n_precision + j];
            r->peak = x->peak[i * x->n_precision + j];
            if (!tr_from(r->peak, 1.0) && r->peak != 0.0)
                return tr_fail(err, TR_ERR_VALUE, AX_HARDWARE, (int64_t)i, "peak of precision %zu is %g", j, r->peak);
            r->inv_peak = r->peak > 0.0 ? 1.0 / r->peak : 0.0;
            const tr_hardware *h = &p->chips[i].hw;
            const double reached = h->compute_efficiency * (p->precisions[j].act_bytes < 2.0 ? h->narrow_efficiency : 1.0);
            r->inv_peak_typical = r->peak > 0.0 ? 1.0 / (r->peak * reached) : 0.0;
            r->inv_peak_attention = r->peak > 0.0 ? 1.0 / (r->peak * (reached * h->attention_efficiency)) : 0.0;
            r->joules = x->flop_joules ? x->flop_joules[i * x->n_precision + j] : 0.0;
            if (!tr_from(r->joules, 0.0))
                return tr_fail(err, TR_ERR_VALUE, AX_HARDWARE, (int64_t)i, "flop_joules of precision %zu is %g", j, r->joules);
            if (h->byte_joules != h->byte_joules) r->joules = 0.0; /* only with energy of memory: both or the old rule */
            if (r->joules > 0.0) p->joules = 1;
        }
    return TR_OK;
}
