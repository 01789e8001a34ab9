from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from normlaws import Curves
from normlaws.errors import CorruptFileError, DataNotFoundError, InputError


def frame(**columns):
    base = {"run": ["a", "a", "b"], "size": [10, 10, 20], "seed": [0, 0, 1], "step": [0, 5, 0]}
    return pd.DataFrame(
        base | {"test_error": [0.9, 0.5, 0.8], "log_l1": [-math.inf, 1.0, 2.0]} | columns
    )


def same(left: Curves, right: Curves) -> None:
    pd.testing.assert_frame_equal(left.frame, right.frame)
    pd.testing.assert_frame_equal(left.runs, right.runs)


def test_columns_are_filled_and_typed():
    curves = Curves(frame())
    assert curves.frame["test_loss"].isna().all()
    assert curves.frame["log_l1"].dtype == np.float64
    assert curves.norms == ["l1"]
    assert curves.metrics == ["test_error"]
    assert curves.sizes == [10, 20]
    assert curves.seeds == [0, 1]
    assert list(curves.runs["status"]) == ["complete", "complete"]


@pytest.mark.parametrize("form", ["curves.parquet", "study"])
def test_round_trip_keeps_every_value_and_record(tmp_path, form):
    runs = pd.DataFrame(
        {
            "run": ["a", "b"],
            "size": [10, 20],
            "seed": [0, 1],
            "status": ["diverged", "failed"],
            "error": ["", "RuntimeError: out of memory"],
            "settings": [{"model": {"channels": [1, 2]}}, {}],
        }
    )
    curves = Curves(frame(), runs)
    curves.write(tmp_path / form)
    same(Curves.read(tmp_path / form), curves)


@given(
    values=st.lists(
        st.tuples(st.floats(0, 1), st.floats(allow_nan=True, allow_infinity=True)), min_size=1
    )
)
@settings(max_examples=20, deadline=None)
def test_round_trip_is_exact_for_any_float(tmp_path_factory, values):
    errors, norms = zip(*values, strict=True)
    count = len(values)
    table = {"run": ["r"] * count, "size": [3] * count, "seed": [None] * count}
    table |= {"step": range(count), "test_error": errors, "log_l1": norms}
    curves = Curves(pd.DataFrame(table))
    path = tmp_path_factory.mktemp("curves") / "c.parquet"
    same(Curves.read(curves.write(path)), curves)


def test_curves_without_seed_have_none(tmp_path):
    curves = Curves(frame(seed=[None] * 3, step=[None] * 3))
    assert curves.seeds == []
    same(Curves.read(curves.write(tmp_path / "c.parquet")), curves)
    assert Curves.read(curves.write(tmp_path / "s")).runs["seed"].isna().all()


def test_reading_several_places_puts_runs_together(tmp_path):
    curves = Curves(frame())
    curves.select(sizes=[10]).write(tmp_path / "one")
    curves.select(sizes=[20]).write(tmp_path / "two")
    same(Curves.read(str(tmp_path / "*")), curves)
    same(Curves.read([tmp_path / "one", tmp_path / "two", tmp_path / "one"]), curves)
    same(Curves.read(tmp_path / "one" / "runs" / "a"), curves.select(seeds=[0]))


def test_one_run_id_means_one_curve():
    other = Curves(frame(test_error=[0.9, 0.4, 0.8]))
    with pytest.raises(InputError, match="one curve per run id, got two different ones for a"):
        Curves.concat([Curves(frame()), other])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"test_error": [90.0, 50.0, 80.0]}, r"fraction in \[0, 1\], got 90; divide percentages"),
        ({"val_error": [0.1, -0.1, 0.1]}, r"fraction in \[0, 1\], got -0.1"),
        ({"test_loss": ["x", "y", "z"]}, "expected numeric columns"),
        ({"size": [10, 11, 20]}, "one size and one seed per run id"),
    ],
)
def test_bad_tables_are_refused(columns, message):
    with pytest.raises(InputError, match=message):
        Curves(frame(**columns))


def test_missing_column_is_named():
    with pytest.raises(InputError, match="but seed is missing"):
        Curves(frame().drop(columns="seed"))


def test_a_run_without_record_is_refused():
    with pytest.raises(InputError, match="expected a record for every run, but b has none"):
        Curves(frame(), pd.DataFrame({"run": ["a"], "size": [10], "seed": [0]}))


def test_unknown_status_lists_the_known():
    runs = pd.DataFrame({"run": ["a", "b"], "size": [10, 20], "seed": [0, 1], "status": "done"})
    with pytest.raises(InputError, match="complete, unfinished, diverged or failed, got 'done'"):
        Curves(frame(), runs)


def test_nothing_recorded_says_what_is_accepted(tmp_path):
    with pytest.raises(DataNotFoundError, match=r"expected recorded curves at .*study folder"):
        Curves.read(tmp_path / "none")


def test_truncated_parquet_names_the_file(tmp_path):
    Curves(frame()).write(tmp_path)
    victim = tmp_path / "runs" / "a" / "curve.parquet"
    victim.write_bytes(victim.read_bytes()[:200])
    with pytest.raises(CorruptFileError, match=r"curve\.parquet"):
        Curves.read(tmp_path)


def test_damaged_record_names_the_file(tmp_path):
    Curves(frame()).write(tmp_path)
    (tmp_path / "runs" / "b" / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(CorruptFileError, match=r"run\.json"):
        Curves.read(tmp_path)


def test_a_parquet_file_of_something_else_is_refused(tmp_path):
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(CorruptFileError, match="does not hold curves"):
        Curves.read(tmp_path / "x.parquet")
