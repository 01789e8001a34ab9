"""``normlaws explore``: what it refuses, and in which words."""

from __future__ import annotations

import sys

import pytest

from normlaws import cli
from normlaws.laws import plant


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["normlaws", "explore", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        said = capsys.readouterr()
        return stopped.value.code, said.out.strip(), said.err.strip()

    return call


@pytest.fixture
def curves(tmp_path):
    return plant(sizes=(100, 200), seeds=1, records=9).write(tmp_path / "mine.parquet")


def test_what_is_not_there_is_refused_in_one_line(run, tmp_path):
    status, out, err = run(tmp_path / "nothing", "--no-browser")
    assert (status, out) == (2, "")
    assert err.startswith("normlaws: expected recorded curves")
    assert "\n" not in err


def test_a_file_of_something_else_is_refused_in_one_line(run, tmp_path):
    (tmp_path / "notes.parquet").write_text("no curves")
    status, _, err = run(tmp_path / "notes.parquet", "--no-browser")
    assert status == 2
    assert "expected a Parquet file" in err
    assert "\n" not in err


def test_another_host_is_refused(run, curves):
    status, _, err = run(curves, "--host", "0.0.0.0", "--no-browser")
    assert status == 2
    assert "expected the host 127.0.0.1, got '0.0.0.0'" in err


def test_the_missing_extra_is_named(run, curves, monkeypatch):
    monkeypatch.delitem(sys.modules, "normlaws.explore.app", raising=False)
    monkeypatch.setitem(sys.modules, "dash", None)
    status, _, err = run(curves, "--no-browser")
    assert status == 2
    assert "pip install 'normlaws[explore]'" in err


def test_the_address_is_printed_and_an_interrupt_ends_it(run, curves, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("werkzeug.serving.ThreadedWSGIServer.serve_forever", interrupted)
    status, out, _ = run(curves, "--no-browser")
    assert status == 130
    assert out.startswith("http://127.0.0.1:")
