"""Models of the catalogue: one TOML file each in ``models/``, lowered like any other config."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import CatalogueError, SpecError, UnknownNameError
from ..lowering import model_from_hf
from ..specs.model import Model
from ..specs.precision import precision
from ._toml import load_toml

__all__ = ["model", "model_from_toml", "model_ids"]

_FOLDER = Path(__file__).parent / "models"
_STATUS = ("official", "rumoured", "proxy")
_PARAMS = frozenset(["total", "checkpoint", "besides", "unpublished"])
_KEYS = frozenset(
    [
        "id",
        "name",
        "hf_repo",
        "year",
        "status",
        "native_precision",
        "max_context",
        "notes",
        "params",
        "config",
        "provenance",
    ]
)


def model(name: str) -> Model:
    """The catalogue's model called ``name``, by its id or its hub repository.

    ``"Llama-3.1-70B"`` and ``"llama3.1-70b"`` are ``"llama-3.1-70b"``; ``"meta-llama/Llama-2-7b-hf"`` is
    ``"llama-2-7b"``.

    Raises
    ------
    UnknownNameError
        When the catalogue has no such model; names the nearest.
    """
    known = model_ids()
    spelt = _fold(name) if isinstance(name, str) else ""
    found = _by_spelling().get(spelt) or (_by_repository().get(spelt) if spelt else None)
    if found is None:
        raise UnknownNameError("model", name, known)
    return _load(found)


@cache
def _load(model_id: str) -> Model:
    return model_from_toml(_FOLDER / f"{model_id}.toml")


@cache
def _ids() -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.toml")))


@cache
def _by_spelling() -> dict[str, str]:
    return {_fold(model_id): model_id for model_id in _ids()}


@cache
def _by_repository() -> dict[str, str]:
    """Ids by their hub repositories; reads every file, hence only for a name that is no id."""
    files = {model_id: load_toml(_FOLDER / f"{model_id}.toml") for model_id in _ids()}
    return {_fold(data["hf_repo"]): model_id for model_id, data in files.items() if "hf_repo" in data}


def model_ids() -> list[str]:
    """Ids of the catalogue's models, sorted."""
    return list(_ids())


def model_from_toml(path: str | os.PathLike[str]) -> Model:
    """Read one model from a TOML file in the catalogue's format (docs/catalogue.md).

    Raises
    ------
    CatalogueError
        When the file cannot be read, or a key is unknown, missing or wrong.
    ConfigError
        When its ``[config]`` cannot be lowered.
    """
    data = load_toml(path)
    where = str(path)
    unknown = sorted(data.keys() - _KEYS)
    if unknown:
        raise CatalogueError(f"{where}: unknown key {unknown[0]!r}: known are {', '.join(sorted(_KEYS))}")
    # TOML has no null, which some families tell from an absent key.
    config = {key: None if value == "null" else value for key, value in _table(data, "config", where).items()}
    if not config:
        raise CatalogueError(f"{where}: missing table [config]: expected the keys of a config.json")
    status = _text(data, "status", where, "official")
    if status not in _STATUS:
        raise CatalogueError(f"{where}: status = {status!r}: expected one of {', '.join(_STATUS)}")
    besides = _besides(data, where)
    lowered = model_from_hf(config, id=_text(data, "id", where))
    native = _text(data, "native_precision", where, lowered.native_precision)
    try:
        precision(native)
    except UnknownNameError as error:
        raise CatalogueError(f"{where}: native_precision: {error}") from error
    try:
        return replace(
            lowered,
            name=_text(data, "name", where, lowered.id),
            status=status,
            native_precision=native,
            max_context=_context(data, where, lowered.max_context),
            notes=_text(data, "notes", where, ""),
            sources=_sources(data, where),
            checkpoint=tuple({**dict(lowered.checkpoint), **besides}.items()),
        )
    except SpecError as error:
        raise CatalogueError(f"{where}: {error}") from error


def _sources(data: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """Keys into ``sources/models.toml``, each once, in order of appearance."""
    params = _table(data, "params", where)
    unknown = sorted(params.keys() - _PARAMS)
    if unknown:
        raise CatalogueError(f"{where}: unknown key params.{unknown[0]}: known are {', '.join(sorted(_PARAMS))}")
    facts = {f"provenance.{name}": fact for name, fact in _table(data, "provenance", where).items()}
    facts |= {f"params.{name}": params[name] for name in ("total", "checkpoint") if name in params}
    keys: dict[str, None] = {}
    for name, fact in facts.items():
        if not isinstance(fact, Mapping) or not isinstance(fact.get("grade"), str):
            raise CatalogueError(f"{where}: {name}: expected a table with a source and a grade")
        if "source" in fact:
            keys[str(fact["source"])] = None
    return tuple(keys)


def _besides(data: Mapping[str, Any], where: str) -> dict[str, int]:
    """What a checkpoint holds besides the model. Negative numbers, what its published count leaves out, are no part."""
    parts = _table(_table(data, "params", where), "besides", where)
    numbers = {name: _digits(value, f"{where}: params.besides.{name}") for name, value in parts.items()}
    return {name: number for name, number in numbers.items() if number > 0}


def _digits(value: object, where: str) -> int:
    """A whole number as sources spell it: ``"1,234"``."""
    digits = value.replace(",", "") if isinstance(value, str) else ""
    if not digits.removeprefix("-").isdecimal():
        raise CatalogueError(f"{where} = {value!r}: expected digits such as '1,234'")
    return int(digits)


def _context(data: Mapping[str, Any], where: str, default: float) -> float:
    value = data.get("max_context", default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= math.inf:
        raise CatalogueError(f"{where}: max_context = {value!r}: expected a number of tokens, at least 1")
    return float(value)


def _table(data: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    value = data.get(key, {})
    if not isinstance(value, dict):
        raise CatalogueError(f"{where}: {key} = {value!r}: expected a table")
    return value


def _text(data: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
    value = data.get(key, default)
    if value is None:
        raise CatalogueError(f"{where}: missing key {key!r}")
    if not isinstance(value, str):
        raise CatalogueError(f"{where}: {key} = {value!r}: expected a string")
    return value


def _fold(name: str) -> str:
    """Letters, digits and points only: makers do not agree where hyphens and capitals go."""
    return "".join(c for c in name.rsplit("/", 1)[-1].lower() if c.isalnum() or c == ".")
