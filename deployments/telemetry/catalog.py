"""Every metric of the service. ``docs/observability.md`` has the same table; a test compares them.

Labels come from closed sets or are bounded (`series`): routes are templates, never paths, and a
model's name stands only where the model was found.
"""

from __future__ import annotations

from deployments.telemetry.metrics import Counter, Gauge, Histogram, Metric, Timing

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LONG_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0)
_FRAMES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)

# The ingress
REQUESTS = Counter(
    "vigil_requests", "Answered requests; status 499: the client left.", ("route", "status")
)
REQUEST_SECONDS = Histogram(
    "vigil_request_seconds",
    "From a request's first byte in the application to the last of its answer.",
    ("route",),
    _SECONDS,
)
REQUEST_TIME = Counter("vigil_request_time_seconds", "Sum of the same, exact.", ("route",))
REQUEST = Timing(REQUEST_SECONDS, REQUEST_TIME)
REQUEST_BYTES = Counter("vigil_request_bytes", "Bytes of request bodies received.", ("route",))
REJECTED = Counter(
    "vigil_rejected",
    "Requests, or files of a request, refused or failed; reason: the problem's code.",
    ("route", "reason"),
)
STAGE_SECONDS = Histogram(
    "vigil_stage_seconds",
    "Stages of a request: receive (the body comes in), decode (an image waits for a thread and is "
    "sniffed, decoded and fit), classify (its frames' way to a model and back, with all they wait "
    "for), answer (from the last scores on); classify_video: the same in a video replica.",
    ("stage",),
    _SECONDS,
)
STAGE_TIME = Counter("vigil_stage_time_seconds", "Sum of the same, exact.", ("stage",))
STAGE = Timing(STAGE_SECONDS, STAGE_TIME)
STAGE_FRAMES = Counter(
    "vigil_stage_frames", "Frames sent to models in the stages that do so.", ("stage",)
)

# Calls between deployments
CALL_RETRIES = Counter(
    "vigil_call_retries", "Calls made again because their replica died.", ("callee",)
)

# The models' replicas
BATCHES = Counter("vigil_batches", "Forward passes.", ("model",))
FRAMES = Counter("vigil_frames", "Frames scored; frames/s is its rate.", ("model",))
BATCH_FRAMES = Histogram("vigil_batch_frames", "Frames in one forward pass.", ("model",), _FRAMES)
BATCH_SECONDS = Histogram(
    "vigil_batch_seconds",
    "The stage `model`: one forward pass, with the copy to the device.",
    ("model",),
    _SECONDS,
)
MODEL_TIME = Counter("vigil_model_time_seconds", "Sum of the same, exact.", ("model",))
BATCH = Timing(BATCH_SECONDS, MODEL_TIME)
BATCH_WAIT_SECONDS = Histogram(
    "vigil_batch_wait_seconds",
    "The stage `wait`: what a batch's oldest item waited for the model.",
    ("model",),
    _SECONDS,
)
WAIT_TIME = Counter("vigil_batch_wait_time_seconds", "Sum of the same, exact.", ("model",))
BATCH_WAIT = Timing(BATCH_WAIT_SECONDS, WAIT_TIME)
FLAGGED_FRAMES = Counter(
    "vigil_flagged_frames",
    "Frames whose score for a flagged label reaches the service's `default_score`.",
    ("model", "label"),
)
FAILED_ITEMS = Counter(
    "vigil_failed_items", "Items (frames of one request) that the model failed on.", ("model",)
)

# On-demand models
LOADS = Counter("vigil_on_demand_loads", "Loads of on-demand models.", ("outcome",))
LOAD_SECONDS = Histogram(
    "vigil_on_demand_load_seconds", "Loading and warming one of them.", (), _LONG_SECONDS
)
LOAD_TIME = Counter("vigil_on_demand_load_time_seconds", "Sum of the same, exact.")
LOAD = Timing(LOAD_SECONDS, LOAD_TIME)
EVICTIONS = Counter("vigil_on_demand_evictions", "On-demand models that made room for another.")
LOADED = Gauge("vigil_on_demand_loaded", "On-demand models that a replica holds.")

# The video replicas
VIDEOS = Counter(
    "vigil_videos",
    "Videos; outcome: complete, stopped (found what was asked), incomplete (looks failed), "
    "cancelled, failed.",
    ("operation", "outcome"),
)
VIDEO_SECONDS = Histogram(
    "vigil_video_work_seconds", "Work on one video.", ("operation",), _LONG_SECONDS
)
VIDEO_TIME = Counter("vigil_video_work_time_seconds", "Sum of the same, exact.", ("operation",))
VIDEO = Timing(VIDEO_SECONDS, VIDEO_TIME)
VIDEO_FRAMES = Counter(
    "vigil_video_frames",
    "Frames of videos: decoded, classified, reused (looks that show what earlier ones showed), "
    "failed (looks that could not be had); all but the first of analyses only.",
    ("kind",),
)
DECODER_RESTARTS = Counter(
    "vigil_decoder_restarts", "Decoder processes replaced because they broke or were killed."
)

CATALOG: tuple[Metric, ...] = (
    REQUESTS,
    REQUEST_SECONDS,
    REQUEST_TIME,
    REQUEST_BYTES,
    REJECTED,
    STAGE_SECONDS,
    STAGE_TIME,
    STAGE_FRAMES,
    CALL_RETRIES,
    BATCHES,
    FRAMES,
    BATCH_FRAMES,
    BATCH_SECONDS,
    MODEL_TIME,
    BATCH_WAIT_SECONDS,
    WAIT_TIME,
    FLAGGED_FRAMES,
    FAILED_ITEMS,
    LOADS,
    LOAD_SECONDS,
    LOAD_TIME,
    EVICTIONS,
    LOADED,
    VIDEOS,
    VIDEO_SECONDS,
    VIDEO_TIME,
    VIDEO_FRAMES,
    DECODER_RESTARTS,
)
