"""Weights alone, without the model: a state dict or a file of one."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from normlaws.errors import CorruptFileError, DataNotFoundError, InputError
from normlaws.norms.measurement import Measurement, summarise
from normlaws.norms.model.kinds import PROJECTIONS, as_stored, transposed
from normlaws.norms.model.layers import Uncounted, WeightLayer, why_uncounted
from normlaws.norms.model.plan import Plan, Settings, conventions

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_EMBEDDING = re.compile(r"(embed\w*|wte|wpe|(^|\.)embeddings?\.\w*)\.weight$")
_TRANSPOSED = re.compile(r"\.(c_attn|c_proj|c_fc|q_attn)\.weight$")
_WEIGHT_NORM = (
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
    ("weight_g", "weight_v"),
)


def measure_file(path: str | Path) -> Measurement:
    """Measure the weights in a ``.safetensors`` file or a ``.pt`` state dict.

    Nothing in the file can run code: ``.pt`` files are read with ``weights_only=True``.

    Raises:
        DataNotFoundError: there is no such file.
        InputError: the suffix is not one of those above, or no weight matrix is in the file.
        CorruptFileError: the file is damaged, or holds more than tensors.
    """
    return measure_state(read_state(Path(path)))


def measure_state(state: Mapping[str, Tensor]) -> Measurement:
    """Measure a state dict, flat, reading kinds from names and shapes.

    Convolutions are tensors with three to five axes; ``in_proj_weight`` is split into query, key
    and value; tables named as embeddings and GPT-2's projections are transposed; weight-norm pairs
    are multiplied out. What names and shapes do not tell (groups, transposed convolutions, batch-
    norm) needs the model: see :func:`normlaws.norms.measure`.

    Raises:
        InputError: no weight matrix is in ``state``.
    """
    merged = dict(_multiplied_out(state))
    uncounted: list[Uncounted] = []
    layers: list[WeightLayer] = []
    for name, tensor in _distinct(merged):
        reason = why_uncounted(nn.Module(), tensor)
        if reason:
            uncounted.append(Uncounted(name, tuple(tensor.shape), reason))
        else:
            layers += _layers(name, tensor)
    if not layers:
        raise InputError(
            f"expected at least one weight matrix, got {len(state)} tensors, none of them a matrix"
        )
    said = conventions(Settings(), {}) | {"read_from": "names and shapes of a state dict"}
    plan = Plan(tuple(layers), {}, tuple(uncounted), said)
    return summarise(plan, parameters=sum(tensor.numel() for tensor in merged.values()))


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, by name; see :func:`measure_file`."""
    if not path.is_file():
        raise DataNotFoundError(f"expected a file of weights at {path}, but there is none")
    if path.suffix not in SUFFIXES:
        raise InputError(f"expected a file ending in {', '.join(SUFFIXES)}, got {path.name}")
    try:
        loaded = _load(path)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise CorruptFileError(
            f"expected a state dict of tensors alone in {path}, but it is damaged or holds "
            f"something that is refused: {str(error).splitlines()[0]}"
        ) from None
    except Exception as error:  # safetensors has an error of its own, derived from Exception
        raise CorruptFileError(f"expected a safetensors file at {path}, but {error}") from None
    return _tensors(path, loaded)


def _load(path: Path) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _tensors(path: Path, loaded: Any) -> dict[str, Tensor]:
    for key in _WRAPPERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
    if not isinstance(loaded, Mapping):
        raise CorruptFileError(
            f"expected a state dict in {path}, got a {type(loaded).__name__}; save "
            "model.state_dict() instead of the model"
        )
    return {str(name): value for name, value in loaded.items() if isinstance(value, Tensor)}


def _multiplied_out(state: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Floating-point tensors, weight-norm pairs (g, v) as g · v/‖v‖."""
    for name, tensor in state.items():
        if not tensor.is_floating_point():
            continue
        for magnitude, direction in _WEIGHT_NORM:
            partner = state.get(name.removesuffix(direction) + magnitude)
            if name.endswith(direction) and partner is not None:
                norm = torch.linalg.vector_norm(tensor.flatten(1).double(), dim=1)
                shape = (-1, *[1] * (tensor.ndim - 1))
                scale = partner.double().flatten() / norm
                name = name.removesuffix(direction) + "weight"
                tensor = tensor.double() * scale.reshape(shape)
        yield name, tensor


def _distinct(state: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Tensors that share their memory are tied and count once."""
    seen = set()
    for name, tensor in state.items():
        key = (tensor.data_ptr(), tuple(tensor.shape), tensor.stride())
        if tensor.numel() and key not in seen:
            seen.add(key)
            yield name, tensor


def _layers(name: str, tensor: Tensor) -> Iterator[WeightLayer]:
    short = name.removesuffix(".weight")
    if name.endswith("in_proj_weight"):
        for part, rows in zip(PROJECTIONS, tensor.chunk(3), strict=True):
            yield _layer(f"{name}[{part}]", f"attention.{part}", rows, as_stored)
    elif tensor.ndim == 2 and _EMBEDDING.search(name):
        yield _layer(short, "embedding", tensor, transposed)
    elif tensor.ndim == 2 and _TRANSPOSED.search(name):
        yield _layer(short, "linear", tensor, transposed)
    else:
        kind = "linear" if tensor.ndim == 2 else f"conv{tensor.ndim - 2}d"
        yield _layer(short, kind, tensor.flatten(1), as_stored, tuple(tensor.shape))


def _layer(
    name: str,
    kind: str,
    matrix: Tensor,
    flatten: Callable[[Tensor], Tensor],
    shape: tuple[int, ...] | None = None,
) -> WeightLayer:
    stored = shape or tuple(matrix.shape)
    return WeightLayer(name, kind, stored, lambda: flatten(matrix), (matrix,), None)
