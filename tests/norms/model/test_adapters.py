"""Adapters of the PEFT library, held against what ``merge_and_unload`` makes of them."""

from __future__ import annotations

import copy

import peft
import pytest
import transformers
from torch import nn

from normlaws.norms import measure


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(20, 16)
        self.fc = nn.Linear(16, 16)
        self.conv = nn.Conv2d(4, 8, 3)
        self.att = nn.MultiheadAttention(16, 2)


def gpt2() -> nn.Module:
    config = transformers.GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=20, n_positions=8)
    return transformers.GPT2LMHeadModel(config)


ALL = ["fc", "conv", "emb", "att"]
KINDS = {
    "lora": lambda: peft.LoraConfig(r=2, target_modules=ALL, init_lora_weights=False),
    "dora": lambda: peft.LoraConfig(
        r=2, use_dora=True, target_modules=["fc", "conv"], init_lora_weights=False
    ),
    "ia3": lambda: peft.IA3Config(
        target_modules=["fc"], feedforward_modules=[], init_ia3_weights=False
    ),
    "loha": lambda: peft.LoHaConfig(r=2, target_modules=["fc", "conv"], init_weights=False),
    "lokr": lambda: peft.LoKrConfig(r=2, target_modules=["fc", "conv"], init_weights=False),
    "oft": lambda: peft.OFTConfig(r=0, oft_block_size=4, target_modules=["fc"], init_weights=False),
    "vera": lambda: peft.VeraConfig(r=2, target_modules=["fc"], init_weights=False),
    "gpt2": lambda: peft.LoraConfig(
        r=2, target_modules=["c_attn", "c_proj"], fan_in_fan_out=True, init_lora_weights=False
    ),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_adapted_layers_are_the_merged_ones(kind):
    model = peft.get_peft_model(gpt2() if kind == "gpt2" else Net(), KINDS[kind]())
    found, expected = measure(model), measure(copy.deepcopy(model).merge_and_unload())
    assert len(found.layers) == len(expected.layers)
    for name in ("log_spectral_product", "log_frobenius", "log_l1", "log_group_21"):
        assert found.total[name] == pytest.approx(expected.total[name], abs=1e-6)
