"""The model beneath its wrappers, and a twin of it with other weights, neither of them a copy.

``torch.compile``, ``DataParallel``, ``DistributedDataParallel``, weight averages and activation
checkpointing put a wrapper around a module, and a prefix before the names of its weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from normlaws.errors import InputError

_WRAPPED = {
    "OptimizedModule": "_orig_mod",
    "DistributedDataParallel": "module",
    "DataParallel": "module",
    "AveragedModel": "module",
    "CheckpointWrapper": "_checkpoint_wrapped_module",
}
PREFIXES = ("_orig_mod.", "_checkpoint_wrapped_module.")


def unwrapped(model: nn.Module) -> nn.Module:
    """The module beneath the wrappers of the whole model.

    Raises:
        InputError: the model is wrapped by the older ``FullyShardedDataParallel``.
    """
    inner = wrapped(model)
    return model if inner is None else unwrapped(inner)


def bare(model: nn.Module) -> nn.Module:
    """The model as its author wrote it; a twin that shares its weights where wrappers are inside.

    Raises:
        InputError: the model is wrapped by the older ``FullyShardedDataParallel``.
    """
    inner = unwrapped(model)
    if any(wrapped(module) is not None for module in inner.modules()):
        found: nn.Module = twin_of(inner, {})
        return found
    return inner


def wrapped(module: nn.Module) -> nn.Module | None:
    """What a wrapper holds; None for a module that is none."""
    for base in type(module).__mro__:
        if base.__name__ == "FullyShardedDataParallel":
            raise InputError(
                "expected full weights or fully_shard (FSDP2), got FullyShardedDataParallel, "
                "which flattens weights; shard with torch.distributed.fsdp.fully_shard"
            )
        attribute = _WRAPPED.get(base.__name__)
        if attribute is not None and base.__module__.startswith("torch."):
            inner: nn.Module = module.get_submodule(attribute)
            return inner
    return None


def twin_of(model: nn.Module, whole: Mapping[int, Tensor]) -> Any:
    """A module of the same class with the same attributes, and no wrapper inside.

    Args:
        model: left as it is; whatever is not exchanged is shared.
        whole: id of a parameter or buffer -> the tensor that takes its place.
    """
    return _twin(model, whole, {})


def with_weights(model: nn.Module, state: Mapping[str, Tensor]) -> Any:
    """A twin of a bare ``model`` that has the weights of a state dict.

    Raises:
        InputError: ``state`` belongs to another architecture.
    """
    given = bare_names(state, set(model.state_dict()))
    own: dict[str, Tensor] = dict(model.named_parameters(remove_duplicate=False))
    for name, buffer in model.named_buffers(remove_duplicate=False):
        if name in given:
            own[name] = buffer
    names = set(own) | {name for name in model.state_dict() if not name.endswith("_extra_state")}
    wrong = [f"{name} is missing there" for name in sorted(names - set(given))]
    wrong += [f"{name} is not in the model" for name in sorted(set(given) - names)]
    wrong += [
        f"{name} has the shape {tuple(given[name].shape)} there and {tuple(own[name].shape)} here"
        for name in own
        if name in given and given[name].shape != own[name].shape
    ]
    if wrong:
        raise InputError(
            f"expected a reference with the weights of {type(model).__name__}, but "
            f"{'; '.join(wrong[:3])}"
        )
    whole = {
        id(weight): _parameter(given[name]) if isinstance(weight, nn.Parameter) else given[name]
        for name, weight in own.items()
    }
    return twin_of(model, whole)


def bare_names(state: Mapping[str, Tensor], expected: set[str]) -> dict[str, Tensor]:
    """A state dict under the names of the bare model, whatever wrapper it was taken from."""
    named = {}
    for name, value in state.items():
        for prefix in PREFIXES:
            name = name.replace(prefix, "")
        named[name] = value
    kept = {name: value for name, value in named.items() if name != "n_averaged"}
    if set(named) != expected and all(name.startswith("module.") for name in kept):
        return {name.removeprefix("module."): value for name, value in kept.items()}
    return {name: value for name, value in named.items() if not name.endswith("_extra_state")}


def _own_class(module: nn.Module) -> Any:
    """``fully_shard`` derives a class from FSDPModule and the module's own."""
    return next(
        cls
        for cls in type(module).__mro__
        if not any(base.__name__ == "FSDPModule" for base in cls.__mro__)
    )


def _twin(module: nn.Module, whole: Mapping[int, Tensor], done: dict[int, Any]) -> Any:
    module = unwrapped(module)
    if id(module) in done:
        return done[id(module)]
    cls = _own_class(module)
    twin = cls.__new__(cls)
    done[id(module)] = twin
    twin.__dict__ = dict(module.__dict__)
    twin._parameters = {
        name: whole.get(id(weight), weight) for name, weight in module._parameters.items()
    }
    twin._buffers = {
        name: whole.get(id(buffer), buffer) for name, buffer in module._buffers.items()
    }
    twin._modules = {
        name: None if child is None else _twin(child, whole, done)
        for name, child in module._modules.items()
    }
    return twin


def _parameter(weight: Tensor) -> nn.Parameter:
    if isinstance(weight, nn.Parameter):
        return weight
    return nn.Parameter(weight.detach(), requires_grad=False)
