"""Threads with room for deep recursion."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from trainlint import stacks


def depth(calls):
    return 0 if calls == 0 else 1 + depth(calls - 1)


def test_what_is_called_may_recurse_deeply():
    """Deeper than Python allows by default, and the limit is as before at the end."""
    before = sys.getrecursionlimit()
    calls = stacks.RECURSION - 100

    assert before < calls
    assert calls == stacks.call(lambda: depth(calls))
    assert before == sys.getrecursionlimit()


def test_a_call_in_a_call_stays_on_its_thread():
    """Threads are not made where there is room already."""
    outer, inner = stacks.call(lambda: (threading.current_thread(), stacks.call(threading.current_thread)))

    assert outer is inner
    assert outer is not threading.current_thread()


def test_errors_come_out_where_it_was_called():
    """Those of the program and those that end a thread."""
    with pytest.raises(KeyboardInterrupt):
        stacks.call(lambda: (_ for _ in ()).throw(KeyboardInterrupt))


@pytest.mark.skipif(sys.platform != "linux", reason="the system tells how often memory was taken only here")
def test_memory_of_frames_is_taken_once():
    """Calls at every depth, among them those at which a piece of the stack of frames ends."""
    script = (
        "import resource\n"
        "from trainlint import stacks\n"
        "def nothing(): pass\n"
        "def deep(calls):\n"
        "    for _ in range(20): nothing()\n"
        "    if calls: deep(calls - 1)\n"
        "def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "def measured():\n"
        "    deep(900)\n"
        "    before = faults()\n"
        "    for _ in range(20): deep(900)\n"
        "    return faults() - before\n"
        "print(stacks.call(measured))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert 50 > int(done.stdout)
