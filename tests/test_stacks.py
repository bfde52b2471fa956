"""Threads with room for deep recursion."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from trainlint import stacks


def depth(calls):
    return 0 if calls == 0 else 1 + depth(calls - 1)


def in_a_process(script):
    """The lines that a script prints in a process of its own, where no other test has started a thread."""
    head = "import sys, threading\nfrom trainlint import stacks\nlimit = sys.getrecursionlimit\n"
    done = subprocess.run([sys.executable, "-c", head + script], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_what_is_called_may_recurse_deeply():
    """Deeper than Python allows by default."""
    calls = stacks.RECURSION - 100

    assert calls == stacks.call(lambda: depth(calls))


def test_the_limit_is_as_before_at_the_end():
    """It is one for all threads of the process."""
    before, within, after = in_a_process("print(limit(), stacks.call(limit), limit())")

    assert int(before) < stacks.RECURSION
    assert int(within) == stacks.RECURSION
    assert after == before


def test_a_thread_that_ends_leaves_the_others_their_room():
    """Of two threads the one that began first ends first."""
    before, between, after = in_a_process(
        "print(limit())\n"
        "first_may, second_may = threading.Event(), threading.Event()\n"
        "first = stacks.start(first_may.wait, 'first')\n"
        "second = stacks.start(second_may.wait, 'second')\n"
        "first_may.set(); first.join()\n"
        "print(limit())\n"
        "second_may.set(); second.join()\n"
        "print(limit())\n"
    )

    assert int(before) < stacks.RECURSION
    assert int(between) == stacks.RECURSION
    assert after == before


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
