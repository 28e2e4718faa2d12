"""What several tests draw from: models, chips, precisions, layouts and lengths, real ones and made-up ones."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from tokenroof import catalogue
from tokenroof._native import ISAS, isa_supported
from tokenroof.specs import (
    Calibration,
    Hardware,
    Kind,
    Level,
    Link,
    Model,
    Operator,
    Options,
    Precision,
    Stage,
    Weights,
    precision,
)
from tokenroof.specs.hardware import TOPOLOGIES

#: Every instruction set of this machine by its own name; "auto" is one of them.
SUPPORTED = [isa for isa in ISAS if isa != "auto" and isa_supported(isa)]
PRECISIONS = ["bf16", "fp16", "fp8", "int8", "fp4", "mxfp4", "fp32", "w4a16", "w8a16", "w8a8", "w4a8kv8"]
ESTIMATES = ["typical", "bound"]


def bits(values: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    """The bit patterns of float64 values, every NaN the same one."""
    array = np.array(values, dtype=np.float64)
    array[np.isnan(array)] = np.nan
    return array.view(np.uint64)


def spread(least: int, most: int) -> st.SearchStrategy[int]:
    """Whole numbers from least to most, small ones, ends and powers of two as often as large ones."""
    powers = [2**i for i in range(least.bit_length(), most.bit_length()) if least <= 2**i <= most]
    mixed = st.one_of(
        st.integers(least, min(most, least + 20)), st.integers(least, most), st.sampled_from([least, most])
    )
    return st.one_of(mixed, st.sampled_from(powers)) if powers else mixed


def magnitude(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers from low to high, every power of ten as often."""
    return st.floats(math.log10(low), math.log10(high)).map(lambda x: min(max(10.0**x, low), high))


def real_models() -> st.SearchStrategy[Model]:
    return st.sampled_from(catalogue.model_ids()).map(catalogue.model)


def real_hardware() -> st.SearchStrategy[Hardware]:
    return st.sampled_from(catalogue.hardware_ids()).map(catalogue.hardware)


def real_precisions() -> st.SearchStrategy[Precision]:
    return st.sampled_from(PRECISIONS).map(precision)


class Dice:
    """Numbers from one seed: a table of coefficients drawn one by one would take Hypothesis a hundred times as long."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.choice, self.uniform, self.whole = self._random.choice, self._random.uniform, self._random.randint

    def chance(self, share: float = 0.5) -> bool:
        return self._random.random() < share

    def magnitude(self, low: float, high: float) -> float:
        """From low to high, every power of ten as often."""
        return 10.0 ** self.uniform(math.log10(low), math.log10(high))

    def maybe(self, low: float, high: float, otherwise: float = 0.0) -> float:
        return self.magnitude(low, high) if self.chance(0.7) else otherwise


_SEEDS = st.integers(0, 2**32)


def row(dice: Dice, kind: Kind, name: str) -> Operator:
    """A row of any kind with coefficients that no architecture need have."""
    count = float(dice.whole(1, 200))
    fields: dict[str, Any] = {
        "weights": dice.choice(list(Weights)),
        "stage": dice.choice([Stage.LAYERS, Stage.LAYERS, Stage.FIRST, Stage.LAST]),
        "count": count,
        "stored": count if dice.chance() else float(dice.whole(0, 200)),
    }
    if kind < Kind.ALL_REDUCE:
        fields |= {field: dice.maybe(1.0, 1e9) for field in ("read_elems", "store_elems", "tied_elems", "act_elems")}
        fields["flops_token"] = dice.maybe(1.0, 1e10)
        fields["heads"] = float(dice.choice([0, 0, 6, 8, 32]))
    else:
        fields |= {"comm_elems": dice.maybe(1.0, 1e6), "active": float(dice.whole(0, 8))}
        fields["nodes"] = float(dice.choice([0, 0, 1, 4]))
        fields["inner_elems"] = dice.maybe(1.0, 1e6)
    if kind is Kind.EXPERTS:
        fields["experts"] = float(dice.choice([1, 2, 7, 8, 16, 60, 64, 128, 256, 384]))
        fields["active"] = float(dice.whole(1, int(fields["experts"])))
        fields["skew"] = dice.choice([0.0, 0.0, 0.3, 1.0, 16.0])
    if kind is Kind.ATTENTION:
        work = ("flops_ctx_decode", "flops_ctx_prefill", "kv_read_elems", "kv_store_elems")
        fields |= {field: dice.maybe(1.0, 1e6) for field in work}
        fields["state_elems"] = dice.maybe(1.0, 1e7)
        fields["window"] = dice.choice(
            [math.inf, math.inf, float(dice.whole(1, 10**6)), float(dice.whole(1, 50)), dice.uniform(0.5, 1e6)]
        )
        fields["chunked"] = float(float(fields["window"]).is_integer() and dice.chance())
        fields["state_bytes"] = dice.choice([2.0, 4.0])
        fields["heads"] = float(dice.choice([0, 1, 6, 8, 24, 32, 64, 128]))
        fields["kv_heads"] = float(dice.choice([0, 1, 2, 3, 8, 32]))
    return Operator(name, kind, **fields)


@st.composite
def made_models(draw: Any) -> Model:
    """An operator table of any rows, of which at least one computes and reads."""
    kinds = draw(st.lists(st.sampled_from(Kind), max_size=8))
    dice = Dice(draw(_SEEDS))
    rows = [row(dice, kind, f"{kind.name.lower()}_{i}") for i, kind in enumerate(kinds)]
    base = Operator("base", Kind.GEMM, count=3.0, stored=3.0, read_elems=1e6, store_elems=1e6, flops_token=2e6)
    rows.insert(dice.whole(0, len(rows)), base)
    context = math.inf if dice.chance(0.7) else float(dice.whole(2, 10**6))
    return Model("made", tuple(rows), layers=dice.whole(1, 130), hidden=64, vocab=100, max_context=context)


def link(dice: Dice, bandwidth: float) -> Link:
    """A scale-up network of any topology."""
    topology = dice.choice(TOPOLOGIES)
    domain = float(dice.choice([1, 2, 4, 8, 12, 64, 72, *([math.inf] * (topology == "switch"))]))
    if topology == "switch":
        reduction = dice.choice([0.0, dice.uniform(0.1, 1.0)])
        return Link("inner", bandwidth, domain, reduction=reduction, reduction_latency=dice.maybe(1e-7, 1e-3))
    wide = dice.choice([n for n in (1, 2, 3, 4, 8) if domain % n == 0])
    deep = dice.choice([n for n in (1, 2, 3) if domain / wide % n == 0])
    dims = (int(domain / wide / deep), wide, deep) if topology == "torus" else ()
    return Link("inner", bandwidth, domain, topology, dims, dice.choice([0, 0, 2, 4]))


def levels(dice: Dice) -> tuple[Level, ...]:
    """Memory before and behind main memory."""
    near = sorted((dice.chance(0.3) for _ in range(dice.choice([0, 0, 1, 2, 4]))), reverse=True)
    return tuple(
        Level(
            f"level{i}",
            dice.magnitude(1e6, 1e14),
            dice.choice([math.inf, dice.magnitude(1e6, 1e17)]),
            dice.choice([("weights",), ("kv",), ("weights", "kv")]),
            before,
            dice.maybe(1e-13, 1e-9, math.nan),
        )
        for i, before in enumerate(near)
    )


def made_options() -> st.SearchStrategy[Options]:
    """Any assumptions, the usual ones most often."""
    fraction = st.one_of(st.just(0.9), st.floats(0.01, 1.0))
    return st.builds(
        Options,
        memory_fraction=fraction,
        memory_of=st.sampled_from(["total", "total", "free"]),
        reserved=st.one_of(st.just({}), magnitude(1e3, 1e13).map(lambda n: {"activations": n})),
        offload=st.sampled_from([(), (), ("weights",), ("kv",), ("weights", "kv")]),
        pad_heads=st.booleans(),
        attention_sharding=st.sampled_from(["heads", "batch"]),
        weight_sharding=st.sampled_from(["1d", "1d", "2d", "auto"]),
        cache_share=st.sampled_from([0.3, 0.0, 1.0, 0.77]),
        fallback=st.sampled_from(["status", "status", "wider"]),
    )


@st.composite
def made_hardware(draw: Any, sram: bool = True) -> Hardware:
    """A chip that nobody has built, with or without links, on-chip memory, power and price."""
    up, out = draw(st.booleans()), draw(st.booleans())
    dice = Dice(draw(_SEEDS))
    inner, power = dice.magnitude(1e8, 1e13), dice.maybe(1.0, 1e5, math.nan)
    shares = [dice.uniform(0.05, 1.0) for _ in range(3)]
    return Hardware(
        id="made",
        peaks={peak: dice.magnitude(1e10, 1e17) for peak in ("bf16", "fp8", "int8", "fp4", "fp32")},
        memory_bytes=dice.magnitude(1e8, 1e14),
        memory_bandwidth=dice.magnitude(1e9, 1e17),
        sram_bytes=dice.maybe(1e5, 1e11) if sram else 0.0,
        scaleup=link(dice, inner) if up else None,
        levels=levels(dice) if sram else (),
        scaleout=Link("outer", inner * dice.uniform(1e-3, 1.0)) if out else None,
        power_max=power,
        flop_joules={"bf16": dice.magnitude(1e-14, 1e-10)} if dice.chance() else {},
        byte_joules=dice.maybe(1e-12, 1e-9, math.nan),
        link_joules=dice.maybe(1e-12, 1e-9, math.nan),
        power_idle=power * dice.uniform(0.0, 1.0) if dice.chance() else math.nan,
        usd_per_hour=dice.choice([math.nan, 0.0, dice.magnitude(1e-3, 1e3), dice.magnitude(1e-3, 1e3)]),
        calibration=Calibration(
            *shares,
            *(dice.maybe(1e-7, 1e-2) for _ in range(4)),
            serial=dice.choice([0.0, 0.0, dice.uniform(0.0, 1.0)]),
            kv_efficiency=dice.choice([1.0, dice.uniform(0.1, 1.0)]),
            attention_efficiency=dice.choice([1.0, dice.uniform(0.1, 1.0)]),
            narrow_efficiency=dice.choice([1.0, dice.uniform(0.1, 1.0)]),
            quant_efficiency=dice.choice([1.0, dice.uniform(0.1, 1.0)]),
            kernel_overhead=dice.maybe(1e-8, 1e-4),
            tile=dice.choice([1.0, 64.0, dice.uniform(1.0, 300.0)]),
            expert_imbalance=dice.choice([1.0, dice.uniform(1.0, 3.0)]),
            expert_efficiency=dice.choice([1.0, dice.uniform(0.1, 1.0)]),
            sequence_overhead=dice.maybe(1e-7, 1e-3),
            prefill_overhead=dice.maybe(1e-6, 1e-2),
        ),
    )


_ANY = st.sampled_from([1, 1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 3, 5, 6, 16, 64, 200])


@st.composite
def layouts(draw: Any) -> dict[str, int]:
    """tp, pp, ep, dp, cp: mostly such as engines use, sometimes any."""
    tp, pp, dp = (draw(_ANY) for _ in range(3))
    cp = draw(st.sampled_from([1, 1, 1, 2, 3, 8]))
    ep = draw(st.sampled_from([1, dp, tp * dp, tp * dp * cp, 3, 16]))
    return {"tp": tp, "pp": pp, "ep": ep, "dp": dp, "cp": cp}
