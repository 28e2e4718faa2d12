/* Zipped axes: each point is that of the whole product with the same values, and lies are refused. */
#include "check.h"

#ifndef ROUNDS
#define ROUNDS 200
#endif

/* What cannot exist is known without a point: where nothing is wrong, points may still be short of memory. */
static void statuses(const tr_plan *p, const double *status, size_t points)
{
    const size_t n = (size_t)tr_plan_combinations(p), each = points / n;
    int32_t *found = malloc(n * sizeof *found);
    size_t i, wrong = 0;
    CHECK(found && tr_plan_statuses(p, 0, n / 2, found, NULL) == TR_OK);
    CHECK(tr_plan_statuses(p, n / 2, n, found + n / 2, NULL) == TR_OK);
    for (i = 0; i < n; i++)
        wrong += found[i] >= TR_POINT_ILLEGAL ? status[i * each] != found[i] : status[i * each] >= TR_POINT_ILLEGAL;
    CHECK(wrong == 0);
    CHECK(tr_plan_statuses(p, 0, n + 1, found, NULL) == TR_ERR_RANGE && tr_plan_statuses(p, 1, 0, found, NULL) == TR_ERR_RANGE);
    CHECK(tr_plan_statuses(NULL, 0, n, found, NULL) == TR_ERR_NULL && tr_plan_statuses(p, 0, n, NULL, NULL) == TR_ERR_NULL);
    free(found);
}

static void against_the_product(world_t *w)
{
    const size_t columns = (size_t)tr_columns(), points = (size_t)world_points(w);
    const size_t *n = &w->axes.n_model;
    tr_plan *zipped = world_plan(w), *product;
    double *got = store_all(zipped), *want;
    size_t wrong = 0, i, c, whole, legal = 0;
    int32_t zip[12];
    memcpy(zip, w->axes.zip, sizeof zip);
    memset(w->axes.zip, 0, sizeof zip);
    product = world_plan(w);
    want = store_all(product);
    whole = (size_t)tr_plan_points(product);
    memcpy(w->axes.zip, zip, sizeof zip);
    for (i = 0; i < points; i++) {
        size_t at[N_AXES], number = 0, a;
        world_at(w, i, at);
        for (a = 0; a < N_AXES; a++) number = number * n[a] + at[a];
        for (c = 0; c < columns; c++) wrong += memcmp(&got[c * points + i], &want[c * whole + number], sizeof *got) != 0;
        legal += got[(size_t)column_of("status") * points + i] < TR_POINT_ILLEGAL;
    }
    CHECK(wrong == 0);
    CHECK(tr_plan_legal(zipped) == legal);
    statuses(zipped, got + (size_t)column_of("status") * points, points);
    tr_plan_free(zipped);
    tr_plan_free(product);
    free(got);
    free(want);
}

static void lies(world_t *w)
{
    tr_plan *p = NULL;
    tr_error err;
    world_llama(w);
    w->axes.zip[8] = w->axes.zip[9] = 7;
    w->axes.n_isl = 2, w->isl[1] = 2048.0;
    CHECK(tr_plan_create(&w->axes, &p, &err) == TR_ERR_VALUE && !p && err.axis == 9 && !strncmp(err.message, "osl: ", 5));
    w->axes.n_osl = 2, w->osl[1] = 5.0;
    CHECK(tr_plan_create(&w->axes, &p, &err) == TR_OK && tr_plan_points(p) == 2);
    tr_plan_free(p);
    w->axes.zip[10] = 7;
    CHECK(tr_plan_create(&w->axes, &p, &err) == TR_ERR_KIND && !p && err.axis == 10);
    CHECK(tr_plan_legal(NULL) == 0);
}

void test_zip(void)
{
    world_t *w = malloc(sizeof *w);
    rng_t r = {31};
    int round, zipped = 0;
    CHECK(w != NULL);
    if (!w) return;
    lies(w);
    for (round = 0; round < ROUNDS; round++) {
        size_t a;
        world_random(w, &r, 2000);
        for (a = 0; a < N_AXES; a++) zipped += w->axes.zip[a] != 0;
        against_the_product(w);
    }
    CHECK(zipped > ROUNDS / 8);
    free(w);
}
