from __future__ import annotations

import pytest

from normlaws.errors import InputError
from normlaws.tracking.logged import LoggedNames


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("val_loss", "val_loss"),
        ("eval/loss", "val_loss"),
        ("Validation.Error", "val_error"),
        ("test_err", "test_error"),
    ],
)
def test_losses_and_errors_are_taken_as_they_are(name, column):
    assert LoggedNames().read({name: 0.25, "epoch": 3}) == {column: 0.25}


@pytest.mark.parametrize(
    "name", ["val_acc", "valid/accuracy", "eval_accuracy", "val_sparse_categorical_accuracy"]
)
def test_accuracies_become_errors(name):
    assert LoggedNames().read({name: 0.75}) == {"val_error": 0.25}


def test_an_error_is_preferred_to_an_accuracy():
    assert LoggedNames().read({"val_acc": 0.7, "val_err": 0.25}) == {"val_error": 0.25}


def test_averages_over_a_training_epoch_are_left_out():
    with pytest.raises(InputError, match=r"val_loss or val_acc, got \['loss', 'train_acc'\]"):
        LoggedNames().read({"loss": 1.0, "train_acc": 0.5})


def test_a_map_names_everything():
    names = LoggedNames({"test_error": "1 - top/1", "test_loss": "nll"})
    assert names.read({"top/1": 0.75, "nll": 2, "val_loss": 9}) == {
        "test_error": 0.25,
        "test_loss": 2,
    }
    with pytest.raises(InputError, match=r"'top/1' to be logged, got \['val_loss'\]"):
        names.read({"val_loss": 9})


def test_columns_are_those_of_a_curve():
    with pytest.raises(InputError, match="from train_error.* to logged names, got 'accuracy'"):
        LoggedNames({"accuracy": "val_acc"})
