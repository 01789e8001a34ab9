"""The callback records a Keras model on its torch backend."""

import os

os.environ["KERAS_BACKEND"] = "torch"

# Before the framework: without the extra, normlaws must be the one that says so.
from normlaws import Curves
from normlaws.tracking.keras import NormTracker

# isort: split
import keras
import numpy as np

model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
inputs, labels = np.random.default_rng(0).normal(size=(16, 4)), np.arange(16) % 2
tracker = NormTracker("runs/keras", size=16, evaluate=lambda model: {"test_error": 0.5})
model.fit(inputs, labels, batch_size=4, epochs=1, verbose=0, callbacks=[tracker])
assert Curves.read("runs/keras").frame["step"].max() == 4
