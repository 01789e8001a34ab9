"""A study already run, and a table of one's own."""

import numpy as np

from normlaws import Curves
from normlaws.laws import plant

study = plant(sizes=[100, 200, 400, 800], seeds=3)
study.write("runs/digits-cnn")
frame = study.frame.rename(columns={"log_spectral_complexity": "log_frobenius"})
Curves(frame.assign(test_loss=3 * np.sqrt(frame["test_error"]))).write("mine.parquet")
