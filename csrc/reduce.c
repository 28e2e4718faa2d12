/* The `reduce` sink: tiles of the points that count, handed to the caller's own function. */
#include "select.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    sink_t sink;
    size_t n_columns;
    const int32_t *columns;
    tr_reducer reducer;
    void *state;
    double *value; /* [n_columns][TR_TILE] */
    uint64_t point[TR_TILE], group[TR_TILE];
} reduction_t;

/* Moves the lanes that count to the front; returns how many there are. */
static size_t gather(reduction_t *s, size_t n)
{
    const unsigned char *in = s->sink.select.in;
    size_t i, c, kept = 0;
    if (s->sink.select.all) return n;
    for (i = 0; i < n; i++) {
        for (c = 0; c < s->n_columns; c++) s->value[c * TR_TILE + kept] = s->value[c * TR_TILE + i];
        s->point[kept] = s->point[i];
        s->group[kept] = s->group[i];
        kept += in[i];
    }
    return kept;
}

static void visit(walk_t *w)
{
    reduction_t *s = w->state;
    size_t i, c;
    if (w->fresh) tr_sink_combination(&s->sink, w);
    if (!tr_select_tile(&s->sink.select, w)) return;
    for (c = 0; c < s->n_columns; c++) tr_column(w->plan, &w->tile, s->columns[c], s->value + c * TR_TILE);
    for (i = 0; i < w->tile.n; i++) s->point[i] = w->first + i;
    tr_groups_lanes(&s->sink.groups, w, s->group);
    if (s->reducer(gather(s, w->tile.n), TR_TILE, s->value, s->point, s->group, s->state)) w->code = TR_ERR_STOPPED;
}

int tr_plan_reduce(const tr_plan *p, uint64_t begin, uint64_t end, const tr_select *select, const tr_groups *groups,
                   size_t n_columns, const int32_t *columns, tr_reducer reducer, void *state, tr_error *err)
{
    walk_t w = {0};
    reduction_t *s = calloc(1, sizeof *s);
    int code;
    if (!s) return tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory");
    code = tr_sink_open(&s->sink, &w, p, select, groups, err);
    if (!code && !reducer) code = tr_fail(err, TR_ERR_NULL, -1, -1, "reducer is NULL");
    if (!code) code = tr_check_columns(p, n_columns, columns, err);
    if (!code && !(s->value = calloc(n_columns + 1, TR_TILE * sizeof *s->value)))
        code = tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory");
    if (!code) {
        s->n_columns = n_columns;
        s->columns = columns;
        s->reducer = reducer;
        s->state = state;
        w.skip_illegal = 1;
        w.refuses = tr_sink_refuses;
        w.visit = visit;
        w.state = s;
        w.needs |= tr_needs(p, n_columns, columns);
        code = tr_walk(&w, begin, end, err);
    }
    if (code == TR_ERR_STOPPED) tr_fail(err, code, -1, -1, "the reducer returned other than 0");
    tr_select_close(&s->sink.select);
    free(s->value);
    free(s);
    return code;
}
