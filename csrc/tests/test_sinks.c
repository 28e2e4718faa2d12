/* count, histogram, ranks, reduce and float32 store against stored columns, in any split. */
#include "check.h"

#ifndef ROUNDS
#define ROUNDS 200
#endif
#define MOST_CELLS 64

static const char *const columns[] = {"tpot_s", "usd_per_mtok", "status", "tokens_per_s", "joules_per_token", "ttft_s"};

static void count_all(const question_t *q)
{
    const size_t n = (size_t)q->groups.n;
    uint64_t *status = calloc(2 * n * TR_STATUSES, sizeof *status), *within = calloc(2 * n, sizeof *within), i;
    tr_count count = {sizeof count, 0, status, within};
    size_t part;
    CHECK(status && within);
    for (part = 0; part < q->n_parts; part++)
        CHECK(tr_plan_count(q->plan, q->cut[q->order[part]], q->cut[q->order[part] + 1], &q->select, &q->groups, &count, NULL)
              == TR_OK);
    for (i = 0; i < q->points; i++) {
        status[(n + group_at(q, i)) * TR_STATUSES + (uint64_t)value_at(q, q->status, i)]++;
        within[n + group_at(q, i)] += (uint64_t)counts_at(q, i);
    }
    CHECK(!memcmp(status, status + n * TR_STATUSES, n * TR_STATUSES * sizeof *status));
    CHECK(!memcmp(within, within + n, n * sizeof *within));
    free(status);
    free(within);
}

static size_t cell_of(const double *edges, size_t n, double x)
{
    size_t cell = 0;
    if (isnan(x)) return n + 1;
    while (cell < n && (cell + 1 < n ? edges[cell] <= x : edges[cell] < x)) cell++;
    return cell;
}

/* Edges at values that occur, ascending. */
static size_t draw_edges(const question_t *q, rng_t *r, int32_t column, double *edges, size_t most)
{
    size_t n = 0, i;
    for (i = 0; i < most; i++) {
        double x = value_at(q, column, rng_below(r, (size_t)q->points));
        size_t at = n;
        if (isnan(x)) x = (double)i;
        if (rng_below(r, 3) == 0) x = rng_below(r, 2) ? x * 1.1 : nextafter(x, 0.0);
        while (at && edges[at - 1] > x) at--;
        if (at && edges[at - 1] == x) continue;
        memmove(edges + at + 1, edges + at, (n - at) * sizeof *edges);
        edges[at] = x;
        n++;
    }
    if (n == 1) edges[n] = edges[0] + 1.0, n++;
    if (rng_below(r, 8) == 0) edges[n - 1] = INFINITY;
    return n;
}

static void histogram_all(const question_t *q, rng_t *r)
{
    const size_t groups = (size_t)q->groups.n;
    double edges[2][MOST_CELLS];
    tr_histogram h = {sizeof h, 1 + (uint32_t)rng_below(r, 2), {0, 0}, {0, 0}, {edges[0], edges[1]}, NULL, NULL};
    uint64_t *plain, *left_out, i;
    size_t c, cells = 1, part;
    for (c = 0; c < 2; c++) {
        h.column[c] = column_of(columns[rng_below(r, 6)]);
        h.n_edges[c] = draw_edges(q, r, h.column[c], edges[c], 1 + rng_below(r, c ? 10 : MOST_CELLS - 2));
        if (c < h.n_columns) cells *= h.n_edges[c] + 2;
    }
    h.counts = calloc(groups * cells, sizeof *h.counts);
    plain = calloc(groups * cells, sizeof *plain);
    h.left_out = calloc(groups, sizeof *h.left_out);
    left_out = calloc(groups, sizeof *left_out);
    CHECK(h.counts && plain && h.left_out && left_out);
    for (part = 0; part < q->n_parts; part++)
        CHECK(tr_plan_histogram(q->plan, q->cut[q->order[part]], q->cut[q->order[part] + 1], &q->select, &q->groups, &h, NULL)
              == TR_OK);
    for (i = 0; i < q->points; i++) {
        size_t cell = cell_of(edges[0], h.n_edges[0], value_at(q, h.column[0], i));
        if (h.n_columns == 2)
            cell = cell * (h.n_edges[1] + 2) + cell_of(edges[1], h.n_edges[1], value_at(q, h.column[1], i));
        if (counts_at(q, i)) plain[group_at(q, i) * cells + cell]++;
        else left_out[group_at(q, i)]++;
    }
    CHECK(!memcmp(h.counts, plain, groups * cells * sizeof *plain));
    CHECK(!memcmp(h.left_out, left_out, groups * sizeof *left_out));
    free(h.counts), free(plain), free(h.left_out), free(left_out);
}

static uint64_t rank_of(double x)
{
    uint64_t bits;
    x = x == 0.0 ? 0.0 : x;
    memcpy(&bits, &x, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

/* Windows around values that occur. */
static void ranks_all(const question_t *q, rng_t *r)
{
    const size_t groups = (size_t)q->groups.n;
    tr_ranks a = {sizeof a, column_of(columns[rng_below(r, 6)]), 0, 1 + (uint32_t)rng_below(r, 8), NULL, NULL, NULL};
    uint64_t *windows = calloc(groups + 1, sizeof *windows), *prefix = calloc(4 * groups, sizeof *prefix), *plain, i;
    size_t g, j, size, part;
    CHECK(windows && prefix);
    a.shift = (uint32_t)rng_below(r, 65 - a.bits);
    for (g = 0; g < groups; g++) {
        windows[g + 1] = windows[g];
        for (j = rng_below(r, 4); j > 0; j--) {
            const double x = value_at(q, a.column, rng_below(r, (size_t)q->points));
            const uint64_t p = a.shift + a.bits == 64 ? 0 : rank_of(isnan(x) ? 1.0 : x) >> (a.shift + a.bits);
            if (windows[g + 1] == windows[g] || prefix[windows[g + 1] - 1] < p) prefix[windows[g + 1]++] = p;
        }
    }
    size = (size_t)windows[groups] << a.bits;
    a.windows = windows, a.prefix = prefix, a.counts = calloc(size + 1, sizeof *a.counts);
    plain = calloc(size + 1, sizeof *plain);
    CHECK(a.counts && plain);
    for (part = 0; part < q->n_parts; part++)
        CHECK(tr_plan_ranks(q->plan, q->cut[q->order[part]], q->cut[q->order[part] + 1], &q->select, &q->groups, &a, NULL)
              == TR_OK);
    for (i = 0; i < q->points; i++) {
        const double x = value_at(q, a.column, i);
        uint64_t w;
        if (!counts_at(q, i) || isnan(x)) continue;
        for (w = windows[group_at(q, i)]; w < windows[group_at(q, i) + 1]; w++)
            if (a.shift + a.bits == 64 || prefix[w] == rank_of(x) >> (a.shift + a.bits))
                plain[(w << a.bits) + (rank_of(x) >> a.shift & (((uint64_t)1 << a.bits) - 1))]++;
    }
    CHECK(!memcmp(a.counts, plain, size * sizeof *plain));
    free(windows), free(prefix), free(a.counts), free(plain);
}

typedef struct {
    const question_t *q;
    int32_t columns[2];
    uint64_t next, seen, wrong, stop;
} seen_t;

static int32_t look(size_t n, size_t stride, const double *x, const uint64_t *points, const uint64_t *groups, void *state)
{
    seen_t *s = state;
    size_t i, c;
    s->wrong += n == 0 || n > TR_TILE_POINTS;
    for (i = 0; i < n; i++) {
        s->wrong += points[i] < s->next || !counts_at(s->q, points[i]) || groups[i] != group_at(s->q, points[i]);
        for (c = 0; c < 2; c++) {
            const double mine = x[c * stride + i], stored = value_at(s->q, s->columns[c], points[i]);
            s->wrong += mine != stored && !(isnan(mine) && isnan(stored));
        }
        s->next = points[i] + 1;
    }
    s->seen += n;
    return s->stop && s->seen >= s->stop ? 7 : 0;
}

static void reduce_all(const question_t *q, rng_t *r)
{
    seen_t s = {q, {column_of(columns[rng_below(r, 6)]), column_of("chips")}, 0, 0, 0, 0};
    uint64_t i, expected = 0;
    tr_error err;
    CHECK(tr_plan_reduce(q->plan, 0, q->points, &q->select, &q->groups, 2, s.columns, look, &s, NULL) == TR_OK);
    for (i = 0; i < q->points; i++) expected += (uint64_t)counts_at(q, i);
    CHECK(s.seen == expected && !s.wrong);
    if (!expected) return;
    s.stop = 1, s.next = s.seen = 0;
    CHECK(tr_plan_reduce(q->plan, 0, q->points, &q->select, &q->groups, 2, s.columns, look, &s, &err) == TR_ERR_STOPPED);
    CHECK(err.code == TR_ERR_STOPPED && s.seen <= TR_TILE_POINTS && !s.wrong);
}

static void store_narrow(const question_t *q)
{
    float *out = malloc((size_t)q->points * sizeof *out);
    const int32_t column = column_of("usd_per_mtok");
    uint64_t i, wrong = 0;
    CHECK(out && tr_plan_store_f32(q->plan, 0, q->points, 1, &column, &out, NULL) == TR_OK);
    for (i = 0; i < q->points; i++) {
        const double x = value_at(q, column, i);
        wrong += out[i] != (float)x && !isnan(x);
    }
    CHECK(!wrong && tr_plan_store_f32(q->plan, 0, 1, 1, &column, NULL, NULL) == TR_ERR_NULL);
    free(out);
}

static void lies(const tr_plan *p)
{
    uint64_t many[64] = {0}, windows[] = {0, 1}, falling[] = {1, 0}, prefix = 0;
    const double edges[] = {0.0, 1.0}, flat[] = {1.0, 1.0}, hole[] = {NAN, 1.0};
    const int32_t column = 0, none = -1;
    tr_count c = {sizeof c, 0, many, many};
    tr_histogram h = {sizeof h, 1, {0, 0}, {2, 0}, {edges, NULL}, many, many};
    tr_ranks a = {sizeof a, 0, 60, 4, windows, &prefix, many};
#define COUNT(lie, expected) do { tr_count keep = c; lie; CHECK(tr_plan_count(p, 0, 1, NULL, NULL, &c, NULL) == (expected)); c = keep; } while (0)
#define HISTOGRAM(lie, expected) do { tr_histogram keep = h; lie; CHECK(tr_plan_histogram(p, 0, 1, NULL, NULL, &h, NULL) == (expected)); h = keep; } while (0)
#define RANKS(lie, expected) do { tr_ranks keep = a; lie; CHECK(tr_plan_ranks(p, 0, 1, NULL, NULL, &a, NULL) == (expected)); a = keep; } while (0)
    COUNT((void)c, TR_OK);
    COUNT(c.status = NULL, TR_ERR_NULL);
    COUNT(c.within = NULL, TR_ERR_NULL);
    COUNT(c.struct_size = 4, TR_ERR_STRUCT_SIZE);
    HISTOGRAM((void)h, TR_OK);
    HISTOGRAM(h.struct_size = 4, TR_ERR_STRUCT_SIZE);
    HISTOGRAM(h.counts = NULL, TR_ERR_NULL);
    HISTOGRAM(h.edges[0] = NULL, TR_ERR_NULL);
    HISTOGRAM(h.n_columns = 0, TR_ERR_VALUE);
    HISTOGRAM(h.n_columns = 3, TR_ERR_VALUE);
    HISTOGRAM(h.n_columns = 2, TR_ERR_NULL);
    HISTOGRAM(h.n_edges[0] = 1, TR_ERR_VALUE);
    HISTOGRAM(h.edges[0] = flat, TR_ERR_VALUE);
    HISTOGRAM(h.edges[0] = hole, TR_ERR_VALUE);
    HISTOGRAM(h.column[0] = 99, TR_ERR_COLUMN);
    RANKS((void)a, TR_OK);
    RANKS(a.struct_size = 4, TR_ERR_STRUCT_SIZE);
    RANKS(a.prefix = NULL, TR_ERR_NULL);
    RANKS(a.bits = 0, TR_ERR_VALUE);
    RANKS(a.bits = 25, TR_ERR_VALUE);
    RANKS(a.shift = 61, TR_ERR_VALUE);
    RANKS(a.windows = falling, TR_ERR_VALUE);
    RANKS(a.column = -1, TR_ERR_COLUMN);
    CHECK(tr_plan_count(NULL, 0, 1, NULL, NULL, &c, NULL) == TR_ERR_NULL && tr_plan_count(p, 0, 1, NULL, NULL, NULL, NULL) == TR_ERR_NULL);
    CHECK(tr_plan_histogram(p, 0, 1, NULL, NULL, NULL, NULL) == TR_ERR_NULL && tr_plan_ranks(p, 0, 1, NULL, NULL, NULL, NULL) == TR_ERR_NULL);
    CHECK(tr_plan_reduce(p, 0, 1, NULL, NULL, 1, &column, NULL, NULL, NULL) == TR_ERR_NULL);
    CHECK(tr_plan_reduce(p, 0, 1, NULL, NULL, 1, &none, look, NULL, NULL) == TR_ERR_COLUMN);
    CHECK(tr_plan_count(p, 0, UINT64_MAX, NULL, NULL, &c, NULL) == TR_ERR_RANGE);
}

void test_sinks(void)
{
    world_t *w = malloc(sizeof *w);
    question_t *q = calloc(1, sizeof *q);
    rng_t r = {79};
    int round, n;
    CHECK(w != NULL && q != NULL);
    if (!w || !q) return;
    for (round = 0; round < ROUNDS; round++) {
        tr_plan *p;
        double *all;
        world_random(w, &r, 4000);
        w->axes.estimate = (int32_t)rng_below(&r, 3);
        w->axes.flags = (int32_t)rng_below(&r, 2);
        do w->axes.isa = (int32_t)rng_below(&r, 4);
        while (!tr_isa_supported(w->axes.isa));
        p = world_plan(w);
        all = store_all(p);
        q->world = w, q->plan = p, q->all = all, q->points = tr_plan_points(p);
        for (n = 0; n < 5; n++) {
            question_draw(q, &r);
            count_all(q);
            histogram_all(q, &r);
            ranks_all(q, &r);
            reduce_all(q, &r);
        }
        store_narrow(q);
        if (!round) lies(p);
        free(all);
        tr_plan_free(p);
    }
    free(q);
    free(w);
}
