/* tokenroof: the C contract.
 *
 * A plan binds axes (models as operator tables, hardware, precisions, parallelism, batch, isl, osl) to numbers; runs
 * evaluate any range of its points. Points are numbered in row-major order of the axes
 *     model, hardware, precision, tp, pp, ep, dp, cp, isl, osl, batch        (batch fastest),
 * and the first eight together are a *combination*. Axes may be zipped (tr_axes): then the first leads the others.
 *
 * Calls return 0 or a negative code (TR_ERR_*); `err`, where not NULL, says more. A point that cannot be served is
 * data, never an error: see tr_point_status. Every struct starts with its size, set by the caller, and only ever grows
 * at the end. The library has no globals: one plan may be used by any number of threads at once.
 */
#ifndef TOKENROOF_H
#define TOKENROOF_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* cffi: begin */

enum tr_code {
    TR_OK = 0,
    TR_ERR_NULL = -101,        /* a required pointer is NULL */
    TR_ERR_STRUCT_SIZE = -102, /* a struct_size is smaller than this library's first version, or absurd */
    TR_ERR_EMPTY = -103,       /* an axis without values */
    TR_ERR_VALUE = -104,       /* a value is NaN, out of range or not whole */
    TR_ERR_KIND = -105,        /* an enum holds an unknown value */
    TR_ERR_OVERFLOW = -106,    /* the number of points does not fit 63 bits */
    TR_ERR_RANGE = -201,       /* begin, end or an index outside the plan */
    TR_ERR_COLUMN = -202,      /* no such column */
    TR_ERR_COMPARE = -203,     /* no such comparison */
    TR_ERR_GROUP = -204,       /* a group's number is not below the number of groups */
    TR_ERR_STOPPED = -205,     /* the caller's own function ended the run */
    TR_ERR_EXPR = -210,        /* an expression is no program: an unknown operation, too few or too many numbers */
    TR_ERR_ISA = -301,         /* this CPU or build lacks the instruction set asked for */
    TR_ERR_MEMORY = -401       /* malloc failed */
};

typedef struct tr_error {
    int32_t code;
    int32_t axis;  /* position of the axis in the order above, or -1 */
    int64_t index; /* which value of it, or -1 */
    char message[192];
} tr_error;

enum tr_operator_kind {
    TR_GEMM = 0, TR_EXPERTS = 1, TR_ATTENTION = 2, TR_REPLICATED = 3, TR_HEAD = 4,
    TR_EMBEDDING = 5, TR_ALL_REDUCE = 6, TR_ALL_TO_ALL = 7, TR_POINT_TO_POINT = 8
};
enum tr_weight_class { TR_LINEAR = 0, TR_HEAD_WEIGHTS = 1, TR_WIDE = 2, TR_EXPERT_WEIGHTS = 3 };
enum tr_stage { TR_LAYERS = 0, TR_FIRST = 1, TR_LAST = 2 };

/* One row of a model; see python/tokenroof/specs/operator.py for what each coefficient means. */
typedef struct tr_operator {
    uint32_t struct_size;
    int32_t kind;
    int32_t weights;
    int32_t stage;
    double count, stored;
    double read_elems, store_elems, tied_elems;
    double flops_token, act_elems;
    double experts, active;
    double flops_ctx_decode, flops_ctx_prefill;
    double kv_read_elems, kv_store_elems, state_elems;
    double window;
    double heads, kv_heads;
    double comm_elems;
    double chunked;     /* 1: the window starts anew at each multiple of its length */
    double state_bytes; /* per element of the state */
    double skew;        /* Zipf exponent of the routed experts' popularity */
    double nodes;       /* of TR_ALL_TO_ALL: most domains that a token's experts lie in; 0: any */
    double inner_elems; /* of TR_ALL_REDUCE: per token, between the block's first and last matrix; 0: it takes no 2D split */
} tr_operator;

typedef struct tr_model {
    uint32_t struct_size;
    uint32_t n_operators;
    const tr_operator *operators;
    double layers;
    double max_context; /* tokens; INFINITY when unknown */
} tr_model;

/* How the scale-up domain joins its chips. A mesh has a link of its own from each chip to each other one. */
enum tr_topology { TR_SWITCH = 0, TR_MESH = 1, TR_RING = 2, TR_TORUS = 3 };
enum tr_holds { TR_HOLDS_WEIGHTS = 1, TR_HOLDS_KV = 2 };

/* Memory besides main memory. Near levels are filled before it, the others behind it where the plan may offload. */
typedef struct tr_level {
    double capacity, bandwidth; /* of one chip; bandwidth INFINITY: operands in place */
    int32_t holds;
    int32_t near;
} tr_level;

typedef struct tr_hardware {
    uint32_t struct_size;
    uint32_t n_levels; /* near ones first */
    double memory_bytes, memory_bandwidth, sram_bytes;
    double domain, link_bandwidth, link_latency;   /* scale-up; domain 1 when there is none */
    double scaleout_bandwidth, scaleout_latency;   /* 0 when there is none */
    double power_max, power_idle, usd_per_s;       /* NaN when unknown */
    double compute_efficiency, memory_efficiency, link_efficiency;
    double layer_overhead, step_overhead;
    double serial;                         /* share of a row's shorter time (compute, memory) that is not hidden */
    double kv_efficiency, quant_efficiency; /* over memory_efficiency: caches; weights unpacked on the way */
    double attention_efficiency, narrow_efficiency; /* over compute_efficiency: prompts' attention; formats below 16 bit */
    double kernel_overhead, tile, expert_imbalance; /* s per executed row; tokens at least; busiest over mean rank */
    double reduction, reduction_latency;   /* in a switch: share of the bandwidth, 0 without; seconds */
    double dims[3], wrap;                  /* of a torus: chips along each axis, 1 where unused; see Link.wrap */
    int32_t topology;
    int32_t reserved;
    tr_level levels[4];
    double byte_joules, link_joules; /* per byte of main memory, and sent over a link; NaN when unknown */
    double level_joules[4];          /* per byte of each level; NaN: as main memory */
    double expert_efficiency;  /* over compute_efficiency: arithmetic of routed experts */
    double sequence_overhead;  /* s per sequence and step: the host's part, sampling and text */
    double prefill_overhead;   /* s per layer that the pass over a prompt takes at least: launches one by one */
} tr_hardware;

typedef struct tr_precision {
    uint32_t struct_size;
    uint32_t reserved;
    double weight_bytes[4]; /* by tr_weight_class */
    double act_bytes, comm_bytes, kv_bytes;
    double state_bytes; /* per element of recurrent state; 0: as the model's rows say */
} tr_precision;

/* TR_SERIAL is TR_TYPICAL with nothing overlapped. */
enum tr_estimate { TR_TYPICAL = 0, TR_BOUND = 1, TR_SERIAL = 2 };
enum tr_isa { TR_ISA_AUTO = 0, TR_ISA_GENERIC = 1, TR_ISA_AVX2 = 2, TR_ISA_AVX512 = 3 };
enum tr_plan_flags {
    TR_BIND_ALL = 1,        /* bind every combination now: for point lists and scalar calls */
    TR_FRACTION_OF_FREE = 2, /* memory_fraction is of what weights leave free, not of all memory */
    TR_OFFLOAD_WEIGHTS = 4, /* weights may live behind main memory */
    TR_OFFLOAD_KV = 8,      /* the cache may */
    TR_PAD_HEADS = 16,      /* tp need not divide the heads: the ranks' shares are rounded up */
    TR_BATCH_ATTENTION = 32, /* ranks that tp has beyond the KV heads hold caches of other sequences, not copies */
    TR_SPLIT_2D = 64,       /* blocks of matrices are split in two dimensions over tp ranks where they can be */
    TR_SPLIT_AUTO = 128     /* or in one, whichever sends less at each batch */
};

typedef struct tr_axes {
    uint32_t struct_size;
    int32_t estimate;
    int32_t isa;
    int32_t flags;
    double memory_fraction; /* share of memory_bytes that weights and KV may use */
    double memory_reserved; /* bytes of main memory that neither may use */
    size_t n_model, n_hardware, n_precision, n_tp, n_pp, n_ep, n_dp, n_cp, n_isl, n_osl, n_batch;
    const tr_model *model;
    const tr_hardware *hardware;
    const tr_precision *precision;
    const double *peak; /* [n_hardware][n_precision] dense FLOP/s of the compute format; 0: not supported */
    const double *tp, *pp, *ep, *dp, *cp, *isl, *osl, *batch; /* whole numbers from 1 */
    /* By axis: 0, or the number of a zip. Axes of one zip move together, value by value: they have equally many, and
     * points are numbered over the first of them as if the others had one. Batch is in none. */
    int32_t zip[12];
    const double *flop_joules; /* [n_hardware][n_precision] J/FLOP; 0: unknown; NULL: all unknown */
    double cache_share;        /* of main memory, kept for caches where weights overflow to levels behind it */
} tr_axes;

/* Why a point does not count. From TR_POINT_ILLEGAL on all values but status, chips and fits (0) are NaN. */
enum tr_point_status {
    TR_POINT_OK = 0,
    TR_POINT_MEMORY = 1,      /* weights plus KV exceed the memory budget */
    TR_POINT_CONTEXT = 2,     /* isl + osl exceeds the model's context */
    TR_POINT_ILLEGAL = 16,
    TR_POINT_HEADS = 16,      /* tp does not divide the query heads */
    TR_POINT_KV_HEADS = 17,   /* neither of tp and KV heads divides the other */
    TR_POINT_STAGES = 18,     /* more pipeline stages than layers */
    TR_POINT_EXPERTS = 19,    /* ep does not divide experts or tp * dp * cp, is not a multiple of dp, or nothing is routed */
    TR_POINT_PRECISION = 20,  /* the chip has no peak for the compute format */
    TR_POINT_LINK = 21        /* more chips than the domain joins and no scale-out link */
};

typedef struct tr_plan tr_plan;

/* Validates, hoists per-axis terms and chooses the kernel. Copies what it needs: the caller's arrays may go. */
int tr_plan_create(const tr_axes *axes, tr_plan **plan, tr_error *err);
void tr_plan_free(tr_plan *plan);
uint64_t tr_plan_points(const tr_plan *plan);
uint64_t tr_plan_combinations(const tr_plan *plan);
int tr_plan_statuses(const tr_plan *plan, uint64_t begin, uint64_t end, int32_t *out, tr_error *err); /* of combinations */
uint64_t tr_plan_legal(const tr_plan *plan); /* points of combinations that can exist: status below TR_POINT_ILLEGAL */
int tr_plan_isa(const tr_plan *plan);
size_t tr_plan_bytes(const tr_plan *plan); /* memory that the plan holds */

/* A column of the caller's: steps in postfix order over a stack of TR_EXPR_DEPTH numbers, of which one is left.
 * Comparisons give 1 or 0; TR_DO_MIN and TR_DO_MAX are NaN where either number is. All are NaN where a point is illegal. */
enum tr_operation {
    TR_DO_NUMBER = 0, /* pushes `value` */
    TR_DO_COLUMN = 1, /* pushes column `index` of the library */
    TR_DO_AXIS = 2,   /* pushes the point's value of axis `index`, tp to batch */
    TR_DO_ADD = 3, TR_DO_SUBTRACT = 4, TR_DO_MULTIPLY = 5, TR_DO_DIVIDE = 6, TR_DO_MIN = 7, TR_DO_MAX = 8,
    TR_DO_LE = 9, TR_DO_LT = 10, TR_DO_GE = 11, TR_DO_GT = 12, TR_DO_EQ = 13, TR_DO_NE = 14, /* of two numbers */
    TR_DO_NEGATE = 15, TR_DO_ABS = 16, TR_DO_SQRT = 17, TR_DO_CEIL = 18, TR_DO_FLOOR = 19    /* of one */
};
enum { TR_EXPR_DEPTH = 16, TR_EXPR_STEPS = 4096 };

typedef struct tr_step {
    int32_t operation;
    int32_t index;
    double value;
} tr_step;

typedef struct tr_expr {
    uint32_t struct_size;
    uint32_t n_steps;
    const tr_step *steps;
} tr_expr;

/* The same plan with columns of the caller's behind the library's: expression i is column tr_columns() + i. It shares
 * what the first plan holds, which must outlive it. */
int tr_plan_derive(const tr_plan *plan, size_t n_exprs, const tr_expr *exprs, tr_plan **derived, tr_error *err);

/* Sinks: what a run does with the points [begin, end). All but store gather: calls accumulate in the caller's state, and
 * any split of the points into ranges, run in any order into any number of states that are merged in any order, gives
 * the same answer bit for bit. */

/* Stores columns: out[c][i] is column columns[c] of point begin + i. The second rounds to the nearest float. */
int tr_plan_store(const tr_plan *plan, uint64_t begin, uint64_t end, size_t n_columns, const int32_t *columns,
                  double *const *out, tr_error *err);
int tr_plan_store_f32(const tr_plan *plan, uint64_t begin, uint64_t end, size_t n_columns, const int32_t *columns,
                      float *const *out, tr_error *err);

enum tr_compare { TR_LE = 0, TR_LT = 1, TR_GE = 2, TR_GT = 3, TR_EQ = 4, TR_NE = 5 };
typedef struct tr_where {
    int32_t column;
    int32_t compare;
    double limit;
} tr_where;

/* Which points count: those of status 0, where misfits is set those short of memory too, that hold every limit. NULL in
 * its place: status 0 alone. */
typedef struct tr_select {
    uint32_t struct_size;
    int32_t misfits;
    size_t n_where;
    const tr_where *where;
} tr_select;

/* A point's group is the sum of what its indices contribute: of[axis][index], in the order of the axes above; NULL: an
 * axis that contributes nothing. Each sum must be below n. NULL in place of the struct: one group. */
typedef struct tr_groups {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t n;
    const uint64_t *of[11];
} tr_groups;

/* The k points of smallest (or largest) objective in each group; equal values rank by point number, and values that are
 * not finite never rank. value and point have n_groups * k entries, best first: start with tr_best_clear. */
typedef struct tr_best {
    uint32_t struct_size;
    int32_t objective;
    int32_t maximize;
    uint32_t k;
    uint64_t n_groups;
    double *value;
    uint64_t *point;  /* UINT64_MAX where fewer than k points count */
    uint64_t proven;  /* tr_plan_best_bound adds the points that it did not evaluate, because they cannot rank */
} tr_best;

void tr_best_clear(tr_best *best);
int tr_plan_best(const tr_plan *plan, uint64_t begin, uint64_t end, const tr_select *select, const tr_groups *groups,
                 tr_best *best, tr_error *err);
/* The same answer, leaving out what a bound over a block of the grid shows to be unable to rank. */
int tr_plan_best_bound(const tr_plan *plan, uint64_t begin, uint64_t end, const tr_select *select,
                       const tr_groups *groups, tr_best *best, tr_error *err);
void tr_best_merge(tr_best *into, const tr_best *from); /* of equal k and n_groups; else nothing is done */

/* Fronts: of each group the points that no other point of it dominates, i.e. that none equals or betters in each of 1 to
 * 4 objectives and betters in one. Of points whose objectives are all equal the lowest number stays. A point with an
 * objective that is not finite does not count. The front owns its memory, which grows with its points. Where memory runs
 * out the call fails and the front holds some of the range: free it. */
typedef struct tr_front tr_front;
int tr_front_create(uint64_t n_groups, size_t n_objectives, const int32_t *objectives, const int32_t *maximize,
                    tr_front **front, tr_error *err);
void tr_front_free(tr_front *front);
int tr_plan_pareto(const tr_plan *plan, uint64_t begin, uint64_t end, const tr_select *select, const tr_groups *groups,
                   tr_front *front, tr_error *err);
uint64_t tr_front_size(const tr_front *front); /* points of all groups */
/* group, point and value (n_objectives each) of every point, by group, then from the best first objective on. */
void tr_front_read(tr_front *front, uint64_t *group, uint64_t *point, double *value);
/* Lets n points in that another front of the same objectives held: how fronts are merged and come back from a file. */
int tr_front_add(tr_front *front, uint64_t n, const uint64_t *group, const uint64_t *point, const double *value,
                 tr_error *err);

/* Points by status and group; `within` counts those that the selection lets through. */
#define TR_STATUSES 32 /* room for every tr_point_status */
typedef struct tr_count {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t *status; /* [groups][TR_STATUSES] */
    uint64_t *within; /* [groups] */
} tr_count;
int tr_plan_count(const tr_plan *plan, uint64_t begin, uint64_t end, const tr_select *select, const tr_groups *groups,
                  tr_count *count, tr_error *err);

/* Points by the values of one column, or of two. Bin i of ascending edges is [edges[i], edges[i + 1]), the last one with
 * its upper edge. Each column has n_edges + 2 cells: below, the n_edges - 1 bins, above, and NaN last. */
typedef struct tr_histogram {
    uint32_t struct_size;
    uint32_t n_columns;      /* 1 or 2 */
    int32_t column[2];
    size_t n_edges[2];       /* from 2; n_edges[1] is not read where there is one column */
    const double *edges[2];
    uint64_t *counts;        /* [groups][n_edges[0] + 2] or [groups][n_edges[0] + 2][n_edges[1] + 2] */
    uint64_t *left_out;      /* [groups] points that do not count */
} tr_histogram;
int tr_plan_histogram(const tr_plan *plan, uint64_t begin, uint64_t end, const tr_select *select,
                      const tr_groups *groups, tr_histogram *histogram, tr_error *err);

/* One pass of a search for order statistics. The rank of a double is its bits, turned so that ranks ascend with values
 * (the sign bit set for positive numbers, all bits inverted for negative ones); NaN has none. A window is all ranks that
 * begin with `prefix` in their upper 64 - shift - bits bits, and counts[window] says how often each value of the next
 * `bits` bits occurs. windows[g] .. windows[g + 1] are group g's, their prefixes ascending. */
typedef struct tr_ranks {
    uint32_t struct_size;
    int32_t column;
    uint32_t shift, bits;    /* bits 1 to 24, together at most 64 */
    const uint64_t *windows; /* [groups + 1], from 0 */
    const uint64_t *prefix;  /* [all windows] */
    uint64_t *counts;        /* [all windows][1 << bits] */
} tr_ranks;
int tr_plan_ranks(const tr_plan *plan, uint64_t begin, uint64_t end, const tr_select *select, const tr_groups *groups,
                  tr_ranks *ranks, tr_error *err);

/* The caller's own sink: called with up to TR_TILE_POINTS points that count at a time, in the order of their numbers.
 * Column c of point i is columns[c * stride + i]. Anything but 0 ends the run with TR_ERR_STOPPED. */
#define TR_TILE_POINTS 512
typedef int32_t (*tr_reducer)(size_t n, size_t stride, const double *columns, const uint64_t *points,
                              const uint64_t *groups, void *state);
int tr_plan_reduce(const tr_plan *plan, uint64_t begin, uint64_t end, const tr_select *select, const tr_groups *groups,
                   size_t n_columns, const int32_t *columns, tr_reducer reducer, void *state, tr_error *err);

/* Point list: n arbitrary points, one row each; out[c][i] as above. Batch, isl and osl need not be on the axes. */
int tr_points_eval(const tr_plan *plan, size_t n, const uint64_t *combination, const double *batch, const double *isl,
                   const double *osl, size_t n_columns, const int32_t *columns, double *const *out, tr_error *err);

/* One point: out has n_columns values. No error text; returns the code. */
int tr_point_eval(const tr_plan *plan, uint64_t combination, double batch, double isl, double osl, size_t n_columns,
                  const int32_t *columns, double *out);

int32_t tr_columns(void);
const char *tr_column_name(int32_t column); /* NULL when there is no such column */
const char *tr_column_unit(int32_t column);
const char *tr_column_text(int32_t column);
const char *tr_strerror(int code);
const char *tr_point_status_text(int status);
int tr_isa_supported(int isa);
int tr_abi_version(void);

/* cffi: end */

#ifdef __cplusplus
}
#endif

#endif
