"""How well a classifier tells flagged pictures from others."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import numpy.typing as npt


class Confusion(TypedDict):
    """Counts at a threshold of 0.5."""

    true_normal: int
    false_nsfw: int
    false_normal: int
    true_nsfw: int


class Metrics(TypedDict):
    """What ``metrics.json`` holds."""

    seed: int
    images: int
    accuracy: float
    roc_auc: float
    confusion: Confusion
    confident: float
    """Share of the pictures that score under 0.1 where normal, over 0.9 where flagged."""
    scenes: dict[str, float]
    """Accuracy by scene."""


def measure(
    seed: int, scores: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], scenes: list[str]
) -> Metrics:
    """Figures for a held-out set.

    Args:
        seed: Of the set.
        scores: ``[N]`` probability of ``nsfw``.
        labels: ``[N]`` 1 where flagged.
        scenes: What each picture shows.
    """
    wrong = (scores >= 0.5) != labels.astype(bool)
    normal, flagged = labels == 0, labels == 1
    names = np.array(scenes)
    return Metrics(
        seed=seed,
        images=len(labels),
        accuracy=round(float(1 - wrong.mean()), 4),
        roc_auc=round(roc_auc(scores, labels), 4),
        confusion=Confusion(
            true_normal=int((normal & ~wrong).sum()),
            false_nsfw=int((normal & wrong).sum()),
            false_normal=int((flagged & wrong).sum()),
            true_nsfw=int((flagged & ~wrong).sum()),
        ),
        confident=round(float((np.abs(scores - labels) < 0.1).mean()), 4),
        scenes={s: round(float(1 - wrong[names == s].mean()), 4) for s in dict.fromkeys(scenes)},
    )


def roc_auc(scores: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> float:
    """Area under the ROC curve: the chance that a flagged picture scores over a normal one.

    By the Mann-Whitney statistic; a tie counts one half.
    """
    normal, flagged = np.sort(scores[labels == 0]), scores[labels == 1]
    below = np.searchsorted(normal, flagged, "left") + np.searchsorted(normal, flagged, "right")
    return float(below.mean() / (2 * len(normal)))
