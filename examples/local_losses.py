"""Layers with losses of their own: no gradient passes from one layer to the one below."""

from itertools import product

import torch
from sklearn.datasets import load_digits
from torch.nn import Linear, Module, ModuleList
from torch.nn.functional import cross_entropy, relu

import normlaws as nl

digits, order = load_digits(), torch.randperm(1797, generator=torch.manual_seed(0))
images, labels = torch.tensor(digits.data / 16).float()[order], torch.tensor(digits.target)[order]


class Local(Module):
    """Two layers; each has a readout, and learns from that readout alone."""

    def __init__(self):
        super().__init__()
        self.layers = ModuleList([Linear(64, 128), Linear(128, 128)])
        self.readouts = ModuleList([Linear(128, 10), Linear(128, 10)])

    def forward(self, x):
        """Scores of every readout, (n, 10) each."""
        outputs = []
        for layer, readout in zip(self.layers, self.readouts, strict=True):
            x = relu(layer(x.detach()))
            outputs.append(readout(x))
        return outputs


def evaluate(model):
    outputs = model(images[960:])
    losses = {f"loss_of_layer_{i}": cross_entropy(out, labels[960:]).item()
              for i, out in enumerate(outputs, 1)}  # fmt: skip
    return {"test_error": (outputs[-1].argmax(1) != labels[960:]).float().mean().item(), **losses}


own = {f"loss_of_layer_{i}": nl.curves.Metric(unit="nats") for i in (1, 2)}
for size, seed in product((60, 120, 240, 480, 960), range(3)):
    torch.manual_seed(seed)
    model = Local()
    optimizer, train = torch.optim.Adam(model.parameters()), torch.randperm(960)[:size]
    run = {"size": size, "seed": seed, "evaluate": evaluate, "metrics": own}
    with nl.Tracker(model, "runs/local-losses", **run, if_complete="skip") as track:
        for batch in train[torch.randint(size, (0 if track.done else 400, 32))]:
            optimizer.zero_grad()
            sum(cross_entropy(out, labels[batch]) for out in model(images[batch])).backward()
            optimizer.step()
            track.step()
curves = nl.Curves.read("runs/local-losses")
for metric in ("loss_of_layer_1_gap", "loss_of_layer_2_gap"):
    print(nl.fit(curves, metric=metric).summary())
