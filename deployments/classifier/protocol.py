"""What the ingress and the video deployment need of a classifier, however it is reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from deployments.types import Frames, ModelInfo, Scores

ModelState = Literal["ready", "starting", "unavailable"]


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One configured model and whether it answers."""

    name: str
    state: ModelState
    info: ModelInfo | None
    """None until the model is ready."""
    detail: str | None = None
    """Why it is unavailable, in a sentence; None where that is not known."""


class Classifier(Protocol):
    """The one way to call a model. Implementations: `ClassifierClient`, `FakeClassifier`."""

    async def info(self, model: str) -> ModelInfo:
        """Labels and input of a model; loads it where it is an on-demand one.

        Raises:
            ModelNotFoundError: Neither configured nor allowed on demand, or not on the hub.
            UnsupportedModelError: It exists but cannot be served.
            ModelUnavailableError: It cannot be loaded at the moment.
            OverloadedError, DeadlineExceededError, ReplicaLostError: See there.
        """
        ...

    async def classify(self, model: str, frames: Frames, *, more_follow: bool = False) -> Scores:
        """Scores ``[N, L]`` of frames ``[N, H, W, 3]`` that were fit to ``info(model).input``.

        Any N ≥ 1: the implementation splits and merges calls.

        Args:
            model: Its name.
            frames: What to score.
            more_follow: Further frames are about to come from here, of other requests: these may
                wait for them for some milliseconds, and share a call.

        Raises:
            InferenceError: The model failed on these frames.
            ModelNotFoundError, UnsupportedModelError, ModelUnavailableError: As `info`.
            OverloadedError, DeadlineExceededError, ReplicaLostError: See there.
        """
        ...

    async def models(self) -> list[ModelStatus]:
        """The configured models, the default first. Never raises; never loads anything."""
        ...
