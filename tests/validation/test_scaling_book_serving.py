"""Austin et al., How to Scale Your Model (JAX scaling book), applied inference: serving Llama-3-70B."""

from __future__ import annotations

import pytest

from tokenroof.fleets.steady import evicted_tokens_per_step, prefill_to_decode


def test_servers_for_prefill_and_decode() -> None:
    """8192 tokens prefill in 0.91 s; 32 sequences decode 512 tokens in steps of 19 ms. Three to one."""
    assert prefill_to_decode(0.91, 512, 0.019, 32) == pytest.approx(3.0, rel=0.01)


def test_cache_that_leaves_with_a_step() -> None:
    """Prompts of 8192 tokens, outputs of 4096, 32 at once."""
    assert evicted_tokens_per_step(32, 8192, 4096) == 96.0
