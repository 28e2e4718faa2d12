"""Nemotron-H and Nemotron 3: every layer is one block, a mixer or a feed-forward block, with one norm before it."""

from __future__ import annotations

from ..config import ConfigReader
from ..recurrent import mamba2
from ..registry import family
from ..shape import Dense, Experts, Ffn, Mixer, Shape
from .common import attention, check_active, stack
from .mamba import state_heads
from .mtp import layer_params, predictors

_LETTERS = {"M": "mamba", "*": "attention", "-": "mlp", "E": "moe"}

#: Later names of the same kinds.
_NAMES = {"linear_attention": "mamba", "full_attention": "attention"}

_CACHE_BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0}


@family(
    "nemotron_h",
    defaults={
        "num_key_value_heads": 8,
        "head_dim": 128,
        "ssm_state_size": 128,
        "n_groups": 8,
        "conv_kernel": 4,
        "mamba_ssm_cache_dtype": "float32",
    },
    names={"attention_head_dim": "head_dim"},  # the first release's
)
def _nemotron_h(reader: ConfigReader) -> Shape:
    hidden, kinds = reader.count("hidden_size"), _kinds(reader)
    blocks = {kind: _block(reader, kind) for kind in set(kinds)}
    mixers = [block if isinstance(block := blocks[kind], Mixer) else None for kind in kinds]
    ffns = [block if isinstance(block := blocks[kind], Ffn) else None for kind in kinds]
    return stack(reader, mixers, ffns, norms=hidden, checkpoint=_predictors(reader, hidden))


def _kinds(reader: ConfigReader, prefix: str = "") -> list[str]:
    """The kind of each layer; ``prefix``: of the predictors' keys. The list counts the layers, not the key."""
    list_key = f"{prefix}layers_block_type"
    pattern_key = f"{prefix}hybrid_override_pattern"
    kinds = [_NAMES.get(kind, kind) for kind in reader.items(list_key)]
    where = list_key
    if not kinds:
        where = pattern_key
        kinds = [_LETTERS.get(letter, letter) for letter in reader.text(pattern_key)]
    unknown = next((kind for kind in kinds if kind not in _LETTERS.values()), None)
    if unknown is not None:
        raise reader.error(f"{where} holds {unknown!r}: expected M mamba, * attention, - mlp, E moe")
    if not prefix and reader.has("num_hidden_layers") and reader.layers() != len(kinds):
        raise reader.error(f"{where} has {len(kinds)} layers, num_hidden_layers = {reader.layers()}")
    return kinds


def _block(reader: ConfigReader, kind: str) -> Mixer | Ffn:
    bias = reader.flag("mlp_bias", False)
    if kind == "attention":
        return attention(reader)
    if kind == "mamba":
        return _mamba(reader)
    if kind == "mlp":
        return Dense(reader.count("intermediate_size"), gated=False, bias=bias)
    experts, active = check_active(reader, "n_routed_experts", "num_experts_per_tok")
    return Experts(
        experts,
        active,
        reader.count("moe_intermediate_size"),
        gated=False,
        shared_width=reader.count("moe_shared_expert_intermediate_size", least=0),
        latent=reader.count("moe_latent_size", default=0),
        router_bias=True,
        shared_bias=bias,
    )


def _mamba(reader: ConfigReader) -> Mixer:
    heads, head_dim, groups = (reader.count(key) for key in ("mamba_num_heads", "mamba_head_dim", "n_groups"))
    dtype = reader.text("mamba_ssm_cache_dtype")
    if dtype not in _CACHE_BYTES:
        raise reader.error(f"mamba_ssm_cache_dtype = {dtype!r}: expected {' or '.join(_CACHE_BYTES)}")
    return mamba2(
        reader.count("hidden_size"),
        state_heads(reader, "mamba_num_heads", "mamba_head_dim", heads * head_dim, head_dim, groups),
        head_dim,
        groups,
        reader.count("ssm_state_size"),
        reader.count("conv_kernel"),
        conv_bias=reader.flag("use_conv_bias", True),
        proj_bias=reader.flag("use_bias", False),
        state_bytes=_CACHE_BYTES[dtype],
    )


def _predictors(reader: ConfigReader, hidden: int) -> tuple[tuple[str, int], ...]:
    """Each predictor's blocks with their norms; the tables are the model's own.

    With them, Nemotron 3 Super has the 123,611,012,096 numbers in 16 bit that the Hugging Face Hub counts; the
    corrections of the routers, one per expert, are kept in 32 bit and not among them.
    """
    if not reader.count("num_nextn_predict_layers", default=0, least=0):
        return ()
    if not reader.has("mtp_hybrid_override_pattern") and not reader.items("mtp_layers_block_type"):
        return ()  # the checkpoint holds what these keys name
    params = 0
    for block in (_block(reader, kind) for kind in _kinds(reader, "mtp_")):
        mixer, ffn = (block, None) if isinstance(block, Mixer) else (None, block)
        params += layer_params(hidden, mixer, ffn, hidden)
    return predictors(reader, params)
