/* Columns out: a range of the grid, a list of points, one point. */
#include "internal.h"

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

/* Point list. Lanes are filled point by point with the grid's own formulas, then evaluated a tile at a time. */
typedef struct {
    double batch[N_BATCH][TR_TILE], seq[N_SEQ][TR_TILE], basis[7][TR_TILE];
    const coef_t *coefs[TR_TILE];
} list_t;

static void batch_at(const tr_plan *p, const coef_t *c, double batch, int needs, double *bat,
                     size_t stride)
{
    const double pp = p->axis[AX_PP][c->pp_index], dp = c->k[K_DP];
    const double expert_tokens = tr_microbatch(batch, pp), seqs = tr_microbatch(batch, dp);
    const double tokens = dp == 1.0 ? expert_tokens : tr_microbatch(batch, pp * dp);
    double fixed, compute = 0.0, memory = 0.0, read, touched;
    uint32_t r;
    bat[B_BATCH * stride] = batch;
    bat[B_INV * stride] = 1.0 / batch;
    bat[B_TOKENS * stride] = tokens;
    bat[B_SEQS * stride] = seqs;
    if (needs & NEED_BOUND) {
        bat[B_EXPERT_BOUND * stride] = tr_microbatch_bound(batch, pp);
        bat[B_TOKENS_BOUND * stride] =
            dp == 1.0 ? bat[B_EXPERT_BOUND * stride] : tr_microbatch_bound(batch, pp * dp);
    }
    if (!(needs & (NEED_TYPICAL | NEED_READ | NEED_SPLIT))) return;
    fixed = (c->k[K_OVERHEAD] + c->k[K_LATENCY]) + tokens * c->k[K_PER_TOKEN];
    read = c->read_bytes;
    for (r = 0; r < c->n_body + c->n_head; r++) {
        double f = c->rows[r].f * tokens, m = c->rows[r].w + c->rows[r].a * tokens;
        fixed += tr_row_seconds(tokens, c->rows[r].f, c->rows[r].w, c->rows[r].a);
        compute += f >= m ? f : 0.0;
        memory += f >= m ? 0.0 : m;
    }
    for (r = 0; r < c->n_expert; r++) {
        const expert_t *e = &c->experts[r];
        touched = tr_experts_per_rank(
            tr_expected_experts(p->pairs[e->pair].experts, p->pairs[e->pair].active, expert_tokens), c->inv_ep);
        double f = e->f * expert_tokens, m = e->w * touched + e->a * expert_tokens;
        fixed += tr_expert_seconds(expert_tokens, touched, e->f, e->w, e->a);
        compute += f >= m ? f : 0.0;
        memory += f >= m ? 0.0 : m;
        read += e->read * touched;
    }
    bat[B_FIXED * stride] = fixed;
    bat[B_COMPUTE * stride] = compute;
    bat[B_MEMORY * stride] = memory;
    bat[B_READ * stride] = read * tr_min(pp, seqs);
}

static void seq_at(const tr_plan *p, const coef_t *c, double isl, double osl, int needs, double *touched, double *seq,
                   size_t stride)
{
    lengths_t x = tr_lengths(isl, osl);
    uint32_t r;
    for (r = 0; (needs & NEED_PREFILL) && r < c->n_expert; r++) {
        const pair_t *pair = &p->pairs[c->experts[r].pair];
        touched[r] = tr_expected_experts(pair->experts, pair->active, isl * c->k[K_DP]);
    }
    prefill_t pre = tr_prefill_eval(c, isl, touched, needs);
    tr_seq_eval(c, &x, &pre, seq, stride);
}

static int is_count(double x) { return x >= 1.0 && x < TR_WHOLE_MAX && tr_ceil(x) == x; }

int tr_points_eval(const tr_plan *p, size_t n, const uint64_t *combination, const double *batch, const double *isl,
                   const double *osl, size_t n_columns, const int32_t *columns, double *const *out, tr_error *err)
{
    list_t *l = NULL;
    char *own = NULL; /* coefficients of a tile where the plan has not bound all */
    double *touched = NULL;
    size_t i, at, c;
    int code, needs;
    if (!p) return tr_fail(err, TR_ERR_NULL, -1, -1, "plan is NULL");
    if (n && (!combination || !batch || !isl || !osl)) return tr_fail(err, TR_ERR_NULL, -1, -1, "an input is NULL");
    if ((code = tr_check_columns(n_columns, columns, err)) || (code = check_out(n_columns, out, err))) return code;
    needs = needs_of(p, n_columns, columns);
    for (i = 0; i < n; i++) {
        if (combination[i] >= p->combinations)
            return tr_fail(err, TR_ERR_RANGE, -1, (int64_t)i, "point %zu: combination %llu of %llu", i,
                           (unsigned long long)combination[i], (unsigned long long)p->combinations);
        if (!is_count(batch[i]) || !is_count(isl[i]) || !is_count(osl[i]))
            return tr_fail(err, TR_ERR_VALUE, -1, (int64_t)i,
                           "point %zu: batch %g, isl %g, osl %g: expected whole numbers from 1", i, batch[i], isl[i],
                           osl[i]);
    }
    l = calloc(1, sizeof *l);
    touched = malloc((p->max_experts + 1) * sizeof *touched);
    if (!p->bound) own = malloc((n < TR_TILE ? n + 1 : TR_TILE) * p->coef_bytes);
    if (!l || !touched || (!p->bound && !own)) code = tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory");
    for (at = 0; !code && at < n; at += TR_TILE) {
        tile_t t = {0};
        t.n = n - at < TR_TILE ? n - at : TR_TILE;
        t.mode = TILE_LIST;
        t.estimate = p->estimate;
        t.needs = needs;
        for (i = 0; i < t.n; i++) {
            coef_t *bound = (coef_t *)(own ? own + i * p->coef_bytes : p->bound + combination[at + i] * p->coef_bytes);
            if (own) tr_bind(p, combination[at + i], bound);
            l->coefs[i] = bound;
            batch_at(p, bound, batch[at + i], needs, &l->batch[0][i], TR_TILE);
            seq_at(p, bound, isl[at + i], osl[at + i], needs, touched, &l->seq[0][i], TR_TILE);
        }
        for (i = 0; i < N_BATCH; i++) t.bat[i] = l->batch[i];
        t.seq = l->seq[0];
        t.coefs = l->coefs;
        t.t = l->basis[0], t.u = l->basis[1], t.tb = l->basis[2], t.ub = l->basis[3];
        t.cb = l->basis[4], t.mb = l->basis[5], t.nb = l->basis[6];
        p->kernels->basis(&t);
        for (c = 0; c < n_columns; c++) p->kernels->column(&t, columns[c], out[c] + at);
    }
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
    seq_at(p, c, isl, osl, needs, touched, seq, 1);
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
