"""Why a probe has no measurements."""

from __future__ import annotations

NO_INTERPRETER = "no-interpreter"
TOO_OLD = "interpreter-too-old"
NO_BACKEND = "no-backend"
BACKEND_IMPORT = "backend-import"
DIED = "died"
MEMORY = "memory"
TIME = "time"
UNSUPPORTED = "unsupported"
CANCELLED = "cancelled"
PROTOCOL = "protocol"
REFUSED = "refused"
WORKER = "worker-error"


class ProbeError(Exception):
    """A probe that ended early: `kind` for programs, the message for people, in one line."""

    def __init__(self, kind: str, message: str, log: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.log = log
        """The last that the worker printed or where it failed, for a report of the fault; may be empty."""
