/* The `store` sink: columns of a range of the grid. */
#include "internal.h"

int tr_needs(const tr_plan *p, size_t n, const int32_t *columns)
{
    int needs = 0;
    size_t i;
    for (i = 0; i < n; i++) needs |= tr_column_needs(p, columns[i]);
    return needs;
}

int tr_check_out(size_t n, const void *const *out, tr_error *err)
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
    float *const *narrow; /* instead of out */
    double column[TR_TILE];
} store_t;

static void store_tile(walk_t *w)
{
    store_t *s = w->state;
    const uint64_t at = w->first - s->begin;
    size_t c, i;
    w->plan->kernels->basis(&w->tile);
    for (c = 0; c < s->n; c++) {
        tr_column(w->plan, &w->tile, s->columns[c], s->narrow ? s->column : s->out[c] + at);
        for (i = 0; s->narrow && i < w->tile.n; i++) s->narrow[c][at + i] = (float)s->column[i];
    }
}

static int store(const tr_plan *p, uint64_t begin, uint64_t end, size_t n_columns, const int32_t *columns,
                 double *const *out, float *const *narrow, tr_error *err)
{
    walk_t w = {0};
    store_t s;
    int code;
    if (!p) return tr_fail(err, TR_ERR_NULL, -1, -1, "plan is NULL");
    if ((code = tr_check_columns(p, n_columns, columns, err))) return code;
    s.begin = begin;
    s.n = n_columns;
    s.columns = columns;
    s.out = out;
    s.narrow = narrow;
    w.plan = p;
    w.needs = tr_needs(p, n_columns, columns);
    w.visit = store_tile;
    w.state = &s;
    return tr_walk(&w, begin, end, err);
}

int tr_plan_store(const tr_plan *p, uint64_t begin, uint64_t end, size_t n_columns, const int32_t *columns,
                  double *const *out, tr_error *err)
{
    int code = tr_check_out(n_columns, (const void *const *)out, err);
    return code ? code : store(p, begin, end, n_columns, columns, out, NULL, err);
}

int tr_plan_store_f32(const tr_plan *p, uint64_t begin, uint64_t end, size_t n_columns, const int32_t *columns,
                      float *const *out, tr_error *err)
{
    int code = tr_check_out(n_columns, (const void *const *)out, err);
    return code ? code : store(p, begin, end, n_columns, columns, NULL, out, err);
}
