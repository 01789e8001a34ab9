"""What the columns of tables are taken for, from names alone."""

import pandas as pd
import pytest

from normlaws.errors import NormlawsWarning
from normlaws.interop import read_table


def test_a_bare_metric_beside_its_validation_is_that_of_training(tmp_path):
    table = pd.DataFrame({
        "epoch": [0, 1], "accuracy": [0.5, 0.7], "loss": [1.0, 0.8], "val_accuracy": [0.4, 0.5],
        "val_loss": [2.0, 1.5], "n_train": 100,
    })  # fmt: skip
    table.to_csv(tmp_path / "log.csv", index=False)
    with pytest.warns(NormlawsWarning, match="train_error = 1 − accuracy"):
        curves = read_table(tmp_path / "log.csv", guess=True)
    assert curves.metrics == ["train_error", "train_loss", "val_error", "val_loss"]
    assert list(curves.frame["train_error"]) == [1 - 0.5, 1 - 0.7]
    assert list(curves.frame["val_error"]) == [1 - 0.4, 1 - 0.5]


def test_a_bare_metric_alone_is_that_of_the_test_set(tmp_path):
    pd.DataFrame({"accuracy": [0.5, 0.7], "step": [0, 1], "n_train": 100}).to_csv(
        tmp_path / "log.csv", index=False
    )
    with pytest.warns(NormlawsWarning, match="test_error = 1 − accuracy"):
        curves = read_table(tmp_path / "log.csv", guess=True)
    assert curves.metrics == ["test_error"]
