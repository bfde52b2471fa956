"""A fix is taken back out of a repaired text, unless a later one rewrote what it put in."""

from __future__ import annotations

from trainlint.finding import Edit
from trainlint.fixes.apply import Repaired, Round
from trainlint.fixes.undoing import undoing


def replayed(text: str, *rounds: list[tuple[str, str, str]]) -> tuple[str, Repaired]:
    """A text after rounds of (rule, old, new), and the record of them."""
    made = []
    for edits in rounds:
        placed = [(rule, Edit("f", at := text.index(old), at + len(old), new), old) for rule, old, new in edits]
        made.append(Round(tuple(placed)))
        for _, edit, _ in sorted(placed, key=lambda item: -item[1].start):
            text = text[: edit.start] + edit.text + text[edit.end :]
    return text, Repaired(None, rounds=tuple(made))


def undone(text: str, repaired: Repaired, rule: str) -> str | None:
    edits = undoing(repaired, rule)
    if edits is None:
        return None
    for edit in sorted(edits, key=lambda e: -e.start):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def test_edits_of_one_round():
    """What the others inserted before it is counted."""
    text, repaired = replayed("a b c b", [("one", "a", "long"), ("two", "c", "gone")])
    assert (text, undone(text, repaired, "two")) == ("long b gone b", "long b c b")


def test_edits_of_later_rounds_move_it():
    """A later fix before it and one behind it."""
    text, repaired = replayed("a b c", [("one", "b", "x")], [("two", "a", "aaa"), ("three", "c", "")])
    assert (text, undone(text, repaired, "one")) == ("aaa x ", "aaa b ")


def test_later_fix_around_it():
    """A later fix may rewrite the expression that it stands in, if it keeps it."""
    text, repaired = replayed("f(x) + 1", [("one", "x", "x / 255")], [("two", "f(x / 255)", "gg(x / 255, 0)")])
    assert (text, undone(text, repaired, "one")) == ("gg(x / 255, 0) + 1", "gg(x, 0) + 1")


def test_rewritten_by_a_later_fix():
    """What is no longer there as it was cannot be taken back."""
    text, repaired = replayed("f(x)", [("one", "x", "x / 255")], [("two", "f(x / 255)", "g(y)")])
    assert undone(text, repaired, "one") is None


def test_import_stays():
    """Another fix may need it."""
    repaired = Repaired(None, rounds=(Round((("one", Edit("f", 0, 0, "import m\n"), ""),)),))
    assert undoing(repaired, "one") is None
