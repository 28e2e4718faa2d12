"""What tests of refused calls share."""

from __future__ import annotations

import re
from typing import Any

import pytest

BOTH: dict[str, Any] = {"model": "llama-2-7b", "hardware": "h100-sxm"}


def refused(kind: type[BaseException], *words: str) -> Any:
    """The exception that a `with` block must raise, every one of the words in its message."""
    return pytest.raises(kind, match="(?s)" + "".join(f"(?=.*{re.escape(word)})" for word in words))
