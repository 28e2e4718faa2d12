"""Reading TOML files: the one place that knows which parser this Python has."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from ..errors import CatalogueError

if sys.version_info >= (3, 11):
    import tomllib
else:  # tomli is the same parser under its older name
    import tomli as tomllib

__all__ = ["load_toml"]


def load_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The contents of the TOML file at ``path``.

    Raises
    ------
    CatalogueError
        When the file is missing, not UTF-8 or not TOML; names the file, and the line where it is damaged.
    """
    file = Path(path)
    try:
        text = file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise CatalogueError(f"{file}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise CatalogueError(f"{file}: cannot be read ({error.strerror or error})") from error
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:  # its message ends in "(at line 3, column 7)"
        raise CatalogueError(f"{file}: not valid TOML: {error}") from error
    return data
