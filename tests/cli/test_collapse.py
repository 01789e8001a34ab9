"""``normlaws collapse`` prints what ``nl.collapse`` returns."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from normlaws.cli import _add_verbs, app
from normlaws.errors import InputError
from normlaws.laws.collapse import plant_ladder

_add_verbs()


@pytest.fixture(scope="module")
def ladder(tmp_path_factory):
    curves = plant_ladder((10, 30, 100, 300, 1000), floor=1.0, seeds=3, noise=0.01)
    return curves.write(tmp_path_factory.mktemp("collapse") / "ladder.parquet")


def test_json_holds_the_figures_alone(ladder):
    answer = CliRunner().invoke(app, ["collapse", str(ladder), "--along", "tokens", "--json"])
    found = json.loads(answer.stdout)
    for name in ("floor", "share", "ratio", "onset"):
        assert set(found[name]) == {"value", "low", "high"}
    assert isinstance(found["verdict"], str)
    assert found["codes"]
    assert found["along"] == "tokens"


def test_summary_and_figure(ladder, tmp_path):
    figure = tmp_path / "collapse.svg"
    options = ["--end", "1.0", "--floor", "1", "--finish", "p1000-s0", "--figure", str(figure)]
    answer = CliRunner().invoke(app, ["collapse", str(ladder), *options])
    assert "5 groups of params, 15 runs" in answer.stdout
    assert "expected final test_loss of unfinished runs" in answer.stdout
    assert "p1000-s0" in answer.stdout
    assert figure.read_text().startswith("<?xml")


def test_a_figure_needs_a_known_ending(ladder):
    answer = CliRunner().invoke(app, ["collapse", str(ladder), "--figure", "x.jpeg"])
    assert isinstance(answer.exception, InputError)
