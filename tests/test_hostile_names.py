"""Names and texts that mean something to a terminal, a table, a formula or a file system."""

from __future__ import annotations

import os
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

import normlaws as nl
from normlaws import Curves
from normlaws.cli import main
from normlaws.cli._output import print_table
from normlaws.errors import CorruptFileError, InputError, NormlawsError, printable
from normlaws.interop import export_table, read_table
from normlaws.laws import plant
from normlaws.report import write_report


@pytest.fixture
def command(capfd, monkeypatch):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["normlaws", *map(str, arguments)])
        monkeypatch.setattr("warnings.showwarning", lambda *_, **__: None)
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return end.value.code, out, err

    return run


def test_brackets_in_tables_are_text(capsys):
    print_table("a[/b]", ["[red]"], [["in_proj_weight[query]"], ["\x1b[2Jgone"], ["[/x]"]])
    shown = capsys.readouterr().out
    for text in ("a[/b]", "[red]", "in_proj_weight[query]", "\\x1b[2Jgone", "[/x]"):
        assert text in shown


@pytest.mark.filterwarnings("ignore")
def test_names_of_tensors_do_not_steer_the_terminal(command, tmp_path):
    save_file({"\x1b[31m[/b].weight": torch.ones(3, 2)}, tmp_path / "a.safetensors")
    status, out, err = command("measure", tmp_path / "a.safetensors")
    assert status in (0, None)
    assert "\\x1b[31m[/b]" in out
    assert "\x1b" not in out + err


def test_a_path_that_is_no_utf8(command, tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.safetensors")
    status, _, err = command("measure", path)
    assert status == 2
    assert "\\udcff" in err


def test_links_in_circles(command, tmp_path):
    for name in ("a.csv", "a.safetensors", "a"):
        (tmp_path / name).symlink_to(tmp_path / name)
    for arguments in (
        ("import", "table", tmp_path / "a.csv", "--out", tmp_path / "o.parquet"),
        ("measure", tmp_path / "a.safetensors"),
        ("fit", tmp_path / "a"),
        ("import", "tensorboard", tmp_path / "a", "--out", tmp_path / "o.parquet"),
    ):
        status, _, err = command(*arguments)
        assert status == 2
        assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("name", ["..", ".", ".hidden", "a/b", ""])
def test_a_study_does_not_name_another_folder(name):
    with pytest.raises(InputError):
        nl.Study.load({"extends": "digits-cnn", "name": name})


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "9" * 5000, "a = 1e999999"])
def test_toml_that_parsers_trip_over(tmp_path, text):
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(NormlawsError):
        nl.Study.load(tmp_path / "a.toml")


def test_a_formula_as_the_name_of_a_norm(tmp_path):
    planted = plant(sizes=(100, 200, 400), seeds=2, records=15)
    name = "$\\frac{$"
    curves = Curves(
        planted.frame.rename(columns={"log_spectral_complexity": f"log_{name}"}), planted.runs
    )
    curves.plot(norm=name).figure.canvas.draw()
    plt.close("all")
    write_report(curves, None, tmp_path / "r.html", norm=name, metric="test_error")


def test_columns_that_steer_a_terminal_are_refused(tmp_path):
    frame = pd.DataFrame(
        {"run": ["a"], "size": [1], "seed": [0], "step": [0], "log_\x1b[2J": [0.0]}
    )
    with pytest.raises(InputError, match="control characters"):
        Curves(frame)


def test_text_in_a_csv_begins_no_formula(tmp_path):
    run = "=HYPERLINK(1)"
    frame = {
        "run": run,
        "size": 1,
        "seed": 0,
        "step": [0, 1],
        "test_error": 0.5,
        "log_l1": [-1.5, 2],
    }
    export_table(Curves(pd.DataFrame(frame)), tmp_path / "a.csv")
    text = (tmp_path / "a.csv").read_text()
    assert f"\n'{run}," in text
    assert ",-1.5," in text
    assert list(read_table(tmp_path / "a.csv").frame["log_l1"]) == [-1.5, 2.0]


def test_text_that_is_no_utf8_in_parquet(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    bad = pa.array([b"\xff\xfe"]).cast(pa.binary())
    text = pa.StringArray.from_buffers(1, bad.buffers()[1], bad.buffers()[2])
    zero = pa.array([0])
    table = pa.table({"run": text, "size": zero, "seed": zero, "step": zero, "test_error": zero})
    pq.write_table(table, tmp_path / "a.parquet")
    for read in (Curves.read, read_table):
        with pytest.raises(CorruptFileError):
            read(tmp_path / "a.parquet")


def test_whole_numbers_beyond_64_bits(tmp_path):
    (tmp_path / "runs/a").mkdir(parents=True)
    (tmp_path / "runs/a/run.json").write_text(f'{{"size": 10, "seed": {10**40}}}')
    with pytest.raises(NormlawsError):
        Curves.read(tmp_path)


def test_printable_keeps_what_is_text():
    text = "γ₀ · λ — “é” \u00a0\u2009 [b]"
    assert printable(text) == text
    assert printable("\x1b\x07\u202e\udcff\r") == "\\x1b\\x07\\u202e\\udcff\\r"
    assert np.all([printable(one) == one for one in ("\n", "\t")])
