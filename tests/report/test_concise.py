"""One line per finding."""

from __future__ import annotations

from trainlint.report.concise import notice_line, render


def test_a_line_per_finding(analysed):
    """Each finding that no comment silences is one line, whatever its message holds."""
    program = analysed("a\nb\n", "models/net.py")
    program.find("one-rule", "a", "first\nsecond")
    program.find("other-rule", "b", "quiet", suppressed="ignore")

    assert ["models/net.py:1:1: warning one-rule first second"] == list(render([program.entry()]))


def test_cells_are_counted_from_one(analysed):
    """In a notebook the cell stands behind the path."""
    program = analysed("a\n", "net.ipynb", cell=0).find("one-rule", "a", "wrong")

    assert ["net.ipynb:cell 1:1:1: warning one-rule wrong"] == list(render([program.entry()]))


def test_notices_name_their_place():
    """A notice has its line if it has one, and stands alone if it belongs to no file."""
    notice = {"kind": "incomplete", "file": "a.py", "cell": None, "line": None, "message": "too long"}

    assert "a.py: too long" == notice_line(notice)
    assert "a.py:3: too long" == notice_line({**notice, "line": 3})
    assert "too long" == notice_line({**notice, "file": ""})
