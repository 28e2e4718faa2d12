"""Techniques over the core: every draft length at every batch."""

from __future__ import annotations

from tokenroof.techniques import speculation

from . import inputs


class Speculate:
    """Eight draft lengths of a draft model, at every batch of a grid."""

    def setup(self) -> None:
        self.batches = inputs.SPECULATE_BATCHES_2026

    def time_evaluate(self) -> None:
        speculation.evaluate(
            "deepseek-v3", "h200-sxm", draft=speculation.head_of("deepseek-v3"), acceptance=0.8, lengths=range(1, 9),
            tp=16, batch=self.batches,
        )  # fmt: skip
