"""Hugging Face's Trainer on a tiny ViT, built from its configuration: nothing is downloaded."""

import subprocess

import torch
from sklearn.datasets import load_digits
from transformers import Trainer, TrainingArguments, ViTConfig, ViTForImageClassification, set_seed

from normlaws.tracking.hf import NormTrackerCallback

config = ViTConfig(
    hidden_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=96,
    image_size=8,
    patch_size=2,
    num_channels=1,
    num_labels=10,
)
digits, order = load_digits(), torch.randperm(1797, generator=torch.manual_seed(0))
images, labels = torch.tensor(digits.images / 16).float()[order], digits.target[order]
examples = [
    {"pixel_values": x[None], "labels": int(y)} for x, y in zip(images, labels, strict=True)
]


def accuracy(predicted):
    """What the Trainer reports as eval_accuracy."""
    return {"accuracy": float((predicted.predictions.argmax(1) == predicted.label_ids).mean())}


for size in (60, 120, 240, 960):
    for seed in (0, 1, 2):
        set_seed(seed)
        trainer = Trainer(
            ViTForImageClassification(config),
            TrainingArguments(
                output_dir="runs/hf-trainer",
                max_steps=160,
                learning_rate=1e-3,
                lr_scheduler_type="constant",
                per_device_train_batch_size=20,
                per_device_eval_batch_size=500,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                seed=seed,
            ),
            train_dataset=[examples[index] for index in torch.randperm(960)[:size]],
            eval_dataset=examples[960:],
            compute_metrics=accuracy,
        )
        trainer.add_callback(
            NormTrackerCallback(
                trainer,
                "runs/hf",
                size=size,
                seed=seed,
                evaluate="trainer",
                if_complete="skip",
                growth=1.5,
                layers=False,
                metrics={"test_error": "1 - eval_accuracy", "test_loss": "eval_loss"},
            )
        )
        trainer.train()
subprocess.run(["normlaws", "fit", "runs/hf"], check=True)
