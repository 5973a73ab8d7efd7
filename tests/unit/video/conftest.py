from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from deployments.media.limits import MediaLimits
from deployments.video.decoding.pool import DecoderPool


@pytest.fixture(scope="session")
def decoders() -> Iterator[DecoderPool]:
    """Two warm decoder processes; each test leaves them idle."""
    torch.set_num_threads(1)
    pool = DecoderPool(2, MediaLimits())
    yield pool
    pool.close()
