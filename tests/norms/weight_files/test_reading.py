"""A file is read as its model is read: values held against the model, or a matrix written out."""

from __future__ import annotations

import argparse
import json
import math

import pytest
import torch
from safetensors.torch import save_file
from tests.norms.suite import largest_singular_value
from torch import nn
from torch.nn.utils import parametrizations, prune

from normlaws.errors import CorruptFileError, DataNotFoundError, InputError, NormlawsWarning
from normlaws.norms import measure, measure_file, measure_state

TOTALS = ("log_spectral_complexity", "log_spectral_product", "log_l1", "log_group_21")


def two_layers() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))


def same(found, expected) -> bool:
    return len(found.layers) == len(expected.layers) and all(
        found.total[name] == pytest.approx(expected.total[name], abs=1e-6) for name in TOTALS
    )


@pytest.mark.parametrize("name", ["last.ckpt", "best.pth.tar", "MODEL.PT", "weights"])
def test_the_content_decides_not_the_ending(name, tmp_path):
    model = two_layers()
    torch.save({"state_dict": model.state_dict(), "epoch": 1}, tmp_path / name)
    assert same(measure_file(tmp_path / name), measure(model))


@pytest.mark.parametrize("key", ["net", "params", "module", "student", "nested"])
def test_the_one_network_is_found_under_any_key(key, tmp_path):
    model = two_layers()
    state = {"module." + name: value for name, value in model.state_dict().items()}
    held = {"a": {"b": state}} if key == "nested" else state
    optimiser = torch.optim.Adam(model.parameters())
    torch.save({key: held, "epoch": 3, "optimizer": optimiser.state_dict()}, tmp_path / "c.pt")
    found = measure_file(tmp_path / "c.pt")
    assert same(found, measure(model))
    assert list(found.layers["name"]) == ["0", "2"]


def test_of_several_networks_one_must_be_named(tmp_path):
    model, other = two_layers(), nn.Linear(3, 2)
    torch.save({"generator": model.state_dict(), "critic": other.state_dict()}, tmp_path / "g.pt")
    with pytest.raises(InputError, match=r"one network in .*: generator, critic; give key="):
        measure_file(tmp_path / "g.pt")
    assert same(measure_file(tmp_path / "g.pt", key="critic"), measure(other))
    with pytest.raises(InputError, match="expected a key generator or critic"):
        measure_file(tmp_path / "g.pt", key="encoder")


def test_an_average_of_the_same_network_is_named_and_passed_over(tmp_path):
    model = two_layers()
    average = {name: value / 2 for name, value in model.state_dict().items()}
    torch.save({"model": model.state_dict(), "model_ema": average}, tmp_path / "e.pt")
    with pytest.warns(NormlawsWarning, match="under model and model_ema; model is measured"):
        assert same(measure_file(tmp_path / "e.pt"), measure(model))


def sharded(folder, model) -> dict[str, str]:
    state = model.state_dict()
    where = {name: f"model-0000{1 + (name[0] == '2')}-of-00002.safetensors" for name in state}
    for shard in set(where.values()):
        save_file({n: state[n] for n in state if where[n] == shard}, folder / shard)
    index = {"metadata": {}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return where


def test_shards_are_one_network_and_one_alone_is_refused(tmp_path):
    model = two_layers()
    where = sharded(tmp_path, model)
    for place in (tmp_path, tmp_path / "model.safetensors.index.json"):
        assert same(measure_file(place), measure(model))
    first = tmp_path / where["0.weight"]
    with pytest.raises(InputError, match="is one of 2 parts"):
        measure_file(first)
    first.unlink()
    with pytest.raises(DataNotFoundError, match="shard model-00001"):
        measure_file(tmp_path)


def test_what_is_refused_is_named(tmp_path):
    torch.save({"model": {}, "args": argparse.Namespace(lr=1)}, tmp_path / "a.pt")
    with pytest.raises(CorruptFileError, match=r"holds a argparse.Namespace.*save model.state_d"):
        measure_file(tmp_path / "a.pt")
    (tmp_path / "b.gguf").write_bytes(b"GGUF" + bytes(60))
    with pytest.raises(InputError, match="got a GGUF file"):
        measure_file(tmp_path / "b.gguf")


@pytest.mark.parametrize("dim", [0, 2, None])
@pytest.mark.parametrize("form", ["new", "old"])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_weight_norm_along_any_axis(form, dim):
    torch.manual_seed(1)
    make = parametrizations.weight_norm if form == "new" else nn.utils.weight_norm
    conv = make(nn.Conv1d(4, 8, 3), dim=dim)
    found = measure_state(conv.state_dict()).layers.log_spectral_norm
    expected = largest_singular_value(conv.weight.flatten(1))
    assert list(found.map(math.exp)) == pytest.approx([expected], rel=1e-6)


@pytest.mark.parametrize(
    "layer",
    [lambda: nn.Linear(6, 5), lambda: nn.Conv2d(5, 5, 3), lambda: nn.ConvTranspose2d(4, 7, 3)],
)
@pytest.mark.parametrize("form", ["new", "old"])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_spectral_norm_is_divided_out(form, layer):
    torch.manual_seed(2)
    make = parametrizations.spectral_norm if form == "new" else nn.utils.spectral_norm
    module = make(layer())
    if form == "new":
        module.parametrizations.weight.original.data.mul_(7)
    else:
        module.weight_orig.data.mul_(7)
    found = measure_state(module.eval().state_dict())
    assert same(found, measure(module))
    assert len(found.layers) == 1


def test_pruned_weights_are_masked_and_masks_are_no_layers():
    model = two_layers()
    prune.l1_unstructured(model[0], "weight", 0.5)
    prune.l1_unstructured(model[0], "bias", 0.5)
    assert same(measure_state(model.state_dict()), measure(model))


def test_recurrent_and_attention_layers():
    torch.manual_seed(3)
    model = nn.ModuleDict(
        {"rnn": nn.LSTM(4, 6, 2, proj_size=3), "attn": nn.MultiheadAttention(8, 2)}
    )
    found, expected = measure_state(model.state_dict()), measure(model)
    assert same(found, expected)
    assert list(found.layers["name"]) == list(expected.layers["name"])


def test_a_parametrisation_that_the_file_does_not_hold_is_left_out_and_named():
    model = nn.Sequential(parametrizations.orthogonal(nn.Linear(5, 5)), nn.Linear(5, 2))
    with pytest.warns(NormlawsWarning, match=r"0\.weight are computed by a parametrisation"):
        found = measure_state(model.state_dict())
    assert list(found.layers["name"]) == ["1"]


class Tables(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3)
        self.time_embed = nn.Linear(6, 9)
        self.embed_out = nn.Linear(4, 30, bias=False)
        self.embed_in = nn.Embedding(30, 4)
        self.register_buffer("pe", torch.randn(50, 1, 4))
        self.register_buffer("mask", torch.tril(torch.ones(6, 6)))
        steps = torch.arange(50.0)[:, None] / 10 ** torch.arange(4)
        self.register_buffer("table", torch.cat([steps.sin(), steps.cos()], dim=1))
        self.register_buffer("index", torch.zeros(3, 3, dtype=torch.long))
        self.relative_position_bias_table = nn.Parameter(torch.zeros(49, 2))


def test_tables_are_told_from_matrices():
    model = Tables()
    found, expected = measure_state(model.state_dict()), measure(model)
    assert same(found, expected)
    reasons = {item.name: item.reason for item in found.uncounted}
    assert {"pe", "mask", "table", "relative_position_bias_table"} <= set(reasons)


def test_eight_bit_codes_times_scale():
    torch.manual_seed(4)
    weight = torch.randn(16, 8)
    scale = weight.abs().amax(1)
    codes = (weight / scale[:, None] * 127).round().to(torch.int8)
    state = {"fc.weight": codes, "fc.SCB": scale, "fc.bias": torch.zeros(16)}
    found = measure_state(state).layers.log_spectral_norm[0]
    written = codes.double() * scale.double()[:, None] / 127
    assert math.exp(found) == pytest.approx(largest_singular_value(written), rel=1e-6)


def _eight_bit(dtype=torch.int8):
    torch.manual_seed(4)
    return (40 * torch.randn(16, 8)).round().to(dtype), torch.rand(16, 1) + 0.5


@pytest.mark.parametrize(
    ("stored", "written"),
    [
        (lambda q, s: {"weight": q, "scale_weight": s[:1]}, lambda q, s: q * s[0]),
        (lambda q, s: {"weight._data": q, "weight._scale": s}, lambda q, s: q * s),
        (
            lambda q, s: {
                "weight": q,
                "weight_scale": s,
                "weight_zero_point": torch.full((16, 1), 3, dtype=torch.int8),
            },
            lambda q, s: (q - 3) * s,
        ),
    ],
)
def test_codes_of_other_containers(stored, written):
    codes, scale = _eight_bit()
    state = {f"fc.{name}": tensor for name, tensor in stored(codes, scale).items()}
    found = measure_state(state | {"fc.input_scale": torch.ones(())}).layers.log_spectral_norm
    expected = largest_singular_value(written(codes.double(), scale.double()))
    assert [math.exp(value) for value in found] == pytest.approx([expected], rel=1e-6)


@pytest.mark.parametrize("name", ["weight_scale_2", "scales_and_zeros", "weight_block_absmax"])
@pytest.mark.parametrize("dtype", [torch.int8, torch.float8_e4m3fn])
def test_codes_beside_a_scale_of_unknown_use_are_refused(name, dtype):
    codes, _ = _eight_bit(dtype)
    with pytest.raises(InputError, match=r"fc\.weight holds \w+ codes"):
        measure_state({"fc.weight": codes, f"fc.{name}": torch.rand(4)})


def test_packed_codes_are_refused_by_name():
    state = {"fc.qweight": torch.zeros(4, 8, dtype=torch.int32), "fc.scales": torch.ones(1, 8)}
    with pytest.raises(InputError, match=r"fc\.qweight holds int32 codes"):
        measure_state(state)


def test_an_adapter_alone_is_its_pairs_with_their_scaling(tmp_path):
    torch.manual_seed(5)
    a, b = torch.randn(2, 16), torch.randn(8, 2)
    stem = "base_model.model.q_proj.lora_"
    save_file({f"{stem}A.weight": a, f"{stem}B.weight": b}, tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text(
        json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 8})
    )
    found = measure_file(tmp_path).layers
    assert list(found["name"]) == ["base_model.model.q_proj"]
    assert math.exp(found.log_spectral_norm[0]) == pytest.approx(
        4 * largest_singular_value(b @ a), rel=1e-6
    )


def sentence(path) -> str:
    try:
        measure_file(path)
    except (InputError, CorruptFileError, NormlawsWarning) as error:
        return str(error)
    return ""


@pytest.mark.parametrize("form", ["safetensors", "pt"])
def test_mutated_files_give_one_sentence(form, tmp_path):
    model, path = two_layers(), tmp_path / "m"
    if form == "pt":
        torch.save(model.state_dict(), path)
    else:
        save_file(model.state_dict(), path)
    whole, random = bytearray(path.read_bytes()), torch.Generator().manual_seed(0)

    def draw(high):
        return int(torch.randint(high, (), generator=random))

    for trial in range(100):
        damaged = bytearray(whole)
        for _ in range(1 + draw(8)):
            damaged[draw(400 if trial % 2 else len(damaged))] = draw(256)
        if trial % 5 == 0:
            damaged = damaged[: draw(len(damaged))]
        path.write_bytes(damaged)
        said = sentence(path)
        assert "\n" not in said


def test_large_matrices_are_certified_and_decomposed_on_request():
    torch.manual_seed(6)
    state = {"embed.weight": torch.randn(9000, 128), "head.weight": torch.randn(1100, 1000)}
    asked = []
    found = measure_state(state, progress=lambda *told: asked.append(told))
    exact = measure_state(state, exact=True)
    assert asked == [(0, 2, "embed"), (1, 2, "head")]
    for name in ("log_spectral_norm", "log_frobenius", "log_l1", "log_group_21"):
        assert list(found.layers[name]) == pytest.approx(list(exact.layers[name]), abs=1e-6)
