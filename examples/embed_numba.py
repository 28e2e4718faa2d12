"""Monte Carlo in compiled code: how often does a step miss its limit when the batch size is random?

`point_function` gives Numba a direct line to the core, so that a ``prange`` loop evaluates points on all cores without
the interpreter.

    python examples/embed_numba.py
"""

from __future__ import annotations

import numba
import numpy as np

import tokenroof as tr
from tokenroof.jit import point_function

SAMPLES = 200_000
LIMIT = 0.020  # s per output token


def main() -> None:
    sweep = tr.Sweep(model="llama-3.1-70b", hardware="h100-sxm", precision=["bf16", "fp8"], tp=[4, 8])
    plan = sweep.plan(bind_all=True)  # then a call binds nothing
    point = point_function(plan, ["tpot_s", "joules_per_token"])

    @numba.njit(parallel=True)
    def sample(combination, batches, lengths, steps, joules):
        for i in numba.prange(len(batches)):
            out = np.empty(2)  # one per iteration: iterations run at once
            if point(combination, batches[i], lengths[i], 256.0, out) == 0:
                steps[i], joules[i] = out[0], out[1]

    random = np.random.default_rng(42)
    batches = 1.0 + random.poisson(48, SAMPLES)
    lengths = np.ceil(np.exp(random.normal(7.0, 0.8, SAMPLES)))  # about 1100 tokens, with a long tail

    print(f"batch {np.mean(batches):.0f} and prompts of {np.mean(lengths):.0f} tokens on average, {SAMPLES:,} of each")
    for precision in ("bf16", "fp8"):
        for tp in (4, 8):
            steps, joules = np.full(SAMPLES, np.nan), np.full(SAMPLES, np.nan)
            sample(plan.combination(precision=precision, tp=tp), batches, lengths, steps, joules)
            assert np.isfinite(steps).all()
            print(
                f"{precision:5} tp={tp}: {np.mean(steps) * 1e3:5.2f} ms per token, 95 % within "
                f"{np.percentile(steps, 95) * 1e3:5.2f} ms, {np.mean(steps > LIMIT):6.2%} miss {LIMIT * 1e3:.0f} ms, "
                f"{np.mean(joules):.2f} J per token"
            )


if __name__ == "__main__":
    main()
