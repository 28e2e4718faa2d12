/* The one body of every instruction set: kernel.c includes it once per ISA with TR_ISA_FN(name) and TR_TARGET set.
 * Plain loops that the compiler vectorises; each mode and form below is a constant of an inlined copy. */

#define LANES 32 /* partial minima of the search: several registers of any width */

/* (5), (6), (14): what of a step the batch alone decides. compute, memory, read may be NULL. */
TR_TARGET static void TR_ISA_FN(batch)(const coef_t *c, size_t n, const double *restrict tokens,
                                       const double *restrict expert_tokens, const double *const *touched,
                                       const double *restrict micro, int needs, double *restrict fixed,
                                       double *restrict compute, double *restrict memory, double *restrict network,
                                       double *restrict read)
{
    const double constant = c->k[K_OVERHEAD] + c->k[K_LATENCY], per_token = c->k[K_PER_TOKEN];
    const int split = (needs & NEED_SPLIT) != 0, count = (needs & NEED_READ) != 0;
    const int fewest = (needs & NEED_READ_BOUND) != 0;
    size_t i;
    uint32_t r;
    const double light = c->k[K_LIGHT], light_token = c->k[K_LIGHT_TOKEN], serial = c->serial, tile = c->tile;
    const double latency = c->k[K_LATENCY], host = c->k[K_HOST];
    for (i = 0; i < n; i++)
        fixed[i] = ((constant + tokens[i] * host) + tokens[i] * per_token) + (light + tokens[i] * light_token);
    for (i = 0; split && i < n; i++) compute[i] = 0.0, memory[i] = light + tokens[i] * light_token;
    for (i = 0; split && i < n; i++) network[i] = latency + tokens[i] * per_token;
    for (r = 0; r < c->n_net; r++) {
        const lines_t *l = &c->nets[r];
        if (!l->used) continue;
        for (i = 0; i < n; i += LANES) { /* the best line of each batch value, a few registers at a time */
            const size_t lanes = n - i < LANES ? n - i : LANES;
            double least[LANES];
            size_t j;
            uint32_t k;
            for (j = 0; j < lanes; j++) least[j] = l->line[0].latency + l->line[0].slope * tokens[i + j];
            for (k = 1; k < l->n; k++) {
                const double latency_k = l->line[k].latency, slope_k = l->line[k].slope;
                for (j = 0; j < lanes; j++) least[j] = tr_min(latency_k + slope_k * tokens[i + j], least[j]);
            }
            for (j = 0; j < lanes; j++) fixed[i + j] += least[j];
            for (j = 0; split && j < lanes; j++) network[i + j] += least[j];
        }
    }
    for (i = 0; count && i < n; i++) read[i] = c->read_bytes;
    for (r = 0; r < c->n_body + c->n_head; r++) {
        const double f = c->rows[r].f, w = c->rows[r].w, a = c->rows[r].a;
        for (i = 0; i < n; i++) fixed[i] += tr_row_seconds(tokens[i], f, w, a, tile, serial);
        for (i = 0; split && i < n; i++) {
            double fast = f * tr_max(tokens[i], tile), slow = w + a * tokens[i];
            compute[i] += fast >= slow ? fast : 0.0;
            memory[i] += fast >= slow ? 0.0 : slow;
        }
    }
    for (r = 0; r < c->n_expert; r++) {
        const double f = c->experts[r].f, w = c->experts[r].w, a = c->experts[r].a, bytes = c->experts[r].read;
        const double inv_ep = c->inv_ep, least = c->experts[r].tile;
        const double *restrict d = touched[r];
        for (i = 0; i < n; i++)
            fixed[i] += tr_expert_seconds(expert_tokens[i], tr_experts_per_rank(d[i], inv_ep), f, w, a, d[i] * least, serial);
        for (i = 0; split && i < n; i++) {
            double fast = f * tr_max(expert_tokens[i], d[i] * least);
            double slow = w * tr_experts_per_rank(d[i], inv_ep) + a * expert_tokens[i];
            compute[i] += fast >= slow ? fast : 0.0;
            memory[i] += fast >= slow ? 0.0 : slow;
        }
        for (i = 0; count && i < n; i++) read[i] += bytes * d[i];
    }
    for (i = 0; count && i < n; i++) read[i] *= micro[i];
    for (i = 0; fewest && i < n; i++) read[i] = c->read_bound * micro[i];
}

/* Adding 2**52 rounds to whole; a NaN or an infinity poisons the sum. No branch, no mask: only arithmetic. */
TR_TARGET static int TR_ISA_FN(counts)(size_t n, const double *restrict x)
{
    double off[8] = {0.0}, least[8], most[8];
    size_t i, j;
    for (j = 0; j < 8; j++) least[j] = most[j] = 1.0;
    for (i = 0; i < n; i += 8) {
        const size_t lanes = n - i < 8 ? n - i : 8;
        for (j = 0; j < lanes; j++) {
            const double v = x[i + j], d = ((v + TR_WHOLE_MAX) - TR_WHOLE_MAX) - v;
            off[j] += d * d;
            least[j] = tr_min(v, least[j]);
            most[j] = tr_max(v, most[j]);
        }
    }
    for (j = 1; j < 8; j++) off[0] += off[j], least[0] = tr_min(least[0], least[j]), most[0] = tr_max(most[0], most[j]);
    return off[0] == 0.0 && least[0] >= 1.0 && most[0] < TR_WHOLE_MAX;
}

/* What batch, isl and osl decide for every combination alike, for a list of points. */
TR_TARGET static void TR_ISA_FN(lengths)(size_t n, const double *restrict batch, const double *restrict isl,
                                         const double *restrict osl, double *restrict inv, lengths_t *restrict out)
{
    size_t i;
    for (i = 0; i < n; i++) inv[i] = 1.0 / batch[i];
    for (i = 0; i < n; i++) {
        const double steps = tr_max(osl[i] - 1.0, 1.0), inv_steps = 1.0 / steps, inv_osl = 1.0 / osl[i];
        out[i].isl = isl[i];
        out[i].osl = osl[i];
        out[i].steps = steps;
        out[i].inv_steps = inv_steps;
        out[i].inv_osl = inv_osl;
        out[i].share = (osl[i] - 1.0) * inv_osl;
        out[i].mean = tr_mean_context(isl[i], steps, inv_steps, INFINITY);
        out[i].pairs = tr_causal_pairs(isl[i], INFINITY);
    }
}

/* (1) for two token counts at once, from the powers that the plan holds: the same products in the same order. */
TR_TARGET TR_FN void TR_ISA_FN(distinct_experts)(const pair_t *pair, const double tokens[2], double out[2])
{
    uint64_t n[2] = {(uint64_t)tr_min(tokens[0], 4611686018427387904.0),
                     (uint64_t)tr_min(tokens[1], 4611686018427387904.0)};
    double miss[2] = {1.0, 1.0};
    int bit;
    if (pair->share) {
        out[0] = tr_touched(pair, tokens[0]);
        out[1] = tr_touched(pair, tokens[1]);
        return;
    }
    for (bit = 0; n[0] | n[1]; bit++, n[0] >>= 1, n[1] >>= 1) {
        const double factor[2] = {1.0, pair->miss[bit]};
        miss[0] = miss[0] * factor[n[0] & 1u];
        miss[1] = miss[1] * factor[n[1] & 1u];
    }
    out[0] = pair->experts * (1.0 - miss[0]);
    out[1] = pair->experts * (1.0 - miss[1]);
}

/* The typical step and the typical prefill side by side: the same rows at two token counts. Where nothing is serial the
 * longer time is all of it, to the bit. */
TR_TARGET TR_FN typical_t TR_ISA_FN(typical_form)(const tr_plan *p, const coef_t *c, double tokens, double routed,
                                                  const lengths_t *x, int needs, const double serial)
{
    const double prompt = c->inv_cp == 1.0 ? x->isl : tr_microbatch(x->isl, p->axis[AX_CP][c->cp_index]);
    const double n[2] = {tokens, prompt}, last[2] = {tokens, 1.0}, e_n[2] = {routed, x->isl * c->k[K_DP]};
    const double light = c->k[K_LIGHT], light_token = c->k[K_LIGHT_TOKEN], per_token = c->k[K_PER_TOKEN];
    const double constant = c->k[K_OVERHEAD] + c->k[K_LATENCY], inv_ep = c->inv_ep, tile = c->tile;
    const row_t *rows = c->rows;
    double sum[2];
    typical_t t = {{0.0, 0.0}, 0.0, light + tokens * light_token, c->k[K_LATENCY] + tokens * per_token, c->read_bytes};
    uint32_t r, j;
    const double before[2] = {constant + tokens * c->k[K_HOST], constant};
    for (j = 0; j < 2; j++) sum[j] = (before[j] + n[j] * per_token) + (light + n[j] * light_token);
    for (r = 0; r < c->n_net; r++) {
        const double seconds = tr_least_line(&c->nets[r], n[0]);
        sum[0] += seconds;
        sum[1] += tr_least_line(&c->nets[r], n[1]);
        t.network += seconds;
    }
    for (r = 0; r < c->n_body; r++)
        for (j = 0; j < 2; j++) sum[j] += tr_row_seconds(n[j], rows[r].f, rows[r].w, rows[r].a, tile, serial);
    for (; r < c->n_body + c->n_head; r++)
        for (j = 0; j < 2; j++) sum[j] += tr_row_seconds(last[j], rows[r].f, rows[r].w, rows[r].a, tile, serial);
    for (r = 0; (needs & NEED_SPLIT) && r < c->n_body + c->n_head; r++) {
        const double f = rows[r].f * tr_max(tokens, tile), m = rows[r].w + rows[r].a * tokens;
        t.compute += f >= m ? f : 0.0;
        t.memory += f >= m ? 0.0 : m;
    }
    for (r = 0; r < c->n_expert; r++) {
        const expert_t *e = &c->experts[r];
        double distinct[2];
        TR_ISA_FN(distinct_experts)(&p->pairs[e->pair], e_n, distinct);
        for (j = 0; j < 2; j++)
            sum[j] += tr_expert_seconds(e_n[j], tr_experts_per_rank(distinct[j], inv_ep), e->f, e->w, e->a,
                                        distinct[j] * e->tile, serial);
        const double f = e->f * tr_max(routed, distinct[0] * e->tile);
        const double m = e->w * tr_experts_per_rank(distinct[0], inv_ep) + e->a * routed;
        t.compute += f >= m ? f : 0.0;
        t.memory += f >= m ? 0.0 : m;
        t.read += e->read * distinct[0];
    }
    for (r = 0; (needs & NEED_PREFILL) && r < c->n_context; r++) {
        const context_t *o = &c->contexts[r];
        const double here = tr_overlapped(o->prefill_compute * causal_pairs(x, o), o->prefill_memory * x->isl, serial);
        sum[1] += tr_overlapped(here, o->prefill_exchange * x->isl, serial);
    }
    t.seconds[0] = sum[0];
    t.seconds[1] = tr_prompt_seconds(sum[1], c->k[K_PROMPT]);
    return t;
}

TR_TARGET TR_APART typical_t TR_ISA_FN(typical_serial)(const tr_plan *p, const coef_t *c, double tokens, double routed,
                                                       const lengths_t *x, int needs)
{
    return TR_ISA_FN(typical_form)(p, c, tokens, routed, x, needs, c->serial);
}

TR_TARGET TR_FN typical_t TR_ISA_FN(typical_at)(const tr_plan *p, const coef_t *c, double tokens, double routed,
                                                const lengths_t *x, int needs)
{
    return c->serial == 0.0 ? TR_ISA_FN(typical_form)(p, c, tokens, routed, x, needs, 0.0)
                            : TR_ISA_FN(typical_serial)(p, c, tokens, routed, x, needs);
}

/* Typical prefill of one request [s], for a row of the grid. */
TR_TARGET static double TR_ISA_FN(prefill)(const tr_plan *p, const coef_t *c, const lengths_t *x)
{
    return TR_ISA_FN(typical_at)(p, c, 1.0, 1.0, x, NEED_PREFILL).seconds[1];
}

/* All inputs of one lane but B_INV: what the batch decides as tables over the axis hold it for the grid, then the
 * sequence. */
TR_TARGET static void TR_ISA_FN(fill)(const tr_plan *p, const coef_t *c, double batch, const lengths_t *x, int needs,
                                      double *restrict bat, double *restrict seq, size_t stride)
{
    const double pp = p->axis[AX_PP][c->pp_index], dp = c->k[K_DP], cp = p->axis[AX_CP][c->cp_index];
    const double routed = tr_microbatch(batch, pp);
    const double holders = c->k[K_HOLDERS], rank_seqs = dp == 1.0 ? batch : tr_microbatch(batch, dp);
    const double seqs = holders == dp ? rank_seqs : tr_microbatch(batch, holders);
    const double dp_tokens = dp == 1.0 ? routed : tr_microbatch(batch, pp * dp);
    const double seq_tokens = holders == dp ? dp_tokens : tr_microbatch(batch, pp * holders);
    const double tokens = cp == 1.0 ? dp_tokens : tr_microbatch(batch, pp * dp * cp);
    prefill_t pre = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
    bat[B_BATCH * stride] = batch;
    bat[B_TOKENS * stride] = seq_tokens;
    bat[B_SEQS * stride] = seqs;
    if (needs & NEED_BOUND) {
        const double routed_bound = tr_microbatch_bound(batch, pp);
        bat[B_EXPERT_BOUND * stride] = routed_bound;
        bat[B_TOKENS_BOUND * stride] = dp == 1.0 ? routed_bound : tr_microbatch_bound(batch, pp * dp);
    }
    if (needs & NEED_READ_BOUND) bat[B_READ * stride] = c->read_bound * tr_min(pp, rank_seqs);
    if (needs & (NEED_TYPICAL | NEED_READ | NEED_SPLIT)) {
        const typical_t t = TR_ISA_FN(typical_at)(p, c, tokens, routed, x, needs);
        bat[B_FIXED * stride] = t.seconds[0];
        bat[B_COMPUTE * stride] = t.compute;
        bat[B_MEMORY * stride] = t.memory;
        bat[B_NETWORK * stride] = t.network;
        if (needs & NEED_READ) bat[B_READ * stride] = t.read * tr_min(pp, rank_seqs);
        pre.typical = t.seconds[1];
    }
    prefill_work(p, c, x, needs, &pre);
    seq_eval(c, x, &pre, needs, place_of(c, x, seqs), seq, stride);
}

#define B(j) (t->bat[j][i])
#define S(j) (mode == TILE_ROW ? t->seq[j] : t->seq[(j) * TR_STRIDE + i])
#define K(j) (mode == TILE_LIST ? t->coefs[i]->k[j] : t->com[j])

TR_TARGET TR_FN void TR_ISA_FN(basis_mode)(tile_t *t, const int mode)
{
    const size_t n = t->n;
    double *restrict step = t->t, *restrict spt = t->u, *restrict step_bound = t->tb, *restrict spt_bound = t->ub;
    double *restrict cb = t->cb, *restrict mb = t->mb, *restrict nb = t->nb;
    const int prefill = (t->needs & NEED_PREFILL) != 0;
    size_t i;
    if (t->needs & NEED_TYPICAL) {
        for (i = 0; i < n; i++) step[i] = tr_step_seconds(B(B_FIXED), B(B_TOKENS), S(S_CONTEXT));
        for (i = 0; prefill && i < n; i++) spt[i] = tr_seconds_per_token(S(S_PREFILL), step[i], B(B_INV), S(S_SHARE));
    }
    if (t->needs & NEED_BOUND) {
        for (i = 0; i < n; i++) {
            cb[i] = B(B_EXPERT_BOUND) * K(K_EXPERT_BOUND) + B(B_TOKENS_BOUND) * S(S_COMPUTE_BOUND);
            mb[i] = tr_memory_bound(K(K_WEIGHTS_BOUND) + B(B_TOKENS_BOUND) * S(S_MEMORY_BOUND), K(K_ON_CHIP));
            nb[i] = B(B_TOKENS_BOUND) * K(K_NETWORK_BOUND);
            step_bound[i] = tr_overlap(cb[i], mb[i], nb[i]);
        }
        for (i = 0; prefill && i < n; i++)
            spt_bound[i] = tr_overlap(tr_seconds_per_token(S(S_PREFILL_COMPUTE), cb[i], B(B_INV), S(S_SHARE)),
                                      tr_seconds_per_token(0.0, mb[i], B(B_INV), S(S_SHARE)),
                                      tr_seconds_per_token(S(S_PREFILL_NETWORK), nb[i], B(B_INV), S(S_SHARE)));
    }
}

TR_TARGET static void TR_ISA_FN(basis)(tile_t *t)
{
    if (t->mode == TILE_ROW) TR_ISA_FN(basis_mode)(t, TILE_ROW);
    else if (t->mode == TILE_ZIP) TR_ISA_FN(basis_mode)(t, TILE_ZIP);
    else TR_ISA_FN(basis_mode)(t, TILE_LIST);
}

#define CACHE (B(B_SEQS) * S(S_KV))
#define MEMORY tr_memory_bytes(K(K_WEIGHTS), B(B_SEQS), S(S_KV))
#define WORK (S(S_JOULES) + B(B_READ) * B(B_INV) * S(S_SHARE) * K(K_JOULES_WEIGHT))
#define JOULES(spt)                                                                                                \
    (K(K_JOULES_FLOP) > 0.0 ? tr_work_joules(WORK, K(K_CHIPS), K(K_IDLE), K(K_DYNAMIC), spt)                        \
                            : tr_joules_per_token(K(K_CHIPS), K(K_IDLE), K(K_DYNAMIC), spt, t->ub[i]))
#define EACH(expression)                                                                                            \
    for (i = 0; i < n; i++) out[i] = (expression);                                                                  \
    break

TR_TARGET TR_FN void TR_ISA_FN(column_mode)(const tile_t *t, int column, double *restrict out, const int mode)
{
    const size_t n = t->n;
    const int bound = t->estimate == TR_BOUND, ttft = bound ? S_TTFT_BOUND : S_TTFT;
    const double *restrict step = bound ? t->tb : t->t, *restrict spt = bound ? t->ub : t->u;
    size_t i;
    switch (column) {
    case COL_TTFT: EACH(S(ttft));
    case COL_TPOT: EACH(step[i]);
    case COL_E2E: EACH(tr_e2e_seconds(S(ttft), step[i], S(S_LATER)));
    case COL_TOKENS_PER_S: EACH(1.0 / spt[i]);
    case COL_DECODE_TOKENS_PER_S: EACH(B(B_BATCH) / step[i]);
    case COL_TOKENS_PER_S_PER_CHIP: EACH(K(K_INV_CHIPS) / spt[i]);
    case COL_TOKENS_PER_S_PER_USER: EACH(1.0 / step[i]);
    case COL_CHIPS: EACH(K(K_CHIPS));
    case COL_WEIGHT_BYTES: EACH(K(K_WEIGHTS));
    case COL_KV_BYTES: EACH(CACHE);
    case COL_MEM_BYTES: EACH(MEMORY);
    case COL_MAX_BATCH: EACH(tr_max_batch(K(K_ROOM), S(S_KV), K(K_HOLDERS)));
    case COL_FITS: EACH(CACHE <= S(S_ROOM) ? 1.0 : 0.0);
    case COL_STATUS:
        EACH(S(S_TOO_LONG) > 0.0 ? (double)TR_POINT_CONTEXT : CACHE <= S(S_ROOM) ? 0.0 : (double)TR_POINT_MEMORY);
    case COL_PREFILL_FLOPS: EACH(S(S_PREFILL_FLOPS));
    case COL_DECODE_FLOPS: EACH(B(B_BATCH) * S(S_DECODE_FLOPS));
    case COL_DECODE_BYTES: EACH(B(B_READ) + B(B_BATCH) * S(S_DECODE_BYTES));
    case COL_INTENSITY: EACH(B(B_BATCH) * S(S_DECODE_FLOPS) / (B(B_READ) + B(B_BATCH) * S(S_DECODE_BYTES)));
    case COL_MFU: EACH(B(B_BATCH) * S(S_DECODE_FLOPS) * K(K_INV_FLOPS) / step[i]);
    case COL_MBU: EACH((B(B_READ) + B(B_BATCH) * S(S_DECODE_BYTES)) * K(K_INV_BYTES) / step[i]);
    case COL_BOTTLENECK:
        for (i = 0; i < n; i++) {
            double c = bound ? t->cb[i] : B(B_COMPUTE) + B(B_TOKENS) * S(S_CONTEXT_COMPUTE);
            double m = bound ? t->mb[i] : B(B_MEMORY) + B(B_TOKENS) * S(S_CONTEXT_MEMORY);
            double w = bound ? t->nb[i] : B(B_NETWORK) + B(B_TOKENS) * K(K_EXCHANGE);
            double o = bound ? 0.0 : K(K_OVERHEAD) + B(B_TOKENS) * K(K_HOST);
            double most = tr_max(tr_max(c, m), tr_max(w, o));
            out[i] = c == most ? 0.0 : m == most ? 1.0 : w == most ? 2.0 : 3.0;
        }
        break;
    case COL_JOULES_PER_TOKEN: EACH(JOULES(spt[i]));
    case COL_WATTS_PER_CHIP: EACH(K(K_INV_CHIPS) * JOULES(spt[i]) / spt[i]);
    case COL_USD_PER_MTOK: EACH(K(K_USD) * spt[i]);
    case COL_TTFT_BOUND: EACH(S(S_TTFT_BOUND));
    case COL_TPOT_BOUND: EACH(t->tb[i]);
    case COL_E2E_BOUND: EACH(tr_e2e_seconds(S(S_TTFT_BOUND), t->tb[i], S(S_LATER)));
    case COL_TOKENS_PER_S_BOUND: EACH(1.0 / t->ub[i]);
    case COL_DECODE_TOKENS_PER_S_BOUND: EACH(B(B_BATCH) / t->tb[i]);
    case COL_TOKENS_PER_S_PER_CHIP_BOUND: EACH(K(K_INV_CHIPS) / t->ub[i]);
    case COL_TOKENS_PER_S_PER_USER_BOUND: EACH(1.0 / t->tb[i]);
    case COL_USD_PER_MTOK_BOUND: EACH(K(K_USD) * t->ub[i]);
    default: EACH(NAN);
    }
    if (!t->illegal) return;
    if (column == COL_STATUS || column == COL_CHIPS || column == COL_FITS) {
        for (i = 0; i < n; i++)
            if (K(K_STATUS) != 0.0) out[i] = column == COL_STATUS ? K(K_STATUS) : column == COL_FITS ? 0.0 : K(K_CHIPS);
    } else {
        for (i = 0; i < n; i++)
            if (K(K_STATUS) != 0.0) out[i] = NAN;
    }
}

TR_TARGET static void TR_ISA_FN(column)(const tile_t *t, int column, double *out)
{
    if (t->mode == TILE_ROW) TR_ISA_FN(column_mode)(t, column, out, TILE_ROW);
    else if (t->mode == TILE_ZIP) TR_ISA_FN(column_mode)(t, column, out, TILE_ZIP);
    else TR_ISA_FN(column_mode)(t, column, out, TILE_LIST);
}

/* A lane's value of an axis from tp on. */
TR_TARGET TR_FN void TR_ISA_FN(axis_mode)(const tile_t *t, int axis, double *restrict out, const int mode)
{
    const size_t n = t->n;
    size_t i;
    switch (axis) {
    case AX_TP: EACH(K(K_TP));
    case AX_PP: EACH(K(K_PP));
    case AX_EP: EACH(K(K_EP));
    case AX_DP: EACH(K(K_DP));
    case AX_CP: EACH(K(K_CP));
    case AX_ISL: EACH(S(S_ISL));
    case AX_OSL: EACH(S(S_LATER) + 1.0);
    default: EACH(B(B_BATCH));
    }
}

TR_TARGET static void TR_ISA_FN(axis)(const tile_t *t, int axis, double *out)
{
    if (t->mode == TILE_ROW) TR_ISA_FN(axis_mode)(t, axis, out, TILE_ROW);
    else if (t->mode == TILE_ZIP) TR_ISA_FN(axis_mode)(t, axis, out, TILE_ZIP);
    else TR_ISA_FN(axis_mode)(t, axis, out, TILE_LIST);
}

#include "kernel_search.h"

const kernels_t TR_ISA_FN(tr_kernels) = {TR_ISA_FN(batch), TR_ISA_FN(counts), TR_ISA_FN(lengths), TR_ISA_FN(prefill),
                                         TR_ISA_FN(fill), TR_ISA_FN(basis), TR_ISA_FN(column), TR_ISA_FN(search),
                                         TR_ISA_FN(tally), TR_ISA_FN(corners), TR_ISA_FN(within), TR_ISA_FN(extremes),
                                         TR_ISA_FN(reach), TR_ISA_FN(dominator), TR_ISA_FN(axis), TR_ISA_FN(operate)};

#undef EACH
#undef JOULES
#undef WORK
#undef MEMORY
#undef CACHE
#undef K
#undef S
#undef B
#undef LANES
