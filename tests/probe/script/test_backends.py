"""Programs with the real backends; left out unless `TRAINLINT_PROBE_PYTHON` names an interpreter with TensorFlow 2.

TensorFlow 2.16 or newer, Keras 3 and tf_keras are expected there.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from trainlint.probe.script import Arm, Experiment, Limits, as_json, run

INTERPRETER = os.environ.get("TRAINLINT_PROBE_PYTHON")
COMPAT = Path(__file__).resolve().parents[3] / "fixtures" / "compat"

pytestmark = pytest.mark.skipif(not INTERPRETER, reason="TRAINLINT_PROBE_PYTHON names no interpreter")

LEGACY = {"TF_USE_LEGACY_KERAS": "1"}


def recorded(tmp_path, text, *arms, seeds=(0,), steps=30, environment=None):
    """The result of a program with its arms."""
    entry = tmp_path / "train.py"
    entry.write_text(text, "utf-8")
    changed = [Arm(f"repaired {number}", {str(entry): arm.encode()}) for number, arm in enumerate(arms)]
    experiment = Experiment(str(entry), (Arm("as written"), *changed), environment=environment or {})
    return run(experiment, python=str(INTERPRETER), seeds=seeds, steps=steps, limits=Limits(seconds=180))


def only(tmp_path, text, **options):
    """The run of a program as it is written, which has to finish."""
    (one,) = recorded(tmp_path, text, **options).runs
    assert "finished" == one.outcome, (one.message, one.output.text[-2000:])
    return one


FIT = """
import numpy as np
from KERAS import layers, models, optimizers

x = np.random.rand(400, 8).astype("float32")
y = (x.sum(1) > 4).astype("int32")
model = models.Sequential([layers.Input((8,)), layers.Dense(16, "relu"), layers.Dense(2, "softmax")])
model.compile(optimizers.Adam(0.001), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, batch_size=32, epochs=50, validation_split=0.2, verbose=0)
print("never printed")
"""


@pytest.mark.parametrize("keras", ["keras", "tensorflow.keras", "tf_keras"])
def test_fit(tmp_path, keras):
    """`fit` is recorded in Keras 3 and in Keras 2."""
    text = FIT.replace(
        "from KERAS import",
        f"from {keras} import" if keras != "tensorflow.keras" else "import tensorflow\nfrom tensorflow.keras import",
    )
    one = only(tmp_path, text)

    assert (30, "sparsecategoricalcrossentropy", "Adam", "CPU") == (one.steps, one.loss, one.optimizer, one.device)
    assert {"accuracy", "val_loss", "val_accuracy"} == set(one.metrics)
    assert [10, 20, 30] == [step for step, _ in one.metrics["val_loss"]]
    assert all(0.5 < loss < 1.0 for _, loss in one.losses)
    # The kernels and the biases of two layers.
    assert [(8, 16), (16,), (16, 2), (2,)] == [shape for shape, _ in one.weights]


def test_losses_are_those_of_the_batches(tmp_path):
    """What is taken back from Keras' means is what `train_on_batch` reports for the same batches."""
    head = (
        FIT.partition("model.fit")[0]
        .replace("KERAS", "keras")
        .replace("np.random.rand", "np.random.RandomState(1).rand")
    )
    fit = only(tmp_path, head + "model.fit(x, y, batch_size=32, epochs=3, shuffle=False, verbose=0)")
    batches = "for i in range(90):\n    at = i % 13 * 32\n    model.train_on_batch(x[at:at + 32], y[at:at + 32])"
    by_hand = only(tmp_path, head + batches)

    assert [pytest.approx(loss, abs=2e-5) for _, loss in fit.losses] == [loss for _, loss in by_hand.losses]


def test_graph_mode_of_keras_2(tmp_path):
    """`fit` in a graph reports the losses of batches as they are."""
    text = "import tensorflow as tf\ntf.compat.v1.disable_v2_behavior()\n" + FIT.replace("KERAS", "tf_keras")
    text = text.replace("optimizers.Adam", "optimizers.legacy.Adam")
    one = only(tmp_path, text)

    assert (30, 30) == (one.steps, len(one.losses))
    assert [10, 20, 30] == [step for step, _ in one.metrics["val_loss"]]
    assert all(0.3 < loss < 1.5 for _, loss in one.losses)


TAPE = """
import tensorflow as tf

x = tf.random.normal([1000, 8])
y = tf.reduce_sum(x, 1, keepdims=True)
w = tf.Variable(tf.random.normal([8, 1]))
optimizer = OPTIMIZER

DECORATOR
def step(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((x @ w - y) ** 2)
    gradients = tape.gradient(loss, [w])
    UPDATE
    return loss

for i in range(200):
    loss = step(x[:100], y[:100])
    if i < 30:
        print(float(loss))
"""

KERAS_UPDATE = "optimizer.apply_gradients(zip(gradients, [w]))"


@pytest.mark.parametrize("decorator", ["", "@tf.function", "@tf.function(jit_compile=True)"])
@pytest.mark.parametrize(
    ("optimizer", "update", "environment"),
    [
        ("tf.keras.optimizers.SGD(0.01)", KERAS_UPDATE, {}),
        ("tf.keras.optimizers.Adam(0.01)", KERAS_UPDATE, LEGACY),
        ("tf.keras.optimizers.legacy.SGD(0.01)", KERAS_UPDATE, LEGACY),
        ("tf.compat.v1.train.GradientDescentOptimizer(0.01)", KERAS_UPDATE, {}),
        ("None", "w.assign_sub(0.01 * gradients[0])", {}),
    ],
    ids=["keras 3", "keras 2", "legacy", "v1", "by hand"],
)
def test_loops_with_a_tape(tmp_path, decorator, optimizer, update, environment):
    """Each step of a loop has the loss that the program prints itself, compiled or not."""
    if "jit" in decorator and "keras" in optimizer and environment:
        pytest.skip("optimizers of Keras 2 are tested without XLA")
    text = TAPE.replace("DECORATOR", decorator).replace("OPTIMIZER", optimizer).replace("UPDATE", update)
    one = only(tmp_path, text, environment=environment)
    printed = [float(line) for line in one.output.text.splitlines() if line[:1].isdigit() and " " not in line]

    assert 30 == one.steps
    # The program ends in its thirtieth step, before it prints that.
    assert 29 <= len(printed)
    assert [pytest.approx(value, rel=1e-4) for value in printed] == [loss for _, loss in one.losses][: len(printed)]


def test_two_networks(tmp_path):
    """A generator and a discriminator have a curve each."""
    one = only(
        tmp_path,
        """
import tensorflow as tf
from tensorflow import keras

g = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
d = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
of_g, of_d = keras.optimizers.Adam(), keras.optimizers.Adam()
entropy = keras.losses.BinaryCrossentropy(from_logits=True)

@tf.function
def step(real):
    with tf.GradientTape() as tape_g, tf.GradientTape() as tape_d:
        false = d(g(tf.random.normal([32, 4])))
        true = d(real)
        loss_g = entropy(tf.ones_like(false), false)
        loss_d = entropy(tf.ones_like(true), true) + entropy(tf.zeros_like(false), false)
    of_g.apply_gradients(zip(tape_g.gradient(loss_g, g.trainable_variables), g.trainable_variables))
    of_d.apply_gradients(zip(tape_d.gradient(loss_d, d.trainable_variables), d.trainable_variables))

for _ in range(100):
    step(tf.random.normal([32, 2]))
""",
    )

    assert ["loss 2"] == list(one.other_losses)
    assert (30, 29) <= (len(one.losses), len(one.other_losses["loss 2"]))


def test_session_as_written_and_repaired(tmp_path):
    """Our program of TensorFlow 1: the steps of its session are counted, and different losses are not compared."""
    entry = COMPAT / "seed003_always_half.py"
    repaired = (COMPAT / "seed003_always_half_repaired.py").read_bytes()
    experiment = Experiment(
        str(entry), (Arm("as written"), Arm("repaired", {str(entry): repaired})), environment=LEGACY
    )
    result = run(experiment, python=str(INTERPRETER), seeds=(0, 1), steps=300, limits=Limits(seconds=180))
    (comparison,) = result.comparisons

    assert ["finished"] * 4 == [each.outcome for each in result.runs]
    assert "SquaredDifference" in result.runs[0].loss
    assert 0.2 < result.runs[0].losses[-1][1] < 0.5
    assert result.runs[1].losses[-1][1] < 0.1
    assert (None, False, None) == (comparison.verdict, comparison.comparable, comparison.relative)
    assert "can't be compared" in " ".join(comparison.sentences)
    assert as_json(result) == json.loads(json.dumps(as_json(result), allow_nan=False))


SESSION = """
import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
x = tf.placeholder(tf.float32, [None, 4])
y = tf.placeholder(tf.float32, [None, 1])
w = tf.Variable(tf.random_normal([4, 1]))
loss = tf.reduce_mean(tf.square(tf.matmul(x, w) - y))
error = tf.reduce_mean(tf.abs(tf.matmul(x, w) - y))
TRAIN
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for i in range(100):
        rows = np.random.rand(50, 4)
        feed = {x: rows, y: rows.sum(1, keepdims=True)}
        print(FETCH)
"""


@pytest.mark.parametrize(
    ("train", "fetch"),
    [
        ("train = tf.train.AdamOptimizer(0.1).minimize(loss)", "session.run([train, loss, error], feed)[1]"),
        ("train = tf.train.AdamOptimizer(0.1).minimize(loss)", "session.run({'t': train, 'e': error}, feed)['e']"),
        ("train = tf.train.AdamOptimizer(0.1).minimize(loss)", "train.run(feed) or error.eval(feed)"),
        (
            "(g,) = tf.gradients(loss, [w])\ntrain = w.assign_sub(0.1 * tf.clip_by_norm(g, 1.0))",
            "session.run((train.op, error), feed)[1]",
        ),
        (
            "optimizer = tf.train.MomentumOptimizer(0.1, 0.9)\npairs = optimizer.compute_gradients(loss)\n"
            "with tf.control_dependencies([optimizer.apply_gradients(pairs)]):\n    train = tf.no_op()",
            "session.run([train, error], feed)[1]",
        ),
    ],
    ids=["list", "dictionary", "run and eval", "by hand", "control dependency"],
)
def test_sessions(tmp_path, train, fetch):
    """However a program fetches its update, the step is counted and has its loss; other numbers keep their names."""
    one = only(tmp_path, SESSION.replace("TRAIN", train).replace("FETCH", fetch))

    assert (30, 30, "Mean Square Sub") == (one.steps, len(one.losses), one.loss)
    assert one.losses[-1][1] < one.losses[0][1]
    assert {"error"} == set(one.metrics)
    assert 29 <= len(one.metrics["error"])
    assert [(4, 1)] == [shape for shape, _ in one.weights]


def test_graphs_draw_by_the_order_of_random_operations(tmp_path):
    """One operation more before a variable does not change its first value, so arms begin with the same weights."""
    text = SESSION.replace("TRAIN", "train = tf.train.AdamOptimizer(0.1).minimize(loss)")
    text = text.replace("FETCH", "session.run(train, feed)")
    result = recorded(tmp_path, text, text.replace("w = tf", "tf.constant(1.0)\nw = tf"), steps=3)
    one, other = result.runs

    assert one.weights == other.weights
    assert one.losses == other.losses


def test_autograph_reads_the_text_of_the_arm(tmp_path):
    """A loop over a tensor that only the changed text has is compiled, though the file on disk has other lines."""
    changed = TAPE.replace("DECORATOR", "@tf.function").replace("OPTIMIZER", "tf.keras.optimizers.SGD(0.01)")
    changed = changed.replace("    UPDATE", f"    for _ in tf.range(2):\n        w.assign(w * 1.0)\n    {KERAS_UPDATE}")
    result = recorded(tmp_path, "# nothing\n", "\n\n" + changed)

    assert ["no-training-step", "finished"] == [each.outcome for each in result.runs]


def test_a_rate_that_is_too_low_is_confirmed(tmp_path):
    """Five pairs with the same loss give a verdict."""
    text = FIT.replace("KERAS", "keras").replace("optimizers.Adam(0.001)", "optimizers.Adadelta()")
    repaired = text.replace("optimizers.Adadelta()", "optimizers.Adam(0.01)")
    result = recorded(tmp_path, text, repaired, seeds=range(5), steps=120)
    (against,) = result.comparisons

    assert ("confirmed", True) == (against.verdict, against.comparable)
    assert against.effect[1] > 0.15
