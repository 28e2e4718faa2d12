"""Screen one: GPT-4 (rumoured) on five systems and on a chip that it would be burned into, for three demands."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import tokenroof as tr
from tokenroof.techniques import burned_in, chips, systems

from .names import Row, rented

MODEL = "gpt-4"
PRECISIONS = ["bf16", "fp8", "int8", "w4a16", "w4a16kv8", "w4a8kv8", "fp4"]
LAYOUT = ("tp", "pp", "ep", "dp")
SHOWN = ("precision", *LAYOUT, "batch", "chips", "tpot_s", "ttft_s", "tokens_per_s_per_chip", "usd_per_mtok")


def demands(spec: dict[str, Any]) -> tuple[tr.Demand, tr.Demand, float]:
    """Today's users, everyone asking as often, and the output of everyone as the claim has it [tokens/s]."""
    claim = spec["claim"]
    today = tr.Demand(**{name: value for name, value in spec["demand"].items() if name != "pue"})
    requests = today.requests_per_week * claim["population"] / today.users
    everyone = replace(today, users=claim["population"], requests_per_week=requests)
    reading = tr.fleets.demand.duty_tokens_per_s(claim["population"], claim["share_of_time"], claim["tokens_per_s"])
    return today, everyone, float(reading)


def study(spec: dict[str, Any]) -> dict[str, Any]:
    """Every row of the table, and what a burned-in GPT-4 is made of."""
    today, everyone, reading = demands(spec)
    burned = burned_in_replica(spec)
    rows = [searched(entry, spec) for entry in spec["system"]] + [burned["row"]]
    for row in rows:
        given = {name: row[name] for name in ("watts_per_chip", "usd_per_chip_hour")}
        here = tr.fleet(today, row["tokens_per_s"], row["chips"], pue=spec["demand"]["pue"], **given)
        there = tr.fleet(everyone, row["tokens_per_s"], row["chips"])
        fast = math.ceil(reading / row["fast_tokens_per_s_per_chip"])
        row |= {"fleet_chips": here.chips, "users_per_chip": here.users_per_chip, "fleet_power_w": here.power_w}
        row |= {"everyone_chips": there.chips, "reading_chips": fast}
    return {
        "model": MODEL,
        "rows": rows,
        "everyone": everyone.users,
        "reading_tokens_per_s": reading,
        "burned_in": {name: value for name, value in burned.items() if name != "row"},
    }


def searched(entry: dict[str, Any], spec: dict[str, Any]) -> Row:
    """The layout of a system that serves most per chip, within the limits and within those of fast readers."""
    chip = tr.hardware(entry["hardware"])
    if "domain" in entry and chip.scaleup is not None:
        chip = replace(chip, scaleup=replace(chip.scaleup, domain=float(entry["domain"])))
    axes: dict[str, Any] = {name: entry[name] for name in LAYOUT if name in entry}
    axes = axes or {"parallelism": "auto", "chips": entry["chips"]}
    lengths = {name: spec["demand"][name] for name in ("isl", "osl")}
    batch, estimate = spec["sweep"]["batch"], spec["sweep"]["estimate"]
    sweep = tr.Sweep(
        model=MODEL, hardware=chip, precision=PRECISIONS, batch=batch, estimate=estimate, **lengths, **axes
    )
    limits = spec["best"]["where"]
    faster = [*limits, f"tpot_s <= {1 / spec['claim']['tokens_per_s']!r}"]
    columns = ["tokens_per_s", "watts_per_chip", *SHOWN[6:]]
    best, fast = (
        sweep.best("tokens_per_s_per_chip", where=where, columns=columns).rows()[0] for where in (limits, faster)
    )
    return {
        "name": entry["name"],
        "hardware": chip.id,
        "grade": "estimate",
        **{name: best[name] for name in SHOWN},
        "tokens_per_s": best["tokens_per_s"],
        "tokens_per_s_per_user": 1 / best["tpot_s"],
        "fast_tokens_per_s_per_chip": fast["tokens_per_s_per_chip"],
        "watts_per_chip": best["watts_per_chip"],
        "usd_per_chip_hour": chip.usd_per_hour,
        "price": "rented" if rented(chip.id) else "bought",
    }


def burned_in_replica(spec: dict[str, Any]) -> dict[str, Any]:
    """A replica whose wires are GPT-4's weights, scaled from a design for another model by its own claims.

    Area at the density of the design; as many sequences in flight per layer, each layer as fast, so that a full
    pipeline lets as many tokens through however many layers it has. Tokens of prompts pass through it, too.
    """
    design = systems.system(spec["burned_in"]["system"])
    chip, model = tr.hardware(design.hardware), tr.model(MODEL)
    density = burned_in.density(design.name)
    area = burned_in.area_mm2(model.params, density.params_per_mm2)
    dies = int(burned_in.chips_for_area(area, chip.die_mm2))
    layer_s = chip.calibration.layer_overhead
    theirs = tr.model(design.model).layers
    users = burned_in.in_flight(design.tokens_per_s, 1 / (layer_s * theirs)) / theirs * model.layers
    token_s = layer_s * model.layers
    through = burned_in.pipeline_tokens_per_s(users, token_s)
    isl, osl = spec["demand"]["isl"], spec["demand"]["osl"]
    rate = through / systems.counted_tokens(1.0, isl, osl)
    made = chips.node("5nm")
    own = 10  # layers of masks that hold the weights, of each chip: arXiv:2508.16151
    shared = chips.mask_set_units(made.euv_masks, made.duv_masks - own)
    masks = [float(usd) for usd in chips.masks_usd(dies, list(made.mask_set_usd), shared, own)]
    row = {
        "name": spec["burned_in"]["name"],
        "hardware": chip.id,
        "grade": "claim",
        "precision": design.precision,
        "batch": round(users),
        "chips": dies,
        "tpot_s": token_s,
        "tokens_per_s": rate,
        "tokens_per_s_per_chip": rate / dies,
        "tokens_per_s_per_user": 1 / token_s,
        "fast_tokens_per_s_per_chip": rate / dies,
        "usd_per_mtok": math.nan,
        "watts_per_chip": chip.power_max,
        "usd_per_chip_hour": math.nan,
        "price": "-",
    }
    return {"row": row, "area_mm2": float(area), "masks_usd": masks, "design": design.source, "of": design.model}
