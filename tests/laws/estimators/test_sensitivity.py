"""Window table, influence, finite-size scaling, collapse."""

from __future__ import annotations

import numpy as np
import pytest

import normlaws as nl
from normlaws.errors import InputError
from normlaws.laws.plant import Planted, plant


@pytest.fixture(scope="module")
def laws():
    return nl.fit(plant(), resamples=50)


def test_window_table_holds_the_chosen_window(laws):
    table = laws.window_table()
    chosen = table[table["chosen"]]
    assert len(chosen) == 1
    assert tuple(chosen[["low", "high"]].iloc[0]) == pytest.approx(laws.early_window)


def test_leaving_a_size_out_moves_planted_exponents_little(laws):
    table = laws.influence()
    assert table["size"].tolist() == [0, *laws.sizes["size"]]
    assert table["gamma"].iloc[0] == pytest.approx(laws.gamma.value)
    assert (table["gamma1"] - 0.5).abs().max() < 0.01
    assert (table["gamma"] - 0.5).abs().max() < 0.02


@pytest.mark.parametrize("law", [Planted(), Planted(gamma0=0.2, gamma1=0.4, gamma2=1.4)])
def test_scaling_exponents_need_no_functional_form(law):
    gamma, gamma2 = nl.fit(plant(law), resamples=20).collapse_exponents()
    assert gamma.value == pytest.approx(law.gamma, rel=0.02)
    assert gamma2.value == pytest.approx(law.gamma2, rel=0.03)
    assert gamma.low < gamma.value < gamma.high


def test_collapse_is_near_one_where_the_laws_hold_and_large_where_not(laws):
    assert laws.collapse < 3
    wild = nl.fit(plant(Planted(early_spread=0.15)), resamples=0)
    assert wild.collapse > 3 * laws.collapse


def test_text_html_and_json_carry_every_exponent(laws):
    for symbol in ("γ", "γ0", "γ1", "γ2", "γ0 + γ1·γ2"):
        assert symbol in laws.summary()
        assert symbol in laws._repr_html_()
    found = laws.as_dict()
    assert found["gamma"] == laws.gamma.as_dict()
    assert found["verdict"] == laws.verdict.text
    assert "γ1 = " in repr(laws)


def test_baselines_stand_side_by_side(laws):
    table = laws.baselines().set_index("name")
    assert {"power", "power_offset", "m4", "broken_power"} <= set(table.index)
    assert table.loc["power", "parameters"]["gamma"] == pytest.approx(laws.gamma.value)
    assert np.isfinite(table.loc["power", "backtest"])


def plane_between(laws, low, high):
    """γ1 and γ0 by ordinary least squares on the mean curves, every size to its own end."""
    curves, sizes = laws.mean_curves, laws.sizes.set_index("size")
    below = sizes["log_norm"].max() - high
    end = curves["size"].map(sizes["log_norm"]) - below
    seeds = curves["size"].map(sizes["n_seeds"])
    trusted = curves["n_seeds"] >= 2 / 3 * seeds
    inside = curves[(curves["log_norm"] >= low) & (curves["log_norm"] <= end) & trusted]
    inside = inside.groupby("size").filter(lambda rows: len(rows) >= 3)
    ones = np.ones(len(inside))
    design = np.column_stack([ones, -inside["log_norm"], -np.log(inside["size"])])
    return np.linalg.lstsq(design, np.log(inside["error"]), rcond=None)[0][1:]


@pytest.mark.parametrize(("low", "high"), [(1.5, 6.0), (2.0, 8.5), (3.0, 11.0)])
def test_a_window_set_by_hand_is_where_the_early_law_is_read(laws, low, high):
    by_hand = nl.fit(plant(), window=(low, high), resamples=50)
    assert (by_hand.gamma1.value, by_hand.gamma0.value) == pytest.approx(
        tuple(plane_between(by_hand, low, high)), rel=1e-6
    )
    assert by_hand.early_window == by_hand.settings["window"] == (low, high)
    assert by_hand.gamma == laws.gamma
    assert by_hand.gamma2.value == pytest.approx(laws.gamma2.value, rel=1e-6)
    ends = by_hand.sizes["early_high"].dropna()
    gaps = by_hand.sizes["log_norm"][ends.index] - ends
    assert gaps.to_numpy() == pytest.approx(by_hand.sizes["log_norm"].max() - high)


def test_a_window_set_where_no_power_law_is_gets_another_verdict():
    by_hand = nl.fit(plant(), window=(1.5, 11.0), resamples=50)
    assert "no_common_early_curve" not in nl.fit(plant(), resamples=50).verdict.codes
    assert "no_common_early_curve" in by_hand.verdict.codes
    assert "in the window that was set" in by_hand.verdict.text


def test_the_window_set_by_hand_stays_when_a_size_is_left_out():
    table = nl.fit(plant(), window=(2.0, 8.0), resamples=0).influence()
    assert (table["gamma1"] - table["gamma1"].iloc[0]).abs().max() < 0.02


@pytest.mark.parametrize("window", [(3.0, 3.0), (5.0, 1.0), (0.0, float("nan"))])
def test_an_empty_window_is_refused(window):
    with pytest.raises(InputError, match="expected a window of two finite log norms"):
        nl.fit(plant(), window=window)
