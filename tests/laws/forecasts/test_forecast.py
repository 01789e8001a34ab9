"""Forecasts against planted truth, back-tests, and sizes for a target."""

from __future__ import annotations

import numpy as np
import pytest

import normlaws as nl
from normlaws.curves import Curves
from normlaws.display.numbers import significant, with_unit
from normlaws.errors import InputError
from normlaws.interop import read_deep_norm
from normlaws.laws.estimators.size_law import FORMS, fit_size_law
from normlaws.laws.forecasts.form import Form
from normlaws.laws.headline import headline
from normlaws.laws.plant import SIZES, Planted, plant


def lowest(law, size):
    return float(np.exp(law.log_error(np.linspace(-10, 30, 40001), size).min()))


@pytest.fixture(scope="module")
def laws():
    return nl.fit(plant(), resamples=200)


def test_forecasts_hold_the_planted_truth(laws):
    law = Planted()
    for found in laws.forecast([2.5e4, 1e5, 1e6]):
        assert found.error.low < lowest(law, found.size) < found.error.high
        assert found.log_norm.low < law.log_norm_opt(found.size) < found.log_norm.high


def test_intervals_of_forecasts_cover_single_new_runs():
    inside, size = [], 51200
    for study in range(8):
        laws = nl.fit(plant(sizes=SIZES[2:], generator=study), resamples=60)
        run = nl.fit(
            plant(sizes=[size // 2, size], seeds=1, generator=1000 + study), resamples=0
        ).optima
        actual = float(run.loc[run["size"] == size, "error"].iloc[0])
        low, high = laws.forecast([size])[0].error[1:]
        inside.append(low < actual < high)
    assert np.mean(inside) >= 0.75


def test_four_sizes_leave_a_forecast_uncertain_in_its_form():
    form = nl.fit(plant(sizes=SIZES[:4], noise=0.001), resamples=20).samples.form
    assert form.rival is None
    assert form.error(np.log(SIZES[3])) < 0.01
    assert form.error(np.log(8 * SIZES[3])) > 0.02


def test_another_form_that_fits_as_well_widens_a_forecast():
    log_p = np.log(100 * 2.0 ** np.arange(8))
    straight, bent = 0.2 - 0.4 * log_p, 0.2 - 0.4 * log_p + 0.03 * (log_p - log_p[0]) ** 2
    near, far = log_p[-1], log_p[-1] + 2
    form = Form(fit_size_law(log_p, bent[None]), log_p, bent)
    gap = form.rival.log_error(np.array([far]))[0] - form.law.of_data(np.array([far]))[0]
    assert form.apart(far) == pytest.approx(abs(gap))
    assert form.error(far) > max(form.error(near), form.apart(far))
    assert Form(fit_size_law(log_p, straight[None]), log_p, straight).apart(far) < 0.01


def test_size_for_error_inverts_the_forecast(laws):
    size = laws.size_for_error(0.002)
    assert laws.forecast([size.value])[0].error.value == pytest.approx(0.002)
    assert size.low < size.value < size.high


def test_an_error_below_the_irreducible_one_needs_infinite_data():
    law = Planted(gamma1=0.7, irreducible=0.02, log_k=0.3)
    laws = nl.fit(plant(law, noise=0.01), resamples=20)
    assert laws.size_for_error(0.01).value == np.inf


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan")])
def test_bad_targets_are_input_errors(laws, bad):
    with pytest.raises(InputError, match="above 0"):
        laws.size_for_error(bad)
    with pytest.raises(InputError, match="above 0"):
        laws.forecast([bad])


def test_stopping_norm_is_that_of_the_forecast(laws):
    assert laws.stopping_norm(1e5) == laws.forecast([1e5])[0].log_norm


def cut(curves, size, below, status="unfinished"):
    """The study with runs of ``size`` stopped at a log norm."""
    frame = curves.frame
    keep = (frame["size"] != size) | (frame["log_spectral_complexity"] < below)
    runs = curves.runs.copy()
    runs.loc[runs["size"] == size, "status"] = status
    return Curves(frame[keep], runs)


def test_an_unfinished_large_run_is_forecast_from_where_it_stands():
    law = Planted()
    largest = 12800
    shifted = plant(law, noise=0.01)
    frame = shifted.frame.copy()  # the largest size is 20 % better than its law
    frame.loc[frame["size"] == largest, "test_error"] *= 0.8
    studied = cut(Curves(frame, shifted.runs), largest, law.log_norm_opt(largest) - 1.0)
    laws = nl.fit(studied, resamples=50)
    assert not laws.sizes.set_index("size").loc[largest, "used"]
    truth = 0.8 * lowest(law, largest)
    found = laws.forecast([largest])[0].error
    assert found.value == pytest.approx(truth, rel=0.05)
    assert found.low < truth < found.high
    blind = nl.fit(shifted.select(sizes=laws.sizes["size"][:-1]), resamples=0)
    assert blind.forecast([largest])[0].error.value == pytest.approx(lowest(law, largest), rel=0.05)


def test_a_forecast_is_not_above_what_a_smaller_size_has_reached_while_improving():
    """The three largest sizes fall faster than the law of the others, and have not turned."""
    law = Planted()
    whole = plant(law, sizes=SIZES, noise=0.01)
    frame, largest = whole.frame.copy(), SIZES[-3:]
    frame.loc[frame["size"].isin(largest), "test_error"] *= 0.5
    studied = Curves(frame, whole.runs)
    for size in largest:
        studied = cut(studied, size, law.log_norm_opt(size) - 0.5, status="complete")
    laws = nl.fit(studied, resamples=50)
    sizes = laws.sizes.set_index("size")
    assert sizes.index[~sizes["used"]].tolist() == list(largest)
    reached = sizes.loc[largest[-1], "error"]
    same, twice = laws.forecast([largest[-1], 2 * largest[-1]])
    assert same.error.value <= reached * (1 + 1e-12)
    assert twice.error.value <= same.error.value
    assert same.error.low < same.error.value < same.error.high
    assert laws.size_for_error(reached).value <= largest[-1] * (1 + 1e-12)
    assert same.bounded_by == twice.bounded_by == largest[-1]
    assert laws.forecast(largest[0]).bounded_by == largest[0]
    assert twice.as_dict()["bounded_by"] == largest[-1]
    spread = laws.optima.groupby("size")["error"].apply(lambda e: np.log(e).std()).mean()
    for ahead in (same, twice, laws.forecast(20 * largest[-1])):
        assert ahead.error.high < reached * np.exp(5 * spread)
    before = laws.forecast([SIZES[-4]])
    assert before[0].error.value > reached
    assert before[0].bounded_by is None
    assert "≤" not in str(before)
    assert f"≤\u00a0{significant(reached)}" in str(laws.forecast([2 * largest[-1]]))
    at_most = f"at most {with_unit(reached, 'test_error')}, which P = {largest[-1]:,} reached"
    assert at_most in headline(laws)
    assert at_most in laws.summary()


def test_a_bound_is_named_by_the_size_that_set_it_though_a_larger_one_is_worse():
    """The second largest size is the lowest of all; the largest has hardly begun."""
    law = Planted()
    whole = plant(law, sizes=SIZES, noise=0.01)
    frame, (second, last) = whole.frame.copy(), SIZES[-2:]
    frame.loc[frame["size"] == second, "test_error"] *= 0.3
    studied = cut(Curves(frame, whole.runs), second, law.log_norm_opt(second) - 0.5, "complete")
    studied = cut(studied, last, law.log_norm_opt(last) - 3.0, "complete")
    laws = nl.fit(studied, resamples=50)
    assert not laws.sizes.set_index("size").loc[[second, last], "used"].any()
    ahead = laws.forecast(2 * last)
    assert ahead.bounded_by == second
    assert ahead.error.value == pytest.approx(laws.sizes.set_index("size").loc[second, "error"])
    assert f"which P = {second:,} reached" in headline(laws)


def test_backtest_scores_every_method(laws):
    found = laws.backtest()
    assert found.visible == (100, 200, 400, 800, 1600, 3200)
    assert {"normlaws", "normlaws_unfinished", "power", "power_offset", "m4"} <= set(
        found.scores.index
    )
    assert found.scores["normlaws"] < 0.03
    assert len(found.table[found.table["method"] == "power"]) == 2
    with pytest.raises(InputError, match="1 to 5"):
        laws.backtest(hide=6)


def test_forms_are_recovered_and_chosen():
    log_p = np.log(100 * 2.0 ** np.arange(9))
    offset = np.log(3 * np.exp(-0.6 * log_p) + 0.01)
    law = fit_size_law(log_p, np.stack([0.2 - 0.4 * log_p, offset]))
    assert [FORMS[i] for i in law.chosen] == ["power", "power_offset"]
    np.testing.assert_allclose(law.parameters[0, 1], 0.4, rtol=1e-6)
    np.testing.assert_allclose(law.parameters[1, 1], 0.6, rtol=1e-3)
    np.testing.assert_allclose(np.exp(law.parameters[1, 2]), 0.01, rtol=1e-3)


PUBLISHED = ("CNN_MNIST", "CNN_CIFAR10", "ResNet_CIFAR10", "ViT_MNIST")


def test_backtest_on_the_published_panels(deep_norm):
    """No worse than the best baseline on each panel to within 0.01, and better on average."""
    blind, seen, best = [], [], []
    for name in PUBLISHED:
        scores = nl.fit(read_deep_norm(deep_norm / f"{name}.npy")).backtest().scores
        baselines = scores.drop(["normlaws", "normlaws_unfinished"])
        assert scores["normlaws"] <= baselines.min() + 0.01
        blind.append(scores["normlaws"])
        seen.append(scores["normlaws_unfinished"])
        best.append(baselines.min())
    assert np.mean(blind) < np.mean(best)
    assert np.mean(seen) < np.mean(blind)


@pytest.mark.parametrize(
    ("name", "power"), list(zip(PUBLISHED, (0.128, 0.014, 0.009, 0.278), strict=True))
)
def test_pure_power_law_has_its_known_backtest_errors(deep_norm, name, power):
    scores = nl.fit(read_deep_norm(deep_norm / f"{name}.npy")).backtest().scores
    assert scores["power"] == pytest.approx(power, abs=1e-3)
