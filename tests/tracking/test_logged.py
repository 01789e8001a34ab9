from __future__ import annotations

import pytest

from normlaws.errors import InputError, NormlawsWarning
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
    with pytest.warns(NormlawsWarning, match=r"val_loss or val_acc, got \['loss', 'train_acc'\]"):
        assert LoggedNames().read({"loss": 1.0, "train_acc": 0.5}) == {}


def test_a_map_names_everything():
    names = LoggedNames({"test_error": "1 - top/1", "test_loss": "nll"})
    assert names.read({"top/1": 0.75, "nll": 2, "val_loss": 9}) == {
        "test_error": 0.25,
        "test_loss": 2,
    }


def test_names_of_a_map_that_were_never_logged_are_said_at_the_end():
    names = LoggedNames({"test_error": "1 - top/1"})
    assert names.read({"val_loss": 9}) == {}
    with pytest.warns(NormlawsWarning, match=r"'1 - top/1' to be logged, got \['val_loss'\]"):
        names.finish()


def test_of_several_evaluation_sets_the_first_counts():
    names = LoggedNames()
    with pytest.warns(NormlawsWarning, match="metrics of 'a' are recorded"):
        assert names.read({"eval_a_loss": 1.5, "eval_a_runtime": 3}) == {"val_loss": 1.5}
    assert names.read({"eval_b_loss": 2.5}) == {}
    assert names.read({"eval_a_loss": 1.0, "eval_a_accuracy": 0.25}) == {
        "val_loss": 1.0,
        "val_error": 0.75,
    }


def test_of_several_loaders_the_first_counts():
    names = LoggedNames()
    logged = {"val_loss/dataloader_idx_0": 1.5, "val_loss/dataloader_idx_1": 2.5}
    with pytest.warns(NormlawsWarning, match="dataloader_idx_0"):
        assert names.read(logged) == {"val_loss": 1.5}


def test_columns_are_those_of_a_curve():
    with pytest.raises(InputError, match="from train_error.* to logged names, got 'accuracy'"):
        LoggedNames({"accuracy": "val_acc"})
