"""Collectives against arithmetic on paper, and laws that hold on every chip of the catalogue."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import tokenroof as tr
from tokenroof.catalogue import hardware, hardware_ids
from tokenroof.collectives import all_gather, all_reduce, all_to_all, point_to_point, reduce_scatter
from tokenroof.errors import SpecError, UnknownNameError
from tokenroof.plot import all_reduce_plot
from tokenroof.plot.networks import _changes
from tokenroof.reference.network import Network
from tokenroof.specs import Link

IDEAL = tr.Calibration()  # no latency, all of the bandwidth
H100 = hardware("h100-sxm")
LINKED = [name for name in hardware_ids() if hardware(name).scaleup]
SUMS = (all_reduce, all_gather, reduce_scatter)


def test_h100_small_message() -> None:
    """One-shot: 2.5 us, and 7 x 16 kB at 0.8 x 450 GB/s."""
    done = all_reduce("h100-sxm", 8, "16 KB")
    assert done.algorithm == "one-shot"
    assert done.latency_s == 2.5e-6
    assert done.transfer_s == pytest.approx(7 * 16e3 / (0.8 * 450e9))
    assert done.seconds == pytest.approx(2.811e-6, rel=1e-3)


def test_h100_medium_message() -> None:
    """Halving and doubling: three levels and back of 2.5 us, 2 x 7/8 x 4 MB at 0.8 x 450 GB/s."""
    done = all_reduce(H100, 8, 4e6)
    assert (done.algorithm, done.latency_s) == ("halving", 6 * 2.5e-6)
    assert done.transfer_s == pytest.approx(1.75 * 4e6 / (0.8 * 450e9))


def test_h100_large_message() -> None:
    """In the switch: its own latency, and the tensor once at the share of 450 GB/s that reduction reaches."""
    done = all_reduce("h100-sxm", 8, "256 MB")
    assert done.algorithm == "in-switch"
    assert done.latency_s == H100.scaleup.reduction_latency
    assert done.transfer_s == pytest.approx(256e6 / (H100.scaleup.reduction * 450e9))
    assert all_reduce("h100-sxm", 8, "256 MB", bound=True).seconds == pytest.approx(256e6 / 450e9)


@pytest.mark.parametrize(("size", "algorithm"), [(1e3, "one-shot"), (4e6, "halving"), (1e8, "in-switch")])
def test_the_chosen_algorithm_is_the_fastest(size: float, algorithm: str) -> None:
    alpha, g = 2.5e-6, 1 / (0.8 * 450e9)
    link = H100.scaleup
    times = {
        "one-shot": alpha + 7 * g * size,
        "halving": 6 * alpha + 1.75 * g * size,
        "in-switch": link.reduction_latency + size / (link.bandwidth * link.reduction),
    }
    assert min(times, key=times.__getitem__) == algorithm
    done = all_reduce(H100, 8, size)
    assert (done.algorithm, done.seconds) == (algorithm, pytest.approx(times[algorithm]))


def test_two_hosts_of_eight() -> None:
    """Inside each host, then two ranks over InfiniBand with an eighth of the tensor each."""
    done = all_reduce("h100-sxm", 16, "16 KB")
    assert done.algorithm == "two-shot + ring"
    assert done.latency_s == pytest.approx(2 * 2.5e-6 + 2 * 6e-6)
    assert done.transfer_s == pytest.approx(16e3 * (1.75 / (0.8 * 450e9) + 1 / (0.8 * 50e9 * 8)))
    assert all_reduce("h100-sxm", 256, "1 KB").algorithm == "two-shot + tree"
    assert all_reduce("h100-sxm", 256, "10 GB").algorithm == "in-switch + ring"


def test_mi300x_mesh() -> None:
    """Seven links of 64 GB/s: a share of 1/8 over each of them, twice; or the whole tensor over each, once."""
    large, small = all_reduce("mi300x", 8, "256 MB"), all_reduce("mi300x", 8, "16 KB")
    assert large.algorithm == "mesh two-shot"
    assert large.transfer_s == pytest.approx(2 * (256e6 / 8) / (0.8 * 64e9))
    assert small.algorithm == "mesh one-shot"
    assert small.transfer_s == pytest.approx(16e3 / (0.8 * 64e9))


def test_mi300x_two_ranks_have_one_link() -> None:
    assert all_reduce("mi300x", 2, "256 MB").transfer_s == pytest.approx(256e6 / (0.8 * 64e9))


def test_tpu_ring_of_sixteen() -> None:
    """Scaling book, part 3: an all-gather takes V / W of the axis, both ways together 9e10 B/s on v5e."""
    v5e = hardware("tpu-v5e")
    ring = replace(v5e, scaleup=replace(v5e.scaleup, bandwidth=9e10, topology="ring", domain=16, dims=()))
    done = all_gather(ring, 16, 34e6)
    assert done.algorithm == "ring 16"
    assert done.latency_s == pytest.approx(8 * 1e-6)  # half way round, 1 us a hop
    assert done.transfer_s == pytest.approx(15 / 16 * 34e6 / (0.82 * 9e10))
    assert all_gather(ring, 16, 34e6, bound=True).seconds == pytest.approx(15 / 16 * 34e6 / 9e10)


def test_tpu_box_is_as_fast_as_the_ring_and_nearer() -> None:
    """4 x 4 chips of v5e: two open axes of half the bandwidth each; 3 + 3 hops instead of 8."""
    done = all_gather("tpu-v5e", 16, 34e6)
    assert done.algorithm == "torus 4x4"
    assert done.latency_s == pytest.approx(6e-6)
    assert done.transfer_s == pytest.approx(15 / 16 * 34e6 / (0.82 * 9e10))


def test_tpu_v5p_cube_closes() -> None:
    """4 x 4 x 4 chips of v5p close on all axes: all six links are used, 2 hops an axis."""
    done = all_reduce("tpu-v5p", 64, "256 MB")
    assert done.algorithm == "torus 4x4x4"
    assert done.latency_s == pytest.approx(2 * (2 + 2 + 2) * 1e-6)
    assert done.transfer_s == pytest.approx(2 * 63 / 64 * 256e6 / (0.82 * 540e9))


def test_all_to_all_is_a_quarter_of_an_all_gather_on_a_ring() -> None:
    """Scaling book, part 3. There V is all chips' data, here what one of them sends."""
    ring = replace(H100, scaleup=Link("ring", 9e10, 16, "ring"), calibration=IDEAL)
    gather, exchange = all_gather(ring, 16, 16e6), all_to_all(ring, 16, 1e6)
    assert exchange.transfer_s / gather.transfer_s == pytest.approx(16 / 15 / 4)


def test_deepseek_dispatch_and_combine() -> None:
    """arXiv:2505.09343, 2.3.2: 32 tokens to 9 experts, 7000 wide, 1 byte there and 2 back, at 50 GB/s: 120.96 us.

    The paper lets every copy leave; of an all-to-all over p ranks, 1/p stays.
    """
    chip = replace(H100, scaleup=None, scaleout=Link("400 Gb/s", 50e9), calibration=IDEAL)
    size = 32 * 9 * 7000 * (1 + 2)
    assert point_to_point(chip, size, between_domains=True).seconds == pytest.approx(120.96e-6)
    assert all_to_all(chip, 256, size).seconds == pytest.approx(120.96e-6 * 255 / 256)
    fast = replace(chip, scaleup=Link("NVLink", 900e9, 72), scaleout=None)
    assert all_to_all(fast, 72, size).seconds == pytest.approx(6.72e-6 * 71 / 72)


def test_node_limit() -> None:
    """Eight copies in at most four domains: four of eight leave, not seven."""
    free = all_to_all("h800-sxm", 64, 8e6, bound=True, copies=8)
    limited = all_to_all("h800-sxm", 64, 8e6, bound=True, copies=8, nodes=4)
    assert free.seconds == pytest.approx(7e6 / 50e9)
    assert limited.seconds == pytest.approx(4e6 / 50e9)
    assert free.algorithm == "bound"


def test_hand_over() -> None:
    assert point_to_point("h100-sxm", "1 MB").seconds == pytest.approx(2.5e-6 + 1e6 / (0.8 * 450e9))
    assert point_to_point("tpu-v5p", "1 MB").transfer_s == pytest.approx(1e6 / (0.82 * 90e9))  # one of six links
    assert point_to_point("h100-sxm", "1 MB", between_domains=True).latency_s == 6e-6


@pytest.mark.parametrize("name", LINKED)
def test_laws(name: str) -> None:
    """Parts add up; halves make a whole where nothing reduces on the way; a bound is never slower; more is slower."""
    chip = hardware(name)
    for ranks in {2, min(int(chip.scaleup.domain), 16), 32 if chip.scaleout else 2}:
        for size in (1e3, 1e6, 1e9):
            whole, gathered, scattered = (f(chip, ranks, size) for f in SUMS)
            assert (
                whole.seconds == whole.latency_s + whole.transfer_s == Network(chip).all_reduce(ranks)[0].seconds(size)
            )
            assert gathered.seconds == scattered.seconds <= whole.seconds
            if not any(way in whole.algorithm for way in ("one-shot", "in-switch")):
                halves = gathered.seconds + scattered.seconds
                over_switch = chip.scaleup.topology == "switch" and chip.scaleup.domain > 1  # halves go at once there
                assert whole.seconds >= halves * (1 - 1e-9) if over_switch else whole.seconds == pytest.approx(halves)
            for operation in (*SUMS, all_to_all):
                least = operation(chip, ranks, size, bound=True)
                assert 0 < least.seconds <= operation(chip, ranks, size).seconds
                assert operation(chip, ranks, 2 * size).seconds > operation(chip, ranks, size).seconds


def test_alone() -> None:
    """One rank sends nothing, with or without links."""
    for operation in (*SUMS, all_to_all):
        for name in ("h100-sxm", "mi300x", "tpu-v5p", "apple-m1"):
            for bound in (False, True):
                assert operation(name, 1, "1 GB", bound).seconds == 0


def test_a_switch_that_adds_for_free_changes_no_half() -> None:
    """An in-switch line that beats all others must not hide the lines of which a half is taken."""
    chip = replace(H100, scaleup=replace(H100.scaleup, reduction=1.0, reduction_latency=0.0))
    assert all_reduce(chip, 8, "1 KB").algorithm == "in-switch"
    assert all_gather(chip, 8, "1 KB") == all_gather(H100, 8, "1 KB")


def test_text() -> None:
    text = str(all_reduce("h100-sxm", 8, "16 KB"))
    assert text == "all-reduce of 16 kB over 8 x h100-sxm, one-shot: 2.81 µs (2.5 µs latency, 311 ns transfer)"
    assert all_reduce("h100-sxm", 8, 1e9, bound=True).bytes_per_s == pytest.approx(450e9)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: all_reduce("l4", 9, 1), "'l4': ranks = 9: expected at most 8: it has no link between domains"),
        (lambda: all_gather("apple-m1", 2, 1), "'apple-m1': ranks = 2: expected 1: it has no links"),
        (lambda: all_reduce("l4", 0, 1), "ranks = 0: expected a whole number of chips from 1"),
        (lambda: all_to_all("l4", 2.5, 1), "ranks = 2.5: expected a whole number of chips from 1"),
        (lambda: all_reduce("l4", 2, -1), "bytes = -1: expected bytes, as a number from 0 or as '16 KB'"),
        (lambda: all_reduce("l4", 2, float("nan")), "bytes = nan: expected bytes"),
        (lambda: all_reduce("l4", 2, "1 s"), "bytes = '1 s': expected one of the units 'B', "),
        (lambda: all_to_all("h100-sxm", 16, 1, copies=0), "copies = 0: expected at least 1"),
        (lambda: all_to_all("h100-sxm", 16, 1, nodes=-1), "nodes = -1: expected a number of domains"),
        (lambda: point_to_point("apple-m1", 1), "between_domains = False: expected true: it is joined to no chip"),
        (lambda: point_to_point("l4", 1, between_domains=True), "expected a chip with a scale-out link"),
    ],
)
def test_errors(call: object, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        call()
    assert said in str(caught.value)


def test_unknown_chip() -> None:
    with pytest.raises(UnknownNameError, match="h100-sxm"):
        all_reduce("h100-sx", 8, 1)


def test_plot(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    all_reduce_plot({"8 x H100": ("h100-sxm", 8), "8 x MI300X": ("mi300x", 8)}, tmp_path / "plot.png", note="a note")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["plot.png"]


def test_plot_marks_where_algorithms_change() -> None:
    """One-shot meets halving where 12.5 us more latency buy 7 - 1.75 tensors less at 360 GB/s."""
    (first, one), (second, two), *_ = _changes(H100, 8, [1e3, 1e5, 1e6, 1e7, 1e9])
    assert (first, one, two) == (1e3, "one-shot", "halving")
    assert second == pytest.approx(12.5e-6 * 360e9 / 5.25, rel=1e-4)


def test_plot_refuses_nothing_to_draw(tmp_path: Path) -> None:
    for networks, sizes in (({}, (1e3, 1e9)), ({"H100": (H100, 8)}, (1e9, 1e3))):
        with pytest.raises(SpecError, match="two sizes above 0 in order"):
            all_reduce_plot(networks, tmp_path / "plot.png", sizes=sizes)
    assert not list(tmp_path.iterdir())
