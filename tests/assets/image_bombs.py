"""Images that are small as files and would be enormous, or endless, to decode.

Every file here is well-formed as far as a decoder looks before it reserves memory or begins to
work; so a service that trusts its decoders pays for each of them.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from io import BytesIO

from PIL import Image
from pillow_heif import from_pillow

from tests.assets.images import animation_bytes, image_bytes

HUGE = 60_000
"""Pixels of a side: 3.6 gigapixels, 10.8 GB as RGB; what 16 bits can still say."""


def png_file(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of the given chunks, with right checksums."""
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, body in chunks:
        parts.append(struct.pack(">I", len(body)) + kind + body)
        parts.append(struct.pack(">I", zlib.crc32(kind + body)))
    return b"".join(parts)


def png_header(width: int, height: int) -> tuple[bytes, bytes]:
    """The chunk that begins a PNG: 8-bit RGB, not interlaced."""
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)


def deflated_zeros(size_bytes: int) -> bytes:
    """About a thousandth of ``size_bytes``."""
    packer = zlib.compressobj(9)
    block = bytes(2**20)
    parts = [packer.compress(block) for _ in range(size_bytes // len(block))]
    return b"".join((*parts, packer.flush()))


_PIXELS = zlib.compress(bytes(40 * (1 + 3 * 40)))
"""Of a black picture of 40×40."""
_END = (b"IEND", b"")


def _png_claims() -> bytes:
    return png_file(png_header(HUGE, HUGE), (b"IDAT", deflated_zeros(2**26)), _END)


def _png_pixels_beyond_the_picture() -> bytes:
    return png_file(png_header(40, 40), (b"IDAT", deflated_zeros(2**29)), _END)


def _png_profile() -> bytes:
    profile = b"icc\0\0" + deflated_zeros(2**29)
    return png_file(png_header(40, 40), (b"iCCP", profile), (b"IDAT", _PIXELS), _END)


def _png_text() -> bytes:
    text = b"Comment\0\0" + deflated_zeros(2**29)
    return png_file(png_header(40, 40), (b"zTXt", text), (b"IDAT", _PIXELS), _END)


def _png_texts() -> bytes:
    # Each just below what Pillow lets one chunk inflate to.
    texts = [(b"zTXt", b"c%d\0\0" % i + deflated_zeros(2**20)) for i in range(400)]
    return png_file(png_header(40, 40), *texts, (b"IDAT", _PIXELS), _END)


def _png_frame_count() -> bytes:
    control = (b"acTL", struct.pack(">II", 2**31 - 1, 0))
    return png_file(png_header(40, 40), control, (b"IDAT", _PIXELS), _END)


def _apng(width: int, height: int, frames: int) -> bytes:
    pixels = zlib.compress(bytes(height * (1 + 3 * width)), 9)
    chunks = [png_header(width, height), (b"acTL", struct.pack(">II", frames, 0))]
    for frame in range(frames):
        sequence = max(0, 2 * frame - 1)
        control = struct.pack(">IIIIIHHBB", sequence, width, height, 0, 0, 1, 10, 0, 0)
        chunks.append((b"fcTL", control))
        data = (b"fdAT", struct.pack(">I", sequence + 1) + pixels) if frame else (b"IDAT", pixels)
        chunks.append(data)
    return png_file(*chunks, _END)


def gif_file(width: int, height: int, frames: int) -> bytes:
    """Frames of one colour, of the size of the screen; a frame is few bytes for its pixels."""
    picture = Image.new("P", (width, height))
    file = BytesIO()
    picture.save(file, "GIF")
    single = file.getvalue()
    start = single.index(b",", 13 + (3 << ((single[10] & 7) + 1)))
    return single[:start] + single[start:-1] * frames + b";"


def _gif_frames_that_grow() -> bytes:
    """A small first frame on a small screen; the later ones make the screen grow."""
    small, large = gif_file(8, 8, 1), gif_file(4000, 4000, 200)
    return small[:-1] + large[large.index(b",\0\0\0\0", 13) :]


def _gif_screen() -> bytes:
    small = bytearray(image_bytes("gif", (40, 40)))
    struct.pack_into("<HH", small, 6, 65535, 65535)
    return bytes(small)


def _gif_frame() -> bytes:
    small = bytearray(gif_file(40, 40, 1))
    at = small.rindex(b",\0\0\0\0")
    struct.pack_into("<HH", small, at + 5, 65535, 65535)
    return bytes(small)


def _gif_comments() -> bytes:
    whole = gif_file(40, 40, 1)
    start = whole.rindex(b",\0\0\0\0")
    comment = b"!\xfe" + (b"\xff" + bytes(255)) * 2**14 + b"\0"
    return whole[:start] + comment + whole[start:]


def _webp_canvas() -> bytes:
    small = bytearray(animation_bytes("webp", 3, (40, 40)))
    small[24:30] = b"\xff" * 6  # 16,777,216 in both directions
    return bytes(small)


def _webp_still() -> bytes:
    small = bytearray(image_bytes("webp", (40, 40), lossless=True))
    at = small.index(b"VP8L") + 9
    (bits,) = struct.unpack_from("<I", small, at)
    struct.pack_into("<I", small, at, bits | 0xFFFFFFF)  # 16,384 × 16,384
    return bytes(small)


def _patched_ispe(data: bytes, width: int, height: int) -> bytes:
    """A HEIF whose every image spatial extents property claims a size."""
    patched = bytearray(data)
    at = patched.find(b"ispe")
    while at >= 0:
        struct.pack_into(">II", patched, at + 8, width, height)
        at = patched.find(b"ispe", at + 4)
    return bytes(patched)


def _flat_avif(side: int) -> bytes:
    file = BytesIO()
    Image.new("RGB", (side, side), (90, 120, 30)).save(file, "AVIF", speed=10)
    return file.getvalue()


def _flat_heic(side: int) -> bytes:
    file = BytesIO()
    from_pillow(Image.new("RGB", (side, side), (90, 120, 30))).save(file, quality=10)
    return file.getvalue()


def _webp_frames(side: int, frames: int) -> bytes:
    """One coded frame, shown many times."""
    file = BytesIO()
    Image.new("RGB", (side, side), (90, 120, 30)).save(file, "WEBP", lossless=True, method=0)
    picture = file.getvalue()[12:]
    last = (side - 1).to_bytes(3, "little")
    frame = _riff(b"ANMF", bytes(6) + last * 2 + (40).to_bytes(3, "little") + b"\0" + picture)
    header = _riff(b"VP8X", b"\x02\0\0\0" + last * 2) + _riff(b"ANIM", bytes(6))
    return _riff(b"RIFF", b"WEBP" + header + frame * frames)


def _riff(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)


def _avif_frames() -> bytes:
    """Two frames, of which the tables say that they are shown as 900."""
    file = BytesIO()
    pictures = [Image.new("RGB", (2000, 2000), (shade, 120, 30)) for shade in (0, 90)]
    pictures[0].save(file, "AVIF", save_all=True, append_images=pictures[1:], speed=10)
    data = bytearray(file.getvalue())
    struct.pack_into(">I", data, data.index(b"stts") + 12, 900)
    return bytes(data)


def tiff_file(
    pages: int, *entries: tuple[int, int, int, int], tail: bytes = b"", loop: bool = False
) -> bytes:
    """Pages that all have the same little-endian entries: tag, type, count, value.

    Args:
        pages: Directories, each pointing to the next.
        *entries: In the order of their tags.
        tail: Bytes behind all directories, at `tiff_tail_offset`.
        loop: The last directory points to the first.
    """
    size = 2 + 12 * len(entries) + 4
    parts = [b"II*\0" + struct.pack("<I", 8)]
    for page in range(pages):
        following = 8 + (page + 1) * size if page + 1 < pages else (8 if loop else 0)
        parts.append(struct.pack("<H", len(entries)))
        parts += [struct.pack("<HHII", *entry) for entry in entries]
        parts.append(struct.pack("<I", following))
    return b"".join((*parts, tail))


def tiff_tail_offset(pages: int, entries: int) -> int:
    """Where `tiff_file` puts its tail."""
    return 8 + pages * (2 + 12 * entries + 4)


def _tiff(width: int, height: int, pages: int, tail: bytes, *, rows: int | None = None) -> bytes:
    offset = tiff_tail_offset(pages, 9)
    return tiff_file(
        pages,
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, 8),  # deflate
        (262, 3, 1, 1),
        (273, 4, 1, offset),
        (277, 3, 1, 1),
        (278, 4, 1, rows or height),
        (279, 4, 1, len(tail)),
        tail=tail,
    )


def _tiff_tile() -> bytes:
    tail = deflated_zeros(2**26)
    offset = tiff_tail_offset(1, 10)
    return tiff_file(
        1,
        (256, 4, 1, 40),
        (257, 4, 1, 40),
        (258, 3, 1, 8),
        (259, 3, 1, 8),
        (262, 3, 1, 1),
        (277, 3, 1, 1),
        (322, 4, 1, HUGE),
        (323, 4, 1, HUGE),
        (324, 4, 1, offset),
        (325, 4, 1, len(tail)),
        tail=tail,
    )


def _jpeg_claims() -> bytes:
    small = bytearray(image_bytes("jpeg", (40, 40)))
    at = small.index(b"\xff\xc0") + 5
    struct.pack_into(">HH", small, at, 65500, 65500)
    return bytes(small)


def _jpeg_scans() -> bytes:
    small = image_bytes("jpeg", (40, 40), progressive=True)
    start = small.rindex(b"\xff\xda")
    return small[:start] + small[start:-2] * 5000 + small[-2:]


def _jpeg_scans_of_many_pixels() -> bytes:
    """Few enough scans for any camera, over enough pixels to keep a decoder busy."""
    file = BytesIO()
    Image.new("RGB", (4400, 4400)).save(file, "JPEG", progressive=True)
    large = file.getvalue()
    start = large.rindex(b"\xff\xda")
    return large[:start] + large[start:-2] * 400 + large[-2:]


def _jpeg_exif() -> bytes:
    """Directories of metadata that point at themselves, and as many of them as a segment holds."""
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)  # "another directory", at the first one's place
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 5000) + entry * 5000
    small = image_bytes("jpeg", (40, 40))
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    return small[:2] + segment * 40 + small[2:]


def jpeg2000_file(
    width: int,
    height: int,
    *,
    layers: int = 1,
    precinct: int | None = None,
    block: int = 6,
    tile: int | None = None,
    late_style: bool = False,
) -> bytes:
    """A codestream of three components whose tiles are empty (ISO/IEC 15444-1, annex A).

    Args:
        width: Pixels.
        height: Pixels.
        layers: Quality layers that it claims.
        precinct: Binary logarithm of a precinct's side; None: the largest.
        block: Binary logarithm of a code-block's side, 2…6.
        tile: Side of a tile; None: one tile.
        late_style: Say ``precinct`` and ``block`` in the header of each tile, not in the file's.
    """
    tile = tile or max(width, height)
    size = struct.pack(">HIIIIIIII", 0, width, height, 0, 0, tile, tile, 0, 0)
    size += struct.pack(">H", 3) + b"\x07\x01\x01" * 3
    plain = struct.pack(">BBHBBBBBB", 0, 0, layers, 0, 0, 4, 4, 0, 1)
    style = struct.pack(
        ">BBHBBBBBB", int(precinct is not None), 0, layers, 0, 0, block - 2, block - 2, 0, 1
    )
    if precinct is not None:
        style += bytes([precinct << 4 | precinct])
    parts = [b"\xff\x4f", _segment(0xFF51, size), _segment(0xFF52, plain if late_style else style)]
    parts.append(_segment(0xFF5C, b"\x40\x40"))
    body = (_segment(0xFF52, style) if late_style else b"") + b"\xff\x93" + bytes(40)
    for index in range((-(-width // tile)) * (-(-height // tile))):
        parts.append(struct.pack(">HHHIBB", 0xFF90, 10, index, 12 + len(body), 0, 1) + body)
    return b"".join((*parts, b"\xff\xd9"))


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">HH", marker, len(body) + 2) + body


def _bmp_claims() -> bytes:
    small = bytearray(image_bytes("bmp", (40, 40)))
    struct.pack_into("<ii", small, 18, HUGE, HUGE)
    return bytes(small)


def _bmp_runs() -> bytes:
    """Run-length coded: one code ends a line, so a few bytes are a whole picture."""
    header = struct.pack("<IiiHHIIiiII", 40, HUGE, HUGE, 1, 8, 1, 4, 0, 0, 0, 0)
    palette = bytes(1024)
    offset = 14 + len(header) + len(palette)
    return struct.pack("<2sIII", b"BM", offset + 2, 0, offset) + header + palette + b"\0\1"


BOMBS: Mapping[str, Callable[[], bytes]] = {
    "png claims": _png_claims,
    "png profile": _png_profile,
    "png text": _png_text,
    "png texts": _png_texts,
    "png frame count": _png_frame_count,
    "apng frames": lambda: _apng(4000, 4000, 200),
    "gif screen": _gif_screen,
    "gif frame": _gif_frame,
    "gif frames": lambda: gif_file(4000, 4000, 200),
    "gif frames that grow": _gif_frames_that_grow,
    "gif many frames": lambda: gif_file(8, 8, 20_000),
    "webp canvas": _webp_canvas,
    "webp still": _webp_still,
    "webp frames": lambda: _webp_frames(4000, 200),
    "avif claims": lambda: _patched_ispe(image_bytes("avif", (40, 40)), HUGE, HUGE),
    "avif hides": lambda: _patched_ispe(_flat_avif(10_100), 40, 40),
    "avif frames": _avif_frames,
    "heic claims": lambda: _patched_ispe(image_bytes("heic", (40, 40)), HUGE, HUGE),
    "heic hides": lambda: _patched_ispe(_flat_heic(2000), 40, 40),
    "tiff claims": lambda: _tiff(HUGE, HUGE, 1, deflated_zeros(2**26)),
    "tiff tile": _tiff_tile,
    "tiff pages": lambda: _tiff(4000, 4000, 200, deflated_zeros(2**24)),
    "tiff many pages": lambda: _tiff(40, 40, 50_000, zlib.compress(bytes(1600))),
    "jpeg claims": _jpeg_claims,
    "jpeg scans": _jpeg_scans,
    "jpeg scans of many pixels": _jpeg_scans_of_many_pixels,
    "jpeg2000 claims": lambda: jpeg2000_file(HUGE, HUGE),
    "jpeg2000 precincts": lambda: jpeg2000_file(4000, 4000, precinct=0),
    "jpeg2000 late precincts": lambda: jpeg2000_file(4000, 4000, precinct=0, late_style=True),
    "jpeg2000 precincts and layers": lambda: jpeg2000_file(1000, 1000, precinct=0, layers=65535),
    "jpeg2000 blocks": lambda: jpeg2000_file(4000, 4000, block=2),
    "jpeg2000 tiles": lambda: jpeg2000_file(255, 255, tile=1),
    "bmp claims": _bmp_claims,
    "bmp runs": _bmp_runs,
}
"""Name → maker of a file that must be refused."""

DUDS: Mapping[str, Callable[[], bytes]] = {
    "png pixels beyond the picture": _png_pixels_beyond_the_picture,
    "gif comments": _gif_comments,
    "tiff strip beyond the picture": lambda: _tiff(40, 40, 1, deflated_zeros(2**29)),
    "tiff rows": lambda: _tiff(40, 40, 1, deflated_zeros(2**26), rows=2**32 - 1),
    "jpeg exif": _jpeg_exif,
    "jpeg2000 layers": lambda: jpeg2000_file(40, 40, layers=65535),
}
"""Name → maker of a file with a bomb that no decoder should step on: a picture of 40×40."""
