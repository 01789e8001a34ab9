"""A Lightning module on handwritten digits: one callback records it, `normlaws fit` reads it."""

import subprocess

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from normlaws.tracking.lightning import NormTracker

digits, order = load_digits(), torch.randperm(1797, generator=torch.manual_seed(0))
images, labels = torch.tensor(digits.data / 16).float()[order], torch.tensor(digits.target)[order]


class Classifier(LightningModule):
    """Two hidden layers, Adam."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
        )

    def training_step(self, batch, _):
        """Cross-entropy of one batch."""
        return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

    def configure_optimizers(self):
        """Adam at its usual rate."""
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def test_error(model):
    """Called at log-spaced steps; without it the curve follows Lightning's own validations."""
    return {"test_error": (model.net(images[960:]).argmax(1) != labels[960:]).float().mean()}


for size in (60, 120, 240, 480):
    for seed in (0, 1, 2):
        seed_everything(seed)
        run = {"size": size, "seed": seed, "evaluate": test_error, "if_complete": "skip"}
        train = torch.randperm(960)[:size]
        loader = DataLoader(TensorDataset(images[train], labels[train]), 20, shuffle=True)
        trainer = Trainer(
            max_steps=250,
            callbacks=[NormTracker("runs/lightning", **run)],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
        )
        trainer.fit(Classifier(), loader)
subprocess.run(["normlaws", "fit", "runs/lightning"], check=True)
