"""Unified diffs."""

from __future__ import annotations

from trainlint.fixes.diff import unified_diff


def test_a_file_without_a_last_line_end():
    """The diff says so in the words that `patch` knows, and form feeds split no line."""
    expected = [
        "--- a/a.py\n",
        "+++ b/a.py\n",
        "@@ -1,2 +1,2 @@\n",
        " x\fy\n",
        "-a\n\\ No newline at end of file\n",
        "+b\n\\ No newline at end of file\n",
    ]

    assert expected == list(unified_diff(b"x\fy\na", b"x\fy\nb", "a.py"))


def test_line_ends_are_those_of_the_file():
    """A diff of a file with carriage returns keeps them, or it would not apply."""
    lines = list(unified_diff(b"a\r\nb\r\n", b"a\r\nc\r\n", "a.py"))

    assert lines[3:] == [" a\r\n", "-b\r\n", "+c\r\n"]


def test_other_encodings_are_shown_as_text():
    """Text in the file's own encoding is read by it."""
    before = "# coding: latin-1\nx = 'é'\n".encode("latin-1")

    assert "-x = 'é'\n" in list(unified_diff(before, before.replace(b"x", b"y"), "a.py"))


def test_equal_files_have_no_diff():
    """Nothing is said of what did not change."""
    assert list(unified_diff(b"a\n", b"a\n", "a.py")) == []
