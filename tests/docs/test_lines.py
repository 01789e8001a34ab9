"""Lines of Markdown are at most 120 characters; tables and printed output may be longer."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 120
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob(".github/**/*.md")])


def long_lines(text: str) -> list[int]:
    """Numbers of the lines that are too long, from 1."""
    found, fence = [], ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fence = "" if fence else line.strip()
        kept = line.lstrip().startswith("|") or fence == "```text"
        if len(line) > LONGEST and not kept:
            found.append(number)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_are_short(page):
    assert long_lines(page.read_text(encoding="utf-8")) == []


def test_what_may_be_longer():
    long = "x" * (LONGEST + 1)
    lines = [long, f"| {long} |", "```text", long, "```", "```bash", long, "```", long]
    assert long_lines("\n".join(lines)) == [1, 7, 9]
