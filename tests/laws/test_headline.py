"""The headline says in plain words what the verdict says, and what twice the data would bring."""

from __future__ import annotations

from dataclasses import replace

import pytest

import normlaws as nl
from normlaws.display.numbers import significant, with_unit
from normlaws.laws.headline import headline
from normlaws.laws.plant import plant


@pytest.fixture(scope="module")
def laws() -> nl.Laws:
    return nl.fit(plant(sizes=(100, 200, 400, 800, 1600), seeds=4, records=30), resamples=60)


def judged(laws: nl.Laws, codes: tuple[str, ...], *grades: str) -> str:
    found = [replace(one, grade=g) for one, g in zip(laws.verdict.findings, grades, strict=True)]
    return headline(replace(laws, verdict=replace(laws.verdict, codes=codes, findings=found)))


def test_each_grade_has_its_words(laws):
    yes = ["established"] * 6
    assert judged(laws, ("laws_hold",), *yes).startswith("Both laws hold: ")
    assert "generalised form" in judged(laws, ("laws_hold_shifted",), *yes)
    wrong = judged(laws, ("laws_contradicted",), *yes[:2], "contradicted", *yes[3:])
    assert wrong.startswith("The two laws do not hold; contradicted: collapse.")
    open_one = judged(laws, ("undecided",), *yes[:2], "undecided", *yes[3:])
    assert "5 of 6 findings are established; open: collapse." in open_one


def test_twice_the_data_is_the_forecast(laws):
    ahead = laws.forecast(3200).error
    said = headline(laws).replace("\u00a0", " ")
    assert "Twice the data, P = 3,200: lowest test error" in said
    for value in (ahead.value, ahead.low, ahead.high):
        percent = 100 * value
        assert f"{significant(percent, 3 if percent >= 10 else 2)} %" in said


def test_a_forecast_that_no_longer_falls_is_said_to_be_a_bound():
    """The largest size, still improving, is already below the law of the others."""
    frame = plant(sizes=(100, 200, 400, 800, 1600), seeds=3, records=30).frame
    last, part = frame["size"] == 1600, frame.groupby(["size", "seed"]).cumcount() < 20
    frame.loc[last, "test_error"] *= 0.3
    laws = nl.fit(nl.Curves(frame[~last | part]), resamples=40)
    assert not laws.sizes["used"].iloc[-1]
    said = headline(laws).replace("\u00a0", " ")
    reached = with_unit(laws.sizes["error"].iloc[-1], "test_error").replace("\u00a0", " ")
    assert f"expected at most {reached}, which P = 1,600 reached" in said
    assert "→" not in said


def test_a_loss_is_in_nats(laws):
    curves = plant(sizes=(100, 200, 400, 800), seeds=3, records=25)
    frame = curves.frame.drop(columns="test_error").assign(test_loss=3 * curves.frame["test_error"])
    said = headline(nl.fit(nl.Curves(frame), resamples=20))
    assert "lowest test loss" in said
    assert "nats" in said


def test_a_metric_of_ones_own_has_no_unit_of_a_loss():
    assert with_unit(0.182, "success_rate_gap") == "0.182"
    assert with_unit(0.02, "test_error") == "2.0\u00a0%"
    assert with_unit(1.35, "test_loss") == "1.35\u00a0nats"
