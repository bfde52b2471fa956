"""What is found out about a program is kept where nothing has changed that it rests on."""

from __future__ import annotations

from trainlint.analysis import Analysis, analyse
from trainlint.config import Config
from trainlint.program.liveness import Liveness
from trainlint.program.recall import aligned
from trainlint.program.sizes import Sizes, sizes
from trainlint.project import Project

TWO = """import tensorflow as tf
a = tf.keras.layers.Dense(30, kernel_initializer=tf.keras.initializers.RandomNormal(stddev=1.0))(tf.keras.Input((20,)))
b = tf.keras.layers.Dense(40, kernel_initializer=tf.keras.initializers.RandomNormal(stddev=0.1))(tf.keras.Input((20,)))
b = tf.nn.relu(b)
b = tf.keras.layers.Dense(2)(b)
"""


def edited(*texts: str) -> list[Analysis]:
    """The analyses of a text and its next versions."""
    found: list[Analysis] = []
    for text in texts:
        previous = found[-1] if found else None
        found.append(analyse(text.encode(), "edited.py", Project("."), Config(), previous))
    return found


def counted(asked):
    """How often a function has to be asked for the operations of a kind."""

    def look(program, operation):
        asked.append(operation.output.shape[-1])
        return [program.source(operation.inputs[0])]

    return look


def widths(program, look):
    for operation in program.of_kind("matmul"):
        program.recall(look, operation)


def test_what_an_edit_does_not_touch_is_not_asked_again():
    """Only what reads a changed operation is computed again."""
    asked = []
    look = counted(asked)
    first = edited(TWO)[0]
    widths(first.programs[0], look)
    assert [30, 40, 2] == asked
    second = analyse(TWO.replace("Dense(30", "Dense(31").encode(), "edited.py", Project("."), Config(), first)
    widths(second.programs[0], look)

    assert [31] == asked[3:]


def test_an_old_version_still_answers():
    """A program that has been replaced computes what is asked of it, and its answers are its own."""
    first, second = edited(TWO, TWO.replace("Dense(30", "Dense(31"))
    asked = []
    look = counted(asked)
    widths(second.programs[0], look)
    widths(first.programs[0], look)

    assert [31, 40, 2, 30, 40, 2] == asked


def test_a_failure_notes_nothing():
    """A function that raises is asked again."""
    program = edited(TWO)[0].programs[0]
    asked = []

    def fail(program):
        asked.append(1)
        raise ValueError

    for _ in range(2):
        try:
            program.recall(fail)
        except ValueError:
            continue

    assert 2 == len(asked)
    assert program._reads is None


def test_worlds_share_what_they_have_in_common():
    """What is found out in one world holds in another where that differs elsewhere."""
    text = TWO + (
        "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--deep', action='store_true')\n"
        "if parser.parse_args().deep:\n    b = tf.keras.layers.Dense(7)(b)\nc = tf.keras.layers.Dense(9)(b)\n"
    )
    programs = edited(text)[0].programs
    assert 2 == len(programs)
    programs[1].resemble(programs[0])
    asked = []
    look = counted(asked)
    for program in programs:
        widths(program, look)

    assert [30, 40, 2, 7, 9, 9] == asked


def test_renewed_sizes_are_those_of_a_fresh_program():
    """Sizes that were taken over and those behind a change come out as if all were computed."""
    versions = (
        TWO,
        TWO.replace("relu", "sigmoid"),
        TWO.replace("stddev=0.1", "stddev=0.7"),
        TWO + "b = b * 3.0\n",
        TWO,
    )
    analysis = None
    for text in versions:
        analysis = analyse(text.encode(), "edited.py", Project("."), Config(), analysis)
        program = analysis.programs[0]
        found, expected = sizes(program), Sizes(program)
        shown = [
            [
                (each.operation.id, each.spread, each.activation, each.hidden, each.size, each.gain)
                for each in one.layers
            ]
            for one in (expected, found)
        ]

        assert shown[0] == shown[1]
        assert {key: found.of.get(key) for key in expected.of} == expected.of


def test_what_is_used_is_what_reaches_a_use():
    """Asking for one operation and collecting all that is used agree."""
    text = (
        TWO + "unused = tf.matmul(b, tf.Variable(tf.ones([2, 3])))\nmodel = tf.keras.Model(tf.keras.Input((20,)), a)\n"
    )
    program = edited(text)[0].programs[0]
    found = Liveness(program)

    assert [each.id in found.alive for each in program.operations] == [found.is_used(o.id) for o in program.operations]


class Event:
    """Equal to every event of the same name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and self.name == other.name

    __hash__ = None  # type: ignore[assignment]


def test_equal_events_at_both_ends_are_the_old_ones():
    """What lies between is new, and what was old already stays."""
    a, b, c = Event("a"), Event("b"), Event("c")
    old, new = (a, b, c), (Event("a"), Event("x"), b, Event("c"))

    found = aligned(old, new)

    assert [id(a), id(new[1]), id(b), id(c)] == list(map(id, found))


def test_no_event_comes_twice():
    """Rules tell events apart by what they are, so each is an object of its own."""
    one, other = Event("a"), Event("a")
    for old, new in (((one, other), (Event("a"), one)), ((one, one), (Event("a"), Event("a"))), ((one,), (one, other))):
        found = aligned(old, new)

        assert new == found
        assert len(new) == len(set(map(id, found)))
