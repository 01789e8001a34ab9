"""The real Lightning, of both packages, trains a real small model."""

from __future__ import annotations

import lightning.pytorch
import numpy as np
import pandas as pd
import pytest
import pytorch_lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import normlaws as nl
from normlaws.errors import NormlawsWarning
from normlaws.tracking.lightning import NormTracker

QUIET = {
    "accelerator": "cpu",
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "log_every_n_steps": 1,
}


def digits(count: int = 64) -> TensorDataset:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(count, 6, generator=generator)
    return TensorDataset(inputs, (inputs[:, 0] > 0).long())


def classifier(package):
    class Classifier(package.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 2))
            self.seen = []

        def training_step(self, batch, _):
            loss = nn.functional.cross_entropy(self.net(batch[0]), batch[1])
            self.log("train_loss", loss)
            return loss

        def validation_step(self, batch, _):
            logits = self.net(batch[0])
            self.log("val_loss", nn.functional.cross_entropy(logits, batch[1]))
            self.log("val_acc", (logits.argmax(1) == batch[1]).float().mean())

        def on_validation_end(self):
            self.seen.append((self.trainer.global_step, nl.measure(self).total["log_l1"]))

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=0.01)

    torch.manual_seed(0)
    return Classifier()


def fit(package, folder, callback, *, model=None, checkpoint=None, epochs=3, logger=False, **more):
    model = model or classifier(package)
    trainer = package.Trainer(
        max_epochs=epochs,
        default_root_dir=folder,
        logger=logger,
        **QUIET | {"enable_checkpointing": False, "callbacks": [callback]} | more,
    )
    loader = DataLoader(digits(), batch_size=8)
    trainer.fit(model, loader, DataLoader(digits(32), batch_size=32), ckpt_path=checkpoint)
    return model, trainer


@pytest.mark.parametrize("package", [lightning.pytorch, pytorch_lightning])
def test_validations_become_the_curve(package, tmp_path):
    callback = NormTracker(tmp_path / "runs", size=64, seed=5)
    model, _ = fit(package, tmp_path, callback, num_sanity_val_steps=-1)
    curves = nl.Curves.read(tmp_path / "runs")
    frame = curves.frame
    assert list(frame["step"]) == [0, 8, 16, 24]
    assert list(frame["epoch"]) == [0, 1, 2, 3]
    assert frame[["val_loss", "val_error"]].notna().all(axis=None)
    assert curves.runs["status"].iloc[0] == "complete"
    assert curves.runs["versions"].iloc[0].keys() & {"lightning", "pytorch-lightning"}
    np.testing.assert_allclose(frame["log_l1"], [norm for _, norm in model.seen], rtol=1e-6)


def test_norms_reach_the_logger_at_the_due_steps(tmp_path):
    logger = CSVLogger(tmp_path, name="logs", version=0)
    callback = NormTracker(tmp_path / "runs", size=64, steps=[1, 5, 20], norms=["l1"])
    fit(lightning.pytorch, tmp_path, callback, logger=logger)
    logged = pd.read_csv(tmp_path / "logs/version_0/metrics.csv")
    steps = logged.loc[logged["norm/log_l1/global"].notna(), "step"]
    assert sorted(set(steps)) == [0, 1, 5, 8, 16, 20, 24]
    assert {"norm/log_l1/net.0", "norm/log_l1/net.2"} <= set(logged.columns)


def test_an_evaluation_of_ones_own_gives_the_rows_at_the_due_steps(tmp_path):
    def evaluate(model):
        return {"test_error": float(model.net(torch.ones(1, 6)).argmax())}

    callback = NormTracker(tmp_path, size=64, evaluate=evaluate, growth=2, layers=False)
    fit(lightning.pytorch, tmp_path, callback, accumulate_grad_batches=2)
    frame = nl.Curves.read(tmp_path).frame
    assert list(frame["step"]) == [0, 1, 2, 4, 8, 12]
    assert frame["epoch"].iloc[-1] == 3
    assert frame["val_loss"].isna().all()


def test_a_training_resumed_from_a_checkpoint_continues_its_curve(tmp_path):
    class Boom(lightning.pytorch.Callback):
        def on_train_epoch_start(self, trainer, module):
            if trainer.current_epoch == 2:
                raise RuntimeError("boom")

    callback = NormTracker(tmp_path / "a", size=64)
    keep = ModelCheckpoint(tmp_path, filename="first", save_on_train_epoch_end=False)
    with pytest.raises(RuntimeError, match="boom"):
        fit(lightning.pytorch, tmp_path, callback, callbacks=[callback, keep, Boom()],
            enable_checkpointing=True)  # fmt: skip
    assert nl.Curves.read(tmp_path / "a").runs["status"].iloc[0] == "failed"
    callback = NormTracker(tmp_path / "a", size=64)
    fit(lightning.pytorch, tmp_path, callback, checkpoint=tmp_path / "first.ckpt")
    fit(lightning.pytorch, tmp_path, NormTracker(tmp_path / "b", size=64))
    resumed, whole = (nl.Curves.read(tmp_path / name).frame for name in "ab")
    assert list(resumed["step"]) == list(whole["step"]) == [0, 8, 16, 24]
    np.testing.assert_allclose(resumed["log_l1"], whole["log_l1"], rtol=1e-6)


def test_names_that_are_not_understood_are_told(tmp_path):
    callback = NormTracker(tmp_path, size=64, metrics={"test_error": "1 - valid/top1"})
    with pytest.warns(
        NormlawsWarning, match=r"'1 - valid/top1' to be logged, got \[.*'val_acc', 'val_lo"
    ):
        fit(lightning.pytorch, tmp_path, callback)


def test_a_complete_run_is_kept_and_not_trained_again(tmp_path):
    for _ in range(2):
        callback = NormTracker(tmp_path / "runs", size=64, if_complete="skip")
        _, trainer = fit(lightning.pytorch, tmp_path, callback)
    assert trainer.global_step == 0
    assert list(nl.Curves.read(tmp_path / "runs").frame["step"]) == [0, 8, 16, 24]
