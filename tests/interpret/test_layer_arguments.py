"""The words of Keras 1, where images have their channels, and borders that are not known."""

from __future__ import annotations

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.project import Project

START = """
from keras import backend as K
from keras.layers import *
x = Input((32, 32, 3))
"""


def shape_of(text, tmp_path, start=START):
    """The shape of what the last line's layer makes, its batch left out, and the shapes of its weights."""
    analysis = analyse(f"{start}{text}\n".encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())
    assert analysis.findings == ()
    program = analysis.programs[0]
    last = [o for o in program.operations if o.kind in ("convolution", "matmul", "pool", "recurrent", "data")][-1]
    return None if last.output.shape is None else last.output.shape[1:]


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ("Convolution2D(8, 3, 3, dim_ordering='tf')(x)", (30, 30, 8)),
        ("Convolution2D(8, 3, 3, border_mode='same', dim_ordering='tf')(x)", (32, 32, 8)),
        ("Conv2D(8, 5, 3, subsample=(2, 1), dim_ordering='tf')(x)", (14, 30, 8)),
        ("Convolution2D(nb_filter=8, nb_row=3, nb_col=1, border_mode='valid', dim_ordering='tf')(x)", (30, 32, 8)),
        ("Convolution2D(8, 3, 3, 3, border_mode='valid', dim_ordering='tf')(x)", (30, 30, 8)),
        ("Convolution2D(8, 3, 3, dim_ordering='th')(Input((1, 28, 28)))", (8, 26, 26)),
        ("MaxPooling2D((2, 2), border_mode='same', dim_ordering='tf')(Input((5, 5, 3)))", (3, 3, 3)),
        ("Convolution1D(nb_filter=8, filter_length=5, border_mode='valid')(Input((20, 4)))", (16, 8)),
        ("MaxPooling1D(pool_length=4, stride=4)(Input((20, 4)))", (5, 4)),
        ("Dense(output_dim=7)(Input((20,)))", (7,)),
        ("LSTM(output_dim=7, return_sequences=True)(Input((5, 20)))", (5, 7)),
        ("Dense(20, 7, init='uniform')(Input((20,)))", (7,)),
    ],
)
def test_words_of_keras_1_mean_what_they_meant(layer, expected, tmp_path):
    """Keras took them until version 2.3."""
    assert shape_of(layer, tmp_path) == expected


@pytest.mark.parametrize("layer", ["Convolution2D(8, 3, 3)(x)", "Conv2D(8, 3, 3)(x)", "Conv2D(8, 1, 7)(x)"])
def test_what_the_third_number_of_a_convolution_is_may_be_open(layer, tmp_path):
    """The stride, or a side of the window: nothing in such a call tells."""
    assert shape_of(layer, tmp_path) is None


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ("Conv2D(8, 3, 2)(x)", (15, 15, 8)),
        ("Conv2D(8, 2, 2, padding='same')(x)", (16, 16, 8)),
        ("Conv2D(8, 3, 3, 'same')(x)", None),
        ("Conv2D(8, (3, 3), 2)(x)", (15, 15, 8)),
    ],
)
def test_a_stride_stays_a_stride(layer, expected, tmp_path):
    """Where the call says so in words of today, or windows would leave no gap."""
    assert shape_of(layer, tmp_path) == expected


def test_only_the_package_keras_speaks_like_keras_1(tmp_path):
    """`tensorflow.keras` never took three numbers for a window."""
    start = START.replace("from keras", "from tensorflow.keras")
    assert shape_of("Conv2D(8, 3, 3)(x)", tmp_path, start) == (10, 10, 8)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("K.set_image_data_format('channels_first')", (8, 26, 26)),
        ("K.set_image_dim_ordering('th')", (8, 26, 26)),
        ("import keras\nkeras.config.set_image_data_format('channels_first')", (8, 26, 26)),
        ("import tensorflow as tf\ntf.keras.backend.set_image_data_format('channels_first')", (8, 26, 26)),
        ("if len(K.text) > 3:\n    K.set_image_data_format('channels_first')", None),
        ("def main():\n    K.set_image_data_format('channels_first')\nmain()", (8, 26, 26)),
    ],
)
def test_a_program_says_where_images_have_their_channels(setting, expected, tmp_path):
    """What is set holds for every layer that does not say otherwise."""
    assert shape_of(f"{setting}\nConv2D(8, (3, 3))(Input((1, 28, 28)))", tmp_path) == expected


def test_a_layer_may_say_otherwise(tmp_path):
    """What is written at the layer is what counts."""
    text = "K.set_image_data_format('channels_first')\nConv2D(8, (3, 3), data_format='channels_last')(x)"
    assert shape_of(text, tmp_path) == (30, 30, 8)


@pytest.mark.parametrize(
    "text",
    [
        "from keras.datasets import cifar10\n(data, _), _ = cifar10.load_data()",
        "from keras.preprocessing.image import ImageDataGenerator\n"
        "ImageDataGenerator().flow_from_directory('train', target_size=(32, 32), class_mode=None)",
        "import keras\nkeras.utils.image_dataset_from_directory('train', image_size=(32, 32), label_mode=None)",
    ],
)
def test_images_are_read_with_their_channels_where_the_program_wants_them(text, tmp_path):
    """Keras' own data follows the setting."""
    analysis = analyse(
        f"{START}K.set_image_data_format('channels_first')\n{text}\n".encode(),
        str(tmp_path / "train.py"), Project(tmp_path), Config(),
    )  # fmt: skip
    images = next(iter(analysis.programs[0].of_kind("data")))
    assert images.output.shape[1:] == (3, 32, 32)


@pytest.mark.parametrize("layer", ["Conv2D(8, 3, padding=border)(x)", "MaxPooling2D(padding=border)(x)"])
def test_unknown_borders_leave_the_size_open(layer, tmp_path):
    """Neither "valid" nor "same" can be taken for granted."""
    found = shape_of(f"import other\nborder = other.border\n{layer}", tmp_path)
    assert found[:2] == (None, None)


@pytest.mark.parametrize(
    "layer",
    [
        "GlobalAveragePooling2D(keepdims=other.keeps)(x)",
        "Conv2D(8, 3, strides=other.stride)(Conv2D(8, 3, data_format=other.layout)(x))",
        "Concatenate(axis=other.axis)([Conv2D(8, 3)(x), Conv2D(8, 3)(x)])",
        "LSTM(8, return_state=other.states)(Input((5, 20)))[0]",
        "RNN(LSTMCell(8), return_state=other.states)(Input((5, 20)))[0]",
        "ConvLSTM2D(8, 3, return_state=other.states)(Input((5, 8, 8, 3)))[0]",
    ],
)
def test_an_argument_that_is_not_known_is_not_its_default(layer, tmp_path):
    """A shape that depends on it is open."""
    text = f"{START}import other\nimport tensorflow as tf\ntf.identity({layer})\n"
    program = analyse(text.encode(), str(tmp_path / "train.py"), Project(tmp_path), Config()).programs[0]
    (result,) = [o for o in program.of_kind("identity") if o.name == "tf.identity"]
    shape = result.output.shape
    assert shape is None or set(shape[1:3]) == {None}


def test_a_bias_that_may_be_there_or_not_is_no_operation(tmp_path):
    """So no rule speaks of it."""
    text = f"{START}import other\nConv2D(8, 3, use_bias=not other.normalized)(x)\n"
    program = analyse(text.encode(), str(tmp_path / "train.py"), Project(tmp_path), Config()).programs[0]
    assert list(program.of_kind("add")) == []


HEAD = "import other\nimport tensorflow as tf\nfrom tensorflow import keras\nfrom tensorflow.keras import layers\n"


@pytest.mark.parametrize(
    "text",
    [
        "from sklearn.datasets import make_classification\n"
        "x, y = make_classification(1000, 20, n_classes=other.classes)\n"
        "model = keras.Sequential([keras.Input((20,)), layers.Dense(5, 'softmax')])\n"
        "model.compile('adam', 'categorical_crossentropy')\n"
        "model.fit(x, keras.utils.to_categorical(y))\n",
        "images = keras.utils.image_dataset_from_directory('images', image_size=(32, 32), color_mode=other.colours)\n"
        "model = keras.Sequential([keras.Input((32, 32, 1)), layers.Flatten(), layers.Dense(5)])\n"
        "model.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
        "model.fit(images.map(lambda x, y: (x / 255, y)))\n",
        "i = keras.Input((4, 1))\n"
        "model = keras.Model(i, layers.Softmax(axis=other.axis)(layers.Dense(1)(i)))\n"
        "model.compile('adam', 'mse')\n",
        "x = tf.compat.v1.placeholder(tf.float32, [None, 4, 1])\n"
        "share = tf.nn.softmax(tf.compat.v1.layers.dense(x, 1), axis=other.axis)\n"
        "tf.compat.v1.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(share - 1.0)))\n",
        "x = tf.compat.v1.placeholder(tf.float32, [None, 3, 8, 8])\n"
        "h = tf.nn.relu(tf.nn.conv2d(x, tf.compat.v1.get_variable('w', [5, 5, 3, 8]), 1, 'VALID', other.layout))\n"
        "h = tf.nn.max_pool2d(h, [1, 1, 4, 4], 1, 'VALID', data_format=other.layout)\n"
        "tf.compat.v1.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(h)))\n",
    ],
)
def test_rules_are_silent_where_an_argument_that_decides_is_not_known(text, tmp_path):
    """Its default would be a mistake in each of these, and what is meant need not be one."""
    analysis = analyse((HEAD + text).encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())
    assert analysis.findings == ()


OPTIONS = HEAD + "import numpy as np\nx = np.random.rand(100, 20)\nclasses = np.random.randint(0, 10, 100)\n"


@pytest.mark.parametrize(
    "text",
    [
        "model = keras.Sequential([keras.Input((20,)), layers.Dense(10, **options)])\n"
        "model.compile('adam', 'sparse_categorical_crossentropy')\n"
        "model.fit(x, classes)\n",
        "model = keras.Sequential([keras.Input((20,)), layers.Dense(10, **options), layers.Dense(1)])\n"
        "model.compile('adam', 'mse')\n"
        "model.fit(x, x[:, :1])\n",
        "model = keras.Sequential([keras.Input((20,)), layers.Dense(10)])\n"
        "model.compile('adam', keras.losses.SparseCategoricalCrossentropy(**options))\n"
        "model.fit(x, classes)\n",
        "model = keras.Sequential([keras.Input((20,)), layers.Dense(1)])\n"
        "metrics = [keras.metrics.BinaryAccuracy(**options), keras.metrics.AUC(**options)]\n"
        "model.compile('adam', keras.losses.BinaryCrossentropy(from_logits=True), metrics=metrics)\n"
        "model.fit(x, np.random.randint(0, 2, 100))\n",
        "model = keras.Sequential([keras.Input((20,)), layers.Dense(1)])\n"
        "model.compile(loss='mse', **options)\n"
        "model.fit(x, x[:, :1], callbacks=[keras.callbacks.EarlyStopping('val_mae')], **options)\n",
        "generator = keras.preprocessing.image.ImageDataGenerator(**options)\n"
        "batches = generator.flow_from_directory('images', target_size=(32, 32), **options)\n"
        "model = keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(1, 'sigmoid')])\n"
        "model.compile('adam', 'binary_crossentropy')\n"
        "model.fit(batches)\n",
        "images = keras.utils.image_dataset_from_directory('images', **options)\n"
        "model = keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(5, 'softmax')])\n"
        "model.compile('adam', 'categorical_crossentropy')\n"
        "model.fit(images.map(lambda a, b: (a / 255, b)))\n",
        "data = tf.data.Dataset.from_tensor_slices((x, x[:, :1])).shuffle(100, **options)\n"
        "model = keras.Sequential([keras.Input((20,)), layers.Dense(1)])\n"
        "model.compile('adam', 'mse')\n"
        "model.fit(data.skip(20).batch(8), validation_data=data.take(20).batch(8))\n",
        "x = keras.Input((28, 28, 1))\n"
        "for _ in range(5):\n"
        "    x = layers.Conv2D(8, 9, activation='relu', **options)(x)\n",
        "x = layers.LSTM(8)(layers.LSTM(8, **options)(keras.Input((28, 28))))\n",
        "h = keras.Input((20,))\n"
        "w = keras.initializers.Constant(**options)\n"
        "h = layers.Dense(64, 'relu', kernel_initializer=w)(layers.Dense(64, 'relu', kernel_initializer=w)(h))\n",
    ],
)
def test_what_options_may_say_is_not_known(text, tmp_path):
    """`**options` of which nothing is known may hold any argument, so that no default of one is proved."""
    options = f"{OPTIONS}options = other.options()\n"
    analysis = analyse((options + text).encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())
    assert analysis.findings == ()


def test_what_is_said_beside_options_still_counts(tmp_path):
    """An argument that is written cannot be in the options too."""
    text = (
        f"{OPTIONS}model = keras.Sequential([keras.Input((20,)), layers.Dense(10, activation=None, **other.made)])\n"
        "model.compile('adam', 'sparse_categorical_crossentropy')\n"
        "model.fit(x, classes)\n"
    )
    analysis = analyse(text.encode(), str(tmp_path / "train.py"), Project(tmp_path), Config())
    assert [finding.rule for finding in analysis.findings] == ["logits-into-probability-loss"]
