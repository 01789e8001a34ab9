"""Arithmetic of the network's forward pass."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, nullcontext

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from normlaws.errors import InputError


def arithmetic(precision: str, device: str) -> AbstractContextManager[object]:
    """A context, entered as often as wanted, in which networks compute in ``precision``.

    In ``"bf16"`` matrix products and convolutions take bfloat16 and accumulate float32; weights,
    optimiser, losses and norms stay float32.

    Raises:
        InputError: the device has no bfloat16 arithmetic.
    """
    if precision == "float32":
        return nullcontext()
    kind = torch.device(device).type
    if not _has_bf16(kind):
        raise InputError(
            f"expected a device with bfloat16 arithmetic for precision = 'bf16', but {device} has "
            "none; leave precision at 'float32'"
        )
    return _Bf16OnCpu() if kind == "cpu" else torch.autocast(kind, dtype=torch.bfloat16)


class _Bf16OnCpu(AbstractContextManager[None]):
    """Autocast, with attention as the matrix products that it consists of.

    The backward pass of PyTorch's fused attention does not use the processor's bfloat16 arithmetic:
    a step of the paper's ViT for MNIST took twice as long with it.
    """

    def __enter__(self) -> None:
        self._entered = ExitStack()
        self._entered.enter_context(torch.autocast("cpu", dtype=torch.bfloat16))
        self._entered.enter_context(sdpa_kernel(SDPBackend.MATH))

    def __exit__(self, *_: object) -> None:
        self._entered.close()


def _has_bf16(kind: str) -> bool:
    if kind == "cpu":
        return torch.backends.mkldnn.is_available() and _mkldnn_has_bf16()
    return kind == "cuda" and torch.cuda.is_bf16_supported()


def _mkldnn_has_bf16() -> bool:
    """Whether oneDNN computes in bfloat16 here; torch has no public name for the question."""
    ask = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return bool(ask is None or ask())
