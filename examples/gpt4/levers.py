"""Screen two: one lever after the other, from a copy of the model for each user to a service of today."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tokenroof as tr
from tokenroof.fleets.levers import Setup, Step, dense, waterfall
from tokenroof.fleets.picture import waterfall_plot
from tokenroof.techniques import routing, speculation

from .names import Row, marked, words
from .systems import demands

FIELDS = ("hardware", "precision", "batch", "chips", "weak", "thoughts", "lengths")


def study(spec: dict[str, Any]) -> list[Row]:
    """Chips for today's users after each lever."""
    limits = {name: float(limit) for name, _, limit in (where.split() for where in spec["best"]["where"])}
    first, *rest = spec["lever"]
    start, model = changes(first, ""), first["model"]
    steps = [(lever["name"], changes(lever, model)) for lever in rest]
    told = waterfall(Setup(**start), steps, demands(spec)[0], name=first["name"], **limits)
    return [row(step, lever, spec) for step, lever in zip(told, spec["lever"], strict=True)]


def changes(lever: dict[str, Any], model: str) -> dict[str, Any]:
    """Fields of a `Setup` that a lever changes; published drafts and routers by their names."""
    found = {name: lever[name] for name in FIELDS if name in lever}
    of = lever.get("model", model)
    if "dense" in lever:
        found["model"] = dense(of) if lever["dense"] else of
    if "draft" in lever:
        published = speculation.drafts(lever["published"])
        acceptance = published["acceptance"]
        found |= {"draft": speculation.head_of(of), "acceptance": min(acceptance)}
    if "router" in lever:  # four fifths of what the strong model is better
        found["strong_share"] = routing.published()[lever["router"]]["cpt80"]
    return found


def row(step: Step, lever: dict[str, Any], spec: dict[str, Any]) -> Row:
    """One bar, with what was assumed in words."""
    setup, strong = step.served.setup, step.served.rows[0]
    model = tr.model(spec["lever"][0]["model"])
    assumed = lever["says"].format(
        params=words(model.params),
        active=words(model.active_params),
        batch=strong["batch"],
        acceptance=setup.acceptance or 0.0,
        weak=setup.weak,
        weak_share=1.0 - setup.strong_share,
        thoughts=setup.thoughts,
        osl=spec["demand"]["osl"],
    )
    return {
        "name": step.name,
        "chips": step.chips,
        "factor": step.factor,
        "assumed": assumed,
        "replicas": list(step.served.replicas),
        "rows": list(step.served.rows),
    }


def draw(rows: list[Row], spec: dict[str, Any], path: Path) -> None:
    """The waterfall as a picture."""
    demand, first = spec["demand"], spec["lever"][0]
    waterfall_plot(
        [(row["name"], float(row["chips"])) for row in rows],
        path,
        notes=[row["assumed"] for row in rows],
        unit=f"chips ({tr.hardware(first['hardware']).name}) for {words(demand['users'])} weekly users",
        level=(f"claimed: {words(spec['claim']['chips'])}", spec["claim"]["chips"]),
        heading=f"What serving {marked('model', first['model'])} takes, one lever after the other",
    )
