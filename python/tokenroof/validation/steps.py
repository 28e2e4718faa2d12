"""Rows that time a model: steps, prompts, whole requests and servers."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from ..specs import Hardware, Model
from .case import Case
from .names import Unusable, find_chip, find_model
from .rows import Row, bound_only, capacity, make_precision

__all__ = ["queue_flag", "running_batch", "step_case"]

_TIMES = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_NODE = 8  #: chips of a node
_RATES = ("decode_throughput", "output_throughput", "prefill_throughput", "input_throughput", "total_throughput")
_CLOSED_LOOP = re.compile(r"concurren|nominal users|in-flight|inflight", re.I)
_PROMPT = 512  #: tokens of a prompt, where only a rate of prompts' tokens is known
_PASS = 16_384  #: tokens of one forward pass on each rank, where nobody says
_TP_SHARE = 0.6  #: of the memory that weights take at most where nobody says over how many chips they are split


@dataclass(frozen=True)
class _Lengths:
    isl: int
    osl: int


def step_case(row: Row, source: str) -> Case:
    """The case of a row of granularity ``step`` or ``end_to_end``.

    Raises
    ------
    Unusable
        When the engine has no such model, chip, format or metric, or the row lacks what decides the number.
    """
    row.refuse_shortcuts()
    kind = _kind(row)
    model, chip = find_model(row["model"]), find_chip(row["hardware"])
    hardware, flag = chip.hardware, row.flag()
    if chip.assumed:
        row.assume(chip.assumed)
    if chip.open:
        flag = bound_only(flag, chip.open)
    if not row.count("num_devices"):
        raise Unusable("the number of chips is not given")
    experts = _experts(row)  # takes them out of the column
    precision = make_precision(
        row,
        hardware,
        row.format("weight_precision"),
        experts,
        row.format("act_precision"),
        row.format("kv_precision"),
        moe=_has_experts(model),
    )
    if re.search(r"assumed|not stated|unstated|see submission", row["weight_precision"]):
        flag = bound_only(flag, "the format of weights is not stated")
    lengths, known = _lengths(row, kind)
    if not known:
        flag = bound_only(flag, "lengths are not stated")
    layout, replicas, sure = _layout(row, chip.units, hardware, model.weight_bytes(precision), kind)
    if not sure:
        flag = bound_only(flag, "the layout is not stated")
    case = Case(
        id=row["id"],
        source=source,
        metric=kind,
        measured=1.0,
        hardware=hardware,
        precision=precision,
        model=model,
        layout=layout,
        isl=lengths.isl,
        osl=lengths.osl,
        replicas=replicas,
        phase=row["phase"],
        software=row["software"],
        flag=flag,
    )
    return replace(_measured(row, case), assumed=tuple(row.assumed))


def running_batch(case: Case, loop: float, ttft_s: float, tpot_s: float, say: Row) -> int:
    """Requests that decode at a time, of ``loop`` in a closed loop on one replica.

    The least of those, of what memory holds, and of Little's law: of a request's time, the share after its first token.
    """
    assert case.model is not None
    room = capacity(case.model, case.hardware, case.precision, case.layout, case.isl, case.osl)
    if room < 1:
        raise Unusable("weights and one full sequence exceed the memory")
    batch = loop
    if room < loop:
        say.assume(f"running batch {room:g} of {loop:g} requests: what memory holds")
        batch = room
    decode = (case.osl - 1) * tpot_s
    if ttft_s > 0 and decode > 0:
        running = loop * decode / (ttft_s + decode)
        if running < batch:
            if running < 0.9 * batch:
                say.assume(f"running batch {max(running, 1):.0f} of {loop:g} requests: Little's law")
            batch = running
    return max(round(batch), 1)


def queue_flag(case: Case, loop: float) -> str:
    """The flag of a time to first token: only a bound is left where requests wait until others have left the memory."""
    assert case.model is not None
    room = capacity(case.model, case.hardware, case.precision, case.layout, case.isl, case.osl)
    return (
        bound_only(case.flag, f"memory holds {room:g} of {loop:g} requests, the others wait")
        if room < loop
        else case.flag
    )


def _kind(row: Row) -> str:
    """Which of the engine's metrics a row measures."""
    metric, phase = row["metric"], row["phase"]
    loop = bool(_CLOSED_LOOP.search(row["notes"]))
    batch = row.number("batch_or_concurrency")
    rate = metric.removesuffix("_computed").startswith(_RATES)
    if metric == "tpot":
        return "loaded_tpot" if loop else "step"
    if metric == "ttft":
        return "loaded_ttft" if loop else "prefill" if batch > 1 else "ttft"
    if metric == "e2e_latency":
        return "request"
    if (metric == "phase_latency" or rate) and phase in ("decode", "prefill"):
        return "step" if phase == "decode" else "prefill"
    if rate and phase == "mixed":
        return "throughput" if loop or math.isnan(batch) or metric.startswith("total") else "request"
    raise Unusable(f"not a time or rate that the engine predicts: {metric or 'no metric'}")


def _experts(row: Row) -> str:
    """Format of routed experts where a table gives it one of its own: ``nvfp4 (MoE), fp8 attention``."""
    match = re.match(r"(\w+) \(MoE\),\s*(\w+) attention", row["weight_precision"])
    if not match:
        return ""
    row.fields["weight_precision"] = match[2]
    return match[1]


def _has_experts(model: Model) -> bool:
    return any(op.experts > 1 for op in model.operators)


def _lengths(row: Row, kind: str) -> tuple[_Lengths, bool]:
    """Input and output length, and whether the source says them."""
    isl, osl = row.count("input_len"), row.count("output_len")
    context = row.number("context_len")
    if kind in ("prefill", "ttft", "loaded_ttft"):
        if not isl and kind == "prefill" and row["metric"].startswith(_RATES):
            row.assume(f"length of prompts not given: {_PROMPT} tokens, of which attention is next to nothing")
            return _Lengths(_PROMPT, 1), False
        if not isl:
            raise Unusable("the length of prompts is not given")
        if kind == "prefill" and context > isl:
            raise Unusable("a prompt on top of a cache")
        return _Lengths(isl, max(osl, 1) if kind == "loaded_ttft" else 1), True
    if kind == "step":
        if isl and osl:
            return _Lengths(isl, osl), True
        if not math.isnan(context):  # the mean over the steps
            steps = osl or (round(2 * (context - isl)) if 0 < isl < context else 0)
            return _Lengths(max(round(context - steps / 2), 1), max(steps, 1)), True
        row.assume("context not given: none, for a looser bound")
        return _Lengths(1, 1), False
    if not osl:
        raise Unusable("the length of outputs is not given")
    if not isl:
        row.assume("length of prompts not given: 1 token, for a looser bound")
        return _Lengths(1, osl), False
    return _Lengths(isl, osl), True


def _layout(row: Row, units: int, hardware: Hardware, weights: float, kind: str) -> tuple[dict[str, int], int, bool]:
    """Axes of one replica, how many replicas there are, and whether the source says so."""
    devices = row.count("num_devices")
    if devices % units:
        raise Unusable(f"{devices} devices are no whole number of {hardware.id}")
    chips = devices // units
    tp, pp, ep = row.count("tp"), row.count("pp", 1), row.count("ep", 1)
    if tp and (re.search("NeuronCores", row["notes"]) or (tp == 2 * devices and hardware.vendor == "AWS")):
        tp = chips  # two cores of a chip
    groups = row.note(r"attention DP(\d+)")
    if groups:
        dp = int(groups)
        tp = max((tp or chips) // dp, 1)
    elif tp and re.search("attention-DP", row["notes"]):  # an option of such models: the label is not attention's
        dp, ep, tp = tp, tp, 1
        row.assume("attention data-parallel over all ranks")
    elif not tp and ep > 1:  # wide expert parallelism: attention of each rank's own sequences
        tp, dp = 1, chips
        row.assume("attention data-parallel over all ranks")
    else:
        dp = 1
    sure = bool(tp) or chips == pp
    if not tp and pp == 1 and re.search(r"pipeline", row["notes"], re.I):
        pp, tp, sure = chips, 1, False
    if not tp and kind == "throughput":
        tp = _fewest(weights, hardware.memory_bytes, chips)
        row.assume(f"layout not given: tp {tp}")
    elif not tp:
        tp, sure = max(chips // pp, 1), chips == pp
        if not sure:
            row.assume(f"layout not given: tp {tp}")
    if ep > chips:
        raise Unusable(f"ep {ep} on {chips} chips: the figure is one node's share")
    if chips % (tp * pp * dp):
        raise Unusable(f"tp {tp} x pp {pp} x dp {dp} does not divide {chips} chips")
    replicas = chips // (tp * pp * dp)
    if replicas > 1 and 1 < ep == chips:
        dp, replicas = dp * replicas, 1
    return {"tp": tp, "pp": pp, "ep": ep, "dp": dp}, replicas, sure


def _fewest(weights: float, memory: float, chips: int) -> int:
    """The smallest power of two of chips, at most all, that the weights leave room on."""
    tp = 1
    while tp * 2 <= chips and chips % (tp * 2) == 0 and weights > _TP_SHARE * memory * tp:
        tp *= 2
    return tp


def _measured(row: Row, case: Case) -> Case:
    """The case with its number and its batch."""
    total = row.number("batch_or_concurrency")
    each = total / case.replicas
    value = row.number("value")
    if math.isnan(value):
        raise Unusable("value is empty")
    if case.metric == "throughput":
        return _throughput(row, case, value, each)
    if math.isnan(total):
        total, each = _from_notes(row, case)
        if not row.note("(tokens per device)"):
            case = replace(case, flag=bound_only(case.flag, "tokens of a pass are not stated"))
    if row["metric"] in ("tpot", "ttft", "e2e_latency", "phase_latency"):
        if row["unit"] not in _TIMES:
            raise Unusable(f"unit {row['unit']!r} of {row['metric']} is none of {', '.join(_TIMES)}")
        seconds = value * _TIMES[row["unit"]]
        if row["metric"] == "phase_latency" and case.metric == "step":
            seconds /= max(row.count("output_len"), 1)  # of all steps
        if case.metric in ("loaded_tpot", "loaded_ttft"):
            return _loaded(row, case, seconds, each)
        return replace(case, measured=seconds, batch=_whole(each), flag=_full(row, case, each))
    rate = _system_rate(row, value)
    if row["metric"].endswith("_per_user"):
        return replace(case, measured=1 / rate, batch=_whole(each))
    tokens = {"step": 1, "prefill": case.isl, "request": case.osl}[case.metric]
    return replace(case, measured=total * tokens / rate, batch=_whole(each), flag=_full(row, case, each))


def _throughput(row: Row, case: Case, value: float, each: float) -> Case:
    """A server at load: its batch is what the loop has, or what memory holds."""
    assert case.model is not None
    rate = _system_rate(row, value)
    if row["metric"].startswith("total"):
        rate *= case.osl / (case.isl + case.osl)
        row.assume("total rate: input and output tokens")
    room = capacity(case.model, case.hardware, case.precision, case.layout, case.isl, case.osl)
    flag = case.flag
    if math.isnan(each):
        if not 1 <= room < math.inf:
            raise Unusable("weights and one full sequence exceed the memory")
        each = room
        row.assume(f"running batch not published: {room:g} full sequences, what memory holds")
        flag = bound_only(flag, "the running batch is not published")
    elif 1 <= room < each:
        row.assume(f"running batch {room:g} of {each:g} requests: what memory holds")
        each = room
    return replace(case, measured=rate, batch=max(round(each), 1), flag=flag)


def _loaded(row: Row, case: Case, seconds: float, each: float) -> Case:
    """One of the times of a closed loop; the other, where the notes have it, decides how many requests decode."""
    ttft = float(row.note(r"mean_ttft_ms=([\d.]+)") or "nan") * 1e-3
    row.assume("as many requests in the loop as the concurrency says, all alike")
    if case.metric == "loaded_ttft":
        return replace(case, measured=seconds, batch=max(round(each), 1), flag=queue_flag(case, each))
    return replace(case, measured=seconds, batch=running_batch(case, each, ttft, seconds, row))


def _from_notes(row: Row, case: Case) -> tuple[float, float]:
    """Batch of a row that gives tokens of a pass instead: ``16,384 tokens per device``."""
    if case.metric != "prefill" or not row["metric"].startswith(_RATES):
        raise Unusable("the running batch is not given")
    tokens = float(row.note(r"(\d[\d,]{0,11}) tokens per device").replace(",", "") or "nan")
    if not tokens > 0:
        row.assume(f"tokens of a pass not given: {_PASS} on each rank")
        tokens = _PASS
    each = max(round(tokens * case.layout["tp"] * case.layout["pp"] * case.layout["dp"] / case.isl), 1)
    return float(each * case.replicas), float(each)


def _whole(each: float) -> int:
    if each < 1 or each % 1:
        raise Unusable("the batch is no whole number per replica")
    return int(each)


def _full(row: Row, case: Case, each: float) -> str:
    """The flag of a static batch: with why only a bound is left where its caches cannot all be in memory."""
    assert case.model is not None
    if case.metric in ("prefill", "ttft"):
        return case.flag
    room = capacity(case.model, case.hardware, case.precision, case.layout, case.isl, case.osl)
    if room < each:
        return bound_only(case.flag, f"memory holds {room:g} of {each:g} full sequences")
    return case.flag


def _system_rate(row: Row, value: float) -> float:
    """Tokens/s of all devices of the row."""
    devices = row.count("num_devices")
    shares = {
        "tok/s": 1.0,
        "tok/s/GPU": devices,
        "tok/s/NPU": devices,
        "tok/s/chip": devices,
        "tok/s/node": devices / _NODE,
    }
    if row["unit"] not in shares:
        raise Unusable(f"unit {row['unit']!r} of {row['metric']} is none of {', '.join(shares)}")
    return value * shares[row["unit"]]
