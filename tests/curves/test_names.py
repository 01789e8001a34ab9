"""One parser of names for callbacks and imports, and one rule for what is read by default."""

from __future__ import annotations

import pandas as pd
import pytest

import normlaws as nl
from normlaws.curves import Curves
from normlaws.curves.names import default_metric, default_norm, metric_of, shown_norm
from normlaws.errors import InputError
from normlaws.explore.state import start
from normlaws.interop.columns import ColumnMap
from normlaws.tracking.logged import LoggedNames

NAMES = {
    "val/acc1": "val_accuracy",
    "test_nll": "test_loss",
    "eval/top1": "val_accuracy",
    "eval_accuracy": "val_accuracy",
    "val_error_rate": "val_error",
    "Accuracy/test": "test_accuracy",
    "loss/validation": "val_loss",
    "Valid.Loss": "val_loss",
    "test err": "test_error",
    "dev/cross_entropy": "val_loss",
    "val_acc@1": "val_accuracy",
    "val_sparse_categorical_accuracy": "val_accuracy",
}


@pytest.mark.parametrize(("name", "metric"), NAMES.items())
def test_callbacks_and_imports_understand_the_same(name, metric):
    assert metric_of(name) == metric
    column, value = (metric.replace("accuracy", "error"), 0.25)
    logged = 1 - value if metric.endswith("accuracy") else value
    assert LoggedNames().read({name: logged}) == pytest.approx({column: value})
    assert ColumnMap().find([name]) == {metric: name}
    stored, values = ColumnMap().convert(metric, pd.Series([logged]), "a table")
    assert (stored, values[0]) == (column, pytest.approx(value))


@pytest.mark.parametrize("name", ["val", "loss", "val_acc5", "top1", "lr", "testing", "val_f1"])
def test_names_that_mean_nothing_here(name):
    assert metric_of(name) is None


def test_plain_names_win_and_equal_ones_are_refused():
    assert ColumnMap().find(["val_nll", "val_loss"]) == {"val_loss": "val_loss"}
    assert LoggedNames().read({"val_nll": 2.0, "val_loss": 1.0}) == {"val_loss": 1.0}
    assert LoggedNames().read({"val_acc": 0.9, "val_error": 0.2}) == {"val_error": 0.2}
    with pytest.raises(InputError, match="one tag for val_loss"):
        ColumnMap().find(["val_loss", "loss/val"])


def curves(norms, metrics) -> Curves:
    columns = {f"log_{norm}": [1.0, 2.0] for norm in norms} | dict.fromkeys(metrics, 0.5)
    return Curves(pd.DataFrame({"run": "a", "size": 10, "seed": 0, "step": [0, 1], **columns}))


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        (["val_error", "val_loss"], "val_error"),
        (["test_loss", "val_error"], "val_error"),
        (["train_loss", "val_loss"], "val_loss"),
        (["test_error", "val_error"], "test_error"),
    ],
)
def test_library_and_explorer_read_the_same_metric(metrics, expected):
    found = curves(["l1"], metrics)
    assert found.default_metric() == start(found).metric == default_metric(metrics) == expected
    assert found.default_norm() == start(found).norm == "l1"


def test_several_norms_without_a_default_are_asked_for():
    with pytest.raises(InputError, match="recorded are l1 or l2"):
        default_norm(["l1", "l2"])
    assert shown_norm(["l1", "l2"]) == "l1"
    assert default_norm(["l1", "spectral_complexity"]) == "spectral_complexity"


def test_fit_takes_what_is_recorded():
    planted = nl.laws.plant(norm="frobenius", sizes=(100, 400, 1600), seeds=2)
    frame = planted.frame.dropna(axis=1, how="all").rename(columns={"test_error": "val_error"})
    laws = nl.fit(Curves(frame, planted.runs), resamples=0)
    assert (laws.norm, laws.metric) == ("frobenius", "val_error")
