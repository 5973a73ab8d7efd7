"""Loads a checkpoint's configuration, processor and weights, and refuses what is not safe to serve.

Nothing here reaches the network: `deployments.classifier.hub` has put the files on the disk. Only
safetensors are read, code that comes with a checkpoint is never run, and a model whose
classification head is not in the checkpoint is refused: it would answer with random scores.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import torch
import transformers
from transformers import PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES

from deployments.classifier.hub import Checkpoint
from deployments.classifier.processor import ImageProcessor
from deployments.errors import UnsupportedModelError

logger = logging.getLogger(__name__)

_LOAD_LOCK = threading.Lock()

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_PROCESSORS = ("preprocessor_config.json", "processor_config.json")
_TIMM_PACKAGES = ("timm", "torchvision")
_CODE_KEYS = ("AutoConfig", "AutoModelForImageClassification", "AutoImageProcessor")
_DEMONSTRATION_KEY = "vigil_demonstration"
"""Key of ``config.json`` that marks a model which does not moderate."""


def is_demonstration(checkpoint: Checkpoint) -> bool:
    """Whether the checkpoint says of itself that it does not moderate."""
    return _read(checkpoint, "config.json").get(_DEMONSTRATION_KEY) is True


def check(checkpoint: Checkpoint) -> None:
    """Refuses, by its files alone, a checkpoint that cannot be served.

    Raises:
        UnsupportedModelError: Not an image classifier, own code, no safetensors, no processor.
    """
    name, directory = checkpoint.name, checkpoint.directory
    config = _read(checkpoint, "config.json")
    is_timm = "pretrained_cfg" in config
    for file in ("config.json", *_PROCESSORS):
        auto_map = _read(checkpoint, file).get("auto_map")
        if isinstance(auto_map, Mapping) and any(key in auto_map for key in _CODE_KEYS):
            raise UnsupportedModelError(
                f"The model {name!r} needs code from its repository, which is never run here."
            )
    if not any((directory / file).is_file() for file in _WEIGHTS):
        raise UnsupportedModelError(
            f"The model {name!r} has no safetensors weights, the only ones that are loaded here."
        )
    if is_timm:
        if not all(importlib.util.find_spec(package) for package in _TIMM_PACKAGES):
            raise UnsupportedModelError(
                f"The model {name!r} is a timm checkpoint; "
                "install the extra 'timm' and a torchvision that matches torch to serve it."
            )
        return
    kind = config.get("model_type")
    if kind not in MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES:
        raise UnsupportedModelError(
            f"The model {name!r} (type {kind!r}) is not an image-classification model."
        )
    if not any((directory / file).is_file() for file in _PROCESSORS):
        raise UnsupportedModelError(f"The model {name!r} has no preprocessor_config.json.")


def load_processor(checkpoint: Checkpoint) -> ImageProcessor:
    """The checkpoint's own image processor, in its Pillow implementation.

    Raises:
        UnsupportedModelError: transformers cannot make it.
    """
    with _loading(checkpoint, "image processor"):
        processor = transformers.AutoImageProcessor.from_pretrained(  # type: ignore[no-untyped-call]
            checkpoint.directory, backend="pil", trust_remote_code=False, local_files_only=True
        )
    return cast(ImageProcessor, processor)


def load_network(checkpoint: Checkpoint) -> PreTrainedModel:
    """The network with the checkpoint's weights, in evaluation mode, float32, on the CPU.

    One load at a time, and always float32: while it loads, transformers changes the process's
    default dtype and initialisers, which must disturb neither another load nor a running model.

    Raises:
        UnsupportedModelError: transformers cannot load it, or weights are missing.
    """
    with _LOAD_LOCK, _loading(checkpoint, "model"):
        network, report = transformers.AutoModelForImageClassification.from_pretrained(
            checkpoint.directory,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
        )
    missing = sorted(report["missing_keys"])
    if missing:
        logger.warning("model %r lacks the weights %s", checkpoint.name, ", ".join(missing[:8]))
        raise UnsupportedModelError(
            f"The model {checkpoint.name!r} is not trained for classification: "
            f"its checkpoint lacks {len(missing)} of the weights ({missing[0]})."
        )
    return cast(PreTrainedModel, network.eval())


def _read(checkpoint: Checkpoint, file: str) -> Mapping[str, object]:
    """A JSON file of the checkpoint; empty where there is none."""
    path = checkpoint.directory / file
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UnsupportedModelError(
            f"The {file} of the model {checkpoint.name!r} is not valid JSON."
        ) from error
    return content if isinstance(content, dict) else {}


@contextmanager
def _loading(checkpoint: Checkpoint, what: str) -> Iterator[None]:
    """Keeps transformers quiet and turns its many errors into one.

    The details go to the log: they hold paths, which a client must not see.
    """
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        yield
    except Exception as error:
        # Besides OSError, ValueError and ImportError, settings that make no sense let Python's own
        # errors escape from transformers: TypeError, KeyError, ZeroDivisionError … No list stays
        # complete.
        logger.warning("loading the %s of %r failed", what, checkpoint.name, exc_info=True)
        raise UnsupportedModelError(
            f"The {what} of {checkpoint.name!r} cannot be loaded ({type(error).__name__})."
        ) from error
