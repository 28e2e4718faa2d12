/* Fronts: the points of each group that no other one dominates. Keys are objectives turned so that small is good. */
#ifndef TOKENROOF_FRONT_H
#define TOKENROOF_FRONT_H

#include "internal.h"

#define TR_OBJECTIVES 4

/* The points of one group: column i of `key` and point[i]. Two objectives ascend by the first, so that the second falls;
 * more are in no order. */
typedef struct {
    size_t n, room;
    size_t last, at; /* the point that dominated most recently, asked first; where the last search ended */
    double *key[TR_OBJECTIVES];
    uint64_t *point;
} held_t;

struct tr_front {
    uint64_t n_groups;
    size_t d;
    int32_t objective[TR_OBJECTIVES], maximize[TR_OBJECTIVES];
    held_t *group;
};

/* Whether no point from number `first` on whose keys are all at least the corner's can enter the group. A no may be
 * wrong where the corner itself is held. */
int tr_front_shuts_out(tr_front *f, const kernels_t *k, uint64_t group, const double *corner, uint64_t first);
/* Lets a point in where it belongs; 0 where memory has run out. */
int tr_front_offer(tr_front *f, const kernels_t *k, uint64_t group, const double *key, uint64_t point);

#endif
