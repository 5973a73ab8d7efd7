"""Messages and memory between processes, and what a taken-over decoder could send."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Iterator

import numpy as np
import pytest

from deployments.media.limits import MediaLimits
from deployments.media.video import open_video
from deployments.video.decoding import wire
from deployments.video.decoding.jobs import read_message, runs_of
from deployments.video.decoding.scanned import ScannedVideo
from deployments.video.decoding.slots import FrameSlots
from deployments.video.decoding.wire import ConnectionLostError, Message
from deployments.video.sampling.decode_plan import Run
from tests.assets.videos import make_video


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    left, right = socket.socketpair()
    with left, right:
        left.settimeout(1.0)
        right.settimeout(1.0)
        yield left, right


def through(ends: tuple[socket.socket, socket.socket], message: Message) -> Message:
    wire.send(ends[0], message)
    return wire.receive(ends[1])


def test_values_arrays_and_open_files_arrive(ends) -> None:
    descriptor = os.memfd_create("test")
    os.write(descriptor, b"held")
    numbers, flags = np.arange(5), np.array([True, False])
    sent = Message("kind", {"a": 1, "b": None}, {"n": numbers, "f": flags}, (descriptor,))
    got = through(ends, sent)
    os.close(descriptor)
    assert (got.kind, got.values) == ("kind", {"a": 1, "b": None})
    assert np.array_equal(got.integers("n"), numbers)
    assert np.array_equal(got.integers("f"), flags)
    (copy,) = got.descriptors
    assert os.pread(copy, 9, 0) == b"held"
    os.close(copy)


def test_what_a_scan_found_arrives_whole(ends) -> None:
    with open_video(make_video(b_frames=2), MediaLimits()) as video:
        scanned = ScannedVideo.of(video)
    got = ScannedVideo.from_message(through(ends, scanned.message("opened")))
    assert got.facts == scanned.facts
    assert got.index.time_base == scanned.index.time_base
    for name in ("seconds", "packet", "entry", "keyframe", "reference", "size"):
        assert np.array_equal(getattr(got.table(), name), getattr(scanned.table(), name))


@pytest.mark.parametrize("follow", [None, range(3, 9)])
def test_runs_arrive_whole(ends, follow: range | None) -> None:
    runs = [Run(0, 4, (1, 3), 4), Run(8, 8, (8,), 1), Run(9, 20, (12,), 2, after=11)]
    assert runs_of(through(ends, read_message(runs, follow))) == (runs, follow)
    assert runs_of(through(ends, read_message([], follow))) == ([], follow)


def raw(text: bytes, arrays: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<IQ", len(text), len(arrays) if length is None else length) + text + arrays


@pytest.mark.parametrize(
    "data",
    [
        raw(b"not json"),
        raw(b'{"a": 1}'),
        raw(b'["kind", {}]'),
        raw(b'["kind", 7, []]'),
        raw(b'["kind", {}, 7]'),
        raw(b'["kind", {}, [["a", "object", 1]]]', bytes(8)),
        raw(b'["kind", {}, [["a", "int64", 9]]]', bytes(8)),
        raw(b'["kind", {}, []]', length=2**40),
        struct.pack("<IQ", 2**31, 0),
    ],
    ids=range(9),
)
def test_what_is_no_message_ends_the_conversation(ends, data: bytes) -> None:
    ends[0].sendall(data)
    with pytest.raises(ConnectionLostError):
        wire.receive(ends[1])


def test_an_end_that_is_gone_is_told(ends) -> None:
    ends[0].sendall(raw(json.dumps(["kind", {}, []]).encode())[:-3])
    ends[0].close()
    with pytest.raises(ConnectionLostError):
        wire.receive(ends[1])
    with pytest.raises(ConnectionLostError):
        wire.send(ends[1], Message("kind"))


@pytest.mark.parametrize("values", [{}, {"n": "1"}, {"n": None}, {"n": [1]}])
def test_numbers_are_numbers(values) -> None:
    with pytest.raises(ConnectionLostError):
        Message("kind", values).integer("n")
    with pytest.raises(ConnectionLostError):
        Message("kind", values).number("n")
    with pytest.raises(ConnectionLostError):
        Message("kind", values).integers("n")


def test_a_frame_crosses_without_a_copy() -> None:
    mine = FrameSlots.for_frames(4 * 6 * 3)
    theirs = FrameSlots.received(os.dup(mine.descriptor), mine.count, mine.slot_bytes)
    frame = theirs.frame(1, 4, 6)
    mine.frame(1, 4, 6)[2, 3] = (7, 8, 9)
    assert frame[2, 3].tolist() == [7, 8, 9]
    mine.close()
    theirs.close()
    assert frame[2, 3].tolist() == [7, 8, 9]  # as long as a view of it is left


@pytest.mark.parametrize("place", [(-1, 1, 1), (99, 1, 1), (0, 5, 6), (0, -4, -6), (0, 0, 6)])
def test_a_frame_outside_its_slot_is_refused(place: tuple[int, int, int]) -> None:
    slots = FrameSlots.for_frames(4 * 6 * 3)
    with pytest.raises(ValueError, match="outside its slot"):
        slots.frame(*place)
    slots.close()


def test_memory_that_could_shrink_under_its_reader_is_sealed_or_refused() -> None:
    mine = FrameSlots.for_frames(4096)
    theirs = FrameSlots.received(os.dup(mine.descriptor), mine.count, mine.slot_bytes)
    with pytest.raises(PermissionError):
        os.ftruncate(mine.descriptor, 0)
    theirs.close()
    with pytest.raises(ValueError, match="too small"):
        FrameSlots.received(os.dup(mine.descriptor), 1000, mine.slot_bytes)
    mine.close()
    unsealable = os.memfd_create("test")
    with pytest.raises(PermissionError):
        FrameSlots.received(unsealable, 1, 1)
