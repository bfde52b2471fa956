"""Analyses made by hand: a text, and findings on pieces of it."""

from __future__ import annotations

import pytest

from probe_results import result
from stand_ins import Analysed
from trainlint.finding import Edit, Fix, Notice, Step
from trainlint.report.schema import FileEntry
from trainlint.rules.registry import all_rules

SEED = """\
import tensorflow as tf

x = tf.placeholder(tf.float32)
y = tf.placeholder(tf.float32)
w = tf.Variable(tf.random_normal([3, 10], stddev=1.0), tf.float32)
b = tf.Variable(tf.random_normal([10]), tf.float32)
loss = tf.reduce_mean(tf.squared_difference(y, y_))
session.run(train, feed_dict={x: colours, y: texts[start : start + 128]})
"""


@pytest.fixture
def analysed() -> type[Analysed]:
    """The class that makes analyses by hand."""
    return Analysed


@pytest.fixture
def seed() -> Analysed:
    """A program with several mistakes, in parts on the same line."""
    program = Analysed(SEED)
    program.find(
        "silent-loss-broadcast",
        "tf.squared_difference(y, y_)",
        "labels [128] against predictions [128, 1] broadcast to [128, 128] before the mean",
        severity="error",
        rank=80,
        trace=(Step("texts[start : start + 128]", "y is fed [128] here"),),
        fixes=(program.fix("Give the labels the shape of the predictions", "unsafe", ("(y, y_)", "(y[:, None], y_)")),),
        evidence=("certificate", "training"),
        fingerprint="a1",
    )
    dtype = "the second argument of tf.Variable is `trainable`, so tf.float32 only says that it is true"
    for nth in range(2):
        start, end = program.offsets(("tf.float32", 2 + nth))
        fix = Fix("Pass it as `dtype`", "safe", (Edit(program.path, start, end, "dtype=tf.float32"),))
        program.find("dtype-passed-as-trainable", ("tf.float32", 2 + nth), dtype, code="TL901", fixes=(fix,))
    program.find(
        "oversized-initial-weights",
        "tf.random_normal([3, 10], stddev=1.0)",
        "weights of deviation 1.0 are 1.7 times what 3 inputs ask for",
        code="TL101",
        severity="info",
        rank=5,
        assumed=("3 inputs of size 1",),
    )
    return program.model("loss")


@pytest.fixture
def everything(seed, analysed):
    """The entries of a program with many things to show, of a notebook, and of what failed."""
    seed.notices.append(Notice("syntax-skipped", "train.py", "skipped", 3))
    entry = seed.entry()
    for number, finding in enumerate(entry["findings"]):
        finding["fingerprint"] = f"a{number}"
    result(entry["findings"][3])
    notebook = analysed("a = f(x)\nb\n", "net work.ipynb", cell=3)
    notebook.find("unscaled-inputs", "f(x)", "wrong", code="TL601", trace=(Step("b", "from here"),), fingerprint="n1",
                  fixes=(notebook.fix("Repair", "unsafe", ("x", "y")),))  # fmt: skip
    empty = analysed("import tensorflow\n", "quiet.py")
    own = {"file": "", "models": [], "findings": [], "statement": None, "notices": [
        {"kind": "unreadable", "file": "gone.py", "cell": None, "line": None, "message": "No such file"}
    ]}  # fmt: skip
    return [entry, notebook.entry(), empty.entry(), own]


@pytest.fixture
def of_every_rule() -> list[FileEntry]:
    """The entries of a program in which every rule finds something."""
    rules = list(all_rules())
    program = Analysed("bad()\n" * len(rules))
    for nth, rule in enumerate(rules):
        program.find(rule.name, ("bad()", nth), "wrong", code=rule.code, category=rule.category, fingerprint=rule.code)
    return [program.entry()]
