"""Files that refer to other files and to the network: none may be followed."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.assets.hostile.boxes import box, replace_box
from tests.assets.hostile.file import REFUSED, Hostile
from tests.assets.videos import make_video

UNSUPPORTED = frozenset({415})


@dataclass(frozen=True)
class Bait:
    """What is there to be opened."""

    file: Path
    """A good video."""
    port: int
    """Of a listener on loopback."""

    @property
    def targets(self) -> tuple[str, ...]:
        path = self.file
        return (
            str(path),
            f"file://{path}",
            f"file:{path}",
            path.name,
            f"../../../../../..{path}",
            f"http://127.0.0.1:{self.port}/a.ts",
            f"tcp://127.0.0.1:{self.port}",
            f"rtmp://127.0.0.1:{self.port}/live/a",
            f"subfile,,start,0,end,0,,:{path}",
            f"concat:{path}|{path}",
            f"crypto+file://{path}",
            "data:video/mp4;base64,AAAA",
            "/etc/passwd",
            "/dev/zero",
            "/proc/self/environ",
        )


def references(bait: Bait) -> Iterator[Hostile]:
    """Playlists, manifests, scripts and containers whose samples lie elsewhere."""
    for number, target in enumerate(bait.targets):
        for kind, text in _texts(target).items():
            if number and kind in _ONCE:
                continue
            yield Hostile(f"{kind} {number}", text.encode(), UNSUPPORTED)
    first = _texts(str(bait.file))
    for kind in ("hls", "ffconcat", "dash", "sdp"):
        text = first[kind].encode()
        yield Hostile(f"{kind} behind a byte order mark", b"\xef\xbb\xbf" + text, UNSUPPORTED)
        yield Hostile(f"{kind} behind blanks", b"\n \t\n" + text, UNSUPPORTED)
        yield Hostile(f"{kind} in UTF-16", text.decode().encode("utf-16"), UNSUPPORTED)
        yield Hostile(f"{kind} behind an MP4's head", _FTYP + text)
        yield Hostile(f"{kind} behind a WebM's head", _WEBM + text)
        yield Hostile(f"{kind} behind an Ogg's head", b"OggS\0\2" + text)
        yield Hostile(f"{kind} behind an FLV's head", b"FLV\x01\x01\0\0\0\x09\0\0\0\0" + text)
        yield Hostile(f"{kind} between sync bytes", _between_sync_bytes(text))
    movie = make_video("mov", frames=4)
    for number, target in enumerate(bait.targets[:6]):
        for form in (b"url ", b"urn ", b"alis", b"rsrc"):
            name = f"frames elsewhere {form.decode().strip()} {number}"
            # An address that names no file by itself is not followed: its frames are not there,
            # or they are those of the upload itself.
            yield Hostile(name, _elsewhere(movie, form, target), REFUSED | {200}, 4)
        yield Hostile(f"movie by reference {number}", _movie_by_reference(target))


_FTYP = box(b"ftyp", b"isom\0\0\2\0isommp41")
_WEBM = b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm"


_ONCE = frozenset({"hls master", "pls", "svg", "avisynth"})


def _texts(target: str) -> dict[str, str]:
    return {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n",
        "hls key": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n"
        f'#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n#EXT-X-MAP:URI="{target}"\n'
        f"#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n",
        "hls master": f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{target}\n",
        "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
        '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">'
        f"<BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>",
        "ffconcat": f"ffconcat version 1.0\nfile '{target}'\nduration 9\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n"
        f"a=control:{target}\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        "pls": f"[playlist]\nFile1={target}\nNumberOfEntries=1\n",
        "svg": f'<svg xmlns:xlink="x"><image xlink:href="{target}"/></svg>',
        "avisynth": f'DirectShowSource("{target}")\n',
    }


def _between_sync_bytes(text: bytes) -> bytes:
    packets = [text[at : at + 184].ljust(184, b"\n") for at in range(0, len(text), 184)]
    return b"".join(b"G\x41\0\x10" + packet for packet in (packets * 4)[:8])


def _elsewhere(movie: bytes, form: bytes, target: str) -> bytes:
    body = bytes(4) + target.encode() + b"\0"  # flags: the samples are not in this file
    if form == b"alis":
        body = bytes(4) + _alias(target)
    reference = struct.pack(">II", 0, 1) + box(form, body)
    return replace_box(movie, [b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"], reference)


def _alias(target: str) -> bytes:
    """A Macintosh alias record with an absolute path."""
    name = target.encode()
    name += b"\0" * (len(name) % 2)
    short = Path(target).name.encode()[:63]
    record = bytes(10) + b"\x04" + b"disk".ljust(27, b"\0") + bytes(12)
    record += bytes([len(short)]) + short.ljust(63, b"\0") + bytes(16)
    record += struct.pack(">hh", 1, 1) + bytes(16)
    for kind in (2, 18):
        record += struct.pack(">hh", kind, len(name)) + name
    return record + struct.pack(">h", -1)


def _movie_by_reference(target: str) -> bytes:
    """QuickTime's reference movie: a ``moov`` that names another file."""
    address = target.encode() + b"\0"
    reference = box(b"rdrf", bytes(4) + b"url " + struct.pack(">I", len(address)) + address)
    return box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"moov", box(b"rmra", box(b"rmda", reference)))
