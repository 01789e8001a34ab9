from __future__ import annotations

import numpy as np
import pytest
import torch

from normlaws.problems import Augmentation, augmented


def batch(count: int, channels: int = 3, height: int = 8, width: int = 6) -> torch.Tensor:
    """Bytes from 1, so that 0 can only be the border."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(
        1, 256, (count, channels, height, width), generator=generator, dtype=torch.uint8
    )


def changed(images: torch.Tensor, seed: int = 0, **settings) -> torch.Tensor:
    return augmented(images, Augmentation(**settings), torch.Generator().manual_seed(seed))


def test_nothing_asked_is_nothing_done():
    assert torch.equal(changed(batch(5)), batch(5))


def test_a_flip_is_the_mirror_image_or_the_image_about_equally_often():
    images = batch(400)
    result = changed(images, flip=True)
    same = (result == images).flatten(1).all(1)
    mirrored = (result == images.flip(3)).flatten(1).all(1)
    assert (same ^ mirrored).all()
    assert 150 < same.sum() < 250


@pytest.mark.parametrize("pad", [1, 3])
def test_a_crop_is_one_window_of_the_padded_image_and_every_window_comes(pad):
    """The independent reference: pad with zeros, cut the window out."""
    images = batch(600, channels=2, height=5, width=4)
    result = changed(images, crop=pad).numpy()
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    found = np.zeros((2 * pad + 1, 2 * pad + 1), int)
    for down in range(2 * pad + 1):
        for right in range(2 * pad + 1):
            window = padded[:, :, down : down + 5, right : right + 4]
            found[down, right] = (window == result).all(axis=(1, 2, 3)).sum()
    assert found.sum() == 600
    assert found.min() > 0


def test_a_quarter_turn_is_rot90(monkeypatch):
    images = batch(3, height=6, width=6)
    monkeypatch.setattr(torch, "rand", lambda *shape, generator: torch.full(shape, 1 - 2**-24))
    result = changed(images, rotate=90)
    turns = [torch.rot90(images, turns, (2, 3)) for turns in (1, 3)]
    assert any(torch.equal(result, turned) for turned in turns)


def test_rotations_stay_within_their_bound_and_shifts_within_theirs():
    image = torch.zeros(500, 1, 41, 41, dtype=torch.uint8)
    image[:, :, 20, 36] = 255  # 16 pixels right of the centre
    rows = changed(image, rotate=10).argmax(dim=2).amax(dim=2) - 20
    assert rows.abs().max() <= round(16 * np.sin(np.radians(10))) + 1
    assert rows.min() < 0 < rows.max()
    centre = torch.zeros(500, 1, 20, 20, dtype=torch.uint8)
    centre[:, :, 10, 10] = 255
    moved = changed(centre, translate=0.1).flatten(1).argmax(1)
    assert set((moved // 20).tolist()) == set((moved % 20).tolist()) == {8, 9, 10, 11, 12}


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_the_generator_alone_decides_and_type_and_source_stay(dtype):
    images = batch(8).to(dtype)
    before = images.clone()
    settings = {"crop": 2, "flip": True, "rotate": 10, "translate": 0.1}
    first, again, other = (changed(images, seed, **settings) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.dtype == dtype
    assert torch.equal(images, before)
