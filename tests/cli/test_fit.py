"""``normlaws fit`` prints what ``nl.fit`` returns."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from normlaws.cli import _add_verbs, app
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


def test_table_names_every_exponent(study):
    answer = CliRunner().invoke(app, ["fit", str(study), "--resamples", "50"])
    for symbol in ("γ1", "γ2", "γ0 + γ1·γ2", "collapse"):
        assert symbol in answer.stdout
