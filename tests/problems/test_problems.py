from __future__ import annotations

import numpy as np
import pytest
import torch

from normlaws.errors import InputError
from normlaws.problems import load_data_set, split


@pytest.fixture(scope="module")
def digits():
    return load_data_set("digits")


def rows(examples) -> set[bytes]:
    return {image.numpy().tobytes() for image in examples.inputs}


def test_digits_are_all_there_once(digits):
    assert digits.image_shape == (1, 8, 8)
    assert len(digits.pool_labels) + len(digits.test_labels) == 1797
    assert digits.classes == 10


def test_normalised_pool_has_zero_mean_and_unit_variance(digits):
    parts = split(digits, size=1, validation=1346, seed=0)
    values = torch.cat([parts.validation.inputs, parts.train.inputs]).double()
    np.testing.assert_allclose(values.mean(), 0, atol=1e-6)
    np.testing.assert_allclose(values.std(), 1, rtol=1e-6)


def test_training_sets_of_a_seed_are_nested_and_of_two_seeds_differ(digits):
    small, large, other = (
        split(digits, size=size, validation=300, seed=seed).train
        for size, seed in ((32, 1), (256, 1), (256, 2))
    )
    assert torch.equal(small.inputs, large.inputs[:32])
    assert not torch.equal(large.inputs, other.inputs)


def test_validation_is_the_same_for_all_runs_and_never_trained_on(digits):
    first = split(digits, size=1047, validation=300, seed=0)
    second = split(digits, size=5, validation=300, seed=7)
    assert torch.equal(first.validation.inputs, second.validation.inputs)
    # the digits hold no two equal images, so contents identify them
    assert not rows(first.train) & rows(first.validation)
    assert not (rows(first.train) | rows(first.validation)) & rows(first.test)
    assert len(rows(first.train) | rows(first.validation)) == len(digits.pool_labels)


@pytest.mark.parametrize("size", [0, 1048])
def test_sizes_the_pool_cannot_give_are_refused(digits, size):
    with pytest.raises(InputError, match=f"between 1 and 1047 .*got {size}"):
        split(digits, size=size, validation=300, seed=0)


def test_unknown_data_set_lists_the_known():
    with pytest.raises(InputError, match=r"set digits, mnist, .*teacher-student.*, got 'minst'"):
        load_data_set("minst")


def test_real_mnist_has_its_well_known_mean_and_deviation(shared_data):
    mnist = load_data_set("mnist", shared_data)
    assert mnist.pool_images.shape == (60000, 1, 28, 28)
    assert mnist.pool_images.dtype == torch.uint8
    assert len(mnist.test_labels) == 10000
    np.testing.assert_allclose(np.array(mnist.mean) / 255, 0.1307, atol=1e-4)
    np.testing.assert_allclose(np.array(mnist.std) / 255, 0.3081, atol=1e-4)
