"""Rows of closed-loop serving runs: two numbers each, from one server or from prefill and decode servers apart."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import replace

from ..errors import TokenroofError
from ..specs import Precision
from .case import Case, Skipped
from .names import Chip, Unusable, find_chip, find_format, find_model
from .rows import Row, bound_only, make_precision
from .steps import queue_flag, running_batch

__all__ = ["SERVING_COLUMNS", "serving_cases"]

SERVING_COLUMNS = (
    *("id", "backend", "backend_version", "model", "chip", "mode", "isl", "osl", "gemm_precision", "moe_precision"),
    *("concurrency", "tp", "pp", "attention_dp", "moe_tp", "moe_ep"),
    *("prefill_batch", "prefill_workers", "prefill_tp", "prefill_pp", "prefill_attention_dp", "prefill_moe_tp"),
    *("prefill_moe_ep", "decode_batch", "decode_workers", "decode_tp", "decode_pp", "decode_attention_dp"),
    *("decode_moe_tp", "decode_moe_ep", "ttft_s", "tpot_s", "measured"),
)
#: Who measured: all such runs are one campaign's, and the same as those of the other table's source of this name.
_SOURCE = "aiconfigurator silicon_sample.csv"
#: Why the runs that the campaign calls DeepSeek-R1 on TensorRT-LLM say nothing about a step.
_SPECULATED = (
    "whether tokens were predicted ahead is not recorded; 1.5 to 1.9 times the rate of the same model elsewhere in it"
)
#: Ranks that one group of attention has at most. Larger figures are the chips of all workers added up.
_MOST_TP = 16


def serving_cases(rows: Iterable[Row]) -> tuple[list[Case], list[Skipped]]:
    """Cases ``<id>/tpot`` and ``<id>/ttft`` of each run.

    Runs that two snapshots of the campaign share are taken once, from the row that says most.
    """
    cases: list[Case] = []
    skipped: list[Skipped] = []
    known: dict[tuple[str, ...], str] = {}
    every = list(rows)
    order = sorted(range(len(every)), key=lambda i: (-sum(map(bool, every[i].fields.values())), i))
    kept: dict[int, Row] = {}
    for i in order:
        row = every[i]
        run = tuple(row[name] for name in ("chip", "backend", "isl", "osl", "ttft_s", "tpot_s"))
        if row["ttft_s"] and run in known:
            skipped.append(Skipped(row["id"], _SOURCE, "the same run as another row's"))
            continue
        known[run] = row["id"]
        kept[i] = row
    for _, row in sorted(kept.items()):
        for part in ("tpot", "ttft"):
            each = Row(row.fields)
            try:
                cases.append(_case(each, part))
            except (Unusable, TokenroofError) as why:
                skipped.append(Skipped(f"{row['id']}/{part}", _SOURCE, str(why)))
    return cases, skipped


def _case(row: Row, part: str) -> Case:
    """The case of one of a run's two numbers."""
    model, chip = find_model(row["model"]), find_chip(row["chip"])
    year = row["measured"][:4]  # tells a stack's generation where its version does not
    words = (row["backend"], row["backend_version"], f"({year})" if year else "")
    row.fields["software"] = " ".join(filter(None, words))
    isl, osl = row.count("isl"), row.count("osl")
    if not isl or not osl:
        raise Unusable("isl and osl are not given")
    ttft, tpot = row.number("ttft_s"), row.number("tpot_s")
    measured = tpot if part == "tpot" else ttft
    if measured != measured:
        raise Unusable(f"{part}_s is empty")
    apart = row["mode"] == "disagg"
    prefix = "" if not apart else "decode_" if part == "tpot" else "prefill_"
    layout = _layout(row, prefix, chip)
    case = Case(
        id=f"{row['id']}/{part}",
        source=_SOURCE,
        metric=f"loaded_{part}",
        measured=measured,
        hardware=chip.hardware,
        precision=_precision(row, chip, any(op.experts > 1 for op in model.operators)),
        model=model,
        layout=layout,
        isl=isl,
        osl=osl,
        phase="decode" if part == "tpot" else "prefill",
        software=row["software"],
    )
    case = (_apart if apart else _together)(row, case, part, ttft, tpot)
    if row["backend"] == "trtllm" and "deepseek-r1" in row["model"].lower():
        case = replace(case, flag=bound_only(case.flag, _SPECULATED))
    return replace(case, assumed=tuple(row.assumed))


def _together(row: Row, case: Case, part: str, ttft: float, tpot: float) -> Case:
    """One server for prefill and decode; its concurrency is counted per group of attention."""
    loop = row.count("concurrency") * case.layout["dp"]
    if not loop:
        raise Unusable("concurrency is not given")
    if part == "ttft":
        return replace(case, batch=loop, flag=queue_flag(case, loop))
    return replace(case, batch=running_batch(case, loop, ttft, tpot, row))


def _apart(row: Row, case: Case, part: str, ttft: float, tpot: float) -> Case:
    """Servers for prefill and others for decode: a step has no prefill in it."""
    if part == "ttft":
        flag = bound_only("", "waiting for other prompts and handing over caches are not modelled")
        return replace(case, metric="ttft", osl=1, flag=flag)
    workers, batch = row.count("decode_workers"), row.count("decode_batch") * case.layout["dp"]
    if not workers:
        raise Unusable("how many decode workers share the load is not given")
    total = re.search(r"_c(\d+)", row["id"])  # requests in the loop
    if not total or (batch and batch != math.ceil(int(total[1]) / workers)):
        raise Unusable("the load is not given: decode_batch is the most that a worker takes")
    return replace(case, metric="step", batch=running_batch(case, int(total[1]) / workers, ttft, tpot, row))


def _layout(row: Row, prefix: str, chip: Chip) -> dict[str, int]:
    """Axes of one worker.

    Tables write tp x attention_dp ranks of attention and moe_tp x moe_ep ranks of experts. Where that is more than the
    fast link joins and moe_tp equals moe_ep, both counts are the worker's chips and have been multiplied.
    """
    groups, wide = (max(_zero(row, prefix + name), 1) for name in ("attention_dp", "moe_ep"))
    moe_tp, tp, pp = (max(_zero(row, prefix + name), 1) for name in ("moe_tp", "tp", "pp"))
    if tp > _MOST_TP and moe_tp == tp:
        raise Unusable(f"tp {tp}: chips of all workers added up")
    domain = chip.hardware.scaleup.domain if chip.hardware.scaleup else 1
    if tp * groups > domain or tp * groups > moe_tp * wide > 1:
        chips = max(moe_tp, wide)
        if moe_tp > 1 and wide > 1 and moe_tp != wide:
            raise Unusable(f"tp {tp} x attention_dp {groups} is no layout of {domain:g} chips")
        row.assume(f"tp {tp} x attention_dp {groups} taken as {chips} chips")
        tp, groups = (chips, 1) if groups == 1 else (1, chips)
    chips = tp * groups
    if groups > 1 and wide % groups and moe_tp * wide == chips:
        row.assume("experts split by tensor under data-parallel attention: taken as expert parallelism")
        wide = chips
    return {"tp": tp, "pp": pp, "ep": min(wide, chips), "dp": groups}


def _zero(row: Row, name: str) -> int:
    """A count; tables write 0 for none."""
    return 0 if row[name] in ("0", "0.0") else row.count(name)


def _precision(row: Row, chip: Chip, moe: bool) -> Precision:
    """Formats of a run. gpt-oss comes in mxfp4 only, whatever a table's columns call it."""
    weights, experts = (find_format(row[name], row.assume) for name in ("gemm_precision", "moe_precision"))
    activations = ""
    if "gpt-oss" in row["model"].lower():
        weights, experts = "mxfp4", ""
        activations = "fp8" if "fp4" in chip.hardware.peaks else ""
        row.assume("gpt-oss as published: experts mxfp4")
    return make_precision(row, chip.hardware, weights, experts if moe else "", activations, moe=moe)
