"""Encoded images (JPEG, PNG, …) to one tensor of bytes, through Pillow."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from normlaws.errors import CorruptFileError, MissingExtraError
from normlaws.problems.datasets.settings import DataSource

Side = Annotated[int, Field(ge=1)]


class EncodedImages(DataSource):
    """Base of data sets whose images are decoded: colour or grey, and their side."""

    gray: bool = Field(default=False, description="one channel in place of three")
    side: Side | None = Field(
        default=None, description="resize to side x side pixels; default: all must be equal"
    )

    def _decoded(self, images: Iterable[tuple[str, bytes]]) -> Tensor:
        """(where it stands, encoded bytes) of every image to (n, channels, height, width) uint8.

        Raises:
            CorruptFileError: one cannot be decoded, or differs in size from the first.
        """
        arrays = list(self._arrays(images))
        stacked = torch.from_numpy(np.stack(arrays)) if arrays else torch.empty(0, 1, 1, 1)
        return stacked.permute(0, 3, 1, 2).contiguous()

    def _arrays(self, images: Iterable[tuple[str, bytes]]) -> Iterator[np.ndarray]:
        expected: tuple[int, ...] | None = None
        for place, encoded in images:
            array = self._decode(place, encoded)
            expected = expected or array.shape
            if array.shape != expected:
                raise CorruptFileError(
                    f"expected images of {expected[1]} x {expected[0]} pixels as the first one, "
                    f"got {array.shape[1]} x {array.shape[0]} at {place}; give side to resize all"
                )
            yield array

    def _decode(self, place: str, encoded: bytes) -> np.ndarray:
        try:
            from PIL import Image
        except ImportError:
            raise MissingExtraError(f"the data set {self.name}", "vision") from None
        try:
            with Image.open(io.BytesIO(encoded)) as image:
                plain = image.convert("L" if self.gray else "RGB")
        except Exception as error:  # Pillow's decoders raise what they like on damaged bytes
            raise CorruptFileError(
                f"expected an image at {place}, but it cannot be decoded: {error}"
            ) from None
        if self.side:
            plain = plain.resize((self.side, self.side), Image.Resampling.BILINEAR)
        return np.atleast_3d(np.asarray(plain))
