"""Published figures of test-time compute: Snell et al., Large Language Monkeys, Tree of Thoughts, Epoch AI."""

from __future__ import annotations

import numpy as np
import pytest

from tokenroof.techniques import reasoning, test_time, trees


def test_snell_four_times_less() -> None:
    """arXiv:2408.03314: 16 generations, well split, are worth 64 (64: 256) of best-of-N: a gain of 4 or more."""
    assert test_time.efficiency_gain([64, 256], [16, 64]).tolist() == [4.0, 4.0]


def test_what_a_split_by_difficulty_gains_depends_on_the_questions() -> None:
    """Nothing where all are alike, more than 4 where half are hopeless: the published 4 is of one benchmark."""

    def gain(*p: float) -> float:
        curves = test_time.coverage(np.array(p)[:, None], range(1, 257))
        uniform = test_time.allocate(curves, np.ones(len(p)), 64).uniform
        needed = next(
            n for n in range(1, 65) if test_time.allocate(curves, np.ones(len(p)), n).success >= uniform - 1e-12
        )
        return float(test_time.efficiency_gain(64, needed))

    assert gain(0.05, 0.05) == 1.0
    assert 2 < gain(0.6, 0.25, 0.08, 0.02, 0.0) < 4
    assert gain(0.6, 0.0) >= 4


def test_snell_estimates_of_difficulty_are_not_free() -> None:
    """2048 samples for each question to know its class: uniform sampling is then cheaper, unless they are reused."""
    assert test_time.efficiency_gain(64, 16, 2048) < 1


@pytest.mark.parametrize(("ratio", "published"), [(0.16, 257.75), (0.79, 63.4), (22, 15.8)])
def test_snell_flop_match(ratio: float, published: float) -> None:
    """Section 7, for a model with 14 times the parameters: rel 0.1 % of the first, as printed for the others."""
    assert test_time.flop_multiplier(14, ratio) == pytest.approx(published, rel=0.003)
    assert test_time.flop_multiplier(14, 0.16) == pytest.approx(257.75, rel=0.001)


def test_snell_14_times_smaller_is_a_measurement() -> None:
    """14 times the parameters on easy and medium questions at R << 1 is no output of a model of cost.

    What cost does say: the multiplier exceeds 14 at any R, tends to it, and so cannot tell easy from hard questions.
    """
    multipliers = test_time.flop_multiplier(14, np.logspace(-3, 6, 50))
    assert np.all(np.diff(multipliers) < 0) and multipliers[-1] == pytest.approx(14, rel=1e-4)


def test_monkeys_swe_bench_lite() -> None:
    """arXiv:2407.21787: 15.9 % of one sample, 56 % of 250. One p for all issues says 100 %; KNOWN BAD as a model."""
    assert test_time.coverage(0.159, 1) == pytest.approx(0.159)
    assert test_time.coverage(0.159, 250) > 0.999999
    for fit, curve in (
        (test_time.fit_beta, test_time.coverage_beta),
        (test_time.fit_power_law, test_time.coverage_power_law),
    ):
        parameters = fit(0.159, 250, 0.56)
        assert curve(*parameters, 1) == pytest.approx(0.159)
        assert curve(*parameters, 250) == pytest.approx(0.56)


@pytest.mark.parametrize(
    ("read", "written", "published", "rel"), [(1000, 1800, 0.13, 0.07), (2200, 6700, 0.47, 0.01)], ids=["IO", "CoT"]
)
def test_tree_of_thoughts_table_7_baselines(read: int, written: int, published: float, rel: float) -> None:
    """arXiv:2305.10601: best of 100 at GPT-4's 0.03 and 0.06 USD per thousand tokens."""
    assert trees.cost(read, written, 30.0, 60.0) == pytest.approx(published, rel=rel)


def test_tree_of_thoughts_table_7_is_twice_its_tokens() -> None:
    """KNOWN BAD: 0.74 USD for 1,400 tokens read and 5,500 written, which cost 0.372. The other rows reconcile."""
    assert 0.74 / trees.cost(1400, 5500, 30.0, 60.0) == pytest.approx(1.99, abs=0.005)


@pytest.mark.parametrize(("n", "published"), [(5, 0.68256), (11, 0.7535), (101, 0.9791)])
def test_majority(n: int, published: float) -> None:
    assert test_time.majority(0.6, n) == pytest.approx(published, rel=1e-4)


def test_output_length() -> None:
    """Epoch AI: 5 times a year where models reason, 2.2 where not: a trend, so that only its meaning is checked."""
    assert test_time.growth(5.0, 1) == 5.0
    assert test_time.growth(5.0, 2) / test_time.growth(2.2, 2) == pytest.approx((5 / 2.2) ** 2)


def test_training_for_inference() -> None:
    """Epoch AI: an order of magnitude of training for one to two of inference; two for two to three; verified, more."""
    assert test_time.exchange(1) == (1.0, 2.0)
    low, high = test_time.exchange(1)
    assert low <= 1.5 <= high
    assert test_time.exchange(2) == (2.0, 3.0)
    assert test_time.exchange([3, 4], cheap_verification=True)[0].tolist() == [5.0, 5.0]
    assert test_time.exchange([3, 4], cheap_verification=True)[1].tolist() == [6.0, 6.0]


def test_majorities_of_deepseek_r1s_table() -> None:
    """arXiv:2501.12948: a majority of 64 helps all models, also those that are wrong more often than right.

    Independent votes whose wrong ones agree would make it worse than one sample there, and near certain at 0.636:
    errors differ between questions, and wrong votes from each other.
    """
    rows = {name: row for name, row in reasoning.ceilings().items() if "majority_64" in row}
    assert len(rows) >= 6
    for row in rows.values():
        assert row["one"] < row["majority_64"] < 1.0
        if row["one"] < 0.5:
            assert test_time.majority(row["one"], 64) < row["one"]
    o1 = rows["o1-mini"]
    assert o1["majority_64"] < test_time.majority(o1["one"], 64) - 0.15
    assert test_time.plateau(o1["one"], always=0.45, never=0.2) == pytest.approx(o1["majority_64"])
