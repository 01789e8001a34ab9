"""A plain PyTorch loop on handwritten digits, recorded by three lines: Tracker, step, fit."""

import subprocess

import torch
from sklearn.datasets import load_digits
from torch.nn import Linear, ReLU, Sequential, functional

import normlaws as nl

digits, order = load_digits(), torch.randperm(1797, generator=torch.manual_seed(0))
images, labels = torch.tensor(digits.data / 16).float()[order], torch.tensor(digits.target)[order]


def evaluate(model):
    return {"test_error": (model(images[960:]).argmax(1) != labels[960:]).float().mean().item()}


for size, seed in [(60, 0), (60, 1), (240, 0), (240, 1), (960, 0), (960, 1)]:
    torch.manual_seed(seed)
    model = Sequential(Linear(64, 256), ReLU(), Linear(256, 10))
    optimizer, train = torch.optim.Adam(model.parameters()), torch.randperm(960)[:size]
    with nl.Tracker(model, "runs/plain", size=size, seed=seed, evaluate=evaluate) as track:
        for _ in range(600):
            batch = train[torch.randint(size, (32,))]
            functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
            optimizer.zero_grad()
            track.step()
subprocess.run(["normlaws", "fit", "runs/plain"], check=True)
