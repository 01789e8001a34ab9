"""What is exported is imported again to the last bit, by the real packages, offline."""

from __future__ import annotations

import contextlib
import sqlite3
import sys

import numpy as np
import pandas as pd
import pytest

from normlaws import Curves
from normlaws.errors import InputError, MissingExtraError
from normlaws.interop import (
    export_mlflow,
    export_table,
    export_tensorboard,
    export_wandb,
    read_mlflow,
    read_table,
    read_tensorboard,
    read_wandb,
)
from normlaws.interop.export.runs import exported

TRACKERS = {
    "tensorboard": (export_tensorboard, read_tensorboard),
    "mlflow": (export_mlflow, read_mlflow),
    "wandb": (export_wandb, read_wandb),
}


@pytest.fixture(params=TRACKERS)
def tracker(request):
    return TRACKERS[request.param]


def test_trackers_give_back_every_number_and_record(awkward, same, tmp_path, tracker):
    write, read = tracker
    write(awkward, tmp_path / "out")
    same(awkward, read(tmp_path / "out"))


def test_curves_without_steps_stay_without(awkward, same, tmp_path, tracker):
    write, read = tracker
    frame = awkward.frame.assign(step=pd.NA).drop(columns="log_l1")
    stepless = Curves(frame, awkward.runs).select(sizes=[20])
    write(stepless, tmp_path / "out")
    same(stepless, read(tmp_path / "out"))


def test_tables_give_back_every_number(awkward, same, tmp_path):
    back = read_table(export_table(awkward, tmp_path / "x.csv"))
    pd.testing.assert_frame_equal(back.frame, awkward.frame, check_exact=True)
    assert list(back.runs["status"]) == list(awkward.runs["status"])
    same(awkward, Curves.read(export_table(awkward, tmp_path / "x.parquet")))
    with pytest.raises(InputError, match=r"ending \.csv or \.parquet, got x\.xlsx"):
        export_table(awkward, tmp_path / "x.xlsx")


def test_the_norm_axis_holds_the_rising_records_alone(awkward):
    first, second, _ = exported(awkward, "spectral_complexity")
    # −0.5, then −0.7 (falls: left out), then 40.1 twice within a thousandth: the later counts
    assert first.against_norm("test/error") == [(-500, 0.9), (40100, 0.3)]
    assert second.against_norm("test/error") == [(100, 0.8)]  # NaN has no place on an axis


@pytest.mark.parametrize("write", [export_tensorboard, export_mlflow, export_wandb])
def test_what_cannot_be_exported_is_said(awkward, tmp_path, write):
    with pytest.raises(InputError, match=r"recorded norm \(l1 or spectral_complexity\), got 'x'"):
        write(awkward, tmp_path, norm="x")
    twice = Curves(awkward.frame.assign(step=3), awkward.runs)
    with pytest.raises(InputError, match="one record a step in run P10-s0-a"):
        write(twice, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("call", "module"),
    [
        (export_tensorboard, "tensorboard.summary.writer.record_writer"),
        (export_mlflow, "mlflow.tracking"),
        (export_wandb, "wandb"),
    ],
)
def test_a_missing_package_names_the_extra(awkward, tmp_path, monkeypatch, call, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'normlaws\[loggers\]'"):
        call(awkward, tmp_path)


def test_imports_without_their_packages_name_the_extra(awkward, tmp_path, monkeypatch):
    export_tensorboard(awkward, tmp_path / "tb")
    (tmp_path / "x.wandb").write_bytes(b"")
    with contextlib.closing(sqlite3.connect(tmp_path / "x.db")) as db:
        for table in ("experiments", "runs", "metrics"):
            db.execute(f"CREATE TABLE {table} (id INTEGER)")
    modules = ("tensorboard.compat.proto.event_pb2", "mlflow.tracking")
    for module in (*modules, "wandb.proto.wandb_internal_pb2"):
        monkeypatch.setitem(sys.modules, module, None)
    for read, source in (
        (read_tensorboard, tmp_path / "tb"),
        (read_mlflow, f"sqlite:///{tmp_path / 'x.db'}"),
        (read_wandb, tmp_path / "x.wandb"),
    ):
        with pytest.raises(MissingExtraError, match=r"normlaws\[loggers\]"):
            read(source)


def test_an_mlruns_folder_is_read_without_mlflow(awkward, same, tmp_path, monkeypatch):
    export_mlflow(awkward, tmp_path)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setitem(sys.modules, "mlflow.tracking", None)
    same(awkward, read_mlflow(tmp_path))


def test_tensorboard_itself_reads_the_norm_axis(awkward, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.compat.proto import types_pb2

    export_tensorboard(awkward, tmp_path)
    found = EventAccumulator(str(tmp_path / "all seeds")).Reload()
    name = "against_norm/spectral_complexity/test/error"
    assert name in found.Tags()["tensors"]
    # in single precision: the reader that is used by default knows no other scalars
    points = [(event.step, event.tensor_proto.float_val[0]) for event in found.Tensors(name)]
    assert points == [(300, np.float32(0.7)), (900_000, np.float32(0.1))]
    assert all(
        event.tensor_proto.dtype == types_pb2.DT_FLOAT
        for tag in ("test/error", "norm/log_spectral_complexity/global")
        for event in found.Tensors(tag)
    )
    summary = found.SummaryMetadata(name)
    assert summary.plugin_data.plugin_name == "scalars"
    assert "1000 ln λ" in summary.summary_description


def test_wandb_writes_below_the_folder_that_we_are_in(awkward, same, tmp_path, monkeypatch):
    export_wandb(awkward, tmp_path / "first")  # starts wandb's process, in another folder
    monkeypatch.chdir(tmp_path)
    export_wandb(awkward, "second")
    same(awkward, read_wandb(tmp_path / "second"))


def test_wandb_is_told_that_the_norm_is_the_axis(awkward, tmp_path):
    from wandb.proto import wandb_internal_pb2

    from normlaws.interop import wandb_file

    (file,) = export_wandb(awkward.select(seeds=[0]), tmp_path)
    found = [wandb_internal_pb2.Record.FromString(data) for data in wandb_file.records(file)]
    axes = {
        record.metric.name: record.metric.step_metric
        for record in found
        if record.WhichOneof("record_type") == "metric"
    }
    assert axes["test/error"] == axes["val/loss"] == "norm/log_spectral_complexity/global"
    assert axes["norm/log_spectral_complexity/global"] == axes["norm/log_l1/global"] == "step"
    assert np.all([file.is_file(), "offline-run-" in file.parent.name])
