"""A plain PyTorch loop on handwritten digits, recorded by three lines: Tracker, step, fit."""

from itertools import product

import torch
from sklearn.datasets import load_digits
from torch.nn import Linear, ReLU, Sequential, functional

import normlaws as nl

digits, order = load_digits(), torch.randperm(1797, generator=torch.manual_seed(0))
images, labels = torch.tensor(digits.data / 16).float()[order], torch.tensor(digits.target)[order]


def evaluate(model):
    return {"test_error": (model(images[960:]).argmax(1) != labels[960:]).float().mean().item()}


for size, seed in product((60, 120, 240, 480, 960), range(3)):
    torch.manual_seed(seed)
    model = Sequential(Linear(64, 256), ReLU(), Linear(256, 10))
    optimizer, train = torch.optim.Adam(model.parameters()), torch.randperm(960)[:size]
    run = {"size": size, "seed": seed, "evaluate": evaluate, "if_complete": "skip"}
    with nl.Tracker(model, "runs/plain", **run) as track:
        for batch in train[torch.randint(size, (0 if track.done else 600, 32))]:
            optimizer.zero_grad()
            functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
            track.step()
print(nl.fit(nl.Curves.read("runs/plain")).summary())
