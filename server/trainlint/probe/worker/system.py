"""What the worker asks of the operating system. Linux and macOS.

On Windows, the pipes would come as handles: the client makes them inheritable and names them in
`STARTUPINFO.lpAttributeList`, and the worker turns them into descriptors with `msvcrt.open_osfhandle`; a job object
that is closed with the client would take the place of process groups and of the parent's death.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

_DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>


def settle(requests: int, answers: int) -> None:
    """Keeps the pipes to this process, and makes sure that it does not outlive its parent."""
    os.set_inheritable(requests, False)
    os.set_inheritable(answers, False)
    # The client decides what an interrupt means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform.startswith("linux"):
        # The pipe's end tells the same, but C code that holds the interpreter's lock keeps everybody from reading it.
        try:
            import ctypes

            ctypes.CDLL(None, use_errno=True).prctl(_DIES_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        except (ImportError, OSError, AttributeError):
            pass


def end() -> None:
    """Ends this process and what it started, whatever its threads are doing."""
    try:
        if os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)
    finally:
        os._exit(1)


def leave() -> None:
    """Ends this process in peace; the frameworks' own clean-up takes seconds and can hang."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(0)
