"""Loading a model: what is tried again, what is told, and what is read out of Serve's message."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from deployments.classifier.fake import FAKE_MODEL
from deployments.classifier.loading import PATIENCE_SECONDS, load_patiently, sentence_of
from deployments.classifier.replica import LoadedModel
from deployments.errors import ModelNotFoundError, ModelUnavailableError, VigilError
from deployments.types import Frames, ModelInfo, Scores


class Loaded:
    @property
    def info(self) -> ModelInfo:
        return FAKE_MODEL

    def scores(self, items: list[Frames]) -> Scores:
        return np.zeros((len(items), 2), np.float32)


class Hub:
    """Fails with one error after the other; time passes only while somebody waits."""

    def __init__(self, *errors: VigilError) -> None:
        self.errors = list(errors)
        self.now = 0.0
        self.tries = 0

    def load(self) -> LoadedModel:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        return Loaded()  # type: ignore[return-value]

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def start(self) -> LoadedModel:
        return load_patiently(self.load, self.sleep, lambda: self.now)


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Serve may replace ``sys.stderr``; the process's own is what reaches the terminal."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "__stderr__", stream)
    return stream


def test_a_hub_that_is_gone_for_a_while_is_waited_for(terminal: io.StringIO) -> None:
    hub = Hub(*[ModelUnavailableError("The hub does not answer.")] * 5)
    assert isinstance(hub.start(), Loaded)
    assert hub.tries == 6
    assert terminal.getvalue().count("The hub does not answer.") == 5


def test_a_hub_that_stays_away_ends_the_patience() -> None:
    hub = Hub(*[ModelUnavailableError("The hub does not answer.")] * 1000)
    with pytest.raises(ModelUnavailableError):
        hub.start()
    assert PATIENCE_SECONDS / 2 < hub.now <= PATIENCE_SECONDS


def test_what_cannot_work_is_told_at_once(terminal: io.StringIO) -> None:
    hub = Hub(ModelNotFoundError("There is no model 'x'."))
    with pytest.raises(ModelNotFoundError):
        hub.start()
    assert hub.tries == 1
    assert "cannot start: There is no model 'x'." in terminal.getvalue()


def test_the_sentence_is_found_at_the_end_of_serves_message() -> None:
    message = (
        "The deployment failed to start 2 times in a row. See controller logs. Error:\n"
        "Traceback (most recent call last):\n"
        '  File "/somewhere/deployment.py", line 3, in __init__\n'
        "deployments.errors.ModelNotFoundError: There is no model 'x'.\n"
    )
    assert sentence_of(message) == "There is no model 'x'."


@pytest.mark.parametrize("message", ["", "RuntimeError: /a/path", "deployments.errors.Odd:"])
def test_what_is_no_sentence_of_ours_is_not_told(message: str) -> None:
    assert sentence_of(message) is None
