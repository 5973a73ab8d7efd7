"""Scores of the bundled samples, by the plain ``transformers`` pipeline.

``python -m scripts.demo_model.verify`` prints them, and fails where one is not clear.
"""

from __future__ import annotations

import json
from pathlib import Path

import av
import pillow_heif
import torch
from PIL import Image, ImageSequence
from transformers import ImageClassificationPipeline, pipeline

from scripts.demo_model.samples import OUTPUT as SAMPLES
from scripts.demo_model.samples import Facts
from scripts.demo_model.train import OUTPUT as MODEL

pillow_heif.register_heif_opener()

CLEARLY_NORMAL, CLEARLY_FLAGGED = 0.3, 0.9
"""Every frame of the samples scores under the one or over the other, far from the threshold."""


def load(model: Path = MODEL) -> ImageClassificationPipeline:
    """The pipeline that anyone would make from the model's folder."""
    return pipeline("image-classification", model=str(model), device="cpu", dtype=torch.float32)


def frames(path: Path) -> list[Image.Image]:
    """Every frame of a sample, in order, as RGB."""
    if path.suffix == ".mp4":
        with av.open(path) as container:
            return [frame.to_image() for frame in container.decode(video=0)]
    with Image.open(path) as image:
        return [frame.convert("RGB") for frame in ImageSequence.Iterator(image)]


def nsfw_scores(classifier: ImageClassificationPipeline, path: Path) -> list[float]:
    """``nsfw`` score of every frame of a sample, in order."""
    answers = classifier(frames(path), batch_size=16)
    return [next(a["score"] for a in answer if a["label"] == "nsfw") for answer in answers]


def expected(facts: Facts) -> list[bool]:
    """Which frames the facts say are flagged, in order."""
    if "flagged_frames" not in facts:
        return [facts["flagged"]] * facts["frames"]
    run = facts["flagged_frames"]
    numbers = range(run["counted_from"], run["counted_from"] + facts["frames"])
    return [run["first"] <= number <= run["last"] for number in numbers]


def main() -> None:
    """Print each sample's lowest and highest scores; exit with 1 where one is not clear."""
    classifier = load()
    unclear = 0
    for facts in json.loads((SAMPLES / "samples.json").read_text("utf-8"))["samples"]:
        scores = nsfw_scores(classifier, SAMPLES / facts["file"])
        pairs = list(zip(scores, expected(facts), strict=True))
        low = [score for score, flagged in pairs if not flagged]
        high = [score for score, flagged in pairs if flagged]
        clear = all(s < CLEARLY_NORMAL for s in low) and all(s > CLEARLY_FLAGGED for s in high)
        unclear += not clear
        highest = f"normal ≤ {max(low):.4f}" if low else ""
        lowest = f"flagged ≥ {min(high):.4f}" if high else ""
        print(f"{facts['file']:16} {highest:16} {lowest:18} {'' if clear else 'UNCLEAR'}")
    if unclear:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
