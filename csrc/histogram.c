/* The `histogram` sink: points by the values of one column or two.
 *
 * The values of all lanes are evaluated. Blocks of lanes whose smallest and largest value fall into the same cell are
 * counted at once, which is exact whatever the values between them are; where few edges lie between the two, each is
 * compared with all lanes; else lanes are looked up one by one. */
#include "select.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    size_t n;           /* edges */
    const double *edges;
    double last;        /* the first value above the last bin, which holds its upper edge */
} cuts_t;

typedef struct {
    sink_t sink;
    tr_histogram *h;
    cuts_t cuts[2];
    size_t stride; /* cells of the second column */
    uint64_t group[TR_TILE];
    double x[2][TR_TILE], least[2][TR_TILE / TR_BLOCK], most[2][TR_TILE / TR_BLOCK];
} gathering_t;

#define MOST_CUTS 24 /* between a block's smallest and largest value, up to which comparing is faster than searching */

/* How many edges lie at or below x, the last one strictly below: the cell of x. */
static size_t cell_of(const cuts_t *c, double x)
{
    const double *at = c->edges;
    size_t left = c->n - 1;
    if (x != x) return c->n + 1;
    while (left > 1) {
        const size_t half = left / 2;
        at += at[half - 1] <= x ? half : 0;
        left -= half;
    }
    at += *at <= x;
    return (size_t)(at - c->edges) + (x >= c->last);
}

static size_t cell(const gathering_t *s, const double *x, size_t step)
{
    size_t c = cell_of(&s->cuts[0], x[0]);
    return s->h->n_columns == 2 ? c * s->stride + cell_of(&s->cuts[1], x[step]) : c;
}

/* How many lanes of a block count: all, none or some. */
static size_t lanes_in(const select_t *q, size_t from, size_t n)
{
    size_t i, count = 0;
    if (q->all) return n;
    for (i = 0; i < n; i++) count += q->in[from + i];
    return count;
}

/* A full block of one column: how many lanes reach each cut between its smallest and largest value. */
static void gather_between(gathering_t *s, const walk_t *w, const double *x, size_t low, size_t high, uint64_t *counts)
{
    const cuts_t *c = &s->cuts[0];
    double cut[MOST_CUTS] = {0.0};
    uint32_t reach[MOST_CUTS];
    uint64_t above = TR_BLOCK;
    size_t i;
    for (i = low; i < high; i++) cut[i - low] = i < c->n - 1 ? c->edges[i] : c->last; /* cell i ends at edge i */
    w->plan->kernels->reach(x, high - low, cut, reach);
    for (i = low; i < high; i++) {
        counts[i] += above - reach[i - low];
        above = reach[i - low];
    }
    counts[high] += above;
}

static void gather_blocks(gathering_t *s, const walk_t *w, uint64_t *counts)
{
    const size_t n = w->tile.n;
    size_t from, i;
    uint32_t c;
    int finite = 1;
    for (c = 0; c < s->h->n_columns; c++) finite &= w->plan->kernels->extremes(n, s->x[c], s->least[c], s->most[c]);
    for (from = 0; from < n; from += TR_BLOCK) {
        const size_t lanes = n - from < TR_BLOCK ? n - from : TR_BLOCK, block = from / TR_BLOCK;
        const size_t in = lanes_in(&s->sink.select, from, lanes);
        size_t low = 0, high = 0;
        if (!in) continue;
        if (finite) {
            low = cell(s, &s->least[0][block], TR_TILE / TR_BLOCK);
            high = cell(s, &s->most[0][block], TR_TILE / TR_BLOCK);
        }
        if (finite && low == high) counts[low] += in;
        else if (finite && in == TR_BLOCK && s->h->n_columns == 1 && high - low <= MOST_CUTS)
            gather_between(s, w, &s->x[0][from], low, high, counts);
        else
            for (i = from; i < from + lanes; i++)
                if (tr_counts_in(&s->sink.select, i)) counts[cell(s, &s->x[0][i], TR_TILE)]++;
    }
}

static void visit(walk_t *w)
{
    gathering_t *s = w->state;
    const size_t cells = (s->h->n_edges[0] + 2) * s->stride, n = w->tile.n;
    const int by_lane = tr_groups_by_lane(&s->sink.groups, w);
    size_t i, in;
    uint32_t c;
    if (w->fresh) tr_sink_combination(&s->sink, w);
    const uint64_t group = tr_groups_tile(&s->sink.groups, w);
    if (by_lane) tr_groups_lanes(&s->sink.groups, w, s->group);
    in = tr_select_tile(&s->sink.select, w);
    for (c = 0; in && c < s->h->n_columns; c++) tr_column(w->plan, &w->tile, s->h->column[c], s->x[c]);
    if (!by_lane) {
        s->h->left_out[group] += n - in;
        if (in) gather_blocks(s, w, s->h->counts + group * cells);
        return;
    }
    for (i = 0; i < n; i++)
        if (in && i < w->tile.n && tr_counts_in(&s->sink.select, i))
            s->h->counts[s->group[i] * cells + cell(s, &s->x[0][i], TR_TILE)]++;
        else s->h->left_out[s->group[i]]++;
}

static int check_edges(gathering_t *s, uint32_t c, tr_error *err)
{
    const double *edges = s->h->edges[c];
    const size_t n = s->h->n_edges[c];
    size_t i;
    if (!edges) return tr_fail(err, TR_ERR_NULL, -1, -1, "edges[%u] is NULL", (unsigned)c);
    if (n < 2 || n > ((size_t)1 << 31))
        return tr_fail(err, TR_ERR_VALUE, -1, -1, "%zu edges: expected 2 to 2**31", n);
    for (i = 0; i < n; i++)
        if (edges[i] != edges[i] || (i && !(edges[i - 1] < edges[i])))
            return tr_fail(err, TR_ERR_VALUE, -1, (int64_t)i, "edges[%u][%zu] = %g: expected ascending edges", (unsigned)c,
                           i, edges[i]);
    s->cuts[c].n = n;
    s->cuts[c].edges = edges;
    s->cuts[c].last = edges[n - 1] == INFINITY ? NAN : nextafter(edges[n - 1], INFINITY); /* NaN: nothing is above */
    return TR_OK;
}

static int check(gathering_t *s, walk_t *w, tr_error *err)
{
    const tr_plan *p = w->plan;
    const tr_histogram *h = s->h;
    uint32_t c;
    int code;
    if (!h) return tr_fail(err, TR_ERR_NULL, -1, -1, "histogram is NULL");
    if (tr_bad_size(h->struct_size, FIRST(tr_histogram, left_out)))
        return tr_fail(err, TR_ERR_STRUCT_SIZE, -1, -1, "tr_histogram: struct_size %u", (unsigned)h->struct_size);
    if (!h->counts || !h->left_out) return tr_fail(err, TR_ERR_NULL, -1, -1, "counts or left_out is NULL");
    if (h->n_columns < 1 || h->n_columns > 2)
        return tr_fail(err, TR_ERR_VALUE, -1, -1, "%u columns: expected 1 or 2", (unsigned)h->n_columns);
    if ((code = tr_check_columns(p, h->n_columns, h->column, err))) return code;
    for (c = 0; c < h->n_columns; c++) {
        if ((code = check_edges(s, c, err))) return code;
        w->needs |= tr_column_needs(w->plan, h->column[c]);
    }
    s->stride = h->n_columns == 2 ? h->n_edges[1] + 2 : 1;
    return TR_OK;
}

int tr_plan_histogram(const tr_plan *p, uint64_t begin, uint64_t end, const tr_select *select, const tr_groups *groups,
                      tr_histogram *histogram, tr_error *err)
{
    walk_t w = {0};
    gathering_t *s = calloc(1, sizeof *s);
    int code;
    if (!s) return tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory");
    s->h = histogram;
    code = tr_sink_open(&s->sink, &w, p, select, groups, err);
    if (!code) code = check(s, &w, err);
    w.visit = visit;
    w.state = s;
    if (!code) code = tr_walk(&w, begin, end, err);
    tr_select_close(&s->sink.select);
    free(s);
    return code;
}
