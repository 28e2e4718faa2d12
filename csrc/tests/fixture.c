/* The worlds of the tests: two models whose numbers are known, and random ones. */
#include "check.h"

uint64_t rng_next(rng_t *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

size_t rng_below(rng_t *r, size_t n) { return (size_t)(rng_next(r) % n); }
double rng_pick(rng_t *r, size_t n, const double *values) { return values[rng_below(r, n)]; }

int near_to(double a, double b, double relative) { return fabs(a - b) <= relative * fabs(b); }

tr_operator operator_of(int kind, double count)
{
    tr_operator o;
    memset(&o, 0, sizeof o);
    o.struct_size = sizeof o;
    o.kind = kind;
    o.weights = kind == TR_EXPERTS ? TR_EXPERT_WEIGHTS : kind == TR_REPLICATED ? TR_WIDE : TR_LINEAR;
    o.count = o.stored = count;
    o.window = INFINITY;
    return o;
}

static tr_operator matrix(int kind, double count, double rows, double columns)
{
    tr_operator o = operator_of(kind, count);
    o.read_elems = o.store_elems = rows * columns;
    o.flops_token = 2.0 * rows * columns;
    return o;
}

static tr_operator attention(double layers, double heads, double kv_heads, double head_dim, double window)
{
    tr_operator o = operator_of(TR_ATTENTION, layers);
    o.flops_ctx_decode = o.flops_ctx_prefill = 4.0 * heads * head_dim;
    o.kv_read_elems = o.kv_store_elems = 2.0 * kv_heads * head_dim;
    o.heads = heads;
    o.kv_heads = kv_heads;
    o.window = window;
    return o;
}

static tr_operator routed(double layers, double hidden, double ffn, double experts, double active)
{
    tr_operator o = operator_of(TR_EXPERTS, layers);
    o.read_elems = 3.0 * hidden * ffn;
    o.store_elems = experts * o.read_elems;
    o.flops_token = 2.0 * active * o.read_elems;
    o.experts = experts;
    o.active = active;
    return o;
}

static tr_operator collective(int kind, double count, double elems)
{
    tr_operator o = operator_of(kind, count);
    o.comm_elems = elems;
    return o;
}

static void ends(tr_operator *head, tr_operator *table, double vocabulary, double hidden)
{
    *head = matrix(TR_HEAD, 1.0, vocabulary, hidden);
    head->weights = TR_HEAD_WEIGHTS;
    head->stage = TR_LAST;
    *table = operator_of(TR_EMBEDDING, 1.0);
    table->weights = TR_HEAD_WEIGHTS;
    table->stage = TR_FIRST;
    table->store_elems = vocabulary * hidden;
}

static void model(world_t *w, int at, uint32_t n_operators, double layers)
{
    tr_model *m = &w->models[at];
    m->struct_size = sizeof *m;
    m->n_operators = n_operators;
    m->operators = w->ops[at];
    m->layers = layers;
    m->max_context = INFINITY;
}

static void chip(tr_hardware *h)
{
    memset(h, 0, sizeof *h);
    h->struct_size = sizeof *h;
    h->memory_bytes = 80e9;
    h->memory_bandwidth = 2e12;
    h->domain = 8.0;
    h->link_bandwidth = 300e9;
    h->link_latency = 3e-6;
    h->power_max = 400.0;
    h->power_idle = 80.0;
    h->usd_per_s = 1e-3;
    h->compute_efficiency = 0.5;
    h->memory_efficiency = 0.8;
    h->link_efficiency = 0.75;
    h->layer_overhead = 1e-5;
    h->step_overhead = 5e-4;
    h->kv_efficiency = h->attention_efficiency = h->narrow_efficiency = h->quant_efficiency = 1.0;
    h->tile = h->expert_imbalance = h->expert_efficiency = 1.0;
    h->byte_joules = h->link_joules = NAN;
    h->level_joules[0] = h->level_joules[1] = h->level_joules[2] = h->level_joules[3] = NAN;
}

static void bf16(tr_precision *p)
{
    memset(p, 0, sizeof *p);
    p->struct_size = sizeof *p;
    p->weight_bytes[0] = p->weight_bytes[1] = p->weight_bytes[2] = p->weight_bytes[3] = 2.0;
    p->act_bytes = p->comm_bytes = p->kv_bytes = 2.0;
}

/* One value on every axis, all arrays wired. */
static void start(world_t *w)
{
    tr_axes *x = &w->axes;
    memset(w, 0, sizeof *w);
    x->struct_size = sizeof *x;
    x->memory_fraction = 0.9;
    x->n_model = x->n_hardware = x->n_precision = x->n_tp = x->n_pp = x->n_ep = x->n_dp = x->n_cp = 1;
    x->n_isl = x->n_osl = x->n_batch = 1;
    x->model = w->models;
    x->hardware = w->chips;
    x->precision = w->precisions;
    x->peak = w->peak;
    x->tp = w->tp, x->pp = w->pp, x->ep = w->ep, x->dp = w->dp, x->cp = w->cp;
    x->isl = w->isl, x->osl = w->osl, x->batch = w->batch;
    w->tp[0] = w->pp[0] = w->ep[0] = w->dp[0] = w->cp[0] = w->batch[0] = 1.0;
    w->isl[0] = 1024.0;
    w->osl[0] = 257.0;
    w->peak[0] = 312e12;
    chip(&w->chips[0]);
    bf16(&w->precisions[0]);
}

void world_llama(world_t *w)
{
    tr_operator *o = w->ops[0];
    start(w);
    o[0] = matrix(TR_GEMM, 32.0, 3.0 * 4096.0, 4096.0);  /* q, k, v */
    o[1] = matrix(TR_GEMM, 32.0, 4096.0, 4096.0);        /* o */
    o[2] = matrix(TR_GEMM, 32.0, 2.0 * 11008.0, 4096.0); /* gate, up */
    o[3] = matrix(TR_GEMM, 32.0, 4096.0, 11008.0);       /* down */
    o[4] = attention(32.0, 32.0, 32.0, 128.0, INFINITY);
    ends(&o[5], &o[6], 32000.0, 4096.0);
    o[7] = collective(TR_ALL_REDUCE, 64.0, 4096.0);
    o[8] = collective(TR_POINT_TO_POINT, 1.0, 4096.0);
    model(w, 0, 9, 32.0);
}

void world_mixtral(world_t *w)
{
    tr_operator *o = w->ops[0];
    start(w);
    o[0] = matrix(TR_GEMM, 32.0, 2.5 * 4096.0, 4096.0); /* q, o; k and v with 8 of 32 heads */
    o[1] = routed(32.0, 4096.0, 14336.0, 8.0, 2.0);
    o[2] = attention(32.0, 32.0, 8.0, 128.0, INFINITY);
    ends(&o[3], &o[4], 32000.0, 4096.0);
    o[5] = collective(TR_ALL_REDUCE, 64.0, 4096.0);
    o[6] = collective(TR_ALL_TO_ALL, 32.0, 2.0 * 4096.0);
    model(w, 0, 7, 32.0);
}

static void random_model(world_t *w, rng_t *r, int at)
{
    static const double layer_counts[] = {4.0, 24.0, 31.0, 61.0}, widths[] = {512.0, 2880.0, 4096.0, 8192.0};
    static const double windows[] = {1.0, 128.0, 1000.5, 4096.0}, heads[] = {8.0, 32.0, 96.0};
    static const double shares[] = {1.0, 4.0, 8.0};
    static const double experts[] = {8.0, 32.0, 256.0}, contexts[] = {INFINITY, INFINITY, 8192.0, 2048.0};
    const double layers = rng_pick(r, 4, layer_counts), hidden = rng_pick(r, 4, widths);
    const double q = rng_pick(r, 3, heads), kv = q / rng_pick(r, 3, shares);
    tr_operator *o = w->ops[at];
    uint32_t n = 0, i;
    o[n++] = matrix(TR_GEMM, layers, hidden, 3.0 * hidden);
    o[n++] = matrix(TR_GEMM, layers, hidden, 8.0 * hidden);
    o[n++] = matrix(TR_REPLICATED, layers, hidden, 3.0);
    o[n++] = attention(layers, q, kv, 128.0, INFINITY);
    if (rng_below(r, 2)) {
        o[n] = attention(0.5 * layers, q, kv, 64.0, rng_pick(r, 4, windows));
        o[n].chunked = o[n].window == 128.0 || o[n].window == 4096.0 ? (double)rng_below(r, 2) : 0.0;
        n++;
    }
    if (rng_below(r, 3) == 0) {
        o[n] = attention(layers, q, q, 32.0, INFINITY); /* state alone: an SSM or linear attention */
        o[n].kv_read_elems = o[n].kv_store_elems = o[n].flops_ctx_decode = o[n].flops_ctx_prefill = 0.0;
        o[n].state_bytes = rng_below(r, 2) ? 4.0 : 2.0;
        o[n++].state_elems = 16.0 * hidden;
    }
    if (rng_below(r, 2)) {
        o[n++] = routed(layers - 1.0, hidden, 1024.0, rng_pick(r, 3, experts), 1.0 + (double)rng_below(r, 8));
        if (rng_below(r, 3) == 0) o[n - 1].skew = 0.8;
        if (rng_below(r, 3) == 0) o[n++] = routed(1.0, hidden, 512.0, 12.0, 3.0);
        o[n++] = collective(TR_ALL_TO_ALL, layers, 8.0 * hidden);
    }
    ends(&o[n], &o[n + 1], 32000.0, hidden);
    o[n].stored = (double)rng_below(r, 2); /* tied to the embedding or not */
    o[n].tied_elems = 32000.0 * hidden;
    n += 2;
    o[n++] = collective(TR_ALL_REDUCE, 2.0 * layers, hidden);
    if (rng_below(r, 2)) o[n - 1].inner_elems = 6.0 * hidden;
    if (rng_below(r, 3) == 0) o[0].heads = q;
    o[n++] = collective(TR_POINT_TO_POINT, 1.0, hidden);
    for (i = 0; i < n; i++)
        if (o[i].kind < TR_ALL_REDUCE && rng_below(r, 2)) o[i].act_elems = 4.0 * hidden;
    model(w, at, n, layers);
    w->models[at].max_context = rng_pick(r, 4, contexts);
}

static void random_network(tr_hardware *h, rng_t *r)
{
    h->topology = (int32_t)rng_below(r, 4);
    if (h->topology == TR_SWITCH && rng_below(r, 2)) h->reduction = 0.8, h->reduction_latency = 2e-5;
    if (h->topology == TR_SWITCH) return;
    if (h->domain == INFINITY) h->domain = 16.0;
    h->dims[0] = h->domain > 4.0 ? h->domain / 4.0 : h->domain;
    h->dims[1] = h->domain > 4.0 ? 4.0 : 1.0;
    h->dims[2] = 1.0;
    h->wrap = 2.0 * (double)rng_below(r, 2);
}

static void random_levels(tr_hardware *h, rng_t *r)
{
    static const double capacities[] = {1e8, 5e9, 5e10, 1e13}, bandwidths[] = {3e9, 6e10, 1e13, INFINITY};
    uint32_t i;
    if (rng_below(r, 2)) return;
    h->n_levels = 1 + (uint32_t)rng_below(r, 4);
    for (i = 0; i < h->n_levels; i++) {
        tr_level *l = &h->levels[i];
        l->capacity = rng_pick(r, 4, capacities);
        l->bandwidth = rng_pick(r, 4, bandwidths);
        l->holds = 1 + (int32_t)rng_below(r, 3);
        l->near = i == 0 || h->levels[i - 1].near ? (int32_t)rng_below(r, 2) : 0;
    }
}

static void random_chip(tr_hardware *h, rng_t *r)
{
    static const double memories[] = {8e9, 80e9, 192e9, 4e12}, domains[] = {1.0, 4.0, 8.0, INFINITY};
    chip(h);
    h->memory_bytes = rng_pick(r, 4, memories);
    h->memory_bandwidth = 1e12 * (1.0 + (double)rng_below(r, 7));
    h->domain = rng_pick(r, 4, domains);
    if (rng_below(r, 2)) h->scaleout_bandwidth = 50e9, h->scaleout_latency = 1e-5;
    if (rng_below(r, 3) == 0) h->sram_bytes = 2e10; /* whole models on chip */
    if (rng_below(r, 3) == 0) h->serial = 0.25;
    if (rng_below(r, 3) == 0) h->kv_efficiency = 0.9, h->attention_efficiency = 0.5, h->narrow_efficiency = 0.7;
    if (rng_below(r, 3) == 0) h->quant_efficiency = 0.6, h->kernel_overhead = 2e-6, h->expert_imbalance = 1.3;
    if (rng_below(r, 3) == 0) h->tile = 64.0;
    if (rng_below(r, 3) == 0) h->expert_efficiency = 0.4;
    if (rng_below(r, 3) == 0) h->sequence_overhead = 2e-5, h->prefill_overhead = 3e-4;
    random_network(h, r);
    random_levels(h, r);
    if (rng_below(r, 2)) h->byte_joules = 3e-11;
    if (rng_below(r, 2)) h->link_joules = 1e-11, h->level_joules[1] = 1e-12;
    if (rng_below(r, 3) == 0) h->usd_per_s = NAN;
    if (rng_below(r, 3) == 0) h->power_idle = NAN;
}

/* 1 first, so that some combinations are always legal, then values from the list. */
static size_t random_values(rng_t *r, double *to, size_t most, size_t n, const double *from)
{
    size_t i, count = 1 + rng_below(r, most);
    to[0] = 1.0;
    for (i = 1; i < count; i++) to[i] = rng_pick(r, n, from);
    return count;
}

static void random_batches(world_t *w, rng_t *r)
{
    const size_t form = rng_below(r, 4); /* zipped tiles; one tile a row; several; any order and repeated */
    size_t i, n = form == 0 ? 1 + rng_below(r, 15) : form == 2 ? 513 + rng_below(r, 600) : 16 + rng_below(r, 100);
    double step = 1.0 + (double)rng_below(r, 3), value = 1.0;
    for (i = 0; i < n; i++) {
        w->batch[i] = form == 3 ? 1.0 + (double)rng_below(r, 200) : value;
        value += rng_below(r, 8) ? step : 0.0; /* sometimes twice the same: ties */
    }
    w->axes.n_batch = n;
}

/* Sets the first chip's memory to what one of the points takes: what fits ends within the batch axis. */
static void tighten(world_t *w, rng_t *r)
{
    double bytes = world_value(w, "mem_bytes_per_chip", rng_below(r, (size_t)world_points(w)));
    if (bytes >= 1.0) w->chips[0].memory_bytes = bytes / w->axes.memory_fraction;
}

/* Zips some of the axes, cut to the shortest of them. */
static void random_zips(world_t *w, rng_t *r)
{
    size_t *n = &w->axes.n_model, least[3] = {SIZE_MAX, SIZE_MAX, SIZE_MAX};
    int a;
    for (a = 0; a < N_AXES - 1; a++) {
        w->axes.zip[a] = rng_below(r, 2) ? 0 : 1 + (int32_t)rng_below(r, 2);
        if (n[a] == 1) w->axes.zip[a] = 0;
        if (n[a] < least[w->axes.zip[a]]) least[w->axes.zip[a]] = n[a];
    }
    for (a = 0; a < N_AXES - 1; a++)
        if (w->axes.zip[a]) n[a] = least[w->axes.zip[a]];
}

void world_random(world_t *w, rng_t *r, size_t points)
{
    static const double tps[] = {1.0, 2.0, 4.0, 8.0, 3.0}, pps[] = {2.0, 3.0, 8.0, 30.0}, eps[] = {2.0, 4.0, 8.0, 16.0};
    static const double isls[] = {1.0, 100.0, 128.0, 1999.0, 8000.0}, osls[] = {1.0, 2.0, 100.0, 1024.0};
    tr_axes *x = &w->axes;
    size_t *shrink[] = {&x->n_cp, &x->n_dp, &x->n_ep, &x->n_pp, &x->n_tp, &x->n_isl, &x->n_osl, &x->n_precision, &x->n_hardware};
    size_t i, at;
    start(w);
    x->n_model = 1 + rng_below(r, MAX_MODELS);
    for (i = 0; i < x->n_model; i++) random_model(w, r, (int)i);
    if (x->n_model == MAX_MODELS) { /* the last two alike: ties across combinations */
        memcpy(w->ops[2], w->ops[1], sizeof w->ops[2]);
        w->models[2] = w->models[1];
        w->models[2].operators = w->ops[2];
    }
    x->n_hardware = 1 + rng_below(r, MAX_CHIPS);
    for (i = 0; i < x->n_hardware; i++) random_chip(&w->chips[i], r);
    x->n_precision = 1 + rng_below(r, MAX_PRECISIONS);
    bf16(&w->precisions[1]);
    w->precisions[1].weight_bytes[TR_LINEAR] = w->precisions[1].weight_bytes[TR_EXPERT_WEIGHTS] = 0.53125;
    w->precisions[1].kv_bytes = 1.0;
    for (i = 0; i < x->n_hardware * x->n_precision; i++)
        w->peak[i] = rng_below(r, 6) ? 1e14 * (1.0 + (double)rng_below(r, 20)) : 0.0;
    for (i = 0; i < x->n_hardware * x->n_precision; i++) w->flop_joules[i] = rng_below(r, 3) ? 5e-13 : 0.0;
    if (rng_below(r, 2)) x->flop_joules = w->flop_joules;
    if (rng_below(r, 2)) x->cache_share = 0.3;
    x->n_tp = random_values(r, w->tp, 4, 5, tps);
    x->n_pp = random_values(r, w->pp, 3, 4, pps);
    x->n_ep = random_values(r, w->ep, 4, 4, eps);
    x->n_dp = random_values(r, w->dp, 3, 4, tps);
    x->n_cp = random_values(r, w->cp, 2, 4, tps);
    x->n_isl = random_values(r, w->isl, 3, 5, isls);
    x->n_osl = random_values(r, w->osl, 3, 4, osls);
    random_batches(w, r);
    for (at = 0; world_points(w) > points && at < 9; at++) *shrink[at] = 1;
    if (rng_below(r, 3) == 0) random_zips(w, r);
    x->memory_fraction = rng_below(r, 2) ? 0.9 : 1.0;
    if (rng_below(r, 4) == 0) x->estimate = TR_SERIAL;
    for (i = 0; i < 7; i++) x->flags |= rng_below(r, 3) ? 0 : (int32_t)(TR_FRACTION_OF_FREE << i);
    if (rng_below(r, 3) == 0) x->memory_reserved = 1e9;
    if (rng_below(r, 2)) tighten(w, r);
}

/* The first axis of an axis's zip. */
static int lead_of(const world_t *w, int a)
{
    int b = 0;
    if (!w->axes.zip[a]) return a;
    while (w->axes.zip[b] != w->axes.zip[a]) b++;
    return b;
}

void world_numbering(const world_t *w, size_t *n)
{
    const size_t *lengths = &w->axes.n_model; /* the eleven counts follow each other in the order of the axes */
    int a;
    for (a = 0; a < N_AXES; a++) n[a] = lead_of(w, a) == a ? lengths[a] : 1;
}

void world_at(const world_t *w, uint64_t point, size_t *at)
{
    size_t n[N_AXES];
    int a;
    world_numbering(w, n);
    for (a = N_AXES - 1; a >= 0; a--) {
        at[a] = (size_t)(point % n[a]);
        point /= n[a];
    }
    for (a = 0; a < N_AXES; a++) at[a] = at[lead_of(w, a)];
}

uint64_t world_points(const world_t *w)
{
    size_t n[N_AXES], a;
    uint64_t points = 1;
    world_numbering(w, n);
    for (a = 0; a < N_AXES; a++) points *= n[a];
    return points;
}

tr_plan *world_plan(const world_t *w)
{
    tr_plan *p = NULL;
    tr_error err;
    int code = tr_plan_create(&w->axes, &p, &err);
    CHECK(code == TR_OK);
    if (code) printf("  refused: %s\n", err.message);
    return p;
}

int32_t column_of(const char *name)
{
    int32_t c;
    for (c = 0; c < tr_columns(); c++)
        if (!strcmp(tr_column_name(c), name)) return c;
    printf("no column is named %s\n", name); /* every use would index outside of its arrays */
    exit(1);
}

double world_value(const world_t *w, const char *column, uint64_t point)
{
    const int32_t c = column_of(column);
    double value = NAN, *out = &value;
    tr_plan *p = world_plan(w);
    CHECK(tr_plan_store(p, point, point + 1, 1, &c, &out, NULL) == TR_OK);
    tr_plan_free(p);
    return value;
}

double *store_all(const tr_plan *p)
{
    const size_t n = (size_t)tr_plan_points(p), columns = (size_t)tr_columns();
    double *block = malloc(n * columns * sizeof *block), *out[64];
    int32_t list[64];
    size_t c;
    CHECK(block && columns <= 64);
    if (!block || columns > 64) exit(1);
    for (c = 0; c < columns; c++) {
        list[c] = (int32_t)c;
        out[c] = block + c * n;
    }
    CHECK(tr_plan_store(p, 0, n, columns, list, out, NULL) == TR_OK);
    return block;
}
