"""Which network a finding is about: a wrong one would prove the wrong thing."""

from __future__ import annotations

from textwrap import dedent

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.probe.arms import concerning
from trainlint.probe.plan import plans
from trainlint.project import Project

HEAD = """
from tensorflow import keras
(x, y), _ = keras.datasets.mnist.load_data()
x = x / 255.0
"""


def planned(text):
    """The line of each network with the rules that it is planned for, and the rules that are not."""
    project = Project("/nowhere")
    analysis = analyse((HEAD + dedent(text)).encode(), "/nowhere/train.py", project, Config())
    made, failed = plans(analysis, project, Config(), concerning(analysis, None))
    networks = {
        analysis.location(plan.network.event.place).line: sorted(finding.rule for finding in plan.findings)
        for plan in made
    }
    return networks, {finding.rule: each.reason for each in failed for finding in each.findings}


def test_each_model_has_its_own_findings():
    """What is wrong with the second of two models is measured on the second."""
    networks, _ = planned("""
        good = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")])
        good.compile("adam", "sparse_categorical_crossentropy")
        good.fit(x, y)
        bad = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)])
        bad.compile("adam", "sparse_categorical_crossentropy")
        bad.fit(x, y)
    """)
    assert {10: ["logits-into-probability-loss"]} == networks


def test_what_is_not_trained_is_not_judged_by_what_is():
    """A finding about a variable that nothing trains gets no verdict from a network."""
    networks, others = planned("""
        import tensorflow as tf
        model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x, y)
        spare = tf.Variable([1.0, 2.0], tf.float32)
        print(spare)
    """)
    assert {} == networks
    assert {"dtype-passed-as-trainable": "it is about something that is not trained here"} == others
