"""The clips that speed, memory and cost are measured on; what recall is measured on lies apart."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import av

from benchmarks.video.scenes import Scene, painter
from tests.assets.videos import make_video

RECIPE = "2"
"""Part of the files' names: count it up when a clip's recipe changes."""


@dataclass(frozen=True, slots=True)
class Clip:
    """H.264 in MP4, as libx264's preset ``veryfast`` makes it, with up to three B frames in a row,
    and keyframes nowhere but where the length of the groups puts them.
    """

    name: str
    seconds: int
    gop: int
    """Frames from one keyframe to the next."""
    width: int = 1920
    height: int = 1080
    fps: int = 30
    flagged: tuple[int, int] | None = None
    """Seconds from and to which the clip is flagged."""
    moves: bool = True
    grain: float = 4.0
    quality: int = 23
    """libx264's ``crf``."""
    copies: int = 1
    """Times that the clip's packets are repeated."""

    @property
    def frames(self) -> int:
        """Of all copies."""
        return self.seconds * self.fps * self.copies

    @property
    def title(self) -> str:
        """What it costs depends on."""
        camera = "" if self.moves else ", still"
        return f"keyframe every {self.gop / self.fps:g} s, grain {self.grain:g}{camera}"

    @property
    def short(self) -> Clip:
        """The same for a smoke test: a sixth of the time, a ninth of the picture."""
        start, end = self.flagged or (0, 0)
        return replace(
            self,
            name=f"quick-{self.name}",
            seconds=max(2, self.seconds // 6),
            width=self.width // 6 * 2,
            height=self.height // 6 * 2,
            flagged=(start // 6, max(end // 6, start // 6 + 1)) if self.flagged else None,
            copies=-(-self.copies // 60),
        )


SPEED = tuple(Clip(f"1080p-gop-{gop}", 60, gop, flagged=(30, 60)) for gop in (60, 600, 30))
"""A keyframe every two seconds, every twenty, and at least every default gap."""
CLEAR = replace(SPEED[2], name="1080p-gop-30-still", moves=False, grain=2.0)
"""Its packets would betray a cut: frames between its keyframes have a hundredth of their bytes.
Those of `SPEED` do not, so that the service looks twice as often."""
SHORT = Clip("1080p-short", 5, 60, flagged=(2, 5))
"""For what takes minutes otherwise."""
BASE = Clip("1080p-base", 20, 60, flagged=(10, 20))
BASE_SHORT = Clip("1080p-base-short", 2, 60, flagged=(1, 2))
"""For ViT-B/16, which takes minutes for a minute."""
STATIC = Clip("720p-static", 60, 60, 1280, 720, moves=False)
"""A camera on a tripod, with the sensor's grain."""
MEMORY = tuple(
    Clip(f"360p-{name}", 10, 50, 640, 360, fps=25, flagged=(4, 6), grain=0, copies=copies)
    for name, copies in (("10-seconds", 1), ("10-minutes", 60), ("2-hours", 720))
)
LARGE_UPLOAD = Clip("1080p-large", 10, 60, grain=12, quality=8)
"""Many bytes a frame: shows how often the upload itself is held."""
COST = tuple(Clip(f"360p-gop-{gop}", 60, gop, 640, 360) for gop in (12, 30, 60, 250, 1800))
WARM = Clip("360p-warm", 1, 30, 640, 360)
FAIRNESS_SHORT = Clip("360p-fairness", 5, 60, 640, 360, flagged=(2, 3))


def make(clip: Clip) -> bytes:
    """Encode a clip."""
    start, end = clip.flagged or (0, 0)
    scene = Scene(range(start * clip.fps, end * clip.fps), clip.moves, clip.grain)
    data = make_video(
        paint=painter(scene, clip.height, clip.width),
        frames=clip.seconds * clip.fps,
        fps=clip.fps,
        width=clip.width,
        height=clip.height,
        gop=clip.gop,
        b_frames=3,
        encoder_options={
            "preset": "veryfast",
            "crf": str(clip.quality),
            "sc_threshold": "0",
            "threads": "0",
        },
    )
    return data if clip.copies == 1 else repeated(data, clip.copies)


def repeated(data: bytes, copies: int) -> bytes:
    """An MP4 file's packets so many times in a row, without encoding anew."""
    sink = io.BytesIO()
    with (
        av.open(io.BytesIO(data), "r") as source,
        av.open(sink, "w", format="mp4") as output,
    ):
        track = source.streams.video[0]
        copy = output.add_stream_from_template(track, opaque=True)
        packets = [(bytes(p), p) for p in source.demux(track) if p.size]
        length = sum(packet.duration or 0 for _, packet in packets)
        for turn in range(copies):
            for payload, packet in packets:
                made = av.Packet(payload)
                assert packet.pts is not None
                assert packet.dts is not None
                made.pts, made.dts = packet.pts + turn * length, packet.dts + turn * length
                made.duration, made.time_base = packet.duration, packet.time_base
                made.is_keyframe = packet.is_keyframe
                made.stream = copy
                output.mux(made)
    return sink.getvalue()
