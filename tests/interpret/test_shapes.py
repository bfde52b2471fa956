"""Shapes through arrays, TensorFlow operations and layers."""

from __future__ import annotations

import pytest
from tests.interpret.machine import shape, value

NUMPY = "import numpy as np\n"
TF = "import tensorflow.compat.v1 as tf\n"
KERAS = "from tensorflow import keras\nfrom tensorflow.keras import layers\n"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = np.zeros((3, 4)).T", "[4, 3]"),
        ("x = np.arange(12).reshape(3, -1)", "[3, 4]"),
        ("x = np.ones((5, 4))[1:3, None]", "[2, 1, 4]"),
        ("x = np.ones((5, 4)).mean(axis=0)", "[4]"),
        ("x = np.ones((5, 4)).sum(axis=1, keepdims=True)", "[5, 1]"),
        ("x = np.concatenate([np.ones((5, 4)), np.ones((2, 4))])", "[7, 4]"),
        ("x = np.stack([np.ones(4), np.ones(4)], axis=1)", "[4, 2]"),
        ("x = np.stack(np.ones((5, 4)))", "[5, 4]"),
        ("x = np.stack(np.empty((5, 4), dtype=object)[:, 3])", "an unknown shape"),
        ("x = np.ones((5, 1)) + np.ones((3,))", "[5, 3]"),
        ("x = np.dot(np.ones((5, 4)), np.ones((4, 2)))", "[5, 2]"),
        ("i = np.random.randint(0, 900)\nx = np.ones((1000, 3))[i:i + 128]", "[128, 3]"),
        ("for i in range(100):\n    x = np.ones((1000, 3))[i * 10:(i + 1) * 10]", "[10, 3]"),
        ("x = np.random.RandomState(3).rand(20, 8, 8, 3)", "[20, 8, 8, 3]"),
        ("x = np.random.RandomState(3).randn(20, 3)", "[20, 3]"),
        ("x = np.random.default_rng(0).standard_normal((20, 3))", "[20, 3]"),
        ("x = np.random.default_rng(0).random((20, 3))", "[20, 3]"),
        ("x = np.random.default_rng(0).choice(np.ones((20, 3)), 4)", "[4, 3]"),
        ("x = np.random.normal(np.ones((20, 3)), 0.1)", "[20, 3]"),
        ("x = np.random.uniform(np.zeros(3), np.ones((2, 1)))", "[2, 3]"),
        ("x = np.random.binomial(1, np.full((20, 3), 0.5))", "[20, 3]"),
        ("x = abs(np.ones((5, 4)) - 2)", "[5, 4]"),
        ("x = np.ones((5, 4)).item(3)", "[]"),
        ("x = np.array(np.ones((5, 4)).tolist() + np.ones((2, 4)).tolist())", "[7, 4]"),
        ("x = np.ones((2, 3, 4))[0, :, [0, 1]]", "[2, 3]"),
        ("x = np.ones((2, 3, 4))[:, [0, 1], 0]", "[2, 2]"),
        ("x = np.linspace([0, 1], [1, 2], 5)", "an unknown shape"),
        ("x = np.array_split(np.ones((7, 4)), 3)[0]", "[?, 4]"),
        ("x = np.split(np.ones((9, 4)), [2, 5])[2]", "[4, 4]"),
        ("x = np.split(np.ones((9, 4)), [2, -3, 40], 0)[1]", "[4, 4]"),
        ("x = np.split(np.ones((9, 4)), [2, -3, 40])[3]", "[0, 4]"),
        ("x = np.split(np.ones((9, 4)), [unknown, 5])[0]", "[unknown, 4]"),
        ("x = np.expand_dims(np.ones(4), -1)", "[4, 1]"),
        ("x = np.eye(10)[np.zeros(7, dtype=int)]", "[7, 10]"),
        ("x = np.argmax(np.ones((5, 4)), axis=1)", "[5]"),
        ("x = np.sum(np.ones((5, 4)), 1, None, None, True)", "[5, 1]"),
        ("x = np.ones((5, 4)).max(1, None, True)", "[5, 1]"),
        ("x = np.ones((5, 4)).sum(axis=1, keepdims=unknown)", "an unknown shape"),
        ("x = np.ones((5, 4)).sum(*unknown)", "an unknown shape"),
        ("x = np.dot(unknown, np.ones((4, 2)))", "an unknown shape"),
    ],
)
def test_numpy(code, expected):
    """NumPy's rules of broadcasting, indexing and reduction."""
    assert expected == shape(NUMPY + code)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = tf.matmul(tf.placeholder(tf.float32, [None, 784]), tf.zeros([784, 10]))", "[batch, 10]"),
        ("x = tf.reshape(tf.placeholder(tf.float32, [None, 784]), [-1, 28, 28, 1])", "[batch, 28, 28, 1]"),
        ("x = tf.nn.conv2d(tf.zeros([2, 9, 9, 1]), tf.zeros([5, 5, 1, 32]), [1, 2, 2, 1], 'SAME')", "[2, 5, 5, 32]"),
        ("x = tf.nn.max_pool(tf.zeros([2, 28, 28, 3]), [1, 2, 2, 1], [1, 2, 2, 1], 'VALID')", "[2, 14, 14, 3]"),
        ("x = tf.one_hot(tf.zeros([5], tf.int32), 10)", "[5, 10]"),
        ("x = tf.concat([tf.zeros([2, 3]), tf.zeros([2, 4])], 1)", "[2, 7]"),
        ("x = tf.split(tf.zeros([2, 6]), 3, axis=1)[0]", "[2, 2]"),
        ("x = tf.squeeze(tf.zeros([2, 1, 3]), [1])", "[2, 3]"),
        ("x = tf.squeeze(tf.layers.dense(tf.placeholder(tf.float32, [None, 4]), 1))", "[batch]"),
        ("x = tf.squeeze(tf.layers.dense(tf.placeholder(tf.float32, [None, 4]), 3))", "an unknown shape"),
        ("x = tf.reduce_mean(tf.zeros([2, 3]))", "[]"),
        ("a = tf.placeholder(tf.float32, [None, 4])\nx = tf.zeros([tf.shape(a)[0], 2])", "[batch, 2]"),
        ("x = tf.transpose(tf.zeros([2, 3, 4]), [2, 0, 1])", "[4, 2, 3]"),
        ("x = abs(tf.placeholder(tf.float32, [None, 4]) - 2.0)", "[batch, 4]"),
        ("x = tf.one_hot(tf.zeros([5], tf.int32), 10, axis=0)", "an unknown shape"),
        ("x = tf.eye(3, batch_shape=[2])", "[2, 3, 3]"),
        ("x = tf.linalg.normalize(tf.zeros([2, 3]), axis=1)[0]", "[2, 3]"),
    ],
)
def test_tensorflow(code, expected):
    """Operations of TensorFlow 1 and 2."""
    assert expected == shape(TF + code, generation="1.x")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = layers.Dense(5)(keras.Input((3,)))", "[batch, 5]"),
        ("x = layers.Conv2D(8, 3)(keras.Input((28, 28, 1)))", "[batch, 26, 26, 8]"),
        ("x = layers.Conv2D(8, 3, strides=2, padding='same')(keras.Input((28, 28, 1)))", "[batch, 14, 14, 8]"),
        ("x = layers.Conv1D(8, 3, dilation_rate=2)(keras.Input((10, 4)))", "[batch, 6, 8]"),
        ("x = layers.Conv2D(8, 3, data_format='channels_first')(keras.Input((1, 28, 28)))", "[batch, 8, 26, 26]"),
        ("x = layers.Conv2DTranspose(8, 4, strides=2, padding='same')(keras.Input((7, 7, 3)))", "[batch, 14, 14, 8]"),
        ("x = layers.MaxPooling2D()(keras.Input((9, 9, 3)))", "[batch, 4, 4, 3]"),
        ("x = layers.GlobalAveragePooling2D()(keras.Input((9, 9, 3)))", "[batch, 3]"),
        ("x = layers.Flatten()(keras.Input((4, 5)))", "[batch, 20]"),
        ("x = layers.Reshape((5, -1))(keras.Input((20,)))", "[batch, 5, 4]"),
        ("x = layers.LSTM(7)(keras.Input((10, 4)))", "[batch, 7]"),
        ("x = layers.Bidirectional(layers.GRU(7, return_sequences=True))(keras.Input((10, 4)))", "[batch, 10, 14]"),
        ("x = layers.Embedding(1000, 16)(keras.Input((10,)))", "[batch, 10, 16]"),
        ("x = layers.Concatenate()([keras.Input((3,)), keras.Input((4,))])", "[batch, 7]"),
        ("x = layers.TimeDistributed(layers.Dense(6))(keras.Input((10, 4)))", "[batch, 10, 6]"),
        ("x = layers.UpSampling2D()(keras.Input((4, 4, 1)))", "[batch, 8, 8, 1]"),
        ("x = layers.ZeroPadding2D(1)(keras.Input((4, 4, 1)))", "[batch, 6, 6, 1]"),
        ("x = layers.BatchNormalization()(keras.Input((3,)))", "[batch, 3]"),
        ("x = layers.TextVectorization(output_sequence_length=7)(keras.Input((1,)))", "[batch, 7]"),
        ("x = layers.TextVectorization(output_sequence_length=7)(keras.ops.sum(keras.Input((1,))))", "[7]"),
        ("x = layers.TextVectorization(output_sequence_length=7)(unknown)", "an unknown shape"),
        ("m = keras.Sequential([layers.Dense(4, input_shape=(3,)), layers.Dense(2)])\nx = m.output", "[batch, 2]"),
    ],
)  # fmt: skip
def test_keras(code, expected):
    """Layers on symbolic inputs."""
    assert expected == shape(KERAS + code)


@pytest.mark.parametrize("normalizer", ["", ", normalizer_fn=slim.batch_norm"])
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = slim.conv2d(picture, 16, 3, 2{})", "[4, 14, 14, 16]"),
        ("x = slim.conv2d_transpose(picture, 16, 4, 2{})", "[4, 56, 56, 16]"),
        ("x = slim.conv2d_transpose(tf.zeros((4, 1, 1, 100)), 16, 4, padding='VALID'{})", "[4, 4, 4, 16]"),
        ("x = slim.separable_conv2d(picture, 16, 3, 2, 2{})", "[4, 14, 14, 16]"),
        ("x = slim.separable_conv2d(picture, None, 3, depth_multiplier=2, padding='VALID'{})", "[4, 26, 26, 6]"),
    ],
)
def test_contrib(code, expected, normalizer):
    """tf.contrib.layers, also where a normalizer comes between the product and the activation."""
    text = "import tensorflow as tf\nslim = tf.contrib.slim\npicture = tf.zeros((4, 28, 28, 3))\n"
    assert expected == shape(text + code.format(normalizer))


@pytest.mark.parametrize(
    "product",
    [
        "tf.matmul(unknown, tf.zeros([4, 2]))",
        "unknown @ tf.zeros([4, 2])",
        "tf.keras.backend.dot(unknown, tf.zeros([4, 2]))",
    ],
)
def test_rows_that_are_unknown(product):
    """They may have any number of axes."""
    assert "an unknown shape" == shape(f"import tensorflow as tf\nx = {product}")


def test_an_output_sums_no_more_than_there_is():
    """A vector that grows into a picture, beside a picture that grows."""
    text = "import tensorflow as tf\nslim = tf.contrib.slim\n"
    layer = "slim.conv2d_transpose(tf.ones((4, {0}, {0}, 100)), 16, 4, padding='VALID', activation_fn=None)"
    small, large = (value(f"{text}x = {layer.format(size)}", "x") for size in (1, 9))
    # Glorot's variance for [4, 4, 16, 100], times 100 and times 1600 products.
    variance = 2 / (16 * 116)
    assert (100 * variance) ** 0.5 == pytest.approx(small.rms)
    assert (1600 * variance) ** 0.5 == pytest.approx(large.rms)


def test_feeds_give_placeholders_their_shape():
    """A placeholder without a shape has that of what is fed, and fed together means equally many rows."""
    code = """
    import numpy as np
    import tensorflow as tf
    x = tf.placeholder(tf.float32)
    y = tf.placeholder(tf.float32)
    w = tf.Variable(tf.zeros([3, 1]))
    error = y - tf.matmul(x, w)
    rows, labels = np.random.rand(500, 3), np.random.rand(500)
    with tf.Session() as session:
        for i in range(100):
            session.run(error, {x: rows[i:i + 32], y: labels[i:i + 32]})
    """

    assert "[batch, 3]" == shape(code, "x", "1.x")
    assert "[batch, batch]" == shape(code, "error", "1.x")


def test_fit_gives_the_model_its_input():
    """What `fit` is given reaches the first layer, with its range."""
    code = """
    from tensorflow import keras
    (images, digits), _ = keras.datasets.mnist.load_data()
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images / 255.0, digits)
    scores = model.output
    """

    assert "[batch, 10]" == shape(code, "scores")


def test_weights_know_their_distribution():
    """Initial values are operations with what they are drawn from."""
    found = value("import tensorflow as tf\nw = tf.Variable(tf.random.truncated_normal([64, 64], stddev=0.5))", "w")

    assert "[64, 64]" == "[" + ", ".join(map(str, found.shape)) + "]"
    assert 0.44 == round(found.rms, 2)


@pytest.mark.parametrize(
    ("code", "dtype"),
    [
        ("x = np.eye(3)", "float64"),
        ("x = np.ones_like(np.zeros(3, int), dtype='float32')", "float32"),
        ("x = np.arange(5)", "int64"),
        ("x = np.arange(0, 1, 0.1)", None),
        ("x = (np.ones(3) > 0).sum()", "int64"),
        ("x = np.linalg.norm(np.ones(3, dtype=int))", None),
        ("x = np.random.default_rng(0).standard_normal(4, dtype=np.float32)", "float32"),
    ],
)
def test_types_of_numpy(code, dtype):
    """Where NumPy's type depends on the arguments, they decide."""
    assert dtype == value(NUMPY + code, "x").dtype


@pytest.mark.parametrize(
    "code", ["x = np.arange(5, 0, -1)", "x = np.array(range(5, 0, -1))", "x = np.linspace(5, 0, 6)"]
)
def test_bounds_of_what_counts_down(code):
    """The first number is the largest one."""
    found = value(NUMPY + "x = " + code, "x")

    assert found.low is not None and found.low <= 1
    assert 5 == found.high


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        ("np.array(list(range(1, 5)) + [20, 30])", "14.9"),
        ("np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20])", "12.0"),
        ("np.array([[3.0, 4.0], [0.0, 5.0]])", "3.5"),
    ],
)
def test_the_rms_of_written_numbers(array, expected):
    """However many numbers there are, and on one axis or two."""
    found = value(f"import numpy as np\nx = {array}", "x")

    assert expected == f"{found.rms:.1f}"


def test_a_scaler_by_the_largest_value_keeps_the_sign():
    """What was never below 0 is not below it afterwards."""
    text = "import numpy as np\nfrom sklearn.preprocessing import MaxAbsScaler\nx = MaxAbsScaler().fit_transform({})"
    found = [value(text.format(f"np.random.{array}"), "x") for array in ("rand(50, 3)", "uniform(-3, 2, (50, 3))")]

    assert [(0.0, 1.0), (-1.0, 1.0)] == [(each.low, each.high) for each in found]
