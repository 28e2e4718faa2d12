"""The operator table: all that the core ever knows of a model.

One row is one kind of work that a forward pass does ``count`` times. Its coefficients say how FLOPs, bytes and
messages grow with tokens, sequences and context, so that a new architecture is new rows, never new code in the core.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from enum import IntEnum
from functools import cache

from ..errors import SpecError

__all__ = ["Kind", "Operator", "Stage", "Weights"]


class Kind(IntEnum):
    """What a row's work is; the values are those of ``enum tr_operator_kind`` in ``tokenroof.h``."""

    GEMM = 0  #: dense matrix product over every token, split over tp
    EXPERTS = 1  #: routed experts: only the distinct experts that a batch touches are read
    ATTENTION = 2  #: work and cache that grow with context; also constant state (SSM, linear attention)
    REPLICATED = 3  #: small work that every rank repeats (norms, router, latent down-projections)
    HEAD = 4  #: LM head: every token in decode, the last token only in prefill
    EMBEDDING = 5  #: a table that is stored whole and read one row a token
    ALL_REDUCE = 6  #: sum of a partial result over the tp group
    ALL_TO_ALL = 7  #: expert dispatch and combine between data-parallel attention ranks
    POINT_TO_POINT = 8  #: hand-over from one pipeline stage to the next


class Weights(IntEnum):
    """Which of a precision's byte sizes a row's weights have (``enum tr_weight_class``)."""

    LINEAR = 0  #: quantised with the layers' matrices
    HEAD = 1  #: embedding and LM head
    WIDE = 2  #: norms, routers, biases: kept wide by every quantiser
    EXPERT = 3  #: routed experts (some checkpoints quantise nothing else)


class Stage(IntEnum):
    """Where a row lives in a pipeline (``enum tr_stage``)."""

    LAYERS = 0  #: spread evenly over the stages
    FIRST = 1  #: on the first stage only
    LAST = 2  #: on the last stage only


@dataclass(frozen=True, slots=True)
class Operator:
    """One row of a model. Every number is per execution (one layer) unless it says otherwise.

    The native struct ``tr_operator`` has the same fields in the same order after its size.
    """

    name: str
    kind: Kind
    weights: Weights = Weights.LINEAR
    stage: Stage = Stage.LAYERS
    count: float = 1.0  #: executions in one forward pass (layers that have this row)
    stored: float = 1.0  #: distinct copies of the weights (less than count when layers share weights)
    read_elems: float = 0.0  #: weight elements streamed per execution; for EXPERTS of one expert
    store_elems: float = 0.0  #: weight elements stored per copy; for EXPERTS of all experts of the layer
    tied_elems: float = 0.0  #: weight elements stored only when the pipeline separates first and last stage
    flops_token: float = 0.0  #: FLOP per token; for EXPERTS over the active experts of one token
    act_elems: float = 0.0  #: activation elements read plus written per token
    experts: float = 0.0  #: routed experts in the layer, E
    active: float = 0.0  #: routed experts per token, k
    flops_ctx_decode: float = 0.0  #: FLOP per query token and cached token, decode
    flops_ctx_prefill: float = 0.0  #: FLOP per query token and key token, prefill
    kv_read_elems: float = 0.0  #: cache elements read per cached token and sequence
    kv_store_elems: float = (
        0.0  #: cache elements stored per cached token and sequence (0 where another layer's is used)
    )
    state_elems: float = 0.0  #: state elements per sequence, independent of context (read and written each step)
    window: float = math.inf  #: cached tokens that one query can see
    heads: float = 0.0  #: query heads: tp must divide them, or ranks are padded with whole ones (0: no rule)
    kv_heads: float = 0.0  #: KV heads: the cache splits over at most this many ranks
    comm_elems: float = 0.0  #: elements per token of a collective's full tensor
    chunked: float = 0.0  #: 1: the window starts anew at each multiple of its length instead of sliding
    state_bytes: float = 4.0  #: bytes per element of the state (no KV format reaches it)
    skew: float = 0.0  #: Zipf exponent of the routed experts' popularity (0: all alike)
    nodes: float = 0.0  #: of ALL_TO_ALL: most domains that a token's experts lie in (0: any)
    inner_elems: float = 0.0  #: of ALL_REDUCE: elements per token inside the block that it ends (0: no 2D split)

    def __post_init__(self) -> None:
        for name, enum in (("kind", Kind), ("weights", Weights), ("stage", Stage)):
            if not isinstance(getattr(self, name), enum):
                raise SpecError(name, getattr(self, name), f"a member of {enum.__name__}", f"operator {self.name!r}")
        for name in _numbers():
            value = getattr(self, name)
            if isinstance(value, (int, float)) and 0.0 <= value < math.inf:  # a union takes longer
                continue
            if not isinstance(value, int | float) or math.isnan(value) or value < 0:
                raise SpecError(name, value, "a number that is not negative", f"operator {self.name!r}")
            if name != "window":
                raise SpecError(name, value, "a finite number", f"operator {self.name!r}")
        if self.kind is Kind.EXPERTS and not 0 < self.active <= self.experts:
            raise SpecError("active", self.active, f"1 to {self.experts:g} experts", f"operator {self.name!r}")
        if self.window <= 0:
            raise SpecError("window", self.window, "at least one token", f"operator {self.name!r}")

        if self.chunked not in (0, 1):
            raise SpecError("chunked", self.chunked, "0 or 1", f"operator {self.name!r}")
        if self.skew > 16.0 or (self.skew and (self.experts != int(self.experts) or self.experts > 65536)):
            raise SpecError("skew", self.skew, "at most 16, of at most 65536 experts", f"operator {self.name!r}")
        if self.chunked and math.isinf(self.window):
            raise SpecError("window", self.window, "a finite number where chunked is set", f"operator {self.name!r}")
        if self.chunked and self.window != int(self.window):
            raise SpecError("window", self.window, "a whole number where chunked is set", f"operator {self.name!r}")

    @property
    def params(self) -> float:
        """Parameters that a checkpoint stores for this row, over all layers."""
        return self.stored * self.store_elems

    @property
    def active_params(self) -> float:
        """Parameters that one token uses, over all executed layers, each distinct copy once."""
        if not self.count:
            return 0.0
        if self.kind is Kind.EXPERTS:
            return self.stored * self.read_elems * self.active
        return self.params


@cache
def _numbers() -> tuple[str, ...]:
    """Fields that hold numbers."""
    return tuple(f.name for f in fields(Operator) if f.name not in ("name", "kind", "weights", "stage"))
