"""A file of low-rank adapters alone: each pair is one layer, B A with its scaling."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from normlaws.errors import InputError, printable
from normlaws.norms.model.descriptions import is_adapter_weight
from normlaws.norms.model.layers import WeightLayer
from normlaws.storage.reading import check_unfolded

State = Mapping[str, Tensor]

_DOWN = re.compile(r"\.(lora_A|lora_embedding_A|lora_down|lora\.down)(\.\w+)?(\.weight)?$")
_UP = {
    "lora_A": "lora_B",
    "lora_embedding_A": "lora_embedding_B",
    "lora_down": "lora_up",
    "lora.down": "lora.up",
}
_READABLE = ("LORA", "")
_LONGEST = 300  # letters of a pattern, and of a name that it is compared with
_COSTLY = re.compile(r"\)[*+{]|[*+{].*[*+{]", re.DOTALL)  # what a comparison may never end with
_DOUBLE, _FLOOR = 8, 512 * 2**20  # bytes of a number, and of any layer's product


def is_adapter_alone(state: State) -> bool:
    """Whether a file holds parts of adapters, and no weight that they adapt."""
    matrices = [name for name, tensor in state.items() if tensor.ndim > 1]
    return bool(matrices) and all(
        is_adapter_weight(name) or _DOWN.search(name) or re.search(r"lora[._](up|down)", name)
        for name in matrices
    )


def adapter_layers(state: State, settings: Mapping[str, Any] | None) -> list[WeightLayer]:
    """One layer per pair.

    Args:
        state: the tensors of the file.
        settings: the ``adapter_config.json`` beside it; without it scalings are those of the file
            (``alpha``), or 1.

    Raises:
        InputError: the adapter is of another kind than LoRA, whose layers need their base.
    """
    settings = settings or {}
    kind = str(settings.get("peft_type") or "").upper()
    others = sorted({name for name in state if "lora_magnitude_vector" in name})
    if kind not in _READABLE or settings.get("use_dora") or others:
        what = "DoRA" if settings.get("use_dora") or others else settings.get("peft_type")
        raise InputError(
            f"expected an adapter whose layers can be read alone (LoRA), got {what}, which is "
            "defined together with its base; measure the model with the adapter loaded"
        )
    found = []
    stored = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    for name, down in state.items():
        match = _DOWN.search(name)
        if match is None:
            continue
        up_name = name[: match.start(1)] + _UP[match[1]] + name[match.end(1) :]
        up = state.get(up_name)
        if up is None:
            raise InputError(f"expected {up_name} beside {name}, but the file lacks it")
        stem = name[: match.start()]
        check_unfolded(
            _DOUBLE * math.prod((*up.shape[:1], *down.shape[1:])), stored, "adapters", stem, _FLOOR
        )
        scaling = _scaling(stem, down, state, settings)
        found.append(_layer(stem, match[1], down, up, scaling))
    if not found:
        raise InputError(
            "expected an adapter whose layers can be read alone (LoRA), got an adapter of another "
            "kind; measure the model with the adapter loaded"
        )
    return found


def _layer(stem: str, which: str, down: Tensor, up: Tensor, scaling: float) -> WeightLayer:
    table = which == "lora_embedding_A"
    if table:  # stored A (rank, tokens), B (width, rank): A acts on one-hot tokens
        shape: tuple[int, ...] = (down.shape[1], up.shape[0])
    else:
        shape = (up.shape[0], *down.shape[1:])

    def read() -> Tensor:
        return scaling * (up.double().flatten(1) @ down.double().flatten(1))[None]

    kind = "embedding.adapter" if table else "linear.adapter" if down.ndim == 2 else "conv.adapter"
    return WeightLayer(stem, kind, shape, read, (down, up), None)


def _scaling(stem: str, down: Tensor, state: State, settings: Mapping[str, Any]) -> float:
    """α/r, or α/√r for rank-stabilised LoRA."""
    rank = down.shape[0]
    alpha = state.get(f"{stem}.alpha")
    if alpha is not None:
        return float(alpha) / rank
    if not settings:
        return 1.0
    chosen = _matching(settings.get("alpha_pattern"), stem, settings.get("lora_alpha", rank))
    root: Callable[[float], float] = math.sqrt if settings.get("use_rslora") else float
    return float(chosen) / root(rank)


def _matching(patterns: Any, stem: str, default: Any) -> Any:
    for pattern, value in (patterns or {}).items():
        if len(pattern) > _LONGEST or len(stem) > _LONGEST or _COSTLY.search(pattern):
            raise InputError(
                "expected plain names with at most one repetition under alpha_pattern of the "
                f"adapter's settings, got {printable(pattern)[:60]!r}"
            )
        if re.match(rf"(.*\.)?({pattern})$", stem):
            return value
    return default
