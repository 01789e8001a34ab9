"""Studies already run, and records of other programs."""

import numpy as np
import pandas as pd

from normlaws import Curves
from normlaws.interop import export_mlflow, export_tensorboard, export_wandb
from normlaws.laws.plant import plant

study = plant(sizes=[100, 200, 400, 800], seeds=3)
study.select(sizes=[100, 200]).write("runs/small")
study.select(sizes=[400, 800]).write("runs/large")
study.write("study.parquet")

named = study.frame.assign(run=[f"P{p}-s{s}" for p, s in study.frame[["size", "seed"]].to_numpy()])
own = Curves(named)
export_tensorboard(own, "logs")
export_mlflow(own, "mlruns", experiment="cnn")
export_wandb(own.select(sizes=[100]), ".")

lam = np.exp(named["log_spectral_complexity"])
mine = {"n_train": named["size"], "rep": named["seed"], "R": lam}
pd.DataFrame(mine | {"acc": 100 * (1 - named["test_error"])}).to_csv("mine.csv", index=False)
history = named[named["run"] == "P100-s0"]
columns = {"_step": history["step"], "R": lam[history.index], "val_loss": history["test_error"]}
pd.DataFrame(columns).to_csv("n=100_rep0.csv", index=False)
