"""Which families there are: from a config's ``model_type`` to the function that reads its shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import near_matches
from .config import ConfigReader
from .shape import Shape

__all__ = ["NOT_DECODERS", "families", "family", "own_names", "read_shape"]

ReadShape = Callable[[ConfigReader], Shape]

_FAMILIES: dict[str, tuple[ReadShape, Mapping[str, Any], Mapping[str, str]]] = {}

#: Common types that have an encoder or read images or sound: recognised only to say so.
NOT_DECODERS = frozenset(
    [
        "albert",
        "bart",
        "beit",
        "bert",
        "blip",
        "blip-2",
        "blip_vision_model",
        "bit",
        "clap",
        "clip",
        "clip_text_model",
        "clip_vision_model",
        "convnext",
        "deberta",
        "deberta-v2",
        "deit",
        "detr",
        "dinov2",
        "dinov3_vit",
        "distilbert",
        "electra",
        "ernie",
        "esm",
        "flava",
        "hubert",
        "layoutlm",
        "layoutlmv3",
        "led",
        "longformer",
        "longt5",
        "m2m_100",
        "marian",
        "mbart",
        "mobilebert",
        "modernbert",
        "mpnet",
        "mt5",
        "nllb-moe",
        "nomic_bert",
        "pegasus",
        "resnet",
        "roberta",
        "sam",
        "segformer",
        "seamless_m4t",
        "siglip",
        "siglip2",
        "siglip_vision_model",
        "speech_to_text",
        "speecht5",
        "swin",
        "switch_transformers",
        "t5",
        "umt5",
        "vit",
        "vit_mae",
        "wav2vec2",
        "wavlm",
        "whisper",
        "xclip",
        "xlm",
        "xlm-roberta",
        "xlm-roberta-xl",
        "yolos",
    ]
)


def family(
    *model_types: str, defaults: Mapping[str, Any] | None = None, names: Mapping[str, str] | None = None
) -> Callable[[ReadShape], ReadShape]:
    """Registers a function that reads the shape of configs with one of these model types.

    ``defaults`` are those of the family's own configuration class, for keys that its published files leave out.
    ``names`` lead from the family's own names of keys to the common ones: ``{"n_embd": "hidden_size"}``.
    """

    def register(read: ReadShape) -> ReadShape:
        for model_type in model_types:
            if model_type in _FAMILIES:
                raise ValueError(f"model_type {model_type!r} is registered twice")
            _FAMILIES[model_type] = read, defaults or {}, names or {}
        return read

    return register


def families() -> list[str]:
    """The values of ``model_type`` that can be lowered, sorted."""
    return sorted(_FAMILIES)


def own_names(model_type: str) -> Mapping[str, str]:
    """What a family calls keys, by its own name -> the common one."""
    return _FAMILIES[model_type][2] if model_type in _FAMILIES else {}


def read_shape(reader: ConfigReader) -> Shape:
    """The shape that ``reader``'s config describes.

    Raises
    ------
    ConfigError
        When the ``model_type`` is unknown, or a key is missing, wrong, or contradicts another.
    """
    if reader.model_type in _FAMILIES:
        read, defaults, names = _FAMILIES[reader.model_type]
        return read(reader.renamed(names).over(defaults))
    if reader.model_type in NOT_DECODERS:
        raise reader.error(f"model_type {reader.model_type!r} is not a decoder-only text model")
    near = near_matches(reader.model_type, families())
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known are {', '.join(families())}"
    raise reader.error(f"unknown model_type {reader.model_type!r}: {hint}")
