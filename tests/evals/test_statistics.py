"""Tests and intervals held against scipy, statsmodels and plain counting."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.inter_rater import cohens_kappa as kappa_of_statsmodels
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from shoal.evals.agreement import calibration, calibration_evidence, cohens_kappa
from shoal.evals.statistics import (
    MOST_CASES,
    Pairs,
    bootstrap_interval,
    bootstrap_tails,
    cases_for_mean,
    cases_for_pairs,
    cases_for_share,
    holm,
    pair_interval,
    pair_tails,
    pass_hat,
    share_interval,
    share_tails,
)

COUNTS = [(0, 5), (5, 5), (1, 7), (12, 30), (200, 213), (399, 400), (0, 400)]


@pytest.mark.parametrize(("right", "num"), COUNTS)
@pytest.mark.parametrize("limit", [0.1, 0.5, 0.9, 0.99])
def test_shares_are_tested_as_scipy_does(right: int, num: int, limit: float) -> None:
    tails = share_tails(right, num, limit)
    assert tails.above == pytest.approx(scipy.stats.binomtest(right, num, limit, "greater").pvalue, rel=1e-9)
    assert tails.below == pytest.approx(scipy.stats.binomtest(right, num, limit, "less").pvalue, rel=1e-9)


@pytest.mark.parametrize(("right", "num"), COUNTS)
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_intervals_of_shares_are_those_of_statsmodels(right: int, num: int, confidence: float) -> None:
    expected = proportion_confint(right, num, 1 - confidence, "beta")
    assert share_interval(right, num, confidence) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (1, 0), (3, 9), (30, 10), (40, 60), (7, 7)])
def test_mcnemar_is_that_of_statsmodels(wins: int, losses: int) -> None:
    tails = pair_tails(Pairs(wins, losses, 400))
    expected = mcnemar([[100, wins], [losses, 100]], exact=True).pvalue
    assert min(1.0, 2 * min(tails)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("pairs", [Pairs(9, 5, 32), Pairs(0, 3, 50), Pairs(30, 10, 400), Pairs(4, 0, 9)])
@pytest.mark.parametrize("limit", [-0.1, -0.02, 0.02, 0.15])
def test_tangos_score_is_that_of_the_likeliest_truth_under_the_limit(pairs: Pairs, limit: float) -> None:
    """The probability of a loss that fits best, found by search, gives the variance."""
    wins, losses, num = pairs

    def misfit(lost: float) -> float:
        won, alike = lost + limit, 1 - 2 * lost - limit
        terms = [(wins, won), (losses, lost), (num - wins - losses, alike)]
        return -math.fsum(count * math.log(max(share, 1e-300)) for count, share in terms if count)

    low, high = max(0.0, -limit), (1 - limit) / 2
    lost = scipy.optimize.minimize_scalar(
        misfit, bounds=(low, high), method="bounded", options={"xatol": 1e-12}
    ).x
    variance = (2 * lost + limit - limit**2) / num
    z = ((wins - losses) / num - limit) / math.sqrt(variance)
    tails = pair_tails(pairs, limit)
    assert tails.above == pytest.approx(scipy.stats.norm.sf(z), abs=1e-5)
    assert tails.below == pytest.approx(scipy.stats.norm.cdf(z), abs=1e-5)


@pytest.mark.parametrize("pairs", [Pairs(9, 5, 32), Pairs(0, 0, 50), Pairs(30, 10, 400), Pairs(4, 0, 4)])
def test_the_interval_of_pairs_holds_what_the_test_does_not_refuse(pairs: Pairs) -> None:
    low, high = pair_interval(pairs, 0.9)
    assert low <= pairs.gain <= high
    for end in (low, high):
        if abs(end) < 1 and end != 0:
            assert min(pair_tails(pairs, end)) == pytest.approx(0.05, abs=1e-4)


def test_the_bootstrap_is_near_that_of_scipy() -> None:
    drawn = np.random.default_rng(1)
    gains = drawn.choice([-1.0, -0.5, 0.0, 0.25, 1.0], 400, p=[0.05, 0.1, 0.6, 0.1, 0.15])
    expected = scipy.stats.bootstrap((gains,), np.mean, confidence_level=0.9, method="percentile", rng=1)
    interval = bootstrap_interval([*gains], 0.9)
    assert interval == pytest.approx(tuple(expected.confidence_interval), abs=0.006)
    assert bootstrap_interval([*gains], 0.9) == interval  # the same each time
    assert bootstrap_tails([*gains], interval.low).above == pytest.approx(0.05, abs=0.005)


def test_few_cases_without_a_difference_prove_little() -> None:
    assert bootstrap_tails([0.0] * 20, -0.02).above > 0.05
    assert bootstrap_tails([0.0] * 400, -0.02).above < 0.05
    assert pair_tails(Pairs(0, 0, 20), -0.02).above > 0.05
    assert pair_tails(Pairs(0, 0, 400), -0.02).above < 0.05


def test_many_different_values_need_no_more_memory() -> None:
    drawn = np.random.default_rng(1)
    low, high = bootstrap_interval([*drawn.normal(0.1, 1, 5000)], 0.95)
    assert low < 0.1 < high and high - low == pytest.approx(2 * 1.96 / math.sqrt(5000), rel=0.1)


def test_holm_is_that_of_statsmodels() -> None:
    values = [0.01, 0.04, 0.03, 0.005, 0.9, 0.03]
    assert holm(values) == pytest.approx(multipletests(values, method="holm")[1])
    assert holm([]) == []


@pytest.mark.parametrize(("successes", "trials", "k"), [(3, 4, 2), (0, 3, 1), (5, 5, 5), (2, 5, 3)])
def test_pass_hat_counts_draws(successes: int, trials: int, k: int) -> None:
    draws = [*itertools.combinations([True] * successes + [False] * (trials - successes), k)]
    assert pass_hat(successes, trials, k) == pytest.approx(sum(map(all, draws)) / len(draws))


def test_calibration_by_hand() -> None:
    found = calibration([(0.95, 1), (0.95, 0), (0.55, 1), (1.0, 1)])
    assert found.bins == [(0.55, 1.0, 1), (pytest.approx(2.9 / 3), pytest.approx(2 / 3), 3)]
    assert found.ece == pytest.approx((0.45 + 0.9) / 4)
    assert found.brier == pytest.approx((0.05**2 + 0.95**2 + 0.45**2) / 4)


def test_calibration_of_a_sure_liar_and_of_an_honest_one() -> None:
    drawn = np.random.default_rng(3)
    sure = drawn.uniform(0.5, 1.0, 2000)
    honest = [(each, float(drawn.random() < each)) for each in sure]
    liar = [(each, float(drawn.random() < each - 0.2)) for each in sure]
    assert calibration_evidence(honest, 0.06, 0.9).tails.below < 0.05
    assert calibration_evidence(honest, 0.02, 0.9).tails.above > 0.05
    told = calibration_evidence(liar, 0.06, 0.9)
    assert told.tails.above < 0.05 and told.interval.low < told.ece < told.interval.high


def test_kappa_is_that_of_statsmodels() -> None:
    pairs = [("a", "a")] * 20 + [("a", "b")] * 5 + [("b", "a")] * 10 + [("b", "b")] * 15 + [("c", "b")] * 3
    labels = ["a", "b", "c"]
    table = [[sum(pair == (one, other) for pair in pairs) for other in labels] for one in labels]
    expected = kappa_of_statsmodels(np.array(table))
    kappa, interval = cohens_kappa(pairs)
    assert kappa == pytest.approx(expected.kappa)
    assert interval == pytest.approx((expected.kappa_low, expected.kappa_upp), abs=1e-6)
    assert cohens_kappa([("a", "a")] * 4)[0] == 1


@pytest.mark.parametrize(
    ("share", "limit"), [(0.95, 0.9), (0.85, 0.9), (1.0, 0.9), (0.55, 0.5), (0.999, 0.99)]
)
def test_so_many_cases_show_a_share(share: float, limit: float) -> None:
    num = cases_for_share(share, limit, 0.05, 0.8)
    right = np.random.default_rng(5).binomial(num, share, 4000)
    tails = [share_tails(int(each), num, limit) for each in right]
    shown = [each.above if share > limit else each.below for each in tails]
    assert np.mean(np.array(shown) <= 0.05) >= 0.78
    assert num < 3 or cases_for_share(share, limit, 0.05, 0.9) >= num


@pytest.mark.parametrize(
    ("wins", "losses", "limit"),
    [(0.075, 0.025, 0.0), (0.15, 0.10, 0.0), (0.10, 0.15, 0.0), (0.1, 0.1, -0.05), (0.12, 0.1, 0.05)],
)
def test_so_many_cases_show_a_gain(wins: float, losses: float, limit: float) -> None:
    num = cases_for_pairs(wins, losses, limit, 0.05, 0.8)
    drawn = np.random.default_rng(5).multinomial(num, [wins, losses, 1 - wins - losses], 4000)
    tails = [pair_tails(Pairs(int(won), int(lost), num), limit) for won, lost, _ in drawn]
    shown = [each.above if wins - losses > limit else each.below for each in tails]
    assert 0.77 <= np.mean(np.array(shown) <= 0.05) <= 0.9


def test_no_distance_is_never_shown() -> None:
    assert cases_for_share(0.9, 0.9, 0.05, 0.8) == MOST_CASES
    assert cases_for_pairs(0.1, 0.1, 0.0, 0.05, 0.8) == MOST_CASES
    assert cases_for_mean(1.0, 0.0, 0.05, 0.8) == MOST_CASES
    assert cases_for_mean(0.5, 0.1, 0.05, 0.8) == 155


def test_nothing_of_shoal_and_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from importlib.util import spec_from_file_location, module_from_spec\n"
        "spec = spec_from_file_location('s', sys.argv[1]); module = module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "print([name for name in ('shoal', 'numpy', 'scipy') if name in sys.modules])\n"
        "print(module.share_tails(9, 10, 0.5).above)"
    )
    file = sys.modules[share_tails.__module__].__file__
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "[]"
    assert float(done.stdout.splitlines()[1]) == pytest.approx(11 / 1024)
