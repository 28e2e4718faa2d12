/* The formula sheet against hand values and plain loops. */
#include "check.h"
#include "formulas.h"

static void experts(void)
{
    double n, kept;
    CHECK(tr_expected_experts(8.0, 2.0, 1.0) == 2.0);
    CHECK(tr_expected_experts(8.0, 2.0, 4.0) == 5.46875); /* 8 (1 - 0.75^4), exact in binary */
    CHECK(tr_expected_experts(8.0, 2.0, 0.0) == 0.0);
    CHECK(tr_expected_experts(8.0, 2.0, 4096.0) == 8.0);
    CHECK(tr_expected_experts(8.0, 8.0, 1.0) == 8.0);
    for (n = 1.0, kept = 1.0; n < 200.0; n += 1.0) {
        kept *= 1.0 - 8.0 / 256.0;
        CHECK(near_to(tr_expected_experts(256.0, 8.0, n), 256.0 * (1.0 - kept), 1e-12));
        CHECK(tr_expected_experts(256.0, 8.0, n) < tr_expected_experts(256.0, 8.0, n + 1.0));
    }
    /* more tokens than any integer type counts: isl * dp of a plan reaches 2**104 */
    CHECK(tr_expected_experts(256.0, 8.0, ldexp(1.0, 104)) == 256.0);
    CHECK(tr_expected_experts(ldexp(1.0, 52), 1.0, ldexp(1.0, 104)) == ldexp(1.0, 52));
    CHECK(tr_experts_per_rank(8.0, 1.0 / 64.0) == 1.0 && tr_experts_per_rank(8.0, 0.25) == 2.0);
}

static void contexts(void)
{
    static const double windows[] = {1.0, 7.0, 40.0, 41.0, 60.0, 1e6, INFINITY};
    double isl, steps, i, sum;
    size_t j;
    for (j = 0; j < sizeof windows / sizeof *windows; j++) {
        const double window = windows[j];
        for (isl = 1.0; isl <= 60.0; isl += 1.0) {
            for (steps = 1.0; steps <= 40.0; steps += 13.0) {
                for (sum = 0.0, i = 0.0; i < steps; i += 1.0) sum += fmin(isl + i, window);
                CHECK(near_to(tr_mean_context(isl, steps, 1.0 / steps, window), sum / steps, 1e-14));
            }
            for (sum = 0.0, i = 1.0; i <= isl; i += 1.0) sum += fmin(i, window);
            CHECK(tr_causal_pairs(isl, window) == sum); /* small whole numbers: exact */
        }
    }
}

static void rounding(void)
{
    rng_t r = {7};
    int i;
    for (i = 0; i < 2000; i++) {
        double x = ldexp((double)(int64_t)rng_next(&r), -(int)rng_below(&r, 70) - 12); /* below 2**51, both signs */
        CHECK(tr_ceil(x) == ceil(x));
    }
    CHECK(tr_ceil(4503599627370495.5) == 4503599627370496.0);
    CHECK(tr_microbatch(9.0, 8.0) == 2.0 && tr_microbatch(8.0, 8.0) == 1.0 && tr_microbatch(1.0, 8.0) == 1.0);
    CHECK(tr_microbatch_bound(12.0, 8.0) == 1.5 && tr_microbatch_bound(1.0, 8.0) == 1.0);
    CHECK(tr_stage_imbalance(80.0, 8.0) == 1.0 && near_to(tr_stage_imbalance(61.0, 8.0), 64.0 / 61.0, 1e-15));
    CHECK(tr_max_batch(72e9 - 12e9, 1e9, 4.0) == 240.0);
    CHECK(tr_max_batch(72.9e9 - 12e9, 1e9, 1.0) == 60.0);
    CHECK(tr_max_batch(12e9 - 72e9, 1e9, 4.0) == 0.0);
    CHECK(tr_max_batch(12e9 - 12e9, 0.0, 1.0) == 0.0); /* 0 / 0 */
    CHECK(tr_max_batch(13e9 - 12e9, 0.0, 1.0) == ldexp(1.0, 52));
    CHECK(!signbit(tr_max_batch(12.5e9 - 12e9, 1e9, 2.0))); /* half a sequence: 0, and no -0 on some CPUs */
    CHECK(tr_max_batch(1e300, 1e-300, 1.0) == ldexp(1.0, 52));
}

static void collectives(void)
{
    /* 4 ranks, 100 GB/s: a ring moves 2 * 3/4 of the tensor, in-switch reduction the tensor once */
    CHECK(near_to(tr_all_reduce_per_byte(4.0, 1e-11), 1.5e-11, 1e-14));
    CHECK(tr_all_reduce_per_byte_bound(4.0, 1.0, 1e-11, 1e-10) == 1e-11);
    CHECK(tr_all_reduce_per_byte(1.0, 1e-11) == 0.0);
    CHECK(near_to(tr_ring_latency(8.0, 3e-6), 42e-6, 1e-15) && tr_tree_latency(8.0, 1.0) == 6.0 && tr_tree_latency(1.0, 1.0) == 0.0);
    CHECK(near_to(tr_mesh_all_reduce_per_byte(4.0, 8.0, 1e-11), 3.5e-11, 1e-14)); /* 3 of 7 links in use */
    CHECK(near_to(tr_all_to_all_per_byte(4.0, 1e-11), 0.75e-11, 1e-14));
    /* 16 x 16 torus of 180 GB/s: whole axis, both ways of it, half of the bandwidth; 8 of it in a line, a quarter */
    CHECK(tr_axis_hops(16.0, 1.0) == 8.0 && tr_axis_hops(8.0, 0.0) == 7.0 && tr_axis_hops(1.0, 1.0) == 0.0);
    CHECK(tr_axis_share(16.0, 1.0, 2.0) == 0.5 && tr_axis_share(8.0, 0.0, 2.0) == 0.25 && tr_axis_share(1.0, 1.0, 2.0) == 0.0);
    CHECK(near_to(tr_torus_all_reduce_per_byte(16.0, 0.5, 1.0 / 180e9), 1.875 / 90e9, 1e-14));
    CHECK(near_to(tr_axis_all_to_all_per_byte(16.0, 1.0, 2.0, 1.0 / 180e9), 4.0 / 90e9, 1e-14));
    CHECK(tr_leaving_share(8.0, 64.0, 8.0, 0.0) == 0.875 && tr_leaving_share(8.0, 64.0, 8.0, 4.0) == 0.5);
    CHECK(tr_overlapped(3.0, 1.0, 0.0) == 3.0 && tr_overlapped(3.0, 1.0, 1.0) == 4.0);
    CHECK(tr_placed(5.0, 3.0) == 3.0 && tr_placed(5.0, -3.0) == 0.0);
    CHECK(tr_memory_bound(2.0, 3.0) == 0.0 && tr_memory_bound(3.5, 3.0) == 3.5);
    CHECK(tr_overlap(1.0, 3.0, 2.0) == 3.0);
}

void test_formulas(void)
{
    experts();
    contexts();
    rounding();
    collectives();
}
