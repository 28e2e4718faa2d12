"""``tokenroof models``: the catalogue's models, or one of them operator by operator."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

from .arguments import add_json, find_model
from .output import print_json

if TYPE_CHECKING:
    from ..specs import Model

_BF16_BYTES = 2.0


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "models",
        help="list the catalogue's models, or show one",
        description="The catalogue's models; with an ID (or a file), its summary, operators and sources.",
        allow_abbrev=False,
    )
    parser.add_argument("id", nargs="?", metavar="ID", help="catalogue id, config.json, its folder, or a .gguf file")
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the list or the model."""
    from .. import catalogue

    if args.id is None:
        rows = [_row(catalogue.model(id)) for id in catalogue.model_ids()]
        print_json(rows) if args.json else print(_listing(rows))
        return
    found = find_model(args.id)
    model = catalogue.model(found) if isinstance(found, str) else found
    if args.json:
        summary = {"summary": model.summary().to_dict()}
        print_json(_row(model) | summary | {"operators": _operators(model), "sources": _sources(model)})
    else:
        print(_one(model))


def _row(m: Model) -> dict[str, Any]:
    return {
        "id": m.id,
        "name": m.name,
        "params": m.params,
        "active_params": m.active_params,
        "layers": m.layers,
        "hidden": m.hidden,
        "vocab": m.vocab,
        "kv_bytes_per_token_bf16": m.kv_elems_per_token * _BF16_BYTES,
        "state_bytes_per_sequence": m.state_bytes_per_sequence,
        "max_context": m.max_context,
        "native_precision": m.native_precision,
        "status": m.status,
        "notes": m.notes,
    }


def _listing(rows: list[dict[str, Any]]) -> str:
    from ..text import table_text

    shown = [
        {
            "id": row["id"],
            "params": f"{row['params'] / 1e9:,.2f} B",
            "active": f"{row['active_params'] / 1e9:,.2f} B",
            "layers": row["layers"],
            "KV B/token bf16": round(row["kv_bytes_per_token_bf16"]),
            "state B": round(row["state_bytes_per_sequence"]) or "-",
            "context": "-" if math.isinf(row["max_context"]) else int(row["max_context"]),
            "native": row["native_precision"],
            "status": row["status"] if row["status"] == "official" else row["status"].upper(),
        }
        for row in rows
    ]
    return table_text(shown, shown[0]) + "\n\nB = 1e9 parameters. RUMOURED and PROXY: the maker published no shape."


def _operators(m: Model) -> list[dict[str, Any]]:
    fields = (
        "name",
        "kind",
        "count",
        "params",
        "flops_token",
        "flops_ctx_decode",
        "kv_read_elems",
        "kv_store_elems",
        "window",
        "experts",
        "active",
        "comm_elems",
    )
    rows = [{name: getattr(op, name) for name in fields} for op in m.operators]
    return [row | {"kind": op.kind.name.lower()} for row, op in zip(rows, m.operators, strict=True)]


def _sources(m: Model) -> list[dict[str, Any]]:
    from ..catalogue import source

    return [{"key": key, **source(key)} for key in m.sources]


def _one(m: Model) -> str:
    from ..text import table_text
    from ..units import format_si

    rows = [
        {
            "operator": op.name,
            "kind": op.kind.name.lower(),
            "times": op.count,
            "params": format_si(op.params) if op.params else "",
            "FLOP/token": format_si(op.flops_token) if op.flops_token else "",
            "FLOP/token/context": format_si(op.flops_ctx_decode) if op.flops_ctx_decode else "",
            "KV elements/token": format_si(op.kv_store_elems) if op.kv_store_elems else "",
            "experts": f"{op.active:g} of {op.experts:g}" if op.experts else "",
            "elements sent": format_si(op.comm_elems) if op.comm_elems else "",
        }
        for op in m.operators
    ]
    lines = [str(m.summary()), "", "operators: each number is for one execution, except params (all copies)"]
    lines += [table_text(rows, rows[0]), "", "sources"]
    lines += [f"  {s['key']}: {s.get('title', '')}. {s.get('ref', '')}" for s in _sources(m)] or ["  the file given"]
    return "\n".join(lines)
