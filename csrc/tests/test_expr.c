/* Columns of the caller's against the same steps taken number by number, on every path; and programs that are none. */
#include "check.h"

#ifndef ROUNDS
#define ROUNDS 200
#endif
#define MOST_STEPS 24

static double step_of(int operation, double x, double y)
{
    switch (operation) {
    case TR_DO_ADD: return x + y;
    case TR_DO_SUBTRACT: return x - y;
    case TR_DO_MULTIPLY: return x * y;
    case TR_DO_DIVIDE: return x / y;
    case TR_DO_MIN: return isnan(x) || isnan(y) ? NAN : x < y ? x : y;
    case TR_DO_MAX: return isnan(x) || isnan(y) ? NAN : x > y ? x : y;
    case TR_DO_LE: return x <= y;
    case TR_DO_LT: return x < y;
    case TR_DO_GE: return x >= y;
    case TR_DO_GT: return x > y;
    case TR_DO_EQ: return x == y;
    case TR_DO_NE: return x != y;
    case TR_DO_NEGATE: return -x;
    case TR_DO_ABS: return fabs(x);
    case TR_DO_SQRT: return sqrt(x);
    case TR_DO_CEIL: return ceil(x);
    default: return floor(x);
    }
}

/* A program that leaves one number: it grows while it may, then folds. */
static uint32_t random_program(rng_t *r, tr_step *steps)
{
    static const double numbers[] = {0.0, 1.0, -2.5, 1e9, 0.1};
    uint32_t n = 0;
    int depth = 0;
    while (n < MOST_STEPS / 2 || depth != 1) {
        tr_step *s = &steps[n++];
        const int grow = depth == 0 || (n < MOST_STEPS / 2 && depth < TR_EXPR_DEPTH && rng_below(r, 2));
        memset(s, 0, sizeof *s);
        if (grow) {
            s->operation = (int32_t)rng_below(r, 3);
            if (s->operation == TR_DO_NUMBER) s->value = rng_pick(r, 5, numbers);
            else s->index = s->operation == TR_DO_AXIS ? 3 + (int32_t)rng_below(r, 8) : (int32_t)rng_below(r, (size_t)tr_columns());
            depth++;
        } else if (depth > 1 && (n >= MOST_STEPS / 2 || rng_below(r, 2))) {
            s->operation = TR_DO_ADD + (int32_t)rng_below(r, 12);
            depth--;
        } else s->operation = TR_DO_NEGATE + (int32_t)rng_below(r, 5);
    }
    return n;
}

static double plainly(const world_t *w, const tr_expr *e, const double *all, size_t points, size_t point)
{
    const double *const values[] = {w->tp, w->pp, w->ep, w->dp, w->cp, w->isl, w->osl, w->batch};
    double stack[TR_EXPR_DEPTH];
    size_t at[N_AXES], depth = 0;
    uint32_t i;
    world_at(w, point, at);
    for (i = 0; i < e->n_steps; i++) {
        const tr_step *s = &e->steps[i];
        if (s->operation == TR_DO_NUMBER) stack[depth++] = s->value;
        else if (s->operation == TR_DO_COLUMN) stack[depth++] = all[(size_t)s->index * points + point];
        else if (s->operation == TR_DO_AXIS) stack[depth++] = values[s->index - 3][at[s->index]];
        else if (s->operation >= TR_DO_NEGATE) stack[depth - 1] = step_of(s->operation, stack[depth - 1], 0.0);
        else depth--, stack[depth - 1] = step_of(s->operation, stack[depth - 1], stack[depth]);
    }
    return all[(size_t)column_of("status") * points + point] >= TR_POINT_ILLEGAL || isnan(stack[0]) ? NAN : stack[0];
}

static int same(double a, double b) { return !memcmp(&a, &b, sizeof a); }

/* The best of a plain column, among points where an expression holds a limit. */
static void search(const tr_plan *p, int32_t column, const double *want, size_t points, const double *all)
{
    const double *status = all + (size_t)column_of("status") * points;
    double value, least = NAN;
    uint64_t point, first = UINT64_MAX, i;
    tr_where where[] = {{column, TR_GE, 0.0}};
    const tr_select select = {sizeof select, 0, 1, where};
    tr_best best = {sizeof best, column, 0, 1, 1, &value, &point, 0};
    tr_best_clear(&best);
    CHECK(tr_plan_best(p, 0, points, &select, NULL, &best, NULL) == TR_OK);
    for (i = 0; i < points; i++)
        if (status[i] == 0.0 && isfinite(want[i]) && want[i] >= 0.0 && !(want[i] >= least)) least = want[i], first = i;
    CHECK(point == first && same(value, least));
}

static void one_world(world_t *w, rng_t *r)
{
    const size_t n = (size_t)world_points(w);
    tr_step steps[2][2 * MOST_STEPS];
    tr_expr exprs[2] = {{sizeof *exprs, 0, steps[0]}, {sizeof *exprs, 0, steps[1]}};
    double *want = malloc(2 * n * sizeof *want), *got = malloc(2 * n * sizeof *got), *out[] = {got, got + n};
    int32_t list[] = {tr_columns(), tr_columns() + 1};
    size_t i, e, wrong = 0;
    int isa;
    CHECK(want && got);
    for (e = 0; e < 2; e++) exprs[e].n_steps = random_program(r, steps[e]);
    for (isa = TR_ISA_GENERIC; isa <= TR_ISA_AVX512; isa++) {
        tr_plan *base, *p = NULL;
        double *all;
        if (!tr_isa_supported(isa)) continue;
        w->axes.isa = isa;
        w->axes.flags ^= TR_BIND_ALL;
        base = world_plan(w);
        CHECK(tr_plan_derive(base, 2, exprs, &p, NULL) == TR_OK && tr_plan_points(p) == n);
        all = store_all(base);
        for (e = 0; e < 2; e++)
            for (i = 0; i < n; i++) want[e * n + i] = plainly(w, &exprs[e], all, n, i);
        CHECK(tr_plan_store(p, 0, n, 2, list, out, NULL) == TR_OK);
        for (i = 0; i < 2 * n; i++) wrong += !same(got[i], want[i]);
        for (i = 0; i < 100; i++) {
            const uint64_t point = rng_below(r, n), combination = point / (n / tr_plan_combinations(p));
            size_t at[N_AXES];
            double one[2], *ones[] = {&one[0], &one[1]};
            world_at(w, point, at);
            CHECK(tr_point_eval(p, combination, w->batch[at[10]], w->isl[at[8]], w->osl[at[9]], 2, list, one) == TR_OK);
            wrong += !same(one[0], want[point]) + !same(one[1], want[n + point]);
            CHECK(tr_points_eval(p, 1, &combination, &w->batch[at[10]], &w->isl[at[8]], &w->osl[at[9]], 2, list, ones,
                                 NULL) == TR_OK);
            wrong += !same(one[0], want[point]) + !same(one[1], want[n + point]);
        }
        search(p, list[0], want, n, all);
        search(p, list[1], want + n, n, all);
        tr_plan_free(p);
        tr_plan_free(base);
        free(all);
    }
    CHECK(wrong == 0);
    free(want);
    free(got);
}

#define LIE(expected, ...)                                                                                              \
    do {                                                                                                            \
        tr_step s[] = {{TR_DO_COLUMN, 1, 0.0}, {TR_DO_NUMBER, 0, 2.0}, {TR_DO_MULTIPLY, 0, 0.0}};                   \
        tr_expr x = {sizeof x, 3, s};                                                                               \
        tr_plan *q = (tr_plan *)(uintptr_t)1;                                                                       \
        tr_error err = {0, 0, 0, ""};                                                                               \
        __VA_ARGS__;                                                                                                \
        CHECK(tr_plan_derive(p, 1, &x, &q, &err) == (expected) && err.code == (expected));                                  \
        CHECK((expected) == TR_OK ? q != NULL : !q && *err.message);                                                    \
        tr_plan_free(q);                                                                                            \
    } while (0)

static void lies(world_t *w)
{
    tr_plan *p, *q = NULL;
    tr_step ones[TR_EXPR_DEPTH + 1] = {{TR_DO_NUMBER, 0, 1.0}};
    int32_t beyond = tr_columns() + 1;
    double value, *out = &value;
    tr_expr one = {sizeof one, 1, ones};
    world_llama(w);
    p = world_plan(w);
    LIE(TR_OK, (void)s);
    LIE(TR_ERR_STRUCT_SIZE, x.struct_size = 0);
    LIE(TR_ERR_STRUCT_SIZE, x.struct_size = 4104);
    LIE(TR_ERR_NULL, x.steps = NULL);
    LIE(TR_ERR_EXPR, x.n_steps = 0);
    LIE(TR_ERR_EXPR, x.n_steps = TR_EXPR_STEPS + 1);
    LIE(TR_ERR_EXPR, x.n_steps = 2);                        /* leaves two */
    LIE(TR_ERR_EXPR, s[1].operation = TR_DO_NEGATE);        /* too few */
    LIE(TR_ERR_EXPR, s[0].operation = TR_DO_NEGATE);
    LIE(TR_ERR_EXPR, s[2].operation = TR_DO_FLOOR + 1);
    LIE(TR_ERR_EXPR, s[2].operation = -1);
    LIE(TR_ERR_COLUMN, s[0].index = tr_columns());
    LIE(TR_ERR_COLUMN, s[0].index = -1);
    LIE(TR_ERR_RANGE, s[0].operation = TR_DO_AXIS, s[0].index = 2);
    LIE(TR_ERR_RANGE, s[0].operation = TR_DO_AXIS, s[0].index = 11);
    LIE(TR_ERR_EXPR, x.steps = ones, x.n_steps = TR_EXPR_DEPTH + 1); /* too many at once */
    CHECK(tr_plan_derive(NULL, 1, &one, &q, NULL) == TR_ERR_NULL && tr_plan_derive(p, 1, NULL, &q, NULL) == TR_ERR_NULL);
    CHECK(tr_plan_derive(p, 1, &one, NULL, NULL) == TR_ERR_NULL);
    CHECK(tr_plan_derive(p, 1, &one, &q, NULL) == TR_OK && tr_plan_store(q, 0, 1, 1, &beyond, &out, NULL) == TR_ERR_COLUMN);
    beyond--;
    CHECK(tr_plan_store(q, 0, 1, 1, &beyond, &out, NULL) == TR_OK && value == 1.0);
    CHECK(tr_plan_store(p, 0, 1, 1, &beyond, &out, NULL) == TR_ERR_COLUMN);
    tr_plan_free(q);
    tr_plan_free(p);
}

void test_expr(void)
{
    world_t *w = malloc(sizeof *w);
    rng_t r = {12};
    int round;
    CHECK(w != NULL);
    if (!w) return;
    lies(w);
    for (round = 0; round < ROUNDS; round++) {
        world_random(w, &r, 1500);
        one_world(w, &r);
    }
    free(w);
}
