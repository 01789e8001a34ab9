"""Layers drawn by hypothesis, with sizes small enough to write out."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from torch import nn

CONVS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


@st.composite
def convolutions(draw):
    """A module, and the shape (channels, *sizes) of its input."""
    spatial = draw(st.sampled_from([1, 1, 2, 2, 2, 3]))
    groups = draw(st.integers(1, 3))
    axes = [draw(axis(spatial)) for _ in range(spatial)]
    torch.manual_seed(draw(st.integers(0, 99)))
    module = CONVS[spatial](
        groups * draw(st.integers(1, 2)),
        groups * draw(st.integers(1, 2)),
        tuple(a["taps"] for a in axes),
        stride=tuple(a["stride"] for a in axes),
        padding=tuple(a["padding"] for a in axes),
        dilation=tuple(a["dilation"] for a in axes),
        groups=groups,
        padding_mode=draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"])),
    )
    return module, (module.in_channels, *(a["size"] for a in axes))


@st.composite
def axis(draw, spatial):
    taps, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    padding = draw(st.integers(0, 2))
    least = max(dilation * (taps - 1) + 1 - 2 * padding, padding + 1)
    size = least + draw(st.integers(0, {1: 5, 2: 3, 3: 1}[spatial]))
    stride = draw(st.integers(1, 3))
    return {
        "taps": taps, "dilation": dilation, "padding": padding, "size": size, "stride": stride
    }  # fmt: skip


@st.composite
def transposed_convolutions(draw):
    """A module, and the shape (channels, *sizes) of its input."""
    spatial = draw(st.sampled_from([1, 2, 2, 3]))
    groups = draw(st.integers(1, 2))
    stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    taps = draw(st.integers(1, 3))
    padding = draw(st.integers(0, min(1, dilation * (taps - 1))))
    extra = draw(st.integers(0, max(stride, dilation) - 1))
    size = draw(st.integers(2, 4 if spatial < 3 else 2))
    torch.manual_seed(draw(st.integers(0, 99)))
    module = TRANSPOSED[spatial](
        groups * draw(st.integers(1, 2)),
        groups * draw(st.integers(1, 2)),
        taps,
        stride=stride,
        padding=padding,
        output_padding=extra,
        dilation=dilation,
        groups=groups,
    )
    return module, (module.in_channels, *[size] * spatial)
