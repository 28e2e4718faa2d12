/* Lies about axes: each is refused with its own code, and the message begins with the axis and the value's index. */
#include "check.h"

static const char *const axis_names[N_AXES] = {"model", "hardware", "precision", "tp",  "pp",   "ep",
                                               "dp",    "cp",       "isl",       "osl", "batch"};
enum { NO_AXIS = -1, MODEL, HARDWARE, PRECISION, TP, PP, EP, DP, CP, ISL, OSL, BATCH };

static void expect(const world_t *w, int code, int axis, int64_t index, int line)
{
    tr_plan *p = (tr_plan *)(uintptr_t)1, *q = p;
    tr_error err;
    char prefix[40] = "";
    int ok;
    memset(&err, 0x55, sizeof err);
    ok = tr_plan_create(&w->axes, &p, &err) == code && p == NULL && err.code == code && err.axis == axis
         && err.index == index && memchr(err.message, 0, sizeof err.message) && err.message[0];
    if (axis >= 0 && index >= 0) snprintf(prefix, sizeof prefix, "%s[%lld]: ", axis_names[axis], (long long)index);
    else if (axis >= 0) snprintf(prefix, sizeof prefix, "%s: ", axis_names[axis]);
    ok = ok && !strncmp(err.message, prefix, strlen(prefix)) && strlen(err.message) > strlen(prefix);
    ok = ok && tr_plan_create(&w->axes, &q, NULL) == code && q == NULL;
    check_that(ok, "lie refused", __FILE__, line);
    if (!ok) printf("  expected code %d axis %d index %lld: %d %d %lld '%.191s'\n", code, axis, (long long)index,
                    (int)err.code, (int)err.axis, (long long)err.index, err.message);
}

/* One lie, told of an otherwise honest world. */
#define LIE(code, axis, index, ...)                          \
    do {                                                     \
        world_mixtral(w);                                    \
        __VA_ARGS__;                                         \
        expect(w, code, axis, index, __LINE__);              \
    } while (0)

/* The count and the array of the numeric axis number i: the fields follow each other in the order of the axes. */
static size_t *count_of(world_t *w, int i) { return &w->axes.n_model + i; }
static const double **values_of(world_t *w, int i) { return &w->axes.tp + (i - TP); }

static void null_and_empty(world_t *w)
{
    int a;
    LIE(TR_ERR_NULL, MODEL, -1, w->axes.model = NULL);
    LIE(TR_ERR_NULL, HARDWARE, -1, w->axes.hardware = NULL);
    LIE(TR_ERR_NULL, PRECISION, -1, w->axes.precision = NULL);
    LIE(TR_ERR_NULL, HARDWARE, -1, w->axes.peak = NULL);
    LIE(TR_ERR_NULL, MODEL, 0, w->models[0].operators = NULL);
    for (a = TP; a < N_AXES; a++) LIE(TR_ERR_NULL, a, -1, *values_of(w, a) = NULL);
    for (a = 0; a < N_AXES; a++) LIE(TR_ERR_EMPTY, a, -1, *count_of(w, a) = 0);
    for (a = 0; a < N_AXES; a++) LIE(TR_ERR_OVERFLOW, a, -1, *count_of(w, a) = ((size_t)1 << 31) + 1);
    for (a = 0; a < N_AXES; a++) LIE(TR_ERR_OVERFLOW, a, -1, *count_of(w, a) = SIZE_MAX);
    /* 2**31 * 2**31 * 2 = 2**63 points; no value is read before that is found */
    LIE(TR_ERR_OVERFLOW, BATCH, -1, w->axes.n_tp = w->axes.n_isl = (size_t)1 << 31, w->axes.n_batch = 2);
    LIE(TR_ERR_OVERFLOW, EP, -1, w->axes.n_tp = w->axes.n_pp = w->axes.n_ep = (size_t)1 << 31);
}

static void sizes(world_t *w)
{
    /* too small, absurd, and not a whole number of words: the next element would lie askew */
    static const uint32_t wrong[] = {0, 1, 4, 4097, UINT32_MAX};
    size_t i;
    for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        LIE(TR_ERR_STRUCT_SIZE, NO_AXIS, -1, w->axes.struct_size = wrong[i]);
        LIE(TR_ERR_STRUCT_SIZE, MODEL, 0, w->models[0].struct_size = wrong[i]);
        LIE(TR_ERR_STRUCT_SIZE, MODEL, 0, w->ops[0][0].struct_size = wrong[i]);
        LIE(TR_ERR_STRUCT_SIZE, MODEL, 0, w->ops[0][1].struct_size = wrong[i]);
        LIE(TR_ERR_STRUCT_SIZE, HARDWARE, 0, w->chips[0].struct_size = wrong[i]);
        LIE(TR_ERR_STRUCT_SIZE, PRECISION, 0, w->precisions[0].struct_size = wrong[i]);
    }
    LIE(TR_ERR_STRUCT_SIZE, NO_AXIS, -1, w->axes.struct_size = sizeof(tr_axes) - 8);
    LIE(TR_ERR_STRUCT_SIZE, MODEL, 0, w->models[0].struct_size = sizeof(tr_model) + 1);
    LIE(TR_ERR_STRUCT_SIZE, MODEL, 0, w->ops[0][0].struct_size = sizeof(tr_operator) + 2);
    LIE(TR_ERR_STRUCT_SIZE, HARDWARE, 0, w->chips[0].struct_size = sizeof(tr_hardware) + 1);
    LIE(TR_ERR_STRUCT_SIZE, PRECISION, 0, w->precisions[0].struct_size = sizeof(tr_precision) + 1);
    /* mixed within an array */
    LIE(TR_ERR_STRUCT_SIZE, MODEL, 1, w->axes.n_model = 2, w->models[1] = w->models[0], w->models[1].struct_size += 8);
    LIE(TR_ERR_STRUCT_SIZE, HARDWARE, 1, w->axes.n_hardware = 2, w->peak[1] = 1e14);
    LIE(TR_ERR_STRUCT_SIZE, PRECISION, 1, w->axes.n_precision = 2, w->peak[1] = 1e14);
}

static void numeric_axes(world_t *w)
{
    static const double wrong[] = {NAN, -1.0, 0.0, -0.0, 0.5, 1.5, 1e-300, INFINITY, -INFINITY,
                                   4503599627370496.0, 1e300};
    size_t i;
    int a;
    for (a = TP; a < N_AXES; a++)
        for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            LIE(TR_ERR_VALUE, a, 0, ((double *)(uintptr_t)*values_of(w, a))[0] = wrong[i]);
            LIE(TR_ERR_VALUE, a, 1, *count_of(w, a) = 2, ((double *)(uintptr_t)*values_of(w, a))[1] = wrong[i]);
        }
}

static void operators(world_t *w)
{
    static const double wrong[] = {NAN, -1.0, INFINITY, -INFINITY};
    const size_t first = offsetof(tr_operator, count) / sizeof(double), last = sizeof(tr_operator) / sizeof(double);
    size_t i, f;
    LIE(TR_ERR_KIND, MODEL, 0, w->ops[0][1].kind = 9);
    LIE(TR_ERR_KIND, MODEL, 0, w->ops[0][1].kind = -1);
    LIE(TR_ERR_KIND, MODEL, 0, w->ops[0][0].weights = 4);
    LIE(TR_ERR_KIND, MODEL, 0, w->ops[0][0].weights = -1);
    LIE(TR_ERR_KIND, MODEL, 0, w->ops[0][6].stage = 3);
    LIE(TR_ERR_KIND, MODEL, 0, w->ops[0][6].stage = INT32_MIN);
    for (f = first; f < last; f++) /* every coefficient of the struct, whatever its name */
        for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            if (f == offsetof(tr_operator, window) / sizeof(double) && wrong[i] == INFINITY) continue;
            LIE(TR_ERR_VALUE, MODEL, 0, memcpy((double *)&w->ops[0][1] + f, &wrong[i], sizeof(double)));
        }
    LIE(TR_ERR_VALUE, MODEL, 0, w->ops[0][2].window = 0.0);
    LIE(TR_ERR_VALUE, MODEL, 0, w->ops[0][1].active = 9.0);
    LIE(TR_ERR_VALUE, MODEL, 0, w->ops[0][1].active = 0.0);
    LIE(TR_ERR_VALUE, MODEL, 0, w->ops[0][2].heads = 1.5);
    LIE(TR_ERR_VALUE, MODEL, 0, w->ops[0][2].kv_heads = 1e-300);
    LIE(TR_ERR_VALUE, MODEL, 0, w->ops[0][1].flops_token = 1e300);
    LIE(TR_ERR_VALUE, MODEL, 0, w->ops[0][1].skew = 16.5);
    LIE(TR_ERR_VALUE, MODEL, 0, (w->ops[0][1].skew = 1.0, w->ops[0][1].experts = 8.5));
    LIE(TR_ERR_VALUE, MODEL, 0, (w->ops[0][1].skew = 1.0, w->ops[0][1].experts = 1e9));
    LIE(TR_ERR_VALUE, MODEL, 0, w->ops[0][2].chunked = 1.0); /* without a window */
    LIE(TR_ERR_VALUE, MODEL, 0, (w->ops[0][2].chunked = 1.0, w->ops[0][2].window = 0.5));
    LIE(TR_ERR_VALUE, MODEL, 0, (w->ops[0][2].chunked = 0.5, w->ops[0][2].window = 8.0));
    LIE(TR_ERR_VALUE, MODEL, 0, w->models[0].n_operators = 0);
    LIE(TR_ERR_VALUE, MODEL, 0, w->models[0].n_operators = UINT32_MAX);
    LIE(TR_ERR_VALUE, MODEL, 0, w->models[0].layers = 0.0);
    LIE(TR_ERR_VALUE, MODEL, 0, w->models[0].layers = 1.5);
    LIE(TR_ERR_VALUE, MODEL, 0, w->models[0].layers = NAN);
    LIE(TR_ERR_VALUE, MODEL, 0, w->models[0].layers = 1e300);
    LIE(TR_ERR_VALUE, MODEL, 0, w->models[0].max_context = NAN);
    LIE(TR_ERR_VALUE, MODEL, 0, w->models[0].max_context = 0.0);
}

static void chips_and_precisions(world_t *w)
{
    static const double wrong[] = {-1.0, INFINITY, -INFINITY};
    const size_t first = offsetof(tr_hardware, memory_bytes) / sizeof(double);
    const size_t last = offsetof(tr_hardware, dims) / sizeof(double);
    const size_t least = offsetof(tr_precision, weight_bytes) / sizeof(double);
    size_t i, f;
    for (f = first; f < last; f++)
        for (i = 0; i < 3; i++) {
            if (f == offsetof(tr_hardware, domain) / sizeof(double) && wrong[i] == INFINITY) continue; /* joins all */
            LIE(TR_ERR_VALUE, HARDWARE, 0, memcpy((double *)&w->chips[0] + f, &wrong[i], sizeof(double)));
        }
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->chips[0].power_idle = 2.0 * w->chips[0].power_max);
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->peak[0] = 1e-320);
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->chips[0].serial = 1.5);
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->chips[0].reduction = 1.5);
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->chips[0].wrap = -1.0);
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->chips[0].topology = 4);
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->chips[0].topology = -1);
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->chips[0].topology = TR_TORUS); /* no dims */
    LIE(TR_ERR_VALUE, HARDWARE, 0, (w->chips[0].topology = TR_RING, w->chips[0].domain = INFINITY));
    LIE(TR_ERR_VALUE, HARDWARE, 0, (w->chips[0].topology = TR_MESH, w->chips[0].domain = 1e300));
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->chips[0].n_levels = 5);
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->chips[0].n_levels = UINT32_MAX);
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->chips[0].n_levels = 1); /* a level of nothing */
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->chips[0].memory_bytes = NAN);
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->chips[0].memory_bandwidth = NAN);
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->chips[0].domain = NAN);
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->chips[0].domain = 0.0);
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->chips[0].link_bandwidth = NAN);
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->chips[0].link_bandwidth = 0.0); /* a domain of 8 needs a link */
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->chips[0].compute_efficiency = 0.0);
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->chips[0].memory_efficiency = 1.01);
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->chips[0].link_efficiency = NAN);
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->peak[0] = -1.0);
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->peak[0] = NAN);
    LIE(TR_ERR_VALUE, HARDWARE, 0, w->peak[0] = INFINITY);
    for (f = least; f < sizeof(tr_precision) / sizeof(double); f++) {
        for (i = 0; i < 3; i++)
            LIE(TR_ERR_VALUE, PRECISION, 0, memcpy((double *)&w->precisions[0] + f, &wrong[i], sizeof(double)));
        LIE(TR_ERR_VALUE, PRECISION, 0, memset((double *)&w->precisions[0] + f, 0xff, sizeof(double))); /* NaN */
    }
}

static void the_rest(world_t *w)
{
    static const double fractions[] = {0.0, -0.5, 1.0000001, NAN, INFINITY};
    tr_plan *p = (tr_plan *)(uintptr_t)1;
    tr_error err;
    size_t i;
    for (i = 0; i < 5; i++) LIE(TR_ERR_VALUE, NO_AXIS, -1, w->axes.memory_fraction = fractions[i]);
    for (i = 1; i < 5; i++) LIE(TR_ERR_VALUE, NO_AXIS, -1, w->axes.memory_reserved = -fractions[i] * (i == 1 ? -1.0 : 1.0));
    for (i = 1; i < 5; i++) LIE(TR_ERR_VALUE, NO_AXIS, -1, w->axes.cache_share = fractions[i]);
    LIE(TR_ERR_KIND, NO_AXIS, -1, w->axes.estimate = 3);
    LIE(TR_ERR_KIND, NO_AXIS, -1, w->axes.estimate = -1);
    LIE(TR_ERR_KIND, NO_AXIS, -1, w->axes.flags = 0x160);
    LIE(TR_ERR_ISA, NO_AXIS, -1, w->axes.isa = 4);
    LIE(TR_ERR_ISA, NO_AXIS, -1, w->axes.isa = -1);
    for (i = TR_ISA_AVX2; i <= TR_ISA_AVX512; i++)
        if (!tr_isa_supported((int)i)) LIE(TR_ERR_ISA, NO_AXIS, -1, w->axes.isa = (int32_t)i);
    CHECK(tr_plan_create(NULL, &p, &err) == TR_ERR_NULL && err.code == TR_ERR_NULL && err.axis == -1);
    CHECK(tr_plan_create(NULL, NULL, NULL) == TR_ERR_NULL);
    world_mixtral(w);
    CHECK(tr_plan_create(&w->axes, NULL, NULL) == TR_ERR_NULL);
    tr_plan_free(NULL);
    CHECK(tr_plan_points(NULL) == 0 && tr_plan_combinations(NULL) == 0 && tr_plan_bytes(NULL) == 0);
    CHECK(tr_plan_isa(NULL) < 0);
    world_mixtral(w);
    p = world_plan(w);
    CHECK(tr_plan_points(p) == 1 && tr_plan_combinations(p) == 1 && tr_plan_bytes(p) > 0);
    CHECK(tr_isa_supported(tr_plan_isa(p)) && tr_plan_isa(p) != TR_ISA_AUTO);
    tr_plan_free(p);
}

void test_reject(void)
{
    world_t *w = malloc(sizeof *w);
    CHECK(w != NULL);
    if (!w) return;
    null_and_empty(w);
    sizes(w);
    numeric_axes(w);
    operators(w);
    chips_and_precisions(w);
    the_rest(w);
    free(w);
}
