"""The long tables of --all: every model's cheapest chips, by precision and by input length."""

from __future__ import annotations

from textwrap import fill
from typing import Any

import tokenroof as tr
from tokenroof.text import render

from .names import WIDTH, Row, columns, marked, number, rented, words
from .search import cheapest

SHOWN = 4  # chips per model and kind of price; the CSV has all
LEFT = 3  # columns of the main table that hold words
MARKS = {"claim": "~", "assumed": "?", "derived": "*"}


def price_text(hardware: str) -> str:
    """Hourly price with a mark for the grade of what it rests on."""
    facts = tr.hardware(hardware).facts
    fact = facts["price.rent" if rented(hardware) else "price.buy"]
    return f"{tr.hardware(hardware).usd_per_hour:.2f}{MARKS.get(str(fact.get('grade')), ' ')}"


def fleet_table(found: dict[str, Any]) -> str:
    """The main table: for each model the cheapest chips, rented and bought."""
    heads = (
        ("", "  hardware"),
        ("", "precision"),
        ("", "layout"),
        ("", "batch"),
        ("chips a", "replica"),
        ("tokens/s", "per chip"),
        ("tokens/s", "per user"),
        ("$ per", "Mtok"),
        ("J per", "token"),
        ("chips,", "mean"),
        ("chips,", "peak"),
        ("MW,", "peak"),
        ("$/h of", "a chip"),
    )
    lines: list[str | tuple[str, ...]] = [tuple(head[0] for head in heads), tuple(head[1] for head in heads)]
    for model in found["models"]:
        for price in ("rented", "bought"):
            rows = [r for r in found["cheapest"] if (r["model"], r["price"]) == (model, price)]
            lines.append(f"\n{marked('model', model)}, chips {price}" + ("" if rows else ": none within the limits"))
            lines += map(cells, rows[:SHOWN])
    told = iter(columns([line for line in lines if not isinstance(line, str)], LEFT))
    return "\n".join(line if isinstance(line, str) else next(told) for line in lines)


def cells(r: Row) -> tuple[str, ...]:
    """One row of the main table."""
    return (
        f"  {marked('hardware', r['hardware'])}",
        r["precision"],
        r["layout"],
        f"{r['batch']:,}",
        str(r["chips"]),
        f"{r['tokens_per_s_per_chip']:,.0f}",
        f"{r['tokens_per_s_per_user']:.0f}",
        f"{r['usd_per_mtok']:.3f}",
        number(r["joules_per_token"], ".2f"),
        f"{r['fleet_chips_mean']:,}",
        f"{r['fleet_chips_peak']:,}",
        number(r["fleet_power_w"] / 1e6, ".1f"),
        price_text(r["hardware"]),
    )


def matrix(found: dict[str, Any], key: str, others: dict[str, Any], head: str) -> str:
    """$/Mtok of the cheapest rented chip for each model (down) and value of ``key`` (across)."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    rows = [r for r in found["winners"] if r["price"] == "rented" and all(r[k] == v for k, v in others.items())]
    values = list(dict.fromkeys(r[key] for r in found["winners"]))
    values = sorted(values) if key == "isl" else values
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(head, no_wrap=True)
    for value in values:
        table.add_column(f"{value:,}" if isinstance(value, int) else value, justify="right", no_wrap=True)
    for model in found["models"]:
        best = {r[key]: r for r in cheapest([r for r in rows if r["model"] == model], key)}
        cells = [f"{best[v]['usd_per_mtok']:.2f} {best[v]['hardware']}" if v in best else "-" for v in values]
        table.add_row(marked("model", model), *cells)
    return render(table)


def verdict(found: dict[str, Any], spec: dict[str, Any]) -> str:
    """Would it take 100 million chips? From computed numbers only."""
    claim, told = spec["claim"], found["claim"]
    demand = tr.Demand(**{k: v for k, v in spec["demand"].items() if k != "pue"})
    fewest: dict[str, Row] = {}
    for row in found["densest"]:  # densest first
        fewest.setdefault(row["model"], row)
    needs = "; ".join(
        f"{marked('model', m)} {r['fleet_chips_peak']:,} {marked('hardware', r['hardware'])} "
        f"({r['precision']}, one chip for {demand.users / r['fleet_chips_peak']:,.0f} users)"
        for m, r in fewest.items()
    )
    shared = max(fewest.values(), key=lambda r: r["fleet_chips_peak"])
    worst = max(found["densest"], key=lambda r: r["fleet_chips_peak"])
    scenario = "; ".join(f"{marked('model', r['model'])} {words(r['chips_for_claim'])}" for r in told["rows"])
    sentences = (
        f"Would it take {words(claim['chips'])} chips? For the stated demand, no.",
        f"{words(demand.users)} users who send {words(demand.requests_per_week)} messages a week are",
        f"{demand.requests_per_s:,.0f} requests/s and {words(demand.tokens_per_s)} output tokens/s.",
        f"By Little's law {shared['requests_in_flight']:,.0f} requests are in flight at once in the mean",
        f"({shared['requests_in_flight'] / demand.users:.2%} of the users; {shared['model']} on {shared['hardware']}),",
        f"and a replica of {shared['chips']} chips serves {shared['batch']:,} of them together, reading its weights",
        "once for all: no user needs a chip of their own.",
        f"Fewest chips at the peak (wafers left out): {needs}.",
        "Even the weakest chips of the catalogue that serve these models within the limits come to",
        f"{worst['fleet_chips_peak']:,} ({worst['model']} on {worst['hardware']}),",
        f"{claim['chips'] / worst['fleet_chips_peak']:,.0f} times fewer than claimed.",
        f"The claim rests on another demand: {words(claim['population'])} people who read",
        f"{claim['tokens_per_s']} tokens/s for {claim['share_of_time']:.0%} of their time,",
        f"{words(told['tokens_per_s'])} tokens/s or",
        f"{told['tokens_per_s'] / demand.tokens_per_s:,.0f} times the stated one, over a chip's FLOP/s:",
        f"{words(told['chips_by_its_own_formula'])} chips, rounded up.",
        f"For that demand this search finds, at best, {scenario} chips.",
        "So it is the assumed demand that makes the number, then the model and the chip.",
        f"All of this is the '{found['estimate']}' estimate, without queueing, failures, the hosts' power or",
        "routing to smaller models, and the shape of gpt-4 is a rumour.",
    )
    return " ".join(sentences)


def notes(found: dict[str, Any], spec: dict[str, Any]) -> str:
    """What the table's columns rest on."""
    demand = spec["demand"]
    lines = [
        f"Limits: {', '.join(found['limits'])}. Lengths: isl {demand['isl']:,}, osl {demand['osl']:,}. "
        "TTFT is the prefill of one request, without a queue. Prefill is part of tokens/s, $ and J.",
        f"Chips: for {words(demand['users'])} weekly users and {words(demand['requests_per_week'])} requests a week; "
        f"peak = {demand['peak_to_mean']} x mean. MW: chips only, with a PUE of {demand['pue']}.",
        "$: output tokens at full load. Rented: the provider's price with host, network and margin. Bought: the chip's "
        "price over its life plus electricity, without host, network, people or interest. Do not compare the two. "
        "Prices are ~ claimed, ? assumed or * derived by their sources: `tokenroof hardware ID` names them.",
        f"Batches stop at {max(found['batches']):,}: a row there would be cheaper still with more sequences.",
        f"No price known, so not in the table: {', '.join(found['unpriced']) or 'none'}.",
        f"Priced, but no layout serves any of the models within the limits: {', '.join(found['too_small']) or 'none'}.",
        "A name with RUMOURED, ANNOUNCED, CLAIM or ESTIMATED was not published, or not shipped, as it is modelled.",
    ]
    return "\n".join(fill(line, WIDTH, initial_indent="  ", subsequent_indent="    ") for line in lines)


def report(found: dict[str, Any], spec: dict[str, Any]) -> str:
    """All of the tables."""
    demand = spec["demand"]
    lengths = f"isl {demand['isl']:,}, osl {demand['osl']:,}"
    counts = f"{len(found['models'])} models x {len(found['hardware'])} chips"
    parts = (
        f"The cheapest feasible ways: {counts} x precisions x tp x pp x ep x dp x batch x isl x osl,\n"
        f"'{found['estimate']}' estimate, {found['isa']}; {found['all_points']:,} points in {found['all_seconds']:.1f} "
        "s with the searches for the plot and the last paragraph",
        fleet_table(found),
        notes(found, spec),
        f"$/Mtok of the cheapest rented chip by precision ({lengths}); what it does to quality is not modelled\n"
        + matrix(found, "precision", {n: demand[n] for n in ("isl", "osl")}, ""),
        f"$/Mtok of the cheapest rented chip by input length (osl {demand['osl']:,})\n"
        + matrix(found, "isl", {"osl": demand["osl"]}, ""),
        fill(verdict(found, spec), WIDTH),
    )
    return "\n\n".join(parts)
