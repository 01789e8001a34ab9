"""Small models built from a configuration: their state dicts are measured as the models are."""

from __future__ import annotations

import io

import pytest
import timm
import torch
import torchvision
import transformers
from torch import nn

from normlaws.norms import measure, measure_state
from normlaws.norms.model.plan import Plan, Settings
from normlaws.norms.weight_files.measuring import plan_of

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


TORCHVISION = (
    "squeezenet1_0", "squeezenet1_1", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large",
    "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0",
    "mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mnasnet1_3", "efficientnet_b0", "efficientnet_b1",
    "efficientnet_b2", "regnet_x_400mf", "regnet_x_800mf", "regnet_x_1_6gf",
    "regnet_x_3_2gf", "regnet_y_400mf", "regnet_y_800mf", "regnet_y_1_6gf", "regnet_y_3_2gf",
    "resnet18", "resnet34", "resnet50", "densenet121",
    "googlenet", "convnext_tiny", "swin_t", "swin_v2_t", "maxvit_t", "s3d",
    "mc3_18", "lraspp_mobilenet_v3_large", "ssdlite320_mobilenet_v3_large",
    "deeplabv3_mobilenet_v3_large", "fasterrcnn_mobilenet_v3_large_320_fpn", "raft_small",
)  # fmt: skip
# Not among them: models whose numbers of groups no shape tells (depth multipliers behind a
# branch, selective kernels), which are read as said in a warning.
TIMM = (
    "test_byobnet", "test_coatnet", "test_convnext", "test_convnext2", "test_convnext3",
    "test_efficientnet", "test_efficientnet_evos", "test_efficientnet_gn", "test_efficientnet_ln",
    "test_mambaout", "test_maxvit", "test_nfnet", "test_resnet", "test_vit", "test_vit2",
    "test_vit3", "test_vit4", "resnet10t", "edgenext_xx_small", "mobilevit_xxs", "mobilevitv2_050",
    "mobilenetv4_conv_small", "ghostnet_050", "tinynet_e", "lcnet_035", "efficientvit_m0",
    "levit_128s", "repvit_m0_9", "deit_tiny_patch16_224", "convit_tiny", "visformer_tiny",
    "coat_lite_tiny", "pvt_v2_b0", "gmlp_ti16_224", "dla46_c", "regnetx_002", "regnety_002",
    "convnext_atto", "convnextv2_atto", "inception_next_atto", "hardcorenas_a", "semnasnet_050",
    "mnasnet_small", "vit_tiny_patch16_224", "eva02_tiny_patch14_224", "mambaout_femto",
)  # fmt: skip


def rows(plan: Plan) -> list[tuple]:
    """Name, matrix and its Frobenius and row norms of every layer; no spectra, for time."""
    found = []
    for layer in plan.layers:
        blocks = layer.read()
        groups = blocks.norm(dim=2).sum()
        found.append((layer.name, tuple(blocks.shape), float(blocks.norm()), float(groups)))
    return found


def alike(model: nn.Module) -> bool:
    """Whether the file of a model has the layers of the model, matrix by matrix."""
    counted = torch.arange(model_size(model)) % 7 + 1.0
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(counted[: parameter.numel()].view(parameter.shape))
    return rows(plan_of(model.state_dict())) == rows(Plan.of(model, Settings()))


def model_size(model: nn.Module) -> int:
    """Numbers in the largest parameter."""
    return max(parameter.numel() for parameter in model.parameters())


def unfilled(build, name: str) -> nn.Module:
    """A model without the cost of its initialisation, where it can be built so."""
    try:
        with torch.device("meta"):
            model = build(name)
        return model.to_empty(device="cpu")
    except NotImplementedError:
        return build(name)


def torchvision_model(name: str) -> nn.Module:
    backbone = ("lraspp", "ssdlite", "deeplab", "fasterrcnn")
    more = {"weights_backbone": None} if name.startswith(backbone) else {}
    more |= {"init_weights": False} if name == "googlenet" else {}
    return torchvision.models.get_model(name, weights=None, **more)


@pytest.mark.parametrize(
    ("names", "build"), [(TORCHVISION, torchvision_model), (TIMM, timm.create_model)]
)
def test_vision_models(names, build):
    assert len(names) >= 40
    assert [name for name in names if not alike(unfilled(build, name))] == []


def test_transformers():
    assert differing(TRANSFORMERS, transformer) == []
