/* One step of an expression over lanes, compiled once per instruction set by kernel.c: a = a op b, a op number or
 * number op a. Loops as plain as those of kernel_body.h; each operation is one correctly rounded one. */

#define WITH_LANES(x, y) /* the first number of a lane, and the second */                                           \
    const double x = form == FORM_REVERSED ? number : a[i];                                                         \
    const double y = form == FORM_LANES ? b[i] : form == FORM_NUMBER ? number : a[i]
#define EVERY(expression)                                                                                           \
    for (i = 0; i < n; i++) {                                                                                       \
        WITH_LANES(x, y);                                                                                           \
        a[i] = (expression);                                                                                        \
    }                                                                                                               \
    break

TR_TARGET TR_FN void TR_ISA_FN(operate_form)(int operation, size_t n, double *restrict a, const double *restrict b,
                                             double number, const int form)
{
    size_t i;
    switch (operation) {
    case TR_DO_ADD: EVERY(x + y);
    case TR_DO_SUBTRACT: EVERY(x - y);
    case TR_DO_MULTIPLY: EVERY(x *y);
    case TR_DO_DIVIDE: EVERY(x / y);
    case TR_DO_MIN: EVERY(x < y || x != x ? x : y);
    case TR_DO_MAX: EVERY(x > y || x != x ? x : y);
    case TR_DO_LE: EVERY(x <= y ? 1.0 : 0.0);
    case TR_DO_LT: EVERY(x < y ? 1.0 : 0.0);
    case TR_DO_GE: EVERY(x >= y ? 1.0 : 0.0);
    case TR_DO_GT: EVERY(x > y ? 1.0 : 0.0);
    case TR_DO_EQ: EVERY(x == y ? 1.0 : 0.0);
    case TR_DO_NE: EVERY(x != y ? 1.0 : 0.0);
    }
}

TR_TARGET static void TR_ISA_FN(operate)(int operation, size_t n, double *a, const double *b, double number, int form)
{
    size_t i;
    switch (operation) {
    case TR_DO_NUMBER:
        for (i = 0; i < n; i++) a[i] = number;
        return;
    case DO_SETTLE:
        for (i = 0; i < n; i++) a[i] = a[i] != a[i] ? NAN : a[i];
        return;
    case TR_DO_NEGATE:
        for (i = 0; i < n; i++) a[i] = -a[i];
        return;
    case TR_DO_ABS:
        for (i = 0; i < n; i++) a[i] = fabs(a[i]);
        return;
    case TR_DO_SQRT:
        for (i = 0; i < n; i++) a[i] = sqrt(a[i]);
        return;
    case TR_DO_CEIL:
        for (i = 0; i < n; i++) a[i] = ceil(a[i]);
        return;
    case TR_DO_FLOOR:
        for (i = 0; i < n; i++) a[i] = floor(a[i]);
        return;
    }
    if (form == FORM_LANES) TR_ISA_FN(operate_form)(operation, n, a, b, number, FORM_LANES);
    else if (form == FORM_NUMBER) TR_ISA_FN(operate_form)(operation, n, a, NULL, number, FORM_NUMBER);
    else TR_ISA_FN(operate_form)(operation, n, a, NULL, number, FORM_REVERSED);
}

#undef EVERY
#undef WITH_LANES
