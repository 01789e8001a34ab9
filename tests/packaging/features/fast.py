"""A compiled meter follows a layer, and agrees with the full decomposition."""

import torch

import normlaws as nl

torch.manual_seed(0)
model = torch.nn.Linear(300, 200)
meter = nl.NormMeter(model, compiled=True)
meter.measure()
with torch.no_grad():
    model.weight.add_(1e-3 * torch.randn_like(model.weight))
found, exact = meter.measure(), nl.measure(model).total
assert abs(found["log_spectral_product"] - exact["log_spectral_product"]) <= 1e-6
