"""Sends files and tells the outcome of each: several requests at a time, several files in each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from vigil_cli.classify.availability import Availability
from vigil_cli.classify.downloads import DownloadError, Downloads
from vigil_cli.classify.groups import MAX_BYTES, Groups
from vigil_cli.classify.outcome import Outcome, local_problem
from vigil_cli.classify.sources import Source
from vigil_client import (
    AnswerError,
    AsyncClient,
    FailedFile,
    Limits,
    Media,
    MediaError,
    ModelError,
    NamedMedia,
    RequestError,
    TimedOutError,
    UploadError,
    VigilError,
)
from vigil_client.models import ModelUsed, Problem
from vigil_client.parameters import ImageOptions, VideoOptions

_UNSUPPORTED = "unsupported-media"


class RunError(Exception):
    """The run makes no sense any more; the message says why."""


class Sender:
    """One run.

    Args:
        client: Without retries of its own.
        availability: Waits where the service is away.
        downloads: Fetches URLs.
        limits: The service's.
        images: What is asked of images.
        videos: What is asked of videos.
        model: The model of earlier outcomes, if there are any.
        needs_flagged_labels: The verdict is to be the service's own.
        tell: Called with each outcome, in the order in which they come.
    """

    def __init__(
        self,
        client: AsyncClient,
        availability: Availability,
        downloads: Downloads,
        limits: Limits,
        images: ImageOptions,
        videos: VideoOptions,
        model: ModelUsed | None,
        needs_flagged_labels: bool,
        tell: Callable[[Outcome], None],
    ) -> None:
        self._client = client
        self._availability = availability
        self._downloads = downloads
        self._limits = limits
        self._images = images
        self._videos = videos
        self._model = model
        self._needs_flagged_labels = needs_flagged_labels
        self._tell = tell

    async def run(self, sources: Iterable[Source], connections: int) -> None:
        """Sends everything.

        Raises:
            ServiceGoneError: The service stayed away.
            RunError: It came back with another model, or the model flags nothing.
            RequestError, ModelError: What is asked cannot be answered, whichever file it is.
        """
        groups = Groups(sources, connections, self._limits.max_files_per_request)

        async def work() -> None:
            for group in groups:
                await self._send(group)

        try:
            # A task that fails ends the others.
            async with asyncio.TaskGroup() as tasks:
                for _ in range(connections):
                    tasks.create_task(work())
        except ExceptionGroup as failures:
            # Tasks hold no groups themselves; what came first is what the others end for.
            raise failures.exceptions[0] from failures

    async def _send(self, group: Sequence[Source]) -> None:
        first = group[0]
        if first.path is None:
            await self._send_url(first)
        elif first.looks_like_video:
            if not await self._send_video(first):
                await self._send_images(group, otherwise_video=False)
        else:
            await self._send_images(group, otherwise_video=True)

    async def _send_url(self, source: Source) -> None:
        try:
            data = await self._downloads.fetch(source.name, self._limits.max_image_bytes)
        except DownloadError as error:
            self._fail(source, local_problem("unreachable-url", str(error)))
            return
        await self._send_files([(source, NamedMedia(source.name, data))], otherwise_video=False)

    async def _send_images(self, group: Sequence[Source], *, otherwise_video: bool) -> None:
        files: list[tuple[Source, Media]] = []
        for source in group:
            if source.size > self._limits.max_image_bytes:
                # A video by another name may be larger.
                if not (otherwise_video and await self._send_video(source)):
                    self._fail(source, _too_large(source, self._limits.max_image_bytes))
                continue
            try:
                files.append((source, await asyncio.to_thread(_content, source)))
            except OSError as error:
                self._fail(source, _unreadable(error))
        if files:
            await self._send_files(files, otherwise_video=otherwise_video)

    async def _send_files(
        self, files: Sequence[tuple[Source, Media]], *, otherwise_video: bool
    ) -> None:
        media = [item for _, item in files]
        try:
            answer = await self._availability.call(
                lambda: self._client.images(media, **self._images)
            )
        except (VigilError, OSError) as error:
            if _concerns_the_question(error):
                raise
            if len(files) == 1:
                self._fail(files[0][0], _problem_of(error))
                return
            for file in files:  # to find the one that it is about
                await self._send_files([file], otherwise_video=otherwise_video)
            return
        for (source, _), result in zip(files, answer.results, strict=True):
            if not isinstance(result, FailedFile):
                self._tell(Outcome.of_image(source, self._checked(answer.model), result))
            elif not (
                otherwise_video
                and result.problem.code == _UNSUPPORTED
                and await self._send_video(source)
            ):
                self._fail(source, result.problem)

    async def _send_video(self, source: Source) -> bool:
        """Tells the outcome, unless the file turns out to be no video: then False."""
        path = source.path
        if path is None:
            return False
        if source.size > self._limits.max_video_bytes:
            self._fail(source, _too_large(source, self._limits.max_video_bytes))
            return True
        try:
            answer = await self._availability.call(lambda: self._client.video(path, **self._videos))
        except (VigilError, OSError) as error:
            if _concerns_the_question(error):
                raise
            problem = _problem_of(error)
            if problem.code == _UNSUPPORTED:
                return False
            self._fail(source, problem)
            return True
        self._checked(answer.model)
        self._tell(Outcome.of_video(source, answer))
        return True

    def _checked(self, model: ModelUsed) -> ModelUsed:
        before = self._model = self._model or model
        if (before.name, before.revision) != (model.name, model.revision):
            raise RunError(
                f"The service answers with {_named(model)} now and answered with {_named(before)} "
                "before; start anew, without the file of --resume."
            )
        if self._needs_flagged_labels and not model.flagged_labels:
            # Nothing would ever be flagged, and that would look like good news.
            raise RunError(
                f"The model {model.name} has no labels that flag; name those to look for with "
                "--labels."
            )
        return model

    def _fail(self, source: Source, problem: Problem) -> None:
        self._tell(Outcome.of_problem(source, problem))


def _content(source: Source) -> Media:
    """A small file's bytes, read here; a large file is read while it is sent."""
    assert source.path is not None  # noqa: S101 - URLs do not come here
    if source.size > MAX_BYTES:
        return source.path
    return NamedMedia(source.path.name, source.path.read_bytes())


def _concerns_the_question(error: Exception) -> bool:
    """Whether it would be the same for every file."""
    if isinstance(error, AnswerError) and isinstance(error, MediaError):
        return False
    if isinstance(error, RequestError | ModelError):
        return error.code != "inference-failed"
    # A time-out may be due to one file; that nobody answers is not.
    return isinstance(error, VigilError) and not isinstance(
        error, AnswerError | TimedOutError | UploadError
    )


def _problem_of(error: VigilError | OSError) -> Problem:
    if isinstance(error, AnswerError):
        return Problem(
            type=f"urn:vigil:problem:{error.code}" if error.code else "about:blank",
            status=error.status,
            detail=error.detail,
        )
    if isinstance(error, VigilError):
        code = "timed-out" if isinstance(error, TimedOutError) else "upload"
        return local_problem(code, str(error))
    return _unreadable(error)


def _unreadable(error: OSError) -> Problem:
    return local_problem("unreadable", f"It cannot be read: {error.strerror or error}.")


def _too_large(source: Source, most: int) -> Problem:
    return local_problem(
        "too-large", f"The file has {source.size} bytes, and the service takes at most {most}."
    )


def _named(model: ModelUsed) -> str:
    return f"{model.name}@{model.revision}" if model.revision else model.name
