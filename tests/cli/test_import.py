"""``normlaws import`` writes curves that ``normlaws fit`` reads."""

from __future__ import annotations

import pandas as pd
import pytest
from typer.testing import CliRunner

from normlaws.cli import _add_verbs, app
from normlaws.curves import Curves
from normlaws.errors import InputError
from normlaws.laws.plant import plant

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


def test_what_became_of_each_column_is_said_and_can_be_overruled(tmp_path):
    table, out = tmp_path / "mine.csv", tmp_path / "curves.parquet"
    rows = {"n_train": [50, 100], "rep": [0, 0], "acc": [60, 75], "n_test": [9, 9]}
    pd.DataFrame(rows).to_csv(table, index=False)
    answer = run("table", table, "--out", out)
    said = " ".join(answer.stderr.split())
    assert "size = n_train; seed = rep; test_error = 1 − acc/100; n_test as named" in said
    assert "--column NAME=THEIRS" in said
    assert "no norm is recorded" in said
    assert f"normlaws fit {out}" in " ".join(answer.stdout.split())
    assert list(Curves.read(out).frame["test_error"]) == [0.4, 0.25]
    run("table", table, "--column", "val_accuracy=acc", "--percent", "val_accuracy", "--out", out)
    assert Curves.read(out).metrics == ["val_error"]


def test_a_table_without_a_size_says_how_to_name_one(tmp_path):
    table = tmp_path / "mine.csv"
    pd.DataFrame({"foo": [50], "acc": [0.6]}).to_csv(table, index=False)
    answer = run("table", table, "--out", tmp_path / "o.parquet")
    assert "--column size=NAME" in str(answer.exception)
    assert "seed" not in str(answer.exception)


WRITERS = ["csv", "parquet", "tensorboard", "mlflow", "wandb"]


@pytest.mark.parametrize("to", WRITERS)
def test_what_is_exported_can_be_imported_and_fitted_alike(tmp_path, to):
    recorded = plant(sizes=[100, 200], seeds=2).write(tmp_path / "c.parquet")
    out = tmp_path / (f"o.{to}" if to in ("csv", "parquet") else "o")
    answer = CliRunner().invoke(app, ["export", str(recorded), "--to", to, "--out", str(out)])
    assert answer.exit_code == 0, answer.exception
    assert str(tmp_path) in answer.stdout
    kind = "table" if to in ("csv", "parquet") else to
    back = tmp_path / "back.parquet"
    assert run(kind, out, "--out", back).exit_code == 0
    pd.testing.assert_frame_equal(
        Curves.read(back).frame, Curves.read(recorded).frame, check_exact=True
    )


def test_an_export_to_another_ending_is_refused(tmp_path):
    recorded = plant(sizes=[100]).write(tmp_path / "c.parquet")
    words = ["export", str(recorded), "--to", "csv", "--out", str(tmp_path / "o.txt")]
    answer = CliRunner().invoke(app, words)
    assert "expected --out ending .csv" in str(answer.exception)


def test_options_reach_the_importers(tmp_path):
    table = {"global_step": [0, 9], "R": [1.0, 2.0], "acc": [50, 75]}
    pd.DataFrame(table).to_csv(tmp_path / "n=30 rep4.csv", index=False)
    words = ["--column", "frobenius=R", "--column", "test_accuracy=acc"]
    words += ["--percent", "test_accuracy", "--run-pattern", r"n=(?P<size>\d+) rep(?P<seed>\d)"]
    out = tmp_path / "c.parquet"
    assert run("wandb", tmp_path / "n=30 rep4.csv", *words, "--out", out).exit_code == 0
    curves = Curves.read(out)
    assert (curves.sizes, curves.seeds, curves.norms) == ([30], [4], ["frobenius"])
    assert list(curves.frame["test_error"]) == [0.5, 0.25]
