"""Random small configs, one generator per family: what the oracle tests compare on."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Generate = Callable[[random.Random], dict[str, Any]]

GENERATORS: dict[str, Generate] = {}


def generator(*model_types: str) -> Callable[[Generate], Generate]:
    def register(generate: Generate) -> Generate:
        for model_type in model_types:
            GENERATORS[model_type] = generate
        return generate

    return register
