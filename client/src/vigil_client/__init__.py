"""Client of Vigil, the self-hosted image and video moderation service.

    from vigil_client import Client

    with Client("http://127.0.0.1:8000") as vigil:
        result = vigil.image("picture.jpg")
        if result.flagged is not False:
            ...

`Client` is for plain functions, `AsyncClient` for coroutines; both take the same arguments and give
the same answers (`vigil_client.models`). What goes wrong is an exception, see
`vigil_client.errors`.
"""

from vigil_client.answers import VideoEvent
from vigil_client.async_client import AsyncClient
from vigil_client.errors import (
    AnswerError,
    ConnectionFailedError,
    CorruptMediaError,
    DeadlineExceededError,
    InferenceError,
    InvalidParameterError,
    MediaError,
    MediaTooLargeError,
    ModelError,
    ModelNotFoundError,
    ModelUnavailableError,
    OverloadedError,
    ReplicaLostError,
    RequestError,
    ServiceError,
    TimedOutError,
    TooManyRequestsError,
    UnauthorizedError,
    UndecodableMediaError,
    UnknownLabelError,
    UnreachableUrlError,
    UnsupportedMediaError,
    UnsupportedModelError,
    UploadError,
    VigilError,
)
from vigil_client.models import (
    FailedFile,
    Finding,
    ImageResult,
    ImagesAnswer,
    Limits,
    Models,
    Progress,
    VideoAnswer,
)
from vigil_client.retries import Retries, Retry
from vigil_client.sync_client import Client
from vigil_client.uploads import Media, MediaUrl, NamedMedia

__all__ = [
    "AnswerError",
    "AsyncClient",
    "Client",
    "ConnectionFailedError",
    "CorruptMediaError",
    "DeadlineExceededError",
    "FailedFile",
    "Finding",
    "ImageResult",
    "ImagesAnswer",
    "InferenceError",
    "InvalidParameterError",
    "Limits",
    "Media",
    "MediaError",
    "MediaTooLargeError",
    "MediaUrl",
    "ModelError",
    "ModelNotFoundError",
    "ModelUnavailableError",
    "Models",
    "NamedMedia",
    "OverloadedError",
    "Progress",
    "ReplicaLostError",
    "RequestError",
    "Retries",
    "Retry",
    "ServiceError",
    "TimedOutError",
    "TooManyRequestsError",
    "UnauthorizedError",
    "UndecodableMediaError",
    "UnknownLabelError",
    "UnreachableUrlError",
    "UnsupportedMediaError",
    "UnsupportedModelError",
    "UploadError",
    "VideoAnswer",
    "VideoEvent",
    "VigilError",
]
