/* Names, texts and checks: what a caller reads when a call or a point is refused. */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>

#define ABI_VERSION 2

static const char *const axis_names[N_AXES] = {"model", "hardware", "precision", "tp", "pp", "ep",
                                               "dp", "cp", "isl", "osl", "batch"};

int tr_fail(tr_error *err, int code, int axis, int64_t index, const char *format, ...)
{
    if (err) {
        va_list args;
        int used = 0;
        err->code = code;
        err->axis = axis;
        err->index = index;
        if (axis >= 0 && index >= 0)
            used = snprintf(err->message, sizeof err->message, "%s[%lld]: ", axis_names[axis], (long long)index);
        else if (axis >= 0) used = snprintf(err->message, sizeof err->message, "%s: ", axis_names[axis]);
        va_start(args, format);
        vsnprintf(err->message + used, sizeof err->message - (size_t)used, format, args);
        va_end(args);
    }
    return code;
}

typedef struct { const char *name, *unit, *text; } column_t;
static const column_t columns[N_COLUMNS] = {
#define X(id, name, unit, text) {name, unit, text},
    TR_COLUMNS(X)
#undef X
};

int32_t tr_columns(void) { return N_COLUMNS; }
static int known(int32_t c) { return c >= 0 && c < N_COLUMNS; }
const char *tr_column_name(int32_t column) { return known(column) ? columns[column].name : NULL; }
const char *tr_column_unit(int32_t column) { return known(column) ? columns[column].unit : NULL; }
const char *tr_column_text(int32_t column) { return known(column) ? columns[column].text : NULL; }

int tr_own_needs(const tr_plan *p, int column)
{
    const int estimate = p->estimate, own = estimate == TR_BOUND ? NEED_BOUND : NEED_TYPICAL;
    const int work = NEED_WORK | (estimate == TR_BOUND ? NEED_READ_BOUND : NEED_READ);
    switch (column) {
    case COL_TPOT: case COL_DECODE_TOKENS_PER_S: case COL_TOKENS_PER_S_PER_USER: return own;
    case COL_TTFT: case COL_E2E: case COL_TOKENS_PER_S: case COL_TOKENS_PER_S_PER_CHIP: case COL_USD_PER_MTOK:
        return own | NEED_PREFILL;
    case COL_PREFILL_FLOPS: return NEED_PREFILL | NEED_WORK;
    case COL_DECODE_FLOPS: return NEED_WORK;
    case COL_MFU: return own | NEED_WORK;
    case COL_DECODE_BYTES: case COL_INTENSITY: return work;
    case COL_MBU: return own | work;
    case COL_BOTTLENECK: return own | NEED_SPLIT;
    case COL_JOULES_PER_TOKEN: case COL_WATTS_PER_CHIP:
        return own | NEED_BOUND | NEED_PREFILL | (p->joules ? NEED_JOULES | work : 0);
    case COL_TPOT_BOUND: case COL_DECODE_TOKENS_PER_S_BOUND: case COL_TOKENS_PER_S_PER_USER_BOUND: return NEED_BOUND;
    case COL_TTFT_BOUND: case COL_E2E_BOUND: case COL_TOKENS_PER_S_BOUND: case COL_TOKENS_PER_S_PER_CHIP_BOUND:
    case COL_USD_PER_MTOK_BOUND: return NEED_BOUND | NEED_PREFILL;
    default: return 0;
    }
}

const char *tr_strerror(int code)
{
    switch (code) {
    case TR_OK: return "success";
    case TR_ERR_NULL: return "a required pointer is NULL";
    case TR_ERR_STRUCT_SIZE: return "a struct_size is not one of this library";
    case TR_ERR_EMPTY: return "an axis has no values";
    case TR_ERR_VALUE: return "a value is not a number, out of range or not whole";
    case TR_ERR_KIND: return "an enum holds an unknown value";
    case TR_ERR_OVERFLOW: return "the number of points does not fit 63 bits";
    case TR_ERR_RANGE: return "a range or an index lies outside the plan";
    case TR_ERR_COLUMN: return "no such column";
    case TR_ERR_COMPARE: return "no such comparison";
    case TR_ERR_GROUP: return "a group's number is not below the number of groups";
    case TR_ERR_STOPPED: return "the caller's own function ended the run";
    case TR_ERR_EXPR: return "an expression is no program";
    case TR_ERR_ISA: return "this CPU or build lacks the instruction set";
    case TR_ERR_MEMORY: return "out of memory";
    default: return "unknown code";
    }
}

const char *tr_point_status_text(int status)
{
    switch (status) {
    case TR_POINT_OK: return "ok";
    case TR_POINT_MEMORY: return "weights plus KV cache exceed the memory budget";
    case TR_POINT_CONTEXT: return "isl + osl exceeds the model's context";
    case TR_POINT_HEADS: return "tp does not divide the query heads";
    case TR_POINT_KV_HEADS: return "neither of tp and the KV heads divides the other";
    case TR_POINT_STAGES: return "more pipeline stages than layers";
    case TR_POINT_EXPERTS: return "ep must divide the experts and tp * dp * cp, be a multiple of dp, and 1 without experts";
    case TR_POINT_PRECISION: return "the chip has no peak for the compute format";
    case TR_POINT_LINK: return "more chips than the scale-up domain joins, and no scale-out link";
    default: return "unknown status";
    }
}

int tr_abi_version(void) { return ABI_VERSION; }
