"""A Serve application that answers when its time has come, for the launcher's test."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ray import serve
from ray.serve.deployment import Application
from starlette.requests import Request


@serve.deployment(ray_actor_options={"num_cpus": 0}, max_ongoing_requests=1000)
class Slow:
    """Answers with the number of requests that are under way, itself included."""

    def __init__(self) -> None:
        self._under_way = 0

    async def __call__(self, request: Request) -> int:
        self._under_way += 1
        try:
            await asyncio.sleep(float(request.query_params.get("seconds", 0)))
            return self._under_way
        finally:
            self._under_way -= 1


def build(_args: Mapping[str, object]) -> Application:
    return Slow.bind()
