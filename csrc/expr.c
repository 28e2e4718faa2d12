/* Columns of the caller's: postfix programs, checked once and run over tiles. python/tokenroof/reference/expression.py
 * does the same number by number. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static int two(int operation) { return operation >= TR_DO_ADD && operation <= TR_DO_NE; }

static int check_step(const tr_step *s, int64_t expr, tr_error *err)
{
    if (s->operation < TR_DO_NUMBER || s->operation > TR_DO_FLOOR)
        return tr_fail(err, TR_ERR_EXPR, -1, expr, "expression %lld: no operation has number %d", (long long)expr,
                       (int)s->operation);
    if (s->operation == TR_DO_COLUMN && (s->index < 0 || s->index >= N_COLUMNS))
        return tr_fail(err, TR_ERR_COLUMN, -1, expr, "expression %lld: no column has number %d, there are %d",
                       (long long)expr, (int)s->index, (int)N_COLUMNS);
    if (s->operation == TR_DO_AXIS && (s->index < AX_TP || s->index > AX_BATCH))
        return tr_fail(err, TR_ERR_RANGE, -1, expr, "expression %lld: axis %d holds no numbers", (long long)expr,
                       (int)s->index);
    return TR_OK;
}

/* Checks a program and copies it. The stack's depth is followed step by step, so that no tile needs to. */
static int copy_expr(tr_plan *p, const tr_expr *from, size_t size, expr_t *to, int64_t at, tr_error *err)
{
    size_t i;
    int depth = 0, code;
    if (tr_bad_size(from->struct_size, FIRST(tr_expr, steps)) || from->struct_size != size)
        return tr_fail(err, TR_ERR_STRUCT_SIZE, -1, at, "tr_expr: struct_size %u", (unsigned)from->struct_size);
    if (!from->steps) return tr_fail(err, TR_ERR_NULL, -1, at, "expression %lld: steps is NULL", (long long)at);
    if (from->n_steps < 1 || from->n_steps > TR_EXPR_STEPS)
        return tr_fail(err, TR_ERR_EXPR, -1, at, "expression %lld: %u steps: expected 1 to %d", (long long)at,
                       (unsigned)from->n_steps, (int)TR_EXPR_STEPS);
    if (!(to->steps = tr_keep(p, from->n_steps, sizeof *to->steps)))
        return tr_fail(err, TR_ERR_MEMORY, -1, at, "out of memory");
    to->n = from->n_steps;
    for (i = 0; i < to->n; i++) {
        const tr_step *s = &from->steps[i];
        if ((code = check_step(s, at, err))) return code;
        if (s->operation == TR_DO_COLUMN) to->needs |= tr_own_needs(p, s->index);
        if (depth < (two(s->operation) ? 2 : s->operation >= TR_DO_NEGATE ? 1 : 0))
            return tr_fail(err, TR_ERR_EXPR, -1, at, "expression %lld, step %zu: too few numbers", (long long)at, i);
        depth += two(s->operation) ? -1 : s->operation >= TR_DO_NEGATE ? 0 : 1;
        if (depth > TR_EXPR_DEPTH)
            return tr_fail(err, TR_ERR_EXPR, -1, at, "expression %lld, step %zu: more than %d numbers at once",
                           (long long)at, i, (int)TR_EXPR_DEPTH);
        to->steps[i] = *s;
    }
    if (depth != 1)
        return tr_fail(err, TR_ERR_EXPR, -1, at, "expression %lld leaves %d numbers: expected 1", (long long)at, depth);
    return TR_OK;
}

int tr_plan_derive(const tr_plan *base, size_t n, const tr_expr *exprs, tr_plan **derived, tr_error *err)
{
    tr_plan *p;
    size_t i, size = n && exprs ? exprs[0].struct_size : 0;
    int code = TR_OK;
    if (!base || !derived || (n && !exprs)) return tr_fail(err, TR_ERR_NULL, -1, -1, "plan, exprs or derived is NULL");
    *derived = NULL;
    if (n > INT32_MAX - N_COLUMNS - base->n_exprs) return tr_fail(err, TR_ERR_OVERFLOW, -1, -1, "%zu expressions", n);
    if (!(p = malloc(sizeof *p))) return tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory");
    *p = *base;
    p->blocks = NULL; /* it frees what is its own */
    p->n_blocks = p->cap_blocks = 0;
    p->bytes = sizeof *p;
    p->n_exprs = base->n_exprs + n;
    p->exprs = tr_keep(p, p->n_exprs, sizeof *p->exprs);
    if (!p->exprs) code = tr_fail(err, TR_ERR_MEMORY, -1, -1, "out of memory");
    if (!code && base->n_exprs) memcpy(p->exprs, base->exprs, base->n_exprs * sizeof *p->exprs);
    for (i = 0; !code && i < n; i++)
        code = copy_expr(p, (const tr_expr *)((const char *)exprs + i * size), size, &p->exprs[base->n_exprs + i], (int64_t)i, err);
    if (code) tr_plan_free(p);
    else *derived = p;
    return code;
}

int tr_column_needs(const tr_plan *p, int column)
{
    return column < N_COLUMNS ? tr_own_needs(p, column) : p->exprs[column - N_COLUMNS].needs;
}

int tr_check_columns(const tr_plan *p, size_t n, const int32_t *list, tr_error *err)
{
    const int32_t known = (int32_t)(N_COLUMNS + p->n_exprs);
    size_t i;
    if (n && !list) return tr_fail(err, TR_ERR_NULL, -1, -1, "columns is NULL");
    for (i = 0; i < n; i++)
        if (list[i] < 0 || list[i] >= known)
            return tr_fail(err, TR_ERR_COLUMN, -1, (int64_t)i, "no column has number %ld, there are %d", (long)list[i],
                           (int)known);
    return TR_OK;
}

/* The stack's first array is the result's, the others are the tile's scratch. */
static double *array(const tile_t *t, size_t depth, double *out)
{
    return depth ? t->stack + (depth - 1) * t->stack_stride : out;
}

static int loads(int operation) { return operation == TR_DO_COLUMN || operation == TR_DO_AXIS; }

static void load(const tr_plan *p, const tile_t *t, const tr_step *s, double *to)
{
    if (s->operation == TR_DO_COLUMN) p->kernels->column(t, s->index, to);
    else p->kernels->axis(t, s->index, to);
}

/* A number goes into the step that takes it where that is the next one, or the next but one after what is loaded: no
 * lanes are filled with it. */
static void run(const tr_plan *p, const tile_t *t, const expr_t *e, double *out)
{
    const kernels_t *k = p->kernels;
    size_t i, depth = 0;
    for (i = 0; i < e->n; i++) {
        const tr_step *s = &e->steps[i], *then = s + 1;
        double *top = array(t, depth ? depth - 1 : 0, out), *next = array(t, depth, out);
        if (loads(s->operation)) {
            load(p, t, s, next);
            depth++;
        } else if (s->operation == TR_DO_NUMBER && depth && i + 1 < e->n && two(then->operation)) {
            k->operate(then->operation, t->n, top, NULL, s->value, FORM_NUMBER);
            i++;
        } else if (s->operation == TR_DO_NUMBER && i + 2 < e->n && loads(then->operation) && two(then[1].operation)) {
            load(p, t, then, next);
            k->operate(then[1].operation, t->n, next, NULL, s->value, FORM_REVERSED);
            depth++;
            i += 2;
        } else if (s->operation == TR_DO_NUMBER) {
            k->operate(TR_DO_NUMBER, t->n, next, NULL, s->value, FORM_NUMBER);
            depth++;
        } else if (two(s->operation)) {
            depth--;
            k->operate(s->operation, t->n, array(t, depth - 1, out), top, 0.0, FORM_LANES);
        } else {
            k->operate(s->operation, t->n, top, NULL, 0.0, FORM_NUMBER);
        }
    }
    k->operate(DO_SETTLE, t->n, out, NULL, 0.0, FORM_NUMBER); /* whose NaN it is depends on the compiler */
}

void tr_column(const tr_plan *p, const tile_t *t, int column, double *out)
{
    size_t i;
    if (column < N_COLUMNS) {
        p->kernels->column(t, column, out);
        return;
    }
    run(p, t, &p->exprs[column - N_COLUMNS], out);
    for (i = 0; t->illegal && i < t->n; i++) {
        const double *k = t->mode == TILE_LIST ? t->coefs[i]->k : t->com;
        if (k[K_STATUS] != 0.0) out[i] = NAN;
    }
}
