"""What the wheel and the sdist hold."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import normlaws

ROOT = Path(__file__).resolve().parents[2]


def names(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_sdist_builds_the_wheel_that_the_tree_builds(wheel, tmp_path):
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, ROOT]
    subprocess.run(command, check=True)
    (direct,) = tmp_path.glob("*.whl")
    assert direct.name == wheel.name
    assert direct.read_bytes() == wheel.read_bytes()


def test_the_wheel_holds_all_of_the_package_and_nothing_else(wheel):
    source = ROOT / "src"
    tracked = {
        str(path.relative_to(source))
        for path in (source / "normlaws").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in names(wheel) if ".dist-info/" not in name}
    assert packed == tracked
    assert {"normlaws/py.typed", "normlaws/report/templates/page.html"} <= packed
    assert "normlaws/studies/presets/digits-cnn.toml" in packed


def test_the_version_comes_from_one_place(wheel, sdist):
    assert wheel.name.split("-")[1] == normlaws.__version__
    assert sdist.name == f"normlaws-{normlaws.__version__}.tar.gz"


def test_the_sdist_holds_what_tests_and_docs_need(sdist):
    top = sdist.name.removesuffix(".tar.gz")
    with tarfile.open(sdist) as packed:
        held = {name.removeprefix(f"{top}/") for name in packed.getnames()}
    answer = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    left_out = {name for name in answer.stdout.split("\n") if name} - held
    of_the_host = {name for name in left_out if name.startswith((".ci/", ".github/", ".pre-"))}
    assert left_out == of_the_host
