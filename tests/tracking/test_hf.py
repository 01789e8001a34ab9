"""The real Trainer trains a real small transformer, built from its configuration."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from transformers import Trainer, TrainerCallback, TrainingArguments, ViTConfig
from transformers import ViTForImageClassification as ViT

import normlaws as nl
from normlaws.tracking.hf import NormTrackerCallback

CONFIG = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "image_size": 8,
    "patch_size": 4,
    "num_channels": 1,
    "num_labels": 2,
}


def images(count: int):
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(count, 1, 8, 8, generator=generator)
    labels = (pixels.mean((1, 2, 3)) > 0).long()
    return [{"pixel_values": x, "labels": y} for x, y in zip(pixels, labels, strict=True)]


def accuracy(predicted):
    return {"accuracy": float((predicted.predictions.argmax(1) == predicted.label_ids).mean())}


class Heard(TrainerCallback):
    """Stands where the integrations of wandb and others stand."""

    def __init__(self):
        self.logs = []

    def on_log(self, args, state, control, logs=None, **kwargs):
        self.logs.append((state.global_step, dict(logs)))


def vit() -> ViT:
    return ViT(ViTConfig(**CONFIG))


def make(folder, build=vit, **arguments) -> Trainer:
    torch.manual_seed(0)
    defaults = {
        "output_dir": str(folder / "trainer"),
        "num_train_epochs": 2,
        "per_device_train_batch_size": 8,
        "eval_strategy": "epoch",
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "disable_tqdm": True,
        "seed": 0,
    }
    return Trainer(
        build(),
        TrainingArguments(**defaults | arguments),
        train_dataset=images(40),
        eval_dataset=images(16),
        compute_metrics=accuracy,
        callbacks=[Heard()],
    )


def heard(trainer: Trainer) -> list:
    return next(c for c in trainer.callback_handler.callbacks if isinstance(c, Heard)).logs


def test_evaluations_become_the_curve_and_norms_reach_the_loggers(tmp_path):
    trainer = make(tmp_path)
    trainer.add_callback(NormTrackerCallback(trainer, tmp_path / "runs", size=40, steps=[2, 5]))
    trainer.train()
    curves = nl.Curves.read(tmp_path / "runs")
    assert list(curves.frame["step"]) == [5, 10]
    assert list(curves.frame["epoch"]) == [1, 2]
    assert curves.frame[["val_loss", "val_error"]].notna().all(axis=None)
    assert curves.runs["status"].iloc[0] == "complete"
    exact = nl.measure(trainer.model)
    last = curves.frame.iloc[-1]
    assert last["log_l1"] == pytest.approx(exact.total["log_l1"], abs=1e-6)
    name = "norm/log_spectral_product/"
    steps = [step for step, logs in heard(trainer) if f"{name}global" in logs]
    assert sorted(set(steps)) == [0, 2, 5, 10]
    logs = next(logs for _, logs in heard(trainer) if f"{name}global" in logs)
    assert {f"{name}{layer}" for layer in exact.layers["name"]} <= set(logs)
    assert any(f"{name}global" in entry for entry in trainer.state.log_history)


def test_the_trainer_is_asked_to_evaluate_at_the_due_steps(tmp_path):
    halves = {"gradient_accumulation_steps": 2, "per_device_train_batch_size": 5}
    trainer = make(tmp_path, eval_strategy="no", **halves)
    callback = NormTrackerCallback(
        trainer,
        tmp_path / "runs",
        size=40,
        evaluate="trainer",
        growth=2,
        metrics={"test_error": "1 - eval_accuracy", "test_loss": "eval_loss"},
    )
    trainer.add_callback(callback)
    trainer.train()
    frame = nl.Curves.read(tmp_path / "runs").frame
    assert list(frame["step"]) == [0, 1, 2, 4, 8]
    evaluated = {
        entry["step"]: entry["eval_accuracy"]
        for entry in trainer.state.log_history
        if "eval_accuracy" in entry
    }
    np.testing.assert_allclose(
        frame["test_error"], [1 - evaluated[step] for step in frame["step"]], atol=1e-12
    )


def test_an_evaluation_of_ones_own(tmp_path):
    trainer = make(tmp_path, eval_strategy="no")
    callback = NormTrackerCallback(
        trainer, tmp_path / "runs", size=40, evaluate=lambda _: {"test_error": 0.5}, growth=3
    )
    trainer.add_callback(callback)
    trainer.train()
    assert list(nl.Curves.read(tmp_path / "runs").frame["step"]) == [0, 1, 3, 9, 10]


class Net(nn.Module):
    """Whose checkpoints the Trainer reads back under the names that it wrote."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.ReLU(), nn.Linear(9, 2))

    def forward(self, pixel_values, labels):
        logits = self.net(pixel_values)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def test_a_training_resumed_from_a_checkpoint_continues_its_curve(tmp_path):
    class Boom(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == 8:
                raise RuntimeError("boom")

    saved = {"eval_strategy": "steps", "eval_steps": 2, "save_strategy": "steps", "save_steps": 4}

    def run(name, *callbacks, resume=False):
        trainer = make(tmp_path, Net, **saved)
        trainer.add_callback(NormTrackerCallback(trainer, tmp_path / name, size=40))
        for callback in callbacks:
            trainer.add_callback(callback)
        trainer.train(resume_from_checkpoint=resume)
        return nl.Curves.read(tmp_path / name)

    with pytest.raises(RuntimeError, match="boom"):
        run("a", Boom())
    before = nl.Curves.read(tmp_path / "a")
    assert before.runs["status"].iloc[0] == "unfinished"
    resumed = run("a", resume=str(tmp_path / "trainer" / "checkpoint-4"))
    whole = run("b")
    assert list(resumed.frame["step"]) == list(whole.frame["step"]) == [2, 4, 6, 8, 10]
    np.testing.assert_allclose(resumed.frame["log_l1"], whole.frame["log_l1"], rtol=1e-6)


def test_a_complete_run_is_kept_and_not_trained_again(tmp_path):
    for _ in range(2):
        trainer = make(tmp_path)
        options = {"size": 40, "evaluate": "trainer", "if_complete": "skip"}
        trainer.add_callback(NormTrackerCallback(trainer, tmp_path / "runs", **options))
        trainer.train()
    assert trainer.state.global_step == 1
    assert nl.Curves.read(tmp_path / "runs").frame["step"].iloc[-1] == 10
