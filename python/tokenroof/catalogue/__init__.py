"""Models and hardware that come with tokenroof, each number with its source; parsed when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UnknownNameError
from ._toml import load_toml
from .load_hardware import GRADES, hardware, hardware_from_toml, hardware_ids

if TYPE_CHECKING:
    from .load_models import model, model_from_toml, model_ids

__all__ = [
    "GRADES",
    "hardware",
    "hardware_from_toml",
    "hardware_ids",
    "model",
    "model_facts",
    "model_from_toml",
    "model_ids",
    "source",
    "version",
]

#: Month of the set of models and chips, raised by hand when a set is published; `version` adds what tells sets apart.
EDITION = "2026.11"

_FOLDER = Path(__file__).parent
_MODELS = ("model", "model_from_toml", "model_ids")


def __getattr__(name: str) -> Any:
    """Models on first use: lowering is not needed by those who only ask for hardware."""
    if name in _MODELS:
        from . import load_models

        return getattr(load_models, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def source(key: str) -> dict[str, Any]:
    """Title and reference of the source that a fact of the catalogue names.

    Raises
    ------
    UnknownNameError
        When no file of sources has the key.

    Examples
    --------
    >>> source("pope-scaling")["ref"]
    'arXiv:2211.05102'
    """
    sources = _sources()
    if key not in sources:
        raise UnknownNameError("source", key, sources)
    return dict(sources[key])


@cache
def _sources() -> dict[str, dict[str, Any]]:
    merged: dict[str, dict[str, Any]] = {}
    for file in sorted((_FOLDER / "sources").glob("*.toml")):
        merged |= load_toml(file)
    return merged


def model_facts(id: str) -> dict[str, Mapping[str, Any]]:
    """What a model's file says of where it is from: ``value``, ``source`` and ``grade`` of its config and totals.

    >>> model_facts("llama-3.1-70b")["config"]
    {'source': 'aiconfigurator-configs', 'grade': 'verbatim'}
    """
    from .load_models import model_ids

    known = model_ids()
    if id not in known:
        raise UnknownNameError("model", id, known)
    data = load_toml(_FOLDER / "models" / f"{id}.toml")
    facts = {**data.get("provenance", {}), **{f"params.{name}": fact for name, fact in data.get("params", {}).items()}}
    return {name: fact for name, fact in facts.items() if isinstance(fact, Mapping) and "grade" in fact}


def version() -> str:
    """The set of models, chips, defaults and sources that results are computed from: its month, and a digest.

    The digest changes with every byte of the catalogue's files, so that two results with the same version used the
    same numbers. Chips and models of the user's own are not in it.
    """
    return _version(_FOLDER)


@cache
def _version(folder: Path) -> str:
    """`EDITION` and the first 12 hex digits of a SHA-256 over the folder's files, names included, in sorted order."""
    from hashlib import sha256

    digest = sha256()
    for name in sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.toml")):
        content = (folder / name).read_bytes().replace(b"\r\n", b"\n")  # a checkout may have either line end
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return f"{EDITION}+{digest.hexdigest()[:12]}"
