from __future__ import annotations

from collections.abc import Iterator

import httpx


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


async def test_every_reference_leads_to_something(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    found = set(references(document))
    assert "#/components/schemas/Problem" in found
    for reference in found:
        target = document
        for name in reference.removeprefix("#/").split("/"):
            assert name in target, reference
            target = target[name]
