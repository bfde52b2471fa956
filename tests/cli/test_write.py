"""Files are written whole or not at all."""

from __future__ import annotations

import os
import stat

import pytest

from trainlint.cli.write import WriteRefused, replace_content


@pytest.fixture
def file(tmp_path):
    """A file with content and a mode of its own."""
    file = tmp_path / "train.py"
    file.write_bytes(b"old\r\n")
    file.chmod(0o751)
    return file


def test_content_and_mode(file):
    """The new content is there, the mode is kept, and nothing else is left in the folder."""
    replace_content(str(file), b"old\r\n", b"new\r\n")

    assert b"new\r\n" == file.read_bytes()
    assert 0o751 == stat.S_IMODE(file.stat().st_mode)
    assert [file] == list(file.parent.iterdir())


def test_link_stays_a_link(file, tmp_path):
    """Through a symbolic link its target is written."""
    link = tmp_path / "sub" / "link.py"
    link.parent.mkdir()
    link.symlink_to(file)
    replace_content(str(link), b"old\r\n", b"new")

    assert link.is_symlink()
    assert b"new" == file.read_bytes()


def test_changed_file_is_not_written(file):
    """A file that is not as it was read stays as it is now."""
    with pytest.raises(WriteRefused, match="it changed since it was read"):
        replace_content(str(file), b"older", b"new")

    assert b"old\r\n" == file.read_bytes()


def test_read_only_file_is_not_written(file):
    """A file without any permission to write was meant to stay."""
    file.chmod(0o444)
    with pytest.raises(WriteRefused, match="it is read-only"):
        replace_content(str(file), b"old\r\n", b"new")

    assert b"old\r\n" == file.read_bytes()


def test_missing_file_is_not_made(tmp_path):
    """A file that is gone is not brought back."""
    with pytest.raises(WriteRefused, match="No such file"):
        replace_content(str(tmp_path / "gone.py"), b"", b"new")

    assert [] == list(tmp_path.iterdir())


def test_failure_leaves_everything_as_it_was(file, monkeypatch):
    """Where the last step fails, the old content is there and no temporary file."""

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(WriteRefused, match="No space left on device"):
        replace_content(str(file), b"old\r\n", b"new")

    assert b"old\r\n" == file.read_bytes()
    assert [file] == list(file.parent.iterdir())
