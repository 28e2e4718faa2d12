/* The `best` sink: the k best points of each group, exactly, in memory that depends on groups and k alone.
 *
 * Rows of the grid (one combination, isl and osl) are searched in registers where the objective is a positive multiple
 * of step time or of seconds per token, or a quotient by one of them. Rounding is monotone, so the row's best value
 * comes from its smallest step time (or seconds per token), and a limit on such a column is a limit on that quantity,
 * found to the last bit. What fits memory is a prefix of an ascending batch axis. Only a row that holds something
 * better than its group's k-th best is looked at point by point, by the general path, which evaluates every column
 * into scratch and takes whatever the fast path does not. Both give the same answer (tests/test_best.py). */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { CLASS_OTHER, CLASS_ROW, CLASS_STEP, CLASS_SPT, CLASS_PER_STEP, CLASS_PER_SPT };

/* How a column depends on the lane of a row: not at all, or by one of the four fused forms. */
static int class_of(int column, int estimate)
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

static double scale_of(int column, const coef_t *c)
{
    switch (column) {
    case COL_USD_PER_MTOK: case COL_USD_PER_MTOK_BOUND: return c->k[K_USD];
    case COL_TOKENS_PER_S_PER_CHIP: case COL_TOKENS_PER_S_PER_CHIP_BOUND: return c->k[K_INV_CHIPS];
    default: return 1.0;
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
 * lower limits of quotients. The others are rare and take the general path. */
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

typedef struct {
    tr_best *best;
    int fused, class;               /* class: of the objective */
    size_t *row_limits, n_row_limits; /* which limits are the same for all lanes of a row */
    uint64_t stride[N_AXES];        /* of the group number; 0 for axes not grouped by */
    uint64_t group;                 /* of the combination */
    double scale, step_limit, spt_limit; /* of the combination */
    size_t fit;                     /* lanes of the last row that fit memory */
    double value[TR_TILE], column[TR_TILE];
    unsigned char in[TR_TILE];
} state_t;

static uint64_t strides(const tr_plan *p, uint32_t by, uint64_t *stride)
{
    uint64_t groups = 1;
    int a;
    for (a = AX_BATCH; a >= 0; a--) {
        stride[a] = by >> a & 1u ? groups : 0;
        if (by >> a & 1u) groups *= p->n[a];
    }
    return groups;
}

uint64_t tr_best_groups(const tr_plan *p, uint32_t by)
{
    uint64_t stride[N_AXES];
    return p ? strides(p, by, stride) : 0;
}

void tr_best_clear(const tr_plan *p, tr_best *b)
{
    uint64_t i, n;
    if (!p || !b || !b->value || !b->point) return;
    n = tr_best_groups(p, b->by) * b->k;
    for (i = 0; i < n; i++) {
        b->value[i] = NAN;
        b->point[i] = UINT64_MAX;
    }
}

static double key_of(const tr_best *b, uint64_t slot)
{
    if (b->point[slot] == UINT64_MAX) return INFINITY;
    return b->maximize ? -b->value[slot] : b->value[slot];
}

/* Whether (key, point) ranks before what the slot holds. */
static int ranks_before(const tr_best *b, uint64_t slot, double key, uint64_t point)
{
    double held = key_of(b, slot);
    return key < held || (key == held && point < b->point[slot]);
}

static void insert(tr_best *b, uint64_t group, double value, uint64_t point)
{
    const uint64_t first = group * b->k;
    const double key = b->maximize ? -value : value;
    uint64_t slot = first + b->k - 1;
    if (!ranks_before(b, slot, key, point)) return;
    while (slot > first && ranks_before(b, slot - 1, key, point)) {
        b->value[slot] = b->value[slot - 1];
        b->point[slot] = b->point[slot - 1];
        slot--;
    }
    b->value[slot] = value;
    b->point[slot] = point;
}

static uint64_t combination_group(const tr_plan *p, const state_t *s, uint64_t combination)
{
    uint64_t group = 0;
    int a;
    for (a = AX_CP; a >= AX_MODEL; a--) {
        group += combination % p->n[a] * s->stride[a];
        combination /= p->n[a];
    }
    return group;
}

static uint64_t row_group(const state_t *s, const walk_t *w)
{
    return s->group + w->isl * s->stride[AX_ISL] + w->osl * s->stride[AX_OSL];
}

static uint64_t lane_group(const tr_plan *p, const state_t *s, uint64_t point)
{
    uint64_t batch = point % p->n[AX_BATCH], row = point / p->n[AX_BATCH];
    return s->group + batch * s->stride[AX_BATCH] + row % p->n[AX_OSL] * s->stride[AX_OSL]
           + row / p->n[AX_OSL] % p->n[AX_ISL] * s->stride[AX_ISL];
}

/* General path: evaluates objective and limits of every lane, then offers those within to their groups. */
static void offer_tile(walk_t *w, state_t *s)
{
    const tr_plan *p = w->plan;
    tr_best *b = s->best;
    const size_t n = w->tile.n;
    const uint64_t group = row_group(s, w);
    const int by_lane = s->stride[AX_BATCH] || (w->tile.mode == TILE_ZIP && (s->stride[AX_ISL] || s->stride[AX_OSL]));
    size_t i, j;
    p->kernels->basis(&w->tile);
    tr_column(p, &w->tile, COL_STATUS, s->column);
    for (i = 0; i < n; i++) s->in[i] = s->column[i] == 0.0 || (b->misfits && s->column[i] == TR_POINT_MEMORY);
    for (j = 0; j < b->n_where; j++) {
        tr_column(p, &w->tile, b->where[j].column, s->column);
        for (i = 0; i < n; i++) s->in[i] &= (unsigned char)holds(s->column[i], b->where[j].compare, b->where[j].limit);
    }
    tr_column(p, &w->tile, b->objective, s->value);
    for (i = 0; i < n; i++)
        if (s->in[i] && s->value[i] - s->value[i] == 0.0) /* finite */
            insert(b, by_lane ? lane_group(p, s, w->first + i) : group, s->value[i], w->first + i);
}

static void start_combination(walk_t *w, state_t *s)
{
    const tr_best *b = s->best;
    size_t j;
    s->group = combination_group(w->plan, s, w->combination);
    if (!s->fused) return;
    s->scale = scale_of(b->objective, w->coef);
    s->step_limit = s->spt_limit = INFINITY;
    for (j = 0; j < b->n_where; j++) {
        const tr_where *o = &b->where[j];
        const int class = class_of(o->column, w->plan->estimate);
        const int per = class == CLASS_PER_STEP || class == CLASS_PER_SPT;
        double *limit = class == CLASS_STEP || class == CLASS_PER_STEP ? &s->step_limit : &s->spt_limit;
        if (class == CLASS_ROW) continue;
        *limit = tr_min(*limit, largest_within(per, scale_of(o->column, w->coef), o->compare, o->limit));
    }
}

/* The value of a column that is the same for all lanes of a row. */
static double row_value(const walk_t *w, int column)
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

/* Whether the limits that no lane of the row changes let any of its points count. */
static int row_counts(const walk_t *w, const state_t *s)
{
    size_t j;
    for (j = 0; j < s->n_row_limits; j++) {
        const tr_where *o = &s->best->where[s->row_limits[j]];
        if (!holds(row_value(w, o->column), o->compare, o->limit)) return 0;
    }
    return 1;
}

/* Lanes that fit memory: the first so many, as sequences ascend. Neighbouring rows differ little, so the search
 * gallops from the last row's answer. */
static size_t lanes_that_fit(const walk_t *w, size_t guess)
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

/* Whether the row may hold a point that ranks before its group's last place. */
static int row_may_rank(walk_t *w, state_t *s)
{
    const tr_best *b = s->best;
    const int by_step = s->class == CLASS_STEP || s->class == CLASS_PER_STEP;
    const int per = s->class == CLASS_PER_STEP || s->class == CLASS_PER_SPT;
    const size_t n = w->tile.n;
    double least, value;
    if (w->tile.seq[S_TOO_LONG] > 0.0 || !row_counts(w, s)) return 0;
    if (!b->misfits) w->tile.n = s->fit = lanes_that_fit(w, s->fit);
    least = w->plan->kernels->search(&w->tile, by_step ? s->spt_limit : s->step_limit, by_step);
    w->tile.n = n;
    if (!(least <= (by_step ? s->step_limit : s->spt_limit)) || least == INFINITY) return 0;
    value = per ? s->scale / least : s->scale * least;
    return value == value && ranks_before(b, row_group(s, w) * b->k + b->k - 1, b->maximize ? -value : value, w->first);
}

/* Whether no point of a combination counts: weights leave no room, or a limit on what the combination decides. */
static int refuses(walk_t *w)
{
    const state_t *s = w->state;
    const double *k = w->coef->k;
    size_t j;
    if (!s->best->misfits && k[K_ROOM] < 0.0) return 1;
    for (j = 0; j < s->best->n_where; j++) {
        const tr_where *o = &s->best->where[j];
        if (o->column == COL_CHIPS && !holds(k[K_CHIPS], o->compare, o->limit)) return 1;
        if (o->column == COL_WEIGHT_BYTES && !holds(k[K_WEIGHTS], o->compare, o->limit)) return 1;
    }
    return 0;
}

static void visit(walk_t *w)
{
    state_t *s = w->state;
    if (w->fresh) start_combination(w, s);
    if (!s->fused || w->tile.mode != TILE_ROW || row_may_rank(w, s)) offer_tile(w, s);
}

static int check(const tr_plan *p, const tr_best *b, state_t *s, tr_error *err)
{
    size_t j;
    int code, class;
    if (!p || !b) return tr_fail(err, TR_ERR_NULL, -1, -1, "plan or best is NULL");
    if (b->struct_size < offsetof(tr_best, point) + sizeof b->point || b->struct_size > 4096)
        return tr_fail(err, TR_ERR_STRUCT_SIZE, -1, -1, "tr_best: struct_size %u", (unsigned)b->struct_size);
    if (!b->value || !b->point || (b->n_where && !b->where))
        return tr_fail(err, TR_ERR_NULL, -1, -1, "value, point or where is NULL");
    if (b->k < 1) return tr_fail(err, TR_ERR_VALUE, -1, -1, "k is 0: expected at least 1");
    if (b->by >> N_AXES) return tr_fail(err, TR_ERR_RANGE, -1, -1, "by 0x%x names axes that do not exist", (unsigned)b->by);
    if ((code = tr_check_columns(p, 1, &b->objective, err))) return code;
    s->class = class_of(b->objective, p->estimate);
    /* the fast path knows the smallest step time or seconds per token: best where small is good */
    s->fused = s->class >= CLASS_STEP && !(b->by >> AX_BATCH & 1u) && p->ascending
               && (b->maximize != 0) == (s->class == CLASS_PER_STEP || s->class == CLASS_PER_SPT);
    s->row_limits = malloc((b->n_where + 1) * sizeof *s->row_limits);
    if (!s->row_limits) return tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory");
    for (j = 0; j < b->n_where; j++) {
        const tr_where *o = &b->where[j];
        if ((code = tr_check_columns(p, 1, &o->column, err))) return code;
        if (o->compare < TR_LE || o->compare > TR_NE)
            return tr_fail(err, TR_ERR_COMPARE, -1, (int64_t)j, "where[%zu]: comparison %d", j, (int)o->compare);
        if (o->limit != o->limit) return tr_fail(err, TR_ERR_VALUE, -1, (int64_t)j, "where[%zu]: limit is NaN", j);
        class = class_of(o->column, p->estimate);
        if (class == CLASS_ROW) s->row_limits[s->n_row_limits++] = j;
        else if (class == CLASS_OTHER || !keeps_small(class, o->compare)) s->fused = 0;
    }
    return TR_OK;
}

int tr_plan_best(const tr_plan *p, uint64_t begin, uint64_t end, tr_best *b, tr_error *err)
{
    walk_t w = {0};
    state_t *s = calloc(1, sizeof *s);
    size_t j;
    int code;
    if (!s) return tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory");
    code = check(p, b, s, err);
    if (!code) {
        s->best = b;
        strides(p, b->by, s->stride);
        w.plan = p;
        w.skip_illegal = 1;
        w.refuses = refuses;
        w.visit = visit;
        w.state = s;
        w.needs = tr_column_needs(p, b->objective);
        if (s->fused) w.needs |= (p->estimate == TR_BOUND ? NEED_BOUND : NEED_TYPICAL) | NEED_PREFILL;
        for (j = 0; j < b->n_where; j++) w.needs |= tr_column_needs(p, b->where[j].column);
        code = tr_walk(&w, begin, end, err);
    }
    free(s->row_limits);
    free(s);
    return code;
}

void tr_best_merge(const tr_plan *p, tr_best *into, const tr_best *from)
{
    uint64_t group, slot, groups;
    if (!p || !into || !from || into->k < 1 || from->by != into->by) return;
    groups = tr_best_groups(p, into->by);
    for (group = 0; group < groups; group++)
        for (slot = group * from->k; slot < (group + 1) * from->k; slot++)
            if (from->point[slot] != UINT64_MAX) insert(into, group, from->value[slot], from->point[slot]);
}
