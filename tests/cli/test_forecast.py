"""``normlaws forecast`` prints what ``laws.forecast`` returns."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

import normlaws as nl
from normlaws.cli import _add_verbs, app
from normlaws.curves import Curves
from normlaws.errors import InputError
from normlaws.laws.collapse import plant_ladder
from normlaws.laws.plant import plant

_add_verbs()


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return plant().write(tmp_path_factory.mktemp("forecast") / "planted.parquet")


def run(*words):
    return CliRunner().invoke(app, ["forecast", *map(str, words)])


def test_json_is_a_list_of_forecasts(study):
    answer = run(study, "--size", "1e5", "--size", 200000, "--json", "--resamples", 50)
    found = json.loads(answer.stdout)
    expected = nl.fit(nl.Curves.read(study), resamples=50).forecast([1e5, 2e5])
    assert [item["size"] for item in found] == [100000, 200000]
    for item, known in zip(found, expected, strict=True):
        assert item["error"] == pytest.approx(known.error.as_dict())
        assert item["log_norm"] == pytest.approx(known.log_norm.as_dict())


def test_target_error_gives_the_size_it_needs(study):
    found = json.loads(run(study, "--error", 0.001, "--json", "--resamples", 50).stdout)
    assert found[0]["error"]["value"] == pytest.approx(0.001)
    assert found[0]["size_for_error"]["low"] < found[0]["size"]


def test_a_bound_is_told_apart(tmp_path):
    """The largest size, still improving, is already below the law of the others."""
    frame = plant(sizes=(100, 200, 400, 800, 1600), seeds=3, records=30).frame
    last, part = frame["size"] == 1600, frame.groupby(["size", "seed"]).cumcount() < 20
    frame.loc[last, "test_error"] *= 0.3
    path = nl.Curves(frame[~last | part]).write(tmp_path / "improving.parquet")
    asked = (path, "--size", 800, "--size", 3200, "--resamples", 40)
    found = json.loads(run(*asked, "--json").stdout)
    assert [one["bounded_by"] for one in found] == [None, 1600]
    said = run(*asked).stdout
    assert said.count("≤\u00a0") == 1
    assert "≤: the law lies above what runs of P = 1,600" in " ".join(said.split())


def test_table_is_printed(study):
    assert "100,000" in run(study, "--size", "1e5", "--resamples", 50).stdout


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A ladder whose largest size is cut at half of its end."""
    whole = plant_ladder((10, 30, 100, 300, 1000), floor=1.0, seeds=2, noise=0.004)
    largest = whole.runs["size"] == 1000
    cut = (whole.frame["size"] == 1000) & (whole.frame["step"] > 200)
    runs = whole.runs.assign(status=largest.map({True: "unfinished", False: "complete"}))
    path = tmp_path_factory.mktemp("running") / "ladder.parquet"
    return Curves(whole.frame[~cut], runs).write(path), whole


def test_unfinished_runs_are_forecast_along_any_axis(running):
    path, whole = running
    for axis, end in (("compute", 6e6), ("tokens", 1000.0)):
        found = json.loads(run(path, "--along", axis, "--json", "--size", 3000).stdout)
        assert [one.get("run") for one in found] == ["p1000-s0", "p1000-s1", None]
        for one in found[:2]:
            rows = whole.frame[whole.frame["run"] == one["run"]]
            truth = float(rows["test_loss"].iloc[-1])
            assert one["end"] == pytest.approx(end, rel=1e-3)
            assert one["error"]["low"] < truth < one["error"]["high"]
            assert one["error"]["high"] - one["error"]["low"] < 0.25 * (truth - 1)
        assert found[2]["error"]["low"] < 1 + 2 / 3000**0.5 < found[2]["error"]["high"]
    without = run(path)
    assert "expected final test_loss of unfinished runs" in without.stdout
    assert "2 runs are unfinished" in run(path, "--size", 3000, "--resamples", 0).stderr


def test_a_target_or_a_norm_is_no_end_of_a_run(running):
    for other in (("--error", 0.1), ("--norm", "frobenius"), ("--group", "model")):
        assert isinstance(run(running[0], "--along", "step", *other).exception, InputError)


def test_neither_size_nor_error_is_an_input_error(study):
    assert isinstance(run(study).exception, InputError)
