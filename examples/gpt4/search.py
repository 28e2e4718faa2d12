"""The exhaustive search: every layout, batch and length of every model on every chip of the catalogue that is sold."""

from __future__ import annotations

import csv
import math
import os
import time
from pathlib import Path
from typing import Any

import tokenroof as tr
from tokenroof.files import write_atomically
from tokenroof.plot import cost_plot

from .names import Row, layout, marked, rented

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
        heading=f"Cheapest way to serve at a speed ({demand['isl']:,} tokens in, {demand['osl']:,} out)",
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
