"""One of two processes that train together; run by test_distributed.py.

RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=… python two_processes.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

import normlaws as nl
from normlaws.errors import NormlawsError

STEPS = 6


class Net(nn.Module):
    """Odd sizes, so that shards are uneven; attention, embedding and tied weights among them."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(17, 70)
        self.attention = nn.MultiheadAttention(70, 2, batch_first=True)
        self.hidden = nn.Sequential(nn.Linear(70, 131), nn.ReLU(), nn.Linear(131, 70))
        self.head = nn.Linear(70, 17)
        nn.init.normal_(self.embed.weight, std=0.1)
        self.head.weight = self.embed.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(batch, length) -> (batch, length, tokens)."""
        x = self.embed(tokens)
        x = x + self.attention(x, x, x, need_weights=False)[0]
        return self.head(x + self.hidden(x))


def made() -> Net:
    torch.manual_seed(0)
    return Net()


def batch(step: int) -> torch.Tensor:
    """(8, 6) tokens."""
    return torch.randint(17, (8, 6), generator=torch.Generator().manual_seed(step))


def loss(model: nn.Module, tokens: torch.Tensor) -> torch.Tensor:
    """Predict the tokens one to the right."""
    logits = model(tokens[:, :-1])
    return nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


def evaluate(model: nn.Module) -> dict[str, float]:
    """Every process takes part: a sharded forward pass needs them all."""
    return {"test_loss": float(loss(model, batch(100)))}


def train(model: nn.Module, folder: Path, share: slice, steps: int = STEPS) -> nl.Tracker:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    with nl.Tracker(model, folder, size=10, evaluate=evaluate) as track:
        for step in range(steps):
            model.train()
            loss(model, batch(step)[share]).backward()
            optimizer.step()
            optimizer.zero_grad()
            track.step()
    return track


def wrapped(kind: str) -> nn.Module:
    model = made()
    if kind == "ddp":
        return DistributedDataParallel(model)
    for block in (model.attention, model.hidden):
        fully_shard(block)
    fully_shard(model)
    return model


def main(folder: Path) -> None:
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    for kind in ("ddp", "fsdp2"):
        model = wrapped(kind)
        track = train(model, folder / kind, slice(4 * rank, 4 * rank + 4))
        names = " ".join(track.scalars())
        assert bool(names) == (rank == 0)
        if names:
            (folder / "names.txt").write_text(names, encoding="utf-8")
        refused_everywhere(model, folder / kind)
    dist.barrier()
    dist.destroy_process_group()


def refused_everywhere(model: nn.Module, folder: Path) -> None:
    said = ""
    try:
        nl.Tracker(model, folder, size=10)
    except NormlawsError as error:
        said = str(error)
    if "not complete, but" not in said:
        raise AssertionError(f"a complete run would have been written over: {said}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
