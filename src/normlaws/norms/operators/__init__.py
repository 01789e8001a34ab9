"""The linear maps of layers: one :class:`Operator`, in three kinds."""

from __future__ import annotations

from torch import Tensor

from normlaws.norms.operators.blocks import Blocks, flat
from normlaws.norms.operators.convolution import ConvolutionOperator
from normlaws.norms.operators.flat import Flat
from normlaws.norms.operators.geometry import Convolution
from normlaws.norms.operators.operator import Operator


def operator_of(blocks: Tensor, conv: Convolution | None) -> Operator:
    """What a weight (groups, out, in · taps) does: flat, or on maps of known size."""
    return flat(blocks) if conv is None else ConvolutionOperator(blocks, conv)


__all__ = ["Blocks", "ConvolutionOperator", "Flat", "Operator", "operator_of"]
