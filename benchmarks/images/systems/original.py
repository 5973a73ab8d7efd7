"""Baseline ``original``: one FastAPI process that builds the pipeline anew for every request."""

from __future__ import annotations

from io import BytesIO
from typing import Annotated

import torch
import transformers
import uvicorn
from fastapi import FastAPI, File, UploadFile
from PIL import Image

from benchmarks.images.systems import arguments


def create_app(model: str, dtype: str) -> FastAPI:
    """The service."""
    app = FastAPI()

    @app.post("/api/image-classification")
    async def classify(file: Annotated[UploadFile, File()]) -> list[dict[str, str | float]]:
        image = Image.open(BytesIO(await file.read()))
        pipeline = transformers.pipeline(
            "image-classification",
            model=model,
            dtype=torch.float32 if dtype == "auto" else getattr(torch, dtype),
        )
        scores: list[dict[str, str | float]] = pipeline(image, top_k=None)
        return scores

    return app


if __name__ == "__main__":
    given = arguments.parse()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    uvicorn.run(
        create_app(given.model, given.dtype),
        host="127.0.0.1",
        port=given.port,
        log_level="warning",
    )
