"""Analysing a video, without Ray: plan, look, refine, conclude; news as it comes."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from deployments.classifier.protocol import Classifier
from deployments.types import Buffer
from deployments.video.analysis import Analysis, AnalysisEvent, AnalysisRequest
from deployments.video.conclusion import Looked, Question, conclude
from deployments.video.contact_sheet import draw_sheet
from deployments.video.decoding.pool import DecoderPool, OpenedVideo
from deployments.video.look_book import LookBook
from deployments.video.look_taker import EnoughFoundError, LookTaker
from deployments.video.sampling.named import Sampling, SamplingSettings, policy_named
from deployments.video.timeline import Work

_SEED_BYTES = 8
_SECRET_BYTES = 32


class LocalVideoAnalyst:
    """Implements `VideoAnalyst` with the decoder processes of this one.

    Args:
        classifier: Reaches the models.
        decoders: Decode the videos.
        secret: Keeps clients from guessing where `adaptive` looks: without it they could place
            something between two looks. None: a new one, so that another replica looks elsewhere.
    """

    def __init__(
        self, classifier: Classifier, decoders: DecoderPool, secret: bytes | None = None
    ) -> None:
        self._classifier = classifier
        self._decoders = decoders
        self._secret = secret or secrets.token_bytes(_SECRET_BYTES)

    async def analyse(
        self, data: Buffer, request: AnalysisRequest
    ) -> AsyncGenerator[AnalysisEvent, None]:
        """See `VideoAnalyst.analyse`."""
        news: asyncio.Queue[AnalysisEvent | None] = asyncio.Queue()
        work = asyncio.create_task(self._work(data, request, news.put_nowait))
        work.add_done_callback(lambda _: news.put_nowait(None))
        try:
            while (event := await news.get()) is not None:
                yield event
            yield await work
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _work(
        self, data: Buffer, request: AnalysisRequest, tell: Callable[[AnalysisEvent], None]
    ) -> Analysis:
        question = Question.of(request, await self._classifier.info(request.model))
        async with self._decoders.open(data) as video:
            looked = await self._look(data, video, request, question, tell)
            analysis = conclude(request, question, video.facts, looked)
            if not request.sheet:
                return analysis
            sheet = await draw_sheet(video, analysis.segments, blur=request.blur)
            return replace(analysis, sheet=sheet)

    async def _look(
        self,
        data: Buffer,
        video: OpenedVideo,
        request: AnalysisRequest,
        question: Question,
        tell: Callable[[AnalysisEvent], None],
    ) -> Looked:
        table = video.table
        span = table.span(request.start_seconds, request.end_seconds)
        settings = request.settings
        if request.sampling is Sampling.ADAPTIVE:
            settings = await asyncio.to_thread(self._seeded, data, settings)
        policy = policy_named(request.sampling, settings)
        book = LookBook(table, span, question, tell)
        taker = LookTaker(
            video, self._classifier, question.model, book, stop_on_first=request.stop_on_first
        )
        stopped_early = False
        try:
            wanted = await asyncio.to_thread(policy.plan, table, span)
            book.expect(wanted.looks)
            await taker.take(wanted, span if policy.follows_pictures else None)
            while wanted := await asyncio.to_thread(
                policy.refine, table, span, book.looks(), question.thresholds
            ):
                await taker.take(wanted)
        except EnoughFoundError:
            stopped_early = True
        done = Work(video.decoded, book.classified, book.reused, stopped_early=stopped_early)
        return Looked(policy.name, table, span, book.looks(), done)

    def _seeded(self, data: Buffer, settings: SamplingSettings) -> SamplingSettings:
        """The same settings with a seed that nobody outside can know."""
        digest = hashlib.blake2b(key=self._secret, digest_size=_SEED_BYTES)
        digest.update(str(settings.seed).encode())
        digest.update(data)
        return replace(settings, seed=int.from_bytes(digest.digest(), "little"))
