"""GLM-5: DeepSeek-V3.2's sparse latent attention; from GLM-5.2 on, layers share what an earlier one's indexer chose."""

from __future__ import annotations

from ..config import ConfigReader
from ..registry import family
from ..shape import Dense, LatentAttention, Shape
from .common import choose, stack
from .deepseek import experts, indexer, latent, sparse_layers
from .mtp import layer_params, predictors


@family("glm_moe_dsa", defaults={"first_k_dense_replace": 3, "index_skip_topk_offset": 2, "index_topk_freq": 1})
def _glm_moe_dsa(reader: ConfigReader) -> Shape:
    own = latent(reader, indexer(reader))
    shared = latent(reader, top=reader.count("index_topk"))
    attns = [shared if follows else own for follows in _follows(reader)]
    ffns = choose(sparse_layers(reader), lambda: experts(reader), lambda: Dense(reader.count("intermediate_size")))
    return stack(reader, attns, ffns, checkpoint=_predictors(reader, own))


def _predictors(reader: ConfigReader, attn: LatentAttention) -> tuple[tuple[str, int], ...]:
    """A layer with an indexer of its own; its tables are the model's.

    With it, the checkpoints have the 753,864,139,008 (GLM-5) and 753,329,940,480 numbers (GLM-5.2) that the Hugging
    Face Hub counts.
    """
    if not reader.count("num_nextn_predict_layers", default=0, least=0):
        return ()
    hidden = reader.count("hidden_size")
    return predictors(reader, layer_params(hidden, attn, experts(reader), norms=2 * hidden))


def _follows(reader: ConfigReader) -> list[bool]:
    """Whether each layer reads the tokens that an earlier layer's indexer chose."""
    layers = reader.layers()
    kinds = reader.items("indexer_types")
    if not kinds and reader.has("index_topk_pattern"):
        pattern = reader.text("index_topk_pattern")
        if set(pattern) - {"F", "S"}:
            raise reader.error(f"index_topk_pattern = {pattern!r}: expected F (full) or S (shared) for each layer")
        kinds = [{"F": "full", "S": "shared"}[letter] for letter in pattern]
    if not kinds:
        every, offset = reader.count("index_topk_freq"), reader.count("index_skip_topk_offset", least=0)
        return [max(layer - offset + 1, 0) % every != 0 for layer in range(layers)]
    if len(kinds) != layers:
        raise reader.error(f"indexer_types has {len(kinds)} entries, num_hidden_layers = {layers}")
    unknown = next((kind for kind in kinds if kind not in ("full", "shared")), None)
    if unknown is not None:
        raise reader.error(f"indexer_types holds {unknown!r}: expected 'full' or 'shared'")
    if kinds[0] == "shared":
        raise reader.error("indexer_types begins with 'shared': there is no earlier layer whose choice it could share")
    return [kind == "shared" for kind in kinds]
