"""From a model's name to a directory with its checkpoint: built in, local, or from the hub.

Where a source is looked for is decided by its spelling alone, never by what happens to lie on the
disk, so that a name can not turn into a path:

    builtin/demo                 the package's own models
    /models/mine  ./mine  ~/mine a directory, which only the operator's configuration can name
    owner/name                   the Hugging Face hub, with or without ``@revision``
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import httpx2  # the HTTP client of huggingface_hub, whose errors pass through it
import huggingface_hub
from huggingface_hub import errors as hub_errors
from huggingface_hub.utils.tqdm import disable_progress_bars

from deployments.errors import ModelNotFoundError, ModelUnavailableError, UnsupportedModelError

logger = logging.getLogger(__name__)

BUILTIN_PREFIX = "builtin/"
_BUILTIN_DIRECTORY = Path(__file__).parent / "builtin"

_HUB_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_-])?", re.ASCII)
"""An owner or a repository: as huggingface_hub's ``validate_repo_id``, but ASCII and never ending
in a dot."""
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
"""A commit, branch or tag. Without slashes, which keeps out ``refs/pr/…``: anybody can open a
pull request with weights of their own on somebody else's model."""

_FILES = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "model-*.safetensors",
)
"""What is fetched of a repository: no pickles, no code."""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Which checkpoint to load, and what clients call it."""

    name: str
    """What clients send as ``model_name``."""
    location: str | None = None
    """Where it lies, as the operator's configuration spells it; None: as the name says."""
    revision: str | None = None
    """Commit, branch or tag on the hub."""
    token: str | None = field(default=None, repr=False)
    """Access token of the hub, for gated models."""
    endpoint: str | None = None
    """Base URL of a mirror of the hub."""
    local_files_only: bool = False
    """Take the hub's files from the local cache only."""

    @classmethod
    def requested(cls, name: str, token: str | None = None) -> ModelSource:
        """A source on the hub from a client's ``owner/name`` or ``owner/name@revision``.

        Raises:
            ModelNotFoundError: Any other spelling: never a path, a URL or a built-in model.
        """
        repository, _, revision = name.partition("@")
        if not is_hub_id(repository) or not (revision or name == repository):
            raise ModelNotFoundError(
                "A model is named as 'owner/name' or 'owner/name@revision', as on the hub."
            )
        if revision and not is_revision(revision):
            raise ModelNotFoundError("A model's revision is a commit, a branch or a tag.")
        return cls(name, repository, revision or None, token)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint's files on this machine."""

    name: str
    """What clients call the model; for messages."""
    directory: Path = field(repr=False)
    revision: str | None
    """Commit on the hub where known."""


def is_hub_id(name: str) -> bool:
    """Whether a string is an ``owner/name`` that the hub could hold; no path, URL or built-in."""
    owner, slash, repository = name.partition("/")
    return (
        bool(slash)
        and not name.startswith(BUILTIN_PREFIX)
        and all(_HUB_NAME.fullmatch(part) for part in (owner, repository))
        and "--" not in name
        and ".." not in name
        and not name.endswith(".git")
    )


def is_revision(revision: str) -> bool:
    """Whether a string can be a revision that anybody may ask for."""
    return bool(_REVISION.fullmatch(revision)) and ".." not in revision


def resolve(source: ModelSource) -> Checkpoint:
    """Finds a checkpoint, fetching it from the hub where it lies there and is not cached.

    Raises:
        ModelNotFoundError: There is no such model, revision or directory.
        UnsupportedModelError: It is gated or disabled, and the token does not open it.
        ModelUnavailableError: The hub cannot be reached, and the files are not in the cache.
    """
    location = source.location or source.name
    if location.startswith(BUILTIN_PREFIX):
        return _resolve_builtin(source, location)
    if location.startswith(("/", "./", "../", "~")):
        return _resolve_directory(source, location)
    repository, _, revision = location.partition("@")
    if not is_hub_id(repository):
        raise ModelNotFoundError(
            f"The source of the model {source.name!r} is neither 'owner/name' on the hub "
            "nor a directory that begins with '/', './', '../' or '~'."
        )
    return _fetch(source, repository, source.revision or revision or None)


def _resolve_builtin(source: ModelSource, location: str) -> Checkpoint:
    name = location.removeprefix(BUILTIN_PREFIX)
    directory = _BUILTIN_DIRECTORY / name
    if not _HUB_NAME.fullmatch(name) or not (directory / "config.json").is_file():
        raise ModelNotFoundError(f"There is no built-in model {location!r}.")
    return Checkpoint(source.name, directory, source.revision)


def _resolve_directory(source: ModelSource, location: str) -> Checkpoint:
    directory = Path(location).expanduser()
    if not (directory / "config.json").is_file():
        raise ModelNotFoundError(
            f"The directory configured for the model {source.name!r} holds no config.json."
        )
    return Checkpoint(source.name, directory, source.revision)


def _fetch(source: ModelSource, repository: str, revision: str | None) -> Checkpoint:
    disable_progress_bars()  # a replica's log is no terminal
    name = source.name
    try:
        snapshot = huggingface_hub.snapshot_download(
            repository,
            revision=revision,
            # False rather than None: not the token that some login left on this machine.
            token=source.token or False,
            endpoint=source.endpoint,
            local_files_only=source.local_files_only,
            allow_patterns=list(_FILES),
        )
    except (hub_errors.GatedRepoError, hub_errors.DisabledRepoError) as error:
        raise UnsupportedModelError(
            f"Access to the model {name!r} is restricted on the hub; "
            "set ACCESS_TOKEN to a token that was granted access."
        ) from error
    except (hub_errors.RepositoryNotFoundError, hub_errors.HFValidationError) as error:
        raise ModelNotFoundError(
            f"The hub has no model {name!r}, or it is private and ACCESS_TOKEN does not open it."
        ) from error
    except hub_errors.RevisionNotFoundError as error:
        raise ModelNotFoundError(
            f"The model {name!r} has no revision {revision!r} on the hub."
        ) from error
    except (httpx2.HTTPError, OSError) as error:
        # HfHubHTTPError (5xx, 429 …), LocalEntryNotFoundError (offline, not cached), full disk.
        logger.warning("fetching model %r failed: %s", name, type(error).__name__)
        if _status(error) in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise UnsupportedModelError(
                f"The hub forbids access to the model {name!r}; check ACCESS_TOKEN."
            ) from error
        raise ModelUnavailableError(
            f"The model {name!r} is not cached and the hub cannot be reached at the moment."
        ) from error
    directory = Path(snapshot)
    if not (directory / "config.json").is_file():
        raise UnsupportedModelError(f"The repository of the model {name!r} holds no config.json.")
    return Checkpoint(name, directory, directory.name)


def _status(error: BaseException | None) -> int | None:
    """HTTP status of the hub's answer behind an error, where there was one."""
    while error is not None:
        if isinstance(error, hub_errors.HfHubHTTPError):
            return error.response.status_code
        error = error.__cause__
    return None
