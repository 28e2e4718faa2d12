"""What a decoder-only language model is made of, with no family's name in it.

A `Shape` is a list of layer groups; each group pairs one token mixer with one feed-forward block. A new kind of mixer
or block is a new class here, a function that lowers it (`mixer_rows`, `ffn_rows`), and nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Attention", "Dense", "Experts", "Ffn", "LatentAttention", "LayerGroup", "Mixer", "Shape"]


@dataclass(frozen=True, slots=True)
class Attention:
    """Softmax attention with a cache of keys and values (multi-head, grouped, multi-query)."""

    heads: int
    kv_heads: int
    head_dim: int
    window: float = math.inf  #: cached tokens that a query can see
    qkv_bias: bool = False
    o_bias: bool = False
    qk_norm: int = 0  #: parameters of the query and key norms of one layer
    sinks: bool = False  #: one learned logit per head


@dataclass(frozen=True, slots=True)
class LatentAttention:
    """Multi-head latent attention: the cache holds one compressed vector per token for all heads."""

    heads: int
    q_rank: int | None  #: width of the compressed query; None: queries straight from the hidden state
    kv_rank: int
    nope: int  #: query and key width per head without position
    rope: int  #: query width per head, and key width shared by all heads, with rotary position
    v_dim: int
    bias: bool = False  #: on the down-projections and the output projection


@dataclass(frozen=True, slots=True)
class Dense:
    """A feed-forward block that every token passes: three matrices when gated, else two."""

    width: int
    gated: bool = True
    bias: bool = False


@dataclass(frozen=True, slots=True)
class Experts:
    """Routed experts of which each token uses ``active``, and an expert that all tokens share."""

    experts: int
    active: int
    width: int  #: of one routed expert
    gated: bool = True
    shared_width: int = 0  #: of all shared experts together
    bias: bool = False  #: on the matrices of every expert
    router_bias: bool = False  #: one number per expert, added to its logit or to its score


Mixer = Attention | LatentAttention
Ffn = Dense | Experts


@dataclass(frozen=True, slots=True)
class LayerGroup:
    """``count`` layers that are alike; where they stand among the others does not matter."""

    count: int
    mixer: Mixer
    ffn: Ffn
    norm_params: int  #: of one layer's norms over the hidden state
    label: str = ""  #: tells the group's rows from those of other groups


@dataclass(frozen=True, slots=True)
class Shape:
    """A decoder-only language model."""

    hidden: int
    vocab: int
    groups: tuple[LayerGroup, ...]
    tied: bool = False  #: the LM head is the embedding table
    final_norm_params: int = 0
    max_context: float = math.inf  #: longest isl + osl [tokens]

    @property
    def layers(self) -> int:
        """Layers that one forward pass executes."""
        return sum(group.count for group in self.groups)
