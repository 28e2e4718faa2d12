/* What the floors of the core share: never installed, never seen by callers. */
#ifndef TOKENROOF_INTERNAL_H
#define TOKENROOF_INTERNAL_H

#include "columns.h"
#include "formulas.h"
#include "tokenroof.h"

#include <float.h>
#include <math.h>

#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0
#error "double arithmetic is evaluated in another precision here: results would not be the same bits"
#endif

#define TR_TILE 512     /* points of one tile: its scratch columns stay in L1 */
#define TR_STRIDE (TR_TILE + 8) /* between lanes' arrays: a power of two would put all of them into one cache set */
#define TR_BLOCK 32     /* lanes that a sink may pass over at once */
#define TR_SHORT_AXIS 16 /* a batch axis shorter than this is zipped with isl and osl into full tiles */
#define TR_WHOLE_MAX 4503599627370496.0 /* 2**52: largest count that tr_ceil takes */

enum {
#define X(id, name, unit, text) COL_##id,
    TR_COLUMNS(X)
#undef X
    N_COLUMNS
};

enum { AX_MODEL, AX_HARDWARE, AX_PRECISION, AX_TP, AX_PP, AX_EP, AX_DP, AX_CP, AX_ISL, AX_OSL, AX_BATCH, N_AXES };

/* What a lane of a tile reads, by how often it changes: with the batch, with isl and osl, with the combination. */
enum {
    B_BATCH, B_INV, B_TOKENS, B_TOKENS_BOUND, B_EXPERT_BOUND, B_SEQS, B_FIXED, B_COMPUTE, B_MEMORY, B_NETWORK, B_READ,
    N_BATCH
}; /* tokens: those whose caches a rank holds */
enum {
    S_TTFT, S_PREFILL, S_CONTEXT, S_CONTEXT_COMPUTE, S_CONTEXT_MEMORY, S_SHARE, S_LATER, S_KV, S_ROOM, S_TOO_LONG,
    S_TTFT_BOUND, S_COMPUTE_BOUND, S_MEMORY_BOUND, S_PREFILL_COMPUTE, S_PREFILL_NETWORK,
    S_PREFILL_FLOPS, S_DECODE_FLOPS, S_DECODE_BYTES, S_ISL, S_JOULES, N_SEQ
};
enum {
    K_CHIPS, K_INV_CHIPS, K_WEIGHTS, K_ROOM, K_USD, K_IDLE, K_DYNAMIC, K_INV_FLOPS, K_INV_BYTES,
    K_OVERHEAD, K_LATENCY, K_PER_TOKEN, /* typical network of one line: latency and seconds per token of a microbatch */
    K_EXCHANGE,                         /* typical, of context parallelism: seconds per sequence */
    K_LIGHT, K_LIGHT_TOKEN,             /* typical rows without FLOP, summed: seconds, seconds per token */
    K_HOST, K_PROMPT,                   /* typical: seconds per sequence of a microbatch; least seconds of a prompt */
    K_WEIGHTS_BOUND, K_EXPERT_BOUND, K_NETWORK_BOUND, K_ON_CHIP, K_DP, K_STATUS,
    K_TP, K_PP, K_EP, K_CP, /* values of the layout's axes, for expressions */
    K_HOLDERS,                          /* groups of ranks that hold caches of different sequences */
    K_JOULES_FLOP, K_JOULES_WEIGHT, K_JOULES_LINK, /* J/FLOP (0: unknown), J/B, J per token and its messages */
    N_COMBINATION
};

enum { NEED_TYPICAL = 1, NEED_BOUND = 2, NEED_PREFILL = 4, NEED_SPLIT = 8, NEED_READ = 16, NEED_READ_BOUND = 32, NEED_WORK = 64,
       NEED_JOULES = 128 };

typedef struct { double f, w, a; } row_t;                         /* dense row with FLOP: s/token, s, s/token */
typedef struct { double f, w, a, read, tile; uint32_t pair, pad; } expert_t; /* w per expert on a rank, read in all */
#define TR_ALGORITHMS 6 /* of one collective: as many as can be best at some size */
#define TR_LINES (TR_ALGORITHMS + 1) /* and the two-dimensional split that does without it */
#define TR_SPLITS 48 /* two-dimensional splits of so many ranks: no number below 4096 has more divisors */
typedef struct { double latency, slope; } line_t;
typedef struct { double bytes, inner; uint32_t n, used; line_t line[TR_LINES]; } lines_t; /* least of latency + slope x */
typedef struct {
    double window, chunked;
    double compute, memory;                       /* typical s per sequence and cached token, cache in main memory */
    double decode, decode_compute, decode_memory; /* of both, and its limiting part */
    double prefill_compute, prefill_memory;       /* typical s per pair, per token */
    double prefill_exchange;                      /* typical s per token: caches passed round the context ranks */
    double bound_decode_compute, bound_decode_memory, bound_prefill;
    double decode_flops, prefill_flops;           /* of the replica */
    double decode_bytes, decode_bytes_bound;      /* of the replica; the bound counts no copies */
    double store;                                 /* bytes per cached token and sequence on one chip */
} context_t;

typedef struct { double room, slow, joules; } place_t; /* bytes left for a cache, reads over main memory's, J/B */
typedef struct { double latency, hidden, inner, hidden_bound, inner_bound; } split_t; /* s; s/B along each dimension */
typedef struct { uint32_t n; split_t split[TR_SPLITS]; } splits_t;
/* One combination, bound to numbers. The rows follow in one block: body, head, experts, contexts, nets, places. */
typedef struct {
    double k[N_COMBINATION];
    double inv_dp, inv_pp, inv_ep, inv_cp, max_context, serial, tile;
    double state_bytes;                           /* stored on one chip per sequence */
    double state_traffic, state_traffic_bound;    /* moved per sequence and step by the replica */
    double state_seconds;                         /* typical, per sequence and step */
    double flops_body, flops_head, flops_expert;  /* FLOP per token of the replica */
    double bound_body, bound_head, bound_state;   /* s per token */
    double read_bytes, read_bound;                /* weights that all ranks read in one microbatch step: dense; fewest */
    uint32_t n_body, n_head, n_expert, n_context, n_net, n_places;
    uint32_t pp_index, dp_index, cp_index, group_index;
    row_t *rows;
    expert_t *experts;
    context_t *contexts;
    lines_t *nets;   /* collectives with several algorithms, by tokens */
    place_t *places; /* where a cache may live, nearest first */
} coef_t;

typedef struct {
    double isl, osl, steps, inv_steps, inv_osl, share;
    double mean, pairs; /* (3) and (4) without a window: what most rows need */
} lengths_t;
typedef struct { double typical, dense, routed, network, flops, read; } prefill_t; /* of one request, by isl alone */
typedef struct {
    double experts, active, skew;
    double miss[63];     /* (1 - k/E)^(2^i) */
    const double *share; /* of each expert where popularity is skewed, else NULL */
} pair_t;

/* Tables over the batch axis for one (pp, dp, cp, group): what only the split of the batch decides. */
typedef struct { double *tokens, *seq_tokens, *expert_tokens, *tokens_bound, *expert_bound, *seqs, *micro; } shares_t;

typedef struct { double peak, inv_peak, inv_peak_typical, inv_peak_attention, joules; } rate_t;
typedef struct {
    tr_hardware hw;
    double serial; /* of the estimate */
    double inv_level[4], inv_level_typical[4], level_joules[4];
    double inv_bw, inv_bw_typical, inv_bw_cache, inv_quant, inv_expert, per_byte_in, per_byte_out, per_byte_in_typical, per_byte_out_typical;
} chip_t;
typedef struct {
    tr_model spec;
    tr_operator *ops;
    uint32_t *pair; /* per operator: its (E, k) pair */
    int routed;      /* has routed experts */
    double kernels;  /* rows that one forward pass executes, collectives aside */
    uint32_t n_nets; /* sizes of its all-reduces; 0 where each has one algorithm */
} model_t;

typedef struct { lines_t lines; double bound; } reduce_t; /* by bytes of the tensor; bound: seconds per byte */

/* Where a model's rows forbid a value of tp or ep: the first row that does, and the status that it gives. */
typedef struct { uint32_t row; int32_t status; } veto_t;
typedef struct { veto_t *tp, *ep; } legal_t; /* [model][distinct value]; row UINT32_MAX: none does */

typedef struct { tr_step *steps; size_t n; int needs; } expr_t;
enum { DO_SETTLE = 1000 }; /* of expressions, last: every NaN becomes the one that columns have */
enum { FORM_LANES, FORM_NUMBER, FORM_REVERSED }; /* what an operation's numbers are: a and b, a and one, one and a */

typedef struct kernels kernels_t;

struct tr_plan {
    size_t n[N_AXES];   /* by how many points are numbered: 1 for an axis that another leads */
    size_t len[N_AXES]; /* values */
    int lead[N_AXES];   /* the first axis of its zip; itself where it is alone */
    int zipped[N_AXES];
    uint64_t combinations, points;
    int ascending; /* batch values never fall */
    int estimate, isa;
    int flags;
    double memory_fraction, memory_reserved, cache_share;
    int joules; /* some chip's energy is known by its work */
    model_t *models;
    chip_t *chips;
    tr_precision *precisions;
    rate_t *rates; /* [hardware][precision] */
    double *axis[N_AXES]; /* tp .. batch */
    double *inv[N_AXES];  /* 1 / value */
    uint32_t *kind[N_AXES];  /* layout: which of the axis's distinct values; tables are over those */
    double *distinct[N_AXES];
    size_t n_distinct[N_AXES];
    legal_t legal;
    lengths_t *by_osl;       /* what isl decides is unset */
    pair_t *pairs;
    size_t n_pairs;
    double *touched;         /* [pair][distinct pp][batch] typical */
    shares_t *shares;        /* [distinct pp][dp][cp][group] */
    double *groups;          /* distinct sizes of groups that share a KV head's sequences out; 1 first */
    uint32_t *group_of;      /* [model][distinct tp] which of them */
    size_t n_groups;
    line_t *exchange;        /* [hardware][group] among such a group: seconds, seconds per byte */
    reduce_t *reduce;        /* [hardware][distinct tp] all-reduce over tp ranks */
    splits_t *splits;        /* [hardware][distinct tp] instead of it, or NULL */
    uint32_t most_lines;     /* algorithms of one of these */
    size_t max_rows, max_experts, max_contexts, max_nets, max_places, coef_bytes;
    char *bound; /* combinations * coef_bytes, or NULL */
    expr_t *exprs; /* columns of the caller's */
    size_t n_exprs;
    const kernels_t *kernels;
    size_t bytes;
    void **blocks; /* everything to free */
    size_t n_blocks, cap_blocks;
};

/* A tile of points to evaluate: lane i of batch inputs is bat[..][i]; of the others [i] or [0], by the mode. */
enum tile_mode { TILE_ROW, TILE_ZIP, TILE_LIST };
typedef struct {
    size_t n;
    int mode, estimate, needs;
    int illegal; /* some lane's combination cannot exist */
    const double *bat[N_BATCH];
    const double *seq;           /* value j of lane i: seq[j] in a row, else seq[j * TR_STRIDE + i] */
    const double *com;           /* of the one combination, unless a list */
    const coef_t *const *coefs;  /* of each lane of a list */
    double *t, *u, *tb, *ub, *cb, *mb, *nb; /* results of basis(), TR_TILE each */
    double *stack;       /* of expressions: TR_EXPR_DEPTH - 1 lanes' arrays, stack_stride apart */
    size_t stack_stride;
} tile_t;

struct kernels {
    void (*batch)(const coef_t *c, size_t n, const double *tokens, const double *expert_tokens,
                  const double *const *touched, const double *micro, int needs, double *fixed, double *compute,
                  double *memory, double *network, double *read);
    int (*counts)(size_t n, const double *x); /* whether all are whole numbers from 1 */
    void (*lengths)(size_t n, const double *batch, const double *isl, const double *osl, double *inv, lengths_t *out);
    double (*prefill)(const tr_plan *p, const coef_t *c, const lengths_t *x);
    void (*fill)(const tr_plan *p, const coef_t *c, double batch, const lengths_t *x, int needs, double *bat,
                 double *seq, size_t stride);
    void (*basis)(tile_t *t);
    void (*column)(const tile_t *t, int column, double *out);
    double (*search)(const tile_t *t, double limit, int by_step);
    size_t (*tally)(const tile_t *t, double step_limit, double spt_limit);
    void (*corners)(const tile_t *t, double step_limit, double spt_limit, double *step, double *spt, double *least_step,
                    double *least_spt);
    void (*within)(size_t n, const double *x, int compare, double limit, unsigned char *in);
    int (*extremes)(size_t n, const double *x, double *least, double *most);
    void (*reach)(const double *x, size_t n_cuts, const double *cut, uint32_t *counts);
    size_t (*dominator)(size_t n, size_t d, const double *const *key, const double *corner);
    void (*axis)(const tile_t *t, int axis, double *out);
    void (*operate)(int operation, size_t n, double *a, const double *b, double number, int form);
};
extern const kernels_t tr_kernels_generic, tr_kernels_avx2, tr_kernels_avx512; /* the last two on x86-64 only */
const kernels_t *tr_kernels_for(int isa, int *chosen);

#define FIRST(type, last) (offsetof(type, last) + sizeof(((type *)0)->last)) /* size of the first version */
#define MAX_STRUCT 4096
/* A size is also an array's stride: one that is no multiple of the alignment would put the next element askew. */
TR_FN int tr_bad_size(uint32_t size, size_t least)
{
    return size < least || size > MAX_STRUCT || size % _Alignof(double);
}
/* Saturates, so that tr_keep() refuses what wraps around. */
TR_FN size_t tr_times(size_t a, size_t b) { return b && a > SIZE_MAX / b ? SIZE_MAX : a * b; }
/* Far beyond anything real, and small enough that no product of a few such numbers overflows. */
TR_FN int tr_from(double x, double least) { return x >= least && x <= 1e30; }
TR_FN int tr_whole(double x) { return x < TR_WHOLE_MAX && tr_ceil(x) == x; }

/* plan.c */
void *tr_keep(tr_plan *p, size_t count, size_t size); /* zeroed memory that lives as long as the plan, or NULL */
/* inputs.c */
int tr_copy_models(tr_plan *p, const tr_axes *x, tr_error *err);
int tr_copy_hardware(tr_plan *p, const tr_axes *x, tr_error *err);
int tr_copy_precisions(tr_plan *p, const tr_axes *x, tr_error *err);
double tr_touched(const pair_t *pair, double tokens);
/* network.c */
reduce_t tr_all_reduce(const chip_t *chip, double ranks);
double tr_all_to_all_inside(const chip_t *chip, double ranks);
double tr_one_link(const chip_t *chip);
line_t tr_exchange(const chip_t *chip, double ranks);
splits_t tr_splits(const chip_t *chip, double ranks);
/* bind.c */
size_t tr_coef_bytes(const tr_plan *p);
typedef struct walk walk_t;
int tr_bind(const tr_plan *p, const size_t *at, coef_t *c, walk_t *w); /* whether w, or NULL, refuses it: see refuses */
/* legal.c */
int tr_hoist_legal(tr_plan *p, tr_error *err);
void tr_indices(const tr_plan *p, uint64_t combination, size_t *at); /* of the values of a combination's axes */
void tr_next(const tr_plan *p, size_t *at); /* from those of a combination to the following one's */
int tr_status(const tr_plan *p, const size_t *at);
uint64_t tr_illegal_until(const tr_plan *p, uint64_t combination, const size_t *at);
/* expr.c */
int tr_column_needs(const tr_plan *p, int column);
int tr_check_columns(const tr_plan *p, size_t n, const int32_t *columns, tr_error *err);
void tr_column(const tr_plan *p, const tile_t *t, int column, double *out); /* of the library or the caller */
/* status.c */
int tr_fail(tr_error *err, int code, int axis, int64_t index, const char *format, ...);
int tr_own_needs(const tr_plan *p, int column); /* of a column of the library */
/* store.c */
int tr_needs(const tr_plan *p, size_t n, const int32_t *columns);
int tr_check_out(size_t n, const void *const *out, tr_error *err);

/* walk.c: visits the tiles of [begin, end) in order of point number. */
struct walk {
    const tr_plan *plan;
    int needs;
    int skip_illegal; /* do not visit combinations that cannot exist */
    int (*refuses)(walk_t *w); /* NULL, or whether no point of w->coef counts, by chips, weights and room alone */
    void (*visit)(walk_t *w); /* may cut the tile */
    /* or NULL: in place of all tiles of [first, last), which are counted from the combination's first point; it may call
     * tr_walk_rows for parts of them */
    void (*combination_visit)(walk_t *w, uint64_t first, uint64_t last);
    void *state;      /* the visitor's, which may set: */
    int code;         /* not 0: the walk ends with it */
    /* set for each visit: */
    const coef_t *coef;
    tile_t tile;
    uint64_t first, combination; /* first: point number of lane 0 */
    size_t isl, osl;             /* of lane 0: indices by which points are numbered */
    int fresh;                   /* first visit of this combination */
    size_t at[N_AXES];           /* indices of the combination's values */
    const double *table[N_BATCH]; /* over the batch axis, of this combination */
    uint64_t base;               /* number of its first point */
    void *scratch;               /* the walk's own */
};
void tr_walk_rows(walk_t *w, uint64_t first, uint64_t last);
prefill_t tr_prefill_at(const walk_t *w, const lengths_t *x);
int tr_walk(walk_t *w, uint64_t begin, uint64_t end, tr_error *err);

#endif
