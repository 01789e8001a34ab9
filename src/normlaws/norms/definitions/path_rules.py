"""What every operation becomes when the magnitudes of paths are summed (see `log_path_norm`)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from normlaws.errors import InputError

Rule = Callable[[int, Any, tuple[Any, ...], dict[str, Any]], Any]

# Operations whose coefficients are 0 and 1, and questions about shapes.
UNCHANGED = frozenset({
    "__get__", "__set__", "__getitem__", "__len__", "size", "dim", "numel", "add", "add_",
    "__add__", "__radd__", "__iadd__", "sum", "cat", "concat", "stack", "flatten", "unflatten",
    "reshape", "view", "permute", "transpose", "movedim", "swapaxes", "contiguous", "unsqueeze",
    "squeeze", "chunk", "split", "expand", "clone", "pad", "pixel_shuffle", "pixel_unshuffle",
    "channel_shuffle", "roll", "flip", "is_floating_point",
})  # fmt: skip
_LINEAR = (
    "linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d",
)  # fmt: skip
_IDENTITIES = ("relu", "relu_", "dropout", "dropout1d", "dropout2d", "dropout3d")


def _linear(order: int, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """|w|^order without bias."""
    given = list(args) + [kwargs.pop(key) for key in ("input", "weight") if key in kwargs]
    x, weight, *rest = given
    kwargs.pop("bias", None)
    found: Tensor = func(x, weight.double().abs() ** order, None, *rest[1:], **kwargs)
    return found


def _identity(order: int, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """Paths pass through ReLU and dropout."""
    found: Tensor = args[0] if args else kwargs["input"]
    return found


def _subtract(order: int, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    found: Tensor = args[0] + args[1]
    return found


def _multiply(order: int, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """By a number or a parameter; the product of two activations has no paths."""
    x, factor = args
    if not isinstance(x, Tensor) or isinstance(x, nn.Parameter):
        x, factor = factor, x
    if isinstance(factor, Tensor) and not isinstance(factor, nn.Parameter):
        raise InputError(
            "expected a ReLU network, but it multiplies two activations, for which path norms are "
            "not defined"
        )
    found: Tensor = x * abs(factor) ** order
    return found


def _divide(order: int, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    return _multiply(order, func, (args[0], 1 / args[1]), kwargs)


def _batch_norm(order: int, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    given = inspect.signature(functional.batch_norm).bind(*args, **kwargs)
    given.apply_defaults()
    x, variance, gain = (given.arguments[key] for key in ("input", "running_var", "weight"))
    if variance is None:
        raise InputError(
            "expected batch-norm with running statistics, got one that normalises by the batch, "
            "for which path norms are not defined"
        )
    scale = torch.rsqrt(variance.double() + given.arguments["eps"])
    scale = scale if gain is None else scale * gain.double()
    found: Tensor = x * (scale.abs() ** order).reshape(1, -1, *[1] * (x.ndim - 2))
    return found


def _mean(order: int, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    x = args[0] if args else kwargs["input"]
    mean = func(*args, **kwargs)
    averaged = x.numel() / mean.numel()
    found: Tensor = mean / averaged ** (order - 1)
    return found


def _adaptive_average(
    order: int, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Tensor:
    x = args[0] if args else kwargs["input"]
    mean = func(*args, **kwargs)
    found: Tensor = mean / _adaptive_windows(x, mean) ** (order - 1)
    return found


def _adaptive_max(order: int, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """Every pixel of the window is on a path: the sum instead of the maximum."""
    x = args[0] if args else kwargs["input"]
    shape = _pooled_shape(func, args, kwargs)
    if func.__name__.endswith("1d"):
        mean = functional.adaptive_avg_pool1d(x, shape[-1])
    else:
        mean = functional.adaptive_avg_pool2d(x, (shape[-2], shape[-1]))
    return mean * _adaptive_windows(x, mean)


def _average(order: int, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """Coefficients 1/k become 1/k^order."""
    mean = func(*args, **kwargs)
    if order == 1:
        found: Tensor = mean
        return found
    names = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
    given = dict(zip((*names, "divisor_override"), args, strict=False)) | kwargs
    if given.get("divisor_override"):
        found = mean / given["divisor_override"]
        return found
    x, dims = given["input"], int(func.__name__[-2])
    kernel = _each(given["kernel_size"], dims)
    stride = _each(given.get("stride") or kernel, dims)
    padding = _each(given.get("padding", 0), dims)
    inside = not given.get("count_include_pad", True)
    for axis in range(dims):
        size, count = x.shape[axis - dims], mean.shape[axis - dims]
        begin = torch.arange(count) * stride[axis] - padding[axis]
        end = (begin + kernel[axis]).clamp(max=size + padding[axis])
        if inside:
            begin, end = begin.clamp(min=0), end.clamp(max=size)
        mean = mean / _along(end - begin, axis - dims, mean)
    found = mean
    return found


def _maximum(order: int, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """Every pixel of the window is on a path: the sum instead of the maximum."""
    names = ("input", "kernel_size", "stride", "padding", "dilation")
    given = dict(zip(names, args, strict=False)) | kwargs
    x, dims = given["input"], int(func.__name__[-2])
    kernel = _each(given["kernel_size"], dims)
    stride = _each(given.get("stride") or kernel, dims)
    padding = _each(given.get("padding", 0), dims)
    dilation = _each(given.get("dilation", 1), dims)
    shape = _pooled_shape(func, args, kwargs)
    conv = (functional.conv1d, functional.conv2d, functional.conv3d)[dims - 1]
    margins = [(p, p + s * k * d) for p, s, k, d in zip(padding, stride, kernel, dilation,
                                                       strict=True)]  # fmt: skip
    around = [side for margin in reversed(margins) for side in margin]
    spatial = x.shape[-dims:]
    ones = torch.ones(1, 1, *kernel, dtype=x.dtype, device=x.device)
    padded = functional.pad(x.reshape(-1, 1, *spatial), around)
    sums = conv(padded, ones, None, stride, 0, dilation)
    for axis in range(-dims, 0):  # ceil_mode decides how many
        sums = sums.narrow(axis, 0, shape[axis])
    return sums.reshape(shape)


def _pooled_shape(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Size:
    """Shape of what a pooling gives, with or without indices."""
    found = func(*args, **kwargs)
    result: torch.Size = (found[0] if isinstance(found, tuple) else found).shape
    return result


def _adaptive_windows(x: Tensor, pooled: Tensor) -> Tensor:
    """Pixels under each output of an adaptive pooling."""
    windows = torch.ones_like(pooled)
    for axis in range(-(x.ndim - 1), 0):
        size, count = x.shape[axis], pooled.shape[axis]
        if size != count:
            index = torch.arange(count)
            lengths = -(-(index + 1) * size // count) - index * size // count
            windows = windows * _along(lengths, axis, pooled)
    return windows


def _along(values: Tensor, axis: int, like: Tensor) -> Tensor:
    return values.to(like).reshape(-1, *[1] * (-axis - 1))


def _each(value: Any, dims: int) -> tuple[int, ...]:
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    return values * dims if len(values) == 1 else values


RULES: dict[str, Rule] = (
    dict.fromkeys(_LINEAR, _linear)
    | dict.fromkeys(_IDENTITIES, _identity)
    | dict.fromkeys(("sub", "__sub__", "sub_", "__isub__", "__rsub__", "rsub"), _subtract)
    | dict.fromkeys(("mul", "__mul__", "mul_", "__imul__", "__rmul__"), _multiply)
    | dict.fromkeys(("div", "__div__", "__truediv__", "__itruediv__", "div_"), _divide)
    | {f"avg_pool{dims}d": _average for dims in (1, 2, 3)}
    | {f"max_pool{dims}d": _maximum for dims in (1, 2, 3)}
    | {f"adaptive_avg_pool{dims}d": _adaptive_average for dims in (1, 2, 3)}
    | {f"adaptive_max_pool{dims}d": _adaptive_max for dims in (1, 2)}
    | {"batch_norm": _batch_norm, "mean": _mean}
)
