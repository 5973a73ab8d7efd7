"""MP4 and MOV files whose tables lie."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import partial

from tests.assets.hostile.boxes import body_at, box, replace_box
from tests.assets.hostile.file import REFUSED, WHOLE, Hostile
from tests.assets.videos import make_video

FRAMES = 6
_EITHER = REFUSED | WHOLE
_TRACK = (b"moov", b"trak")
_TABLE = (*_TRACK, b"mdia", b"minf", b"stbl")
_MOST = 2**32 - 1


def crafted_movies() -> Iterator[Hostile]:
    """Each with one thing in its tables that is not so."""
    movie = make_video(frames=FRAMES, b_frames=2)
    change = partial(_changed, movie)
    yield Hostile("tables: none", change({(*_TABLE,): b""}))
    for name in (b"stts", b"stsc", b"stsz", b"stco", b"stss", b"stsd", b"ctts"):
        table = (*_TABLE, name)
        label = name.decode()
        yield Hostile(f"{label}: empty", change({table: bytes(8)}), _EITHER)
        yield Hostile(f"{label}: nothing", change({table: b""}), _EITHER)
        most = struct.pack(">II", 0, _MOST)
        yield Hostile(f"{label}: promises four billion", change({table: most}), _EITHER)
        start, end = body_at(movie, table)
        lying = movie[: start + 4] + struct.pack(">I", _MOST) + movie[start + 8 :]
        yield Hostile(f"{label}: counts four billion", lying, _EITHER)
        for value in (0, 2**31 - 1, 2**31, _MOST):
            filled = bytearray(movie)
            filled[start + 8 : end] = struct.pack(">I", value) * ((end - start - 8) // 4)
            yield Hostile(f"{label}: full of {value}", bytes(filled), _EITHER)
    for size in (1, 2**20, 2**31 - 1, _MOST):
        sizes = struct.pack(">III", 0, size, 1_000_000)
        yield Hostile(f"a million samples of {size} bytes", change({(*_TABLE, b"stsz"): sizes}))
    yield from _million_samples(movie)
    for where, offset in (((*_TRACK, b"mdia", b"mdhd"), 12), ((b"moov", b"mvhd"), 12)):
        start, _ = body_at(movie, where)
        for value in (0, 1, 2**31, _MOST):
            for at, what in ((start + offset, "units"), (start + offset + 4, "duration")):
                lying = movie[:at] + struct.pack(">I", value) + movie[at + 4 :]
                name = f"{where[-1].decode()}: {what} {value}"
                yield Hostile(name, lying, _EITHER)
    start, end = body_at(movie, (*_TRACK, b"tkhd"))
    huge = movie[: end - 8] + struct.pack(">II", 16384 << 16, 16384 << 16) + movie[end:]
    yield Hostile("16k × 16k says the track", huge, WHOLE, FRAMES)
    for value in (0, 2**31 - 1, 2**31, _MOST):
        matrix = movie[: end - 44] + struct.pack(">I", value) * 9 + movie[end - 8 :]
        yield Hostile(f"a matrix of {value}", matrix, _EITHER)
    yield from _edit_lists(movie)
    yield from _deep_and_wide(movie)
    yield from _compressed(movie)
    fragmented = make_video(
        frames=FRAMES, seekable=False, muxer_options={"movflags": "cmaf+frag_keyframe"}
    )
    at = fragmented.index(b"trun") + 8
    for value in (0, 2**16, _MOST):
        lying = fragmented[:at] + struct.pack(">I", value) + fragmented[at + 4 :]
        yield Hostile(f"a fragment of {value} samples", lying, _EITHER)
    yield Hostile("no fragments", fragmented[: fragmented.index(b"moof") - 4])


def _million_samples(movie: bytes) -> Iterator[Hostile]:
    """All of them at the same place: a table of 16 bytes, a scan of a million packets."""
    count = 1_000_000
    offset = body_at(movie, (b"mdat",))[0]
    tables = {
        (*_TABLE, b"stsz"): struct.pack(">III", 0, 1, count),
        (*_TABLE, b"stts"): struct.pack(">IIII", 0, 1, count, 1),
        (*_TABLE, b"stsc"): struct.pack(">IIIII", 0, 1, 1, 1, 1),
        (*_TABLE, b"stco"): struct.pack(">II", 0, count) + struct.pack(">I", offset) * count,
        (*_TABLE, b"ctts"): bytes(8),
    }
    yield Hostile("a million samples at the same place", _changed(movie, tables))


def _edit_lists(movie: bytes) -> Iterator[Hostile]:
    edits: dict[str, list[tuple[int, int, int]]] = {
        "none": [],
        "only nothing": [(2**31, -1, 1)],
        "behind the end": [(100, 2**31 - 1, 1)],
        "before the beginning": [(2**31 - 1, -(2**31), 1)],
        "of no length": [(0, 0, 1)],
        "of four billion": [(_MOST, 0, 1)],
        "standing still": [(600, 512, 0)],
        "backwards": [(600, 0, -1)],
        "nothing, then all": [(2**31, -1, 1), (600, 0, 1)],
        "twice": [(600, 0, 1), (600, 0, 1)],
        "the end first": [(300, 3072, 1), (300, 0, 1)],
        "a thousand times": [(600, 0, 1)] * 1000,
        "nothing, fifty thousand times": [(1, -1, 1)] * 50_000,
        "one unit, fifty thousand times": [(1, i, 1) for i in range(50_000)],
    }
    for name, entries in edits.items():
        body = struct.pack(">II", 0, len(entries)) + b"".join(
            struct.pack(">Iihh", *entry, 0) for entry in entries
        )
        data = _changed(movie, {(*_TRACK, b"edts", b"elst"): body})
        yield Hostile(f"edit list: {name}", data, _EITHER)


def _deep_and_wide(movie: bytes) -> Iterator[Hostile]:
    head = box(b"ftyp", b"isom\0\0\2\0isommp41")
    for kind in (b"moov", b"trak", b"udta", b"meta"):
        boxes = b""
        for _ in range(3000):
            boxes = box(kind, boxes)
        yield Hostile(f"{kind.decode()} in {kind.decode()}", head + boxes)
    start, end = body_at(movie, (b"moov",))
    track_start, track_end = body_at(movie, _TRACK)
    track = movie[track_start - 8 : track_end]
    yield Hostile(
        "two thousand tracks", replace_box(movie, [b"moov"], movie[start:end] + track * 2000)
    )
    free = box(b"free", b"") * 200_000
    yield Hostile("two hundred thousand boxes of nothing", movie + free, WHOLE, FRAMES)
    long = struct.pack(">I4sQ", 1, b"free", 2**63)
    yield Hostile("a box of nine exabytes", head + long + movie)
    yield Hostile("a box of no size", head + struct.pack(">I4s", 0, b"mdat") + movie)


def _compressed(movie: bytes) -> Iterator[Hostile]:
    """QuickTime's compressed movie header: zlib, with the size that it claims to have."""
    start, end = body_at(movie, (b"moov",))
    head = movie[start - 8 : end]
    bombs = {
        "honest": (len(head), zlib.compress(head)),
        "that claims four billion": (_MOST, zlib.compress(head)),
        "that claims nothing": (0, zlib.compress(head)),
        "of zeros": (2**28, zlib.compress(bytes(2**28), 9)),
    }
    for name, (size, packed) in bombs.items():
        inner = box(b"dcom", b"zlib") + box(b"cmvd", struct.pack(">I", size) + packed)
        data = _changed(movie, {(b"moov",): box(b"cmov", inner)})
        yield Hostile(f"a compressed header {name}", data, _EITHER)


def _changed(movie: bytes, changes: dict[tuple[bytes, ...], bytes]) -> bytes:
    for path, body in changes.items():
        movie = replace_box(movie, list(path), body)
    return movie
