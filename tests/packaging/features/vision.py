"""MNIST is read through torchvision, here from four small files in its layout."""

from pathlib import Path

import numpy as np

from normlaws.problems import load_data_set

raw = Path("data/MNIST/raw")
raw.mkdir(parents=True, exist_ok=True)
for part, count in (("train", 20), ("t10k", 10)):
    header = np.array([0x803, count, 28, 28], dtype=">i4").tobytes()
    (raw / f"{part}-images-idx3-ubyte").write_bytes(header + bytes(count * 28 * 28))
    header = np.array([0x801, count], dtype=">i4").tobytes()
    (raw / f"{part}-labels-idx1-ubyte").write_bytes(header + bytes(i % 10 for i in range(count)))

data = load_data_set("mnist", Path("data"))
assert data.pool_images.shape == (20, 1, 28, 28)
assert data.classes == 10
