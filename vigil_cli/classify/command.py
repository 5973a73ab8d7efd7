"""`vigil classify` from beginning to end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from vigil_cli.classify.availability import Availability, ServiceGoneError
from vigil_cli.classify.downloads import Downloads
from vigil_cli.classify.journal import Asked, Journal, JournalError, open_journal
from vigil_cli.classify.outcome import FlagRule, Outcome, local_problem
from vigil_cli.classify.progress import RunProgress
from vigil_cli.classify.report import CsvReport, JsonReport, Output, Report, TableReport
from vigil_cli.classify.sender import RunError, Sender
from vigil_cli.classify.sources import Found, Source, find
from vigil_cli.classify.tally import Tally
from vigil_cli.exit_status import ExitStatus
from vigil_client import AsyncClient, Models, Retries, VigilError
from vigil_client.models import ModelUsed
from vigil_client.parameters import ImageOptions, VideoOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What was asked on the command line."""

    url: str
    api_key: str | None
    model: str | None
    labels: tuple[str, ...] | None
    score: float | None
    output: Output | None
    """None: a table at a terminal, else CSV."""
    recursive: bool
    concurrency: int
    resume: Path | None
    wait_seconds: float


def run(given: Sequence[str], settings: Settings) -> int:
    """Classifies everything and writes the report.

    Returns:
        Exit status; see `ExitStatus`.
    """
    console = Console(stderr=True)
    found = find(given, recursive=settings.recursive)
    if not found.sources and not found.failures:
        return _complain(console, "There is no file to classify." + _left_out(found))
    try:
        tally = asyncio.run(_Run(found, settings, console).classify())
    except ServiceGoneError as error:
        return _complain(console, f"{error} {_advice(settings)}")
    except (VigilError, RunError, JournalError, OSError, ValueError) as error:
        return _complain(console, str(error))
    except KeyboardInterrupt:
        _complain(console, f"Stopped. {_advice(settings)}")
        return ExitStatus.INTERRUPTED
    console.print(tally.summary() + _left_out(found), markup=False, highlight=False)
    return tally.status


class _Run:
    def __init__(self, found: Found, settings: Settings, console: Console) -> None:
        self._found = found
        self._settings = settings
        self._console = console

    async def classify(self) -> Tally:
        settings = self._settings
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(
                AsyncClient(settings.url, api_key=settings.api_key, retries=Retries.none())
            )
            progress = stack.enter_context(RunProgress(self._console, len(self._found.sources)))
            availability = Availability(client, settings.wait_seconds, progress.waiting)
            # Not waited for: that nobody answers at all is rather a wrong URL.
            models = await client.models()
            limits = await client.limits()
            name = settings.model or models.default
            rule = FlagRule(
                settings.labels,
                models.default_score if settings.score is None else settings.score,
            )
            journal = None
            if settings.resume is not None:
                asked = Asked(model=name, labels=settings.labels, threshold=rule.threshold)
                journal = stack.enter_context(_journal(settings.resume, asked))
            downloads = Downloads()
            stack.push_async_callback(downloads.close)
            work = _Work(self._found, journal, self._report(rule, name, models), rule, progress)
            sender = Sender(
                client,
                availability,
                downloads,
                limits,
                _image_options(name, settings, rule),
                _video_options(name, settings, rule),
                work.model,
                settings.labels is None,
                work.tell,
            )
            await sender.run(work.remaining, settings.concurrency)
            return work.end()

    def _report(self, rule: FlagRule, model: str, models: Models) -> Report:
        output = self._settings.output
        if output is None:
            output = Output.TABLE if sys.stdout.isatty() else Output.CSV
        match output:
            case Output.TABLE:
                return TableReport(Console(), rule)
            case Output.JSON:
                return JsonReport(sys.stdout, rule)
            case Output.CSV:
                known = [entry.labels for entry in models.models if entry.name == model]
                labels = self._settings.labels or (known[0] if known else None)
                return CsvReport(sys.stdout, rule, labels)


class _Work:
    """What is done, what is left, and the report of it in the order of the files."""

    def __init__(
        self,
        found: Found,
        journal: Journal | None,
        report: Report,
        rule: FlagRule,
        progress: RunProgress,
    ) -> None:
        self._sources = found.sources
        self._journal = journal
        self._report = report
        self._rule = rule
        self._progress = progress
        self._tally = Tally(rule)
        self._done: dict[str, Outcome] = {}
        self._reported = 0
        for name, reason in found.failures:
            self._count(Outcome.of_problem(Source(name, None), local_problem("unreadable", reason)))
        self.model: ModelUsed | None = None
        """The model of earlier outcomes."""
        self.remaining: list[Source] = []
        """What earlier runs have not done."""
        for source in found.sources:
            outcome = journal.outcome_of(source) if journal else None
            if outcome is None:
                self.remaining.append(source)
            else:
                self.model = self.model or outcome.model
                self._add(outcome)

    def tell(self, outcome: Outcome) -> None:
        """An outcome of this run."""
        if self._journal is not None:
            self._journal.write(outcome)
        self._add(outcome)

    def end(self) -> Tally:
        """Everything was told."""
        self._report.end()
        return self._tally

    def _add(self, outcome: Outcome) -> None:
        self._done[outcome.file] = outcome
        self._progress.advance(self._tally)
        while self._reported < len(self._sources):
            next_outcome = self._done.pop(self._sources[self._reported].name, None)
            if next_outcome is None:
                break
            self._reported += 1
            self._count(next_outcome)

    def _count(self, outcome: Outcome) -> None:
        self._tally.add(outcome)
        self._report.add(outcome)


@contextmanager
def _journal(path: Path, asked: Asked) -> Iterator[Journal]:
    try:
        with open_journal(path, asked) as journal:
            yield journal
    except JournalError as error:
        raise JournalError(f"{path} cannot be gone on with: {error}.") from error


def _image_options(model: str, settings: Settings, rule: FlagRule) -> ImageOptions:
    options: ImageOptions = {"model": model, "score": rule.threshold}
    if settings.labels is not None:
        options["labels"] = settings.labels
    return options


def _video_options(model: str, settings: Settings, rule: FlagRule) -> VideoOptions:
    options: VideoOptions = {"model": model, "score": rule.threshold}
    if settings.labels is not None:
        options["labels"] = settings.labels
    return options


def _left_out(found: Found) -> str:
    parts = []
    if found.hidden:
        parts.append(f"{found.hidden} hidden")
    if found.folders:
        parts.append(f"{found.folders} folders (links, or --recursive was not given)")
    return f" Left out: {', '.join(parts)}." if parts else ""


def _advice(settings: Settings) -> str:
    if settings.resume is not None:
        return "The same command goes on where it was."
    return "With --resume FILE a run can be gone on with."


def _complain(console: Console, sentence: str) -> int:
    console.print(f"vigil: {sentence}", markup=False, highlight=False)
    return ExitStatus.FAILED
