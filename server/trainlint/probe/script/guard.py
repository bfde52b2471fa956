"""Stands between a run and whoever started it: limits it, and leaves no process behind whatever happens.

It runs as a process of its own (`python -I -S guard.py ORDERS`), because the one that started it may be killed, and
because only a process can adopt the grandchildren of another one.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import shutil
import signal
import sys
import time
from typing import Any

_SET_PARENT_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36
# A process that fills memory as fast as it can writes some hundred megabytes in that time.
_SECONDS_BETWEEN_LOOKS = 0.1
_SECONDS_TO_DIE = 10.0
_MOST_TO_COUNT = 100


def main() -> None:
    """Follows the orders until the run has ended, then tells how on the status descriptor."""
    orders = json.loads(sys.argv[1])
    for descriptor in (orders["control"], orders["status"]):
        os.set_inheritable(descriptor, False)
    _prctl(_SET_CHILD_SUBREAPER, 1)
    woken, wake = os.pipe()
    for descriptor in (woken, wake):
        os.set_blocking(descriptor, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    stopped = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stopped.append(True))
    report: dict[str, Any] = {"why": None, "status": None, "peak": 0, "left": 0}
    child = _start(orders)
    try:
        _watch(orders, child, woken, stopped, report)
    finally:
        report["left"] = _end_all(child)
        if orders["scratch"]:
            shutil.rmtree(orders["scratch"], ignore_errors=True)
        with contextlib.suppress(OSError):
            os.write(orders["status"], json.dumps(report).encode())


def _start(orders: dict[str, Any]) -> int:
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        os.setpgid(0, 0)
        _prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(70)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        # Whoever types goes first; so does the guard, which a program that forks without end would starve.
        os.nice(5)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        most = min(orders["file_size"], _hard_limit(resource.RLIMIT_FSIZE))
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        os.execvp(orders["command"][0], orders["command"])
    except Exception as problem:
        os.write(orders["status"], json.dumps({"why": "not-started", "message": str(problem)}).encode() + b"\n")
    finally:
        os._exit(127)


def _hard_limit(kind: int) -> int:
    hard = resource.getrlimit(kind)[1]
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def _watch(orders: dict[str, Any], child: int, woken: int, stopped: list[bool], report: dict[str, Any]) -> None:
    """Returns when the run has ended or has to end."""
    deadline = time.monotonic() + orders["seconds"]
    look = 0.0
    while True:
        ready, _, _ = select.select([orders["control"], woken], [], [], _SECONDS_BETWEEN_LOOKS)
        if woken in ready:
            os.read(woken, 4096)
        status = _reaped(child)
        if status is not None:
            report["status"] = status
            return
        if orders["control"] in ready or stopped:
            report["why"] = "cancelled"
            return
        now = time.monotonic()
        if now > deadline:
            report["why"] = "seconds"
            return
        if now - look < _SECONDS_BETWEEN_LOOKS:
            continue
        look = now
        processes = descendants(os.getpid(), orders["processes"] + 1)
        memory = sum(_resident(process) for process in processes)
        report["peak"] = max(report["peak"], memory)
        if memory > orders["memory"] and sum(_own_share(process) for process in processes) > orders["memory"]:
            report["why"] = "memory"
            return
        if len(processes) > orders["processes"]:
            report["why"] = "processes"
            return


def _reaped(child: int) -> int | None:
    """The exit status of the child if it has ended, negative for a signal; all others that have ended are let go."""
    ended = None
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if not process:
            return ended
        if process == child:
            ended = os.waitstatus_to_exitcode(status)


def _end_all(child: int) -> int:
    """Kills everything that comes from this process and returns how many that were, if not very many."""
    me = os.getpid()
    left = len(descendants(me, _MOST_TO_COUNT))
    # All of its group and, with the first process of a sandbox, all in it end at once; the rest is looked for.
    _send(-child, signal.SIGKILL)
    end = time.monotonic() + _SECONDS_TO_DIE
    while time.monotonic() < end:
        # What is stopped can't fork any more, so this ends for programs that fork faster than they are killed.
        stopped: set[int] = set()
        while time.monotonic() < end:
            new = set(descendants(me)) - stopped
            if not new:
                break
            for process in new:
                _send(process, signal.SIGSTOP)
            stopped |= new
        for process in stopped:
            _send(process, signal.SIGKILL)
        _reaped(-1)
        if not _has_children():
            break
        time.sleep(0.005)
    return left


def _has_children() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG) is not None
    except ChildProcessError:
        return False


def _send(process: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(process, number)


def descendants(process: int, most: int = sys.maxsize) -> list[int]:
    """The processes that come from this one and have not ended, in any order and not more than so many."""
    found: set[int] = set()
    waiting = [process]
    while waiting and len(found) < most:
        children = [child for child in _children(waiting.pop()) if child not in found and not _is_dead(child)]
        found.update(children)
        waiting += children
    return list(found)


def _children(process: int) -> list[int]:
    found = []
    try:
        tasks = os.listdir(f"/proc/{process}/task")
    except OSError:
        return []
    for task in tasks:
        try:
            with open(f"/proc/{process}/task/{task}/children", "rb") as stream:
                found += [int(number) for number in stream.read().split()]
        except FileNotFoundError:
            if task == tasks[0] and os.path.exists(f"/proc/{process}"):
                return _children_by_parent(process)
        except OSError:
            pass
    return found


def _children_by_parent(process: int) -> list[int]:
    """For kernels that do not list the children of a task."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = _stat(int(name))
            if len(fields) > 1 and int(fields[1]) == process:
                found.append(int(name))
    return found


def _stat(process: int) -> list[bytes]:
    """State, parent and so on; the name before them may hold anything."""
    try:
        with open(f"/proc/{process}/stat", "rb") as stream:
            return stream.read().rpartition(b")")[2].split()
    except OSError:
        return []


def _is_dead(process: int) -> bool:
    return _stat(process)[:1] in ([], [b"Z"], [b"X"])


_PAGE = resource.getpagesize()


def _resident(process: int) -> int:
    try:
        with open(f"/proc/{process}/statm", "rb") as stream:
            return int(stream.read().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _own_share(process: int) -> int:
    """Resident memory where pages that several processes share count once; slow, so asked for last."""
    try:
        with open(f"/proc/{process}/smaps_rollup", "rb") as stream:
            for line in stream:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return _resident(process)


def _prctl(option: int, value: int) -> None:
    # Only Linux has it; the group of the child is killed in any case.
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
