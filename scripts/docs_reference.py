"""MkDocs hook: writes the pages of the documentation that are made from the code.

The configuration reference comes from `AppConfig`, the HTTP reference from the application's
OpenAPI document, so that neither can fall behind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Literal, Union, get_args, get_origin

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from deployments.classifier.fake import FAKE_MODEL, FakeClassifier
from deployments.video.fake import FakeVideoFinder
from serve_app.application import create_app
from serve_app.config import ENVIRONMENT_VARIABLES, SECRET_FIELDS, AppConfig, resolve

OPENAPI = Path("build/openapi.json")
"""Where `docs/reference/http-api.md` reads it, through a plugin; from the project's root."""

_CONFIGURATION = "reference/configuration.md"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Write what is generated; called by MkDocs."""
    OPENAPI.parent.mkdir(exist_ok=True)
    OPENAPI.write_text(json.dumps(openapi(), indent=1))
    files.append(File.generated(config, _CONFIGURATION, content=configuration_page()))
    return files


def openapi() -> Mapping[str, object]:
    """The OpenAPI document of the application with its default configuration."""
    app = create_app(resolve({}, {}), FakeClassifier([FAKE_MODEL]), FakeVideoFinder({}))
    return app.openapi()


def configuration_page() -> str:
    """A table for each section of `AppConfig`."""
    lines = [
        "# Configuration",
        "",
        "`serve_config.yaml` holds these keys under `applications[0].args`. An unknown key is an "
        "error. The environment, or a file `.env`, wins over the file; secrets come only from "
        "there.",
        "",
    ]
    for title, section in sections("args", AppConfig):
        lines += [f"## {title}", ""]
        if section.__doc__ and section is not AppConfig:
            lines += [section.__doc__.split("\n\n")[0], ""]
        lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
        for key, field in section.model_fields.items():
            secret = section is AppConfig and key in SECRET_FIELDS
            lines.append(_row(key, field, secret))
        lines.append("")
    lines += ["## Environment variables", "", "| variable | sets |", "|---|---|"]
    lines += [f"| `{name}` | `{key}` |" for name, key in ENVIRONMENT_VARIABLES.items()]
    return "\n".join([*lines, ""])


def sections(title: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """A configuration model and those below it, each with the keys that lead to it."""
    yield title, model
    for key, field in model.model_fields.items():
        several = get_origin(field.annotation) is tuple
        for below in _models_in(field.annotation):
            if several:
                key = f"{key}[]"
            yield from sections(f"{title}.{key}", below)


def _row(key: str, field: FieldInfo, secret: bool) -> str:
    if not field.description:
        raise ValueError(f"the configuration key {key} has no description")
    default = "" if secret or any(_models_in(field.annotation)) else _default(field)
    cells = (f"`{key}`", _type_name(field.annotation), default, field.description)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return f"`{json.dumps(value)}`"


def _type_name(annotation: object) -> str:
    if any(_models_in(annotation)):
        return "list of sections" if get_origin(annotation) is tuple else "section"
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) in (Union, UnionType):
        return " or ".join(_type_name(part) for part in get_args(annotation))
    if get_origin(annotation) is tuple:
        return f"list of {_type_name(get_args(annotation)[0])}"
    if get_origin(annotation) is not None and get_args(annotation):  # Annotated
        return _type_name(get_args(annotation)[0])
    names = {str: "text", int: "integer", float: "number", bool: "true or false"}
    if annotation is type(None):
        return "null"
    return names.get(annotation, "text") if isinstance(annotation, type) else "text"


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for part in get_args(annotation):
        yield from _models_in(part)
