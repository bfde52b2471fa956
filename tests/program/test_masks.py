"""The proof that a tensor is a random mask of zeros and ones."""

import pytest

from trainlint.interpret.run import interpret
from trainlint.program.dropouts import number
from trainlint.program.masks import bernoulli, is_activation
from trainlint.source.document import read

HEAD = (
    "import numpy as np\nimport keras\nimport tensorflow.compat.v1 as tf\nx = tf.placeholder(tf.float32, [None, 8])\n"
)


def programs(code):
    return interpret(read(HEAD + code, "train.py"), None, "2.16").programs


def last(code):
    """The program and its last tensor."""
    program = programs(code)[0]
    return program, program.operations[-1].output


@pytest.mark.parametrize(
    ("code", "keep"),
    [
        ("tf.cast(tf.random_uniform(tf.shape(x)) < 0.8, tf.float32)", 0.8),
        ("tf.to_float(0.8 >= tf.random.uniform([4, 8]))", 0.8),
        ("tf.cast(tf.random_uniform(tf.shape(x)) > 0.3, tf.float32)", 0.7),
        ("tf.cast(tf.greater_equal(tf.random_uniform(tf.shape(x)), 0.3), tf.float32)", 0.7),
        ("tf.floor(0.6 + tf.random_uniform(tf.shape(x)))", 0.6),
        ("tf.floor(tf.random_uniform(tf.shape(x)) + 0.6)", 0.6),
        ("tf.ceil(tf.random_uniform(tf.shape(x)) - 0.4)", 0.6),
        ("tf.round(tf.random_uniform(tf.shape(x)))", 0.5),
        ("np.random.binomial(1, 0.9, size=(4, 8))", 0.9),
        ("np.random.rand(4, 8) < 0.9", 0.9),
        ("keras.random.binomial((4, 8), 1, 0.25)", 0.25),
    ],
)
def test_masks_of_zeros_and_ones_are_proved(code, keep):
    """Comparison, rounding and Bernoulli draws are masks with their share."""
    program, tensor = last(f"mask = {code}\n")
    mask = bernoulli(program, tensor)
    assert mask is not None
    share = number(program, mask.keep, {})
    assert share is not None
    assert keep == pytest.approx(1 - share if mask.flipped else share)


@pytest.mark.parametrize(
    "code",
    [
        "tf.cast(tf.random_uniform(tf.shape(x), maxval=2.0) < 0.8, tf.float32)",
        "tf.cast(tf.random_normal(tf.shape(x)) < 0.8, tf.float32)",
        "tf.cast(x < 0.8, tf.float32)",
        "tf.cast(tf.random_uniform(tf.shape(x)) < tf.sigmoid(x), tf.float32)",
        "tf.floor(tf.random_uniform(tf.shape(x)) + 0.6) / 0.6",
        "np.random.binomial(2, 0.9, size=(4, 8))",
    ],
)
def test_what_is_no_mask_is_not_taken_for_one(code):
    """Another range or distribution, a share for each element, a scaled mask: not proved."""
    program, tensor = last(f"mask = {code}\n")
    assert bernoulli(program, tensor) is None


def test_a_fed_mask_is_a_mask_when_every_feed_is_one():
    """A placeholder is a mask if it is fed draws, and ones in evaluation."""
    code = "mask = tf.placeholder(tf.float32, [None, 8])\nout = x * mask\nsession = tf.Session()\n"
    fed = "session.run(out, {x: data, mask: np.random.rand(4, 8) < 0.9})\n"
    for extra, proved in (("", True), ("session.run(out, {x: data, mask: np.ones((4, 8))})\n", True),
                          ("session.run(out, {x: data, mask: other})\n", False)):  # fmt: skip
        program = programs(code + fed + extra)[0]
        placeholder = list(program.of_kind("placeholder"))[1]
        assert proved is (bernoulli(program, placeholder.output) is not None)


def test_an_activation_is_computed_from_data_by_weights():
    """The data alone and the weights alone are none."""
    program = programs("w = tf.get_variable('w', [8, 3])\nh = tf.nn.relu(tf.matmul(x, w))\nv = tf.square(w)\n")[0]
    by_kind = {operation.kind: operation.output for operation in program.operations}
    assert [True, False, False] == [
        is_activation(program, by_kind[kind]) for kind in ("activation", "square", "placeholder")
    ]
