"""The page on reading the report: its code runs, and it explains what the report shows."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "report.md"


def test_the_python_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("normlaws.report.html._DPI", 40)
    monkeypatch.setattr("normlaws.report.page.embed", lambda axes: "data:image/png;base64,AA==")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    exec(compile(code, str(PAGE), "exec"), {})
    assert (tmp_path / "report.html").exists()
    assert (tmp_path / "error-against-norm.svg").exists()
    assert len(list((tmp_path / "figures").iterdir())) == 16


def test_every_exponent_of_the_table_is_explained():
    from normlaws.report.law_tables import _MEANINGS

    text = PAGE.read_text(encoding="utf-8")
    for _, symbol, _ in _MEANINGS:
        assert f"| {symbol} |" in text
