"""Runs all checks and says what they found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vigil_cli.doctor import configuration, hub, installation, machine, ports
from vigil_cli.doctor.finding import Finding, Severity
from vigil_cli.exit_status import ExitStatus

_STYLES = {Severity.GOOD: "green", Severity.WARNING: "yellow", Severity.BAD: "bold red"}


def examine(config: Path, *, as_json: bool) -> int:
    """Looks at everything.

    Args:
        config: Serve configuration file.
        as_json: Write a list of findings.

    Returns:
        Exit status: 2 where something is wrong.
    """
    findings = list(check_all(config))
    console = Console()
    if as_json:
        members = [asdict(finding) | {"severity": finding.severity.value} for finding in findings]
        console.print_json(json.dumps(members))
    else:
        console.print(_table(findings))
    is_wrong = any(finding.severity is Severity.BAD for finding in findings)
    return ExitStatus.FAILED if is_wrong else ExitStatus.NOTHING_FLAGGED


def check_all(config: Path) -> Iterator[Finding]:
    """Every finding, in the order in which they are read."""
    found, file, apps = configuration.read(config)
    yield found
    yield from installation.check()
    yield from ports.check(file.http_options)
    for app in apps:
        yield from configuration.check(file.http_options, app)
        yield from machine.check(app)
        yield from hub.check(app)


def _table(findings: list[Finding]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for finding in findings:
        text = Text(finding.text)
        if finding.remedy:
            text.append(f"\n→ {finding.remedy}", "bold")
        style = _STYLES[finding.severity]
        table.add_row(Text(finding.severity.value, style), Text(finding.subject), text)
    return table
