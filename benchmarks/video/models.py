"""Makes the checkpoints that videos are judged by: seeded weights under a fitted head.

The network is that of the image benchmarks. Its head is fitted (ridge regression on the features)
to tell tinted frames from others, so that a run finds what is to be found and a label that
moved by one frame would be noticed.

    python -m benchmarks.video.models tiny DIRECTORY
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import transformers
from PIL import Image

from benchmarks.models import network_of
from benchmarks.video.scenes import Scene, painter

_PLACES = 48
"""Each is seen plain and tinted, so that nothing but the tint tells the two apart."""
_STEP = 74
_HEIGHT, _WIDTH = 540, 960
_SCENES = 4
_RIDGE = 1e-2
_LOGIT = 4.0
"""Each label's logit where it is seen; minus as much where it is not: scores of 0.9997."""


@torch.no_grad()
def make(name: str, directory: Path) -> None:
    """Save a checkpoint with its processor."""
    network = network_of(name)
    processor = transformers.ViTImageProcessorPil()
    pictures, signs = [], []
    for place in range(_PLACES):
        at = place * _STEP
        for is_flagged in (False, True):
            scene = Scene(range(at, at + is_flagged), seed=place % _SCENES)
            pictures.append(Image.fromarray(painter(scene, _HEIGHT, _WIDTH)(at, _HEIGHT, _WIDTH)))
            signs.append(1.0 if is_flagged else -1.0)
    pixels = processor(images=pictures, return_tensors="pt")["pixel_values"]
    features = torch.cat(
        [network.vit(part).last_hidden_state[:, 0] for part in pixels.split(8)]
    ).double()
    centre = features.mean(0)
    shifted = features - centre
    scale = shifted.square().sum() / len(shifted)
    gram = shifted @ shifted.T + _RIDGE * scale * torch.eye(len(shifted), dtype=torch.double)
    direction = shifted.T @ torch.linalg.solve(gram, torch.tensor(signs, dtype=torch.double))
    head = network.classifier
    assert isinstance(head, torch.nn.Linear)
    head.weight.copy_(_LOGIT * torch.stack([-direction, direction]))
    head.bias.copy_(_LOGIT * torch.stack([centre @ direction, -(centre @ direction)]))
    network.save_pretrained(directory)
    processor.save_pretrained(directory)


def main() -> None:
    """Make one checkpoint."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("directory", type=Path)
    arguments = parser.parse_args()
    make(arguments.name, arguments.directory)


if __name__ == "__main__":
    main()
