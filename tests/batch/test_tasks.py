"""Results in order, from here or from several processes, also when some of these die."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial

import pytest
from tests.probe.process.helpers import pid_exists

from trainlint.batch.tasks import FEW, Died, Ready, in_order


def _work_of(folder):
    return partial(_work, folder)


def _work(folder, item):
    """Squares a number; words say what goes wrong."""
    if isinstance(item, int):
        return item * item, os.getpid()
    how, _, name = item.partition(" ")
    if how == "raise":
        raise ValueError("this one is wrong")
    if how == "once" and os.path.exists(os.path.join(folder, name)):
        return "at last", os.getpid()
    with open(os.path.join(folder, name), "x" if how == "once" else "w"):
        pass
    os.kill(os.getpid(), signal.SIGKILL)


def computed(folder, items, jobs=2):
    return list(in_order(items, partial(_work, str(folder)), partial(_work_of, str(folder)), jobs))


def test_order_is_that_of_the_items(tmp_path):
    """Whoever is done first, and what is known before stands in its place."""
    items = [Ready("known") if number % 3 == 0 else number for number in range(100)]
    found = computed(tmp_path, items)
    assert [each if each == "known" else each[0] for each in found] == [
        "known" if number % 3 == 0 else number * number for number in range(100)
    ]
    assert 1 <= len({each[1] for each in found if each != "known"} - {os.getpid()}) <= 2


def test_few_tasks_start_no_process(tmp_path):
    """A process takes longer to start than a file takes to check."""
    items = [Ready(0)] * 50 + list(range(FEW - 1))
    assert {pid for _, pid in computed(tmp_path, items)[50:]} == {os.getpid()}
    assert {pid for _, pid in computed(tmp_path, range(20), jobs=1)} == {os.getpid()}


def test_process_that_dies_costs_its_task(tmp_path):
    """It is tried again, alone; if that dies too, the result says how, and the others have theirs."""
    found = computed(tmp_path, [0, 1, "kill a", 3, "once b", 5, 6, 7, "kill c", 9])
    died = [number for number, each in enumerate(found) if isinstance(each, Died)]
    assert died == [2, 8]
    assert found[2].reason == "killed by SIGKILL"
    assert found[4][0] == "at last"
    assert [found[number][0] for number in (0, 1, 3, 5, 6, 7, 9)] == [0, 1, 9, 25, 36, 49, 81]


def test_failure_of_a_task_is_its_result(tmp_path):
    """An exception ends no process."""
    found = computed(tmp_path, [0, 1, 2, "raise x", 4])
    assert found[3].reason == "ValueError: this one is wrong"
    assert found[4][0] == 16


def test_items_are_not_taken_long_before_their_results(tmp_path):
    """Millions of files need not be in memory."""
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    results = in_order(items(), partial(_work, str(tmp_path)), partial(_work_of, str(tmp_path)), 2)
    next(results)
    assert len(taken) < 100
    results.close()


@pytest.mark.parametrize(("how", "seconds"), [(signal.SIGINT, 60), (signal.SIGKILL, 2)])
def test_nothing_outlives_the_caller(tmp_path, how, seconds):
    """Who interrupts a check ends its processes at once; who kills it, as soon as they are done with a file."""
    program = textwrap.dedent("""
        import os, sys, time, signal
        from functools import partial
        from trainlint.batch.tasks import in_order
        signal.signal(signal.SIGINT, signal.default_int_handler)
        def work(item):
            open(os.path.join(sys.argv[1], str(os.getpid())), "w").close()
            time.sleep(float(sys.argv[2]))
        def make():
            return work
        list(in_order(range(100), work, make, 3))
    """)
    script = tmp_path / "script.py"
    script.write_text(program)
    folder = tmp_path / "pids"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder), str(seconds)], stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while len(list(folder.iterdir())) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    pids = [int(each.name) for each in folder.iterdir()]
    process.send_signal(how)
    process.wait(10)
    while any(pid_exists(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (len(pids), [pid for pid in pids if pid_exists(pid)]) == (3, [])


def test_what_is_known_comes_at_once(tmp_path):
    """Nobody waits for the first task to see what needs none."""
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield Ready(number)

    results = in_order(items(), partial(_work, str(tmp_path)), partial(_work_of, str(tmp_path)), 2)
    assert (next(results), len(taken)) == (0, 1)


def _unable(folder):
    raise ValueError(f"{folder}\nis gone")


def test_process_that_cannot_work(tmp_path, capfd):
    """Each of its tasks says why, and no process says anything by itself."""
    found = list(in_order(range(6), partial(_work, str(tmp_path)), partial(_unable, "this"), 2))
    assert [each.reason for each in found] == ["ValueError: this is gone"] * 6
    assert capfd.readouterr() == ("", "")


def _unpicklable(folder):
    return lambda item: (lambda: item) if item == 3 else item


def test_result_that_cannot_travel(tmp_path, capfd):
    """It is a failure of its task alone."""
    found = list(in_order(range(6), partial(_work, str(tmp_path)), partial(_unpicklable, "this"), 2))
    assert [each for each in found if not isinstance(each, Died)] == [0, 1, 2, 4, 5]
    assert "lambda" in found[3].reason
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("most", [0, 1, 2])
def test_no_more_processes_are_to_be_had(tmp_path, monkeypatch, most):
    """Those that could be started do all; without one it is done here."""
    from trainlint.batch import pool

    class Few(pool._Worker):
        def __init__(self, make, others):
            if len(list(others)) >= most:
                raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
            super().__init__(make, others)

    monkeypatch.setattr(pool, "_Worker", Few)
    found = computed(tmp_path, range(100), jobs=5)
    assert [square for square, _ in found] == [number * number for number in range(100)]
    pids = {pid for _, pid in found}
    assert pids == {os.getpid()} if not most else len(pids - {os.getpid()}) == len(pids) <= most


def test_process_that_dies_and_has_no_successor(tmp_path, monkeypatch):
    """A task that may be deadly is not done here."""
    from trainlint.batch import pool

    class Few(pool._Worker):
        def __init__(self, make, others):
            if started:
                raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
            started.append(1)
            super().__init__(make, others)

    started = []
    monkeypatch.setattr(pool, "_Worker", Few)
    found = computed(tmp_path, [0, 1, "kill a", 3, 4], jobs=5)
    assert isinstance(found[2], Died)
    assert [found[number][0] for number in (0, 1, 3, 4)] == [0, 1, 9, 16]
