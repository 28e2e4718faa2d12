// tokenroof embedded in a C program: one model, one chip, batch 1 to 128; which batch keeps a token under 15 ms?
//
//     cc -std=c11 -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math -Icsrc examples/embed.c csrc/*.c -o embed -lm
#include "tokenroof.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BATCHES = 128 };

static int32_t column(const char *name)
{
    int32_t c = 0;
    while (c < tr_columns() && strcmp(tr_column_name(c), name)) c++;
    return c; /* a name that does not exist: the call that gets the number says so */
}

static tr_operator row(int kind, int weights, double count, double elems)
{
    tr_operator o = {0};
    o.struct_size = sizeof o;
    o.kind = kind;
    o.weights = weights;
    o.count = o.stored = count;
    o.read_elems = o.store_elems = elems;
    o.flops_token = 2.0 * elems; /* a multiply and an add per weight */
    o.window = INFINITY;
    return o;
}

/* Llama-3.1-8B: 32 layers, hidden 4096, FFN 14336, 32 query heads and 8 KV heads of 128, 128256 words. */
static void llama(tr_operator *ops)
{
    const double attention = 4096.0 * (4096.0 + 2.0 * 1024.0) + 4096.0 * 4096.0, ffn = 3.0 * 4096.0 * 14336.0;
    ops[0] = row(TR_GEMM, TR_LINEAR, 32.0, attention + ffn);
    ops[1] = row(TR_ATTENTION, TR_LINEAR, 32.0, 0.0);
    ops[1].flops_ctx_decode = ops[1].flops_ctx_prefill = 4.0 * 32.0 * 128.0; /* q k^T and p v */
    ops[1].kv_read_elems = ops[1].kv_store_elems = 2.0 * 8.0 * 128.0;        /* K and V */
    ops[1].heads = 32.0;
    ops[1].kv_heads = 8.0;
    ops[2] = row(TR_HEAD, TR_HEAD_WEIGHTS, 1.0, 4096.0 * 128256.0);
    ops[2].stage = TR_LAST;
    ops[3] = row(TR_EMBEDDING, TR_HEAD_WEIGHTS, 1.0, 0.0);
    ops[3].stage = TR_FIRST;
    ops[3].store_elems = 4096.0 * 128256.0; /* stored whole; a step reads one row of it */
}

static int fail(const tr_error *err)
{
    fprintf(stderr, "%s: %s\n", tr_strerror(err->code), err->message);
    return 1;
}

int main(void)
{
    tr_operator ops[4];
    llama(ops);
    const tr_model model = {sizeof model, 4, ops, 32.0, 131072.0};
    const tr_hardware chip = { /* an 80 GB chip of the H100 class; the efficiencies and overheads are assumptions */
        .struct_size = sizeof chip, .memory_bytes = 80e9, .memory_bandwidth = 3.35e12, .domain = 1.0,
        .power_max = 700.0, .power_idle = 100.0, .usd_per_s = 2.5 / 3600.0, .compute_efficiency = 0.6,
        .memory_efficiency = 0.8, .link_efficiency = 0.8, .layer_overhead = 5e-6, .step_overhead = 3e-4,
        .kv_efficiency = 1.0, .quant_efficiency = 1.0, .attention_efficiency = 1.0, .narrow_efficiency = 1.0,
        .tile = 1.0, .expert_imbalance = 1.0, .expert_efficiency = 1.0};
    const tr_precision bf16 = {sizeof bf16, 0, {2.0, 2.0, 2.0, 2.0}, 2.0, 2.0, 2.0, 0.0};
    const double peak = 989.4e12, one = 1.0, isl = 2048.0, osl = 256.0;
    double batch[BATCHES], tpot[BATCHES], rate[BATCHES], status[BATCHES], best_rate;
    uint64_t best_point;
    tr_plan *plan;
    tr_error err;
    int i;
    for (i = 0; i < BATCHES; i++) batch[i] = 1.0 + i;

    const tr_axes axes = {
        .struct_size = sizeof axes, .estimate = TR_TYPICAL, .memory_fraction = 0.9,
        .n_model = 1, .n_hardware = 1, .n_precision = 1, .n_tp = 1, .n_pp = 1, .n_ep = 1, .n_dp = 1, .n_cp = 1,
        .n_isl = 1, .n_osl = 1, .n_batch = BATCHES,
        .model = &model, .hardware = &chip, .precision = &bf16, .peak = &peak,
        .tp = &one, .pp = &one, .ep = &one, .dp = &one, .cp = &one, .isl = &isl, .osl = &osl, .batch = batch};
    if (tr_plan_create(&axes, &plan, &err)) return fail(&err);

    const int32_t columns[] = {column("tpot_s"), column("tokens_per_s"), column("status")};
    double *const out[] = {tpot, rate, status};
    if (tr_plan_store(plan, 0, tr_plan_points(plan), 3, columns, out, &err)) return fail(&err);
    printf("batch  tpot_s    tokens_per_s\n");
    for (i = 0; i < BATCHES; i = 2 * i + 1)
        printf("%5.0f  %.6f  %12.1f  %s\n", batch[i], tpot[i], rate[i], tr_point_status_text((int)status[i]));

    const tr_where limit = {column("tpot_s"), TR_LE, 0.015};
    tr_best best = {.struct_size = sizeof best, .objective = column("tokens_per_s"), .maximize = 1, .k = 1,
                    .n_groups = 1, .value = &best_rate, .point = &best_point};
    const tr_select select = {.struct_size = sizeof select, .n_where = 1, .where = &limit};
    tr_best_clear(&best);
    if (tr_plan_best(plan, 0, tr_plan_points(plan), &select, NULL, &best, &err)) return fail(&err);
    if (best_point == UINT64_MAX) printf("no batch has tpot_s <= %g\n", limit.limit);
    else
        printf("tpot_s <= %g: batch %.0f gives %.1f tokens/s\n", limit.limit, batch[best_point], best_rate);
    tr_plan_free(plan);
    return 0;
}
