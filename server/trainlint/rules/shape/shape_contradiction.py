"""shape-contradiction: an operation, a loss or a feed whose proved shapes cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import ApiName, Remedy, SetArgument, Wrap
from trainlint.program.contradictions import Contradiction, chain, contradictions
from trainlint.program.dims import show
from trainlint.program.heads import argument_for
from trainlint.program.values import Const, Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.program import Program

_NETWORK = (
    "x = tf.placeholder(tf.float32, [None, 784])\n"
    "hidden = tf.nn.relu(tf.matmul(x, tf.Variable(tf.truncated_normal([784, 500], stddev=0.05))))\n"
)


class ShapeContradiction(Rule):
    """
    ## What it does
    Reports the first place where shapes contradict each other: a product, a sum, a convolution, a concatenation, a reshape, an index, an assignment, a loss or a feed that no run can carry out.
    Both shapes must be known for sure; what follows from the first contradiction is not reported again.

    ## Why it is bad
    TensorFlow stops with an error, in graphs often only after the data were loaded and the model was built.
    Its message names an operation deep inside of the library, while the number that is wrong was written many lines before.
    The trace of this finding shows where each of the two shapes comes from.

    Two go on without an error.
    Where the number of rows of a reshape with -1 happens to work out, each row holds parts of several samples.
    In eager code a window that is larger than its input gives an empty tensor, whose mean is not a number.

    ## Example
    ```python
    pooled = tf.nn.max_pool(image, [1, 4, 4, 1], [1, 4, 4, 1], "SAME")  # [batch, 7, 7, 32]
    flat = tf.reshape(pooled, [-1, 14 * 14 * 32])
    ```

    ## Use instead
    ```python
    pooled = tf.nn.max_pool(image, [1, 4, 4, 1], [1, 4, 4, 1], "SAME")  # [batch, 7, 7, 32]
    flat = tf.reshape(pooled, [-1, 7 * 7 * 32])
    ```

    ## Fix safety
    Safe where class numbers of the shape `[N, 1]` meet a loss that takes `[N]`: the program could not run before, and nothing else can be meant.
    Unsafe for `return_sequences=True` in front of another recurrent layer: a `RepeatVector` may have been forgotten instead.
    There is no fix for other contradictions: which of the two shapes is wrong cannot be told.

    ## Probe
    Builds the operation with tensors of these shapes, which decides.

    ## References
    - Zhang et al., "An Empirical Study on TensorFlow Program Bugs", ISSTA 2018
    - Humbatova et al., "Taxonomy of Real Faults in Deep Learning Systems", ICSE 2020
    - https://www.tensorflow.org/api_docs/python/tf/linalg/matmul
    """

    name, code, category, severity = "shape-contradiction", "TL705", "shape", "error"
    rank = 40
    evidence = ("certificate",)
    message = "{reason}; {outcome}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "from tensorflow.keras import layers, Model\n"
            "def zero_pad(inputs, in_filter=1, out_filter=1):\n"
            "    outputs = tf.pad(inputs, [[0, 0], [0, 0], [0, 0],\n"
            "                              [(out_filter - in_filter) // 2, (out_filter - in_filter) // 2]])\n"
            "    return outputs\n"
            "inputs = layers.Input((32, 32, 3))\n"
            'x = layers.Conv2D(16, 3, padding="same")(inputs)\n'
            'y = layers.Conv2D(160, 3, padding="same")(x)\n'
            'x = layers.Lambda(zero_pad, arguments={"in_filter": 16, "out_filter": 160})(x)\n'
            "x = layers.Add()([x, y])\n"
            "x = layers.GlobalAveragePooling2D()(x)\n"
            'model = Model(inputs, layers.Dense(10, activation="softmax")(x))\n'
            "print(model.output_shape)\n",
            why="the layer hands its arguments to the function",
        ),
        Valid(
            "import numpy as np\n"
            "from keras.layers import Dense\n"
            "from keras.models import Sequential\n"
            "model = Sequential([Dense(50, input_dim=1, activation='tanh'), Dense(1)])\n"
            "model.compile(optimizer='adam', loss='mse')\n"
            "def batches():\n"
            "    while True:\n"
            "        x = np.random.uniform(-1.0, 1.0, 10)\n"
            "        yield np.array([x, np.sin(x)])\n"
            "model.fit_generator(generator=batches(), steps_per_epoch=1000, epochs=10)\n",
            why="Keras takes the rows of what a generator gives apart",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def batches(batch_size=None):\n"
            "    raw = tf.placeholder(tf.float32, [64, 28, 28])\n"
            "    return tf.Variable(tf.zeros([batch_size, 784]))\n",
            why="the default of None is no shape: who calls it gives a number",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.layers.dense(x, 10)\n"
            "images = np.zeros((20, 784), 'float32')\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    one = images[10]\n"
            "    one.shape = [-1, 784]\n"
            "    print(session.run(y, {x: one}))\n",
            why="NumPy changes the shape in place",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "\n"
            "\n"
            "class Minibatch(object):\n"
            "    def __init__(self, id_map, max_degree):\n"
            "        self.id_map = id_map\n"
            "        self.max_degree = max_degree\n"
            "        self.adj = self.construct_adj()\n"
            "\n"
            "    def construct_adj(self):\n"
            "        adj = len(self.id_map) * np.ones((len(self.id_map) + 1, self.max_degree))\n"
            "        return adj\n"
            "\n"
            "\n"
            "def load(path):\n"
            "    return dict((line, i) for i, line in enumerate(open(path)))\n"
            "\n"
            "\n"
            'minibatch = Minibatch(load("ids.txt"), 128)\n'
            "adj_ph = tf.placeholder(tf.int32, shape=minibatch.adj.shape)\n"
            'adj = tf.Variable(adj_ph, trainable=False, name="adj")\n'
            "with tf.Session() as sess:\n"
            "    sess.run(tf.global_variables_initializer(), feed_dict={adj_ph: minibatch.adj})\n",
            why="the rows of an array are a number, whatever it is",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "rows = np.array([], np.float32)\n"
            "rows.resize((3, 494))\n"
            "x = tf.placeholder(tf.float32, [None, 494])\n"
            "y = tf.layers.dense(x, 2)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    session.run(y, {x: rows})\n",
            why="`resize` changes the array itself",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "words = keras.Input((50,))\n"
            "shares = keras.layers.Dense(1000, activation='softmax')(keras.layers.Embedding(1000, 16)(words))\n"
            "model = keras.Model(inputs=[words], outputs=[shares])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n"
            "first = model.predict(np.random.randint(0, 1000, [1, 50]))[0, 0]\n"
            "total = first[:3] + np.ones(3)\n",
            why="a list of one output gives one array",
        ),
        Valid(
            (
                "import tensorflow as tf\n"
                "\n"
                "image = tf.placeholder(tf.float32, [None, 28, 28, 32])\n"
                "pooled = tf.nn.max_pool(image, [1, 4, 4, 1], [1, 4, 4, 1], 'SAME')\n"
                "flat = tf.reshape(pooled, [-1, 7 * 7 * 32])\n"
                "scores = tf.matmul(flat, tf.Variable(tf.truncated_normal([7 * 7 * 32, 10], stddev=0.05)))\n"
            ),
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, 'relu'), keras.layers.Dense(8)])\n"
            "model.compile('adam', 'mse')\n"
            "x = np.random.rand(100, 8)\n"
            "model.fit([x], [x])\n"
            "for row in x:\n"
            "    again = model.predict([[row[np.newaxis]]])\n"
            "    print(model.evaluate([again], ([row[np.newaxis]],)), model.predict([[0.5] * 8]))\n",
            why="Keras takes the arrays out of lists, and makes one of numbers",
        ),
        Valid(
            "import tensorflow as tf\n"
            "from helpers import has_steps\n"
            "x = tf.placeholder(tf.float32, [None, 4])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "loss = tf.losses.mean_squared_error(y, tf.layers.dense(x, 1))\n"
            "if has_steps(x, 2):\n"
            "    loss = tf.reduce_sum(loss, axis=1)\n"
            "step = tf.train.AdamOptimizer().minimize(tf.reduce_mean(loss))\n",
            why="the test may be there for just that",
        ),
        Valid(
            "import pandas as pd\n"
            "import tensorflow as tf\n"
            "table = pd.read_csv('posts.csv')\n"
            "for number in range(10):\n"
            "    print(table['text'].iloc[number][:50], table.iloc[number]['text'][0], table['text'].values[3][:3])\n",
            why="an entry of a table may be a text",
        ),
        Valid(
            "from keras.models import Sequential\n"
            "from keras.layers import LSTM, Convolution1D, Dense\n"
            "import numpy as np\n"
            "series = np.random.rand(100, 20, 1)\n"
            "model = Sequential()\n"
            "model.add(Convolution1D(8, 3, input_dim=1))\n"
            "model.add(LSTM(output_dim=50))\n"
            "model.add(Dense(output_dim=1))\n"
            "model.compile('rmsprop', 'mse')\n"
            "model.fit(series, np.random.rand(100))\n"
            "other = Sequential([LSTM(5, input_dim=1, input_length=20), Dense(1)])\n"
            "other.compile('rmsprop', 'mse')\n"
            "other.fit(series, np.random.rand(100))\n",
            why="for layers over steps the first Keras meant the features of each step",
        ),
        Valid(
            "import tensorflow as tf\n"
            + _NETWORK
            + "weights = tf.Variable(tf.truncated_normal([500, 10], stddev=0.05))\n"
            "scores = tf.matmul(hidden, weights) + tf.Variable(tf.zeros([10]))\n",
        ),
        Valid(
            (
                "import argparse\n"
                "import tensorflow as tf\n"
                "parser = argparse.ArgumentParser()\n"
                "parser.add_argument('--units', type=int)\n"
                "units = parser.parse_args().units\n"
                "x = tf.placeholder(tf.float32, [None, 784])\n"
                "y = tf.placeholder(tf.int64, [None])\n"
                "scores = tf.matmul(x, tf.Variable(tf.zeros([units, 10])))\n"
                "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=scores)\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            why="How many rows the weights have is not known.",
        ),
        Valid(
            (
                "import tensorflow as tf\n"
                "try:\n"
                "    tf.matmul(tf.ones([2, 3]), tf.ones([2, 3]))\n"
                "except Exception as error:\n"
                "    print(error)\n"
            ),
            why="The error is what the author wants to show.",
        ),
        Valid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(8, 3, activation='relu')])\n"
                "model.add(keras.layers.GlobalAveragePooling2D())\n"
                "model.add(keras.layers.Dense(10, activation='softmax'))\n"
                "model.compile('adam', loss='sparse_categorical_crossentropy')\n"
                "model.fit(np.random.rand(100, 28, 28), np.random.randint(0, 10, size=100))\n"
            ),
            why="Keras adds a last axis of 1.",
        ),
        Valid(
            "import tensorflow as tf\n"
            "from tensorflow.examples.tutorials.mnist import input_data\n"
            "mnist = input_data.read_data_sets('MNIST_data', one_hot=True)\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.layers.dense(x, 10)\n"
            "with tf.Session() as sess:\n"
            "    sess.run(tf.global_variables_initializer())\n"
            "    result = sess.run(y, feed_dict={x: mnist.test.images})\n"
            "shown = tf.Variable(result, name='shown')\n",
            why="what a run returns is an array of a known size",
        ),
        Valid(
            "import numpy as np\n"
            "from mycli import registry\n"
            "from tensorflow import keras\n"
            "from tensorflow.keras import layers\n"
            "decoder = keras.Sequential([\n"
            "    layers.Dense(7 * 7 * 64, activation='relu'),\n"
            "    layers.Reshape((7, 7, 64)),\n"
            "    layers.Conv2D(1, 3, padding='same', activation='sigmoid'),\n"
            "])\n"
            "@registry.command\n"
            "def show(z1=(-5, 5, 0.1), z2=(-5, 5, 0.1)):\n"
            "    z = np.array([[z1, z2]], dtype=np.float32)\n"
            "    print(decoder(z).shape)\n",
            why="whoever registers a function calls it with what it likes",
        ),
        Valid(
            "import numpy as np\n"
            "from keras.models import Sequential\n"
            "from keras.layers import Dense, Flatten\n"
            "model = Sequential()\n"
            "model.add(Flatten(input_shape=(10, 10, 3)))\n"
            "model.add(Dense(5, activation='softmax'))\n"
            "model.compile(loss='categorical_crossentropy', optimizer='adam')\n"
            "def batches(pool, size):\n"
            "    block = np.zeros((size, 10, 10, 3))\n"
            "    target = np.zeros((size, 5))\n"
            "    while True:\n"
            "        block[0] = pool[np.random.randint(len(pool))]\n"
            "        yield block, target\n"
            "pool = np.load('pool.npy')\n"
            "answers = model.predict(batches(pool, 1), steps=len(pool))\n"
            "for i in range(5):\n"
            "    print(np.argmax(answers[i]))\n",
            why="all batches of a generator are asked for",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\ndef steps(x, width):\n    return tf.reshape(x, [-1, width])\n",
                "words = tf.placeholder(tf.float32, [None, 20, 64])\n"
                "rows = steps(words, 64)\n"
                "pairs = steps(words, 128)\n",
            ),
            why="Rows of two steps each are possible.",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def model_fn(features, labels, mode):\n"
            "    image = tf.reshape(features['x'], [-1, 28, 28, 1])\n"
            "    maps = tf.layers.conv2d(image, 64, 5, strides=4, padding='same', activation=tf.nn.relu)\n"
            "    flat = tf.reshape(maps, [-1, 7 * 7 * 64])\n"
            "    scores = tf.layers.dense(flat, 10)\n"
            "    loss = tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=scores)\n"
            "    train = tf.train.AdamOptimizer().minimize(loss)\n"
            "    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def model_fn(features, labels, mode):\n"
            "    image = tf.reshape(features['x'], [-1, 28, 28, 1])\n"
            "    maps = tf.layers.conv2d(image, 64, 5, strides=4, padding='same', activation=tf.nn.relu)\n"
            "    flat = tf.reshape(maps, [-1, 64])\n"
            "    scores = tf.layers.dense(flat, 10)\n"
            "    loss = tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=scores)\n"
            "    train = tf.train.AdamOptimizer().minimize(loss)\n"
            "    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train)\n",
            why="a row for each place of the image",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "pair = tf.layers.dense(x, 4), tf.layers.dense(x, 4)\n"
            "total = tf.reduce_sum(pair, axis=0)\n"
            "means = [tf.reduce_mean(each) for each in (x, total)]\n"
            "train = tf.train.AdamOptimizer().minimize(tf.add_n(means))\n",
            why="A tuple of tensors of one shape is a tensor too.",
        ),
        Valid(
            "import tensorflow as tf\n"
            "class Config:\n"
            "    side = 32\n"
            "picture = tf.image.decode_jpeg(tf.read_file('a.jpg'), channels=3)\n"
            "small = tf.image.resize_images(picture, [Config.side, Config.side])\n"
            "whole = tf.cast(picture, tf.float32)\n"
            "whole.set_shape([480, 640, 3])\n"
            "batches = tf.train.batch([small, whole], 16)\n"
            "padded = tf.train.batch([picture], 16, dynamic_pad=True)\n"
            "known = tf.train.batch([picture], 16, shapes=[[480, 640, 3]])\n",
            why="The size of pictures can be set, told or padded.",
        ),
        Valid(
            "from tensorflow import keras\n"
            "import tensorflow as tf\n"
            "def error(labels, answers):\n"
            "    return tf.reduce_mean(abs(labels - answers), axis=-1)\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)])\n"
            "model.compile('adam', error)\n",
            why="Python's abs keeps the shape",
        ),
        Valid(
            "import tensorflow as tf\n"
            "slim = tf.contrib.slim\n"
            "noise = tf.placeholder(tf.float32, [64, 1, 1, 100])\n"
            "with slim.arg_scope([slim.conv2d_transpose], stride=2, kernel_size=4, normalizer_fn=slim.batch_norm):\n"
            "    grown = slim.conv2d_transpose(noise, 256, stride=1, padding='VALID')\n"
            "    picture = slim.conv2d_transpose(grown, 3)\n",
            why="a transposed convolution makes a picture larger, also with batch normalization behind it",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "picture = tf.image.decode_jpeg(tf.read_file('a.jpg'), channels=3)\n"
            "picture = tf.cast(picture, tf.float32) / 255.0\n"
            "batch = tf.train.shuffle_batch([picture], 16, 1000, 100)\n",
            at="tf.train.shuffle_batch([picture], 16, 1000, 100)",
            severity="error",
            message="as large as the files",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "assert tf.__version__ == '1.8.0'\n"
            "def load(path, side=224):\n"
            "    return tf.image.resize_images(tf.image.decode_png(tf.read_file(path), channels=3), side, side)\n"
            "picture = load('a.png')\n",
            at="tf.image.resize_images(tf.image.decode_png(tf.read_file(path), channels=3), side, side)",
            severity="error",
            message="one argument",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "picture = tf.image.decode_png(tf.read_file('a.png'), channels=3)\n"
            "small = tf.image.resize_images(picture, 224, 224)\n",
            at="tf.image.resize_images(picture, 224, 224)",
            severity="info",
            message="before 1.0",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 4])\n"
            "def network(x):\n"
            "    weights, bias = tf.Variable(tf.truncated_normal([8, 4], stddev=0.1)), tf.Variable(tf.zeros([4]))\n"
            "    return tf.matmul(x, weights), bias\n"
            "scores = network(x)\n"
            "loss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=scores)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(loss))\n",
            at="tf.matmul(x, weights)",
            severity="error",
            message="a tuple of [batch, 4] and [4]",
            traces=("used as one tensor",),
            why="`tf.add` was forgotten.",
        ),
        Invalid(
            (
                "import tensorflow as tf\n"
                "\n"
                "image = tf.placeholder(tf.float32, [None, 28, 28, 32])\n"
                "pooled = tf.nn.max_pool(image, [1, 4, 4, 1], [1, 4, 4, 1], 'SAME')\n"
                "flat = tf.reshape(pooled, [-1, 14 * 14 * 30])\n"
                "scores = tf.matmul(flat, tf.Variable(tf.truncated_normal([14 * 14 * 30, 10], stddev=0.05)))\n"
            ),
            at="tf.reshape(pooled, [-1, 14 * 14 * 30])",
            severity="error",
            message="one sample has 1568 numbers, [7, 7, 32], which rows of 5880 cannot hold",
            traces=("the placeholder is [batch, 28, 28, 32] here", "turns [batch, 28, 28, 32] into [batch, 7, 7, 32]"),
        ),
        Invalid(
            "import tensorflow as tf\n" + _NETWORK + "weights = tf.Variable(tf.truncated_normal([784, 10], stddev=0.05))\n"
            "scores = tf.matmul(hidden, weights) + tf.Variable(tf.zeros([10]))\n",
            at="tf.matmul(hidden, weights)",
            severity="error",
            message="[batch, 500] times [784, 10] is no product: 500 columns meet 784 rows",
            traces=(
                "the placeholder is [batch, 784] here",
                "turns [batch, 784] into [batch, 500]",
                "the variable is [784, 10] here",
            ),
        ),
        Invalid(
            (
                "from tensorflow import keras\n"
                "from tensorflow.keras.layers import LSTM, Dense\n"
                "\n"
                "model = keras.Sequential()\n"
                "model.add(keras.Input((30, 8)))\n"
                "model.add(LSTM(32))\n"
                "model.add(LSTM(16))\n"
                "model.add(Dense(1))\n"
                "model.compile('adam', loss='mse')\n"
            ),
            at="LSTM(16)",
            severity="error",
            message="`LSTM` needs [batch, steps, features], but gets [batch, 32]",
            fixed=(
                "from tensorflow import keras\n"
                "from tensorflow.keras.layers import LSTM, Dense\n"
                "\n"
                "model = keras.Sequential()\n"
                "model.add(keras.Input((30, 8)))\n"
                "model.add(LSTM(32, return_sequences=True))\n"
                "model.add(LSTM(16))\n"
                "model.add(Dense(1))\n"
                "model.compile('adam', loss='mse')\n"
            ),
        ),
        Invalid(
            (
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.int64, [None, 1])\n"
                "scores = tf.layers.dense(x, 4)\n"
                "loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=scores)\n"
                "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(loss))\n"
            ),
            at="tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=scores)",
            severity="error",
            message="the class numbers have the shape [batch, 1], scores [batch, 4] need [batch]",
            fixed=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.int64, [None, 1])\n"
                "scores = tf.layers.dense(x, 4)\n"
                "loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(y, [-1]), logits=scores)\n"
                "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(loss))\n"
            ),
        ),
        Invalid(
            (
                "import numpy as np\n"
                "import tensorflow.compat.v1 as tf\n"
                "\n"
                "\n"
                "class Config:\n"
                "    columns = 20\n"
                "\n"
                "\n"
                "def data(rows):\n"
                "    return np.random.rand(rows, 21)\n"
                "\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, Config.columns])\n"
                "scores = tf.layers.dense(x, 4)\n"
                "with tf.Session() as session:\n"
                "    session.run(tf.global_variables_initializer())\n"
                "    for step in range(10):\n"
                "        session.run(scores, {x: data(50)})\n"
            ),
            at="data(50)",
            severity="error",
            message="the placeholder has the shape [?, 20], but gets [50, 21]",
            traces=("declared here",),
        ),
        Invalid(
            (
                "from keras import Input, Sequential, layers\n"
                "\n"
                "model = Sequential([Input((32, 32, 3))])\n"
                "for filters in (32, 64, 128, 128):\n"
                "    model.add(layers.Conv2D(filters, 3, activation='relu'))\n"
                "    model.add(layers.MaxPooling2D(2))\n"
                "model.add(layers.Flatten())\n"
                "model.add(layers.Dense(1, activation='sigmoid'))\n"
                "model.compile('adam', loss='binary_crossentropy')\n"
            ),
            at="layers.Conv2D(filters, 3, activation='relu')",
            severity="error",
            message="the window of `Conv2D` is larger than what is left: [batch, 2, 2, 128]",
        ),
        Invalid(
            "from tensorflow import keras\n"
            "x = keras.layers.Conv2D(552, 3, activation='relu')(keras.Input((32, 32, 3)))\n"
            "y = keras.layers.Conv2D(480 - x.shape[-1], 1, padding='same')(x)\n",
            at="keras.layers.Conv2D(480 - x.shape[-1], 1, padding='same')",
            severity="error",
            message="`Conv2D` would have -72 filters",
        ),
        Invalid(
            "",
            cells=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "x, y = np.random.rand(1000, 8), np.random.rand(900)\n",
                "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
                "model.compile('adam', loss='mse')\n"
                "model.fit(x, y)\n",
            ),
            at="y",
            occurrence=3,
            cell=1,
            severity="error",
            message="the data have 1000 rows, [1000, 8], the labels 900, [900]",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "def model_fn(features, labels, mode):\n"
            "    image = tf.reshape(features['x'], [-1, 28, 28, 1])\n"
            "    maps = tf.layers.conv2d(image, 64, 5, strides=4, padding='same', activation=tf.nn.relu)\n"
            "    flat = tf.reshape(maps, [-1, 5 * 5 * 64])\n"
            "    scores = tf.layers.dense(flat, 10)\n"
            "    loss = tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=scores)\n"
            "    train = tf.train.AdamOptimizer().minimize(loss)\n"
            "    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train)\n",
            at="tf.reshape(maps, [-1, 5 * 5 * 64])",
            severity="error",
            message="each sample has 3136 numbers",
            why="A row of another length than a sample, whatever the batch.",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "def joined(tensors, axis=-1):\n"
            "    if axis < 0:\n"
            "        axis = axis % len(tensors[0].get_shape())\n"
            "    return tf.concat(axis, tensors)\n",
            at="tf.concat(axis, tensors)",
            message="takes the tensors first and then the axis",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for found in contradictions(program):
            yield self.report(
                found.place,
                severity=found.severity,
                reason=found.reason,
                outcome=found.outcome,
                trace=_trace(program, found),
                remedies=_remedies(program, found),
                subject=found.subject,
            )


def _trace(program: Program, found: Contradiction) -> list[Step]:
    steps = [Step(place, text) for tensor in found.operands for place, text in chain(program, tensor)]
    if found.fed is not None:
        what = "network" if found.operation.kind == "input" else "placeholder"
        steps.append(Step(found.operation.place, f"the {what} is declared here"))
        steps += [Step(place, f"here it gets {show(shape)} too") for place, shape in found.also]
    if found.used is not None:
        steps.append(Step(found.used, "it is used as one tensor here"))
    return [step for step in dict.fromkeys(steps) if step.place != found.place]


def _remedies(program: Program, found: Contradiction) -> list[Remedy]:
    operation = found.operation
    if operation.kind == "recurrent" and found.operands:
        before = program.operation(found.operands[0])
        record = program.object(before.layer) if before is not None and before.kind == "recurrent" else None
        if before is not None and record is not None and found.operands[0].rank == 2:
            given = record.arguments.get("return_sequences")
            if given is not None and given.value == Const(False):
                action = SetArgument(record.place, "return_sequences", ("True",), existing=given.place)
                return [Remedy("Let the layer before give all its steps", "unsafe", (action,))]
    if operation.kind == "loss" and operation.attributes.get("function") == "sparse-softmax-cross-entropy":
        labels, scores = operation.attributes["labels"], operation.attributes["predictions"]
        argument = argument_for(operation, labels)
        if isinstance(labels, Tensor) and isinstance(scores, Tensor) and scores.rank == 2 and labels.rank == 2:
            if argument is not None and argument.place is not None and labels.shape and labels.shape[1] == 1:
                wrap = Wrap(argument.place, (ApiName("tensorflow.reshape", argument.place), "("), (", [-1])",))
                return [Remedy("Drop the last axis of the labels", "safe", (wrap,))]
    return []
