"""`--fix` and `--diff`, with repairs made by hand."""

from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace

import pytest

from trainlint.finding import Fix, Notice

PROGRAM = b"import tensorflow as tf\r\nbad()\r\n"
REPAIRED = b"import tensorflow as tf\r\ngood()\r\n"


@pytest.fixture
def repairs(run, monkeypatch):
    """Replaces each `bad()` by `good()`; refuses where the text says so."""
    from trainlint.analysis import analyse

    def repair(analysis, project, config, unsafe):
        data = analysis.text.encode()
        if b"# keep" in data:
            return SimpleNamespace(
                changes=(), n_fixed=0, analysis=analysis, notices=(Notice("incomplete", analysis.path, "kept"),)
            )
        after = data.replace(b"bad()", b"good()")
        if after == data:
            return SimpleNamespace(changes=(), n_fixed=0, analysis=analysis, notices=())
        change = SimpleNamespace(path=analysis.path, before=data, after=after)
        repaired = analyse(after, analysis.path, project, config)
        return SimpleNamespace(changes=(change,), n_fixed=data.count(b"bad()"), analysis=repaired, notices=())

    module = ModuleType("trainlint.fixes.apply")
    module.repair = repair
    module.choices = lambda finding, unsafe: [fix for fix in finding.fixes if unsafe or fix.safety == "safe"]
    monkeypatch.setitem(sys.modules, "trainlint.fixes.apply", module)


def test_fix_writes_the_file(run, repairs, tmp_path):
    """The file is repaired, what was done is told, and the status is that of what is left."""
    file = tmp_path / "train.py"
    file.write_bytes(PROGRAM)
    result = run("check", "--fix", "train.py")

    assert REPAIRED == file.read_bytes()
    assert 0 == result.exit_code
    assert "Repaired 1 finding in 1 file.\n" in result.stdout


def test_diff_changes_nothing(run, repairs, tmp_path):
    """The diff is all of the standard output, the file stays, and the status is that of the file as it is."""
    file = tmp_path / "train.py"
    file.write_bytes(PROGRAM)
    result = run("check", "--diff", "train.py")

    expected = b"--- a/train.py\n+++ b/train.py\n@@ -1,2 +1,2 @@\n import tensorflow as tf\r\n-bad()\r\n+good()\r\n"

    assert (1, expected) == (result.exit_code, result.stdout_bytes)
    assert "Would repair 1 finding in 1 file.\n" == result.stderr
    assert PROGRAM == file.read_bytes()


def test_fix_of_standard_input(run, repairs):
    """The repaired text is the standard output, byte by byte, and the report goes to stderr."""
    result = run("check", "--fix", "-", input=PROGRAM)

    assert REPAIRED == result.stdout_bytes
    assert "Repaired 1 finding in 1 file.\n" in result.stderr


def test_a_fix_that_cannot_be_verified_is_named(run, repairs, tmp_path):
    """What was not repaired is told, and the finding stays."""
    (tmp_path / "train.py").write_bytes(PROGRAM + b"# keep\r\n")
    result = run("check", "--fix", "train.py")

    assert 1 == result.exit_code
    assert "note: train.py: kept\n" in result.stdout
    assert "Nothing to repair.\n" in result.stdout


def test_a_file_that_cannot_be_written(run, repairs, tmp_path):
    """A read-only file is told in one line, its finding stays, and the status is 2."""
    file = tmp_path / "train.py"
    file.write_bytes(PROGRAM)
    file.chmod(0o444)
    result = run("check", "--fix", "train.py")

    assert 2 == result.exit_code
    assert "Nothing was repaired: 1 file could not be written.\n" in result.stdout
    assert "trainlint: error: train.py: not repaired: it is read-only\n" == result.stderr
    assert PROGRAM == file.read_bytes()


def test_the_notice_of_a_file_that_cannot_be_written(run, repairs, tmp_path):
    """For a program it is a notice of its own kind: the file was read without trouble."""
    file = tmp_path / "train.py"
    file.write_bytes(PROGRAM)
    file.chmod(0o444)
    result = run("check", "--fix", "--output-format", "json", "train.py")

    assert ["unwritable"] == [notice["kind"] for notice in json.loads(result.stdout)["notices"]]


def test_unsafe_fixes_that_are_left_are_named(run, repairs, tmp_path, monkeypatch):
    """Who asked for safe fixes alone learns that there are others, and how to get them."""
    import trainlint.analysis

    analyse = trainlint.analysis.analyse

    def unsafe(*args, **options):
        analysed = analyse(*args, **options)
        analysed.findings = [
            finding.replace(fixes=(Fix("Call good()", "unsafe", finding.fixes[0].edits),))
            for finding in analysed.findings
        ]
        return analysed

    monkeypatch.setattr(trainlint.analysis, "analyse", unsafe)
    (tmp_path / "train.py").write_bytes(PROGRAM + b"# keep\r\n")
    fixed, compared = run("check", "--fix", "train.py").stdout, run("check", "--diff", "train.py").stderr

    assert "Nothing to repair safely.\n1 finding has an unsafe fix: `--fix --unsafe-fixes` applies it.\n" in fixed
    assert "Nothing to repair safely.\n1 finding has an unsafe fix: `--diff --unsafe-fixes` shows it.\n" in compared


def test_a_diff_of_a_file_elsewhere(run, repairs, tmp_path, monkeypatch):
    """The names in a diff have one first part to leave out, also where the path is absolute."""
    (tmp_path / "train.py").write_bytes(PROGRAM)
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    lines = run("check", "--diff", "../train.py").stdout.split("\n")

    assert [f"--- a{tmp_path.as_posix()}/train.py", f"+++ b{tmp_path.as_posix()}/train.py"] == lines[:2]


def test_fix_and_diff_only_show(run, repairs, tmp_path):
    """With both options nothing is written."""
    file = tmp_path / "train.py"
    file.write_bytes(PROGRAM)
    run("check", "--fix", "--diff", "train.py")

    assert PROGRAM == file.read_bytes()
