"""Exports write to this machine: no host is looked up, and none is connected to."""

from __future__ import annotations

import os
import subprocess
import sys

import pandas as pd
import pytest

from normlaws import Curves
from normlaws.errors import DataNotFoundError, InputError
from normlaws.interop import export_mlflow, read_mlflow

BLOCKED = """
import socket, sys

def refuse(*arguments, **named):
    print("asked:", arguments, file=sys.stderr, flush=True)
    raise OSError("blocked")

def local(connect):
    def guarded(self, address):
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            refuse(address)
        return connect(self, address)
    return guarded

real = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **named: (
    real(host, *rest, **named) if host in ("127.0.0.1", "localhost", "") else refuse(host)
)
socket.socket.connect = local(socket.socket.connect)
socket.socket.connect_ex = local(socket.socket.connect_ex)

from normlaws.cli import main
stored, folder = sys.argv[1:]
for target in ("mlflow", "wandb"):
    sys.argv = ["normlaws", "export", stored, "--to", target, "--out", f"{folder}/{target}"]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
"""
BY_TESTS = ("PYTEST_CURRENT_TEST", "PYTEST_VERSION", "CI", "GITHUB_ACTIONS", "DO_NOT_TRACK")


@pytest.fixture
def curves():
    table = {"run": "a", "size": 100, "seed": 0, "step": [0, 1, 2], "test_error": [0.9, 0.5, 0.4]}
    return Curves(pd.DataFrame(table | {"log_l1": [0.0, 1.0, 2.0]}))


def test_an_export_asks_no_other_machine(curves, tmp_path):
    stored = curves.write(tmp_path / "curves.parquet")
    silent = {name: value for name, value in os.environ.items() if name not in BY_TESTS}
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, str(stored), str(tmp_path / "out")],
        env=silent | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "asked:" not in done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"mlflow", "wandb"}


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "http://[::1", "http://x:notaport"])
def test_an_address_without_a_server_is_said_at_once(curves, uri):
    with pytest.raises(InputError, match="expected "):
        read_mlflow(uri)
    with pytest.raises(InputError, match="expected "):
        export_mlflow(curves, uri)


def test_a_database_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(DataNotFoundError, match="MLflow database"):
        read_mlflow(f"sqlite:///{tmp_path}/none.db")
    assert not list(tmp_path.iterdir())
