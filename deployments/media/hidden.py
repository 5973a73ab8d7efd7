"""Packets whose frame is not meant to be seen: reference frames of VP8 and VP9."""

from __future__ import annotations


def is_hidden(codec: str, packet: memoryview) -> bool:
    """Whether a packet holds a frame that serves as a reference only.

    AV1's temporal units always show a frame (AV1 specification, section 7.5), and so do the access
    units of the MPEG codecs.

    Args:
        codec: FFmpeg's name.
        packet: ``[N]`` bytes, N ≥ 1.
    """
    if codec == "vp8":
        return not packet[0] & 0x10  # show_frame (RFC 6386, section 9.1)
    if codec == "vp9":
        return _is_hidden_vp9(packet)
    return False


def _is_hidden_vp9(packet: memoryview) -> bool:
    """The start of the uncompressed header (VP9 bitstream specification 0.6, section 6.2)."""
    if packet[-1] & 0xE0 == 0xC0:  # a superframe (annex B): hidden frames and one that is shown
        return False
    bits = int.from_bytes(bytes(packet[:2]).ljust(2, b"\0"), "big")
    profile = (bits >> 13 & 1) | (bits >> 12 & 1) << 1
    at = 11 - (profile == 3)  # past frame_marker, the profile, and its reserved bit
    show_existing_frame, show_frame = bits >> at & 1, bits >> at - 2 & 1
    return not show_existing_frame and not show_frame
