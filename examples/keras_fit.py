"""Keras on its torch backend: one callback in `fit` records it, `normlaws fit` reads it."""

import os
import subprocess

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
from sklearn.datasets import load_digits

from normlaws.tracking.keras import NormTracker

digits, order = load_digits(), np.random.default_rng(0).permutation(1797)
images, labels = (digits.images / 16)[order, ..., None].astype("float32"), digits.target[order]


def test_error(model):
    """Called at log-spaced steps; without it the curve follows the validations of `fit`."""
    logits = model.predict_on_batch(images[960:])
    return {"test_error": float((logits.argmax(1) != labels[960:]).mean())}


for size in (60, 120, 240, 480):
    for seed in (0, 1, 2):
        keras.utils.set_random_seed(seed)
        model = keras.Sequential(
            [
                keras.layers.Input((8, 8, 1)),
                keras.layers.Conv2D(16, 3, activation="relu"),
                keras.layers.Conv2D(32, 3, activation="relu"),
                keras.layers.Flatten(),
                keras.layers.Dense(10),
            ]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss)
        train = np.random.permutation(960)[:size]
        run = {"size": size, "seed": seed, "evaluate": test_error, "if_complete": "skip"}
        tracker = NormTracker("runs/keras", **run, growth=1.5)
        model.fit(
            images[train],
            labels[train],
            batch_size=20,
            epochs=2880 // size,
            verbose=0,
            callbacks=[tracker],
        )
subprocess.run(["normlaws", "fit", "runs/keras"], check=True)
