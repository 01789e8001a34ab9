"""Options of a training step: augmentation, dropout, schedule, clipping, bf16, compile, epochs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError

from normlaws.errors import InputError
from normlaws.problems import load_data_set
from normlaws.storage.folder import RunFolder
from normlaws.training import Execution, RunSettings, train
from normlaws.training import precision as arithmetic
from normlaws.training.schedule import rate_factor


@pytest.fixture(scope="module")
def digits():
    return load_data_set("digits")


def settings(**changes) -> RunSettings:
    base = {
        "data": {"name": "digits", "validation": 60, "scored_train": 20, "scored_test": 40},
        "model": {"family": "perceptron"},
        "training": {"steps": 12, "batch_size": 16, "records": 4},
        "size": 40,
        "seed": 1,
    }
    return RunSettings.model_validate(base | changes)


def values(run: RunSettings, data, *arguments) -> pd.DataFrame:
    return train(run, *arguments, data=data).frame.drop(columns=["seconds", "run"])


AUGMENTED = {"data": settings().data.model_dump() | {"augment": {"crop": 1, "flip": True}}}
CHANGES = {
    "augmentation": AUGMENTED,
    "dropout": {"model": {"family": "mlp", "hidden": [8], "dropout": 0.3}},
    "convolutions": {"model": {"family": "cnn", "channels": [4, 5]}},
    "momentum": {
        "model": {"family": "cnn", "channels": [4, 5]},
        "optimizer": {"name": "sgd", "momentum": 0.9},
    },
    "batch norm": {"model": {"family": "resnet", "widths": [4, 6], "blocks": [1, 1]}},
    "attention": {"model": {"family": "vit", "patch": 4, "width": 8, "depth": 1, "heads": 2}},
    "cosine": {"optimizer": {"schedule": "cosine", "warmup_steps": 3}},
    "clipping": {"optimizer": {"clip_norm": 0.1}},
    "bf16": {"training": {"steps": 12, "batch_size": 16, "records": 4, "precision": "bf16"}},
    "epochs": {"training": {"epochs": 4.8, "batch_size": 16, "records": 4}},
}


needs_bf16 = pytest.mark.skipif(
    not arithmetic._has_bf16("cpu"), reason="this processor has no bfloat16 arithmetic"
)


def named(*names: str) -> list:
    """Changes by name; bf16 where the processor has it."""
    return [pytest.param(name, marks=needs_bf16 if name == "bf16" else ()) for name in names]


@pytest.mark.parametrize("name", named(*CHANGES))
def test_a_run_interrupted_at_every_step_goes_on_bit_for_bit(name, digits, tmp_path, monkeypatch):
    run = settings(**CHANGES[name])
    undisturbed = values(run, digits)
    assert len(undisturbed) >= 4
    monkeypatch.setattr("normlaws.training.loop.NOTICE_SECONDS", 0.0)
    folder, impatient = RunFolder(tmp_path), Execution(stop=lambda: True)
    for _ in range(run.steps):
        torch.manual_seed(99)  # nothing may hang on the caller's generator
        curves = train(run, folder, impatient, digits)
    assert curves.runs["status"].iloc[0] == "complete"
    result = curves.frame.drop(columns=["seconds", "run"])
    pd.testing.assert_frame_equal(result, undisturbed, check_exact=True)


@pytest.mark.parametrize("name", named("augmentation", "cosine", "clipping", "bf16"))
def test_each_option_changes_the_curve_but_not_its_beginning(name, digits):
    plain, changed = values(settings(), digits), values(settings(**CHANGES[name]), digits)
    assert changed["test_loss"].iloc[-1] != plain["test_loss"].iloc[-1]
    assert changed["log_frobenius"].iloc[0] == plain["log_frobenius"].iloc[0]
    if name != "bf16":
        assert changed["test_loss"].iloc[0] == plain["test_loss"].iloc[0]
    assert settings(**CHANGES[name]).run_id != settings().run_id


def test_only_training_batches_are_augmented(digits):
    """Without a step there is nothing to see of it: the rate is too small to move a weight."""
    still = {"optimizer": {"name": "sgd", "learning_rate": 1e-30}}
    frozen = values(settings(**AUGMENTED, **still), digits)
    assert len({*frozen["train_loss"]}) == len({*frozen["test_loss"]}) == 1
    pd.testing.assert_frame_equal(frozen, values(settings(**still), digits))


def test_sgd_moves_by_at_most_rate_times_schedule_times_clipped_gradient(digits):
    """||w_t - w_0|| is bounded by the sum of the rates times the largest gradient norm."""
    optimizer = {"name": "sgd", "learning_rate": 0.5, "clip_norm": 1e-3, "schedule": "cosine"}
    run = settings(optimizer=optimizer, model={"family": "perceptron", "init_scale": 0.0})
    bound = 0.5 * 1e-3 * np.cumsum([rate_factor(step, 12, "cosine") for step in range(12)])
    norms = np.exp(values(run, digits)["log_frobenius"].to_numpy()[1:])
    steps = values(run, digits)["step"].to_numpy(int)[1:]
    assert (norms <= bound[steps - 1] * (1 + 1e-5)).all()
    assert norms[-1] > 0.5 * bound[-1]  # the gradient hardly turns, and is longer than the bound


@needs_bf16
@pytest.mark.parametrize("network", ["perceptron", "attention"])
def test_bf16_stays_near_float32_and_its_norms_are_of_float32_weights(network, digits):
    model = CHANGES.get(network, {})
    plain = values(settings(**model), digits)
    rounded = values(settings(**model, **CHANGES["bf16"]), digits)
    np.testing.assert_allclose(rounded["test_loss"], plain["test_loss"], rtol=0.02)
    np.testing.assert_allclose(rounded["log_frobenius"], plain["log_frobenius"], atol=0.02)


def test_bf16_is_refused_where_the_device_has_none(digits, monkeypatch):
    monkeypatch.setattr(arithmetic, "_has_bf16", lambda kind: False)
    with pytest.raises(InputError, match="bfloat16 .* but cpu has none; leave precision"):
        train(settings(**CHANGES["bf16"]), data=digits)


def test_compiling_compiles_the_training_step_and_keeps_the_curve(digits, monkeypatch):
    compiled = []

    def compile_eagerly(model):
        compiled.append(model)
        return lambda inputs: model(inputs)

    monkeypatch.setattr(torch, "compile", compile_eagerly)
    training = settings().training.model_dump()
    run = settings(training=training | {"compile": True})
    pd.testing.assert_frame_equal(values(run, digits), values(settings(), digits))
    assert len(compiled) == 1


@pytest.mark.parametrize(
    ("training", "size", "steps"),
    [
        ({"steps": 7}, 1000, 7),
        ({"epochs": 3, "batch_size": 32}, 64, 6),
        ({"epochs": 3, "batch_size": 32}, 65, 7),
        ({"epochs": 5, "batch_size": 128}, 40, 5),
        ({"epochs": 0.5, "batch_size": 10}, 100, 5),
    ],
)
def test_epochs_are_passes_over_the_training_set(training, size, steps):
    assert settings(training=training, size=size).steps == steps


@pytest.mark.parametrize("training", [{}, {"steps": 3, "epochs": 1}, {"epochs": 0}])
def test_a_training_has_one_length(training):
    with pytest.raises(ValidationError, match="steps or epochs|greater than 0"):
        settings(training=training)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.cuda.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_a_run_without_memory_says_what_to_lower_and_lowers_nothing(error, digits, monkeypatch):
    def starve(*arguments):
        raise error

    monkeypatch.setattr("normlaws.training.replica.score", starve)
    with pytest.raises(InputError, match=r"lower training\.batch_size \(16\).*nothing was lowered"):
        train(settings(), data=digits)


def test_another_runtime_error_stays_what_it_is(digits, monkeypatch):
    def break_down(*arguments):
        raise RuntimeError("something else")

    monkeypatch.setattr("normlaws.training.replica.score", break_down)
    with pytest.raises(RuntimeError, match="something else"):
        train(settings(), data=digits)
