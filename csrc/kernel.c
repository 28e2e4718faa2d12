/* Instruction sets: one body, compiled again under a target attribute, chosen once per plan. */
#include "seq.h"

typedef struct { double seconds[2], compute, memory, network, read; } typical_t; /* seconds: decode step, prefill */

#if defined(__GNUC__)
#define TR_APART static __attribute__((noinline)) /* rare: must not crowd its caller's registers */
#else
#define TR_APART static
#endif

#define TR_TARGET
#define TR_ISA_FN(name) name##_generic
#include "expr.h"
#include "kernel_body.h"
#undef TR_TARGET
#undef TR_ISA_FN

#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
#define TR_X86 1

#define TR_TARGET __attribute__((target("avx2")))
#define TR_ISA_FN(name) name##_avx2
#include "expr.h"
#include "kernel_body.h"
#undef TR_TARGET
#undef TR_ISA_FN

#if defined(__clang__)
#define TR_TARGET __attribute__((target("avx512f,avx512dq,avx512vl")))
#else
#define TR_TARGET __attribute__((target("avx512f,avx512dq,avx512vl,prefer-vector-width=512")))
#endif
#define TR_ISA_FN(name) name##_avx512
#include "expr.h"
#include "kernel_body.h"
#undef TR_TARGET
#undef TR_ISA_FN
#endif

int tr_isa_supported(int isa)
{
    if (isa == TR_ISA_AUTO || isa == TR_ISA_GENERIC) return 1;
#ifdef TR_X86
    __builtin_cpu_init();
    if (isa == TR_ISA_AVX2) return __builtin_cpu_supports("avx2") != 0;
    if (isa == TR_ISA_AVX512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
               && __builtin_cpu_supports("avx512vl");
#endif
    return 0;
}

const kernels_t *tr_kernels_for(int isa, int *chosen)
{
    if (isa == TR_ISA_AUTO)
        isa = tr_isa_supported(TR_ISA_AVX512) ? TR_ISA_AVX512
              : tr_isa_supported(TR_ISA_AVX2) ? TR_ISA_AVX2 : TR_ISA_GENERIC;
    if (!tr_isa_supported(isa)) return NULL;
    *chosen = isa;
#ifdef TR_X86
    if (isa == TR_ISA_AVX512) return &tr_kernels_avx512;
    if (isa == TR_ISA_AVX2) return &tr_kernels_avx2;
#endif
    return &tr_kernels_generic;
}
