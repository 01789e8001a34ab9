from __future__ import annotations

import pytest
import torch
from torch import nn

from normlaws.errors import InputError
from normlaws.norms.model.layers import inventory
from normlaws.tracking.bare import BareModel, unwrapped


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 8), nn.Sequential(nn.ReLU(), nn.Linear(8, 8)), nn.Linear(8, 2)
    )


def names(model: nn.Module) -> list[str]:
    return [layer.name for layer in inventory(model).layers]


def test_a_plain_model_is_measured_itself():
    model = network()
    assert BareModel(model).module is model


def test_a_compiled_model_is_measured_beneath():
    model = network()
    assert BareModel(torch.compile(model, backend="eager")).module is model


def test_wrappers_inside_leave_names_and_weights_alone():
    model = network()
    expected = names(model)
    weight = model[1][1].weight
    model[1] = torch.compile(model[1], backend="eager")
    bare = BareModel(nn.DataParallel(model)).module
    assert names(bare) == expected == ["0", "1.1", "2"]
    assert bare[1][1].weight is weight


def test_checkpoint_wrappers_are_seen_through():
    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

    model = network()
    expected = names(model)
    model[1] = checkpoint_wrapper(model[1])
    assert names(BareModel(model).module) == expected


def test_the_older_sharding_is_refused():
    class FullyShardedDataParallel(nn.Module):
        pass

    with pytest.raises(InputError, match=r"fully_shard \(FSDP2\), got FullyShardedDataParallel"):
        unwrapped(FullyShardedDataParallel())
