/* The grid: walks [begin, end) combination by combination, row by row, tile by tile. */
#include "seq.h"

#include <stdlib.h>
#include <string.h>

/* Scratch of one run: per-combination tables over the batch axis, the tile's results, lanes of zipped tiles. */
typedef struct {
    coef_t *coef;
    double *fixed, *compute, *memory, *network, *read;
    double *basis, *lanes_batch, *lanes_seq, *stack;
    const double **touched;
    double seq[N_SEQ];
} scratch_t;

static void release(scratch_t *s)
{
    free(s->coef);
    free(s->fixed);
    free(s->basis);
    free(s->touched);
}

static int reserve(scratch_t *s, const tr_plan *p)
{
    const size_t nb = p->n[AX_BATCH], experts = p->max_experts ? p->max_experts : 1;
    memset(s, 0, sizeof *s);
    s->coef = malloc(p->coef_bytes);
    s->fixed = calloc(5 * nb, sizeof(double));
    s->basis = calloc((7 + N_BATCH + N_SEQ + TR_EXPR_DEPTH - 1) * (size_t)TR_STRIDE, sizeof(double));
    s->touched = malloc(experts * sizeof *s->touched);
    if (!s->coef || !s->fixed || !s->basis || !s->touched) {
        release(s);
        return 0;
    }
    s->compute = s->fixed + nb;
    s->memory = s->fixed + 2 * nb;
    s->network = s->fixed + 3 * nb;
    s->read = s->fixed + 4 * nb;
    s->lanes_batch = s->basis + 7 * TR_STRIDE;
    s->lanes_seq = s->lanes_batch + N_BATCH * TR_STRIDE;
    s->stack = s->lanes_seq + N_SEQ * TR_STRIDE;
    return 1;
}

static void batch_tables(const walk_t *w, scratch_t *s, const coef_t *c, const shares_t *shares)
{
    const tr_plan *p = w->plan;
    const size_t nb = p->n[AX_BATCH], pp = p->kind[AX_PP][c->pp_index];
    uint32_t r;
    for (r = 0; r < c->n_expert; r++)
        s->touched[r] = p->touched + ((size_t)c->experts[r].pair * p->n_distinct[AX_PP] + pp) * nb;
    if (w->needs & (NEED_TYPICAL | NEED_READ | NEED_READ_BOUND | NEED_SPLIT))
        p->kernels->batch(c, nb, shares->tokens, shares->expert_tokens, s->touched, shares->micro, w->needs, s->fixed,
                          s->compute, s->memory, s->network, s->read);
}

prefill_t tr_prefill_at(const walk_t *w, const lengths_t *x)
{
    const coef_t *c = w->coef;
    prefill_t pre = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
    if ((w->needs & NEED_PREFILL) && (w->needs & NEED_TYPICAL)) pre.typical = w->plan->kernels->prefill(w->plan, c, x);
    prefill_work(w->plan, c, x, w->needs, &pre);
    return pre;
}

static void flush(walk_t *w)
{
    if (w->tile.n && !w->code) {
        w->visit(w);
        w->fresh = 0;
    }
    w->tile.n = 0;
}

/* Readies the walk for one combination. */
static void enter(walk_t *w, scratch_t *s)
{
    const tr_plan *p = w->plan;
    const coef_t *c = w->coef;
    const size_t pp = p->kind[AX_PP][c->pp_index], dp = p->kind[AX_DP][c->dp_index], cp = p->kind[AX_CP][c->cp_index];
    const size_t share = (pp * p->n_distinct[AX_DP] + dp) * p->n_distinct[AX_CP] + cp;
    const shares_t *shares = &p->shares[share * p->n_groups + c->group_index];
    const double *from[N_BATCH] = {
        p->axis[AX_BATCH], p->inv[AX_BATCH], shares->seq_tokens, shares->tokens_bound, shares->expert_bound,
        shares->seqs, s->fixed, s->compute, s->memory, s->network, s->read};
    const int zip = p->n[AX_BATCH] < TR_SHORT_AXIS;
    batch_tables(w, s, c, shares);
    memcpy(w->table, from, sizeof from);
    w->tile.mode = zip ? TILE_ZIP : TILE_ROW;
    w->tile.com = c->k;
    w->tile.illegal = c->k[K_STATUS] != 0.0;
    w->tile.seq = zip ? s->lanes_seq : s->seq;
    w->tile.n = 0;
    w->fresh = 1;
}

/* All rows of one combination within [first, last), point numbers relative to the combination. */
void tr_walk_rows(walk_t *w, uint64_t first, uint64_t last)
{
    const tr_plan *p = w->plan;
    const size_t nb = p->n[AX_BATCH], n_osl = p->n[AX_OSL];
    const coef_t *c = w->coef;
    const double *const *from = w->table, *seqs = w->table[B_SEQS];
    scratch_t *s = w->scratch;
    const int zip = w->tile.mode == TILE_ZIP;
    size_t isl_of_prefill = SIZE_MAX, j;
    prefill_t pre = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
    uint64_t row;

    for (row = first / nb; row * nb < last && !w->code; row++) {
        const size_t isl = (size_t)(row / n_osl), osl = (size_t)(row % n_osl);
        size_t b = row * nb < first ? (size_t)(first - row * nb) : 0;
        const size_t b_end = (row + 1) * nb > last ? (size_t)(last - row * nb) : nb;
        const size_t isl_value = p->lead[AX_ISL] == AX_ISL ? isl : w->at[AX_ISL];
        lengths_t x = p->by_osl[p->lead[AX_OSL] == AX_OSL ? osl : p->lead[AX_OSL] == AX_ISL ? isl : w->at[AX_OSL]];
        set_isl(&x, p->axis[AX_ISL][isl_value]);
        if (isl != isl_of_prefill) pre = tr_prefill_at(w, &x);
        isl_of_prefill = isl;
        const int places = c->n_places > 1;
        const double cache = places ? cache_bytes(c, &x) : 0.0;
        if (!places) seq_eval(c, &x, &pre, w->needs, 0, s->seq, 1);
        while (b < b_end) {
            size_t take = b_end - b, room = TR_TILE - w->tile.n;
            if (places) { /* the lanes from here on whose caches live in one place */
                const uint32_t place = place_for(c, seqs[b] * cache);
                for (take = 1; b + take < b_end && place_for(c, seqs[b + take] * cache) == place;) take++;
                seq_eval(c, &x, &pre, w->needs, place, s->seq, 1);
            }
            if (take > room) take = room;
            if (w->tile.n == 0) {
                w->first = w->base + row * nb + b;
                w->isl = isl;
                w->osl = osl;
            }
            if (zip) {
                size_t at = w->tile.n, i;
                for (j = 0; j < N_BATCH; j++)
                    memcpy(s->lanes_batch + j * TR_STRIDE + at, from[j] + b, take * sizeof(double));
                for (j = 0; j < N_SEQ; j++)
                    for (i = 0; i < take; i++) s->lanes_seq[j * TR_STRIDE + at + i] = s->seq[j];
            }
            for (j = 0; j < N_BATCH; j++) w->tile.bat[j] = zip ? s->lanes_batch + j * TR_STRIDE : from[j] + b;
            w->tile.n += take;
            b += take;
            if (!zip || w->tile.n == TR_TILE) flush(w);
        }
    }
    flush(w);
}

/* Binds the combination, unless the visitor refuses it by what is known first. */
static int refused(walk_t *w, scratch_t *s)
{
    const tr_plan *p = w->plan;
    if (p->bound) {
        w->coef = (const coef_t *)(p->bound + w->combination * p->coef_bytes);
        return w->refuses && w->coef->k[K_STATUS] == 0.0 && w->refuses(w);
    }
    w->coef = s->coef;
    return tr_bind(p, w->at, s->coef, w);
}

int tr_walk(walk_t *w, uint64_t begin, uint64_t end, tr_error *err)
{
    const tr_plan *p = w->plan;
    scratch_t s;
    uint64_t size, combination, last;
    if (begin > end || end > p->points)
        return tr_fail(err, TR_ERR_RANGE, -1, -1, "range [%llu, %llu) of %llu points", (unsigned long long)begin,
                       (unsigned long long)end, (unsigned long long)p->points);
    if (begin == end) return TR_OK;
    if (!reserve(&s, p)) return tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory for the run's scratch");
    w->scratch = &s;
    w->tile.estimate = p->estimate;
    w->tile.needs = w->needs;
    w->tile.coefs = NULL;
    w->tile.t = s.basis;
    w->tile.u = s.basis + TR_STRIDE;
    w->tile.tb = s.basis + 2 * TR_STRIDE;
    w->tile.ub = s.basis + 3 * TR_STRIDE;
    w->tile.cb = s.basis + 4 * TR_STRIDE;
    w->tile.mb = s.basis + 5 * TR_STRIDE;
    w->tile.nb = s.basis + 6 * TR_STRIDE;
    w->tile.stack = s.stack;
    w->tile.stack_stride = TR_STRIDE;
    size = p->points / p->combinations;
    last = (end - 1) / size;
    tr_indices(p, begin / size, w->at);
    for (combination = begin / size; combination <= last && !w->code; combination++) {
        const uint64_t base = combination * size, until = w->skip_illegal ? tr_illegal_until(p, combination, w->at) : combination;
        if (until > combination) {
            if (until <= last) tr_indices(p, until, w->at);
            combination = until - 1;
            continue;
        }
        w->combination = combination;
        w->base = base;
        if (!refused(w, &s)) {
            const uint64_t from = begin > base ? begin - base : 0, to = end - base < size ? end - base : size;
            enter(w, &s);
            if (w->combination_visit) w->combination_visit(w, from, to);
            else tr_walk_rows(w, from, to);
        }
        tr_next(p, w->at);
    }
    release(&s);
    return w->code;
}
