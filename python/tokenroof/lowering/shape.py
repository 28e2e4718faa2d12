"""What a decoder-only language model is made of, with no family's name in it.

A `Shape` is a list of layer groups; each group pairs one token mixer with one feed-forward block. A new kind of mixer
or block is a new class here, a function that lowers it (`mixer_rows`, `ffn_rows`), and nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = [
    "Attention",
    "CompressedAttention",
    "Conv",
    "Dense",
    "Experts",
    "Extra",
    "Ffn",
    "Indexer",
    "LatentAttention",
    "LayerGroup",
    "Mixer",
    "Projection",
    "Recurrent",
    "Shape",
    "SideBySide",
]


@dataclass(frozen=True, slots=True)
class Indexer:
    """Chooses which cached tokens a query reads: sparse attention by a small scoring network with keys of its own."""

    top: int  #: cached tokens that a query reads
    heads: int
    head_dim: int
    q_in: int = 0  #: width that the scoring queries are projected from; 0: the hidden state
    weighted: bool = True  #: a weight per scoring head and token, projected from the hidden state
    norm_params: int = 0


@dataclass(frozen=True, slots=True)
class Attention:
    """Softmax attention with a cache of keys and values (multi-head, grouped, multi-query)."""

    heads: int
    kv_heads: int
    head_dim: int
    window: float = math.inf  #: cached tokens that a query can see
    chunked: bool = False  #: the window starts anew at each multiple of its length instead of sliding
    v_dim: int = 0  #: width of a value head; 0: ``head_dim``
    kv_projections: int = 2  #: 1 where the values are the keys' projection
    shared_cache: bool = False  #: reads the cache of an earlier layer: neither projections nor a cache of its own
    gate: int = 0  #: columns of an output gate, projected from the hidden state
    qkv_bias: bool = False
    o_bias: bool = False
    qk_norm: int = 0  #: parameters of the query and key norms of one layer
    sinks: bool = False  #: one learned logit per head
    indexer: Indexer | None = None
    gate_bias: bool = False
    stride: int = 0  #: a query reads one in so many of the tokens before its window as well (block-sparse); 0: none


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
    gate: int = 0  #: columns of an output gate, projected from the hidden state
    indexer: Indexer | None = None
    top: int = 0  #: cached tokens that a query reads, chosen by an earlier layer's indexer; 0: all


@dataclass(frozen=True, slots=True)
class CompressedAttention:
    """Attention over the latest tokens and over a compressed past; keys serve as values, one head for all queries.

    DeepSeek-V4: each ``ratio`` tokens leave one entry; an indexer with entries of its own may choose among them.
    """

    heads: int
    head_dim: int
    q_rank: int  #: width of the compressed query
    window: int  #: latest tokens that a query sees uncompressed
    out_groups: int  #: the output projection's first matrix is block diagonal in so many groups of heads
    out_rank: int  #: width of a group between the output projection's two matrices
    ratio: int = 0  #: tokens per compressed entry; 0: no compressed past
    indexer: Indexer | None = None  #: its ``top`` counts entries; entries then overlap and are projected twice as wide
    sinks: bool = True  #: one learned logit per head


@dataclass(frozen=True, slots=True)
class Projection:
    """One matrix of a recurrent mixer."""

    name: str
    n_in: int
    n_out: int
    bias: bool = False
    shared: bool = False  #: every tp rank computes it whole


@dataclass(frozen=True, slots=True)
class Conv:
    """Short causal convolution of each channel; its state is the last ``kernel - 1`` inputs."""

    channels: int
    kernel: int
    bias: bool = False


@dataclass(frozen=True, slots=True)
class Recurrent:
    """A mixer that keeps a state of fixed size per sequence: Mamba, gated DeltaNet, linear attention (`recurrent`)."""

    kind: str  #: a word for the rows' names: mamba1, mamba2, delta, lightning
    heads: int  #: tp must divide them
    projections: tuple[Projection, ...]
    state: int  #: elements per sequence and layer, without the convolution's
    flops: int  #: FLOP per token of decaying, updating and reading the state
    act: int  #: elements that the scan reads and writes per token
    conv: Conv | None = None
    params: int = 0  #: decays, skips, step biases, norms: what no matrix product uses
    state_bytes: float = 4.0  #: bytes per element of the state; the convolution keeps 16 bit


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
    shared_gate: bool = False  #: one logit per token scales the shared expert
    latent: int = 0  #: routed experts work on a projection of the hidden state of this width; 0: on the state itself
    bias: bool = False  #: on the matrices of every expert
    router_bias: bool = False  #: one number per expert, added to its logit or to its score
    latent_norm: bool = False  #: a norm between the routed experts' sum and the projection back from ``latent``
    shared_bias: bool = False  #: on what is dense: the shared expert and the projections to and from ``latent``
    nodes: int = 0  #: groups of experts, one per node, that a token's experts come from at most; 0: any


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Mixers that read the same input and whose outputs are summed: one all-reduce for all of them."""

    parts: tuple[Attention | Recurrent, ...]


Mixer = Attention | LatentAttention | CompressedAttention | Recurrent | SideBySide
Ffn = Dense | Experts


@dataclass(frozen=True, slots=True)
class Extra:
    """Small matrices beside mixer and block, or beside embedding and head, which every tp rank computes whole."""

    name: str
    params: int
    flops: int  #: FLOP per token
    act: int  #: elements read and written per token
    wide: bool = False  #: kept wide by every quantiser


@dataclass(frozen=True, slots=True)
class LayerGroup:
    """``count`` layers that are alike; where they stand among the others does not matter."""

    count: int
    mixer: Mixer | None
    ffn: Ffn | None
    norm_params: int  #: of one layer's norms over the hidden state
    label: str = ""  #: tells the group's rows from those of other groups
    parallel: bool = False  #: mixer and block read the same input: one all-reduce sums both
    repeat: int = 1  #: times that each layer is executed, one after the other, with the same weights; 0: stored only
    extras: tuple[Extra, ...] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """A decoder-only language model."""

    hidden: int
    vocab: int
    groups: tuple[LayerGroup, ...]
    tied: bool = False  #: the LM head is the embedding table
    final_norm_params: int = 0
    max_context: float = math.inf  #: longest isl + osl [tokens]
    positions: int = 0  #: rows of a table of learned positions
    embed_norm_params: int = 0  #: of norms between embedding and first layer
    embed_width: int = 0  #: of embedding and LM head where it is not ``hidden``: a matrix on either side adapts it
    head_bias: bool = False
    per_layer_width: int = 0  #: of the embedding that every layer has besides (Gemma 3n); 0: none
    per_layer_vocab: int = 0
    checkpoint: tuple[tuple[str, int], ...] = ()  #: what a checkpoint holds besides: (what, parameters)
    streams: int = 1  #: hidden states per token that go from layer to layer (hyper-connections)
    embed_rows: int = 0  #: of the embedding table where it has not ``vocab`` rows as the LM head does
    first: tuple[Extra, ...] = ()  #: between embedding and first layer
    last: tuple[Extra, ...] = ()  #: between last layer and final norm

    @property
    def layers(self) -> int:
        """Layers that one forward pass executes."""
        return sum(group.count * group.repeat for group in self.groups)
