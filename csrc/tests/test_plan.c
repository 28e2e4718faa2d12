/* A plan's numbers against arithmetic done by hand. Llama-2-7B-like in bf16, from its shape alone:
 *     layer: 4 * 4096^2 (q k v o) + 3 * 4096 * 11008 (gate up down)  = 202 375 168 weights, 32 layers
 *     head and embedding: 32000 * 4096 = 131 072 000 weights each
 *     cache: K and V of 4096 elements in 32 layers at 2 bytes        = 524 288 bytes a token
 *     attention: q k^T and p v, 2 FLOP each over 4096 elements       = 524 288 FLOP a query and cached token
 * isl 1024 and osl 257 make 256 decode steps that see 1024 .. 1279 cached tokens: 1151.5 in the mean. */
#include "check.h"

#define LAYERS (32.0 * 202375168.0)
#define HEAD 131072000.0
#define STORED (2.0 * (LAYERS + 2.0 * HEAD)) /* bytes */
#define READ (2.0 * (LAYERS + HEAD))         /* bytes a step; the embedding is looked up, not streamed */
#define KV 524288.0
#define CONTEXT 1151.5
#define OVERHEAD (32.0 * 1e-5 + 5e-4)
#define CLOSE 1e-13

static double at_batch(world_t *w, double batch, const char *column)
{
    w->batch[0] = batch;
    return world_value(w, column, 0);
}

static void llama_bound(world_t *w)
{
    /* decode streams the weights once and each sequence's cache; compute (14 GFLOP a token) hides behind it */
    CHECK(near_to(at_batch(w, 1.0, "tpot_s_bound"), (READ + CONTEXT * KV) / 2e12, CLOSE)); /* 6.909 ms */
    CHECK(near_to(at_batch(w, 8.0, "tpot_s_bound"), (READ + 8.0 * CONTEXT * KV) / 2e12, CLOSE));
    /* prefill is compute: 2 FLOP a weight and token (the head for one token) and 1024 * 1025 / 2 causal pairs */
    CHECK(near_to(at_batch(w, 1.0, "ttft_s_bound"),
                  (2.0 * LAYERS * 1024.0 + 2.0 * HEAD + KV * 1024.0 * 1025.0 / 2.0) / 312e12, CLOSE));
    w->isl[0] = 1.0;
    w->osl[0] = 2.0; /* one step with one cached token: at batch 1024 compute exceeds 6.9 ms of memory */
    CHECK(near_to(at_batch(w, 1024.0, "tpot_s_bound"), 1024.0 * (2.0 * (LAYERS + HEAD) + KV) / 312e12, CLOSE));
    w->chips[0].sram_bytes = 1.001 * (READ + KV); /* the whole step fits on chip: nothing is left but compute */
    CHECK(near_to(at_batch(w, 1.0, "tpot_s_bound"), (2.0 * (LAYERS + HEAD) + KV) / 312e12, CLOSE));
}

static void llama_typical(world_t *w)
{
    const double step1 = (READ + CONTEXT * KV) / 1.6e12 + OVERHEAD;
    const double step8 = (READ + 8.0 * CONTEXT * KV) / 1.6e12 + OVERHEAD;
    /* prefill: matrices and attention at half of the peak, the head for one token at memory speed */
    const double ttft = (2.0 * LAYERS * 1024.0 + KV * 524800.0) / 156e12 + 2.0 * HEAD / 1.6e12 + OVERHEAD;
    const double spt = ttft / 257.0 + step8 / 8.0 * 256.0 / 257.0;
    const double flops = 8.0 * (2.0 * (LAYERS + HEAD) + CONTEXT * KV), bytes = READ + 8.0 * CONTEXT * KV;
    const double bound_memory = bytes / 2e12 / 8.0 * 256.0 / 257.0;
    const double bound_compute =
        (2.0 * LAYERS * 1024.0 + 2.0 * HEAD + KV * 524800.0 + flops / 8.0 * 256.0) / 312e12 / 257.0;
    const double spt_bound = fmax(bound_memory, bound_compute);
    CHECK(near_to(at_batch(w, 1.0, "tpot_s"), step1, CLOSE));
    CHECK(near_to(at_batch(w, 8.0, "tpot_s"), step8, CLOSE));
    CHECK(near_to(world_value(w, "ttft_s", 0), ttft, CLOSE));
    CHECK(near_to(world_value(w, "e2e_s", 0), ttft + 256.0 * step8, CLOSE));
    CHECK(near_to(world_value(w, "tokens_per_s", 0), 1.0 / spt, CLOSE));
    CHECK(near_to(world_value(w, "tokens_per_s_per_chip", 0), 1.0 / spt, CLOSE));
    CHECK(near_to(world_value(w, "tokens_per_s_per_user", 0), 1.0 / step8, CLOSE));
    CHECK(near_to(world_value(w, "decode_tokens_per_s", 0), 8.0 / step8, CLOSE));
    CHECK(near_to(world_value(w, "tokens_per_s_bound", 0), 1.0 / spt_bound, CLOSE));
    CHECK(near_to(world_value(w, "prefill_flops", 0), 2.0 * LAYERS * 1024.0 + 2.0 * HEAD + KV * 524800.0, CLOSE));
    CHECK(near_to(world_value(w, "decode_flops", 0), flops, CLOSE));
    CHECK(near_to(world_value(w, "decode_bytes", 0), bytes, CLOSE));
    CHECK(near_to(world_value(w, "intensity_flop_per_byte", 0), flops / bytes, CLOSE));
    CHECK(near_to(world_value(w, "mfu", 0), flops / 312e12 / step8, CLOSE));
    CHECK(near_to(world_value(w, "mbu", 0), bytes / 2e12 / step8, CLOSE));
    CHECK(world_value(w, "bottleneck", 0) == 1.0);
    CHECK(near_to(world_value(w, "joules_per_token", 0), 80.0 * spt + 320.0 * spt_bound, CLOSE));
    CHECK(near_to(world_value(w, "watts_per_chip", 0), 80.0 + 320.0 * spt_bound / spt, CLOSE));
    CHECK(near_to(world_value(w, "usd_per_mtok", 0), 1e-3 * 1e6 * spt, CLOSE));
}

static void llama_memory(world_t *w)
{
    const double most = floor((72e9 - STORED) / (1281.0 * KV)); /* 87 */
    CHECK(most == 87.0);
    CHECK(world_value(w, "weight_bytes_per_chip", 0) == STORED);
    CHECK(at_batch(w, 8.0, "kv_bytes_per_chip") == 8.0 * 1281.0 * KV);
    CHECK(world_value(w, "mem_bytes_per_chip", 0) == STORED + 8.0 * 1281.0 * KV);
    CHECK(world_value(w, "max_batch", 0) == most);
    CHECK(at_batch(w, most, "status") == TR_POINT_OK && world_value(w, "fits", 0) == 1.0);
    CHECK(at_batch(w, most + 1.0, "status") == TR_POINT_MEMORY && world_value(w, "fits", 0) == 0.0);
    CHECK(world_value(w, "tpot_s", 0) > 0.0); /* short of memory: data, and still a time */
    w->models[0].max_context = 1280.0;
    CHECK(at_batch(w, 1.0, "status") == TR_POINT_CONTEXT);
    w->models[0].max_context = 1281.0;
    CHECK(at_batch(w, 1.0, "status") == TR_POINT_OK);
}

static void llama_parallel(world_t *w)
{
    const double link = 300e9 * 0.75;
    w->tp[0] = 2.0; /* two ranks: 64 all-reduces of 4096 bf16 elements, one-shot: 3 us and the bytes of one other rank */
    CHECK(near_to(at_batch(w, 8.0, "tpot_s"),
                  (READ + 8.0 * CONTEXT * KV) / 2.0 / 1.6e12 + OVERHEAD + 64.0 * (3e-6 + 8.0 * 8192.0 / link), CLOSE));
    CHECK(world_value(w, "chips", 0) == 2.0 && world_value(w, "weight_bytes_per_chip", 0) == STORED / 2.0);
    CHECK(near_to(world_value(w, "tpot_s_bound", 0), (READ + 8.0 * CONTEXT * KV) / 2.0 / 2e12, CLOSE));
    w->tp[0] = 1.0;
    w->pp[0] = 2.0; /* two microbatches of 4 pass both stages; one hand-over of 4 * 4096 elements */
    CHECK(near_to(at_batch(w, 8.0, "tpot_s"),
                  (READ + 4.0 * CONTEXT * KV) / 1.6e12 + OVERHEAD + 5e-4 + 3e-6 + 4.0 * 8192.0 / link, CLOSE));
    CHECK(near_to(world_value(w, "decode_bytes", 0), 2.0 * READ + 8.0 * CONTEXT * KV, CLOSE));
    CHECK(world_value(w, "weight_bytes_per_chip", 0) == LAYERS + 2.0 * HEAD); /* half the layers and one end */
    CHECK(world_value(w, "kv_bytes_per_chip", 0) == 4.0 * 1281.0 * KV);
    w->pp[0] = 1.0;
    w->dp[0] = 2.0; /* two ranks with 5 and 4 of 9 sequences, each with all weights */
    CHECK(near_to(at_batch(w, 9.0, "tpot_s"), (READ + 5.0 * CONTEXT * KV) / 1.6e12 + OVERHEAD, CLOSE));
    CHECK(near_to(world_value(w, "tpot_s_bound", 0), (READ + 4.5 * CONTEXT * KV) / 2e12, CLOSE));
    CHECK(world_value(w, "chips", 0) == 2.0 && world_value(w, "weight_bytes_per_chip", 0) == STORED);
    CHECK(world_value(w, "max_batch", 0) == 174.0);
}

static void mixtral(world_t *w)
{
    /* at batch 4, 8 (1 - 0.75^4) = 5.46875 of 8 experts are read; a bound may only count on 2 */
    const double dense = 2.0 * (32.0 * 2.5 * 4096.0 * 4096.0 + HEAD), expert = 2.0 * 32.0 * 3.0 * 4096.0 * 14336.0;
    const double kv = 2.0 * 8.0 * 128.0 * 2.0 * 32.0;
    w->isl[0] = 1.0;
    w->osl[0] = 2.0;
    CHECK(near_to(at_batch(w, 4.0, "tpot_s"), (dense + 5.46875 * expert + 4.0 * kv) / 1.6e12 + OVERHEAD, CLOSE));
    CHECK(near_to(world_value(w, "tpot_s_bound", 0), (dense + 2.0 * expert + 4.0 * kv) / 2e12, CLOSE));
    CHECK(near_to(world_value(w, "decode_bytes", 0), dense + 5.46875 * expert + 4.0 * kv, CLOSE));
    CHECK(near_to(world_value(w, "decode_flops", 0), 4.0 * (dense + 2.0 * expert + 32.0 * 4.0 * 4096.0), CLOSE));
    CHECK(near_to(world_value(w, "weight_bytes_per_chip", 0), dense + 2.0 * HEAD + 8.0 * expert, CLOSE));
    w->tp[0] = w->ep[0] = 4.0; /* one of 4 ranks holds 2 whole experts and reads 5.46875 / 4 of them in the mean */
    CHECK(near_to(world_value(w, "tpot_s", 0),
                  (dense / 4.0 + 5.46875 / 4.0 * expert + 4.0 * kv / 4.0) / 1.6e12 + OVERHEAD
                      + 64.0 * (3e-6 + 4.0 * 8192.0 * 3.0 / (300e9 * 0.75)), CLOSE)); /* one-shot */
}

static void refused(world_t *w, int status)
{
    int32_t c;
    double *all;
    tr_plan *p = world_plan(w);
    all = store_all(p);
    for (c = 0; c < tr_columns(); c++) {
        const char *name = tr_column_name(c);
        if (!strcmp(name, "status")) CHECK(all[c] == status);
        else if (!strcmp(name, "fits")) CHECK(all[c] == 0.0);
        else if (!strcmp(name, "chips")) CHECK(all[c] == w->tp[0] * w->pp[0] * w->dp[0] * w->cp[0]);
        else CHECK(isnan(all[c]));
    }
    free(all);
    tr_plan_free(p);
}

static void statuses(world_t *w)
{
    world_llama(w), w->tp[0] = 3.0, refused(w, TR_POINT_HEADS);
    world_llama(w), w->tp[0] = 4.0, w->ops[0][4].kv_heads = 6.0, refused(w, TR_POINT_KV_HEADS);
    world_llama(w), w->pp[0] = 33.0, refused(w, TR_POINT_STAGES);
    world_llama(w), w->ep[0] = 2.0, w->tp[0] = 2.0, refused(w, TR_POINT_EXPERTS);
    world_mixtral(w), w->ep[0] = 3.0, refused(w, TR_POINT_EXPERTS);
    world_mixtral(w), w->ep[0] = 4.0, w->tp[0] = 2.0, refused(w, TR_POINT_EXPERTS);
    world_mixtral(w), w->dp[0] = 2.0, refused(w, TR_POINT_EXPERTS);
    world_llama(w), w->peak[0] = 0.0, refused(w, TR_POINT_PRECISION);
    world_llama(w), w->tp[0] = 16.0, refused(w, TR_POINT_LINK);
    world_llama(w), w->ops[0][4].heads = 1e15, w->tp[0] = 7.0, refused(w, TR_POINT_HEADS);
}

/* A bound that a typical estimate beats is no bound. */
static void bounds(world_t *w)
{
    static const char *const times[] = {"ttft_s", "tpot_s", "e2e_s", "usd_per_mtok"};
    static const char *const rates[] = {"tokens_per_s", "decode_tokens_per_s", "tokens_per_s_per_chip",
                                        "tokens_per_s_per_user"};
    rng_t r = {11};
    int round;
    for (round = 0; round < 40; round++) {
        world_random(w, &r, 3000);
        tr_plan *p = world_plan(w);
        const size_t n = (size_t)tr_plan_points(p);
        double *all = store_all(p);
        char name[64];
        size_t i, j, wrong = 0;
        for (j = 0; j < 8; j++) {
            snprintf(name, sizeof name, "%s_bound", j < 4 ? times[j] : rates[j - 4]);
            const double *bound = all + (size_t)column_of(name) * n;
            const double *value = all + (size_t)column_of(j < 4 ? times[j] : rates[j - 4]) * n;
            for (i = 0; i < n; i++)
                wrong += j < 4 ? bound[i] > value[i] * (1.0 + 1e-12) : bound[i] < value[i] * (1.0 - 1e-12);
        }
        CHECK(wrong == 0);
        free(all);
        tr_plan_free(p);
    }
}

void test_plan(void)
{
    world_t *w = malloc(sizeof *w);
    CHECK(w != NULL);
    if (!w) return;
    world_llama(w), llama_bound(w);
    world_llama(w), llama_typical(w);
    world_llama(w), llama_memory(w);
    world_llama(w), llama_parallel(w);
    world_mixtral(w), mixtral(w);
    statuses(w);
    bounds(w);
    free(w);
}
