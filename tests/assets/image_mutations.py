"""Damaged and hostile image files by the thousand, the same ones for the same seed.

A corpus of every format, still and animated, with the metadata that decoders parse, is cut,
spliced, repeated and overwritten. Most PNG mutants get right checksums, so that what lies behind
these is reached, too. Bytes near the start are preferred: sizes and counts stand there.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from PIL import Image, PngImagePlugin

from tests.assets.images import ANIMATED_FORMATS, STILL_FORMATS, animation_bytes, image_bytes

SIZE = (40, 28)
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A file that may or may not be readable."""

    name: str
    """What it was made of and how: enough to make it again with the seed."""
    data: bytes


@cache
def originals() -> dict[str, bytes]:
    """The files that are mutated; every one of them is a good image."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    exif_bytes = exif.tobytes()
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "text " * 50, zip=True)
    text.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="3"/>', zip=True)
    profile = bytes(range(256)) * 3
    files = {name: image_bytes(name, SIZE) for name in STILL_FORMATS}
    files |= {f"{name} animation": animation_bytes(name, 3, SIZE) for name in ANIMATED_FORMATS}
    return files | {
        "jpeg with metadata": image_bytes("jpeg", SIZE, orientation=6, icc_profile=profile),
        "jpeg progressive": image_bytes("jpeg", SIZE, progressive=True),
        "jpeg cmyk": image_bytes("jpeg", SIZE, mode="CMYK"),
        "jpeg grey": image_bytes("jpeg", SIZE, mode="L"),
        "png with metadata": image_bytes(
            "png", SIZE, exif=exif_bytes, pnginfo=text, icc_profile=profile
        ),
        "png palette": image_bytes("png", SIZE, mode="P", transparency=3),
        "png 16 bit": image_bytes("png", SIZE, mode="I;16"),
        "gif": image_bytes("gif", SIZE, comment=b"a comment"),
        "webp lossless": image_bytes("webp", SIZE, mode="RGBA", lossless=True),
        "webp with metadata": image_bytes("webp", SIZE, exif=exif_bytes, icc_profile=profile),
        "avif with metadata": image_bytes("avif", SIZE, mode="RGBA", exif=exif_bytes),
        "tiff lzw": image_bytes("tiff", SIZE, compression="tiff_lzw"),
        "tiff deflate": image_bytes("tiff", SIZE, compression="tiff_deflate"),
        "tiff jpeg": image_bytes("tiff", SIZE, compression="jpeg"),
        "tiff packbits": image_bytes("tiff", SIZE, compression="packbits"),
        "bigtiff": image_bytes("tiff", SIZE, big_tiff=True),
        "bmp palette": image_bytes("bmp", SIZE, mode="P"),
        "jpeg2000 codestream": image_bytes("jpeg2000", SIZE, no_jp2=True),
        "jpeg2000 tiles": image_bytes("jpeg2000", SIZE, tile_size=(16, 16)),
    }


def mutants(count: int, seed: int) -> Iterator[Mutant]:
    """``count`` mutants in a random order that covers the originals evenly.

    Args:
        count: How many.
        seed: Another seed, other mutants.
    """
    rng = random.Random(seed)
    files = originals()
    names = sorted(files)
    mutations = sorted(_MUTATIONS)
    for number in range(count):
        name = names[number % len(names)]
        data = files[name]
        applied = [rng.choice(mutations) for _ in range(rng.choice((1, 1, 1, 2, 4)))]
        for mutation in applied:
            data = _MUTATIONS[mutation](data, rng)
        if data.startswith(_PNG_SIGNATURE) and rng.random() < 0.7:
            data = _with_right_checksums(data)
            applied.append("checksums")
        yield Mutant(f"{number}: {name}, {' + '.join(applied)}", data)


def _place(data: bytes, rng: random.Random) -> int:
    """A place in the file, every other time among its first 200 bytes."""
    end = len(data) if rng.random() < 0.5 else min(len(data), 200)
    return rng.randrange(max(1, end))


def _flip_bits(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(rng.choice((1, 2, 8, 64))):
        changed[_place(changed, rng)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _set_bytes(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(rng.choice((1, 4, 32))):
        changed[_place(changed, rng)] = rng.randrange(256)
    return bytes(changed)


def _set_number(data: bytes, rng: random.Random) -> bytes:
    """An extreme or a neighbour of what stands there, as a number of 1, 2 or 4 bytes."""
    place, size = _place(data, rng), rng.choice((1, 2, 4))
    order = rng.choice(("big", "little"))
    present = int.from_bytes(data[place : place + size], order)  # type: ignore[arg-type]
    number = rng.choice((*_EXTREMES, present + 1, present - 1, present * 2, present // 2))
    value = (number % 256**size).to_bytes(size, order)  # type: ignore[arg-type]
    return data[:place] + value + data[place + size :]


def _cut_end(data: bytes, rng: random.Random) -> bytes:
    return data[: _place(data, rng)]


def _cut_middle(data: bytes, rng: random.Random) -> bytes:
    place = _place(data, rng)
    return data[:place] + data[place + rng.choice((1, 2, 4, 8, 50, 500)) :]


def _insert(data: bytes, rng: random.Random) -> bytes:
    place = _place(data, rng)
    return data[:place] + rng.randbytes(rng.choice((1, 2, 4, 8, 50, 500))) + data[place:]


def _fill(data: bytes, rng: random.Random) -> bytes:
    place, size = _place(data, rng), rng.choice((2, 4, 16, 200))
    return data[:place] + rng.choice((b"\0", b"\xff", b"\x20")) * size + data[place + size :]


def _repeat(data: bytes, rng: random.Random) -> bytes:
    place, size = _place(data, rng), rng.choice((4, 16, 100, 1000))
    piece = data[place : place + size]
    return data[:place] + piece * rng.choice((2, 3, 100)) + data[place + size :]


def _swap(data: bytes, rng: random.Random) -> bytes:
    first, second = sorted((_place(data, rng), _place(data, rng)))
    size = rng.choice((4, 12, 100))
    return (
        data[:first]
        + data[second : second + size]
        + data[first + size : second]
        + data[first : first + size]
        + data[second + size :]
    )


def _splice(data: bytes, rng: random.Random) -> bytes:
    """The start of one file and the rest of another, of another format as a rule."""
    other = originals()[rng.choice(sorted(originals()))]
    return data[: _place(data, rng)] + other[_place(other, rng) :]


def _append(data: bytes, rng: random.Random) -> bytes:
    """Two files in one: what a polyglot is."""
    return data + originals()[rng.choice(sorted(originals()))]


_MUTATIONS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "flip bits": _flip_bits,
    "set bytes": _set_bytes,
    "set number": _set_number,
    "cut end": _cut_end,
    "cut middle": _cut_middle,
    "insert": _insert,
    "fill": _fill,
    "repeat": _repeat,
    "swap": _swap,
    "splice": _splice,
    "append": _append,
}


def _with_right_checksums(data: bytes) -> bytes:
    """The same PNG; chunks that are whole get the checksum of what is in them now."""
    changed = bytearray(data)
    position = len(_PNG_SIGNATURE)
    while position + 12 <= len(changed):
        (length,) = struct.unpack_from(">I", changed, position)
        end = position + 8 + length
        if end + 4 > len(changed):
            break
        struct.pack_into(">I", changed, end, zlib.crc32(changed[position + 4 : end]))
        position = end + 4
    return bytes(changed)


def polyglots() -> dict[str, bytes]:
    """Files that are an image to one program and something else to another."""
    files = originals()
    archive = b"PK\x03\x04" + bytes(26) + b"PK\x05\x06" + bytes(18)
    page = b"<html><script>alert(1)</script></html>"
    script = b"#!/bin/sh\nexit 1\n"
    comment = b"\xff\xfe" + struct.pack(">H", len(page) + 2) + page
    playlist = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
    drawing = b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"
    return {
        "jpeg and archive": files["jpeg"] + archive,
        "jpeg and page": files["jpeg"][:2] + comment + files["jpeg"][2:],
        "jpeg and png": files["jpeg"] + files["png"],
        "jpeg in a png's name": b"\x89PNG" + files["jpeg"],
        "png and archive": files["png"] + archive,
        "png and playlist": files["png"] + playlist,
        "gif and script": b"GIF89a=1;" + script + files["gif"][6:],
        "gif and page": files["gif animation"] + page,
        "webp and avi": files["webp"][:8] + b"AVI " + files["webp"][12:],
        "avif as mp4": files["avif"][:8] + b"isom" + files["avif"][12:],
        "mp4 as avif": b"\0\0\0\x14ftypavif\0\0\0\0isom" + bytes(64),
        "heic as avif": files["heic"][:8] + b"avif" + files["heic"][12:],
        "avif as heic": files["avif"][:8] + b"heic" + files["avif"][12:],
        "tiff and raw": files["tiff"] + files["jpeg"],
        "bmp and executable": b"BM" + files["bmp"][2:] + b"\x7fELF" + bytes(60),
        "document and jpeg": b"%PDF-1.7\n" + files["jpeg"],
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99999 99999\n",
        "drawing": drawing,
        "drawing behind a byte order mark": b"\xef\xbb\xbf" + drawing,
        "icon": b"\0\0\x01\0\x01\0" + files["png"],
        "jpeg 2000 in a png": files["png"][:50] + files["jpeg2000"],
    }
