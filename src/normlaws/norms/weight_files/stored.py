"""Weights as the network uses them, from the tensors that a file keeps of them.

Weight norm, spectral norm and pruning keep a weight in parts, quantisation keeps codes and scales;
each rule below takes the names that belong to one weight and says how it is read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.nn import functional

from normlaws.errors import InputError, printable
from normlaws.norms.model.reading import dense
from normlaws.storage.reading import json_value

State = Mapping[str, Tensor]
Read = Callable[[], Tensor]


class Named(dict[str, Tensor]):
    """Tensors of a file by name."""

    @cached_property
    def scales(self) -> frozenset[str]:
        """Last parts of names that a scale or an offset of weights may have."""
        last = {name.rpartition(".")[2] for name in self}
        return frozenset(
            one for one in last if _OTHER_SCALES.search(one) and not _OF_ACTIVATIONS.search(one)
        )


@dataclass(frozen=True)
class Stored:
    """One weight of a file.

    Attributes:
        name: as the module calls it (``….weight``).
        shape: of the weight that is used.
        read: () -> that weight.
        sources: the tensors it is made of.
        skipped: why it cannot be read; empty where it can.
    """

    name: str
    shape: tuple[int, ...]
    read: Read
    sources: tuple[Tensor, ...]
    skipped: str = ""


def stored_weights(state: State) -> Iterator[Stored]:
    """Every weight of a state dict, its parts put together.

    Raises:
        InputError: weights are packed in a form that is not known.
    """
    taken: set[str] = set()
    state = Named(state)
    for name in state:
        if name in taken:
            continue
        for rule in _RULES:
            found = rule(name, state)
            if found is not None:
                weight, parts = found
                taken |= parts
                yield weight
                break
        else:
            tensor = state[name]
            if tensor.is_floating_point() or tensor.is_complex():
                yield Stored(name, tuple(tensor.shape), _as_is(tensor), (tensor,))


Found = tuple[Stored, set[str]]
_LONGEST_TEXT, _LONGEST_BLOCK = 1 << 16, 1 << 16


def _as_is(tensor: Tensor) -> Read:
    return lambda: dense(tensor)


def _weight_norm(name: str, state: State) -> Found | None:
    """g · v/‖v‖, the norm over all axes but those along which g extends."""
    for g_end, v_end in ((".original0", ".original1"), ("_g", "_v")):
        if not name.endswith((g_end, v_end)):
            continue
        stem = name.removesuffix(g_end if name.endswith(g_end) else v_end)
        if g_end == ".original0" and ".parametrizations." not in f".{stem}":
            continue
        g, v = state.get(stem + g_end), state.get(stem + v_end)
        if g is None or v is None or not _fits(g, v):
            continue
        used = _parametrised(stem)
        return (
            Stored(used, tuple(v.shape), _scaled(g, v), (g, v)),
            {stem + g_end, stem + v_end},
        )
    return None


def _fits(g: Tensor, v: Tensor) -> bool:
    if g.numel() == 1:
        return v.ndim > 1
    return g.ndim == v.ndim and all(a in (1, b) for a, b in zip(g.shape, v.shape, strict=True))


def _scaled(g: Tensor, v: Tensor) -> Read:
    def read() -> Tensor:
        direction, magnitude = v.double(), g.double()
        if magnitude.ndim != direction.ndim:
            found: Tensor = magnitude.reshape(()) * direction / torch.linalg.vector_norm(direction)
            return found
        axes = [axis for axis in range(v.ndim) if g.shape[axis] == 1]
        if not axes:
            return magnitude * direction.sign()
        found = magnitude * direction / torch.linalg.vector_norm(direction, dim=axes, keepdim=True)
        return found

    return read


def _spectral_norm(name: str, state: State) -> Found | None:
    """W / (uᵀ W v), with the vectors that stand beside it."""
    if name.endswith("_orig"):
        stem = name.removesuffix("_orig")
        u, v = f"{stem}_u", f"{stem}_v"
        used = stem
    elif name.endswith(".original") and "parametrizations." in name:
        stem = name.removesuffix(".original")
        u, v = f"{stem}.0._u", f"{stem}.0._v"
        used = _parametrised(stem)
    else:
        return None
    if u not in state:
        return None
    weight, left, right = state[name], state[u], state.get(v)

    def read() -> Tensor:
        return weight.double() / _sigma(weight.double(), left.double(), right)

    parts = tuple(one for one in (weight, left, right) if one is not None)
    return Stored(used, tuple(weight.shape), read, parts), {name, u, v}


def _sigma(weight: Tensor, u: Tensor, v: Tensor | None) -> Tensor:
    """uᵀ W v, W flattened along the axis that is as long as u.

    Of two such axes the first, unless the vectors clearly belong to the other.
    """
    values = []
    for axis in range(weight.ndim):
        if weight.shape[axis] != len(u):
            continue
        matrix = weight.movedim(axis, 0).flatten(1)
        right = functional.normalize(matrix.T @ u, dim=0) if v is None else v.double()
        if len(right) == matrix.shape[1]:
            values.append(u @ (matrix @ right))
    if not values:
        raise InputError("expected the vectors of spectral norm to fit the weight beside them")
    best = max(values, key=float)
    return best if float(best) > 2 * abs(float(values[0])) else values[0]


def _pruned(name: str, state: State) -> Found | None:
    """W ⊙ mask."""
    if not name.endswith(("_orig", "_mask")):
        return None
    stem = name.removesuffix("_orig").removesuffix("_mask")
    weight, mask = state.get(f"{stem}_orig"), state.get(f"{stem}_mask")
    if weight is None or mask is None or weight.shape != mask.shape:
        return None
    return (
        Stored(stem, tuple(weight.shape), lambda: weight * mask, (weight, mask)),
        {f"{stem}_orig", f"{stem}_mask"},
    )


def _other_parametrisation(name: str, state: State) -> Found | None:
    """A weight that code outside the file computes."""
    match = re.match(r"(.*parametrizations\.\w+)\.(original\d*|base|\d+\..*)$", name)
    if match is None:
        return None
    parts = {other for other in state if other.startswith(f"{match[1]}.")}
    shape = tuple(state[name].shape)
    why = "computed by a parametrisation that the file does not describe; measure the model"
    return Stored(_parametrised(match[1]), shape, _as_is(state[name]), (), why), parts


def _four_bit(name: str, state: State) -> Found | None:
    """bitsandbytes' nf4 and fp4: two codes a byte, a table, and a scale for every block."""
    match = re.match(r"(.*)\.quant_state\.bitsandbytes__\w+$", name)
    if match is None and f"{name}.absmax" in state:
        return _four_bit(
            next((one for one in state if one.startswith(f"{name}.quant_state.")), ""), state
        )
    if match is None or match[1] not in state:
        return None
    stem = match[1]
    parts = {one for one in state if one == stem or one.startswith(f"{stem}.")}
    said = _said(state[name], stem)
    shape = tuple(said["shape"])
    _check_four_bit(said, shape, stem, state)

    def read() -> Tensor:
        codes = state[stem].flatten()
        indices = torch.stack([codes >> 4, codes & 15], dim=1).flatten()[: math.prod(shape)]
        scale = state[f"{stem}.absmax"]
        if f"{stem}.nested_absmax" in state:
            table = state[f"{stem}.nested_quant_map"].double()[scale.long()]
            blocks = _blocks(table, said["nested_blocksize"])
            outer = state[f"{stem}.nested_absmax"].double()[:, None]
            scale = (blocks * outer).flatten()[: len(scale)] + said["nested_offset"]
        values = state[f"{stem}.quant_map"].double()[indices.long()]
        spread = _blocks(values, said["blocksize"]) * scale.double()[:, None]
        return spread.flatten()[: math.prod(shape)].reshape(shape)

    return Stored(stem, shape, read, (state[stem],)), parts


def _said(text: Tensor, stem: str) -> dict[str, Any]:
    """What bitsandbytes keeps of a weight's form: a JSON object, as bytes."""
    if text.dtype != torch.uint8 or text.numel() > _LONGEST_TEXT:
        raise InputError(f"expected bytes of JSON beside {printable(stem)}, got another tensor")
    said = json_value(bytes(text.flatten().tolist()), "the form of a 4-bit weight", stem)
    if not isinstance(said, dict) or not isinstance(said.get("shape"), list):
        raise InputError(f"expected the shape of {printable(stem)} beside its 4-bit codes")
    return said


def _check_four_bit(
    said: Mapping[str, Any], shape: tuple[Any, ...], stem: str, state: State
) -> None:
    """Two codes a byte, and blocks no longer than the codes: no size is taken on trust."""
    whole = all(type(side) is int and side > 0 for side in shape)
    codes, coded = (math.prod(shape) if whole else -1), 2 * state[stem].numel()
    if codes not in (coded, coded - 1):
        raise InputError(
            f"expected {coded:,} codes of 4 bits for {printable(stem)}, but the shape beside them "
            f"is {printable(shape)[:80]}"
        )
    for name in ("blocksize", *(("nested_blocksize",) if "nested_blocksize" in said else ())):
        size = said.get(name)
        if type(size) is not int or not 1 <= size <= _LONGEST_BLOCK:
            raise InputError(
                f"expected a {name} from 1 to {_LONGEST_BLOCK} of {printable(stem)}, "
                f"got {printable(size)[:40]}"
            )


def _blocks(values: Tensor, size: int) -> Tensor:
    """(blocks, size), the last one filled up with zeros."""
    return functional.pad(values, (0, -len(values) % size)).reshape(-1, size)


_SCALES = ("SCB", "weight_scale", "weight_scale_inv", "scale_weight", "scale", "scales")
_ZEROS = ("weight_zero_point", "zero_point")
_OTHER_SCALES = re.compile(r"scale|zero|absmax", re.IGNORECASE)
_OF_ACTIVATIONS = re.compile(r"(^|_)(input|output|act\w*|[qkv]|kv)(_|$)", re.IGNORECASE)


def _scaled_codes(name: str, state: Named) -> Found | None:
    """Integers or 8-bit floats times a scale: one number, one a row, or one a square block."""
    stem, _, attribute = name.rpartition(".")
    codes = state[name]
    if attribute != "weight" or not _is_code(codes) or codes.ndim < 2:
        return None
    before = f"{stem}." if stem else ""
    beside = [f"{before}{ending}" for ending in _SCALES if f"{before}{ending}" in state]
    known = {name, *beside[:1], f"{before}weight_format", f"{before}input_scale"}
    zeros = [f"{before}{ending}" for ending in _ZEROS if f"{before}{ending}" in state]
    others = set(_further_scales(before, state)) - {name, *beside[:1], *zeros}
    if codes.dtype == torch.uint8 or others or not beside:
        return _unknown(name, state) if others or zeros else None
    scale = state[beside[0]]
    spread = _spread(scale, tuple(codes.shape)) if scale.is_floating_point() else None
    shift = _spread(state[zeros[0]], tuple(codes.shape)) if zeros else float
    if spread is None or shift is None:
        return _unknown(name, state)
    factor = 1 / 127 if beside[0].endswith("SCB") else 1.0
    read = _product(codes, spread, factor, shift)
    return Stored(name, tuple(codes.shape), read, (codes, scale)), known | set(zeros)


def _quanto(name: str, state: State) -> Found | None:
    """optimum-quanto's ``….weight._data`` and ``….weight._scale``."""
    stem = name.removesuffix("._data")
    scale, codes = state.get(f"{stem}._scale"), state[name]
    if stem == name or scale is None:
        return None
    spread = _spread(scale, tuple(codes.shape)) if scale.is_floating_point() else None
    if not _is_code(codes) or codes.dtype == torch.uint8 or spread is None or codes.ndim < 2:
        return _unknown(name, state)
    read = _product(codes, spread, 1.0, float)
    return Stored(stem, tuple(codes.shape), read, (codes, scale)), {name, f"{stem}._scale"}


def _is_code(tensor: Tensor) -> bool:
    return tensor.dtype in (torch.int8, torch.uint8) or "float8" in str(tensor.dtype)


def _further_scales(before: str, state: Named) -> Iterator[str]:
    """Tensors beside a weight that its codes may have to be multiplied by or shifted by."""
    for attribute in state.scales:
        if f"{before}{attribute}" in state:
            yield f"{before}{attribute}"


def _product(
    codes: Tensor, spread: Callable[[], Tensor], factor: float, shift: Callable[[], Any]
) -> Read:
    return lambda: (codes.double() - shift()) * spread() * factor


def _spread(scale: Tensor, shape: tuple[int, ...]) -> Callable[[], Tensor] | None:
    """The scale in a form that multiplies a weight of ``shape``; None where none fits."""
    if scale.numel() == 1:
        return lambda: scale.double().reshape(())
    if scale.numel() == shape[0] and scale.shape[0] == shape[0]:
        return lambda: scale.double().reshape(-1, *[1] * (len(shape) - 1))
    if scale.ndim == 2 and len(shape) == 2:
        block = [-(-side // parts) for side, parts in zip(shape, scale.shape, strict=True)]
        size = max(block)
        if all(-(-side // size) == parts for side, parts in zip(shape, scale.shape, strict=True)):
            return lambda: (
                scale.double()
                .repeat_interleave(size, 0)
                .repeat_interleave(size, 1)[: shape[0], : shape[1]]
            )
        if shape[0] == scale.shape[0] and shape[1] % scale.shape[1] == 0:
            return lambda: scale.double().repeat_interleave(shape[1] // scale.shape[1], 1)
    return None


def _torch_quantised(name: str, state: State) -> Found | None:
    tensor = state[name]
    if not tensor.is_quantized:
        return None
    return Stored(name, tuple(tensor.shape), lambda: tensor.dequantize(), (tensor,)), {name}


_PACKED = re.compile(
    r"(^|[._])(qweight|weight_packed|W_q|blocks|kernel|weight|gate_up_proj|down_proj)$"
)


def _packed(name: str, state: State) -> Found | None:
    """Codes whose form is not known are refused; other integers are indices and counts."""
    tensor = state[name]
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
        return None
    if tensor.ndim < 2 or not _PACKED.search(name):
        return Stored(name, tuple(tensor.shape), _as_is(tensor), (), "no numbers"), {name}
    return _unknown(name, state)


def _unknown(name: str, state: State) -> NoReturn:
    """Codes are never taken for numbers.

    Raises:
        InputError: always.
    """
    dtype = str(state[name].dtype).removeprefix("torch.")
    raise InputError(
        f"expected weights that can be dequantised, but {name} holds {dtype} codes in a form that "
        "normlaws does not know; dequantise the model and save it again"
    )


def _parametrised(stem: str) -> str:
    """``layer.parametrizations.weight`` -> ``layer.weight``."""
    return re.sub(r"(^|\.)parametrizations\.(\w+)$", r"\1\2", stem)


_RULES: tuple[Callable[[str, Named], Found | None], ...] = (
    _torch_quantised,
    _spectral_norm,
    _pruned,
    _weight_norm,
    _other_parametrisation,
    _four_bit,
    _scaled_codes,
    _quanto,
    _packed,
)
