"""The sections of `AppConfig`: a model, the on-demand models, the ingress, the video, the limits.

Every key of ``serve_config.yaml`` that does not stand at the top of ``args`` is a field here.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from deployments.media.limits import MediaLimits
from deployments.video.decoding.limits import DecoderLimits

_MEDIA = MediaLimits()
_DECODER = DecoderLimits()


def _gpus(value: object) -> object:
    number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    if value != "auto" and not number:
        raise ValueError("must be 'auto' or a number of GPUs, 0 or more; fractions are allowed")
    return value


Gpus = Annotated[Literal["auto"] | float, BeforeValidator(_gpus)]
Dtype = Literal["auto", "float32", "bfloat16", "float16"]


class Section(BaseModel):
    """Base of every section: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ReplicaRange(Section):
    """How far a deployment scales by itself; becomes Serve's ``autoscaling_config``."""

    min: int = Field(
        default=1, ge=0, description="Replicas that always run; 0 starts one on demand."
    )
    max: int = Field(default=4, ge=1, description="Replicas that run at most.")
    max_per_node: int | None = Field(
        default=None, ge=1, description="Replicas on one node at most; null: no bound."
    )
    upscale_delay_seconds: float = Field(
        default=30.0, ge=0, description="Load this long above the target starts replicas."
    )
    downscale_delay_seconds: float = Field(
        default=600.0, ge=0, description="Load this long below the target stops replicas."
    )
    look_back_seconds: float = Field(
        default=30.0, gt=0, description="The load is the mean over this time."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min ({self.min}) is greater than max ({self.max})")
        return self


class ModelConfig(Section):
    """One model that has its own deployment."""

    name: str = Field(min_length=1, description="What clients send as `model_name`.")
    source: str | None = Field(
        default=None,
        min_length=1,
        description="Hub id or local directory; null: the same as `name`.",
    )
    revision: str | None = Field(
        default=None,
        min_length=1,
        description="Hub revision (branch, tag or commit); pin a commit.",
    )
    flagged_labels: tuple[str, ...] | None = Field(
        default=None,
        description="Labels that make media flagged; null: inferred from well-known names.",
    )
    dtype: Dtype = Field(
        default="auto",
        description="Precision of the forward pass; auto: bfloat16 on a GPU; on a CPU float32, "
        "with feed-forward layers in bfloat16 where the CPU multiplies in it and scores hardly "
        "move (not with `exact`).",
    )
    exact: bool = Field(
        default=False,
        description="Preprocess bit for bit as the model's own processor, at the cost of speed.",
    )
    max_batch_size: int = Field(default=32, ge=1, description="Frames in one forward pass at most.")
    num_gpus: Gpus = Field(
        default="auto",
        description="GPUs of one replica; auto: 1 where the cluster has GPUs, else 0.",
    )
    num_cpus: float = Field(
        default=0.5, gt=0, description="CPUs that one replica reserves (logical, for scheduling)."
    )
    replicas: ReplicaRange = Field(
        default=ReplicaRange(), description="How far the model scales by itself."
    )
    target_frames: float | None = Field(
        default=None,
        gt=0,
        description="Frames, waiting and under way, that each replica should have: the model "
        "scales to as many replicas as that takes; null: one batch.",
    )

    @property
    def checkpoint(self) -> str:
        """Hub id or local directory that the weights come from."""
        return self.source or self.name


class PerformanceConfig(Section):
    """What is traded for speed; the defaults were measured (docs/performance.md)."""

    cpu_threads: int | None = Field(
        default=None,
        ge=1,
        description="Threads of a replica's forward pass on a CPU; null: one for each core that "
        "its process may use, whatever `num_cpus` reserves.",
    )
    cpu_chunk_frames: int = Field(
        default=8,
        ge=1,
        description="Frames that one of these threads takes at a time: as many as a core's caches "
        "hold what the network's layers hand on for.",
    )
    reduce_large_jpegs: bool = Field(
        default=False,
        description="Decode JPEGs that are more than twice as large as every model's input needs "
        "at a half, a quarter or an eighth: 12 megapixels then take a third of the time. Scores "
        "move more than the service promises otherwise; models with `exact` are left alone.",
    )


class OnDemandConfig(Section):
    """The deployment of the models that clients name and that are not in `models`."""

    allow: tuple[str, ...] = Field(
        default=(),
        description="Patterns of hub ids that clients may name (`*` matches anything); "
        "empty: only the configured models.",
    )
    max_loaded: int = Field(default=3, ge=1, description="Models that one replica holds at a time.")
    dtype: Dtype = Field(default="auto", description="As in `models`.")
    max_batch_size: int = Field(default=32, ge=1, description="As in `models`.")
    num_gpus: Gpus = Field(default="auto", description="As in `models`.")
    num_cpus: float = Field(default=0.1, gt=0, description="As in `models`.")
    replicas: ReplicaRange = Field(
        default=ReplicaRange(min=0, max=1),
        description="As in `models`; with min 0 the first request waits for a replica to start.",
    )
    target_frames: float | None = Field(default=None, gt=0, description="As in `models`.")


class VideoConfig(Section):
    """The deployment that decodes videos."""

    replicas: ReplicaRange = Field(
        default=ReplicaRange(min=1, max=2), description="As in `models`."
    )
    num_cpus: float = Field(
        default=0.2,
        gt=0,
        description="As in `models`. Rounded up, it is the number of processes that decode parts "
        "of a long video side by side, where that is more than `max_concurrent_videos`.",
    )
    max_concurrent_videos: int = Field(
        default=2, ge=1, description="Videos that one replica decodes at a time; further ones wait."
    )
    max_waiting_videos: int = Field(
        default=64, ge=1, description="Videos that wait for a replica before new ones get 503."
    )
    decoder_memory_bytes: int = Field(
        default=_DECODER.memory_bytes,
        ge=2**26,
        description="Memory that a decoder process may take for one video; beyond: 422.",
    )
    decoder_busy_seconds: float = Field(
        default=_DECODER.busy_seconds,
        gt=0,
        description="Processor time that a decoder may take for one frame; beyond: 422. Opening a "
        "file may take a second more for every 2 MiB.",
    )
    decoder_stall_seconds: float = Field(
        default=_DECODER.stall_seconds,
        gt=0,
        description="Time without a frame and without work after which a decoder hangs: 422.",
    )
    allow_urls: bool = Field(
        default=False,
        description="Let clients of /v1/videos name a file by `url`, which the ingress then "
        "fetches: from public addresses only, and without following redirects.",
    )
    url_timeout_seconds: float = Field(
        default=60.0, gt=0, description="Time for fetching one file by `url`."
    )


class IngressConfig(Section):
    """The deployment that speaks HTTP and decodes images."""

    replicas: ReplicaRange = Field(default=ReplicaRange(), description="As in `models`.")
    num_cpus: float = Field(default=0.2, gt=0, description="As in `models`.")
    decode_threads: int = Field(
        default=2, ge=1, description="Threads of one replica that decode and resize images."
    )
    parallel_files_per_request: int = Field(
        default=8, ge=1, description="Files of one request that are worked on at the same time."
    )
    max_concurrent_requests: int = Field(
        default=34,  # a batch, and two whose answers are on their way as the next ones come
        ge=1,
        description="Requests with images that one replica works on at a time; beyond: 503. "
        "HAProxy's rules have the same number (serve_app/front_gate.py).",
    )
    max_wait_seconds: float = Field(
        default=10.0,
        gt=0,
        description="Expected time to an answer, from the rate of the last ones, beyond which new "
        "requests with images get 503.",
    )


class ObservabilityConfig(Section):
    """What operators see; the format and the level of log lines are Serve's `logging_config`."""

    access_log: Literal["off", "errors", "all"] = Field(
        default="errors",
        description="Requests that get a log line: none, those that the service failed (5xx), or "
        "all but probes.",
    )
    traces: bool = Field(
        default=False,
        description="Export OpenTelemetry traces, as the OTEL_ variables say; needs the extra "
        "`otel`. OTEL_TRACES_EXPORTER wins.",
    )


class LimitsConfig(Section):
    """What one file, one request and all requests of one ingress replica may cost."""

    max_image_bytes: int = Field(
        default=_MEDIA.max_image_bytes, ge=1, description="One image file."
    )
    max_video_bytes: int = Field(default=2**30, ge=1, description="One video file.")
    max_pixels: int = Field(
        default=_MEDIA.max_pixels,
        ge=1,
        description="Width × height of an image or of a video's frame.",
    )
    max_animation_frames: int = Field(
        default=_MEDIA.max_animation_frames, ge=1, description="Frames of an animated image."
    )
    max_animation_pixels: int = Field(
        default=_MEDIA.max_animation_pixels,
        ge=1,
        description="Pixels of all frames of an animated image, or pages of a TIFF, together.",
    )
    max_video_frames: int = Field(
        default=_MEDIA.max_video_frames, ge=1, description="Frames of a video."
    )
    max_video_seconds: float = Field(
        default=_MEDIA.max_video_seconds, gt=0, description="Duration of a video."
    )
    max_request_bytes: int = Field(
        default=2**30 + 2**20,
        ge=1,
        description="Body of one request, all files together; beyond: 413.",
    )
    max_files_per_request: int = Field(
        default=64,
        ge=1,
        description="Files in one request of the routes that take several; beyond: 413.",
    )
    max_inflight_upload_bytes: int = Field(
        default=2 * 2**30 + 2**21,
        ge=1,
        description="Request bodies that one ingress replica holds at the same time; "
        "beyond: 503 with Retry-After.",
    )

    @model_validator(mode="after")
    def _one_request_fits(self) -> Self:
        if self.max_inflight_upload_bytes < self.max_request_bytes:
            raise ValueError(
                "max_inflight_upload_bytes is below max_request_bytes, "
                "so the largest allowed request could never be accepted"
            )
        return self

    @property
    def media(self) -> MediaLimits:
        """The limits on a single file, for the modules that read media."""
        return MediaLimits(
            max_image_bytes=self.max_image_bytes,
            max_video_bytes=self.max_video_bytes,
            max_pixels=self.max_pixels,
            max_animation_frames=self.max_animation_frames,
            max_animation_pixels=self.max_animation_pixels,
            max_video_frames=self.max_video_frames,
            max_video_seconds=self.max_video_seconds,
        )
