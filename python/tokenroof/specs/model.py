"""A model as the engine sees it: an operator table and a few facts for people."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import SpecError
from .operator import Kind, Operator
from .parts import PARTS, parts_of
from .precision import Precision, precision
from .summary import Summary

__all__ = ["Model"]


@dataclass(frozen=True)
class Model:
    """A network's shape, lowered to operators.

    Parameters
    ----------
    id : str
        Catalogue id or a name of the user's choice.
    operators : tuple of Operator
        The rows, in order of execution.
    layers : int
        Executed layers in one forward pass; bounds pipeline parallelism.
    max_context : float
        Longest isl + osl [tokens] that the model was made for; ``inf`` when unknown.
    status : str
        ``"official"``, ``"rumoured"`` or ``"proxy"``: whether the maker published the shape.
    checkpoint : tuple of (str, int)
        What a checkpoint holds besides, with its parameters: prediction blocks and the like. Not in `params`.
    """

    id: str
    operators: tuple[Operator, ...]
    layers: int
    hidden: int
    vocab: int
    name: str = ""
    max_context: float = math.inf
    status: str = "official"
    family: str = ""
    native_precision: str = "bf16"
    sources: tuple[str, ...] = ()
    notes: str = ""
    config: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    checkpoint: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        if not self.operators or not all(isinstance(row, Operator) for row in self.operators):
            raise SpecError("operators", self.operators, "Operator rows, at least one", f"model {self.id!r}")
        for name in ("layers", "hidden", "vocab"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise SpecError(name, value, "a whole number, at least 1", f"model {self.id!r}")
        if not self.max_context > 0:
            raise SpecError("max_context", self.max_context, "at least one token", f"model {self.id!r}")

    @classmethod
    def from_hf(cls, source: str | os.PathLike[str] | Mapping[str, Any], id: str | None = None) -> Model:
        """Lower a Hugging Face ``config.json`` (its path, its folder, or its contents as a dict).

        Raises
        ------
        ConfigError
            When the file is not JSON, its ``model_type`` is unknown, a key is missing or keys contradict.
        """
        from ..lowering import model_from_hf

        return model_from_hf(source, id=id)

    @classmethod
    def from_gguf(cls, path: str | os.PathLike[str], id: str | None = None) -> Model:
        """Lower a GGUF file, from its metadata and the names and shapes of its tensors; no weight is read.

        ``notes`` say what the file holds per weight, and where its tensors differ from what its metadata describe.
        The parts of a split file are read where they lie next to the one that is named.

        Raises
        ------
        ConfigError
            When the file is not GGUF or damaged, its architecture is unknown, a key is missing or keys contradict.
        TokenroofError
            When the ``gguf`` package is not installed.
        """
        from ..lowering.gguf import model_from_gguf

        return model_from_gguf(path, id=id)

    def skewed(self, skew: float) -> Model:
        """The same model with a router that prefers some experts: popularity falls as e^-skew (equation 24).

        `typical` then reads fewer distinct experts per batch; 0 is uniform routing.

        >>> moe = {"model_type": "mixtral", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        ...        "intermediate_size": 128, "vocab_size": 100, "num_local_experts": 8, "num_experts_per_tok": 2,
        ...        "num_key_value_heads": 2}
        >>> [op.skew for op in Model.from_hf(moe).skewed(0.8).rows(Kind.EXPERTS)]
        [0.8]
        """
        rows = (replace(op, skew=skew) if op.kind is Kind.EXPERTS else op for op in self.operators)
        return replace(self, operators=tuple(rows))

    @property
    def params(self) -> int:
        """Parameters in all (embedding included; a tied head counted once)."""
        return round(sum(op.params for op in self.operators))

    @property
    def active_params(self) -> int:
        """Parameters that one token uses (embedding and head included, as makers count)."""
        return round(sum(op.active_params for op in self.operators))

    @property
    def params_by_part(self) -> dict[str, int]:
        """Parameters of each part of the network; they add up to `params`.

        >>> tiny = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        ...         "intermediate_size": 128, "vocab_size": 100}
        >>> {part: n for part, n in Model.from_hf(tiny).params_by_part.items() if n}
        {'embedding': 6400, 'lm_head': 6400, 'attention': 32768, 'dense_ffn': 49152, 'norms_and_biases': 320}
        """
        params = dict.fromkeys(PARTS, 0.0)
        for op, part in parts_of(self.operators):
            params[part] += op.params
        return {part: round(elems) for part, elems in params.items()}

    @property
    def kv_elems_per_token(self) -> float:
        """Cache elements stored per token while no window is full."""
        return sum(op.count * op.kv_store_elems for op in self.operators)

    @property
    def state_bytes_per_sequence(self) -> float:
        """State of recurrent mixers that a sequence keeps, whatever its length, in the widths of its rows [B]."""
        return sum(op.count * op.state_elems * op.state_bytes for op in self.operators)

    @property
    def flops_per_token(self) -> float:
        """Work of decoding one token, but for what grows with its context [FLOP]."""
        return sum(op.count * op.flops_token for op in self.operators)

    @property
    def flops_per_cached_token(self) -> float:
        """Work of decoding one token that each cached token adds, while no window is full [FLOP]."""
        return sum(op.count * op.flops_ctx_decode for op in self.operators)

    def weight_bytes(self, at: str | Precision = "") -> float:
        """All weights at a precision, at that of the published checkpoint when none is given [B]."""
        p = precision(at or self.native_precision)
        widths = (p.weight_bytes, p.head_bytes, p.wide_bytes, p.expert_bytes)  # by `Weights`
        return sum(op.params * widths[op.weights] for op in self.operators)

    def cache_bytes(self, tokens: float, at: str | Precision = "bf16") -> float:
        """(19) Cache and state of one sequence of ``tokens`` tokens; a full window keeps no more than its length [B].

        >>> tiny = {"model_type": "mistral", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        ...         "num_key_value_heads": 2, "intermediate_size": 128, "vocab_size": 100, "sliding_window": 16}
        >>> Model.from_hf(tiny).cache_bytes(10), Model.from_hf(tiny).cache_bytes(1000)
        (2560.0, 4096.0)
        """
        if not 0 <= tokens < math.inf:
            raise SpecError("tokens", tokens, "a finite number of tokens, at least 0", f"model {self.id!r}")
        p = precision(at)
        return sum(
            op.count
            * (
                op.kv_store_elems * p.kv_bytes * min(tokens, op.window)
                + op.state_elems * (p.state_bytes or op.state_bytes)
            )
            for op in self.operators
        )

    def rows(self, *kinds: Kind) -> tuple[Operator, ...]:
        """The operators of the given kinds, in order."""
        return tuple(op for op in self.operators if op.kind in kinds)

    def summary(self) -> Summary:
        """Parameters part by part, cache, state and work; ``print`` shows it as text.

        >>> tiny = {"model_type": "mixtral", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        ...         "num_key_value_heads": 2, "intermediate_size": 32, "num_local_experts": 8, "num_experts_per_tok": 2,
        ...         "vocab_size": 100, "max_position_embeddings": 512}
        >>> print(Model.from_hf(tiny, id="tiny").summary())
        tiny
        <BLANKLINE>
        parameters         in all  share  per token
        embedding           6,400   4.7%      6,400
        LM head             6,400   4.7%      6,400
        attention          24,576  17.9%     24,576
        routed experts     98,304  71.7%     24,576
        routers             1,024   0.7%      1,024
        norms and biases      320   0.2%        320
        all               137,024            63,296
        <BLANKLINE>
          shape      mixtral, 2 layers, hidden 64, vocabulary 100
          experts    2 layers with 2 of 8 per token
          weights    274 kB at bf16 (native)
          attention  2 of 2 layers see all tokens
          cache      256 bytes per token at bf16; 131 kB at 512 tokens (bf16)
          decode     113.2 kFLOP per token, 512 FLOP more per cached token
          context    512 tokens
        """
        return Summary(self)
