"""The warm estimator agrees with the reference, and resumes bit by bit."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from normlaws.norms import NormMeter, measure


def small_cnn() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.Flatten(), nn.Linear(256, 10)
    )


def test_meter_agrees_with_measure():
    model = small_cnn()
    total = measure(model).total
    for name, value in NormMeter(model).measure().items():
        assert value == pytest.approx(total[name], rel=1e-6)
