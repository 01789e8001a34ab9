"""Presets build their model and plan; study files extend them; --scale shrinks them."""

from __future__ import annotations

import math
import re
import tomllib
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import nn

from normlaws.errors import InputError
from normlaws.studies import Study, presets

DOCS = Path(__file__).resolve().parents[2] / "docs"
PRESETS = DOCS.parent / "src" / "normlaws" / "studies" / "presets"
FORMS = {
    "digits": ((1, 8, 8), 10),
    "mnist": ((1, 28, 28), 10),
    "cifar10": ((3, 32, 32), 10),
    "cifar100": ((3, 32, 32), 100),
}
SEQUENCES = {"associative-recall", "in-context-regression", "single-location", "text"}
POOLS = {"text": 1210, "digits": 1347, "mnist": 60_000}
PANELS = {
    # parameters, seeds, largest size, epochs, initialisation factor
    "paper-cnn-mnist": (12_943_370, 31, 48_000, 500, 0.05),
    "paper-cnn-cifar10": (16_876_106, 30, 48_000, 500, 1),
    "paper-cnn-cifar100": (35_682_532, 18, 48_000, 500, 1),
    "paper-resnet-mnist": (701_178, 29, 48_000, 50, 1),
    "paper-resnet-cifar10": (11_173_962, 12, 46_000, 350, 0.05),
    "paper-resnet-cifar100": (21_328_292, 5, 46_000, 400, 1),
    "paper-vit-mnist": (803_338, 10, 48_000, 600, 1),
    "paper-vit-cifar10": (2_693_578, 30, 46_000, 600, 0.005),
    "paper-vit-cifar100": (4_794_212, 5, 46_000, 600, 0.005),
}
DESCRIPTIONS = resources.files("sklearn.datasets") / "descr"  # each version ships others
CHARACTERS = len(
    set().union(*(f.read_text("utf-8") for f in DESCRIPTIONS.iterdir() if f.name.endswith(".rst")))
)
DECODER = 2 * (2 * 64 + 4 * (32 * 32 + 32) + (32 * 128 + 128) + (128 * 32 + 32)) + 64
SMALL = {
    "associative-recall": 16 * 32 + 11 * 32 + DECODER + 33 * 16,
    "in-context-regression": 5 * 32 + 13 * 32 + DECODER + 33,
    "single-location": 9 * 16 + 16 * 16 + 32 + 4 * 17 * 16 + 32 + 17 * 8,
    "text-transformer": CHARACTERS * 32 + 32 * 32 + DECODER + 33 * CHARACTERS,
    "digits-rnn": 8 * 32 + 32 * 32 + 64 + 33 * 10,
    "diagonal-regression": 2 * 200,  # layer by layer, weights and biases
    "digits-cnn": 80 + 1168 + 650,
    "digits-mlp": 4160 + 650,
    "digits-resnet": (72 + 16) + (1152 + 32) + (3456 + 64 + 160) + 170,
    "digits-vit": 160 + 32 + 544 + 2 * (128 + 3168 + 1056 + 4224 + 4128) + 64 + 330,
    "mnist-cnn": 80 + 1168 + 50_240 + 650,
    "mnist-resnet": (72 + 16) + (1152 + 32) + (3456 + 64 + 160) + (13_824 + 128 + 576) + 330,
    "mnist-vit": 1600 + 32 + 544 + 2 * (128 + 3168 + 1056 + 4224 + 4128) + 64 + 330,
    "cifar10-cnn": 448 + 4640 + 18_496 + 131_200 + 1290,
    "teacher-student": 50 * 2,
    "teacher-mlp": (2560 + 64) + (4096 + 64) + (320 + 5),
    "teacher-mlp-clean": (2560 + 128) + (1280 + 10),
}
ALL = presets()


def form(study: Study) -> tuple[tuple[int, int, int], int]:
    data = study.settings.data
    if data.name == "teacher-student":
        return (1, 1, data.dimension), data.classes
    if data.name == "diagonal-regression":
        return (1, 1, data.dimension), 1
    if data.name == "parquet":
        return FORMS["cifar100" if "cifar100" in data.train[0] else "cifar10"]
    if data.name in SEQUENCES:
        loaded = data.load(Path())
        return loaded.image_shape, loaded.classes
    return FORMS[data.name]


def pool(study: Study) -> int:
    data = study.settings.data
    return POOLS.get(data.name, getattr(data, "pool", 50_000))


def model(study: Study) -> nn.Module:
    shape, classes = form(study)
    with torch.device("meta"):
        return study.settings.model.build(shape, classes, seed=0)


def parameters(study: Study) -> int:
    return sum(parameter.numel() for parameter in model(study).parameters())


@pytest.mark.parametrize("scale", [1.0, 0.05])
@pytest.mark.parametrize("name", ALL)
def test_every_preset_builds_its_model_and_its_plan(name, scale):
    study = Study.load(name).scaled(scale)
    settings = study.settings
    assert settings.name == (name if scale == 1 else f"{name}-scale-0.05")
    assert settings.description
    runs = settings.runs()
    assert len({run.run_id for run in runs}) == len(settings.sizes) * settings.seeds == len(runs)
    sizes = [run.size for run in runs]
    assert sizes == sorted(sizes, reverse=True), "long runs start first"
    assert sizes[0] + settings.data.validation <= pool(study)
    assert all(run.steps >= 10 for run in runs)
    assert type(settings).model_validate(settings.model_dump(mode="json")) == settings
    shape, classes = form(study)
    with torch.device("meta"):
        outputs = model(study)(torch.empty(2, *shape)).shape
        assert (outputs[0], outputs[-1]) == (2, classes)


def test_every_preset_has_the_number_of_parameters_computed_by_hand():
    by_hand = SMALL | narrow() | {name: panel[0] for name, panel in PANELS.items()}
    by_hand["repro-cnn-mnist-full-width"] = by_hand["paper-cnn-mnist"]
    for name in ALL:
        panel = name.startswith(("paper-", "repro-")) and name not in by_hand
        base = "-".join(name.split("-")[:3]) if panel else name
        assert parameters(Study.load(name)) == by_hand[base], name


def dense(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def convolution(inputs: int, outputs: int, side: int = 3) -> int:
    return inputs * outputs * side**2 + outputs


def normalised_convolution(inputs: int, outputs: int, side: int = 3) -> int:
    return inputs * outputs * side**2 + 2 * outputs  # no bias; gain and shift of the batch norm


def cnn(sizes: list[int], flat: int, hidden: list[int]) -> int:
    layers = sum(convolution(a, b) for a, b in pairwise(sizes))
    return layers + sum(dense(a, b) for a, b in pairwise([flat, *hidden]))


def resnet(channels: int, widths: list[int], blocks: list[int], classes: int) -> int:
    total, inputs = normalised_convolution(channels, widths[0]), widths[0]
    for width, count in zip(widths, blocks, strict=True):
        total += normalised_convolution(inputs, width)
        total += (2 * count - 1) * normalised_convolution(width, width)
        total += normalised_convolution(inputs, width, 1) if inputs != width else 0
        inputs = width
    return total + dense(inputs, classes)


def vit(channels: int, patch: int, patches: int, width: int, depth: int, classes: int) -> int:
    attention = 3 * dense(width, width) + dense(width, width)
    mlp = dense(width, 4 * width) + dense(4 * width, width)
    block = 2 * width + attention + 2 * width + mlp
    tokens = convolution(channels, width, patch) + width + (patches + 1) * width
    return tokens + depth * block + 2 * width + dense(width, classes)


def test_the_panels_parameters_are_those_of_the_formulas():
    wide, deep = [64, 128, 256, 512], [2, 2, 2, 2]
    assert {name: panel[0] for name, panel in PANELS.items()} == {
        "paper-cnn-mnist": cnn([1, 32, 64, 128], 128 * 14**2, [512, 10]),
        "paper-cnn-cifar10": cnn([3, 32, 64, 128], 128 * 16**2, [512, 10]),
        "paper-cnn-cifar100": cnn([3, *wide], 512 * 8**2, [1024, 512, 100]),
        "paper-resnet-mnist": resnet(1, [16, 32, 64, 128], deep, 10),
        "paper-resnet-cifar10": resnet(3, wide, deep, 10),
        "paper-resnet-cifar100": resnet(3, wide, [3, 4, 6, 3], 100),
        "paper-vit-mnist": vit(1, 7, 4**2, 128, 4, 10),
        "paper-vit-cifar10": vit(3, 4, 8**2, 192, 6, 10),
        "paper-vit-cifar100": vit(3, 4, 8**2, 256, 6, 100),
    }


def narrow() -> dict[str, int]:
    """The panels at a quarter or an eighth of their width."""
    eighth, deep = [8, 16, 32, 64], [2, 2, 2, 2]
    return {
        "repro-cnn-mnist": cnn([1, 8, 16, 32], 32 * 14**2, [128, 10]),
        "repro-cnn-cifar10": cnn([3, 8, 16, 32], 32 * 16**2, [128, 10]),
        "repro-cnn-cifar100": cnn([3, *eighth], 64 * 8**2, [128, 64, 100]),
        "repro-resnet-mnist": resnet(1, [4, 8, 16, 32], deep, 10),
        "repro-resnet-cifar10": resnet(3, eighth, deep, 10),
        "repro-resnet-cifar100": resnet(3, eighth, [3, 4, 6, 3], 100),
        "repro-vit-mnist": vit(1, 7, 4**2, 32, 4, 10),
        "repro-vit-cifar10": vit(3, 4, 8**2, 48, 6, 10),
        "repro-vit-cifar100": vit(3, 4, 8**2, 64, 6, 100),
    }


@pytest.mark.parametrize("name", [name for name in ALL if name.startswith("repro-")])
def test_a_reproduced_panel_keeps_what_the_protocol_does_not_change(name):
    study = tomllib.loads((PRESETS / f"{name}.toml").read_text(encoding="utf-8"))
    ours, theirs = ALL[name], ALL[study["extends"]]
    assert ours.optimizer == theirs.optimizer or name.endswith(("-sgd", "-wd-5e-4"))
    shape = {"channels", "hidden", "widths", "width"}
    assert ours.model.model_dump(exclude=shape) == theirs.model.model_dump(exclude=shape)
    assert ours.data.augment == theirs.data.augment
    assert ours.sizes[-1] >= 8 * ours.sizes[0]


@pytest.mark.parametrize("name", PANELS)
def test_the_nine_panels_have_the_papers_sizes_seeds_epochs_and_parameters(name):
    count, seeds, largest, epochs, factor = PANELS[name]
    study = Study.load(name)
    settings = study.settings
    assert parameters(study) == count
    assert (settings.seeds, settings.sizes[-1]) == (seeds, largest)
    assert (settings.training.epochs, settings.training.batch_size) == (epochs, 128)
    assert settings.model.init_scale == factor
    assert settings.optimizer.weight_decay == 0


@pytest.mark.parametrize(
    ("file", "preset"),
    [
        ("CNN_MNIST", "paper-cnn-mnist"),
        ("CNN_CIFAR10", "paper-cnn-cifar10"),
        ("ResNet_CIFAR10", "paper-resnet-cifar10"),
        ("ViT_MNIST", "paper-vit-mnist"),
        ("CNN_CIFAR10_wd", "paper-cnn-cifar10-wd-1e-4"),
        ("CNN_CIFAR10_norms", "paper-cnn-cifar10-norms"),
    ],
)
def test_sizes_and_numbers_of_seeds_are_those_of_the_published_curves(file, preset, deep_norm):
    from normlaws.interop.restricted import load_dict

    published = load_dict(deep_norm / f"{file}.npy")
    settings = ALL[preset]
    assert list(settings.sizes) == published["P_arr"].tolist()
    assert settings.seeds == len(published["seed_arr"])


@pytest.mark.parametrize("name", [name for name in ALL if name.startswith("paper-")])
def test_an_ablation_differs_from_its_panel_in_what_its_name_says(name):
    panel = ALL["-".join(name.split("-")[:3])]
    part = {"wd": "weight_decay", "sgd": "name", "init": "init_scale"}
    word = next((word for word in part if f"-{word}" in name), None)
    changed = {
        *(key for key, value in ALL[name].optimizer if value != getattr(panel.optimizer, key)),
        *(key for key, value in ALL[name].model if value != getattr(panel.model, key)),
    }
    assert changed - {"learning_rate"} == ({part[word]} if word else set())
    assert ALL[name].data == panel.data
    assert ALL[name].training == panel.training


def test_scale_shrinks_sizes_seeds_steps_and_weights_together():
    full, small = Study.load("paper-cnn-cifar10"), Study.load("paper-cnn-cifar10").scaled(0.1)
    a, b = full.settings, small.settings
    assert b.sizes == tuple(size // 10 for size in a.sizes)
    assert b.seeds == 3
    steps = [
        sum(run.steps for run in study.settings.runs()) / len(study.settings.runs())
        for study in (full, small)
    ]
    assert steps[1] / steps[0] == pytest.approx(0.1, rel=0.1)
    assert parameters(small) / parameters(full) == pytest.approx(0.1, rel=0.1)
    assert (b.data.validation, b.data.scored_test) == (200, 1000)
    by_steps = Study.load("mnist-cnn").scaled(0.1).settings
    assert by_steps.training.steps == 300
    assert by_steps.sizes == (16, 25, 50, 100, 200, 400)


def test_scale_stops_at_its_floors_and_one_changes_nothing():
    tiny = Study.load("digits-cnn").scaled(1e-6).settings
    assert (tiny.sizes, tiny.seeds, tiny.training.steps) == ((16,), 2, 10)
    assert Study.load("digits-cnn").scaled(1).settings == ALL["digits-cnn"]


@pytest.mark.parametrize("factor", [0, -1, 1.5, math.nan])
def test_a_scale_that_is_none_is_refused(factor):
    with pytest.raises(InputError, match="above 0 and at most 1, got"):
        Study.load("digits-cnn").scaled(factor)


def test_a_scaled_study_runs_into_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ThreadPoolExecutor(1) as executor:
        study = Study.load("digits-resnet").scaled(0.01)
        curves = study.run(executor=executor, progress=False)
    assert set(curves.runs["status"]) == {"complete"}
    assert (tmp_path / "runs" / "digits-resnet-scale-0.01" / "study.toml").exists()


def test_a_file_extends_a_preset_with_what_it_says(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'extends = "paper-cnn-cifar10"\nname = "mine"\nseeds = 2\n'
        '[data]\nname = "parquet"\ntrain = ["a.parquet"]\ntest = ["b.parquet"]\nvalidation = 9\n'
        "[training]\nsteps = 70\n",
        encoding="utf-8",
    )
    mine, panel = Study.load(path).settings, ALL["paper-cnn-cifar10"]
    assert (mine.name, mine.seeds, mine.sizes, mine.model) == ("mine", 2, panel.sizes, panel.model)
    assert (mine.data.name, mine.data.validation) == ("parquet", 9)
    assert (mine.training.steps, mine.training.epochs) == (70, None)
    assert mine.training.batch_size == 128


def test_what_is_not_a_preset_cannot_be_extended():
    with pytest.raises(InputError, match=r"study: expected extends .* 'digits-nn'.* digits-cnn"):
        Study.load({"extends": "digits-nn"})


def test_data_that_are_not_there_stop_the_study_before_its_folder_is_made(tmp_path):
    from normlaws.errors import DataNotFoundError

    files = {"name": "parquet", "train": ["a.parquet"], "test": ["a.parquet"], "validation": 5}
    study = Study.load({"extends": "digits-cnn", "name": "mine", "data": files})
    with pytest.raises(DataNotFoundError, match=r"Parquet file at .*a\.parquet"):
        study.run(tmp_path / "out", data_root=tmp_path)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("page", ["data", "presets"])
def test_every_study_file_on_the_pages_is_accepted(page):
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL)
    assert blocks
    for block in blocks:
        Study.load(tomllib.loads(block))


def test_the_page_lists_every_preset_of_the_panels_with_its_number_of_parameters():
    text = (DOCS / "presets.md").read_text(encoding="utf-8")
    for name, (count, *_) in PANELS.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        assert f"| {count:,} |" in row
