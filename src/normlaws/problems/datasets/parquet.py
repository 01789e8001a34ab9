"""Images in Parquet files, in the layout of the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from normlaws.errors import (
    CorruptFileError,
    DataNotFoundError,
    InputError,
    MissingExtraError,
    allowed,
)
from normlaws.problems.datasets.dataset import DataSet
from normlaws.problems.datasets.images import Encoded, EncodedImages
from normlaws.problems.datasets.settings import existing
from normlaws.storage.reading import check_plain, check_unfolded, reading

_VALUE = 8  # bytes
Paths = Annotated[tuple[str, ...], Field(min_length=1)]


class Parquet(EncodedImages):
    """Local files, or files of a data set on the hub: a column of encoded images and one of labels.

    Images are bytes, or the hub's struct with a field ``bytes``; labels are integers.
    """

    name: Literal["parquet"] = "parquet"
    train: Paths = Field(description="files of the training pool, below the data root or the hub's")
    test: Paths = Field(description="files of the test split")
    hub: str | None = Field(default=None, description="owner/name on huggingface.co (extra hf)")
    image_column: str = "image"
    label_column: str = "label"

    def load(self, root: Path) -> DataSet:
        """Decode every image into memory."""
        return DataSet.of(self.name, *self._part(root, self.train), *self._part(root, self.test))

    def _part(self, root: Path, names: tuple[str, ...]) -> tuple[Tensor, Tensor]:
        tables = [(path, self._read(path)) for path in (self._path(root, name) for name in names)]
        images = self._decoded([one for path, table in tables for one in self._cells(path, table)])
        labels = [label for path, table in tables for label in self._labels(path, table)]
        return images, torch.tensor(labels, dtype=torch.int64)

    def _path(self, root: Path, name: str) -> Path:
        if self.hub is None:
            return existing(root / name, "a Parquet file")
        try:
            from huggingface_hub import hf_hub_download
        except ImportError:
            raise MissingExtraError(f"the data set {self.hub} of the hub", "hf") from None
        try:
            return Path(hf_hub_download(self.hub, name, repo_type="dataset"))
        except Exception as error:  # network, names and permissions, by many types
            first = str(error).strip().partition("\n")[0]
            fetch = f"d('{self.hub}', '{name}', repo_type='dataset')"
            raise DataNotFoundError(
                f"expected {name} of the data set {self.hub} on huggingface.co or in its local "
                f"cache, but {first}; fetch it where there is a network (the page of the data set "
                "says how large it is) with: "
                f'python -c "from huggingface_hub import hf_hub_download as d; {fetch}"'
            ) from None

    def _read(self, path: Path) -> Any:
        import pyarrow.parquet as pq

        stored = check_plain(path, "a Parquet file")
        with reading("a Parquet file", path):
            file = pq.ParquetFile(path)
            columns = file.schema_arrow.names
            for column in (self.image_column, self.label_column):
                if column not in columns:
                    raise InputError(
                        f"{path}: expected the column {allowed(columns)}, got {column}"
                    )
            _check_size(file, stored, path)
            return file.read([self.image_column, self.label_column])

    def _cells(self, path: Path, table: Any) -> Iterator[Encoded]:
        for row, cell in enumerate(table[self.image_column]):
            value = cell.as_py()
            encoded = value.get("bytes") if isinstance(value, dict) else value
            if not isinstance(encoded, bytes):
                raise CorruptFileError(
                    f"expected encoded image bytes in the column {self.image_column} of {path}, "
                    f"got {type(encoded).__name__} in row {row}"
                )
            yield Encoded(f"row {row} of {path}", len(encoded), partial(bytes, encoded))

    def _labels(self, path: Path, table: Any) -> list[int]:
        labels = table[self.label_column].to_pylist()
        for row, label in enumerate(labels):
            if type(label) is not int:
                raise CorruptFileError(
                    f"expected integers in the column {self.label_column} of {path}, got {label!r} "
                    f"in row {row}"
                )
        found: list[int] = labels
        return found


def _check_size(file: Any, stored: int, path: Path) -> None:
    """Encoded images hardly shrink: what the metadata states is about the length of the file."""
    metadata = file.metadata
    columns = [
        metadata.row_group(group).column(column)
        for group in range(metadata.num_row_groups)
        for column in range(metadata.num_columns)
    ]
    size = sum(max(one.total_uncompressed_size, _VALUE * one.num_values) for one in columns)
    check_unfolded(size, stored, "a Parquet file", path)
