"""What most families read alike: heads, windows, experts, and the sorting of layers into groups."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ..config import ConfigReader
from ..shape import (
    Attention,
    CompressedAttention,
    Dense,
    Experts,
    Ffn,
    LatentAttention,
    LayerGroup,
    Mixer,
    Shape,
    SideBySide,
)

__all__ = [
    "all_but_every",
    "attention",
    "check_active",
    "choose",
    "dense",
    "first_dense",
    "layer_kinds",
    "listed_layers",
    "longest_context",
    "stack",
    "windowed",
    "windows",
]


def attention(
    reader: ConfigReader,
    qkv_bias: bool = False,
    o_bias: bool = False,
    head_norms: bool = False,
    sinks: bool = False,
    kv_heads: int | None = None,
) -> Attention:
    """Grouped-query attention.

    Parameters
    ----------
    head_norms : bool
        A norm over each query head and over each key head.
    kv_heads : int, optional
        What the family itself decides; a config that says otherwise is wrong.
    """
    heads = reader.count("num_attention_heads")
    fixed, kv_heads = kv_heads, reader.count("num_key_value_heads", default=kv_heads or heads)
    if fixed and kv_heads != fixed:
        raise reader.error(
            f"{reader.key('num_key_value_heads')} = {kv_heads}: model_type {reader.model_type!r} "
            f"has {fixed} for {reader.key('num_attention_heads')} = {heads} here"
        )
    if heads % kv_heads:
        raise reader.error(
            f"{reader.key('num_attention_heads')} = {heads} is not a multiple of "
            f"{reader.key('num_key_value_heads')} = {kv_heads}"
        )
    if reader.has("head_dim"):
        head_dim = reader.count("head_dim")
    else:
        hidden = reader.count("hidden_size")
        head_dim, rest = divmod(hidden, heads)
        if rest:
            raise reader.error(
                f"{reader.key('hidden_size')} = {hidden} is not a multiple of "
                f"{reader.key('num_attention_heads')} = {heads}, and there is no head_dim"
            )
    return Attention(
        heads,
        kv_heads,
        head_dim,
        qkv_bias=qkv_bias,
        o_bias=o_bias,
        qk_norm=2 * head_dim if head_norms else 0,
        sinks=sinks,
    )


def dense(reader: ConfigReader, bias: bool = False) -> Dense:
    """A gated feed-forward block."""
    return Dense(reader.count("intermediate_size"), bias=bias)


def check_active(reader: ConfigReader, experts_key: str, active_key: str) -> tuple[int, int]:
    """Routed experts and how many of them a token uses."""
    experts, active = reader.count(experts_key), reader.count(active_key)
    if active > experts:
        raise reader.error(f"{reader.key(active_key)} = {active} is more than {reader.key(experts_key)} = {experts}")
    return experts, active


def windows(reader: ConfigReader, default: Sequence[float] | None = None) -> list[float]:
    """The window of each layer [tokens]: by ``layer_types`` when the config has them, else ``default``, else none.

    Raises
    ------
    ConfigError
        When ``layer_types`` is not one known kind per layer, or needs a ``sliding_window`` that is missing.
    """
    if not reader.items("layer_types"):
        return list(default) if default is not None else [math.inf] * reader.layers()
    kinds = layer_kinds(reader, ("full_attention", "sliding_attention"), ())
    sliding = reader.tokens("sliding_window")
    if math.isinf(sliding) and "sliding_attention" in kinds:
        raise reader.error("layer_types holds 'sliding_attention', but sliding_window is missing")
    return [sliding if kind == "sliding_attention" else math.inf for kind in kinds]


def longest_context(reader: ConfigReader) -> float:
    """Tokens of the longest context where files have ``model_max_length``, and may say less in the common key."""
    return reader.tokens("model_max_length" if reader.has("model_max_length") else "max_position_embeddings")


def all_but_every(layers: int, every: int, width: float) -> list[float]:
    """A window of ``width`` tokens in all layers but each ``every``-th."""
    return [math.inf if (layer + 1) % every == 0 else width for layer in range(layers)]


def layer_kinds(reader: ConfigReader, known: Sequence[str], default: Sequence[str]) -> list[str]:
    """The kind of each layer: ``layer_types`` where the config has it, else ``default``.

    Raises
    ------
    ConfigError
        When ``layer_types`` is not one of ``known`` per layer.
    """
    layers = reader.layers()
    kinds = reader.items("layer_types")
    if not kinds:
        return list(default)
    if len(kinds) != layers:
        raise reader.error(f"layer_types has {len(kinds)} entries, num_hidden_layers = {layers}")
    unknown = next((kind for kind in kinds if kind not in known), None)
    if unknown is not None:
        raise reader.error(f"layer_types holds {unknown!r}: model_type {reader.model_type!r} has {' and '.join(known)}")
    return kinds


def listed_layers(reader: ConfigReader, key: str) -> list[int]:
    """The layers that the list under ``key`` names; none when absent."""
    layers = reader.layers()
    chosen = reader.items(key)
    for layer in chosen:
        if type(layer) is not int or not 0 <= layer < layers:
            raise reader.error(f"{key} holds {layer!r}: expected layers below num_hidden_layers = {layers}")
    return chosen


def stack(
    reader: ConfigReader,
    mixers: Sequence[Mixer | None],
    ffns: Sequence[Ffn | None],
    *,
    norms: int | Sequence[int] | None = None,
    parallel: bool = False,
    repeat: int = 1,
    tied: bool = False,
    **rest: Any,
) -> Shape:
    """A decoder of the given layers; alike ones become one group.

    Parameters
    ----------
    mixers, ffns : sequence
        One per layer; None where a layer has no such part.
    norms : int or sequence of int, optional
        Parameters of each layer's norms over the hidden state; two RMS norms when absent.
    parallel, repeat
        As in `LayerGroup`, for all layers.
    tied : bool
        What the family means when ``tie_word_embeddings`` is absent.
    rest
        Any other field of `Shape`; ``hidden``, ``vocab``, ``max_context`` and one final RMS norm come from the usual
        keys when absent.
    """
    hidden = rest.setdefault("hidden", None) or reader.count("hidden_size")
    per_layer = (
        [2 * hidden if norms is None else norms] * len(mixers) if norms is None or isinstance(norms, int) else norms
    )
    kinds = Counter(zip(mixers, ffns, per_layer, strict=True))
    mixer_words = {_mixer_word(mixer) for mixer, _, _ in kinds}
    ffn_words = {_ffn_word(ffn) for _, ffn, _ in kinds}
    groups: list[LayerGroup] = []
    labels: Counter[str] = Counter()
    for (mixer, ffn, norm), count in kinds.items():
        words = [_mixer_word(mixer)] if len(mixer_words) > 1 else []
        words += [_ffn_word(ffn)] if len(ffn_words) > 1 else []
        label = "_".join(word for word in words if word)
        labels[label] += 1
        if labels[label] > 1:
            label = f"{label}{labels[label]}"
        elif not label and len(kinds) > 1:
            label = "1"
        groups.append(LayerGroup(count, mixer, ffn, norm, label, parallel=parallel, repeat=repeat))
    rest["hidden"] = hidden
    rest.setdefault("vocab", None)
    rest["vocab"] = rest["vocab"] or reader.count("vocab_size")
    rest.setdefault("final_norm_params", hidden)
    rest.setdefault("max_context", reader.tokens("max_position_embeddings"))
    return Shape(groups=tuple(groups), tied=reader.flag("tie_word_embeddings", tied), **rest)


def _mixer_word(mixer: Mixer | None) -> str:
    match mixer:
        case None:
            return ""
        case Attention():
            kind = "full" if math.isinf(mixer.window) else f"{'chunk' if mixer.chunked else 'window'}{mixer.window:.0f}"
            kind += "_sparse" if mixer.indexer else ""
            return f"{kind}_shared" if mixer.shared_cache else kind
        case LatentAttention():
            return "latent" if mixer.indexer is None else "latent_sparse"
        case CompressedAttention():
            return "window" if not mixer.ratio else "compressed_sparse" if mixer.indexer else "compressed"
        case SideBySide():
            return "_and_".join(map(_mixer_word, mixer.parts))
        case _:
            return mixer.kind


def _ffn_word(ffn: Ffn | None) -> str:
    return "" if ffn is None else "moe" if isinstance(ffn, Experts) else "dense"


def first_dense(reader: ConfigReader, key: str = "first_k_dense_replace") -> list[bool]:
    """Whether each layer is sparse: all after the first so many, where ``moe_layer_freq`` does not say otherwise."""
    layers = reader.layers()
    first = reader.count(key, least=0)
    if first > layers:
        raise reader.error(f"{key} = {first} is more than num_hidden_layers = {layers}")
    every = reader.count("moe_layer_freq", default=1)
    return [layer >= first and layer % every == 0 for layer in range(layers)]


def choose(sparse: Sequence[bool], moe: Callable[[], Ffn], dense_block: Callable[[], Ffn]) -> list[Ffn]:
    """The block of each layer; reads the keys of either kind only where a layer has it."""
    blocks: dict[bool, Ffn] = {}
    for kind in set(sparse):
        blocks[kind] = moe() if kind else dense_block()
    return [blocks[kind] for kind in sparse]


def windowed(attn: Attention, widths: Sequence[float]) -> list[Attention]:
    """``attn`` with the window of each layer."""
    by_width = {width: replace(attn, window=width) for width in set(widths)}
    return [by_width[width] for width in widths]
