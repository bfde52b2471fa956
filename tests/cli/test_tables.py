"""Tables that are wider than the terminal."""

from __future__ import annotations

import pytest

from trainlint.cli.tables import table
from trainlint.report.terminal import Style, cells

COLUMNS = ("code", "name", "what it says")
ROWS = [("TL701", "silent-loss-broadcast", "Reports losses whose labels and predictions have shapes that broadcast.")]


def lines(width):
    """The table on a terminal of a width."""
    return list(table(COLUMNS, ROWS, Style(False, width)))


def test_a_table_that_fits():
    """What fits is a row in a line, its columns aligned."""
    expected = [
        "code   name                   what it says",
        "-----  ---------------------  ----------------------------------------------------------------------",
        "TL701  silent-loss-broadcast  Reports losses whose labels and predictions have shapes that broadcast.",
    ]

    assert expected[0] == lines(120)[0]
    assert expected[2] == lines(120)[2]


def test_sentences_are_broken():
    """A sentence goes on below itself as long as its column is wide enough to read."""
    expected = [
        "TL701  silent-loss-broadcast  Reports losses whose labels and predictions have",
        "                              shapes that broadcast.",
    ]

    assert expected == lines(80)[2:]


def test_columns_without_room_stand_below():
    """On a narrow terminal the columns that do not fit stand below the others, headings as well."""
    expected = [
        "code   name",
        "    what it says",
        "-----  ---------------------",
        "TL701  silent-loss-broadcast",
        "    Reports losses whose labels and",
        "    predictions have shapes that",
        "    broadcast.",
    ]

    assert expected == lines(40)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_nothing_is_wider_than_the_terminal(width):
    """Whatever the width, the table keeps to it and no word is lost."""
    shown = lines(width)

    assert max(cells(line) for line in shown) <= width
    assert set(" ".join(ROWS[0]).split()) <= set(" ".join(shown).split())
