"""Peer ``litserve``: LitServe with batching; decoding and the processor in ``decode_request``."""

from __future__ import annotations

from collections.abc import Sequence

import litserve

from benchmarks.images.batch_counter import BatchCounter
from benchmarks.images.systems import arguments, peer_model

MAX_BATCH_SIZE = 32
BATCH_TIMEOUT_SECONDS = 0.01
"""As in LitServe's own examples of batching."""


class ImageApi(litserve.LitAPI):  # type: ignore[misc] # litserve has no types
    """The steps in LitServe's order."""

    def __init__(self, given: arguments.PeerArguments) -> None:
        super().__init__(
            api_path="/classify",
            max_batch_size=MAX_BATCH_SIZE,
            batch_timeout=BATCH_TIMEOUT_SECONDS,
        )
        self._given = given

    def setup(self, device: str) -> None:
        """Called once in the worker."""
        self._model = peer_model.load(self._given.model, self._given.dtype)
        self._counter = BatchCounter(self._given.batches)

    # LitServe makes request and response models of annotations here; its examples have none.
    def decode_request(self, request):  # type: ignore[no-untyped-def]
        """One request: its form."""
        return self._model.prepare(request["file"].file.read())

    def batch(self, inputs: Sequence[peer_model.Prepared]) -> Sequence[peer_model.Prepared]:
        """The model's own step puts them together."""
        return inputs

    def predict(self, batch: Sequence[peer_model.Prepared]) -> list[peer_model.LabelScores]:
        """One forward pass."""
        self._counter.add()
        return self._model.classify(batch)

    def unbatch(self, output: list[peer_model.LabelScores]) -> list[peer_model.LabelScores]:
        """One answer a request."""
        return output

    def encode_response(self, output):  # type: ignore[no-untyped-def]
        """As it is."""
        return output


if __name__ == "__main__":
    given = arguments.parse()
    litserve.LitServer(ImageApi(given), accelerator="cpu", timeout=300).run(
        host="127.0.0.1", port=given.port, log_level="warning", generate_client_file=False
    )
