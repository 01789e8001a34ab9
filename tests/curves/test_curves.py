from __future__ import annotations

import json
import math
import re

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from normlaws import Curves
from normlaws.errors import CorruptFileError, DataNotFoundError, InputError, NormlawsWarning


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


def cut(path):
    path.write_bytes(path.read_bytes()[:200])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


def exchange(path):
    pd.read_parquet(path).assign(test_error=0.123).to_parquet(path)


DAMAGES = [
    ("curve.parquet", cut),
    ("curve.parquet", flip_a_bit),
    ("curve.parquet", exchange),
    ("curve.parquet", lambda path: path.unlink()),
    ("run.json", lambda path: path.write_text("{", encoding="utf-8")),
]


@pytest.mark.parametrize(("name", "damage"), DAMAGES)
def test_a_damaged_run_is_left_out_of_its_study_and_named(tmp_path, name, damage):
    curves = Curves(frame())
    curves.write(tmp_path)
    damage(tmp_path / "runs" / "a" / name)
    with pytest.warns(NormlawsWarning, match=rf"a run is left out: .*{re.escape(name)}"):
        read = Curves.read(tmp_path)
    same(read, curves.select(sizes=[20]))


@pytest.mark.parametrize(("name", "damage"), DAMAGES)
def test_a_damaged_run_by_itself_is_refused_by_its_file(tmp_path, name, damage):
    Curves(frame()).select(sizes=[10]).write(tmp_path)
    damage(tmp_path / "runs" / "a" / name)
    for path in (tmp_path, tmp_path / "runs" / "a"):
        with pytest.raises(CorruptFileError, match=re.escape(name)):
            Curves.read(path)


def test_a_parquet_file_of_something_else_is_refused(tmp_path):
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(CorruptFileError, match="does not hold curves"):
        Curves.read(tmp_path / "x.parquet")


def stated(**conventions) -> Curves:
    """Two runs, the first of which states how its norms were read."""
    runs = pd.DataFrame({"run": ["a", "b"], "size": [10, 20], "seed": [0, 1]})
    runs["conventions"] = [conventions, {}]
    return Curves(frame(), runs)


def both(first: dict, second: dict) -> Curves:
    left, right = stated(**first).select(sizes=[10]), stated(**second).select(sizes=[10])
    other = Curves(right.frame.assign(run="c"), right.runs.assign(run="c"))
    return Curves.concat([left, other])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("conv", ("flat", "operator")),
        ("definition", ("bartlett", "deep_norm_cnn")),
        ("batch_norm", ("not folded", "folded")),
    ],
)
def test_norms_of_different_conventions_do_not_mix(name, values):
    message = f"got {name} {values[0]} .run a. and {values[1]} .run c.; read and fit them apart"
    with pytest.raises(InputError, match=message):
        both({name: values[0]}, {name: values[1]})
    assert len(both({name: values[0]}, {name: values[0]}).runs) == 2


def test_different_conventions_on_disk_do_not_mix(tmp_path):
    stated(conv="flat").select(sizes=[10]).write(tmp_path / "one")
    runs = stated().runs.assign(settings=[{"conv": "operator"}] * 2).drop(columns="conventions")
    Curves(frame(), runs).select(sizes=[20]).write(tmp_path / "two")
    with pytest.raises(InputError, match="conv flat .run a. and operator .run b."):
        Curves.read(str(tmp_path / "*"))


def test_an_unstated_convention_beside_an_unusual_one_is_said():
    with pytest.warns(NormlawsWarning, match="conv is operator .run a., but run c does not say"):
        both({"conv": "operator"}, {})
    assert len(both({"conv": "flat"}, {}).runs) == 2


def test_different_precision_is_said():
    with pytest.warns(NormlawsWarning, match=r"precision are put together: float32 .* and bf16"):
        both({"precision": "float32"}, {"precision": "bf16"})


def test_a_run_repeated_elsewhere_counts_once_and_a_different_one_is_refused(tmp_path):
    Curves(frame(seconds=[0.0, 1.0, 0.0])).write(tmp_path / "one")
    Curves(frame(seconds=[0.0, 9.0, 0.0])).write(tmp_path / "two")
    assert len(Curves.read(str(tmp_path / "*"))) == 3
    Curves(frame(test_error=[0.9, 0.4, 0.8])).write(tmp_path / "three")
    with pytest.raises(InputError, match=r"different ones for a: in .*one.* and in .*three"):
        Curves.read([tmp_path / "one", tmp_path / "three"])


def test_a_pattern_passes_over_what_holds_no_curves(tmp_path):
    Curves(frame()).write(tmp_path / "one")
    (tmp_path / "report.html").write_text("<p>", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    same(Curves.read(str(tmp_path / "*")), Curves(frame()))
    same(Curves.read(str(tmp_path / "**")), Curves(frame()))
    for nothing in (str(tmp_path / "r*"), tmp_path / "empty", str(tmp_path / "x*")):
        with pytest.raises(DataNotFoundError, match="expected recorded curves at"):
            Curves.read([tmp_path / "one", nothing])
    with pytest.raises(InputError, match="at least one path"):
        Curves.read([])


@pytest.mark.parametrize("run", ["../up", "/root", "a\\b", ".hidden", "", "a\nb", "c:d"])
def test_a_run_id_cannot_leave_the_folder(tmp_path, run):
    curves = Curves(frame().assign(run=[run, run, "b"]))
    with pytest.raises(InputError, match="run id that can name a folder"):
        curves.write(tmp_path / "study")
    assert not list(tmp_path.iterdir())
    same(Curves.read(curves.write(tmp_path / "c.parquet")), curves)


def test_the_card_holds_the_runs_and_escapes_their_names():
    curves = Curves(frame().rename(columns={"log_l1": "log_<b>"}), stated(conv="<i>").runs)
    page = curves._repr_html_()
    assert "<b>" not in page
    assert "<i>" not in page
    assert "log &lt;b&gt;" in page
    assert "Curves: 2 runs, 3 records" in page
    assert "conv &lt;i&gt;" in page
    assert Curves(frame().iloc[:0], curves.runs)._repr_html_().count("<tr>") == 3


def test_defaults_are_what_is_recorded():
    assert Curves(frame()).default_norm() == "l1"
    assert Curves(frame()).default_metric() == "test_error"
    two = Curves(frame(log_frobenius=0.0))
    with pytest.raises(InputError, match="recorded are frobenius or l1"):
        two.default_norm()
    with pytest.raises(InputError, match="a recorded norm"):
        Curves(frame().drop(columns="log_l1")).default_norm()
    only_loss = frame(train_loss=1.0).drop(columns="test_error")
    assert Curves(only_loss).default_metric() == "train_loss"
    with pytest.raises(InputError, match="expected curves with one of"):
        Curves(frame(test_error=np.nan)).default_metric()


def test_plot_draws_every_curve():
    ax = Curves(frame()).plot()
    drawn = {line.get_label(): line.get_xydata() for line in ax.lines}
    np.testing.assert_allclose(drawn["_P=20"], [[math.exp(2.0), 0.8]])
    np.testing.assert_allclose(drawn["_P=10"], [[math.exp(1.0), 0.5]])


@pytest.mark.parametrize(
    "stored",
    [b"{", b"\xff", b"{}", b"[1]", b'[{"run": "a"}]', b'[{"run": "a", "size": "x", "seed": 1}]'],
)
def test_damaged_records_of_a_parquet_file_are_one_sentence(tmp_path, stored):
    path = Curves(frame()).write(tmp_path / "c.parquet")
    table = pq.read_table(path)
    metadata = {**table.schema.metadata, b"normlaws.runs": stored, b"pandas": b"\xff{"}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    with pytest.raises(CorruptFileError, match=r"c\.parquet") as caught:
        Curves.read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", [{"size": "x"}, {"seed": [1]}, {"status": ["a"]}])
def test_a_damaged_record_of_a_run_is_one_sentence(tmp_path, damage):
    Curves(frame()).write(tmp_path)
    victim = tmp_path / "runs" / "b" / "run.json"
    record = json.loads(victim.read_text("utf-8")) | damage
    victim.write_text(json.dumps(record), encoding="utf-8")
    with pytest.warns(NormlawsWarning, match=r"runs/b/curve\.parquet does not hold curves") as said:
        assert Curves.read(tmp_path).sizes == [10]
    assert "\n" not in str(said[0].message)


def test_an_empty_set_of_curves_and_large_seeds_survive(tmp_path):
    empty = Curves(frame()).select(sizes=[])
    assert len(Curves.read(empty.write(tmp_path / "e.parquet")).runs) == 0
    large = Curves(frame(seed=[2**60 + 1, 2**60 + 1, None]))
    same(Curves.read(large.write(tmp_path / "c.parquet")), large)
