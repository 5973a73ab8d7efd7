"""The commands, their arguments and options. What they do is in modules of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vigil_cli.options import URL, ApiKey, Json, Labels, Model, Score, Url, split_labels
from vigil_client.parameters import Sampling

app = typer.Typer(
    name="vigil",
    help="Classifies images and videos; runs the service that does it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

ConfigFile = Annotated[
    Path,
    typer.Argument(
        metavar="CONFIG",
        help="Serve configuration file; the application is imported from its folder.",
    ),
]
_CONFIG = Path("serve_config.yaml")


@app.command()
def serve(
    config: ConfigFile = _CONFIG,
    drain_seconds: Annotated[
        float,
        typer.Option(
            min=0,
            help="How long accepted requests may take to finish after SIGTERM or Ctrl-C; a second "
            "signal ends them at once.",
        ),
    ] = 120.0,
) -> None:
    """Run the service until it is told to stop."""
    from vigil_cli.serve import serve as run

    raise typer.Exit(run(config, drain_seconds=drain_seconds))


@app.command()
def doctor(config: ConfigFile = _CONFIG, json: Json = False) -> None:
    """Say what keeps the service from running well here, and how to mend it.

    Ends with 2 where something is wrong.
    """
    from vigil_cli.doctor.command import examine

    raise typer.Exit(examine(config, as_json=json))


@app.command()
def models(url: Url = URL, api_key: ApiKey = None, json: Json = False) -> None:
    """List the models of a running service."""
    from vigil_cli.models import show

    raise typer.Exit(show(url, api_key, as_json=json))


@app.command()
def classify(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH|URL…",
            help="Images, animations, videos, folders of them, and http(s) URLs of images, which "
            "are fetched by this command and not by the service.",
        ),
    ],
    url: Url = URL,
    api_key: ApiKey = None,
    model: Model = None,
    labels: Labels = None,
    score: Score = None,
    table: Annotated[
        bool, typer.Option("--table", help="Write a table (default at a terminal).")
    ] = False,
    csv: Annotated[
        bool, typer.Option("--csv", help="Write CSV: a row for each file (default in a pipe).")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Write the service's answers, a JSON object a line.")
    ] = False,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Look into folders of folders, too.")
    ] = False,
    concurrency: Annotated[
        int, typer.Option(min=1, max=256, help="Requests under way at the same time.")
    ] = 8,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write each result to this file, too; if the run is cut short, the same command "
            "goes on where it was.",
        ),
    ] = None,
    wait: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="How long a service that does not answer, or is full, is waited for.",
        ),
    ] = 300.0,
) -> None:
    """Classify files and folders.

    Ends with 1 where something is flagged, with 2 where a file could not be classified, and with 0
    only if every file was classified and none is flagged.
    """
    from vigil_cli.classify.command import Settings, run
    from vigil_cli.classify.report import Output

    chosen = [o for o, is_on in zip(Output, (table, csv, json), strict=True) if is_on]
    if len(chosen) > 1:
        raise typer.BadParameter("only one of --table, --csv and --json can be given")
    settings = Settings(
        url=url,
        api_key=api_key,
        model=model,
        labels=split_labels(labels),
        score=score,
        output=chosen[0] if chosen else None,
        recursive=recursive,
        concurrency=concurrency,
        resume=resume,
        wait_seconds=wait,
    )
    raise typer.Exit(run(sources, settings))


@app.command()
def video(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A video or an animated image.")
    ],
    url: Url = URL,
    api_key: ApiKey = None,
    model: Model = None,
    labels: Labels = None,
    score: Score = None,
    sampling: Annotated[
        Sampling | None, typer.Option(help="Which frames are looked at; default: adaptive.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the scores over time into this PNG file.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Write a contact sheet of the peaks into this JPEG file.")
    ] = None,
    blur: Annotated[bool, typer.Option(help="Blur the pictures of the contact sheet.")] = True,
    json: Json = False,
) -> None:
    """Say when each label is seen in a video.

    Ends with 1 where something is flagged, and with 2 where it could not be analysed.
    """
    from vigil_cli.video import Settings, run

    settings = Settings(
        url=url,
        api_key=api_key,
        model=model,
        labels=split_labels(labels),
        score=score,
        sampling=sampling,
        plot=plot,
        sheet=sheet,
        blur=blur,
        as_json=json,
    )
    raise typer.Exit(run(file, settings))


def main() -> None:
    """Entry point."""
    app()
