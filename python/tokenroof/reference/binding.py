"""Operators x chip x precision x layout -> coefficients: ``csrc/bind.c``."""

from __future__ import annotations

import math

from .. import formulas as fs
from ..specs import Hardware, Kind, Model, Operator, Options, Precision, Stage, peak
from .bound import OK, Bound, ContextRow, ExpertRow, Reduction, Row, Wire, split, weight_bytes
from .network import Network
from .placement import place

__all__ = ["bind"]

_DENSE = (Kind.GEMM, Kind.REPLICATED, Kind.EMBEDDING, Kind.ATTENTION)
_MOST_GROUPED = 4096.0
HEADS, KV_HEADS, STAGES, EXPERTS, PRECISION, LINK = 16, 17, 18, 19, 20, 21


def _whole(x: float) -> bool:
    return float(math.ceil(x)) == x


def _status(b: Bound, rate: float, pad_heads: bool) -> int:
    m, hw = b.model, b.hardware
    if not rate > 0.0:
        return PRECISION
    for o in m.operators:
        if not pad_heads and o.heads > 0.0 and not _whole(o.heads / b.tp):
            return HEADS
        if not pad_heads and o.kv_heads > 0.0 and not _whole(o.kv_heads / b.tp) and not _whole(b.tp / o.kv_heads):
            return KV_HEADS
        if o.kind is Kind.EXPERTS and not _whole(o.experts / b.ep):
            return EXPERTS
    if b.pp > m.layers:
        return STAGES
    if m.rows(Kind.EXPERTS):
        spread = _whole(b.tp * b.dp * b.cp / b.ep) and _whole(b.ep / b.dp)
        if not spread and not (b.ep == 1.0 and b.dp == 1.0):
            return EXPERTS
    elif b.ep != 1.0:
        return EXPERTS
    domain = hw.scaleup.domain if hw.scaleup else 1.0
    if b.tp * b.dp * b.cp * b.pp > domain and not hw.scaleout:
        return LINK
    return OK


def _head_split(heads: float, tp: float) -> float:
    """Share of the heads that the fullest rank holds."""
    return 1.0 / tp if _whole(heads / tp) else float(math.ceil(heads / tp)) / heads


def _padded_split(tp: float, o: Operator) -> float:
    """Share of a row's work and weights on the fullest rank: rows made of heads are padded with them."""
    made_of_heads = o.heads > 0.0 and o.kind in (Kind.GEMM, Kind.ATTENTION)
    return _head_split(o.heads, tp) if made_of_heads else split(tp, o)


def group_of(model: Model, tp: float) -> float:
    """Ranks of tp that share a KV head's sequences out, where tp exceeds the fewest heads of a row."""
    heads = [o.kv_heads for o in model.operators if o.kind is Kind.ATTENTION and o.kv_heads > 0.0]
    ranks = min([tp, *heads])
    while ranks < tp and ranks <= _MOST_GROUPED and not _whole(tp / ranks):
        ranks += 1.0
    return tp / ranks if ranks <= _MOST_GROUPED and _whole(tp / ranks) else 1.0


def _cache_split(kv_heads: float, tp: float) -> float:
    if not kv_heads > 0.0:
        return 1.0 / tp
    return 1.0 / kv_heads if kv_heads < tp else _head_split(kv_heads, tp)


def bind(
    model: Model,
    hardware: Hardware,
    precision: Precision,
    *,
    tp: int = 1,
    pp: int = 1,
    ep: int = 1,
    dp: int = 1,
    cp: int = 1,
    options: Options | None = None,
) -> Bound:
    """Bind one combination to numbers."""
    options = options or Options()
    b = Bound(model, hardware, precision, float(tp), float(pp), float(ep), float(dp), float(cp))
    cal = hardware.calibration
    b.serial, b.tile = cal.serial, cal.tile
    inv_tp, inv_pp, inv_ep, inv_dp, inv_cp = 1.0 / b.tp, 1.0 / b.pp, 1.0 / b.ep, 1.0 / b.dp, 1.0 / b.cp
    ranks, inv_ranks = b.tp * b.dp * b.cp, inv_tp * inv_dp * inv_cp
    inv_etp = b.ep * inv_ranks
    chips = ranks * b.pp
    k = b.k
    b.group = group_of(model, b.tp) if options.attention_sharding == "batch" else 1.0
    head_ranks = b.tp if b.group == 1.0 else b.tp / b.group
    inv_head_ranks = inv_tp if b.group == 1.0 else 1.0 / head_ranks
    k.update(chips=chips, inv_pp=inv_pp, inv_dp=inv_dp, inv_ep=inv_ep, holders=b.dp * b.group)
    rate, compute = peak(hardware, precision, options.fallback)
    b.status = _status(b, rate, options.pad_heads)
    if b.status:
        return b
    reached = cal.compute_efficiency * (cal.narrow_efficiency if precision.act_bytes < 2.0 else 1.0)
    ip, ipt, ipa = 1.0 / rate, 1.0 / (rate * reached), 1.0 / (rate * (reached * cal.attention_efficiency))
    bw = 1.0 / hardware.memory_bandwidth
    bwt = 1.0 / (hardware.memory_bandwidth * cal.memory_efficiency)
    bwc = 1.0 / (hardware.memory_bandwidth * cal.memory_efficiency * cal.kv_efficiency)
    imbalance = fs.stage_imbalance(float(model.layers), b.pp)
    share = imbalance * inv_pp
    zeros = (
        "light",
        "light_token",
        "latency",
        "per_token",
        "exchange",
        "network_bound",
        "weights_bound",
        "read_bytes",
        "read_bound",
        "bound_body",
        "bound_head",
        "bound_expert",
        "bound_state",
        "flops_body",
        "flops_head",
        "flops_expert",
        "state_bytes",
        "state_traffic",
        "state_traffic_bound",
        "state_seconds",
        "joules_link",
    )
    k.update(dict.fromkeys(zeros, 0.0))
    shared, k["weights"] = _stored(b, share, inv_ranks)
    placement = place(hardware, k["weights"], options)
    b.placement, b.places = placement, placement.places
    k["room"] = max(room for room, _ in b.places)

    def unpacking(bytes_: float) -> float:
        return 1.0 / cal.quant_efficiency if bytes_ < precision.act_bytes else 1.0

    def dense(o: Operator, count: float, split: float) -> Row:
        bytes_, even = weight_bytes(precision, o), 1.0 if o.kind is Kind.REPLICATED else inv_tp
        seconds = o.flops_token * even  # of the bound, which pads nothing
        kind = "head" if o.kind is Kind.HEAD else "body"
        read = o.read_elems * bytes_ * split
        fewest = o.read_elems * bytes_ * even
        k["weights_bound"] += fs._min(o.count, o.stored) * fewest * placement.read_bound
        reads = fs.reads_share(o.count, o.stored, shared, hardware.sram_bytes) if o.stage is Stage.LAYERS else 1.0
        k["read_bytes"] += o.count * reads * read * ranks
        k["read_bound"] += fs._min(o.count, o.stored) * fewest * ranks
        k[f"bound_{kind}"] += o.count * seconds * ip
        k[f"flops_{kind}"] += o.count * o.flops_token
        a = count * (o.act_elems * precision.act_bytes * split) * bwt
        w = count * reads * read * placement.read * unpacking(bytes_)
        return Row(o, count * (o.flops_token * split) * ipt, w, a, reads, split)

    def routed(o: Operator, count: float) -> ExpertRow:
        count = count * cal.expert_imbalance if b.ep > 1.0 else count
        bytes_ = weight_bytes(precision, o)
        one, seconds = o.read_elems * bytes_ * inv_etp, o.flops_token * inv_ranks
        k["bound_expert"] += o.count * seconds * ip
        k["flops_expert"] += o.count * o.flops_token
        per_rank = fs.experts_per_rank(o.active, inv_ep)
        k["weights_bound"] += fs._min(o.count, o.stored) * one * per_rank * placement.read_bound
        k["read_bound"] += fs._min(o.count, o.stored) * (o.read_elems * bytes_) * o.active
        a = count * (o.act_elems * precision.act_bytes * inv_ranks) * bwt
        f = count * seconds * (ipt * (1.0 / cal.expert_efficiency))
        w = count * one * placement.read * unpacking(bytes_)
        return ExpertRow(o, f, w, a, read=o.count * (o.read_elems * bytes_))

    links = _Links(b)

    def context(o: Operator, count: float) -> ContextRow:
        kv_split = _cache_split(o.kv_heads, head_ranks) * inv_cp
        split = (_head_split(o.heads, head_ranks) if o.heads > 0.0 else inv_head_ranks) * inv_cp
        # a prompt is one sequence: all ranks work on its heads, then its cache goes to those that hold it
        kv_prompt = _cache_split(o.kv_heads, b.tp) * inv_cp
        split_prompt = (_head_split(o.heads, b.tp) if o.heads > 0.0 else inv_tp) * inv_cp
        once, members, everyone = inv_tp * inv_cp, head_ranks * b.cp, b.tp * b.cp
        state_bytes = o.state_elems * (precision.state_bytes if precision.state_bytes > 0.0 else o.state_bytes)
        read, state = o.kv_read_elems * precision.kv_bytes * kv_split, state_bytes * kv_split
        read_once, state_once = o.kv_read_elems * precision.kv_bytes * once, state_bytes * once
        memory = count * read * bwc
        k["state_bytes"] += o.count * state * share
        k["state_traffic"] += 2.0 * (o.count * state) * members
        k["state_seconds"] += 2.0 * (count * state) * bwc
        k["bound_state"] += 2.0 * (o.count * state_once) * placement.cache_bound
        k["state_traffic_bound"] += 2.0 * (o.count * state_once) * everyone
        exchange = 0.0
        if b.cp > 1.0:
            others = (b.cp - 1.0) / b.cp
            message = o.act_elems * precision.comm_bytes * inv_head_ranks
            latency, per_sequence = count * (2.0 * links.ring_latency), count * (others * message) * links.ring_byte
            k["latency"] += latency
            k["exchange"] += per_sequence
            b.wires.append(Wire(o, latency, 0.0, per_sequence, "context exchange"))
            caches = o.kv_read_elems * precision.kv_bytes * (kv_prompt * b.cp)
            exchange = count * (others * caches) * links.ring_byte
            k["joules_link"] += o.count * (o.act_elems * precision.comm_bytes * (b.cp - 1.0))
        if b.group > 1.0 and o.act_elems > 0.0:
            alpha, per_byte = links.network.exchange(b.group)
            per_sequence = count * (o.act_elems * precision.comm_bytes * inv_head_ranks) * per_byte
            k["latency"] += count * alpha
            k["exchange"] += per_sequence
            b.wires.append(Wire(o, count * alpha, 0.0, per_sequence, "query exchange"))
            k["joules_link"] += o.count * (o.act_elems * precision.comm_bytes * ((b.group - 1.0) / b.group))
        return ContextRow(
            o,
            compute=count * (o.flops_ctx_decode * split) * ipt,
            memory=memory,
            prefill_compute=count * (o.flops_ctx_prefill * split_prompt) * ipa,
            prefill_memory=count * (o.kv_read_elems * precision.kv_bytes * kv_prompt) * bwc,
            prefill_exchange=exchange,
            bound_compute=o.count * (o.flops_ctx_decode * once) * ip,
            bound_memory=o.count * read_once * placement.cache_bound,
            bound_prefill=o.count * (o.flops_ctx_prefill * once) * ip,
            decode_flops=o.count * o.flops_ctx_decode,
            prefill_flops=o.count * o.flops_ctx_prefill,
            decode_bytes=o.count * read * members,
            decode_bytes_bound=o.count * read_once * everyone,
            store=o.count * (o.kv_store_elems * precision.kv_bytes * kv_split) * share,
        )

    splits = links.network.splits(b.tp) if options.weight_sharding != "1d" else []
    choose = options.weight_sharding == "auto"

    def wire(o: Operator, latency: float, per_token: float) -> None:
        k["latency"] += latency
        k["per_token"] += per_token
        b.wires.append(Wire(o, latency, per_token))

    def reduce(o: Operator, count: float, flat: tuple[float, float] | None) -> None:
        bytes_, inner = o.comm_elems * precision.comm_bytes, o.inner_elems if choose else 0.0
        lines = links.reduce.lines
        if len(lines) == 1 and flat is None:
            wire(o, count * lines[0][0], count * bytes_ * lines[0][1])
            return
        for net in b.reductions:
            if (net.bytes, net.inner) == (bytes_, inner):
                net.add(o, lines, count, flat)
                return
        net = Reduction(bytes_, inner)
        net.add(o, lines, count, flat)
        b.reductions.append(net)

    def all_reduce(o: Operator, count: float, least: float) -> None:
        bytes_, ring = precision.comm_bytes, o.comm_elems * least * links.reduce_bound
        k["joules_link"] += o.count * (o.comm_elems * bytes_) * (2.0 * (b.tp - 1.0))
        if not splits or not o.inner_elems > 0.0:
            if b.tp > 1.0:
                reduce(o, count, None)
            k["network_bound"] += o.count * ring
            return
        latency, slope, bound = 0.0, math.inf, math.inf
        for s in splits:
            seconds = fs.split_seconds(o.comm_elems * bytes_, o.inner_elems * bytes_, s.hidden, s.inner)
            if seconds < slope:
                latency, slope = s.latency, seconds
            fewest = fs.split_seconds(o.comm_elems * least, o.inner_elems * least, s.hidden_bound, s.inner_bound)
            bound = fs._min(fewest, bound)
        if choose:
            reduce(o, count, (latency, slope))
            k["network_bound"] += o.count * fs._min(bound, ring)
        else:
            wire(o, count * latency, count * slope)
            k["network_bound"] += o.count * bound

    def collective(o: Operator, count: float) -> None:
        p, least = precision, fs._min(precision.act_bytes, precision.comm_bytes)
        if o.kind is Kind.ALL_REDUCE:
            all_reduce(o, count, least)
            return
        if o.kind is Kind.ALL_TO_ALL:
            bytes_, per_byte = links.dispatch(o, p, inv_tp)
            latency, per_token = count * links.a2a_latency, count * bytes_ * per_byte
            k["joules_link"] += links.dispatched(o, p)
        else:
            hops = b.pp - 1.0
            k["network_bound"] += hops * (o.comm_elems * least * inv_tp) * links.p2p_byte_bound
            latency = hops * links.p2p_latency
            per_token = hops * (o.comm_elems * p.comm_bytes * inv_tp) * links.p2p_byte
            k["joules_link"] += hops * (o.comm_elems * p.comm_bytes)
        wire(o, latency, per_token)

    for o in model.operators:
        count = o.count * imbalance if o.stage is Stage.LAYERS else o.count
        if o.kind is Kind.EXPERTS:
            b.experts.append(routed(o, count))
        elif o.kind in _DENSE:
            if o.flops_token > 0.0 or o.read_elems > 0.0 or o.act_elems > 0.0 or o.store_elems > 0.0:
                row = dense(o, count, _padded_split(b.tp, o))
                (b.body if row.f > 0.0 else b.light).append(row)
                if row.f == 0.0:
                    k["light"] += row.w
                    k["light_token"] += row.a
            if o.kind is Kind.ATTENTION:
                b.contexts.append(context(o, count))
        elif o.kind is not Kind.HEAD:
            collective(o, count)
    for o in model.operators:
        if o.kind is Kind.HEAD:
            b.head.append(dense(o, o.count * imbalance if o.stage is Stage.LAYERS else o.count, inv_tp))

    for name in ("bound_body", "bound_head", "network_bound"):  # context ranks share the tokens
        k[name] = k[name] * inv_cp
    k["inv_chips"] = inv_ranks * inv_pp
    k["usd"] = hardware.usd_per_hour / 3600.0 * chips * 1e6
    k["idle"] = 0.0 if math.isnan(hardware.power_idle) else hardware.power_idle
    k["dynamic"] = hardware.power_max - k["idle"]
    k["joules_flop"] = hardware.joules_per_flop(compute)
    k["joules_weight"] = placement.read_joules
    k["joules_link"] = 0.0 if math.isnan(hardware.link_joules) else k["joules_link"] * hardware.link_joules
    k["inv_flops"] = ip * k["inv_chips"]
    k["inv_bytes"] = bw * k["inv_chips"]
    kernels = 0.0
    for o in model.operators:
        kernels += o.count if o.kind < Kind.ALL_REDUCE else 0.0
    k["overhead"] = model.layers * cal.layer_overhead + kernels * cal.kernel_overhead + b.pp * cal.step_overhead
    k["host"] = cal.sequence_overhead
    k["prompt"] = model.layers * cal.prefill_overhead
    k["on_chip"] = hardware.sram_bytes * b.pp * bw
    return b


def _stored(b: Bound, share: float, inv_ranks: float) -> tuple[float, float]:
    """Bytes of one execution of the layers that are executed several times; weight bytes of one chip."""
    shared, stored = 0.0, dict.fromkeys(Stage, 0.0)
    for o in b.model.operators:
        if o.kind >= Kind.ALL_REDUCE:
            continue
        bytes_ = weight_bytes(b.precision, o)
        part = inv_ranks if o.kind is Kind.EXPERTS else _padded_split(b.tp, o)
        weights = o.stored * o.store_elems * bytes_ * part
        if o.stage is Stage.LAST:
            weights = weights + (o.tied_elems * bytes_ * part if b.pp > 1.0 else 0.0)
        stored[o.stage] += weights
        if o.kind in _DENSE and o.stage is Stage.LAYERS and 0.0 < o.stored < o.count:
            shared += o.read_elems * bytes_ * part
    first, last = stored[Stage.FIRST], stored[Stage.LAST]
    return shared, stored[Stage.LAYERS] * share + (fs._max(first, last) if b.pp > 1.0 else first + last)


class _Links:
    """Costs of the layout's collectives."""

    def __init__(self, b: Bound) -> None:
        net = self.network = Network(b.hardware)
        domain = net.domain
        self.reduce, self.reduce_bound = net.all_reduce(b.tp)
        self.a2a_latency = self.a2a_byte = 0.0
        self.a2a_inner = self.a2a_outer = 1.0
        self.ep = b.ep
        self.p2p_latency = self.p2p_byte = self.p2p_byte_bound = 0.0
        self.ring_latency = self.ring_byte = 0.0
        if b.ep > 1.0 and b.dp * b.cp > 1.0:
            reach = domain * (b.ep * ((1.0 / b.tp) * (1.0 / b.dp) * (1.0 / b.cp)))
            self.a2a_inner = b.ep if reach >= b.ep else fs._max(0.0 - float(math.ceil(-reach)), 1.0)
            self.a2a_outer = float(math.ceil(b.ep / self.a2a_inner))
            self.a2a_latency = 2.0 * (net.alpha_out if self.a2a_outer > 1.0 else net.alpha)
            self.a2a_byte = net.all_to_all_inside(self.a2a_inner)
        if b.cp > 1.0:
            inside = b.tp * b.cp <= domain
            self.ring_latency = net.alpha if inside else net.alpha_out
            self.ring_byte = net.one_link() if inside else net.typical_out
        if b.pp > 1.0:
            inside = b.tp * b.dp * b.cp * b.pp <= domain
            self.p2p_latency = net.alpha if inside else net.alpha_out
            self.p2p_byte = net.one_link() if inside else net.typical_out
            either = fs._min(net.per_byte, net.per_byte_out) if net.has_out else net.per_byte
            self.p2p_byte_bound = either if domain > 1.0 else net.per_byte_out

    def dispatch(self, o: Operator, p: Precision, inv_tp: float) -> tuple[float, float]:
        """Bytes per token of an expert dispatch and combine, and seconds per byte."""
        share = fs._min(self.ep / o.active, 1.0) if o.active > 0.0 else 1.0
        bytes_ = o.comm_elems * share * (p.act_bytes + p.comm_bytes) * inv_tp
        copies, ranks = (o.active * share if o.active > 0.0 else 1.0), self.a2a_inner * self.a2a_outer
        out = fs.leaving_share(self.a2a_inner, ranks, copies, o.nodes) if self.a2a_outer > 1.0 else 0.0
        inside = self.a2a_inner / ranks if out > 0.0 and not o.nodes > 0.0 else 1.0
        return bytes_, inside * self.a2a_byte + out * self.network.typical_out

    def dispatched(self, o: Operator, p: Precision) -> float:
        """Bytes of a token that leave their rank, of all its layers [B]."""
        share = fs._min(self.ep / o.active, 1.0) if o.active > 0.0 else 1.0
        ranks = self.a2a_inner * self.a2a_outer
        return (
            o.count * (o.comm_elems * share * (p.act_bytes + p.comm_bytes) * ((ranks - 1.0) / ranks))
            if ranks > 1.0
            else 0.0
        )
