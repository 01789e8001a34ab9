"""Runs trained together against the same runs alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from pydantic import TypeAdapter

from normlaws.errors import InputError
from normlaws.problems import ModelSettings, load_data_set
from normlaws.storage.folder import RunFolder
from normlaws.training import Execution, RunSettings, stack_key, train, train_stack
from normlaws.training.stacked import StackedNetwork


@pytest.fixture(scope="module")
def digits():
    return load_data_set("digits")


def settings(**changes) -> RunSettings:
    base = {
        "data": {"name": "digits", "validation": 60, "scored_train": 20, "scored_test": 40},
        "model": {"family": "cnn", "channels": [4, 5], "hidden": [6]},
        "training": {"steps": 40, "batch_size": 16, "records": 6},
        "size": 40,
        "seed": 1,
    }
    return RunSettings.model_validate(base | changes)


def seeds(*numbers: int, **changes) -> list[RunSettings]:
    return [settings(seed=number, **changes) for number in numbers]


def curve(curves, run: RunSettings) -> pd.DataFrame:
    frame = curves.frame[curves.frame["run"] == run.run_id]
    return frame.drop(columns=["seconds", "run"]).reset_index(drop=True)


def assert_close(stacked: pd.DataFrame, alone: pd.DataFrame) -> None:
    """Losses and norms to 1e-4; not one scored example of 20 to 60 is classified otherwise."""
    assert list(stacked) == list(alone)
    for name in alone:
        exact = name.endswith("error") or name in ("step", "epoch", "size", "seed")
        tolerance = {"rtol": 0, "atol": 1e-12} if exact else {"rtol": 1e-4, "atol": 1e-5}
        pair = stacked[name].astype(float), alone[name].astype(float)
        np.testing.assert_allclose(*pair, **tolerance, err_msg=name)


MODELS = {
    "perceptron": {"family": "perceptron"},
    "mlp": {"family": "mlp", "hidden": [8, 7]},
    "cnn": {"family": "cnn", "channels": [4, 5, 3], "pool_every": 2, "hidden": [6]},
    "resnet": {"family": "resnet", "widths": [4, 6], "blocks": [1, 2]},
    "vit": {"family": "vit", "patch": 4, "width": 8, "depth": 2, "heads": 2},
}
CHANGES = {
    **{name: {"model": model} for name, model in MODELS.items()},
    "adamw": {"optimizer": {"name": "adamw", "weight_decay": 0.1}},
    "momentum": {"optimizer": {"name": "sgd", "learning_rate": 0.02, "momentum": 0.9}},
    "schedule": {"optimizer": {"schedule": "cosine", "warmup_steps": 5}},
    "clipping": {"optimizer": {"clip_norm": 0.3}},
    "augmentation": {"data": settings().data.model_dump() | {"augment": {"crop": 1}}},
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_stack_gives_the_curves_of_its_runs_alone(name, digits):
    runs = seeds(3, 0, 7, **CHANGES[name])
    together = train_stack(runs, data=digits)
    assert list(together.runs["run"]) == [run.run_id for run in runs]
    assert set(together.runs["status"]) == {"complete"}
    assert {hardware["stacked"] for hardware in together.runs["hardware"]} == {3}
    for run in runs:
        assert_close(curve(together, run), curve(train(run, data=digits), run))


def test_runs_may_differ_in_scale_rate_decay_and_size(digits):
    optimizer = {"name": "adamw", "learning_rate": 3e-3, "weight_decay": 0.2}
    scaled = settings().model.model_dump() | {"init_scale": 0.7}
    runs = [settings(), settings(model=scaled), settings(optimizer=optimizer | {"name": "adam"})]
    runs += [settings(size=70, seed=2)]
    assert len({stack_key(run) for run in runs}) == 1
    together = train_stack(runs, data=digits)
    for run in runs:
        assert_close(curve(together, run), curve(train(run, data=digits), run))


@pytest.mark.parametrize("name", MODELS)
def test_gradients_equal_those_of_every_replica_in_float64(name):
    family = TypeAdapter(ModelSettings).validate_python(MODELS[name])
    models = [family.build((2, 8, 8), 10, seed).double() for seed in range(3)]
    images = torch.randn(3, 6, 2, 8, 8, dtype=torch.float64)
    labels = torch.randint(0, 10, (3, 6))
    expected = []
    for model, inputs, targets in zip(models, images, labels, strict=True):
        F.cross_entropy(model.train()(inputs), targets).backward()
        expected.append([parameter.grad for parameter in model.parameters()])
    statistics = [{k: v.clone() for k, v in model.named_buffers()} for model in models]
    network = StackedNetwork([family.build((2, 8, 8), 10, seed).double() for seed in range(3)])
    network.train()
    (
        F.cross_entropy(network(images).flatten(0, 1), labels.flatten(), reduction="sum") / 6
    ).backward()
    for index in range(3):
        for stacked, own in zip(network.parameters(), expected[index], strict=True):
            torch.testing.assert_close(stacked.grad[index], own, rtol=1e-10, atol=1e-12)
        for name, buffer in network.layers.named_buffers():
            torch.testing.assert_close(
                buffer[index], statistics[index][name], rtol=1e-10, atol=1e-12
            )


def test_a_run_does_not_depend_on_its_companions(digits):
    """Every replica's products are computed by themselves, whatever the others hold."""
    few, many = seeds(1, 2), seeds(1, 5, 6, 7, 2)
    first, second = train_stack(few, data=digits), train_stack(many, data=digits)
    for run in few:
        pd.testing.assert_frame_equal(curve(first, run), curve(second, run), rtol=1e-6)


def interrupted(runs, folders, data, monkeypatch, looks: int) -> None:
    """Train until the loop has looked up so often, then stop at a checkpoint."""
    remaining = iter(range(looks))
    stop = Execution(stop=lambda: next(remaining, None) is None)
    monkeypatch.setattr("normlaws.training.loop.NOTICE_SECONDS", 0.0)
    train_stack(runs, folders, stop, data) if len(runs) > 1 else train(
        runs[0], folders[0], stop, data
    )


@pytest.mark.parametrize("name", ["resnet", "adamw", "momentum"])
def test_runs_go_on_from_their_checkpoints_alone_or_in_another_stack(
    name, digits, tmp_path, monkeypatch
):
    runs = seeds(1, 2, 3, **CHANGES[name])
    folders = [RunFolder(tmp_path / run.run_id) for run in runs]
    interrupted(runs, folders, digits, monkeypatch, looks=12)
    assert all(folder.checkpoint.exists() for folder in folders)
    interrupted(runs[:1], folders[:1], digits, monkeypatch, looks=7)
    interrupted(runs[1:], folders[1:], digits, monkeypatch, looks=2)
    steps = [folder.read_record()["step"] for folder in folders]
    assert steps == [21, 16, 16]
    together = train_stack(runs, folders, data=digits)
    for run, folder in zip(runs, folders, strict=True):
        assert not folder.checkpoint.exists()
        assert folder.read_record()["status"] == "complete"
        assert_close(curve(together, run), curve(train(run, data=digits), run))


def test_a_stack_interrupted_at_every_step_goes_on_bit_for_bit(digits, tmp_path, monkeypatch):
    runs = seeds(1, 2)
    undisturbed = train_stack(runs, data=digits)
    folders = [RunFolder(tmp_path / run.run_id) for run in runs]
    monkeypatch.setattr("normlaws.training.loop.NOTICE_SECONDS", 0.0)
    for _ in range(40):
        again = train_stack(runs, folders, Execution(stop=lambda: True), digits)
    assert set(again.runs["status"]) == {"complete"}
    for run in runs:
        pd.testing.assert_frame_equal(curve(again, run), curve(undisturbed, run), check_exact=True)


def test_a_run_that_diverges_leaves_and_spoils_no_other(digits, tmp_path):
    wild = settings(seed=2, optimizer={"name": "sgd", "learning_rate": 1e20})
    tame = seeds(1, 3, optimizer={"name": "sgd", "learning_rate": 0.05})
    runs = [tame[0], wild, tame[1]]
    folders = [RunFolder(tmp_path / run.run_id) for run in runs]
    together = train_stack(runs, folders, data=digits)
    assert list(together.runs["status"]) == ["complete", "diverged", "complete"]
    assert [folder.read_record()["status"] for folder in folders] == list(together.runs["status"])
    assert np.isnan(curve(together, wild)["test_loss"].iloc[-1])
    for run in tame:
        assert_close(curve(together, run), curve(train(run, data=digits), run))


def test_seconds_of_the_runs_add_up_to_the_time_that_passed(digits):
    import time

    began = time.monotonic()
    together = train_stack(seeds(1, 2, 3), data=digits)
    passed = time.monotonic() - began
    last = together.frame.groupby("run")["seconds"].last()
    assert last.nunique() == 1
    assert 0 < last.sum() <= passed


UNSTACKABLE = {
    "dropout": {"model": {"family": "mlp", "dropout": 0.1}},
    "custom": {"model": {"family": "custom", "factory": "a:b"}},
    "bf16": {"training": {"steps": 4, "precision": "bf16"}},
    "compile": {"training": {"steps": 4, "compile": True}},
}


@pytest.mark.parametrize("name", UNSTACKABLE)
def test_what_cannot_be_stacked_says_so(name, digits):
    runs = seeds(1, 2, **UNSTACKABLE[name])
    assert stack_key(runs[0]) is None
    with pytest.raises(InputError, match="differ in nothing but seed"):
        train_stack(runs, data=digits)


@pytest.mark.parametrize(
    "other",
    [
        {"size": 8},
        {"training": {"steps": 41, "batch_size": 16, "records": 6}},
        {"optimizer": {"name": "sgd"}},
        {"model": {"family": "mlp"}},
    ],
)
def test_runs_of_other_shape_are_refused(other, digits):
    with pytest.raises(InputError, match="differ in nothing but seed"):
        train_stack([settings(), settings(**other)], data=digits)
