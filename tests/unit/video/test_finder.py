"""What `/api` finds in a video that several processes share: just what one finds alone."""

from __future__ import annotations

import pytest

from deployments.classifier.fake import FAKE_MODEL, FakeClassifier
from deployments.errors import CorruptMediaError, UnknownLabelError
from deployments.media.sampling import stride
from deployments.verdicts import Finding, LabelQuery
from deployments.video import finder as finder_module
from deployments.video.decoding.pool import DecoderPool
from deployments.video.finder import LocalVideoFinder
from tests.assets.videos import make_video, paint_flagged

RED, BLUE = (255, 0, 0), (0, 0, 200)
FRAMES = 120
ALONE, SHARED = 10**9, 1


@pytest.fixture(params=[ALONE, SHARED], ids=["alone", "shared"])
def sharing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(finder_module, "SHARED_FRAMES", request.param)
    return int(request.param)


def video(first: int, end: int, container: str = "mp4", **options) -> bytes:
    made = {"frames": FRAMES, "fps": 20, "gop": 10, "paint": paint_flagged(first, end, RED, BLUE)}
    return make_video(container, **{**made, **options})


async def find(
    decoders: DecoderPool,
    data: bytes,
    *,
    stop: bool = False,
    skip: float | None = None,
    labels: tuple[str, ...] | None = None,
    classifier: FakeClassifier | None = None,
) -> list[Finding]:
    query = LabelQuery(FAKE_MODEL.name, labels, 0.5, stop_on_first=stop)
    (found,) = await LocalVideoFinder(classifier or FakeClassifier(), decoders).find(
        data, [query], skip
    )
    return found


@pytest.mark.usefixtures("sharing")
@pytest.mark.parametrize("first", [0, 9, 10, 61, 119])
@pytest.mark.parametrize(
    ("container", "options"),
    [
        ("mp4", {"codec": "h264", "b_frames": 2}),
        ("mkv", {"codec": "hevc", "b_frames": 2}),
        ("webm", {"codec": "vp9"}),
        ("ts", {"codec": "mpeg2video", "b_frames": 2}),
        ("avi", {"codec": "mpeg4", "b_frames": 2}),
        ("flv", {"codec": "flv1"}),
    ],
    ids=str,
)
async def test_the_first_frame_of_a_label_is_exact(
    decoders: DecoderPool, container: str, options: dict, first: int
) -> None:
    (found,) = await find(decoders, video(first, FRAMES, container, **options))
    assert (found.frame, found.label) == (first + 1, "nsfw")


async def test_labels_are_found_in_the_order_of_their_frames(
    decoders: DecoderPool, sharing: int
) -> None:
    found = await find(decoders, video(77, FRAMES), labels=("normal", "nsfw"))
    assert [(f.frame, f.label) for f in found] == [(1, "normal"), (78, "nsfw")]


@pytest.mark.usefixtures("sharing")
@pytest.mark.parametrize("skip", [2.5, 10.0, 50.0])
async def test_only_frames_of_the_stride_count(decoders: DecoderPool, skip: float) -> None:
    step = stride(FRAMES, skip)
    (found,) = await find(decoders, video(31, FRAMES), skip=skip)
    assert found.frame == -(-31 // step) * step + 1


async def test_every_frame_of_the_stride_is_classified_once(
    decoders: DecoderPool, sharing: int
) -> None:
    classifier = FakeClassifier()
    assert await find(decoders, video(0, 0), skip=2.5, classifier=classifier) == []
    assert sum(call.frames for call in classifier.calls) == FRAMES / 3


async def test_damage_counts_only_before_the_end_of_the_search(
    decoders: DecoderPool, sharing: int
) -> None:
    data = bytearray(video(5, FRAMES))
    at = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2
    data[at : at + 300] = bytes(300)
    (found,) = await find(decoders, bytes(data), stop=True)
    assert found.frame == 6
    data = bytearray(video(FRAMES - 5, FRAMES))
    data[at : at + 300] = bytes(300)
    with pytest.raises(CorruptMediaError):
        await find(decoders, bytes(data), stop=True)


async def test_an_unknown_label_is_refused_before_anything_is_decoded(
    decoders: DecoderPool, sharing: int
) -> None:
    with pytest.raises(UnknownLabelError):
        await find(decoders, b"", labels=("cat",))


async def test_streams_whose_frames_are_not_their_packets_are_left_to_one_process(
    decoders: DecoderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They refresh bit by bit, so that decoding can begin at the first packet only."""
    options = {"x264-params": "intra-refresh=1"}
    data = video(64, FRAMES, "ts", encoder_options=options)
    monkeypatch.setattr(finder_module, "SHARED_FRAMES", SHARED)
    (found,) = await find(decoders, data)
    assert found.frame == 65


async def test_a_good_video_is_not_decoded_twice(
    decoders: DecoderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finder_module, "SHARED_FRAMES", SHARED)

    async def decode_again(*_: object) -> None:
        raise AssertionError("the parts were not enough")

    monkeypatch.setattr(LocalVideoFinder, "_find_in_order", decode_again)
    for container, codec in (("mp4", "h264"), ("webm", "vp9"), ("ts", "hevc")):
        (found,) = await find(decoders, video(61, FRAMES, container, codec=codec))
        assert found.frame == 62
