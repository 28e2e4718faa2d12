"""Random configs of every family lower; the oracle tests compare the same ones with transformers, which needs torch."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests_oracle.examples import NO_ORACLE, examples
from tests_oracle.generators import GENERATORS
from tokenroof.lowering import families, model_from_hf


@pytest.mark.parametrize("family", sorted(GENERATORS))
def test_random_configs_lower(family: str) -> None:
    for seed, config in examples(family, 20):
        model = model_from_hf(config)
        assert model.params > 0, (seed, config)
        assert 0 < model.active_params <= model.params, (seed, config)
        assert model.layers > 0, (seed, config)


@pytest.mark.parametrize("family", sorted(GENERATORS))
def test_a_generator_makes_json_and_the_same_for_the_same_seed(family: str) -> None:
    def again() -> dict[str, Any]:
        return GENERATORS[family](random.Random("seed"))

    assert json.loads(json.dumps(again())) == again()


def test_every_family_has_a_generator() -> None:
    assert families() == sorted(GENERATORS.keys() | NO_ORACLE.keys())
    assert not GENERATORS.keys() & NO_ORACLE.keys()
