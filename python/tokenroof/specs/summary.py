"""What a model consists of, part by part: the numbers behind `Model.summary` and their text."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from ..units import format_si
from .operator import Kind, Operator, Stage
from .parts import PARTS, CacheUse, base_of, cache_uses, label_of, parts_of
from .precision import precision

if TYPE_CHECKING:
    from .model import Model

__all__ = ["Summary"]

_WIDTH = 116  #: columns of text

_TITLES = {
    "embedding": "embedding",
    "lm_head": "LM head",
    "attention": "attention",
    "recurrent": "recurrent mixers",
    "dense_ffn": "dense FFN",
    "routed_experts": "routed experts",
    "shared_experts": "shared experts",
    "router": "routers",
    "norms_and_biases": "norms and biases",
    "other": "other",
}


_READS = {
    "window": "the last {:,.0f} tokens",
    "chunk": "their chunk of {:,.0f} tokens",
    "all": "all tokens",
    "chosen": "{:,.0f} chosen tokens",
    "strided": "some of those before",
    "compressed": "all before in compressed form",
    "compressed_chosen": "{:,.0f} chosen before in compressed form",
}


@dataclass(frozen=True, repr=False)
class Summary:
    """Parameters, cache, state and work of a model; ``print`` shows it as text.

    Attributes
    ----------
    model : Model
    """

    model: Model

    @property
    def params_by_part(self) -> dict[str, int]:
        """Parameters of each part of the network; a tied head has none of its own."""
        return self.model.params_by_part

    @property
    def active_params_by_part(self) -> dict[str, int]:
        """Parameters that one token uses, part by part."""
        active = dict.fromkeys(PARTS, 0.0)
        for op, part in parts_of(self.model.operators):
            active[part] += op.active_params
        return {part: round(elems) for part, elems in active.items()}

    @property
    def tied(self) -> bool:
        """Whether the LM head is the embedding table."""
        return any(op.tied_elems for op in self.model.operators)

    @property
    def stored_layers(self) -> int:
        """Layers with weights of their own: fewer than are executed where layers share weights."""
        repeated: dict[str, float] = {}
        for op in self.model.operators:
            if op.stage is Stage.LAYERS:
                repeated[label_of(op)] = max(repeated.get(label_of(op), 0.0), op.count - op.stored)
        return self.model.layers - round(sum(repeated.values()))

    @property
    def experts(self) -> tuple[tuple[int, float, float], ...]:
        """Of each kind of layer with experts: executed layers, experts of a layer, experts that a token uses."""
        rows = self.model.rows(Kind.EXPERTS)
        return tuple((layers, *key) for key, layers in _layers((op, (op.experts, op.active)) for op in rows))

    @property
    def cache_uses(self) -> tuple[CacheUse, ...]:
        """How the layers with attention use the cache."""
        return cache_uses(self.model.operators)

    @property
    def kv_elems_beyond_windows(self) -> float:
        """Cache elements that a token adds once all windows are full."""
        return sum(op.count * op.kv_store_elems for op in self.model.operators if math.isinf(op.window))

    @property
    def latent(self) -> bool:
        """Whether the cache holds one compressed vector for all heads (multi-head latent attention)."""
        return any(base_of(op) == "kv_b_proj" for op in self.model.operators)

    def to_dict(self) -> dict[str, Any]:
        """All numbers as plain values, units in their names."""
        m = self.model
        native = precision(m.native_precision)
        return {
            "params": m.params,
            "active_params": m.active_params,
            "params_by_part": self.params_by_part,
            "active_params_by_part": self.active_params_by_part,
            "tied_head": self.tied,
            "checkpoint_params_besides": dict(m.checkpoint),
            "layers": m.layers,
            "stored_layers": self.stored_layers,
            "experts": [{"layers": n, "experts": e, "active": k} for n, e, k in self.experts],
            "cache_uses": [
                {
                    "layers": use.layers,
                    "reads": [{"how": how, "tokens": n} for how, n in use.reads],
                    "shared": use.shared,
                }
                for use in self.cache_uses
            ],
            "weight_bytes_native": m.weight_bytes(),
            "weight_bytes_bf16": m.weight_bytes("bf16"),
            "kv_bytes_per_token_bf16": m.kv_elems_per_token * precision("bf16").kv_bytes,
            "kv_bytes_per_token_beyond_windows_bf16": self.kv_elems_beyond_windows * precision("bf16").kv_bytes,
            "kv_bytes_per_token_native": m.kv_elems_per_token * native.kv_bytes,
            "state_bytes_per_sequence": m.state_bytes_per_sequence,
            "cache_bytes_full_context_bf16": m.cache_bytes(m.max_context) if m.max_context < math.inf else None,
            "flops_per_token": m.flops_per_token,
            "flops_per_cached_token": m.flops_per_cached_token,
        }

    def __str__(self) -> str:
        m = self.model
        context = "not stated" if math.isinf(m.max_context) else f"{m.max_context:,.0f} tokens"
        facts = {
            "status": "" if m.status == "official" else f"{m.status.upper()}: the maker published no shape",
            "checkpoint": ", ".join(f"{what} {params:,}" for what, params in m.checkpoint),
            "shape": self._shape(),
            "experts": "; ".join(f"{n} layers with {k:g} of {e:g} per token" for n, e, k in self.experts),
            "weights": self._weights(),
            "attention": self._attention(),
            "cache": self._cache(),
            "state": self._state(),
            "decode": self._decode(),
            "context": context,
            "notes": m.notes,
        }
        title = m.id if m.name in ("", m.id) else f"{m.id}: {m.name}"
        return "\n".join([title, "", *self._table(), "", *_listed(facts)])

    __repr__ = __str__

    def _table(self) -> list[str]:
        active, total = self.active_params_by_part, self.model.params
        cells = [("parameters", "in all", "share", "per token")]
        for part, params in self.params_by_part.items():
            if params:
                cells.append((_TITLES[part], f"{params:,}", f"{params / total:.1%}", f"{active[part]:,}"))
            elif part == "lm_head" and self.tied:
                cells.append((_TITLES[part], "tied", "", ""))
        cells.append(("all", f"{total:,}", "", f"{self.model.active_params:,}"))
        return _aligned(cells)

    def _shape(self) -> str:
        m = self.model
        shared = f" with the weights of {self.stored_layers}" if self.stored_layers < m.layers else ""
        family = f"{m.family}, " if m.family else ""
        return f"{family}{m.layers} layers{shared}, hidden {m.hidden:,}, vocabulary {m.vocab:,}"

    def _weights(self) -> str:
        m = self.model
        native, wide = m.weight_bytes(), m.weight_bytes("bf16")
        text = f"{format_si(native, 'B', 4)} at {m.native_precision} (native)"
        return text if native == wide else f"{text}, {format_si(wide, 'B', 4)} at bf16"

    def _attention(self) -> str:
        if not self.cache_uses:
            return "in no layer"
        said = []
        for use in self.cache_uses:
            seen = " and ".join(_READS[how].format(tokens) for how, tokens in use.reads)
            said.append(
                f"{use.layers} of {self.model.layers} layers see {seen}" + ", in another layer's cache" * use.shared
            )
        return "; ".join(said) + ("; latent (MLA)" if self.latent else "")

    def _cache(self) -> str:
        m = self.model
        if not self.cache_uses:
            return ""
        wide, native = precision("bf16"), precision(m.native_precision)
        text = f"{m.kv_elems_per_token * wide.kv_bytes:,.0f} bytes per token at bf16"
        if self.kv_elems_beyond_windows != m.kv_elems_per_token:
            text += f", {self.kv_elems_beyond_windows * wide.kv_bytes:,.0f} once all windows are full"
        if native.kv_bytes != wide.kv_bytes:
            text += f", {m.kv_elems_per_token * native.kv_bytes:,.0f} at {native.kv}"
        if m.max_context < math.inf:
            text += f"; {format_si(m.cache_bytes(m.max_context), 'B')} at {m.max_context:,.0f} tokens (bf16)"
        return text

    def _state(self) -> str:
        size = self.model.state_bytes_per_sequence
        return f"{size:,.0f} bytes per sequence, whatever its length" if size else ""

    def _decode(self) -> str:
        m = self.model
        more = f", {format_si(m.flops_per_cached_token, 'FLOP', 4)} more per cached token" if self.cache_uses else ""
        return f"{format_si(m.flops_per_token, 'FLOP', 4)} per token{more}"


def _listed(facts: Mapping[str, str]) -> list[str]:
    """One fact a line, long ones over several lines; those that say nothing are left out."""
    shown = {name: text for name, text in facts.items() if text}
    width = max(map(len, shown))
    lines = []
    for name, text in shown.items():
        wrapped = wrap(text, _WIDTH - width, break_long_words=False, break_on_hyphens=False)
        lines += [f"  {part:<{width}}  {line}" for part, line in zip_longest([name], wrapped, fillvalue="")]
    return lines


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    """Rows with their first column to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            text.ljust(w) if i == 0 else text.rjust(w) for i, (text, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def _layers(rows: Iterable[tuple[Operator, Any]]) -> list[tuple[Any, int]]:
    """Executed layers of each key, in order of appearance."""
    layers: Counter[Any] = Counter()
    for op, key in rows:
        layers[key] += round(op.count)
    return list(layers.items())
