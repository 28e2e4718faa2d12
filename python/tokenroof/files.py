"""Files that readers never see half written."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from .errors import TokenroofError

__all__ = ["write_atomically"]


def write_atomically(path: str | os.PathLike[str], write: Callable[[str], None]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then rename it: the file is there whole or not at all.

    Raises
    ------
    TokenroofError
        When the folder is missing or cannot be written.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.stem}-{secrets.token_hex(6)}{target.suffix}")
    try:
        try:
            write(os.fspath(temporary))
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise TokenroofError(f"{target}: cannot be written ({error.strerror or error})") from error
