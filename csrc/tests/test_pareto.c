/* The pareto sink against the definition: every pair of points compared, in any split and merged in any order. */
#include "check.h"

#ifndef ROUNDS
#define ROUNDS 200
#endif

typedef struct {
    size_t d;
    int32_t objective[4], maximize[4];
} objectives_t;

typedef struct {
    uint64_t n, *group, *point;
    double *value;
} list_t;

static list_t list_of(uint64_t n, size_t d)
{
    list_t l = {n, malloc((n + 1) * sizeof(uint64_t)), malloc((n + 1) * sizeof(uint64_t)), malloc((n * d + 1) * sizeof(double))};
    CHECK(l.group && l.point && l.value);
    return l;
}

static void drop(list_t *l)
{
    free(l->group);
    free(l->point);
    free(l->value);
}

static list_t read(tr_front *f, size_t d)
{
    list_t l = list_of(tr_front_size(f), d);
    tr_front_read(f, l.group, l.point, l.value);
    return l;
}

/* 1: a as good as b in every objective, and better in one or of a lower number. */
static int beats(const question_t *q, const objectives_t *o, uint64_t a, uint64_t b)
{
    int better = 0;
    size_t k;
    for (k = 0; k < o->d; k++) {
        const double x = value_at(q, o->objective[k], a), y = value_at(q, o->objective[k], b);
        if (o->maximize[k] ? x < y : x > y) return 0;
        better |= x != y;
    }
    return better || a < b;
}

static int may(const question_t *q, const objectives_t *o, uint64_t point)
{
    size_t k;
    if (!counts_at(q, point)) return 0;
    for (k = 0; k < o->d; k++)
        if (!isfinite(value_at(q, o->objective[k], point))) return 0;
    return 1;
}

/* Whether the list is the front: sorted, of points that none beats, and every other point beaten by one of it. */
static int is_front(const question_t *q, const objectives_t *o, const list_t *l)
{
    uint64_t point, i, found = 0;
    size_t k;
    for (i = 1; i < l->n; i++) {
        int above = l->group[i - 1] < l->group[i];
        for (k = 0; !above && k < o->d; k++) {
            const double x = l->value[(i - 1) * o->d + k], y = l->value[i * o->d + k];
            if (x == y) continue;
            above = o->maximize[k] ? x > y : x < y;
            break;
        }
        if (!above || l->group[i - 1] > l->group[i]) return 0;
    }
    for (point = 0; point < q->points; point++) {
        int on = 0, beaten = 0;
        if (!may(q, o, point)) continue;
        for (i = 0; i < l->n; i++) {
            if (l->group[i] != group_at(q, point)) continue;
            on |= l->point[i] == point;
            beaten |= l->point[i] != point && beats(q, o, l->point[i], point);
        }
        if (on == beaten) return 0;
        found += (uint64_t)on;
    }
    for (i = 0; i < l->n; i++)
        for (k = 0; k < o->d; k++)
            if (value_at(q, o->objective[k], l->point[i]) != l->value[i * o->d + k]) return 0;
    return found == l->n;
}

static int same(const list_t *a, const list_t *b, size_t d)
{
    return a->n == b->n && !memcmp(a->group, b->group, a->n * sizeof *a->group)
           && !memcmp(a->point, b->point, a->n * sizeof *a->point) && !memcmp(a->value, b->value, a->n * d * sizeof *a->value);
}

static objectives_t draw(rng_t *r)
{
    static const char *const good[] = {"tokens_per_s_per_user", "tokens_per_s_per_chip", "tokens_per_s"};
    static const char *const small[] = {"tpot_s", "usd_per_mtok", "ttft_s", "chips", "weight_bytes_per_chip"};
    objectives_t o;
    size_t k;
    o.d = 2 + rng_below(r, 3);
    for (k = 0; k < o.d; k++) {
        const size_t form = rng_below(r, 8);
        o.maximize[k] = form == 0 ? (int32_t)rng_below(r, 2) : form < 4;
        o.objective[k] = form == 0 ? (int32_t)rng_below(r, (size_t)tr_columns())
                         : form < 4 ? column_of(good[rng_below(r, 3)]) : column_of(small[rng_below(r, 5)]);
    }
    return o;
}

static tr_front *front_of(const question_t *q, const objectives_t *o)
{
    tr_front *f = NULL;
    CHECK(tr_front_create(q->groups.n, o->d, o->objective, o->maximize, &f, NULL) == TR_OK && f);
    return f;
}

static void answer(question_t *q, rng_t *r)
{
    tr_front *whole, *gathered, *merged;
    objectives_t o;
    list_t all, l;
    size_t i;
    question_draw(q, r);
    o = draw(r);
    whole = front_of(q, &o), gathered = front_of(q, &o), merged = front_of(q, &o);
    CHECK(tr_plan_pareto(q->plan, 0, q->points, &q->select, &q->groups, whole, NULL) == TR_OK);
    all = read(whole, o.d);
    CHECK(is_front(q, &o, &all));
    for (i = 0; i < q->n_parts; i++) {
        const uint64_t begin = q->cut[q->order[i]], end = q->cut[q->order[i] + 1];
        tr_front *part = front_of(q, &o);
        CHECK(tr_plan_pareto(q->plan, begin, end, &q->select, &q->groups, gathered, NULL) == TR_OK);
        CHECK(tr_plan_pareto(q->plan, begin, end, &q->select, &q->groups, part, NULL) == TR_OK);
        l = read(part, o.d);
        CHECK(tr_front_add(merged, l.n, l.group, l.point, l.value, NULL) == TR_OK);
        drop(&l);
        tr_front_free(part);
    }
    l = read(gathered, o.d);
    CHECK(same(&all, &l, o.d));
    drop(&l);
    l = read(merged, o.d);
    CHECK(same(&all, &l, o.d));
    drop(&l), drop(&all);
    tr_front_free(whole), tr_front_free(gathered), tr_front_free(merged);
}

static void lies(const tr_plan *p)
{
    const int32_t two[] = {0, 1}, none[] = {0, -1}, far[] = {0, 999}, up[] = {0, 1};
    const uint64_t group = 1, point = 0, zero = 0;
    const double value[] = {1.0, 2.0}, hole[] = {1.0, NAN};
    tr_front *f = NULL;
    CHECK(tr_front_create(1, 2, NULL, up, &f, NULL) == TR_ERR_NULL && tr_front_create(1, 2, two, up, NULL, NULL) == TR_ERR_NULL);
    CHECK(tr_front_create(1, 1, two, up, &f, NULL) == TR_ERR_VALUE && tr_front_create(1, 5, two, up, &f, NULL) == TR_ERR_VALUE);
    CHECK(tr_front_create(0, 2, two, up, &f, NULL) == TR_ERR_VALUE && tr_front_create(1, 2, none, up, &f, NULL) == TR_ERR_COLUMN);
    CHECK(!f && tr_front_create(1, 2, two, up, &f, NULL) == TR_OK);
    CHECK(tr_front_add(f, 1, &group, &point, value, NULL) == TR_ERR_GROUP);
    CHECK(tr_front_add(f, 1, &zero, &point, hole, NULL) == TR_ERR_VALUE);
    CHECK(tr_front_add(f, 1, &zero, &point, NULL, NULL) == TR_ERR_NULL && tr_front_add(NULL, 0, NULL, NULL, NULL, NULL) == TR_ERR_NULL);
    CHECK(tr_plan_pareto(p, 0, 1, NULL, NULL, NULL, NULL) == TR_ERR_NULL);
    CHECK(tr_plan_pareto(NULL, 0, 1, NULL, NULL, f, NULL) == TR_ERR_NULL);
    CHECK(tr_plan_pareto(p, 1, 0, NULL, NULL, f, NULL) == TR_ERR_RANGE);
    tr_front_free(f);
    CHECK(tr_front_create(1, 2, far, up, &f, NULL) == TR_OK && tr_plan_pareto(p, 0, 1, NULL, NULL, f, NULL) == TR_ERR_COLUMN);
    CHECK(tr_front_size(f) == 0 && tr_front_size(NULL) == 0);
    tr_front_free(f);
    tr_front_free(NULL);
}

void test_pareto(void)
{
    world_t *w = malloc(sizeof *w);
    question_t *q = calloc(1, sizeof *q);
    rng_t r = {78};
    int round, n;
    CHECK(w != NULL && q != NULL);
    if (!w || !q) return;
    for (round = 0; round < ROUNDS; round++) {
        tr_plan *p;
        double *all;
        world_random(w, &r, 3000);
        w->axes.estimate = (int32_t)rng_below(&r, 3);
        do w->axes.isa = (int32_t)rng_below(&r, 4);
        while (!tr_isa_supported(w->axes.isa));
        p = world_plan(w);
        all = store_all(p);
        q->world = w, q->plan = p, q->all = all, q->points = tr_plan_points(p);
        for (n = 0; n < 4; n++) answer(q, &r);
        if (!round) lies(p);
        free(all);
        tr_plan_free(p);
    }
    free(q);
    free(w);
}
