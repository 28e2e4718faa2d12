"""GGUF's architectures: from the keys that a file has to those of the family's ``config.json``.

Each key of the config has a recipe. A recipe that finds nothing leaves its key out, and the family's own default
applies. What no key says, such as biases, is told by the names of the tensors.

References
----------
Keys and tensors: the GGUF specification, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, and what the
converter of llama.cpp writes, https://github.com/ggml-org/llama.cpp/blob/master/convert_hf_to_gguf.py.
"""

from __future__ import annotations

from typing import Any

from ...errors import near_matches
from .dense import DENSE_ARCHITECTURES
from .hybrid import HYBRID_ARCHITECTURES
from .keys import Keys
from .keysets import Architecture, Recipe
from .recipes import NULL
from .sparse import SPARSE_ARCHITECTURES

__all__ = ["ARCHITECTURES", "config_of", "spellings"]

ARCHITECTURES: dict[str, Architecture] = DENSE_ARCHITECTURES | SPARSE_ARCHITECTURES | HYBRID_ARCHITECTURES

#: Files that hold an encoder or a projector: recognised only to say so.
_NOT_DECODERS = frozenset(
    [
        "bert",
        "clip",
        "eurobert",
        "gemma-embedding",
        "jina-bert-v2",
        "jina-bert-v3",
        "llama-embed",
        "modern-bert",
        "neo-bert",
        "nomic-bert",
        "nomic-bert-moe",
        "t5",
        "t5encoder",
        "wavtokenizer-dec",
    ]
)


def config_of(keys: Keys) -> dict[str, Any]:
    """The ``config.json`` that a file's keys stand for.

    Raises
    ------
    ConfigError
        When the architecture is unknown, or a key is missing or wrong.
    """
    found = _architecture(keys)
    values = {name: _cook(recipe, keys) for name, recipe in found.keys.items()}
    model_type = found.model_type if isinstance(found.model_type, str) else found.model_type(keys)
    given = {name: None if value is NULL else value for name, value in values.items() if value is not None}
    return {"model_type": model_type} | given


def spellings(keys: Keys) -> dict[str, str]:
    """What the file calls keys of the config, where they are one key: messages speak of what the user can see."""
    recipes = _architecture(keys).keys.items()
    return {
        name: f"{keys.arch}.{recipe.removesuffix('?').removesuffix('>0')}"
        for name, recipe in recipes
        if isinstance(recipe, str)
    }


def _architecture(keys: Keys) -> Architecture:
    if keys.arch in ARCHITECTURES:
        return ARCHITECTURES[keys.arch]
    if keys.arch in _NOT_DECODERS:
        raise keys.error(f"architecture {keys.arch!r} is not a decoder-only text model")
    near = near_matches(keys.arch, ARCHITECTURES)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known are {', '.join(sorted(ARCHITECTURES))}"
    raise keys.error(f"unknown architecture {keys.arch!r}: {hint}")


def _cook(recipe: Recipe, keys: Keys) -> Any:
    if not isinstance(recipe, str):
        return recipe(keys)
    if recipe.endswith(">0"):
        return keys.some(recipe.removesuffix(">0"))
    return keys.find(recipe.removesuffix("?")) if recipe.endswith("?") else keys.count(recipe)
