"""``normlaws report``: what it reads, what it writes, what it says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from normlaws import cli
from normlaws.cli.report import default_target, default_title
from normlaws.laws import plant


@pytest.fixture(scope="module")
def curves():
    return plant(sizes=(100, 200, 400, 800), seeds=2, records=20)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Figures are drawn, small, and not rendered into the page; tests/report does that."""
    monkeypatch.setattr("normlaws.report.page.embed", lambda axes: "data:image/png;base64,AA==")
    monkeypatch.setattr("normlaws.report.html._DPI", 40)


def report(*arguments, monkeypatch, capsys) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["normlaws", "report", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    said = capsys.readouterr()
    return stopped.value.code or 0, said.out.strip(), said.err.strip()


@pytest.fixture
def run(monkeypatch, capsys):
    return lambda *arguments: report(*arguments, monkeypatch=monkeypatch, capsys=capsys)


def test_study_folder_gets_its_report_inside(run, curves, tmp_path):
    curves.write(tmp_path / "digits")
    status, out, err = run(tmp_path / "digits")
    target = tmp_path / "digits" / "report.html"
    assert (status, out, err) == (0, str(target), "")
    page = target.read_text(encoding="utf-8")
    assert "Norm-based scaling laws: digits" in page
    assert "Exponents of the two laws" in page


def test_parquet_file_gets_its_report_beside_it(run, curves, tmp_path):
    curves.write(tmp_path / "mine.parquet")
    status, out, _ = run(tmp_path / "mine.parquet")
    assert status == 0
    assert out == str(tmp_path / "mine.html")


@pytest.mark.slow
def test_out_title_and_figures_are_obeyed(run, curves, tmp_path):
    curves.write(tmp_path / "mine.parquet")
    out, folder = tmp_path / "a" / "b.html", tmp_path / "figures"
    status, said, _ = run(
        tmp_path / "mine.parquet", "--out", out, "--title", "A <title>", "--figures", folder
    )
    assert status == 0
    assert "<h1>A &lt;title&gt;</h1>" in out.read_text(encoding="utf-8")
    assert {str(path) for path in folder.iterdir()} < set(said.splitlines())
    assert (folder / "error-against-norm.pdf").exists()


def test_unfinished_study_of_one_size_still_gets_a_report(run, curves, tmp_path):
    one = curves.select(sizes=[100], seeds=[0])
    one.runs["status"] = "unfinished"
    one.write(tmp_path / "study")
    status, _, err = run(tmp_path / "study")
    assert (status, err) == (0, "")
    page = (tmp_path / "study" / "report.html").read_text(encoding="utf-8")
    assert "The laws could not be fitted" in page
    assert "Runs that did not complete" in page


@pytest.mark.parametrize(
    ("option", "message"),
    [(("--norm", "fisher"), "got 'fisher'"), (("--metric", "val_loss"), "got 'val_loss'")],
)
def test_what_was_not_recorded_is_refused_in_one_line(run, curves, tmp_path, option, message):
    curves.write(tmp_path / "mine.parquet")
    status, out, err = run(tmp_path / "mine.parquet", *option)
    assert (status, out) == (2, "")
    assert message in err
    assert "\n" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.parquet"]


def test_missing_path_is_refused(run, tmp_path):
    status, _, err = run(tmp_path / "nothing")
    assert status == 2
    assert "expected recorded curves" in err


@pytest.mark.parametrize(
    ("paths", "target"),
    [
        (["study"], "study/report.html"),
        (["one.parquet"], "one.html"),
        (["study", "one.parquet"], "report.html"),
        (["stu*"], "report.html"),
    ],
)
def test_a_report_of_several_paths_belongs_to_none(tmp_path, monkeypatch, paths, target):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study").mkdir()
    (tmp_path / "one.parquet").touch()
    assert default_target(paths) == Path(target)
    assert "Norm-based scaling laws" in default_title(paths)
