"""The real Keras, on its torch backend, trains a real small model."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import normlaws as nl
from normlaws.errors import InputError
from normlaws.tracking.keras import NormTracker


def data(count: int):
    x = np.random.default_rng(0).normal(size=(count, 6, 6, 1)).astype("float32")
    return x, (x.mean((1, 2, 3)) > 0).astype("int64")


def made() -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Input((6, 6, 1)),
            keras.layers.Conv2D(3, 3, activation="relu", name="conv"),
            keras.layers.Flatten(),
            keras.layers.Dense(2, name="head"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return model


def fit(callback, *, validated: bool = True, epochs: int = 2):
    model, (x, y) = made(), data(40)
    validation = data(16) if validated else None
    history = model.fit(
        x, y, batch_size=8, epochs=epochs, validation_data=validation, verbose=0,
        callbacks=[callback],
    )  # fmt: skip
    return model, history.history


def test_validations_become_the_curve_and_norms_reach_the_history(tmp_path):
    model, history = fit(NormTracker(tmp_path, size=40, seed=2))
    curves = nl.Curves.read(tmp_path)
    assert list(curves.frame["step"]) == [5, 10]
    assert list(curves.frame["epoch"]) == [1, 2]
    np.testing.assert_allclose(curves.frame["val_loss"], history["val_loss"])
    np.testing.assert_allclose(1 - curves.frame["val_error"], history["val_accuracy"], atol=1e-7)
    assert curves.runs["status"].iloc[0] == "complete"
    assert "keras" in curves.runs["versions"].iloc[0]
    exact = nl.measure(model)
    for name in nl.norms.DATA_FREE_NORMS:
        total = exact.total[f"log_{name}"]
        assert curves.frame[f"log_{name}"].iloc[-1] == pytest.approx(total, abs=1e-6)
        assert history[f"norm/log_{name}/global"][-1] == pytest.approx(total, abs=1e-6)
        assert len(history[f"norm/log_{name}/conv"]) == len(history[f"norm/log_{name}/head"]) == 2


def test_an_evaluation_of_ones_own_gives_the_rows_at_the_due_steps(tmp_path):
    x, y = data(16)

    def evaluate(model):
        return {"test_error": float((model.predict(x, verbose=0).argmax(1) != y).mean())}

    fit(NormTracker(tmp_path, size=40, evaluate=evaluate, growth=2, layers=False), validated=False)
    assert list(nl.Curves.read(tmp_path).frame["step"]) == [0, 1, 2, 4, 8, 10]


def test_norms_are_put_into_the_logs_of_the_due_batches(tmp_path):
    heard = []

    class Heard(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if "norm/log_l1/global" in logs:
                heard.append(int(self.model.optimizer.iterations))

    model, (x, y) = made(), data(40)
    callbacks = [NormTracker(tmp_path, size=40, steps=[2, 7]), Heard()]
    model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=callbacks)
    assert heard == [2, 7]


def test_another_backend_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(InputError, match="on its torch backend, got 'jax'; set KERAS_BACKEND"):
        NormTracker(tmp_path, size=1)


def test_a_complete_run_is_kept_and_not_trained_again(tmp_path):
    fit(NormTracker(tmp_path, size=40))
    curve = nl.Curves.read(tmp_path).frame
    model, _ = fit(NormTracker(tmp_path, size=40, if_complete="skip"))
    assert int(model.optimizer.iterations) == 1
    assert nl.Curves.read(tmp_path).frame.equals(curve)
