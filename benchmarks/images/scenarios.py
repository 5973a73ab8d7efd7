"""What is measured: which model, which files, how many connections.

A scenario's name is ``<what>-<connections>``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from benchmarks.model_kind import Dtype, ModelKind

FileSet = Literal["jpeg", "mixed"]
SystemName = Literal["original", "fastapi", "litserve", "ideal", "bare", "vigil", "limit", "empty"]

SERVERS: Sequence[SystemName] = ("original", "fastapi", "litserve", "ideal", "bare", "vigil")
"""The systems that answer requests, in the order of tables and charts."""

FILES_PER_MULTI_REQUEST = 64


@dataclass(frozen=True, slots=True)
class LoadScenario:
    """Uploads over some connections, each with one request in flight."""

    name: str
    title: str
    """For charts and tables."""
    model: ModelKind
    files: FileSet
    connections: int
    systems: tuple[SystemName, ...]
    files_per_request: int = 1
    warmup_seconds: float = 2.0
    seconds: float = 8.0


@dataclass(frozen=True, slots=True)
class IdleScenario:
    """No requests: what the application costs beyond an empty Ray Serve application."""

    name: str = "idle"
    title: str = "idle"
    systems: tuple[SystemName, ...] = ("vigil", "empty")
    settle_seconds: float = 10.0
    seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class MemoryScenario:
    """Many requests: whether memory stays flat."""

    name: str = "memory"
    title: str = "memory over 20,000 requests"
    systems: tuple[SystemName, ...] = ("vigil",)
    warmup_requests: int = 10_000
    """Not counted: until then the autoscaler has started the replicas that the load calls for."""
    requests: int = 20_000
    connections: int = 32


Scenario = LoadScenario | IdleScenario | MemoryScenario

_PROMPT: tuple[SystemName, ...] = ("fastapi", "litserve", "ideal", "vigil")
"""Without `original`, which is an order of magnitude slower wherever it is measured."""
_PEERS: tuple[SystemName, ...] = ("original", *_PROMPT, "limit")
_TINY = ModelKind("tiny")
_ZERO = ModelKind("zero")


def _base(dtype: Dtype, systems: tuple[SystemName, ...]) -> LoadScenario:
    """Long, because a batch of 32 takes six to ten seconds in float32."""
    return LoadScenario(
        f"base-{dtype}-32",
        f"ViT-B/16{'' if dtype == 'auto' else f' {dtype}'}, 32 connections",
        ModelKind("base", dtype),
        "jpeg",
        32,
        systems,
        warmup_seconds=10.0,
        seconds=30.0,
    )


def _multi(connections: int) -> LoadScenario:
    plural = "s" if connections > 1 else ""
    return LoadScenario(
        f"multi-{connections}",
        f"tiny, {FILES_PER_MULTI_REQUEST} files a request, {connections} connection{plural}",
        _TINY,
        "jpeg",
        connections,
        ("ideal", "vigil"),
        files_per_request=FILES_PER_MULTI_REQUEST,
        seconds=12.0,
    )


SCENARIOS: Sequence[Scenario] = (
    LoadScenario("tiny-1", "tiny, 1 connection", _TINY, "jpeg", 1, (*_PROMPT, "bare")),
    LoadScenario("tiny-8", "tiny, 8 connections", _TINY, "jpeg", 8, _PROMPT),
    LoadScenario("tiny-32", "tiny, 32 connections", _TINY, "jpeg", 32, _PEERS),
    LoadScenario("mixed-8", "tiny, mixed files, 8 connections", _TINY, "mixed", 8, _PROMPT),
    _multi(1),
    _multi(4),
    LoadScenario("zero-1", "no model, 1 connection", _ZERO, "jpeg", 1, _PEERS[1:]),
    LoadScenario("zero-32", "no model, 32 connections", _ZERO, "jpeg", 32, _PEERS[1:]),
    # Without the peers that differ in what surrounds the model: here it is nearly all there is.
    # Their documentation leaves models in float32.
    _base("auto", ("original", "ideal", "vigil", "limit")),
    _base("float32", ("ideal", "vigil", "limit")),
    _base("bfloat16", ("ideal", "vigil", "limit")),
    IdleScenario(),
    MemoryScenario(),
)

NOT_BY_DEFAULT = ("memory",)
"""Takes minutes and is a soak test rather than a comparison: run it by its name."""


def select(patterns: Iterable[str]) -> list[Scenario]:
    """The scenarios whose names match any of the patterns (``*``, ``?``); none: the default ones.

    Raises:
        ValueError: A pattern matches nothing.
    """
    patterns = list(patterns)
    if not patterns:
        return [scenario for scenario in SCENARIOS if scenario.name not in NOT_BY_DEFAULT]
    for pattern in patterns:
        if not any(fnmatchcase(scenario.name, pattern) for scenario in SCENARIOS):
            names = ", ".join(scenario.name for scenario in SCENARIOS)
            raise ValueError(f"no scenario is named {pattern!r}; there are {names}")
    return [
        scenario
        for scenario in SCENARIOS
        if any(fnmatchcase(scenario.name, pattern) for pattern in patterns)
    ]
