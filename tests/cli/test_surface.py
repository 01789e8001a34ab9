"""``normlaws surface`` prints what ``nl.surface`` returns."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from normlaws.cli import _add_verbs, app
from normlaws.errors import InputError
from normlaws.laws.surfaces import FAMILIES

_add_verbs()


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    family = FAMILIES["chinchilla"]
    variables = family.planted_variables()
    path = tmp_path_factory.mktemp("surface") / "runs.csv"
    frame = pd.DataFrame({**variables, "val_loss": family.loss(family.planted(), variables)})
    frame.rename(columns={"params": "N million"}).to_csv(path, index=False)
    return path


def test_json_holds_the_constants_and_the_optimum(table):
    options = ["--column", "params=N million", "--family", "chinchilla", "--fit", "squares"]
    answer = CliRunner().invoke(app, ["surface", str(table), *options, "--json"])
    found = json.loads(answer.stdout)
    assert found["family"] == "chinchilla"
    assert set(found["constants"]["E"]) == {"value", "low", "high"}
    assert found["optimum"]["params"]["value"] > 0
    assert isinstance(found["verdict"], str)


def test_summary_optimum_and_figure(table, tmp_path):
    figure = tmp_path / "surface.svg"
    options = ["--column", "params=N million", "--compute", "1e21", "--figure", str(figure)]
    answer = CliRunner().invoke(
        app, ["surface", str(table), "--fix", "E=1.8", "--resamples", "0", *options]
    )
    assert "At compute 1e+21" in answer.stdout
    assert figure.read_text().startswith("<?xml")


def test_a_missing_variable_is_named(table):
    answer = CliRunner().invoke(app, ["surface", str(table), "--family", "routed"])
    assert isinstance(answer.exception, InputError)
    assert "params is missing" in str(answer.exception)
