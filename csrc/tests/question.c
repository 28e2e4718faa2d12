/* Random questions to sinks, and their answers point by point from stored columns. */
#include "check.h"

double value_at(const question_t *q, int32_t column, uint64_t point) { return q->all[(uint64_t)column * q->points + point]; }

static int within(double value, const tr_where *o)
{
    return o->compare == TR_LE   ? value <= o->limit
           : o->compare == TR_LT ? value < o->limit
           : o->compare == TR_GE ? value >= o->limit
           : o->compare == TR_GT ? value > o->limit
           : o->compare == TR_EQ ? value == o->limit
                                 : value != o->limit;
}

int counts_at(const question_t *q, uint64_t point)
{
    const double status = value_at(q, q->status, point);
    size_t j;
    if (status != 0.0 && !(q->select.misfits && status == TR_POINT_MEMORY)) return 0;
    for (j = 0; j < q->select.n_where; j++)
        if (!within(value_at(q, q->where[j].column, point), &q->where[j])) return 0;
    return 1;
}

uint64_t group_at(const question_t *q, uint64_t point)
{
    size_t n[N_AXES];
    uint64_t group = 0;
    int a;
    world_numbering(q->world, n);
    for (a = N_AXES - 1; a >= 0; a--) {
        if (q->groups.of[a]) group += q->groups.of[a][point % n[a]];
        point /= n[a];
    }
    return group;
}

static void draw_where(question_t *q, rng_t *r, size_t j)
{
    static const char *const small[] = {"tpot_s", "usd_per_mtok", "tpot_s_bound", "usd_per_mtok_bound"};
    static const char *const large[] = {"tokens_per_s", "tokens_per_s_per_user", "tokens_per_s_per_chip_bound"};
    static const char *const rows[] = {"ttft_s", "max_batch", "chips", "weight_bytes_per_chip"};
    tr_where *o = &q->where[j];
    const size_t form = rng_below(r, 4);
    o->compare = form == 0   ? (int32_t)rng_below(r, 6)
                 : form == 1 ? TR_GE + (int32_t)rng_below(r, 2)
                             : (int32_t)rng_below(r, 2);
    o->column = form == 0   ? (int32_t)rng_below(r, (size_t)tr_columns())
                : form == 1 ? column_of(large[rng_below(r, 3)])
                : form == 2 ? column_of(small[rng_below(r, 4)])
                            : column_of(rows[rng_below(r, 4)]);
    /* a value that occurs, to test the edge itself; now and then the ends of the number line */
    o->limit = value_at(q, o->column, rng_below(r, (size_t)q->points));
    if (isnan(o->limit)) o->limit = rng_below(r, 2) ? INFINITY : 0.0;
    if (rng_below(r, 20) == 0) o->limit = -INFINITY;
}

/* Groups by any parts of any axes: a contribution for each index, several of which may be alike. */
static void draw_groups(question_t *q, rng_t *r)
{
    size_t n[N_AXES], a, i;
    world_numbering(q->world, n);
    memset(&q->groups, 0, sizeof q->groups);
    q->groups.struct_size = sizeof q->groups;
    q->groups.n = 1;
    for (a = 0; a < N_AXES; a++) {
        const size_t values = 1 + rng_below(r, n[a] < 6 ? n[a] : 6);
        if (rng_below(r, 4) != 0 || (a == 10 && rng_below(r, 4) != 0)) continue;
        for (i = 0; i < n[a]; i++) q->table[a][i] = q->groups.n * rng_below(r, values);
        q->groups.of[a] = q->table[a];
        q->groups.n *= values;
    }
}

static void draw_parts(question_t *q, rng_t *r)
{
    size_t i, j;
    q->n_parts = 1 + rng_below(r, MOST_PARTS);
    for (i = 0; i <= q->n_parts; i++) q->cut[i] = rng_below(r, (size_t)q->points + 1);
    q->cut[0] = 0;
    q->cut[q->n_parts] = q->points;
    for (i = 1; i < q->n_parts; i++) /* sort: few */
        for (j = i; j > 1 && q->cut[j] < q->cut[j - 1]; j--) {
            const uint64_t swap = q->cut[j];
            q->cut[j] = q->cut[j - 1];
            q->cut[j - 1] = swap;
        }
    for (i = 0; i < q->n_parts; i++) q->order[i] = i;
    for (i = q->n_parts; i > 1; i--) {
        const size_t at = rng_below(r, i), swap = q->order[at];
        q->order[at] = q->order[i - 1];
        q->order[i - 1] = swap;
    }
}

void question_draw(question_t *q, rng_t *r)
{
    size_t j;
    q->status = column_of("status");
    memset(&q->select, 0, sizeof q->select);
    q->select.struct_size = sizeof q->select;
    q->select.misfits = rng_below(r, 3) == 0;
    q->select.n_where = rng_below(r, MOST_WHERE + 1);
    q->select.where = q->where;
    for (j = 0; j < q->select.n_where; j++) draw_where(q, r, j);
    draw_groups(q, r);
    draw_parts(q, r);
}
