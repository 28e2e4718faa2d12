"""Draws the pictures of docs/sharing.md, training.md, chips.md and energy.md.

Run from anywhere: ``python docs/make_scaling_plots.py``; another folder may be named.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import tokenroof as tr
from tokenroof.plot import curves_plot
from tokenroof.specs import Hardware
from tokenroof.techniques import chips, sharing
from tokenroof.techniques.loss_law import law

#: A15: 34 GB/s and about 20 MB of SRAM (MobileLLM, arXiv:2402.14905); the peak plays no part.
IPHONE_13 = Hardware(
    "iphone-13",
    {"fp16": 8e12, "bf16": 8e12},
    4e9,
    34e9,
    sram_bytes=20e6,
    calibration=tr.hardware("sd8gen3-hexagon").calibration,
)


def sharing_plot(path: Path) -> None:
    """Time of a token by how often each layer runs, its weights on chip or not."""
    times = [1, 2, 3, 4]
    found = [sharing.compare("mobilellm-125m", IPHONE_13, r, precision="fp16", isl=64, osl=1) for r in times]
    curves_plot(
        {
            "layers of their own": (times, [one.own.tpot_s * 1e3 for one in found]),
            "the same weights again": (times, [one.shared.tpot_s * 1e3 for one in found]),
        },
        path,
        x="executions for each of the 30 layers",
        y="time of a token [ms]",
        points={"measured": ([1, 2, 2], [15.6, 16.0, 29.0])},
        linear="xy",
        heading="MobileLLM-125M on an iPhone 13: weights that stay on chip cost little",
        note="Estimate typical, FP16. Measured: arXiv:2402.14905.",
    )


def training_plot(path: Path) -> None:
    """Best size over Chinchilla's, against the tokens that it will serve."""
    fit, served = law("sardana"), np.geomspace(1e9, 1e16, 141)
    sizes = {"7B": 7e9, "13B": 13e9, "30B": 30e9, "70B": 70e9}
    loss = {name: fit.optimum_of_size(n).loss for name, n in sizes.items()}
    by_flop = {
        f"as good as Chinchilla-{name}: least FLOP": (served, fit.lifetime_optimum(loss[name], served).params_ratio)
        for name in sizes
    }
    money = fit.lifetime_optimum(loss["70B"], served, decode_price=0.4 / 0.04).params_ratio
    by_money = {"as good as Chinchilla-70B: least money": (served, money)}
    rows = [(7e9, 1e11, 6e9), (13e9, 2e12, 7e9), (30e9, 1e13, 13.6e9), (70e9, 1e13, 41.6e9)]
    curves_plot(
        by_flop | by_money,
        path,
        x="tokens served over the model's life",
        y="parameters of the best model over Chinchilla's",
        dashed=by_money,
        points={"published": ([r[1] for r in rows], [r[2] / r[0] for r in rows])},
        linear="y",
        heading="Models that will serve much should be smaller, and train longer",
        note="Money: 40 % MFU in training and 4 % in decoding, on the same chips. Published: arXiv:2401.00448.",
    )


def chips_plot(path: Path) -> None:
    """Price of a chip with its part of what was paid once."""
    units, unit_usd = np.geomspace(10, 1e6, 101), 5e3
    once = {
        "1e6 USD: masks, as is said": 1e6,
        "30e6: a set of masks at 5 nm": 30e6,
        "123.5e6: HNLPU, weights in the masks": 123.5e6,
        "570e6: a large design at 5 nm": chips.nre_usd(30e6, chips.node("5nm").design_usd),
    }
    price = tr.hardware("h100-sxm").price_usd
    even = [chips.break_even_units(nre, price - unit_usd) for nre in once.values()]
    curves_plot(
        {name: (units, chips.amortised_usd(nre, unit_usd, units)) for name, nre in once.items()},
        path,
        x="chips made",
        y="cost of a chip [USD]",
        units=("", "USD"),
        points={"break-even": (even, [price] * len(even))},
        levels={"H100, if one replaces one": price, "to make one more (assumed)": unit_usd},
        heading="From 40 chips or from 20,000: a chip of one's own pays by what is paid once",
    )


def energy_plot(path: Path) -> None:
    """Energy of a token by batch, chip and format."""
    runs = {
        "H100, bf16": ("h100-sxm", "bf16", 8),
        "H100, fp8": ("h100-sxm", "fp8", 8),
        "B200, fp8": ("b200-sxm", "fp8", 8),
        "TPU v4, bf16": ("tpu-v4", "bf16", 16),
    }
    curves = {}
    for name, (chip, precision, tp) in runs.items():
        sweep = tr.Sweep(
            model="llama-3.1-70b",
            hardware=chip,
            precision=precision,
            tp=tp,
            batch="1:512",
            isl=1024,
            osl=512,
            pad_heads=True,
        )
        found = sweep.run(["joules_per_token", "fits"])
        keep = found["fits"].ravel() == 1
        curves[name] = (np.arange(1, 513)[keep], found["joules_per_token"].ravel()[keep])
    curves_plot(
        curves,
        path,
        x="sequences in flight on one replica",
        y="energy of an output token [J]",
        units=("", "J"),
        levels={"0.3 Wh for 500 tokens": 0.3 * 3600 / 500, "0.1 J per 1e9 parameters, as on a phone": 7.06},
        heading="Llama-3.1-70B: what a token takes is a matter of batch",
        note="Estimate typical, 8 chips (TPU v4: 16), 1024 tokens in, 512 out, prompts included; power of the chips.",
    )


PLOTS = {"sharing": sharing_plot, "training": training_plot, "chips": chips_plot, "energy": energy_plot}


def main(folder: Path) -> None:
    for name, draw in PLOTS.items():
        draw(folder / f"{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
