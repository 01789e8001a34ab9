"""The commands behind the numbers: each script of each page starts and knows its options."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = re.compile(r"python ((?:docs/scripts|benchmarks|examples)/\w+\.py)([^`\n]*)")
QUICK = ["benchmarks/equality.py", "--preset", "digits-mlp", "--steps", "20", "--seeds", "2"]


def named() -> dict[str, set[str]]:
    """Script -> options that some page gives it."""
    found: dict[str, set[str]] = {}
    for page in PAGES:
        for script, rest in COMMAND.findall(page.read_text(encoding="utf-8")):
            found.setdefault(script, set()).update(re.findall(r"--[a-z][\w-]*", rest))
    return found


def run(*command: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def options_of(monkeypatch, capsys):
    """What a script says of its options: it runs in this process, where torch is loaded once.

    A script finds its neighbours (`norms.py`), not the packages of tests that bear their names.
    """
    neighbours: set[str] = set()

    def ask(script: str) -> str:
        folder = (ROOT / script).parent
        monkeypatch.syspath_prepend(str(folder))
        neighbours.update(path.stem for path in folder.glob("*.py"))
        for name in neighbours:
            monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.setattr(sys, "argv", [script, "--help"])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(ROOT / script), run_name="__main__")
        assert end.value.code in (0, None)
        return capsys.readouterr().out

    threads = torch.get_num_threads()
    yield ask
    torch.set_num_threads(threads)
    for name in neighbours:
        sys.modules.pop(name, None)


@pytest.mark.parametrize(("script", "options"), named().items())
def test_a_script_that_a_page_names_has_the_options_of_the_page(script, options, options_of):
    text = (ROOT / script).read_text(encoding="utf-8")
    if "argparse" in text:
        text = options_of(script)
    assert {option for option in options if option not in text} == set()


@pytest.mark.slow
def test_a_quick_one_prints_its_table():
    lines = run(*QUICK).strip().splitlines()
    assert [line.split("  ")[0] for line in lines[2:]] == [
        "in a stack",
        "two threads",
        "weights x (1 + 1e-7)",
        "another seed",
    ]
    alike, other = (float(line.split()[-1]) for line in (lines[2], lines[-1]))
    assert alike < 1e-4 < other


@pytest.mark.slow
def test_the_accelerators_script_runs_on_any_machine(tmp_path):
    out = tmp_path / "gpu.parquet"
    said = run("benchmarks/gpu.py", "--device", "cpu", "--tiny", "--out", str(out))
    assert "γ" in said
    assert set(pd.read_parquet(out)["part"]) == {"norms", "training", "panel"}
