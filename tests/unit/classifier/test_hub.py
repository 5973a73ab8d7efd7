"""Where a model's files come from, and what a name can not become."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from deployments.classifier.hub import ModelSource, is_hub_id, is_revision, resolve
from deployments.errors import ModelNotFoundError, ModelUnavailableError, UnsupportedModelError
from tests.assets import fake_hub
from tests.assets.fake_hub import COMMIT, FakeHub

NAME = "owner/model"
TOKEN = "hf_made_up"  # noqa: S105


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    files = tmp_path / "repository"
    files.mkdir()
    for file in ("config.json", "preprocessor_config.json", "model.safetensors"):
        (files / file).write_text(f"{file} in full")
    for file in ("pytorch_model.bin", "modeling_own.py", "training_args.bin"):
        (files / file).write_text("not wanted")
    with fake_hub.serve() as hub:
        hub.repositories[NAME] = files
        yield hub


def source(hub: FakeHub, **options: object) -> ModelSource:
    return ModelSource(NAME, endpoint=hub.endpoint, **options)


@pytest.mark.parametrize(
    "name",
    ["Falconsai/nsfw_image_detection", "nateraw/vit-age-classifier", "a/b", "0x/v1.5-large_x"],
)
def test_a_hub_name_is_an_owner_and_a_name(name: str) -> None:
    assert is_hub_id(name)
    assert ModelSource.requested(name) == ModelSource(name, name)


@pytest.mark.parametrize(
    "name",
    [
        *("", "model", "owner/", "/model", "/etc/passwd", "./model", "../model", "~/model"),
        *("a/b/c", "a/..", "../..", "a/.", ".ssh/key", "a/b.", "a/b..c", "-a/b", "a\\b/c"),
        *("http://host/model", "https://host", "file:///model", "s3://a/b", "host:80/model"),
        *("a/b\n", "a/b ", "a/b\x00", "a b/c", "ä/b", "a/b.git", "a/b--c", "builtin/demo"),
        *("a/b@", "@main", "a/b@refs/pr/1", "a/b@../x", "a/b@-x", "a/b@v1@v2", "a/" + "b" * 200),
    ],
    ids=repr,
)
def test_no_other_string_of_a_client_becomes_a_source(name: str) -> None:
    assert not is_hub_id(name)
    with pytest.raises(ModelNotFoundError):
        ModelSource.requested(name)


def test_a_client_may_name_a_revision() -> None:
    requested = ModelSource.requested("owner/model@v1.0")

    assert (requested.name, requested.location) == ("owner/model@v1.0", "owner/model")
    assert requested.revision == "v1.0"
    assert is_revision(COMMIT)


def test_a_token_does_not_show() -> None:
    assert TOKEN not in repr(ModelSource(NAME, token=TOKEN))


def test_a_hub_model_resolves_to_its_commit_and_only_to_wanted_files(hub: FakeHub) -> None:
    checkpoint = resolve(source(hub))

    assert checkpoint.revision == COMMIT
    wanted = {"config.json", "preprocessor_config.json", "model.safetensors"}
    assert {file.name for file in checkpoint.directory.iterdir()} == wanted
    assert set(hub.downloads) == wanted


@pytest.mark.parametrize(
    ("location", "revision"), [(f"{NAME}@v1", None), (NAME, "v1"), (NAME, COMMIT)]
)
def test_a_revision_is_taken_from_either_spelling(
    hub: FakeHub, location: str, revision: str | None
) -> None:
    checkpoint = resolve(ModelSource("mine", location, revision, endpoint=hub.endpoint))

    assert checkpoint.revision == COMMIT
    assert checkpoint.name == "mine"


def test_a_cached_model_needs_no_second_download_and_no_hub(hub: FakeHub) -> None:
    first = resolve(source(hub))
    hub.downloads.clear()
    hub.failures[NAME] = (503, "Overloaded")

    assert resolve(source(hub)) == first
    assert resolve(source(hub, local_files_only=True)) == first
    assert hub.downloads == []


def test_the_token_is_sent_and_no_other_login_is_used(hub: FakeHub) -> None:
    resolve(source(hub, token=TOKEN))
    assert hub.tokens == {f"Bearer {TOKEN}"}

    hub.tokens.clear()
    resolve(source(hub, revision="v1"))
    assert hub.tokens <= {None}


@pytest.mark.parametrize(
    ("failure", "error", "words"),
    [
        ((404, "RepoNotFound"), ModelNotFoundError, "no model"),
        ((401, "RepoNotFound"), ModelNotFoundError, "no model"),
        ((403, "GatedRepo"), UnsupportedModelError, "ACCESS_TOKEN"),
        ((403, "Forbidden"), UnsupportedModelError, "ACCESS_TOKEN"),
        ((500, "Internal"), ModelUnavailableError, "cannot be reached"),
        ((503, "Overloaded"), ModelUnavailableError, "cannot be reached"),
        ((429, "TooMany"), ModelUnavailableError, "cannot be reached"),
    ],
)
def test_the_hubs_refusals_are_told_apart(
    hub: FakeHub, failure: tuple[int, str], error: type[Exception], words: str
) -> None:
    hub.failures[NAME] = failure

    with pytest.raises(error, match=words) as raised:
        resolve(source(hub))

    assert str(hub.endpoint) not in str(raised.value)


def test_a_revision_that_is_not_there_is_named(hub: FakeHub) -> None:
    with pytest.raises(ModelNotFoundError, match="'v9'"):
        resolve(source(hub, revision="v9"))


def test_an_unreachable_hub_is_not_a_missing_model(hub: FakeHub) -> None:
    with pytest.raises(ModelUnavailableError):
        resolve(ModelSource(NAME, endpoint="http://127.0.0.1:9"))  # the discard port: refused


def test_offline_a_model_that_is_not_cached_is_unavailable(hub: FakeHub) -> None:
    with pytest.raises(ModelUnavailableError):
        resolve(source(hub, local_files_only=True))


def test_a_repository_without_a_model_is_refused(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "repository" / "config.json").unlink()

    with pytest.raises(UnsupportedModelError, match=r"config\.json"):
        resolve(source(hub))


def test_a_directory_is_one_only_by_its_spelling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "owner" / "model").mkdir(parents=True)
    (tmp_path / "owner" / "model" / "config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)

    assert resolve(ModelSource("mine", "./owner/model")).directory.samefile("owner/model")
    assert resolve(ModelSource("mine", str(tmp_path / "owner/model"))).revision is None
    with pytest.raises(ModelUnavailableError):  # the hub is asked, the directory is not seen
        resolve(ModelSource("mine", "owner/model", endpoint="http://127.0.0.1:9"))


@pytest.mark.parametrize("location", ["./nothing", "/nothing", "builtin/nothing", "builtin/../.."])
def test_a_place_without_a_model_is_not_found_and_its_path_stays_here(location: str) -> None:
    with pytest.raises(ModelNotFoundError):
        resolve(ModelSource("mine", location))


def test_a_word_that_is_neither_name_nor_path_is_not_found() -> None:
    with pytest.raises(ModelNotFoundError, match="owner/name"):
        resolve(ModelSource("mine", "just-a-word"))


def test_the_built_in_model_lies_in_the_package() -> None:
    checkpoint = resolve(ModelSource("builtin/demo"))

    assert (checkpoint.directory / "model.safetensors").is_file()
    assert checkpoint.revision is None
