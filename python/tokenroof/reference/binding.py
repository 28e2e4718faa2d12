"""Operators x chip x precision x layout -> coefficients: ``csrc/bind.c``."""

from __future__ import annotations

import math

from .. import formulas as fs
from ..specs import Hardware, Kind, Model, Operator, Precision, Stage
from .bound import OK, Bound, ContextRow, ExpertRow, Row, split, weight_bytes

__all__ = ["bind"]

_DENSE = (Kind.GEMM, Kind.REPLICATED, Kind.EMBEDDING, Kind.ATTENTION)
HEADS, KV_HEADS, STAGES, EXPERTS, PRECISION, LINK = 16, 17, 18, 19, 20, 21


def _whole(x: float) -> bool:
    return float(math.ceil(x)) == x


def _status(b: Bound) -> int:
    m, hw = b.model, b.hardware
    if not hw.peaks.get(b.precision.compute, 0.0) > 0.0:
        return PRECISION
    for o in m.operators:
        if o.heads > 0.0 and not _whole(o.heads / b.tp):
            return HEADS
        if o.kv_heads > 0.0 and not _whole(o.kv_heads / b.tp) and not _whole(b.tp / o.kv_heads):
            return KV_HEADS
        if o.kind is Kind.EXPERTS and not _whole(o.experts / b.ep):
            return EXPERTS
    if b.pp > m.layers:
        return STAGES
    if m.rows(Kind.EXPERTS):
        spread = _whole(b.tp * b.dp / b.ep) and _whole(b.ep / b.dp)
        if not spread and not (b.ep == 1.0 and b.dp == 1.0):
            return EXPERTS
    elif b.ep != 1.0:
        return EXPERTS
    domain = hw.scaleup.domain if hw.scaleup else 1.0
    if b.tp * b.dp * b.pp > domain and not hw.scaleout:
        return LINK
    return OK


def bind(
    model: Model,
    hardware: Hardware,
    precision: Precision,
    *,
    tp: int = 1,
    pp: int = 1,
    ep: int = 1,
    dp: int = 1,
    memory_fraction: float = 0.9,
) -> Bound:
    """Bind one combination to numbers."""
    b = Bound(model, hardware, precision, float(tp), float(pp), float(ep), float(dp))
    cal = hardware.calibration
    inv_tp, inv_pp, inv_ep, inv_dp = 1.0 / b.tp, 1.0 / b.pp, 1.0 / b.ep, 1.0 / b.dp
    ranks, inv_ranks = b.tp * b.dp, inv_tp * inv_dp
    inv_etp = b.ep * inv_ranks
    chips = ranks * b.pp
    k = b.k
    k.update(chips=chips, inv_pp=inv_pp, inv_dp=inv_dp, inv_ep=inv_ep)
    b.status = _status(b)
    if b.status:
        return b
    peak = hardware.peaks[precision.compute]
    ip, ipt = 1.0 / peak, 1.0 / (peak * cal.compute_efficiency)
    bw = 1.0 / hardware.memory_bandwidth
    bwt = 1.0 / (hardware.memory_bandwidth * cal.memory_efficiency)
    imbalance = fs.stage_imbalance(float(model.layers), b.pp)
    share = imbalance * inv_pp
    zeros = (
        "light",
        "light_token",
        "latency",
        "per_token",
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
    )
    k.update(dict.fromkeys(zeros, 0.0))
    stored = dict.fromkeys(Stage, 0.0)
    shared = 0.0
    for o in model.operators:
        if o.kind in _DENSE and o.stage is Stage.LAYERS and 0.0 < o.stored < o.count:
            shared += o.read_elems * weight_bytes(precision, o) * split(b.tp, o)

    def store(o: Operator, bytes_: float, split: float) -> None:
        weights = o.stored * o.store_elems * bytes_ * split
        if o.stage is Stage.LAST:
            weights = weights + (o.tied_elems * bytes_ * split if b.pp > 1.0 else 0.0)
        stored[o.stage] += weights

    def dense(o: Operator, count: float, split: float) -> Row:
        bytes_, seconds, kind = (
            weight_bytes(precision, o),
            o.flops_token * split,
            "head" if o.kind is Kind.HEAD else "body",
        )
        read = o.read_elems * bytes_ * split
        k["weights_bound"] += fs._min(o.count, o.stored) * read * bw
        reads = fs.reads_share(o.count, o.stored, shared, hardware.sram_bytes) if o.stage is Stage.LAYERS else 1.0
        k["read_bytes"] += o.count * reads * read * ranks
        k["read_bound"] += fs._min(o.count, o.stored) * read * ranks
        k[f"bound_{kind}"] += o.count * seconds * ip
        k[f"flops_{kind}"] += o.count * o.flops_token
        store(o, bytes_, split)
        a = count * (o.act_elems * precision.act_bytes * split) * bwt
        return Row(o, count * seconds * ipt, count * reads * read * bwt, a)

    def routed(o: Operator, count: float) -> ExpertRow:
        bytes_ = weight_bytes(precision, o)
        one, seconds = o.read_elems * bytes_ * inv_etp, o.flops_token * inv_ranks
        k["bound_expert"] += o.count * seconds * ip
        k["flops_expert"] += o.count * o.flops_token
        k["weights_bound"] += fs._min(o.count, o.stored) * one * fs.experts_per_rank(o.active, inv_ep) * bw
        k["read_bound"] += fs._min(o.count, o.stored) * (o.read_elems * bytes_) * o.active
        store(o, bytes_, inv_ranks)
        a = count * (o.act_elems * precision.act_bytes * inv_ranks) * bwt
        return ExpertRow(o, count * seconds * ipt, count * one * bwt, a, o.count * (o.read_elems * bytes_))

    def context(o: Operator, count: float) -> ContextRow:
        kv_split = 1.0 / o.kv_heads if 0.0 < o.kv_heads < b.tp else inv_tp
        state_bytes = o.state_elems * (precision.state_bytes if precision.state_bytes > 0.0 else o.state_bytes)
        read, state = o.kv_read_elems * precision.kv_bytes * kv_split, state_bytes * kv_split
        read_once, state_once = o.kv_read_elems * precision.kv_bytes * inv_tp, state_bytes * inv_tp
        memory = count * read * bwt
        k["state_bytes"] += o.count * state * share
        k["state_traffic"] += 2.0 * (o.count * state) * b.tp
        k["state_seconds"] += 2.0 * (count * state) * bwt
        k["bound_state"] += 2.0 * (o.count * state_once) * bw
        k["state_traffic_bound"] += 2.0 * (o.count * state_once) * b.tp
        return ContextRow(
            o,
            compute=count * (o.flops_ctx_decode * inv_tp) * ipt,
            memory=memory,
            prefill_compute=count * (o.flops_ctx_prefill * inv_tp) * ipt,
            prefill_memory=memory,
            bound_compute=o.count * (o.flops_ctx_decode * inv_tp) * ip,
            bound_memory=o.count * read_once * bw,
            bound_prefill=o.count * (o.flops_ctx_prefill * inv_tp) * ip,
            decode_flops=o.count * o.flops_ctx_decode,
            prefill_flops=o.count * o.flops_ctx_prefill,
            decode_bytes=o.count * read * b.tp,
            decode_bytes_bound=o.count * read_once * b.tp,
            store=o.count * (o.kv_store_elems * precision.kv_bytes * kv_split) * share,
        )

    links = _Links(b)

    def collective(o: Operator, count: float) -> tuple[Operator, float, float]:
        p, least = precision, fs._min(precision.act_bytes, precision.comm_bytes)
        if o.kind is Kind.ALL_REDUCE:
            k["network_bound"] += o.count * (o.comm_elems * least) * links.ar_byte_bound
            cost = count * links.ar_latency, count * (o.comm_elems * p.comm_bytes) * links.ar_byte
        elif o.kind is Kind.ALL_TO_ALL:
            copies = fs._min(b.ep / o.active, 1.0) if o.active > 0.0 else 1.0
            bytes_ = o.comm_elems * copies * (p.act_bytes + p.comm_bytes) * inv_tp
            cost = count * links.a2a_latency, count * bytes_ * links.a2a_byte
        else:
            hops = b.pp - 1.0
            k["network_bound"] += hops * (o.comm_elems * least * inv_tp) * links.p2p_byte_bound
            cost = hops * links.p2p_latency, hops * (o.comm_elems * p.comm_bytes * inv_tp) * links.p2p_byte
        k["latency"] += cost[0]
        k["per_token"] += cost[1]
        return o, *cost

    for o in model.operators:
        count = o.count * imbalance if o.stage is Stage.LAYERS else o.count
        if o.kind is Kind.EXPERTS:
            b.experts.append(routed(o, count))
        elif o.kind in _DENSE:
            if o.flops_token > 0.0 or o.read_elems > 0.0 or o.act_elems > 0.0 or o.store_elems > 0.0:
                row = dense(o, count, split(b.tp, o))
                (b.body if row.f > 0.0 else b.light).append(row)
                if row.f == 0.0:
                    k["light"] += row.w
                    k["light_token"] += row.a
            if o.kind is Kind.ATTENTION:
                b.contexts.append(context(o, count))
        elif o.kind is not Kind.HEAD:
            b.collectives.append(collective(o, count))
    for o in model.operators:
        if o.kind is Kind.HEAD:
            b.head.append(dense(o, o.count * imbalance if o.stage is Stage.LAYERS else o.count, inv_tp))

    first, last = stored[Stage.FIRST], stored[Stage.LAST]
    k["inv_chips"] = inv_ranks * inv_pp
    k["weights"] = stored[Stage.LAYERS] * share + (fs._max(first, last) if b.pp > 1.0 else first + last)
    k["usable"] = hardware.memory_bytes * memory_fraction
    k["usd"] = hardware.usd_per_hour / 3600.0 * chips * 1e6
    k["idle"] = 0.0 if math.isnan(hardware.power_idle) else hardware.power_idle
    k["dynamic"] = hardware.power_max - k["idle"]
    k["inv_flops"] = ip * k["inv_chips"]
    k["inv_bytes"] = bw * k["inv_chips"]
    k["overhead"] = model.layers * cal.layer_overhead + b.pp * cal.step_overhead
    k["on_chip"] = hardware.sram_bytes * b.pp * bw
    return b


class _Links:
    """Costs of the layout's collectives, from equations (10) to (13)."""

    def __init__(self, b: Bound) -> None:
        hw, cal = b.hardware, b.hardware.calibration
        domain = hw.scaleup.domain if hw.scaleup else 1.0
        in_bw = hw.scaleup.bandwidth if hw.scaleup else 0.0
        out_bw = hw.scaleout.bandwidth if hw.scaleout else 0.0
        in_byte, out_byte = (1.0 / w if w > 0.0 else 0.0 for w in (in_bw, out_bw))
        in_typical, out_typical = (1.0 / (w * cal.link_efficiency) if w > 0.0 else 0.0 for w in (in_bw, out_bw))
        self.ar_latency = self.ar_byte = self.ar_byte_bound = 0.0
        self.a2a_latency = self.a2a_byte = 0.0
        self.p2p_latency = self.p2p_byte = self.p2p_byte_bound = 0.0
        if b.tp > 1.0:
            inner = fs._min(b.tp, domain)
            outer = float(math.ceil(b.tp / inner))
            self.ar_latency = fs.all_reduce_latency(inner, outer, cal.link_latency, cal.scaleout_latency)
            self.ar_byte = fs.all_reduce_per_byte(inner, outer, in_typical, out_typical)
            self.ar_byte_bound = fs.all_reduce_per_byte_bound(inner, outer, in_byte, out_byte)
        if b.ep > 1.0 and b.dp > 1.0:
            reach = domain * (b.ep * ((1.0 / b.tp) * (1.0 / b.dp)))
            inner = b.ep if reach >= b.ep else fs._max(0.0 - float(math.ceil(-reach)), 1.0)
            outer = float(math.ceil(b.ep / inner))
            self.a2a_latency = 2.0 * (cal.scaleout_latency if outer > 1.0 else cal.link_latency)
            self.a2a_byte = fs.all_to_all_per_byte(inner, outer, in_typical, out_typical)
        if b.pp > 1.0:
            inside = b.tp * b.dp * b.pp <= domain
            self.p2p_latency = cal.link_latency if inside else cal.scaleout_latency
            self.p2p_byte = in_typical if inside else out_typical
            either = fs._min(in_byte, out_byte) if out_bw > 0.0 else in_byte
            self.p2p_byte_bound = either if domain > 1.0 else out_byte
