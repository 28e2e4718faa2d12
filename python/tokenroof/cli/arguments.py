"""Options that commands share, and how their text becomes axes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SpecError, TokenroofError, UnknownNameError

if TYPE_CHECKING:
    from ..specs import Hardware, Model
    from ..sweep import Sweep

__all__ = [
    "SETTINGS",
    "add_axes",
    "add_cite",
    "add_json",
    "add_run",
    "add_settings",
    "find_hardware",
    "find_model",
    "run_options",
    "set_fields",
    "split_names",
    "sweep_of",
]

_AXES = {
    "precision": "bf16, fp8, w4a16, w4a8kv8, q4_k_m, int4-g32/bf16/fp8, ... (default bf16)",
    "tp": "tensor parallelism (default 1)",
    "pp": "pipeline parallelism (default 1)",
    "ep": "expert parallelism (default 1)",
    "dp": "data-parallel attention inside a replica (default 1)",
    "cp": "context parallelism: caches split by tokens (default 1)",
    "batch": "sequences in flight on one replica (default 1)",
    "isl": "input tokens (default 1024)",
    "osl": "output tokens (default 256)",
}
_RUN = ("threads", "isa", "progress")
_CONNECT_S = 10  # that a scheduler may take to answer
#: What is asked of every point alike; keywords of `Sweep` and `point`.
SETTINGS = (
    "estimate",
    "memory_fraction",
    "memory_of",
    "reserved",
    "offload",
    "pad_heads",
    "attention_sharding",
    "weight_sharding",
    "cache_share",
    "fallback",
    "calibration",
    "software",
)
#: Tables that a spec file may hold; [demand], [claim] and [plot] are read by those who price a fleet, not here.
_TABLES = ("sweep", "best", "demand", "claim", "plot")


def add_axes(parser: argparse.ArgumentParser, several: bool) -> None:
    """Options for the axes; model and hardware too where a command takes several values of each."""
    group = parser.add_argument_group("axes" if several else "the point")
    if several:
        group.add_argument(
            "--model", metavar="IDS", help="catalogue ids, config.json or .gguf files, folders, 'all' or 'official'"
        )
        group.add_argument("--hardware", metavar="IDS", help="catalogue ids, .toml files, 'all' or 'official'")
        group.add_argument(
            "--chips", type=int, metavar="N", help="instead of tp, pp, ep and dp: every layout of up to N chips"
        )
        group.add_argument(
            "--zip",
            action="append",
            metavar="AXES",
            help="axes that move together, e.g. isl,osl; may be given several times",
        )
        group.description = "several values: 1,2,4 or 1:512 or 1:512:8 or 128:131072:x2"
    for name, text in _AXES.items():
        group.add_argument(f"--{name}", metavar=name.upper(), help=text)
    group.add_argument(
        "--set",
        action="append",
        metavar="FIELD=VALUES",
        help="a field of chip, model or precision, e.g. hardware.mem_bw='2 TB/s,x2'; may be given several times",
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """What is asked of every point alike."""
    add_calibration(parser)
    parser.add_argument("--estimate", help="typical (default), bound, or serial (nothing overlapped)")
    parser.add_argument(
        "--memory-fraction", type=float, metavar="SHARE", help="memory for weights and KV cache (default 0.9)"
    )
    parser.add_argument("--memory-of", help="what that share is of: total (default), or free after weights")
    parser.add_argument("--reserved", metavar="BYTES", help="memory that neither may use, e.g. '4 GB'")
    parser.add_argument(
        "--offload", type=lambda text: text.split(","), metavar="WHAT", help="weights, kv or both: behind main memory"
    )
    parser.add_argument(
        "--pad-heads", action="store_true", default=None, help="let tp not divide the heads: shares are rounded up"
    )
    parser.add_argument(
        "--attention-sharding", help="ranks beyond the KV heads: heads (copies, default), or batch (other sequences)"
    )
    parser.add_argument("--weight-sharding", help="how tp splits matrices: 1d (default), 2d, or auto")
    parser.add_argument(
        "--cache-share", type=float, metavar="SHARE", help="of memory for caches where offloaded weights overflow (0.3)"
    )
    parser.add_argument(
        "--fallback", help="compute formats that a chip lacks: status (default), or wider, the next one that it has"
    )


def add_calibration(parser: argparse.ArgumentParser) -> None:
    """Which constants `typical` has."""
    parser.add_argument("--calibration", metavar="FILE", help="constants of `tokenroof calibrate`, or 'published'")
    parser.add_argument("--software", help="with --calibration: the serving stack, e.g. vllm")


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``, which every command has."""
    parser.add_argument(
        "--json", action="store_true", help="machine-readable output; null where a value has no meaning"
    )


def add_cite(parser: argparse.ArgumentParser) -> None:
    """``--cite``, of commands that use numbers of the catalogue."""
    parser.add_argument("--cite", action="store_true", help="sources of the models and chips, with their grades")


def add_run(parser: argparse.ArgumentParser) -> None:
    """How to run; changes no number."""
    group = parser.add_argument_group("running")
    group.add_argument(
        "--threads", type=int, metavar="N", help="threads (default: all CPUs); the same bits for any number"
    )
    group.add_argument("--isa", default="auto", help="auto (default), generic, avx2 or avx512; the same bits for each")
    group.add_argument(
        "--dask", metavar="ADDRESS", help="the workers of a Dask cluster instead of threads, e.g. tcp://10.0.0.1:8786"
    )
    group.add_argument("--no-progress", dest="progress", action="store_false", default=None, help="no progress bar")


@contextmanager
def run_options(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The keywords of a run; the cluster that ``--dask`` names is there as long as the context."""
    options = {name: getattr(args, name) for name in _RUN}
    if args.dask is None:
        yield options
        return
    try:
        from distributed import Client
    except ImportError:
        raise TokenroofError("--dask needs distributed: pip install 'tokenroof[dask]'") from None
    try:
        client = Client(args.dask, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise TokenroofError(f"--dask {args.dask}: no scheduler answers there ({error})") from None
    with client:
        yield options | {"executor": client}


def split_names(text: str) -> list[str]:
    """Names between commas; a comma within parentheses belongs to an expression.

    >>> split_names("tpot_s, min(ttft_s, 1), batch")
    ['tpot_s', 'min(ttft_s, 1)', 'batch']
    """
    parts, depth = [""], 0
    for c in text:
        depth += (c == "(") - (c == ")")
        if c == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts]


def set_fields(args: argparse.Namespace) -> dict[str, list[str]]:
    """The axes that ``--set`` names."""
    named = {}
    for text in args.set or ():
        field, equals, values = text.partition("=")
        if not equals:
            raise SpecError("set", text, "FIELD=VALUES, e.g. hardware.mem_bw='2 TB/s,x2'")
        named[field.strip()] = split_names(values)
    return named


def find_model(text: str) -> str | Model:
    """A catalogue id as it is; the model of a config.json, of its folder, of a .gguf or of a catalogue .toml file.

    A path has a separator or one of these endings, so that a folder called like a catalogue id hides nothing.
    """
    from ..catalogue import model_from_toml
    from ..specs import Model

    if text.endswith(".toml"):
        return model_from_toml(text)
    if text.endswith(".gguf"):
        return Model.from_gguf(text)
    return Model.from_hf(text) if text.endswith(".json") or _is_path(text) else text


def find_hardware(text: str) -> str | Hardware:
    """A catalogue id as it is; the chip of a .toml file."""
    from ..specs import Hardware

    return Hardware.from_toml(text) if text.endswith(".toml") or _is_path(text) else text


def _is_path(text: str) -> bool:
    return text.startswith(("./", "../", "/", "~")) or (("/" in text or "\\" in text) and Path(text).exists())


def sweep_of(args: argparse.Namespace) -> tuple[Sweep, dict[str, Any]]:
    """The sweep of a spec file and the axis options, which go before the file's; and the file's table [best]."""
    from ..catalogue._toml import load_toml
    from ..sweep import Sweep

    file = load_toml(args.spec) if args.spec else {}
    for table in file:
        if table not in _TABLES:
            raise UnknownNameError(f"table in {args.spec}", table, _TABLES)
    spec, best = file.get("sweep", {}), file.get("best", {})
    if args.spec and (not isinstance(spec, Mapping) or not spec):
        raise SpecError("sweep", spec or None, "a table [sweep] with at least model and hardware", args.spec)
    if not isinstance(best, Mapping):
        raise SpecError("best", best, "a table [best] with objective, by, where, k", args.spec)
    named = dict(spec)
    for name in ("model", "hardware", *_AXES):
        text = getattr(args, name)
        if text is not None:
            named[name] = [part.strip() for part in text.split(",")]
    named |= set_fields(args)
    if args.zip:
        named["zip"] = [split_names(group) for group in args.zip]
    if args.chips is not None:
        named |= {"parallelism": "auto", "chips": args.chips}
    for name in SETTINGS:
        if getattr(args, name) is not None:
            named[name] = getattr(args, name)
    for name, find in (("model", find_model), ("hardware", find_hardware)):
        values = [named[name]] if isinstance(named.get(name), str) else named.get(name)
        if isinstance(values, list):
            named[name] = [find(v) if isinstance(v, str) else v for v in values]
    return Sweep.from_spec(named, args.spec or "command line"), dict(best)
