from __future__ import annotations

import math
from random import Random

import numpy as np
import pandas as pd
import pytest
import torch

from normlaws.errors import CorruptFileError, NormlawsWarning
from normlaws.problems import load_data_set, split
from normlaws.storage.folder import RunFolder
from normlaws.training import Execution, RunSettings, log_spaced_steps, train
from normlaws.training.checkpoint import read_checkpoint
from normlaws.training.schedule import BatchOrder

TIME = "seconds"


@pytest.fixture(scope="module")
def digits():
    return load_data_set("digits")


def settings(**changes) -> RunSettings:
    base = {
        "data": {"name": "digits", "validation": 100, "scored_test": 450},
        "model": {"family": "mlp", "hidden": [8], "init_scale": 0.5},
        "training": {"steps": 40, "batch_size": 16, "records": 8},
        "size": 50,
        "seed": 1,
    }
    return RunSettings.model_validate(base | changes)


def values(curves) -> pd.DataFrame:
    return curves.frame.drop(columns=TIME)


def test_steps_start_at_zero_end_at_the_last_and_are_spaced_in_the_logarithm():
    steps = log_spaced_steps(3000, 40)
    assert steps[0] == 0
    assert steps[-1] == 3000
    assert steps == sorted(set(steps))
    late = np.diff(np.log([step for step in steps if step > 100]))
    np.testing.assert_allclose(late, math.log(3000) / 39, rtol=0.05)
    assert log_spaced_steps(1, 40) == [0, 1]


@pytest.mark.parametrize(("size", "batch"), [(50, 16), (7, 32), (64, 16)])
def test_every_epoch_sees_every_example_once(size, batch):
    order = BatchOrder(size, batch, seed=3)
    steps = 3 * size
    seen = torch.cat([order(step) for step in range(steps)])
    epochs = seen[: len(seen) // size * size].view(-1, size)
    assert (epochs.sort(dim=1).values == torch.arange(size)).all()
    assert order.epochs(steps) == len(seen) / size
    assert torch.equal(BatchOrder(size, batch, seed=3)(5), order(5))
    assert not torch.equal(epochs[0], epochs[1])


def softmax_regression(run: RunSettings, data) -> pd.DataFrame:
    """Plain gradient descent of a bias-free linear softmax model, in NumPy float64."""
    examples = split(data, size=run.size, validation=100, seed=run.seed)
    inputs = examples.train.inputs.flatten(1).double().numpy()
    labels = examples.train.labels.numpy()
    test = examples.test.inputs.flatten(1).double().numpy()
    model = run.model.build(data.image_shape, data.classes, run.seed)
    weight = next(model.parameters()).detach().double().numpy().copy()  # (classes, pixels)
    order = BatchOrder(run.size, run.training.batch_size, run.seed)
    rows = []
    for step in range(run.training.steps + 1):
        logits = test @ weight.T
        loss = np.logaddexp.reduce(logits, axis=1) - logits[range(450), examples.test.labels]
        wrong = logits.argmax(axis=1) != examples.test.labels.numpy()
        norm = 0.5 * np.log((weight**2).sum())
        rows.append((step, wrong.mean(), loss.mean(), norm, np.log(np.linalg.norm(weight, 2))))
        batch = order(step).numpy()
        scores = np.exp(inputs[batch] @ weight.T)
        residual = scores / scores.sum(axis=1, keepdims=True) - np.eye(10)[labels[batch]]
        weight -= run.optimizer.learning_rate * residual.T @ inputs[batch] / len(batch)
    names = ["step", "test_error", "test_loss", "log_frobenius", "log_spectral_product"]
    return pd.DataFrame(rows, columns=names)


def test_sgd_on_a_linear_model_equals_an_independent_float64_reference(digits):
    run = settings(model={"family": "perceptron"}, optimizer={"name": "sgd", "learning_rate": 0.05})
    reference = softmax_regression(run, digits).set_index("step")
    curve = train(run, data=digits).frame.set_index("step")
    for name in reference:
        expected = reference.loc[curve.index, name]
        np.testing.assert_allclose(curve[name], expected, rtol=2e-5, atol=2e-6, err_msg=name)


def test_one_matrix_has_the_spectral_complexity_of_its_rows(digits):
    """With one layer, eq. 1.2 reduces to the (2,1) norm of the transposed weight."""
    curve = train(settings(model={"family": "perceptron"}), data=digits).frame
    np.testing.assert_allclose(curve["log_spectral_complexity"], curve["log_group_21"], rtol=1e-12)


def test_the_same_settings_give_the_same_curve_and_leave_the_generator(digits):
    before = torch.get_rng_state()
    first, second = (train(settings(), data=digits) for _ in range(2))
    pd.testing.assert_frame_equal(values(first), values(second))
    assert torch.equal(torch.get_rng_state(), before)
    assert first.runs["status"].iloc[0] == "complete"
    other = train(settings(seed=2), data=digits)
    assert not np.array_equal(other.frame["test_loss"], first.frame["test_loss"])


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_an_interrupted_run_goes_on_to_the_same_curve_bit_for_bit(digits, tmp_path, optimizer):
    run = settings(optimizer={"name": optimizer, "momentum": 0.9 if optimizer == "sgd" else 0.0})
    undisturbed = train(run, data=digits)
    folder = RunFolder(tmp_path)
    impatient = Execution(stop=_after(looks=1))
    statuses = []
    for _ in range(100):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("normlaws.training.loop.NOTICE_SECONDS", 0.0)
            curves = train(run, folder, impatient, digits)
        statuses.append(curves.runs["status"].iloc[0])
        if statuses[-1] == "complete":
            break
        assert folder.checkpoint.exists()
    assert statuses == ["unfinished"] * 39 + ["complete"]
    assert not folder.checkpoint.exists()
    pd.testing.assert_frame_equal(values(curves), values(undisturbed), check_exact=True)


def _after(looks: int):
    return lambda: looks > 0


def test_a_damaged_checkpoint_costs_time_and_changes_nothing(digits, tmp_path):
    folder = RunFolder(tmp_path)
    folder.checkpoint.write_bytes(b"\x80\x04not a tensor file")
    with pytest.warns(NormlawsWarning, match="damaged"):
        curves = train(settings(), folder, data=digits)
    pd.testing.assert_frame_equal(values(curves), values(train(settings(), data=digits)))


def zero_a_page(content, random):
    start = random.randrange(len(content))
    content[start : start + 4096] = bytes(len(content[start : start + 4096]))


def flip_a_bit(content, random):
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)


@pytest.mark.parametrize("damage", [flip_a_bit, zero_a_page])
def test_no_damage_to_a_checkpoint_goes_unnoticed(digits, tmp_path, damage):
    folder, random = RunFolder(tmp_path), Random(0)
    asked = iter([False] * 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("normlaws.training.loop.NOTICE_SECONDS", 0.0)
        train(settings(), folder, Execution(stop=lambda: next(asked, True)), data=digits)
    whole = folder.checkpoint.read_bytes()
    for _ in range(100):
        content = bytearray(whole)
        damage(content, random)
        if bytes(content) == whole:
            continue
        folder.checkpoint.write_bytes(content)
        with pytest.raises(CorruptFileError):
            read_checkpoint(folder.checkpoint)
    folder.checkpoint.write_bytes(whole)
    assert read_checkpoint(folder.checkpoint)[1]["step"] > 0


def test_divergence_is_a_status_and_a_last_row_of_nan(digits, tmp_path):
    run = settings(optimizer={"name": "sgd", "learning_rate": 1e30})
    curves = train(run, RunFolder(tmp_path), data=digits)
    record = RunFolder(tmp_path).read_record()
    assert curves.runs["status"].iloc[0] == record["status"] == "diverged"
    last = curves.frame.iloc[-1]
    assert last["step"] < 40
    assert np.isnan([last["train_loss"], last["test_error"], last["test_loss"]]).all()
    assert np.isfinite(curves.frame["test_loss"].iloc[0])


def test_the_record_says_what_made_the_run(digits):
    record = train(settings(), data=digits).runs.iloc[0]
    assert RunSettings.model_validate(record["settings"]) == settings()
    assert record["run"] == settings().run_id
    assert {"python", "normlaws", "torch", "numpy"} <= set(record["versions"])
    assert record["hardware"]["device"] == "cpu"
    assert set(record["code"]) == {"commit", "uncommitted_changes"}


def test_run_ids_tell_settings_apart_and_do_not_depend_on_the_order_of_keys():
    base = settings()
    assert base.run_id == RunSettings.model_validate_json(base.model_dump_json()).run_id
    others = [settings(seed=2), settings(size=51), settings(optimizer={"learning_rate": 0.01})]
    assert len({base.run_id, *(other.run_id for other in others)}) == 4
