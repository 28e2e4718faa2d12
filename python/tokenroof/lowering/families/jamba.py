"""Jamba: Mamba layers with norms inside, attention in one of eight, experts in every second."""

from __future__ import annotations

from ..config import ConfigReader
from ..recurrent import mamba1
from ..registry import family
from ..shape import Dense, Experts, Shape
from .common import attention, check_active, choose, stack
from .mamba import dt_rank


@family(
    "jamba",
    defaults={
        "num_key_value_heads": 8,
        "attn_layer_period": 8,
        "attn_layer_offset": 4,
        "expert_layer_period": 2,
        "expert_layer_offset": 1,
        "num_experts": 16,
        "num_experts_per_tok": 2,
        "mamba_d_state": 16,
        "mamba_d_conv": 4,
        "mamba_expand": 2,
    },
)
def _jamba(reader: ConfigReader) -> Shape:
    hidden = reader.count("hidden_size")
    attn = attention(reader)
    mixer = mamba1(
        hidden,
        reader.count("mamba_expand") * hidden,
        reader.count("mamba_d_state"),
        dt_rank(reader, "mamba_dt_rank", hidden),
        reader.count("mamba_d_conv"),
        conv_bias=reader.flag("mamba_conv_bias", True),
        proj_bias=reader.flag("mamba_proj_bias", False),
        inner_norms=True,
    )
    width = reader.count("intermediate_size")
    sparse = _every(reader, "expert_layer") if reader.count("num_experts") > 1 else [False] * reader.layers()
    ffns = choose(sparse, lambda: _experts(reader), lambda: Dense(width))
    return stack(reader, [attn if attends else mixer for attends in _attends(reader)], ffns)


def _experts(reader: ConfigReader) -> Experts:
    experts, active = check_active(reader, "num_experts", "num_experts_per_tok")
    return Experts(experts, active, reader.count("intermediate_size"))


def _attends(reader: ConfigReader) -> list[bool]:
    layers, kinds = reader.layers(), reader.items("layers_block_type")
    if not kinds:
        return _every(reader, "attn_layer")
    if len(kinds) != layers:
        raise reader.error(f"layers_block_type has {len(kinds)} entries, num_hidden_layers = {layers}")
    unknown = next((kind for kind in kinds if kind not in ("attention", "mamba")), None)
    if unknown is not None:
        raise reader.error(f"layers_block_type holds {unknown!r}: expected 'attention' or 'mamba'")
    return [kind == "attention" for kind in kinds]


def _every(reader: ConfigReader, what: str) -> list[bool]:
    """One layer of each period, at an offset within it."""
    period, offset = reader.count(f"{what}_period"), reader.count(f"{what}_offset", least=0)
    if offset >= period:
        raise reader.error(f"{what}_offset = {offset} must be below {what}_period = {period}")
    return [layer % period == offset for layer in range(reader.layers())]
