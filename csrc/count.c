/* The `count` sink: points by status, and how many of them a selection lets through.
 *
 * A row's statuses are one number, or two with an edge between them where the batch ascends: found by bisection. Limits
 * on step time and seconds per token are held against every lane in registers. */
#include "select.h"

#include <stdlib.h>

typedef struct {
    sink_t sink;
    tr_count *count;
    size_t fit;
    uint64_t group[TR_TILE];
    double status[TR_TILE];
} counting_t;

static void add(counting_t *s, uint64_t group, int status, uint64_t n)
{
    s->count->status[group * TR_STATUSES + (uint64_t)status] += n;
}

/* Rows of a fused selection, all in one group. */
static void count_row(walk_t *w, counting_t *s)
{
    select_t *q = &s->sink.select;
    const uint64_t group = tr_groups_tile(&s->sink.groups, w);
    const size_t n = w->tile.n;
    if (w->tile.seq[S_TOO_LONG] > 0.0) add(s, group, TR_POINT_CONTEXT, n);
    else {
        s->fit = tr_lanes_that_fit(w, s->fit);
        add(s, group, TR_POINT_OK, s->fit);
        add(s, group, TR_POINT_MEMORY, n - s->fit);
    }
    w->tile.n = tr_select_row(q, w);
    if (w->tile.n && (q->limits_step || q->limits_spt))
        s->count->within[group] += w->plan->kernels->tally(&w->tile, q->step_limit, q->spt_limit);
    else s->count->within[group] += w->tile.n;
}

static void count_lanes(walk_t *w, counting_t *s)
{
    const size_t n = w->tile.n;
    size_t i, may;
    tr_groups_lanes(&s->sink.groups, w, s->group);
    may = tr_select_tile(&s->sink.select, w) ? w->tile.n : 0;
    for (i = 0; i < may; i++) s->count->within[s->group[i]] += (uint64_t)tr_counts_in(&s->sink.select, i);
    w->tile.n = n;
    tr_column(w->plan, &w->tile, COL_STATUS, s->status);
    for (i = 0; i < n; i++) add(s, s->group[i], (int)s->status[i], 1);
}

static void visit(walk_t *w)
{
    counting_t *s = w->state;
    const int by_lane = tr_groups_by_lane(&s->sink.groups, w);
    if (w->fresh) tr_sink_combination(&s->sink, w);
    if (by_lane || (!w->tile.illegal && (!s->sink.select.fused || w->tile.mode != TILE_ROW))) count_lanes(w, s);
    else if (w->tile.illegal) add(s, tr_groups_tile(&s->sink.groups, w), (int)w->tile.com[K_STATUS], w->tile.n);
    else count_row(w, s);
}

int tr_plan_count(const tr_plan *p, uint64_t begin, uint64_t end, const tr_select *select, const tr_groups *groups,
                  tr_count *count, tr_error *err)
{
    walk_t w = {0};
    counting_t *s = calloc(1, sizeof *s);
    int code;
    if (!s) return tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory");
    if (!(code = tr_sink_open(&s->sink, &w, p, select, groups, err))) {
        if (!count || !count->status || !count->within)
            code = tr_fail(err, TR_ERR_NULL, -1, -1, "count, status or within is NULL");
        else if (tr_bad_size(count->struct_size, FIRST(tr_count, within)))
            code = tr_fail(err, TR_ERR_STRUCT_SIZE, -1, -1, "tr_count: struct_size %u", (unsigned)count->struct_size);
    }
    if (!code) {
        s->count = count;
        w.visit = visit;
        w.state = s;
        if (s->sink.select.fused && (s->sink.select.limits_step || s->sink.select.limits_spt)) w.needs |= tr_row_needs(p);
        code = tr_walk(&w, begin, end, err);
    }
    tr_select_close(&s->sink.select);
    free(s);
    return code;
}
