"""Collapse of ladders whose curves are known exactly, and of published ones."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import normlaws as nl
from normlaws.curves import Curves
from normlaws.errors import InputError
from normlaws.interop import read_table
from normlaws.laws.collapse import plant_ladder
from normlaws.laws.plant import plant

SIZES = tuple(np.geomspace(100, 1e4, 7))


@pytest.fixture(scope="module")
def c5m(scaling):
    return read_table(scaling / "supercollapse_c5m.parquet", {"size": "params"})


@pytest.fixture(scope="module")
def published(c5m):
    return nl.collapse(c5m, along="compute", metric="test_loss")


def _ended(curves, run, metric="test_loss"):
    return float(curves.frame.loc[curves.frame["run"] == run, metric].iloc[-1])


@pytest.mark.parametrize(
    ("horizon", "at_a_tenth", "at_half", "direction"),
    [(1.0, 0.0, 0.0, "none"), (0.9, 0.06544, 0.02358, "short"), (1.1, 0.08721, 0.02592, "long")],
)
def test_deviation_of_exact_ladders(horizon, at_a_tenth, at_half, direction):
    found = nl.collapse(plant_ladder(horizon=horizon), along="compute", floor=0.0)
    assert found.deviation[[9, 49]] == pytest.approx([at_a_tenth, at_half], abs=1e-5)
    assert found.residuals().direction == direction
    right = "collapse" if horizon == 1 else "no_collapse"
    assert found.verdict.codes == (right, "no_seeds")
    assert np.isnan(found.ratio.value)


def test_exact_curve_and_floor_with_other_exponents():
    curves = plant_ladder(SIZES, data_exponent=0.4, size_exponent=0.6, floor=2.0)
    found = nl.collapse(curves, along="tokens", resamples=0)
    assert found.floor.value == pytest.approx(2.0, rel=1e-6)
    np.testing.assert_allclose(found.curve[9:], (1.5 * found.x[9:] ** -0.4 + 1) / 2.5, rtol=1e-3)


@pytest.mark.parametrize("horizon", [0.85, 1.0, 1.15])
def test_noisy_ladders(horizon):
    curves = plant_ladder(SIZES, horizon=horizon, floor=1.0, seeds=4, noise=0.004, seed=1)
    found = nl.collapse(curves, along="compute")
    assert found.verdict.codes[0] == ("collapse" if horizon == 1 else "no_collapse")
    assert found.floor.low < 1 < found.floor.high or horizon != 1
    np.testing.assert_allclose(found.deviation**2, found.between**2 + found.within**2)
    assert found.noise.shape == (len(SIZES), len(found.x))
    np.testing.assert_allclose(found.mean_noise[20:].mean(), 0.004, rtol=0.35)


def test_the_horizon_that_collapses_best():
    curves = plant_ladder(SIZES, horizon=1.3, longer=6, floor=0.5)
    found = nl.collapse(curves, along="tokens", floor=0.5, resamples=0).exponent()
    assert found.judged_by == "deviation"
    assert found.value.value == pytest.approx(1.0, abs=2e-3)


def test_seeds_and_horizons_are_not_confused():
    short = plant_ladder(SIZES[:4], floor=1.0)
    long = plant_ladder(SIZES[:4], floor=1.0, longer=3)
    runs = long.runs.assign(run="long-" + long.runs["run"])
    frame = long.frame.assign(run="long-" + long.frame["run"])
    both = Curves.concat([short, Curves(frame, runs)])
    found = nl.collapse(both, along="tokens", floor=1.0, resamples=0)
    assert len(found.ladder.counts) == 8
    assert {"horizons_differ", "no_seeds"} <= set(found.verdict.codes)


def test_schedules_that_differ_are_noticed():
    curves = plant_ladder(SIZES[:4], floor=1.0)
    steps = curves.frame["step"].astype(float)
    constant = curves.frame["size"] < 1000
    frame = curves.frame.assign(lr=np.where(constant, 1.0, 1 - steps / (steps.max() + 1)))
    found = nl.collapse(Curves(frame, curves.runs), along="tokens", floor=1.0, resamples=0)
    assert "schedules_differ" in found.verdict.codes


def test_runs_without_seeds_that_differ_are_no_repeats_and_rows_may_be_shuffled():
    curves = plant_ladder(SIZES[:4], floor=1.0)
    other = Curves(
        curves.frame.assign(run="b" + curves.frame["run"]),
        curves.runs.assign(run="b" + curves.runs["run"], schedule="wsd"),
    )
    first = Curves(curves.frame.sample(frac=1, random_state=0), curves.runs.assign(schedule="cos"))
    found = nl.collapse(Curves.concat([first, other]), along="tokens", floor=1.0, resamples=0)
    assert len(found.ladder.counts) == 8
    assert "schedules_differ" in found.verdict.codes
    np.testing.assert_allclose(found.deviation, 0, atol=1e-12)


def test_along_a_norm_runs_end_at_their_optimum():
    curves = plant(seeds=3)
    found = nl.collapse(curves, along=curves.norms[0], metric="test_error")
    assert found.floor.value == 0
    assert found.ratio.value < 3
    assert found.curve[-1] == pytest.approx(1)


def test_unfinished_runs_are_forecast_and_ranked():
    curves = plant_ladder(SIZES, floor=1.0, seeds=2, noise=0.002)
    last = curves.runs["run"].iloc[-1]
    truth = _ended(curves, last)
    cut = (curves.frame["run"] == last) & (curves.frame["step"] > 250)
    runs = curves.runs.assign(
        status=np.where(curves.runs["run"] == last, "unfinished", "complete"),
    )
    found = nl.collapse(Curves(curves.frame[~cut], runs), along="tokens")
    ended = found.finish(last)
    assert 0.5 < ended.x < 0.7
    assert ended.value.low < truth < ended.value.high
    assert ended.value.value == pytest.approx(truth, abs=1e-3)
    table = found.rank([last, curves.runs["run"].iloc[0]], upto=0.5)
    assert table["run"].iloc[0] == last
    assert table["stop"].tolist() == [False, True]
    assert table["regret"].iloc[1] < 1e-6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"along": "nonsense"}, "axis to follow the curves along, got 'nonsense'"),
        ({"metric": "nonsense"}, "recorded metric, got 'nonsense'"),
        ({"floor": 10.0}, "reducible part would be negative"),
        ({"floor": "none"}, "floor 'fit' or a number"),
        ({"end": "nonsense"}, "an end 'last'"),
        ({"end": {100.0: 3.0}}, "the end of every size"),
        ({"scale": "nonsense"}, "scale variable of the runs"),
        ({"normalise": "none"}, "normalise own or mean"),
    ],
)
def test_bad_input_is_refused(options, message):
    curves = plant_ladder(SIZES[:4], floor=1.0)
    with pytest.raises(InputError, match=message):
        nl.collapse(curves, **{"along": "tokens", **options})


def test_one_size_and_short_curves_are_refused():
    curves = plant_ladder(SIZES[:4], floor=1.0)
    with pytest.raises(InputError, match="two or more sizes"):
        nl.collapse(curves.select(sizes=[100.0]), along="tokens")
    found = nl.collapse(curves, along="tokens", floor=1.0, resamples=0)
    with pytest.raises(InputError, match="beyond x = 0.1"):
        found.finish(curves.runs["run"].iloc[0], upto=0.05)
    with pytest.raises(InputError, match="3 or more sizes to fit"):
        nl.collapse(curves.select(sizes=curves.sizes[:2]), along="tokens")


def test_published_supercollapse(published):
    assert published.floor.value == pytest.approx(3.133433, abs=2e-5)
    fit = published.size_law.fit
    assert np.exp(fit.log_scale[0]) == pytest.approx(0.156438, rel=1e-4)
    assert fit.exponent[0] == pytest.approx(0.196879, rel=1e-4)
    places = [9, 29, 49, 69, 89]
    assert published.deviation[places] == pytest.approx(
        [0.01587, 0.00593, 0.00378, 0.00255, 0.00111], abs=6e-6
    )
    assert published.mean_noise[places] == pytest.approx(
        [0.01232, 0.01099, 0.01021, 0.00956, 0.01036], abs=6e-6
    )
    assert published.share.value == pytest.approx(0.989, abs=1e-3)
    assert published.ratio.value == pytest.approx(0.501, abs=1e-3)
    assert published.onset.value == pytest.approx(0.89)
    assert published.verdict.codes == ("supercollapse",)
    assert published.floor.low < 3.1277
    assert published.floor.high > 3.1358


def test_a_mean_normalisation_leaves_the_common_noise(c5m):
    found = nl.collapse(c5m, along="compute", normalise="mean", resamples=0)
    assert found.ratio.value == pytest.approx(1.093, abs=1e-3)
    assert found.verdict.codes[0] == "collapse"


def test_the_largest_width_is_forecast(c5m, published):
    smaller = nl.collapse(c5m.select(sizes=c5m.sizes[:-1]), along="compute", resamples=0)
    end, final = published.ladder.ends[-1], published.size_law.finals[0, -1]
    assert smaller.size_law.fit.predict(end)[0, 0] == pytest.approx(final, abs=1.5e-4)


def test_running_curves_of_larger_sizes_are_finished(c5m):
    squares, covered = [], []
    for k in range(4, 8):
        smaller = nl.collapse(c5m.select(sizes=c5m.sizes[:k]), along="compute", resamples=0)
        larger = c5m.select(sizes=[c5m.sizes[k]])
        for run in larger.runs["run"]:
            one, truth = larger.select(run=[run]), _ended(larger, run)
            end = float(one.runs["compute_opt_pflop"].iloc[0])
            for x in (0.2, 0.3, 0.5, 0.8):
                found = smaller.finish(one, end=end, upto=x).value
                covered.append(found.low <= truth <= found.high)
                squares += [(found.value - truth) ** 2] if x == 0.5 else []
    assert np.sqrt(np.mean(squares)) <= 5.6e-4
    assert 0.90 <= np.mean(covered) <= 0.98


def test_published_frontier(scaling):
    curves = read_table(scaling / "supercollapse_mlp_const.parquet", {"size": "params"})
    found = nl.collapse(curves, along="compute", end="compute_opt_pflop", resamples=0).frontier()
    assert found.exponent == pytest.approx(2.0409, abs=1e-4)
    assert found.scale == pytest.approx(1346252, rel=1e-5)


def test_language_models_are_finished_from_half_their_curves(scaling):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        curves = read_table(
            scaling / "olmo_ladder_curves_c4.csv", {"size": "params", "test_loss": "c4_val_loss"}
        )
    for multiple in curves.runs["chinchilla_multiple"].unique():
        family = curves.select(chinchilla_multiple=[multiple])
        smaller = nl.collapse(family.select(sizes=family.sizes[:4]), along="tokens", resamples=0)
        largest = family.select(sizes=family.sizes[4:])
        truth = float(largest.frame["test_loss"].iloc[-1])
        end = float(largest.frame["tokens"].max())
        found = smaller.finish(largest, end=end, upto=0.5).value
        assert found.value == pytest.approx(truth, rel=2.5e-3)
        assert found.low < truth < found.high


def test_summary_and_json_name_every_figure(published):
    assert isinstance(published.table(), pd.DataFrame)
    for name in ("floor", "share", "ratio", "onset"):
        assert set(published.as_dict()[name]) == {"value", "low", "high"}
    assert "supercollapse" in published.as_dict()["verdict"]
    assert "supercollapse" in published.summary()
    assert "norm" not in published.summary().replace("normal", "")


@pytest.mark.parametrize(
    ("axis", "why"),
    [
        ("flat", "constant along every run"),
        ("down", "falls along every run"),
        ("below", "never above 0"),
    ],
)
def test_an_axis_grows_from_zero(axis, why):
    curves = plant_ladder(SIZES[:4], floor=1.0)
    frame = curves.frame.assign(
        flat=3.0,
        down=-curves.frame["step"] + 1e4,
        below=-1 / curves.frame["tokens"],
    )
    with pytest.raises(InputError, match=why):
        nl.collapse(Curves(frame, curves.runs), along=axis, floor=1.0, resamples=0)


def test_fractional_axes_and_sizes_and_missing_values_are_kept():
    curves = plant_ladder(SIZES, floor=1.0)
    frame = curves.frame.assign(share=1.37 * curves.frame["tokens"] / 1e5)
    frame.loc[frame.index % 7 == 0, "test_loss"] = np.nan
    frame.loc[frame.index % 11 == 0, "share"] = np.nan
    ends = curves.frame.groupby("run", sort=False)["step"].transform("max")
    frame = frame.where(curves.frame["step"] < ends, curves.frame.assign(share=frame["share"]))
    found = nl.collapse(Curves(frame, curves.runs), along="share", floor=1.0, resamples=0)
    assert found.ladder.sizes == pytest.approx(SIZES)
    assert found.rms.value < 2e-3
    assert found.verdict.codes[0] == "collapse"


def test_runs_of_one_number_of_steps_have_their_floor_by_size():
    curves = plant_ladder(SIZES, data_exponent=0.4, size_exponent=0.6, floor=2.0)
    found = nl.collapse(curves, along="step", resamples=0)
    assert found.ladder.by_size
    assert found.floor.value == pytest.approx(2.0, rel=1e-6)
    assert found.forecast(1e6).value.value == pytest.approx(2 + 2.5 * 1e6**-0.6, rel=1e-4)


def test_a_new_size_is_forecast_within_its_interval():
    curves = plant_ladder(SIZES, floor=1.0, seeds=3, noise=0.004, seed=2)
    found = nl.collapse(curves, along="compute", floor="fit")
    for given in (found, nl.collapse(curves, along="compute", floor=1.0)):
        ahead = given.forecast(4e4)
        truth = 1 + 2 * 4e4**-0.5
        assert ahead.end == pytest.approx(6 * 4e4**2, rel=1e-3)
        assert ahead.value.low < truth < ahead.value.high
        assert ahead.value.value == pytest.approx(truth, abs=5e-4)
    with pytest.raises(InputError, match="a size above 0"):
        found.forecast(-1)
