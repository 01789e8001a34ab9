"""The site builds without a warning, needs no network, and documents every public name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zlib
from importlib import import_module
from pathlib import Path

import pytest

import normlaws
from normlaws.display.exponents import EXPONENTS

ROOT = Path(__file__).resolve().parents[2]
REMOTE = re.compile(r"""<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=["'](https?:)?//[^>]*>""")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The built site; ``strict: true`` in mkdocs.yml makes warnings failures."""
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", out]
    here = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    answer = subprocess.run(
        command, cwd=ROOT, env=here, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return out


def test_no_page_loads_anything_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        found = REMOTE.search(page.read_text(encoding="utf-8"))
        assert not (found and "canonical" not in found[0]), f"{page}: {found and found[0]}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(https?:)?//", sheet.read_text(encoding="utf-8"))


def test_formulas_are_mathml(site):
    page = (site / "perceptron/index.html").read_text(encoding="utf-8")
    assert page.count("<math") > 50
    assert 'class="arithmatex"' not in page
    assert "𝔼" in page
    assert 'mathvariant="double-struck"' not in page


def test_names_of_presets_and_options_are_kept_in_one_line(site):
    page = (site / "presets/index.html").read_text(encoding="utf-8")
    assert '<code class="name">mnist-vit</code>' in page
    page = (site / "explore/index.html").read_text(encoding="utf-8")
    assert '<code class="name">--resamples</code>' in page
    assert "<code>--port</code>" not in page


def test_every_public_name_is_documented(site):
    _, _, _, _, packed = (site / "objects.inv").read_bytes().split(b"\n", 4)
    known = {line.split(" ")[0] for line in zlib.decompress(packed).decode().splitlines()}
    rooms = [name for name in normlaws.__all__ if name in normlaws._ROOMS]
    wanted = {f"normlaws.{name}" for name in normlaws.__all__}
    for room in rooms:
        module = import_module(f"normlaws.{room}")
        wanted |= {f"normlaws.{room}.{name}" for name in module.__all__}
    missing = wanted - known
    behind = {f"{name}.{name.rpartition('.')[2]}": name for name in missing}  # as laws.plant.plant
    assert missing == {name for spelled, name in behind.items() if spelled in known}


def test_every_verb_has_its_help_on_the_page_of_commands(site):
    from normlaws.cli import _add_verbs, app

    _add_verbs()
    page = (site / "commands/index.html").read_text(encoding="utf-8")
    for command in app.registered_commands:
        assert f"Usage: normlaws {command.name or command.callback.__name__} [OPTIONS]" in page


def test_every_page_is_in_the_navigation():
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    for page in (ROOT / "docs").rglob("*.md"):
        assert str(page.relative_to(ROOT / "docs")) in nav


def test_every_exponent_of_the_report_is_explained():
    text = (ROOT / "docs/report.md").read_text(encoding="utf-8")
    for exponent in EXPONENTS.values():
        assert f"| {exponent.typeset} |" in text
