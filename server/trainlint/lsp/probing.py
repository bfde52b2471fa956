"""What the server asks of a probe: a service that a training in another process fills."""

from __future__ import annotations

from typing import Any, Protocol


class ProbeService(Protocol):
    """Probes findings; one that takes long shows progress and can be cancelled."""

    @property
    def available(self) -> bool:
        """Whether it can probe at all."""

    async def probe(self, uri: str, fingerprint: str | None) -> dict[str, Any]:
        """The measured verdict on a finding of a document, on all of them if none is named."""

    def cancel(self) -> bool:
        """Ends the probe that runs; whether there was one."""

    def close(self) -> None:
        """Leaves no process behind."""


class NoProbe:
    """Stands in as long as no probe is installed."""

    MESSAGE = "this version of trainlint cannot probe findings yet"

    @property
    def available(self) -> bool:
        return False

    async def probe(self, uri: str, fingerprint: str | None) -> dict[str, Any]:
        return {"available": False, "message": self.MESSAGE}

    def cancel(self) -> bool:
        return False

    def close(self) -> None:
        """There is nothing to end."""
