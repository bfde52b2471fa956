"""The process that uses a cluster for this one.

Ray ends the process that loses its cluster, at once and with the status that says "something was found"; it writes to
the standard output; and it has the processes of the nodes import from the working folder, where the user's code is.
All of that is kept out of this process.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

from trainlint.batch.cluster import Cluster, ClusterError, Task
from trainlint.batch.pool import can_fork
from trainlint.batch.tasks import Ready

_CONNECTING = 60
"""Seconds for a cluster to be connected to, or started; what answers but is none would keep Ray waiting for ever."""

_GOODBYE = 5
"""Seconds in which the process takes back what it gave out, and ends a cluster of its own."""

_ITEM, _SHARED, _RESULT, _DONE, _FAILED = range(5)
"""What the process asks for, and what it tells."""


def on_cluster(
    items: Iterator[Task | Ready], share: Callable[[str], Any], use: Callable[[Callable[[str], Any]], Cluster]
) -> Iterator[Any]:
    """The results of items in their order; raises ClusterError if there are none to be had.

    `use`, which is pickled, gives the cluster of a way to share, and `share` makes what is shared by a name.
    """
    context: Any = multiprocessing.get_context("fork" if can_fork() else "spawn")
    pipe, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, pipe, use), daemon=True)
    process.start()
    theirs.close()
    # What is known already stays here.
    known: deque[Ready | None] = deque()
    done = False
    try:
        if not pipe.poll(_CONNECTING):
            process.kill()
            raise ClusterError(f"--engine ray: no cluster answered within {_CONNECTING} s")
        while not done:
            what, value = _unless_lost(pipe.recv)
            if what == _ITEM:
                item = next(items, None)
                ready = item if isinstance(item, Ready) else None
                known.append(ready)
                _unless_lost(pipe.send, Ready(None) if ready else item)
            elif what == _SHARED:
                _unless_lost(pipe.send, share(value))
            elif what == _RESULT:
                ready = known.popleft()
                yield ready.value if ready else value
            elif what == _FAILED:
                raise ClusterError(value)
            else:
                done = True
    finally:
        pipe.close()
        if not done:
            process.terminate()
        process.join(_GOODBYE)
        if process.is_alive():
            process.kill()
            process.join()


def _unless_lost(act: Callable[..., Any], *what: Any) -> Any:
    """What comes of sending or receiving; raises ClusterError if the process has ended."""
    try:
        return act(*what)
    except (EOFError, OSError):
        raise ClusterError("--engine ray: the connection to the cluster was lost") from None


def _serve(pipe: Connection, other: Connection, use: Callable[[Callable[[str], Any]], Cluster]) -> None:
    """What the process does: takes items as there is room for them, and gives back results."""
    other.close()
    # Who presses Ctrl-C ends the caller, and that ends this process; the processes of Ray do not ignore it.
    signal.signal(signal.SIGINT, lambda *_: None)
    if "TRAINLINT_TRACEBACK" not in os.environ:
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    os.chdir(os.path.abspath(os.sep))

    def asked(what: int, value: Any = None) -> Any:
        pipe.send((what, value))
        return pipe.recv()

    try:
        with use(lambda name: asked(_SHARED, name)) as cluster:
            for result in cluster.run(iter(lambda: asked(_ITEM), None)):
                pipe.send((_RESULT, result))
            pipe.send((_DONE, None))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        # Nobody asks any more.
        return
    except ClusterError as error:
        pipe.send((_FAILED, str(error)))
    except Exception as error:
        traceback.print_exc()
        pipe.send((_FAILED, f"--engine ray: {type(error).__name__}: {' '.join(str(error).split())[:300]}"))
