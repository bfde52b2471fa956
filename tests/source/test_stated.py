"""Facts that no statement takes up."""

from __future__ import annotations

import pytest

from trainlint.source.comments import read_comments
from trainlint.source.document import read
from trainlint.source.stated import unused_facts


def unused(text):
    """The lines of the notices for a text."""
    document = read(text, "train.py")
    lines = text.split("\n")
    comments = [
        (offset, line, comment, lines[line - 1].lstrip().startswith("#")) for offset, line, comment in document.comments
    ]
    return [notice.line for notice in unused_facts(document, read_comments(comments).facts)]


@pytest.mark.parametrize(
    "text",
    [
        "x = f()  # trainlint: x in [0, 1]\n",
        "# trainlint: x in [0, 1]\nx = f()\n",
        "# trainlint: x in [0, 1]\n# trainlint: y in [0, 1]\nx, y = f()\n",
        "def f():\n    for a in b:\n        x = (\n            g()  # trainlint: x in [0, 1]\n        )\n",
        "self.x = f()  # trainlint: self.x in [0, 1]\n",
        "# trainlint: data.train.x in [0, 1]\ndata.train.x, y = f()\n",
        "try:\n    x: int = f()  # trainlint: x in [0, 1]\nexcept E:\n    pass\n",
    ],
)
def test_facts_of_an_assignment(text):
    """A fact about what its statement assigns is taken up."""
    assert [] == unused(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = f()  # trainlint: y in [0, 1]\n", 1),
        ("f(x)  # trainlint: x in [0, 1]\n", 1),
        ("# trainlint: x in [0, 1]\n\nx = f()\n", 1),
        ("self.x = f()  # trainlint: x in [0, 1]\n", 1),
        ("self.x = f()  # trainlint: self.y in [0, 1]\n", 1),
        ("self.x[0] = f()  # trainlint: self.x in [0, 1]\n", 1),
        ("x = f()\n# trainlint: x in [0, 1]\n", 2),
    ],
)
def test_facts_without_effect(text, line):
    """A fact about anything else would be lost without a word."""
    assert [line] == unused(text)
