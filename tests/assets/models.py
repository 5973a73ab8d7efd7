"""Tiny random stand-ins of the architectures that users bring, saved as real checkpoints.

Random heads give nearly the same scores for every picture, which would hide a wrong filter or
rotation. So every stand-in is calibrated on the test's pictures: batch norms take their statistics,
and the head is scaled so that each logit spreads over the pictures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
import transformers
from PIL import Image

_LOGIT_SPREAD = 1.5
"""Standard deviation of every logit over the calibration pictures."""


@dataclass(frozen=True)
class StandIn:
    """How to make one checkpoint."""

    name: str
    config: Callable[..., transformers.PreTrainedConfig]
    settings: Mapping[str, object]
    """Of the network."""
    processor: str
    """Class name without the suffix of its backend."""
    processing: Mapping[str, object] = field(default_factory=dict)
    """Settings of the processor that are not its defaults."""
    labels: Sequence[str] = ("normal", "nsfw", "other")
    edit: Callable[[Path], None] = lambda directory: None
    """Changes the saved files, to what old or odd checkpoints look like."""


def save(stand_in: StandIn, directory: Path, pictures: Sequence[Image.Image]) -> Path:
    """Makes a checkpoint, calibrated on pictures, and returns its directory."""
    torch.manual_seed(0)
    labels = dict(enumerate(stand_in.labels))
    config = stand_in.config(
        **stand_in.settings, id2label=labels, label2id={label: i for i, label in labels.items()}
    )
    network = transformers.AutoModelForImageClassification.from_config(config)
    processor_class = getattr(transformers, f"{stand_in.processor}Pil")
    processor = processor_class(**stand_in.processing)
    inputs = [processor(images=[picture], return_tensors="pt") for picture in pictures]
    _calibrate(network, {name: torch.cat([one[name] for one in inputs]) for name in inputs[0]})
    network.save_pretrained(directory)
    processor.save_pretrained(directory)
    stand_in.edit(directory)
    return directory


@torch.no_grad()
def _calibrate(network: transformers.PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> None:
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for module in network.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d):
            torch.nn.init.xavier_normal_(module.weight)
    network.eval()
    for norm in norms:
        norm.train()
        norm.momentum = None  # the plain mean over what it sees
        norm.reset_running_stats()
    network(**batch)
    network.eval()
    logits = network(**batch).logits
    head = [module for module in network.modules() if isinstance(module, torch.nn.Linear)][-1]
    scale = _LOGIT_SPREAD / logits.std(0)
    head.bias.copy_((head.bias - logits.mean(0)) * scale)
    head.weight.mul_(scale[:, None])


def edit_json(file: str, **changes: object) -> Callable[[Path], None]:
    """An edit of one JSON file; a value of None takes its key out."""

    def edit(directory: Path) -> None:
        path = directory / file
        content = json.loads(path.read_text()) | changes
        kept = {key: value for key, value in content.items() if value is not None}
        path.write_text(json.dumps(kept))

    return edit


def nest_processor(directory: Path) -> None:
    """Moves the processor's settings to where newer checkpoints keep them."""
    settings = json.loads((directory / "preprocessor_config.json").read_text())
    (directory / "preprocessor_config.json").unlink()
    (directory / "processor_config.json").write_text(json.dumps({"image_processor": settings}))
