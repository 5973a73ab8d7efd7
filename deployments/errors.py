"""The error tree. Errors are named along the data's way: bytes → media → frames → scores.

    VigilError
    ├── MediaError                    the client's bytes
    │   ├── UnsupportedMediaError     not an image or video that this service reads
    │   ├── CorruptMediaError         damaged, truncated, or not decodable to its end
    │   ├── UndecodableMediaError     its decoder crashed, hung, or took too much memory or time
    │   └── MediaTooLargeError        over a limit: bytes, pixels, frames, seconds
    ├── RequestError                  the client's words
    │   ├── UnknownLabelError         a label that the model does not have
    │   ├── InvalidParameterError     a parameter outside its range, or in conflict with another
    │   ├── UnreachableUrlError       a URL that may not be, or cannot be, fetched
    │   └── ModelNotFoundError        a model that does not exist here, or is not allowed
    ├── ModelError                    loading and running a model
    │   ├── UnsupportedModelError     exists, but is not one that this service can run safely
    │   ├── ModelUnavailableError     cannot be loaded right now (hub unreachable)
    │   └── InferenceError            the model failed, or returned what is no score (NaN)
    └── ServiceError                  the service itself
        ├── OverloadedError           more work than the queues may hold
        ├── DeadlineExceededError     the answer did not come within its time
        └── ReplicaLostError          replicas died under the call, more often than it was retried,
                                      or one whose GPU failed is about to be replaced

What the client may read is ``detail``: one sentence, with no path, host, or traceback in it.
``serve_app.problems`` maps every class to its HTTP status in one table.

Errors cross process boundaries by pickle, so every constructor takes exactly ``args``.
"""

from __future__ import annotations


class VigilError(Exception):
    """Base of every error that this service raises on purpose.

    Args:
        detail: One sentence for the client: what is wrong and what to do about it.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)

    @property
    def detail(self) -> str:
        """The sentence for the client."""
        return str(self.args[0])


class MediaError(VigilError):
    """The uploaded bytes cannot be turned into frames."""


class UnsupportedMediaError(MediaError):
    """The bytes are not an image or video format that this service reads."""


class CorruptMediaError(MediaError):
    """The media is damaged, truncated, or cannot be decoded to its end."""


class UndecodableMediaError(MediaError):
    """The media's decoder crashed, hung, or took more memory or time than it may."""


class MediaTooLargeError(MediaError):
    """The media exceeds a configured limit (bytes, pixels, frames, seconds)."""


class RequestError(VigilError):
    """The request asks for something that does not exist or makes no sense."""


class UnauthorizedError(RequestError):
    """The request has no API key, or none that is accepted."""


class UnknownLabelError(RequestError):
    """A label was asked for that the model cannot return."""


class InvalidParameterError(RequestError):
    """A parameter is outside its range or in conflict with another."""


class UnreachableUrlError(RequestError):
    """The media's URL may not be fetched, or does not answer with a file."""


class ModelNotFoundError(RequestError):
    """The model does not exist here, or the allow-list does not name it."""


class ModelError(VigilError):
    """A model cannot be loaded or run."""


class UnsupportedModelError(ModelError):
    """The checkpoint exists but cannot be served: no safetensors, remote code, wrong task."""


class ModelUnavailableError(ModelError):
    """The model cannot be loaded at the moment; trying again later may help."""


class InferenceError(ModelError):
    """The forward pass failed, or its scores are not finite numbers."""


class ServiceError(VigilError):
    """The service could not do work that it normally does."""


class OverloadedError(ServiceError):
    """The queues are full.

    Args:
        detail: See `VigilError`.
        retry_after_seconds: When a new try has a chance.
    """

    def __init__(self, detail: str, retry_after_seconds: int = 1) -> None:
        super().__init__(detail)
        self.args = (detail, retry_after_seconds)

    @property
    def retry_after_seconds(self) -> int:
        """When a new try has a chance, in seconds."""
        return int(self.args[1])


class TooManyRequestsError(OverloadedError):
    """A client has used up its own share; others may still be served."""


class DeadlineExceededError(ServiceError):
    """The answer did not come within the time that the call was given."""


class ReplicaLostError(ServiceError):
    """Replicas died under a call more often than it was retried, or a replica's GPU failed."""
