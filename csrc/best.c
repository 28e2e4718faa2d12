/* The `best` sink: the k best points of each group, exactly, in memory that depends on groups and k alone.
 *
 * Rows of the grid (one combination, isl and osl) are searched in registers where the selection is fused (select.h) and
 * the objective too: its best value of a row comes from the smallest step time or seconds per token. Only a row that
 * holds something better than its group's k-th best is looked at point by point, by the general path, which evaluates
 * every column into scratch and takes whatever the fast path does not. Both give the same answer (tests/test_best.py). */
#include "best.h"

#include <stdlib.h>

void tr_best_clear(tr_best *b)
{
    uint64_t i;
    if (!b || !b->value || !b->point) return;
    b->proven = 0;
    for (i = 0; i < b->n_groups * b->k; i++) {
        b->value[i] = NAN;
        b->point[i] = UINT64_MAX;
    }
}

double tr_best_key(const tr_best *b, uint64_t slot)
{
    if (b->point[slot] == UINT64_MAX) return INFINITY;
    return b->maximize ? -b->value[slot] : b->value[slot];
}

/* Whether (key, point) ranks before what the slot holds. */
static int ranks_before(const tr_best *b, uint64_t slot, double key, uint64_t point)
{
    double held = tr_best_key(b, slot);
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

/* General path: evaluates objective and limits of every lane, then offers those within to their groups. */
static void offer_tile(walk_t *w, best_t *s)
{
    tr_best *b = s->best;
    const int by_lane = tr_groups_by_lane(&s->sink.groups, w);
    const uint64_t group = tr_groups_tile(&s->sink.groups, w);
    size_t i;
    if (!tr_select_tile(&s->sink.select, w)) return;
    tr_column(w->plan, &w->tile, b->objective, s->value);
    for (i = 0; i < w->tile.n; i++)
        if (tr_counts_in(&s->sink.select, i) && s->value[i] - s->value[i] == 0.0) /* finite */
            insert(b, by_lane ? tr_groups_point(&s->sink.groups, w->plan, w->first + i) : group, s->value[i], w->first + i);
}

/* Whether the row may hold a point that ranks before its group's last place. */
static int row_may_rank(walk_t *w, best_t *s)
{
    const tr_best *b = s->best;
    const int by_step = s->class == CLASS_STEP || s->class == CLASS_PER_STEP;
    const size_t n = w->tile.n;
    double least, value;
    w->tile.n = tr_select_row(&s->sink.select, w);
    least = w->tile.n ? w->plan->kernels->search(&w->tile, by_step ? s->sink.select.spt_limit : s->sink.select.step_limit, by_step)
                      : INFINITY;
    w->tile.n = n;
    if (!(least <= (by_step ? s->sink.select.step_limit : s->sink.select.spt_limit)) || least == INFINITY) return 0;
    value = tr_best_value(s, least);
    return value == value
           && ranks_before(b, tr_groups_tile(&s->sink.groups, w) * b->k + b->k - 1, b->maximize ? -value : value, w->first);
}

void tr_best_visit(walk_t *w)
{
    best_t *s = w->state;
    if (w->fresh) tr_best_combination(w);
    if (!s->fused || w->tile.mode != TILE_ROW || row_may_rank(w, s)) offer_tile(w, s);
}

void tr_best_combination(walk_t *w)
{
    best_t *s = w->state;
    tr_sink_combination(&s->sink, w);
    if (s->fused) s->scale = tr_scale_of(s->best->objective, w->coef);
}

static int check(best_t *s, const tr_plan *p, tr_error *err)
{
    const tr_best *b = s->best;
    int code;
    if (tr_bad_size(b->struct_size, FIRST(tr_best, proven)))
        return tr_fail(err, TR_ERR_STRUCT_SIZE, -1, -1, "tr_best: struct_size %u", (unsigned)b->struct_size);
    if (!b->value || !b->point) return tr_fail(err, TR_ERR_NULL, -1, -1, "value or point is NULL");
    if (b->k < 1) return tr_fail(err, TR_ERR_VALUE, -1, -1, "k is 0: expected at least 1");
    if ((code = tr_check_columns(p, 1, &b->objective, err))) return code;
    if (s->sink.groups.n > b->n_groups)
        return tr_fail(err, TR_ERR_GROUP, -1, -1, "%llu groups, but places for %llu",
                       (unsigned long long)s->sink.groups.n, (unsigned long long)b->n_groups);
    s->class = tr_class_of(b->objective, p->estimate);
    s->fused = s->sink.select.fused && !s->sink.groups.by_batch && tr_small_is_best(s->class, b->maximize);
    return TR_OK;
}

int tr_best_open(best_t *s, walk_t *w, const tr_plan *p, const tr_select *select, const tr_groups *groups, tr_best *best,
                 tr_error *err)
{
    int code;
    if (!best) return tr_fail(err, TR_ERR_NULL, -1, -1, "best is NULL");
    s->best = best;
    if ((code = tr_sink_open(&s->sink, w, p, select, groups, err)) || (code = check(s, p, err))) return code;
    w->skip_illegal = 1;
    w->refuses = tr_sink_refuses;
    w->visit = tr_best_visit;
    w->state = s;
    w->needs |= tr_column_needs(p, best->objective);
    if (s->fused) w->needs |= tr_row_needs(p);
    return TR_OK;
}

void tr_best_close(best_t *s) { tr_select_close(&s->sink.select); }

int tr_plan_best(const tr_plan *p, uint64_t begin, uint64_t end, const tr_select *select, const tr_groups *groups,
                 tr_best *best, tr_error *err)
{
    walk_t w = {0};
    best_t *s = calloc(1, sizeof *s);
    int code;
    if (!s) return tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory");
    code = tr_best_open(s, &w, p, select, groups, best, err);
    if (!code) code = tr_walk(&w, begin, end, err);
    tr_best_close(s);
    free(s);
    return code;
}

void tr_best_merge(tr_best *into, const tr_best *from)
{
    uint64_t slot;
    if (!into || !from || into->k < 1 || from->k != into->k || from->n_groups != into->n_groups) return;
    for (slot = 0; slot < from->n_groups * from->k; slot++)
        if (from->point[slot] != UINT64_MAX) insert(into, slot / from->k, from->value[slot], from->point[slot]);
    into->proven += from->proven;
}
