"""What every gauge must do; a test class inherits it and says how to make one."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from normlaws.errors import InputError
from normlaws.gauges import Gauge


class GaugeSuite:
    """Inherited with ``make_gauge``; ``steps`` moves the weights as training would."""

    def make_model(self) -> nn.Module:
        torch.manual_seed(0)
        layers = nn.Linear(3, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 1)
        return nn.Sequential(*layers).double()

    def make_gauge(self, model: nn.Module) -> Gauge:
        raise NotImplementedError

    def steps(self, model: nn.Module, count: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in model.parameters():
                noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.add_(0.01 * count * noise.to(parameter))

    def measured(self, gauge: Gauge, model: nn.Module) -> list[dict[str, float]]:
        found = [gauge.measure(model, 0)]
        for step, seed in ((1, 1), (3, 2)):
            self.steps(model, step, seed)
            found.append(gauge.measure(model, step))
        return found

    def test_values_carry_the_names_of_the_gauge(self):
        model = self.make_model()
        gauge = self.make_gauge(model)
        for values in self.measured(gauge, model):
            assert list(values) == [f"log_{name}" for name in gauge.names]
        assert gauge.begun
        assert all(math.isfinite(value) for value in values.values())

    def test_measuring_again_changes_nothing(self):
        model = self.make_model()
        gauge = self.make_gauge(model)
        last = self.measured(gauge, model)[-1]
        assert gauge.measure(model, 3) == pytest.approx(last, rel=1e-10, nan_ok=True)

    def test_the_model_stays_as_it_is(self):
        model = self.make_model().train()
        gauge = self.make_gauge(model)
        before = copy.deepcopy(model.state_dict())
        random = torch.get_rng_state()
        gauge.measure(model, 0)
        assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
        assert all(module.training for module in model.modules())
        assert all(parameter.grad is None for parameter in model.parameters())
        assert torch.equal(random, torch.get_rng_state())

    def test_a_resumed_run_records_the_same(self):
        model = self.make_model()
        gauge = self.make_gauge(model)
        gauge.measure(model, 0)
        self.steps(model, 1, 1)
        gauge.measure(model, 1)
        state = {name: value.clone() for name, value in gauge.state_dict().items()}
        resumed = self.make_gauge(model)
        resumed.load_state_dict(state)
        assert resumed.begun
        self.steps(model, 3, 2)
        assert resumed.measure(model, 3) == gauge.measure(model, 3)

    def test_a_diverged_model_is_not_a_number(self):
        model = self.make_model()
        gauge = self.make_gauge(model)
        self.measured(gauge, model)
        with torch.no_grad():
            next(model.parameters()).fill_(math.nan)
        for step in (4, 40):
            assert all(math.isnan(value) for value in gauge.measure(model, step).values())

    def test_states_hold_tensors_alone(self):
        model = self.make_model()
        gauge = self.make_gauge(model)
        self.measured(gauge, model)
        assert all(isinstance(value, torch.Tensor) for value in gauge.state_dict().values())

    def test_a_state_of_something_else_is_refused(self):
        model = self.make_model()
        gauge = self.make_gauge(model)
        if gauge.begun:
            pytest.skip("keeps no state")

        def go_on():
            gauge.load_state_dict({"nonsense": torch.zeros(1)})
            gauge.measure(model, 1)

        with pytest.raises(InputError, match="expected"):
            go_on()
