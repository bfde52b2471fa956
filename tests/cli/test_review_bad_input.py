"""What a review cannot use or write: a line that says so, status 2, and no file is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from repositories import Repository
from reviewed import OLD, Result

SERVER = Path(__file__).parents[2] / "server"


def snapshot(folder):
    """All files with their content."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("check", "--baseline", "corrupt.json"), "the baseline corrupt.json cannot be used: it is no JSON"),
        (("check", "--baseline", "old.py"), "the baseline old.py cannot be used: it is no JSON"),
        (("check", "--baseline", "none.json"), "cannot be read: No such file or directory; to write it: trainlint bas"),
        (("check", "--baseline", ""), "--baseline is empty"),
        (("baseline", "create", "--baseline", ""), "--baseline is empty"),
        (("baseline", "prune", "--baseline", ""), "--baseline is empty"),
        (("baseline", "create", "--baseline", "corrupt.json"), "the baseline corrupt.json cannot be used"),
        (("baseline", "create", "--baseline", "old.py"), "the baseline old.py cannot be used"),
        (("baseline", "create", "missing.py"), "trainlint-baseline.json was not changed"),
        (("baseline", "prune", "--baseline", "none.json"), "cannot be read: No such file or directory"),
        (("check", "--diff-base", "nowhere"), "--diff-base nowhere: git knows no commit 'nowhere' here"),
        (("check", "--diff-base", ""), "--diff-base is empty"),
        (("check", "--output-format", "html=folder"), "folder cannot be written: it is a folder"),
        (("check", "--output-format", "html=none/x.html"), "none/x.html cannot be written: there is no folder none"),
        (("check", "--output-format", "sarfi"), "there is no output format 'sarfi' (did you mean sarif?)"),
        (("check", "--output-format", "sarif="), "--output-format sarif= names no file"),
        (("check", "--output-format", "sarif,json"), "sarif and json would be mixed on the standard output"),
        (("check", "--output-format", "sarif=a,json=a"), "two formats would be written to one file"),
        (("check", "--output-format", "sarif=a,json", "--output-file", "b"), "--output-file is for one format"),
        (("check", "--fix", "--diff-base", "main"), "they do not go with --diff-base"),
        (("check", "--fail-on", "confirmed"), "--fail-on confirmed needs --probe"),
        (("check", "--statistics", "--output-format", "json"), "--statistics is a text report"),
        (("check", "--python", "x"), "--python belongs to --probe"),
    ],
)  # fmt: skip
def test_bad_input(args, message, repository, trainlint):
    """What cannot be used is one line and status 2, and no file is touched."""
    repository.put("corrupt.json", '{"trainlint_baseline": 1, "files": {')
    (repository.folder / "folder").mkdir()
    before = snapshot(repository.folder)
    result = trainlint(*args)

    assert (2, "") == (result.status, result.out)
    assert message in result.errors
    assert all(line.startswith("trainlint: error: ") for line in result.errors.splitlines())
    assert before == snapshot(repository.folder)


def test_baseline_alone_shows_its_help(repository, trainlint):
    """Who names no command of the group sees which there are."""
    result = trainlint("baseline")

    assert (2, "") == (result.status, result.out)
    assert result.errors.startswith("Usage: ")
    assert "  create  Write what is found below PATH (default: this folder).\n" in result.errors


def restricted():
    """What to put before a command so that it may do what the modes of files say; root may do everything."""
    if os.geteuid():
        return []
    powers = "-dac_override,-dac_read_search,-fowner"
    command = ["setpriv", f"--bounding-set={powers}", f"--inh-caps={powers}"]
    if not shutil.which("setpriv") or subprocess.run([*command, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may do everything")
    return command


@pytest.fixture
def guarded(repository):
    """Runs command lines as somebody who may not read or write some files, and gives what changed too."""
    repository.put("readonly.html", "mine").put("sealed/there.html", "mine").put("unreadable.py", OLD)
    shutil.copy(repository.path("trainlint-baseline.json"), repository.path("readonly.json"))
    shutil.copy(repository.path("trainlint-baseline.json"), repository.path("unreadable.json"))
    modes = {"readonly.html": 0o400, "readonly.json": 0o400, "unreadable.py": 0o200, "unreadable.json": 0o200}
    for name, mode in {**modes, "sealed": 0o500}.items():
        os.chmod(repository.path(name), mode)
    before = {path: os.stat(path) for path in repository.folder.rglob("*") if ".git" not in path.parts}

    def run(*args, **environment):
        done = subprocess.run(
            [*restricted(), sys.executable, "-m", "trainlint", *args], cwd=repository.folder, capture_output=True,
            text=True, check=False, env={**os.environ, "PYTHONPATH": str(SERVER), **environment},
        )  # fmt: skip
        after = {path: os.stat(path) for path in repository.folder.rglob("*") if ".git" not in path.parts}
        same = [(each.st_mtime_ns, each.st_size, each.st_ino) for each in after.values()] == [
            (each.st_mtime_ns, each.st_size, each.st_ino) for each in before.values()
        ]
        return Result(done.returncode, done.stdout, done.stderr), same and before.keys() == after.keys()

    yield run
    os.chmod(repository.path("sealed"), 0o700)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("check", "old.py", "--output-file", "sealed/x.html"), "sealed/x.html cannot be written: its folder is read-"),
        (("check", "old.py", "--output-file", "sealed/there.html"), "there.html cannot be written: its folder is read"),
        (("check", "old.py", "--output-format", "html=readonly.html"), "readonly.html cannot be written: it is read-o"),
        (("probe", "old.py", "--output-file", "readonly.html"), "readonly.html cannot be written: it is read-only"),
        (("baseline", "create", "old.py", "--baseline", "sealed/b.json"), "sealed/b.json cannot be written: its fold"),
        (("baseline", "create", "old.py", "--baseline", "readonly.json"), "readonly.json cannot be written: it is re"),
        (("baseline", "prune", "old.py", "--baseline", "readonly.json"), "readonly.json cannot be written: it is rea"),
        (("baseline", "create", "--baseline", "new.json"), "unreadable.py: Permission denied\ntrainlint: error: new"),
        (("baseline", "create", "--baseline", "unreadable.json"), "unreadable.json cannot be read: Permission denied"),
        (("check", "old.py", "--baseline", "unreadable.json"), "unreadable.json cannot be read: Permission denied"),
    ],
)  # fmt: skip
def test_what_may_not_be_read_or_written(args, message, guarded):
    """It is told before anything is checked, in a line, and no file is touched."""
    result, same = guarded(*args)

    assert (2, "", True) == (result.status, result.out, same)
    assert message in result.errors
    assert all(line.startswith("trainlint: error: ") for line in result.errors.splitlines())


def test_caches_that_may_not_be_written(guarded, tmp_path):
    """A check goes without; a cache that was made by somebody else is used or left alone."""
    cache = tmp_path / "cache"
    first, _ = guarded("check", "old.py", "--output-format", "concise", XDG_CACHE_HOME=str(cache))
    for path in (*cache.rglob("*"), cache):
        os.chmod(path, 0o500 if path.is_dir() else 0o400)
    second, _ = guarded("check", "old.py", "--output-format", "concise", XDG_CACHE_HOME=str(cache))
    for path in (*cache.rglob("*"), cache):
        os.chmod(path, 0o700 if path.is_dir() else 0o600)

    assert (1, "") == (first.status, first.errors)
    assert (1, first.out, "") == (second.status, second.out, second.errors)


def test_pipes_take_a_report(repository, trainlint, tmp_path):
    """What is no regular file is written to and not replaced: a device, the end of a pipe."""
    reading, writing = os.pipe()
    result = trainlint("check", "--output-format", f"concise=/dev/fd/{writing}")
    os.close(writing)
    with open(reading) as stream:
        shown = stream.read()

    assert 1 == result.status
    assert 5 == shown.count("\n")


def test_no_repository_and_bare_ones(repository, trainlint, tmp_path, monkeypatch):
    """Without files that git knows, there is nothing to compare."""
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.py").write_text(OLD)
    monkeypatch.chdir(tmp_path / "plain")
    alone = trainlint("check", "--diff-base", "main")
    bare = Repository(tmp_path / "bare.git", "--bare", str(repository.folder))
    monkeypatch.chdir(bare.folder)
    nothing = trainlint("check", "--diff-base", "main")

    assert (2, "") == (alone.status, alone.out)
    assert alone.errors.endswith(" is in no git repository\n")
    assert (2, "") == (nothing.status, nothing.out)
    assert nothing.errors.endswith(" is in a bare repository, which has no files to check\n")
