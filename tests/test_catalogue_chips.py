"""The chips of the catalogue by name: who is there, what their sources say, how they are joined, what they hold."""

from __future__ import annotations

import math

import pytest

from tokenroof.catalogue import hardware, hardware_ids, model

IDS = hardware_ids()

#: Accelerators that the catalogue must hold.
ACCELERATORS = [
    "gtx580",
    "v100-sxm2-16",
    "v100-pcie-32",
    "t4",
    "a10",
    "a40",
    "a100-40-pcie",
    "a100-40-sxm",
    "a100-80-pcie",
    "a100-80-sxm",
    "l4",
    "l40s",
    "rtx3090",
    "rtx4090",
    "rtx5090",
    "rtxa6000",
    "rtxpro6000",
    "h100-pcie",
    "h100-sxm",
    "h100-nvl",
    "h800-sxm",
    "h20-96",
    "h200-sxm",
    "gh200",
    "b100",
    "b200-sxm",
    "b300-sxm",
    "gb200-nvl72",
    "gb300-nvl72",
    "rubin-vr200",
    "mi250x",
    "mi300x",
    "mi325x",
    "mi355x",
    "mi455x",
    "tpu-v2",
    "tpu-v3",
    "tpu-v4",
    "tpu-v5e",
    "tpu-v5p",
    "tpu-v6e",
    "tpu-v7",
    "groq-lpu-v1",
    "cerebras-wse2",
    "cerebras-wse3",
    "sn40l",
    "grayskull-e150",
    "wormhole-n300",
    "blackhole-p150a",
    "etched-sohu",
    "inferentia1",
    "inferentia2",
    "trainium1",
    "trainium2",
    "trainium3",
    "gaudi2",
    "gaudi3",
    "apple-m1",
    "apple-m1-pro",
    "apple-m1-max",
    "apple-m1-ultra",
    "apple-m2-ultra",
    "apple-m3-max",
    "apple-m3-ultra",
    "apple-m4-max",
    "apple-a17pro-ane",
    "sd8gen3-hexagon",
    "sdx-elite-hexagon",
    "cloud-ai100-std",
    "cloud-ai100-pro",
    "cloud-ai100-ultra",
    "ipu-gc200",
    "ipu-bow",
    "ascend-910b",
    "ascend-910c",
    "ascend-950dt",
    "2s-xeon-8480",
    "2s-xeon-6980p",
    "2s-epyc-9965",
]
#: Parts that measurements are published of, beside the accelerators above.
MEASURED = [
    "apple-m1-7c",
    "apple-m1-max-24c",
    "apple-m1-pro-14c",
    "apple-m1-ultra-48c",
    "apple-m2-10c",
    "apple-m2-8c",
    "apple-m2-max-30c",
    "apple-m2-max-38c",
    "apple-m2-pro-16c",
    "apple-m2-pro-19c",
    "apple-m2-ultra-60c",
    "apple-m3-10c",
    "apple-m3-8c",
    "apple-m3-max-30c",
    "apple-m3-pro-14c",
    "apple-m3-pro-18c",
    "apple-m3-ultra-60c",
    "apple-m4-10c",
    "apple-m4-8c",
    "apple-m4-max-32c",
    "apple-m4-pro-16c",
    "apple-m4-pro-20c",
    "arc-a770",
    "arc-b580",
    "arc-pro-b60",
    "dgx-spark",
    "gh200-144",
    "h200-nvl",
    "max-1550",
    "rtx2080ti",
    "rtx3060",
    "rtx3070",
    "rtx3080",
    "rtx3080ti",
    "rtx4000ada",
    "rtx4060ti",
    "rtx4070",
    "rtx4070ti",
    "rtx4080",
    "rtx4080super",
    "rtx5000ada",
    "rtx5060ti",
    "rtx5070",
    "rtx5070ti",
    "rtx5080",
    "rtx6000ada",
    "rx7900xtx",
    "rx9070",
    "rx9070xt",
    "ryzen-ai-max-395",
]
#: Weights in masks: designs and claims.
BURNED_IN = ["hnlpu", "taalas-hc1"]
#: What is not as its maker ships it.
NOT_OFFICIAL = {
    "announced": {"b100", "rubin-vr200", "mi455x", "ascend-950dt"},
    "claim": {"etched-sohu", "taalas-hc1"},
    "estimated": {
        "2s-xeon-8480",
        "2s-xeon-6980p",
        "2s-epyc-9965",
        "ascend-910b",
        "ascend-910c",
        "sd8gen3-hexagon",
        "hnlpu",
    },
}


def test_the_catalogue_holds_every_accelerator() -> None:
    assert len(ACCELERATORS) == 79
    assert set(IDS) == {*ACCELERATORS, *MEASURED, *BURNED_IN}


def test_what_is_not_official_is_marked() -> None:
    for status, ids in NOT_OFFICIAL.items():
        assert {id for id in IDS if hardware(id).status == status} == ids


@pytest.mark.parametrize("id", sorted(set().union(*NOT_OFFICIAL.values())))
def test_no_peak_of_an_unofficial_chip_passes_for_a_datasheet(id: str) -> None:
    facts = {key: fact for key, fact in hardware(id).facts.items() if key.startswith("peak.")}
    assert facts
    assert all(fact["grade"] in ("claim", "derived", "assumed") for fact in facts.values())


@pytest.mark.parametrize(
    ("id", "field", "value"),
    [
        ("h100-sxm", "memory_bandwidth", 3.35e12),
        ("h100-sxm", "memory_bytes", 80e9),
        ("h100-sxm", "power_max", 700.0),
        ("h100-sxm", "usd_per_hour", 2.95),
        ("a100-80-sxm", "memory_bandwidth", 2.039e12),
        ("h200-sxm", "memory_bytes", 141 * 2.0**30),
        ("b200-sxm", "memory_bytes", 180 * 2.0**30),
        ("b300-sxm", "memory_bytes", 275_040 * 2.0**20),
        ("gb200-nvl72", "memory_bytes", 198.67e9),
        ("groq-lpu-v1", "memory_bytes", 230e6),
        ("cerebras-wse3", "memory_bandwidth", 21e15),
        ("trainium2", "memory_bytes", 96 * 2.0**30),
        ("trainium3", "memory_bytes", 144 * 2.0**30),
        ("rubin-vr200", "memory_bandwidth", 22e12),
        ("tpu-v7", "memory_bandwidth", 7.37e12),
        ("tpu-v4", "power_idle", 90.0),
        ("blackhole-p150a", "power_idle", 120.0),
        ("sn40l", "memory_bandwidth", 25.6e12 / 16),
        ("ipu-bow", "memory_bytes", 900e6),
        ("inferentia1", "memory_bandwidth", 50 * 2.0**30),
        ("gtx580", "memory_bandwidth", 192.4e9),
        ("h100-sxm", "die_mm2", 814.0),
        ("groq-lpu-v1", "process_nm", 14.0),
        ("cerebras-wse2", "die_mm2", 46225.0),
    ],
)
def test_spot_values(id: str, field: str, value: float) -> None:
    assert getattr(hardware(id), field) == value


@pytest.mark.parametrize(
    ("id", "precision", "value"),
    [
        ("h100-sxm", "bf16", 989.4e12),
        ("h100-sxm", "fp8", 1978.9e12),
        ("a100-80-sxm", "bf16", 312e12),
        ("b300-sxm", "int8", 153.5e12),  # cut on Blackwell Ultra
        ("b200-sxm", "fp4", 9e15),
        ("mi300x", "fp8", 2614.9e12),
        ("cerebras-wse3", "bf16", 15.8e15),  # dense, not the advertised 125 PFLOPS
        ("gb300-nvl72", "fp4", 15e15),
        ("rubin-vr200", "fp4", 35e15),  # 50 is printed for inference
        ("a10", "bf16", 125e12),  # and not the A10G's 70
        ("l4", "fp8", 242.5e12),  # the sheet prints the sparse 485
        ("mi355x", "fp6", 10.066e15),
        ("mi455x", "fp8", 10e15),  # half of what is printed
        ("gaudi3", "bf16", 1835e12),
        ("trainium1", "bf16", 190e12),
        ("trainium2", "fp8", 1299e12),  # 2563 is sparse
        ("tpu-v3", "bf16", 123e12),
        ("groq-lpu-v1", "int8", 750e12),
        ("blackhole-p150a", "fp8", 664e12),
        ("etched-sohu", "fp8", 8.8e15),
        ("gtx580", "fp32", 1.581e12),
        ("t4", "int4", 260e12),
        ("h100-sxm", "tf32", 494.5e12),
    ],
)
def test_spot_peaks(id: str, precision: str, value: float) -> None:
    assert hardware(id).peaks[precision] == pytest.approx(value, rel=1e-12)


def test_formats_without_units_are_absent() -> None:
    assert "fp8" not in hardware("a100-80-sxm").peaks
    assert "fp4" not in hardware("h100-sxm").peaks
    assert "fp8" not in hardware("tpu-v6e").peaks
    assert "int8" not in hardware("trainium2").peaks
    assert "int8" not in hardware("rubin-vr200").peaks
    assert "tf32" not in hardware("v100-pcie-32").peaks
    assert all("int8" not in hardware(id).peaks for id in IDS if hardware(id).kind == "apple")


@pytest.mark.parametrize(
    ("id", "domain", "bandwidth"),
    [
        ("h100-sxm", 8, 450e9),  # sold as 900 GB/s of both directions
        ("a100-80-sxm", 8, 300e9),
        ("h800-sxm", 8, 200e9),
        ("b200-sxm", 8, 900e9),
        ("gb200-nvl72", 72, 900e9),
        ("tpu-v5p", 8960, 540e9),
        ("rtx4090", 8, 31.5e9),
    ],
)
def test_links_are_per_direction(id: str, domain: int, bandwidth: float) -> None:
    link = hardware(id).scaleup
    assert link is not None
    assert (link.domain, link.bandwidth) == (domain, bandwidth)


def test_chips_that_stand_alone_have_no_link() -> None:
    for id in IDS:
        chip = hardware(id)
        if chip.kind in ("apple", "mobile", "cpu"):
            assert chip.scaleup is None and chip.scaleout is None


@pytest.mark.parametrize(
    ("id", "topology", "dims", "wrap"),
    [
        ("h100-sxm", "switch", (), 0),
        ("gb200-nvl72", "switch", (), 0),
        ("ascend-910c", "switch", (), 0),
        ("trainium3", "switch", (), 0),
        ("mi300x", "mesh", (), 0),
        ("gaudi2", "mesh", (), 0),
        ("ascend-910b", "mesh", (), 0),
        ("h100-nvl", "mesh", (), 0),
        ("inferentia2", "ring", (), 0),
        ("blackhole-p150a", "ring", (), 0),
        ("tpu-v2", "torus", (16, 16), 0),
        ("tpu-v3", "torus", (32, 32), 0),
        ("tpu-v4", "torus", (16, 16, 16), 4),
        ("tpu-v5e", "torus", (16, 16), 0),
        ("tpu-v5p", "torus", (16, 20, 28), 4),
        ("tpu-v6e", "torus", (16, 16), 0),
        ("tpu-v7", "torus", (16, 24, 24), 4),
        ("trainium1", "torus", (4, 4), 0),
        ("trainium2", "torus", (4, 4, 4), 0),
        ("ipu-bow", "torus", (2, 32), 0),
    ],
)
def test_how_chips_are_joined(id: str, topology: str, dims: tuple[int, ...], wrap: int) -> None:
    link = hardware(id).scaleup
    assert link is not None
    assert (link.topology, link.dims, link.wrap) == (topology, dims, wrap)


@pytest.mark.parametrize(
    ("id", "per_pair"),
    [
        ("mi300x", 64e9),
        ("mi355x", 76.5e9),
        ("mi250x", 50e9),
        ("gaudi2", 37.5e9),
        ("gaudi3", 75e9),
        ("ascend-910b", 28e9),
    ],
)
def test_a_mesh_has_one_link_per_peer(id: str, per_pair: float) -> None:
    link = hardware(id).scaleup
    assert link is not None
    assert link.bandwidth / (link.domain - 1) == pytest.approx(per_pair)


def test_switches_reduce_from_hopper_on() -> None:
    reducing = {id: link.reduction for id in IDS if (link := hardware(id).scaleup) and link.reduction}
    assert {id for id, share in reducing.items() if share == 0.61} == {"h100-sxm", "h200-sxm", "h800-sxm", "h20-96"}
    blackwell = {"b100", "b200-sxm", "b300-sxm", "gb200-nvl72", "gb300-nvl72", "rubin-vr200"}
    assert {id for id, share in reducing.items() if share == 0.53} == blackwell
    for id in reducing:
        link = hardware(id).scaleup
        assert link is not None and link.reduction_latency == 25e-6


@pytest.mark.parametrize(
    ("id", "name", "capacity", "bandwidth", "holds"),
    [
        ("h100-sxm", "host memory", 256e9, 63e9, ("weights", "kv")),
        ("a100-80-sxm", "host memory", 256e9, 31.5e9, ("weights", "kv")),
        ("t4", "host memory", 64e9, 15.75e9, ("weights", "kv")),
        ("b300-sxm", "host memory", 256e9, 121e9, ("weights", "kv")),
        ("gh200", "Grace LPDDR5X over NVLink-C2C", 480e9, 450e9, ("weights", "kv")),
        ("gb200-nvl72", "Grace LPDDR5X over NVLink-C2C", 240e9, 256e9, ("weights", "kv")),
        ("tpu-v5p", "host memory", 112e9, 15e9, ("weights", "kv")),
        ("sn40l", "DDR5", 1.5e12, 100e9, ("weights", "kv")),
        ("ipu-gc200", "Streaming Memory", 64e9, 20e9, ("weights", "kv")),
        ("cerebras-wse3", "MemoryX", 4e12, 150e9, ("weights",)),
        ("apple-m2-ultra", "flash", 1e12, 7.4e9, ("weights",)),
        ("sd8gen3-hexagon", "flash", 256e9, 4.2e9, ("weights",)),
        ("hnlpu", "metal wires", 4.2e9, math.inf, ("weights",)),
    ],
)
def test_memory_levels(id: str, name: str, capacity: float, bandwidth: float, holds: tuple[str, ...]) -> None:
    level = hardware(id).levels[0]
    assert (level.name, level.capacity, level.bandwidth, level.holds) == (name, capacity, bandwidth, holds)


def test_what_is_near_and_what_is_not() -> None:
    for id in IDS:
        chip = hardware(id)
        for level in chip.levels:
            assert level.near == (chip.kind == "burned-in")
            if not level.near:  # offloading goes to what is larger or slower
                assert level.bandwidth < chip.memory_bandwidth
            if level.name == "flash":
                assert level.holds == ("weights",)  # a cache is written with every token
    assert [level.holds for level in hardware("hnlpu").levels] == [("weights",), ("kv",)]


def test_burned_in_weights_fit_their_model_and_give_the_claimed_speed() -> None:
    chip, large = hardware("hnlpu"), model("gpt-oss-120b")
    assert chip.scaleup is not None
    assert chip.levels[0].capacity * chip.scaleup.domain >= large.params * 4.25 / 8
    # 2 FLOP for each of 5.13e9 active parameters, and attention over 2,048 tokens in every other of 36 layers
    flop = 2 * 5.13e9 + 18 * 4 * 64 * 64 * (2048 + 128)
    assert chip.peaks["bf16"] * chip.scaleup.domain / flop == pytest.approx(249_960, rel=0.005)
    assert 216 / (chip.calibration.layer_overhead * 36) == pytest.approx(249_960, rel=0.005)
    assert 249_960 / (chip.power_max * chip.scaleup.domain) == pytest.approx(36.2, rel=0.002)
    hc1, small = hardware("taalas-hc1"), model("llama-3.1-8b")
    assert hc1.levels[0].capacity >= small.params * 4.25 / 8
    flop = 2 * 7.5e9 + 32 * 4 * 32 * 128 * 1536  # in the middle of 1,024 tokens after 1,024
    assert hc1.peaks["bf16"] / flop == pytest.approx(16_960, rel=0.005)


def test_sohu_is_what_its_claim_needs() -> None:
    assert hardware("etched-sohu").peaks["fp8"] == pytest.approx(500_000 * 2 * 70.55e9 / 8, rel=0.003)


def test_rents_lie_within_their_spread() -> None:
    for id in IDS:
        facts = hardware(id).facts
        ends = [key for key in ("price.rent_low", "price.rent_high") if key in facts]
        for key in ends:
            rent, end = hardware(id).usd_per_hour, float(str(facts[key]["value"]).split()[0])
            assert facts["price.rent"]["grade"] != "derived" and facts[key]["provider"]
            assert end < rent if key.endswith("low") else end > rent
    assert {"h100-sxm", "h200-sxm", "trainium1"} <= {id for id in IDS if "price.rent_low" in hardware(id).facts}
