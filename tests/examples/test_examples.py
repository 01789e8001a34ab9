"""Every example runs from nothing to the table of `normlaws fit`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import normlaws as nl

EXAMPLES = Path(__file__).parents[2] / "examples"
STUDIES = {
    "plain_pytorch": ["plain"],
    "lightning_module": ["lightning"],
    "hf_trainer_vit": ["hf"],
    "keras_fit": ["keras"],
    "grid_world": ["grid-world"],
    "local_losses": ["local-losses"],
    "graph_network": ["graph-backpropagation", "graph-predictive_coding"],
}


def test_every_example_is_tested():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(STUDIES)


def test_the_plain_script_has_thirty_lines():
    assert len((EXAMPLES / "plain_pytorch.py").read_text(encoding="utf-8").splitlines()) <= 30


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_example_ends_in_the_laws(name, tmp_path):
    beside = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(Path(nl.__file__).parents[1]),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py"],
        cwd=tmp_path,
        env=os.environ | beside,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tables = done.stdout.split(" against log spectral_complexity")[1:]
    assert len(tables) >= len(STUDIES[name])
    for table in tables:
        symbols = [line.split()[0] for line in table.splitlines() if line.startswith("γ")]
        assert symbols[:4] == ["γ", "γ0", "γ1", "γ2"]
    for study in STUDIES[name]:
        check(nl.Curves.read(tmp_path / "runs" / study))


def check(curves: nl.Curves) -> None:
    """Enough runs for intervals, all complete, and more examples generalise better."""
    assert len(curves.sizes) >= 4
    assert len(curves.seeds) >= 3
    assert set(curves.runs["status"]) == {"complete"}
    best = curves.frame.groupby("size")[curves.default_metric()].min()
    assert best.iloc[-1] < 0.9 * best.iloc[0]
