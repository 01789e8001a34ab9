"""The state of an unfinished run, in one safetensors file; nothing is pickled."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from normlaws.errors import CorruptFileError, NormlawsWarning
from normlaws.gauges import Gauge
from normlaws.norms import NormMeter
from normlaws.storage.folder import replace_file

Row = dict[str, float]


def save_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    meter: NormMeter,
    gauges: Mapping[str, Gauge],
    step: int,
    rows: list[Row],
) -> None:
    """Write weights, optimiser, norm meter, gauges, the global generator, and the rows so far."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"meter.{name}": value for name, value in meter.state_dict().items()}
    for key, gauge in gauges.items():
        tensors |= {f"gauge.{key}.{name}": value for name, value in gauge.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": _tensor(value) for name, value in state.items()}
    tensors["generator"] = torch.get_rng_state()
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    progress = json.dumps({"step": step, "rows": rows})
    metadata = {"progress": progress, "sha256": _digest(plain, progress)}
    try:
        replace_file(path, lambda beside: save_file(plain, beside, metadata=metadata))
    except SafetensorError as error:  # how safetensors reports a full disk
        raise OSError(f"{error}: {path}") from None


def load_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    meter: NormMeter,
    gauges: Mapping[str, Gauge],
) -> tuple[int, list[Row]]:
    """Put the saved state back; return the step and the rows recorded until then.

    Returns ``(0, [])`` and changes nothing where there is no checkpoint, or one that is not whole:
    the run then starts again, which costs time and changes no number. A single flipped bit is
    enough: the file holds a digest of everything in it.

    Warns:
        NormlawsWarning: there is a checkpoint, but it is damaged.
    """
    if not path.exists():
        return 0, []
    try:
        tensors, progress = read_checkpoint(path)
    except CorruptFileError as damage:
        warnings.warn(f"{damage}; the run starts again", NormlawsWarning, stacklevel=2)
        return 0, []
    model.load_state_dict(_below("model.", tensors))
    meter.load_state_dict(_below("meter.", tensors))
    for key, gauge in gauges.items():
        gauge.load_state_dict(_below(f"gauge.{key}.", tensors))
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in _below("optimizer.", tensors).items():
        index, key = name.split(".", 1)
        states.setdefault(int(index), {})[key] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": states, "param_groups": groups})
    lay_out_like_parameters(optimizer)
    torch.set_rng_state(tensors["generator"])
    return progress["step"], progress["rows"]


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and progress of a checkpoint.

    Raises:
        CorruptFileError: the file cannot be read, or its digest is not that of its contents.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
        progress = metadata["progress"]
        if metadata["sha256"] == _digest(tensors, progress):
            return tensors, json.loads(progress)
        reason = "its digest is not that of its contents"
    except Exception as error:  # a damaged file fails in many ways
        reason = (str(error).splitlines() or [type(error).__name__])[0]
    raise CorruptFileError(f"expected a checkpoint at {path}, but it is damaged: {reason}")


def _digest(tensors: Mapping[str, Tensor], progress: str) -> str:
    """SHA-256 of names, types, shapes and bytes of all tensors, and of the progress."""
    digest = hashlib.sha256(progress.encode())
    for name in sorted(tensors):
        value = tensors[name].contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def lay_out_like_parameters(optimizer: torch.optim.Optimizer) -> None:
    """Give state tensors the strides of their parameters.

    The file holds contiguous tensors, and the fused optimisers walk through parameter and state in
    the order of memory: beside a channels-last weight, contiguous moments would be permuted.
    """
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _tensor(value: Tensor | float) -> Tensor:
    return value if isinstance(value, Tensor) else torch.tensor(value)


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
