"""Rows that time one operator on its own."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

from ..catalogue import hardware as catalogue_hardware
from ..specs import Hardware
from ..specs.formats import FORMATS
from .case import Case
from .names import Unusable, find_chip
from .rows import Row, bound_only, make_precision

__all__ = ["operator_case"]

#: Sources whose machines had no NVLink between all of their chips, whatever the chip could have.
_PCIE = ("microsoft/vidur profiling CSV",)
_OTHER_NETWORK = "4 to 12 GB/s of 300: cards that are joined in pairs at most, not the chip's own network"
_TIMES = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def operator_case(row: Row, source: str) -> Case:
    """The case of a row of granularity ``op``; what the operator is stands in its notes as ``op=``.

    Raises
    ------
    Unusable
        When the engine has no such operator, or a number of it is missing.
    """
    kind = row.note(r"\bop=(\w+)")
    chip = find_chip(row["hardware"])
    if chip.assumed:
        row.assume(chip.assumed)
    readers = {
        "gemm": _gemm,
        "attn_decode": _attention,
        "attn_prefill": _attention,
        "mla_decode": _attention,
        "allreduce": _all_reduce,
        "moe_ffn": _experts,
    }
    if kind not in readers:
        raise Unusable(f"no such operator: {kind or 'none named'}")
    return readers[kind](row, source, chip.hardware, kind)


def _seconds(row: Row) -> float:
    if row["unit"] not in _TIMES:
        raise Unusable(f"unit {row['unit']!r} of {row['metric']} is none of {', '.join(_TIMES)}")
    return row.number("value") * _TIMES[row["unit"]]


def _note(row: Row, key: str) -> float:
    text = row.note(rf"\b{key}=(\d{{1,15}})\b")
    if not text or not int(text):
        raise Unusable(f"{key} is not given")
    return float(text)


def _case(row: Row, source: str, metric: str, measured: float, hardware: Hardware, **more: object) -> Case:
    weights = row.format("weight_precision") or row.format("act_precision")
    kv = row.format("kv_precision") or "bf16"  # a product has none
    activations = row.format("act_precision")
    if metric == "attention_decode" and "fp4" in hardware.peaks and FORMATS[kv] < FORMATS.get(activations, math.inf):
        activations = weights = kv  # kernels of Blackwell multiply in the cache's format: they beat the 16-bit peak
    return Case(
        id=row["id"],
        source=source,
        metric=metric,
        measured=measured,
        hardware=hardware,
        precision=make_precision(row, hardware, weights, activations=activations, kv=kv),
        phase=row["phase"],
        software=row["software"],
        flag=row.flag(),
        assumed=tuple(row.assumed),
        **more,  # type: ignore[arg-type]
    )


def _gemm(row: Row, source: str, hardware: Hardware, kind: str) -> Case:
    m, n, k = (_note(row, key) for key in "MNK")
    rate = row["metric"] == "tflops"
    seconds = 2 * m * n * k / (row.number("value") * 1e12) if rate else _seconds(row)
    return _case(row, source, "gemm", seconds, hardware, shape={"m": m, "n": n, "k": k})


def _experts(row: Row, source: str, hardware: Hardware, kind: str) -> Case:
    """Routed experts of one layer on one of the ranks that share them."""
    names = {"hidden": "hidden", "inter": "inner", "topk": "active", "experts": "experts", "ep": "ranks"}
    shape = {to: _note(row, name) for name, to in names.items()}
    tokens = row.count("batch_or_concurrency")
    if not tokens:
        raise Unusable("the number of tokens is not given")
    row.assume("tokens counted over all ranks")
    return _case(row, source, "experts", _seconds(row), hardware, shape=shape | {"m": float(tokens)})


def _attention(row: Row, source: str, hardware: Hardware, kind: str) -> Case:
    decode = kind != "attn_prefill"
    if kind == "mla_decode":
        shape = {"heads": _note(row, "heads"), "kv_rank": _note(row, "kv_lora"), "rope": _note(row, "rope")}
    else:
        shape = {"heads": _note(row, "q_heads")} | {key: _note(row, key) for key in ("kv_heads", "head_dim")}
    tokens = row.count("context_len" if decode else "input_len")
    if not tokens:
        raise Unusable("context_len is not given" if decode else "input_len is not given")
    if not decode and row.note(r"after kv=(\d+)") not in ("", "0"):
        raise Unusable("a prompt on top of a cache")
    metric = "attention_decode" if decode else "attention_prefill"
    batch = row.count("batch_or_concurrency", 1)
    return _case(row, source, metric, _seconds(row), hardware, shape=shape, batch=batch, isl=tokens)


def _all_reduce(row: Row, source: str, hardware: Hardware, kind: str) -> Case:
    ranks = row.count("tp") or row.count("num_devices")
    elements = row.note(r"\belements=(\d+)")  # of 16 bit
    size = 2.0 * _note(row, "elements") if elements else _note(row, "(?:bytes|size)")
    if ranks < 2:
        raise Unusable("ranks of the all-reduce are not given")
    if row["metric"] == "bus_bandwidth":  # 2 (n - 1)/n of the size over the time
        seconds = 2 * (ranks - 1) / ranks * size / (row.number("value") * 1e9)
    else:
        seconds = _seconds(row)
    if row.note(r"devices_per_node=(\d+)"):
        hardware = _nodes_of(hardware.id, int(_note(row, "devices_per_node")))
    case = _case(row, source, "all_reduce", seconds, hardware, shape={"bytes": size, "ranks": float(ranks)})
    return replace(case, flag=bound_only(case.flag, _OTHER_NETWORK)) if source in _PCIE else case


@cache
def _nodes_of(id: str, chips: int) -> Hardware:
    """A chip in nodes of so many: what is beyond goes over the scale-out link."""
    chip = catalogue_hardware(id)
    if chip.scaleup is None or chip.scaleup.domain <= chips:
        return chip
    return replace(chip, scaleup=replace(chip.scaleup, domain=chips))
