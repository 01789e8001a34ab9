"""Characters of a text, each to be predicted from those before it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from normlaws.errors import InputError
from normlaws.problems.datasets.dataset import DataSet
from normlaws.problems.datasets.settings import DataSource, existing
from normlaws.storage.reading import MAX_TABLE, content, reading

Count = Annotated[int, Field(ge=1)]


class Text(DataSource):
    """Windows of ``context`` characters that do not overlap; labels are the characters after each.

    The vocabulary is the characters of the text in their order. The last tenth of the text is the
    test set. Without ``path`` the text is the descriptions of data sets that the installed version
    of scikit-learn ships, about 50,000 characters, put together in the order of their names.
    Windows are rows of tokens, (n, 1, 1, context).
    """

    name: Literal["text"] = "text"
    path: str | None = Field(
        default=None, description="a UTF-8 file below the data root, or absolute"
    )
    context: Count = Field(default=32, description="characters in a window")
    augment: None = None

    def load(self, root: Path) -> DataSet:
        """Cut the text into windows."""
        text = _shipped() if self.path is None else _read(root / self.path)
        vocabulary = sorted(set(text))
        number = {character: index for index, character in enumerate(vocabulary)}
        tokens = torch.tensor([number[character] for character in text])
        cut = len(tokens) * 9 // 10
        pool, test = self._windows(tokens[:cut]), self._windows(tokens[cut:])
        if not len(test[0]):
            raise InputError(
                f"expected a text of at least {10 * (self.context + 1)} characters for windows of "
                f"{self.context}, got {len(text)}"
            )
        return DataSet(self.name, *pool, *test, len(vocabulary), mean=(0.0,), std=(1.0,))

    def _windows(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs (n, 1, 1, context) and the tokens one further on, (n, context)."""
        count = max(len(tokens) - 1, 0) // self.context
        inputs = tokens[: count * self.context].view(count, self.context)
        labels = tokens[1 : count * self.context + 1].view(count, self.context)
        return inputs[:, None, None].float(), labels


def _shipped() -> str:
    folder = files("sklearn.datasets") / "descr"
    texts = {one.name: one for one in folder.iterdir() if one.name.endswith(".rst")}
    return "".join(texts[name].read_text(encoding="utf-8") for name in sorted(texts))


def _read(path: Path) -> str:
    with reading("a UTF-8 text", path):
        return content(existing(path, "a text"), "a text", MAX_TABLE).decode("utf-8")
