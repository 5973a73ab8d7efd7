"""Good videos with something changed in them: cut, flipped, overwritten, shuffled, lying."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache

from tests.assets.hostile.file import REFUSED, WHOLE, Hostile
from tests.assets.videos import make_video, paint_noise

FRAMES = 12
_BASES = (
    ("mp4", "h264"),
    ("mp4", "hevc"),
    ("mp4", "av1"),
    ("mov", "mjpeg"),
    ("webm", "vp9"),
    ("webm", "vp8"),
    ("mkv", "h264"),
    ("mkv", "mpeg4"),
    ("avi", "mpeg4"),
    ("ts", "h264"),
    ("ts", "mpeg2video"),
    ("flv", "h264"),
    ("flv", "flv1"),
    ("ogg", "vp8"),
)
_SUSPICIOUS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1)
"""Where signed becomes unsigned, and 32 bits end."""


@cache
def _base(container: str, codec: str) -> bytes:
    return make_video(
        container,
        codec,
        frames=FRAMES,
        gop=6,
        b_frames=2,
        width=64,
        height=48,
        paint=paint_noise,
        audio_seconds=1.2,
    )


def mutated() -> Iterator[Hostile]:
    """Without end; each by its own seed."""
    seed = 0
    while True:
        for kind, change in _CHANGES.items():
            chance = random.Random(f"{kind} {seed}")
            container, codec = chance.choice(_BASES)
            data = change(bytearray(_base(container, codec)), chance)
            yield Hostile(f"{kind} {container} {codec} {seed}", data, REFUSED | WHOLE)
        seed += 1


def _cut(data: bytearray, chance: random.Random) -> bytes:
    return bytes(data[: chance.randrange(1, len(data))])


def _flip_one(data: bytearray, chance: random.Random) -> bytes:
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def _flip_many(data: bytearray, chance: random.Random) -> bytes:
    for _ in range(chance.randrange(2, 200)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def _lie_in_the_head(data: bytearray, chance: random.Random) -> bytes:
    """A number among the first or last thousand bytes, where containers keep their headers."""
    width = chance.choice((1, 2, 4, 8))
    at = chance.randrange(min(1000, len(data) - width))
    if chance.random() < 0.5:
        at = len(data) - width - at
    value = chance.choice(_SUSPICIOUS) % (1 << 8 * width)
    data[at : at + width] = value.to_bytes(width, chance.choice(("big", "little")))
    return bytes(data)


def _blank(data: bytearray, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    end = min(len(data), at + chance.randrange(1, 3000))
    data[at:end] = bytes([chance.choice((0, 0xFF))]) * (end - at)
    return bytes(data)


def _repeat(data: bytearray, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    piece = data[at : at + chance.randrange(1, 2000)]
    return bytes(data[:at] + piece * chance.randrange(2, 50) + data[at:])


def _leave_out(data: bytearray, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    del data[at : at + chance.randrange(1, 2000)]
    return bytes(data)


def _swap(data: bytearray, chance: random.Random) -> bytes:
    first, second, third = sorted(chance.randrange(len(data)) for _ in range(3))
    return bytes(data[:first] + data[second:third] + data[first:second] + data[third:])


def _cross(data: bytearray, chance: random.Random) -> bytes:
    """One file's beginning and another one's end."""
    other = _base(*chance.choice(_BASES))
    return bytes(data[: chance.randrange(len(data))]) + other[chance.randrange(len(other)) :]


def _noise_behind_the_signature(data: bytearray, chance: random.Random) -> bytes:
    kept = chance.choice((16, 64, 256, 1024))
    return bytes(data[:kept]) + chance.randbytes(len(data) - kept)


_CHANGES: dict[str, Callable[[bytearray, random.Random], bytes]] = {
    "cut": _cut,
    "one bit": _flip_one,
    "many bits": _flip_many,
    "lying head": _lie_in_the_head,
    "lying head again": _lie_in_the_head,
    "blanked": _blank,
    "repeated": _repeat,
    "left out": _leave_out,
    "swapped": _swap,
    "crossed": _cross,
    "noise": _noise_behind_the_signature,
}
