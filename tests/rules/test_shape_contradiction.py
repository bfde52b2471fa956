"""What the rule shape-contradiction leaves to the rules that know the cause, and what follows from one cause."""

from __future__ import annotations

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.project import Project

START = """
import numpy as np
from tensorflow import keras
from tensorflow.keras import layers
import tensorflow.compat.v1 as tf
"""

PLACEHOLDERS = """
x = tf.placeholder(tf.float32, [None, 8])
scores = tf.layers.dense(x, {units})
"""

TRAIN = """
train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(loss))
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    session.run(train, {x: np.random.normal(size=(50, 8)), y: data})
"""

PROGRAMS = {
    "silent-loss-broadcast": PLACEHOLDERS.format(units=1)
    + "y = tf.placeholder(tf.float32)\n"
    + "loss = tf.losses.mean_squared_error(labels=y, predictions=scores)\n"
    + "data = np.random.normal(size=50)\n"
    + TRAIN,
    "label-encoding-mismatch": PLACEHOLDERS.format(units=4)
    + "y = tf.placeholder(tf.int64, [None, 4])\n"
    + "loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=scores)\n"
    + "data = np.eye(4)[np.random.randint(0, 4, size=50)]\n"
    + TRAIN,
    "loss-head-mismatch": """
x, y = np.random.normal(size=(500, 8)), keras.utils.to_categorical(np.random.randint(0, 7, size=500), 7)
model = keras.Sequential([keras.Input((8,)), layers.Dense(10, activation="softmax")])
model.compile("adam", loss="categorical_crossentropy")
model.fit(x, y)
""",
    "output-rank-not-reduced": """
x, y = np.random.normal(size=(500, 12, 8)), keras.utils.to_categorical(np.random.randint(0, 3, size=500), 3)
inputs = keras.Input((12, 8))
model = keras.Model(inputs, layers.Dense(3, "softmax")(layers.LSTM(16, return_sequences=True)(inputs)))
model.compile("adam", loss="categorical_crossentropy")
model.fit(x, y)
""",
    "loader-head-mismatch": """
images = keras.utils.image_dataset_from_directory("photos", image_size=(128, 128))
model = keras.Sequential([keras.Input((64, 64, 3)), layers.Rescaling(1 / 255), layers.Flatten()])
model.add(layers.Dense(5, "softmax"))
model.compile("adam", loss="sparse_categorical_crossentropy")
model.fit(images)
""",
}
"""A program for each rule that names the cause of shapes that do not fit."""


def found(text, tmp_path):
    analysis = analyse((START + text).encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())
    return [(finding.rule, analysis.location(finding.place).line) for finding in analysis.findings
            if finding.severity != "info"]  # fmt: skip


@pytest.mark.parametrize("rule", PROGRAMS)
def test_rule_that_names_the_cause_speaks(rule, tmp_path):
    """Where another rule says what is wrong with labels and predictions, their shapes are not reported again."""
    assert [rule] == [name for name, _ in found(PROGRAMS[rule], tmp_path)]


def test_only_the_first_contradiction_is_reported(tmp_path):
    """What is computed from an impossible result is not reported."""
    text = "a = tf.matmul(tf.ones([2, 3]), tf.ones([2, 3]))\nb = tf.matmul(a, tf.ones([7, 7])) + tf.ones([9])\n"

    assert [("shape-contradiction", 6)] == found(text, tmp_path)


@pytest.mark.parametrize(
    "expression",
    [
        "tf.ones([4, 3]) + tf.ones([4, 2])",
        "tf.concat([tf.ones([4, 3]), tf.ones([5, 3])], 1)",
        "tf.stack([tf.ones([3]), tf.ones([4])])",
        "tf.reshape(tf.ones([4, 3]), [5, 2])",
        "tf.reshape(tf.ones([4, 3]), [5, -1])",
        "tf.squeeze(tf.ones([4, 3]), axis=[1])",
        "tf.reduce_sum(tf.ones([4, 3]), axis=2)",
        "tf.argmax(tf.ones([4]), 1)",
        "tf.matmul(tf.ones([4, 3]), tf.ones([3]))",
        "tf.matmul(tf.ones([4, 3]), tf.ones([3, 4]), transpose_b=True)",
        "tf.nn.conv2d(tf.ones([1, 8, 8, 2]), tf.ones([3, 3, 3, 4]), [1, 1, 1, 1], 'SAME')",
        "tf.nn.conv2d(tf.ones([1, 2, 2, 3]), tf.ones([3, 3, 3, 4]), [1, 1, 1, 1], 'VALID')",
        "tf.nn.max_pool(tf.ones([1, 2, 2, 3]), [1, 3, 3, 1], [1, 1, 1, 1], 'VALID')",
        "tf.nn.max_pool(tf.ones([4, 784]), [1, 2, 2, 1], [1, 2, 2, 1], 'SAME')",
        "tf.concat([0, tf.placeholder(tf.float32)], 0)",
        "tf.transpose(tf.ones([4, 3, 2]), [1, 0])",
        "tf.expand_dims(tf.ones([4, 3]), 4)",
        "tf.split(tf.ones([4, 10]), 3, axis=1)",
        "tf.split(tf.ones([4, 10]), [3, 3], axis=1)",
        "tf.unstack(tf.ones([4, 10, 3]), 28, axis=1)",
        "tf.tile(tf.ones([4, 10]), [2])",
        "tf.pad(tf.ones([4, 10]), [[1, 1]])",
        "np.ones([4, 10])[:, :, 0]",
        "tf.ones([4, 10])[:, 10]",
        "tf.ensure_shape(tf.ones([4, 10]), [None, 5])",
        "tf.assign(tf.Variable(tf.zeros([3, 4])), tf.zeros([4, 3]))",
        "tf.Variable(tf.zeros([3, 4])).assign_add(1.0)",
        "tf.reshape(tf.placeholder(tf.float32, [None, 784]), [None, 28, 28])",
        "tf.get_variable('weights', [tf.placeholder(tf.float32, [None, 8]).shape[0], 5])",
        "layers.Conv2D(3, 3)(keras.Input((8, 8)))",
        "layers.MaxPooling2D(2)(keras.Input((8, 8)))",
        "layers.Reshape((5, 5))(keras.Input((24,)))",
        "layers.Add()([keras.Input((8,)), keras.Input((9,))])",
    ],
)
def test_impossible_operation_is_reported(expression, tmp_path):
    """Each kind of operation is checked."""
    assert [("shape-contradiction", 6)] == found(f"result = {expression}\n", tmp_path)


@pytest.mark.parametrize(
    "expression",
    [
        "tf.ones([4, 3]) + tf.ones([4, 1])",
        "tf.ones([4, 3]) == tf.ones([4, 2])",
        "tf.concat([tf.ones([4, 3]), tf.ones([5, 3])], 0)",
        "tf.reshape(tf.ones([4, 3]), [2, -1])",
        "tf.squeeze(tf.ones([4, 1]), axis=[1])",
        "tf.matmul(tf.ones([4, 3]), tf.ones([4, 3]), transpose_b=True)",
        "tf.matmul(tf.ones([2, 4, 3]), tf.ones([3, 5]))",
        "np.dot(np.ones([4, 3]), np.ones(3))",
        "tf.nn.conv2d(tf.ones([1, 8, 8, 4]), tf.ones([3, 3, 2, 4]), [1, 1, 1, 1], 'SAME')",
        "tf.nn.conv2d(tf.ones([1, 3, 8, 8]), tf.ones([3, 3, 3, 4]), [1, 1, 1, 1], 'SAME', data_format='NCHW')",
        "tf.nn.bias_add(tf.ones([1, 3, 8, 8]), tf.ones([3]), data_format='NCHW')",
        "tf.nn.max_pool(tf.ones([1, 2, 2, 3]), [1, 3, 3, 1], [1, 1, 1, 1], 'SAME')",
        "tf.concat([[0], tf.placeholder(tf.float32)], 0)",
        "tf.transpose(tf.ones([4, 3, 2]), [0, 2, 1])",
        "tf.expand_dims(tf.ones([4, 3]), -1)",
        "tf.split(tf.ones([4, 10]), [3, 7], axis=1)",
        "np.array_split(np.ones([10, 4]), 3)",
        "tf.unstack(tf.placeholder(tf.float32, [None, 28, 3]), 28, axis=1)",
        "np.tile(np.ones([4, 10]), 2)",
        "np.ones([4, 10])[None, ..., 0]",
        "tf.ones([4, 10])[:, -10]",
        "tf.ensure_shape(tf.placeholder(tf.float32, [None, 5]), [8, 5])",
        "tf.assign(tf.Variable(tf.zeros([3, 4])), tf.zeros([4, 3]), validate_shape=False)",
        "tf.Variable(tf.zeros([3, 4]), shape=tf.TensorShape(None)).assign(tf.zeros([4, 3]))",
        "tf.Variable(tf.zeros([tf.placeholder(tf.float32, [None, 8]).shape[1], 5]))",
        "tf.reshape(tf.placeholder(tf.float32), [tf.placeholder(tf.float32).shape[0], -1])",
        "layers.Conv2D(3, 3, data_format='channels_first')(keras.Input((3, 8, 8)))",
        "layers.Reshape((5, -1))(keras.Input((25,)))",
    ],
)
def test_possible_operation_is_not_reported(expression, tmp_path):
    """Broadcasting, groups of channels, other layouts of the channels and transposed operands are right."""
    assert [] == found(f"result = {expression}\n", tmp_path)


def test_stated_shape_that_is_none_of_the_tensor_is_reported(tmp_path):
    """`set_shape` states a shape; what it states is known from there on, and what cannot be is reported."""
    text = (
        "x = tf.identity(tf.placeholder(tf.float32, [None, 100]))\n"
        "x.set_shape([5, 100])\n"
        "y = tf.matmul(x, tf.ones([100, 3])) + tf.ones([4, 3])\n"
        "z = tf.identity(tf.ones([100]))\n"
        "z.set_shape([10, 10])\n"
    )

    assert [("shape-contradiction", 8), ("shape-contradiction", 10)] == found(text, tmp_path)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("image = tf.image.decode_jpeg(text, channels=3)", 1),
        ("image = tf.cast(tf.decode_raw(text, tf.uint8), tf.float32) / 255.0", 1),
        ("image = tf.image.decode_jpeg(text, channels=3)\nimage.set_shape([28, 28, 3])", 0),
        ("image = tf.image.resize_images(tf.image.decode_jpeg(text, channels=3), [28, 28])", 0),
        ("image = tf.image.resize_image_with_crop_or_pad(tf.image.decode_jpeg(text, channels=3), 28, 28)", 0),
        ("image = tf.random_crop(tf.image.decode_jpeg(text, channels=3), [28, 28, 3])", 0),
        ("image = tf.reshape(tf.decode_raw(text, tf.uint8), [28, 28])", 0),
        ("image = tf.py_func(read, [text], tf.float32)", 0),
    ],
)
@pytest.mark.parametrize(("options", "needed"), [("", True), (", dynamic_pad=True", False)])
def test_queues_need_the_size_of_pictures(steps, expected, options, needed, tmp_path):
    """What is decoded has a size that no graph knows, until it is stated or made."""
    text = f"text = tf.WholeFileReader().read(names)[1]\n{steps}\nbatch = tf.train.batch([image], 32{options})\n"

    assert expected * needed == len(found("assert tf.__version__ == '1.12.0'\n" + text, tmp_path))


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        ("tf.io.decode_image(text, channels=3)", 1),
        ("tf.image.convert_image_dtype(tf.io.decode_image(text), tf.float32)", 1),
        ("tf.io.decode_image(text, expand_animations=False)", 0),
        ("tf.ensure_shape(tf.io.decode_image(text), [None, None, 3])", 0),
        ("tf.io.decode_jpeg(text)", 0),
    ],
)
def test_pictures_that_may_be_films_cannot_be_resized_in_a_graph(picture, expected, tmp_path):
    """`decode_image` has no rank in the graph of a `map`; called directly, it has one."""
    text = f"def load(text):\n    return tf.image.resize({picture}, [28, 28])\n"

    assert [] == found(f"import tensorflow as tf\n{text}one = load('a.png')\n", tmp_path)
    mapped = f"import tensorflow as tf\n{text}data = tf.data.Dataset.from_tensor_slices(['a.png']).map(load)\n"
    assert expected == len(found(mapped, tmp_path))


def test_columns_of_tables_go_by_labels(tmp_path):
    """What is no row of an array may be a label of a column, and columns of different length are matched by labels."""
    text = (
        "import pandas as pd\n"
        "table = pd.DataFrame(np.random.rand(100, 4), columns=list('abcd'))\n"
        "one, other = table['a'], table['b'][10:]\n"
        "print(one[150], pd.Series(range(10), index=range(10, 20))[15])\n"
        "both = one - other\n"
    )

    assert [] == found(text, tmp_path)


def test_rows_of_a_batch_are_a_number_outside_of_graphs(tmp_path):
    """In a loop over a dataset `x.shape[0]` says how many rows a batch has."""
    text = (
        "data = tf.data.Dataset.from_tensor_slices(np.random.normal(size=(90, 8, 8))).batch(30)\n"
        "for x in data:\n"
        "    flat = tf.reshape(x, [x.shape[0], -1])\n"
        "    noise = tf.random.normal([x.shape[0], 5]) + tf.zeros([x.shape[0], 1])\n"
        "    state = tf.Variable(tf.zeros([x.shape[0], 5]))\n"
    )

    for version in ("1.15.0", "2.12.0"):
        assert [] == found(f"assert tf.__version__ == '{version}'\ntf.enable_eager_execution()\n{text}", tmp_path)


def test_variable_needs_all_dimensions_in_a_graph(tmp_path):
    """In TensorFlow 1 a variable cannot have as many rows as a batch; `tf.Variable` of TensorFlow 2 can."""
    text = "rows = tf.shape(tf.placeholder(tf.float32, [None, 8]))[0]\nstate = tf.Variable(tf.zeros([rows, 5]))\n"

    assert [("shape-contradiction", 8)] == found("assert tf.__version__ == '1.12.0'\n" + text, tmp_path)
    assert [] == found(text, tmp_path)


@pytest.mark.parametrize(("version", "expected"), [("1.8.0", 1), ("1.15.2", 0), ("2.4.0", 0), (None, 0)])
def test_products_of_different_ranks_depend_on_the_version(version, expected, tmp_path):
    """TensorFlow multiplies matrices with stacks of matrices since 1.14; nothing is said where the version is open."""
    pin = f"assert tf.__version__ == '{version}'\n" if version else ""

    assert expected == len(found(pin + "x = tf.matmul(tf.ones([2, 4, 3]), tf.ones([3, 5]))\n", tmp_path))


def test_input_is_reported_once(tmp_path):
    """A placeholder that is fed what does not fit in several places has one finding, which names the others."""
    text = (
        "x = tf.placeholder(tf.float32, [None, 8])\n"
        "scores = tf.layers.dense(x, 4)\n"
        "with tf.Session() as session:\n"
        "    session.run(tf.global_variables_initializer())\n"
        "    session.run(scores, {x: np.ones([50, 9])})\n"
        "    session.run(scores, {x: np.ones([20, 9])})\n"
    )
    analysis = analyse((START + text).encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())

    (finding,) = analysis.findings
    assert ["the placeholder is declared here", "here it gets [20, 9] too"] == [s.message for s in finding.trace]


def test_lists_are_joined_as_they_are(tmp_path):
    """What two lists hold need not fit, also where it is not known how many there are."""
    text = (
        "def build(edges):\n"
        "    x = keras.Input((3, 2))\n"
        "    indices = [keras.Input((None, 2), dtype='int64') for i in range(edges)]\n"
        "    return [x] + (indices + [keras.Input((None,)) for i in range(edges)])\n"
    )

    assert [] == found(text, tmp_path)


def test_answers_may_be_those_of_one_sample(tmp_path):
    """What `squeeze` leaves of them is not known, where nobody knows how many were asked for."""
    text = (
        "inputs = keras.Input((32,))\n"
        "model = keras.Model(inputs, layers.Reshape((4, 8))(inputs))\n"
        "boxes = np.squeeze(model.predict(np.expand_dims(unknown, axis=0)))\n"
        "first = boxes[0][0:4] + np.ones(4)\n"
    )

    assert [] == found(text, tmp_path)


def test_a_tensor_is_no_tuple(tmp_path):
    """A builder that takes one input or several goes the way of one."""
    text = (
        "def neck(x):\n"
        "    if isinstance(x, tuple):\n"
        "        inputs = keras.Input(x[0].shape[1:])\n"
        "        hidden = layers.Conv2D(8, 1)(inputs)\n"
        "    else:\n"
        "        inputs = hidden = keras.Input(x.shape[1:])\n"
        "    return keras.Model(inputs, hidden)(x)\n"
        "neck(layers.Conv2D(4, 3)(keras.Input((32, 32, 3))))\n"
    )

    assert [] == found(text, tmp_path)


def test_names_of_a_comprehension_are_its_own(tmp_path):
    """The variable of a comprehension does not replace the one of the function around it."""
    text = (
        "def build(rates):\n"
        "    x = keras.Input((8, 8, 3))\n"
        "    shares = [float(x) for x in rates]\n"
        "    return layers.Conv2D(4, 3)(x), shares\n"
        "build([0.1, 0.2])\n"
    )

    assert [] == found(text, tmp_path)


@pytest.mark.parametrize("manager", ["self.assertRaises(ValueError)", "pytest.raises(ValueError)"])
def test_expected_errors_are_not_reported(manager, tmp_path):
    """A test that wants the error is right."""
    text = (
        "class MatmulTest(tf.test.TestCase):\n"
        "    def test_shapes(self):\n"
        f"        with {manager}:\n"
        "            tf.matmul(tf.ones([2, 3]), tf.ones([2, 3]))\n"
        "MatmulTest().test_shapes()\n"
    )

    assert [] == found(text, tmp_path)


@pytest.mark.parametrize(
    ("layer", "shape", "fed", "expected"),
    [
        ("layers.Conv2D(4, 3), layers.GlobalMaxPooling2D()", (32, 32, 3), (10, 64, 64, 3), False),
        ("layers.Conv2D(4, 3)", (32, 32, 3), (10, 32, 32, 1), True),
        ("layers.Flatten()", (28, 28), (10, 28, 28, 1), False),
        ("layers.Flatten()", (28, 28), (10, 784), True),
        ("layers.Flatten()", (28, 28), (10, 32, 32), True),
        ("layers.Dense(4)", (784,), (10, 700), True),
        ("layers.Embedding(50, 8)", (12,), (10, 15), False),
    ],
)
def test_fed_data_are_compared_with_what_the_layers_count(layer, shape, fed, expected, tmp_path):
    """Keras compares the ranks; sizes matter where a layer has weights for them."""
    text = (
        f"model = keras.Sequential([keras.Input({shape}), {layer}, layers.Flatten(), layers.Dense(1)])\n"
        f"model.predict(np.zeros({fed}))\n"
    )

    assert expected == any(name == "shape-contradiction" for name, _ in found(text, tmp_path))


UNKNOWN_SIZES = {
    "an axis that Keras adds where it is 1": """
import settings
model = keras.Sequential([keras.Input((settings.ROWS, settings.COLUMNS, settings.CHANNELS)), layers.Flatten()])
model.compile("adam", loss="mse")
model.fit(np.random.rand(100, 28, 28), np.random.rand(100, 784))
""",
    "an input of unknown shape, to which Keras may add an axis": """
import settings
model = keras.Sequential([keras.Input(settings.SHAPE), layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(10)])
model.compile("adam", loss="mse")
model.fit(np.random.rand(100, 28, 28), np.random.rand(100, 10))
""",
    "a shape that is stated and not known": """
import settings
picture = tf.cast(tf.image.decode_jpeg(tf.read_file("a.jpg"), channels=3), tf.float32)
picture.set_shape(settings.SHAPE)
batches = tf.train.batch([picture], 16)
""",
    "shapes that are stated in a loop": """
picture = tf.cast(tf.image.decode_jpeg(tf.read_file("a.jpg"), channels=3), tf.float32)
mask = tf.cast(tf.image.decode_png(tf.read_file("a.png"), channels=1), tf.float32)
for tensor in (picture, mask):
    tensor.set_shape([32, 32, None])
batches = tf.train.batch([picture, mask], 16)
""",
    "a shape that a helper states": """
def sized(tensor):
    tensor.set_shape([32, 32, 3])
picture = tf.image.decode_jpeg(tf.read_file("a.jpg"), channels=3)
sized(picture)
batches = tf.train.batch([picture], 16)
""",
    "a declared shape that is not known": """
import settings
x = tf.placeholder(tf.float32, settings.SHAPE)
ones = tf.constant(1.0, shape=[x.get_shape()[0]])
with tf.Session() as session:
    print(session.run(x + ones, {x: [1.0, 2.0, 3.0]}))
""",
    "Python's abs of arrays": """
def error(labels, answers):
    return tf.reduce_mean(abs(labels - answers), axis=-1)
""",
}


@pytest.mark.parametrize("text", UNKNOWN_SIZES.values(), ids=UNKNOWN_SIZES)
def test_sizes_that_are_not_known_may_fit(text, tmp_path):
    """Whatever is not known may be what makes it right."""
    analysis = analyse((START + text).encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())
    assert [] == [finding.message for finding in analysis.findings if finding.rule == "shape-contradiction"]
