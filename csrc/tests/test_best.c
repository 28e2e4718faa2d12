/* The best sink against a plain search through stored columns, in any split and merged in any order. */
#include "check.h"

#ifndef ROUNDS
#define ROUNDS 200
#endif
#define MOST_K 5
#define MOST_WHERE 3
#define MOST_PARTS 5

typedef struct {
    const world_t *world;
    const tr_plan *plan;
    const double *all; /* [column][point] */
    uint64_t points, groups;
} search_t;

static uint64_t group_of(const search_t *s, uint32_t by, uint64_t point)
{
    size_t n[N_AXES];
    uint64_t index[N_AXES], group = 0;
    int a;
    world_numbering(s->world, n);
    for (a = N_AXES - 1; a >= 0; a--) {
        index[a] = point % n[a];
        point /= n[a];
    }
    for (a = 0; a < N_AXES; a++)
        if (by >> a & 1u) group = group * n[a] + index[a];
    return group;
}

static int within(double value, const tr_where *o)
{
    return o->compare == TR_LE   ? value <= o->limit
           : o->compare == TR_LT ? value < o->limit
           : o->compare == TR_GE ? value >= o->limit
           : o->compare == TR_GT ? value > o->limit
           : o->compare == TR_EQ ? value == o->limit
                                 : value != o->limit;
}

static int counts(const search_t *s, const tr_best *b, uint64_t point)
{
    const double status = s->all[(uint64_t)column_of("status") * s->points + point];
    size_t j;
    if (status != 0.0 && !(b->misfits && status == TR_POINT_MEMORY)) return 0;
    for (j = 0; j < b->n_where; j++)
        if (!within(s->all[(uint64_t)b->where[j].column * s->points + point], &b->where[j])) return 0;
    return isfinite(s->all[(uint64_t)b->objective * s->points + point]);
}

/* The definition itself: for every point that counts, in order, after all that are at least as good. */
static void search_plainly(const search_t *s, tr_best *b)
{
    uint64_t point;
    for (point = 0; point < s->points; point++) {
        double value = s->all[(uint64_t)b->objective * s->points + point];
        uint64_t first, slot;
        if (!counts(s, b, point)) continue;
        first = group_of(s, b->by, point) * b->k;
        for (slot = first + b->k; slot > first; slot--) {
            const double held = b->value[slot - 1];
            if (b->point[slot - 1] != UINT64_MAX && (b->maximize ? value <= held : value >= held)) break;
            if (slot < first + b->k) b->value[slot] = held, b->point[slot] = b->point[slot - 1];
        }
        if (slot < first + b->k) b->value[slot] = value, b->point[slot] = point;
    }
}

static int same(const tr_best *a, const tr_best *b, uint64_t groups)
{
    const size_t n = (size_t)groups * a->k;
    return !memcmp(a->point, b->point, n * sizeof *a->point) && !memcmp(a->value, b->value, n * sizeof *a->value);
}

static tr_best like(const search_t *s, const tr_best *b)
{
    tr_best c = *b;
    c.value = malloc((size_t)s->groups * b->k * sizeof *c.value);
    c.point = malloc((size_t)s->groups * b->k * sizeof *c.point);
    CHECK(c.value && c.point);
    tr_best_clear(s->plan, &c);
    return c;
}

static void drop(tr_best *b)
{
    free(b->value);
    free(b->point);
}

static void question(const search_t *s, rng_t *r, tr_best *b, tr_where *where)
{
    /* the objectives that a row is searched for in registers, in the direction where that is done, and any other */
    static const char *const small[] = {"tpot_s", "usd_per_mtok", "tpot_s_bound", "usd_per_mtok_bound"};
    static const char *const large[] = {"tokens_per_s", "tokens_per_s_per_user", "tokens_per_s_per_chip",
                                        "tokens_per_s_per_user_bound", "tokens_per_s_bound",
                                        "tokens_per_s_per_chip_bound"};
    static const char *const rows[] = {"ttft_s", "max_batch", "chips", "weight_bytes_per_chip"};
    size_t j;
    memset(b, 0, sizeof *b);
    b->struct_size = sizeof *b;
    b->maximize = (int32_t)rng_below(r, 2);
    b->objective = rng_below(r, 3) == 0 ? (int32_t)rng_below(r, (size_t)tr_columns())
                                        : column_of(b->maximize ? large[rng_below(r, 6)] : small[rng_below(r, 4)]);
    b->misfits = rng_below(r, 3) == 0;
    for (j = 0; j < N_AXES; j++) b->by |= rng_below(r, 4) == 0 && (j < 10 || rng_below(r, 4) == 0) ? 1u << j : 0;
    b->k = 1 + (uint32_t)rng_below(r, MOST_K);
    b->n_where = rng_below(r, MOST_WHERE + 1);
    b->where = where;
    for (j = 0; j < b->n_where; j++) {
        const size_t form = rng_below(r, 4);
        where[j].compare = form == 0   ? (int32_t)rng_below(r, 6)
                           : form == 1 ? TR_GE + (int32_t)rng_below(r, 2)
                                       : (int32_t)rng_below(r, 2);
        where[j].column = form == 0   ? (int32_t)rng_below(r, (size_t)tr_columns())
                          : form == 1 ? column_of(large[rng_below(r, 6)])
                          : form == 2 ? column_of(small[rng_below(r, 4)])
                                      : column_of(rows[rng_below(r, 4)]);
        /* a value that occurs, to test the edge itself; now and then the ends of the number line */
        where[j].limit = s->all[(uint64_t)where[j].column * s->points + rng_below(r, (size_t)s->points)];
        if (isnan(where[j].limit)) where[j].limit = rng_below(r, 2) ? INFINITY : 0.0;
        if (rng_below(r, 20) == 0) where[j].limit = -INFINITY;
    }
}

static void answer(search_t *s, rng_t *r)
{
    tr_where where[MOST_WHERE];
    tr_best b, plain, whole, parts[MOST_PARTS], merged;
    uint64_t cut[MOST_PARTS + 1];
    const size_t n_parts = 1 + rng_below(r, MOST_PARTS);
    size_t i, j, order[MOST_PARTS];
    question(s, r, &b, where);
    s->groups = tr_best_groups(s->plan, b.by);
    plain = like(s, &b);
    whole = like(s, &b);
    merged = like(s, &b);
    search_plainly(s, &plain);
    CHECK(tr_plan_best(s->plan, 0, s->points, &whole, NULL) == TR_OK);
    CHECK(same(&plain, &whole, s->groups));
    for (i = 0; i <= n_parts; i++) cut[i] = rng_below(r, (size_t)s->points + 1);
    cut[0] = 0;
    cut[n_parts] = s->points;
    for (i = 1; i < n_parts; i++) /* sort: few */
        for (j = i; j > 1 && cut[j] < cut[j - 1]; j--) {
            uint64_t swap = cut[j];
            cut[j] = cut[j - 1];
            cut[j - 1] = swap;
        }
    for (i = 0; i < n_parts; i++) {
        order[i] = i;
        parts[i] = like(s, &b);
        CHECK(tr_plan_best(s->plan, cut[i], cut[i + 1], &parts[i], NULL) == TR_OK);
    }
    for (i = n_parts; i > 1; i--) {
        size_t at = rng_below(r, i), swap = order[at];
        order[at] = order[i - 1];
        order[i - 1] = swap;
    }
    for (i = 0; i < n_parts; i++) tr_best_merge(s->plan, &merged, &parts[order[i]]);
    CHECK(same(&plain, &merged, s->groups));
    tr_best_clear(s->plan, &whole); /* and gathered by one struct, out of order */
    for (i = 0; i < n_parts; i++)
        CHECK(tr_plan_best(s->plan, cut[order[i]], cut[order[i] + 1], &whole, NULL) == TR_OK);
    CHECK(same(&plain, &whole, s->groups));
    for (i = 0; i < n_parts; i++) drop(&parts[i]);
    drop(&plain), drop(&whole), drop(&merged);
}

/* Equal values rank by point number: a model twice, batches in any order. */
static void ties(world_t *w)
{
    double value[4];
    uint64_t point[4];
    tr_best b = {sizeof b, 0, 0, 0, 0, 4, 0, NULL, value, point};
    tr_plan *p;
    world_llama(w);
    w->axes.n_precision = 2;
    w->precisions[1] = w->precisions[0];
    w->peak[1] = w->peak[0];
    w->batch[1] = 4.0, w->batch[2] = 1.0, w->batch[3] = 4.0;
    w->axes.n_batch = 4;
    p = world_plan(w);
    b.objective = column_of("tpot_s");
    tr_best_clear(p, &b);
    CHECK(tr_plan_best(p, 4, 8, &b, NULL) == TR_OK && tr_plan_best(p, 0, 4, &b, NULL) == TR_OK);
    CHECK(point[0] == 0 && point[1] == 2 && point[2] == 4 && point[3] == 6);
    b.maximize = 1;
    tr_best_clear(p, &b);
    CHECK(tr_plan_best(p, 0, 8, &b, NULL) == TR_OK);
    CHECK(point[0] == 1 && point[1] == 3 && point[2] == 5 && point[3] == 7);
    tr_plan_free(p);
}

void test_best(void)
{
    world_t *w = malloc(sizeof *w);
    rng_t r = {77};
    int round, question;
    CHECK(w != NULL);
    if (!w) return;
    ties(w);
    for (round = 0; round < ROUNDS; round++) {
        search_t s;
        tr_plan *p;
        double *all;
        world_random(w, &r, 4000);
        w->axes.estimate = (int32_t)rng_below(&r, 2);
        w->axes.flags = (int32_t)rng_below(&r, 2);
        do w->axes.isa = (int32_t)rng_below(&r, 4);
        while (!tr_isa_supported(w->axes.isa));
        p = world_plan(w);
        all = store_all(p);
        s.world = w;
        s.plan = p;
        s.all = all;
        s.points = tr_plan_points(p);
        for (question = 0; question < 20; question++) answer(&s, &r);
        free(all);
        tr_plan_free(p);
    }
    free(w);
}
