"""Baseline ``original``: each frame becomes a JPEG in base64, which the pipeline opens.

The service that this one continues worked so, one frame at a time. Its model is kept loaded here,
so that the ways through the video are compared and not the loading.
"""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import torch
import transformers

from benchmarks.video.systems.run import Judge, main


def load(model: str) -> Judge:
    """The pipeline, and what judges a file with it."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    pipeline = transformers.pipeline("image-classification", model=model, dtype=torch.float32)

    def judge(video: Path, frames: int) -> list[float]:
        capture = cv2.VideoCapture(str(video))
        scores: list[float] = []
        while len(scores) < frames:
            is_read, frame = capture.read()
            if not is_read:
                break
            is_encoded, jpeg = cv2.imencode(".jpg", frame)
            assert is_encoded
            text = base64.b64encode(jpeg.tobytes()).decode("ascii")
            by_label = {entry["label"]: entry["score"] for entry in pipeline(text, top_k=None)}
            scores.append(by_label["nsfw"])
        capture.release()
        return scores

    return judge


if __name__ == "__main__":
    main(load)
