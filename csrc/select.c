/* Selection: limits checked, turned into limits on step time and seconds per token, and held against tiles. */
#include "select.h"

#include <stdlib.h>
#include <string.h>

int tr_class_of(int column, int estimate)
{
    const int bound = estimate == TR_BOUND;
    switch (column) {
    case COL_TTFT: case COL_TTFT_BOUND: case COL_CHIPS: case COL_WEIGHT_BYTES: case COL_MAX_BATCH:
    case COL_PREFILL_FLOPS: return CLASS_ROW;
    case COL_TPOT: return CLASS_STEP;
    case COL_TPOT_BOUND: return bound ? CLASS_STEP : CLASS_OTHER;
    case COL_USD_PER_MTOK: return CLASS_SPT;
    case COL_USD_PER_MTOK_BOUND: return bound ? CLASS_SPT : CLASS_OTHER;
    case COL_TOKENS_PER_S_PER_USER: return CLASS_PER_STEP;
    case COL_TOKENS_PER_S_PER_USER_BOUND: return bound ? CLASS_PER_STEP : CLASS_OTHER;
    case COL_TOKENS_PER_S: case COL_TOKENS_PER_S_PER_CHIP: return CLASS_PER_SPT;
    case COL_TOKENS_PER_S_BOUND: case COL_TOKENS_PER_S_PER_CHIP_BOUND: return bound ? CLASS_PER_SPT : CLASS_OTHER;
    default: return CLASS_OTHER;
    }
}

double tr_scale_of(int column, const coef_t *c)
{
    switch (column) {
    case COL_USD_PER_MTOK: case COL_USD_PER_MTOK_BOUND: return c->k[K_USD];
    case COL_TOKENS_PER_S_PER_CHIP: case COL_TOKENS_PER_S_PER_CHIP_BOUND: return c->k[K_INV_CHIPS];
    default: return 1.0;
    }
}

double tr_row_value(const walk_t *w, int column)
{
    const double *seq = w->tile.seq, *k = w->tile.com;
    switch (column) {
    case COL_TTFT: return seq[w->plan->estimate == TR_BOUND ? S_TTFT_BOUND : S_TTFT];
    case COL_TTFT_BOUND: return seq[S_TTFT_BOUND];
    case COL_PREFILL_FLOPS: return seq[S_PREFILL_FLOPS];
    case COL_CHIPS: return k[K_CHIPS];
    case COL_WEIGHT_BYTES: return k[K_WEIGHTS];
    default: return tr_max_batch(k[K_ROOM], seq[S_KV], k[K_HOLDERS]);
    }
}

static int holds(double value, int compare, double limit)
{
    switch (compare) {
    case TR_LE: return value <= limit;
    case TR_LT: return value < limit;
    case TR_GE: return value >= limit;
    case TR_GT: return value > limit;
    case TR_EQ: return value == limit;
    default: return value != limit;
    }
}

static double from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Whether a limit on a fused column keeps small step times or small seconds per token: upper limits of multiples,
 * lower limits of quotients. The others are rare and are held against every lane. */
static int keeps_small(int class, int compare)
{
    return class == CLASS_STEP || class == CLASS_SPT ? compare == TR_LE || compare == TR_LT
                                                     : compare == TR_GE || compare == TR_GT;
}

/* The largest x >= 0 where scale * x (or scale / x) holds the comparison, to the last bit; below 0 if there is none.
 * The rounded function is monotone and doubles from 0 up are ordered as their bits, so bisection finds the flip. */
static double largest_within(int per, double scale, int compare, double limit)
{
    uint64_t yes = 0, no = 0x7ff0000000000000ull;
    if (!holds(per ? scale / 0.0 : scale * 0.0, compare, limit)) return -1.0;
    while (no - yes > 1) {
        const uint64_t mid = yes + (no - yes) / 2;
        const double x = from_bits(mid);
        if (holds(per ? scale / x : scale * x, compare, limit)) yes = mid;
        else no = mid;
    }
    return from_bits(yes);
}

static int check_where(select_t *s, const tr_plan *p, tr_error *err)
{
    size_t j;
    int code;
    for (j = 0; j < s->n_where; j++) {
        const tr_where *o = &s->where[j];
        const int class = tr_class_of(o->column, p->estimate);
        if ((code = tr_check_columns(p, 1, &o->column, err))) return code;
        if (o->compare < TR_LE || o->compare > TR_NE)
            return tr_fail(err, TR_ERR_COMPARE, -1, (int64_t)j, "where[%zu]: comparison %d", j, (int)o->compare);
        if (o->limit != o->limit) return tr_fail(err, TR_ERR_VALUE, -1, (int64_t)j, "where[%zu]: limit is NaN", j);
        if (class == CLASS_ROW) s->row_limits[s->n_row_limits++] = j;
        else if (class == CLASS_OTHER || !keeps_small(class, o->compare)) s->fused = 0;
        else if (class == CLASS_STEP || class == CLASS_PER_STEP) s->limits_step = 1;
        else s->limits_spt = 1;
    }
    return TR_OK;
}

int tr_select_open(select_t *s, const tr_plan *p, const tr_select *select, tr_error *err)
{
    s->misfits = 0;
    s->fused = p->ascending;
    s->n_where = s->n_row_limits = s->fit = 0;
    s->where = NULL;
    s->row_limits = NULL;
    s->limits_step = s->limits_spt = 0;
    s->step_limit = s->spt_limit = INFINITY;
    if (!select) return TR_OK;
    if (tr_bad_size(select->struct_size, FIRST(tr_select, where)))
        return tr_fail(err, TR_ERR_STRUCT_SIZE, -1, -1, "tr_select: struct_size %u", (unsigned)select->struct_size);
    if (select->n_where && !select->where) return tr_fail(err, TR_ERR_NULL, -1, -1, "where is NULL");
    s->misfits = select->misfits != 0;
    s->n_where = select->n_where;
    s->where = select->where;
    s->row_limits = malloc((s->n_where + 1) * sizeof *s->row_limits);
    if (!s->row_limits) return tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory");
    return check_where(s, p, err);
}

void tr_select_close(select_t *s) { free(s->row_limits); }

int tr_select_needs(const select_t *s, const tr_plan *p)
{
    int needs = 0;
    size_t j;
    for (j = 0; j < s->n_where; j++) needs |= tr_column_needs(p, s->where[j].column);
    return needs;
}

void tr_select_combination(select_t *s, const walk_t *w)
{
    size_t j;
    if (!s->fused) return;
    s->step_limit = s->spt_limit = INFINITY;
    for (j = 0; j < s->n_where; j++) {
        const tr_where *o = &s->where[j];
        const int class = tr_class_of(o->column, w->plan->estimate);
        const int per = class == CLASS_PER_STEP || class == CLASS_PER_SPT;
        double *limit = class == CLASS_STEP || class == CLASS_PER_STEP ? &s->step_limit : &s->spt_limit;
        if (class == CLASS_ROW) continue;
        *limit = tr_min(*limit, largest_within(per, tr_scale_of(o->column, w->coef), o->compare, o->limit));
    }
}

/* Whether the limits that no lane of the row changes let any of its points count. */
static int row_counts(const walk_t *w, const select_t *s)
{
    size_t j;
    for (j = 0; j < s->n_row_limits; j++) {
        const tr_where *o = &s->where[s->row_limits[j]];
        if (!holds(tr_row_value(w, o->column), o->compare, o->limit)) return 0;
    }
    return 1;
}

/* Lanes that fit memory: the first so many, as sequences ascend. Neighbouring rows differ little, so the search
 * gallops from the last row's answer. */
size_t tr_lanes_that_fit(const walk_t *w, size_t guess)
{
    const double *seqs = w->tile.bat[B_SEQS], room = w->tile.seq[S_ROOM], kv = w->tile.seq[S_KV];
    const size_t n = w->tile.n;
    size_t fit = 0, miss = n, step = 1; /* lanes below fit do, lanes from miss do not */
#define FITS(lane) (seqs[lane] * kv <= room)
    if (FITS(n - 1)) return n;
    miss = n - 1;
    if (guess > miss) guess = miss;
    if (guess > 0 && FITS(guess - 1)) {
        for (fit = guess; fit + step < miss && FITS(fit + step - 1); step *= 2) fit += step;
        if (fit + step < miss) miss = fit + step - 1;
    } else if (guess > 0) {
        miss = guess - 1;
        for (; miss > step && !FITS(miss - step); step *= 2) miss -= step;
        if (miss > step) fit = miss - step + 1;
    }
    while (fit < miss) {
        size_t mid = fit + (miss - fit) / 2;
        if (FITS(mid)) fit = mid + 1;
        else miss = mid;
    }
#undef FITS
    return fit;
}

size_t tr_select_row(select_t *s, const walk_t *w)
{
    if (w->tile.seq[S_TOO_LONG] > 0.0 || !row_counts(w, s)) return 0;
    if (s->misfits) return w->tile.n;
    return s->fit = tr_lanes_that_fit(w, s->fit);
}

static size_t lanes_in(const select_t *s, size_t n)
{
    size_t i, count = 0;
    for (i = 0; i < n; i++) count += s->in[i];
    return count;
}

/* Rows of a fused selection: what a row leaves, then at most two comparisons a lane. */
static size_t select_row_lanes(select_t *s, walk_t *w)
{
    const kernels_t *kernels = w->plan->kernels;
    const int bound = w->plan->estimate == TR_BOUND;
    const size_t n = w->tile.n = tr_select_row(s, w);
    s->all = 1;
    if (!n) return 0;
    kernels->basis(&w->tile);
    if (!s->limits_step && !s->limits_spt) return n;
    s->all = 0;
    memset(s->in, 1, n);
    if (s->limits_step) kernels->within(n, bound ? w->tile.tb : w->tile.t, TR_LE, s->step_limit, s->in);
    if (s->limits_spt) kernels->within(n, bound ? w->tile.ub : w->tile.u, TR_LE, s->spt_limit, s->in);
    return lanes_in(s, n);
}

size_t tr_select_tile(select_t *s, walk_t *w)
{
    const kernels_t *kernels = w->plan->kernels;
    const size_t n = w->tile.n;
    size_t j;
    if (w->tile.illegal) return w->tile.n = 0;
    if (s->fused && w->tile.mode == TILE_ROW) return select_row_lanes(s, w);
    kernels->basis(&w->tile);
    tr_column(w->plan, &w->tile, COL_STATUS, s->column);
    memset(s->in, 1, n);
    kernels->within(n, s->column, TR_LE, s->misfits ? (double)TR_POINT_MEMORY : (double)TR_POINT_OK, s->in);
    for (j = 0; j < s->n_where; j++) {
        tr_column(w->plan, &w->tile, s->where[j].column, s->column);
        kernels->within(n, s->column, s->where[j].compare, s->where[j].limit, s->in);
    }
    j = lanes_in(s, n);
    s->all = j == n;
    return j;
}

int tr_sink_open(sink_t *s, walk_t *w, const tr_plan *p, const tr_select *select, const tr_groups *groups, tr_error *err)
{
    int code;
    s->select.row_limits = NULL;
    if (!p) return tr_fail(err, TR_ERR_NULL, -1, -1, "plan is NULL");
    if ((code = tr_select_open(&s->select, p, select, err))) return code;
    if ((code = tr_groups_open(&s->groups, p, groups, err))) return code;
    w->plan = p;
    w->needs = tr_select_needs(&s->select, p);
    return TR_OK;
}

void tr_sink_combination(sink_t *s, const walk_t *w)
{
    tr_groups_combination(&s->groups, w);
    tr_select_combination(&s->select, w);
}

int tr_sink_refuses(walk_t *w)
{
    const select_t *s = &((const sink_t *)w->state)->select;
    const double *k = w->coef->k;
    size_t j;
    if (!s->misfits && k[K_ROOM] < 0.0) return 1;
    for (j = 0; j < s->n_where; j++) {
        const tr_where *o = &s->where[j];
        if (o->column == COL_CHIPS && !holds(k[K_CHIPS], o->compare, o->limit)) return 1;
        if (o->column == COL_WEIGHT_BYTES && !holds(k[K_WEIGHTS], o->compare, o->limit)) return 1;
    }
    return 0;
}
