"""``normlaws fit`` prints what ``nl.fit`` returns."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from normlaws.cli import _add_verbs, app
from normlaws.curves import Curves
from normlaws.errors import InputError
from normlaws.laws.plant import plant

_add_verbs()


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return plant().write(tmp_path_factory.mktemp("fit") / "planted.parquet")


def test_json_holds_the_exponents_alone(study):
    answer = CliRunner().invoke(app, ["fit", str(study), "--json", "--resamples", "50"])
    found = json.loads(answer.stdout)
    for name in ("gamma", "gamma0", "gamma1", "gamma2", "product"):
        assert set(found[name]) == {"value", "low", "high"}
    assert isinstance(found["collapse"], float)
    assert isinstance(found["verdict"], str)
    assert found["headline"]
    assert len(found["findings"]) == 6
    assert {one["clock"] for one in found["clocks"]} == {"spectral_complexity", "step"}


def test_table_names_every_exponent(study):
    answer = CliRunner().invoke(app, ["fit", str(study), "--resamples", "50"])
    for symbol in ("γ1", "γ2", "γ0 + γ1·γ2", "collapse", "answer", "clock", "than the step"):
        assert symbol in answer.stdout


def test_the_only_recorded_norm_is_the_default(tmp_path):
    path = plant(sizes=[100, 200, 400, 800], norm="frobenius").write(tmp_path / "one.parquet")
    answer = CliRunner().invoke(app, ["fit", str(path), "--json", "--resamples", "20"])
    assert json.loads(answer.stdout)["norm"] == "frobenius"


def test_several_norms_without_the_usual_one_are_listed(tmp_path):
    curves = plant(sizes=[100, 200], norm="frobenius")
    frame = curves.frame.assign(log_l1=curves.frame["log_frobenius"])
    path = Curves(frame).write(tmp_path / "two.parquet")
    answer = CliRunner().invoke(app, ["fit", str(path)])
    assert isinstance(answer.exception, InputError)
    assert "frobenius or l1" in str(answer.exception)


def test_several_paths_and_patterns_are_put_together(tmp_path):
    curves = plant(sizes=[100, 200, 400, 800])
    for size in curves.sizes:
        curves.select(sizes=[size]).write(tmp_path / f"P{size}")
    whole = curves.write(tmp_path / "whole.parquet")
    words = ["--json", "--resamples", "20"]
    answers = [
        CliRunner().invoke(app, ["fit", *map(str, paths), *words])
        for paths in ([whole], [tmp_path / "P*"], [tmp_path / "P*00", whole])
    ]
    assert all(answer.exit_code == 0 for answer in answers)
    assert len({answer.stdout for answer in answers}) == 1
