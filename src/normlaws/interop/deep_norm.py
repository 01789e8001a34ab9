"""The published curves of D'Amico, Bocchi and Negri (arXiv 2505.13230) as ``Curves``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from normlaws.curves import Curves
from normlaws.errors import CorruptFileError, InputError
from normlaws.interop.restricted import load_dict
from normlaws.storage.reading import reads

GRID, SIZES, ERRORS = "log_x_grid", "P_arr", "mean_val_error_arr"
MAX_SIZES, MAX_POINTS = 200, 100_000  # the published files have up to 12 and 8000
LARGEST = 2**53  # beyond it a float is no exact count
NORM = "spectral_complexity"
ABLATED_NORMS = ("l1", "frobenius", "group_21", "spectral_product")


@reads("published curves")
def read_deep_norm(path: str | Path, panel: int | None = None) -> Curves:
    """Read a published file as seed-averaged curves without seeds.

    The file calls "validation error" what is the error on the test set; it becomes ``test_error``.
    The ablation over norms is recognised by its four panels; each has a column of its own, and all
    are read where ``panel`` is omitted. Of the ablation over weight decays, whose curves share
    sizes and norm, one panel is read: the first where ``panel`` is omitted.

    Args:
        path: a published ``.npy`` file.
        panel: which panel of an ablation (the leading axis), from 0.

    Raises:
        DataNotFoundError: there is no such file.
        CorruptFileError: damaged, not one of these files, or a pickle that names more than arrays.
        InputError: the file has no such panel.
    """
    path = Path(path)
    sizes, grid, errors = _arrays(load_dict(path), path)
    if panel is not None and not 0 <= panel < len(errors):
        raise InputError(f"expected a panel from 0 to {len(errors) - 1} of {path}, got {panel}")
    over_norms = len(errors) == len(ABLATED_NORMS)
    wanted = range(len(errors)) if over_norms and panel is None else [panel or 0]
    return Curves.concat(
        _curves(sizes, grid, errors[i], ABLATED_NORMS[i] if over_norms else NORM, path, i)
        for i in wanted
    )


@reads("published curves")
def panels_of(path: str | Path) -> int:
    """How many panels a published file holds.

    Raises:
        DataNotFoundError: there is no such file.
        CorruptFileError: damaged or not one of these files.
    """
    return len(_arrays(load_dict(path), Path(path))[2])


def _arrays(content: dict[str, Any], path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sizes (K,), grid (G,) and errors (panels, K, G)."""
    missing = [name for name in (SIZES, GRID, ERRORS) if name not in content]
    if missing:
        raise CorruptFileError(
            f"expected the arrays {SIZES}, {GRID} and {ERRORS} in {path}, "
            f"but {missing[0]} is missing"
        )
    sizes, grid, errors = (_numbers(content[name], path) for name in (SIZES, GRID, ERRORS))
    if errors.ndim not in (2, 3) or errors.shape[-2:] != (sizes.size, grid.size):
        raise CorruptFileError(
            f"expected {ERRORS} of shape (…, {sizes.size}, {grid.size}) in {path}, "
            f"got {errors.shape}"
        )
    _check_axes(sizes, grid, path)
    if not 0 < errors.size <= MAX_POINTS:
        raise CorruptFileError(
            f"expected 1 to {MAX_POINTS} values of {ERRORS} in {path}, got {errors.size}"
        )
    return sizes, grid, errors if errors.ndim == 3 else errors[None]


def _numbers(value: Any, path: Path) -> np.ndarray:
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise CorruptFileError(f"expected arrays of numbers in {path}") from None


def _check_axes(sizes: np.ndarray, grid: np.ndarray, path: Path) -> None:
    """Sizes count examples; the grid is of norms, whose logarithm is taken."""
    whole = np.isfinite(sizes) & (sizes >= 1) & (sizes <= LARGEST) & (sizes == np.round(sizes))
    if sizes.ndim != 1 or sizes.size > MAX_SIZES or not whole.all():
        raise CorruptFileError(
            f"expected up to {MAX_SIZES} whole numbers from 1 to {LARGEST} as {SIZES} in {path}, "
            "got others"
        )
    if grid.ndim != 1 or not (np.isfinite(grid) & (grid > 0)).all():
        raise CorruptFileError(
            f"expected one axis of finite positive numbers as {GRID} in {path}, got others"
        )


def _curves(
    sizes: np.ndarray,
    grid: np.ndarray,
    errors: np.ndarray,
    norm: str,
    path: Path,
    panel: int | None,
) -> Curves:
    k, g = np.nonzero(np.isfinite(errors))
    frame = pd.DataFrame(
        {
            "run": [f"{path.stem}-{panel}-P{int(sizes[i])}" for i in k],
            "size": sizes[k].astype(int),
            "seed": pd.NA,
            "step": pd.NA,
            "test_error": errors[k, g],
            f"log_{norm}": np.log(grid[g]),
        }
    )
    runs = frame[["run", "size", "seed"]].drop_duplicates().reset_index(drop=True)
    source = {"source": "arXiv:2505.13230", "file": path.name, "panel": panel}
    runs["settings"] = pd.Series([source] * len(runs), dtype=object)
    return Curves(frame, runs)
