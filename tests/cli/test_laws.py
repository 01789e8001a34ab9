"""The end of a run: laws and report, made again only where something is new."""

from __future__ import annotations

import pytest

import normlaws.report
from normlaws.cli import _laws
from normlaws.laws import plant
from normlaws.storage import provenance
from normlaws.storage.folder import StudyFolder


@pytest.fixture
def unchanged(monkeypatch):
    """Says whether the package counts as unchanged since its commit."""

    def say(unchanged):
        code = {"commit": "1", "uncommitted_changes": not unchanged}
        monkeypatch.setattr(provenance, "code", lambda: code)

    say(True)
    return say


@pytest.fixture
def fits(monkeypatch, tmp_path):
    """One entry for each fit."""
    seen = []

    def fit(*arguments):
        seen.append(arguments)
        return None, "no laws"

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(_laws, "fit_or_reason", fit)
    monkeypatch.setattr(
        normlaws.report, "write_report", lambda curves, laws, path, **_: path.write_text("report")
    )
    return seen


def test_nothing_is_fitted_again_where_nothing_is_new(fits, unchanged, tmp_path, capsys):
    curves = plant(sizes=(100, 200), seeds=1, records=5)
    folder = StudyFolder(curves.write(tmp_path / "s"))
    for _ in range(2):
        _laws.finish(curves, folder, "t")
        assert capsys.readouterr().out.startswith("no laws\nReport: ")
        assert len(fits) == 1
    for harm in (
        lambda: folder.report.write_text("other", encoding="utf-8"),
        lambda: next(_laws.printed().folder.iterdir()).write_bytes(b"x"),
        lambda: folder.run("100-0").write_record({"run": "100-0", "size": 100, "seed": 0}),
        lambda: unchanged(False),
    ):
        before = len(fits)
        harm()
        _laws.finish(curves, folder, "t")
        assert len(fits) == before + 1


def test_another_version_or_another_source_fits_again(fits, tmp_path, monkeypatch):
    code = {"commit": None, "uncommitted_changes": None}  # an installed package
    monkeypatch.setattr(provenance, "code", lambda: code)
    curves = plant(sizes=(100, 200), seeds=1, records=5)
    folder = StudyFolder(curves.write(tmp_path / "s"))
    for _ in range(2):
        _laws.finish(curves, folder, "t")
    assert len(fits) == 1
    monkeypatch.setattr(provenance, "versions", lambda: {"normlaws": "another"})
    _laws.finish(curves, folder, "t")
    monkeypatch.setattr(provenance, "_newest_source", lambda: 1)
    _laws.finish(curves, folder, "t")
    assert len(fits) == 3
