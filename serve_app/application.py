"""The HTTP application: routes, errors and middleware around two things that do the work."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import Depends, FastAPI
from fastapi_offline import FastAPIOffline

from deployments.classifier.observed import ObservedClassifier
from deployments.classifier.protocol import Classifier
from deployments.telemetry.metrics import Metrics, NoMetrics
from deployments.video.protocol import VideoService
from serve_app import problems
from serve_app.animations import AnimationAnalyst
from serve_app.api.compat import compat_router
from serve_app.api.compat_answers import CompatAnswers
from serve_app.api.health import health_router
from serve_app.api.models import models_router
from serve_app.api.root import root_router
from serve_app.api.v1 import v1_router
from serve_app.api.videos import MediaAnalyst, videos_router
from serve_app.auth import ApiKeys
from serve_app.config import AppConfig
from serve_app.edge import RequestBoundary
from serve_app.fetch import Fetcher, FetchLimits
from serve_app.gate import Gate, GateRules
from serve_app.images import ImageScorer
from serve_app.observer import RequestObserver
from serve_app.perimeter import AccessRules, Perimeter
from serve_app.playground.page import Playground
from serve_app.timed_executor import TimedExecutor

_DESCRIPTION = """\
Classifies images and videos with any Hugging Face image-classification model.

Try it here (*Try it out*, choose a file, *Execute*) or from a shell:

```sh
curl -F file=@image.jpg http://localhost:8000/api/image-classification
curl -F file=@image.jpg 'http://localhost:8000/api/image-query-classification?score=0.5'
curl -F file=@video.mp4 'http://localhost:8000/api/video-classification?fast_mode=true'
curl -F files=@a.jpg -F files=@b.gif http://localhost:8000/v1/images
curl -F file=@video.mp4 'http://localhost:8000/v1/videos?include=scores'
curl -N -H 'Accept: application/x-ndjson' -F file=@video.mp4 http://localhost:8000/v1/videos
```

`/api` keeps the contract of the service that this one continues; `/v1` is typed and complete.
Errors are `application/problem+json`, and their `detail` says what to do.
"""


def create_app(
    config: AppConfig,
    classifier: Classifier,
    videos: VideoService,
    *,
    fetcher: Fetcher | None = None,
    returns_request_id: bool = True,
    metrics: Metrics | None = None,
) -> FastAPI:
    """Build the application. It knows nothing of Ray: whatever implements the two seams will do.

    Args:
        config: What was configured.
        classifier: Reaches the models.
        videos: Reaches the video deployment.
        fetcher: Fetches media by URL, where that is allowed; None: one that reaches the public
            internet.
        returns_request_id: Put ``X-Request-ID`` on the answers. False behind Ray Serve's HTTP
            server, which does so itself.
        metrics: Records what operators want to see; None: nothing is recorded.
    """
    metrics = metrics or NoMetrics()
    classifier = ObservedClassifier(classifier, metrics, "classify")
    stills = TimedExecutor(config.ingress.decode_threads, "image", "decode", metrics)
    animations = ThreadPoolExecutor(config.ingress.decode_threads, "animation")

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
        yield
        stills.shutdown(wait=False, cancel_futures=True)
        animations.shutdown(wait=False, cancel_futures=True)

    # FastAPI's own pages load their scripts from a CDN; these bring them along, because the
    # service may run where there is no internet.
    app = FastAPIOffline(
        title="Vigil",
        version=version("vigil"),
        description=_DESCRIPTION,
        lifespan=lifespan,
        static_url="/docs-assets",
    )
    images = ImageScorer(
        classifier,
        config.limits.media,
        stills,
        animations,
        reduces_jpegs=config.performance.reduce_large_jpegs,
    )
    media = MediaAnalyst(
        videos,
        AnimationAnalyst(classifier, config.limits.media, animations),
        (fetcher or _fetcher(config)) if config.video.allow_urls else None,
        config.limits.max_video_bytes,
    )
    answers = CompatAnswers(config, classifier, images, videos)
    protected = [Depends(ApiKeys(config.accepted_keys))] if config.use_api_keys else []
    app.include_router(
        compat_router(answers, config.limits.max_files_per_request), dependencies=protected
    )
    app.include_router(v1_router(config, classifier, images), dependencies=protected)
    app.include_router(videos_router(config, classifier, media), dependencies=protected)
    app.include_router(models_router(config, classifier), dependencies=protected)
    app.include_router(health_router(config.default_model, classifier))
    playground = Playground()
    app.include_router(root_router(playground))
    app.mount(playground.path, playground.assets)
    problems.install(app)
    # Added last, runs first.
    app.add_middleware(Gate, rules=GateRules.of(config), expects_server_gate=not returns_request_id)
    app.add_middleware(Perimeter, rules=AccessRules.of(config))
    app.add_middleware(
        RequestBoundary,
        timeout_seconds=config.request_timeout_seconds,
        returns_request_id=returns_request_id,
    )
    app.add_middleware(RequestObserver, metrics=metrics, access_log=config.observability.access_log)
    return app


def _fetcher(config: AppConfig) -> Fetcher:
    return Fetcher(FetchLimits(config.limits.max_video_bytes, config.video.url_timeout_seconds))
