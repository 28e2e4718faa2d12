"""``tokenroof fleet``: chips, racks, power and cost of serving a model to so many users."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..errors import SpecError
from .arguments import SETTINGS, add_json, add_settings, find_hardware, find_model
from .output import facts_text, print_json

if TYPE_CHECKING:
    from ..fleets import Fleet

_EXAMPLES = """\
examples:
  tokenroof fleet                                        GPT-4 (rumoured) for ChatGPT's users of 2025 on H100
  tokenroof fleet deepseek-v3 h200-sxm --precision fp8 --tpot 0.03
  tokenroof fleet gpt-4 h100-sxm,b200-sxm,mi300x --precision fp8
  tokenroof fleet gpt-4 b200-sxm --users 8e9 --requests 10 --json

where the defaults come from:
  users, requests   700 million weekly users, 18 billion messages a week: NBER working paper 34255, July 2025
  isl, osl          assumed: a conversation so far and its question; a long answer
  peak              assumed; 1.23 at DeepSeek, which takes nodes away at night
  host-watts        a DGX H100 draws at most 10.2 kW, its 8 chips 5.6 kW: 575 W of the server for each
  chip-availability 419 interruptions in 54 days of 16,384 H100 (arXiv:2407.21783), a day to repair each
  availability, regions, load, pue, electricity   assumed
"""
#: 18e9 messages a week of 700e6 users, NBER working paper 34255.
_REQUESTS_PER_DAY = 18e9 / 700e6 / 7
#: NVIDIA DGX H100: 10.2 kW at most, 8 chips of 700 W.
_HOST_WATTS = (10_200 - 8 * 700) / 8
_FAILURE_HOURS = 16_384 * 54 * 24 / 419  # of a chip, between two interruptions while Llama 3 was trained
_REPAIR_HOURS = 24.0


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", nargs="?", default="gpt-4", help="catalogue id, config.json or .gguf (default gpt-4)")
    parser.add_argument(
        "hardware", nargs="?", default="h100-sxm", help="catalogue ids or .toml files, with commas (default h100-sxm)"
    )
    demand = parser.add_argument_group("demand")
    for name, default, text in (
        ("users", 700e6, "who use it in a week"),
        ("requests", _REQUESTS_PER_DAY, "of a user and day"),
        ("peak", 1.5, "busiest load of the day over the mean"),
    ):
        demand.add_argument(
            f"--{name}", type=float, default=default, metavar="N", help=f"{text} (default {default:.4g})"
        )
    demand.add_argument("--isl", type=int, default=1024, metavar="TOKENS", help="input tokens (default 1024)")
    demand.add_argument("--osl", type=int, default=512, metavar="TOKENS", help="output tokens (default 512)")
    replica = parser.add_argument_group("replica")
    replica.add_argument("--precision", default="fp8,bf16", metavar="NAMES", help="formats tried (default fp8,bf16)")
    replica.add_argument("--chips", type=int, default=64, metavar="N", help="most chips of a replica (default 64)")
    replica.add_argument("--ttft", type=float, default=2.0, metavar="S", help="limit on the time to first token (2)")
    replica.add_argument("--tpot", type=float, default=0.05, metavar="S", help="limit on the time per token (0.05)")
    replica.add_argument(
        "--percentile",
        type=float,
        default=0.99,
        metavar="SHARE",
        help="of prompts within --ttft, queue included (0.99)",
    )
    site = parser.add_argument_group("fleet")
    for name, default, text in (
        ("load", 0.8, "share of a replica's rate that the peak may take"),
        ("availability", 0.999, "probability that every region has what its peak needs"),
        ("chip-availability", round(_FAILURE_HOURS / (_FAILURE_HOURS + _REPAIR_HOURS), 5), "share of time it is up"),
        ("pue", 1.3, "site power over machine power"),
        ("host-watts", _HOST_WATTS, "a chip's share of its server"),
        ("electricity", 0.08, "USD/kWh"),
        ("life", 4.0, "years until a bought chip is written off"),
        ("interest", 0.0, "per year"),
    ):
        site.add_argument(f"--{name}", type=float, default=default, metavar="N", help=f"{text} (default {default:g})")
    site.add_argument("--regions", type=int, default=3, metavar="N", help="equal regions, each for itself (default 3)")


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "fleet",
        help="chips, power and cost for so many users",
        description="Serve a model to so many users: the best layout by exhaustive search, times as many as the peak "
        "of the day needs, with spares.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _arguments(parser)
    add_settings(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Search, size, print."""
    from ..fleets import Demand, fleet

    demand = Demand(args.users, args.requests * 7.0 * args.users, args.isl, args.osl, args.peak)
    chips = [find_hardware(name.strip()) for name in args.hardware.split(",")]
    if not all(chips):
        raise SpecError("hardware", args.hardware, "names with commas between them")
    settings = {name: getattr(args, name) for name in SETTINGS if getattr(args, name) is not None}
    made = fleet(
        find_model(args.model),
        chips,
        demand,
        precision=args.precision.split(","),
        ttft_s=args.ttft,
        tpot_s=args.tpot,
        chips=args.chips,
        settings=settings,
        ttft_limit_s=args.ttft,
        percentile=args.percentile,
        load=args.load,
        availability=args.availability,
        chip_availability=args.chip_availability,
        regions=args.regions,
        pue=args.pue,
        host_watts_per_chip=args.host_watts,
        usd_per_kwh=args.electricity,
        life_years=args.life,
        interest=args.interest,
    )
    if args.json:
        print_json(made.to_dict())
    elif len(made.layouts) == 1:
        print(_facts(made, args))
    else:
        print(_table(made))


def _facts(made: Fleet, args: argparse.Namespace) -> str:
    """One fleet, line by line."""
    from ..text import format_cell
    from ..units import format_si

    row, demand = made.layouts[0], made.demand
    one = {name: float(value[0]) for name, value in made.to_dict().items() if getattr(value, "shape", None) == (1,)}
    layout = " ".join(f"{n}={row[n]}" for n in ("tp", "pp", "ep", "dp") if row.get(n, 1) > 1) or "one chip"
    chips = one["chips_per_replica"]
    facts = {
        "asked": f"{demand.users:,.0f} users, {demand.requests_per_s:,.0f} requests/s in the mean, "
        f"{demand.tokens_per_s:,.0f} output tokens/s; {demand.peak_to_mean:g} x that at the peak",
        "in flight": f"{one['requests_in_flight']:,.0f} requests: {one['users_per_slot']:,.0f} users share one place",
        "replica": f"{chips:,.0f} chips, {row['precision']}, {layout}, batch {row['batch']:,}: "
        f"{one['tokens_per_s_per_replica']:,.0f} tokens/s, TTFT {format_cell('ttft_s', row['ttft_s'])}, "
        f"TPOT {format_cell('tpot_s', row['tpot_s'])}",
        "replicas": f"{one['replicas']:,.0f}: {one['needed_replicas']:,.0f} for the peak at a load of {args.load:g}, "
        f"{one['spare_replicas']:,.0f} spare; {args.regions} regions, all served {one['availability']:.2%} of the time",
        "chips": f"{one['chips']:,.0f}, one for {one['users_per_chip']:,.0f} users; "
        f"{one['mean_chips']:,.0f} busy in the mean; {one['racks']:,.0f} racks of 40.8 kW",
        "power": f"{format_si(one['power_w'], 'W')} at full load, {format_si(one['mean_power_w'], 'W')} in the mean; "
        f"{one['joules_per_token']:.2f} J a token, {one['kwh_per_user_year']:.2f} kWh a user and year",
        "rented": _money(one["usd_per_hour"], one["usd_per_mtok"], one["usd_per_user_month"]),
        "bought": f"${one['capex_usd'] / 1e9:,.2f} billion of chips; with electricity ${one['owned_usd_per_hour']:,.0f}"
        f" an hour, ${one['owned_usd_per_user_month']:.3f} a user and month"
        if one["capex_usd"] == one["capex_usd"]
        else "",
    }
    head = f"{row['model']} on {row['hardware']}: {one['chips']:,.0f} chips\n"
    return f"{head}\n{facts_text(facts)}\n\n{_NOTE}"


_NOTE = (
    "Typical estimates. Servers, networks, buildings and people are in the rent, not in the price of chips.\n"
    "What narrow formats do to quality is not modelled. Where the defaults come from: tokenroof fleet --help"
)


def _money(per_hour: float, per_mtok: float, per_user: float) -> str:
    if per_hour != per_hour:
        return ""
    return f"${per_hour:,.0f} an hour, ${per_mtok:.2f} a million output tokens, ${per_user:.3f} a user and month"


def _table(made: Fleet) -> str:
    """Several fleets, a row each, fewest chips first."""
    from ..text import table_text

    rows = []
    for at, row in enumerate(made.layouts):
        rows.append(
            {
                "hardware": row["hardware"],
                "precision": row["precision"],
                "chips a replica": f"{made.chips_per_replica[at]:,.0f}",
                "batch": f"{row['batch']:,}",
                "replicas": f"{made.replicas[at]:,.0f}",
                "chips": f"{made.chips[at]:,.0f}",
                "MW": _or_dash(made.power_w[at] / 1e6, ",.1f"),
                "rent, $/user/month": _or_dash(made.usd_per_user_month[at], ".3f"),
                "bought, $/user/month": _or_dash(made.owned_usd_per_user_month[at], ".3f"),
            }
        )
    rows.sort(key=lambda r: float(r["chips"].replace(",", "")))
    d = made.demand
    title = f"{made.layouts[0]['model']}: {d.users:,.0f} users, {d.peak_tokens_per_s:,.0f} output tokens/s at the peak"
    return f"{table_text(rows, rows[0], title)}\n\n{_NOTE}"


def _or_dash(value: float, form: str) -> str:
    return "-" if value != value else format(value, form)
