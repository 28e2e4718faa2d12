"""From a Hugging Face ``config.json``, or a shape of one's own, to a model's operator table."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..specs.model import Model
from . import families as _families  # noqa: F401 (registers every family)
from .config import ConfigReader
from .families.wrappers import text_config
from .registry import families, read_shape
from .rows import operators
from .shape import Attention, Dense, Experts, LatentAttention, LayerGroup, Shape

__all__ = [
    "Attention",
    "Dense",
    "Experts",
    "LatentAttention",
    "LayerGroup",
    "Shape",
    "families",
    "model_from_hf",
    "model_from_shape",
]


def model_from_hf(source: str | os.PathLike[str] | Mapping[str, Any], id: str | None = None) -> Model:
    """Lower a Hugging Face ``config.json``: its path, the folder that holds it, or its contents.

    Parameters
    ----------
    source : path or mapping
        A multimodal config is lowered by its ``text_config``.
    id : str, optional
        Name of the model; otherwise the config's ``_name_or_path``, the folder's name, or the ``model_type``.

    Raises
    ------
    ConfigError
        When there is no such file, it is not a JSON object, its ``model_type`` is unknown, a key is missing or wrong,
        or keys contradict each other.

    Examples
    --------
    >>> tiny = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    ...         "intermediate_size": 128, "vocab_size": 100}
    >>> model_from_hf(tiny, id="tiny").params
    95040
    """
    if isinstance(source, Mapping):
        config, fallback, where = source, "", ""
    else:
        config, fallback, where = _read(Path(source))
    where = where or (f"config of {id!r}" if id else "config")
    text = text_config(config, where)
    reader = ConfigReader(text, where)
    shape = read_shape(reader)
    return model_from_shape(
        shape,
        id or _own_name(config) or fallback or reader.model_type,
        family=reader.model_type,
        native_precision=_native_precision(reader.model_type, text),
        config=config,
    )


def model_from_shape(
    shape: Shape,
    id: str,
    *,
    family: str = "",
    native_precision: str = "bf16",
    config: Mapping[str, Any] | None = None,
) -> Model:
    """The model that a shape describes, e.g. one that nobody has trained yet."""
    return Model(
        id=id,
        operators=operators(shape),
        layers=shape.layers,
        hidden=shape.hidden,
        vocab=shape.vocab,
        max_context=shape.max_context,
        family=family,
        native_precision=native_precision,
        config=dict(config or {}),
        checkpoint=shape.checkpoint,
    )


def _read(path: Path) -> tuple[Mapping[str, Any], str, str]:
    """The config at ``path``, a name for the model, and the file's name for messages."""
    file = path / "config.json" if path.is_dir() else path
    try:
        config = json.loads(file.read_bytes())
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:  # damaged JSON, or bytes that are not text
        raise ConfigError(f"{file}: not valid JSON: {error}") from error
    if not isinstance(config, dict):
        raise ConfigError(f"{file}: expected a JSON object, found {type(config).__name__}")
    return config, file.resolve().parent.name if file.name == "config.json" else file.stem, str(file)


def _own_name(config: Mapping[str, Any]) -> str:
    name = config.get("_name_or_path")
    return name.rstrip("/").rsplit("/", 1)[-1] if isinstance(name, str) else ""


def _native_precision(model_type: str, config: Mapping[str, Any]) -> str:
    quantisation = config.get("quantization_config")
    method = quantisation.get("quant_method") if isinstance(quantisation, Mapping) else None
    if method == "fp8":
        return "fp8"
    return "mxfp4" if model_type == "gpt_oss" else "bf16"
