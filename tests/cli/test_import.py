"""``normlaws import`` writes curves that ``normlaws fit`` reads."""

from __future__ import annotations

import pandas as pd
import pytest
from typer.testing import CliRunner

from normlaws.cli import _add_verbs, app
from normlaws.curves import Curves
from normlaws.errors import InputError

_add_verbs()


def run(*words):
    return CliRunner().invoke(app, ["import", *map(str, words)])


@pytest.mark.parametrize(
    "name",
    [
        "CNN_MNIST",
        "CNN_CIFAR10",
        "ResNet_CIFAR10",
        "ViT_MNIST",
        "CNN_CIFAR10_wd",
        "CNN_CIFAR10_norms",
    ],
)
def test_every_published_file_imports(deep_norm, tmp_path, name):
    out = tmp_path / "curves.parquet"
    answer = run("deep-norm", deep_norm / f"{name}.npy", "--out", out)
    assert answer.exit_code == 0
    assert len(Curves.read(out).sizes) >= 9
    assert ("--panel" in answer.stdout) == name.endswith("_wd")


def test_a_table_imports_through_a_column_map(tmp_path):
    table, out = tmp_path / "mine.csv", tmp_path / "curves.parquet"
    pd.DataFrame({"n": [5, 5], "R": [1.0, 2.0], "test_error": [0.5, 0.4]}).to_csv(table)
    words = ["--column", "size=n", "--column", "spectral_complexity=R", "--out", out]
    assert run("table", table, *words).exit_code == 0
    assert Curves.read(out).norms == ["spectral_complexity"]


def test_a_bad_column_pair_is_an_input_error(tmp_path):
    answer = run("table", tmp_path / "x.csv", "--column", "size", "--out", tmp_path / "o.parquet")
    assert isinstance(answer.exception, InputError)
