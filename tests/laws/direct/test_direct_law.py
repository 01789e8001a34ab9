"""The direct law alone: planted exponents, intervals that cover, and what is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from normlaws.curves import Curves
from normlaws.display.numbers import significant
from normlaws.errors import InputError
from normlaws.laws import DirectLaw, Laws, compare, direct_law, fit
from normlaws.laws.direct.comparison import _chances
from normlaws.laws.plant import plant
from normlaws.report.direct import headline

SIZES = 100 * 2.0 ** np.arange(6)


def table(error, seeds=1, noise=0.0, seed=0, sizes=SIZES, **columns) -> Curves:
    """One final error a run."""
    random = np.random.default_rng(seed)
    rows = [
        {
            "run": f"{place}-{size:g}-{s}",
            "size": int(size),
            "seed": s if seeds > 1 else pd.NA,
            "step": pd.NA,
            "test_error": min(1.0, error(size) * np.exp(noise * random.normal())),
        }
        for place, size in enumerate(sizes)
        for s in range(seeds)
    ]
    return Curves(pd.DataFrame(rows))


def power(size: float) -> float:
    return 3 * size**-0.4


def test_fit_without_norms_is_the_direct_law():
    law = fit(table(power))
    assert isinstance(law, DirectLaw)
    assert law.gamma.value == pytest.approx(0.4)
    assert law.forecast(12_800).error.value == pytest.approx(power(12_800))
    assert law.size_for_error(power(51_200)).value == pytest.approx(51_200)
    assert law.verdict.codes == ("no_norm", "no_curves", "no_seeds")


def test_gamma_is_that_of_the_full_fit_where_there_are_norms():
    curves = plant(sizes=(100, 200, 400, 800), seeds=4)
    assert isinstance(fit(curves), Laws)
    law, laws = direct_law(curves, resamples=50), fit(curves, resamples=50)
    assert law.gamma.value == pytest.approx(laws.gamma.value, rel=0.02)
    assert "no_norm" not in law.verdict.codes


def test_interval_of_gamma_is_that_of_a_straight_line():
    curves = table(power, noise=0.05)
    x, y = np.log(SIZES), np.log(curves.frame["test_error"])
    line = stats.linregress(x, y)
    wide = stats.t.ppf(0.975, 4) * line.stderr
    law = direct_law(curves)
    assert law.gamma.value == pytest.approx(-line.slope)
    assert law.gamma.high - law.gamma.value == pytest.approx(wide)


BENDS = {
    "power": power,
    "offset": lambda size: 3 * size**-0.5 + 0.03,
    "knee": lambda size: 0.5 / np.sqrt(1 + size / 600),
    "logarithm": lambda size: 0.6 / (np.log(size) - 2),
}


@pytest.mark.parametrize("seeds", [1, 4])
def test_forecasts_cover_laws_of_other_forms(seeds):
    hits = []
    for k, error in enumerate(BENDS.values()):
        for draw in range(3):
            law = direct_law(
                table(error, seeds=seeds, noise=0.04, seed=10 * k + draw), resamples=100
            )
            found = law.forecast(2 * SIZES[-1]).error
            hits.append(found.low <= error(2 * SIZES[-1]) <= found.high)
    assert np.mean(hits) >= 0.75


def test_chances_of_two_normal_values_have_a_closed_form():
    mean, spread = np.array([0.1, 0.0]), np.array([0.2, 0.3])
    exact = stats.norm.cdf((mean[1] - mean[0]) / np.hypot(*spread))
    assert _chances(mean, spread)[0] == pytest.approx(exact, abs=1e-6)
    assert _chances(np.zeros(3), np.ones(3)) == pytest.approx(np.full(3, 1 / 3))


def test_groups_are_compared():
    one, two = table(power), table(lambda size: 9 * size**-0.6)
    frame = pd.concat([one.frame.assign(run="a" + one.frame.run), two.frame])
    runs = pd.concat(
        [one.runs.assign(run="a" + one.runs.run, model="flat"), two.runs.assign(model="steep")]
    )
    found = compare(Curves(frame, runs), "model")
    crossing = 3 ** (1 / 0.2)
    for row in found.winners().itertuples():
        assert row.model == ("flat" if row.size < crossing else "steep")
    with pytest.raises(InputError, match="differ in model"):
        direct_law(Curves(frame, runs))


def test_what_cannot_be_fitted_is_said():
    with pytest.raises(InputError, match="two or more sizes, got 1"):
        direct_law(table(power, sizes=[100.0]))
    law = direct_law(table(power, sizes=[100.0, 200.0]))
    assert law.gamma.low is None
    assert "too_few_sizes" in law.verdict.codes
    with pytest.raises(InputError, match="at most 1"):
        law.size_for_error(2.0)
    with pytest.raises(InputError, match="above 0"):
        law.forecast(-3)
    flat = direct_law(table(lambda _: 0.5, noise=0.02))
    assert "error_does_not_fall" in flat.verdict.codes


def test_several_forecasts_print_as_a_table():
    found = direct_law(table(power), resamples=0).forecast([6_400, 12_800])
    lines = str(found).splitlines()
    assert lines[0].split() == ["P", "error", "95", "%", "stopping", "norm", "95", "%"]
    assert [line.split()[0] for line in lines[1:]] == ["6,400", "12,800"]


def test_unfinished_runs_are_left_out_and_drawn_apart():
    curves = table(power, seeds=2, noise=0.01)
    runs, frame = curves.runs.copy(), curves.frame.copy()
    runs.loc[runs["size"] == SIZES[-1], "status"] = "unfinished"
    frame.loc[frame["size"] == SIZES[-1], "test_error"] = 0.9
    law = direct_law(Curves(frame, runs))
    without = direct_law(curves.select(sizes=SIZES[:-1]))
    assert law.gamma == without.gamma
    assert law.so_far.to_dict("list") == {"size": [SIZES[-1]], "n_runs": [2], "error": [0.9]}
    assert law.verdict.codes == (*without.verdict.codes, "runs_unfinished")
    assert "2 runs are unfinished and left out" in law.verdict.text
    hollow = [line for line in law.plot().lines if line.get_markerfacecolor() == "white"]
    assert [list(line.get_xdata()) for line in hollow] == [[SIZES[-1]]]


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_forecast_is_not_above_what_unfinished_runs_have_reached(seeds):
    """The largest size is unfinished and already better than the law of the others."""
    curves = table(power, seeds=seeds, noise=0.01)
    reached, last = 0.5 * power(SIZES[-1]), SIZES[-1]
    frame, runs = curves.frame.copy(), curves.runs.copy()
    runs.loc[runs["size"] == last, "status"] = "unfinished"
    frame.loc[frame["size"] == last, "test_error"] = reached
    law = direct_law(Curves(frame, runs), resamples=100)
    without = direct_law(curves.select(sizes=SIZES[:-1]), resamples=100)
    for size in (last, 2 * last):
        ahead = law.forecast(size)
        assert ahead.bounded_by == last
        assert ahead.error.value == pytest.approx(reached)
        assert ahead.error.low < ahead.error.value < ahead.error.high
        assert seeds == 1 or ahead.error.high < 1.1 * reached
    assert law.forecast(100 * last).bounded_by is None
    assert f"≤: the law lies above what runs of P = {last:,.0f}" in law.summary()
    assert f"at most {significant(reached)}, which unfinished runs of P = {last:,.0f}" in headline(
        law
    )
    assert "≤" not in without.summary()
    assert law.forecast(100 * last).error.value == without.forecast(100 * last).error.value
    before = SIZES[-2]
    assert law.forecast(before).error == without.forecast(before).error
    assert law.size_for_error(reached).value == pytest.approx(last)
    assert law.size_for_error(0.99 * reached).value > last
    worse = frame.assign(test_error=frame["test_error"].where(frame["size"] != last, 0.9))
    assert direct_law(Curves(worse, runs), resamples=100).forecast(last).error == (
        without.forecast(last).error
    )


def test_a_bound_is_told_apart_where_groups_are_compared():
    one, last = table(power, noise=0.01), SIZES[-1]
    frame = pd.concat([one.frame.assign(run=one.frame["run"] + name) for name in "ab"])
    runs = pd.concat([one.runs.assign(run=one.runs["run"] + n, model=n) for n in "ab"])
    better = (runs["size"] == last) & (runs["model"] == "b")
    runs.loc[better, "status"] = "unfinished"
    frame.loc[frame["run"].isin(runs.loc[better, "run"]), "test_error"] = 0.5 * power(last)
    found = compare(Curves(frame, runs), "model", resamples=50)
    at = found.table([SIZES[0], 2 * last]).set_index(["size", "model"])["bounded_by"]
    assert at[2 * last, "b"] == last
    assert at.drop((2 * last, "b")).isna().all()
    assert any(row[2].startswith("≤") for row in found.rows())
    assert f"runs of P = {last:,.0f}" in found.sentence()


def test_unfinished_runs_count_where_hardly_any_is_complete():
    curves = table(power, seeds=2, noise=0.01)
    runs = curves.runs.assign(status=["complete"] * 2 + ["unfinished"] * (len(curves.runs) - 2))
    law = direct_law(Curves(curves.frame, runs))
    assert law.gamma == direct_law(curves).gamma
    assert list(law.sizes["n_unfinished"]) == [0, 2, 2, 2, 2, 2]
    assert "an upper bound" in law.verdict.text
    assert len(law.so_far) == 0
