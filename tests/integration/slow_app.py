"""A Serve application that answers when its time has come, for the launcher's test."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ray import serve
from ray.serve.deployment import Application
from starlette.requests import Request


@serve.deployment(ray_actor_options={"num_cpus": 0})
class Slow:
    async def __call__(self, request: Request) -> str:
        await asyncio.sleep(float(request.query_params.get("seconds", 0)))
        return "done"


def build(_args: Mapping[str, object]) -> Application:
    return Slow.bind()
