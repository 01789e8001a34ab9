"""Verbs take a table of final errors as it lies around."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from normlaws.cli import _add_verbs, app
from normlaws.errors import InputError

_add_verbs()
LAWS = {"cnn": (3.0, 0.4), "vit": (9.0, 0.55), "mlp": (2.0, 0.2)}


@pytest.fixture(scope="module")
def final(tmp_path_factory):
    """Six final accuracies in percent of each of three models."""
    random, rows = np.random.default_rng(0), []
    for model, (scale, gamma) in LAWS.items():
        for size in 100 * 2 ** np.arange(6):
            error = min(1.0, scale * size**-gamma * np.exp(0.02 * random.normal()))
            rows.append({"model": model, "n_train": size, "acc": 100 * (1 - error)})
    path = tmp_path_factory.mktemp("final") / "final.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def invoke(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)


def test_three_models_are_compared(final):
    found = json.loads(invoke("fit", final, "--group", "model", "--json").stdout)
    for model, (_, gamma) in LAWS.items():
        assert found["groups"][model]["gamma"]["value"] == pytest.approx(gamma, abs=0.03)
    assert found["summary"].startswith("Lowest error: cnn up to P = 800, then vit from P = 1,600")


def test_different_models_are_not_pooled(final):
    answer = invoke("fit", final)
    assert isinstance(answer.exception, InputError)
    assert "model (cnn, mlp, vit)" in str(answer.exception)
    assert "--group model" in str(answer.exception)


def test_what_was_read_as_what_is_said(final):
    said = invoke("fit", final, "--group", "model").stderr
    assert "size = n_train; test_error = 1 − acc/100" in said


def test_one_model_is_forecast(final, tmp_path):
    table = pd.read_csv(final).query("model == 'cnn'").drop(columns="model")
    path = tmp_path / "cnn.csv"
    table.to_csv(path, index=False)
    said = invoke("forecast", path, "--size", 6400, "--json")
    error = json.loads(said.stdout)[0]["error"]
    assert error["low"] < 3 * 6400**-0.4 < error["high"]
    assert json.loads(said.stdout)[0]["log_norm"]["value"] is None
    table = invoke("forecast", path, "--size", 6400).stdout
    assert "× 2" in table
    assert "No norm is recorded" in table


def test_forecasts_of_groups_have_their_chances(final):
    answer = invoke("forecast", final, "--group", "model", "--size", 400, "--size", 6400, "--json")
    rows = json.loads(answer.stdout)["table"]
    best = {row["size"]: row["model"] for row in rows if row["best"] > 0.9}
    assert best == {400.0: "cnn", 6400.0: "vit"}
    assert sum(row["best"] for row in rows) == pytest.approx(2.0)


def test_an_error_above_one_is_refused(final, tmp_path):
    answer = invoke("forecast", final, "--group", "model", "--error", 2)
    assert isinstance(answer.exception, InputError)
    assert "at most 1, got 2" in str(answer.exception)


def test_far_forecasts_are_warned_about(final):
    answer = invoke("forecast", final, "--group", "model", "--size", 1e11)
    assert "far beyond the data" in answer.stderr


def test_a_column_can_be_named(final, tmp_path):
    table = pd.read_csv(final).query("model == 'cnn'").rename(columns={"n_train": "how_many"})
    path = tmp_path / "odd.csv"
    table.drop(columns="model").to_csv(path, index=False)
    assert isinstance(invoke("fit", path).exception, InputError)
    found = invoke("fit", path, "--column", "size=how_many", "--json")
    assert json.loads(found.stdout)["codes"] == ["no_norm", "no_curves", "no_seeds"]


def test_reports_of_one_and_of_several(final, tmp_path):
    target = tmp_path / "models.html"
    answer = invoke("report", final, "--group", "model", "--out", target)
    assert answer.exit_code == 0, answer.exception
    page = target.read_text()
    assert "Which is best where" in page
    assert "Twice the data" in page
    assert "https://" not in page.split("<svg")[0].replace("https://www.w3.org", "")


def test_columns_are_for_tables(tmp_path):
    answer = invoke("fit", tmp_path, "--column", "size=n")
    assert "expected a table" in str(answer.exception)
