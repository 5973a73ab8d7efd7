"""The limit: PyAV decodes, each frame is resized, a batch goes through the network; nothing else.

One process without a server. Decoder and network use as many threads as they choose.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import av
import numpy as np
from av.codec.context import ThreadType

from benchmarks.video.systems.run import Judge, main
from deployments.classifier.hub import ModelSource
from deployments.classifier.model import load_model
from deployments.classifier.options import ModelOptions
from deployments.media.fit import fit
from deployments.media.picture import PictureMaker

_BATCH = 32


def load(model: str) -> Judge:
    """The network, and what judges a file with it."""
    options = ModelOptions(max_batch_size=_BATCH, device="cpu")
    network = load_model(ModelSource(name="benchmark", location=model), options)
    spec, column = network.info.input, network.info.labels.index("nsfw")

    def judge(video: Path, frames: int) -> list[float]:
        scores: list[float] = []
        with av.open(video) as container:
            stream = container.streams.video[0]
            stream.thread_type = ThreadType.AUTO
            pictures = PictureMaker()
            decoded = islice(container.decode(stream), frames)
            fitted = (fit(pictures.rgb(frame), spec) for frame in decoded)
            while batch := list(islice(fitted, _BATCH)):
                scores += network.scores([np.stack(batch)])[:, column].tolist()
        return scores

    return judge


if __name__ == "__main__":
    main(load)
