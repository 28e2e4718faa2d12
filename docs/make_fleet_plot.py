"""Draws docs/fleet.png: where "100 million chips" comes from, step by step, and what each of its inputs is worth.

Run from anywhere: ``python docs/make_fleet_plot.py``. docs/fleet.md shows the same numbers, computed by its examples.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tokenroof as tr
from tokenroof.fleets.demand import duty_tokens_per_s
from tokenroof.fleets.machines import chips_by_flops
from tokenroof.fleets.picture import tornado_plot
from tokenroof.fleets.uncertain import Distribution, LogNormal, LogUniform, Tornado, Uniform

PICTURE = Path(__file__).parent / "fleet.png"

SCENARIO = duty_tokens_per_s(7.88e9, 0.05, 50.0)  # MobileLLM, appendix I: everyone, 5 % of the time, 50 tokens/s
CHATGPT = tr.Demand(users=700e6, requests_per_week=18e9, isl=1024, osl=500, peak_to_mean=1.5)  # NBER 34255, July 2025
ACTIVE = 2 * 280e9  # FLOP of a token, GPT-4 as rumoured
LIMITS: dict[str, Any] = {"precision": ["bf16", "fp8"], "chips": 64, "ttft_s": 2.0, "tpot_s": 0.05}

#: Ends are quantiles 0.1 and 0.9: of two published or sold things, the smaller and the larger.
INPUTS: dict[str, Distribution] = {
    "tokens_per_s": LogNormal(CHATGPT.tokens_per_s, SCENARIO),
    "flop_per_token": LogNormal(2 * 37e9, 3e12),
    "peak_flops": LogNormal(60e12, tr.hardware("b200-sxm").peaks["fp8"]),
    "mfu": LogUniform(0.05, 0.6),
    "peak_to_mean": Uniform(1.1, 2.1),
}
LABELS = {
    "tokens_per_s": "demand: ChatGPT of 2025 to everyone, 5 % of the time",
    "flop_per_token": "FLOP of a token: DeepSeek-V3 to 3e12, as is told",
    "peak_flops": "peak of a chip: 60e12 to a B200 in fp8",
    "mfu": "reached of it: 6 % (DeepSeek's decode 7 %) to 47 %",
    "peak_to_mean": "busiest hour over the mean: 1.2 to 2",
}


def chips(tokens_per_s: Any, flop_per_token: Any, peak_flops: Any, mfu: Any, peak_to_mean: Any) -> Any:
    """Chips at the peak of the day, arithmetic alone."""
    return chips_by_flops(tokens_per_s * peak_to_mean, flop_per_token, peak_flops, mfu)


def told() -> Tornado:
    """Which input matters."""
    return tr.tornado(chips, INPUTS)


def steps() -> list[tuple[str, float]]:
    """The printed number, corrected one input after the other; the last ones by a search over layouts."""
    h100 = tr.hardware("h100-sxm").peaks["bf16"]
    mean = CHATGPT.tokens_per_s
    best = tr.fleet("gpt-4", "h100-sxm", CHATGPT, **LIMITS)
    newer = tr.fleet("deepseek-v3", "b200-sxm", CHATGPT, **LIMITS)
    return [
        ("as printed", 100e6),
        ("its own formula, not rounded up", chips_by_flops(SCENARIO, 220e9, 60e12)),
        ("two FLOP for each of GPT-4's 280e9 active parameters", chips_by_flops(SCENARIO, ACTIVE, 60e12)),
        ("the tensor peak of an H100", chips_by_flops(SCENARIO, ACTIVE, h100)),
        ("a tenth of it is reached", chips_by_flops(SCENARIO, ACTIVE, h100, 0.1)),
        ("the demand of ChatGPT in 2025", chips_by_flops(mean, ACTIVE, h100, 0.1)),
        ("the busiest hour", chips_by_flops(CHATGPT.peak_tokens_per_s, ACTIVE, h100, 0.1)),
        ("best layout found, within 2 s and 50 ms a token", float(best.chips)),
        ("DeepSeek-V3 on B200 instead", float(newer.chips)),
    ]


def main() -> None:
    """Draw."""
    tornado_plot(
        told(),
        PICTURE,
        unit="chips",
        labels=LABELS,
        steps=steps(),
        heading="100 million chips: where the number comes from, and what each of its inputs is worth",
        note="below: one input at its low (blue) and high (orange) end, the others in the middle of theirs",
    )


if __name__ == "__main__":
    main()
