"""What a stored weight multiplies by: one description for a live module and for a file of weights.

Modules are described by their type (:mod:`normlaws.norms.model.kinds`), files by names and shapes
(:mod:`normlaws.norms.weight_files`); what follows from a description stands here alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from normlaws.norms.model.weight_layer import Read, WeightLayer

PROJECTIONS = ("query", "key", "value")
FUSED_NAMES = ("qkv", "in_proj", "to_qkv", "Wqkv", "c_attn")


@dataclass(frozen=True)
class Description:
    """How the blocks A_g of a weight are read from what is stored.

    Attributes:
        kind: ``linear``, ``conv2d``, ``attention``, ``embedding``, …
        flatten: stored weight -> (groups, rows = outputs, columns = inputs).
        parts: names of the equal row blocks of a fused projection, each a layer of its own.
    """

    kind: str
    flatten: Callable[[Tensor], Tensor]
    parts: tuple[str, ...] = ()

    def layers(
        self,
        name: str,
        shape: tuple[int, ...],
        stored: Callable[[], Tensor],
        sources: tuple[Any, ...],
        module: Any = None,
    ) -> list[WeightLayer]:
        """The layers of one stored weight.

        Args:
            name: of the layer.
            shape: of the stored weight.
            stored: () -> the stored weight, as it is now.
            sources: the tensors that it is made of.
            module: the module that owns it, if there is one.
        """
        if not self.parts:
            read = _reader(stored, self.flatten)
            return [WeightLayer(name, self.kind, shape, read, sources, module)]
        rows, columns = _sides(self.flatten, shape)
        return [
            WeightLayer(
                f"{name}[{part}]",
                f"attention.{part}",
                (rows // len(self.parts), columns),
                _part_reader(stored, self.flatten, index, len(self.parts)),
                sources,
                module,
            )
            for index, part in enumerate(self.parts)
        ]


def as_stored(weight: Tensor) -> Tensor:
    """(out, in) -> (1, out, in)."""
    return weight[None]


def transposed(weight: Tensor) -> Tensor:
    """(in, out) -> (1, out, in)."""
    return weight.T[None]


def linear(last_name: str, rows: int, columns: int) -> Description:
    """``y = W x``; fused query-key-value projections are split."""
    fused = last_name in FUSED_NAMES and rows == 3 * columns
    return Description("linear", as_stored, PROJECTIONS if fused else ())


def gpt2_linear(last_name: str, rows: int, columns: int) -> Description:
    """``y = x W`` with W stored (in, out) = (rows, columns); fused projections are split."""
    fused = last_name == "c_attn" and columns in (2 * rows, 3 * rows)
    return Description("linear", transposed, PROJECTIONS[-(columns // rows) :] if fused else ())


def embedding() -> Description:
    """A table (tokens, width) acts on one-hot tokens: A = Wᵀ."""
    return Description("embedding", transposed)


def attention_input() -> Description:
    """Query, key and value of ``nn.MultiheadAttention`` in one matrix."""
    return Description("attention", as_stored, PROJECTIONS)


def recurrent(attribute: str) -> Description:
    """Input-to-hidden or hidden-to-hidden matrix, gates stacked as stored."""
    return Description("recurrent" if "hh" in attribute else "linear", as_stored)


def convolution(axes: int, groups: int) -> Description:
    """Flat reading of (out, in/groups, *taps): (out, in/groups · taps), one block per group."""
    return Description(
        f"conv{axes - 2}d", lambda weight: weight.reshape(groups, weight.shape[0] // groups, -1)
    )


def transposed_convolution(axes: int, groups: int) -> Description:
    """Stored as (in, out/groups, *taps); flat reading: (out, in/groups · taps) per group."""

    def flatten(weight: Tensor) -> Tensor:
        blocks = weight.flatten(2).unflatten(0, (groups, -1))  # (g, in, out, taps)
        found: Tensor = blocks.transpose(1, 2).flatten(2)
        return found

    return Description(f"conv_transpose{axes - 2}d", flatten)


def unknown(
    shape: tuple[int, ...], name: str = "", bias: tuple[int, ...] | None = None
) -> Description:
    """A weight of an unknown layer: a stack of matrices, or read as flat.

    A stack (experts, out, in) is block-diagonal, as a grouped convolution: its spectral norm is
    that of the largest block.

    Args:
        shape: of the stored weight.
        name: of weight and layer; that of experts tells a stack.
        bias: shape of the bias of a stack, which tells (experts, in, out).
    """
    if not is_stack(shape, name):
        return Description("unknown", lambda weight: weight.reshape(1, weight.shape[0], -1))
    if bias is not None and len(bias) == 2 and bias[1] == shape[2] != shape[1]:
        return Description("stack", lambda weight: weight.mT)
    return Description("stack", lambda weight: weight)


def is_stack(shape: tuple[int, ...], name: str = "") -> bool:
    """Whether three axes are a stack of matrices: of experts, or fewer than each has sides."""
    if len(shape) != 3:
        return False
    return _EXPERTS.search(name) is not None or shape[0] <= min(shape[1:])


def measured_as(shape: tuple[int, ...], name: str = "") -> str:
    """What :func:`unknown` does, in words."""
    if is_stack(shape, name):
        return f"as {shape[0]} matrices of {shape[1]} × {shape[2]}, of which the largest counts"
    return "as flat"


_EXPERTS = re.compile(r"expert|moe", re.IGNORECASE)
_BIAS = re.compile(r"(^|_)bias(es)?($|_)")
_POSITIONS = re.compile(r"(^|_)(pe|pos(ition(s|al)?)?(_(emb\w*|enc\w*|table|bias\w*))?)$")
_MASKS = re.compile(r"(^|_)mask$")


def why_named_uncounted(attribute: str, owner: str = "") -> str | None:
    """Why a weight of more than one axis is no matrix, as its name tells; None where it may be.

    Args:
        attribute: last part of its name; ``weight`` says nothing.
        owner: the part before, which tells for tables stored as ``….weight``.
    """
    last = owner if attribute == "weight" else attribute
    if _BIAS.search(last):
        return "bias: added, not multiplied by"
    if attribute != "weight" and _POSITIONS.search(last):
        return "table of positions: added, not multiplied by"
    if _MASKS.search(last):
        return "mask"
    return None


_ADAPTER = re.compile(
    r"(^|\.)(lora_(A|B|embedding_A|embedding_B|magnitude_vector|E)|vera_(A|B|lambda_\w)|ia3_l|"
    r"hada_\w+|lokr_\w+|oft_\w+|boft_\w+|adapter_\w+)($|\.)"
)


def is_adapter_weight(name: str) -> bool:
    """Whether a name is that of a part of a low-rank or other adapter."""
    return _ADAPTER.search(name) is not None


def _sides(flatten: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> tuple[int, int]:
    return (shape[1], shape[0]) if flatten is transposed else (shape[0], shape[1])


def _reader(stored: Callable[[], Tensor], flatten: Callable[[Tensor], Tensor]) -> Read:
    return lambda: flatten(stored())


def _part_reader(
    stored: Callable[[], Tensor], flatten: Callable[[Tensor], Tensor], index: int, parts: int
) -> Read:
    return lambda: flatten(stored()).chunk(parts, dim=1)[index]
