"""Curves from the checkpoints of a finished training, held against the callback's of the same."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch
import transformers
from torch import nn

import normlaws as nl
from normlaws import cli
from normlaws.errors import DataNotFoundError, InputError
from normlaws.norms import measure
from normlaws.tracking.checkpoints import checkpoints, follow
from normlaws.tracking.hf import NormTrackerCallback


def run(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["normlaws", "follow", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """20 checkpoints of a tiny GPT-2 by the Trainer, and the callback's curve."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("trained")
    config = transformers.GPT2Config(
        n_embd=8, n_layer=1, n_head=2, vocab_size=20, n_positions=8, bos_token_id=0, eos_token_id=0
    )
    model = transformers.GPT2LMHeadModel(config)
    tokens = torch.randint(0, 20, (8, 6))
    data = [{"input_ids": row, "labels": row} for row in tokens]
    arguments = transformers.TrainingArguments(
        str(folder / "P8-s3"), max_steps=20, per_device_train_batch_size=4, eval_strategy="steps",
        eval_steps=1, save_steps=1, learning_rate=0.05, report_to=[], use_cpu=True,
        disable_tqdm=True, logging_steps=1,
    )  # fmt: skip
    trainer = transformers.Trainer(model, arguments, train_dataset=data, eval_dataset=data)
    callback = NormTrackerCallback(trainer, folder / "curves", size=8, seed=3, layers=False)
    trainer.add_callback(callback)
    trainer.train()
    return folder


def test_checkpoints_give_the_curve_of_the_callback(trained, tmp_path, monkeypatch, capsys):
    out = tmp_path / "curves.parquet"
    pattern = r"P(?P<size>\d+)-s(?P<seed>\d+)"
    code, said, _ = run(
        monkeypatch, capsys, str(trained / "P8-s3"), "--out", str(out), "--run-pattern", pattern
    )
    assert code == 0
    assert "20" in said
    found, expected = nl.Curves.read(out), nl.Curves.read(trained / "curves")
    assert found.frame["step"].tolist() == list(range(1, 21))
    assert set(found.frame["size"]) == {8}
    assert set(found.frame["seed"]) == {3}
    both = found.frame.merge(expected.frame, on="step", suffixes=("", "_callback"))
    assert len(both) == 20
    for name in ("log_spectral_complexity", "log_spectral_product", "log_l1", "val_loss"):
        np.testing.assert_allclose(both[name], both[f"{name}_callback"], atol=1e-6)


def models(folder, steps, width=4):
    torch.manual_seed(1)
    folder.mkdir(parents=True)
    states = {}
    for step in steps:
        model = nn.Sequential(nn.Linear(width, 5), nn.ReLU(), nn.Linear(5, 2))
        torch.save(
            {"state_dict": model.state_dict()}, folder / f"epoch={step // 10}-step={step}.ckpt"
        )
        states[step] = model
    return states


def test_several_trainings_are_told_apart_and_a_second_call_goes_on(tmp_path):
    first = models(tmp_path / "runs" / "P50-s0", (0, 10, 200))
    models(tmp_path / "runs" / "P100-s1", (0, 10))
    out, pattern = tmp_path / "out.parquet", r"P(?P<size>\d+)-s(?P<seed>\d+)"
    curves = follow([tmp_path / "runs" / "P50-s0"], out, run_pattern=pattern)
    assert curves.frame["step"].tolist() == [0, 10, 200]
    for step, value in zip(curves.frame["step"], curves.frame["log_l1"], strict=True):
        assert value == pytest.approx(measure(first[step]).total["log_l1"], abs=1e-6)
    for file in (tmp_path / "runs" / "P50-s0").iterdir():
        file.write_bytes(b"gone")  # what has been measured is not read again
    both = follow([tmp_path / "runs" / "P*"], out, run_pattern=pattern)
    assert sorted(both.frame["size"].unique()) == [50, 100]
    assert len(both) == 5


def test_losses_come_from_a_table(tmp_path, monkeypatch, capsys):
    models(tmp_path / "one", (0, 10))
    (tmp_path / "log.csv").write_text("step;val_acc;val_loss\n0;0,25;1,5\n10;0,5;1,25\n")
    out = tmp_path / "out.parquet"
    code, _, err = run(
        monkeypatch, capsys, str(tmp_path / "one" / "*.ckpt"), "--out", str(out), "--size", "50",
        "--losses", str(tmp_path / "log.csv"),
    )  # fmt: skip
    assert code == 0, err
    frame = nl.Curves.read(out).frame
    assert frame["val_error"].tolist() == [0.75, 0.5]
    assert frame["val_loss"].tolist() == [1.5, 1.25]


def test_revisions_of_a_cached_repository(tmp_path):
    (tmp_path / "refs").mkdir()
    for step in (1, 512):
        (tmp_path / "refs" / f"step{step}").write_text(f"hash{step}")
        models(tmp_path / "snapshots" / f"hash{step}", (step,))
    found = checkpoints([tmp_path])
    assert [one.step for one in found] == [1, 512]


def test_steps_come_from_the_trainer_state_where_names_tell_none(tmp_path):
    models(tmp_path / "final", (0,))
    (tmp_path / "final" / "epoch=0-step=0.ckpt").rename(tmp_path / "final" / "model.ckpt")
    (tmp_path / "final" / "trainer_state.json").write_text(json.dumps({"global_step": 70}))
    assert checkpoints([tmp_path / "final"])[0].step == 70


def test_mistakes_are_told(tmp_path):
    models(tmp_path / "one", (0,))
    with pytest.raises(InputError, match="expected a size for .*--run-pattern"):
        follow([tmp_path / "one"], tmp_path / "o.parquet")
    with pytest.raises(DataNotFoundError, match="there is nothing"):
        follow([tmp_path / "none"], tmp_path / "o.parquet", size=1)
    models(tmp_path / "wide", (10,), width=7)
    for file in (tmp_path / "wide").iterdir():
        file.rename(tmp_path / "one" / file.name)
    with pytest.raises(InputError, match="checkpoints of one architecture"):
        follow([tmp_path / "one"], tmp_path / "p.parquet", size=1)
