"""Makes the rows of one layer group: what all of them share is said here once."""

from __future__ import annotations

from typing import Any

from ..specs.operator import Kind, Operator, Weights

__all__ = ["Rows"]


class Rows:
    """Row maker of one layer group; mixers and feed-forward blocks add their small parameters to its tallies.

    Attributes
    ----------
    norms, biases : int
        Elements per layer that the group's blocks have gathered so far [elements].
    """

    def __init__(self, hidden: int, count: int, label: str, repeat: int = 1) -> None:
        self.hidden = hidden
        self.norms = 0
        self.biases = 0
        self._stored = float(count)
        self._count = float(count * repeat)
        self._label = label

    def row(self, name: str, kind: Kind, weights: Weights = Weights.LINEAR, **coefficients: float) -> Operator:
        """A row of every layer of the group."""
        full_name = f"{name}.{self._label}" if self._label else name
        values: dict[str, Any] = {key: float(value) for key, value in coefficients.items()}
        return Operator(full_name, kind, weights, count=self._count, stored=self._stored, **values)

    def gemm(
        self,
        name: str,
        n_in: int,
        n_out: int,
        kind: Kind = Kind.GEMM,
        weights: Weights = Weights.LINEAR,
        heads: int = 0,
    ) -> Operator:
        """A matrix of ``n_in * n_out`` elements: 2 FLOP per element and token, its input read, its output written.

        ``heads``: that its columns or rows are made of; tp splits it by them.
        """
        size = n_in * n_out
        return self.row(
            name,
            kind,
            weights,
            read_elems=size,
            store_elems=size,
            flops_token=2 * size,
            act_elems=n_in + n_out,
            heads=heads,
        )

    def small(self, name: str, elems: int) -> Operator:
        """Parameters that every rank holds and no matrix product uses."""
        return self.row(name, Kind.REPLICATED, Weights.WIDE, read_elems=elems, store_elems=elems)

    def collective(self, name: str, kind: Kind, elems: int, inner: float = 0.0) -> Operator:
        """A message of ``elems`` elements per token; ``inner``: see `Operator`."""
        return self.row(name, kind, comm_elems=elems, inner_elems=inner)
