"""Frames in, scores out: what travels together is bounded by frames and by bytes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from deployments.classifier.fake import FAKE_MODEL, FakeClassifier
from deployments.classifier.stream import CHUNK_BYTES, score_stream
from deployments.types import FitMode, InputSpec, TimedFrame

SIDE = 1024
FRAME_BYTES = SIDE * SIDE * 3
WHOLE = replace(FAKE_MODEL, input=InputSpec(FitMode.WHOLE, 32, 32))


def frames(count: int) -> Iterator[TimedFrame]:
    for index in range(count):
        yield TimedFrame(index, index / 10, np.zeros((SIDE, SIDE, 3), np.uint8))


@pytest.mark.parametrize(
    ("model", "most"), [(FAKE_MODEL, 16), (WHOLE, -(-CHUNK_BYTES // FRAME_BYTES))]
)
async def test_frames_travel_together_up_to_a_number_and_a_size(model, most: int) -> None:
    classifier = FakeClassifier([model])
    with ThreadPoolExecutor(1) as executor:
        stream = score_stream(classifier, [model], lambda: frames(40), executor)
        assert [frame.index async for frame in stream] == list(range(40))
    assert max(call.frames for call in classifier.calls) == most
    assert sum(call.frames for call in classifier.calls) == 40
