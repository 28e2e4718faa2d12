/* Memory that runs out at every single allocation in turn: each call says so, frees what it had, and leaves no plan.
 * run.sh compiles the core with malloc, calloc and realloc renamed to the functions here. */
#include "check.h"

static long allocations_left = -1; /* below 0: without limit */

static int refuse(void)
{
    if (allocations_left < 0) return 0;
    if (allocations_left == 0) return 1;
    allocations_left--;
    return 0;
}

void *tr_test_malloc(size_t size);
void *tr_test_calloc(size_t n, size_t size);
void *tr_test_realloc(void *block, size_t size);
void *tr_test_malloc(size_t size) { return refuse() ? NULL : malloc(size); }
void *tr_test_calloc(size_t n, size_t size) { return refuse() ? NULL : calloc(n, size); }
void *tr_test_realloc(void *block, size_t size) { return refuse() ? NULL : realloc(block, size); }

static int32_t ignore(size_t n, size_t stride, const double *columns, const uint64_t *points, const uint64_t *groups, void *s)
{
    (void)n, (void)stride, (void)columns, (void)points, (void)groups, (void)s;
    return 0;
}

static int call(const tr_plan *p, int which)
{
    const int32_t column = 1;
    const uint64_t combination = 0;
    const double one = 1.0;
    double value = 0.0, *out = &value;
    uint64_t point = UINT64_MAX;
    tr_where limit = {1, TR_GE, 0.0};
    tr_select select = {sizeof select, 0, 1, &limit};
    tr_best best = {sizeof best, 1, 0, 1, 1, &value, &point, 0};
    const int32_t columns[] = {0, 1}, maximize[] = {0, 0};
    const uint64_t windows[] = {0, 1}, prefix = 0;
    const double edges[] = {0.0, 1.0};
    uint64_t many[64] = {0};
    tr_count count = {sizeof count, 0, many, many + 40};
    tr_histogram histogram = {sizeof histogram, 1, {1, 0}, {2, 0}, {edges, NULL}, many, many + 40};
    tr_ranks ranks = {sizeof ranks, 1, 60, 4, windows, &prefix, many};
    tr_front *front;
    int code;
    tr_error err;
    switch (which) {
    case 0: return tr_plan_store(p, 0, 1, 1, &column, &out, &err);
    case 1: return tr_plan_best(p, 0, 1, &select, NULL, &best, &err);
    case 4:
        if ((code = tr_front_create(1, 2, columns, maximize, &front, &err))) return code;
        code = tr_plan_pareto(p, 0, 1, &select, NULL, front, &err);
        tr_front_free(front);
        return code;
    case 5: return tr_plan_count(p, 0, 1, &select, NULL, &count, &err);
    case 6: return tr_plan_histogram(p, 0, 1, &select, NULL, &histogram, &err);
    case 7: return tr_plan_ranks(p, 0, 1, &select, NULL, &ranks, &err);
    case 8: return tr_plan_reduce(p, 0, 1, &select, NULL, 2, columns, ignore, NULL, &err);
    case 2: return tr_points_eval(p, 1, &combination, &one, &one, &one, 1, &column, &out, &err);
    default: return tr_point_eval(p, 0, 1.0, 1.0, 1.0, 1, &column, &value);
    }
}

static void plans(world_t *w)
{
    long n;
    int code = TR_ERR_MEMORY;
    tr_error err;
    for (n = 0; code == TR_ERR_MEMORY && n < 10000; n++) {
        tr_plan *p = NULL;
        allocations_left = n;
        code = tr_plan_create(&w->axes, &p, &err);
        allocations_left = -1;
        CHECK(code == TR_OK ? p != NULL : code == TR_ERR_MEMORY && !p && err.code == TR_ERR_MEMORY && *err.message);
        tr_plan_free(p);
    }
    CHECK(code == TR_OK && n > 20);
}

static void derived(const tr_plan *p)
{
    const tr_step step = {TR_DO_NUMBER, 0, 1.0};
    const tr_expr expr = {sizeof expr, 1, &step};
    int code = TR_ERR_MEMORY;
    long n;
    for (n = 0; code == TR_ERR_MEMORY && n < 100; n++) {
        tr_plan *q = NULL;
        allocations_left = n;
        code = tr_plan_derive(p, 1, &expr, &q, NULL);
        allocations_left = -1;
        CHECK(code == TR_OK ? q != NULL : code == TR_ERR_MEMORY && !q);
        tr_plan_free(q);
    }
    CHECK(code == TR_OK && n > 3);
}

void test_memory(void)
{
    world_t *w = malloc(sizeof *w);
    int which, flags;
    CHECK(w != NULL);
    if (!w) return;
    world_mixtral(w);
    for (flags = 0; flags <= TR_BIND_ALL; flags++) {
        w->axes.flags = flags;
        plans(w);
        tr_plan *p = world_plan(w);
        derived(p);
        for (which = 0; which < 9; which++) {
            int code = TR_ERR_MEMORY;
            long n;
            for (n = 0; code == TR_ERR_MEMORY && n < 100; n++) {
                allocations_left = n;
                code = call(p, which);
                allocations_left = -1;
                CHECK(code == TR_OK || code == TR_ERR_MEMORY);
            }
            CHECK(code == TR_OK);
        }
        tr_plan_free(p);
    }
    free(w);
}
