/* The best sink against a plain search through stored columns, in any split and merged in any order. */
#include "check.h"

#ifndef ROUNDS
#define ROUNDS 200
#endif
#define MOST_K 5

/* The definition itself: for every point that counts, in order, after all that are at least as good. */
static void search_plainly(const question_t *q, tr_best *b)
{
    uint64_t point;
    for (point = 0; point < q->points; point++) {
        double value = value_at(q, b->objective, point);
        uint64_t first, slot;
        if (!counts_at(q, point) || !isfinite(value)) continue;
        first = group_at(q, point) * b->k;
        for (slot = first + b->k; slot > first; slot--) {
            const double held = b->value[slot - 1];
            if (b->point[slot - 1] != UINT64_MAX && (b->maximize ? value <= held : value >= held)) break;
            if (slot < first + b->k) b->value[slot] = held, b->point[slot] = b->point[slot - 1];
        }
        if (slot < first + b->k) b->value[slot] = value, b->point[slot] = point;
    }
}

static int same(const tr_best *a, const tr_best *b)
{
    const size_t n = (size_t)(a->n_groups * a->k);
    return !memcmp(a->point, b->point, n * sizeof *a->point) && !memcmp(a->value, b->value, n * sizeof *a->value);
}

static tr_best like(const tr_best *b)
{
    tr_best c = *b;
    c.value = malloc((size_t)(b->n_groups * b->k) * sizeof *c.value);
    c.point = malloc((size_t)(b->n_groups * b->k) * sizeof *c.point);
    CHECK(c.value && c.point);
    tr_best_clear(&c);
    return c;
}

static void drop(tr_best *b)
{
    free(b->value);
    free(b->point);
}

static tr_best objective(const question_t *q, rng_t *r)
{
    /* the objectives that a row is searched for in registers, in the direction where that is done, and any other */
    static const char *const small[] = {"tpot_s", "usd_per_mtok", "tpot_s_bound", "usd_per_mtok_bound"};
    static const char *const large[] = {"tokens_per_s", "tokens_per_s_per_user", "tokens_per_s_per_chip",
                                        "tokens_per_s_per_user_bound", "tokens_per_s_bound",
                                        "tokens_per_s_per_chip_bound"};
    tr_best b = {0};
    b.struct_size = sizeof b;
    b.n_groups = q->groups.n;
    b.maximize = (int32_t)rng_below(r, 2);
    b.objective = rng_below(r, 3) == 0 ? (int32_t)rng_below(r, (size_t)tr_columns())
                                       : column_of(b.maximize ? large[rng_below(r, 6)] : small[rng_below(r, 4)]);
    b.k = 1 + (uint32_t)rng_below(r, MOST_K);
    return b;
}

typedef int (*search_t)(const tr_plan *, uint64_t, uint64_t, const tr_select *, const tr_groups *, tr_best *, tr_error *);

static void answer(const question_t *q, const tr_best *b, const tr_best *plain, search_t search)
{
    tr_best whole = like(b), merged = like(b), parts[MOST_PARTS];
    size_t i;
    CHECK(search(q->plan, 0, q->points, &q->select, &q->groups, &whole, NULL) == TR_OK);
    CHECK(same(plain, &whole) && whole.proven <= q->points);
    for (i = 0; i < q->n_parts; i++) {
        parts[i] = like(b);
        CHECK(search(q->plan, q->cut[i], q->cut[i + 1], &q->select, &q->groups, &parts[i], NULL) == TR_OK);
    }
    for (i = 0; i < q->n_parts; i++) tr_best_merge(&merged, &parts[q->order[i]]);
    CHECK(same(plain, &merged) && merged.proven <= q->points);
    tr_best_clear(&whole); /* and gathered by one struct, out of order */
    for (i = 0; i < q->n_parts; i++) {
        const size_t part = q->order[i];
        CHECK(search(q->plan, q->cut[part], q->cut[part + 1], &q->select, &q->groups, &whole, NULL) == TR_OK);
    }
    CHECK(same(plain, &whole));
    for (i = 0; i < q->n_parts; i++) drop(&parts[i]);
    drop(&whole), drop(&merged);
}

static void search_all_ways(question_t *q, rng_t *r)
{
    tr_best b, plain;
    question_draw(q, r);
    b = objective(q, r);
    plain = like(&b);
    search_plainly(q, &plain);
    answer(q, &b, &plain, tr_plan_best);
    answer(q, &b, &plain, tr_plan_best_bound);
    drop(&plain);
}

/* Equal values rank by point number: a model twice, batches in any order. */
static void ties(world_t *w)
{
    double value[4];
    uint64_t point[4];
    tr_best b = {sizeof b, 0, 0, 4, 1, value, point, 0};
    tr_plan *p;
    world_llama(w);
    w->axes.n_precision = 2;
    w->precisions[1] = w->precisions[0];
    w->peak[1] = w->peak[0];
    w->batch[1] = 4.0, w->batch[2] = 1.0, w->batch[3] = 4.0;
    w->axes.n_batch = 4;
    p = world_plan(w);
    b.objective = column_of("tpot_s");
    tr_best_clear(&b);
    CHECK(tr_plan_best(p, 4, 8, NULL, NULL, &b, NULL) == TR_OK && tr_plan_best(p, 0, 4, NULL, NULL, &b, NULL) == TR_OK);
    CHECK(point[0] == 0 && point[1] == 2 && point[2] == 4 && point[3] == 6);
    b.maximize = 1;
    tr_best_clear(&b);
    CHECK(tr_plan_best(p, 0, 8, NULL, NULL, &b, NULL) == TR_OK);
    CHECK(point[0] == 1 && point[1] == 3 && point[2] == 5 && point[3] == 7);
    tr_plan_free(p);
}

void test_best(void)
{
    world_t *w = malloc(sizeof *w);
    question_t *q = calloc(1, sizeof *q);
    rng_t r = {77};
    int round, n;
    CHECK(w != NULL && q != NULL);
    if (!w || !q) return;
    ties(w);
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
        q->world = w;
        q->plan = p;
        q->all = all;
        q->points = tr_plan_points(p);
        for (n = 0; n < 20; n++) search_all_ways(q, &r);
        free(all);
        tr_plan_free(p);
    }
    free(q);
    free(w);
}
