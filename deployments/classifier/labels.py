"""What a model's outputs are called, how they become scores, and which of them flag media."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

from deployments.errors import UnknownLabelError, UnsupportedModelError

_FLAGGED_WORDS = frozenset(
    {
        # Falconsai/nsfw_image_detection, AdamCodd/vit-base-nsfw-detector
        "nsfw",
        # LukeJacob2023/nsfw-image-detector and other descendants of the five GantMan classes
        *("porn", "hentai", "sexy"),
        # prithivMLmods/siglip2-x256-explicit-content: "Pornography", "Enticing or Sensual"
        *("pornography", "pornographic", "sensual", "explicit"),
        # prithivMLmods/Guard-Against-Unsafe-Content-Siglip2: "Unsafe Content"
        "unsafe",
        # other common words for the same
        *("nude", "nudity", "naked", "sexual", "erotic", "erotica", "xxx", "gore"),
    }
)
_HARMLESS_WORDS = frozenset(["safe", "sfw"])
_NEGATIONS = frozenset(["not", "non", "no", "without"])


class Activation(StrEnum):
    """What turns a model's logits into scores."""

    NONE = "none"
    SIGMOID = "sigmoid"
    SOFTMAX = "softmax"


def activation(problem_type: str | None, labels: int) -> Activation:
    """The function that ``pipeline("image-classification")`` applies by default.

    Args:
        problem_type: ``config.problem_type`` of the checkpoint.
        labels: Number of labels.
    """
    if problem_type == "regression":
        return Activation.NONE
    if problem_type == "multi_label_classification" or labels == 1:
        return Activation.SIGMOID
    return Activation.SOFTMAX


def ordered_labels(id2label: Mapping[int, str] | Mapping[str, str] | None) -> tuple[str, ...]:
    """Labels by class index. Ids may be strings, labels numbers; two classes may share a name.

    Raises:
        UnsupportedModelError: The ids are not 0, 1, 2 …
    """
    try:
        by_index = {int(index): str(label) for index, label in (id2label or {}).items()}
    except ValueError as error:
        raise UnsupportedModelError("The model's label ids are not numbers.") from error
    if not by_index or sorted(by_index) != list(range(len(by_index))):
        raise UnsupportedModelError("The model does not name all of its labels in order.")
    return tuple(by_index[index] for index in range(len(by_index)))


def flagged_labels(labels: Sequence[str], chosen: Sequence[str] | None) -> tuple[str, ...]:
    """The labels that flag media: those chosen by the operator, else those with well-known names.

    Args:
        labels: All the model's labels.
        chosen: From the configuration; None: infer them; empty: none.

    Raises:
        UnknownLabelError: A chosen label that the model does not have.
    """
    if chosen is None:
        return tuple(dict.fromkeys(label for label in labels if _is_flagged(label)))
    unknown = [label for label in chosen if label not in labels]
    if unknown:
        raise UnknownLabelError(
            f"The flagged label {unknown[0]!r} is none of the model's labels: {', '.join(labels)}."
        )
    return tuple(dict.fromkeys(chosen))


def _is_flagged(label: str) -> bool:
    """Whether a label's name says that it is unsafe; "not_nsfw" does not, "not safe" does."""
    negated = False
    for word in re.findall(r"[^\W_]+", label.lower()):
        if word in (_HARMLESS_WORDS if negated else _FLAGGED_WORDS):
            return True
        negated = word in _NEGATIONS
    return False
