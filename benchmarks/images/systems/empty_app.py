"""An application that does nothing: what Ray Serve itself costs."""

from __future__ import annotations

from ray import serve
from starlette.requests import Request


@serve.deployment(ray_actor_options={"num_cpus": 0.1})
class Empty:
    """Reads the body and answers with nothing."""

    async def __call__(self, request: Request) -> str:
        """Answer 200."""
        await request.body()
        return ""


app = Empty.bind()
