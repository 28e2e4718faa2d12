"""DeepSeek-V2, V3 (also R1, V3.1), V3.2, and Kimi K2: latent attention, first dense blocks, then experts."""

from __future__ import annotations

import math

from ..config import ConfigReader
from ..registry import family
from ..shape import Dense, Experts, Indexer, LatentAttention, Shape
from .common import check_active, choose, first_dense, stack
from .mtp import layer_params, predictors

__all__ = ["experts", "indexer", "latent", "sparse_layers"]


@family("deepseek_v2", defaults={"first_k_dense_replace": 0})
def _deepseek_v2(reader: ConfigReader) -> Shape:
    ffns = choose(first_dense(reader), lambda: experts(reader, corrected=False, shared=2), lambda: _dense(reader))
    return stack(reader, [latent(reader)] * reader.layers(), ffns)


@family("deepseek_v3", "kimi_k2", defaults={"first_k_dense_replace": 3})
def _deepseek_v3(reader: ConfigReader) -> Shape:
    # Load balancing without a loss term adds one learned number per expert to its score.
    corrected = not reader.has("topk_method") or reader.text("topk_method") == "noaux_tc"
    attn = latent(reader)
    sparse = first_dense(reader)
    ffns = choose(sparse, lambda: experts(reader, corrected), lambda: _dense(reader))
    extra: tuple[tuple[str, int], ...] = ()
    if reader.count("num_nextn_predict_layers", default=0, least=0):
        hidden = reader.count("hidden_size")
        block = layer_params(hidden, attn, experts(reader, corrected), norms=2 * hidden)
        extra = predictors(reader, block, tables=2)
    return stack(reader, [attn] * reader.layers(), ffns, checkpoint=extra + _fp8_scales(reader, attn, sparse))


@family("deepseek_v32", defaults={"first_k_dense_replace": 3})
def _deepseek_v32(reader: ConfigReader) -> Shape:
    attn = latent(reader, indexer(reader))
    ffns = choose(sparse_layers(reader), lambda: experts(reader), lambda: _dense(reader))
    extra: tuple[tuple[str, int], ...] = ()
    if reader.count("num_nextn_predict_layers", default=0, least=0):
        hidden = reader.count("hidden_size")
        extra = predictors(reader, layer_params(hidden, attn, experts(reader), norms=2 * hidden), tables=2)
    return stack(reader, [attn] * reader.layers(), ffns, checkpoint=extra)


def latent(reader: ConfigReader, index: Indexer | None = None, gate: int = 0, top: int = 0) -> LatentAttention:
    """Latent attention by DeepSeek's keys; a query rank that is ``null`` or absent means queries from the state.

    The configuration classes mean 1536 by an absent rank, but no published file leaves it out, while files that went
    through a format without ``null`` do.
    """
    return LatentAttention(
        heads=reader.count("num_attention_heads"),
        q_rank=reader.count("q_lora_rank") if reader.has("q_lora_rank") else None,
        kv_rank=reader.count("kv_lora_rank"),
        nope=reader.count("qk_nope_head_dim"),
        rope=reader.count("qk_rope_head_dim"),
        v_dim=reader.count("v_head_dim"),
        bias=reader.flag("attention_bias", False),
        gate=gate,
        indexer=index,
        top=top,
    )


def indexer(reader: ConfigReader) -> Indexer:
    """Sparse attention's indexer: queries from the compressed query, keys with a norm that has a bias."""
    head_dim = reader.count("index_head_dim")
    return Indexer(
        top=reader.count("index_topk"),
        heads=reader.count("index_n_heads"),
        head_dim=head_dim,
        q_in=reader.count("q_lora_rank"),
        norm_params=2 * head_dim,
    )


def experts(reader: ConfigReader, corrected: bool = True, shared: int = 1) -> Experts:
    """Routed and shared experts by DeepSeek's keys.

    Parameters
    ----------
    corrected : bool
        A learned number per expert is added to its score.
    shared : int
        Shared experts where the key is absent; there are none where it is ``null``.
    """
    count, active = check_active(reader, "n_routed_experts", "num_experts_per_tok")
    groups = reader.count("n_group", default=1)
    if count % groups:
        raise reader.error(f"n_routed_experts = {count} is not a multiple of n_group = {groups}")
    chosen = reader.count("topk_group", default=groups)
    if chosen > groups:
        raise reader.error(f"topk_group = {chosen} is more than n_group = {groups}")
    if active > chosen * (count // groups):
        raise reader.error(
            f"num_experts_per_tok = {active} is more than topk_group = {chosen} of n_group = {groups} groups hold: "
            f"{chosen * (count // groups)} of n_routed_experts = {count}"
        )
    width = reader.count("moe_intermediate_size")
    shared = 0 if reader.is_null("n_shared_experts") else reader.count("n_shared_experts", default=shared, least=0)
    nodes = chosen if groups > 1 else 0
    return Experts(count, active, width, shared_width=shared * width, router_bias=corrected, nodes=nodes)


def sparse_layers(reader: ConfigReader) -> list[bool]:
    """Whether each layer has experts: by ``mlp_layer_types`` when the config has them, else by the first dense ones."""
    kinds = reader.items("mlp_layer_types")
    layers = reader.layers()
    if not kinds:
        return first_dense(reader)
    if len(kinds) != layers:
        raise reader.error(f"mlp_layer_types has {len(kinds)} entries, num_hidden_layers = {layers}")
    unknown = next((kind for kind in kinds if kind not in ("dense", "sparse")), None)
    if unknown is not None:
        raise reader.error(f"mlp_layer_types holds {unknown!r}: expected 'dense' or 'sparse'")
    return [kind == "sparse" for kind in kinds]


def _dense(reader: ConfigReader) -> Dense:
    return Dense(reader.count("intermediate_size"))


def _fp8_scales(reader: ConfigReader, attn: LatentAttention, sparse: list[bool]) -> tuple[tuple[str, int], ...]:
    """One scale per tile of each quantised matrix: of attention, experts and dense blocks, predictors' included.

    With it DeepSeek-V3's checkpoint has the 684,531,386,000 numbers that its page on the Hugging Face Hub counts.
    """
    quantisation = reader.inner("quantization_config")
    if not quantisation.has("quant_method") or quantisation.text("quant_method") != "fp8":
        return ()
    tile = quantisation.items("weight_block_size")
    if len(tile) != 2 or not all(type(side) is int and side > 0 for side in tile):
        return ()

    high, wide = int(tile[0]), int(tile[1])

    def scales(n_out: int, n_in: int) -> int:
        return math.ceil(n_out / high) * math.ceil(n_in / wide)

    def block(width: int) -> int:
        return 2 * scales(width, hidden) + scales(hidden, width)

    hidden, heads, rank = reader.count("hidden_size"), attn.heads, attn.q_rank
    q = heads * (attn.nope + attn.rope)
    per_layer = scales(q, hidden) if rank is None else scales(rank, hidden) + scales(q, rank)
    per_layer += scales(attn.kv_rank + attn.rope, hidden) + scales(heads * (attn.nope + attn.v_dim), attn.kv_rank)
    per_layer += scales(hidden, heads * attn.v_dim)
    predicted = reader.count("num_nextn_predict_layers", default=0, least=0)
    total = (len(sparse) + predicted) * per_layer
    if not all(sparse):
        total += sparse.count(False) * block(reader.count("intermediate_size"))
    if any(sparse) or predicted:
        moe = experts(reader)
        each = moe.experts * block(moe.width) + (block(moe.shared_width) if moe.shared_width else 0)
        total += (sparse.count(True) + predicted) * each
    return (("FP8 scales", total),)
