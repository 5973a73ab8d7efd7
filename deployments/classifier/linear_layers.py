"""Where a network keeps its linear layers, so that others can be put in their place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class LinearPlace:
    """A place in a network, and the layer that it was found with."""

    parent: torch.nn.Module
    name: str
    linear: torch.nn.Linear

    def put(self, module: torch.nn.Module) -> None:
        """Has the network use another module here."""
        setattr(self.parent, self.name, module)

    def holds(self) -> torch.nn.Module:
        """What the network uses here now."""
        held: torch.nn.Module = getattr(self.parent, self.name)
        return held


def linear_places(network: torch.nn.Module) -> Iterator[LinearPlace]:
    """Float32 layers of exactly torch's class: a subclass may compute something else.

    Layers of one parent follow each other in the order in which it was given them, which is, in
    the networks of transformers, the order in which they run.
    """
    for parent in network.modules():
        for name, child in parent.named_children():
            if type(child) is torch.nn.Linear and child.weight.dtype is torch.float32:
                yield LinearPlace(parent, name, child)
