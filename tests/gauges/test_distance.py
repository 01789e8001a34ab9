from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from normlaws import NormMeter
from normlaws.gauges import Distance

from .suite import GaugeSuite


class TestDistance(GaugeSuite):
    def make_gauge(self, model):
        return Distance()

    def test_against_the_definition(self):
        model = self.make_model()
        gauge = Distance()
        assert gauge.measure(model) == {"log_distance": -math.inf, "log_distance_21": -math.inf}
        start = [layer.weight.detach().clone() for layer in model if isinstance(layer, nn.Linear)]
        self.steps(model, 2, 5)
        moved = [
            layer.weight.detach() - before
            for layer, before in zip((model[0], model[3]), start, strict=True)
        ]
        found = gauge.measure(model)
        squares = sum(float((matrix**2).sum()) for matrix in moved)
        groups = sum(float((matrix**2).sum(1).sqrt().sum()) for matrix in moved)
        assert math.exp(found["log_distance"]) == pytest.approx(math.sqrt(squares), rel=1e-13)
        assert math.exp(found["log_distance_21"]) == pytest.approx(groups, rel=1e-13)

    def test_the_norm_meter_measures_the_same(self):
        model = self.make_model()
        meter = NormMeter(model, norms=("frobenius", "distance", "distance_21"))
        gauge = Distance()
        meter.measure(), gauge.measure(model)
        state = meter.state_dict()
        self.steps(model, 2, 5)
        later = NormMeter(model, norms=("frobenius", "distance", "distance_21"))
        later.load_state_dict(state)
        found = gauge.measure(model)
        for values in (meter.measure(), later.measure()):
            assert {name: values[name] for name in found} == found

    def test_a_meter_without_distance_refuses_its_state(self):
        model = self.make_model()
        state = NormMeter(model, norms=("distance",)).state_dict()
        with pytest.raises(Exception, match="expected the state of a NormMeter"):
            NormMeter(model).load_state_dict(state)

    def test_convolutions_are_flat(self):
        model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(3, 2))
        gauge = Distance()
        gauge.measure(model)
        with torch.no_grad():
            model[0].weight[1] += 2.0
        found = gauge.measure(model)
        assert math.exp(found["log_distance_21"]) == pytest.approx(2 * math.sqrt(18), rel=1e-6)
