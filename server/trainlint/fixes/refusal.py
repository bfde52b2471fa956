"""Why a fix cannot be made."""

from __future__ import annotations


class Refused(Exception):
    """A fix that cannot be made; the text says why in one line."""
