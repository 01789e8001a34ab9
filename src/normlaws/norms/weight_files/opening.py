"""Files and folders of weights as they lie around -> tensors by name, read where they are.

The content of a file decides what it is, not its ending. Nothing in a file can run code: what
``torch.save`` wrote is read with ``weights_only=True``.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from normlaws.errors import (
    CorruptFileError,
    DataNotFoundError,
    InputError,
    NormlawsWarning,
    printable,
)
from normlaws.norms.weight_files.sizes import check_archive
from normlaws.storage.reading import MAX_TEXT, check_plain, json_object

_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".tar")
_NO_WEIGHTS = re.compile(
    r"^(optimizer|scheduler|scaler|rng_state|training_args|trainer_state|random_states|sampler)"
)
_USUAL = (
    "model.safetensors",
    "pytorch_model.bin",
    "diffusion_pytorch_model.safetensors",
    "adapter_model.safetensors",
    "adapter_model.bin",
)
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})\.|^consolidated\.(\d\d)\.|^mp_rank_(\d\d)_")
_REFUSED = re.compile(r"(?:GLOBAL|[Cc]lass|function) `?([\w.]+)`?")
_MAGIC = {
    b"GGUF": "a GGUF file, whose weights are packed",
    b"\x89HDF": "an HDF5 file, as Keras writes it; load the model, then use normlaws.measure",
    b"version https://git-lfs": "a pointer of Git LFS instead of the file itself",
    b"\x93NUMPY": "a NumPy array",
    b"<": "a page of markup, as a failed download leaves it",
}


def opened(path: Path) -> Any:
    """What a file or folder holds: a mapping of tensors, or what was saved around them.

    Raises:
        DataNotFoundError: there is no such file, or a shard is missing.
        InputError: no file of weights, several of them, or one shard of several.
        CorruptFileError: a file is damaged, or holds more than tensors.
    """
    if path.is_dir():
        path = _in_folder(path)
    if not path.is_file():
        raise DataNotFoundError(f"expected weights at {path}, but there is none")
    if path.name.endswith(".index.json"):
        return _sharded(path)
    _refuse_shard(path)
    return _one_file(path)


def stored_bytes(path: Path) -> int:
    """Length of a file of weights; of all files of its folder where they are several."""
    if path.is_file() and not path.name.endswith(".index.json"):
        return path.stat().st_size
    folder = path if path.is_dir() else path.parent
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())


def adapter_settings(path: Path) -> dict[str, Any] | None:
    """The ``adapter_config.json`` in a folder or beside a file; None where there is none."""
    config = (path if path.is_dir() else path.parent) / "adapter_config.json"
    return json_object(config) if config.is_file() else None


def _in_folder(folder: Path) -> Path:
    """The one file of weights, or the index of shards, in a folder."""
    files = sorted(file for file in folder.iterdir() if file.is_file())
    indices = [file for file in files if file.name.endswith(".index.json")]
    indices.sort(key=lambda file: "safetensors" not in file.name)
    if indices:
        return indices[0]
    for name in _USUAL:
        if (folder / name).is_file():
            return folder / name
    found = [
        file
        for file in files
        if file.suffix.lower() in _SUFFIXES and not _NO_WEIGHTS.match(file.name)
    ]
    if len(found) == 1:
        return found[0]
    if any(file.suffix == ".distcp" for file in files):
        raise InputError(
            f"expected whole weights in {folder}, got a distributed checkpoint; convert it with "
            "python -m torch.distributed.checkpoint.format_utils dcp_to_torch"
        )
    if not found:
        raise DataNotFoundError(
            f"expected a file of weights in {folder}, such as model.safetensors, but found none"
        )
    if all(_SHARD.search(file.name) for file in found):
        raise InputError(
            f"expected an index of the {len(found)} shards in {folder} "
            "(model.safetensors.index.json), but there is none"
        )
    names = ", ".join(file.name for file in found[:5])
    raise InputError(f"expected one file of weights in {folder}, got {names}; name one")


def _sharded(index: Path) -> dict[str, Tensor]:
    places = json_object(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise CorruptFileError(f"expected an index with a weight_map at {index}, but it has none")
    found: dict[str, Tensor] = {}
    for shard in dict.fromkeys(places.values()):
        if not isinstance(shard, str) or Path(shard).name != shard:
            raise CorruptFileError(f"expected names of files beside {index}, got {shard!r}")
        file = index.with_name(shard)
        if not file.is_file():
            raise DataNotFoundError(f"expected the shard {shard} beside {index}, but it is missing")
        held = _one_file(file)
        if isinstance(held, Mapping):
            found |= {name: held[name] for name in places if name in held}
    missing = [name for name in places if name not in found]
    if missing:
        raise CorruptFileError(
            f"expected {missing[0]} in the shards of {index}, but it is in none of them"
        )
    return found


def _refuse_shard(path: Path) -> None:
    shard = _SHARD.search(path.name)
    if shard is None:
        return
    siblings = [file for file in path.parent.iterdir() if _SHARD.search(file.name)]
    count = int(shard[2]) if shard[2] else len(siblings)
    if count > 1:
        raise InputError(
            f"expected a whole network, but {path.name} is one of {count} parts; "
            "give the folder, or its index.json"
        )


def _one_file(path: Path) -> Any:
    check_plain(path, "weights")
    with path.open("rb") as stream:
        head = stream.read(64)
    if not head:
        raise CorruptFileError(f"expected weights in {path}, but the file is empty")
    for magic, what in _MAGIC.items():
        if head.startswith(magic):
            raise InputError(f"expected a state dict or safetensors at {path}, got {what}")
    if not _is_safetensors(head) and not head.startswith((b"PK", b"\x80")):
        raise CorruptFileError(_damaged(path, "it is no file of weights"))
    try:
        return _safetensors(path) if _is_safetensors(head) else _torch_file(path)
    except (CorruptFileError, InputError):
        raise
    except Exception as error:  # the readers raise whatever damage leads them to
        raise CorruptFileError(_why(path, error)) from None


def _is_safetensors(head: bytes) -> bool:
    """Eight bytes of length, the upper four of them zero, then a JSON object."""
    return head[4:9] == b"\0\0\0\0{"


def _safetensors(path: Path) -> dict[str, Tensor]:
    """Tensors mapped from the file, in the order of the network as far as names tell it."""
    from safetensors import safe_open

    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
    if length > MAX_TEXT:
        raise CorruptFileError(_damaged(path, f"its header has {length:,} bytes"))
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in in_order(file.keys())}


def _torch_file(path: Path) -> Any:
    check_archive(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except RuntimeError as error:
            if "mmap" not in str(error):
                raise
            return torch.load(path, map_location="cpu", weights_only=True)


def _why(path: Path, error: Exception) -> str:
    text = printable(re.sub(r"\x1b\[[0-9;]*m", "", str(error)))
    if "TorchScript" in text:
        return (
            f"expected a state dict in {path}, got a TorchScript archive; load it with "
            "torch.jit.load and save its state_dict()"
        )
    refused = _REFUSED.search(text)
    if refused:
        return (
            f"expected a state dict of tensors alone in {path}, but it holds a {refused[1]}, which "
            "is refused because it could run code; save model.state_dict() alone, or as safetensors"
        )
    first = (text.strip().splitlines() or [type(error).__name__])[0]
    if "Weights only load failed" in first:
        first = "it is no file of weights"
    return _damaged(path, first)


def _damaged(path: Path, why: str) -> str:
    return (
        f"expected a state dict or safetensors at {path}, but it is damaged or something else: "
        f"{why}"
    )


_LAST = re.compile(
    r"^(lm_head|\w*head|heads|classifier|fc|score|output|embed_out|cls|qa_outputs|pooler)$"
)
_FIRST = re.compile(
    r"^(\w*emb\w*|wte|wpe|shared|\w*stem|conv1|conv_1|bn1|conv_first|feature_extractor|features?|"
    r"conv0|first_conv|conv_proj|downs?|backbone|body)$"
)


def in_order(names: Iterable[str]) -> list[str]:
    """Names sorted as a network runs: 2 before 10, embeddings and stems first, heads last.

    For files that keep their tensors by alphabet; those of ``torch.save`` keep the order of the
    model.
    """

    def key(name: str) -> list[tuple[int, int, str]]:
        *path, last = name.split(".")
        parts = [(2, int(part), "") if part.isdigit() else (_rank(part), 0, part) for part in path]
        return [*parts, (4, last != "weight", last)]

    return sorted(names, key=key)


def _rank(part: str) -> int:
    if part.endswith("encoder"):
        return 1
    return 0 if _FIRST.search(part) else 3 if _LAST.search(part) else 2


def warn_taken(path: str, others: list[str]) -> None:
    """Say which of several equal networks in a file is measured."""
    warnings.warn(
        f"the file holds the same network under {path} and {', '.join(others)}; {path} is "
        "measured, key= chooses another",
        NormlawsWarning,
        stacklevel=5,
    )
