/* Plain C11 tests of the core: run them with run.sh. Here: names, texts and the runner. */
#include "check.h"

long check_passed, check_failed;

void check_that(int ok, const char *text, const char *file, int line)
{
    if (ok) check_passed++;
    else {
        check_failed++;
        if (check_failed <= 50) printf("%s:%d: failed: %s\n", file, line, text);
    }
}

static const int codes[] = {TR_OK,           TR_ERR_NULL,   TR_ERR_STRUCT_SIZE, TR_ERR_EMPTY, TR_ERR_VALUE, TR_ERR_KIND,
                            TR_ERR_OVERFLOW, TR_ERR_RANGE,  TR_ERR_COLUMN,      TR_ERR_COMPARE, TR_ERR_GROUP,
                            TR_ERR_STOPPED,  TR_ERR_ISA,    TR_ERR_MEMORY,  TR_ERR_EXPR};
#define N_CODES (sizeof codes / sizeof *codes)

static int is_code(int code)
{
    size_t i;
    for (i = 0; i < N_CODES; i++)
        if (codes[i] == code) return 1;
    return 0;
}

static void texts_of_codes(void)
{
    const char *unknown = tr_strerror(1);
    size_t i, j;
    int code;
    for (i = 0; i < N_CODES; i++) {
        CHECK(tr_strerror(codes[i]) && strlen(tr_strerror(codes[i])) > 3);
        CHECK(strcmp(tr_strerror(codes[i]), unknown));
        for (j = 0; j < i; j++) CHECK(strcmp(tr_strerror(codes[i]), tr_strerror(codes[j])));
    }
    /* every number that has a text of its own is in the list above, so the list cannot fall behind the enum */
    for (code = -1000; code <= 1000; code++)
        CHECK(is_code(code) || !strcmp(tr_strerror(code), unknown));
    CHECK(!strcmp(tr_strerror(INT32_MIN), unknown) && !strcmp(tr_strerror(INT32_MAX), unknown));
}

static void texts_of_points(void)
{
    static const int known[] = {TR_POINT_OK,     TR_POINT_MEMORY,  TR_POINT_CONTEXT,   TR_POINT_HEADS,
                                TR_POINT_KV_HEADS,
                                TR_POINT_STAGES, TR_POINT_EXPERTS, TR_POINT_PRECISION, TR_POINT_LINK};
    const char *unknown = tr_point_status_text(-1);
    size_t i, j;
    for (i = 0; i < sizeof known / sizeof *known; i++) {
        CHECK(strcmp(tr_point_status_text(known[i]), unknown));
        for (j = 0; j < i; j++) CHECK(strcmp(tr_point_status_text(known[i]), tr_point_status_text(known[j])));
    }
    CHECK(!strcmp(tr_point_status_text(3), unknown) && !strcmp(tr_point_status_text(99), unknown));
}

static void columns(void)
{
    static const int32_t none[] = {-1, INT32_MIN, INT32_MAX};
    int32_t i, j;
    CHECK(tr_columns() >= 24);
    for (i = 0; i < tr_columns(); i++) {
        CHECK(tr_column_name(i) && *tr_column_name(i));
        CHECK(tr_column_unit(i) && *tr_column_unit(i));
        CHECK(tr_column_text(i) && *tr_column_text(i));
        for (j = 0; j < i; j++) CHECK(strcmp(tr_column_name(i), tr_column_name(j)));
    }
    for (i = 0; i < 3; i++) CHECK(!tr_column_name(none[i]) && !tr_column_unit(none[i]) && !tr_column_text(none[i]));
    CHECK(!tr_column_name(tr_columns()) && !tr_column_unit(tr_columns()) && !tr_column_text(tr_columns()));
}

static void versions(void)
{
    CHECK(tr_abi_version() >= 2);
    CHECK(tr_isa_supported(TR_ISA_AUTO) == 1 && tr_isa_supported(TR_ISA_GENERIC) == 1);
    CHECK(!tr_isa_supported(-1) && !tr_isa_supported(4) && !tr_isa_supported(1000));
    printf("instruction sets here: generic%s%s\n", tr_isa_supported(TR_ISA_AVX2) ? " avx2" : "",
           tr_isa_supported(TR_ISA_AVX512) ? " avx512" : "");
}

int main(void)
{
    texts_of_codes();
    texts_of_points();
    columns();
    versions();
    test_formulas();
    test_plan();
    test_reject();
    test_reject_calls();
    test_bits();
    test_best();
    test_zip();
    test_expr();
    test_pareto();
    test_sinks();
    test_memory();
    printf("%ld passed, %ld failed\n", check_passed, check_failed);
    return check_failed != 0;
}
