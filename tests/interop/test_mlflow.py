"""MLflow stores that other programs wrote, whole and damaged."""

from __future__ import annotations

import contextlib
import sqlite3

import numpy as np
import pytest
from mlflow.tracking import MlflowClient

from normlaws.errors import (
    CorruptFileError,
    DataNotFoundError,
    InputError,
    StudyConflictError,
)
from normlaws.interop import ColumnMap, Identity, export_mlflow, read_mlflow
from normlaws.interop.mlflow import check_database


@pytest.fixture
def client(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return MlflowClient(tracking_uri=(tmp_path / "mlruns").as_uri())


@pytest.fixture
def store(client, tmp_path):
    """Two finished runs, a failed one and a deleted one, as a training script logs them."""
    place = client.create_experiment("cnn")
    for size, status in ((10, "FINISHED"), (20, "FINISHED"), (30, "FAILED"), (40, "FINISHED")):
        run = client.create_run(place, run_name=f"try {size}/a").info.run_id
        client.log_param(run, "n_train", size)
        client.log_param(run, "seed", 1)
        client.log_param(run, "optimizer", "adam")
        for step in (0, 5):
            client.log_metric(
                run, "norm/log_l1/global", float("-inf") if step == 0 else 2.0, step=step
            )
            client.log_metric(run, "eval_acc", 60.0 + step, step=step)
            client.log_metric(run, "eval_loss", float("nan"), step=step)
        client.set_terminated(run, status)
    client.delete_run(run)
    return tmp_path / "mlruns"


def active(store):
    """The folder of a run that was not deleted."""
    folders = (path.parent for path in store.rglob("params"))
    return next(f for f in folders if "stage: active" in (f / "meta.yaml").read_text("utf-8"))


PERCENT = ColumnMap(percent=("val_accuracy",))


def test_parameters_metrics_and_ends_are_understood(store):
    curves = read_mlflow(store, PERCENT)
    assert curves.sizes == [10, 20, 30]
    assert list(curves.runs["run"]) == ["try 10-a", "try 20-a", "try 30-a"]
    assert list(curves.runs["status"]) == ["complete", "complete", "failed"]
    assert curves.runs["settings"][0]["optimizer"] == "adam"
    np.testing.assert_allclose(curves.frame["val_error"][:2], [0.4, 0.35])
    np.testing.assert_array_equal(curves.frame["log_l1"][:2], [-np.inf, 2.0])
    assert list(curves.frame["step"][:2]) == [0, 5]


def test_the_server_says_the_same_as_the_folder(store, same):
    same(read_mlflow(store, PERCENT), read_mlflow(store.as_uri(), PERCENT))


def test_percentages_are_converted_only_when_said(store):
    with pytest.raises(InputError, match=r"val_accuracy as a fraction .* got 60; .*--percent"):
        read_mlflow(store)


def test_experiments_and_runs_can_be_chosen(store, client):
    assert len(read_mlflow(store, PERCENT, experiment="cnn").runs) == 3
    for source in (store, store.as_uri()):
        with pytest.raises(DataNotFoundError, match="in the experiment 'rnn', but found none"):
            read_mlflow(source, PERCENT, experiment="rnn")
    place = client.get_experiment_by_name("cnn").experiment_id
    assert len(read_mlflow(store / place, PERCENT).runs) == 3
    assert len(read_mlflow(active(store), PERCENT).runs) == 1


def test_named_parameters_go_before_usual_ones(store):
    curves = read_mlflow(store, PERCENT, Identity("seed", "n_train"))
    assert curves.sizes == [1]
    with pytest.raises(InputError, match="expected 'N' in run 'try .*n_train, optimizer or seed"):
        read_mlflow(store, PERCENT, Identity("N"))
    with pytest.raises(InputError, match="whole number as size of run .* got 'adam'"):
        read_mlflow(store, PERCENT, Identity("optimizer"))
    with pytest.raises(InputError, match="--size KEY and --seed KEY"):
        read_mlflow(store, ColumnMap({"size": "n_train"}))


@pytest.mark.parametrize("text", ["1 x 0", "1", "1 0.5 1.5", f"1 0.5 {2**70}", "\x00"])
def test_a_damaged_metric_names_the_file(store, text):
    victim = active(store) / "metrics" / "eval_acc"
    victim.write_text(text, encoding="utf-8")
    with pytest.raises(CorruptFileError, match=r"timestamp, value and step in .*eval_acc"):
        read_mlflow(store, PERCENT)


def test_bytes_that_are_no_text_name_the_file(store):
    (active(store) / "metrics" / "eval_acc").write_bytes(b"\xff\xfe")
    with pytest.raises(CorruptFileError, match=r"text in .*eval_acc"):
        read_mlflow(store, PERCENT)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("{", "expected JSON under normlaws.record"),
        ("[1]", "record with run, size and seed"),
        ('{"run": 1, "size": 2, "seed": "x"}', "number or null as seed"),
        ('{"run": "a", "size": [2], "seed": 1}', "whole number as size"),
        ('{"run": "a", "size": 2, "seed": 1, "status": "good"}', "expected a status"),
    ],
)
def test_a_damaged_record_is_one_sentence(store, record, message):
    folder = active(store) / "tags"
    (folder / "normlaws.record").write_text(record, encoding="utf-8")
    with pytest.raises((CorruptFileError, InputError), match=message):
        read_mlflow(store, PERCENT)


def test_names_are_made_fit_for_folders_and_told_apart(store, tmp_path):
    for tag in store.rglob("mlflow.runName"):
        tag.write_text("../../up", encoding="utf-8")
    curves = read_mlflow(store, PERCENT)
    assert all(name.startswith("up-") for name in curves.runs["run"])
    curves.write(tmp_path / "study")
    assert len(list((tmp_path / "study" / "runs").iterdir())) == 3


def test_an_experiment_takes_a_run_once(awkward, tmp_path):
    export_mlflow(awkward, tmp_path)
    with pytest.raises(StudyConflictError, match="'normlaws' holds it; give another experiment"):
        export_mlflow(awkward, tmp_path)
    export_mlflow(awkward, tmp_path, experiment="again")
    assert read_mlflow(tmp_path).runs["run"].nunique() == 2 * len(awkward.runs)


def test_a_server_that_is_not_there_is_one_sentence(awkward, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    nowhere = "http://127.0.0.1:9"
    for call in (lambda: read_mlflow(nowhere), lambda: export_mlflow(awkward, nowhere)):
        with pytest.raises(
            InputError, match=r"expected .*MLflow.* at http://127\.0\.0\.1:9"
        ) as caught:
            call()
        assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """As much of MLflow's schema as is looked at first, with rows over several pages."""
    path = tmp_path_factory.mktemp("database") / "mlflow.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        for name in ("experiments", "runs", "metrics"):
            db.execute(f"CREATE TABLE {name} (key TEXT, value REAL)")
            db.executemany(f"INSERT INTO {name} VALUES (?, ?)", [("x" * 50, 1.0)] * 500)
        db.commit()
    return path.read_bytes()


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda whole: b"", "holds no tables"),
        (lambda whole: b"not a database" * 100, "cannot be read: file is not a database"),
        (lambda whole: whole[: len(whole) // 2], "cannot be read|is damaged"),
        (lambda whole: whole[:8192] + b"\xff" * 4096 + whole[12288:], "cannot be read|is damaged"),
        (lambda whole: whole.replace(b"metrics", b"mertics"), "holds no tables|cannot be read"),
    ],
    ids=["empty", "text", "cut", "a page", "another"],
)
def test_a_damaged_database_is_one_true_sentence(database, tmp_path, monkeypatch, harm, message):
    file = tmp_path / "mlflow.db"
    file.write_bytes(harm(database))
    before = file.read_bytes()
    monkeypatch.setattr("normlaws.interop.mlflow.optional", None)  # MLflow is not asked
    with pytest.raises(CorruptFileError, match=message) as caught:
        read_mlflow(f"sqlite:///{file}")
    assert "\n" not in str(caught.value)
    assert file.read_bytes() == before


def test_a_whole_database_passes(database, tmp_path):
    (tmp_path / "mlflow.db").write_bytes(database)
    check_database(f"sqlite:///{tmp_path / 'mlflow.db'}")
