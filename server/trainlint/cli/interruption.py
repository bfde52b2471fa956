"""Ctrl-C: the first one ends the command, those that follow find it at its end."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import time
from contextlib import suppress
from typing import Any, NoReturn

INTERRUPTED = 130
"""As a shell reports a process that SIGINT ended."""

PATIENCE = 1.0
"""Seconds that a command has for its end before another Ctrl-C ends it at once."""


class Interruption:
    """What happens on Ctrl-C, in the process of a command."""

    def __init__(self) -> None:
        self._since: float | None = None

    def listen(self) -> None:
        """Raises KeyboardInterrupt on the first Ctrl-C from now on, and only then.

        Another one, in the middle of what is done about the first, would leave processes behind.
        """
        # A script that starts something in the background lets it ignore Ctrl-C.
        if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(signal.SIGINT, self._interrupted)

    def end(self, status: int) -> NoReturn:
        """Ends the process; after an interruption without waiting for threads, which may be busy with a long file."""
        if self._since is None:
            if signal.getsignal(signal.SIGINT) == self._interrupted:
                # All is said: there is nothing left to tell of an interruption, least of all by Python.
                signal.signal(signal.SIGINT, signal.SIG_DFL)
            sys.exit(status)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _end_processes()
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, OSError, ValueError):
                stream.flush()
        os._exit(status)

    def _interrupted(self, *_: Any) -> None:
        now = time.monotonic()
        if self._since is None:
            self._since = now
            raise KeyboardInterrupt
        if now - self._since > PATIENCE:
            _end_processes()
            os._exit(INTERRUPTED)


def _end_processes() -> None:
    if "multiprocessing" in sys.modules:
        for each in sys.modules["multiprocessing"].active_children():
            each.kill()
