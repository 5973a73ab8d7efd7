"""What both clients answer: each test runs over the sync and over the async one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import httpx
import pytest

from deployments.errors import CorruptMediaError as DeploymentCorrupt
from deployments.errors import OverloadedError as DeploymentOverloaded
from deployments.video.analysis import Progress as AnalysisProgress
from serve_app.problems import PROBLEMS
from tests.assets.loopback_service import PLAIN, LoopbackService, loopback_service
from tests.contract.client.conftest import Asks
from tests.unit.serve_app.live import Gate
from tests.unit.serve_app.media import MP4, animation, still
from vigil_client import (
    AnswerError,
    CorruptMediaError,
    FailedFile,
    Finding,
    ImageResult,
    InvalidParameterError,
    MediaUrl,
    ModelNotFoundError,
    NamedMedia,
    OverloadedError,
    Progress,
    Retries,
    UnauthorizedError,
    UnknownLabelError,
    UnsupportedMediaError,
    UploadError,
    VideoAnswer,
)
from vigil_client.errors import BY_CODE

RED, GREEN = still(0.9), still(0.1)


async def raw(request: httpx.Request) -> object:
    async with httpx.AsyncClient() as http:
        answer = await http.send(request)
    assert answer.status_code == 200
    return answer.json()


async def test_an_answer_holds_all_that_the_service_said(
    client: Asks, service: LoopbackService
) -> None:
    files = [("files", ("a.png", RED)), ("files", ("b.gif", animation([0.1, 0.8])))]
    request = httpx.Request("POST", f"{service.url}/v1/images", files=files, params={"score": 0.5})
    expected = await raw(request)
    media = [NamedMedia(name, data) for _, (name, data) in files]
    answer = await client.call("images", media, score=0.5)
    assert answer.model_dump(mode="json", exclude_unset=True) == expected
    expected = await raw(httpx.Request("GET", f"{service.url}/v1/models"))
    assert (await client.call("models")).model_dump(mode="json") == expected
    assert (await client.call("limits")).max_files_per_request == 64


async def test_an_image_has_its_verdict_its_scores_and_its_frames(client: Asks) -> None:
    flagged = await client.call("image", RED)
    assert isinstance(flagged, ImageResult)
    assert flagged.flagged is True
    assert flagged.score("nsfw") == pytest.approx(0.9, abs=0.01)
    assert [entry.label for entry in flagged.labels] == ["nsfw", "normal"]
    with pytest.raises(KeyError):
        flagged.score("cat")
    assert (await client.call("image", GREEN)).flagged is False
    moving = await client.call("image", animation([0.1, 0.8]))
    assert [frame.frame for frame in moving.frames] == [0, 1]
    assert (await client.call("image", RED, model=PLAIN.name)).flagged is None


async def test_options_reach_the_service(client: Asks) -> None:
    result = await client.call("image", RED, score=0.95, labels=["nsfw"])
    assert (result.flagged, len(result.labels)) == (False, 1)
    assert len((await client.call("image", RED, top_k=1)).labels) == 1
    with pytest.raises(TypeError, match="several labels"):
        await client.call("image", RED, labels="nsfw")


@pytest.mark.parametrize("kind", ["path", "text", "bytes", "file", "memory", "named"])
async def test_media_come_in_many_forms(client: Asks, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(RED)
    with path.open("rb") as file:
        media = {
            "path": path,
            "text": str(path),
            "bytes": RED,
            "file": file,
            "memory": BytesIO(RED),
            "named": NamedMedia("picture.png", RED),
        }[kind]
        result = await client.call("image", media)
    assert result.flagged is True
    assert result.filename == ("upload" if kind in ("bytes", "memory") else "picture.png")


async def test_a_file_that_was_just_written_is_sent_whole(client: Asks) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(RED)
        assert (await client.call("image", file)).flagged is True


async def test_a_file_name_may_hold_what_is_no_unicode(client: Asks, tmp_path: Path) -> None:
    path = tmp_path / 'a"\udcff;\n.png'
    path.write_bytes(RED)
    assert (await client.call("image", path)).flagged is True


async def test_a_bad_file_among_several_has_no_verdict(client: Asks) -> None:
    answer = await client.call("images", [RED, b"hello", GREEN])
    red, bad, green = answer.results
    assert (red.flagged, green.flagged) == (True, False)
    assert isinstance(bad, FailedFile)
    assert bad.problem.code == "unsupported-media"
    assert not hasattr(bad, "flagged")
    with pytest.raises(UnsupportedMediaError):
        answer.classified()


async def test_several_bad_files_have_a_problem_each(client: Asks) -> None:
    answer = await client.call("images", [b"hello", RED[:60]])
    assert [result.problem.code for result in answer.results] == [
        "unsupported-media",
        "corrupt-media",
    ]


async def test_an_error_carries_the_sentence_the_code_and_the_request_id(client: Asks) -> None:
    with pytest.raises(CorruptMediaError) as caught:
        await client.call("image", RED[:60])
    error = caught.value
    assert (error.status, error.code) == (422, "corrupt-media")
    assert error.detail.endswith(".")
    assert str(error) == error.detail


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"model": "no/such"}, ModelNotFoundError),
        ({"labels": ["cat"]}, UnknownLabelError),
        ({"score": 7.0}, InvalidParameterError),
    ],
)
async def test_mistakes_of_the_caller_are_errors_of_their_own(
    client: Asks, options: dict[str, object], expected: type[AnswerError]
) -> None:
    for method, media in (("image", RED), ("video", MP4)):
        with pytest.raises(expected) as caught:
            await client.call(method, media, **options)
        assert caught.value.request_id


async def test_an_api_key_is_sent_and_never_shown(connect: Callable[..., Asks]) -> None:
    with loopback_service({"API_KEYS": "sésame,other"}) as service:
        assert (await connect(service.url, api_key="sésame").call("image", RED)).flagged
        for wrong in (None, "guess"):
            with pytest.raises(UnauthorizedError, match="API key"):
                await connect(service.url, api_key=wrong).call("image", RED)
    with pytest.raises(ValueError, match="white space") as caught:
        connect(service.url, api_key="secret\n")
    assert "secret" not in str(caught.value)


async def test_a_video_has_its_segments_series_and_sheet(client: Asks) -> None:
    progress: list[Progress] = []
    findings: list[Finding] = []
    answer = await client.call(
        "video",
        MP4,
        score=0.4,
        include=["scores", "sheet"],
        on_progress=progress.append,
        on_finding=findings.append,
    )
    assert answer.flagged is True
    assert [(s.label, s.start_frame, s.end_frame) for s in answer.segments] == [("nsfw", 11, 30)]
    assert len(answer.series.scores["nsfw"]) == 40
    assert answer.sheet.data().startswith(b"\xff\xd8")
    assert [found.frame for found in findings] == [11]
    assert progress
    assert all(0 <= event.fraction <= 1 for event in progress)


async def test_every_option_of_a_video_reaches_the_service(
    client: Asks, service: LoopbackService
) -> None:
    await client.call(
        "video",
        MP4,
        thresholds={"nsfw": 0.6},
        sampling="interval",
        interval_seconds=0.5,
        start_seconds=0.5,
        end_seconds=3.5,
        min_segment_seconds=0.2,
        merge_gap_seconds=0.3,
        stop_on_first=True,
        include=["sheet"],
        blur=False,
    )
    [asked] = service.videos.requests
    assert dict(asked.thresholds) == {"nsfw": 0.6}
    assert (asked.sampling, asked.settings.interval_seconds) == ("interval", 0.5)
    assert (asked.start_seconds, asked.end_seconds) == (0.5, 3.5)
    assert (asked.rules.min_seconds, asked.rules.merge_gap_seconds) == (0.2, 0.3)
    assert (asked.stop_on_first, asked.sheet, asked.blur) == (True, True, False)


async def test_events_come_before_the_end(client: Asks, service: LoopbackService) -> None:
    service.videos.play(AnalysisProgress(1.0, 0.5), Gate(), None)
    [event] = await client.watch(MP4, until=Progress)
    assert isinstance(event, Progress)
    assert event.fraction == 0.5


async def test_a_stream_ends_with_the_answer(client: Asks) -> None:
    *earlier, last = await client.watch(MP4)
    assert isinstance(last, VideoAnswer)
    assert {type(event) for event in earlier} == {Progress, Finding}


async def test_an_error_in_a_stream_is_raised(client: Asks, service: LoopbackService) -> None:
    service.videos.play(AnalysisProgress(1.0, 0.5), DeploymentCorrupt("Damaged."))
    for asked in (client.watch(MP4), client.call("video", MP4)):
        with pytest.raises(CorruptMediaError, match=r"Damaged\."):
            await asked


async def test_an_error_before_the_stream_has_the_wait_that_the_service_asks_for(
    connect: Callable[..., Asks], service: LoopbackService
) -> None:
    client = connect(service.url, retries=Retries.none())
    service.videos.play(DeploymentOverloaded("Full.", 7))
    with pytest.raises(OverloadedError) as caught:
        await client.call("video", MP4)
    assert caught.value.retry_after_seconds == 7


async def test_a_url_is_sent_as_one(client: Asks) -> None:
    with pytest.raises(InvalidParameterError, match="takes no URLs"):
        await client.call("video", MediaUrl("https://example.com/film.mp4"))


async def test_what_cannot_be_sent_is_refused_here(client: Asks, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no file"):
        await client.call("images", [])
    with pytest.raises(FileNotFoundError):
        await client.call("image", tmp_path / "missing.png")

    class Pipe(BytesIO):
        def seekable(self) -> bool:
            return False

    with pytest.raises(UploadError, match="cannot seek"):
        await client.call("image", Pipe(RED))


def test_every_problem_of_the_service_has_its_error() -> None:
    assert {kind.name for kind in PROBLEMS.values()} <= BY_CODE.keys()
    names = {kind.name: error.__name__ for error, kind in PROBLEMS.items()}
    for name, service_name in names.items():
        if name not in ("service-error", "unusable-media", "invalid-request"):
            assert BY_CODE[name].__name__ == service_name
