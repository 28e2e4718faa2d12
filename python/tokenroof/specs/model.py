"""A model as the engine sees it: an operator table and a few facts for people."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import SpecError
from .operator import Kind, Operator

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

    @property
    def params(self) -> int:
        """Parameters in all (embedding included; a tied head counted once)."""
        return round(sum(op.params for op in self.operators))

    @property
    def active_params(self) -> int:
        """Parameters that one token uses (embedding and head included, as makers count)."""
        return round(sum(op.active_params for op in self.operators))

    @property
    def kv_elems_per_token(self) -> float:
        """Cache elements stored per token while no window is full."""
        return sum(op.count * op.kv_store_elems for op in self.operators)

    def rows(self, *kinds: Kind) -> tuple[Operator, ...]:
        """The operators of the given kinds, in order."""
        return tuple(op for op in self.operators if op.kind in kinds)
