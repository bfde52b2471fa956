"""The protocol: lines of JSON on a descriptor that nobody else knows.

Each line begins with a word that is new for each run, so that whatever the program itself writes there is not taken
for a message.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from typing import Any, Dict

# Programs that close "all" descriptors mostly stop at 256 or 1024; the usual limit is 1024.
_OUT_OF_THE_WAY = 800


class Channel:
    """Sends messages to whoever started the run."""

    def __init__(self, descriptor: int, claim: int, word: str) -> None:
        self._descriptor = _moved(descriptor)
        self._claim = _moved(claim)
        self._word = word.encode("ascii")
        self._lock = threading.Lock()
        self._main_process = os.getpid()
        self._owner = 0

    @property
    def in_main_process(self) -> bool:
        """Whether this is the process that was started, not one that it forked."""
        return os.getpid() == self._main_process

    @property
    def trained_here(self) -> bool:
        """Whether the record is this process's own."""
        return self._owner == os.getpid()

    def owns_training(self) -> bool:
        """Whether this process is the first one that trained: forks of it hold the same record."""
        process = os.getpid()
        if self._owner == process:
            return True
        if self._owner:
            return False
        try:
            # One byte lies in a pipe that all forks share.
            mine = os.read(self._claim, 1)
        except OSError:
            mine = b""
        self._owner = process if mine else -1
        return bool(mine)

    def send(self, kind: str, **fields: Any) -> None:
        """Writes one message; a run whose record nobody can read any more ends here."""
        message: Dict[str, Any] = {"kind": kind}
        message.update(fields)
        # A line feed in front ends what the program may have written there.
        line = b"\n" + self._word + json.dumps(message).encode("ascii") + b"\n"
        # A thread may hold the lock in the moment of a fork, and then for ever.
        locked = self._lock.acquire(timeout=1)
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
        except OSError:
            os._exit(70)
        finally:
            if locked:
                self._lock.release()


def _moved(descriptor: int) -> int:
    """The same file under a high number, which programs that are started do not inherit."""
    try:
        moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY)
    except OSError:
        os.set_inheritable(descriptor, False)
        return descriptor
    os.close(descriptor)
    return moved
