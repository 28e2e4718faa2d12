"""MiniMax-Text-01 and M1 (lightning attention), M2 (full attention), M3 (blocks of the cache chosen by an indexer)."""

from __future__ import annotations

from dataclasses import replace

from ..config import ConfigReader
from ..recurrent import lightning
from ..registry import family
from ..shape import Dense, Experts, Indexer, Shape
from .common import attention, check_active, choose, layer_kinds, stack
from .deepseek import sparse_layers

_LINEAR, _FULL, _SPARSE = "linear_attention", "full_attention", "minimax_m3_sparse"


@family("minimax", "minimax_text_01", "minimax_m1", defaults={"num_key_value_heads": 8})
def _minimax(reader: ConfigReader) -> Shape:
    attn = attention(reader)
    linear = lightning(reader.count("hidden_size"), attn.heads, attn.head_dim)
    experts, active = check_active(reader, "num_local_experts", "num_experts_per_tok")
    shared = reader.count("shared_intermediate_size", default=0, least=0)
    weighed = reader.has("shared_moe_mode") and reader.text("shared_moe_mode") == "sigmoid"
    moe = Experts(experts, active, reader.count("intermediate_size"), shared_width=shared, shared_gate=weighed)
    kinds = layer_kinds(reader, (_LINEAR, _FULL), _kinds(reader))
    return stack(reader, [linear if kind == _LINEAR else attn for kind in kinds], [moe] * reader.layers())


def _kinds(reader: ConfigReader) -> list[str]:
    """By ``attn_type_list`` (0: linear, 1: softmax), else in turn, softmax first, as the configuration class has it."""
    layers, kinds = reader.layers(), reader.items("attn_type_list")
    if not kinds:
        return [_LINEAR if layer % 2 else _FULL for layer in range(layers)]
    if len(kinds) != layers:
        raise reader.error(f"attn_type_list has {len(kinds)} entries, num_hidden_layers = {layers}")
    unknown = next((kind for kind in kinds if kind not in (0, 1)), None)
    if unknown is not None:
        raise reader.error(f"attn_type_list holds {unknown!r}: expected 0 (linear attention) or 1 (softmax)")
    return [_FULL if kind else _LINEAR for kind in kinds]


@family("minimax_m2", defaults={"head_dim": 128, "num_key_value_heads": 8})
def _minimax_m2(reader: ConfigReader) -> Shape:
    attn = attention(reader)
    if reader.flag("use_qk_norm", True):
        per_head = reader.has("qk_norm_type") and reader.text("qk_norm_type") == "per_head"
        attn = replace(attn, qk_norm=attn.head_dim * (2 if per_head else attn.heads + attn.kv_heads))
    if reader.items("attn_type_list") and _LINEAR in _kinds(reader):
        raise reader.error("attn_type_list holds 0: model_type 'minimax_m2' has softmax attention (1) alone")
    experts, active = check_active(reader, "num_local_experts", "num_experts_per_tok")
    corrected = reader.flag("use_routing_bias", True)
    moe = Experts(experts, active, reader.count("intermediate_size"), router_bias=corrected)
    return stack(reader, [attn] * reader.layers(), [moe] * reader.layers())


@family("minimax_m3", "minimax_m3_vl", "minimax_m3_vl_text", defaults={"head_dim": 128, "num_key_value_heads": 4})
def _minimax_m3(reader: ConfigReader) -> Shape:
    attn = attention(reader, head_norms=reader.flag("use_qk_norm", True))
    sparse_config = reader.inner("sparse_attention_config")
    kinds = layer_kinds(reader, (_SPARSE, _FULL), _m3_kinds(reader, sparse_config))
    chosen = replace(attn, indexer=_m3_indexer(reader, sparse_config)) if _SPARSE in kinds else attn
    ffns = choose(_m3_sparse(reader), lambda: _m3_experts(reader), lambda: _m3_dense(reader))
    return stack(reader, [chosen if kind == _SPARSE else attn for kind in kinds], ffns)


def _m3_indexer(reader: ConfigReader, sparse: ConfigReader) -> Indexer:
    """Scores every cached token but chooses whole blocks, the query's own among them; that one counts as full."""
    if sparse.has("sparse_topk_blocks"):
        keys = "sparse_topk_blocks", "sparse_block_size", "sparse_num_index_heads", "sparse_index_dim"
        blocks, size, heads, dim = (sparse.count(key) for key in keys)
    else:
        blocks, size = reader.count("index_topk_blocks", default=16), reader.count("index_block_size", default=128)
        heads, dim = reader.count("index_n_heads", default=4), reader.count("index_head_dim", default=128)
    kv_heads = reader.count("num_key_value_heads")
    if heads != kv_heads:
        raise reader.error(f"{heads} index heads for num_key_value_heads = {kv_heads}: expected one for each")
    return Indexer(top=blocks * size, heads=heads, head_dim=dim, weighted=False, norm_params=2 * dim)


def _m3_kinds(reader: ConfigReader, sparse: ConfigReader) -> list[str]:
    layers, kinds = reader.layers(), sparse.items("sparse_attention_freq")
    if not kinds:
        return [_FULL] * layers
    if len(kinds) != layers:
        raise sparse.error(f"sparse_attention_freq has {len(kinds)} entries, num_hidden_layers = {layers}")
    return [_SPARSE if kind else _FULL for kind in kinds]


def _m3_sparse(reader: ConfigReader) -> list[bool]:
    layers = reader.layers()
    if reader.items("mlp_layer_types"):
        return sparse_layers(reader)
    freq = reader.items("moe_layer_freq")
    if not freq:
        return [True] * layers
    if len(freq) != layers:
        raise reader.error(f"moe_layer_freq has {len(freq)} entries, num_hidden_layers = {layers}")
    return [bool(kind) for kind in freq]


def _m3_dense(reader: ConfigReader) -> Dense:
    return Dense(reader.count("dense_intermediate_size"))


def _m3_experts(reader: ConfigReader) -> Experts:
    experts, active = check_active(reader, "num_local_experts", "num_experts_per_tok")
    shared = reader.count("shared_intermediate_size", least=0)
    return Experts(experts, active, reader.count("intermediate_size"), shared_width=shared, router_bias=True)
