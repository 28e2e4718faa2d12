"""The two screens, in words that need no other page."""

from __future__ import annotations

import math
from collections import Counter
from textwrap import fill, shorten, wrap
from typing import Any

import tokenroof as tr
from tokenroof.claims.audit import VERDICTS, Finding

from .names import WIDTH, Row, columns, number, words
from .search import cheapest

TOLD = 3  # claims told in full
BLOCKS = 8  # of a bar per factor of ten ...
FIRST = 1e3  # ... from this many chips on


def answer(found: dict[str, Any], spec: dict[str, Any]) -> str:
    """The question, and the answer in three sentences."""
    claim, demand = spec["claim"], spec["demand"]
    row, levers = found["systems"]["rows"][0], found["levers"]
    first, last, least = levers[0], levers[-1], min(levers, key=lambda lever: lever["chips"])
    daily = demand["requests_per_week"] / demand["users"] / 7
    verdict = "No" if row["fleet_chips"] < claim["chips"] else "Yes"
    sentences = (
        f"{verdict}: the {words(demand['users'])} people who use ChatGPT in a week, asking {daily:.1f} times a day "
        f"each, need {row['fleet_chips']:,} {row['name']} chips in their busiest hour, one chip for "
        f"{row['users_per_chip']:,.0f} of them.",
        f"All {words(claim['population'])} people asking as often need {row['everyone_chips']:,}; the "
        f"{words(claim['chips'])} that were claimed are for another demand, everyone reading {claim['tokens_per_s']} "
        f"tokens a second for {claim['share_of_time']:.0%} of all time, which would take "
        f"{words(row['reading_chips'])}.",
        f"Without the tricks of the trade, a whole copy of the model for each user who waits, today's users alone "
        f"would need {words(first['chips'])}; sharing, shrinking and routing leave {least['chips']:,}, and a model "
        f"that thinks before it answers takes {last['chips']:,}.",
    )
    head = f"Would it take {words(claim['chips'])} chips to serve GPT-4 to everyone?"
    return "\n".join([head, "", *(fill(s, WIDTH, initial_indent="  ", subsequent_indent="  ") for s in sentences)])


def searched(found: dict[str, Any]) -> str:
    """The exhaustive search in a few lines."""
    best = {r["model"]: r for r in reversed(cheapest(found["cheapest"], "model", "hardware")) if r["price"] == "rented"}
    cheap = "; ".join(
        f"{m} ${best[m]['usd_per_mtok']:.2f} on {best[m]['hardware']}" for m in found["models"] if m in best
    )
    text = (
        f"Behind it: {found['points']:,} ways to serve {len(found['models'])} models on {len(found['hardware'])} "
        f"chips, all of them searched in {found['seconds']:.1f} s, {words(found['points_per_s'])} a second on "
        f"{found['threads']} threads ({found['legal_share']:.0%} are layouts that can exist; the others are skipped "
        f"whole). Cheapest rented million tokens: {cheap}."
    )
    return fill(text, WIDTH)


def fleet_screen(found: dict[str, Any], spec: dict[str, Any]) -> str:
    """Screen one: the systems."""
    demand, claim, told = spec["demand"], spec["claim"], found["systems"]
    users, share = words(demand["users"]), f"{claim['share_of_time']:.0%}"
    upper = ("", "chips a", "users at", "tokens/s", "users", "chips for", "for all,", f"for all, {share}", "$ per", "")
    lower = ("replica", "once", "per user", "a chip", users, "as often", "of all time", "M tokens", "MW")
    heads = [upper, ("GPT-4 (rumoured) on", *lower)]
    table = columns(heads + [cells(row) for row in told["rows"]])
    burned = told["burned_in"]
    groq, wafer = tr.hardware("groq-lpu-v1"), tr.hardware("cerebras-wse3").die_mm2 / tr.hardware("h100-sxm").die_mm2
    low, high = burned["masks_usd"]
    wider = tr.model(told["model"]).hidden / tr.model(burned["of"]).hidden
    notes = (
        "A token is about three quarters of a word. A replica is the chips that together hold one copy of the model; "
        "it answers many users at once. The first token comes within 2 s, queues aside, then at least 20 a second; a "
        f"request has {demand['isl']:,} tokens of question and conversation and {demand['osl']:,} of answer. Chips "
        f"are for the busiest hour, {demand['peak_to_mean']} times the mean, without spares; the last count is for "
        f"{claim['tokens_per_s']} tokens/s at every hour. Numbers have 4 to 16 bits, whichever serves most; what few "
        "bits do to the answers is not modelled.",
        "$: rented at the provider's price, fully used; * bought: the chip's price over its life and electricity, "
        f"without host, network or people. MW: chips and cooling (x {demand['pue']}). -: not published.",
        f"A Groq chip holds {groq.memory_bytes / 1e9:.2g} GB, so that a copy takes a hall of them. Cerebras: whole "
        f"wafers, each the silicon of {wafer:.0f} H100. ~ Burned-in: a claim, measured by nobody: a design of chips "
        f"whose wires are {burned['of']}, scaled to GPT-4's {words(burned['area_mm2'])} mm2 as if its layers, "
        f"{wider:.1f} times as wide, were as fast; masks alone cost ${low / 1e9:.1f} to {high / 1e9:.1f} billion, "
        "again for each model.",
    )
    return "\n".join([*table, "", *(fill(n, WIDTH, initial_indent="  ", subsequent_indent="  ") for n in notes)])


def cells(row: Row) -> tuple[str, ...]:
    """A row of screen one."""
    mark = "*" if row["price"] == "bought" else " "
    return (
        ("~ " if row["grade"] == "claim" else "  ") + row["name"],
        f"{row['chips']:,}",
        f"{row['batch']:,}",
        f"{row['tokens_per_s_per_user']:,.0f}",
        f"{row['users_per_chip']:,.0f}",
        f"{row['fleet_chips']:,}",
        f"{row['everyone_chips']:,}",
        words(row["reading_chips"]),
        number(row["usd_per_mtok"], ".2f") + mark,
        number(row["fleet_power_w"] / 1e6, ",.0f"),
    )


def lever_screen(found: dict[str, Any], spec: dict[str, Any]) -> str:
    """Screen two: the waterfall as bars of text."""
    rows = found["levers"]
    chip = tr.hardware(spec["lever"][0]["hardware"]).name
    head = (
        f"What brings the number down, and up: {chip} chips for {words(spec['demand']['users'])} weekly users, each "
        f"line on top of those above it. {BLOCKS} blocks of a bar are a factor of ten, from {FIRST:,.0f} chips on. In "
        "another order each would have another share, and fewer bits, as in the table above, would take a little less."
    )
    lines = [fill(head, WIDTH), ""]
    for at, row in enumerate(rows):
        bar = "█" * max(1, round(BLOCKS * math.log10(row["chips"] / FIRST)))
        lines.append(f"  {row['name']:20}{row['chips']:>12,}  {times(row['factor']) if at else '':8}{bar}")
        lines.append(f"      {row['assumed']}")
    return "\n".join(lines)


def times(factor: float) -> str:
    """By how much a lever changed the number."""
    by = 1 / factor if factor <= 1 else factor
    return f"{'÷' if factor <= 1 else 'x'} {by:.0f}" if by >= 10 else f"{'÷' if factor <= 1 else 'x'} {by:.2g}"


def audit_screen(findings: list[Finding], spec: dict[str, Any]) -> str:
    """What was claimed about all this, counted, and some claims in full."""
    documents = list(dict.fromkeys(f.claim.document for f in findings))
    rows = [("claims in", "all", *VERDICTS)]
    for document in [*documents, None]:
        of = [f for f in findings if document in (None, f.claim.document)]
        counts = Counter(f.verdict for f in of)
        title = shorten(document.title, 62, placeholder=" ...") if document else "all"
        rows.append((f"  {title}", str(len(of)), *(str(counts[v]) for v in VERDICTS)))
    lines = [
        f"What was said about it: {len(findings)} claims of {len(documents)} texts, each computed (tokenroof claims)",
        "",
        *columns(rows),
        "",
    ]
    for finding in telling(findings, spec["audit"]["claims"]):
        text = f"{finding.claim.says} {finding.verdict.upper()}: {finding.because}"
        two = wrap(text, WIDTH - 4, max_lines=3, placeholder=" ...")
        lines += ["  " + two[0], *("    " + line for line in two[1:])]
    return "\n".join(lines)


def finding(found: Finding) -> Row:
    """A verdict for machines."""
    claim = found.claim
    return {"id": claim.id, "document": claim.document.id, "says": claim.says, "verdict": found.verdict,
            "because": found.because}  # fmt: skip


def telling(findings: list[Finding], wanted: list[str]) -> list[Finding]:
    """The claims to tell in full: those asked for, then others that are wrong."""
    by_id = {f.claim.id: f for f in findings}
    chosen = [by_id[name] for name in wanted if name in by_id]
    chosen += [f for f in findings if f.verdict == "wrong" and f not in chosen]
    return chosen[:TOLD]
