"""Peer ``ideal``: one process with Vigil's own HTTP, decoding, resizing, batcher and model.

What Vigil stays behind it is what its distribution over processes costs.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import uvicorn
import yaml
from fastapi import FastAPI

from benchmarks import vigil_config
from benchmarks.images.batch_counter import BatchCounter
from benchmarks.images.zero import ZeroModel
from deployments.classifier.batcher import BatchReport
from deployments.classifier.protocol import ModelStatus
from deployments.classifier.replica import LoadedModel, ModelReplica
from deployments.errors import ModelNotFoundError, ModelUnavailableError, VigilError
from deployments.process_memory import keep_freed_memory
from deployments.types import Buffer, Frames, ModelInfo, Scores
from deployments.verdicts import Finding, LabelQuery
from deployments.video.analysis import AnalysisEvent, AnalysisRequest
from serve_app.app import MAX_QUEUED_FRAMES, model_loader
from serve_app.application import create_app
from serve_app.config import AppConfig, resolve

_NO_VIDEOS = "This server takes no videos."


class InProcessClassifier:
    """Implements `deployments.classifier.protocol.Classifier` with one model in this process."""

    def __init__(self, replica: ModelReplica) -> None:
        self._replica = replica

    async def info(self, model: str) -> ModelInfo:
        """See `Classifier.info`."""
        if model != self._replica.info.name:
            raise ModelNotFoundError(f"There is no model {model!r} here.")
        return self._replica.info

    async def classify(self, model: str, frames: Frames, *, more_follow: bool = False) -> Scores:
        """See `Classifier.classify`."""
        (result,) = await self._replica.classify([frames])
        if isinstance(result, VigilError):
            raise result
        return result

    async def models(self) -> list[ModelStatus]:
        """See `Classifier.models`."""
        return [ModelStatus(self._replica.info.name, "ready", self._replica.info)]


class NoVideos:
    """Implements `deployments.video.protocol.VideoService`: this baseline serves images."""

    async def find(
        self, data: Buffer, queries: Sequence[LabelQuery], skip_percentage: float | None = None
    ) -> list[list[Finding]]:
        """See `VideoFinder.find`."""
        raise ModelUnavailableError(_NO_VIDEOS)

    async def analyse(
        self, data: Buffer, request: AnalysisRequest
    ) -> AsyncGenerator[AnalysisEvent, None]:
        """See `VideoAnalyst.analyse`."""
        raise ModelUnavailableError(_NO_VIDEOS)
        yield  # type: ignore[unreachable] # makes it the generator that the protocol asks for


def load(config: AppConfig, is_zero: bool) -> LoadedModel:
    """The one configured model."""
    model = config.models[0]
    if is_zero:
        return ZeroModel(model.name, model.max_batch_size)
    return model_loader(config, model)()


def create(config: AppConfig, model: LoadedModel, counter: BatchCounter) -> FastAPI:
    """Vigil's application around a model in this process."""

    def report(batch: BatchReport) -> None:
        counter.add()

    replica = ModelReplica(model, max_queued_frames=MAX_QUEUED_FRAMES, report=report)
    return create_app(config, InProcessClassifier(replica), NoVideos())


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True, help="as for `serve run`")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--batches", type=Path, required=True)
    parser.add_argument("--zero", action="store_true")
    arguments = parser.parse_args()
    config = resolve(vigil_config.arguments_of(yaml.safe_load(arguments.config.read_text())), {})
    keep_freed_memory()  # as Vigil's ingress does
    app = create(config, load(config, arguments.zero), BatchCounter(arguments.batches))
    uvicorn.run(app, host="127.0.0.1", port=arguments.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
