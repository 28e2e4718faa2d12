/* What the exhaustive search and the one by bounds share. */
#ifndef TOKENROOF_BEST_H
#define TOKENROOF_BEST_H

#include "select.h"

typedef struct {
    sink_t sink;
    tr_best *best;
    int fused, class; /* class: of the objective */
    double scale;     /* of the combination */
    double value[TR_TILE];
} best_t;

/* `s` is zeroed. Close it even where it fails. */
int tr_best_open(best_t *s, walk_t *w, const tr_plan *p, const tr_select *select, const tr_groups *groups,
                 tr_best *best, tr_error *err);
void tr_best_close(best_t *s);
void tr_best_combination(walk_t *w);
void tr_best_visit(walk_t *w);
double tr_best_key(const tr_best *b, uint64_t slot); /* small is good; INFINITY: free */

/* A fused objective at a step time or seconds per token. */
TR_FN double tr_best_value(const best_t *s, double x)
{
    return s->class == CLASS_PER_STEP || s->class == CLASS_PER_SPT ? s->scale / x : s->scale * x;
}

#endif
