/* Groups: which of a sink's places a point goes to. */
#ifndef TOKENROOF_GROUPS_H
#define TOKENROOF_GROUPS_H

#include "internal.h"

typedef struct {
    uint64_t n;
    const uint64_t *of[N_AXES];
    uint64_t combination; /* what the combination at hand contributes */
    int by_length, by_batch;
} groups_t;

/* Checks what the caller gives: NULL is one group. */
int tr_groups_open(groups_t *g, const tr_plan *p, const tr_groups *groups, tr_error *err);
/* For the first visit of each combination. */
void tr_groups_combination(groups_t *g, const walk_t *w);

/* Whether lanes of one tile may be in several groups. */
TR_FN int tr_groups_by_lane(const groups_t *g, const walk_t *w)
{
    return g->by_batch || (g->by_length && w->tile.mode == TILE_ZIP);
}

/* Group of lane 0, and of all lanes unless tr_groups_by_lane. */
TR_FN uint64_t tr_groups_tile(const groups_t *g, const walk_t *w)
{
    return g->combination + (g->of[AX_ISL] ? g->of[AX_ISL][w->isl] : 0) + (g->of[AX_OSL] ? g->of[AX_OSL][w->osl] : 0)
           + (g->by_batch ? g->of[AX_BATCH][w->first % w->plan->n[AX_BATCH]] : 0);
}

/* Group of any point of the combination. */
TR_FN uint64_t tr_groups_point(const groups_t *g, const tr_plan *p, uint64_t point)
{
    const uint64_t row = point / p->n[AX_BATCH];
    return g->combination + (g->of[AX_BATCH] ? g->of[AX_BATCH][point % p->n[AX_BATCH]] : 0)
           + (g->of[AX_OSL] ? g->of[AX_OSL][row % p->n[AX_OSL]] : 0)
           + (g->of[AX_ISL] ? g->of[AX_ISL][row / p->n[AX_OSL] % p->n[AX_ISL]] : 0);
}

/* Groups of all lanes of a tile. */
void tr_groups_lanes(const groups_t *g, const walk_t *w, uint64_t *group);

#endif
