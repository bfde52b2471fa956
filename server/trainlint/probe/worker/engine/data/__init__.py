"""Synthetic data: what is drawn for a (task, seed), and how each arm's sources show it."""

from .sample import Sample
from .sources import fed_values

__all__ = ["Sample", "fed_values"]
