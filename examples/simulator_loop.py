"""A simulator of one server with continuous batching: tokenroof says how long every step takes.

Requests arrive at random (Poisson), wait for room in the batch, are prefilled one at a time, then decode together. The
loop asks for one time per step; a plan made once answers in microseconds. `main` then prices the whole grid of load at
once with a point list.

    python examples/simulator_loop.py
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

import tokenroof as tr

OSL = 128


@dataclass
class Request:
    arrived: float
    isl: int
    first: float = 0.0  #: when its first token was ready [s]
    done: float = 0.0
    tokens: int = 0


def arrivals(rate: float, seconds: float, seed: int) -> deque[Request]:
    """Poisson arrivals at ``rate`` [1/s] with prompts of 256 to 4096 tokens in steps of 256."""
    random = np.random.default_rng(seed)
    times = np.cumsum(random.exponential(1.0 / rate, size=int(rate * seconds)))
    return deque(Request(t, int(n) * 256) for t, n in zip(times, random.integers(1, 17, len(times)), strict=True))


def simulate(plan: tr.Plan, combination: int, waiting: deque[Request], most: int) -> list[Request]:
    """Serve every request; at most ``most`` are in flight."""
    now, flying, finished = 0.0, [], []
    while waiting or flying:
        if not flying and waiting and waiting[0].arrived > now:
            now = waiting[0].arrived
        if waiting and waiting[0].arrived <= now and len(flying) < most:  # prefill first: it makes the first token
            request = waiting.popleft()
            (ttft,) = plan.point(combination, 1, request.isl, OSL, ["ttft_s"])
            now += ttft
            request.first, request.tokens = now, 1
            flying.append(request)
            continue
        # One step for all. With osl = 2 there is one decode step, on exactly isl cached tokens.
        cached = round(sum(r.isl + r.tokens - 1 for r in flying) / len(flying))
        (step,) = plan.point(combination, len(flying), cached, 2, ["tpot_s"])
        now += step
        for request in flying:
            request.tokens += 1
            request.done = now
        finished += [r for r in flying if r.tokens == OSL]
        flying = [r for r in flying if r.tokens < OSL]
    return finished


def main() -> None:
    sweep = tr.Sweep(model="llama-3.1-8b", hardware="h100-sxm", precision="fp8", isl=4096, osl=OSL, batch="1:256")
    plan = sweep.plan(bind_all=True)  # bound once: calls below only evaluate
    combination = plan.combination(model="llama-3.1-8b", hardware="h100-sxm", precision="fp8")
    most = int(min(plan.point(combination, 1, 4096, OSL, ["max_batch"])[0], 64))

    print(f"llama-3.1-8b, fp8, one h100-sxm, at most {most} in flight, {OSL} tokens out")
    print("requests/s   TTFT p50   TTFT p95   TPOT p50   TPOT p95")
    for rate in (2.0, 8.0, 14.0):
        served = simulate(plan, combination, arrivals(rate, 20.0, seed=7), most)
        ttft = np.array([r.first - r.arrived for r in served]) * 1e3
        tpot = np.array([(r.done - r.first) / (OSL - 1) for r in served]) * 1e3
        cells = [f"{q:8.1f} ms" for x in (ttft, tpot) for q in np.percentile(x, (50, 95))]
        print(f"{rate:8.0f}  " + "".join(cells))

    # Many points at once go in one call: a table of step times over batch and context for a simulator of one's own.
    batch, context = (a.ravel() for a in np.meshgrid([1, 8, 64], [512, 4096], indexing="ij"))
    (steps,) = plan.points(np.full(batch.shape, combination), batch, context, 2, ["tpot_s"])
    for b, c, s in zip(batch, context, steps, strict=True):
        print(f"batch {b:3d}, {c:4d} tokens cached: {s * 1e3:6.2f} ms a step")


if __name__ == "__main__":
    main()
