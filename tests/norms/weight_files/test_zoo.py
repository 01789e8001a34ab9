"""Small models built from a configuration: their state dicts are measured as the models are."""

from __future__ import annotations

import io

import pytest
import torch
import transformers
from torch import nn

from normlaws.norms import measure, measure_state

TOTALS = ("log_spectral_product", "log_frobenius", "log_l1", "log_group_21")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::normlaws.errors.NormlawsWarning", "ignore::UserWarning"),
]

SMALL = {
    "hidden_size": 16, "d_model": 16, "n_embd": 16, "dim": 16, "embed_dim": 16,
    "num_hidden_layers": 1,
    "n_layer": 1, "n_layers": 1, "num_layers": 1, "encoder_layers": 1, "decoder_layers": 1,
    "num_attention_heads": 2, "n_head": 2, "n_heads": 2, "num_heads": 2,
    "encoder_attention_heads": 2, "decoder_attention_heads": 2, "num_key_value_heads": 2,
    "intermediate_size": 24, "d_ff": 24, "ffn_dim": 24, "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24, "hidden_dim": 24, "vocab_size": 50, "max_position_embeddings": 32,
    "n_positions": 32, "d_kv": 8, "head_dim": 8, "moe_intermediate_size": 8,
    "num_local_experts": 3, "num_experts": 3, "embedding_size": 12, "pad_token_id": 0,
    "bos_token_id": 1, "eos_token_id": 2, "rotary_dim": 4, "n_inner": 24,
    "shared_expert_intermediate_size": 8,
}  # fmt: skip
TRANSFORMERS = (
    "bert", "gpt2", "gpt_neox", "llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "gemma",
    "phi", "opt", "bloom", "falcon", "t5", "bart", "roberta", "distilbert", "electra", "albert",
    "deberta-v2", "gptj", "openai-gpt", "stablelm", "starcoder2", "olmo", "olmoe", "granite",
    "codegen", "biogpt", "mpnet",
)  # fmt: skip


def read_back(model: nn.Module) -> dict[str, torch.Tensor]:
    """The state dict as it comes out of a file."""
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def same(model: nn.Module) -> bool:
    model = thinned(model)
    found, expected = measure_state(read_back(model)).total, measure(model).total
    close = [found[name] == pytest.approx(expected[name], abs=1e-5) for name in TOTALS]
    return found["layers"] == expected["layers"] and all(close)


def thinned(model: nn.Module) -> nn.Module:
    """Small random integers, so that no layer is zero and large models stay quick to read."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randint(1, 4, parameter.shape, generator=generator))
    return model.eval()


def transformer(name: str) -> nn.Module:
    kind = transformers.CONFIG_MAPPING[name]
    usual = kind().to_dict()
    changed = {
        key: value
        for key, value in SMALL.items()
        if isinstance(usual.get(key), int) and not isinstance(usual.get(key), bool)
    }
    return transformers.AutoModel.from_config(kind(**changed))


def differing(names, build) -> list[str]:
    return [name for name in names if not same(build(name))]


def test_transformers():
    assert differing(TRANSFORMERS, transformer) == []
