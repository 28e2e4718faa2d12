/* Zipped axes: each point is that of the whole product with the same values, and lies are refused. */
#include "check.h"

#ifndef ROUNDS
#define ROUNDS 200
#endif

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
