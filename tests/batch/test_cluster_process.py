"""What a cluster does to the process that uses it does not happen to the command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial

import pytest

from trainlint.batch import cluster_process
from trainlint.batch.cluster import ClusterError, Task
from trainlint.batch.cluster_process import on_cluster
from trainlint.batch.tasks import Ready


class Fake:
    """Takes the place of a cluster; `how` says what goes wrong."""

    def __init__(self, how, share):
        self.how, self.share = how, share

    def __enter__(self):
        if self.how == "deaf":
            time.sleep(600)
        return self

    def __exit__(self, *_):
        pass

    def run(self, items):
        """Pairs of what is shared and a value; of what is known already, its value."""
        for item in items:
            if isinstance(item, Ready):
                yield item.value
                continue
            if item.value == 3:
                if self.how == "ends":
                    os._exit(1)
                if self.how == "fails":
                    raise ValueError("a text\nof two lines")
                if self.how == "refuses":
                    raise ClusterError("no room")
            os.write(1, b"a word of Ray")
            yield self.share(item.shared), item.value, os.getcwd()


def results(how):
    items = (Ready(number) if number % 2 else Task(number, "x") for number in range(6))
    if how:
        items = (Task(number, "x") for number in range(6))
    return on_cluster(items, lambda name: name * 2, partial(Fake, how))


def test_results_are_in_order_and_nothing_is_printed(capfd):
    """What is known stays known, what is shared comes from here, and the user's folder is not the process's own."""
    there = os.path.abspath(os.sep)
    assert [("xx", 0, there), 1, ("xx", 2, there), 3, ("xx", 4, there), 5] == list(results(""))
    assert ("", "") == capfd.readouterr()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("ends", "--engine ray: the connection to the cluster was lost"),
        ("fails", "--engine ray: ValueError: a text of two lines"),
        ("refuses", "no room"),
    ],
)
def test_failure_is_one_line_after_what_was_done(how, message):
    """Ray ends the process that loses its cluster, with the status that says "something was found"."""
    found = results(how)
    assert [0, 1, 2] == [next(found)[1] for _ in range(3)]
    with pytest.raises(ClusterError) as error:
        next(found)
    assert message == str(error.value)


def test_what_does_not_answer_is_not_waited_for(monkeypatch):
    """Ray waits for ever for what accepts a connection and is no cluster."""
    monkeypatch.setattr(cluster_process, "_CONNECTING", 0.2)
    with pytest.raises(ClusterError, match=r"no cluster answered within 0\.2 s"):
        next(results("deaf"))


def test_failure_here_is_told_as_it_is():
    """An item that cannot be made is no fault of the cluster."""

    def items():
        yield Task(0, "x")
        raise OSError("this disk is gone")

    with pytest.raises(OSError, match="this disk is gone"):
        list(on_cluster(items(), str, partial(Fake, "")))


def test_interruption_ends_the_process(tmp_path):
    """Whoever presses Ctrl-C has no process left."""
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        import os, signal, sys, time
        from trainlint.batch.cluster import Task
        from trainlint.batch.cluster_process import on_cluster
        signal.signal(signal.SIGINT, signal.default_int_handler)
        class Slow:
            def __init__(self, share):
                pass
            def __enter__(self):
                open(sys.argv[1] + ".new", "w").write(str(os.getpid()))
                os.rename(sys.argv[1] + ".new", sys.argv[1])
                return self
            def __exit__(self, *_):
                pass
            def run(self, items):
                next(items)
                time.sleep(600)
                yield 0
        list(on_cluster(iter([Task(0, "x")]), str, Slow))
        """)
    )
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "pid")], stderr=subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    while not (tmp_path / "pid").exists():
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    process.wait(30)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
