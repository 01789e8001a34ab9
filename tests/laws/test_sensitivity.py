"""Window table, influence, finite-size scaling, collapse."""

from __future__ import annotations

import numpy as np
import pytest

import normlaws as nl
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
    gamma, gamma2 = nl.fit(plant(law), resamples=20).collapse_exponents
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
    table = laws.baselines.set_index("name")
    assert {"power", "power_offset", "m4", "broken_power"} <= set(table.index)
    assert table.loc["power", "parameters"]["gamma"] == pytest.approx(laws.gamma.value)
    assert np.isfinite(table.loc["power", "backtest"])
