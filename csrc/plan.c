/* Plans: validate the axes once, copy them, hoist what depends on single axes, choose the kernels. */
#include "seq.h"

#include <stdlib.h>
#include <string.h>

#define MAX_AXIS ((size_t)1 << 31)
#define MAX_GROUPED 4096.0 /* ranks that are tried for the heads: far beyond any number of heads */
#define ALL_FLAGS (TR_BIND_ALL | TR_FRACTION_OF_FREE | TR_OFFLOAD_WEIGHTS | TR_OFFLOAD_KV | TR_PAD_HEADS \
                   | TR_BATCH_ATTENTION | TR_SPLIT_2D | TR_SPLIT_AUTO)

void *tr_keep(tr_plan *p, size_t count, size_t size)
{
    void *block;
    if (p->n_blocks == p->cap_blocks) {
        size_t cap = p->cap_blocks ? 2 * p->cap_blocks : 32;
        void **more = realloc(p->blocks, cap * sizeof *more);
        if (!more) return NULL;
        p->blocks = more;
        p->cap_blocks = cap;
    }
    if (size && count > SIZE_MAX / 2 / size) return NULL;
    block = calloc(count ? count : 1, size);
    if (!block) return NULL;
    p->blocks[p->n_blocks++] = block;
    p->bytes += count * size;
    return block;
}

void tr_plan_free(tr_plan *p)
{
    size_t i;
    if (!p) return;
    for (i = 0; i < p->n_blocks; i++) free(p->blocks[i]);
    free(p->blocks);
    free(p);
}

/* The distinct values of an axis of the layout, which tables are made for: a zipped axis repeats its own. */
static int gather(tr_plan *p, int a)
{
    size_t i, j, n = 0;
    p->kind[a] = tr_keep(p, p->len[a], sizeof *p->kind[a]);
    p->distinct[a] = tr_keep(p, p->len[a], sizeof(double));
    if (!p->kind[a] || !p->distinct[a]) return 0;
    for (i = 0; i < p->len[a]; i++) {
        for (j = p->zipped[a] ? 0 : n; j < n && p->distinct[a][j] != p->axis[a][i]; j++) {}
        if (j == n) p->distinct[a][n++] = p->axis[a][i];
        p->kind[a][i] = (uint32_t)j;
    }
    p->n_distinct[a] = n;
    return 1;
}

/* Leads and the lengths by which points are numbered. */
static int zip_axes(tr_plan *p, const tr_axes *x, tr_error *err)
{
    int a, b;
    for (a = 0; a < N_AXES; a++) {
        p->lead[a] = a;
        p->n[a] = p->len[a];
        p->zipped[a] = x->zip[a] != 0;
        if (!x->zip[a]) continue;
        if (a == AX_BATCH)
            return tr_fail(err, TR_ERR_KIND, a, -1, "in a zip: a list of points may vary it with other axes");
        for (b = 0; b < a && x->zip[b] != x->zip[a]; b++) {}
        if (b == a) continue;
        if (p->len[b] != p->len[a])
            return tr_fail(err, TR_ERR_VALUE, a, -1, "%zu values, zipped with an axis of %zu", p->len[a], p->len[b]);
        p->lead[a] = b;
        p->n[a] = 1;
    }
    return TR_OK;
}

static int copy_axes(tr_plan *p, const tr_axes *x, tr_error *err)
{
    const double *from[N_AXES] = {0, 0, 0, x->tp, x->pp, x->ep, x->dp, x->cp, x->isl, x->osl, x->batch};
    int a;
    size_t i;
    for (a = AX_TP; a < N_AXES; a++) {
        p->axis[a] = tr_keep(p, p->len[a], sizeof(double));
        p->inv[a] = tr_keep(p, p->len[a], sizeof(double));
        if (!p->axis[a] || !p->inv[a]) return tr_fail(err, TR_ERR_MEMORY, a, -1, "out of memory");
        for (i = 0; i < p->len[a]; i++) {
            double v = from[a][i];
            if (!(v >= 1.0) || !tr_whole(v))
                return tr_fail(err, TR_ERR_VALUE, a, (int64_t)i, "%g: expected a whole number from 1 to 2**52", v);
            p->axis[a][i] = v;
            p->inv[a][i] = 1.0 / v;
        }
    }
    for (a = AX_TP; a <= AX_CP; a++)
        if (!gather(p, a)) return tr_fail(err, TR_ERR_MEMORY, a, -1, "out of memory");
    p->ascending = 1;
    for (i = 1; i < p->n[AX_BATCH]; i++) p->ascending &= p->axis[AX_BATCH][i - 1] <= p->axis[AX_BATCH][i];
    return TR_OK;
}

static int share_out(tr_plan *p, shares_t *s, double pp, double dp, double cp, double group)
{
    const size_t nb = p->n[AX_BATCH];
    double *block = tr_keep(p, tr_times(7, nb), sizeof(double));
    size_t b;
    if (!block) return 0;
    s->tokens = block;
    s->seq_tokens = block + nb;
    s->expert_tokens = block + 2 * nb;
    s->tokens_bound = block + 3 * nb;
    s->expert_bound = block + 4 * nb;
    s->seqs = block + 5 * nb;
    s->micro = block + 6 * nb;
    for (b = 0; b < nb; b++) {
        double batch = p->axis[AX_BATCH][b];
        s->tokens[b] = tr_microbatch(batch, pp * dp * cp);
        s->seq_tokens[b] = tr_microbatch(batch, pp * dp * group);
        s->expert_tokens[b] = tr_microbatch(batch, pp);
        s->tokens_bound[b] = tr_microbatch_bound(batch, pp * dp);
        s->expert_bound[b] = tr_microbatch_bound(batch, pp);
        s->seqs[b] = tr_microbatch(batch, dp * group);
        s->micro[b] = tr_min(pp, tr_microbatch(batch, dp));
    }
    return 1;
}

/* Ranks of tp that share a KV head's sequences out. The heads lie on tp over this many: the least number that divides tp
 * and is not below the fewest heads of a row. */
static double group_of(const model_t *m, double tp)
{
    double ranks = tp;
    uint32_t i;
    for (i = 0; i < m->spec.n_operators; i++)
        if (m->ops[i].kind == TR_ATTENTION && m->ops[i].kv_heads > 0.0) ranks = tr_min(m->ops[i].kv_heads, ranks);
    while (ranks < tp && ranks <= MAX_GROUPED && !tr_whole(tp / ranks)) ranks += 1.0;
    return ranks <= MAX_GROUPED && tr_whole(tp / ranks) ? tp / ranks : 1.0;
}

static int hoist_groups(tr_plan *p)
{
    const size_t ntp = p->n_distinct[AX_TP], n = tr_times(p->len[AX_MODEL], ntp);
    size_t m, j, k;
    p->groups = tr_keep(p, p->flags & TR_BATCH_ATTENTION ? n + 1 : 1, sizeof *p->groups);
    p->group_of = tr_keep(p, n, sizeof *p->group_of);
    if (!p->groups || !p->group_of) return 0;
    p->groups[0] = 1.0;
    p->n_groups = 1;
    for (m = 0; (p->flags & TR_BATCH_ATTENTION) && m < p->len[AX_MODEL]; m++)
        for (j = 0; j < ntp; j++) {
            const double group = group_of(&p->models[m], p->distinct[AX_TP][j]);
            for (k = 0; k < p->n_groups && p->groups[k] != group;) k++;
            if (k == p->n_groups) p->groups[p->n_groups++] = group;
            p->group_of[m * ntp + j] = (uint32_t)k;
        }
    p->exchange = tr_keep(p, tr_times(p->len[AX_HARDWARE], p->n_groups), sizeof *p->exchange);
    if (!p->exchange) return 0;
    for (m = 0; m < p->len[AX_HARDWARE]; m++)
        for (k = 0; k < p->n_groups; k++) p->exchange[m * p->n_groups + k] = tr_exchange(&p->chips[m], p->groups[k]);
    return 1;
}

static int hoist_splits(tr_plan *p)
{
    const size_t ntp = p->n_distinct[AX_TP];
    size_t i, j;
    uint32_t most = 0;
    if (!(p->flags & (TR_SPLIT_2D | TR_SPLIT_AUTO))) return 1;
    p->splits = tr_keep(p, tr_times(p->len[AX_HARDWARE], ntp), sizeof *p->splits);
    if (!p->splits) return 0;
    for (i = 0; i < p->len[AX_HARDWARE]; i++)
        for (j = 0; j < ntp; j++) {
            p->splits[i * ntp + j] = tr_splits(&p->chips[i], p->distinct[AX_TP][j]);
            if (p->splits[i * ntp + j].n > most) most = p->splits[i * ntp + j].n;
        }
    if (most && (p->flags & TR_SPLIT_AUTO)) p->most_lines++;
    return 1;
}

static int hoist(tr_plan *p, tr_error *err)
{
    const size_t nb = p->n[AX_BATCH], npp = p->n_distinct[AX_PP], ndp = p->n_distinct[AX_DP], ncp = p->n_distinct[AX_CP];
    const size_t ntp = p->n_distinct[AX_TP];
    size_t i, j, k, b, g;
    if (!hoist_groups(p)) return tr_fail(err, TR_ERR_MEMORY, AX_TP, -1, "out of memory");
    p->shares = tr_keep(p, tr_times(npp, tr_times(ndp, tr_times(ncp, p->n_groups))), sizeof *p->shares);
    p->reduce = tr_keep(p, tr_times(p->len[AX_HARDWARE], ntp), sizeof *p->reduce);
    p->touched = tr_keep(p, tr_times(p->n_pairs, tr_times(npp, nb)), sizeof(double));
    p->by_osl = tr_keep(p, p->len[AX_OSL], sizeof *p->by_osl);
    if (!p->by_osl || !p->shares || !p->touched || !p->reduce)
        return tr_fail(err, TR_ERR_MEMORY, AX_BATCH, -1, "out of memory");
    for (i = 0; i < p->len[AX_OSL]; i++) p->by_osl[i] = lengths_of_osl(p->axis[AX_OSL][i]);
    for (i = 0; i < p->len[AX_HARDWARE]; i++)
        for (j = 0; j < ntp; j++) {
            reduce_t *r = &p->reduce[i * ntp + j];
            *r = tr_all_reduce(&p->chips[i], p->distinct[AX_TP][j]);
            if (r->lines.n > p->most_lines) p->most_lines = r->lines.n;
        }
    if (!hoist_splits(p)) return tr_fail(err, TR_ERR_MEMORY, AX_TP, -1, "out of memory");
    for (i = 0; p->most_lines < 2 && i < p->len[AX_MODEL]; i++) p->models[i].n_nets = 0;
    for (i = 0; i < npp; i++)
        for (j = 0; j < ndp; j++)
            for (k = 0; k < ncp; k++)
                for (g = 0; g < p->n_groups; g++)
                    if (!share_out(p, &p->shares[((i * ndp + j) * ncp + k) * p->n_groups + g], p->distinct[AX_PP][i],
                                   p->distinct[AX_DP][j], p->distinct[AX_CP][k], p->groups[g]))
                        return tr_fail(err, TR_ERR_MEMORY, AX_BATCH, -1, "out of memory");
    for (k = 0; k < p->n_pairs; k++)
        for (i = 0; i < npp; i++)
            for (b = 0; b < nb; b++)
                p->touched[(k * npp + i) * nb + b] =
                    tr_touched(&p->pairs[k], p->shares[i * ndp * ncp * p->n_groups].expert_tokens[b]);
    return TR_OK;
}

static int bind_all(tr_plan *p, tr_error *err)
{
    size_t at[N_AXES];
    uint64_t i;
    if (p->combinations > ((uint64_t)1 << 36) / p->coef_bytes)
        return tr_fail(err, TR_ERR_OVERFLOW, -1, -1, "too many combinations to bind all at once");
    p->bound = tr_keep(p, (size_t)p->combinations, p->coef_bytes);
    if (!p->bound) return tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory binding all combinations");
    tr_indices(p, 0, at);
    for (i = 0; i < p->combinations; i++) {
        tr_bind(p, at, (coef_t *)(p->bound + i * p->coef_bytes), NULL);
        tr_next(p, at);
    }
    return TR_OK;
}

static int build(tr_plan *p, const tr_axes *x, tr_error *err)
{
    int code;
    if ((code = copy_axes(p, x, err))) return code;
    if ((code = tr_copy_models(p, x, err))) return code;
    if ((code = tr_copy_hardware(p, x, err))) return code;
    if ((code = tr_copy_precisions(p, x, err))) return code;
    p->coef_bytes = tr_coef_bytes(p);
    if ((code = tr_hoist_legal(p, err))) return code;
    if ((code = hoist(p, err))) return code;
    return x->flags & TR_BIND_ALL ? bind_all(p, err) : TR_OK;
}

int tr_plan_create(const tr_axes *x, tr_plan **plan, tr_error *err)
{
    tr_plan *p, own = {0};
    int a, code;
    if (!x || !plan) return tr_fail(err, TR_ERR_NULL, -1, -1, "axes or plan is NULL");
    *plan = NULL;
    if (tr_bad_size(x->struct_size, FIRST(tr_axes, cache_share)))
        return tr_fail(err, TR_ERR_STRUCT_SIZE, -1, -1, "tr_axes: struct_size %u", (unsigned)x->struct_size);
    const size_t n[N_AXES] = {x->n_model, x->n_hardware, x->n_precision, x->n_tp,  x->n_pp,   x->n_ep,
                              x->n_dp,    x->n_cp,       x->n_isl,       x->n_osl, x->n_batch};
    const void *from[N_AXES] = {x->model, x->hardware, x->precision, x->tp,  x->pp,   x->ep,
                                x->dp,    x->cp,       x->isl,       x->osl, x->batch};
    uint64_t points = 1;
    for (a = 0; a < N_AXES; a++) {
        if (!n[a]) return tr_fail(err, TR_ERR_EMPTY, a, -1, "no values");
        if (!from[a]) return tr_fail(err, TR_ERR_NULL, a, -1, "values are NULL");
        if (n[a] > MAX_AXIS) return tr_fail(err, TR_ERR_OVERFLOW, a, -1, "%zu values: at most %zu", n[a], MAX_AXIS);
        own.len[a] = n[a];
    }
    if ((code = zip_axes(&own, x, err))) return code;
    for (a = 0; a < N_AXES; a++) {
        if (points > (uint64_t)INT64_MAX / own.n[a])
            return tr_fail(err, TR_ERR_OVERFLOW, a, -1, "the product of all axes exceeds 2**63 - 1 points");
        points *= own.n[a];
    }
    if (!x->peak) return tr_fail(err, TR_ERR_NULL, AX_HARDWARE, -1, "peak is NULL");
    if (x->estimate < TR_TYPICAL || x->estimate > TR_SERIAL)
        return tr_fail(err, TR_ERR_KIND, -1, -1, "estimate %d: expected 0 (typical), 1 (bound) or 2 (serial)",
                       (int)x->estimate);
    if (!(x->memory_fraction > 0.0 && x->memory_fraction <= 1.0))
        return tr_fail(err, TR_ERR_VALUE, -1, -1, "memory_fraction %g: expected above 0, at most 1", x->memory_fraction);
    if (!tr_from(x->memory_reserved, 0.0))
        return tr_fail(err, TR_ERR_VALUE, -1, -1, "memory_reserved %g: expected bytes from 0", x->memory_reserved);
    if (!(x->cache_share >= 0.0 && x->cache_share <= 1.0))
        return tr_fail(err, TR_ERR_VALUE, -1, -1, "cache_share %g: expected 0 to 1", x->cache_share);
    if (x->flags & ~ALL_FLAGS) return tr_fail(err, TR_ERR_KIND, -1, -1, "flags %#x hold unknown bits", (unsigned)x->flags);
    p = calloc(1, sizeof *p);
    if (!p) return tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory");
    *p = own;
    p->points = points;
    p->combinations = points / p->n[AX_BATCH] / p->n[AX_ISL] / p->n[AX_OSL];
    p->estimate = x->estimate;
    p->flags = x->flags;
    p->memory_fraction = x->memory_fraction;
    p->memory_reserved = x->memory_reserved;
    p->cache_share = x->cache_share;
    p->bytes = sizeof *p;
    p->kernels = tr_kernels_for(x->isa, &p->isa);
    code = p->kernels ? build(p, x, err) : tr_fail(err, TR_ERR_ISA, -1, -1, "instruction set %d is not here", (int)x->isa);
    if (code) {
        tr_plan_free(p);
        return code;
    }
    *plan = p;
    return TR_OK;
}

uint64_t tr_plan_points(const tr_plan *p) { return p ? p->points : 0; }
uint64_t tr_plan_combinations(const tr_plan *p) { return p ? p->combinations : 0; }
int tr_plan_isa(const tr_plan *p) { return p ? p->isa : TR_ERR_NULL; }
size_t tr_plan_bytes(const tr_plan *p) { return p ? p->bytes : 0; }
