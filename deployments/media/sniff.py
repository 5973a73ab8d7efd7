"""What media is this? Told from its first bytes alone, never from a file name or a header.

The answer decides which decoder may touch the bytes, so it must not be left to the decoder: FFmpeg,
when it chooses by itself, takes playlists that make it open other files and addresses.

The signatures are those of the formats' own specifications; the ``ftyp`` brands are those that the
MP4 registration authority (https://mp4ra.org/registered-types/brands) lists.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from deployments.errors import UnsupportedMediaError
from deployments.types import Buffer

HEAD_BYTES = 4096
"""As many of a file's first bytes as `sniff` looks at."""

DEMUXERS: Mapping[str, str] = MappingProxyType(
    {
        "mp4": "mp4",
        "mov": "mov",
        "webm": "webm",
        "mkv": "matroska",
        "avi": "avi",
        "ts": "mpegts",
        "flv": "flv",
        "ogg": "ogg",
    }
)
"""The FFmpeg demuxer to force for each video ``MediaFormat.name``."""


@dataclass(frozen=True, slots=True)
class MediaFormat:
    """A format that this service reads."""

    kind: Literal["image", "video"]
    """Animated images are images."""
    name: str
    """``jpeg``, ``png``, ``gif``, ``webp``, ``avif``, ``heic``, ``bmp``, ``tiff``, ``jpeg2000``;
    ``mp4``, ``mov``, ``webm``, ``mkv``, ``avi``, ``ts``, ``flv``, ``ogg``."""


_IMAGE_SIGNATURES = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),  # BigTIFF
    (b"MM\0+", "tiff"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "jpeg2000"),
    (b"\xff\x4f\xff\x51", "jpeg2000"),  # a bare codestream
)
_VIDEO_SIGNATURES = ((b"FLV\x01", "flv"), (b"OggS\0", "ogg"))
_RIFF_FORMS = {b"WEBP": MediaFormat("image", "webp"), b"AVI ": MediaFormat("video", "avi")}
_DOC_TYPES = {b"webm": MediaFormat("video", "webm"), b"matroska": MediaFormat("video", "mkv")}

_DIB_HEADER_BYTES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
"""Lengths of the header that follows a BMP's file header, over all versions of the format."""

_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_HEIF_BRANDS = frozenset({b"mif1", b"mif2", b"msf1", b"miaf"})
"""Say that there are images, not how they are coded."""
_MP4_BRANDS = frozenset(
    {b"mp41", b"mp42", b"mp71", b"avc1", b"hvc1", b"hev1", b"av01", b"dash", b"msdh", b"msix"}
    | {b"M4V ", b"M4VH", b"M4VP", b"M4A ", b"M4B ", b"M4P ", b"f4v ", b"F4V ", b"F4P ", b"MSNV"}
    | {b"NDSC", b"NDSH", b"NDSM", b"NDSP", b"NDSS", b"NDXC", b"NDXH", b"NDXM", b"NDXP", b"NDXS"}
    | {b"XAVC", b"mmp4", b"cmfc", b"cmff", b"cmf2", b"iphv", b"isom", b"piff", b"3gp4", b"3gp5"}
)
_MP4_BRAND_FAMILIES = (b"iso", b"3g", b"mp4", b"cmf", b"M4V", b"dby")
_MOV_FIRST_BOXES = frozenset({b"moov", b"mdat", b"wide", b"pnot", b"free", b"skip"})
"""QuickTime files from before ``ftyp`` begin with one of these."""

_NOT_READ = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript document"),
    (b"8BPS", "a Photoshop document"),
    (b"PK\x03\x04", "an archive or an office document"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"#EXTM3U", "a playlist"),
    (b"ffconcat", "a playlist"),
    (b"[playlist]", "a playlist"),
    (b"v=0", "a session description"),
    (b"ID3", "an audio file"),
    (b"fLaC", "an audio file"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL image"),
    (b"\0\0\x01\0", "an icon"),
    (b"\0\0\x01\xba", "an MPEG program stream"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file"),
)
_NOT_READ_MARKUP = ((b"<svg", "an SVG drawing"), (b"<html", "a web page"))
_READABLE = (
    "Images: JPEG, PNG, GIF, WebP, AVIF, HEIC, BMP, TIFF, JPEG 2000; "
    "videos: MP4, MOV, WebM, MKV, AVI, MPEG-TS, FLV, OGG"
)


def sniff(data: Buffer) -> MediaFormat:
    """The format of a file, from its first `HEAD_BYTES` bytes.

    Args:
        data: A whole file, or at least its first `HEAD_BYTES` bytes.

    Raises:
        UnsupportedMediaError: None of the formats that this service reads.
    """
    head = bytes(memoryview(data)[:HEAD_BYTES])
    found = (
        _by_signature(head)
        or _riff(head)
        or _iso_base_media(head)
        or _matroska(head)
        or _bitmap(head)
        or _transport_stream(head)
    )
    if found is None:
        raise UnsupportedMediaError(_refusal(head))
    return found


def _by_signature(head: bytes) -> MediaFormat | None:
    for signature, name in _IMAGE_SIGNATURES:
        if head.startswith(signature):
            return MediaFormat("image", name)
    for signature, name in _VIDEO_SIGNATURES:
        if head.startswith(signature):
            return MediaFormat("video", name)
    return None


def _riff(head: bytes) -> MediaFormat | None:
    return _RIFF_FORMS.get(head[8:12]) if head.startswith(b"RIFF") else None


def _iso_base_media(head: bytes) -> MediaFormat | None:
    """Images and videos that are made of ISO/IEC 14496-12 boxes."""
    if len(head) < 8:
        return None
    size, box = struct.unpack_from(">I4s", head)
    if box in _MOV_FIRST_BOXES and (size == 1 or size >= 8):
        return MediaFormat("video", "mov")
    if box != b"ftyp" or size < 16:
        return None
    compatible = [head[i : i + 4] for i in range(16, min(size, len(head)) - 3, 4)]
    major = head[8:12]
    if major in _HEIF_BRANDS and not _AVIF_BRANDS.isdisjoint(compatible):
        return MediaFormat("image", "avif")
    # A brand that is not listed (cameras have their own) counts for nothing; the first compatible
    # one that is listed decides.
    for brand in (major, *compatible):
        if brand in _AVIF_BRANDS:
            return MediaFormat("image", "avif")
        if brand in _HEIC_BRANDS or brand in _HEIF_BRANDS:
            return MediaFormat("image", "heic")
        if brand == b"qt  ":
            return MediaFormat("video", "mov")
        if brand in _MP4_BRANDS or brand.startswith(_MP4_BRAND_FAMILIES):
            return MediaFormat("video", "mp4")
    return None


def _matroska(head: bytes) -> MediaFormat | None:
    """Matroska and WebM: the ``DocType`` element of the EBML header (RFC 8794, section 11.2.3)."""
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    length_at = head.find(b"\x42\x82", 4, 256) + 2
    if length_at < 2 or length_at >= len(head):
        return None
    length = head[length_at] & 0x7F  # a DocType is short: its length is one byte with a marker bit
    return _DOC_TYPES.get(head[length_at + 1 : length_at + 1 + length].rstrip(b"\0"))


def _bitmap(head: bytes) -> MediaFormat | None:
    if not head.startswith(b"BM") or len(head) < 18:
        return None
    (header_bytes,) = struct.unpack_from("<I", head, 14)
    return MediaFormat("image", "bmp") if header_bytes in _DIB_HEADER_BYTES else None


def _transport_stream(head: bytes) -> MediaFormat | None:
    """MPEG-TS: a sync byte every 188 bytes, or every 192 behind a timestamp of 4 (M2TS)."""
    for first, packet_bytes in ((0, 188), (4, 192)):
        syncs = head[first::packet_bytes]
        if len(syncs) >= 3 and syncs.count(b"\x47") == len(syncs):
            return MediaFormat("video", "ts")
    return None


def _refusal(head: bytes) -> str:
    """One sentence: what the file seems to be, and what could be sent instead."""
    if not head:
        return "The file is empty."
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for signature, what in _NOT_READ:
        if head.startswith(signature) or text.startswith(signature):
            return f"The file is {what}, which this service does not read. {_READABLE}."
    for tag, what in _NOT_READ_MARKUP:
        if text.startswith(b"<") and tag in text.lower():
            return f"The file is {what}, which this service does not read. {_READABLE}."
    return f"The file is not an image or a video that this service reads. {_READABLE}."
