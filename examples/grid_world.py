"""Reinforcement learning: a policy walks round a wall to its goal; P is the number of tasks."""

from itertools import product

import torch
from torch.nn import Linear, ReLU, Sequential

import normlaws as nl

SIDE, HORIZON, BATCH = 6, 12, 128
MOVES = torch.tensor([[1, 0], [-1, 0], [0, 1], [0, -1]])

wall = torch.zeros(SIDE, SIDE, dtype=torch.bool)
wall[SIDE // 2, 1:] = True  # a row with one gap
places = torch.cartesian_prod(torch.arange(SIDE), torch.arange(SIDE))
ahead = (places[:, None] + MOVES).clamp(0, SIDE - 1) @ torch.tensor([SIDE, 1])
ahead = torch.where(wall.flatten()[ahead], torch.arange(SIDE**2)[:, None], ahead)
free = (~wall.flatten()).nonzero()[:, 0]
tasks = torch.cartesian_prod(free, free)  # start and goal
tasks = tasks[tasks[:, 0] != tasks[:, 1]]
tasks = tasks[torch.randperm(len(tasks), generator=torch.manual_seed(0))]
train, test = tasks[:-300], tasks[-300:]
everywhere = torch.cartesian_prod(torch.arange(SIDE**2), torch.arange(SIDE**2))
inputs = torch.nn.functional.one_hot(places[everywhere].flatten(1), SIDE).flatten(1).float()


def walk(task, scores, noise):
    """States and moves, each (HORIZON, n), and how many moves it took; HORIZON: not arrived."""
    here, goal = task.T
    length, path = torch.full((len(task),), HORIZON), []
    for step in range(HORIZON):
        state = here * SIDE**2 + goal
        move = (scores[state] + noise[step]).argmax(1)  # with Gumbel noise, a sample
        path.append((state, move))
        here = ahead[here, move]
        length = torch.where((here == goal) & (length == HORIZON), step, length)
    states, moves = map(torch.stack, zip(*path, strict=True))
    return states, moves, length


def evaluate(policy):
    _, _, length = walk(test, policy(inputs), torch.zeros(HORIZON, 1, 1))
    return {"success_rate": (length < HORIZON).float().mean().item()}


rate = nl.curves.Metric(unit="fraction of new tasks", better="higher", best=1)
for size, seed in product((50, 100, 200, 400), range(3)):
    torch.manual_seed(seed)
    policy = Sequential(Linear(4 * SIDE, 128), ReLU(), Linear(128, 4))
    optimizer = torch.optim.Adam(policy.parameters(), 1e-2)
    mine = train[torch.randperm(len(train))[:size]]
    run = {"size": size, "seed": seed, "evaluate": evaluate, "metrics": {"success_rate": rate}}
    with nl.Tracker(policy, "runs/grid-world", **run, growth=1.5, if_complete="skip") as track:
        for _ in range(0 if track.done else 200):
            scores = policy(inputs).log_softmax(1)
            noise = -torch.empty(HORIZON, BATCH, 4).exponential_().log()
            states, moves, length = walk(mine[torch.randint(size, (BATCH,))], scores, noise)
            reward = 0.9**length * (length < HORIZON)
            walked = torch.arange(HORIZON)[:, None] <= length
            optimizer.zero_grad()  # REINFORCE, with the batch's mean as baseline
            gain = (scores[states, moves] * walked).sum(0) * (reward - reward.mean())
            (-gain.mean()).backward()
            optimizer.step()
            track.step()
print(nl.fit(nl.Curves.read("runs/grid-world")).summary())
