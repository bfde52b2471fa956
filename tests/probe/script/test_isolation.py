"""What a program in a sandbox can do, and what is said where there is none."""

from __future__ import annotations

import os

import pytest

from trainlint.probe.script import Arm, isolation, sandbox, trial


def test_writes_are_thrown_away(runner):
    """A program in a sandbox writes as it likes, also over its own files, and nothing of it remains."""
    if not runner.sandboxed or isolation().writes != "discarded":
        pytest.skip("needs a sandbox with writable layers")
    data = runner.write("data.txt", "mine")
    runner.write("logs/old.txt", "old")
    text = f"""
        import os, pathlib, shutil, tempfile
        pathlib.Path("data.txt").write_text("overwritten")
        pathlib.Path("logs/new.txt").write_text("new")
        os.remove("logs/old.txt")
        os.mkdir("checkpoints")
        shutil.rmtree("logs")
        tempfile.mkstemp()
        pathlib.Path.home().joinpath(".trainlint-test").write_text("home")
        pathlib.Path("/dev/shm/trainlint-test").write_text("shared memory")
        print(pathlib.Path({data!r}).read_text())
    """
    run = runner.run(text)

    assert ("no-training-step", "overwritten\n", ()) == (run.outcome, run.output.text, run.notes)
    assert "mine" == (runner.folder / "data.txt").read_text()
    assert ["old.txt"] == os.listdir(runner.folder / "logs")
    assert not (runner.folder / "checkpoints").exists()
    assert not os.path.exists(os.path.expanduser("~/.trainlint-test"))
    assert not os.path.exists("/dev/shm/trainlint-test")


def test_other_places_are_read_only(runner):
    """What is neither the program's nor the home folder nor temporary can't be written to."""
    if not runner.sandboxed:
        pytest.skip("needs a sandbox")
    run = runner.run("open('/usr/trainlint-test', 'w')")

    assert "error" == run.outcome
    assert "Read-only file system" in run.message


def test_no_privileges_remain(runner):
    """What lays the layers is given up before the program begins, so it can't mount anything itself."""
    if not runner.sandboxed:
        pytest.skip("needs a sandbox")
    text = """
        import re
        status = open("/proc/self/status").read()
        print(sorted(set(re.findall(r"Cap(?:Inh|Prm|Eff|Bnd|Amb):\\t(\\w+)", status))))
    """

    assert "['0000000000000000']\n" == runner.run(text).output.text


def test_no_other_process_is_seen(runner):
    """A program in a sandbox sees itself and nobody else."""
    if not runner.sandboxed:
        pytest.skip("needs a sandbox")
    run = runner.run("import os\nprint(len([name for name in os.listdir('/proc') if name.isdigit()]))")

    assert "2\n" == run.output.text


def test_processes_that_are_started_see_the_texts_of_the_arm(runner):
    """A program that starts itself again, or starts a sibling, starts the changed text where it is isolated."""
    if not runner.sandboxed or isolation().writes != "discarded":
        pytest.skip("needs a sandbox with writable layers")
    path = runner.write("part.py", "print('old')")
    text = "import subprocess, sys\nprint(subprocess.run([sys.executable, 'part.py'], capture_output=True).stdout)"
    result = runner.result(text, Arm("repaired", {path: b"print('new')"}))

    assert ["b'old\\n'\n", "b'new\\n'\n"] == [run.output.text for run in result.runs]


@pytest.mark.parametrize("refused", [True, False])
def test_a_sandbox_without_layers(runner, monkeypatch, refused):
    """Where layers do not work the folder is read-only, and what the program writes fails with that reason."""
    if not runner.sandboxed:
        pytest.skip("needs a sandbox")
    monkeypatch.setattr("trainlint.probe.script.runs.isolation", lambda: sandbox.REFUSED)
    text = "open('checkpoint', 'w')" if refused else "import keras\nkeras.Model().fit([1.0] * 99, [3.0] * 99)"
    run = runner.run(text)

    assert ("error" if refused else "finished") == run.outcome
    assert not refused or "Read-only file system" in run.message


def test_no_bubblewrap(monkeypatch):
    """Without the program the user is told that nothing is isolated, and why."""
    monkeypatch.setattr("shutil.which", lambda name: None)
    found = trial.isolation.__wrapped__()

    assert ("none", "kept") == (found.kind, found.writes)
    assert "NOT isolated (bubblewrap, `bwrap`, is not installed)" in found.sentence


def test_a_bubblewrap_that_does_not_work(monkeypatch, tmp_path):
    """Its own message is told, such as that user namespaces are switched off."""
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    found = trial.isolation.__wrapped__()

    assert "none" == found.kind
    assert "(bubblewrap does not work here: bwrap: No permissions to create new namespace)" in found.sentence
