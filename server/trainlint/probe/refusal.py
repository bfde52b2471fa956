"""Why a program cannot be rebuilt for a probe."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainlint.source.code import Place


class NotCarried(Exception):
    """Something of the program that the experiment format cannot hold; the message is a clause for the user."""

    def __init__(self, reason: str, place: Place | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.place = place
