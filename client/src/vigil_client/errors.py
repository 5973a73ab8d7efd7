"""The error tree: everything that this client raises on purpose.

    VigilError
    ├── ConnectionFailedError         no answer: refused, broken off, or not the service's
    │   └── TimedOutError             no answer within the time-out
    ├── UploadError                   the file changed while it was sent, or cannot be sent
    └── AnswerError                   the service answered with a problem
        ├── MediaError                the file
        │   ├── UnsupportedMediaError
        │   ├── CorruptMediaError
        │   ├── UndecodableMediaError
        │   └── MediaTooLargeError
        ├── RequestError              what was asked
        │   ├── UnauthorizedError     no API key, or an unknown one
        │   ├── InvalidParameterError
        │   ├── UnknownLabelError
        │   ├── UnreachableUrlError
        │   └── ModelNotFoundError
        ├── ModelError                loading and running the model
        │   ├── UnsupportedModelError
        │   ├── ModelUnavailableError
        │   └── InferenceError
        └── ServiceError              the service itself
            ├── OverloadedError
            │   └── TooManyRequestsError   this client used up its own share
            ├── DeadlineExceededError
            └── ReplicaLostError

An `AnswerError` has the service's sentence for people (`detail`), the code for programs (`code`),
the HTTP status, and the request id under which the service's log tells more. A file that cannot be
opened or read is the `OSError` that it always is.
"""

from __future__ import annotations


class VigilError(Exception):
    """Base of every error of this client. The media was *not* classified."""


class ConnectionFailedError(VigilError):
    """The service gave no answer."""


class TimedOutError(ConnectionFailedError):
    """The service gave no answer within the time-out."""


class UploadError(VigilError):
    """The file changed while it was sent, or its kind cannot be sent."""


class AnswerError(VigilError):
    """The service answered with a problem.

    Args:
        detail: What is wrong and what to do about it, in a sentence.
        status: HTTP status.
        code: What kind of problem it is: the last part of its ``type``, such as ``corrupt-media``;
            empty where the service gave no kind.
        request_id: ``X-Request-ID`` of the answer, if it had one.
        retry_after_seconds: When the service asks to be tried again, if it does.
    """

    def __init__(
        self,
        detail: str,
        *,
        status: int,
        code: str = "",
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds

    def __reduce__(self) -> tuple[object, ...]:
        """Errors cross process boundaries, of worker pools for instance, by pickle."""
        return (_restore, (type(self), self.detail, self.__dict__))


class MediaError(AnswerError):
    """The file cannot be classified."""


class UnsupportedMediaError(MediaError):
    """The file is no image or video that the service reads."""


class CorruptMediaError(MediaError):
    """The file is damaged, truncated, or cannot be decoded to its end."""


class UndecodableMediaError(MediaError):
    """Decoding the file ended the service's decoder process."""


class MediaTooLargeError(MediaError):
    """The file, or the request, exceeds one of the service's limits."""


class RequestError(AnswerError):
    """The request asks for something that does not exist or makes no sense."""


class UnauthorizedError(RequestError):
    """The service asks for an API key, or does not know the one that was sent."""


class InvalidParameterError(RequestError):
    """A parameter is outside its range or in conflict with another."""


class UnknownLabelError(RequestError):
    """The model has no such label."""


class UnreachableUrlError(RequestError):
    """The service may not, or cannot, fetch the URL."""


class ModelNotFoundError(RequestError):
    """The service has no such model, or does not allow it."""


class ModelError(AnswerError):
    """The model cannot be loaded or run."""


class UnsupportedModelError(ModelError):
    """The service cannot run this kind of checkpoint safely."""


class ModelUnavailableError(ModelError):
    """The model cannot be loaded at the moment."""


class InferenceError(ModelError):
    """The model failed on this input."""


class ServiceError(AnswerError):
    """The service failed."""


class OverloadedError(ServiceError):
    """The service has more work than its queues may hold."""


class TooManyRequestsError(OverloadedError):
    """This client has used up its own share; others may still be served."""


class DeadlineExceededError(ServiceError):
    """The service did not finish within its own time limit."""


class ReplicaLostError(ServiceError):
    """Processes of the service died under the request."""


BY_CODE: dict[str, type[AnswerError]] = {
    "service-error": ServiceError,
    "unusable-media": MediaError,
    "unsupported-media": UnsupportedMediaError,
    "corrupt-media": CorruptMediaError,
    "undecodable-media": UndecodableMediaError,
    "media-too-large": MediaTooLargeError,
    "invalid-request": RequestError,
    "unauthorized": UnauthorizedError,
    "unknown-label": UnknownLabelError,
    "invalid-parameter": InvalidParameterError,
    "unreachable-url": UnreachableUrlError,
    "model-not-found": ModelNotFoundError,
    "model-error": ModelError,
    "unsupported-model": UnsupportedModelError,
    "model-unavailable": ModelUnavailableError,
    "inference-failed": InferenceError,
    "overloaded": OverloadedError,
    "too-many-requests": TooManyRequestsError,
    "deadline-exceeded": DeadlineExceededError,
    "replica-lost": ReplicaLostError,
}
"""The class for every kind of problem that the service has."""

BY_STATUS: dict[int, type[AnswerError]] = {
    401: UnauthorizedError,
    413: MediaTooLargeError,
    429: TooManyRequestsError,
    503: OverloadedError,
    504: DeadlineExceededError,
}
"""The class for problems without a kind, as proxies in front of the service send them."""


def error_class(code: str, status: int) -> type[AnswerError]:
    """The class for a problem; a kind that this version does not know has that of its status."""
    fallback = ServiceError if status >= 500 else RequestError
    return BY_CODE.get(code) or BY_STATUS.get(status) or fallback


def _restore(cls: type[AnswerError], detail: str, members: dict[str, object]) -> AnswerError:
    error = cls(detail, status=0)
    error.__dict__.update(members)
    return error
