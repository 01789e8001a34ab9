"""Records of other programs, and studies already run."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from normlaws import interop
from normlaws.laws import plant

study = plant(sizes=[100, 200, 400, 800], seeds=2, records=20)
study.write("study.parquet")
study.select(sizes=[100, 200]).write("runs/small")
study.select(sizes=[400, 800]).write("runs/large")
interop.export_tensorboard(study, "logs")
interop.export_mlflow(study, "mlruns", experiment="cnn")
interop.export_wandb(study, ".")

table = study.frame.assign(
    n_train=study.frame["size"],
    rep=study.frame["seed"],
    R=np.exp(study.frame["log_spectral_complexity"]),
    acc=100 * (1 - study.frame["test_error"]),
)
table[["n_train", "rep", "step", "R", "acc"]].to_csv("mine.csv", index=False)
one = table[(table["n_train"] == 100) & (table["rep"] == 0)]
history = one[["step", "R"]].assign(**{"test/error": one["test_error"]})
history.rename(columns={"step": "_step"}).to_csv("n=100_rep0.csv", index=False)

for size in (100, 200, 400):
    for step in (1, 10, 100):
        folder = Path(f"trained/P{size}-s0/checkpoint-{step}")
        folder.mkdir(parents=True)
        save_file({"fc.weight": step**0.3 * torch.eye(4, 6)}, folder / "model.safetensors")
        logged = [{"step": step, "eval_loss": 2 / step**0.5 + 10 / size}]
        state = {"global_step": step, "log_history": logged}
        (folder / "trainer_state.json").write_text(json.dumps(state))
