/* The `pareto` sink: fronts of two to four objectives, exactly.
 *
 * Every block of lanes has a corner: the best that any of its lanes reaches in each objective by itself. Where the front
 * shuts the corner out, it shuts out every lane of the block; else eight lanes at a time are tried, then each. Objectives
 * that are fused (select.h) or the same for the whole row come from the step time and the seconds per token of every
 * lane, others from their columns. */
#include "front.h"
#include "select.h"

#include <stdlib.h>

#define SMALL 8 /* lanes that are tried together where a block is not shut out */

typedef struct {
    sink_t sink;
    tr_front *front;
    int fused, class[TR_OBJECTIVES];
    double scale[TR_OBJECTIVES]; /* of the combination */
    double key[TR_OBJECTIVES][TR_TILE];
    double least[TR_OBJECTIVES][TR_TILE / TR_BLOCK], most[TR_TILE / TR_BLOCK];
    double step[TR_TILE], spt[TR_TILE];
    double least_step[TR_TILE / TR_BLOCK], least_spt[TR_TILE / TR_BLOCK];
} pareto_t;

static void offer(walk_t *w, pareto_t *s, uint64_t group, size_t lane)
{
    double key[TR_OBJECTIVES];
    size_t k;
    for (k = 0; k < s->front->d; k++) key[k] = s->key[k][lane];
    if (!tr_front_offer(s->front, w->plan->kernels, group, key, w->first + lane)) w->code = TR_ERR_MEMORY;
}

/* Keys of all lanes; a lane that does not count, or whose objectives are not all finite, has INFINITY for all of them. */
static void keys_of_tile(walk_t *w, pareto_t *s)
{
    const tr_front *f = s->front;
    const size_t n = w->tile.n;
    size_t i, k;
    for (k = 0; k < f->d; k++) {
        double *key = s->key[k];
        tr_column(w->plan, &w->tile, f->objective[k], key);
        for (i = 0; f->maximize[k] && i < n; i++) key[i] = -key[i];
    }
    for (i = 0; i < n; i++) {
        double off = 0.0;
        for (k = 0; k < f->d; k++) off += s->key[k][i] - s->key[k][i];
        for (k = 0; (off != 0.0 || !tr_counts_in(&s->sink.select, i)) && k < f->d; k++) s->key[k][i] = INFINITY;
    }
}

/* General path: every objective of every lane. */
static void offer_tile(walk_t *w, pareto_t *s)
{
    tr_front *f = s->front;
    const kernels_t *kernels = w->plan->kernels;
    const int by_lane = tr_groups_by_lane(&s->sink.groups, w);
    const uint64_t group = tr_groups_tile(&s->sink.groups, w);
    double corner[TR_OBJECTIVES];
    size_t from, i, k;
    if (!tr_select_tile(&s->sink.select, w)) return;
    keys_of_tile(w, s);
    for (k = 0; !by_lane && k < f->d; k++) kernels->extremes(w->tile.n, s->key[k], s->least[k], s->most);
    for (from = 0; from < w->tile.n; from += TR_BLOCK) {
        const size_t to = w->tile.n - from < TR_BLOCK ? w->tile.n : from + TR_BLOCK;
        for (k = 0; !by_lane && k < f->d; k++) corner[k] = s->least[k][from / TR_BLOCK];
        if (!by_lane && tr_front_shuts_out(f, kernels, group, corner, w->first + from)) continue;
        for (i = from; i < to && !w->code; i++)
            if (s->key[0][i] != INFINITY)
                offer(w, s, by_lane ? tr_groups_point(&s->sink.groups, w->plan, w->first + i) : group, i);
    }
}

/* The keys of fused objectives at a step time and seconds per token; 0 where one is not finite. */
static int keys_at(const walk_t *w, const pareto_t *s, double step, double spt, double *key)
{
    const tr_front *f = s->front;
    size_t k;
    for (k = 0; k < f->d; k++) {
        const int class = s->class[k];
        const double x = class == CLASS_STEP || class == CLASS_PER_STEP ? step : spt;
        const double value = class == CLASS_ROW                         ? tr_row_value(w, f->objective[k])
                             : class == CLASS_STEP || class == CLASS_SPT ? s->scale[k] * x
                                                                         : s->scale[k] / x;
        if (value - value != 0.0) return 0;
        key[k] = f->maximize[k] ? -value : value;
    }
    return 1;
}

/* Whether lanes from point `first` on, none with less than these, can be passed over. */
static int shut_out(const walk_t *w, pareto_t *s, uint64_t group, double step, double spt, uint64_t first)
{
    double corner[TR_OBJECTIVES];
    if (step == INFINITY) return 1; /* none of them counts */
    return keys_at(w, s, step, spt, corner) && tr_front_shuts_out(s->front, w->plan->kernels, group, corner, first);
}

static void offer_lanes(walk_t *w, pareto_t *s, uint64_t group, size_t from, size_t to)
{
    double key[TR_OBJECTIVES], step = INFINITY, spt = INFINITY;
    size_t i;
    for (i = from; i < to; i++) step = tr_min(s->step[i], step), spt = tr_min(s->spt[i], spt);
    if (shut_out(w, s, group, step, spt, w->first + from)) return;
    for (i = from; i < to && !w->code; i++)
        if (s->step[i] != INFINITY && keys_at(w, s, s->step[i], s->spt[i], key)
            && !tr_front_offer(s->front, w->plan->kernels, group, key, w->first + i))
            w->code = TR_ERR_MEMORY;
}

/* Fused path: rows in one group. */
static void offer_row(walk_t *w, pareto_t *s)
{
    const select_t *q = &s->sink.select;
    const uint64_t group = tr_groups_tile(&s->sink.groups, w);
    const size_t n = w->tile.n = tr_select_row(&s->sink.select, w);
    size_t from, at;
    if (!n) return;
    w->plan->kernels->corners(&w->tile, q->step_limit, q->spt_limit, s->step, s->spt, s->least_step, s->least_spt);
    for (from = 0; from < n; from += TR_BLOCK) {
        const size_t to = from + TR_BLOCK < n ? from + TR_BLOCK : n, block = from / TR_BLOCK;
        if (shut_out(w, s, group, s->least_step[block], s->least_spt[block], w->first + from)) continue;
        for (at = from; at < to; at += SMALL) offer_lanes(w, s, group, at, at + SMALL < to ? at + SMALL : to);
    }
}

static void visit(walk_t *w)
{
    pareto_t *s = w->state;
    size_t k;
    if (w->fresh) {
        tr_sink_combination(&s->sink, w);
        for (k = 0; k < s->front->d; k++) s->scale[k] = tr_scale_of(s->front->objective[k], w->coef);
    }
    if (s->fused && w->tile.mode == TILE_ROW) offer_row(w, s);
    else offer_tile(w, s);
}

static int ready(pareto_t *s, walk_t *w, tr_error *err)
{
    const tr_front *f = s->front;
    const tr_plan *p = w->plan;
    size_t k;
    int code;
    if (!f) return tr_fail(err, TR_ERR_NULL, -1, -1, "front is NULL");
    if ((code = tr_check_columns(p, f->d, f->objective, err))) return code;
    if (s->sink.groups.n > f->n_groups)
        return tr_fail(err, TR_ERR_GROUP, -1, -1, "%llu groups, but a front of %llu", (unsigned long long)s->sink.groups.n,
                       (unsigned long long)f->n_groups);
    s->fused = s->sink.select.fused && !s->sink.groups.by_batch;
    for (k = 0; k < f->d; k++) {
        s->class[k] = tr_class_of(f->objective[k], p->estimate);
        s->fused &= s->class[k] == CLASS_ROW || tr_small_is_best(s->class[k], f->maximize[k]);
        w->needs |= tr_column_needs(p, f->objective[k]);
    }
    if (s->fused) w->needs |= tr_row_needs(p);
    w->skip_illegal = 1;
    w->refuses = tr_sink_refuses;
    w->visit = visit;
    w->state = s;
    return TR_OK;
}

int tr_plan_pareto(const tr_plan *p, uint64_t begin, uint64_t end, const tr_select *select, const tr_groups *groups,
                   tr_front *front, tr_error *err)
{
    walk_t w = {0};
    pareto_t *s = calloc(1, sizeof *s);
    int code;
    if (!s) return tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory");
    s->front = front;
    code = tr_sink_open(&s->sink, &w, p, select, groups, err);
    if (!code) code = ready(s, &w, err);
    if (!code) code = tr_walk(&w, begin, end, err);
    if (w.code == TR_ERR_MEMORY) tr_fail(err, w.code, -1, -1, "out of memory for the front");
    tr_select_close(&s->sink.select);
    free(s);
    return code;
}
