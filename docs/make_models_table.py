"""Rewrites what docs/models.md says of the code: families, architectures, and the sizes of the catalogue's models.

Run from anywhere: ``python docs/make_models_table.py``; a test compares the page with what this makes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from textwrap import wrap

import tokenroof as tr
from tokenroof.lowering import families
from tokenroof.lowering.gguf.architectures import ARCHITECTURES
from tokenroof.specs import Model
from tokenroof.units import format_si

PAGE = Path(__file__).parent / "models.md"


def _names(names: list[str]) -> str:
    return "\n".join(wrap(", ".join(f"`{name}`" for name in names), 120, break_on_hyphens=False))


def _sizes() -> str:
    lines = [
        "| model | parameters | active | layers | cache B/token | once windows are full | state B | at full context |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join(lines + [_size(tr.model(name)) for name in tr.model_ids()])


def _size(m: Model) -> str:
    summary = m.summary()
    bounded, state, context = summary.kv_elems_beyond_windows, m.state_bytes_per_sequence, m.max_context
    cells = [
        m.id if m.status == "official" else f"{m.id} ({m.status})",
        f"{m.params:,}",
        f"{m.active_params:,}" if m.active_params != m.params else "",
        f"{m.layers}",
        f"{2 * m.kv_elems_per_token:,.0f}",
        f"{2 * bounded:,.0f}" if bounded != m.kv_elems_per_token else "",
        f"{state:,.0f}" if state else "",
        f"{format_si(m.cache_bytes(context), 'B')} at {context:,.0f}" if math.isfinite(context) else "",
    ]
    return f"| {' | '.join(cells)} |"


MADE: dict[str, Callable[[], str]] = {
    "families": lambda: _names(families()),
    "architectures": lambda: _names(sorted(ARCHITECTURES)),
    "sizes": _sizes,
}


def remade(text: str) -> str:
    """The page with every made part as the code has it now."""
    for name, make in MADE.items():
        before, mark, rest = text.partition(f"<!-- made: {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        if not mark or not end:
            raise SystemExit(f"{PAGE}: expected a part between <!-- made: {name} --> and <!-- end -->")
        text = f"{before}{mark}{make()}\n{end}{after}"
    return text


if __name__ == "__main__":
    PAGE.write_text(remade(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
