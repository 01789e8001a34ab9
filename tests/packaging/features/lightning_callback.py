"""The callback records a Lightning module."""

# Before the framework: without the extra, normlaws must be the one that says so.
from normlaws import Curves
from normlaws.tracking.lightning import NormTracker

# isort: split
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Classifier(LightningModule):
    """One layer."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(4, 2)

    def training_step(self, batch, _):
        """Cross-entropy of one batch."""
        return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

    def configure_optimizers(self):
        """Plain SGD."""
        return torch.optim.SGD(self.parameters(), lr=0.1)


def error(model):
    """A fixed value: what is tried is that it arrives."""
    return {"test_error": 0.5}


data = TensorDataset(torch.randn(16, 4), torch.randint(2, (16,)))
trainer = Trainer(
    max_steps=4,
    callbacks=[NormTracker("runs/lightning", size=16, evaluate=error)],
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
)
trainer.fit(Classifier(), DataLoader(data, 4))
assert Curves.read("runs/lightning").frame["step"].max() == 4
