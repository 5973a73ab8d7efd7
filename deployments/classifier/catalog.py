"""Which models a client may name, and where each is served."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from deployments.errors import ModelNotFoundError


@dataclass(frozen=True, slots=True)
class ModelCatalog:
    """The configured models and the allow-list of the on-demand ones."""

    default: str
    configured: tuple[str, ...]
    """Every one has a deployment of its own."""
    allow: tuple[str, ...] = ()
    """Patterns (``*``, ``?``, ``[…]``) of hub names that may be loaded on demand."""

    def is_configured(self, model: str) -> bool:
        """True for a model with its own deployment, False for one that loads on demand.

        Raises:
            ModelNotFoundError: Neither; the message names the models to be had.
        """
        if model in self.configured:
            return True
        if any(fnmatchcase(model, pattern) for pattern in self.allow):
            return False
        raise ModelNotFoundError(f"There is no model {model!r} here. {self.offer()}")

    def offer(self) -> str:
        """A sentence that names the models to be had."""
        offer = f"Models to be had: {', '.join(self.configured)}"
        if self.allow:
            offer += f"; loaded on demand: {', '.join(self.allow)}"
        return offer + "."
