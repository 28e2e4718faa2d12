"""From the header of a GGUF file to a model: its keys become those of a ``config.json``, its tensors are the check."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import replace

from ...errors import SpecError, UnknownNameError
from ...specs.model import Model
from ...specs.precision import precision
from .. import model_from_shape
from ..config import ConfigReader
from ..registry import read_shape
from .architectures import config_of, spellings
from .file import GgufFile, read_gguf
from .keys import Keys

__all__ = ["model_from_gguf"]

#: Tables of rotary frequencies: computed, not learned.
_ROTARY = re.compile(r"rope_freqs\b|rope_factors_|.*\.attn_rot_embd\b")
#: Formats that are a precision by themselves; files are computed with in 16 bit otherwise.
_EXACT = {"F32": "fp32", "F16": "fp16", "BF16": "bf16", "MXFP4": "mxfp4"}
_WIDTHS = ("w2a16", "w3a16", "w4a16", "w6a16", "w8a16")


def model_from_gguf(path: str | os.PathLike[str], id: str | None = None) -> Model:
    """Lower a GGUF file; see `Model.from_gguf`.

    Raises
    ------
    ConfigError
        When the file is not GGUF or damaged, its architecture is unknown, a key is missing or keys contradict.
    """
    file = read_gguf(path)
    keys = Keys(file)
    config = config_of(keys)
    reader = ConfigReader(config, str(file.path), spellings(keys))
    model = model_from_shape(
        read_shape(reader),
        id or file.name,
        family=reader.model_type,
        native_precision=_native_precision(file),
        config=config,
    )
    rotary = sum(tensor.elems for name, tensor in file.tensors.items() if _ROTARY.match(name))
    prediction = sum(tensor.elems for name, tensor in file.tensors.items() if keys.is_prediction(name))
    held = sum(tensor.elems for tensor in file.tensors.values()) - rotary - prediction
    name = file.keys.get("general.name")
    return replace(
        model,
        name=name if isinstance(name, str) else "",
        notes=" ".join([*_storage(file), *_difference(file, held - model.params)]),
        checkpoint=(("prediction blocks", prediction),) if prediction else (),
    )


def _native_precision(file: GgufFile) -> str:
    """The precision of the file's type, else of the format that most weights have, else the nearest in width."""
    elems: Counter[str] = Counter()
    for tensor in file.tensors.values():
        elems[tensor.type] += tensor.elems
    if not elems:
        return "bf16"
    most = max(elems, key=lambda kind: elems[kind])
    if most in _EXACT:
        return _EXACT[most]
    for name in (file.type, f"{most.lower()}/bf16/bf16"):
        if _is_precision(name):
            return name
    width = sum(t.bytes for t in file.tensors.values() if t.type == most) / elems[most]
    return min(_WIDTHS, key=lambda name: abs(precision(name).weight_bytes - width))


def _is_precision(name: str) -> bool:
    try:
        precision(name)
    except (UnknownNameError, SpecError):
        return False
    return True


def _storage(file: GgufFile) -> list[str]:
    """What the file holds, per weight."""
    elems, size = Counter[str](), 0
    for tensor in file.tensors.values():
        elems[tensor.type] += tensor.elems
        size += tensor.bytes
    total = elems.total()
    if not total:
        return ["The GGUF file holds no tensors to compare with."]
    shares = ", ".join(f"{kind} {count / total:.1%}" for kind, count in elems.most_common() if count / total >= 0.001)
    return [f"GGUF: {size:,} bytes of tensors, {8 * size / total:.2f} bits per weight ({shares})."]


def _difference(file: GgufFile, more: int) -> list[str]:
    """Where the tensors and the parameters that the metadata describe differ."""
    if not file.tensors:
        return []
    if file.missing_parts:
        return [f"Parts missing next to it: {file.missing_parts}; so its tensors are not compared."]
    if more:
        return [
            f"Its tensors hold {abs(more):,} parameters {'more' if more > 0 else 'less'} than its metadata describe."
        ]
    return []
