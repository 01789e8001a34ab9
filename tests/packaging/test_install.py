"""The wheel in an empty environment, and every extra on its own.

``features/EXTRA.py`` or ``features/EXTRA_….py`` uses what the extra brings. It must run where the
extra is installed, and must end with an error that names the extra where it is not.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parent / "features").glob("*.py"))
EXTRAS = sorted({path.stem.partition("_")[0] for path in SCRIPTS})
SCALE = 0.2


def extras(base) -> list[str]:
    code = "from importlib.metadata import metadata; print(*metadata('normlaws').get_all('{}'))"
    asked = code.format("Provides-Extra")
    return base.run("python", "-c", asked, cwd=base.root).split()


def test_a_table_is_forecast_and_reported_without_extras(base, tmp_path):
    base.run("pip", "check", cwd=tmp_path)
    assert not has_torch(base)
    rows = [f"{size},{100 * (1 - 3 * size**-0.4):.1f}" for size in (500, 1000, 2000, 4000, 8000)]
    (tmp_path / "final.csv").write_text("\n".join(["n_train,acc", *rows]))
    said = base.run("normlaws", "forecast", "final.csv", "--size", 64000, cwd=tmp_path)
    assert "64,000" in said
    base.run("normlaws", "report", "final.csv", cwd=tmp_path)
    assert (tmp_path / "final.html").exists()
    refused = base.run("normlaws", "run", "digits-cnn", cwd=tmp_path, ok=False)
    assert "pip install 'normlaws[torch]'" in refused


def test_a_study_runs_from_start_to_report_with_torch_alone(with_torch, tmp_path):
    command = ("-m", "normlaws", "run", "digits-cnn", "--scale", SCALE)
    said = with_torch.run("python", *command, cwd=tmp_path)
    assert "γ1" in said
    assert (tmp_path / f"runs/digits-cnn-scale-{SCALE}/report.html").exists()


def has_torch(environment) -> bool:
    code = "from importlib.util import find_spec; print(find_spec('torch') is not None)"
    return environment.run("python", "-c", code, cwd=environment.root).strip() == "True"


def scripts_of(extra: str) -> list[Path]:
    return [path for path in SCRIPTS if path.stem.partition("_")[0] == extra]


def test_every_extra_is_tried(base):
    assert set(extras(base)) - {"all", "docs", "test"} == set(EXTRAS)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_missing_extra_is_named(below, script, tmp_path):
    extra = script.stem.partition("_")[0]
    said = below(extra)[-1].run("python", script, cwd=tmp_path, ok=False)
    assert f"pip install 'normlaws[{extra}]'" in said.splitlines()[-1]


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_alone_brings_its_feature(with_extra, torch_free, extra, tmp_path):
    environment = with_extra(extra)
    environment.run("pip", "check", cwd=tmp_path)
    assert has_torch(environment) == (extra not in torch_free)
    for script in scripts_of(extra):
        environment.run("python", script, cwd=tmp_path)


def test_all_brings_every_feature(with_extra, tmp_path):
    environment = with_extra("all")
    environment.run("pip", "check", cwd=tmp_path)
    for script in SCRIPTS:
        environment.run("python", script, cwd=tmp_path)


def test_docs_build_from_the_sdist_with_the_extra_docs_alone(with_extra, sdist, tmp_path):
    environment = with_extra("docs")
    tree = unpacked(sdist, tmp_path)
    environment.run("mkdocs", "build", "--strict", "--quiet", cwd=tree)
    assert (tree / "site/index.html").exists()


def test_tests_run_from_the_sdist_with_the_extra_test_alone(with_extra, sdist, tmp_path):
    environment = with_extra("test")
    tree = unpacked(sdist, tmp_path)
    environment.run("pytest", "--collect-only", "-q", cwd=tree)
    environment.run("pytest", "-q", "tests/curves", "tests/test_imports.py", cwd=tree)


def unpacked(sdist: Path, where: Path) -> Path:
    shutil.unpack_archive(sdist, where)
    return where / sdist.name.removesuffix(".tar.gz")
