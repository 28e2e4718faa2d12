"""What most families read alike: heads, windows, experts, and the sorting of layers into groups."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

from ..config import ConfigReader
from ..shape import Attention, Dense, Ffn, LayerGroup, Mixer, Shape

__all__ = ["attention", "check_active", "decoder", "dense", "windows"]


def attention(
    reader: ConfigReader,
    qkv_bias: bool = False,
    o_bias: bool = False,
    head_norms: bool = False,
    sinks: bool = False,
) -> Attention:
    """Grouped-query attention; ``head_norms``: a norm over each query head and over each key head."""
    heads = reader.count("num_attention_heads")
    kv_heads = reader.count("num_key_value_heads", default=heads)
    if heads % kv_heads:
        raise reader.error(f"num_attention_heads = {heads} is not a multiple of num_key_value_heads = {kv_heads}")
    if reader.has("head_dim"):
        head_dim = reader.count("head_dim")
    else:
        hidden = reader.count("hidden_size")
        head_dim, rest = divmod(hidden, heads)
        if rest:
            raise reader.error(
                f"hidden_size = {hidden} is not a multiple of num_attention_heads = {heads}, and there is no head_dim"
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
        raise reader.error(f"{active_key} = {active} is more than {experts_key} = {experts}")
    return experts, active


def windows(reader: ConfigReader, default: Sequence[float] | None = None) -> list[float]:
    """The window of each layer [tokens]: by ``layer_types`` when the config has them, else ``default``, else none.

    Raises
    ------
    ConfigError
        When ``layer_types`` is not one known kind per layer, or needs a ``sliding_window`` that is missing.
    """
    layers = reader.layers()
    kinds = reader.items("layer_types")
    if not kinds:
        return list(default) if default is not None else [math.inf] * layers
    if len(kinds) != layers:
        raise reader.error(f"layer_types has {len(kinds)} entries, num_hidden_layers = {layers}")
    unknown = next((kind for kind in kinds if kind not in ("full_attention", "sliding_attention")), None)
    if unknown is not None:
        raise reader.error(
            f"layer_types holds {unknown!r}: model_type {reader.model_type!r} has full_attention and sliding_attention"
        )
    sliding = reader.tokens("sliding_window")
    if math.isinf(sliding) and "sliding_attention" in kinds:
        raise reader.error("layer_types holds 'sliding_attention', but sliding_window is missing")
    return [sliding if kind == "sliding_attention" else math.inf for kind in kinds]


def decoder(
    reader: ConfigReader,
    mixer: Callable[[float], Mixer],
    ffn: Callable[[bool], Ffn],
    window: Sequence[float] | None = None,
    sparse: Sequence[bool] | None = None,
    tied: bool = False,
) -> Shape:
    """A stack of layers with a norm before the mixer, one before the feed-forward block and one at the end.

    Parameters
    ----------
    mixer, ffn : callable
        The mixer for a window [tokens], the block for a dense (False) or sparse (True) layer.
    window, sparse : sequence, optional
        Per layer; when absent, no layer has a window, and all are dense.
    tied : bool
        What the family means when ``tie_word_embeddings`` is absent.
    """
    layers = reader.layers()
    hidden = reader.count("hidden_size")
    kinds = Counter(zip(window or [math.inf] * layers, sparse or [False] * layers, strict=True))
    some_windows = len({width for width, _ in kinds}) > 1
    some_sparse = len({is_sparse for _, is_sparse in kinds}) > 1
    groups = []
    for (width, is_sparse), count in kinds.items():
        label = []
        if some_windows:
            label.append("full" if math.isinf(width) else f"window{width:.0f}")
        if some_sparse:
            label.append("moe" if is_sparse else "dense")
        groups.append(LayerGroup(count, mixer(width), ffn(is_sparse), 2 * hidden, "_".join(label)))
    return Shape(
        hidden,
        reader.count("vocab_size"),
        tuple(groups),
        tied=reader.flag("tie_word_embeddings", tied),
        final_norm_params=hidden,
        max_context=reader.tokens("max_position_embeddings"),
    )
