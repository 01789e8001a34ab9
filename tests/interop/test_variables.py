"""Any scale variable, variables of runs, columns of text, and runs that have no name."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest

from normlaws.curves import Curves
from normlaws.errors import InputError, NormlawsWarning
from normlaws.interop import read_table


def _table(**columns) -> pd.DataFrame:
    return pd.DataFrame({"step": [0, 1, 2] * 2, "loss": [3.0, 2, 1, 4, 3, 2]} | columns)


def _read(tmp_path, frame, columns, quiet=True):
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error" if quiet else "default", NormlawsWarning)
        return read_table(path, columns)


def test_fractional_sizes_are_kept_and_named(tmp_path):
    frame = _table(params=[190.354] * 3 + [371.25] * 3)
    curves = _read(tmp_path, frame, {"size": "params", "test_loss": "loss"})
    assert curves.sizes == [190.354, 371.25]
    assert curves.scale == "params"
    assert "params [190.354, 371.25]" in repr(curves)
    for place in ("one.parquet", "folder"):
        again = Curves.read(curves.write(tmp_path / place))
        assert again.sizes == curves.sizes
        assert again.scale == "params"


def test_whole_sizes_stay_whole_numbers_of_training_examples(tmp_path):
    frame = _table(n_train=[10.0] * 3 + [20.0] * 3)
    curves = _read(tmp_path, frame, {"size": "n_train", "test_loss": "loss"})
    assert curves.sizes == [10, 20]
    assert all(isinstance(size, int) for size in curves.sizes)
    assert curves.scale == "size"
    assert str(curves.frame["size"].dtype) == "int64"


def test_variables_of_runs_are_kept(tmp_path):
    frame = _table(
        size=[10] * 3 + [20] * 3, lr=[0.1] * 3 + [0.2] * 3, rate=[1.0, 2, 3] * 2,
        schedule=["cosine"] * 3 + ["wsd"] * 3, note=["a", "b", "c"] * 2,
    )  # fmt: skip
    with pytest.warns(NormlawsWarning, match=r"text in .*: note ignored"):
        curves = _read(tmp_path, frame, {"test_loss": "loss"}, quiet=False)
    assert list(curves.runs["lr"]) == [0.1, 0.2]
    assert list(curves.runs["schedule"]) == ["cosine", "wsd"]
    assert "rate" not in curves.runs
    assert {"lr", "rate"} <= set(curves.frame)
    assert not {"schedule", "note"} & set(curves.frame)
    assert curves.select(schedule=["wsd"]).sizes == [20]
    with pytest.raises(InputError, match="variable of the runs"):
        curves.select(colour=["red"])


def test_runs_of_one_size_and_different_horizons_are_told_apart(tmp_path):
    frame = _table(size=[10] * 6, tokens_planned=[2.0] * 3 + [5.0] * 3)
    curves = _read(tmp_path, frame, {"test_loss": "loss"})
    assert len(curves.runs) == 2
    assert set(curves.runs["tokens_planned"]) == {2.0, 5.0}


def test_runs_that_nothing_tells_apart_begin_where_the_step_does(tmp_path):
    with pytest.warns(NormlawsWarning, match="a new run begins"):
        curves = _read(tmp_path, _table(size=[10] * 6), {"test_loss": "loss"}, quiet=False)
    assert curves.frame.groupby("run").size().tolist() == [3, 3]


def test_progress_variables_are_no_norms(tmp_path):
    frame = _table(size=[10] * 3 + [20] * 3, pflop=[0.0, 1, 2] * 2)
    curves = _read(tmp_path, frame, {"test_loss": "loss", "compute": "pflop"})
    assert curves.norms == []
    assert list(curves.frame["compute"]) == [0, 1, 2] * 2


def test_curves_of_different_scale_variables_do_not_mix(tmp_path):
    first = _read(tmp_path, _table(params=[1] * 3 + [2] * 3), {"size": "params"})
    second = _read(tmp_path, _table(size=[3] * 3 + [4] * 3), {})
    with pytest.raises(InputError, match="counts one thing"):
        Curves.concat([first, second])
