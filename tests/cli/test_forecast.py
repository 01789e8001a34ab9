"""``normlaws forecast`` prints what ``laws.forecast`` returns."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

import normlaws as nl
from normlaws.cli import _add_verbs, app
from normlaws.errors import InputError
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


def test_table_is_printed(study):
    assert "100,000" in run(study, "--size", "1e5", "--resamples", 50).stdout


def test_neither_size_nor_error_is_an_input_error(study):
    assert isinstance(run(study).exception, InputError)
