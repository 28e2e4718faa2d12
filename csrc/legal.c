/* Which combinations can exist, told by their axes' indices before anything is bound, and where runs of those that
 * cannot end: a value that its model forbids rules out whatever the inner axes hold. */
#include "internal.h"

static int padded(const tr_plan *p) { return (p->flags & TR_PAD_HEADS) != 0; }

static int heads_status(const tr_operator *o, double tp)
{
    if (o->heads > 0.0 && !tr_whole(o->heads / tp)) return TR_POINT_HEADS;
    return o->kv_heads > 0.0 && !tr_whole(o->kv_heads / tp) && !tr_whole(tp / o->kv_heads) ? TR_POINT_KV_HEADS : 0;
}

/* What each model's rows say to each value of tp and ep. */
int tr_hoist_legal(tr_plan *p, tr_error *err)
{
    const size_t ntp = p->n_distinct[AX_TP], nep = p->n_distinct[AX_EP], models = p->len[AX_MODEL];
    size_t m, i;
    uint32_t r;
    p->legal.tp = tr_keep(p, tr_times(models, ntp), sizeof(veto_t));
    p->legal.ep = tr_keep(p, tr_times(models, nep), sizeof(veto_t));
    if (!p->legal.tp || !p->legal.ep) return tr_fail(err, TR_ERR_MEMORY, AX_MODEL, -1, "out of memory");
    for (m = 0; m < models; m++) {
        const model_t *model = &p->models[m];
        for (i = 0; i < ntp; i++) {
            veto_t *v = &p->legal.tp[m * ntp + i];
            v->row = UINT32_MAX;
            for (r = 0; !padded(p) && !v->status && r < model->spec.n_operators; r++)
                if ((v->status = heads_status(&model->ops[r], p->distinct[AX_TP][i]))) v->row = r;
        }
        for (i = 0; i < nep; i++) {
            veto_t *v = &p->legal.ep[m * nep + i];
            v->row = UINT32_MAX;
            for (r = 0; !v->status && r < model->spec.n_operators; r++)
                if (model->ops[r].kind == TR_EXPERTS && !tr_whole(model->ops[r].experts / p->distinct[AX_EP][i])) {
                    v->status = TR_POINT_EXPERTS;
                    v->row = r;
                }
        }
    }
    return TR_OK;
}

static void led(const tr_plan *p, size_t *at)
{
    int a;
    for (a = 0; a < AX_BATCH; a++)
        if (p->lead[a] != a) at[a] = at[p->lead[a]];
}

void tr_indices(const tr_plan *p, uint64_t combination, size_t *at)
{
    int a;
    at[AX_ISL] = at[AX_OSL] = at[AX_BATCH] = 0;
    for (a = AX_CP; a >= AX_MODEL; a--) {
        at[a] = (size_t)(combination % p->n[a]);
        combination /= p->n[a];
    }
    led(p, at);
}

void tr_next(const tr_plan *p, size_t *at)
{
    int a;
    for (a = AX_CP; a >= AX_MODEL; a--) {
        if (p->lead[a] != a) continue;
        if (++at[a] < p->n[a]) break;
        at[a] = 0;
    }
    led(p, at);
}

/* Why a combination cannot exist, and the innermost of the axes that say so; `axis` may be NULL. */
static int verdict(const tr_plan *p, const size_t *at, int *axis)
{
    const model_t *m = &p->models[at[AX_MODEL]];
    const tr_hardware *hw = &p->chips[at[AX_HARDWARE]].hw;
    const veto_t *heads = &p->legal.tp[at[AX_MODEL] * p->n_distinct[AX_TP] + p->kind[AX_TP][at[AX_TP]]];
    const veto_t *experts = &p->legal.ep[at[AX_MODEL] * p->n_distinct[AX_EP] + p->kind[AX_EP][at[AX_EP]]];
    const double tp = p->axis[AX_TP][at[AX_TP]], pp = p->axis[AX_PP][at[AX_PP]], ep = p->axis[AX_EP][at[AX_EP]];
    const double dp = p->axis[AX_DP][at[AX_DP]], cp = p->axis[AX_CP][at[AX_CP]], ranks = tp * dp * cp;
    *axis = AX_PRECISION;
    if (!(p->rates[at[AX_HARDWARE] * p->len[AX_PRECISION] + at[AX_PRECISION]].peak > 0.0)) return TR_POINT_PRECISION;
    *axis = AX_TP;
    if (heads->status && heads->row <= experts->row) return heads->status;
    *axis = AX_EP;
    if (experts->status) return experts->status;
    *axis = AX_PP;
    if (pp > m->spec.layers) return TR_POINT_STAGES;
    *axis = m->routed ? AX_CP : AX_EP;
    if (m->routed ? !(tr_whole(ranks / ep) && tr_whole(ep / dp)) && !(ep == 1.0 && dp == 1.0) : ep != 1.0)
        return TR_POINT_EXPERTS;
    *axis = AX_CP;
    if (ranks * pp > hw->domain && !(hw->scaleout_bandwidth > 0.0)) return TR_POINT_LINK;
    return TR_POINT_OK;
}

int tr_status(const tr_plan *p, const size_t *at)
{
    int axis;
    return verdict(p, at, &axis);
}

/* Combinations from here to the result are alike in every axis that rules this one out; itself if it can exist. An axis
 * that another leads changes with that one. */
uint64_t tr_illegal_until(const tr_plan *p, uint64_t combination, const size_t *at)
{
    uint64_t run = 1;
    int axis, a, last = AX_MODEL;
    if (verdict(p, at, &axis) == TR_POINT_OK) return combination;
    for (a = AX_MODEL; a <= axis; a++)
        if (p->lead[a] > last) last = p->lead[a];
    for (a = last + 1; a <= AX_CP; a++) run *= p->n[a];
    return combination - combination % run + run;
}

int tr_plan_statuses(const tr_plan *p, uint64_t begin, uint64_t end, int32_t *out, tr_error *err)
{
    size_t at[N_AXES];
    uint64_t c;
    if (!p || (!out && begin < end)) return tr_fail(err, TR_ERR_NULL, -1, -1, "plan or out is NULL");
    if (begin > end || end > p->combinations)
        return tr_fail(err, TR_ERR_RANGE, -1, -1, "range [%llu, %llu) of %llu combinations", (unsigned long long)begin,
                       (unsigned long long)end, (unsigned long long)p->combinations);
    tr_indices(p, begin < end ? begin : 0, at);
    for (c = begin; c < end; c++) {
        out[c - begin] = tr_status(p, at);
        tr_next(p, at);
    }
    return TR_OK;
}

uint64_t tr_plan_legal(const tr_plan *p)
{
    size_t at[N_AXES];
    uint64_t c = 0, legal = 0;
    if (!p) return 0;
    tr_indices(p, 0, at);
    while (c < p->combinations) {
        const uint64_t until = tr_illegal_until(p, c, at);
        if (until == c) {
            legal++;
            c++;
            tr_next(p, at);
        } else {
            c = until;
            if (c < p->combinations) tr_indices(p, c, at);
        }
    }
    return legal * (p->points / p->combinations);
}
