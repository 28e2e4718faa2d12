"""What does it take to serve GPT-4 to everyone? An exhaustive search over every chip of the catalogue.

    python examples/gpt4_for_everyone.py [FOLDER] [--quick] [--json]

Reads gpt4_for_everyone.toml beside it; writes a plot and every winner as CSV into FOLDER (default: out).
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import sys
import time
from pathlib import Path
from textwrap import fill
from typing import Any

import tokenroof as tr
from tokenroof.files import write_atomically
from tokenroof.plot import cost_plot
from tokenroof.text import render

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SPEC = Path(__file__).with_suffix(".toml")
WIDTH = 118
WORDS = 3  # columns of the main table that hold words
SHOWN = 4  # chips per model and kind of price in the table; the CSV has all
COLUMNS = [
    "usd_per_mtok",
    "tpot_s",
    "ttft_s",
    "e2e_s",
    "tokens_per_s",
    "tokens_per_s_per_chip",
    "tokens_per_s_per_user",
    "joules_per_token",
    "watts_per_chip",
    "chips",
    "mem_bytes_per_chip",
    "bottleneck",
]
MARKS = {"claim": "~", "assumed": "?", "derived": "*"}
Row = dict[str, Any]


class Search:
    """The searches of one spec, and how many points they took."""

    def __init__(self, spec: dict[str, Any], threads: int | None) -> None:
        self.spec, self.threads = spec, threads
        self.points, self.seconds = 0, 0.0
        self.grid = tr.Sweep.from_spec(spec["sweep"])
        #: The lengths of the stated demand only.
        lengths = {n: spec["demand"][n] for n in ("isl", "osl")}
        self.at_demand = tr.Sweep.from_spec(spec["sweep"] | lengths)
        self.plotted = tr.Sweep.from_spec(spec["sweep"] | lengths | {"batch": spec["plot"]["batch"]})

    def best(self, sweep: tr.Sweep, objective: str, by: list[str], where: list[str]) -> list[Row]:
        """The best point of each group, as rows."""
        sweep.plan()  # binding is not searching
        began = time.perf_counter()
        table = sweep.best(objective, by=by, where=where, columns=COLUMNS, threads=self.threads)
        self.seconds += time.perf_counter() - began
        self.points += sweep.size
        return table.rows()

    def densest(self, where: list[str]) -> list[Row]:
        """Most tokens/s per chip at the demand's lengths for each model and chip, the most first.

        Whole wafers are left out: one of them is dozens of chips.
        """
        rows = self.best(self.at_demand, "tokens_per_s_per_chip", ["model", "hardware"], where)
        rows = [r for r in rows if tr.hardware(r["hardware"]).kind != "wafer"]
        return sorted(rows, key=lambda r: -r["tokens_per_s_per_chip"])

    def legal_share(self) -> float:
        """Share of the grid's layouts that can exist at all (heads divide, the chip has the format, ...)."""
        layouts = tr.Sweep.from_spec(self.spec["sweep"] | {"batch": 1, "isl": 1, "osl": 1})
        return float((layouts.run("status", threads=self.threads)["status"] < 16).mean())


def rented(hardware: str) -> bool:
    """Whether the chip's hourly price is a rent; otherwise it is what wear and electricity of a bought one cost."""
    return tr.hardware(hardware).facts.get("price.rent", {}).get("grade") != "derived"


def price_text(hardware: str) -> str:
    """Hourly price with a mark for the grade of what it rests on."""
    facts = tr.hardware(hardware).facts
    fact = facts["price.rent" if rented(hardware) else "price.buy"]
    return f"{tr.hardware(hardware).usd_per_hour:.2f}{MARKS.get(str(fact.get('grade')), ' ')}"


def layout(row: Row) -> str:
    """The layout in one word, ones left out: tp8pp2."""
    return "".join(f"{n}{row[n]}" for n in ("tp", "pp", "ep", "dp") if row[n] > 1) or "tp1"


def marked(kind: str, id: str) -> str:
    """A name, marked where its maker has not published or shipped the thing."""
    status = getattr(tr, kind)(id).status
    return id if status == "official" else f"{id} ({status.upper()})"


def add_fleet(row: Row, spec: dict[str, Any]) -> tr.Fleet:
    """Size a fleet of this row's replica for the stated demand and note it in the row."""
    given = dict(spec["demand"])
    pue = given.pop("pue")
    number = {name: math.nan if row[name] is None else row[name] for name in row}
    fleet = tr.fleet(
        tr.Demand(**given),
        row["tokens_per_s"],
        row["chips"],
        watts_per_chip=number["watts_per_chip"],
        usd_per_chip_hour=tr.hardware(row["hardware"]).usd_per_hour,
        e2e_s=row["e2e_s"],
        pue=pue,
    )
    row |= {"layout": layout(row), "price": "rented" if rented(row["hardware"]) else "bought"}
    row |= {"model_status": tr.model(row["model"]).status, "hardware_status": tr.hardware(row["hardware"]).status}
    row |= {"fleet_chips_mean": fleet.mean_chips, "fleet_chips_peak": fleet.chips, "fleet_power_w": fleet.power_w}
    row |= {"usd_per_user_month": fleet.usd_per_user_month, "requests_in_flight": fleet.requests_in_flight}
    return fleet


def cheapest(rows: list[Row], *keys: str) -> list[Row]:
    """The cheapest row of each value of ``keys``, cheapest first."""
    found: dict[tuple[Any, ...], Row] = {}
    for row in sorted(rows, key=lambda r: r["usd_per_mtok"]):
        found.setdefault(tuple(row[k] for k in keys), row)
    return list(found.values())


def study(spec: dict[str, Any], threads: int | None) -> dict[str, Any]:
    """Every search and what follows from it."""
    began = time.perf_counter()
    search, limits, demand = Search(spec, threads), spec["best"]["where"], spec["demand"]
    rows = search.best(search.grid, "usd_per_mtok", ["model", "hardware", "precision", "isl", "osl"], limits)
    points, seconds = search.points, search.seconds
    at_demand = [r for r in rows if (r["isl"], r["osl"]) == (demand["isl"], demand["osl"])]
    for row in rows:
        row["price"] = "rented" if rented(row["hardware"]) else "bought"
    table = cheapest(at_demand, "model", "hardware")
    densest = search.densest(limits)
    for row in table + densest:
        add_fleet(row, spec)
    claim = spec["claim"]
    fast = [*limits, f"tpot_s <= {1 / claim['tokens_per_s']!r}"]
    other_limits = [limit for limit in limits if not limit.startswith("tpot_s")]
    curves = []
    for limit in spec["plot"]["tpot_limits_s"]:
        where = [f"tpot_s <= {limit!r}", *other_limits]
        found = search.best(search.plotted, "usd_per_mtok", ["model", "hardware"], where)
        curves += [{**row, "tpot_limit_s": limit} for row in found]
    claimed_tokens_per_s = claim["population"] * claim["share_of_time"] * claim["tokens_per_s"]
    claim_rows = list({row["model"]: row for row in reversed(search.densest(fast))}.values())
    for row in claim_rows:
        row["chips_for_claim"] = math.ceil(claimed_tokens_per_s / row["tokens_per_s_per_chip"])
    names = search.grid.axes.labels("hardware")
    unpriced = [n for n in names if math.isnan(tr.hardware(n).usd_per_hour)]
    return {
        "models": search.grid.axes.labels("model"),
        "estimate": search.grid.estimate,
        "limits": limits,
        "points": points,
        "seconds": seconds,
        "points_per_s": points / seconds,
        "legal_share": search.legal_share(),
        "all_points": search.points,
        "all_seconds": time.perf_counter() - began,
        "threads": threads or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "isa": search.grid.plan().isa,
        "hardware": names,
        "batches": search.grid.axes.labels("batch"),
        "unpriced": unpriced,
        "too_small": [n for n in names if n not in unpriced and n not in {r["hardware"] for r in at_demand}],
        "cheapest": table,
        "densest": densest,
        "winners": rows,
        "curves": curves,
        "claim": {
            "chips": claim["chips"],
            "tokens_per_s": claimed_tokens_per_s,
            "chips_by_its_own_formula": claimed_tokens_per_s * claim["flop_per_token"] / claim["flop_per_s_per_chip"],
            "rows": claim_rows,
        },
    }


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
    table = [line for line in lines if not isinstance(line, str)]
    widths = [max(len(row[at]) for row in table) for at in range(len(heads))]

    def text(row: tuple[str, ...]) -> str:
        sides = [str.ljust if at < WORDS else str.rjust for at in range(len(row))]
        return "  ".join(side(c, w) for side, c, w in zip(sides, row, widths, strict=True)).rstrip()

    return "\n".join(line if isinstance(line, str) else text(line) for line in lines)


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


def words(value: float) -> str:
    """A large number in words: 18 billion."""
    for scale, name in ((1e9, " billion"), (1e6, " million")):
        if value >= scale:
            return f"{value / scale:.3g}{name}"
    return f"{value:,.0f}"


def number(value: float, form: str) -> str:
    """A number, or a dash where it is unknown."""
    return "-" if math.isnan(value) else format(value, form)


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


def print_report(found: dict[str, Any], spec: dict[str, Any]) -> None:
    """The whole report as text."""
    demand = spec["demand"]
    counts = f"{len(found['models'])} models x {len(found['hardware'])} chips"
    print("What does it take to serve GPT-4 to everyone? The cheapest feasible way, by exhaustive search\n")
    print(
        f"  searched {found['points']:,} points ({found['legal_share']:.0%} in layouts that can exist) in "
        f"{found['seconds']:.2f} s: {found['points_per_s'] / 1e9:.1f}e9 points/s\n"
        f"  with {found['threads']} threads, {found['isa']}; {found['all_points']:,} points in "
        f"{found['all_seconds']:.1f} s with the searches for the plot and the last paragraph\n"
        f"  {counts} x precisions x tp x pp x ep x dp x batch x isl x osl, '{found['estimate']}' estimate"
    )
    print(f"\n{fleet_table(found)}\n")
    print(notes(found, spec))
    lengths = f"isl {demand['isl']:,}, osl {demand['osl']:,}"
    print(f"\n$/Mtok of the cheapest rented chip by precision ({lengths}); what it does to quality is not modelled")
    print(matrix(found, "precision", {n: demand[n] for n in ("isl", "osl")}, ""))
    print(f"$/Mtok of the cheapest rented chip by input length (osl {demand['osl']:,})")
    print(matrix(found, "isl", {"osl": demand["osl"]}, ""))
    print(fill(verdict(found, spec), WIDTH))
    print(f"\nwrote {', '.join(found['files'])}")


def write_files(found: dict[str, Any], spec: dict[str, Any], folder: Path) -> list[str]:
    """The plot and every winner."""
    folder.mkdir(parents=True, exist_ok=True)
    image, winners = folder / "gpt4_for_everyone.png", folder / "gpt4_for_everyone.csv"
    priced = [r for r in found["curves"] if not math.isnan(r["usd_per_mtok"])]
    colours = bright(priced, found["cheapest"])
    demand = spec["demand"]
    cost_plot(
        priced,
        image,
        bright=colours,
        dashed=[h for h in {r["hardware"] for r in priced} if not rented(h)],
        titles={m: marked("model", m) for m in found["models"]},
        labels={"tokens_per_s_per_user": "tokens/s per user", "usd_per_mtok": "$ per million output tokens"},
        heading=f"Cheapest way to serve at a speed (isl {demand['isl']}, osl {demand['osl']}, {found['estimate']})",
        note="solid: rented; dashed: bought, chip and electricity only; grey: every other chip",
    )

    def to_csv(name: str) -> None:
        with Path(name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(found["winners"][0]), extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(found["winners"])

    write_atomically(winners, to_csv)
    return [str(image), str(winners)]


def bright(curves: list[Row], table: list[Row]) -> list[str]:
    """The chips worth a colour: the cheapest at some speed for some model, the main table's first two; rented first."""
    for row in curves:
        row["price"] = "rented" if rented(row["hardware"]) else "bought"
    names = [r["hardware"] for r in cheapest(curves, "model", "tpot_limit_s", "price")]
    for key in {(r["model"], r["price"]) for r in table}:
        names += [r["hardware"] for r in table if (r["model"], r["price"]) == key][:2]
    return sorted(set(names), key=lambda name: (not rented(name), -names.count(name), name))


def quick(spec: dict[str, Any]) -> None:
    """Thin the grid for a test: seconds become a fraction of one."""
    demand = spec["demand"]
    spec["sweep"] |= {
        "batch": "1:2048:x2",
        "isl": [demand["isl"], 4096],
        "osl": demand["osl"],
        "ep": "1:16:x2",
        "dp": "1:16:x2",
    }
    spec["plot"] = {"batch": "1:2048:x4", "tpot_limits_s": spec["plot"]["tpot_limits_s"][1::3]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("out"), help="where files go (default: out)")
    parser.add_argument("--quick", action="store_true", help="a thinned grid")
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    parser.add_argument("--threads", type=int, help="default: all CPUs")
    args = parser.parse_args()
    spec = tomllib.loads(SPEC.read_text(encoding="utf-8"))
    if args.quick:
        quick(spec)
    found = study(spec, args.threads)
    found["files"] = write_files(found, spec, args.folder)
    if args.json:
        plain = json.loads(json.dumps(found), parse_constant=lambda _: None)  # NaN is not JSON
        print(json.dumps(plain, indent=1))
    else:
        print_report(found, spec)


if __name__ == "__main__":
    main()
