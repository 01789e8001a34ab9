"""The reader's model, batches, evaluation and step, on digits; and a study already run."""

import itertools

import torch
from sklearn.datasets import load_digits
from torch import nn

images, labels = (torch.as_tensor(each) for each in load_digits(return_X_y=True))
images = images.float() / 16
order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
images, labels = images[order], labels[order]
STEPS = 60


def build(seed):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    model.optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    return model


def training_batches(size, seed):
    generator = torch.Generator().manual_seed(seed)
    for _ in itertools.repeat(None, STEPS):
        chosen = torch.randint(min(size, 1000), (32,), generator=generator)
        yield images[chosen], labels[chosen]


def evaluate(model):
    with torch.no_grad():
        return (model(images[1000:]).argmax(1) != labels[1000:]).float().mean().item()


def train_step(model, batch):
    model.optimizer.zero_grad()
    nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
    model.optimizer.step()
