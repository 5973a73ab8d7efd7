"""Trains ``builtin/demo`` from nothing but seeds, measures it, and writes its model card.

``python -m scripts.demo_model.train`` takes about 8 minutes on one free CPU core and overwrites
``deployments/classifier/builtin/demo``. The same seed, versions and processor give the same
weights; another processor rounds differently and lands at the same accuracy, not the same bits.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from transformers import ViTConfig, ViTForImageClassification

from scripts.demo_model.card import write_card
from scripts.demo_model.images import LABELS, SIDE, ImageSet, image_set
from scripts.demo_model.metrics import measure

OUTPUT = Path(__file__).parents[2] / "deployments" / "classifier" / "builtin" / "demo"
SEED, HELD_OUT_SEED = 20_240, 77_011
PATCH = 16
BATCH, LEARNING_RATE, WEIGHT_DECAY, WARM_UP = 32, 1e-3, 0.05, 0.08

PREPROCESSOR = {
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "ViTImageProcessor",
    "image_std": [0.5, 0.5, 0.5],
    "resample": 2,
    "rescale_factor": 1 / 255,
    "size": {"height": SIDE, "width": SIDE},
}


def build_model() -> ViTForImageClassification:
    """A plain ViT of about half a million parameters, with random weights."""
    config = ViTConfig(
        hidden_size=96,
        num_hidden_layers=5,
        num_attention_heads=3,
        intermediate_size=192,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        image_size=SIDE,
        patch_size=PATCH,
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
        vigil_demonstration=True,
    )
    return ViTForImageClassification(config)


def normalise(pixels: npt.NDArray[np.uint8]) -> torch.Tensor:
    """``[N, H, W, 3]`` uint8 to ``[N, 3, H, W]`` float32, -1…1, as ``PREPROCESSOR`` says."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2) / 127.5 - 1


def train(model: ViTForImageClassification, data: ImageSet, epochs: int, seed: int) -> None:
    """AdamW with a linear warm-up and a cosine decay; every picture mirrored half of the time.

    All epochs but the last show a random quarter of each batch's patches (patch dropout, Liu et
    al. 2022, https://arxiv.org/abs/2208.07220): much faster, and what is learned carries over.
    """
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(model.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    steps = epochs * (len(data.labels) // BATCH)

    def rate(step: int) -> float:
        if step < WARM_UP * steps:
            return (step + 1) / (WARM_UP * steps)
        return 0.5 + 0.5 * math.cos(math.pi * step / steps)

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    model.train()
    for epoch in range(epochs):
        losses = []
        whole = epoch == epochs - 1
        order = rng.permutation(len(data.labels))
        for rows in order[: len(order) // BATCH * BATCH].reshape(-1, BATCH):
            pixels = data.pixels[rows]
            mirrored = rng.random(BATCH) < 0.5
            pixels[mirrored] = pixels[mirrored, :, ::-1]
            labels = torch.from_numpy(data.labels[rows])
            with contextlib.nullcontext() if whole else _patch_dropout(model, rng):
                loss = model(pixel_values=normalise(pixels), labels=labels).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            if len(losses) % 25 == 0:
                print(f"epoch {epoch + 1}, step {len(losses)}: loss {np.mean(losses[-25:]):.4f}")


@contextlib.contextmanager
def _patch_dropout(model: ViTForImageClassification, rng: np.random.Generator) -> Iterator[None]:
    """Let the encoder see the class token and a quarter of the patches only."""
    patches = (SIDE // PATCH) ** 2
    kept = np.append(0, 1 + np.sort(rng.choice(patches, patches // 4, replace=False)))
    rows = torch.from_numpy(kept)

    def drop(_module: torch.nn.Module, _inputs: object, tokens: torch.Tensor) -> torch.Tensor:
        return tokens[:, rows]

    hook = model.vit.embeddings.register_forward_hook(drop)
    try:
        yield
    finally:
        hook.remove()


@torch.inference_mode()
def scores(model: ViTForImageClassification, data: ImageSet) -> npt.NDArray[np.float32]:
    """Probability of ``nsfw`` for every picture, ``[N]``."""
    model.eval()
    logits = [
        model(pixel_values=normalise(data.pixels[i : i + BATCH])).logits
        for i in range(0, len(data.labels), BATCH)
    ]
    return torch.cat(logits).softmax(-1)[:, 1].numpy()


def main() -> None:
    """Generate, train, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--held-out-images", type=int, default=1000)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(arguments.seed)

    started = time.monotonic()
    model = build_model()
    data = image_set(arguments.seed, arguments.images)
    print(f"{arguments.images} pictures after {time.monotonic() - started:.0f} s")
    train(model, data, arguments.epochs, arguments.seed)
    held_out = image_set(HELD_OUT_SEED, arguments.held_out_images)
    metrics = measure(HELD_OUT_SEED, scores(model, held_out), held_out.labels, held_out.scenes)
    print(json.dumps(metrics, indent=2), f"\n{time.monotonic() - started:.0f} s in all")

    arguments.output.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(arguments.output)
    (arguments.output / "model.safetensors").chmod(0o644)
    for name, content in {"preprocessor_config": PREPROCESSOR, "metrics": metrics}.items():
        text = json.dumps(content, indent=2) + "\n"
        (arguments.output / f"{name}.json").write_text(text, encoding="utf-8")
    write_card(
        arguments.output / "README.md",
        metrics,
        seed=arguments.seed,
        images=arguments.images,
        epochs=arguments.epochs,
        parameters=model.num_parameters(),
    )


if __name__ == "__main__":
    main()
