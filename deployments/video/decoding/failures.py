"""What a client is told of a decoder process that failed, and what the operator's log is."""

from __future__ import annotations

import logging
import signal

from deployments.errors import (
    CorruptMediaError,
    MediaError,
    MediaTooLargeError,
    UndecodableMediaError,
    UnsupportedMediaError,
)
from deployments.video.decoding.wire import Message

logger = logging.getLogger(__name__)

_TOLD: dict[str, type[MediaError]] = {
    kind.__name__: kind
    for kind in (
        CorruptMediaError,
        MediaTooLargeError,
        UndecodableMediaError,
        UnsupportedMediaError,
    )
}
NO_MEMORY = MemoryError.__name__


def told(message: Message) -> MediaError:
    """The failure that a decoder tells of."""
    kind, detail = str(message.values.get("kind")), str(message.values.get("detail"))
    if kind in _TOLD:
        return _TOLD[kind](detail)
    if kind == NO_MEMORY:
        return UndecodableMediaError("The video needs more memory than there is to decode it.")
    logger.error("a video decoder failed unexpectedly: %s", detail)
    return CorruptMediaError("The video is damaged and cannot be decoded.")


def ended(code: int | None) -> UndecodableMediaError:
    """The process is gone, or has lost its mind: what the video did to it.

    Args:
        code: What it ended with.
    """
    logger.warning("a video decoder ended with code %s", code)
    if code == -signal.SIGXCPU:
        return overworked()
    return UndecodableMediaError("The video cannot be decoded: its decoder broke off.")


def stood_still() -> UndecodableMediaError:
    """The process hung and was killed."""
    logger.warning("a video decoder came to a standstill and was killed")
    return UndecodableMediaError("The video cannot be decoded: its decoder came to a standstill.")


def overworked() -> UndecodableMediaError:
    """The process took too much time and was killed."""
    logger.warning("a video decoder took too much time and was killed")
    return UndecodableMediaError("The video cannot be decoded: it takes too much time.")
