"""Pictures of docs/routing.md, speculation.md, test_time.md, voting.md and prefix_cache.md: run to draw them again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tokenroof.plot import panels_plot
from tokenroof.techniques import cascade, prefix_cache, reasoning, routing, speculation, test_time, voting

DOCS = Path(__file__).parent


def routes(path: Path) -> None:
    """What a router knows, and what it saves against whom."""
    router, prices = routing.published()["routellm-mt-bench"], routing.published("prices")["routellm"]
    weak, strong = prices["usd_per_mtok_weak"], prices["usd_per_mtok_strong"]
    curve = routing.fit_cpt(router["cpt50"], router["cpt80"])
    gaps, phi = np.linspace(0.02, 0.98, 97), np.linspace(0, 1, 201)
    calls = routing.cpt(gaps, *curve)
    name, judged = "router (RouteLLM, MT-Bench)", "cascade, judge of AUROC 0.8"
    accept = np.linspace(0.001, 0.999, 400)
    wrong = cascade.judge_rates(0.8, accept)
    deferred = cascade.defer_share(0.5, accept, wrong)
    right = routing.pgr(cascade.accuracy(0.5, 0.9, accept, wrong), 0.5, 0.9)
    paid = cascade.cost(np.stack(np.broadcast_arrays(weak, strong * np.ones_like(deferred)), -1), deferred[:, None])
    inside = (right > 0.02) & (right < 0.98)
    panels = {
        "what it knows": {
            "measured": ([router["cpt50"], router["cpt80"]], [0.5, 0.8]),
            name: (phi, routing.quality(phi, *curve)),
            "a coin": (phi, phi),
            judged: (deferred, right),
        },
        "what it saves against always GPT-4": {
            name: (gaps, routing.saving_ratio(calls, weak, strong)),
            "a coin": (gaps, routing.saving_ratio(gaps, weak, strong)),
            judged: (right[inside], (strong / paid)[inside]),
        },
    }
    panels_plot(
        panels,
        path,
        x=["share of requests to the strong model", "share of the quality gap recovered"],
        y=["share of the quality gap recovered", "times cheaper"],
        scales=["linear", "semilogy"],
        points=["measured"],
        dashed=["a coin"],
        heading="Routing: cheap at half of the gap, dear at all of it",
    )


def speculate(path: Path) -> None:
    """A dense model and a mixture of experts, by batch."""
    batches = [2**i for i in range(12)]
    titles = {
        "Llama-3.1-70B, 8 x H200": ("llama-3.1-70b", {"tp": 8}),
        "DeepSeek-V3 (256 experts, 8 active), 16 x H200": ("deepseek-v3", {"tp": 16}),
    }
    panels = {}
    for title, (model, axes) in titles.items():
        s = speculation.evaluate(
            model, "h200-sxm", draft=speculation.head_of(model), acceptance=0.8, lengths=range(1, 9), batch=batches,
            precision="fp8", isl=2048, osl=512, **axes,
        )  # fmt: skip
        by_length = s.speedup.reshape(8, len(batches))
        curves = {f"draft of {g}": (batches, by_length[g - 1]) for g in (1, 2, 4, 8)}
        panels[title] = {**curves, "best length": (batches, s.best_speedup.ravel())}
    panels_plot(
        panels,
        path,
        x=["sequences in flight"] * 2,
        y=["speed against plain decoding"] * 2,
        scales=["semilogx"] * 2,
        dashed=["best length"],
        heading="Speculation: what a draft head with 80 % acceptance brings",
        note="Checking more tokens is free until arithmetic decides - but for experts that only they touch",
    )


def samples_and_lengths(path: Path) -> None:
    """Coverage and majorities; the price of length."""
    n = np.unique(np.round(np.logspace(0, 4, 60)))
    one, many = 0.159, 0.56
    tokens = np.unique(np.round(np.logspace(3, 5, 25)))
    cost = {}
    for model, chips in (("llama-3.1-70b", 8), ("deepseek-v3", 16)):
        t = reasoning.think(model, "h200-sxm", tokens, tp=chips, precision="fp8", isl=64, batch="1:4096")
        cost[model] = (t.tokens / 1e3, t.multiplier)
    panels = {
        "right answers on SWE-bench Lite": {
            "measured": ([1, 250], [one, many]),
            "all issues alike": (n, test_time.coverage(one, n)),
            "issues differ (Beta)": (n, test_time.coverage_beta(*test_time.fit_beta(one, 250, many), n)),
            "power law": (n, test_time.coverage_power_law(*test_time.fit_power_law(one, 250, many), n)),
            "verifier, 5 % false alarms": (n, test_time.verified(one, n, 1.0, 0.05)),
        },
        "chip time of an answer, 1,000 tokens = 1": {
            "proportional": (tokens / 1e3, tokens / tokens[0]),
            "Llama-3.1-70B": cost["llama-3.1-70b"],
            "DeepSeek-V3": cost["deepseek-v3"],
        },
    }
    panels_plot(
        panels,
        path,
        x=["samples", "thousand tokens generated"],
        y=["share of right answers", "times as much"],
        scales=["semilogx", "loglog"],
        points=["measured"],
        dashed=["power law", "proportional"],
        heading="More samples and longer thoughts",
    )


def votes(path: Path) -> None:
    """How far a lead of k votes reaches, and what a million steps cost."""
    steps = np.round(np.logspace(0, 9, 200))
    errors = np.logspace(-4, np.log10(0.45), 200)
    million = 1_048_575
    call = {"output_tokens": 580, "usd_per_mtok_out": 1.6, "input_tokens": 600, "usd_per_mtok_in": 0.4}
    lead = voting.k_min(1 - errors, million)
    panels = {
        "a model that is right 99.78 % of the time": {
            **{f"{k} ahead" if k > 1 else "no vote": (steps, voting.success(0.9978, k, steps)) for k in (1, 2, 3, 4)}
        },
        "1,048,575 steps with 95 % success": {
            "published for gpt-4.1-mini": ([0.0022, 0.0040], [3.5, 4.9]),
            "cost at the least lead": (errors, voting.cost(1 - errors, lead, million, **call) / 1e3),
        },
    }
    panels_plot(
        panels,
        path,
        x=["steps", "error rate of a step"],
        y=["probability that every step is right", "thousand USD"],
        scales=["semilogx", "loglog"],
        points=["published for gpt-4.1-mini"],
        heading="Voting: a vote more buys orders of magnitude in length",
    )


def caches(path: Path) -> None:
    """Hits by size of the cache and popularity of prefixes."""
    capacity = np.logspace(-3, 0, 40)
    panels = {
        "10,000 prefixes, popularity falls as": {
            f"rank^-{z:g}": (
                capacity,
                [
                    prefix_cache.token_hit_rate(prefix_cache.hit_rates(p, 1.0, 10_000 * c), p, 1.0)
                    for p in [prefix_cache.zipf(10_000, z)]
                    for c in capacity
                ],
            )
            for z in (0.6, 0.9, 1.2)
        }
    }
    panels_plot(
        panels,
        path,
        x=["cache over all prefixes"],
        y=["share of prompt tokens that hit"],
        scales=["semilogx"],
        heading="A small cache holds what is asked for",
    )


#: What draws each page's picture.
PICTURES = {
    "routing": routes,
    "speculation": speculate,
    "test_time": samples_and_lengths,
    "voting": votes,
    "prefix_cache": caches,
}

if __name__ == "__main__":
    for name, draw in PICTURES.items():
        draw(DOCS / f"{name}.png")
