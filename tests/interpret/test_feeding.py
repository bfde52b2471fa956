"""How TensorFlow 1 gets its data in: estimators, input queues, gradient functions, and losses over many classes."""

from __future__ import annotations

import pytest
from tests.interpret.machine import program, shape, value

ESTIMATOR = """
import numpy as np
import tensorflow as tf

def model_fn(features, labels, mode, params):
    logits = tf.layers.dense(features["x"], params["classes"])
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, predictions=tf.argmax(logits, 1))
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    train = tf.train.AdamOptimizer().minimize(loss)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train)

estimator = tf.estimator.Estimator(model_fn, params={"classes": 3})
"""
ARRAYS = 'feed = tf.estimator.inputs.numpy_input_fn({"x": np.zeros((100, 7))}, np.zeros(100), batch_size=10)\n'
DATASET = """
def feed():
    return tf.data.Dataset.from_tensor_slices(({"x": np.zeros((100, 7))}, np.zeros(100))).batch(10)
"""


@pytest.mark.parametrize("inputs", [ARRAYS, DATASET], ids=["arrays", "dataset"])
def test_estimator_runs_its_model_function(inputs):
    """What the input function gives arrives in the model function, in training and in prediction."""
    found = program(ESTIMATOR + inputs + "estimator.train(feed)\nestimator.evaluate(feed)\n", "1.x")
    losses = list(found.of_kind("loss"))
    assert [(7, 3), (7, 3)] == [o.output.shape for o in found.of_kind("variable") if len(o.output.shape) == 2]
    assert ["[batch]", "[batch]"] == [f"[{loss.attributes['labels'].shape[0].name}]" for loss in losses]


def test_estimator_trains_in_one_mode():
    """The step that evaluation builds as well is not run there."""
    found = program(ESTIMATOR + ARRAYS + "estimator.train(feed)\nestimator.evaluate(feed)\n", "1.x")
    assert 1 == len(list(found.minimized))
    assert found.operation(next(found.minimized).loss) is next(found.of_kind("loss"))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x, y = tf.train.batch([tf.zeros([8, 8]), tf.zeros([])], batch_size=32)", "[32, 8, 8]"),
        ("x = tf.train.shuffle_batch([tf.zeros([4])], 32, 500, 100)", "[32, 4]"),
        ("row, = tf.train.slice_input_producer([tf.zeros([50, 4])])\nx = tf.train.batch([row], 16)", "[16, 4]"),
    ],
)
def test_queues(code, expected):
    """A queue puts a batch axis in front of its examples."""
    assert expected == shape("import tensorflow as tf\n" + code, generation="1.x")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = t.get_shape().as_list()[1]", 6),
        ("x = int(t.get_shape()[1])", 6),
        ("x = t.get_shape()[1].value", 6),
        ("x = t.get_shape().ndims", 2),
    ],
)
def test_get_shape(code, expected):
    """The spellings of a shape in TensorFlow 1."""
    found = value("import tensorflow as tf\nt = tf.placeholder(tf.float32, [None, 6])\n" + code, "x", "1.x")
    assert expected == found.value


def test_gradient_function():
    """`implicit_gradients(loss)` is called with the arguments of the loss and trains with it."""
    code = """
    import tensorflow as tf
    import tensorflow.contrib.eager as tfe
    tf.enable_eager_execution()
    w = tf.Variable(tf.zeros([4, 1]))
    def error(x, y):
        return tf.reduce_mean(tf.square(tf.matmul(x, w) - y))
    gradient = tfe.implicit_gradients(error)
    tf.train.AdamOptimizer().apply_gradients(gradient(tf.ones([5, 4]), tf.ones([5, 1])))
    """
    found = program(code, "1.x")
    loss = next(found.minimized).loss
    assert ["tf.Variable"] == [operation.name for operation in found.variables(loss)]


def test_sampled_loss_is_no_product_over_all_classes():
    """The table behind a sampled loss is looked up; one number comes out for each row."""
    code = """
    import tensorflow as tf
    table = tf.Variable(tf.random_normal([5000, 128]))
    rows = tf.placeholder(tf.float32, [32, 128])
    x = tf.nn.nce_loss(table, tf.zeros([5000]), labels=tf.zeros([32, 1]), inputs=rows, num_sampled=64, num_classes=5000)
    """
    assert "[32]" == shape(code, generation="1.x")
    assert not list(program(code, "1.x").of_kind("matmul"))


@pytest.mark.parametrize("steps", ["[logits]", "[logits, logits]"])
def test_sequence_loss_takes_scores(steps):
    """The loss over a list of steps is a cross-entropy of scores."""
    code = f"""
    import tensorflow as tf
    logits = tf.layers.dense(tf.placeholder(tf.float32, [None, 8]), 50)
    targets = [tf.placeholder(tf.int32, [None])] * {steps.count("logits")}
    x = tf.contrib.legacy_seq2seq.sequence_loss_by_example({steps}, targets, [tf.ones([1])], 50)
    """
    loss = next(program(code, "1.x").of_kind("loss"))
    assert ("logits", "linear") == (loss.attributes["expects"], loss.attributes["predictions"].activation)


def test_sum_of_lists_keeps_both():
    """A term that is added to a list of unknown length is still behind the sum."""
    code = """
    import tensorflow as tf
    model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])
    error = tf.reduce_mean(model(tf.ones([5, 4])))
    x = tf.add_n([error] + model.losses)
    """
    found = program(code)
    assert found.variables(found.operations[-1].output)


def test_collections_of_branches_that_differ_are_unknown():
    """A collection that is filled in one branch only may hold anything."""
    code = """
    import sys
    import tensorflow as tf
    for name in sys.argv:
        if name:
            tf.add_to_collection("parts", tf.zeros([2]))
        else:
            tf.add_to_collection("parts", tf.ones([3]))
            tf.add_to_collection("parts", tf.ones([4]))
    tf.add_to_collection("parts", tf.ones([5]))
    x = tf.get_collection("parts")
    """
    assert program(code, "1.x").operations
