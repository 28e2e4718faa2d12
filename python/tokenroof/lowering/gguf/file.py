"""What a GGUF file says before its weights begin: keys, and the names, shapes and types of its tensors."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import ConfigError, TokenroofError

__all__ = ["GgufFile", "Tensor", "read_gguf"]

#: Longer arrays describe the vocabulary, of which only the length matters; no network has as many layers.
_LONG = 4096
_STRING, _ARRAY = 8, 9  # numbers of value types in the GGUF specification
_PART = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor's entry in the header."""

    shape: tuple[int, ...]  #: the dimension that varies fastest comes first: inputs before outputs before experts
    type: str  #: GGML's name of the format: ``F16``, ``Q4_K``
    elems: int
    bytes: int


@dataclass(frozen=True)
class GgufFile:
    """The headers of a file, or of all parts of a split file that were found."""

    path: Path
    keys: Mapping[str, Any]  #: lists for short arrays; long ones and the tokenizer's are left out
    vocab: int | None  #: tokens of the tokenizer
    tensors: Mapping[str, Tensor]
    type: str = ""  #: how the file was quantised, as GGUF names it in small letters: ``q4_k_m``
    missing_parts: int = 0

    @property
    def name(self) -> str:
        """The file's name without what marks its format and its part."""
        part = _PART.fullmatch(self.path.name)
        return part["stem"] if part else self.path.stem


def read_gguf(path: str | os.PathLike[str]) -> GgufFile:
    """Read the header of a GGUF file, and of the other parts of a split one.

    Raises
    ------
    ConfigError
        When the file cannot be read, is not GGUF, or is damaged or cut off.
    TokenroofError
        When the ``gguf`` package is not installed.
    """
    file = Path(path)
    part = _PART.fullmatch(file.name)
    if part and int(part["number"]) != 1:  # only the first has the model's keys
        file = _part(file, 1)
        if not file.exists():
            raise ConfigError(
                f"{path}: part {int(part['number'])} of a split file, whose first part, {file}, is missing"
            )
    first = _read_one(file)
    count = first.keys.get("split.count", 1)
    tensors, missing = dict(first.tensors), 0
    if part and isinstance(count, int) and count == int(part["count"]):
        for number in range(2, count + 1):
            other = _part(file, number)
            if other.exists():
                tensors.update(_read_one(other).tensors)
            else:
                missing += 1
    elif isinstance(count, int) and count > 1:  # renamed: its other parts cannot be told
        missing = count - 1
    return replace(first, tensors=tensors, missing_parts=missing)


def _part(file: Path, number: int) -> Path:
    match = _PART.fullmatch(file.name)
    assert match
    return file.with_name(f"{match['stem']}-{number:05}-of-{match['count']}.gguf")


def _read_one(file: Path) -> GgufFile:
    try:
        from gguf import GGUFReader, LlamaFileType
    except ImportError:
        raise TokenroofError("reading GGUF files needs the gguf package: pip install 'tokenroof[gguf]'") from None
    try:
        with file.open("rb") as stream:
            magic = stream.read(4)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror or error})") from error
    if magic != b"GGUF":
        raise ConfigError(f"{file}: not a GGUF file: begins with {magic!r}, expected b'GGUF'")
    header = type("Header", (GGUFReader,), {"_get_field_parts": _without_long_arrays(GGUFReader._get_field_parts)})
    try:
        reader = header(file)
        fields = dict(reader.fields)
        tokens = fields.get("tokenizer.ggml.tokens")
        keys = {
            name: _value(field)
            for name, field in fields.items()
            if not name.startswith("tokenizer.") and not _is_long(field)
        }
        types = {kind.value: kind.name.partition("_")[2].lower() for kind in LlamaFileType}
        return GgufFile(
            file,
            keys,
            None if tokens is None else len(tokens.data),
            {
                tensor.name: Tensor(
                    tuple(int(n) for n in tensor.shape),
                    tensor.tensor_type.name,
                    int(tensor.n_elements),
                    int(tensor.n_bytes),
                )
                for tensor in reader.tensors
            },
            types.get(keys.get("general.file_type", -1), ""),
        )
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror or error})") from error
    except (ValueError, LookupError, ArithmeticError, AttributeError, TypeError, struct.error) as error:
        # What the package stumbles over depends on where the damage is.
        reason = str(error).strip("'\"") or type(error).__name__
        raise ConfigError(f"{file}: damaged or cut-off GGUF file, or newer than the gguf package: {reason}") from error


def _is_long(field: Any) -> bool:
    """Whether a value is an array that says nothing of layers."""
    return bool(field.types[0] == _ARRAY and (field.types[-1] == _STRING or len(field.data) > _LONG))


def _value(field: Any) -> Any:
    """A key's value as plain Python has it."""
    if field.types[0] == _ARRAY:
        return [field.parts[index].tolist()[0] for index in field.data]
    if field.types[0] == _STRING:
        return bytes(field.parts[-1]).decode()
    return field.parts[-1].tolist()[0]


def _without_long_arrays(read: Callable[..., Any]) -> Callable[..., Any]:
    """The package's reader of one value, but for a vocabulary: it takes seconds to look at each token by itself."""

    def parts(reader: Any, offset: int, kind: int, *rest: Any) -> Any:
        if kind != _ARRAY or reader.byte_order != "I":  # the other byte order is rare: the slow way will do
            return read(reader, offset, kind, *rest)
        view = memoryview(reader.data)
        inner, count = struct.unpack_from("=IQ", view, offset)
        at = offset + 12
        if inner == _STRING:
            for _ in range(count):
                at += 8 + struct.unpack_from("=Q", view, at)[0]
        elif count > _LONG and inner != _ARRAY:
            at += count * reader.gguf_scalar_to_np[inner]().itemsize
        else:
            return read(reader, offset, kind, *rest)
        if at > len(view):
            raise ValueError(f"an array of {count} values reaches beyond the end")
        return at - offset, [], range(count), [_ARRAY, inner]

    return parts
