"""Where a clip is flagged, by what a plain decode of it shows.

Not by what was painted: an encoder may smear a flag over the frames beside it. And not by
Vigil's decoder, which is what is judged.
"""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np

from benchmarks.video.recall import flag
from benchmarks.video.recall.scoring import Interval
from deployments.media.fit import fit

THRESHOLD = 0.7


def truth(file: Path) -> Interval:
    """Seconds from the first frame on; kept beside the file.

    Raises:
        ValueError: The clip does not show its flag, or shows it to the very end.
    """
    place = file.with_suffix(f"{file.suffix}.json")
    if not place.exists():
        place.write_text(json.dumps(_shown(file)))
    start, end = json.loads(place.read_text())
    return float(start), float(end)


def _shown(file: Path) -> Interval:
    times: list[float] = []
    is_flagged: list[bool] = []
    with av.open(file) as container:
        for frame in container.decode(video=0):
            assert frame.pts is not None
            assert frame.time_base is not None
            pixels = fit(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8), flag.MODEL.input)
            times.append(float(frame.pts * frame.time_base))
            is_flagged.append(bool(flag.scores(pixels[None])[0, 1] >= THRESHOLD))
    flagged = np.flatnonzero(is_flagged)
    if not len(flagged) or flagged[-1] + 1 == len(times):
        raise ValueError(f"{file.name} does not show its flag as it should")
    return times[flagged[0]] - times[0], times[flagged[-1] + 1] - times[0]
