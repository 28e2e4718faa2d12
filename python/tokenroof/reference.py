"""The engine in plain Python: the same equations as the C core, composed in the same order, one point at a time.

It is what the core is tested against, bit for bit, and what `explain` prints, because here every row keeps its name.
`bind` mirrors ``csrc/bind.c``, `prefill` and `sequence` ``csrc/seq.h``, `Bound.columns` ``csrc/kernel_body.h``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from . import formulas as fs
from .specs import Hardware, Kind, Model, Operator, Precision, Stage

__all__ = ["Bound", "RowTime", "bind"]

_DENSE = (Kind.GEMM, Kind.REPLICATED, Kind.EMBEDDING, Kind.ATTENTION)
OK, MEMORY, CONTEXT, HEADS, KV_HEADS, STAGES, EXPERTS, PRECISION, LINK = 0, 1, 2, 16, 17, 18, 19, 20, 21


@dataclass
class _Row:
    op: Operator
    f: float
    w: float
    a: float


@dataclass
class _Experts(_Row):
    read: float


@dataclass
class _Context:
    op: Operator
    compute: float  # typical s per sequence and cached token
    memory: float
    prefill_compute: float
    prefill_memory: float
    bound_compute: float
    bound_memory: float
    bound_prefill: float
    decode_flops: float
    prefill_flops: float
    decode_bytes: float
    decode_bytes_bound: float
    store: float

    @property
    def decode(self) -> float:
        return fs._max(self.compute, self.memory)


@dataclass(frozen=True)
class RowTime:
    """One operator's part of a step: what `explain` prints."""

    name: str
    compute_s: float
    memory_s: float
    network_s: float
    overhead_s: float
    flops: float  #: of the replica
    bytes: float  #: read by the replica
    equation: str

    @property
    def seconds(self) -> float:
        return max(self.compute_s, self.memory_s) + self.network_s + self.overhead_s

    @property
    def limit(self) -> str:
        parts = {"compute": self.compute_s, "memory": self.memory_s, "network": self.network_s}
        return max(parts, key=lambda k: parts[k]) if any(parts.values()) else "overhead"


@dataclass
class Bound:
    """One combination of model, chip, precision and layout, bound to numbers."""

    model: Model
    hardware: Hardware
    precision: Precision
    tp: float
    pp: float
    ep: float
    dp: float
    status: int = OK
    body: list[_Row] = field(default_factory=list)
    light: list[_Row] = field(default_factory=list)  # without FLOP: bound by memory at any batch
    head: list[_Row] = field(default_factory=list)
    experts: list[_Experts] = field(default_factory=list)
    contexts: list[_Context] = field(default_factory=list)
    collectives: list[tuple[Operator, float, float]] = field(default_factory=list)  # latency, s per token
    k: dict[str, float] = field(default_factory=dict)

    def touched(self, row: _Experts, tokens: float) -> tuple[float, float]:
        """Distinct experts that `tokens` routed tokens touch: in all, and on one rank."""
        distinct = fs.expected_experts(row.op.experts, row.op.active, tokens)
        return distinct, fs.experts_per_rank(distinct, self.k["inv_ep"])

    def prefill(self, isl: float) -> dict[str, float]:
        """Prefill of one request: times [s] and FLOP."""
        k = self.k
        t = ((k["overhead"] + k["latency"]) + isl * k["per_token"]) + (k["light"] + isl * k["light_token"])
        for r in self.body:
            t += fs.row_seconds(isl, r.f, r.w, r.a)
        for r in self.head:
            t += fs.row_seconds(1.0, r.f, r.w, r.a)
        for e in self.experts:
            t += fs.expert_seconds(isl * self.dp, self.touched(e, isl * self.dp)[1], e.f, e.w, e.a)
        dense = isl * k["bound_body"] + k["bound_head"]
        flops = isl * (k["flops_body"] + k["flops_expert"]) + k["flops_head"]
        for c in self.contexts:
            pairs = fs.causal_pairs(isl, c.op.window)
            t += fs._max(c.prefill_compute * pairs, c.prefill_memory * isl)
            dense += c.bound_prefill * pairs
            flops += c.prefill_flops * pairs
        routed, network = isl * k["bound_expert"], isl * k["network_bound"]
        memory = fs.memory_bound(k["weights_bound"], k["on_chip"])
        bound = fs.overlap((dense + routed) * k["inv_pp"], memory, network * k["inv_pp"])
        return {"typical": t, "bound": bound, "dense": dense, "routed": routed, "network": network, "flops": flops}

    def sequence(self, isl: float, osl: float) -> dict[str, float]:
        """What isl and osl decide: context work per sequence and the cache of a full one."""
        k = self.k
        steps = fs._max(osl - 1.0, 1.0)
        s = {
            "context": k["state_seconds"],
            "compute": 0.0,
            "memory": k["state_seconds"],
            "bound_compute": k["bound_body"] + k["bound_head"],
            "bound_memory": k["bound_state"],
            "flops": k["flops_body"] + k["flops_head"] + k["flops_expert"],
            "bytes": k["state_traffic"],
            "bytes_bound": k["state_traffic_bound"],
            "kv": k["state_bytes"],
        }
        for c in self.contexts:
            mean = fs.mean_context(isl, steps, 1.0 / steps, c.op.window)
            limited = c.compute >= c.memory
            s["context"] += c.decode * mean
            s["compute"] += (c.compute if limited else 0.0) * mean
            s["memory"] += (0.0 if limited else c.memory) * mean
            s["bound_compute"] += c.bound_compute * mean
            s["bound_memory"] += c.bound_memory * mean
            s["flops"] += c.decode_flops * mean
            s["bytes"] += c.decode_bytes * mean
            s["bytes_bound"] += c.decode_bytes_bound * mean
            s["kv"] += c.store * fs._min(isl + osl, c.op.window)
        return s

    def step(self, batch: float) -> dict[str, float]:
        """What the batch alone decides of a typical step: seconds by resource, bytes of weights read."""
        k = self.k
        tokens, routed = fs.microbatch(batch, self.pp * self.dp), fs.microbatch(batch, self.pp)
        compute, memory = 0.0, k["light"] + tokens * k["light_token"]
        fixed = ((k["overhead"] + k["latency"]) + tokens * k["per_token"]) + memory
        read = k["read_bytes"]
        for r in (*self.body, *self.head):
            fast, slow = r.f * tokens, r.w + r.a * tokens
            fixed += fs.row_seconds(tokens, r.f, r.w, r.a)
            compute += fast if fast >= slow else 0.0
            memory += 0.0 if fast >= slow else slow
        for e in self.experts:
            distinct, touched = self.touched(e, routed)
            fast, slow = e.f * routed, e.w * touched + e.a * routed
            fixed += fs.expert_seconds(routed, touched, e.f, e.w, e.a)
            compute += fast if fast >= slow else 0.0
            memory += 0.0 if fast >= slow else slow
            read += e.read * distinct
        micro = fs._min(self.pp, fs.microbatch(batch, self.dp))
        step = {"fixed": fixed, "compute": compute, "memory": memory, "tokens": tokens}
        return step | {"read": read * micro, "read_bound": k["read_bound"] * micro}

    def columns(self, batch: float, isl: float, osl: float, estimate: str = "typical") -> dict[str, float]:
        """Every column of one point; NaN where a value has no meaning."""
        from ._native import COLUMNS  # names only; the values are computed here

        k = self.k
        if self.status:
            known = {"status": float(self.status), "fits": 0.0, "chips": k["chips"]}
            return {name: known.get(name, math.nan) for name in COLUMNS}
        pre, s, b = self.prefill(isl), self.sequence(isl, osl), self.step(batch)
        inv, inv_osl = 1.0 / batch, 1.0 / osl
        share = (osl - 1.0) * inv_osl
        m, me = fs.microbatch_bound(batch, self.pp * self.dp), fs.microbatch_bound(batch, self.pp)
        seqs = fs.microbatch(batch, self.dp)
        t = fs.step_seconds(b["fixed"], b["tokens"], s["context"])
        u = fs.seconds_per_token(pre["typical"] * (k["inv_pp"] * k["inv_dp"]) * inv_osl, t, inv, share)
        cb = me * k["bound_expert"] + m * s["bound_compute"]
        mb = fs.memory_bound(k["weights_bound"] + m * s["bound_memory"], k["on_chip"])
        nb = m * k["network_bound"]
        tb = fs.overlap(cb, mb, nb)
        prefill_compute = (pre["dense"] * k["inv_dp"] + pre["routed"]) * k["inv_pp"] * inv_osl
        prefill_network = pre["network"] * k["inv_dp"] * k["inv_pp"] * inv_osl
        ub = fs.overlap(
            fs.seconds_per_token(prefill_compute, cb, inv, share),
            fs.seconds_per_token(0.0, mb, inv, share),
            fs.seconds_per_token(prefill_network, nb, inv, share),
        )
        memory = fs.memory_bytes(k["weights"], seqs, s["kv"])
        fits = memory <= k["usable"]
        typical = estimate == "typical"
        flops = batch * s["flops"]
        moved = b["read"] + batch * s["bytes"] if typical else b["read_bound"] + batch * s["bytes_bound"]
        step, spt, ttft = (t, u, pre["typical"]) if typical else (tb, ub, pre["bound"])
        parts = (
            (
                b["compute"] + b["tokens"] * s["compute"],
                b["memory"] + b["tokens"] * s["memory"],
                k["latency"] + b["tokens"] * k["per_token"],
                k["overhead"],
            )
            if typical
            else (cb, mb, nb, 0.0)
        )

        def joules(seconds: float) -> float:
            return fs.joules_per_token(k["chips"], k["idle"], k["dynamic"], seconds, ub)

        return {
            "ttft_s": ttft,
            "tpot_s": step,
            "e2e_s": fs.e2e_seconds(ttft, step, osl - 1.0),
            "tokens_per_s": 1.0 / spt,
            "decode_tokens_per_s": batch / step,
            "tokens_per_s_per_chip": k["inv_chips"] / spt,
            "tokens_per_s_per_user": 1.0 / step,
            "chips": k["chips"],
            "weight_bytes_per_chip": k["weights"],
            "kv_bytes_per_chip": seqs * s["kv"],
            "mem_bytes_per_chip": memory,
            "max_batch": fs.max_batch(k["usable"], k["weights"], s["kv"], self.dp),
            "fits": float(fits),
            "status": float(CONTEXT if isl + osl > self.model.max_context else OK if fits else MEMORY),
            "prefill_flops": pre["flops"],
            "decode_flops": flops,
            "decode_bytes": moved,
            "intensity_flop_per_byte": flops / moved,
            "mfu": flops * k["inv_flops"] / step,
            "mbu": moved * k["inv_bytes"] / step,
            "bottleneck": float(parts.index(max(parts))),
            "joules_per_token": joules(spt),
            "watts_per_chip": k["inv_chips"] * joules(spt) / spt,
            "usd_per_mtok": k["usd"] * spt,
            "ttft_s_bound": pre["bound"],
            "tpot_s_bound": tb,
            "e2e_s_bound": fs.e2e_seconds(pre["bound"], tb, osl - 1.0),
            "tokens_per_s_bound": 1.0 / ub,
            "decode_tokens_per_s_bound": batch / tb,
            "tokens_per_s_per_chip_bound": k["inv_chips"] / ub,
            "tokens_per_s_per_user_bound": 1.0 / tb,
            "usd_per_mtok_bound": k["usd"] * ub,
        }

    def decode_rows(self, batch: float, isl: float, osl: float) -> list[RowTime]:
        """The typical decode step, operator by operator; the seconds add up to tpot_s."""
        k, steps = self.k, fs._max(osl - 1.0, 1.0)
        tokens, routed = fs.microbatch(batch, self.pp * self.dp), fs.microbatch(batch, self.pp)
        micro = fs._min(self.pp, fs.microbatch(batch, self.dp))
        ranks, p = self.tp * self.dp, self.precision
        rows = []
        for r in (*self.light, *self.body, *self.head):
            weights = r.op.count * r.op.read_elems * weight_bytes(p, r.op) * _split(self.tp, r.op) * ranks * micro
            flops = batch * r.op.count * r.op.flops_token
            rows.append(RowTime(r.op.name, r.f * tokens, r.w + r.a * tokens, 0.0, 0.0, flops, weights, "(5)"))
        for e in self.experts:
            distinct, touched = self.touched(e, routed)
            compute, memory = e.f * routed, e.w * touched + e.a * routed
            flops = batch * e.op.count * e.op.flops_token
            rows.append(RowTime(e.op.name, compute, memory, 0.0, 0.0, flops, e.read * distinct * micro, "(1) (2) (6)"))
        for c in self.contexts:
            mean = fs.mean_context(isl, steps, 1.0 / steps, c.op.window)
            compute, memory = tokens * (c.compute * mean), tokens * (c.memory * mean)
            flops, moved = batch * c.decode_flops * mean, batch * c.decode_bytes * mean
            rows.append(RowTime(f"{c.op.name} (context)", compute, memory, 0.0, 0.0, flops, moved, "(3) (14)"))
        if k["state_seconds"]:
            moved = batch * k["state_traffic"]
            rows.append(RowTime("state", 0.0, tokens * k["state_seconds"], 0.0, 0.0, 0.0, moved, "(14)"))
        for op, latency, per_token in self.collectives:
            if latency or per_token:
                rows.append(RowTime(op.name, 0.0, 0.0, latency + tokens * per_token, 0.0, 0.0, 0.0, _COMM[op.kind]))
        rows.append(RowTime("launches and scheduling", 0.0, 0.0, 0.0, k["overhead"], 0.0, 0.0, "(14)"))
        return rows


_COMM = {Kind.ALL_REDUCE: "(10) (11)", Kind.ALL_TO_ALL: "(13)", Kind.POINT_TO_POINT: "(14)"}


def weight_bytes(precision: Precision, op: Operator) -> float:
    """Bytes per weight element of a row [B]."""
    return (precision.weight_bytes, precision.head_bytes, precision.wide_bytes, precision.expert_bytes)[op.weights]


def _split(tp: float, op: Operator) -> float:
    return 1.0 if op.kind is Kind.REPLICATED else 1.0 / tp


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

    def store(o: Operator, bytes_: float, split: float) -> None:
        weights = o.stored * o.store_elems * bytes_ * split
        if o.stage is Stage.LAST:
            weights = weights + (o.tied_elems * bytes_ * split if b.pp > 1.0 else 0.0)
        stored[o.stage] += weights

    def dense(o: Operator, count: float, split: float) -> _Row:
        bytes_, seconds, kind = (
            weight_bytes(precision, o),
            o.flops_token * split,
            "head" if o.kind is Kind.HEAD else "body",
        )
        read = o.read_elems * bytes_ * split
        k["weights_bound"] += fs._min(o.count, o.stored) * read * bw
        k["read_bytes"] += o.count * read * ranks
        k["read_bound"] += fs._min(o.count, o.stored) * read * ranks
        k[f"bound_{kind}"] += o.count * seconds * ip
        k[f"flops_{kind}"] += o.count * o.flops_token
        store(o, bytes_, split)
        a = count * (o.act_elems * precision.act_bytes * split) * bwt
        return _Row(o, count * seconds * ipt, count * read * bwt, a)

    def routed(o: Operator, count: float) -> _Experts:
        bytes_ = weight_bytes(precision, o)
        one, seconds = o.read_elems * bytes_ * inv_etp, o.flops_token * inv_ranks
        k["bound_expert"] += o.count * seconds * ip
        k["flops_expert"] += o.count * o.flops_token
        k["weights_bound"] += fs._min(o.count, o.stored) * one * fs.experts_per_rank(o.active, inv_ep) * bw
        k["read_bound"] += fs._min(o.count, o.stored) * (o.read_elems * bytes_) * o.active
        store(o, bytes_, inv_ranks)
        a = count * (o.act_elems * precision.act_bytes * inv_ranks) * bwt
        return _Experts(o, count * seconds * ipt, count * one * bwt, a, o.count * (o.read_elems * bytes_))

    def context(o: Operator, count: float) -> _Context:
        kv_split = 1.0 / o.kv_heads if 0.0 < o.kv_heads < b.tp else inv_tp
        read, state = o.kv_read_elems * precision.kv_bytes * kv_split, o.state_elems * precision.kv_bytes * kv_split
        read_once, state_once = (n * precision.kv_bytes * inv_tp for n in (o.kv_read_elems, o.state_elems))
        memory = count * read * bwt
        k["state_bytes"] += o.count * state * share
        k["state_traffic"] += 2.0 * (o.count * state) * b.tp
        k["state_seconds"] += 2.0 * (count * state) * bwt
        k["bound_state"] += 2.0 * (o.count * state_once) * bw
        k["state_traffic_bound"] += 2.0 * (o.count * state_once) * b.tp
        return _Context(
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
                row = dense(o, count, _split(b.tp, o))
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
