"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

from vigil_client.settings import API_KEY_HEADER, DEFAULT_URL

Url = Annotated[
    str, typer.Option(envvar="VIGIL_URL", help="Where the service listens.", metavar="URL")
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        envvar="VIGIL_API_KEY",
        help=f"Sent in {API_KEY_HEADER}. Better in the environment: other users of the machine "
        "see the arguments of commands.",
        metavar="KEY",
        show_default=False,
        show_envvar=True,
    ),
]
Model = Annotated[
    str | None, typer.Option(help="Model to ask; default: the service's.", metavar="NAME")
]
Labels = Annotated[
    str | None,
    typer.Option(
        help="Labels that flag, separated by commas; default: the model's flagged labels.",
        metavar="LABELS",
    ),
]
Score = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Threshold; default: the service's.", metavar="0…1"),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
URL = DEFAULT_URL


def split_labels(text: str | None) -> tuple[str, ...] | None:
    """The labels of the option ``--labels``; None where it was not given.

    Raises:
        typer.BadParameter: It names none.
    """
    if text is None:
        return None
    labels = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not labels:
        raise typer.BadParameter("names no label", param_hint="--labels")
    return labels
