"""Makes the checkpoints that are measured: architectures from their config classes, seeded weights.

A random head gives nearly the same scores for every picture, so that any mistake in decoding or
batching would go unseen. The head is therefore scaled until its logits spread over the pictures.

    python -m benchmarks.models tiny DIRECTORY PICTURE…
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
import transformers
from PIL import Image

_LOGIT_SPREAD = 1.5
"""Standard deviation of every logit over the calibration pictures."""
_LABELS = {0: "normal", 1: "nsfw"}

CONFIGS = {
    # A million parameters: shows what the servers cost.
    "tiny": {
        "hidden_size": 96,
        "num_hidden_layers": 4,
        "num_attention_heads": 3,
        "intermediate_size": 1024,
    },
    # ViT-B/16, which is the class's default: shows what the model costs.
    "base": {},
    # ViT-L/16, for GPUs.
    "large": {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
    },
}


def network_of(name: str) -> transformers.ViTForImageClassification:
    """The network of one of `CONFIGS`, with seeded weights, for inference."""
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(
        "vit",
        **CONFIGS[name],
        id2label=_LABELS,
        label2id={label: i for i, label in _LABELS.items()},
    )
    network = transformers.ViTForImageClassification(config)
    for module in network.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.xavier_normal_(module.weight)
    network.eval()
    return network


@torch.no_grad()
def calibrate(network: transformers.ViTForImageClassification, pixels: torch.Tensor) -> None:
    """Scales the head so that the logits of these inputs ``[N, 3, H, W]`` spread."""
    logits = network(pixel_values=pixels).logits
    scale = _LOGIT_SPREAD / logits.std(0)
    head = network.classifier
    assert isinstance(head, torch.nn.Linear)
    head.bias.copy_((head.bias - logits.mean(0)) * scale)
    head.weight.mul_(scale[:, None])


def make(name: str, directory: Path, pictures: Sequence[Path]) -> None:
    """Save a checkpoint, with its processor, that is calibrated on pictures."""
    network = network_of(name)
    processor = transformers.ViTImageProcessorPil()
    images = [Image.open(path).convert("RGB") for path in pictures]
    calibrate(network, processor(images=images, return_tensors="pt")["pixel_values"])
    network.save_pretrained(directory)
    processor.save_pretrained(directory)


def main() -> None:
    """Make one checkpoint."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=CONFIGS)
    parser.add_argument("directory", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+")
    arguments = parser.parse_args()
    make(arguments.name, arguments.directory, arguments.pictures)


if __name__ == "__main__":
    main()
