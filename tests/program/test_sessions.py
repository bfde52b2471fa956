"""What is known of the sessions that a program opens."""

from __future__ import annotations

import pytest

from trainlint.interpret.run import interpret
from trainlint.program.dtypes import types
from trainlint.program.sessions import sessions
from trainlint.source.document import read

VARIABLE = "import tensorflow as tf\nw = tf.Variable(tf.zeros([3]))\n"


def programs(text):
    """What a text does, the module first."""
    return interpret(read(text, "program.py"), None, "1.x").programs


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("with tf.Session() as s:\n    s.run(w)\n", 1),
        ("with tf.Session() as s:\n    s.run(w, {w: [1, 2, 3]})\n", 0),
        ("with tf.Session() as s:\n    s.run(2 * w, unknown())\n", 0),
        ("with tf.Session() as s:\n    s.run(tf.shape(w))\n", 0),
        ("with tf.Session() as s:\n    s.run(tf.assign_add(w, [1., 1., 1.]))\n", 1),
        ("with tf.Session() as s:\n    s.run(tf.assign(w, [1., 1., 1.]))\n", 0),
        ("with tf.Session() as s:\n    s.run(everything())\n    s.run(w)\n", 0),
        ("with tf.Session() as s:\n    start()\n    s.run(w)\n", 0),
        ("start()\nwith tf.Session() as s:\n    s.run(w)\n", 1),
        ("with tf.Session() as s:\n    value = number()\n    s.run(w)\n", 1),
        ("with tf.Session() as s:\n    tf.saved_model.loader.load(s, [], 'x')\n    s.run(w)\n", 0),
        ("sv = tf.train.Supervisor()\nwith sv.managed_session() as s:\n    s.run(w)\n", 0),
        ("with tf.Session() as s:\n    if flag:\n        s.run(tf.global_variables_initializer())\n    s.run(w)\n", 0),
        ("with tf.Session() as s:\n    s.run(tf.no_op())\n", 0),
        ("with tf.Session() as s:\n    s.run(tf.group(other(), tf.no_op()))\n    s.run(w)\n", 0),
        ("with tf.Session() as s:\n    s.run(tf.group(tf.shape(w), tf.no_op()))\n    s.run(w)\n", 1),
    ],
)
def test_reads_of_variables_without_a_value(text, reads):
    """A run reads a variable only if it is needed, is not fed, and nothing unknown can have given it a value."""
    assert reads == len(sessions(programs(VARIABLE + text)[0]).reads)


def test_an_object_that_keeps_its_session_may_be_told_to_initialise():
    """Nobody knows in which order the methods of a class are called, or what is done with its attributes."""
    text = (
        "import tensorflow as tf\n"
        "class Agent:\n"
        "    def __init__(self):\n"
        "        self.w = tf.Variable(tf.zeros([3]))\n"
        "        self.session = tf.Session()\n"
        "    def act(self):\n"
        "        return self.session.run(self.w)\n"
    )
    assert [0, 0] == [len(sessions(program).reads) for program in programs(text)]


@pytest.mark.parametrize(
    ("expression", "dtype"),
    [
        ("tf.placeholder('float', [3])", "float32"),
        ("tf.placeholder(float, [3])", None),
        ("tf.constant([1, 2])", "int32"),
        ("tf.constant([1, 2.0])", "float32"),
        ("tf.constant(3, dtype=tf.float64)", "float64"),
        ("tf.Variable(np.zeros(3))", "float64"),
        ("tf.Variable(np.random.randn())", None),
        ("tf.argmax(tf.zeros([3, 3]), 1)", "int64"),
        ("tf.argmax(tf.zeros([3, 3]), 1, output_type=kind)", None),
        ("tf.zeros([3]) * unknown()", None),
        ("tf.constant(1) / tf.constant(2)", None),
        ("tf.layers.dense(tf.zeros([3, 3]), 3)", None),
        ("np.ones(3, dtype=kind)", None),
    ],
)
def test_proved_types(expression, dtype):
    """A type is proved by what the program says, and by defaults that no other value can change."""
    program = programs(f"import numpy as np\nimport tensorflow as tf\nx = {expression}\n")[0]
    proof = types(program).of(program.operations[-1].output)
    assert dtype == (None if proof is None else proof.dtype)
