"""One config lowered to its operator table: the target is 2 ms, whatever the layers are."""

from __future__ import annotations

from tokenroof import Model

from . import inputs

_CONFIGS = {
    "dense": inputs.CONFIG_2025,
    "latent": inputs.CONFIG_LATENT_2025,
    "hybrid": inputs.CONFIG_HYBRID_2025,
}


class Family:
    """A config as Hugging Face publishes it, already parsed from JSON."""

    params = ["dense", "latent", "hybrid"]
    param_names = ("kind",)

    def setup(self, kind: str) -> None:
        self.config = _CONFIGS[kind]

    def time_from_hf(self, _: str) -> None:
        Model.from_hf(self.config, id="config-2025")
