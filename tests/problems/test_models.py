"""Every model family: shapes, initial weights, and parameter counts computed by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn

from normlaws.errors import InputError
from normlaws.problems import (
    CNN,
    FAMILIES,
    MLP,
    CustomModel,
    ModelSettings,
    Perceptron,
    ResNet,
    ViT,
)

MNIST, CIFAR = (1, 28, 28), (3, 32, 32)
MEMBERS = {
    "perceptron": Perceptron(),
    "mlp": MLP(hidden=(7, 5), dropout=0.5),
    "cnn": CNN(channels=(3, 4), hidden=(6,), dropout=0.5),
    "resnet": ResNet(widths=(4, 6), blocks=(1, 2)),
    "vit": ViT(patch=4, width=8, depth=2, heads=2, dropout=0.5),
    "diagonal": FAMILIES["diagonal"](depth=3),
    "transformer": FAMILIES["transformer"](reads="vectors", width=8, heads=2),
    "rnn": FAMILIES["rnn"](width=6, cell="gru"),
    "custom": CustomModel(factory="of_the_user:network", options={"hidden": 5}),
}
PAPER_CNN = CNN(channels=(32, 64, 128), hidden=(512,), pool_every=2)
PAPER_CNN_100 = CNN(channels=(64, 128, 256, 512), hidden=(1024, 512), pool_every=2, dropout=0.1)


@pytest.fixture(autouse=True)
def user_code(tmp_path, monkeypatch):
    """A module beside the study file, of which the package knows nothing."""
    text = (
        "from torch import nn\n"
        "def network(image_shape, classes, hidden=3):\n"
        "    pixels = image_shape[0] * image_shape[1] * image_shape[2]\n"
        "    first = nn.Linear(pixels, hidden)\n"
        "    layers = nn.Flatten(), first, nn.Dropout(0.5), nn.Linear(hidden, classes)\n"
        "    return nn.Sequential(*layers)\n"
        "def text(image_shape, classes):\n"
        "    return 'no module'\n"
    )
    (tmp_path / "of_the_user.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_every_family_is_a_member_of_this_suite():
    assert set(MEMBERS) == set(FAMILIES)


@pytest.mark.parametrize("name", MEMBERS)
class TestFamily:
    def test_logits_of_any_batch_and_a_gradient_for_every_parameter(self, name):
        model = MEMBERS[name].build((3, 8, 8), 7, seed=0)
        images = torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))
        logits = model(images)
        assert logits.shape == (5, 7)
        assert logits.dtype == torch.float32
        logits.square().sum().backward()
        assert all(parameter.grad is not None for parameter in model.parameters())

    def test_initial_weights_follow_the_seed_and_touch_no_global_generator(self, name):
        before = torch.get_rng_state()
        first, again, other = (MEMBERS[name].build((3, 8, 8), 7, seed) for seed in (3, 3, 4))
        assert torch.equal(torch.get_rng_state(), before)
        weights = [[p for p in model.parameters() if p.ndim > 1] for model in (first, again, other)]
        for one, same, another in zip(*weights, strict=True):
            assert torch.equal(one, same)
            assert torch.equal(one, another) == (name == "diagonal")

    def test_the_initialisation_factor_scales_the_layers_and_no_gain(self, name):
        full = MEMBERS[name].build((3, 8, 8), 7, seed=3)
        small = MEMBERS[name].model_copy(update={"init_scale": 0.25}).build((3, 8, 8), 7, seed=3)
        scaled = dict(small.named_parameters())
        kept = set()
        for key, value in full.named_parameters():
            if not torch.equal(scaled[key], 0.25 * value):
                assert torch.equal(scaled[key], value)
                kept.add(key)
        vectors = {key for key, value in full.named_parameters() if value.ndim < 2}
        unscaled = {"in_proj_weight", "class_token", "positions"}
        assert {key.split(".")[-1] for key in kept - vectors} <= unscaled
        assert not kept or name in ("resnet", "vit", "transformer")

    def test_settings_survive_json(self, name):
        adapter = TypeAdapter(ModelSettings)
        assert adapter.validate_json(adapter.dump_json(MEMBERS[name])) == MEMBERS[name]

    def test_only_a_stochastic_family_draws_in_training_mode(self, name):
        model = MEMBERS[name].build((3, 8, 8), 7, seed=0)
        before = torch.get_rng_state()
        model.train()(torch.ones(4, 3, 8, 8))
        assert torch.equal(torch.get_rng_state(), before) != MEMBERS[name].stochastic
        torch.set_rng_state(before)
        model.eval()(torch.ones(4, 3, 8, 8))
        assert torch.equal(torch.get_rng_state(), before)

    def test_a_shrunk_sister_is_smaller_of_the_same_depth_and_still_works(self, name):
        settings = MEMBERS[name]
        sister = settings.shrunk(0.3).build((3, 8, 8), 7, seed=0)
        full = settings.build((3, 8, 8), 7, seed=0)
        assert len(list(sister.parameters())) == len(list(full.parameters()))
        assert count(sister) <= count(full)
        assert sister(torch.zeros(2, 3, 8, 8)).shape == (2, 7)
        assert settings.shrunk(1.0) == settings


def test_biases_stay_where_the_paper_leaves_them():
    settings = CNN(channels=(3, 4), init_scale=0.25, scale_biases=False)
    full = settings.model_copy(update={"init_scale": 1.0}).build(CIFAR, 10, 3)
    small = dict(settings.build(CIFAR, 10, 3).named_parameters())
    for name, value in full.named_parameters():
        assert torch.equal(small[name], value if name.endswith("bias") else 0.25 * value)


def dense(*widths: int) -> int:
    return sum(i * o + o for i, o in pairwise(widths))


def convolutions(*channels: int) -> int:
    return sum(9 * i * o + o for i, o in pairwise(channels))


def resnet(channels: int, widths: tuple, blocks: tuple, classes: int) -> int:
    """Stem; in every block two convolutions and two batch norms; projections; linear layer."""
    total, inputs = 9 * channels * widths[0] + 2 * widths[0], widths[0]
    for stage, (width, number) in enumerate(zip(widths, blocks, strict=True)):
        total += 9 * inputs * width + (2 * number - 1) * 9 * width**2 + 2 * number * 2 * width
        if stage:
            total += inputs * width + 2 * width
        inputs = width
    return total + inputs * classes + classes


def vit(channels: int, side: int, patch: int, width: int, depth: int, classes: int) -> int:
    embedding = channels * patch**2 * width + width
    tokens = (side // patch) ** 2 + 1
    attention = 4 * width**2 + 4 * width
    mlp = 8 * width**2 + 5 * width
    return (
        embedding
        + width  # class token
        + tokens * width
        + depth * (attention + mlp + 4 * width)  # two layer norms
        + 2 * width
        + width * classes
        + classes
    )


COUNTS = [
    (Perceptron(), MNIST, 10, 7840),
    (MLP(hidden=(128,)), MNIST, 10, dense(784, 128, 10)),
    (
        CNN(channels=(32, 64, 128), hidden=(512,)),
        MNIST,
        10,
        convolutions(1, 32, 64, 128) + dense(1152, 512, 10),
    ),
    # one pooling, after the second convolution: 14 x 14 and 16 x 16 positions are left
    (PAPER_CNN, MNIST, 10, convolutions(1, 32, 64, 128) + dense(128 * 14**2, 512, 10)),
    (PAPER_CNN, CIFAR, 10, convolutions(3, 32, 64, 128) + dense(128 * 16**2, 512, 10)),
    (
        PAPER_CNN_100,
        CIFAR,
        100,
        convolutions(3, 64, 128, 256, 512) + dense(512 * 8**2, 1024, 512, 100),
    ),
    (ResNet(widths=(16, 32, 64, 128)), MNIST, 10, resnet(1, (16, 32, 64, 128), (2,) * 4, 10)),
    (ResNet(), CIFAR, 10, 11_173_962),  # the number widely quoted for this form
    (ResNet(), CIFAR, 10, resnet(3, (64, 128, 256, 512), (2,) * 4, 10)),
    (
        ResNet(blocks=(3, 4, 6, 3)),
        CIFAR,
        100,
        resnet(3, (64, 128, 256, 512), (3, 4, 6, 3), 100),
    ),
    (ViT(patch=7, width=128, depth=4, heads=4), MNIST, 10, vit(1, 28, 7, 128, 4, 10)),
    (ViT(patch=4, width=192, depth=6, heads=3), CIFAR, 10, vit(3, 32, 4, 192, 6, 10)),
    (ViT(patch=4, width=256, depth=6, heads=4), CIFAR, 100, vit(3, 32, 4, 256, 6, 100)),
]


@pytest.mark.parametrize(("settings", "shape", "classes", "expected"), COUNTS)
def test_parameter_counts_equal_those_computed_by_hand(settings, shape, classes, expected):
    with torch.device("meta"):
        model = settings._network(shape, classes)
    assert count(model) == expected


def test_every_stage_of_a_resnet_but_the_first_halves_the_image():
    model = ResNet(widths=(4, 5, 6), blocks=(1, 1, 1)).build(CIFAR, 10, 0)
    sides = []
    for module in model:
        if hasattr(module, "shortcut"):
            module.register_forward_hook(lambda *hook: sides.append(hook[2].shape[-1]))
    model(torch.zeros(2, *CIFAR))
    assert sides == [32, 16, 8]


def test_a_residual_block_whose_last_gain_is_zero_is_the_identity_on_what_relu_lets_pass():
    block = ResNet(widths=(4,), blocks=(1,)).build((4, 8, 8), 3, 0)[3]
    nn.init.zeros_(block.residual[-1].weight)
    images = torch.randn(2, 4, 8, 8)
    assert torch.equal(block(images), images.relu())


def test_a_vit_gives_the_logits_and_gradients_of_all_tokens():
    model = ViT(patch=4, width=8, depth=2, heads=2).build((1, 8, 8), 3, 0).double()
    images = torch.randn(5, 1, 8, 8, dtype=torch.float64)
    embedded = model.embedding(images).flatten(2).mT
    tokens = torch.cat([model.class_token.expand(5, -1, -1), embedded], dim=1) + model.positions
    whole = model.head(model.norm(model.blocks(tokens))[:, 0])
    logits = model(images)
    torch.testing.assert_close(logits, whole, rtol=1e-12, atol=1e-14)
    weights = list(model.parameters())
    found, expected = (
        torch.autograd.grad(values.square().sum(), weights) for values in (logits, whole)
    )
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)


def test_without_positions_a_vit_does_not_see_the_order_of_its_patches():
    model = ViT(patch=4, width=8, depth=2, heads=2).build((1, 8, 8), 3, 0).double()
    images = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    swapped = torch.cat([images[:, :, 4:], images[:, :, :4]], dim=2)
    assert not torch.allclose(model(images), model(swapped))
    nn.init.zeros_(model.positions)
    assert torch.allclose(model(images), model(swapped), rtol=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (CNN(channels=(2, 2, 2, 2)), r"at least 16 x 16 pixels for 4 .*got 8 x 8"),
        (ViT(patch=3), r"patch that divides images of 8 x 8 pixels, got 3"),
        (CustomModel(factory="nowhere_at_all:network"), "nowhere_at_all.*PYTHONPATH"),
        (CustomModel(factory="of_the_user:netwrok"), "'netwrok' to be a function of .*not there"),
        (CustomModel(factory="of_the_user:text"), "torch.nn.Module, got str"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(settings, message):
    with pytest.raises(InputError, match=message) as caught:
        settings.build((1, 8, 8), 10, 0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "bad",
    [
        {"family": "mlp", "channels": [3]},
        {"family": "lstm"},
        {"family": "transformer", "width": 10, "heads": 3},
        {"family": "vit", "width": 10, "heads": 3},
        {"family": "resnet", "widths": [4, 8], "blocks": [1]},
        {"family": "custom", "factory": "no function"},
    ],
)
def test_settings_that_contradict_themselves_are_refused(bad):
    with pytest.raises(ValidationError):
        TypeAdapter(ModelSettings).validate_python(bad)


def tokens(count: int = 3, length: int = 6, vocabulary: int = 5) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, vocabulary, (count, 1, 1, length), generator=generator).float()


@pytest.mark.parametrize(
    "settings",
    [
        FAMILIES["transformer"](width=8, every_token=True),
        FAMILIES["rnn"](width=8, reads="tokens", every_token=True),
    ],
    ids=["transformer", "rnn"],
)
def test_no_token_sees_a_later_one(settings):
    model = settings.build((1, 1, 6), 5, seed=0)
    before = model(tokens())
    assert before.shape == (3, 6, 5)
    later = tokens()
    later[..., 4:] = (later[..., 4:] + 1) % 5
    torch.testing.assert_close(model(later)[:, :4], before[:, :4])
    last = settings.model_copy(update={"every_token": False}).build((1, 1, 6), 5, seed=0)
    torch.testing.assert_close(last(tokens()), before[:, -1])


def test_rows_of_an_image_are_time():
    images = torch.randn(2, 3, 4, 5)
    model = FAMILIES["rnn"](width=6).build((3, 4, 5), 2, seed=0)
    rows = torch.stack([images[:, :, row].flatten(1) for row in range(4)], dim=1)
    torch.testing.assert_close(model(images), model.head(model.recurrent(rows)[0][:, -1]))
    half = FAMILIES["rnn"](width=6, recurrent_gain=0.5).build((3, 4, 5), 2, seed=0)
    torch.testing.assert_close(half.recurrent.weight_hh_l0, model.recurrent.weight_hh_l0 / 2)


def test_images_are_no_tokens():
    with pytest.raises(InputError, match=r'reads = "vectors"'):
        FAMILIES["transformer"](width=8).build((1, 8, 8), 10, seed=0)
