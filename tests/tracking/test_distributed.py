"""Two real processes on this machine against one: the curve must be the same."""

from __future__ import annotations

import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import normlaws as nl

SCRIPT = Path(__file__).with_name("two_processes.py")


def run_two(folder: Path) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    common = {
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(nl.__file__).parents[1]),
    }
    processes = [
        subprocess.Popen(
            [sys.executable, SCRIPT, folder],
            env=os.environ | common | {"RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    run_two(folder)
    return folder


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    script = runpy.run_path(str(SCRIPT))
    folder, model = tmp_path_factory.mktemp("one"), script["made"]()
    track = script["train"](model, folder, slice(None))
    return nl.Curves.read(folder), nl.measure(model).total, track


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ddp", "fsdp2"])
def test_two_processes_write_the_curve_of_one(kind, one, two):
    curve, exact, _ = one
    found = nl.Curves.read(two / kind)
    assert list(found.frame["step"]) == [0, 1, 2, 3, 4, 5, 6]
    assert found.runs["status"].iloc[0] == "complete"
    assert found.runs["hardware"].iloc[0]["processes"] == 2
    columns = ["test_loss", *(f"log_{name}" for name in found.norms)]
    np.testing.assert_allclose(found.frame[columns], curve.frame[columns], rtol=2e-5)
    last = found.frame["log_spectral_complexity"].iloc[-1]
    np.testing.assert_allclose(last, exact["log_spectral_complexity"], rtol=1e-5)


@pytest.mark.slow
def test_layers_have_their_bare_names(one, two):
    names = set((two / "names.txt").read_text(encoding="utf-8").split())
    assert names == set(one[2].scalars())
