"""Checks that ask the installed framework itself, because versions differ in what they do."""

from . import library, losses, metrics, models, operations, pipelines, sessions
from .library import Missing

__all__ = ["CHECKS", "Missing"]

CHECKS: dict = {}
for _module in (library, losses, metrics, models, operations, pipelines, sessions):
    CHECKS.update(_module.CHECKS)
