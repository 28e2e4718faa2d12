/* Columns out: a range of the grid, a list of points, one point. */
#include "seq.h"

#include <stdlib.h>

static int needs_of(const tr_plan *p, size_t n, const int32_t *columns)
{
    int needs = 0;
    size_t i;
    for (i = 0; i < n; i++) needs |= tr_column_needs(columns[i], p->estimate);
    return needs;
}

static int check_out(size_t n, double *const *out, tr_error *err)
{
    size_t i;
    if (n && !out) return tr_fail(err, TR_ERR_NULL, -1, -1, "out is NULL");
    for (i = 0; i < n; i++)
        if (!out[i]) return tr_fail(err, TR_ERR_NULL, -1, (int64_t)i, "out[%zu] is NULL", i);
    return TR_OK;
}

typedef struct {
    uint64_t begin;
    size_t n;
    const int32_t *columns;
    double *const *out;
} store_t;

static void store_tile(walk_t *w)
{
    const store_t *s = w->state;
    size_t c;
    w->plan->kernels->basis(&w->tile);
    for (c = 0; c < s->n; c++) w->plan->kernels->column(&w->tile, s->columns[c], s->out[c] + (w->first - s->begin));
}

int tr_plan_store(const tr_plan *p, uint64_t begin, uint64_t end, size_t n_columns, const int32_t *columns,
                  double *const *out, tr_error *err)
{
    walk_t w = {0};
    store_t s;
    int code;
    if (!p) return tr_fail(err, TR_ERR_NULL, -1, -1, "plan is NULL");
    if ((code = tr_check_columns(n_columns, columns, err)) || (code = check_out(n_columns, out, err))) return code;
    s.begin = begin;
    s.n = n_columns;
    s.columns = columns;
    s.out = out;
    w.plan = p;
    w.needs = needs_of(p, n_columns, columns);
    w.visit = store_tile;
    w.state = &s;
    return tr_walk(&w, begin, end, err);
}

/* Point list. Lanes are filled point by point with the grid's own formulas, then evaluated a few at a time: as many as
 * keep all of their inputs in L1. */
#define LIST_LANES 64
typedef struct {
    double batch[N_BATCH][TR_STRIDE], seq[N_SEQ][TR_STRIDE], basis[7][TR_STRIDE];
    lengths_t lengths[LIST_LANES];
    const coef_t *coefs[LIST_LANES];
} list_t;

/* What the batch decides, as tables over the axis hold it for the grid. */
static void batch_at(const tr_plan *p, const coef_t *c, double batch, int needs, double *restrict bat, size_t stride)
{
    const double pp = p->axis[AX_PP][c->pp_index], dp = c->k[K_DP];
    const double routed = tr_microbatch(batch, pp);
    const double seqs = dp == 1.0 ? batch : tr_microbatch(batch, dp);
    const double tokens = dp == 1.0 ? routed : tr_microbatch(batch, pp * dp);
    const row_t *rows = c->rows;
    const uint32_t n_rows = c->n_body + c->n_head;
    const double light = c->k[K_LIGHT] + tokens * c->k[K_LIGHT_TOKEN];
    double fixed, compute = 0.0, memory = light, read;
    uint32_t r;
    bat[B_BATCH * stride] = batch;
    bat[B_INV * stride] = 1.0 / batch;
    bat[B_TOKENS * stride] = tokens;
    bat[B_SEQS * stride] = seqs;
    if (needs & NEED_BOUND) {
        const double routed_bound = tr_microbatch_bound(batch, pp);
        bat[B_EXPERT_BOUND * stride] = routed_bound;
        bat[B_TOKENS_BOUND * stride] = dp == 1.0 ? routed_bound : tr_microbatch_bound(batch, pp * dp);
    }
    if (needs & NEED_READ_BOUND) bat[B_READ * stride] = c->read_bound * tr_min(pp, seqs);
    if (!(needs & (NEED_TYPICAL | NEED_READ | NEED_SPLIT))) return;
    fixed = ((c->k[K_OVERHEAD] + c->k[K_LATENCY]) + tokens * c->k[K_PER_TOKEN]) + light;
    read = c->read_bytes;
    for (r = 0; r < n_rows; r++) fixed += tr_row_seconds(tokens, rows[r].f, rows[r].w, rows[r].a);
    for (r = 0; (needs & NEED_SPLIT) && r < n_rows; r++) {
        const double f = rows[r].f * tokens, m = rows[r].w + rows[r].a * tokens;
        compute += f >= m ? f : 0.0;
        memory += f >= m ? 0.0 : m;
    }
    for (r = 0; r < c->n_expert; r++) {
        const expert_t *e = &c->experts[r];
        const double distinct = tr_expected_experts(p->pairs[e->pair].experts, p->pairs[e->pair].active, routed);
        const double touched = tr_experts_per_rank(distinct, c->inv_ep);
        const double f = e->f * routed, m = e->w * touched + e->a * routed;
        fixed += tr_expert_seconds(routed, touched, e->f, e->w, e->a);
        compute += f >= m ? f : 0.0;
        memory += f >= m ? 0.0 : m;
        read += e->read * distinct;
    }
    bat[B_FIXED * stride] = fixed;
    bat[B_COMPUTE * stride] = compute;
    bat[B_MEMORY * stride] = memory;
    if (needs & NEED_READ) bat[B_READ * stride] = read * tr_min(pp, seqs);
}

static void seq_at(const tr_plan *p, const coef_t *c, const lengths_t *x, int needs, double *touched, double *seq,
                   size_t stride)
{
    uint32_t r;
    for (r = 0; (needs & NEED_PREFILL) && r < c->n_expert; r++) {
        const pair_t *pair = &p->pairs[c->experts[r].pair];
        touched[r] = tr_expected_experts(pair->experts, pair->active, x->isl * c->k[K_DP]);
    }
    const prefill_t pre = prefill_eval(c, x, touched, needs);
    seq_eval(c, x, &pre, needs, seq, stride);
}

static int is_count(double x) { return x >= 1.0 && x < TR_WHOLE_MAX && tr_ceil(x) == x; }

static int check_points(const tr_plan *p, size_t n, const uint64_t *combination, const double *batch,
                        const double *isl, const double *osl, tr_error *err)
{
    const kernels_t *k = p->kernels;
    uint64_t beyond = 0;
    size_t i;
    for (i = 0; i < n; i++) beyond |= combination[i] | (p->combinations - 1 - combination[i]); /* top bit: too large */
    if (!n || (!(beyond >> 63) && k->counts(n, batch) && k->counts(n, isl) && k->counts(n, osl))) return TR_OK;
    for (i = 0; i < n; i++) {
        if (combination[i] >= p->combinations)
            return tr_fail(err, TR_ERR_RANGE, -1, (int64_t)i, "point %zu: combination %llu of %llu", i,
                           (unsigned long long)combination[i], (unsigned long long)p->combinations);
        if (!is_count(batch[i]) || !is_count(isl[i]) || !is_count(osl[i])) break;
    }
    return tr_fail(err, TR_ERR_VALUE, -1, (int64_t)i,
                   "point %zu: batch %g, isl %g, osl %g: expected whole numbers from 1", i, batch[i], isl[i], osl[i]);
}

int tr_points_eval(const tr_plan *p, size_t n, const uint64_t *combination, const double *batch, const double *isl,
                   const double *osl, size_t n_columns, const int32_t *columns, double *const *out, tr_error *err)
{
    list_t *l = NULL;
    char *own = NULL; /* coefficients of a tile where the plan has not bound all */
    double *touched = NULL;
    tile_t t = {0};
    size_t i, at, c;
    int code, needs;
    if (!p) return tr_fail(err, TR_ERR_NULL, -1, -1, "plan is NULL");
    if (n && (!combination || !batch || !isl || !osl)) return tr_fail(err, TR_ERR_NULL, -1, -1, "an input is NULL");
    if ((code = tr_check_columns(n_columns, columns, err)) || (code = check_out(n_columns, out, err))) return code;
    needs = needs_of(p, n_columns, columns);
    if ((code = check_points(p, n, combination, batch, isl, osl, err))) return code;
    l = calloc(1, sizeof *l);
    touched = malloc((p->max_experts + 1) * sizeof *touched);
    if (!p->bound) own = malloc((n < LIST_LANES ? n + 1 : LIST_LANES) * p->coef_bytes);
    if (!l || !touched || (!p->bound && !own)) code = tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory");
    if (code) goto done;
    for (i = 0; i < N_BATCH; i++) t.bat[i] = l->batch[i];
    t.seq = l->seq[0];
    t.coefs = l->coefs;
    t.t = l->basis[0], t.u = l->basis[1], t.tb = l->basis[2], t.ub = l->basis[3];
    t.cb = l->basis[4], t.mb = l->basis[5], t.nb = l->basis[6];
    t.mode = TILE_LIST;
    t.estimate = p->estimate;
    t.needs = needs;
    for (at = 0; at < n; at += LIST_LANES) {
        t.n = n - at < LIST_LANES ? n - at : LIST_LANES;
        p->kernels->lengths(t.n, isl + at, osl + at, l->lengths);
        for (i = 0; i < t.n; i++) {
            coef_t *bound = (coef_t *)(own ? own + i * p->coef_bytes : p->bound + combination[at + i] * p->coef_bytes);
            if (own) tr_bind(p, combination[at + i], bound);
            l->coefs[i] = bound;
            batch_at(p, bound, batch[at + i], needs, &l->batch[0][i], TR_STRIDE);
            seq_at(p, bound, &l->lengths[i], needs, touched, &l->seq[0][i], TR_STRIDE);
        }
        p->kernels->basis(&t);
        for (c = 0; c < n_columns; c++) p->kernels->column(&t, columns[c], out[c] + at);
    }
done:
    free(l);
    free(touched);
    free(own);
    return code;
}

int tr_point_eval(const tr_plan *p, uint64_t combination, double batch, double isl, double osl, size_t n_columns,
                  const int32_t *columns, double *out)
{
    double bat[N_BATCH] = {0.0}, seq[N_SEQ] = {0.0}, basis[7] = {0.0}, few[8], *touched = few;
    coef_t *c, *own = NULL;
    lengths_t x;
    tile_t t = {0};
    size_t i;
    int code = TR_OK, needs;
    if (!p || (n_columns && !out)) return TR_ERR_NULL;
    if ((code = tr_check_columns(n_columns, columns, NULL))) return code;
    if (combination >= p->combinations) return TR_ERR_RANGE;
    if (!is_count(batch) || !is_count(isl) || !is_count(osl)) return TR_ERR_VALUE;
    if (p->bound) c = (coef_t *)(p->bound + combination * p->coef_bytes);
    else {
        if (!(own = malloc(p->coef_bytes))) return TR_ERR_MEMORY;
        tr_bind(p, combination, own);
        c = own;
    }
    if (p->max_experts > 8 && !(touched = malloc(p->max_experts * sizeof *touched))) {
        free(own);
        return TR_ERR_MEMORY;
    }
    needs = needs_of(p, n_columns, columns);
    batch_at(p, c, batch, needs, bat, 1);
    x = lengths_of_osl(osl);
    set_isl(&x, isl);
    seq_at(p, c, &x, needs, touched, seq, 1);
    t.n = 1;
    t.mode = TILE_ROW;
    t.estimate = p->estimate;
    t.needs = needs;
    for (i = 0; i < N_BATCH; i++) t.bat[i] = &bat[i];
    t.seq = seq;
    t.com = c->k;
    t.t = &basis[0], t.u = &basis[1], t.tb = &basis[2], t.ub = &basis[3];
    t.cb = &basis[4], t.mb = &basis[5], t.nb = &basis[6];
    p->kernels->basis(&t);
    for (i = 0; i < n_columns; i++) p->kernels->column(&t, columns[i], &out[i]);
    if (touched != few) free(touched);
    free(own);
    return code;
}
