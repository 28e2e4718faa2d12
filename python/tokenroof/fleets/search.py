"""From a model and a chip to a fleet: the best layout of a replica, found exhaustively, times as many as it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..amounts import ABOVE_ZERO, checked
from ..errors import SpecError
from .demand import Demand
from .sizing import Fleet, size

if TYPE_CHECKING:
    from ..result import Table

__all__ = ["fleet"]

#: Columns of a table of winners from which a fleet follows.
_NEEDED = ("tokens_per_s_per_chip", "chips", "ttft_s", "tpot_s", "joules_per_token", "usd_per_mtok")


def fleet(
    model: Any,
    hardware: Any = None,
    demand: Any = None,
    *,
    precision: Any = "bf16",
    ttft_s: float | None = 2.0,
    tpot_s: float | None = 0.05,
    chips: int = 64,
    batch: Any = "1:2048",
    where: Sequence[str] = (),
    settings: dict[str, Any] | None = None,
    **options: Any,
) -> Fleet:
    """What it takes to serve a model to so many users: the best layout of a replica, times as many as the peak needs.

    Parameters
    ----------
    model, hardware : str, object or list of them
        Ids or objects, then ``demand``: ``fleet("gpt-4", "h100-sxm", demand)``. Every layout of up to ``chips`` chips
        is tried at every batch, and the one that serves most tokens/s per chip within the limits is taken. Several
        models or chips give arrays, one element for each pair that can serve at all, in the order of ``layouts``.
        Or ``fleet(table, demand)``: each row of a table that `Sweep.best` made.
        Or ``fleet(demand, tokens_per_s, chips)``: replicas of a known rate, as `size`.
    demand : Demand
    precision : str or list
        Formats that are tried; what narrow ones do to quality is not modelled.
    ttft_s, tpot_s : float or None
        Limits on the prefill of one request and on the time per output token [s]; None: no limit.
    chips : int
        Most chips of a replica.
    batch : axis
        Sequences in flight on a replica that are tried.
    where : list of str
        Further limits, as `Sweep.best` takes them.
    settings : dict
        Further keywords of `Sweep`: estimate, calibration, memory_fraction, ...
    **options
        Of `size`. Prices, power and latency come from the chip and its best layout unless given.

    Raises
    ------
    SpecError
        For a number that cannot be right, or where no layout serves within the limits.
    UnknownNameError
        For a name that nothing has.

    Examples
    --------
    >>> demand = Demand(700e6, 18e9, isl=1024, osl=512, peak_to_mean=1.5)
    >>> f = fleet("deepseek-v3", "h200-sxm", demand, precision="fp8", chips=16)
    >>> f.chips_per_replica, f.chips == f.replicas * f.chips_per_replica, f.layouts[0]["hardware"]
    (8, True, 'h200-sxm')
    """
    from ..result import Table

    if isinstance(model, Demand | Table):
        searched = {"precision": precision, "ttft_s": ttft_s, "tpot_s": tpot_s, "chips": chips, "batch": batch}
        searched |= {"where": where, "settings": settings}
        for name, value in searched.items():
            if value != (fleet.__kwdefaults__ or {})[name]:
                raise SpecError(name, value, "left out: nothing is searched for a table or a known rate", "fleet")
    if isinstance(model, Demand):
        return size(model, hardware, demand, **options)
    if isinstance(model, Table):
        if not isinstance(hardware, Demand):
            raise SpecError("demand", hardware, "a Demand after the table: fleet(table, demand)", "fleet")
        return _of_rows(model, hardware, options)
    if not isinstance(demand, Demand):
        raise SpecError("demand", demand, "a Demand: fleet(model, hardware, demand)", "fleet")
    for name in ("isl", "osl"):
        if np.ndim(getattr(demand, name)):
            raise SpecError(name, np.shape(getattr(demand, name)), "one length, where layouts are searched", "fleet")
    limits = [*where]
    for column, limit in (("ttft_s", ttft_s), ("tpot_s", tpot_s)):
        if limit is not None:
            limits.append(f"{column} <= {float(checked(column, limit, ABOVE_ZERO.known, 'fleet'))!r}")
    several = not _one(model) or not _one(hardware)
    from ..sweep import Sweep

    sweep = Sweep(
        model=model,
        hardware=hardware,
        precision=precision,
        parallelism="auto",
        chips=chips,
        batch=batch,
        isl=int(demand.isl),
        osl=int(demand.osl),
        **(settings or {}),
    )
    table = sweep.best("tokens_per_s_per_chip", by=["model", "hardware"], where=limits)
    if not len(table):
        asked = f"{', '.join(sweep.axes.labels('model'))} on {', '.join(sweep.axes.labels('hardware'))}"
        held = " and ".join(limits) or "memory"
        raise SpecError("chips", chips, f"more, or wider limits: for {asked} no such layout holds {held}", "fleet")
    known = {h.id: h for h in sweep.axes.hardware}
    made = [known[row["hardware"]] for row in table.rows()]
    bought = {"usd_per_chip": [h.price_usd for h in made], "idle_watts_per_chip": [h.power_idle for h in made]}
    return _of_rows(table, demand, bought | options, scalar=not several)


def _one(asked: Any) -> bool:
    """Whether one thing was asked for, not a list of them nor a word that stands for many."""
    return asked not in ("all", "official") if isinstance(asked, str) else not isinstance(asked, Sequence)


def _of_rows(table: Table, demand: Demand, options: dict[str, Any], scalar: bool = False) -> Fleet:
    """A fleet for each row of a table of winners; rates, power, price and latency follow from its columns."""
    missing = [name for name in _NEEDED if name not in table.columns]
    if missing:
        raise SpecError("columns", table.columns, f"also {', '.join(missing)}", "fleet")
    for name in ("isl", "osl"):
        if name in table.columns and (table[name] != getattr(demand, name)).any():
            raise SpecError(name, table[name].tolist(), f"the demand's, {getattr(demand, name)}", "fleet")
    got = {name: np.asarray(table[name], dtype=float) for name in _NEEDED}
    per_chip = got["tokens_per_s_per_chip"]
    found: dict[str, Any] = {
        "watts_per_chip": got["joules_per_token"] * per_chip,
        "usd_per_chip_hour": got["usd_per_mtok"] * per_chip * 3600.0 / 1e6,
        "e2e_s": got["ttft_s"] + (demand.osl - 1) * got["tpot_s"],
    }
    if "ttft_limit_s" in options:
        if "batch" not in table.columns:
            raise SpecError("columns", table.columns, "also batch, where a limit on the time to first token is set")
        decoding = got["tpot_s"] / np.asarray(table["batch"], dtype=float)
        rest = 1.0 / (per_chip * got["chips"]) - decoding  # of a token's time: its share of the prompt
        # a prompt also waits for the step that runs when it arrives
        found |= {"prompt_s": demand.osl * rest, "idle_ttft_s": got["ttft_s"] + got["tpot_s"]}
    rates = {"tokens_per_s_per_replica": per_chip * got["chips"], "chips_per_replica": got["chips"]}
    named = rates | found | options
    if scalar:
        named = {n: v[0] if np.ndim(v) == 1 and len(v) == 1 and n != "regions" else v for n, v in named.items()}
    return size(demand, **named, layouts=tuple(table.rows()))
