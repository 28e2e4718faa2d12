/* Arbitrary points: a list of them, or one. Lanes are filled point by point with the grid's own formulas. */
#include "seq.h"

#include <stdlib.h>

#define LIST_LANES 64 /* as many as keep all of their inputs in L1 */

typedef struct {
    double batch[N_BATCH][TR_STRIDE], seq[N_SEQ][TR_STRIDE], basis[7][TR_STRIDE], stack[TR_EXPR_DEPTH][LIST_LANES];
    lengths_t lengths[LIST_LANES];
    const coef_t *coefs[LIST_LANES];
} list_t;

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
    tile_t t = {0};
    size_t i, at, c, indices[N_AXES];
    int code, needs;
    if (!p) return tr_fail(err, TR_ERR_NULL, -1, -1, "plan is NULL");
    if (n && (!combination || !batch || !isl || !osl)) return tr_fail(err, TR_ERR_NULL, -1, -1, "an input is NULL");
    if ((code = tr_check_columns(p, n_columns, columns, err))
        || (code = tr_check_out(n_columns, (const void *const *)out, err)))
        return code;
    needs = tr_needs(p, n_columns, columns);
    if ((code = check_points(p, n, combination, batch, isl, osl, err))) return code;
    l = calloc(1, sizeof *l);
    if (!p->bound) own = malloc((n < LIST_LANES ? n + 1 : LIST_LANES) * p->coef_bytes);
    if (!l || (!p->bound && !own)) code = tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory");
    if (code) goto done;
    for (i = 0; i < N_BATCH; i++) t.bat[i] = l->batch[i];
    t.seq = l->seq[0];
    t.coefs = l->coefs;
    t.t = l->basis[0], t.u = l->basis[1], t.tb = l->basis[2], t.ub = l->basis[3];
    t.cb = l->basis[4], t.mb = l->basis[5], t.nb = l->basis[6];
    t.mode = TILE_LIST;
    t.stack = l->stack[0];
    t.stack_stride = LIST_LANES;
    t.estimate = p->estimate;
    t.needs = needs;
    for (at = 0; at < n; at += LIST_LANES) {
        t.n = n - at < LIST_LANES ? n - at : LIST_LANES;
        t.illegal = 0;
        p->kernels->lengths(t.n, batch + at, isl + at, osl + at, l->batch[B_INV], l->lengths);
        for (i = 0; i < t.n; i++) {
            coef_t *bound = (coef_t *)(own ? own + i * p->coef_bytes : p->bound + combination[at + i] * p->coef_bytes);
            if (own) {
                tr_indices(p, combination[at + i], indices);
                tr_bind(p, indices, bound, NULL);
            }
            l->coefs[i] = bound;
            t.illegal |= bound->k[K_STATUS] != 0.0;
            p->kernels->fill(p, bound, batch[at + i], &l->lengths[i], needs, &l->batch[0][i], &l->seq[0][i], TR_STRIDE);
        }
        p->kernels->basis(&t);
        for (c = 0; c < n_columns; c++) tr_column(p, &t, columns[c], out[c] + at);
    }
done:
    free(l);
    free(own);
    return code;
}

int tr_point_eval(const tr_plan *p, uint64_t combination, double batch, double isl, double osl, size_t n_columns,
                  const int32_t *columns, double *out)
{
    double bat[N_BATCH] = {0.0}, seq[N_SEQ] = {0.0}, basis[7] = {0.0}, stack[TR_EXPR_DEPTH];
    coef_t *c, *own = NULL;
    lengths_t x;
    tile_t t = {0};
    size_t i, indices[N_AXES];
    int code = TR_OK, needs;
    if (!p || (n_columns && !out)) return TR_ERR_NULL;
    if ((code = tr_check_columns(p, n_columns, columns, NULL))) return code;
    if (combination >= p->combinations) return TR_ERR_RANGE;
    if (!is_count(batch) || !is_count(isl) || !is_count(osl)) return TR_ERR_VALUE;
    if (p->bound) c = (coef_t *)(p->bound + combination * p->coef_bytes);
    else {
        if (!(own = malloc(p->coef_bytes))) return TR_ERR_MEMORY;
        tr_indices(p, combination, indices);
        tr_bind(p, indices, own, NULL);
        c = own;
    }
    needs = tr_needs(p, n_columns, columns);
    x = lengths_of_osl(osl);
    set_isl(&x, isl);
    bat[B_INV] = 1.0 / batch;
    p->kernels->fill(p, c, batch, &x, needs, bat, seq, 1);
    t.n = 1;
    t.mode = TILE_ROW;
    t.estimate = p->estimate;
    t.needs = needs;
    for (i = 0; i < N_BATCH; i++) t.bat[i] = &bat[i];
    t.seq = seq;
    t.com = c->k;
    t.stack = stack;
    t.stack_stride = 1;
    t.illegal = c->k[K_STATUS] != 0.0;
    t.t = &basis[0], t.u = &basis[1], t.tb = &basis[2], t.ub = &basis[3];
    t.cb = &basis[4], t.mb = &basis[5], t.nb = &basis[6];
    p->kernels->basis(&t);
    for (i = 0; i < n_columns; i++) tr_column(p, &t, columns[i], &out[i]);
    free(own);
    return code;
}
