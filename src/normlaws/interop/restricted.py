"""A pickled numpy array from a stranger: rebuilt where it is only that, refused otherwise.

Unpickling can call any function the file names. This unpickler knows the few constructors that a
saved array of numbers needs and refuses every other name, so nothing in a file can run.
"""

from __future__ import annotations

import io
import pickle
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from normlaws.errors import CorruptFileError, DataNotFoundError

MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
ADMITTED = {
    **{(module, "_reconstruct"): "_reconstruct" for module in MULTIARRAY},
    **{(module, "scalar"): "scalar" for module in MULTIARRAY},
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Admit the reconstruction of numpy arrays, refuse every other name."""
        admitted = ADMITTED.get((module, name))
        if admitted is None:
            raise CorruptFileError(
                f"refused to load the name {module}.{name} from a pickle; accepted are numpy "
                "arrays, numbers, text and dictionaries of them"
            )
        return _constructor(admitted)


def _constructor(name: str) -> Any:
    if name in ("ndarray", "dtype"):
        return getattr(np, name)
    core = "numpy._core" if hasattr(np, "_core") else "numpy.core"  # numpy 1 has no _core
    return getattr(import_module(f"{core}.multiarray"), name)


def load_dict(path: str | Path) -> dict[str, Any]:
    """Read a dictionary that ``numpy.save`` wrote inside an object array of no dimensions.

    Raises:
        DataNotFoundError: there is no such file.
        CorruptFileError: the file is no ``.npy``, is damaged, names anything but numpy arrays, or
            does not hold a dictionary.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataNotFoundError(f"expected a .npy file at {path}, but there is none") from None
    try:
        loaded = _ArraysOnly(_pickle_inside(io.BytesIO(content), path)).load()
    except CorruptFileError as refused:
        raise CorruptFileError(f"{path}: {refused}") from None
    except Exception as error:  # a damaged pickle fails in many ways
        raise CorruptFileError(
            f"expected a .npy file at {path}, but it is damaged: {error}"
        ) from None
    value = loaded.item() if isinstance(loaded, np.ndarray) and loaded.shape == () else loaded
    if not isinstance(value, dict):
        raise CorruptFileError(f"expected a dictionary in {path}, got {type(value).__name__}")
    return value


def _pickle_inside(stream: io.BytesIO, path: Path) -> io.BytesIO:
    """Step over the header of a ``.npy`` file that holds objects."""
    formats = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        _, _, dtype = formats[np.lib.format.read_magic(stream)](stream)
    except (ValueError, KeyError) as error:
        raise CorruptFileError(f"expected a .npy file, got something else: {error}") from None
    if not dtype.hasobject:
        raise CorruptFileError(f"expected a dictionary of arrays, got a plain array of {dtype}")
    return stream
