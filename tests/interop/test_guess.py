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
    with pytest.warns(NormlawsWarning, match="test_error = 1 − accuracy") as said:
        curves = read_table(tmp_path / "log.csv", guess=True)
    assert "accuracy is taken for that of the test set" in str(said[0].message)
    assert curves.metrics == ["test_error"]


def test_a_bare_metric_beside_others_of_the_validation_set_is_of_that_set(tmp_path):
    """The columns of fastai's CSVLogger."""
    table = pd.DataFrame({
        "epoch": [0, 1], "train_loss": [1.0, 0.8], "valid_loss": [1.2, 0.9], "accuracy": [0.5, 0.7],
        "size": 100,
    })  # fmt: skip
    table.to_csv(tmp_path / "history.csv", index=False)
    said = "val_error = 1 − accuracy.*accuracy is taken for that of the validation set"
    with pytest.warns(NormlawsWarning, match=said):
        curves = read_table(tmp_path / "history.csv", guess=True)
    assert curves.metrics == ["train_loss", "val_error", "val_loss"]
    assert list(curves.frame["val_error"]) == [1 - 0.5, 1 - 0.7]


@pytest.mark.parametrize("percent", [False, True])
@pytest.mark.parametrize("names", [("top5_err", "top1_err"), ("val_top5_err", "val_top1_err")])
def test_top1_errors_are_read_before_top5_errors(tmp_path, names, percent):
    scale = 100 if percent else 1
    top5, top1 = ([at * scale for at in values] for values in ((0.1, 0.05), (0.3, 0.2)))
    table = pd.DataFrame(dict(zip(names, (top5, top1), strict=True)) | {"n_train": [100, 200]})
    metric = "val_error" if names[0].startswith("val") else "test_error"
    for chosen, expected in ((table, [0.3, 0.2]), (table.drop(columns=names[1]), [0.1, 0.05])):
        chosen.to_csv(tmp_path / "final.csv", index=False)
        with pytest.warns(NormlawsWarning, match=f"{metric} = {chosen.columns[-2]}"):
            curves = read_table(tmp_path / "final.csv", guess=True)
        assert list(curves.frame[metric]) == pytest.approx(expected)
