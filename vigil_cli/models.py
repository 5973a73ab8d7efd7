"""`vigil models`: what a running service offers."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from vigil_cli.exit_status import ExitStatus
from vigil_client import Client, Models, Retries, VigilError


def show(url: str, api_key: str | None, *, as_json: bool) -> int:
    """Lists the models.

    Args:
        url: The service's.
        api_key: Sent along.
        as_json: Write the service's answer as it is.

    Returns:
        Exit status.
    """
    try:
        with Client(url, api_key=api_key, retries=Retries(attempts=2)) as client:
            models = client.models()
    except (VigilError, ValueError) as error:
        Console(stderr=True).print(f"vigil: {error}", markup=False, highlight=False)
        return ExitStatus.FAILED
    console = Console()
    if as_json:
        console.print_json(models.model_dump_json())
    else:
        console.print(_table(models))
        _print_notes(console, models)
    return ExitStatus.NOTHING_FLAGGED


def _table(models: Models) -> Table:
    table = Table("model", "state", "labels", "flagged", "input", "revision")
    for model in models.models:
        name = f"{model.name} (default)" if model.name == models.default else model.name
        size = f"{model.input.width}×{model.input.height}" if model.input else ""
        cells = [name, model.state, ", ".join(model.labels or ())]
        cells += [", ".join(model.flagged_labels or ()), size, model.revision or ""]
        table.add_row(*(cell.replace("[", r"\[") for cell in cells))
    return table


def _print_notes(console: Console, models: Models) -> None:
    notes = [f"Threshold where none is given: {models.default_score:g}."]
    if models.on_demand.allow:
        notes.append(f"May be named, too: {', '.join(models.on_demand.allow)}.")
    notes += [
        f"{model.name} demonstrates the service and does not moderate."
        for model in models.models
        if model.demonstration
    ]
    console.print("\n".join(notes), markup=False, highlight=False)
