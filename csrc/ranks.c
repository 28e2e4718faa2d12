/* The `ranks` sink: one pass of a search for order statistics, on the doubles' own bits (the contract says how). */
#include "select.h"

#include <stdlib.h>
#include <string.h>

#define MOST_CUTS 8 /* between the ranks of a block, up to which comparing is faster than looking up */

typedef struct {
    sink_t sink;
    tr_ranks *r;
    uint64_t group[TR_TILE];
    double x[TR_TILE], least[TR_TILE / TR_BLOCK], most[TR_TILE / TR_BLOCK];
} ranking_t;

static uint64_t rank_of(double x)
{
    uint64_t bits;
    x += 0.0; /* -0 ranks as 0 */
    memcpy(&bits, &x, sizeof bits);
    return bits >> 63 ? ~bits : bits | 1ull << 63;
}

static double double_of(uint64_t rank)
{
    const uint64_t bits = rank >> 63 ? rank ^ 1ull << 63 : ~rank;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint64_t prefix_of(const tr_ranks *r, uint64_t rank) { return r->shift + r->bits == 64 ? 0 : rank >> (r->shift + r->bits); }

/* The first window of the group whose prefix is not below. */
static uint64_t window_from(const tr_ranks *r, uint64_t group, uint64_t prefix)
{
    uint64_t first = r->windows[group], end = r->windows[group + 1];
    while (first < end) {
        const uint64_t mid = first + (end - first) / 2;
        if (r->prefix[mid] < prefix) first = mid + 1;
        else end = mid;
    }
    return first;
}

static void add(const tr_ranks *r, uint64_t group, uint64_t rank, uint64_t n)
{
    const uint64_t prefix = prefix_of(r, rank), window = window_from(r, group, prefix);
    if (window < r->windows[group + 1] && r->prefix[window] == prefix)
        r->counts[(window << r->bits) + (rank >> r->shift & (((uint64_t)1 << r->bits) - 1))] += n;
}

/* A full block whose ranks agree but for few counts: how many lanes reach each of these. */
static void rank_between(ranking_t *s, const walk_t *w, uint64_t group, size_t from, uint64_t low, uint64_t high)
{
    const uint32_t shift = s->r->shift;
    const size_t cuts = (size_t)((high >> shift) - (low >> shift));
    double cut[MOST_CUTS];
    uint32_t reach[MOST_CUTS + 1];
    uint64_t above = TR_BLOCK;
    size_t i;
    for (i = 0; i < cuts; i++) cut[i] = double_of(((low >> shift) + 1 + i) << shift);
    w->plan->kernels->reach(&s->x[from], cuts, cut, reach);
    reach[cuts] = 0;
    for (i = 0; i <= cuts; i++) {
        add(s->r, group, ((low >> shift) + i) << shift, above - reach[i]);
        above = reach[i];
    }
}

/* Blocks whose values all fall into one count, or into no window, are passed over at once. */
static void rank_blocks(ranking_t *s, const walk_t *w, uint64_t group)
{
    const tr_ranks *r = s->r;
    const size_t n = w->tile.n;
    const int finite = w->plan->kernels->extremes(n, s->x, s->least, s->most);
    size_t from, i;
    for (from = 0; from < n; from += TR_BLOCK) {
        const size_t to = n - from < TR_BLOCK ? n : from + TR_BLOCK, block = from / TR_BLOCK;
        if (finite) {
            const uint64_t low = rank_of(s->least[block]), high = rank_of(s->most[block]);
            const uint64_t window = window_from(r, group, prefix_of(r, low));
            if (window == r->windows[group + 1] || r->prefix[window] > prefix_of(r, high)) continue;
            if (s->sink.select.all && (high >> r->shift) - (low >> r->shift) <= MOST_CUTS && to - from == TR_BLOCK) {
                rank_between(s, w, group, from, low, high);
                continue;
            }
        }
        for (i = from; i < to; i++)
            if (tr_counts_in(&s->sink.select, i) && s->x[i] == s->x[i]) add(r, group, rank_of(s->x[i]), 1);
    }
}

static void visit(walk_t *w)
{
    ranking_t *s = w->state;
    size_t i;
    if (w->fresh) tr_sink_combination(&s->sink, w);
    const uint64_t group = tr_groups_tile(&s->sink.groups, w);
    const int by_lane = tr_groups_by_lane(&s->sink.groups, w);
    if (!by_lane && s->r->windows[group] == s->r->windows[group + 1]) return;
    if (!tr_select_tile(&s->sink.select, w)) return;
    tr_column(w->plan, &w->tile, s->r->column, s->x);
    if (!by_lane) {
        rank_blocks(s, w, group);
        return;
    }
    tr_groups_lanes(&s->sink.groups, w, s->group);
    for (i = 0; i < w->tile.n; i++)
        if (tr_counts_in(&s->sink.select, i) && s->x[i] == s->x[i]) add(s->r, s->group[i], rank_of(s->x[i]), 1);
}

static int check(const tr_plan *p, const tr_ranks *r, uint64_t groups, tr_error *err)
{
    uint64_t g;
    if (!r) return tr_fail(err, TR_ERR_NULL, -1, -1, "ranks is NULL");
    if (tr_bad_size(r->struct_size, FIRST(tr_ranks, counts)))
        return tr_fail(err, TR_ERR_STRUCT_SIZE, -1, -1, "tr_ranks: struct_size %u", (unsigned)r->struct_size);
    if (!r->windows || !r->prefix || !r->counts)
        return tr_fail(err, TR_ERR_NULL, -1, -1, "windows, prefix or counts is NULL");
    if (r->bits < 1 || r->bits > 24 || r->shift > 64 - r->bits)
        return tr_fail(err, TR_ERR_VALUE, -1, -1, "shift %u, bits %u: expected 1 to 24 bits, 64 at most with the shift",
                       (unsigned)r->shift, (unsigned)r->bits);
    for (g = 0; g < groups; g++)
        if (r->windows[g] > r->windows[g + 1] || r->windows[0])
            return tr_fail(err, TR_ERR_VALUE, -1, (int64_t)g, "windows[%llu]: expected ascending numbers from 0",
                           (unsigned long long)g);
    return tr_check_columns(p, 1, &r->column, err);
}

int tr_plan_ranks(const tr_plan *p, uint64_t begin, uint64_t end, const tr_select *select, const tr_groups *groups,
                  tr_ranks *ranks, tr_error *err)
{
    walk_t w = {0};
    ranking_t *s = calloc(1, sizeof *s);
    int code;
    if (!s) return tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory");
    s->r = ranks;
    code = tr_sink_open(&s->sink, &w, p, select, groups, err);
    if (!code) code = check(p, ranks, s->sink.groups.n, err);
    if (!code) {
        w.skip_illegal = 1;
        w.refuses = tr_sink_refuses;
        w.visit = visit;
        w.state = s;
        w.needs |= tr_column_needs(p, ranks->column);
        code = tr_walk(&w, begin, end, err);
    }
    tr_select_close(&s->sink.select);
    free(s);
    return code;
}
