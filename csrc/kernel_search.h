/* What sinks ask of a row or a tile, part of the one body of every instruction set (kernel_body.h). */

/* Step time and seconds per token of lane i, in registers: what every column of a fused selection comes from. */
#define ROW_INPUTS                                                                                                  \
    const double *restrict fixed = t->bat[B_FIXED], *restrict tokens = t->bat[B_TOKENS];                            \
    const double *restrict split = t->bat[B_TOKENS_BOUND], *restrict expert = t->bat[B_EXPERT_BOUND];               \
    const double *restrict inv = t->bat[B_INV];                                                                     \
    const double context = t->seq[S_CONTEXT], prefill = t->seq[S_PREFILL], share = t->seq[S_SHARE];                 \
    const double compute = t->seq[S_COMPUTE_BOUND], traffic = t->seq[S_MEMORY_BOUND];                               \
    const double prefill_compute = t->seq[S_PREFILL_COMPUTE], prefill_network = t->seq[S_PREFILL_NETWORK];          \
    const double expert_bound = t->com[K_EXPERT_BOUND], weights_bound = t->com[K_WEIGHTS_BOUND];                    \
    const double network = t->com[K_NETWORK_BOUND], on_chip = t->com[K_ON_CHIP]
#define LANE(i)                                                                                                     \
    double step, spt;                                                                                               \
    if (bound) {                                                                                                    \
        const double c = expert[i] * expert_bound + split[i] * compute, w = split[i] * network;                     \
        const double m = tr_memory_bound(weights_bound + split[i] * traffic, on_chip);                              \
        step = tr_overlap(c, m, w);                                                                                 \
        spt = tr_overlap(tr_seconds_per_token(prefill_compute, c, inv[i], share),                                   \
                         tr_seconds_per_token(0.0, m, inv[i], share),                                               \
                         tr_seconds_per_token(prefill_network, w, inv[i], share));                                  \
    } else {                                                                                                        \
        step = tr_step_seconds(fixed[i], tokens[i], context);                                                       \
        spt = tr_seconds_per_token(prefill, step, inv[i], share);                                                   \
    }

/* Smallest step time (by_step) or smallest seconds per token of a row, among lanes where the other of the two is
 * within its limit: all that a row's best needs, because the objectives are monotone in one of them (best.c). */
TR_TARGET TR_FN double TR_ISA_FN(search_form)(const tile_t *t, const double limit, const int by_step, const int bound)
{
    const size_t n = t->n;
    ROW_INPUTS;
    double least[LANES], found = INFINITY;
    size_t i, j;
    for (j = 0; j < LANES; j++) least[j] = INFINITY;
    for (i = 0; i + LANES <= n; i += LANES) {
        for (j = 0; j < LANES; j++) {
            LANE(i + j)
            const double value = by_step ? step : spt, other = by_step ? spt : step;
            const double smaller = tr_min(value, least[j]);
            least[j] = other <= limit ? smaller : least[j];
        }
    }
    for (; i < n; i++) {
        LANE(i)
        const double value = by_step ? step : spt, other = by_step ? spt : step;
        found = other <= limit ? tr_min(value, found) : found;
    }
    for (j = 0; j < LANES; j++) found = tr_min(least[j], found);
    return found;
}

TR_TARGET static double TR_ISA_FN(search)(const tile_t *t, double limit, int by_step)
{
    if (t->estimate == TR_BOUND)
        return by_step ? TR_ISA_FN(search_form)(t, limit, 1, 1) : TR_ISA_FN(search_form)(t, limit, 0, 1);
    return by_step ? TR_ISA_FN(search_form)(t, limit, 1, 0) : TR_ISA_FN(search_form)(t, limit, 0, 0);
}

/* How many lanes of a row are within both limits. Sums of ones as doubles: they need no narrowing. */
TR_TARGET TR_FN size_t TR_ISA_FN(tally_form)(const tile_t *t, const double step_limit, const double spt_limit,
                                             const int bound)
{
    const size_t n = t->n;
    ROW_INPUTS;
    double count[LANES] = {0.0};
    size_t i, j, found = 0;
    for (i = 0; i + LANES <= n; i += LANES)
        for (j = 0; j < LANES; j++) {
            LANE(i + j)
            const double in = step <= step_limit ? 1.0 : 0.0;
            count[j] += spt <= spt_limit ? in : 0.0;
        }
    for (; i < n; i++) {
        LANE(i)
        found += step <= step_limit && spt <= spt_limit;
    }
    for (j = 0; j < LANES; j++) found += (size_t)count[j];
    return found;
}

TR_TARGET static size_t TR_ISA_FN(tally)(const tile_t *t, double step_limit, double spt_limit)
{
    return t->estimate == TR_BOUND ? TR_ISA_FN(tally_form)(t, step_limit, spt_limit, 1)
                                   : TR_ISA_FN(tally_form)(t, step_limit, spt_limit, 0);
}

/* Step time and seconds per token of each lane of a row, INFINITY where one of them is beyond its limit, and the smallest
 * of each TR_BLOCK lanes. */
TR_TARGET TR_FN void TR_ISA_FN(corners_form)(const tile_t *t, const double step_limit, const double spt_limit,
                                             double *restrict all_step, double *restrict all_spt,
                                             double *restrict least_step, double *restrict least_spt, const int bound)
{
    const size_t n = t->n;
    ROW_INPUTS;
    size_t i, j, block;
    for (i = 0; i < n; i++) {
        LANE(i)
        const double within = spt <= spt_limit ? step : NAN; /* which no limit lets through */
        all_step[i] = within <= step_limit ? step : INFINITY;
        all_spt[i] = within <= step_limit ? spt : INFINITY;
    }
    for (i = 0, block = 0; i < n; i += TR_BLOCK, block++) {
        const size_t lanes = n - i < TR_BLOCK ? n - i : TR_BLOCK;
        double a[8], b[8];
        for (j = 0; j < 8; j++) a[j] = b[j] = INFINITY;
        if (lanes == TR_BLOCK) {
            const double *restrict x = all_step + i, *restrict y = all_spt + i;
            for (j = 0; j < 8; j++) {
                a[j] = tr_min(tr_min(x[j], x[8 + j]), tr_min(x[16 + j], x[24 + j]));
                b[j] = tr_min(tr_min(y[j], y[8 + j]), tr_min(y[16 + j], y[24 + j]));
            }
        } else
            for (j = 0; j < lanes; j++) a[0] = tr_min(all_step[i + j], a[0]), b[0] = tr_min(all_spt[i + j], b[0]);
        for (j = 0; j < 4; j++) a[j] = tr_min(a[j], a[j + 4]), b[j] = tr_min(b[j], b[j + 4]);
        least_step[block] = tr_min(tr_min(a[0], a[1]), tr_min(a[2], a[3]));
        least_spt[block] = tr_min(tr_min(b[0], b[1]), tr_min(b[2], b[3]));
    }
}
#undef LANE
#undef ROW_INPUTS

TR_TARGET static void TR_ISA_FN(corners)(const tile_t *t, double step_limit, double spt_limit, double *step,
                                         double *spt, double *least_step, double *least_spt)
{
    if (t->estimate == TR_BOUND)
        TR_ISA_FN(corners_form)(t, step_limit, spt_limit, step, spt, least_step, least_spt, 1);
    else TR_ISA_FN(corners_form)(t, step_limit, spt_limit, step, spt, least_step, least_spt, 0);
}

#define EACH_LANE(test)                                                                                             \
    for (i = 0; i < n; i++) in[i] &= (unsigned char)(test);                                                         \
    break

/* Clears in[i] where the comparison does not hold. */
TR_TARGET static void TR_ISA_FN(within)(size_t n, const double *restrict x, int compare, double limit,
                                        unsigned char *restrict in)
{
    size_t i;
    switch (compare) {
    case TR_LE: EACH_LANE(x[i] <= limit);
    case TR_LT: EACH_LANE(x[i] < limit);
    case TR_GE: EACH_LANE(x[i] >= limit);
    case TR_GT: EACH_LANE(x[i] > limit);
    case TR_EQ: EACH_LANE(x[i] == limit);
    default: EACH_LANE(x[i] != limit);
    }
}
#undef EACH_LANE

/* Smallest and largest of each TR_BLOCK lanes; whether all are finite, else the blocks say nothing. */
TR_TARGET static int TR_ISA_FN(extremes)(size_t n, const double *restrict x, double *restrict least,
                                         double *restrict most)
{
    double off[8] = {0.0}, rest = 0.0;
    size_t i, j, block;
    for (i = 0, block = 0; i + TR_BLOCK <= n; i += TR_BLOCK, block++) {
        double a[8], b[8];
        for (j = 0; j < 8; j++) {
            const double v0 = x[i + j], v1 = x[i + 8 + j], v2 = x[i + 16 + j], v3 = x[i + 24 + j];
            a[j] = tr_min(tr_min(v0, v1), tr_min(v2, v3));
            b[j] = tr_max(tr_max(v0, v1), tr_max(v2, v3));
            off[j] += ((v0 - v0) + (v1 - v1)) + ((v2 - v2) + (v3 - v3)); /* NaN where one is not finite */
        }
        for (j = 0; j < 4; j++) a[j] = tr_min(a[j], a[j + 4]), b[j] = tr_max(b[j], b[j + 4]);
        least[block] = tr_min(tr_min(a[0], a[1]), tr_min(a[2], a[3]));
        most[block] = tr_max(tr_max(b[0], b[1]), tr_max(b[2], b[3]));
    }
    if (i < n) least[block] = most[block] = x[i];
    for (; i < n; i++) {
        least[block] = tr_min(x[i], least[block]);
        most[block] = tr_max(x[i], most[block]);
        rest += x[i] - x[i];
    }
    for (j = 0; j < 8; j++) rest += off[j];
    return rest == 0.0;
}

/* counts[c] is how many of the TR_BLOCK values reach cut c. */
TR_TARGET static void TR_ISA_FN(reach)(const double *restrict x, size_t n_cuts, const double *restrict cut,
                                       uint32_t *restrict counts)
{
    size_t c, j;
    for (c = 0; c < n_cuts; c++) {
        const double at = cut[c];
        double sum[8];
        for (j = 0; j < 8; j++)
            sum[j] = ((x[j] >= at ? 1.0 : 0.0) + (x[8 + j] >= at ? 1.0 : 0.0))
                     + ((x[16 + j] >= at ? 1.0 : 0.0) + (x[24 + j] >= at ? 1.0 : 0.0));
        for (j = 0; j < 4; j++) sum[j] += sum[j + 4];
        counts[c] = (uint32_t)((sum[0] + sum[1]) + (sum[2] + sum[3]));
    }
}

/* The first of n columns of keys that is at most as large as the corner in each of its d rows, or n. */
TR_TARGET static size_t TR_ISA_FN(dominator)(size_t n, size_t d, const double *const *key, const double *corner)
{
    size_t i, j, k;
    for (i = 0; i < n; i += LANES) {
        const size_t lanes = n - i < LANES ? n - i : LANES;
        double worse[LANES], any = 1.0;
        for (j = 0; j < lanes; j++) worse[j] = key[0][i + j] <= corner[0] ? 0.0 : 1.0;
        for (k = 1; k < d; k++)
            for (j = 0; j < lanes; j++) worse[j] = key[k][i + j] <= corner[k] ? worse[j] : 1.0;
        for (j = 0; j < lanes; j++) any = tr_min(worse[j], any);
        if (any != 0.0) continue;
        for (j = 0; j < lanes; j++)
            if (worse[j] == 0.0) return i + j;
    }
    return n;
}

