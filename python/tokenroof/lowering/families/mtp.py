"""Multi-token prediction: blocks that a checkpoint holds besides the model, to draft further tokens."""

from __future__ import annotations

from ...specs.operator import Stage
from ..config import ConfigReader
from ..rows import operators
from ..shape import Ffn, LayerGroup, Mixer, Shape

__all__ = ["layer_params", "predictors"]


def layer_params(hidden: int, mixer: Mixer | None, ffn: Ffn | None, norms: int) -> int:
    """Parameters of one layer."""
    shape = Shape(hidden, 1, (LayerGroup(1, mixer, ffn, norms),))
    return round(sum(row.params for row in operators(shape) if row.stage is Stage.LAYERS))


def predictors(
    reader: ConfigReader, layer: int, tables: int = 0, key: str = "num_nextn_predict_layers"
) -> tuple[tuple[str, int], ...]:
    """What as many prediction blocks as ``key`` says add to a checkpoint, for `Shape.checkpoint`.

    Each holds a layer (of ``layer`` parameters), a matrix that joins the hidden state with the embedding of the token
    ahead, a norm of either, and a final norm; ``tables``: copies of the embedding and of the LM head.

    References
    ----------
    DeepSeek-V3, arXiv:2412.19437, section 2.2.
    """
    blocks = reader.count(key, default=0, least=0)
    if not blocks:
        return ()
    hidden = reader.count("hidden_size")
    each = layer + 2 * hidden * hidden + 3 * hidden
    if tables:
        each += tables * reader.count("vocab_size") * hidden
    return (("multi-token prediction", blocks * each),)
