"""The committed curves, where the page says they are."""

import shutil
from pathlib import Path

import normlaws

HERE = Path(normlaws.__file__).parents[2]
shutil.copytree(HERE / "docs" / "reproduction", "docs/reproduction")
