"""Curves go to TensorBoard and to MLflow, and come back."""

from normlaws import interop
from normlaws.laws import plant

curves = plant(sizes=[100, 200], seeds=1, records=5)
interop.export_tensorboard(curves, "events")
assert interop.read_tensorboard("events").sizes == [100, 200]
interop.export_mlflow(curves, "mlruns")
assert interop.read_mlflow("mlruns").sizes == [100, 200]
assert interop.export_wandb(curves, "offline")
