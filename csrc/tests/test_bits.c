/* Bit for bit: one way to compute every column of every point, then all the others, compared by memcmp. */
#include "check.h"

#ifndef ROUNDS
#define ROUNDS 200
#endif

static int same(const double *a, const double *b, size_t n) { return memcmp(a, b, n * sizeof *a) == 0; }

/* A column list in random order with repeats, so that no column relies on its neighbours. */
static size_t random_columns(rng_t *r, int32_t *list)
{
    size_t i, n = 1 + rng_below(r, 6);
    for (i = 0; i < n; i++) list[i] = (int32_t)rng_below(r, (size_t)tr_columns());
    return n;
}

static void splits(const tr_plan *p, const double *all, rng_t *r)
{
    const uint64_t n = tr_plan_points(p);
    double *block = malloc((size_t)n * 6 * sizeof *block), *out[6];
    int32_t list[6];
    const size_t columns = random_columns(r, list);
    uint64_t begin = 0, end;
    size_t c;
    int ok = block != NULL;
    for (; ok && begin < n; begin = end) {
        end = begin + 1 + rng_below(r, rng_below(r, 2) ? 7 : (size_t)n);
        if (end > n) end = n;
        for (c = 0; c < columns; c++) out[c] = block + c * n + begin;
        ok = tr_plan_store(p, begin, end, columns, list, out, NULL) == TR_OK;
    }
    for (c = 0; ok && c < columns; c++) ok = same(block + c * n, all + (size_t)list[c] * n, (size_t)n);
    CHECK(ok);
    free(block);
}

/* Point number to combination and values: the row-major order of the contract. */
static void lists(const world_t *w, const tr_plan *p, const double *all, rng_t *r)
{
    const size_t n = (size_t)tr_plan_points(p), columns = (size_t)tr_columns(), m = 1 + rng_below(r, 1200);
    size_t at[N_AXES];
    uint64_t *combination = malloc(m * sizeof *combination), *point = malloc(m * sizeof *point);
    double *value = malloc((3 + columns) * m * sizeof *value), *batch = value, *isl = value + m, *osl = value + 2 * m;
    double *out[64], one[64];
    int32_t list[64];
    size_t i, c, wrong = 0, wrong_one = 0;
    for (i = 0; i < m; i++) {
        world_at(w, point[i] = rng_below(r, n), at);
        batch[i] = w->batch[at[10]];
        osl[i] = w->osl[at[9]];
        isl[i] = w->isl[at[8]];
        combination[i] = point[i] / (tr_plan_points(p) / tr_plan_combinations(p));
    }
    for (c = 0; c < columns; c++) {
        list[c] = (int32_t)c;
        out[c] = value + (3 + c) * m;
    }
    CHECK(tr_points_eval(p, m, combination, batch, isl, osl, columns, list, out, NULL) == TR_OK);
    for (i = 0; i < m; i++)
        for (c = 0; c < columns; c++) wrong += !same(&out[c][i], &all[c * n + point[i]], 1);
    CHECK(wrong == 0);
    for (i = 0; i < m && i < 200; i++) {
        wrong_one += tr_point_eval(p, combination[i], batch[i], isl[i], osl[i], columns, list, one) != TR_OK;
        for (c = 0; c < columns; c++) wrong_one += !same(&one[c], &all[c * n + point[i]], 1);
        c = rng_below(r, columns); /* alone too: a column must ask for all that it needs */
        wrong_one += tr_point_eval(p, combination[i], batch[i], isl[i], osl[i], 1, &list[c], one) != TR_OK;
        wrong_one += !same(one, &all[c * n + point[i]], 1);
    }
    CHECK(wrong_one == 0);
    free(combination);
    free(point);
    free(value);
}

static void one_world(world_t *w, rng_t *r)
{
    const size_t n = (size_t)world_points(w), values = n * (size_t)tr_columns();
    double *first = NULL;
    int isa, bind;
    for (isa = TR_ISA_GENERIC; isa <= TR_ISA_AVX512; isa++) {
        if (!tr_isa_supported(isa)) continue;
        for (bind = 0; bind <= TR_BIND_ALL; bind++) {
            w->axes.isa = isa;
            w->axes.flags = bind;
            tr_plan *p = world_plan(w);
            double *all = store_all(p);
            CHECK(tr_plan_isa(p) == isa && tr_plan_points(p) == n);
            if (first) CHECK(same(all, first, values));
            splits(p, all, r);
            lists(w, p, all, r);
            tr_plan_free(p);
            if (first) free(all);
            else first = all;
        }
    }
    w->axes.isa = w->axes.flags = 0;
    free(first);
}

/* A caller of a later version has longer structs: the stride of each array is its struct_size. */
static void longer_structs(world_t *w)
{
    typedef struct { tr_axes axes; double more[3]; } long_axes;
    typedef struct { tr_model model; double more[1]; } long_model;
    typedef struct { tr_operator op; double more[2]; } long_operator;
    typedef struct { tr_hardware chip; double more[5]; } long_chip;
    typedef struct { tr_precision precision; double more[4]; } long_precision;
    static long_operator ops[MAX_MODELS][MAX_OPS];
    long_model models[MAX_MODELS];
    long_chip chips[MAX_CHIPS];
    long_precision precisions[MAX_PRECISIONS];
    long_axes axes;
    const size_t values = (size_t)world_points(w) * (size_t)tr_columns();
    size_t i, j;
    double *plain, *longer;
    tr_plan *p = world_plan(w);
    plain = store_all(p);
    tr_plan_free(p);
    memset(ops, 0xff, sizeof ops); /* what is appended is not read */
    memset(models, 0xff, sizeof models);
    memset(chips, 0xff, sizeof chips);
    memset(precisions, 0xff, sizeof precisions);
    memset(&axes, 0xff, sizeof axes);
    axes.axes = w->axes;
    axes.axes.struct_size = sizeof axes;
    for (i = 0; i < w->axes.n_model; i++) {
        models[i].model = w->models[i];
        models[i].model.struct_size = sizeof models[i];
        models[i].model.operators = &ops[i][0].op;
        for (j = 0; j < w->models[i].n_operators; j++) {
            ops[i][j].op = w->ops[i][j];
            ops[i][j].op.struct_size = sizeof ops[i][j];
        }
    }
    for (i = 0; i < w->axes.n_hardware; i++) {
        chips[i].chip = w->chips[i];
        chips[i].chip.struct_size = sizeof chips[i];
    }
    for (i = 0; i < w->axes.n_precision; i++) {
        precisions[i].precision = w->precisions[i];
        precisions[i].precision.struct_size = sizeof precisions[i];
    }
    axes.axes.model = &models[0].model;
    axes.axes.hardware = &chips[0].chip;
    axes.axes.precision = &precisions[0].precision;
    p = NULL;
    CHECK(tr_plan_create(&axes.axes, &p, NULL) == TR_OK);
    memset(ops, 0xff, sizeof ops); /* a plan copies what it needs */
    memset(models, 0xff, sizeof models);
    memset(chips, 0xff, sizeof chips);
    longer = store_all(p);
    CHECK(same(plain, longer, values));
    tr_plan_free(p);
    free(plain);
    free(longer);
}

/* Values at the far end of what an axis takes: no cast may overflow, all paths still agree. */
static void far_values(world_t *w, rng_t *r)
{
    const double far = 4503599627370495.0; /* 2**52 - 1 */
    world_mixtral(w);
    w->isl[0] = w->osl[0] = w->batch[0] = w->tp[1] = w->dp[1] = w->ep[1] = w->pp[1] = far;
    w->chips[0].domain = INFINITY;
    w->axes.n_tp = w->axes.n_dp = w->axes.n_ep = w->axes.n_pp = 2;
    one_world(w, r);
    w->models[0].layers = far; /* so that far pipelines and divisions are legal */
    w->ops[0][1].experts = w->ops[0][2].heads = w->ops[0][2].kv_heads = far;
    one_world(w, r);
    w->ops[0][1].experts = w->ops[0][2].heads = w->ops[0][2].kv_heads = 1e15;
    w->ops[0][1].active = 1e-300;
    one_world(w, r);
}

void test_bits(void)
{
    world_t *w = malloc(sizeof *w);
    rng_t r = {2024};
    int round;
    CHECK(w != NULL);
    if (!w) return;
    for (round = 0; round < ROUNDS; round++) {
        world_random(w, &r, round % 10 ? 3000 : 20000);
        w->axes.estimate = round & 1;
        one_world(w, &r);
        if (round % 10 == 0) longer_structs(w);
    }
    far_values(w, &r);
    free(w);
}
