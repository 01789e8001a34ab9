"""Encoded images (JPEG, PNG, …) to one tensor of bytes, through Pillow."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from normlaws.errors import CorruptFileError, MissingExtraError
from normlaws.problems.datasets.settings import DataSource
from normlaws.storage.reading import check_unfolded, reading, reason

Side = Annotated[int, Field(ge=1)]
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "PPM", "GIF", "TIFF")
"""Decoded by Pillow itself; others, such as EPS, are handed to programs of their own."""
_RATIO = 50  # photographs are compressed 10 to 20 times


@dataclass(frozen=True)
class Encoded:
    """One image as it is stored.

    Attributes:
        place: where it stands, for messages.
        length: in bytes.
        read: () -> its bytes.
    """

    place: str
    length: int
    read: Callable[[], bytes]


class EncodedImages(DataSource):
    """Base of data sets whose images are decoded: colour or grey, and their side."""

    gray: bool = Field(default=False, description="one channel in place of three")
    side: Side | None = Field(
        default=None, description="resize to side x side pixels; default: all must be equal"
    )

    def _decoded(self, images: Sequence[Encoded]) -> Tensor:
        """Every image to (n, channels, height, width) uint8.

        What an image decodes to is known from its header before any pixel is: all of them may
        take so much memory, and so much time, as photographs of their length do.

        Raises:
            CorruptFileError: one cannot be decoded, differs in size from the first, or all of
                them together are far larger than their files.
        """
        stored = sum(image.length for image in images)
        whole: np.ndarray | None = None
        decoded = 0
        for index, image in enumerate(images):
            with reading("an image", image.place), self._opened(image) as opened:
                width, height = opened.size
                decoded += width * height * self._channels
                check_unfolded(decoded, stored, "images", image.place, ratio=_RATIO)
                shape = (self.side, self.side) if self.side else (height, width)
                if whole is None:
                    full = len(images) * shape[0] * shape[1] * self._channels
                    check_unfolded(full, stored, "images", image.place, ratio=_RATIO)
                    whole = np.empty((len(images), *shape, self._channels), np.uint8)
                if shape != whole.shape[1:3]:
                    raise CorruptFileError(
                        f"expected images of {whole.shape[2]} x {whole.shape[1]} pixels as the "
                        f"first one, got {width} x {height} at {image.place}; give side to resize "
                        "all"
                    )
                whole[index] = self._pixels(opened)
        if whole is None:
            return torch.empty(0, 1, 1, 1)
        return torch.from_numpy(whole).permute(0, 3, 1, 2).contiguous()

    @property
    def _channels(self) -> int:
        return 1 if self.gray else 3

    def _opened(self, image: Encoded) -> Any:
        """The image, of which the header alone has been read."""
        try:
            from PIL import Image
        except ImportError:
            raise MissingExtraError(f"the data set {self.name}", "vision") from None
        try:
            return Image.open(io.BytesIO(image.read()), formats=FORMATS)
        except CorruptFileError:
            raise
        except Exception as error:  # Pillow's decoders raise what they like on damaged bytes
            raise CorruptFileError(
                f"expected an image at {image.place}, but it cannot be decoded: {reason(error)}"
            ) from None

    def _pixels(self, opened: Any) -> np.ndarray:
        from PIL import Image

        plain = opened.convert("L" if self.gray else "RGB")
        if self.side:
            plain = plain.resize((self.side, self.side), Image.Resampling.BILINEAR)
        return np.atleast_3d(np.asarray(plain))
