/* Groups: sums of what the indices along each axis contribute. */
#include "groups.h"

int tr_groups_open(groups_t *g, const tr_plan *p, const tr_groups *groups, tr_error *err)
{
    uint64_t most = 0;
    int a;
    size_t i;
    *g = (groups_t){0};
    g->n = 1;
    if (!groups) return TR_OK;
    if (tr_bad_size(groups->struct_size, FIRST(tr_groups, of)))
        return tr_fail(err, TR_ERR_STRUCT_SIZE, -1, -1, "tr_groups: struct_size %u", (unsigned)groups->struct_size);
    g->n = groups->n;
    for (a = 0; a < N_AXES; a++) {
        const uint64_t *of = g->of[a] = groups->of[a];
        uint64_t largest = 0;
        if (!of) continue;
        for (i = 0; i < p->n[a]; i++) largest = of[i] > largest ? of[i] : largest;
        most = most > UINT64_MAX - largest ? UINT64_MAX : most + largest;
    }
    if (most >= g->n)
        return tr_fail(err, TR_ERR_GROUP, -1, -1, "groups up to number %llu, but there are %llu", (unsigned long long)most,
                       (unsigned long long)g->n);
    g->by_length = g->of[AX_ISL] || g->of[AX_OSL];
    g->by_batch = g->of[AX_BATCH] != NULL;
    return TR_OK;
}

void tr_groups_combination(groups_t *g, const walk_t *w)
{
    uint64_t rest = w->combination;
    int a;
    g->combination = 0;
    for (a = AX_CP; a >= AX_MODEL; a--) {
        if (g->of[a]) g->combination += g->of[a][rest % w->plan->n[a]];
        rest /= w->plan->n[a];
    }
}

void tr_groups_lanes(const groups_t *g, const walk_t *w, uint64_t *group)
{
    size_t i;
    if (tr_groups_by_lane(g, w))
        for (i = 0; i < w->tile.n; i++) group[i] = tr_groups_point(g, w->plan, w->first + i);
    else
        for (i = 0; i < w->tile.n; i++) group[i] = tr_groups_tile(g, w);
}
