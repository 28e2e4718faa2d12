"""An audit of public claims on serving language models: each one computed by the library, with a verdict that follows.

A claim is data (one TOML file a document): what is said, the inputs that it leaves open, the steps that compute what
it is about, and the statement that would make it right. See `audit`.
"""

from __future__ import annotations

from .audit import Claim, Finding, audit, load_claims
from .report import page

__all__ = ["Claim", "Finding", "audit", "load_claims", "page"]
