/* Lies told to a good plan: ranges, columns, points and searches. */
#include "check.h"

#define N 24 /* points of the plan below: 2 tp, 12 batches */

static void ranges_and_columns(const tr_plan *p)
{
    const int32_t good[] = {0, 1}, bad[] = {0, 1000}, negative[] = {-1, 0};
    double a[N], b[N], *out[] = {a, b}, *holed[] = {a, NULL};
    tr_error err;
    CHECK(tr_plan_store(p, 0, N, 2, good, out, NULL) == TR_OK);
    CHECK(tr_plan_store(p, 5, 5, 2, good, out, NULL) == TR_OK && tr_plan_store(p, N, N, 2, good, out, NULL) == TR_OK);
    CHECK(tr_plan_store(p, 0, N, 0, NULL, NULL, NULL) == TR_OK);
    CHECK(tr_plan_store(p, 6, 5, 2, good, out, &err) == TR_ERR_RANGE && err.code == TR_ERR_RANGE && *err.message);
    CHECK(tr_plan_store(p, 0, N + 1, 2, good, out, NULL) == TR_ERR_RANGE);
    CHECK(tr_plan_store(p, N + 1, N + 1, 2, good, out, NULL) == TR_ERR_RANGE);
    CHECK(tr_plan_store(p, UINT64_MAX, 0, 2, good, out, NULL) == TR_ERR_RANGE);
    CHECK(tr_plan_store(p, 0, UINT64_MAX, 2, good, out, NULL) == TR_ERR_RANGE);
    CHECK(tr_plan_store(NULL, 0, N, 2, good, out, &err) == TR_ERR_NULL && err.code == TR_ERR_NULL);
    CHECK(tr_plan_store(p, 0, N, 2, NULL, out, NULL) == TR_ERR_NULL);
    CHECK(tr_plan_store(p, 0, N, 2, good, NULL, NULL) == TR_ERR_NULL);
    CHECK(tr_plan_store(p, 0, N, 2, good, holed, &err) == TR_ERR_NULL && err.index == 1);
    CHECK(tr_plan_store(p, 0, N, 2, bad, out, &err) == TR_ERR_COLUMN && err.index == 1 && strstr(err.message, "1000"));
    CHECK(tr_plan_store(p, 0, N, 2, negative, out, NULL) == TR_ERR_COLUMN);
}

static void points(const tr_plan *p)
{
    static const double wrong[] = {NAN, 0.0, -1.0, 1.5, INFINITY, 4503599627370496.0, 1e300};
    const int32_t columns[] = {0, 1}, bad[] = {0, 1000};
    const uint64_t good[] = {0, 1}, far[] = {0, 2};
    double ones[] = {1.0, 1.0}, a[2], b[2], *out[] = {a, b}, *holed[] = {a, NULL};
    tr_error err;
    size_t i;
    CHECK(tr_points_eval(p, 2, good, ones, ones, ones, 2, columns, out, NULL) == TR_OK);
    CHECK(tr_points_eval(p, 0, NULL, NULL, NULL, NULL, 2, columns, out, NULL) == TR_OK);
    CHECK(tr_points_eval(p, 2, good, ones, ones, ones, 0, NULL, NULL, NULL) == TR_OK);
    CHECK(tr_points_eval(NULL, 2, good, ones, ones, ones, 2, columns, out, NULL) == TR_ERR_NULL);
    CHECK(tr_points_eval(p, 2, NULL, ones, ones, ones, 2, columns, out, NULL) == TR_ERR_NULL);
    CHECK(tr_points_eval(p, 2, good, NULL, ones, ones, 2, columns, out, NULL) == TR_ERR_NULL);
    CHECK(tr_points_eval(p, 2, good, ones, NULL, ones, 2, columns, out, NULL) == TR_ERR_NULL);
    CHECK(tr_points_eval(p, 2, good, ones, ones, NULL, 2, columns, out, NULL) == TR_ERR_NULL);
    CHECK(tr_points_eval(p, 2, good, ones, ones, ones, 2, NULL, out, NULL) == TR_ERR_NULL);
    CHECK(tr_points_eval(p, 2, good, ones, ones, ones, 2, columns, NULL, NULL) == TR_ERR_NULL);
    CHECK(tr_points_eval(p, 2, good, ones, ones, ones, 2, columns, holed, NULL) == TR_ERR_NULL);
    CHECK(tr_points_eval(p, 2, good, ones, ones, ones, 2, bad, out, NULL) == TR_ERR_COLUMN);
    CHECK(tr_points_eval(p, 2, far, ones, ones, ones, 2, columns, out, &err) == TR_ERR_RANGE && err.index == 1);
    CHECK(tr_point_eval(p, 1, 1.0, 1.0, 1.0, 2, columns, a) == TR_OK);
    CHECK(tr_point_eval(p, 1, 1.0, 1.0, 1.0, 0, NULL, NULL) == TR_OK);
    CHECK(tr_point_eval(NULL, 1, 1.0, 1.0, 1.0, 2, columns, a) == TR_ERR_NULL);
    CHECK(tr_point_eval(p, 1, 1.0, 1.0, 1.0, 2, NULL, a) == TR_ERR_NULL);
    CHECK(tr_point_eval(p, 1, 1.0, 1.0, 1.0, 2, columns, NULL) == TR_ERR_NULL);
    CHECK(tr_point_eval(p, 1, 1.0, 1.0, 1.0, 2, bad, a) == TR_ERR_COLUMN);
    CHECK(tr_point_eval(p, 2, 1.0, 1.0, 1.0, 2, columns, a) == TR_ERR_RANGE);
    CHECK(tr_point_eval(p, UINT64_MAX, 1.0, 1.0, 1.0, 2, columns, a) == TR_ERR_RANGE);
    for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        double mixed[] = {1.0, wrong[i]};
        CHECK(tr_points_eval(p, 2, good, mixed, ones, ones, 2, columns, out, &err) == TR_ERR_VALUE && err.index == 1);
        CHECK(tr_points_eval(p, 2, good, ones, mixed, ones, 2, columns, out, NULL) == TR_ERR_VALUE);
        CHECK(tr_points_eval(p, 2, good, ones, ones, mixed, 2, columns, out, NULL) == TR_ERR_VALUE);
        CHECK(tr_point_eval(p, 0, wrong[i], 1.0, 1.0, 2, columns, a) == TR_ERR_VALUE);
        CHECK(tr_point_eval(p, 0, 1.0, wrong[i], 1.0, 2, columns, a) == TR_ERR_VALUE);
        CHECK(tr_point_eval(p, 0, 1.0, 1.0, wrong[i], 2, columns, a) == TR_ERR_VALUE);
    }
}

/* One lie told in an otherwise good search. */
#define LIE(expected, ...)                                                                          \
    do {                                                                                            \
        tr_where where[] = {{column_of("tpot_s"), TR_LE, 1.0}, {column_of("ttft_s"), TR_LT, 1e9}};  \
        tr_select select = {sizeof select, 0, 2, where};                                            \
        uint64_t halves[] = {0, 1};                                                                 \
        tr_groups groups = {sizeof groups, 0, 2, {NULL, NULL, NULL, halves}};                        \
        tr_best best = {sizeof best, column_of("usd_per_mtok"), 0, 1, 2, value, point, 0};           \
        tr_error err = {0, 0, 0, ""};                                                               \
        tr_best_clear(&best);                                                                       \
        __VA_ARGS__;                                                                                \
        CHECK(tr_plan_best(p, 0, N, &select, &groups, &best, &err) == (expected) && err.code == (expected)); \
        CHECK((expected) == TR_OK || (*err.message && isnan(value[0]) && point[0] == UINT64_MAX));  \
        CHECK(tr_plan_best(p, 0, N, &select, &groups, &best, NULL) == (expected));                  \
    } while (0)

static void searches(const tr_plan *p)
{
    double value[2];
    uint64_t point[2];
    LIE(TR_OK, (void)where);
    LIE(TR_OK, select.n_where = 0, select.where = NULL);
    LIE(TR_OK, groups.of[3] = NULL);
    LIE(TR_ERR_STRUCT_SIZE, best.struct_size = 0);
    LIE(TR_ERR_STRUCT_SIZE, best.struct_size = sizeof best - 8);
    LIE(TR_ERR_STRUCT_SIZE, best.struct_size = UINT32_MAX);
    LIE(TR_ERR_STRUCT_SIZE, select.struct_size = 0);
    LIE(TR_ERR_STRUCT_SIZE, groups.struct_size = sizeof groups - 8);
    LIE(TR_ERR_NULL, best.value = NULL);
    LIE(TR_ERR_NULL, best.point = NULL);
    LIE(TR_ERR_NULL, select.where = NULL);
    LIE(TR_ERR_VALUE, best.k = 0);
    LIE(TR_ERR_GROUP, groups.n = 1);
    LIE(TR_ERR_GROUP, groups.n = 0);
    LIE(TR_ERR_GROUP, halves[0] = 2);
    LIE(TR_ERR_GROUP, halves[0] = UINT64_MAX, halves[1] = 1);
    LIE(TR_ERR_GROUP, best.n_groups = 1);
    LIE(TR_ERR_COLUMN, best.objective = tr_columns());
    LIE(TR_ERR_COLUMN, best.objective = -1);
    LIE(TR_ERR_COLUMN, where[1].column = tr_columns());
    LIE(TR_ERR_COLUMN, where[0].column = INT32_MIN);
    LIE(TR_ERR_COMPARE, where[0].compare = 6);
    LIE(TR_ERR_COMPARE, where[1].compare = -1);
    LIE(TR_ERR_VALUE, where[0].limit = NAN);
    tr_best best = {sizeof best, 0, 0, 1, 1, value, point, 0};
    CHECK(tr_plan_best(NULL, 0, N, NULL, NULL, &best, NULL) == TR_ERR_NULL);
    CHECK(tr_plan_best(p, 0, N, NULL, NULL, NULL, NULL) == TR_ERR_NULL);
    CHECK(tr_plan_best(p, 3, 2, NULL, NULL, &best, NULL) == TR_ERR_RANGE);
    CHECK(tr_plan_best(p, 0, N + 1, NULL, NULL, &best, NULL) == TR_ERR_RANGE);
}

void test_reject_calls(void)
{
    world_t *w = malloc(sizeof *w);
    tr_plan *p;
    size_t i;
    CHECK(w != NULL);
    if (!w) return;
    world_llama(w);
    w->axes.n_tp = 2;
    w->tp[1] = 2.0;
    w->axes.n_batch = N / 2;
    for (i = 0; i < N / 2; i++) w->batch[i] = 1.0 + (double)i;
    p = world_plan(w);
    CHECK(tr_plan_points(p) == N);
    ranges_and_columns(p);
    points(p);
    searches(p);
    tr_plan_free(p);
    free(w);
}
