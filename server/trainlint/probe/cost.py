"""What a training costs, before it is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainlint.probe.replica import Replica

LARGEST = 20_000_000
"""Trainable numbers of the largest network that is probed: the weights of all replicas and the optimizer's state of
each must fit into memory."""


def affordable(replica: Replica) -> bool:
    """Whether a network is small enough to be trained several times."""
    return replica.parameters <= LARGEST
