"""A graph network on a small graph: backpropagation, and the local errors of predictive coding."""

from itertools import product

import torch
from torch.nn import Linear, Module
from torch.nn.functional import cross_entropy, one_hot

import normlaws as nl

NODES, CLASSES, STEPS, SETTLING = 480, 4, 120, 5

# A stochastic block model: nodes of a class are linked more often; features are noisy classes.
torch.manual_seed(0)
labels = torch.arange(NODES) % CLASSES
alike = labels[:, None] == labels
links = torch.triu(torch.rand(NODES, NODES) < torch.where(alike, 0.04, 0.008), 1).float()
links = links + links.T + torch.eye(NODES)
share = (links.sum(1)[:, None] * links.sum(1)) ** -0.5 * links
features = one_hot(labels, 32).float() + 1.5 * torch.randn(NODES, 32)
gathered = share @ features
order = torch.randperm(NODES)
test = order[240:]


class GraphNetwork(Module):
    """Two graph convolutions (Kipf and Welling 2017)."""

    def __init__(self):
        super().__init__()
        self.first, self.second = Linear(32, 64), Linear(64, CLASSES)

    def hidden(self):
        """Activities of the hidden layer, (NODES, 64)."""
        return torch.relu(self.first(gathered))

    def forward(self, hidden):
        """Scores from the hidden activities, (NODES, CLASSES)."""
        return self.second(share @ hidden)


def backpropagation(model, train):
    return cross_entropy(model(model.hidden())[train], labels[train])


def predictive_coding(model, train):
    """Activities settle between both layers' predictions; each layer learns its own error."""
    predicted = model.hidden().detach()
    hidden = predicted.clone().requires_grad_()
    for _ in range(SETTLING):
        error = cross_entropy(model(hidden)[train], labels[train], reduction="sum")
        energy = error + ((hidden - predicted) ** 2).sum() / 2
        hidden.data -= 0.1 * torch.autograd.grad(energy, hidden)[0]
    hidden = hidden.detach()
    below = ((hidden - model.hidden()) ** 2).sum() / 2
    above = cross_entropy(model(hidden)[train], labels[train], reduction="sum")
    return (below + above) / len(train)


def evaluate(model):
    scores = model(model.hidden())[test]
    return {
        "test_error": (scores.argmax(1) != labels[test]).float().mean().item(),
        "test_loss": cross_entropy(scores, labels[test]).item(),
    }


for rule in (backpropagation, predictive_coding):
    for size, seed in product((15, 30, 60, 120, 240), range(3)):
        torch.manual_seed(seed)
        model = GraphNetwork()
        optimizer = torch.optim.Adam(model.parameters(), 1e-2)
        train = order[:240][torch.randperm(240)[:size]]
        run = {"size": size, "seed": seed, "evaluate": evaluate, "if_complete": "skip"}
        with nl.Tracker(model, f"runs/graph-{rule.__name__}", **run) as track:
            for _ in range(0 if track.done else STEPS):
                optimizer.zero_grad()
                rule(model, train).backward()
                optimizer.step()
                track.step()
    print(rule.__name__)
    print(nl.fit(nl.Curves.read(f"runs/graph-{rule.__name__}"), metric="test_loss").summary())
