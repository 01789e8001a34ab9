"""What verbs print on a terminal of 80 columns and into a pipe: nothing cut, nothing too wide."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner

from normlaws.cli import _add_verbs, _output, app
from normlaws.cli.import_ import importer
from normlaws.curves import Curves
from normlaws.laws.plant import plant
from normlaws.studies.inherit import preset_files
from normlaws.theory import solved_studies

_add_verbs()
LAYERS = [f"base_model.model.model.layers.{at}.self_attn.q_proj" for at in (0, 10)]


def invoke(*words: object) -> str:
    answer = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


@pytest.fixture
def narrow(monkeypatch):
    """The same verb on a terminal of 80 columns."""

    def run(*words: object) -> str:
        with monkeypatch.context() as patched:
            patched.setattr(_output, "width", lambda stream=None: 80)
            return invoke(*words)

    return run


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> dict[str, Path]:
    """A study, two tables, weights, a training's checkpoints, a small study to run."""
    folder = tmp_path_factory.mktemp("places")
    random = np.random.default_rng(0)
    study = folder / "study.parquet"
    plant(sizes=[64, 128, 256, 512], seeds=2, records=30).write(study)
    sizes = 1000 * 2 ** np.arange(6)
    final = folder / "final.csv"
    names = ("a-network-of-a-long-name", "another-network-of-a-long-name")
    rows = [
        {"model": name, "n_train": size, "error": (3 + at) * size ** -(0.3 + 0.1 * at)}
        for at, name in enumerate(names)
        for size in sizes
    ]
    pd.DataFrame(rows).to_csv(final, index=False)
    weights = folder / "weights.safetensors"
    layer = random.normal(size=(6, 5)).astype(np.float32)
    save_file({f"{name}.weight": layer for name in LAYERS}, weights)
    losses = folder / "losses.csv"
    grid = [(n, d) for n in (1e7, 3e7, 1e8, 3e8) for d in (1e9, 3e9, 1e10, 3e10)]
    pd.DataFrame(
        [{"params": n, "tokens": d, "loss": 1.7 + 400 / n**0.34 + 410 / d**0.28} for n, d in grid]
    ).to_csv(losses, index=False)
    unfinished = plant(sizes=[64, 128, 256, 512], seeds=2, records=30)
    runs = unfinished.runs.copy()
    runs.loc[runs["size"] == 512, "status"] = "unfinished"
    cut = (unfinished.frame["size"] < 512) | (unfinished.frame["step"] < 200)
    going = Curves(unfinished.frame[cut], runs).write(folder / "going.parquet")
    trained = folder / "a-training-of-a-long-name"
    for step in (1, 2):
        place = trained / f"checkpoint-{step}"
        place.mkdir(parents=True)
        save_file({f"{name}.weight": step * layer for name in LAYERS}, place / "model.safetensors")
    history = [{"step": step, "eval_loss": 1 / step, "eval_accuracy": 0.5} for step in (1, 2)]
    (place / "trainer_state.json").write_text(json.dumps({"log_history": history}))
    long = pd.read_parquet(study)
    long.to_csv(folder / "wandb-history.csv", index=False)
    toml = folder / "small.toml"
    toml.write_text(STUDY)
    return {
        "study": study, "final": final, "weights": weights, "losses": losses, "going": going,
        "trained": trained, "history": folder / "wandb-history.csv", "small": toml,
    }  # fmt: skip


STUDY = """
name = "a-small-study-of-a-long-name"
sizes = [16, 32]
seeds = 1
[data]
name = "digits"
validation = 100
[model]
family = "mlp"
hidden = [8]
[training]
steps = 20
batch_size = 16
records = 5
"""
TRACKERS = ("csv", "parquet", "tensorboard", "mlflow", "wandb")
VERBS = {
    "presets": ["presets"],
    "run": ["run", "small", "--out", "ran"],
    "fit": ["fit", "study", "--resamples", 20],
    "fit of groups": ["fit", "final", "--group", "model"],
    "forecast": ["forecast", "study", "--size", 200_000, "--error", 0.01, "--resamples", 20],
    "forecast of groups": ["forecast", "final", "--group", "model", "--size", 64_000],
    "plan": ["plan", "study", "--resamples", 20],
    "measure": ["measure", "weights"],
    "collapse": ["collapse", "study", "--floor", 0, "--resamples", 10],
    "surface": ["surface", "losses", "--resamples", 5],
    "theory": ["theory", "--alpha", 5, "--norm", 3],
    "theory of another model": ["theory", "--model", "random-features", "--set", "size=100"],
    "forecast of ends": ["forecast", "going", "--along", "step", "--resamples", 10],
    "plan of sizes": ["plan", "--sizes", "100,200,400,800", "--seeds", 3],
    "report": ["report", "final", "--group", "model", "--out", "models.html"],
    "explore": ["explore", "study", "--no-browser"],
    "follow": ["follow", "trained", "--size", 100, "--out", "followed.parquet"],
    **{f"export to {to}": ["export", "study", "--to", to, "--out", f"o.{to}"] for to in TRACKERS},
    "import table": ["import", "table", "final", "--out", "i.parquet"],
    "import wandb": ["import", "wandb", "history", "--out", "i.parquet"],
    "import mlflow": [
        "import",
        "mlflow",
        "o.mlflow",
        "--experiment",
        "normlaws",
        "--out",
        "i.parquet",
    ],
    "import tensorboard": ["import", "tensorboard", "o.tensorboard", "--out", "i.parquet"],
    "import deep-norm": ["import", "deep-norm", "published", "--out", "i.parquet"],
}


def test_every_verb_is_here():
    verbs = {verb.name or verb.callback.__name__ for verb in app.registered_commands}
    kinds = {f"import {kind.name}" for kind in importer.registered_commands}
    assert verbs <= {words[0] for words in VERBS.values()}
    assert kinds <= set(VERBS)


def written_at(_curves, _laws, path: Path, **_) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("the report", encoding="utf-8")


@pytest.fixture
def found(verb, places, monkeypatch, request):
    """The words of a verb, called where the places lie: no folder's name makes a line long."""
    monkeypatch.chdir(places["study"].parent)
    monkeypatch.setattr("normlaws.report.page.embed", lambda axes: "data:image/png;base64,AA==")
    monkeypatch.setattr("normlaws.report.write_report", written_at)
    monkeypatch.setattr("normlaws.studies.Study.run", lambda *_, **__: Curves.read(places["study"]))
    monkeypatch.setattr("normlaws.explore.serve", lambda *_, say, **__: say("http://127.0.0.1:1/"))
    written = [Path("offline-run-of-a-long-name/run.wandb")]
    monkeypatch.setattr("normlaws.interop.export.export_wandb", lambda *_, **__: written)
    named = {name: path.name for name, path in places.items()}
    if "published" in VERBS[verb]:
        named["published"] = request.getfixturevalue("deep_norm") / "CNN_MNIST.npy"
    kind = verb.removeprefix("import ")
    if kind in ("mlflow", "tensorboard") and not Path(f"o.{kind}").exists():
        invoke("export", named["study"], "--to", kind, "--out", f"o.{kind}")
    return [named.get(str(word), word) for word in VERBS[verb]]


@pytest.mark.parametrize("verb", VERBS)
def test_nothing_is_cut_at_80_columns(verb, found, narrow):
    again = ("--name", "again") if verb == "export to mlflow" else ()  # no run is written twice
    piped, shown = invoke(*found), narrow(*found, *again)
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown.replace(" … ", "")
    left_out = "no room for" in shown
    pieces = {piece for word in piped.split() for piece in re.split(r"(?<=[a-z])[-_./]", word)}
    lost = {piece for piece in pieces if piece.strip("─") and piece not in shown}
    assert not lost or left_out, lost


@pytest.mark.parametrize("wide", [True, False])
def test_names_are_whole(wide, places, narrow):
    run = invoke if wide else narrow
    listed = run("presets").split()
    assert set(listed) >= {*preset_files(), *solved_studies()}
    assert set(run("measure", places["weights"]).split()) >= set(LAYERS)


def test_a_pipe_has_every_column(places):
    assert "no room" not in invoke("presets") + invoke("measure", places["weights"])
    assert max(map(len, invoke("presets").splitlines())) > 80


def test_a_real_terminal_is_recognised():
    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": "80", "TERM": "xterm"}
    command = [sys.executable, "-m", "normlaws", "presets"]
    with subprocess.Popen(command, stdout=theirs, env=environment) as process:
        os.close(theirs)
        said = b""
        while True:
            try:
                part = os.read(ours, 65_536)
            except OSError:
                break
            if not part:
                break
            said += part
    os.close(ours)
    assert process.returncode == 0
    lines = re.sub(r"\x1b\[[0-9;]*m", "", said.decode()).splitlines()
    assert 60 < max(map(len, lines)) <= 80
    assert set(preset_files()) <= {line.split()[0] for line in lines if line.strip()}
