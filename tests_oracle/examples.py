"""Seeded random configs: how many, from which seed, and how to get the same ones again.

``ORACLE_EXAMPLES`` (25) configs per family for parameters, a fifth as many where models run; ``ORACLE_SEED`` (0) for
other ones.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from typing import Any

from .generators import GENERATORS

EXAMPLES = int(os.environ.get("ORACLE_EXAMPLES", "25"))
RUNS = max(1, EXAMPLES // 5)
SEED = os.environ.get("ORACLE_SEED", "0")

FAMILIES = sorted(GENERATORS)

_REMOTE = "its code lies next to the weights, in no release of transformers"

#: Families without a generator, since there is nothing to compare with, and why.
NO_ORACLE = {
    "RefinedWeb": "Falcon's first name: read by the same function",
    "RefinedWebModel": "Falcon's first name: read by the same function",
    "baichuan": _REMOTE,
    "chatglm": _REMOTE,
    "exaone": _REMOTE,
    "grok": "published as JAX code, without a class in transformers",
    "grok-1": "published as JAX code, without a class in transformers",
    "internlm2": _REMOTE,
    "mimo": "Qwen2's layers: read by the same function",
    "palm": "described in a paper, published nowhere",
    "phi3small": _REMOTE,
    "qwen": _REMOTE,
    "tokenroof": "our own spelling of shapes that nobody published",
}


def examples(family: str, count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Configs of ``family`` and the seed of each; a generator of several families is asked until it is its turn."""
    found = attempt = 0
    while found < count:
        seed = f"{SEED}:{family}:{attempt}"
        config = GENERATORS[family](random.Random(seed))
        attempt += 1
        if config["model_type"] == family:
            found += 1
            yield seed, config
        elif attempt > 100 * count:
            raise LookupError(f"the generator registered for {family!r} makes no config of this model_type")


def story(seed: str, config: dict[str, Any]) -> str:
    """The lines of a failure that let one repeat it."""
    family = config["model_type"]
    again = f"GENERATORS[{family!r}](random.Random({seed!r}))"
    return f"{again}  (ORACLE_SEED={SEED} ORACLE_EXAMPLES={EXAMPLES})\n{json.dumps(config)}"
