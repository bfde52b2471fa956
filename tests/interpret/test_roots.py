"""What nothing calls is entered on its own, within bounds."""

from __future__ import annotations

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.interpret import classes, run
from trainlint.project import Project

BUILDER = (
    "import tensorflow as tf\n"
    "def network(width):\n"
    "    model = tf.keras.Sequential()\n"
    "    for _ in range(60):\n"
    "        model.add(tf.keras.layers.Dense(width, activation='relu'))\n"
    "        model.add(tf.keras.layers.Dropout(0.1))\n"
    "    return model\n"
)


def analysis_of(text):
    return analyse(text.encode(), "roots.py", Project("."), Config())


def test_a_large_builder_is_run_for_three_roots():
    """Each further wrapper, and the builder by itself, would show the same network again."""
    text = BUILDER + "".join(f"def size_{n}():\n    return network({n})\n" for n in range(8, 14))
    built = [program.root for program in analysis_of(text).programs if program.operations or program.objects]

    assert ["size_8", "size_9", "size_10"] == built
    assert classes.MAX_ENTRIES == len(built)


def test_the_program_itself_runs_it_as_often_as_it_says():
    """The bound is for roots alone: what the module calls is followed each time."""
    text = BUILDER + "models = [network(8), network(9), network(10), network(11), network(12)]\n"
    (program,) = analysis_of(text).programs

    assert 5 == sum(record.symbol.name.endswith("Sequential") for _, record in program.objects)


def test_a_root_that_computes_nothing_gives_up_quietly():
    """Nobody misses what it would have done, so there is no notice; one that computes something has all its steps."""
    count = run.IDLE_FUEL // 2  # each takes several steps
    idle = "def idle(layers):\n" + "".join(f"    a{n} = layers.more({n})\n" for n in range(count))
    late = idle.replace("idle", "late") + "    return tf.keras.layers.Dense(3)(tf.zeros([2, 2]))\n"
    busy = late.replace("late", "busy").replace("(layers):\n", "(layers):\n    first = tf.zeros([2, 2])\n")
    found = analysis_of(f"import tensorflow as tf\n{idle}{late}{busy}")

    assert () == found.notices
    assert {"busy"} == {program.root for program in found.programs if any(program.of_kind("matmul"))}


TESTS = (
    "import os\n"
    "import tensorflow as tf\n"
    "def train(is_wide, is_deep):\n"
    "    model = tf.keras.Sequential([tf.keras.Input((8,))])\n"
    "    if is_wide:\n"
    "        model.add(tf.keras.layers.Dense(64, 'relu'))\n"
    "    if is_deep:\n"
    "        model.add(tf.keras.layers.Dense(16, 'relu'))\n"
    "    model.add(tf.keras.layers.Dense(3))\n"
    "    model.compile('adam', 'sparse_categorical_crossentropy')\n"
)


def test_a_root_decides_one_test():
    """Both ways; the module decides all of them."""
    root = [program for program in analysis_of(TESTS).programs if program.root]
    module = analysis_of(TESTS + "train(os.environ.get('WIDE'), os.environ.get('DEEP'))\n").programs

    assert ["`is_wide` is true", "`is_wide` is false"] == [program.world for program in root]
    assert 4 == len(module)


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("object", ["logits-into-probability-loss"]),
        ("unittest.TestCase", []),
        ("tf.test.TestCase", []),
        ("parameterized.TestCase", []),
        ("Base", []),
    ],
)
def test_a_unit_test_is_not_entered(base, expected):
    """Its networks are made to see something, and wrong on purpose at times; nobody trains them."""
    text = (
        "import unittest\nimport tensorflow as tf\nfrom absl.testing import parameterized\n"
        "class Base(tf.test.TestCase):\n    pass\n"
        f"class Trains({base}):\n"
        "    def test_steps(self):\n"
        "        model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3)])\n"
        "        model.compile('adam', 'sparse_categorical_crossentropy')\n"
        "        model.fit(tf.zeros([8, 4]), tf.zeros([8], tf.int32))\n"
    )

    assert expected == [finding.rule for finding in analysis_of(text).findings]


BASE = (
    "import keras\n"
    "class Trainer:\n"
    "    def activation(self):\n"
    "        return None\n"
    "    def run(self, x, y):\n"
    "        model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, activation=self.activation())])\n"
    "        model.compile('adam', 'sparse_categorical_crossentropy')\n"
    "        model.fit(x, y)\n"
)
HEIR = "class Soft(Trainer):\n    def activation(self):\n        return 'softmax'\n"


def test_a_base_is_entered_as_what_derives_from_it():
    """What a class leaves to those that derive from it, no object has."""
    assert ["logits-into-probability-loss"] == [finding.rule for finding in analysis_of(BASE).findings]
    assert () == tuple(analysis_of(BASE + HEIR).findings)
    assert () == tuple(analysis_of(BASE + HEIR + "class Softer(Soft):\n    pass\n").findings)


def test_whoever_calls_a_function_may_give_it_more_than_its_defaults():
    """The rest of the arguments of a function that is entered on its own is not empty."""
    text = (
        "import keras\n"
        "def build(**given):\n"
        "    options = {'activation': None, **given}\n"
        "    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, activation=options['activation'])])\n"
        "    model.compile('adam', 'sparse_categorical_crossentropy')\n"
    )

    assert () == tuple(analysis_of(text).findings)
    assert 1 == len(analysis_of(text + "build()\n").findings)


USED = (
    "import keras\n"
    "class Network:\n"
    "    def __init__(self, activation=None):\n"
    "        self.last = build(activation)\n"
    "def build(activation=None):\n"
    "    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, activation=activation)])\n"
    "    model.compile('adam', 'sparse_categorical_crossentropy')\n"
    "    return model\n"
)


def test_what_uses_a_function_is_entered_first():
    """Its defaults mean nothing where all that use it give something else."""
    assert 1 == len(analysis_of(USED).findings)
    assert () == tuple(analysis_of(USED + "def train(x, y):\n    Network('softmax').last.fit(x, y)\n").findings)
    assert 1 == len(analysis_of(USED + "def train(x, y):\n    Network().last.fit(x, y)\n").findings)


STATE = (
    "import keras\n"
    "ACT = None\n"
    "OPTIONS = dict(act=None)\n"
    "class Options:\n"
    "    act = None\n"
    "options = Options()\n"
    "class Builder:\n"
    "    def __init__(self):\n"
    "        self.act = None\n"
    "    def build(self):\n"
    "        train(self.act)\n"
    "    def configure(self, act):\n"
    "        {own}\n"
    "def build():\n"
    "    train({read})\n"
    "def configure(act):\n"
    "    {change}\n"
    "def train(act):\n"
    "    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, activation=act)])\n"
    "    model.compile('adam', 'sparse_categorical_crossentropy')\n"
)


@pytest.mark.parametrize(
    ("read", "change", "own"),
    [
        ("ACT", "global ACT; ACT = act", "self.act = act"),
        ("OPTIONS['act']", "OPTIONS['act'] = act", "self.act = act"),
        ("OPTIONS['act']", "OPTIONS.update(act=act)", "self.act = act"),
        ("options.act", "options.act = act", "self.act = act"),
        ("options.act", "Options.act = act", "self.act = act"),
    ],
)
def test_what_other_functions_set_before_is_not_known(read, change, own):
    """Whoever calls a function may have called the others of the module, and the other methods of an object."""
    assert () == tuple(analysis_of(STATE.format(read=read, change=change, own=own)).findings)
    # Names of their own say nothing of the module.
    kept = STATE.format(
        read=read, change="ACT = OPTIONS = options = act; options.act = 3; OPTIONS['act'] = 3", own="act = 3"
    )
    assert ["logits-into-probability-loss"] == [finding.rule for finding in analysis_of(kept).findings]


def test_what_is_made_when_it_is_needed_is_still_made():
    """None may stand for a network that the first use makes."""
    text = (
        "import keras\n"
        "class Lazy:\n"
        "    def __init__(self):\n"
        "        self.model = None\n"
        "    def train(self, x, y):\n"
        "        if self.model is None:\n"
        "            self.model = self.build()\n"
        "        self.model.compile('adam', 'sparse_categorical_crossentropy')\n"
        "    def build(self):\n"
        "        return keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)])\n"
    )

    assert ["logits-into-probability-loss"] == [finding.rule for finding in analysis_of(text).findings]


def test_what_its_user_has_to_set_is_not_none():
    """A constructor leaves a slot, and no method of the class fills it."""
    text = (
        "import tensorflow as tf\n"
        "class Net:\n"
        "    def __init__(self):\n"
        "        self.n_words = None\n"
        "        {}\n"
        "    def build(self):\n"
        "        self.table = tf.Variable(tf.random_uniform([self.n_words, 50], -1.0, 1.0))\n"
        "        return tf.nn.embedding_lookup(self.table, tf.placeholder(tf.int32, [None, 25]))\n"
    )

    assert () == tuple(analysis_of(text.format("pass")).findings)
    found = analysis_of(text.format("self.build()")).findings
    assert ["shape-contradiction"] == [finding.rule for finding in found]
