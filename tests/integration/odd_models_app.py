"""The real application with a slow model in it that writes down what it runs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ray.serve.deployment import Application

from deployments.types import FitMode, Frames, InputSpec, ModelInfo, Scores
from serve_app.app import assemble, model_loader
from serve_app.config import resolve

SLOW = "odd/slow"
SECONDS_PER_FRAME = 1.0


@dataclass(frozen=True)
class SlowModel:
    """One frame at a time, a second each; notes the brightness of each frame that it runs."""

    notes: Path

    @property
    def info(self) -> ModelInfo:
        return ModelInfo(
            name=SLOW,
            revision=None,
            labels=("normal", "nsfw"),
            flagged_labels=("nsfw",),
            input=InputSpec(FitMode.STRETCH, 8, 8, resize_height=8, resize_width=8),
            max_batch_size=1,
        )

    def scores(self, items: Sequence[Frames]) -> Scores:
        frames = np.concatenate(items)
        with self.notes.open("a") as notes:
            notes.writelines(f"{round(float(frame.mean()))}\n" for frame in frames)
        time.sleep(SECONDS_PER_FRAME * len(frames))
        return np.tile(np.float32([0.5, 0.5]), (len(frames), 1))

    def __call__(self) -> SlowModel:
        """Its own loader."""
        return self


def build(args: Mapping[str, object]) -> Application:
    """The source of the slow model is the file for its notes."""
    config = resolve(args, {})
    loaders = {
        model.name: SlowModel(Path(model.checkpoint))
        if model.name == SLOW
        else model_loader(config, model)
        for model in config.models
    }
    return assemble(config, loaders)
