"""A `Classifier` without models: its scores are a plain function of the pixels.

For tests of whatever calls a classifier, and for measuring everything but the model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from deployments.classifier.protocol import ModelState, ModelStatus
from deployments.errors import ModelNotFoundError, VigilError
from deployments.types import FitMode, Frames, InputSpec, ModelInfo, Scores

FAKE_MODEL = ModelInfo(
    name="builtin/demo",
    revision=None,
    labels=("normal", "nsfw"),
    flagged_labels=("nsfw",),
    input=InputSpec(FitMode.STRETCH, height=32, width=32),
    max_batch_size=8,
    demonstration=True,
)
"""Two labels, as the embedded model has them; small frames."""


@dataclass(frozen=True, slots=True)
class FakeCall:
    """One call of `FakeClassifier.classify`."""

    model: str
    frames: int
    more_follow: bool = field(default=False, compare=False)


class FakeClassifier:
    """Implements `Classifier`.

    The last label's score is the frame's redness, (mean R − mean of G and B) / 255, at least 0;
    the other labels share the rest equally. So a black, white or grey frame has 0, a pure red one
    has 1.

    Args:
        models: The models that exist, the default first.
    """

    def __init__(self, models: Sequence[ModelInfo] = (FAKE_MODEL,)) -> None:
        self._models: Mapping[str, ModelInfo] = {model.name: model for model in models}
        self._states: dict[str, ModelState] = defaultdict(lambda: "ready")
        self._failures: dict[str, VigilError] = {}
        self.calls: list[FakeCall] = []
        """Every call of `classify`, in order, those that failed too."""

    def fail(self, model: str, error: VigilError | None) -> None:
        """Make every later `classify` of ``model`` raise ``error``; None: work again."""
        if error is None:
            self._failures.pop(model, None)
        else:
            self._failures[model] = error

    def set_state(self, model: str, state: ModelState) -> None:
        """What `models` says of ``model`` from now on."""
        self._states[model] = state

    async def info(self, model: str) -> ModelInfo:
        """See `Classifier.info`."""
        if model not in self._models:
            names = ", ".join(self._models)
            raise ModelNotFoundError(f"There is no model {model!r} here. Models: {names}.")
        return self._models[model]

    async def classify(self, model: str, frames: Frames, *, more_follow: bool = False) -> Scores:
        """See `Classifier.classify`.

        Raises:
            ValueError: The frames are not what the model's input says.
        """
        info = await self.info(model)
        self.calls.append(FakeCall(model, len(frames), more_follow))
        if model in self._failures:
            raise self._failures[model]
        fitted = (info.input.height, info.input.width, 3)
        sized = info.input.mode is FitMode.WHOLE or frames.shape[1:] == fitted
        if frames.dtype != np.uint8 or frames.ndim != 4 or not sized:
            raise ValueError(f"{model} takes frames {fitted}, not {frames.dtype} {frames.shape}")
        return redness_scores(frames, len(info.labels))

    async def models(self) -> list[ModelStatus]:
        """See `Classifier.models`."""
        return [
            ModelStatus(name, self._states[name], info if self._states[name] == "ready" else None)
            for name, info in self._models.items()
        ]


def redness_scores(frames: Frames, labels: int) -> Scores:
    """The scores of `FakeClassifier`.

    Args:
        frames: ``[N, H, W, 3]``.
        labels: L.

    Returns:
        ``[N, L]``; every row sums to 1 where L is greater than 1.
    """
    red, green, blue = np.moveaxis(frames.mean(axis=(1, 2)), -1, 0)
    last = np.clip((red - (green + blue) / 2) / 255, 0, 1)
    others = np.repeat((1 - last)[:, None] / max(1, labels - 1), labels - 1, axis=1)
    return np.concatenate([others, last[:, None]], axis=1).astype(np.float32)


def fake_model(name: str, labels: Sequence[str], flagged: Sequence[str] = ()) -> ModelInfo:
    """A further model for `FakeClassifier`, like `FAKE_MODEL` but for its name and labels."""
    return replace(FAKE_MODEL, name=name, labels=tuple(labels), flagged_labels=tuple(flagged))
