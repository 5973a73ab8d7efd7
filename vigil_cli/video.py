"""`vigil video`: when each label is seen, with a plot and a contact sheet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from vigil_cli.exit_status import ExitStatus
from vigil_client import Client, VideoAnswer, VigilError
from vigil_client.models import VideoMedia
from vigil_client.parameters import Sampling, VideoOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What was asked on the command line."""

    url: str
    api_key: str | None
    model: str | None
    labels: tuple[str, ...] | None
    score: float | None
    sampling: Sampling | None
    plot: Path | None
    sheet: Path | None
    blur: bool
    as_json: bool


def run(file: Path, settings: Settings) -> int:
    """Analyses one file, prints what is in it, and writes the pictures.

    Returns:
        Exit status; see `ExitStatus`.
    """
    errors = Console(stderr=True)
    try:
        answer = _analyse(file, settings, errors)
        _write_pictures(answer, settings, errors)
    except (VigilError, OSError, ValueError) as error:
        errors.print(f"vigil: {error}", markup=False, highlight=False)
        return ExitStatus.FAILED
    console = Console()
    if settings.as_json:
        console.print_json(answer.model_dump_json(exclude_unset=True, exclude={"sheet"}))
    else:
        _print(console, answer)
    flagged = answer.flagged if settings.labels is None else bool(answer.segments)
    if flagged is None:
        errors.print(
            f"vigil: The model {answer.model.name} has no labels that flag; name those to look for "
            "with --labels.",
            markup=False,
            highlight=False,
        )
        return ExitStatus.FAILED
    return ExitStatus.FLAGGED if flagged else ExitStatus.NOTHING_FLAGGED


def _analyse(file: Path, settings: Settings, console: Console) -> VideoAnswer:
    with (
        Client(settings.url, api_key=settings.api_key) as client,
        Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        ) as progress,
    ):
        task = progress.add_task(file.name.replace("[", r"\["), total=1.0)
        return client.video(
            file,
            on_progress=lambda told: progress.update(task, completed=told.fraction),
            on_finding=lambda found: console.print(
                f"{found.label} {found.score:.2f} at {clock(found.time_seconds)}",
                markup=False,
                highlight=False,
            ),
            **_options(settings),
        )


def _options(settings: Settings) -> VideoOptions:
    options: VideoOptions = {}
    if settings.model is not None:
        options["model"] = settings.model
    if settings.labels is not None:
        options["labels"] = settings.labels
    if settings.score is not None:
        options["score"] = settings.score
    if settings.sampling is not None:
        options["sampling"] = settings.sampling
    include: list[Literal["scores", "sheet"]] = []
    if settings.plot is not None:
        include.append("scores")
    if settings.sheet is not None:
        include.append("sheet")
        options["blur"] = settings.blur
    options["include"] = include
    return options


def _write_pictures(answer: VideoAnswer, settings: Settings, errors: Console) -> None:
    if settings.plot is not None:
        from vigil_cli.timeline_plot import draw  # Pillow: only for those who want a picture

        draw(answer).save(settings.plot, "PNG")
    if settings.sheet is not None:
        if answer.sheet is None:
            errors.print(
                f"Nothing was found, so {settings.sheet} is not written.",
                markup=False,
                highlight=False,
            )
        else:
            settings.sheet.write_bytes(answer.sheet.data())


def _print(console: Console, answer: VideoAnswer) -> None:
    media, coverage = answer.media, answer.coverage
    form = f"{media.container} {media.codec}" if isinstance(media, VideoMedia) else media.format
    console.print(
        f"{form} {media.width}×{media.height}, {media.frames} frames, "
        f"{clock(media.duration_seconds or 0.0)}; model {answer.model.name}",
        markup=False,
        highlight=False,
    )
    table = Table("label", "from", "to", "peak", "at")
    for segment in answer.segments:
        start, end = clock(segment.start_seconds), clock(segment.end_seconds)
        peak = f"{segment.peak_score:.3f}"
        table.add_row(Text(segment.label), start, end, peak, clock(segment.peak_seconds))
    if answer.segments:
        console.print(table)
    else:
        looked_for = ", ".join(label.label for label in answer.labels)
        console.print(f"Nothing found of {looked_for}.", markup=False, highlight=False)
    console.print(
        f"{coverage.frames_classified} frames classified, {coverage.frames_reused} as one before; "
        f"largest gap {coverage.largest_gap_seconds:.2f} s"
        + ("" if coverage.complete else "; NOT COMPLETE"),
        markup=False,
        highlight=False,
    )


def clock(seconds: float) -> str:
    """Hours, where there are any, minutes, seconds and tenths."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{minutes:02d}:{rest / 10:04.1f}"
    return f"{hours}:{tail}" if hours else tail
