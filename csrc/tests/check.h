/* What the test files share: counted checks, a small random source, and a world of axes to build plans from. */
#ifndef TOKENROOF_TESTS_CHECK_H
#define TOKENROOF_TESTS_CHECK_H

#include "tokenroof.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern long check_passed, check_failed;
void check_that(int ok, const char *text, const char *file, int line);
#define CHECK(condition) check_that((condition) != 0, #condition, __FILE__, __LINE__)

/* Equal within `relative`: for numbers computed by other means than the core's own order of operations. */
int near_to(double a, double b, double relative);

/* Deterministic random numbers (splitmix64), so that a failure comes back. */
typedef struct { uint64_t state; } rng_t;
uint64_t rng_next(rng_t *r);
size_t rng_below(rng_t *r, size_t n); /* 0 .. n - 1 */
double rng_pick(rng_t *r, size_t n, const double *values);

enum { MAX_MODELS = 3, MAX_OPS = 16, MAX_CHIPS = 2, MAX_PRECISIONS = 2, MAX_VALUES = 8, MAX_BATCHES = 1200 };
enum { N_AXES = 11, N_PLAIN_AXES = 8 };

/* Axes together with all the arrays they point into. Pointers lead into the world itself: never copy one. */
typedef struct {
    tr_axes axes;
    tr_model models[MAX_MODELS];
    tr_operator ops[MAX_MODELS][MAX_OPS];
    tr_hardware chips[MAX_CHIPS];
    tr_precision precisions[MAX_PRECISIONS];
    double peak[MAX_CHIPS * MAX_PRECISIONS], flop_joules[MAX_CHIPS * MAX_PRECISIONS];
    double tp[MAX_VALUES], pp[MAX_VALUES], ep[MAX_VALUES], dp[MAX_VALUES], cp[MAX_VALUES], isl[MAX_VALUES], osl[MAX_VALUES];
    double batch[MAX_BATCHES];
} world_t;

/* One Llama-2-7B-like model in bf16 on one chip (80 GB, 2 TB/s, 312 TFLOP/s); every other axis holds the one value 1,
 * isl 1024, osl 257, memory_fraction 0.9. Room for more axis values is there: change the array and its n_. */
void world_llama(world_t *w);
/* The same chip with a Mixtral-like model: 8 experts, 2 active. */
void world_mixtral(world_t *w);
/* Random models (dense, routed, windowed, with state), chips and axes of at most `points` points. */
void world_random(world_t *w, rng_t *r, size_t points);
tr_operator operator_of(int kind, double count);

uint64_t world_points(const world_t *w);
/* Lengths by which points are numbered, and the values' indices of a point: zipped axes follow their first one. */
void world_numbering(const world_t *w, size_t *n);
void world_at(const world_t *w, uint64_t point, size_t *at);
tr_plan *world_plan(const world_t *w); /* NULL and a failed check where the plan is refused */

/* One value of one point of a fresh plan; NAN and a failed check where a call fails. */
double world_value(const world_t *w, const char *column, uint64_t point);
int32_t column_of(const char *name);

/* Every column of every point, column by column; to free. */
double *store_all(const tr_plan *p);

/* A question that sinks are asked about all points of a plan, and its answer by looking at stored columns. */
enum { MOST_WHERE = 3, MOST_PARTS = 5 };
typedef struct {
    const world_t *world;
    const tr_plan *plan;
    const double *all; /* [column][point] */
    uint64_t points;
    int32_t status; /* the column's number */
    tr_where where[MOST_WHERE];
    tr_select select;
    uint64_t table[11][MAX_BATCHES]; /* of groups */
    tr_groups groups;
    uint64_t cut[MOST_PARTS + 1]; /* the points in parts, run in this order */
    size_t n_parts, order[MOST_PARTS];
} question_t;
void question_draw(question_t *q, rng_t *r);
double value_at(const question_t *q, int32_t column, uint64_t point);
int counts_at(const question_t *q, uint64_t point);
uint64_t group_at(const question_t *q, uint64_t point);

void test_formulas(void);
void test_plan(void);
void test_reject(void);
void test_reject_calls(void);
void test_bits(void);
void test_best(void);
void test_zip(void);
void test_expr(void);
void test_pareto(void);
void test_sinks(void);
void test_memory(void);

#endif
