from __future__ import annotations

import subprocess
import sys
from copy import deepcopy

import pytest
import torch

from normlaws.training import OptimizerSettings

KINDS = {
    "sgd": (torch.optim.SGD, {"momentum": 0.9}),
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {"weight_decay": 0.1}),
}


@pytest.mark.parametrize("name", KINDS)
def test_steps_equal_those_of_pytorch_also_after_loading_its_state(name):
    kind, constants = KINDS[name]
    settings = OptimizerSettings(name=name, learning_rate=0.05, **constants)
    ours, theirs = (torch.nn.Parameter(torch.arange(1.0, 5.0)) for _ in range(2))
    plain = settings.build([ours])
    known = kind([theirs], lr=0.05, fused=True, **constants)
    assert isinstance(plain, kind)
    for step in range(7):
        if step == 4:
            plain.load_state_dict(deepcopy(known.state_dict()))
        for parameter, optimizer in ((ours, plain), (theirs, known)):
            parameter.grad = parameter.detach().sin()
            optimizer.step()
        assert torch.equal(ours, theirs)


def test_a_step_hook_is_told_of_every_step():
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer, seen = OptimizerSettings().build([parameter]), []
    optimizer.register_step_post_hook(lambda *_: seen.append(1))
    parameter.grad = torch.ones(2)
    optimizer.step()
    optimizer.step()
    assert len(seen) == 2


def test_training_does_not_import_the_compiler():
    code = """
import sys
import normlaws as nl
from normlaws.training import RunSettings, train_stack
parts = {
    "data": {"name": "teacher-student", "validation": 50},
    "model": {"family": "mlp"},
    "training": {"steps": 3, "records": 2},
    "size": 40,
}
runs = [RunSettings.model_validate(parts | {"seed": seed}) for seed in (0, 1)]
train_stack(runs)
print("torch._dynamo" in sys.modules)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
