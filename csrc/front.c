/* Fronts: what is held, how a point gets in, and how fronts are read and merged. */
#include "front.h"

#include <stdlib.h>
#include <string.h>

int tr_front_create(uint64_t n_groups, size_t n_objectives, const int32_t *objectives, const int32_t *maximize,
                    tr_front **front, tr_error *err)
{
    tr_front *f;
    size_t k;
    if (!front || !objectives || !maximize)
        return tr_fail(err, TR_ERR_NULL, -1, -1, "objectives, maximize or front is NULL");
    *front = NULL;
    if (n_objectives < 2 || n_objectives > TR_OBJECTIVES)
        return tr_fail(err, TR_ERR_VALUE, -1, -1, "%zu objectives: expected 2 to %d", n_objectives, TR_OBJECTIVES);
    if (n_groups < 1 || n_groups > SIZE_MAX / sizeof(held_t))
        return tr_fail(err, TR_ERR_VALUE, -1, -1, "%llu groups", (unsigned long long)n_groups);
    for (k = 0; k < n_objectives; k++) /* how many there are depends on the plan, which checks them */
        if (objectives[k] < 0)
            return tr_fail(err, TR_ERR_COLUMN, -1, (int64_t)k, "no column has number %ld", (long)objectives[k]);
    f = calloc(1, sizeof *f);
    if (f) f->group = calloc((size_t)n_groups, sizeof *f->group);
    if (!f || !f->group) {
        free(f);
        return tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory");
    }
    f->n_groups = n_groups;
    f->d = n_objectives;
    for (k = 0; k < n_objectives; k++) {
        f->objective[k] = objectives[k];
        f->maximize[k] = maximize[k] != 0;
    }
    *front = f;
    return TR_OK;
}

void tr_front_free(tr_front *f)
{
    uint64_t g;
    if (!f) return;
    for (g = 0; g < f->n_groups; g++) {
        free(f->group[g].key[0]);
        free(f->group[g].point);
    }
    free(f->group);
    free(f);
}

/* Room for one more. The rows of keys lie in one block, room after room. */
static int grow(held_t *h, size_t d)
{
    const size_t room = h->room ? 2 * h->room : 16;
    double *key;
    uint64_t *point;
    size_t k;
    if (h->n < h->room) return 1;
    if (room > SIZE_MAX / TR_OBJECTIVES / sizeof *key) return 0;
    key = malloc(d * room * sizeof *key);
    point = malloc(room * sizeof *point);
    if (!key || !point) {
        free(key);
        free(point);
        return 0;
    }
    if (h->n) memcpy(point, h->point, h->n * sizeof *point);
    for (k = 0; h->n && k < d; k++) memcpy(key + k * room, h->key[k], h->n * sizeof *key);
    free(h->key[0]);
    free(h->point);
    for (k = 0; k < d; k++) h->key[k] = key + k * room;
    h->point = point;
    h->room = room;
    return 1;
}

static void move(held_t *h, size_t d, size_t to, size_t from, size_t n)
{
    size_t k;
    if (to == from || !n) return;
    for (k = 0; k < d; k++) memmove(h->key[k] + to, h->key[k] + from, n * sizeof *h->key[k]);
    memmove(h->point + to, h->point + from, n * sizeof *h->point);
}

static void put(held_t *h, size_t d, size_t at, const double *key, uint64_t point)
{
    size_t k;
    for (k = 0; k < d; k++) h->key[k][at] = key[k];
    h->point[at] = point;
}

static void swap(held_t *h, size_t d, size_t a, size_t b)
{
    const uint64_t point = h->point[a];
    size_t k;
    h->point[a] = h->point[b];
    h->point[b] = point;
    for (k = 0; k < d; k++) {
        const double key = h->key[k][a];
        h->key[k][a] = h->key[k][b];
        h->key[k][b] = key;
    }
}

/* 1: held point i is as good in every objective and better in one; 0: as good in every one; -1: worse in one. */
static int compare(const held_t *h, size_t d, size_t i, const double *key)
{
    int better = 0;
    size_t k;
    for (k = 0; k < d; k++) {
        if (!(h->key[k][i] <= key[k])) return -1;
        better |= h->key[k][i] < key[k];
    }
    return better;
}

/* How many held points of two objectives have a first key of at most x. Gallops from the last answer: neighbouring
 * points are near each other on the front too. */
static size_t up_to(held_t *h, double x)
{
    size_t low = 0, high = h->n, step = 1, at = h->at < h->n ? h->at : h->n; /* below low: at most x; from high: above */
    if (at < h->n && h->key[0][at] <= x) {
        for (low = at + 1; low + step < high && h->key[0][low + step] <= x; step *= 2) low += step + 1;
        if (low + step < high) high = low + step;
    } else {
        for (high = at; high > step && !(h->key[0][high - step] <= x); step *= 2) high -= step;
        if (high > step) low = high - step + 1;
    }
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (h->key[0][mid] <= x) low = mid + 1;
        else high = mid;
    }
    return h->at = low;
}

/* A held point that is as good as the key in every objective, or n. */
static size_t as_good(held_t *h, size_t d, const kernels_t *kernels, const double *key)
{
    size_t i;
    if (d == 2) {
        i = up_to(h, key[0]); /* the last of these has the best second key of them */
        return i && h->key[1][i - 1] <= key[1] ? i - 1 : h->n;
    }
    i = kernels->dominator(h->n, d, (const double *const *)h->key, key);
    if (i == h->n) return i;
    swap(h, d, i, i / 2); /* what dominates much is found early */
    return i / 2;
}

int tr_front_shuts_out(tr_front *f, const kernels_t *kernels, uint64_t group, const double *corner, uint64_t first)
{
    held_t *h = &f->group[group];
    size_t i = h->last;
    int better;
    if (i >= h->n || compare(h, f->d, i, corner) < 0) i = as_good(h, f->d, kernels, corner);
    if (i == h->n) return 0;
    h->last = i;
    better = compare(h, f->d, i, corner);
    return better > 0 || (better == 0 && h->point[i] < first);
}

/* Between the neighbours of a staircase; what it dominates is next to it. */
static int offer_stair(held_t *h, const double *key, uint64_t point)
{
    size_t from = up_to(h, key[0]), to = from;
    if (from && h->key[0][from - 1] == key[0]) from--;
    while (to < h->n && h->key[1][to] >= key[1]) to++;
    if (from == to) {
        if (!grow(h, 2)) return 0;
        move(h, 2, from + 1, from, h->n - from);
        h->n++;
    } else {
        move(h, 2, from + 1, to, h->n - to);
        h->n -= to - from - 1;
    }
    put(h, 2, from, key, point);
    return 1;
}

static int offer_any(held_t *h, size_t d, const double *key, uint64_t point)
{
    size_t i, k;
    for (i = 0; i < h->n;) {
        for (k = 0; k < d && key[k] <= h->key[k][i]; k++) {}
        if (k < d) i++;
        else move(h, d, i, --h->n, 1);
    }
    if (!grow(h, d)) return 0;
    put(h, d, h->n++, key, point);
    return 1;
}

int tr_front_offer(tr_front *f, const kernels_t *kernels, uint64_t group, const double *key, uint64_t point)
{
    held_t *h = &f->group[group];
    size_t i = h->last;
    if (i >= h->n || compare(h, f->d, i, key) < 0) i = as_good(h, f->d, kernels, key);
    h->last = i;
    if (i < h->n) {
        if (compare(h, f->d, i, key) == 0 && point < h->point[i]) put(h, f->d, i, key, point);
        return 1;
    }
    return f->d == 2 ? offer_stair(h, key, point) : offer_any(h, f->d, key, point);
}

uint64_t tr_front_size(const tr_front *f)
{
    uint64_t g, n = 0;
    for (g = 0; f && g < f->n_groups; g++) n += f->group[g].n;
    return n;
}

/* Whether held point a comes after b: by keys from the first on. No two points have all of them equal. */
static int after(const held_t *h, size_t d, size_t a, size_t b)
{
    size_t k;
    for (k = 0; k < d; k++)
        if (h->key[k][a] != h->key[k][b]) return h->key[k][a] > h->key[k][b];
    return 0;
}

static void sift(held_t *h, size_t d, size_t at, size_t n)
{
    size_t child;
    for (; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && after(h, d, child + 1, child)) child++;
        if (!after(h, d, child, at)) return;
        swap(h, d, child, at);
    }
}

/* Heapsort: in place, no recursion, and no worst case. */
static void sort(held_t *h, size_t d)
{
    size_t i;
    for (i = h->n / 2; i > 0; i--) sift(h, d, i - 1, h->n);
    for (i = h->n; i > 1; i--) {
        swap(h, d, 0, i - 1);
        sift(h, d, 0, i - 1);
    }
}

void tr_front_read(tr_front *f, uint64_t *group, uint64_t *point, double *value)
{
    uint64_t g, at = 0;
    size_t i, k;
    if (!f || !group || !point || !value) return;
    for (g = 0; g < f->n_groups; g++) {
        held_t *h = &f->group[g];
        if (f->d > 2) sort(h, f->d);
        for (i = 0; i < h->n; i++, at++) {
            group[at] = g;
            point[at] = h->point[i];
            for (k = 0; k < f->d; k++) value[at * f->d + k] = f->maximize[k] ? -h->key[k][i] : h->key[k][i];
        }
    }
}

int tr_front_add(tr_front *f, uint64_t n, const uint64_t *group, const uint64_t *point, const double *value,
                 tr_error *err)
{
    int isa;
    const kernels_t *kernels = tr_kernels_for(TR_ISA_AUTO, &isa);
    double key[TR_OBJECTIVES];
    uint64_t i;
    size_t k;
    if (!f || (n && (!group || !point || !value)))
        return tr_fail(err, TR_ERR_NULL, -1, -1, "front, group, point or value is NULL");
    for (i = 0; i < n; i++) {
        if (group[i] >= f->n_groups)
            return tr_fail(err, TR_ERR_GROUP, -1, (int64_t)i, "group %llu of %llu", (unsigned long long)group[i],
                           (unsigned long long)f->n_groups);
        for (k = 0; k < f->d; k++) {
            const double v = value[i * f->d + k];
            if (v - v != 0.0)
                return tr_fail(err, TR_ERR_VALUE, -1, (int64_t)i, "value %g: expected a finite number", v);
            key[k] = f->maximize[k] ? -v : v;
        }
        if (!tr_front_offer(f, kernels, group[i], key, point[i]))
            return tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory for the front");
    }
    return TR_OK;
}
