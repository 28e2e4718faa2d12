"""MPT: the keys of its own training library, with what that library reads and the published models leave off."""

from __future__ import annotations

from dataclasses import replace

from ..config import ConfigReader
from ..registry import family
from ..shape import Dense, Shape
from .common import attention, stack

_NAMES = {
    "d_model": "hidden_size",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "max_seq_len": "max_position_embeddings",
}


@family("mpt", defaults={"max_position_embeddings": 2048, "expansion_ratio": 4}, names=_NAMES)
def _mpt(reader: ConfigReader) -> Shape:
    hidden, layers = reader.count("hidden_size"), reader.layers()
    inner = reader.inner("attn_config")
    bias = not reader.flag("no_bias", True)
    kv_heads = _kv_heads(reader, inner)
    norm = hidden * _per_channel(reader, bias)
    attn = attention(reader, qkv_bias=bias, o_bias=bias, kv_heads=kv_heads)
    if inner.flag("qk_ln", False):
        attn = replace(attn, qk_norm=(attn.heads + kv_heads) * attn.head_dim * _per_channel(reader, bias))
    if inner.has("sliding_window_size") and inner.count("sliding_window_size", least=-1) > 0:  # -1: none
        attn = replace(attn, window=float(inner.count("sliding_window_size")))
    # Either of the two replaces the table of learned positions.
    relative = inner.flag("alibi", True) or inner.flag("rope", False)
    positions = 0 if relative or not reader.flag("learned_pos_emb", True) else reader.count("max_position_embeddings")
    mlp = Dense(reader.count("expansion_ratio") * hidden, gated=False, bias=bias)
    return stack(
        reader,
        [attn] * layers,
        [mlp] * layers,
        norms=2 * norm,
        tied=True,
        final_norm_params=norm,
        positions=positions,
    )


def _per_channel(reader: ConfigReader, bias: bool) -> int:
    """Parameters of a norm per channel; all kinds of norm but the RMS norm lose their bias to ``no_bias``."""
    kind = reader.text("norm_type") if reader.has("norm_type") else "low_precision_layernorm"
    return 1 if "rms" in kind else 1 + bias


def _kv_heads(reader: ConfigReader, inner: ConfigReader) -> int:
    heads = reader.count("num_attention_heads")
    kind = inner.text("attn_type") if inner.has("attn_type") else "multihead_attention"
    known = {"multihead_attention": heads, "multiquery_attention": 1}
    if kind == "grouped_query_attention":
        return inner.count("kv_n_heads")
    if kind not in known:
        raise inner.error(f"attn_type = {kind!r}: expected {', '.join(known)} or grouped_query_attention")
    kv_heads = inner.count("kv_n_heads", default=known[kind])
    if kv_heads != known[kind]:
        raise inner.error(f"kv_n_heads = {kv_heads}, but attn_type = {kind!r} with n_heads = {heads} has {known[kind]}")
    return kv_heads
