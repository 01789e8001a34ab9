"""Long-format tables of one's own (CSV or Parquet) as ``Curves``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from normlaws.curves import Curves
from normlaws.errors import CorruptFileError, DataNotFoundError, InputError, allowed

READERS: dict[str, Callable[..., pd.DataFrame]] = {".csv": pd.read_csv, ".parquet": pd.read_parquet}


def read_table(path: str | Path, columns: Mapping[str, str] | None = None) -> Curves:
    """Read one row per (run, recorded step), with names of one's own.

    Args:
        path: a ``.csv`` or ``.parquet`` file.
        columns: {name in ``Curves``: name in the file}, for example ``{"size": "n_train",
            "test_error": "err", "log_spectral_complexity": "log_R"}``. Mapping to a norm without
            its ``log_`` (``{"spectral_complexity": "R"}``) takes the natural logarithm. Columns not
            named keep their names; ``seed`` and ``step`` may be absent; ``run`` is made from size
            and seed where absent.

    Raises:
        DataNotFoundError: there is no such file.
        CorruptFileError: the file cannot be read as its ending says.
        InputError: another ending, a mapped column is not there, a norm is negative, or the table
            is not one of curves.
    """
    path = Path(path)
    frame = _read(path)
    wanted = dict(columns or {})
    missing = [source for source in wanted.values() if source not in frame.columns]
    if missing:
        raise InputError(
            f"expected a column named {missing[0]!r} in {path}; it has {allowed(frame.columns)}"
        )
    frame = frame.rename(columns={source: name for name, source in wanted.items()})
    frame = _with_logs(frame, [name for name in wanted if _is_plain_norm(name)])
    for name in ("seed", "step"):
        if name not in frame:
            frame[name] = pd.NA
    if "run" not in frame:
        if "size" not in frame:
            raise InputError(f"expected a column size in {path}; it has {allowed(frame.columns)}")
        seeds = frame["seed"].map(lambda seed: "" if pd.isna(seed) else f"-s{seed}")
        frame["run"] = "P" + frame["size"].astype(str) + seeds
    return Curves(frame)


def _read(path: Path) -> pd.DataFrame:
    if path.suffix not in READERS:
        raise InputError(f"expected a file ending {allowed(READERS)}, got {path.name}")
    try:
        return READERS[path.suffix](path)
    except FileNotFoundError:
        raise DataNotFoundError(f"expected a table at {path}, but there is none") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CorruptFileError(f"expected a {path.suffix} table at {path}, but {error}") from None


def _is_plain_norm(name: str) -> bool:
    known = {"run", "size", "seed", "step", "epoch", "seconds"}
    return (
        name not in known and not name.startswith("log_") and not name.endswith(("error", "loss"))
    )


def _with_logs(frame: pd.DataFrame, norms: list[str]) -> pd.DataFrame:
    for name in norms:
        values = frame[name].astype(float)
        if (values < 0).any():
            raise InputError(f"expected norms of 0 or more in {name}, got {values.min():g}")
        with np.errstate(divide="ignore"):
            frame[f"log_{name}"] = np.log(values)
    return frame.drop(columns=norms)
