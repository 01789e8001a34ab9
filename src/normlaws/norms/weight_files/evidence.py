"""What names and shapes of a file tell about each weight, where no model is at hand.

A tensor is described by what stands beside it: a bias says which axis is the output, the layer
before says how wide the input is, and so in how many groups a convolution works. Names decide only
where shapes leave a doubt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from normlaws.norms.model import descriptions
from normlaws.norms.model.descriptions import PROJECTIONS, Description, as_stored

Shape = tuple[int, ...]

_EMBEDDING = re.compile(
    r"(^|_)(emb|embs|embed|embeds|embedder|embedding|embeddings|embedings|wte|wpe|wse|lut)"
    r"(_(in|tokens?|positions?|pos|\d+))*$"
    r"|^(tokens?|positions?|word|words|pos|char|tag|role|segment|type|label|class|rel)_emb\w*$"
    r"|^(shared|vocab|codebook|token_type_embeddings_?\d*)$"
)
_NO_EMBEDDING = re.compile(
    r"(^|_)(out|output|proj|projection|projector|head|logits?|mapping|transform|linear|fc|dense|"
    r"pred|predictions?|decoder|unembed\w*)(_|$)"
)
_UPWARDS = re.compile(
    r"(^|[._])(up|upsample\w*|ups|deconv\w*|\w*transposed?|convt|upconv\w*)(\d*)([._]|$)"
)
_EXPERTS = re.compile(r"expert|moe", re.IGNORECASE)
_QKV = re.compile(r"^([qkv])_proj_weight$")
_RECURRENT = re.compile(r"^weight_(ih|hh|hr)(_l\d+(_reverse)?)?$")
_IMAGE_CHANNELS = 4
_USUAL_KERNEL = 8
_LONGEST_KERNEL = 64  # taps of a one-dimensional convolution beyond which it is a stack


@dataclass
class Evidence:
    """All names and shapes of a file, in the order of the network.

    Attributes:
        shapes: of every floating-point tensor.
        transposed_names: last names of GPT-2's layers, which store (in, out), as biases show.
        width: outputs of the layer before the one that is looked at; 0 where there is none.
        doubts: what was guessed, by name.
    """

    shapes: Mapping[str, Shape]
    transposed_names: frozenset[str] = field(init=False)
    width: int = field(default=0, init=False)
    doubts: dict[str, str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.transposed_names = _transposed_names(self.shapes)
        self._names = list(self.shapes)
        self._outputs: dict[bool, set[int]] = {True: set(), False: set()}  # by whether biased
        self._before = ("", 0, 1)  # block, inputs and groups of the kernel before
        self._place = {name: index for index, name in enumerate(self._names)}

    def describe(self, name: str) -> tuple[str, Description] | None:
        """Name and description of the layer that a tensor is the weight of; None for a doubt.

        Tensors are to be asked for in order: each tells how wide the input of the next is.
        """
        stem, _, attribute = name.rpartition(".")
        shape = self.shapes[name]
        if attribute == "in_proj_weight":
            self.width = shape[1]
            return stem, descriptions.attention_input()
        if (part := _QKV.match(attribute)) and len(shape) == 2:
            full = next(one for one in PROJECTIONS if one[0] == part[1])
            return f"{stem}[{full}]", Description(f"attention.{full}", as_stored)
        if _RECURRENT.match(attribute) and len(shape) == 2:
            return name, descriptions.recurrent(attribute)
        if attribute not in ("weight", ""):
            return None
        described = self._matrix(stem, shape) if len(shape) == 2 else self._kernel(stem, shape)
        return stem, described

    def _matrix(self, stem: str, shape: Shape) -> Description:
        last = _named(stem)
        bias = self.shapes.get(_beside(stem, "bias"))
        if bias is None and _is_embedding(stem):
            self.width = shape[1]
            return descriptions.embedding()
        if bias is not None and last in self.transposed_names and shape[1:] == bias:
            self.width = shape[1]
            return descriptions.gpt2_linear(last, *shape)
        self.width = shape[0]
        above = stem.rpartition(".")[0]
        if last == "out_proj" and f"{above}.in_proj_weight".lstrip(".") in self.shapes:
            return Description("attention.output", as_stored)
        return descriptions.linear(last, *shape)

    def _kernel(self, stem: str, shape: Shape) -> Description:
        bias = self.shapes.get(_beside(stem, "bias"))
        if len(shape) == 3 and self._is_stack(stem, shape, bias):
            self.doubts[stem] = descriptions.measured_as(shape, stem)
            return descriptions.unknown(shape, stem + ".experts", bias)
        if len(shape) > 5:
            self.doubts[stem] = "as flat"
            return descriptions.unknown(shape)
        if self._is_transposed(stem, shape, bias):
            self.width = shape[1]
            return descriptions.transposed_convolution(len(shape), 1)
        groups = self._groups(stem, shape)
        self.width = shape[0]
        self._before = _block(stem), shape[1], groups
        self._outputs[bias is not None].add(shape[0])
        return descriptions.convolution(len(shape), groups)

    def _is_stack(self, stem: str, shape: Shape, bias: Shape | None) -> bool:
        if bias is not None and len(bias) == 1:
            return False
        if _EXPERTS.search(stem) or shape[2] > _LONGEST_KERNEL:
            return True
        return descriptions.is_stack(shape) and shape[2] > _USUAL_KERNEL

    def _is_transposed(self, stem: str, shape: Shape, bias: Shape | None) -> bool:
        """Stored (in, out/groups, *taps)? What is as long as the outputs tells."""
        if max(shape[2:]) == 1 or shape[1] == 1:
            return False
        if bias is not None and shape[0] != shape[1]:
            return bias[0] == shape[1]
        named = _UPWARDS.search(stem.lower()) is not None
        fits = self.width in (0, shape[0])
        if shape[0] != shape[1]:
            norm = self._norm_behind(stem)
            ahead = norm[0] if norm is not None else self._width_ahead(stem)
            return fits and ahead == shape[1] and (named or self.width == shape[0])
        even = min(shape[2:]) % 2 == 0
        if even and not named and fits:
            self.doubts[stem] = "as a convolution, which a transposed one would not differ from"
        return named and even and fits

    def _norm_behind(self, stem: str) -> Shape | None:
        """The next tensor, where it is the gain of a normalisation."""
        index = self._place[_beside(stem, "weight")] + 1
        if index < len(self._names):
            shape = self.shapes[self._names[index]]
            return shape if len(shape) == 1 else None
        return None

    def _width_ahead(self, stem: str) -> int:
        """Inputs of the next matrix or kernel; 0 at the end."""
        for name in self._names[self._place[_beside(stem, "weight")] + 1 :]:
            shape = self.shapes[name]
            if len(shape) > 1 and name.endswith(".weight"):
                return shape[1]
        return 0

    def _groups(self, stem: str, shape: Shape) -> int:
        """Inputs over inputs per group; 1 where nothing says that there are more.

        A kernel of one input channel behind another layer works channel by channel. Others are
        grouped where their inputs divide the outputs of the layer before in the same block, or
        are the outputs of no layer so far.
        """
        outputs, inputs = shape[:2]
        if inputs == 1:
            if self.width == outputs:
                return outputs
            if not self.width or max(shape[2:]) == 1:
                return 1
            first = len(shape) > 3 and not any(self._outputs.values())
            self.doubts[stem] = "with one input channel" if first else "channel by channel"
            return 1 if first else outputs
        groups, left = divmod(self.width, inputs)
        if left or groups < 2 or outputs % groups or outputs < self.width:
            return 1
        parallel = self._before[1] == inputs and self._before[2] == 1
        in_block = self._before[0] == _block(stem) and not parallel
        wide = max(shape[2:]) > 1
        if not (in_block and wide):
            biased = _beside(stem, "bias") in self.shapes
            seen = self._outputs[biased] if wide else self._outputs[True] | self._outputs[False]
            if inputs in seen or inputs <= _IMAGE_CHANNELS:
                return 1
        self.doubts[stem] = f"in {groups} groups, as {self.width} outputs come before"
        return groups


def _block(stem: str) -> str:
    """The path of the block that a convolution belongs to."""
    return stem.removesuffix(".conv").rpartition(".")[0]


def _transposed_names(shapes: Mapping[str, Shape]) -> frozenset[str]:
    """Last names under which (in, out) is stored: no bias is as long as the first axis.

    A square weight tells nothing; it goes with the others of its name, or of its file where the
    name is GPT-2's.
    """
    seen: dict[str, set[bool]] = {}
    for name, shape in shapes.items():
        stem, _, attribute = name.rpartition(".")
        bias = shapes.get(_beside(stem, "bias"))
        if attribute == "weight" and len(shape) == 2 and bias is not None and len(bias) == 1:
            found = seen.setdefault(_named(stem), set())
            if shape[0] != shape[1]:
                found.add(bias[0] == shape[1])
    columns = {last for last, found in seen.items() if True in found}
    rows = {last for last, found in seen.items() if False in found}
    if columns and not rows & _GPT2:
        columns |= {last for last in seen if last in _GPT2 and last not in rows}
    return frozenset(columns)


_GPT2 = {"c_attn", "q_attn", "c_proj", "c_fc"}


def _is_embedding(stem: str) -> bool:
    last = _named(stem)
    if _NO_EMBEDDING.search(last):
        return False
    return _EMBEDDING.search(last) is not None


def _beside(stem: str, attribute: str) -> str:
    return f"{stem}.{attribute}" if stem else attribute


def _named(stem: str) -> str:
    """The last part of a path that is no number."""
    parts = [part for part in stem.split(".") if not part.isdigit()]
    return parts[-1] if parts else ""
