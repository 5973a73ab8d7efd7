from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from deployments import errors
from deployments.classifier.fake import FakeClassifier
from serve_app.problems import PROBLEMS, body_of, kind_of, response_of

from .media import still


def tree(root: type[errors.VigilError]) -> Iterator[type[errors.VigilError]]:
    yield root
    for child in root.__subclasses__():
        # Only what the tree's own module defines: a test may subclass for its own ends.
        if child.__module__ == errors.__name__:
            yield from tree(child)


def test_the_table_has_a_line_for_every_class_of_the_tree_and_no_other() -> None:
    assert set(PROBLEMS) == set(tree(errors.VigilError))


def test_a_type_names_one_kind_only() -> None:
    kinds: dict[str, set[tuple[int, str]]] = {}
    for kind in PROBLEMS.values():
        kinds.setdefault(kind.type, set()).add((kind.status, kind.title))
    assert all(len(of_type) == 1 for of_type in kinds.values())


@pytest.mark.parametrize("error", list(tree(errors.VigilError)))
def test_every_error_becomes_a_complete_problem(error: type[errors.VigilError]) -> None:
    body = body_of(error("What to do."))
    assert list(body) == ["type", "title", "status", "detail"]
    assert body["detail"] == "What to do."
    assert response_of(error("What to do.")).status_code == PROBLEMS[error].status


def test_a_class_that_the_table_does_not_name_is_answered_like_its_base() -> None:
    class NewMediaError(errors.CorruptMediaError):
        pass

    assert kind_of(NewMediaError("x")) is PROBLEMS[errors.CorruptMediaError]


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (errors.OverloadedError("Full.", 7), 503, "7"),
        (errors.ModelUnavailableError("Hub away."), 503, "30"),
        (errors.ReplicaLostError("Gone."), 503, "5"),
        (errors.DeadlineExceededError("Late."), 504, None),
        (errors.InferenceError("NaN."), 500, None),
        (errors.UnsupportedModelError("No safetensors."), 422, None),
    ],
)
@pytest.mark.parametrize("path", ["/api/image-classification", "/v1/images"])
async def test_what_a_model_raises_fails_the_request_with_its_status(
    client: httpx.AsyncClient,
    classifier: FakeClassifier,
    error: errors.VigilError,
    status: int,
    retry_after: str | None,
    path: str,
) -> None:
    classifier.fail("builtin/demo", error)
    field = "file" if path.startswith("/api") else "files"
    response = await client.post(path, files={field: ("a.png", still(0.5))})
    assert response.status_code == status
    assert response.json()["detail"] == error.detail
    assert response.headers.get("retry-after") == retry_after


async def test_an_unforeseen_exception_tells_nothing_but_its_request_id_and_is_logged(
    client: httpx.AsyncClient,
    classifier: FakeClassifier,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(model: str, frames: object) -> None:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(classifier, "classify", broken)
    response = await client.post(
        "/api/image-classification",
        files={"file": ("a.png", still(0.5))},
        headers={"X-Request-ID": "abc-1"},
    )
    assert response.status_code == 500
    assert "secret" not in response.text
    assert "RuntimeError" not in response.text
    assert "abc-1" in response.json()["detail"]
    assert response.headers["x-request-id"] == "abc-1"
    [record] = [r for r in caplog.records if r.name == "serve_app.edge"]
    assert "abc-1" in record.getMessage()
    assert record.exc_info is not None


async def test_an_unknown_route_and_a_wrong_method_are_problems_too(
    client: httpx.AsyncClient,
) -> None:
    missing = await client.get("/nowhere")
    assert (missing.status_code, missing.json()["title"]) == (404, "Not Found")
    wrong = await client.get("/api/image-classification")
    assert wrong.status_code == 405
    assert "POST" in wrong.json()["detail"]
    assert wrong.headers["allow"] == "POST"


async def test_a_parameter_that_does_not_parse_is_named_in_detail_and_in_errors(
    client: httpx.AsyncClient,
) -> None:
    response = await client.post(
        "/api/image-query-classification?score=x&fast_mode=perhaps",
        files={"file": ("a.png", still(0.5))},
    )
    body = response.json()
    assert response.status_code == 422
    assert isinstance(body["detail"], str)
    assert "score: " in body["detail"]
    assert {tuple(item["loc"]) for item in body["errors"]} == {
        ("query", "score"),
        ("query", "fast_mode"),
    }
    assert all(set(item) == {"loc", "msg", "type"} for item in body["errors"])
