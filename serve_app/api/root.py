"""``/``: the playground for browsers, and what runs here for programs."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter, Request, Response

from serve_app.playground.page import Playground, is_asked_for
from serve_app.schemas import ServiceAnswer


def root_router(playground: Playground) -> APIRouter:
    """The route for whoever opens the address; open to everyone, also where keys are asked for.

    Args:
        playground: The page; what it sends to the other routes needs a key like any client's.
    """
    router = APIRouter(tags=["health"])
    service = ServiceAnswer(service="vigil", version=version("vigil"), docs="/docs")

    @router.get(
        "/",
        summary="What runs here",
        response_model=ServiceAnswer,
        responses={200: {"content": {"text/html": {}}}},
    )
    async def root(request: Request, response: Response) -> ServiceAnswer | Response:
        """Name, version, and where the documentation is. With `Accept: text/html`, as browsers
        ask, the playground: a page that classifies your own files.
        """
        if is_asked_for(request):
            return playground.page(request)
        response.headers["Vary"] = "Accept"
        return service

    return router
