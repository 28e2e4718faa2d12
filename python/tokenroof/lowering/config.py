"""Reads the keys of a ``config.json``, and says what is wrong with them in words that help."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError

__all__ = ["ConfigReader"]

#: No size of a network comes near; above it products would lose digits or overflow float64.
_LARGEST = 2**31 - 1

#: Families list their layers one by one; a damaged count must not fill the memory.
_MOST_LAYERS = 100_000


class ConfigReader:
    """The keys of one text model's config; every method raises `ConfigError` that names the key and what is right.

    A key that is ``null`` counts as absent, as it does for the library that wrote the file.
    """

    def __init__(self, config: Mapping[str, Any], where: str, spelt: Mapping[str, str] | None = None) -> None:
        self._config = config
        self._spelt = spelt or {}  # what the family calls a key, where that is not its common name
        self.where = where
        self.model_type = self.text("model_type")

    def over(self, defaults: Mapping[str, Any]) -> ConfigReader:
        """The same config, with ``defaults`` for what it leaves out."""
        if not defaults:
            return self
        given = {key: value for key, value in self._config.items() if value is not None or key not in defaults}
        return ConfigReader({**defaults, **given}, self.where, self._spelt)

    def renamed(self, names: Mapping[str, str]) -> ConfigReader:
        """The same config with the family's own names of keys (of ``names``) replaced by the common ones.

        Messages keep the spelling that the file has. Two spellings that hold different values contradict each other.
        """
        if not names:
            return self
        config = dict(self._config)
        spelt: dict[str, str] = {}
        for own, common in names.items():
            value, other = config.pop(own, None), config.get(common)
            if other is None:
                if value is not None or common not in spelt:
                    spelt[common] = own
                if value is not None:
                    config[common] = value
            elif value is not None and value != other:
                raise self.error(f"{own} = {value!r} contradicts {spelt.get(common, common)} = {other!r}")
        return ConfigReader(config, self.where, spelt)

    def key(self, key: str) -> str:
        """``key`` as the file, or else the family, spells it."""
        return self._spelt.get(key, key)

    def inner(self, key: str) -> ConfigReader:
        """The object under ``key``, read as a config of its own; empty when absent."""
        value = self._config.get(key)
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            raise self._wrong(key, value, "an object")
        place = f"{self.where}: {key}" if self.where else key
        return ConfigReader({**value, "model_type": self.model_type}, place)

    def error(self, message: str) -> ConfigError:
        """A `ConfigError` with the place of this config in front."""
        return ConfigError(f"{self.where}: {message}" if self.where else message)

    def has(self, key: str) -> bool:
        """Whether ``key`` is there and not ``null``."""
        return self._config.get(key) is not None

    def is_null(self, key: str) -> bool:
        """Whether ``key`` is there as ``null``, which in some families overrules the class default."""
        return key in self._config and self._config[key] is None

    def is_auto(self, key: str) -> bool:
        """Whether ``key`` leaves its value to the family: ``"auto"``, or absent."""
        return self._config.get(key) in (None, "auto")

    def text(self, key: str) -> str:
        """A string that is not empty."""
        value = self._get(key, "a string such as 'llama'")
        if not isinstance(value, str) or not value:
            raise self._wrong(key, value, "a string such as 'llama'")
        return value

    def count(self, key: str, default: int | None = None, least: int = 1, most: int = _LARGEST) -> int:
        """A whole number from ``least`` to ``most``; ``default`` when absent, an error when there is none."""
        expected = f"a whole number, at least {least}"
        if default is not None and not self.has(key):
            return default
        value = self._get(key, expected)
        if type(value) is not int or not least <= value:  # bool is an int to isinstance
            raise self._wrong(key, value, expected)
        if value > most:
            raise self._wrong(key, value, f"a whole number, at most {most}")
        return value

    def layers(self) -> int:
        """Layers of the model."""
        return self.count("num_hidden_layers", most=_MOST_LAYERS)

    def flag(self, key: str, default: bool) -> bool:
        """True or false; ``default`` when absent."""
        if not self.has(key):
            return default
        value = self._config[key]
        if not isinstance(value, bool):
            raise self._wrong(key, value, "true or false")
        return value

    def items(self, key: str) -> list[Any]:
        """A list; empty when absent."""
        value = self._config.get(key)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise self._wrong(key, value, "a list")
        return list(value)

    def counts(self, key: str, layers: int) -> list[int]:
        """A whole number for each layer: from a list with one per layer, or the same for all."""
        value = self._config.get(key)
        if not isinstance(value, list | tuple):
            return [self.count(key)] * layers
        if len(value) != layers:
            raise self.error(f"{key} has {len(value)} entries, num_hidden_layers = {layers}")
        for entry in value:
            if type(entry) is not int or not 1 <= entry <= _LARGEST:
                raise self.error(f"{key} holds {entry!r}: expected whole numbers, at least 1")
        return list(value)

    def factor(self, key: str, default: float) -> float:
        """A positive number; ``default`` when absent."""
        if not self.has(key):
            return default
        value = self._config[key]
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise self._wrong(key, value, "a positive number")
        return float(value)

    def tokens(self, key: str) -> float:
        """A whole number of tokens, at least 1; infinite when absent."""
        return float(self.count(key)) if self.has(key) else math.inf

    def _get(self, key: str, expected: str) -> Any:
        if self.has(key):
            return self._config[key]
        if key == "model_type":
            raise self.error(f"missing key 'model_type': expected {expected}")
        either = f"{self.key(key)!r} (or {key!r})" if key in self._spelt else repr(key)
        raise self.error(f"missing key {either}: model_type {self.model_type!r} needs it, {expected}")

    def _wrong(self, key: str, value: object, expected: str) -> ConfigError:
        shown = repr(value)
        return self.error(f"{self.key(key)} = {shown if len(shown) <= 80 else shown[:77] + '...'}: expected {expected}")
