"""Configs of the catalogue as transformers can take them, or why it cannot."""

from __future__ import annotations

from typing import Any

from tokenroof.catalogue import model

from . import theirs

#: Keys of the published file that the catalogue leaves out, since no count depends on them, but transformers routes by.
_BESIDES = {
    "deepseek-v2": {"n_group": 8, "topk_group": 3},  # config.json of deepseek-ai/DeepSeek-V2
}

#: Models whose own code does what the class of their type does not.
_BEYOND = {
    "kimi-k3": "the class ignores latent experts, output gates and full-rank gates",
}


def comparable(model_id: str) -> dict[str, Any]:
    """The config of a model of the catalogue; raises `theirs.Unknown` with the reason where there is none."""
    config = model(model_id).config
    if model_id in _BEYOND:
        raise theirs.Unknown(_BEYOND[model_id])
    if not theirs.known(config["model_type"]):
        raise theirs.Unknown(f"transformers has no model_type {config['model_type']!r}")
    return {**config, **_BESIDES.get(model_id, {})}
