"""The state dict inside what a training saved: found by what it is, under whatever key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from normlaws.errors import CorruptFileError, InputError, allowed
from normlaws.norms.model.twin import PREFIXES
from normlaws.norms.weight_files.opening import warn_taken

_DEEPEST = 3
_COPY = re.compile(r"ema|avg|average|swa|teacher|shadow|slow|momentum|target|best", re.IGNORECASE)
_NO_NETWORK = re.compile(
    r"optim|sched|scaler|rng|random|amp$|callbacks|loops|hyper|hparams|history|metrics"
)
State = dict[str, Tensor]


def state_in(loaded: Any, source: str, key: str | None = None) -> State:
    """The tensors of the one network in ``loaded``, under the names of the bare model.

    Args:
        loaded: what the file held.
        source: its name, for messages.
        key: where in it the network is, with points between nested keys; by default it is found.

    Raises:
        InputError: there are several networks, or none, or nothing under ``key``.
        CorruptFileError: there is something else than a mapping.
    """
    if not isinstance(loaded, Mapping):
        raise CorruptFileError(
            f"expected a state dict in {source}, got a {type(loaded).__name__}; save "
            "model.state_dict() instead"
        )
    found = {".".join(path): state for path, state in _networks(loaded, (), set())}
    if key is not None:
        if key not in found:
            raise InputError(f"expected a key {allowed(found or ['none'])} in {source}, got {key}")
        return bare_keys(found[key])
    if not found:
        keys = ", ".join(map(str, list(loaded)[:8])) or "nothing"
        raise InputError(
            f"expected at least one weight matrix in {source}, which holds {keys}, none of "
            "them a matrix"
        )
    return bare_keys(found[_chosen(found, source)])


def _networks(
    loaded: Mapping[Any, Any], path: tuple[str, ...], seen: set[int]
) -> Iterator[tuple[tuple[str, ...], State]]:
    """Every mapping that holds tensors of a network, the outermost on each branch, once."""
    if "param_groups" in loaded or id(loaded) in seen:
        return
    seen.add(id(loaded))
    tensors = {str(name): value for name, value in flattened(loaded)}
    if any(tensor.ndim > 1 for tensor in tensors.values()):
        yield path, tensors
        return
    if len(path) >= _DEEPEST:
        return
    for name, value in loaded.items():
        if isinstance(value, Mapping) and not _NO_NETWORK.search(str(name).lower()):
            yield from _networks(value, (*path, str(name)), seen)


def flattened(loaded: Mapping[Any, Any]) -> Iterator[tuple[str, Tensor]]:
    """Tensors of a mapping; those that torch's quantised layers keep in tuples among them."""
    for name, value in loaded.items():
        if isinstance(value, Tensor):
            yield str(name), value
        elif (
            str(name).endswith("_packed_params")
            and isinstance(value, tuple)
            and value
            and isinstance(value[0], Tensor)
        ):
            yield str(name).replace("_packed_params._packed_params", "weight"), value[0]


def _chosen(found: Mapping[str, State], source: str) -> str:
    """The only network, or of several copies of one the one that is no average."""
    keys = list(found)
    if len(keys) == 1:
        return keys[0]
    shapes = [
        {name: tuple(tensor.shape) for name, tensor in bare_keys(found[key]).items()}
        for key in keys
    ]
    own = [key for key in keys if not _COPY.search(key)]
    names = [{name for name in one if name != "n_averaged"} for one in shapes]
    if len(own) == 1 and all(one == names[0] for one in names):
        warn_taken(own[0], [key for key in keys if key != own[0]])
        return own[0]
    raise InputError(
        f"expected one network in {source}, got {len(keys)}: {', '.join(keys[:8])}; give key= "
        "(--key on the command line)"
    )


def bare_keys(state: Mapping[str, Tensor]) -> State:
    """Names without what wrappers put before them."""
    named = {}
    for name, tensor in state.items():
        for prefix in PREFIXES:
            name = name.replace(prefix, "")
        named[name] = tensor
    kept = [name for name in named if name != "n_averaged"]
    if all(name.startswith("module.") for name in kept):
        return {name.removeprefix("module."): named[name] for name in kept}
    return named
