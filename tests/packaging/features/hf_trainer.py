"""The callback records a Trainer on a ViT built from its configuration."""

# Before the framework: without the extra, normlaws must be the one that says so.
from normlaws import Curves
from normlaws.tracking.hf import NormTrackerCallback

# isort: split
import torch
from transformers import Trainer, TrainingArguments, ViTConfig, ViTForImageClassification

config = ViTConfig(
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=16,
    image_size=8,
    patch_size=4,
    num_channels=1,
    num_labels=2,
)
examples = [{"pixel_values": torch.randn(1, 8, 8), "labels": index % 2} for index in range(16)]
arguments = TrainingArguments(
    output_dir="trainer", max_steps=4, save_strategy="no", report_to="none", disable_tqdm=True
)
trainer = Trainer(
    ViTForImageClassification(config), arguments, train_dataset=examples, eval_dataset=examples
)
trainer.add_callback(
    NormTrackerCallback(
        trainer,
        "runs/hf",
        size=16,
        evaluate="trainer",
        metrics={"test_loss": "eval_loss"},
    )
)
trainer.train()
assert Curves.read("runs/hf").frame["step"].max() == 4
