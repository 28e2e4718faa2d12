"""One combination bound to numbers, and the points that it evaluates: ``csrc/seq.h`` and ``csrc/kernel_body.h``."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from .. import formulas as fs
from ..specs import Hardware, Kind, Model, Operator, Precision
from .placement import Placement
from .popularity import expected_experts

__all__ = [
    "CONTEXT",
    "MEMORY",
    "OK",
    "Bound",
    "ContextRow",
    "ExpertRow",
    "Reduction",
    "Row",
    "RowTime",
    "Wire",
    "split",
    "weight_bytes",
]

OK, MEMORY, CONTEXT = 0, 1, 2

_COMM = {Kind.ALL_REDUCE: "(10) (11)", Kind.ALL_TO_ALL: "(13)", Kind.POINT_TO_POINT: "(14)"}


def weight_bytes(precision: Precision, op: Operator) -> float:
    """Bytes per weight element of a row [B]."""
    return (precision.weight_bytes, precision.head_bytes, precision.wide_bytes, precision.expert_bytes)[op.weights]


def split(tp: float, op: Operator) -> float:
    return 1.0 if op.kind is Kind.REPLICATED else 1.0 / tp


def mean_context(op: Operator, isl: float, steps: float) -> float:
    """Cached tokens that a row's queries see, mean over the steps [tokens]."""
    mean = fs.mean_chunk_context if op.chunked else fs.mean_context
    return mean(isl, steps, 1.0 / steps, op.window)


@dataclass
class Row:
    op: Operator
    f: float
    w: float
    a: float
    reads: float = 1.0  # share of the executions that read the weights
    split: float = 1.0  # share of the work and the weights on the fullest rank


@dataclass
class ExpertRow(Row):
    read: float = 0.0


@dataclass
class ContextRow:
    op: Operator
    compute: float  # typical s per sequence and cached token
    memory: float
    prefill_compute: float
    prefill_memory: float
    prefill_exchange: float  # caches passed round the context ranks
    bound_compute: float
    bound_memory: float
    bound_prefill: float
    decode_flops: float
    prefill_flops: float
    decode_bytes: float
    decode_bytes_bound: float
    store: float


@dataclass
class Wire:
    """A collective of one algorithm: seconds, seconds per token, seconds per sequence."""

    op: Operator
    latency: float
    per_token: float
    per_sequence: float = 0.0
    name: str = ""


@dataclass
class Reduction:
    """All-reduces of one size, by the algorithms that may be best."""

    bytes: float
    inner: float = 0.0
    ops: list[tuple[Operator, float]] = field(default_factory=list)
    lines: list[tuple[float, float]] = field(default_factory=list)  # by tokens

    def add(
        self, op: Operator, by_byte: list[tuple[float, float]], count: float, flat: tuple[float, float] | None = None
    ) -> None:
        more = [(count * latency, count * self.bytes * slope) for latency, slope in by_byte]
        more += [] if flat is None else [(count * flat[0], count * flat[1])]
        self.lines = [(a + c, b + d) for (a, b), (c, d) in zip(self.lines, more, strict=True)] if self.lines else more
        self.ops.append((op, count))

    def seconds(self, tokens: float) -> float:
        least = self.lines[0][0] + self.lines[0][1] * tokens
        for latency, slope in self.lines[1:]:
            least = fs._min(latency + slope * tokens, least)
        return least


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
    cp: float
    group: float = 1.0  # ranks that share a KV head's sequences out
    serial: float = 0.0
    tile: float = 1.0
    status: int = OK
    body: list[Row] = field(default_factory=list)
    light: list[Row] = field(default_factory=list)  # without FLOP: bound by memory at any batch
    head: list[Row] = field(default_factory=list)
    experts: list[ExpertRow] = field(default_factory=list)
    contexts: list[ContextRow] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    reductions: list[Reduction] = field(default_factory=list)
    placement: Placement | None = None
    places: tuple[tuple[float, float], ...] = ()
    k: dict[str, float] = field(default_factory=dict)

    def touched(self, row: ExpertRow, tokens: float) -> tuple[float, float]:
        """Distinct experts that `tokens` routed tokens touch: in all, and on one rank."""
        distinct = expected_experts(row.op.experts, row.op.active, row.op.skew, tokens)
        return distinct, fs.experts_per_rank(distinct, self.k["inv_ep"])

    def least(self, row: ExpertRow, distinct: float) -> float:
        """Tokens that the experts' arithmetic takes at least: a tile for each expert touched."""
        return distinct * (self.tile / row.op.active)

    def prefill(self, isl: float) -> dict[str, float]:
        """Prefill of one request: times [s] and FLOP."""
        k = self.k
        n = isl if self.cp == 1.0 else fs.microbatch(isl, self.cp)
        read = k["read_bytes"]
        t = ((k["overhead"] + k["latency"]) + n * k["per_token"]) + (k["light"] + n * k["light_token"])
        for net in self.reductions:
            t += net.seconds(n)
        for r in self.body:
            t += fs.row_seconds(n, r.f, r.w, r.a, self.tile, self.serial)
        for r in self.head:
            t += fs.row_seconds(1.0, r.f, r.w, r.a, self.tile, self.serial)
        for e in self.experts:
            distinct, touched = self.touched(e, isl * self.dp)
            t += fs.expert_seconds(isl * self.dp, touched, e.f, e.w, e.a, self.least(e, distinct), self.serial)
            read += e.read * distinct
        dense = isl * k["bound_body"] + k["bound_head"]
        flops = isl * (k["flops_body"] + k["flops_expert"]) + k["flops_head"]
        for c in self.contexts:
            pairs = (fs.chunk_pairs if c.op.chunked else fs.causal_pairs)(isl, c.op.window)
            here = fs.overlapped(c.prefill_compute * pairs, c.prefill_memory * isl, self.serial)
            t += fs.overlapped(here, c.prefill_exchange * isl, self.serial)
            dense += c.bound_prefill * pairs
            flops += c.prefill_flops * pairs
        t = fs.prompt_seconds(t, k["prompt"])
        routed, network = isl * k["bound_expert"], isl * k["network_bound"]
        memory = fs.memory_bound(k["weights_bound"], k["on_chip"])
        bound = fs.overlap((dense + routed) * k["inv_pp"], memory, network * k["inv_pp"])
        work = {"dense": dense, "routed": routed, "network": network, "flops": flops, "read": read}
        return {"typical": t, "bound": bound} | work

    def cache(self, isl: float, osl: float) -> float:
        """Bytes of a full sequence on one chip."""
        kv = self.k["state_bytes"]
        for c in self.contexts:
            kv += c.store * fs._min(isl + osl, c.op.window)
        return kv

    def place_of(self, cache: float) -> int:
        """The nearest place that holds so many bytes of cache, or the last."""
        at = 0
        while at + 1 < len(self.places) and not cache <= self.places[at][0]:
            at += 1
        return at

    def sequence(self, isl: float, osl: float, seqs: float) -> dict[str, float]:
        """What isl and osl decide: context work per sequence and the cache of a full one; seqs: where it lives."""
        k = self.k
        place = self.place_of(seqs * self.cache(isl, osl))
        room, slow = self.places[place]
        steps = fs._max(osl - 1.0, 1.0)
        s = {
            "room": room,
            "context": k["state_seconds"] * slow + k["exchange"],
            "compute": 0.0,
            "memory": k["state_seconds"] * slow,
            "bound_compute": k["bound_body"] + k["bound_head"],
            "bound_memory": k["bound_state"],
            "flops": k["flops_body"] + k["flops_head"] + k["flops_expert"],
            "bytes": k["state_traffic"],
            "bytes_bound": k["state_traffic_bound"],
            "kv": self.cache(isl, osl),
            "joules": self.placement.place_joules[place] if self.placement else 0.0,
        }
        for c in self.contexts:
            mean = mean_context(c.op, isl, steps)
            reads = c.memory * slow
            limited = c.compute >= reads
            s["context"] += fs.overlapped(c.compute, reads, self.serial) * mean
            s["compute"] += (c.compute if limited else 0.0) * mean
            s["memory"] += (0.0 if limited else reads) * mean
            s["bound_compute"] += c.bound_compute * mean
            s["bound_memory"] += c.bound_memory * mean
            s["flops"] += c.decode_flops * mean
            s["bytes"] += c.decode_bytes * mean
            s["bytes_bound"] += c.decode_bytes_bound * mean
        return s

    def step(self, batch: float) -> dict[str, float]:
        """What the batch alone decides of a typical step: seconds by resource, bytes of weights read."""
        k = self.k
        tokens, routed = fs.microbatch(batch, self.pp * self.dp * self.cp), fs.microbatch(batch, self.pp)
        holders = k["holders"]
        compute, memory = 0.0, k["light"] + tokens * k["light_token"]
        network = k["latency"] + tokens * k["per_token"]
        fixed = (((k["overhead"] + k["latency"]) + tokens * k["host"]) + tokens * k["per_token"]) + memory
        for net in self.reductions:
            fixed += net.seconds(tokens)
            network += net.seconds(tokens)
        read = k["read_bytes"]
        for r in (*self.body, *self.head):
            fast, slow = r.f * fs._max(tokens, self.tile), r.w + r.a * tokens
            fixed += fs.row_seconds(tokens, r.f, r.w, r.a, self.tile, self.serial)
            compute += fast if fast >= slow else 0.0
            memory += 0.0 if fast >= slow else slow
        for e in self.experts:
            distinct, touched = self.touched(e, routed)
            fast = e.f * fs._max(routed, self.least(e, distinct))
            slow = e.w * touched + e.a * routed
            fixed += fs.expert_seconds(routed, touched, e.f, e.w, e.a, self.least(e, distinct), self.serial)
            compute += fast if fast >= slow else 0.0
            memory += 0.0 if fast >= slow else slow
            read += e.read * distinct
        micro = fs._min(self.pp, fs.microbatch(batch, self.dp))
        sequences = fs.microbatch(batch, self.pp * holders)
        step = {"fixed": fixed, "compute": compute, "memory": memory, "network": network, "sequences": sequences}
        return step | {"read": read * micro, "read_bound": k["read_bound"] * micro}

    def columns(self, batch: float, isl: float, osl: float, estimate: str = "typical") -> dict[str, float]:
        """Every column of one point; NaN where a value has no meaning."""
        from .._native import COLUMNS  # names only; the values are computed here

        if estimate == "serial":
            return replace(self, serial=1.0).columns(batch, isl, osl)
        k = self.k
        if self.status:
            known = {"status": float(self.status), "fits": 0.0, "chips": k["chips"]}
            return {name: known.get(name, math.nan) for name in COLUMNS}
        seqs = fs.microbatch(batch, k["holders"])
        pre, s, b = self.prefill(isl), self.sequence(isl, osl, seqs), self.step(batch)
        inv, inv_osl = 1.0 / batch, 1.0 / osl
        share = (osl - 1.0) * inv_osl
        m, me = fs.microbatch_bound(batch, self.pp * self.dp), fs.microbatch_bound(batch, self.pp)
        t = fs.step_seconds(b["fixed"], b["sequences"], s["context"])
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
        fits = seqs * s["kv"] <= s["room"]
        typical = estimate == "typical"
        flops = batch * s["flops"]
        moved = b["read"] + batch * s["bytes"] if typical else b["read_bound"] + batch * s["bytes_bound"]
        step, spt, ttft = (t, u, pre["typical"]) if typical else (tb, ub, pre["bound"])
        parts = (
            (
                b["compute"] + b["sequences"] * s["compute"],
                b["memory"] + b["sequences"] * s["memory"],
                b["network"] + b["sequences"] * k["exchange"],
                k["overhead"] + b["sequences"] * k["host"],
            )
            if typical
            else (cb, mb, nb, 0.0)
        )

        prompt = 0.0
        for c in self.contexts:
            prompt += (c.decode_bytes if typical else c.decode_bytes_bound) * isl
        read = (pre["read"] if typical else k["read_bound"]) * k["inv_dp"]
        per_step = b["read"] if typical else b["read_bound"]
        token = (
            (s["flops"] * share + pre["flops"] * inv_osl) * k["joules_flop"]
            + ((s["bytes"] if typical else s["bytes_bound"]) * share + prompt * inv_osl) * s["joules"]
            + (share + isl * inv_osl) * k["joules_link"]
            + read * inv_osl * k["joules_weight"]
        )
        work = token + per_step * inv * share * k["joules_weight"]

        def joules(seconds: float) -> float:
            if k["joules_flop"] > 0.0:
                return fs.work_joules(work, k["chips"], k["idle"], k["dynamic"], seconds)
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
            "max_batch": fs.max_batch(k["room"], s["kv"], k["holders"]),
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
        tokens, routed = fs.microbatch(batch, self.pp * self.dp * self.cp), fs.microbatch(batch, self.pp)
        seqs = fs.microbatch(batch, k["holders"])
        micro, sequences = fs._min(self.pp, fs.microbatch(batch, self.dp)), fs.microbatch(batch, self.pp * k["holders"])
        slow = self.places[self.place_of(seqs * self.cache(isl, osl))][1]
        ranks, p = self.tp * self.dp * self.cp, self.precision
        rows = []
        for r in (*self.light, *self.body, *self.head):
            weights = r.op.count * r.reads * r.op.read_elems * weight_bytes(p, r.op) * r.split * ranks * micro
            flops = batch * r.op.count * r.op.flops_token
            compute = r.f * fs._max(tokens, self.tile)
            rows.append(self.row_time(r.op.name, compute, r.w + r.a * tokens, flops, weights, "(5)"))
        for e in self.experts:
            distinct, touched = self.touched(e, routed)
            compute = e.f * fs._max(routed, self.least(e, distinct))
            memory = e.w * touched + e.a * routed
            flops = batch * e.op.count * e.op.flops_token
            rows.append(self.row_time(e.op.name, compute, memory, flops, e.read * distinct * micro, "(1) (2) (6)"))
        for c in self.contexts:
            mean = mean_context(c.op, isl, steps)
            compute, memory = sequences * (c.compute * mean), sequences * (c.memory * slow * mean)
            flops, moved = batch * c.decode_flops * mean, batch * c.decode_bytes * mean
            if compute or memory:
                rows.append(self.row_time(f"{c.op.name} (context)", compute, memory, flops, moved, "(3) (14)"))
        if k["state_seconds"]:
            moved = batch * k["state_traffic"]
            rows.append(self.row_time("state", 0.0, sequences * (k["state_seconds"] * slow), 0.0, moved, "(14)"))
        for w in self.wires:
            seconds = w.latency + tokens * w.per_token + sequences * w.per_sequence
            if seconds:
                name, equation = w.name or w.op.name, _COMM.get(w.op.kind, "(14)")
                rows.append(RowTime(name, 0.0, 0.0, seconds, 0.0, 0.0, 0.0, equation))
        for net in self.reductions:
            total = sum(count for _, count in net.ops)
            for op, count in net.ops:
                seconds = net.seconds(tokens) * (count / total)
                rows.append(RowTime(op.name, 0.0, 0.0, seconds, 0.0, 0.0, 0.0, _COMM[op.kind]))
        overhead = k["overhead"] + tokens * k["host"]
        rows.append(RowTime("launches and scheduling", 0.0, 0.0, 0.0, overhead, 0.0, 0.0, "(14)"))
        return rows

    def row_time(self, name: str, compute: float, memory: float, flops: float, moved: float, equation: str) -> RowTime:
        """A row's line; what is not hidden of the shorter time is overhead."""
        return RowTime(name, compute, memory, 0.0, self.serial * fs._min(compute, memory), flops, moved, equation)
