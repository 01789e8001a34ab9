"""A study already run, with a second norm."""

from normlaws import Curves
from normlaws.laws import plant

frame = plant(sizes=[100, 200, 400, 800], seeds=3).frame
frame["log_spectral_product"] = frame["log_spectral_complexity"] - 1
Curves(frame).write("runs/digits-cnn")
