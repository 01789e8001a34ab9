"""Tables of one's own become curves through a column map."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from normlaws.errors import CorruptFileError, DataNotFoundError, InputError
from normlaws.interop import read_table

FRAME = pd.DataFrame(
    {
        "n_train": [10, 10, 20, 20],
        "rep": [0, 0, 1, 1],
        "err": [0.5, 0.4, 0.3, 0.2],
        "R": [1.0, 2, 1, 4],
    }
)
MAP = {"size": "n_train", "seed": "rep", "test_error": "err", "spectral_complexity": "R"}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_columns_are_mapped_and_norms_logged(tmp_path, ending):
    path = tmp_path / f"mine.{ending}"
    FRAME.to_csv(path, index=False) if ending == "csv" else FRAME.to_parquet(path)
    curves = read_table(path, MAP)
    assert curves.sizes == [10, 20]
    assert curves.seeds == [0, 1]
    assert curves.norms == ["spectral_complexity"]
    np.testing.assert_allclose(curves.frame["log_spectral_complexity"], np.log(FRAME["R"]))
    np.testing.assert_array_equal(curves.frame["test_error"], FRAME["err"])


def test_seed_and_step_may_be_absent(tmp_path):
    path = tmp_path / "mine.csv"
    FRAME.drop(columns="rep").to_csv(path, index=False)
    curves = read_table(path, {name: source for name, source in MAP.items() if name != "seed"})
    assert curves.seeds == []
    assert len(curves.runs) == 2


def test_bad_tables_are_named(tmp_path):
    path = tmp_path / "mine.csv"
    FRAME.to_csv(path, index=False)
    with pytest.raises(InputError, match="column named 'N'"):
        read_table(path, {"size": "N"})
    with pytest.raises(InputError, match="column size"):
        read_table(path)
    with pytest.raises(InputError, match=r"ending \.csv or \.parquet"):
        read_table(tmp_path / "mine.xlsx")
    with pytest.raises(DataNotFoundError, match="there is none"):
        read_table(tmp_path / "absent.csv")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    with pytest.raises(CorruptFileError, match=r"cut\.parquet"):
        read_table(tmp_path / "cut.parquet")
    FRAME.assign(R=-1.0).to_csv(path, index=False)
    with pytest.raises(InputError, match="0 or more"):
        read_table(path, MAP)
