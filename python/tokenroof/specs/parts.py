"""What a row's name tells: the part of the network that it belongs to, and how a layer uses the cache."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .operator import Kind, Operator, Weights

__all__ = ["PARTS", "CacheUse", "base_of", "cache_uses", "label_of", "parts_of"]

#: Parts of a network, in the order in which people list them.
PARTS = (
    "embedding",
    "lm_head",
    "attention",
    "recurrent",
    "dense_ffn",
    "routed_experts",
    "shared_experts",
    "router",
    "norms_and_biases",
    "other",
)

#: Rows whose name says the part; norms and biases are told by their class of weights.
_BY_NAME = {
    "embedding_up": "embedding",
    "head_down": "lm_head",
    "mlp_up": "dense_ffn",
    "mlp_down": "dense_ffn",
    "router": "router",
    "latent_down": "routed_experts",
    "latent_up": "routed_experts",
    "shared_expert": "shared_experts",
    "shared_gate": "shared_experts",
    "per_layer_proj": "embedding",
    "per_layer_gate": "embedding",
    "per_layer_out": "embedding",
}
_BY_KIND = {
    Kind.EMBEDDING: "embedding",
    Kind.HEAD: "lm_head",
    Kind.EXPERTS: "routed_experts",
    Kind.ATTENTION: "attention",
}
_OF_ATTENTION = frozenset(
    [
        "compressor",
        "gate_proj",
        "index_compressor",
        "index_k_proj",
        "index_q_proj",
        "index_weights",
        "kv_a_proj",
        "kv_b_proj",
        "kv_proj",
        "o_a_proj",
        "o_b_proj",
        "o_proj",
        "q_a_proj",
        "q_b_proj",
        "q_proj",
        "qkv_proj",
    ]
)
_PROJECTIONS = (Kind.GEMM, Kind.REPLICATED, Kind.ATTENTION)


#: Ways to read a cache: its last tokens, a chunk, all of it, the tokens that an indexer chose, some of those outside
#: the window, entries that stand for several tokens, chosen ones of these.
_HOW = ("window", "chunk", "all", "chosen", "strided", "compressed", "compressed_chosen")


@dataclass(frozen=True, slots=True)
class CacheUse:
    """Layers that use the cache alike."""

    layers: int  #: executed layers
    reads: tuple[tuple[str, float], ...]  #: how, and the most tokens that a query sees so: ``("window", 128.0)``
    shared: bool  #: the cache is an earlier layer's


def parts_of(operators: Iterable[Operator]) -> Iterator[tuple[Operator, str]]:
    """Each row with its part, one of `PARTS`.

    A recurrent mixer names its projections as it likes: they are told by the scan of their layer group. Where attention
    runs beside it, names decide.
    """
    rows = list(operators)
    scans = {label_of(op) for op in rows if base_of(op).endswith("_scan")}
    caches = {label_of(op) for op in rows if op.kv_read_elems}
    for op in rows:
        base, label = base_of(op), label_of(op)
        of_attention = base in _OF_ATTENTION or bool(op.kv_read_elems or op.kv_store_elems)
        if base in _BY_NAME:
            yield op, _BY_NAME[base]
        elif op.kind is Kind.REPLICATED and op.weights is Weights.WIDE:
            yield op, "norms_and_biases"
        elif op.kind in _PROJECTIONS and label in scans and not (of_attention and label in caches):
            yield op, "recurrent"
        else:
            yield op, "attention" if of_attention else _BY_KIND.get(op.kind, "other")


def base_of(op: Operator) -> str:
    """A row's name without its layer group: ``qkv_proj`` of ``qkv_proj.window128_moe``."""
    return op.name.partition(".")[0]


def label_of(op: Operator) -> str:
    """What a row's name says of its layer group: ``window128_moe``; empty where there is one group."""
    return op.name.partition(".")[2]


def cache_uses(operators: Iterable[Operator]) -> tuple[CacheUse, ...]:
    """How the layers with attention use the cache, in order of appearance."""
    groups: dict[str, list[Operator]] = {}
    for op in operators:
        if op.kind is Kind.ATTENTION and (op.kv_read_elems or op.kv_store_elems):
            groups.setdefault(label_of(op), []).append(op)
    layers: Counter[tuple[tuple[tuple[str, float], ...], bool]] = Counter()
    for rows in groups.values():
        readers = [op for op in rows if op.kv_read_elems and base_of(op) != "indexer"]
        if readers:
            reads = sorted({_read(op, rows) for op in readers}, key=lambda read: _HOW.index(read[0]))
            layers[tuple(reads), not any(op.kv_store_elems for op in rows)] += round(max(op.count for op in readers))
    return tuple(CacheUse(count, reads, shared) for (reads, shared), count in layers.items())


def _read(op: Operator, group: list[Operator]) -> tuple[str, float]:
    """How one row reads the cache, and of how many tokens at most."""
    base, endless = base_of(op), math.isinf(op.window)
    if base == "attention_strided":
        return "strided", op.window
    if base == "compressed_attention":
        return "compressed" if endless else "compressed_chosen", op.window
    if endless:
        return "all", op.window
    if op.chunked:
        return "chunk", op.window
    # What is stored whole by another row, but read in part, is chosen.
    whole = any(other.kv_store_elems and base_of(other) in ("indexer", "latent_cache") for other in group)
    return "chosen" if whole and not op.kv_store_elems else "window", op.window
