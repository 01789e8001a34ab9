"""``normlaws measure`` on files of weights."""

from __future__ import annotations

import json
import math
import sys

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from normlaws import cli
from normlaws.norms import measure


def run(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["normlaws", "measure", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.ModuleDict(
        {
            "conv": nn.Conv2d(1, 4, 3),
            "norm": nn.BatchNorm2d(4),
            "attn": nn.MultiheadAttention(8, 2),
            "embed": nn.Embedding(11, 8),
            "scaled": nn.utils.parametrizations.weight_norm(nn.Linear(8, 3)),
        }
    )


@pytest.mark.filterwarnings("ignore::normlaws.errors.NormlawsWarning")  # groups of the convolution
@pytest.mark.parametrize("form", ["safetensors", "pt", "wrapped"])
def test_file_and_model_agree(form, model, tmp_path, monkeypatch, capsys):
    path = tmp_path / f"weights.{'safetensors' if form == 'safetensors' else 'pt'}"
    state = model.state_dict()
    if form == "safetensors":
        save_file(state, path)
    else:
        torch.save({"state_dict": state, "epoch": 3} if form == "wrapped" else state, path)
    code, out, _ = run(monkeypatch, capsys, str(path), "--json")
    found = json.loads(out)
    expected = measure(model)
    assert code == 0
    assert len(found["layers"]) == len(expected.layers) == 7
    for name in ("log_spectral_complexity", "log_frobenius", "log_l1", "log_group_21"):
        assert found["total"][name] == pytest.approx(expected.total[name], rel=1e-6)


@pytest.mark.filterwarnings("ignore::normlaws.errors.NormlawsWarning")
def test_table_for_people(model, tmp_path, monkeypatch, capsys):
    path = tmp_path / "weights.safetensors"
    save_file(model.state_dict(), path)
    code, out, _ = run(monkeypatch, capsys, str(path))
    assert code == 0
    assert "log_spectral_complexity" in out
    assert "attention" in out


def test_zero_weights_are_null_in_json(tmp_path, monkeypatch, capsys):
    path = tmp_path / "weights.pt"
    torch.save({"weight": torch.zeros(3, 3)}, path)
    _, out, _ = run(monkeypatch, capsys, str(path), "--json")
    assert json.loads(out)["total"]["log_spectral_complexity"] is None
    assert measure(nn.Linear(2, 2)).total["log_frobenius"] > -math.inf


class Evil:
    def __reduce__(self):
        return print, ("this ran",)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.pt", None, "there is none"),
        ("weights.onnx", b"x", "expected a state dict or safetensors"),
        ("broken.safetensors", b"12345678 nonsense", "expected a s"),
        ("broken.pt", b"nonsense", "expected a state dict"),
        ("evil.pt", Evil(), "refused"),
        ("vectors.pt", {"bias": torch.zeros(3)}, "none of them a matrix"),
        ("tensor.pt", torch.zeros(3), "got a Tensor"),
    ],
)
def test_mistakes_are_one_line_and_status_2(name, content, message, tmp_path, monkeypatch, capsys):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    code, out, err = run(monkeypatch, capsys, str(path))
    assert code == 2
    assert out == ""
    assert err.startswith("normlaws: ")
    assert err.count("\n") == 1
    assert message in err
