"""What a replica loads: frames in, scores out, equal to ``pipeline("image-classification")``."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from deployments.classifier import bfloat16
from deployments.classifier.calibration import CALIBRATION_FRAMES, calibration_frames
from deployments.classifier.checkpoint import (
    check,
    is_demonstration,
    load_network,
    load_processor,
)
from deployments.classifier.cpu_forward import CpuForward
from deployments.classifier.graphs.choice import ForwardPass, graphs_of
from deployments.classifier.graphs.cuda import CudaDevice
from deployments.classifier.graphs.device import GraphDevice, RunFrames
from deployments.classifier.hub import ModelSource, resolve
from deployments.classifier.inputs import FittedInputs, InputMaker, NetworkInputs, WholeInputs
from deployments.classifier.labels import Activation, activation, flagged_labels, ordered_labels
from deployments.classifier.options import DtypeName, ModelOptions
from deployments.classifier.packed_linear import pack
from deployments.classifier.processor import (
    ImageProcessor,
    Normalisation,
    Preprocessing,
    preprocessing,
)
from deployments.errors import InferenceError, ReplicaLostError, UnsupportedModelError
from deployments.process_memory import keep_freed_memory
from deployments.types import Frames, ModelInfo, Scores

if TYPE_CHECKING:
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_PACKING_FRAMES = 2
"""Tell whether packed layers compute the same."""


def load_model(source: ModelSource, options: ModelOptions) -> Model:
    """Loads and warms a model.

    Raises:
        ModelNotFoundError, UnsupportedModelError, ModelUnavailableError: As `Model.load`.
        UnknownLabelError: A flagged label that the model does not have.
        InferenceError: The model does not run, or its scores are not finite.
    """
    model = Model.load(source, options)
    model.warm()
    model.choose_threads()
    if options.graphs and model.device.type == "cuda":
        model.accelerate(functools.partial(CudaDevice, model.device))
    return model


class Model:
    """An image-classification model on its device.

    It takes ``info.parallel_batches`` calls at a time; everything else is not thread-safe.

    Args:
        info: What clients may know of it.
        network: In evaluation mode, on its device.
        processor: The checkpoint's own, which runs where ``info.input.mode`` is ``WHOLE``.
        steps: Our own preprocessing.
    """

    def __init__(
        self,
        info: ModelInfo,
        network: PreTrainedModel,
        processor: ImageProcessor,
        steps: Preprocessing,
    ) -> None:
        self.info = info
        self._network = network
        self._inputs: InputMaker = (
            FittedInputs(info.input, steps.normalisation, info.max_batch_size, network.device)
            if steps.normalisation
            else WholeInputs(processor, network.device)
        )
        self._normalisation = steps.normalisation
        self._activation = activation(network.config.problem_type, len(info.labels))
        self._forward: ForwardPass = self._eager

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self._network.device

    @classmethod
    def load(cls, source: ModelSource, options: ModelOptions) -> Model:
        """Finds, checks and loads a checkpoint.

        Raises:
            ModelNotFoundError: There is no such model, revision or directory.
            UnsupportedModelError: It is not one that can be served safely.
            ModelUnavailableError: The hub cannot be reached, and the files are not cached.
            UnknownLabelError: A flagged label that the model does not have.
        """
        device = _device(options.device)
        checkpoint = resolve(source)
        check(checkpoint)
        processor = load_processor(checkpoint)
        network = load_network(checkpoint)
        # PreTrainedModel's own is not typed for a device.
        torch.nn.Module.to(network, device, _dtype(options.dtype, device))
        try:
            steps = preprocessing(
                processor, options.exact, getattr(network.config, "image_size", None)
            )
        except (ValueError, TypeError) as error:
            raise UnsupportedModelError(
                f"The image processor of {source.name!r} has settings that make no sense."
            ) from error
        labels = ordered_labels(network.config.id2label)
        info = ModelInfo(
            name=source.name,
            revision=checkpoint.revision,
            labels=labels,
            flagged_labels=flagged_labels(labels, options.flagged_labels),
            input=steps.spec,
            max_batch_size=options.max_batch_size,
            demonstration=is_demonstration(checkpoint),
        )
        if info.demonstration:
            logger.warning("%r demonstrates the service; it does not moderate", info.name)
        model = cls(info, network, processor, steps)
        if device.type == "cpu":
            keep_freed_memory()
            model.optimise(
                in_bfloat16=options.dtype == "auto" and not options.exact and bfloat16.is_native()
            )
            model.spread(
                options.cpu_threads or len(os.sched_getaffinity(0)), options.cpu_chunk_frames
            )
        return model

    def optimise(self, *, in_bfloat16: bool) -> None:
        """Has linear layers run as suits the CPU, if scores stay; see `pack` and `bfloat16.lower`.

        Not for models whose own processor runs whole.

        Args:
            in_bfloat16: Some layers may take this precision.
        """
        if (normalisation := self._normalisation) is None:
            return
        run = self._pass(normalisation)
        spec = self.info.input
        layers = bfloat16.feed_forward_layers(self._network) if in_bfloat16 else ()
        # All of them take a fifth of a second to make: only where they are looked at.
        count = CALIBRATION_FRAMES if layers else _PACKING_FRAMES
        frames = torch.from_numpy(calibration_frames(spec.height, spec.width, count))
        with torch.inference_mode():
            pack(self._network, lambda: run(frames[:_PACKING_FRAMES]))
            parts = torch.split(frames, 8)  # as batches run later
            bfloat16.lower(layers, lambda: torch.cat([run(part) for part in parts]))

    def spread(self, threads: int, chunk_frames: int) -> None:
        """Has the forward pass run on so many of a CPU's cores from now on; see `CpuForward`.

        A chunk for each core is as fast as many: a larger batch would only be in the way of an
        image that comes while it runs, for seconds with a ViT-B/16.

        Of models whose own processor runs whole, only torch's own threads are set.
        """
        if (normalisation := self._normalisation) is None:
            torch.set_num_threads(threads)
            return
        self._forward = CpuForward(
            self._pass(normalisation),
            height=self.info.input.height,
            width=self.info.input.width,
            max_batch_size=self.info.max_batch_size,
            threads=threads,
            chunk_frames=chunk_frames,
        )
        self.info = replace(self.info, worthwhile_batch_size=threads * chunk_frames)

    def warm(self) -> None:
        """Runs the smallest and the largest batch, so that no client waits for first-time work.

        Raises:
            InferenceError: The model does not run, or its scores are not finite.
        """
        spec = self.info.input
        for count in sorted({1, self.info.batch_size}):
            self.scores([np.zeros((count, spec.height, spec.width, 3), np.uint8)])

    def choose_threads(self) -> None:
        """On a CPU: has a single frame run on as many cores as are worth while for this model.

        After `warm`, which finds out whether it runs at all.
        """
        if isinstance(self._forward, CpuForward):
            self._forward.compare()

    def accelerate(self, new_device: Callable[[], GraphDevice]) -> None:
        """Has the forward pass run as captured graphs from now on, if they agree with it.

        Not for models whose own processor runs whole: their inputs come in any shape.

        Args:
            new_device: Makes what captures; asked for each try.

        Raises:
            InferenceError: The model does not run any more after it could not be captured.
            ReplicaLostError: The GPU failed meanwhile.
        """
        if (normalisation := self._normalisation) is None:
            return
        graphs = graphs_of(
            self.info.name,
            self._pass(normalisation),
            self._eager,
            height=self.info.input.height,
            width=self.info.input.width,
            max_batch_size=self.info.max_batch_size,
            new_device=new_device,
        )
        if graphs is None:
            self.warm()
            return
        self._forward = graphs
        self.info = replace(self.info, parallel_batches=graphs.parallel_batches)

    def scores(self, items: Sequence[Frames]) -> Scores:
        """Scores of a batch; blocking.

        Args:
            items: Each ``[nᵢ, H, W, 3]`` uint8, fit to ``info.input``; together at most
                ``info.max_batch_size`` frames. In mode ``WHOLE``, H and W may differ between items.

        Returns:
            ``[Σ nᵢ, L]`` float32, the items' frames one after the other.

        Raises:
            InferenceError: The forward pass failed, or its scores are not finite.
            ReplicaLostError: The GPU failed, for good as far as this process is concerned.
            MediaTooLargeError: In mode ``WHOLE``, a frame too long for the model's own processor.
        """
        count = sum(map(len, items))
        if not 1 <= count <= self.info.max_batch_size:
            raise InferenceError(
                f"A batch of {self.info.name!r} holds 1 to {self.info.max_batch_size} frames, "
                f"not {count}."
            )
        try:
            scores = self._forward(items)
        except torch.OutOfMemoryError as error:
            raise InferenceError(
                f"The device has not enough memory for {count} frames of {self.info.name!r}."
            ) from error
        except torch.AcceleratorError as error:
            # Asynchronous and sticky: from here on every call of this process would fail.
            logger.exception("the device of %r failed", self.info.name)
            raise ReplicaLostError("The model's device has failed; try again shortly.") from error
        except (RuntimeError, ValueError, TypeError) as error:
            logger.exception("the forward pass of %r failed", self.info.name)
            raise InferenceError(f"The model {self.info.name!r} failed on these frames.") from error
        if scores.shape[1:] != (len(self.info.labels),):
            raise InferenceError(f"The model {self.info.name!r} does not score its own labels.")
        if not torch.isfinite(scores).all():
            raise InferenceError(
                f"The model {self.info.name!r} returned scores that are no numbers."
            )
        return scores.numpy()

    @torch.inference_mode()
    def _eager(self, items: Sequence[Frames]) -> torch.Tensor:
        """See `ForwardPass`."""
        logits = torch.cat([self._logits(inputs) for inputs in self._inputs.batches(items)])
        return self._activate(logits).cpu()

    def _pass(self, normalisation: Normalisation) -> RunFrames:
        """Scores ``[N, L]`` of frames ``[N, H, W, 3]`` uint8, all on the device."""
        coefficients = normalisation.coefficients(self.device)

        def run(frames: torch.Tensor) -> torch.Tensor:
            pixels = normalisation.apply(frames, coefficients)
            return self._activate(self._logits({"pixel_values": pixels}))

        return run

    def _logits(self, inputs: NetworkInputs) -> torch.Tensor:
        """``[N, L]`` float32."""
        cast = {
            name: value.to(self._network.dtype) if value.is_floating_point() else value
            for name, value in inputs.items()
        }
        logits: torch.Tensor = self._network(**cast).logits
        return logits.float()

    def _activate(self, logits: torch.Tensor) -> torch.Tensor:
        match self._activation:
            case Activation.SOFTMAX:
                return logits.softmax(-1)
            case Activation.SIGMOID:
                return logits.sigmoid()
            case Activation.NONE:
                return logits


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # the latter from a torch without CUDA
        raise UnsupportedModelError(f"There is no device {name!r}.") from error


def _dtype(name: DtypeName, device: torch.device) -> torch.dtype:
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    return _DTYPES[name]
