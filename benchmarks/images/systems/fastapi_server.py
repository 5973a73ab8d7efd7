"""Peer ``fastapi``: one process, the model loaded once, each request in a thread of the pool.

A path function without ``async`` runs in FastAPI's thread pool, as its documentation has it for
work that blocks.
"""

from __future__ import annotations

from typing import Annotated

import uvicorn
from fastapi import FastAPI, File, UploadFile

from benchmarks.images.systems import arguments, peer_model


def create_app(model: peer_model.PeerModel) -> FastAPI:
    """The service."""
    app = FastAPI()

    @app.post("/classify")
    def classify(file: Annotated[UploadFile, File()]) -> peer_model.LabelScores:
        return model.classify([model.prepare(file.file.read())])[0]

    return app


if __name__ == "__main__":
    given = arguments.parse()
    uvicorn.run(
        create_app(peer_model.load(given.model, given.dtype)),
        host="127.0.0.1",
        port=given.port,
        log_level="warning",
    )
