"""The study as it is on disk, and the fits asked of it."""

from __future__ import annotations

import shutil

import pytest

import normlaws as nl
from normlaws.errors import InputError
from normlaws.explore.state import State
from normlaws.explore.study import Question, Study

ALL = Question.of(State(norm="spectral_complexity", metric="test_error"), 0)


@pytest.fixture
def study(folder, tmp_path):
    return Study(shutil.copytree(folder, tmp_path / "copy"), resamples=40)


def test_fits_are_those_of_the_library(study, planted):
    asked = Question(0, "spectral_complexity", "test_error", (0, 2), (200, 1600), (0.5, 4.0))
    found = study.fitted(asked, intervals=True)
    chosen = planted.select(sizes=[200, 400, 800, 1600], seeds=[0, 2])
    expected = nl.fit(chosen, window=(0.5, 4.0), resamples=40)
    for name in ("gamma", "gamma0", "gamma1", "gamma2", "product"):  # to rounding
        assert tuple(getattr(found, name)) == pytest.approx(
            tuple(getattr(expected, name)), rel=1e-9
        )
    assert found.verdict.codes == expected.verdict.codes
    assert found.settings == expected.settings
    assert study.fitted(asked, intervals=True) is found


def test_the_point_stands_in_until_the_intervals_are_known(study):
    point, waiting = study.best(ALL)
    assert (point.gamma.low, waiting) == (None, True)
    study.fitted(ALL, intervals=True)
    full, waiting = study.best(ALL)
    assert not waiting
    assert full.gamma.value == pytest.approx(point.gamma.value, rel=1e-9)
    assert full.gamma.low < full.gamma.value


def test_what_cannot_be_fitted_is_said_in_the_words_of_the_fit(study):
    asked = Question(0, "spectral_complexity", "test_error", None, (400, 400), None)
    assert "two or more training-set sizes" in study.fitted(asked)


def test_new_rows_are_seen_and_old_fits_are_not_served_for_them(study, planted):
    before = study.fitted(ALL)
    assert not study.reload()
    nl.laws.plant(sizes=(3200,), seeds=3, records=25).write(study.path)
    assert study.reload()
    assert study.version == 1
    assert study.curves.sizes[-1] == 3200
    after = study.fitted(Question.of(State(norm=ALL.norm, metric=ALL.metric), study.version))
    assert len(after.sizes) == len(before.sizes) + 1


def test_a_file_that_cannot_be_read_leaves_the_curves_as_they_were(study):
    rows = len(study.curves)
    for curve in study.path.glob("runs/*/curve.parquet"):
        curve.write_bytes(b"half a file")
    assert not study.reload()
    assert len(study.curves) == rows
    assert "curve.parquet" in study.trouble


def test_curves_without_an_error_are_refused_and_say_what_failed(planted, tmp_path):
    frame = planted.frame.drop(columns="test_error")
    path = nl.Curves(frame).write(tmp_path / "bare.parquet")
    with pytest.raises(InputError, match="an error or a loss at .*none is recorded"):
        Study(path)
    runs = planted.runs.assign(status="failed", error="ValueError: no (mine.py:3)")
    path = nl.Curves(frame, runs).write(tmp_path / "failed.parquet")
    with pytest.raises(InputError, match=r"15 of 15 runs failed, all with: ValueError: no \(mine"):
        Study(path)
