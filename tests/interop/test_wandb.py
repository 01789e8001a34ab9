"""Histories as Weights & Biases exports them, and damaged offline runs."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from normlaws.errors import CorruptFileError, DataNotFoundError, InputError, NormlawsWarning
from normlaws.interop import ColumnMap, Identity, export_wandb, read_wandb

HISTORY = pd.DataFrame(
    {
        "_step": [0, 1, 2, 3],
        "_runtime": [0.1, 0.2, 0.3, 0.4],
        "trainer/global_step": [0, 0, 50, 50],
        "norm/log_spectral_complexity/global": [1.0, np.nan, 3.0, np.nan],
        "val/acc": [np.nan, 0.5, np.nan, 0.75],
        "val/loss": [np.nan, "NaN", np.nan, "Infinity"],
        "image": [{"_type": "image"}, None, None, None],
        "note": ["a", "b", "c", "d"],
    }
)


def write(path, frame=HISTORY):
    if path.suffix == ".jsonl":
        rows = (json.dumps(row) for row in frame.to_dict("records"))
        path.write_text("\n".join(rows), encoding="utf-8")
    elif path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.drop(columns="val/loss").to_parquet(path)


def understood(curves):
    """The joined rows of the history above."""
    assert list(curves.frame["step"]) == [0, 50]
    np.testing.assert_array_equal(curves.frame["log_spectral_complexity"], [1.0, 3.0])
    np.testing.assert_array_equal(curves.frame["val_error"], [0.5, 0.25])


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize("beside", ["fast-sun-3.config.json", "fast-sun-3.json"])
def test_a_history_with_its_configuration(tmp_path, ending, beside):
    write(tmp_path / f"fast-sun-3.{ending}")
    config = {"data": {"n": 100}, "seed": 7}
    (tmp_path / beside).write_text(json.dumps(config), encoding="utf-8")
    curves = read_wandb(tmp_path, identity=Identity("data.n"))
    understood(curves)
    assert (curves.sizes, curves.seeds) == ([100], [7])
    assert list(curves.runs["run"]) == ["fast-sun-3"]


@pytest.mark.parametrize("form", ["json", "csv"])
def test_one_table_of_many_runs_with_configurations_apart(tmp_path, form):
    both = pd.concat([HISTORY.assign(Name=name) for name in ("sun", "moon")])
    write(tmp_path / "history.csv", both)
    configs = tmp_path / f"configs.{form}"
    if form == "json":
        known = {"sun": {"size": 10, "seed": 0}, "moon": {"size": 20, "seed": 0}}
        configs.write_text(json.dumps(known), encoding="utf-8")
    else:
        table = {"Name": ["sun", "moon"], "State": "finished", "size": [10, 20], "seed": [0, 0]}
        pd.DataFrame(table).to_csv(configs, index=False)
    curves = read_wandb(tmp_path / "history.csv", configs=configs)
    assert curves.sizes == [10, 20]
    assert list(curves.runs["run"]) == ["sun", "moon"]
    understood(curves.select(sizes=[20]))


def test_charts_of_several_metrics_are_put_together(tmp_path):
    for metric, values in (("val/loss", [2.0, 1.0]), ("norm/log_l1/global", [0.0, 5.0])):
        table = {"Step": [0, 8]}
        for name in ("P10-s0 - x", "P20-s0"):
            table |= {f"{name} - {metric}": values, f"{name} - {metric}__MIN": values}
        pd.DataFrame(table).to_csv(tmp_path / f"{metric.replace('/', '_')}.csv", index=False)
    curves = read_wandb(tmp_path)
    assert list(curves.runs["run"]) == ["P10-s0 - x", "P20-s0"]
    np.testing.assert_array_equal(curves.frame["log_l1"], [0, 5, 0, 5])
    np.testing.assert_array_equal(curves.frame["val_loss"], [2, 1, 2, 1])


def test_a_chart_against_time_is_refused(tmp_path):
    frame = pd.DataFrame({"Relative Time": [0.5], "P10-s0 - val/loss": [1.0]})
    frame.to_csv(tmp_path / "chart.csv", index=False)
    with pytest.raises(CorruptFileError, match="export the chart with Step as its x-axis"):
        read_wandb(tmp_path / "chart.csv")


def test_the_step_can_be_named(tmp_path):
    write(tmp_path / "P5-s0.csv")
    with pytest.warns(NormlawsWarning, match="never recorded a norm and an error at one step"):
        curves = read_wandb(tmp_path / "P5-s0.csv", ColumnMap({"step": "_step"}))
    assert list(curves.frame["step"]) == [0, 1, 2, 3]
    with pytest.raises(InputError, match=r"expected a column iteration in .*P5-s0\.csv; it has"):
        read_wandb(tmp_path, ColumnMap({"step": "iteration"}))


def test_infinity_and_nan_are_kept_from_lines(tmp_path):
    write(tmp_path / "P5-s0.jsonl")
    frame = read_wandb(tmp_path).frame
    assert np.isnan(frame["val_loss"][0])
    assert np.isinf(frame["val_loss"][1])


def test_nothing_there_says_what_is_accepted(tmp_path):
    with pytest.raises(DataNotFoundError, match=r"accepted are \.wandb files, and histories"):
        read_wandb(tmp_path)
    with pytest.raises(DataNotFoundError, match="there is none"):
        read_wandb(tmp_path / "x.wandb")
    write(tmp_path / "P5-s0.csv")
    with pytest.raises(DataNotFoundError, match="expected configurations at"):
        read_wandb(tmp_path, configs=tmp_path / "c.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [("[1]", "JSON object"), ("{", "JSON object"), ('{"a": 1}', "run name: configuration")],
)
def test_damaged_configurations_name_the_file(tmp_path, content, message):
    write(tmp_path / "P5-s0.csv")
    configs = tmp_path / "c.json"
    configs.write_text(content, encoding="utf-8")
    with pytest.raises(CorruptFileError, match=message):
        read_wandb(tmp_path / "P5-s0.csv", configs=configs)


@pytest.fixture(scope="module")
def offline(awkward, tmp_path_factory):
    """The bytes of a run that wandb wrote."""
    (file,) = export_wandb(awkward.select(seeds=[0]), tmp_path_factory.mktemp("wandb"))
    return file.read_bytes()


def test_a_killed_offline_run_is_read_up_to_its_cut(offline, tmp_path):
    (tmp_path / "x.wandb").write_bytes(offline[: len(offline) - 50])
    with pytest.warns(NormlawsWarning, match=r"x\.wandb ends within a record"):
        assert len(read_wandb(tmp_path)) == 4


@pytest.mark.parametrize("place", [2, 8, 11, 200])
def test_a_damaged_offline_run_names_the_file(offline, tmp_path, place):
    content = bytearray(offline)
    content[place] ^= 1
    (tmp_path / "x.wandb").write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"Weights & Biases run at .*x\.wandb"):
        read_wandb(tmp_path)


def test_a_record_over_several_blocks_is_put_together(awkward, same, tmp_path):
    runs = awkward.runs.assign(settings=[{"text": "x" * 100_000}, {}, {}])
    long = type(awkward)(awkward.frame, runs).select(seeds=[0])
    export_wandb(long, tmp_path)
    same(long, read_wandb(tmp_path))
