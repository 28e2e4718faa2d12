/* Collectives inside a domain and between domains, by topology: latency and seconds per byte of each algorithm, of which
 * a message takes the best for its size. python/tokenroof/reference/network.py does the same in the same order. */
#include "internal.h"

#define MAX_SPLIT_RANKS 4096.0

/* Keeps lines that are best for some size; a dominated one never is. */
static void add_line(lines_t *l, double latency, double slope)
{
    uint32_t i, kept = 0;
    for (i = 0; i < l->n; i++)
        if (l->line[i].latency <= latency && l->line[i].slope <= slope) return;
    for (i = 0; i < l->n; i++)
        if (!(latency <= l->line[i].latency && slope <= l->line[i].slope)) {
            l->line[kept].latency = l->line[i].latency;
            l->line[kept++].slope = l->line[i].slope;
        }
    l->n = kept;
    if (l->n == TR_ALGORITHMS) return; /* as many as the kinds of algorithm below make */
    l->line[l->n].latency = latency;
    l->line[l->n++].slope = slope;
}

typedef struct { double hops, share, all_to_all; } slice_t; /* a part of a torus */

static int axes_of(const tr_hardware *hw)
{
    return hw->topology == TR_RING ? 1 : 1 + (hw->dims[1] > 1.0) + (hw->dims[2] > 1.0);
}

/* Whether a part of a torus axis closes into a ring. */
static double axis_closed(const tr_hardware *hw, double part, double whole)
{
    const double times = hw->wrap > 0.0 ? part / hw->wrap : 0.5;
    return part == whole || tr_ceil(times) == times ? 1.0 : 0.0;
}

static slice_t slice_of(const tr_hardware *hw, const double part[3], double per_byte)
{
    const double axes = (double)axes_of(hw);
    slice_t s = {0.0, 0.0, 0.0};
    int i;
    for (i = 0; i < 3; i++) {
        const double whole = hw->topology == TR_RING ? (i ? 1.0 : hw->domain) : hw->dims[i];
        const double closed = axis_closed(hw, part[i], whole);
        s.hops += tr_axis_hops(part[i], closed);
        s.share += tr_axis_share(part[i], closed, axes);
        s.all_to_all = tr_max(s.all_to_all, tr_axis_all_to_all_per_byte(part[i], closed, axes, per_byte));
    }
    return s;
}

/* Calls `take` for each box of `ranks` chips that the torus holds; whether there is one. */
static int slices(const chip_t *chip, double ranks, double per_byte, void (*take)(void *, const slice_t *), void *to)
{
    const tr_hardware *hw = &chip->hw;
    const double d1 = hw->topology == TR_RING ? 1.0 : hw->dims[1], d2 = hw->topology == TR_RING ? 1.0 : hw->dims[2];
    const double d0 = hw->topology == TR_RING ? hw->domain : hw->dims[0];
    double part[3];
    int found = 0;
    for (part[2] = 1.0; part[2] <= d2; part[2] += 1.0)
        for (part[1] = 1.0; part[1] <= d1 && part[1] * part[2] <= ranks; part[1] += 1.0) {
            slice_t s;
            part[0] = ranks / (part[1] * part[2]);
            if (part[0] > d0 || tr_ceil(part[0]) != part[0]) continue;
            s = slice_of(hw, part, per_byte);
            take(to, &s);
            found = 1;
        }
    return found;
}

typedef struct { lines_t *lines; double ranks, alpha, per_byte; } torus_t;

static void torus_reduce(void *to, const slice_t *s)
{
    const torus_t *t = to;
    add_line(t->lines, 2.0 * s->hops * t->alpha, tr_torus_all_reduce_per_byte(t->ranks, s->share, t->per_byte));
}

static void least_all_to_all(void *to, const slice_t *s)
{
    double *least = to;
    *least = tr_min(*least, s->all_to_all);
}

/* All-reduce over ranks of one domain. A number of ranks that no box of a torus holds goes round one line of them. */
static lines_t reduce_inside(const chip_t *chip, double ranks, int one_phase)
{
    const tr_hardware *hw = &chip->hw;
    const double alpha = hw->link_latency, per_byte = chip->per_byte_in_typical;
    lines_t l = {0.0, 0.0, 0, 0, {{0.0, 0.0}}};
    if (!(ranks > 1.0)) {
        add_line(&l, 0.0, 0.0);
    } else if (hw->topology == TR_SWITCH) {
        /* within one domain halves are summed with one more rank at each level, and told on the way back; two-shot on the
         * way to other domains */
        add_line(&l, one_phase ? tr_tree_latency(ranks, alpha) : 2.0 * alpha, tr_all_reduce_per_byte(ranks, per_byte));
        if (one_phase) add_line(&l, alpha, (ranks - 1.0) * per_byte);                 /* one-shot: everyone reads all */
        if (hw->reduction > 0.0) add_line(&l, hw->reduction_latency, chip->per_byte_in / hw->reduction);
    } else if (hw->topology == TR_MESH) {
        add_line(&l, 2.0 * alpha, tr_mesh_all_reduce_per_byte(ranks, hw->domain, per_byte));
        if (one_phase) add_line(&l, alpha, (hw->domain - 1.0) * per_byte);
    } else {
        torus_t t = {&l, ranks, alpha, per_byte};
        if (!slices(chip, ranks, per_byte, torus_reduce, &t)) {
            const double share = tr_axis_share(ranks, 0.0, (double)axes_of(hw));
            add_line(&l, 2.0 * tr_axis_hops(ranks, 0.0) * alpha, tr_torus_all_reduce_per_byte(ranks, share, per_byte));
        }
    }
    return l;
}

reduce_t tr_all_reduce(const chip_t *chip, double ranks)
{
    const tr_hardware *hw = &chip->hw;
    const double inner = tr_min(ranks, hw->domain), outer = tr_ceil(ranks / inner);
    const double share = chip->per_byte_out_typical / inner; /* domains sum what each rank holds of it */
    lines_t in = reduce_inside(chip, inner, !(outer > 1.0));
    reduce_t r = {{0.0, 0.0, 0, 0, {{0.0, 0.0}}}, 0.0};
    uint32_t i;
    for (i = 0; i < in.n; i++) {
        if (!(outer > 1.0)) {
            add_line(&r.lines, in.line[i].latency, in.line[i].slope);
            continue;
        }
        add_line(&r.lines, in.line[i].latency + tr_ring_latency(outer, hw->scaleout_latency),
                 in.line[i].slope + tr_all_reduce_per_byte(outer, share));
        add_line(&r.lines, in.line[i].latency + tr_tree_latency(outer, hw->scaleout_latency), in.line[i].slope + 2.0 * share);
    }
    /* without reduction on the way each rank sends and takes all shares but its own, twice */
    r.bound = tr_all_reduce_per_byte_bound(
        inner, outer, hw->topology == TR_SWITCH ? chip->per_byte_in : tr_all_reduce_per_byte(inner, chip->per_byte_in),
        chip->per_byte_out);
    return r;
}

/* Seconds per byte that a rank sends to the ranks of its domain, itself included. */
double tr_all_to_all_inside(const chip_t *chip, double ranks)
{
    const tr_hardware *hw = &chip->hw;
    const double per_byte = chip->per_byte_in_typical;
    double least = INFINITY;
    if (!(ranks > 1.0)) return 0.0;
    if (hw->topology == TR_SWITCH) return tr_all_to_all_per_byte(ranks, per_byte);
    if (hw->topology == TR_MESH) return (hw->domain - 1.0) / ranks * per_byte;
    if (slices(chip, ranks, per_byte, least_all_to_all, &least)) return least;
    return tr_axis_all_to_all_per_byte(ranks, 0.0, (double)axes_of(hw), per_byte);
}

/* Seconds per byte to one other chip of the domain. */
double tr_one_link(const chip_t *chip)
{
    const tr_hardware *hw = &chip->hw;
    if (hw->topology == TR_SWITCH || !(hw->domain > 1.0)) return chip->per_byte_in_typical;
    if (hw->topology == TR_MESH) return (hw->domain - 1.0) * chip->per_byte_in_typical;
    return 2.0 * (double)axes_of(hw) * chip->per_byte_in_typical;
}

/* Among ranks that hold caches of different sequences: seconds, seconds per byte that one sends and one takes. */
line_t tr_exchange(const chip_t *chip, double ranks)
{
    const tr_hardware *hw = &chip->hw;
    const double inner = tr_min(ranks, hw->domain), out = (ranks - inner) / ranks;
    line_t l = {0.0, 0.0};
    if (!(ranks > 1.0)) return l;
    l.latency = 2.0 * (out > 0.0 ? hw->scaleout_latency : hw->link_latency);
    l.slope = inner / ranks * tr_all_to_all_inside(chip, inner) + out * chip->per_byte_out_typical;
    return l;
}

typedef struct { double hops, share; } line_of_axes_t;

/* Adds the split of x by y ranks, unless another one is as good in all. */
static void add_split(splits_t *s, const chip_t *chip, double x, double y, line_of_axes_t on_x, line_of_axes_t on_y)
{
    const double alpha = chip->hw.link_latency, typical = chip->per_byte_in_typical;
    const split_t one = {
        2.0 * (on_x.hops + on_y.hops) * alpha,
        tr_gather_per_byte(y, on_y.share, typical) / x,
        tr_gather_per_byte(x, on_x.share, typical) / y,
        tr_gather_per_byte(y, 1.0, chip->per_byte_in) / x,
        tr_gather_per_byte(x, 1.0, chip->per_byte_in) / y,
    };
    uint32_t i;
    for (i = 0; i < s->n; i++)
        if (s->split[i].latency <= one.latency && s->split[i].hidden <= one.hidden && s->split[i].inner <= one.inner) return;
    if (s->n < TR_SPLITS) s->split[s->n++] = one;
}

/* Two-dimensional splits of ranks of one domain. In a torus each dimension takes whole axes of a box. */
splits_t tr_splits(const chip_t *chip, double ranks)
{
    const tr_hardware *hw = &chip->hw;
    const double axes = (double)axes_of(hw);
    splits_t s = {0};
    double part[3], x;
    int i, mask;
    if (!(ranks > 1.0) || ranks > hw->domain || ranks > MAX_SPLIT_RANKS) return s;
    if (hw->topology == TR_SWITCH || hw->topology == TR_MESH) {
        for (x = 2.0; x < ranks; x += 1.0) {
            const double y = ranks / x;
            line_of_axes_t on_x = {1.0, 1.0}, on_y = {1.0, 1.0};
            if (!tr_whole(y)) continue;
            if (hw->topology == TR_MESH) { /* links to the others of one dimension alone */
                on_x.share = (x - 1.0) / (hw->domain - 1.0);
                on_y.share = (y - 1.0) / (hw->domain - 1.0);
            }
            add_split(&s, chip, x, y, on_x, on_y);
        }
        return s;
    }
    for (part[2] = 1.0; hw->topology == TR_TORUS && part[2] <= hw->dims[2]; part[2] += 1.0)
        for (part[1] = 1.0; part[1] <= hw->dims[1] && part[1] * part[2] <= ranks; part[1] += 1.0) {
            part[0] = ranks / (part[1] * part[2]);
            if (part[0] > hw->dims[0] || tr_ceil(part[0]) != part[0]) continue;
            for (mask = 1; mask < 7; mask++) { /* bit: the axis is of x */
                line_of_axes_t on[2] = {{0.0, 0.0}, {0.0, 0.0}};
                double size[2] = {1.0, 1.0};
                for (i = 0; i < 3; i++) {
                    const int to = mask >> i & 1;
                    const double closed = axis_closed(hw, part[i], hw->dims[i]);
                    on[to].hops += tr_axis_hops(part[i], closed);
                    on[to].share += tr_axis_share(part[i], closed, axes);
                    size[to] = size[to] * part[i];
                }
                if (size[0] > 1.0 && size[1] > 1.0) add_split(&s, chip, size[1], size[0], on[1], on[0]);
            }
        }
    return s;
}
