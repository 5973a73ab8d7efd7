"""Loading a model in its replica: patient with the hub, plain about what cannot work."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable

from deployments.classifier.replica import LoadedModel, LoadModel
from deployments.errors import ModelUnavailableError, VigilError

PATIENCE_SECONDS = 600.0
"""How long an unreachable hub is waited for, before the replica counts as failed."""

LONGEST_PAUSE_SECONDS = 30.0

_RAISED = re.compile(r"^deployments\.errors\.\w+: (?P<sentence>.+)$", re.MULTILINE)


def load_patiently(
    load: LoadModel,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> LoadedModel:
    """Load a model, again and again while that may help, and tell the operator why it fails.

    Serve gives a deployment up for good after some failed starts, until it is deployed anew: an
    outage of the hub must not end so.

    Args:
        load: Loads and warms the model.
        sleep: Waits between two tries.
        clock: Seconds, monotonic.

    Raises:
        ModelUnavailableError: The hub could not be reached for so long.
        VigilError: It cannot be loaded.
    """
    give_up = clock() + PATIENCE_SECONDS
    pause = 1.0
    while True:
        try:
            return load()
        except ModelUnavailableError as error:
            if clock() + pause > give_up:
                _tell(f"gave up: {error.detail}")
                raise
            _tell(f"tries again in {pause:g} s: {error.detail}")
        except VigilError as error:
            _tell(f"cannot start: {error.detail}")
            raise
        sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def sentence_of(message: str) -> str | None:
    """The sentence of the error that a replica's start failed with.

    Args:
        message: Serve's of the deployment, which ends with the traceback as text.
    """
    found = list(_RAISED.finditer(message))
    return found[-1]["sentence"] if found else None


def _tell(what: str) -> None:
    # Serve's logs go to files. What a process writes to its own stderr, Ray brings to the terminal
    # of whoever started the service; Serve may have put another stream in the place of sys.stderr.
    if stream := sys.__stderr__:
        stream.write(f"A model {what}\n")
        stream.flush()
