"""Standard streams and a working folder that are not as usual: one sentence, and status 2."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

COMMAND = f"{sys.executable} -m trainlint.cli.main"


def shell(line, cwd):
    """What a shell says of a command line with redirections."""
    return subprocess.run(["sh", "-c", line], cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full disk to offer")
@pytest.mark.parametrize(
    "arguments", ["check .", "check . --output-format json", "check . --output-format concise", "rules", "--help"]
)
def test_a_full_disk(arguments, tmp_path):
    """Output that cannot be written is told, whatever the command."""
    done = shell(f"{COMMAND} {arguments} > /dev/full", tmp_path)
    expected = "trainlint: error: the output cannot be written: No space left on device\n"
    # Without a finding, concise output is empty and fits on any disk.
    if "concise" not in arguments:
        assert (2, expected) == (done.returncode, done.stderr)


@pytest.mark.parametrize("arguments", ["check .", "rules", "explain TL301", "--version"])
def test_closed_output(arguments, tmp_path):
    """Without a standard output there is nobody to tell anything."""
    done = shell(f"{COMMAND} {arguments} >&-", tmp_path)

    assert (2, "trainlint: error: the output cannot be written: it is closed\n") == (done.returncode, done.stderr)


@pytest.mark.parametrize("arguments", ["check -", "model -"])
def test_closed_input(arguments, tmp_path):
    """A standard input that is not there is told."""
    done = shell(f"{COMMAND} {arguments} <&-", tmp_path)

    assert (2, "trainlint: error: standard input cannot be read: it is closed\n") == (done.returncode, done.stderr)


@pytest.mark.parametrize("arguments", ["check .", "model a.py"])
def test_a_working_folder_that_is_gone(arguments, tmp_path):
    """Somebody deleted the folder that paths are relative to."""
    (tmp_path / "gone").mkdir()
    done = shell(f"rmdir ../gone && {COMMAND} {arguments}", tmp_path / "gone")

    expected = "trainlint: error: the working folder cannot be used: No such file or directory\n"

    assert (2, expected) == (done.returncode, done.stderr)


def test_standard_error_that_takes_nothing(tmp_path):
    """What cannot even be told is left to the status."""
    assert 2 == shell(f"{COMMAND} check nowhere.py 2>&-", tmp_path).returncode
