/* `best` by bounds: boxes of isl x osl x batch in which nothing can rank are left out, with the answer of the exhaustive
 * search.
 *
 * Step time and seconds per token grow with isl, osl and batch but for two factors: prefill is spread over osl tokens, and
 * a step over the sequences of the batch. With each input of a lane at its least within the box (1 / osl and 1 / batch at
 * the largest), one evaluation of the kernel is below every point of the box: each of its operations is monotone in each
 * operand, rounded or not. Only what isl and osl decide is computed from them with other roundings at each point; its
 * terms are sums and products of numbers from 0 up, so a few hundred roundings of 2^-53 each are covered by SLACK. Chunked
 * windows are not monotone: their rows are bounded one by one. tests/test_bound.py holds all this against every point. */
#include "best.h"
#include "seq.h"

#include <stdlib.h>

#define SLACK (1.0 - 0x1p-32)
#define LEAF 128 /* lanes of a row that are rather searched than bounded */

typedef struct {
    best_t best; /* first: tr_best_visit's state */
    double *least_fixed; /* of the batch values from each one on */
    int chunked;
} bound_t;

typedef struct { size_t isl[2], osl[2], batch[2]; } box_t; /* from, to */

static uint64_t size_of(const box_t *x)
{
    return (uint64_t)(x->isl[1] - x->isl[0]) * (x->osl[1] - x->osl[0]) * (x->batch[1] - x->batch[0]);
}

/* The indices of an axis's values that a box holds: zipped axes follow those that lead them. */
static void part_of(const walk_t *w, const box_t *box, int axis, size_t part[2])
{
    const int lead = w->plan->lead[axis];
    const size_t *from = lead == AX_ISL ? box->isl : box->osl;
    part[0] = lead == AX_ISL || lead == AX_OSL ? from[0] : w->at[axis];
    part[1] = lead == AX_ISL || lead == AX_OSL ? from[1] : part[0] + 1;
}

static void range_of(const double *axis, const size_t *part, size_t *least, size_t *most)
{
    size_t i;
    *least = *most = part[0];
    for (i = part[0] + 1; i < part[1]; i++) {
        if (axis[i] < axis[*least]) *least = i;
        if (axis[i] > axis[*most]) *most = i;
    }
}

/* What isl and osl decide, at its least within the box. */
static void least_seq(const walk_t *w, const box_t *box, double *seq)
{
    const tr_plan *p = w->plan;
    const coef_t *c = w->coef;
    size_t isl, osl, most, part[2];
    uint32_t place = 0, i;
    lengths_t x;
    prefill_t pre;
    part_of(w, box, AX_ISL, part);
    range_of(p->axis[AX_ISL], part, &isl, &most);
    part_of(w, box, AX_OSL, part);
    range_of(p->axis[AX_OSL], part, &osl, &most);
    for (i = 1; i < c->n_places; i++)
        if (c->places[i].slow < c->places[place].slow) place = i;
    x = p->by_osl[osl];
    set_isl(&x, p->axis[AX_ISL][isl]);
    pre = tr_prefill_at(w, &x);
    x.inv_osl = p->by_osl[most].inv_osl; /* prefill is shared by the most tokens; decode's share keeps the fewest */
    seq_eval(c, &x, &pre, w->needs, place, seq, 1);
    for (i = 0; i < c->n_places; i++) seq[S_ROOM] = tr_max(c->places[i].room, seq[S_ROOM]);
}

/* Whether the box holds no point that could rank in its group. */
static int cannot_rank(const walk_t *w, const bound_t *s, const box_t *box)
{
    const best_t *best = &s->best;
    const select_t *q = &best->sink.select;
    const tr_best *b = best->best;
    const int by_step = best->class == CLASS_STEP || best->class == CLASS_PER_STEP;
    double seq[N_SEQ] = {0.0}, lane[N_BATCH] = {0.0}, step, spt, value, held;
    uint64_t group = best->sink.groups.combination;
    tile_t t = w->tile;
    size_t j;
    if (s->chunked && (box->isl[1] - box->isl[0] > 1 || box->osl[1] - box->osl[0] > 1)) return 0;
    least_seq(w, box, seq);
    if (seq[S_TOO_LONG] > 0.0) return 1;
    for (j = 0; j < N_BATCH; j++) lane[j] = w->table[j][j == B_INV ? box->batch[1] - 1 : box->batch[0]];
    lane[B_FIXED] = s->least_fixed[box->batch[0]];
    if (!q->misfits && lane[B_SEQS] * seq[S_KV] * SLACK > seq[S_ROOM]) return 1;
    for (j = 0; j < N_BATCH; j++) t.bat[j] = &lane[j];
    t.seq = seq;
    t.n = 1;
    step = w->plan->kernels->search(&t, INFINITY, 1) * SLACK;
    spt = w->plan->kernels->search(&t, INFINITY, 0) * SLACK;
    if (step > q->step_limit || spt > q->spt_limit) return 1;
    if (best->sink.groups.by_length) { /* then boxes are parts of one row */
        if (best->sink.groups.of[AX_ISL]) group += best->sink.groups.of[AX_ISL][box->isl[0]];
        if (best->sink.groups.of[AX_OSL]) group += best->sink.groups.of[AX_OSL][box->osl[0]];
    }
    value = tr_best_value(best, by_step ? step : spt);
    held = tr_best_key(b, group * b->k + b->k - 1);
    return (b->maximize ? -value : value) > held;
}

static double spread(const double *axis, const size_t *part)
{
    size_t least, most;
    range_of(axis, part, &least, &most);
    return axis[most] / axis[least];
}

/* Halves the box along the axis whose values spread most, or returns 0 where it is to be searched. */
static int halve(const walk_t *w, const bound_t *s, const box_t *x, box_t half[2])
{
    const tr_plan *p = w->plan;
    const size_t n[3] = {x->isl[1] - x->isl[0], x->osl[1] - x->osl[0], x->batch[1] - x->batch[0]};
    const double wide[3] = {n[0] > 1 ? spread(p->axis[AX_ISL], x->isl) : 0.0,
                            n[1] > 1 ? spread(p->axis[AX_OSL], x->osl) : 0.0,
                            n[2] > LEAF ? p->axis[AX_BATCH][x->batch[1] - 1] / p->axis[AX_BATCH][x->batch[0]] : 0.0};
    const int rows = s->best.sink.groups.by_length && (n[0] > 1 || n[1] > 1); /* one row at a time has one group */
    int a = 0;
    if (wide[1] > wide[a]) a = 1;
    if (!rows && wide[2] > wide[a]) a = 2;
    if (wide[a] == 0.0) return 0;
    half[0] = half[1] = *x;
    size_t *first = a == 0 ? half[0].isl : a == 1 ? half[0].osl : half[0].batch;
    size_t *second = a == 0 ? half[1].isl : a == 1 ? half[1].osl : half[1].batch;
    first[1] = second[0] = first[0] + n[a] / 2;
    return 1;
}

static void search_box(walk_t *w, bound_t *s, const box_t *x)
{
    const uint64_t row = (uint64_t)x->isl[0] * w->plan->n[AX_OSL] + x->osl[0], at = row * w->plan->n[AX_BATCH];
    const int one_row = x->isl[1] - x->isl[0] == 1 && x->osl[1] - x->osl[0] == 1;
    box_t half[2];
    if ((!s->best.sink.groups.by_length || one_row) && cannot_rank(w, s, x)) s->best.best->proven += size_of(x);
    else if (halve(w, s, x, half)) {
        search_box(w, s, &half[0]);
        search_box(w, s, &half[1]);
    } else tr_walk_rows(w, at + x->batch[0], at + x->batch[1]);
}

/* Whole rows [first, last) as boxes: what is left of the first isl, all osl of the next ones, and of the last isl. */
static void search_rows(walk_t *w, bound_t *s, uint64_t first, uint64_t last)
{
    const size_t n_osl = w->plan->n[AX_OSL], nb = w->plan->n[AX_BATCH];
    while (first < last) {
        const size_t isl = (size_t)(first / n_osl), osl = (size_t)(first % n_osl);
        const uint64_t left = last - first;
        box_t box = {{isl, isl + 1}, {osl, n_osl}, {0, nb}};
        if (osl == 0 && left >= n_osl) box.isl[1] = isl + (size_t)(left / n_osl);
        else if (left < n_osl - osl) box.osl[1] = osl + (size_t)left;
        search_box(w, s, &box);
        first += size_of(&box) / nb;
    }
}

static void search_combination(walk_t *w, uint64_t first, uint64_t last)
{
    bound_t *s = w->state;
    const uint64_t nb = w->plan->n[AX_BATCH];
    const coef_t *c = w->coef;
    size_t b;
    uint32_t r;
    tr_best_combination(w);
    w->fresh = 0;
    s->chunked = 0;
    for (r = 0; r < c->n_context; r++) s->chunked |= c->contexts[r].chunked != 0.0;
    for (b = nb; b > 0; b--)
        s->least_fixed[b - 1] = b < nb ? tr_min(w->table[B_FIXED][b - 1], s->least_fixed[b]) : w->table[B_FIXED][b - 1];
    if (first % nb) { /* rows that the range cuts are searched */
        const uint64_t end = (first / nb + 1) * nb < last ? (first / nb + 1) * nb : last;
        tr_walk_rows(w, first, end);
        first = end;
    }
    search_rows(w, s, first / nb, last / nb);
    if (last % nb && last / nb * nb >= first && first < last) tr_walk_rows(w, last / nb * nb, last);
}

int tr_plan_best_bound(const tr_plan *p, uint64_t begin, uint64_t end, const tr_select *select, const tr_groups *groups,
                       tr_best *best, tr_error *err)
{
    walk_t w = {0};
    bound_t *s = calloc(1, sizeof *s);
    int code = s ? tr_best_open(&s->best, &w, p, select, groups, best, err) : TR_ERR_MEMORY;
    if (!s) return tr_fail(err, code, -1, -1, "out of memory");
    if (!code && s->best.fused) {
        w.combination_visit = search_combination;
        if (!(s->least_fixed = malloc(p->n[AX_BATCH] * sizeof *s->least_fixed)))
            code = tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory");
    }
    if (!code) code = tr_walk(&w, begin, end, err);
    tr_best_close(&s->best);
    free(s->least_fixed);
    free(s);
    return code;
}
