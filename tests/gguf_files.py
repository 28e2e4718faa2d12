"""Small GGUF files for tests: written with the gguf package, every tensor of the model in them or only some."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gguf")

import gguf
import numpy as np

Shapes = Mapping[str, tuple[int, ...]]


def write(
    path: Path,
    arch: str,
    keys: Mapping[str, Any],
    tensors: Shapes | None = None,
    *,
    types: Mapping[str, gguf.GGMLQuantizationType] | None = None,
    general: Mapping[str, Any] | None = None,
    vocab: int | None = None,
) -> Path:
    """A file whose ``keys`` are under ``arch``; tensors have PyTorch's order of dimensions, and are zeros in F16."""
    writer = gguf.GGUFWriter(path, arch)
    for key, value in {**(general or {}), **{f"{arch}.{key}": value for key, value in keys.items()}}.items():
        add(writer, key, value)
    if vocab is not None:
        writer.add_token_list([f"token {i}" for i in range(vocab)])
        writer.add_token_scores([0.0] * vocab)
    for name, shape in (tensors or {}).items():
        kind = (types or {}).get(name, gguf.GGMLQuantizationType.F16)
        if kind in (gguf.GGMLQuantizationType.F16, gguf.GGMLQuantizationType.F32):
            writer.add_tensor(
                name, np.zeros(shape, np.float16 if kind is gguf.GGMLQuantizationType.F16 else np.float32)
            )
        else:
            block, size = gguf.GGML_QUANT_SIZES[kind]
            assert shape[-1] % block == 0
            data = np.zeros((*shape[:-1], shape[-1] // block * size), np.uint8)
            writer.add_tensor(name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    if tensors:
        writer.write_tensors_to_file()
    else:
        writer.write_ti_data_to_file()
    writer.close()
    return path


def add(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    else:
        writer.add_array(key, list(value))


def blocks(count: int, shapes: Shapes, first: int = 0) -> dict[str, tuple[int, ...]]:
    """The tensors of ``count`` blocks that are alike."""
    return {f"blk.{i}.{name}": shape for i in range(first, first + count) for name, shape in shapes.items()}


def experts(hidden: int, number: int, width: int) -> dict[str, tuple[int, ...]]:
    """Router and routed experts of a block."""
    return {
        "ffn_gate_inp.weight": (number, hidden),
        "ffn_gate_exps.weight": (number, width, hidden),
        "ffn_up_exps.weight": (number, width, hidden),
        "ffn_down_exps.weight": (number, hidden, width),
    }


def dense(hidden: int, width: int, end: str = "") -> dict[str, tuple[int, ...]]:
    """A gated feed-forward block."""
    up = (width, hidden)
    return {f"ffn_gate{end}.weight": up, f"ffn_up{end}.weight": up, f"ffn_down{end}.weight": (hidden, width)}


def attention(hidden: int, q: int, kv: int) -> dict[str, tuple[int, ...]]:
    """Separate projections without biases."""
    return {
        "attn_q.weight": (q, hidden),
        "attn_k.weight": (kv, hidden),
        "attn_v.weight": (kv, hidden),
        "attn_output.weight": (hidden, q),
    }


def norms(hidden: int, *names: str) -> dict[str, tuple[int, ...]]:
    """Norms over the hidden state."""
    return {f"{name}.weight": (hidden,) for name in names}


def total(tensors: Shapes) -> int:
    """Elements of all tensors."""
    return sum(int(np.prod(shape)) for shape in tensors.values())
