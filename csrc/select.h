/* Selection: which points of a tile count, and what of that a row decides without looking at single points.
 *
 * Many columns are a positive multiple of step time or of seconds per token, or a quotient by one of them. Rounding is
 * monotone, so a limit on such a column is a limit on that quantity, found to the last bit. What fits memory is a prefix
 * of an ascending batch axis. A selection made of such limits alone is *fused*: rows are decided by few comparisons. */
#ifndef TOKENROOF_SELECT_H
#define TOKENROOF_SELECT_H

#include "groups.h"

enum { CLASS_OTHER, CLASS_ROW, CLASS_STEP, CLASS_SPT, CLASS_PER_STEP, CLASS_PER_SPT };
/* How a column depends on the lane of a row: any way, not at all, or by one of the four fused forms. */
int tr_class_of(int column, int estimate);
/* The multiple, or the number that is divided. */
double tr_scale_of(int column, const coef_t *c);
/* The value of a column of CLASS_ROW. */
double tr_row_value(const walk_t *w, int column);
/* Whether small step times or small seconds per token are best of a fused column. */
TR_FN int tr_small_is_best(int class, int maximize)
{
    return class >= CLASS_STEP && (maximize != 0) == (class == CLASS_PER_STEP || class == CLASS_PER_SPT);
}

/* What step time and seconds per token of a row need. */
TR_FN int tr_row_needs(const tr_plan *p)
{
    return (p->estimate == TR_BOUND ? NEED_BOUND : NEED_TYPICAL) | NEED_PREFILL;
}

typedef struct {
    int misfits, fused;
    size_t n_where, n_row_limits;
    const tr_where *where;
    size_t *row_limits;           /* which limits are the same for all lanes of a row */
    int limits_step, limits_spt;  /* whether the others bear on these */
    double step_limit, spt_limit; /* of the combination */
    size_t fit;                   /* lanes of the last row that fit memory */
    int all;                      /* all lanes of the tile count; else in[] says which */
    unsigned char in[TR_TILE];
    double column[TR_TILE];
} select_t;

/* Checks what the caller gives: NULL is status 0 alone. Close it even where it fails. */
int tr_select_open(select_t *s, const tr_plan *p, const tr_select *select, tr_error *err);
void tr_select_close(select_t *s);
int tr_select_needs(const select_t *s, const tr_plan *p);
/* For the first visit of each combination. */
void tr_select_combination(select_t *s, const walk_t *w);
/* Fused rows: how many first lanes status and limits of the row leave. */
size_t tr_select_row(select_t *s, const walk_t *w);
/* How many first lanes of a row fit memory; for an ascending batch axis. `guess`: the last row's answer. */
size_t tr_lanes_that_fit(const walk_t *w, size_t guess);
/* Decides all lanes and evaluates the basis; returns how many count. Cuts the tile after the last lane that may. */
size_t tr_select_tile(select_t *s, walk_t *w);

/* What every gathering sink's state begins with. */
typedef struct {
    select_t select;
    groups_t groups;
} sink_t;

/* Checks plan, selection and groups, and readies the walk but for visit, state and the columns' needs. Close it even
 * where it fails. */
int tr_sink_open(sink_t *s, walk_t *w, const tr_plan *p, const tr_select *select, const tr_groups *groups, tr_error *err);
void tr_sink_combination(sink_t *s, const walk_t *w);
/* Whether no point of a combination counts (walk_t.refuses): weights leave no room, or a limit on what it decides. */
int tr_sink_refuses(walk_t *w);

TR_FN int tr_counts_in(const select_t *s, size_t lane) { return s->all || s->in[lane]; }

#endif
