"""The sniffer on bytes that nobody chose: it names a format or refuses, and trusts nothing else."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.errors import UnsupportedMediaError
from deployments.media.sniff import DEMUXERS, HEAD_BYTES, MediaFormat, sniff
from tests.assets.pictures import pictures
from tests.assets.videos import make_video

FILES = [*pictures().values(), *(make_video(container=c) for c in ("mp4", "avi", "flv"))]
HEADS = [file[:HEAD_BYTES] for file in FILES]


def told(data: bytes | memoryview) -> MediaFormat | None:
    with contextlib.suppress(UnsupportedMediaError):
        return sniff(data)
    return None


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_format_that_has_a_decoder_or_a_refusal(data: bytes) -> None:
    found = told(data)
    assert found is None or found.kind == "image" or found.name in DEMUXERS


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(HEADS),
    st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), max_size=8),
    st.integers(0, HEAD_BYTES),
)
def test_a_damaged_or_short_file_is_a_format_or_a_refusal(
    head: bytes, damage: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(head)
    for place, value in damage:
        data[place % len(data)] = value
    told(bytes(data[:length]))


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(HEADS), st.binary(max_size=200))
def test_what_follows_the_head_changes_nothing(head: bytes, rest: bytes) -> None:
    full = head.ljust(HEAD_BYTES, b"\0")
    assert told(full) == told(full + rest) == told(memoryview(full + rest))
