"""The keys of a GGUF file's architecture; what is wrong is said in GGUF's own spelling."""

from __future__ import annotations

import re
from typing import Any

from ...errors import ConfigError
from .file import GgufFile, Tensor

__all__ = ["Keys"]

_LARGEST = 2**31 - 1
_MOST_BLOCKS = 100_000  #: lists have an entry per block; a damaged count must not fill the memory
_BLOCK = re.compile(r"blk\.(\d+)\.(.*)")


class Keys:
    """Keys under the file's architecture, without that prefix: ``block_count`` for ``llama.block_count``."""

    def __init__(self, file: GgufFile) -> None:
        self.file = file
        self.where = str(file.path)
        kind = file.keys.get("general.type", "model")
        if kind != "model":
            raise self.error(f"general.type = {kind!r}: expected 'model'")
        if "general.architecture" not in file.keys:
            raise self.error("missing key 'general.architecture': every model has it, a string such as 'llama'")
        arch = file.keys["general.architecture"]
        if not isinstance(arch, str) or not arch:
            raise self.error(f"general.architecture = {arch!r}: expected a string such as 'llama'")
        self.arch = arch
        self._blocks: dict[str, dict[int, Tensor]] = {}
        for name, tensor in file.tensors.items():
            match = _BLOCK.fullmatch(name)
            if match:
                self._blocks.setdefault(match[2], {})[int(match[1])] = tensor

    def error(self, message: str) -> ConfigError:
        """A `ConfigError` with the file's name in front."""
        return ConfigError(f"{self.where}: {message}")

    def count(self, key: str) -> int:
        """A whole number; an error when it is missing, or differs from layer to layer."""
        value = self.find(key)
        if value is None:
            raise self.error(f"missing key {self._full(key)!r}: architecture {self.arch!r} needs it, a whole number")
        return value

    def find(self, key: str) -> int | None:
        """A whole number, None when it is missing."""
        value = self._value(key)
        if value is None or not isinstance(value, list):
            return value
        if len(set(value)) != 1:
            raise self.error(
                f"{self._full(key)} = {_short(value)}: architecture {self.arch!r} has one number for all layers"
            )
        return int(value[0])

    def some(self, key: str) -> int | None:
        """A whole number that is not 0; None when it is missing or 0, as writers spell what a model has not."""
        return self.find(key) or None

    def each(self, key: str) -> list[int] | None:
        """A number per layer; one number stands for all; None when it is missing."""
        value = self._value(key)
        if value is None:
            return None
        blocks = self.count("block_count")
        if not isinstance(value, list):
            return [value] * self.layers
        if len(value) != blocks:
            raise self.error(f"{self._full(key)} has {len(value)} entries, {self._full('block_count')} = {blocks}")
        return value[: self.layers]

    def per_layer(self, key: str) -> list[int]:
        """As `each`; an error when it is missing."""
        found = self.each(key)
        if found is None:
            raise self.error(
                f"missing key {self._full(key)!r}: architecture {self.arch!r} needs it, a number for each layer"
            )
        return found

    def flag(self, key: str) -> bool | None:
        """True or false, None when it is missing."""
        value = self.file.keys.get(self._full(key))
        if value is None or isinstance(value, bool):
            return value
        raise self.error(f"{self._full(key)} = {value!r}: expected true or false")

    @property
    def layers(self) -> int:
        """Layers of the model; the file counts the blocks that only predict further tokens too."""
        blocks, prediction = self.count("block_count"), self.find("nextn_predict_layers") or 0
        if not 1 <= blocks <= _MOST_BLOCKS:
            raise self.error(f"{self._full('block_count')} = {blocks}: expected 1 to {_MOST_BLOCKS}")
        if prediction >= blocks:
            name = self._full("nextn_predict_layers")
            raise self.error(f"{name} = {prediction}: expected less than {self._full('block_count')} = {blocks}")
        return blocks - prediction

    def has(self, name: str) -> bool | None:
        """Whether there is such a tensor, in any block if ``name`` is one of a block; None when nobody can tell."""
        if name in self.file.tensors or name in self._blocks:
            return True
        return False if self.file.tensors and not self.file.missing_parts else None

    def blocks_with(self, name: str) -> list[int] | None:
        """The layers that have a tensor of this name; None when nobody can tell."""
        found = self.has(name)
        return None if found is None else sorted(i for i in self._blocks.get(name, ()) if i < self.layers)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, of the first block that has it; empty when there is none."""
        if name in self.file.tensors:
            return self.file.tensors[name].shape
        blocks = self._blocks.get(name)
        return blocks[min(blocks)].shape if blocks else ()

    def is_prediction(self, name: str) -> bool:
        """Whether a tensor belongs to a block behind the last layer."""
        match = _BLOCK.fullmatch(name)
        return match is not None and int(match[1]) >= self.layers

    def _full(self, key: str) -> str:
        return f"{self.arch}.{key}"

    def _value(self, key: str) -> int | list[int] | None:
        """A whole number, or a list of whole numbers."""
        value: Any = self.file.keys.get(self._full(key))
        values = value if isinstance(value, list) and value else [value]
        if value is not None and not all(isinstance(v, int) and 0 <= v <= _LARGEST for v in values):
            raise self.error(
                f"{self._full(key)} = {_short(value)}: expected a whole number, at least 0, or one per layer"
            )
        found: int | list[int] | None = value
        return found


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
