"""Tables of one's own become curves through a column map."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from normlaws.errors import CorruptFileError, DataNotFoundError, InputError, NormlawsWarning
from normlaws.interop import ColumnMap, Identity, read_table

FRAME = pd.DataFrame(
    {
        "n_train": [10, 10, 20, 20],
        "rep": [0, 0, 1, 1],
        "err": [0.5, 0.4, 0.3, 0.2],
        "R": [1.0, 2, 1, 4],
    }
)
MAP = {"size": "n_train", "seed": "rep", "test_error": "err", "spectral_complexity": "R"}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_columns_are_mapped_and_norms_logged(tmp_path, ending):
    path = tmp_path / f"mine.{ending}"
    FRAME.to_csv(path, index=False) if ending == "csv" else FRAME.to_parquet(path)
    curves = read_table(path, MAP)
    assert curves.sizes == [10, 20]
    assert curves.seeds == [0, 1]
    assert curves.norms == ["spectral_complexity"]
    np.testing.assert_allclose(curves.frame["log_spectral_complexity"], np.log(FRAME["R"]))
    np.testing.assert_array_equal(curves.frame["test_error"], FRAME["err"])


@pytest.mark.parametrize("ending", ["tsv", "json", "jsonl"])
def test_other_files_hold_what_a_csv_holds(tmp_path, ending):
    frame = FRAME.assign(note=["a,b", "a,b", "007", "007"])
    frame.to_csv(tmp_path / "mine.csv", index=False)
    path = tmp_path / f"mine.{ending}"
    if ending == "tsv":
        frame.to_csv(path, index=False, sep="\t")
    else:
        frame.to_json(path, orient="records", lines=ending == "jsonl")
    one, other = read_table(tmp_path / "mine.csv", MAP), read_table(path, MAP)
    pd.testing.assert_frame_equal(one.frame, other.frame)
    assert list(other.runs["note"]) == ["a,b", "007"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "no list of objects"),
        ("[1, 2]", "no list of objects"),
        ('[{"size": 1}, {"size": [1, 2]}]', "object 2 is not flat: 'size'"),
        ('[{"size": {"n": 1}}]', "object 1 is not flat"),
        ("[" * 100_000, r"a\.json"),
        ('[{"size": 1', r"a\.json"),
    ],
)
def test_json_that_is_no_table_is_one_sentence(tmp_path, content, message):
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    with pytest.raises(CorruptFileError, match=message) as caught:
        read_table(tmp_path / "a.json")
    assert "\n" not in str(caught.value)


def test_seed_and_step_may_be_absent(tmp_path):
    path = tmp_path / "mine.csv"
    FRAME.drop(columns="rep").to_csv(path, index=False)
    curves = read_table(path, {name: source for name, source in MAP.items() if name != "seed"})
    assert curves.seeds == []
    assert len(curves.runs) == 2


def test_bad_tables_are_named(tmp_path):
    path = tmp_path / "mine.csv"
    FRAME.to_csv(path, index=False)
    with pytest.raises(InputError, match="column named 'N'"):
        read_table(path, {"size": "N"})
    with pytest.raises(InputError, match="column size"):
        read_table(path)
    FRAME.assign(run="a", status="complete").to_csv(tmp_path / "named.csv", index=False)
    with pytest.raises(InputError, match="column size"):
        read_table(tmp_path / "named.csv")
    with pytest.raises(InputError, match=r"ending \.csv, \.tsv, \.parquet, \.jsonl or \.json"):
        read_table(tmp_path / "mine.xlsx")
    with pytest.raises(DataNotFoundError, match="there is none"):
        read_table(tmp_path / "absent.csv")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    with pytest.raises(CorruptFileError, match=r"cut\.parquet"):
        read_table(tmp_path / "cut.parquet")
    FRAME.assign(R=-1.0).to_csv(path, index=False)
    with pytest.raises(InputError, match="0 or more"):
        read_table(path, MAP)


def test_the_index_of_a_csv_is_no_column(tmp_path):
    FRAME.to_csv(tmp_path / "mine.csv")
    curves = read_table(tmp_path / "mine.csv", MAP)
    assert curves.norms == ["spectral_complexity"]
    assert "" not in curves.frame


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_every_float_is_read_exactly(tmp_path, ending):
    rng = np.random.default_rng(0)
    values = [*rng.standard_normal(500) * 10.0 ** rng.integers(-9, 9, 500), np.nan]
    values += [np.inf, -np.inf]
    frame = pd.DataFrame({"run": "007", "size": 5, "step": range(503), "log_l1": values})
    path = tmp_path / f"x.{ending}"
    if ending == "csv":
        frame.to_csv(path, index=False)
    else:
        rows = (json.dumps(row) for row in frame.to_dict("records"))
        path.write_text("\n".join(rows), encoding="utf-8")
    curves = read_table(path)
    np.testing.assert_array_equal(curves.frame["log_l1"], values)
    assert list(curves.runs["run"]) == ["007"]


def test_accuracies_and_percentages_are_converted_when_said(tmp_path):
    path = tmp_path / "mine.csv"
    FRAME.assign(acc=[50.0, 60, 70, 80], err=[50.0, 40, 30, 20]).to_csv(path, index=False)
    named = MAP | {"val_accuracy": "acc"}
    curves = read_table(path, ColumnMap(named, ("val_accuracy", "test_error")))
    np.testing.assert_allclose(curves.frame["val_error"], [0.5, 0.4, 0.3, 0.2])
    np.testing.assert_allclose(curves.frame["test_error"], [0.5, 0.4, 0.3, 0.2])
    with pytest.raises(InputError, match=r"val_accuracy as a fraction .* --percent val_accuracy"):
        read_table(path, named)
    with pytest.raises(InputError, match="percent of train_error"):
        read_table(path, ColumnMap(MAP, ("loss",)))
    with pytest.raises(InputError, match="expected a column train_error"):
        read_table(path, ColumnMap(MAP, ("train_error",)))


def test_sizes_and_seeds_can_stand_in_the_run_names(tmp_path):
    path = tmp_path / "mine.csv"
    names = [f"cnn_n={n}_rep{seed}" for n, seed in zip(FRAME["n_train"], FRAME["rep"], strict=True)]
    table = FRAME.assign(run=names, test_error=FRAME["err"]).drop(columns=["n_train", "rep", "err"])
    table.to_csv(path, index=False)
    curves = read_table(path, identity=Identity(run_pattern=r"n=(?P<size>\d+)_rep(?P<seed>\d+)"))
    assert curves.sizes == [10, 20]
    assert curves.seeds == [0, 1]
    with pytest.raises(InputError, match="expected a run name with a size"):
        read_table(path, identity=Identity(run_pattern=r"N(?P<size>\d+)"))
    for bad, message in (("(", "regular expression"), (r"(\d+)", "pattern with a group")):
        with pytest.raises(InputError, match=message):
            read_table(path, identity=Identity(run_pattern=bad))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe\x00", r"a\.jsonl"),
        (b"[1]\n", "line 1 holds no JSON object"),
        (b"{", r"a\.jsonl"),
        (b"[" * 100_000, r"a\.jsonl"),
    ],
)
def test_damaged_lines_are_one_sentence(tmp_path, content, message):
    (tmp_path / "a.jsonl").write_bytes(content)
    with pytest.raises(CorruptFileError, match=message) as caught:
        read_table(tmp_path / "a.jsonl")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"a,b\n1\n", b"\xff\xfe,\x00\n\x80,1\n"])
def test_damaged_csv_is_one_sentence(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises((CorruptFileError, InputError), match=r"a\.csv") as caught:
        read_table(tmp_path / "a.csv")
    assert "\n" not in str(caught.value)


ROWS = [("a", 100, 0, 0.5, 1.0), ("a", 100, 10, 0.4, 2.0), ("a", 100, 20, 0.3, 3.0)]
NAMES = ["run", "size", "step", "test_error", "log_l1"]


def test_rows_are_sorted_and_joined_by_step(tmp_path):
    whole = pd.DataFrame(ROWS, columns=NAMES)
    apart = pd.concat([whole.drop(columns="log_l1"), whole.drop(columns="test_error")])
    apart.sample(frac=1, random_state=1).to_csv(tmp_path / "t.csv", index=False)
    frame = read_table(tmp_path / "t.csv").frame
    assert frame[["step", "test_error", "log_l1"]].to_numpy().tolist() == [
        [0, 0.5, 1.0], [10, 0.4, 2.0], [20, 0.3, 3.0],
    ]  # fmt: skip


def test_of_two_values_at_one_step_the_later_counts(tmp_path):
    pd.DataFrame([*ROWS, ("a", 100, 10, 0.1, 2.0)], columns=NAMES).to_csv(
        tmp_path / "t.csv", index=False
    )
    with pytest.warns(NormlawsWarning, match="different values at 1 steps of a run; the last row"):
        frame = read_table(tmp_path / "t.csv").frame
    assert frame["test_error"].tolist() == [0.5, 0.1, 0.3]


@pytest.mark.parametrize(
    "how", [{"sep": ";", "decimal": ","}, {"sep": "\t"}, {"decimal": ",", "quoting": 1}]
)
def test_other_separators_and_decimal_commas(how, tmp_path):
    pd.DataFrame(ROWS, columns=NAMES).to_csv(tmp_path / "t.csv", index=False, **how)
    frame = read_table(tmp_path / "t.csv").frame
    assert frame["test_error"].tolist() == [0.5, 0.4, 0.3]
    assert frame["log_l1"].tolist() == [1.0, 2.0, 3.0]


LIGHTNING = """epoch,log_l1,step,train_loss_epoch,train_loss_step,val_acc,val_loss,size
0,1.1,3,,1.3,,,64
0,1.2,7,,1.2,,,64
0,,7,,,0.5,1.1,64
0,,7,1.25,,,,64
1,1.3,11,,1.1,,,64
1,1.4,15,,1.0,,,64
1,,15,,,0.75,0.9,64
1,,15,1.05,,,,64
"""


def test_train_and_validation_rows_of_lightning_are_one_run(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text(LIGHTNING, encoding="utf-8")
    with pytest.warns(NormlawsWarning, match="train_loss = train_loss_epoch"):
        curves = read_table(path, guess=True)
    assert len(curves.runs) == 1
    frame = curves.frame.set_index("step")
    assert list(frame.index) == [3, 7, 11, 15]
    rows = frame.loc[[7, 15], ["epoch", "val_loss", "val_error", "train_loss", "log_l1"]]
    expected = [[0, 1.1, 0.5, 1.25, 1.2], [1, 0.9, 0.25, 1.05, 1.4]]
    np.testing.assert_allclose(rows.to_numpy(float), expected)
    assert frame.loc[3, "train_loss"] != frame.loc[3, "train_loss"]


def test_norms_that_lightning_logs_at_other_steps_are_said(tmp_path):
    path = tmp_path / "metrics.csv"
    moved = LIGHTNING.replace("1.2,7", "1.2,6").replace("1.4,15", "1.4,14")
    path.write_text(moved.replace("val_acc", "val_error"), encoding="utf-8")
    with pytest.warns(NormlawsWarning, match="never recorded a norm and an error at one step"):
        read_table(path)


def test_rows_that_contradict_each_other_are_still_told_apart_by_their_label(tmp_path):
    rows = [(100, step, rate, 0.5 - rate, 1.0) for rate in (0.1, 0.2) for step in range(12)]
    frame = pd.DataFrame(rows, columns=["size", "step", "rate", "test_error", "log_l1"])
    frame.loc[0, "log_l1"] = np.nan
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert len(read_table(tmp_path / "t.csv").runs) == 2


def test_a_quote_that_is_never_closed_loses_no_rows_silently(tmp_path):
    rows = "".join(f"r0,100,0,{step},0.5,1\n" for step in range(100_000))  # several blocks
    path = tmp_path / "t.csv"
    path.write_text('run,size,seed,step,test_error,log_l1\n"' + rows, encoding="utf-8")
    with pytest.raises(CorruptFileError, match="a quote may be open"):
        read_table(path)


def test_columns_of_one_name_and_too_many_are_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("size,step,log_l1,log_l1\n100,0,1,2\n", encoding="utf-8")
    with pytest.raises(CorruptFileError, match="two columns 'log_l1'"):
        read_table(path)
    names = ",".join(f"c{index}" for index in range(2001))
    path.write_text(f"size,step,{names}\n1,0{',1' * 2001}\n", encoding="utf-8")
    with pytest.raises(InputError, match="at most 2,000 columns"):
        read_table(path)
