"""oversized-initial-weights: weights drawn far larger than their fan-in allows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainlint.finding import SEVERITIES, Step
from trainlint.fixes.actions import ApiName, Element, Piece, Remedy, ReplaceValue, SetArgument, Source
from trainlint.program.dims import Symbol, show
from trainlint.program.events import Unread
from trainlint.program.heads import SHOWING, is_followed, knows_what_is_minimized, sharing_place, trained
from trainlint.program.sizes import PASSING, RELU_LIKE, SATURATING, SIGMOIDS, LayerSize, Sizes, guessed, sizes
from trainlint.program.training import is_only_run
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

SMALL_FAN_IN = 5
"""A layer with fewer inputs never fires alone: seed 003 trains with three inputs and a spread of 1."""

HARMLESS_FAN_IN = 16
"""Up to here the ratio alone is no harm: a spread of 1 on ten inputs cost nothing in seed 003 (.998 against .999)."""

RATIO_WARNING, RATIO_ERROR = 2.5, 4.0
"""Spread over He's or Glorot's: 1.5 to 2 was inconclusive in 5 paired runs, 5 confirmed in all of 16 networks."""

OUTPUT_WARNING, OUTPUT_ERROR = 4.0, 10.0
"""Predicted rms of the logits: at 4.1 a network of three layers lost .19 of its accuracy, at 31 it lost .29."""

OUTPUT_SMALL = 2.0
"""Normal scores of this rms start at 1.6 times the loss of a guess over ten classes; the probe calls 2.5 times a bad start."""

OUTPUT_HARMLESS = 1.25
"""About 1, as He's and Glorot's weights give: whatever the weights of one layer are, the network starts well."""

SATURATED = 5.0
"""An rms beyond which sigmoids and tanhs are flat: 32 % lie there, and networks of XOR learn all the same; of twice
this rms it is 62 %."""

SIGMOID_RATIO = 4.0
"""Before a sigmoid, uniform weights within 4 sqrt(6 / (fan-in + fan-out)), four times Glorot's spread, are a published
recommendation (deeplearning.net's tutorial, after Glorot and Bengio): the slope of a sigmoid is a quarter of tanh's."""

ROUNDING = 1e-6

DEFAULT = 0.85
"""The spread of `tf.truncated_normal` without a stddev is .88, that of `tf.random_normal` 1."""

MEAN = 0.2
"""Share of the spread up to which the mean of weights counts as 0."""

GAIN = 2.0
EXCESS_ERROR, EXCESS_WARNING = 1.5, 2.0
"""Growth that a layer is blamed for; Glorot before a narrow output reaches 1.41."""


class OversizedInitialWeights(Rule):
    """
    ## What it does
    Reports weights whose initial spread is far above what the number of inputs of their layer allows.
    `tf.random_normal`, `tf.truncated_normal` and the initializers of TensorFlow 1 have a default `stddev` of 1.0.

    ## Why it is bad
    A sum over n inputs is `stddev * sqrt(n)` times as large as one input, so with a spread of 1 every layer multiplies the size of its values.
    What comes out is too large then: the loss starts above chance, and sigmoids and tanhs get values where they are flat.
    Dropout makes it worse: what is kept is scaled up by `1/keep`, so the variance grows by that factor in every layer.
    Where the layer has few inputs, or the layers around it make up for it, the finding is an information: it may do no harm there.

    ## Example
    ```python
    w1 = tf.Variable(tf.truncated_normal([784, 784], stddev=1.0))
    hidden = tf.nn.relu(tf.matmul(x, w1))
    ```

    ## Use instead
    ```python
    w1 = tf.Variable(tf.truncated_normal([784, 784], stddev=(2.0 / 784) ** 0.5))
    hidden = tf.nn.relu(tf.matmul(x, w1))
    ```

    ## Fix safety
    Unsafe: the network starts elsewhere, which is the point.
    Saved weights stay valid.

    ## Probe
    Trains with the spread as written and with He's.
    How large the loss is before that, against that of a constant answer, is told beside it.

    ## References
    - He et al., "Delving Deep into Rectifiers", arXiv:1502.01852
    - Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010
    - https://www.tensorflow.org/api_docs/python/tf/random/truncated_normal
    """

    name, code, category, severity = "oversized-initial-weights", "TL101", "initialization", "warning"
    rank = 64
    evidence = ("training",)
    message = (
        "the weights{shape} start with a spread of {spread:.2g}, {ratio:.1f} times what {fan_in} inputs allow "
        "({recommended:.2g}){consequence}"
    )

    VALID = [
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "class Net:\n"
            "    def __init__(self, weights=None, sess=None):\n"
            "        self.imgs = tf.placeholder(tf.float32, [10, 56, 56, 256])\n"
            "        self.labs = tf.placeholder(tf.int32, [10])\n"
            "        self.layers()\n"
            "        self.loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=self.labs, logits=self.scores))\n"
            "        self.step = tf.train.GradientDescentOptimizer(0.001).minimize(self.loss)\n"
            "        sess.run(tf.global_variables_initializer())\n"
            "        if weights is not None:\n"
            "            self.load_weights(weights, sess)\n"
            "    def layers(self):\n"
            "        self.parameters = []\n"
            "        kernel = tf.Variable(tf.truncated_normal([3, 3, 256, 512], stddev=1e-1))\n"
            "        biases = tf.Variable(tf.zeros([512]))\n"
            '        conv = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(self.imgs, kernel, [1, 1, 1, 1], padding="SAME"), biases))\n'
            "        self.parameters += [kernel, biases]\n"
            "        kernel = tf.Variable(tf.truncated_normal([3, 3, 512, 512], stddev=1e-1))\n"
            "        biases = tf.Variable(tf.zeros([512]))\n"
            '        conv = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(conv, kernel, [1, 1, 1, 1], padding="SAME"), biases))\n'
            "        self.parameters += [kernel, biases]\n"
            "        self.scores = tf.reshape(conv, [10, -1])[:, :20]\n"
            "    def eval_epoch(self):\n"
            "        count = tf.Variable(0.0, trainable=False)\n"
            "        count.assign_add(tf.reduce_mean(self.scores))\n"
            "        return count\n"
            "    def load_weights(self, path, sess):\n"
            "        weights = np.load(path)\n"
            "        for i, key in enumerate(sorted(weights.keys())):\n"
            "            if i < len(self.parameters):\n"
            "                sess.run(self.parameters[i].assign(weights[key]))\n"
            "with tf.Session() as sess:\n"
            '    net = Net("vgg16_weights.npz", sess)\n'
            "    for step in range(1000):\n"
            "        sess.run(net.step, {net.imgs: np.zeros((10, 56, 56, 256)), net.labs: np.zeros(10)})\n",
            why="the only object of the class loads its weights; that nothing calls one of its methods makes no other object",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "def compare(large):\n"
            "    spread = 10.0 if large else 0.05\n"
            "    x, y = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.int64, [None])\n"
            "    w = tf.Variable(np.random.normal(size=(784, 128), scale=spread).astype(np.float32))\n"
            "    v = tf.Variable(np.random.normal(size=(128, 10), scale=0.05).astype(np.float32))\n"
            "    scores = tf.matmul(tf.nn.relu(tf.matmul(x, w)), v)\n"
            "    tf.train.AdamOptimizer().minimize(tf.losses.sparse_softmax_cross_entropy(y, scores))\n"
            "compare(large=False)\n"
            "compare(large=True)\n",
            why="the same layer is made with small weights as well, to compare",
        ),
        Valid(
            "import tensorflow as tf\n"
            "w = tf.Variable(tf.random.normal([5, 5, 3, 32]))\n"
            "show(tf.nn.relu(tf.nn.conv2d(pictures(), w, [1, 1, 1, 1], 'SAME')))\n",
            why="nothing is trained",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [8, 64, 64, 32])\n"
            "w = tf.Variable(tf.truncated_normal([9, 9, 32, 3], stddev=0.1))\n"
            "h = tf.nn.conv2d(x, w, [1, 1, 1, 1], 'SAME')\n"
            "mean, variance = tf.nn.moments(h, [1, 2], keep_dims=True)\n"
            "h = (h - mean) / (variance + 1e-3) ** 0.5\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(h - 0.5)))\n",
            why="a normalization is written out behind the layer",
        ),
        Valid(
            "import sys\n"
            "import tensorflow as tf\n"
            "num_features = int(sys.argv[1])\n"
            "x = tf.placeholder(tf.float32, [None, num_features])\n"
            "w = tf.Variable(tf.truncated_normal([num_features, num_features], stddev=1.0))\n"
            "v = tf.Variable(tf.truncated_normal([num_features, 2], stddev=0.01))\n"
            "logits = tf.matmul(tf.nn.relu(tf.matmul(x, w)), v)\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "train = tf.train.AdamOptimizer().minimize(tf.losses.sparse_softmax_cross_entropy(y, logits))\n",
            why="with few inputs this does no harm, and their number is not known",
        ),
        Valid(
            "from tensorflow import keras\n"
            "from tensorflow.keras import layers\n"
            "state = keras.Input((32,))\n"
            "start = keras.initializers.RandomUniform(-0.2, 0.2)\n"
            "scores = layers.Dense(6, kernel_initializer=start)(layers.Dense(64, 'relu')(state))\n"
            "shares = layers.Softmax()(layers.Lambda(lambda x: x / 0.1)(scores))\n"
            "model = keras.Model(state, shares)\n"
            "model.compile('adam', 'categorical_crossentropy')\n",
            why="a temperature of 0.1 is no spread of the weights",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 10])\n"
            "left = tf.matmul(x, tf.Variable(tf.random_normal([10, 30])))\n"
            "slope = tf.Variable(0.5)\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(tf.square(slope * tf.range(4.0) - 3.0)))\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for step in range(100):\n"
            "        session.run(train)\n",
            why="the weights are left over, and nothing is made of them",
        ),
        Valid(
            "import numpy as np\n"
            "import keras.backend as K\n"
            "from keras import initializers\n"
            "from keras.layers import Dense, Input, Layer, LeakyReLU\n"
            "from keras.models import Model\n"
            "class Scale(Layer):\n"
            "    def __init__(self, fan_in, **kwargs):\n"
            "        super(Scale, self).__init__(**kwargs)\n"
            "        std = np.sqrt(2) / np.sqrt(fan_in)\n"
            "        self.wscale = self.add_weight(name='wscale', shape=std.shape, trainable=False, initializer='zeros')\n"
            "        K.set_value(self.wscale, std)\n"
            "    def call(self, x, **kwargs):\n"
            "        return x * self.wscale\n"
            "z = Input(shape=[512])\n"
            "x = Dense(2048, use_bias=False, kernel_initializer=initializers.random_normal(0, 1))(z)\n"
            "x = Scale(512)(x)\n"
            "x = LeakyReLU(0.2)(x)\n"
            "model = Model(z, Dense(1)(x))\n"
            "model.compile('adam', 'mse')\n",
            why="a layer scales what the weights make",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "images = np.random.rand(2, 24, 24, 1)\n"
            "x = tf.placeholder(tf.float32, [None, 24, 24, 1])\n"
            "filters = tf.Variable(tf.random_normal([5, 5, 1, 32]))\n"
            "seen = tf.nn.relu(tf.nn.conv2d(x, filters, [1, 1, 1, 1], 'SAME'))\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    print(session.run(seen, {x: images}))\n",
            why="nothing is trained: it shows what random filters do",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.int32, [None, None])\n"
            "y = tf.placeholder(tf.float32, [None, 2])\n"
            "table = tf.Variable(tf.random_uniform([1000, 128], -1, 1))\n"
            "outputs, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(128), tf.nn.embedding_lookup(table, x), dtype=tf.float32)\n"
            "w = tf.get_variable('attention', shape=[128, 1], initializer=tf.random_uniform_initializer(-0.01, 0.01))\n"
            "score = tf.matmul(tf.reshape(outputs, [-1, 128]), w)\n"
            "score = tf.reshape(score, [tf.shape(x)[0], tf.shape(x)[1], -1])\n"
            "mixed = tf.reduce_sum(tf.multiply(tf.nn.softmax(score, dim=1), outputs), 1)\n"
            "w2 = tf.get_variable('w', shape=(128, 2), initializer=tf.orthogonal_initializer())\n"
            "logits = tf.matmul(mixed, w2)\n"
            "cost = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=y))\n"
            "train = tf.train.AdamOptimizer(0.001).minimize(cost)\n",
            why="weights that are smaller than recommended are not too large",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "w1 = tf.Variable(tf.truncated_normal([784, 784], stddev=(2.0 / 784) ** 0.5))\n"
            "w2 = tf.Variable(tf.truncated_normal([784, 10], stddev=0.03))\n"
            "logits = tf.matmul(tf.nn.relu(tf.matmul(x, w1)), w2)\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(y, logits)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="the spread follows the number of inputs",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 64])\n"
            "w = tf.get_variable('w', [64, 64], initializer=tf.glorot_uniform_initializer())\n"
            "loss = tf.reduce_mean(tf.square(tf.matmul(tf.nn.tanh(tf.matmul(x, w)), tf.get_variable('v', [64, 1]))))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="Glorot knows the fan-in",
        ),
        Valid(
            "import tensorflow as tf\n"
            "vectors = tf.Variable(tf.random_normal([5000, 128]))\n"
            "words = tf.placeholder(tf.int32, [None])\n"
            "w = tf.get_variable('w', [128, 2])\n"
            "logits = tf.matmul(tf.nn.embedding_lookup(vectors, words), w)\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "train = tf.train.AdamOptimizer().minimize(tf.losses.sparse_softmax_cross_entropy(y, logits))\n",
            why="an embedding table is looked up, not summed over",
        ),
        Valid(
            "import sys\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 256])\n"
            "w = tf.Variable(tf.random_normal([256, 256], stddev=float(sys.argv[1])))\n"
            "v = tf.get_variable('v', [256, 1])\n"
            "loss = tf.reduce_mean(tf.square(tf.matmul(tf.nn.relu(tf.matmul(x, w)), v)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="the spread comes from the command line without a default",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 256])\n"
            "w = tf.Variable(tf.random_normal([256, 256]))\n"
            "h = tf.nn.relu(tf.matmul(x, w) / 16.0)\n"
            "loss = tf.reduce_mean(tf.square(tf.matmul(h, tf.get_variable('v', [256, 1]))))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="the product is divided by the root of the fan-in",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 100])\n"
            "w = tf.Variable(tf.random_normal([100, 100]))\n"
            "h = tf.nn.relu(tf.layers.batch_normalization(tf.matmul(x, w), training=True))\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(h, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="a normalization brings the size back to 1",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def init_weights(shape):\n"
            "    return tf.random_normal(shape, stddev=1.0 / shape[0])\n"
            "z = tf.placeholder(tf.float32, [None, 100])\n"
            "w1 = tf.Variable(init_weights([100, 400]))\n"
            "w2 = tf.Variable(init_weights([400, 784]))\n"
            "picture = tf.nn.sigmoid(tf.matmul(tf.nn.relu(tf.matmul(z, w1)), w2))\n"
            "w3 = tf.Variable(init_weights([784, 1]))\n"
            "real = tf.matmul(picture, w3)\n"
            "loss = tf.losses.sigmoid_cross_entropy(tf.ones_like(real), real)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="the weights are small; a sigmoid gives one half from next to nothing, which is no growth",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "bound = 4 * np.sqrt(6.0 / (784 + 100))\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "w = tf.Variable(tf.random_uniform([784, 100], minval=-bound, maxval=bound))\n"
            "code = tf.nn.sigmoid(tf.matmul(x, w))\n"
            "again = tf.nn.sigmoid(tf.matmul(code, tf.transpose(w)))\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(x - again)))\n",
            why="up to four times Glorot's spread is recommended before a sigmoid",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 28, 28])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "w = tf.Variable(tf.random_normal([128, 10]))\n"
            "cell = tf.nn.rnn_cell.BasicLSTMCell(128)\n"
            "outputs, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)\n"
            "logits = tf.matmul(outputs[:, -1], w)\n"
            "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=y))\n"
            "train = tf.train.AdamOptimizer(0.001).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {x: np.random.uniform(size=(64, 28, 28)), y: np.eye(10)[labels()]})\n",
            why="the state of a fresh LSTM is far below 1, so the scores start small",
        ),
        Valid(
            "import tensorflow as tf\n"
            "from tensorflow.examples.tutorials.mnist import input_data\n"
            'mnist = input_data.read_data_sets("data", one_hot=True)\n'
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "kernel = tf.Variable(tf.random_normal([3, 3, 1, 64], stddev=0.1))\n"
            "weights = tf.Variable(tf.random_normal([14 * 14 * 64, 10], stddev=0.1))\n"
            "image = tf.reshape(x, [-1, 28, 28, 1])\n"
            "hidden = tf.nn.relu(tf.nn.conv2d(image, kernel, [1, 1, 1, 1], 'SAME'))\n"
            "pooled = tf.nn.max_pool(hidden, [1, 2, 2, 1], [1, 2, 2, 1], 'SAME')\n"
            "logits = tf.matmul(tf.reshape(pooled, [-1, 14 * 14 * 64]), weights)\n"
            "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=y))\n"
            "train = tf.train.AdamOptimizer(0.001).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    images, labels = mnist.train.next_batch(100)\n"
            "    session.run(train, feed_dict={x: images, y: labels})\n",
            why="the last layer is far above its fan-in, but what goes in is small: the scores start near 1",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 7, 7, 64])\n"
            "w = tf.Variable(tf.truncated_normal([4, 4, 32, 64], stddev=0.08))\n"
            "h = tf.nn.relu(tf.nn.conv2d_transpose(x, w, [16, 14, 14, 32], strides=[1, 2, 2, 1], padding='SAME'))\n"
            "picture = tf.layers.conv2d_transpose(h, 1, 4, 2)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(picture)))\n",
            why="with a stride of 2, only a quarter of the kernel meets each output",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "class Sine(tf.keras.layers.Layer):\n"
            "    def __init__(self, units, first=False):\n"
            "        super().__init__()\n"
            "        self.units, self.first = units, first\n"
            "    def build(self, shape):\n"
            "        limit = 1 / shape[-1] if self.first else np.sqrt(6 / shape[-1]) / 30\n"
            "        start = tf.keras.initializers.RandomUniform(-limit, limit)\n"
            "        self.kernel = self.add_weight(shape=(shape[-1], self.units), initializer=start)\n"
            "    def call(self, x):\n"
            "        return tf.sin(30.0 * (x @ self.kernel))\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), Sine(64, first=True), Sine(64), tf.keras.layers.Dense(1)])\n"
            "model.compile(tf.keras.optimizers.Adam(1e-4), 'mse')\n",
            why="the frequency of a sine is meant to be large",
        ),
        Valid(
            "import tensorflow as tf\n"
            "from ops import normalized\n"
            "x = tf.placeholder(tf.float32, [None, 100])\n"
            "w = tf.Variable(tf.random_normal([100, 100]))\n"
            "h = tf.nn.relu(normalized(tf.matmul(x, w)))\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(h, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="what happens to the product is not known",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "w = tf.Variable(tf.random_normal([784, 500]))\n"
            "v = tf.Variable(tf.random_normal([500, 10], stddev=0.05))\n"
            "scores = tf.matmul(tf.nn.relu(tf.matmul(x, w)), v), tf.Variable(tf.zeros([10]))\n"
            "loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=scores, labels=y))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.random_normal([784, 500])",
            severity="error",
            why="What the loss is made of is not understood.",
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "w = tf.Variable(tf.random_normal([784, 500], stddev=(2.0 / 784) ** 0.5))\n"
            "v = tf.Variable(tf.random_normal([500, 10], stddev=0.05))\n"
            "scores = tf.matmul(tf.nn.relu(tf.matmul(x, w)), v), tf.Variable(tf.zeros([10]))\n"
            "loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=scores, labels=y))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "w1 = tf.Variable(tf.truncated_normal([784, 784], stddev=1.0))\n"
            "w2 = tf.get_variable('w2', [784, 10])\n"
            "logits = tf.matmul(tf.nn.relu(tf.matmul(x, w1)), w2)\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(y, logits)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.truncated_normal([784, 784], stddev=1.0)",
            severity="error",
            message="17.4 times what 784 inputs allow (0.051)",
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "w1 = tf.Variable(tf.truncated_normal([784, 784], stddev=(2.0 / 784) ** 0.5))\n"
            "w2 = tf.get_variable('w2', [784, 10])\n"
            "logits = tf.matmul(tf.nn.relu(tf.matmul(x, w1)), w2)\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(y, logits)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "from tensorflow import keras\n"
            "start = keras.initializers.RandomNormal(stddev=1.0)\n"
            "model = keras.Sequential([\n"
            "    keras.Input((64,)),\n"
            "    keras.layers.Dense(512, 'relu', kernel_initializer=start),\n"
            "    keras.layers.Dense(10, 'softmax'),\n"
            "])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
            at="start",
            occurrence=1,
            severity="error",
            fixed="import tensorflow as tf\n"
            "from tensorflow import keras\n"
            "start = keras.initializers.RandomNormal(stddev=1.0)\n"
            "model = keras.Sequential([\n"
            "    keras.Input((64,)),\n"
            "    keras.layers.Dense(512, 'relu', kernel_initializer='he_normal'),\n"
            "    keras.layers.Dense(10, 'softmax'),\n"
            "])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "def weight_variable(shape):\n"
            "    return tf.Variable(tf.random_normal(shape))\n"
            "x = tf.placeholder(tf.float32, [None, 64])\n"
            "h = x\n"
            "for rows, columns in [(64, 128), (128, 32)]:\n"
            "    h = tf.nn.relu(tf.matmul(h, weight_variable([rows, columns])))\n"
            "loss = tf.reduce_mean(tf.square(h))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.random_normal(shape)",
            severity="error",
            fixed="import tensorflow.compat.v1 as tf\n"
            "def weight_variable(shape):\n"
            "    return tf.Variable(tf.keras.initializers.he_normal()(shape))\n"
            "x = tf.placeholder(tf.float32, [None, 64])\n"
            "h = x\n"
            "for rows, columns in [(64, 128), (128, 32)]:\n"
            "    h = tf.nn.relu(tf.matmul(h, weight_variable([rows, columns])))\n"
            "loss = tf.reduce_mean(tf.square(h))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Invalid(
            "import sys\n"
            "import tensorflow as tf\n"
            "num_features = int(sys.argv[1])\n"
            "x = tf.placeholder(tf.float32, [None, num_features])\n"
            "w = tf.Variable(tf.truncated_normal([num_features, num_features], stddev=5.0))\n"
            "v = tf.Variable(tf.truncated_normal([num_features, 2], stddev=0.01))\n"
            "logits = tf.matmul(tf.nn.relu(tf.matmul(x, w)), v)\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "train = tf.train.AdamOptimizer().minimize(tf.losses.sparse_softmax_cross_entropy(y, logits))\n",
            at="tf.truncated_normal([num_features, num_features], stddev=5.0)",
            severity="warning",
            message="what at least 16 inputs allow",
            fixed="import sys\n"
            "import tensorflow as tf\n"
            "num_features = int(sys.argv[1])\n"
            "x = tf.placeholder(tf.float32, [None, num_features])\n"
            "w = tf.Variable(tf.keras.initializers.he_normal()([num_features, num_features]))\n"
            "v = tf.Variable(tf.truncated_normal([num_features, 2], stddev=0.01))\n"
            "logits = tf.matmul(tf.nn.relu(tf.matmul(x, w)), v)\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "train = tf.train.AdamOptimizer().minimize(tf.losses.sparse_softmax_cross_entropy(y, logits))\n",
            why="an unknown width is taken to be 16 or more, one step milder",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "from tensorflow.examples.tutorials.mnist import input_data\n"
            "mnist = input_data.read_data_sets(\"data\", one_hot=True)\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "kernel = tf.Variable(tf.random_normal([3, 3, 1, 64], stddev=0.1))\n"
            "weights = tf.Variable(tf.random_normal([14 * 14 * 64, 10], stddev=0.2))\n"
            "image = tf.reshape(x, [-1, 28, 28, 1])\n"
            "hidden = tf.nn.relu(tf.nn.conv2d(image, kernel, [1, 1, 1, 1], 'SAME'))\n"
            "pooled = tf.nn.max_pool(hidden, [1, 2, 2, 1], [1, 2, 2, 1], 'SAME')\n"
            "logits = tf.matmul(tf.reshape(pooled, [-1, 14 * 14 * 64]), weights)\n"
            "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=y))\n"
            "train = tf.train.AdamOptimizer(0.001).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    images, labels = mnist.train.next_batch(100)\n"
            "    session.run(train, feed_dict={x: images, y: labels})\n",
            at="tf.random_normal([14 * 14 * 64, 10], stddev=0.2)",
            severity="info",
            message="all the same",
            fixed="import tensorflow as tf\n"
            "from tensorflow.examples.tutorials.mnist import input_data\n"
            "mnist = input_data.read_data_sets(\"data\", one_hot=True)\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "kernel = tf.Variable(tf.random_normal([3, 3, 1, 64], stddev=0.1))\n"
            "weights = tf.Variable(tf.random_normal([14 * 14 * 64, 10], stddev=(1.0 / (14 * 14 * 64)) ** 0.5))\n"
            "image = tf.reshape(x, [-1, 28, 28, 1])\n"
            "hidden = tf.nn.relu(tf.nn.conv2d(image, kernel, [1, 1, 1, 1], 'SAME'))\n"
            "pooled = tf.nn.max_pool(hidden, [1, 2, 2, 1], [1, 2, 2, 1], 'SAME')\n"
            "logits = tf.matmul(tf.reshape(pooled, [-1, 14 * 14 * 64]), weights)\n"
            "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=y))\n"
            "train = tf.train.AdamOptimizer(0.001).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    images, labels = mnist.train.next_batch(100)\n"
            "    session.run(train, feed_dict={x: images, y: labels})\n",
            why="the last layer is far above its fan-in, but what goes in is small: the scores start below 2",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "import numpy as np\n"
                "w = tf.Variable(np.random.randn(128, 10).astype('float32'))\n",
                "x = tf.placeholder(tf.float32, [None, 128])\n"
                "y = tf.placeholder(tf.float32, [None, 10])\n"
                "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=tf.matmul(x, w)))\n"
                "train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n",
            ),
            at="np.random.randn(128, 10)",
            cell=0,
            severity="error",
            message="the outputs start around 11",
            fixed="import tensorflow as tf\n"
            "import numpy as np\n"
            "w = tf.Variable((np.random.randn(128, 10) * (1.0 / 128) ** 0.5).astype('float32'))\n\n"
            "x = tf.placeholder(tf.float32, [None, 128])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=tf.matmul(x, w)))\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "def make(shape):\n"
            "    return tf.Variable(tf.random_normal(shape))\n"
            "x = tf.placeholder(tf.float32, [None, 64])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "h = tf.nn.relu(tf.matmul(x, make([64, 64])) + make([64]))\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(h, 10))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.random_normal(shape)",
            severity="error",
            why="the helper makes biases as well, so no change in it is right for all",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 400])\n"
            "w = tf.Variable(tf.random_normal([400, 64]))\n"
            "v = tf.Variable(tf.random_normal([64, 10], stddev=0.25))\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(y, tf.matmul(tf.nn.relu(tf.matmul(x, w)), v))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.random_normal([400, 64])",
            severity="error",
            why="the second layer is a little above, but the size comes from the first alone",
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 400])\n"
            "w = tf.Variable(tf.random_normal([400, 64], stddev=(2.0 / 400) ** 0.5))\n"
            "v = tf.Variable(tf.random_normal([64, 10], stddev=0.25))\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(y, tf.matmul(tf.nn.relu(tf.matmul(x, w)), v))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "v = tf.Variable(tf.random_normal([256, 784], stddev=1.4))\n"
            "code = tf.layers.dense(x, 256, tf.nn.sigmoid)\n"
            "again = tf.nn.sigmoid(tf.matmul(code, v))\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(x - again)))\n",
            at="tf.random_normal([256, 784], stddev=1.4)",
            severity="error",
            message="the sums before the last sigmoid start around 12",
            why="the outputs themselves are between 0 and 1",
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "v = tf.Variable(tf.random_normal([256, 784], stddev=(1.0 / 256) ** 0.5))\n"
            "code = tf.layers.dense(x, 256, tf.nn.sigmoid)\n"
            "again = tf.nn.sigmoid(tf.matmul(code, v))\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(x - again)))\n",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        found = sizes(program)
        if is_only_run(program):
            return
        is_trained = any(True for _ in program.minimized)
        learned = trained(program) if knows_what_is_minimized(program) else frozenset()
        is_known = any(layer.operation.id in learned for layer in found.layers) or is_followed(program, learned)
        is_read = not any(True for _ in program.events_of(Unread))
        for layer in sorted(found.layers, key=lambda layer: not layer.hidden):
            if layer.assumed and not is_read:
                continue  # What was not read may say how many inputs there are.
            if is_known and layer.operation.id not in learned:
                continue  # Nothing is learned through it.
            if not _concerns(layer, is_trained) or _ends_in(program, layer, "opaque"):
                continue  # Code that is not followed may normalize.
            judged = judge(found, layer, is_trained)
            if judged is None or layer.source is None or _is_compared(found, layer):
                continue
            severity, consequence = judged
            if layer.assumed:
                # With a number of inputs that nobody knows only what is far too large is worth a word.
                if severity != "error":
                    continue
                severity = "warning"
            shape = layer.kernel.output.shape
            yield self.report(
                layer.source.place,
                severity=severity,
                shape=f" {show(shape)}" if shape is not None and None not in shape else "",
                spread=layer.spread,
                ratio=layer.ratio,
                recommended=layer.recommended,
                fan_in=f"at least {layer.fan_in}" if layer.assumed else layer.fan_in,
                consequence=consequence,
                trace=_trace(layer),
                assumed=(
                    *layer.kernel.output.assumed,
                    *((layer.assumed,) if layer.assumed else ()),
                    *(guessed(program, layer) if " start " in consequence or " around " in consequence else ()),
                ),
                remedies=_remedies(found, layer),
                subject=layer.operation.id,
            )


def _is_compared(found: Sizes, layer: LayerSize) -> bool:
    """Whether another call of the same function makes the same layer with small weights: a study of what large ones do."""
    calls = layer.operation.context.calls
    return any(
        other.ratio <= 1
        and other.fan_in == layer.fan_in
        and other.operation.place == layer.operation.place
        and other.operation.context.calls != calls
        and other.operation.context.calls[1:] == calls[1:]
        for other in found.layers
    )


def _concerns(layer: LayerSize, is_trained: bool) -> bool:
    """Whether the weights of a layer are drawn with a spread that the author chose, and meet values of any size."""
    if layer.source is None or layer.source.attributes.get("distribution") not in ("normal", "truncated", "uniform"):
        return False
    if layer.kernel.attributes.get("trainable") is False or layer.normalized or layer.one_hot:
        return False
    # Such layers take their normalization from the argument scope of whoever builds the network.
    return is_trained or not layer.operation.name.startswith("tf.contrib")


def judge(found: Sizes, layer: LayerSize, is_trained: bool = True) -> tuple[str, str] | None:
    """The severity of a layer's weights and what follows from them; None when they are fine."""
    judged = _judge(found, layer)
    if judged is None or layer.ratio >= RATIO_WARNING or layer.assumed:
        return judged
    # Beside layers that are far above, one that is a little above is a part of the cause, or no cause at all.
    others = frozenset(o.operation.id for o in found.layers if o.ratio >= RATIO_WARNING and _concerns(o, is_trained))
    if not others:
        return judged
    without = found.repaired(others)
    alone = _judge(without, without.layer_of[layer.operation.id])
    return None if alone is None else (min("warning", judged[0], alone[0], key=SEVERITIES.index), judged[1])


def _judge(found: Sizes, layer: LayerSize) -> tuple[str, str] | None:
    if layer.fan_in < SMALL_FAN_IN or layer.ratio <= 1:
        return None
    before_sigmoid = layer.activation in SIGMOIDS and layer.ratio <= SIGMOID_RATIO + ROUNDING
    # The default spread of 1 was not chosen for the layer, though it may happen to be within what is recommended.
    if before_sigmoid and (layer.spread < DEFAULT or layer.ratio < RATIO_WARNING):
        return None
    if before_sigmoid:
        return "info", "; before a sigmoid up to four times as much does well, before other activations it would harm"
    last = found.outlook(layer)
    ratio, least = layer.ratio, layer.least
    dropped = f"; dropout that keeps {layer.keep:g} adds a factor of {layer.keep**-0.5:.1f}" if layer.keep < 1 else ""
    small = last is not None and last < OUTPUT_WARNING and least is not None and least < OUTPUT_WARNING
    if layer.excess >= EXCESS_ERROR and ratio >= EXCESS_ERROR:
        if last is not None and last >= OUTPUT_ERROR:
            return (
                "error",
                f"; {_outputs(found, layer)} start {_about(found)} {_figure(last)}{_for_inputs(found, found.last(layer))}{dropped}",
            )
        if layer.hidden and layer.activation in SATURATING and least is not None and least >= SATURATED:
            return (
                "error" if least >= 2 * SATURATED else "warning",
                f"; the {layer.activation} behind them gets values around {_figure(least)}{_for_inputs(found, layer)} and saturates",
            )
        if layer.hidden and ratio >= RATIO_ERROR and not small and not _leaves_recurrence(found.program, layer):
            # A function that is flat far out bounds what it makes of them.
            return "warning" if layer.activation in SATURATING else "error", _growth(layer) + dropped
        if last is not None and last >= OUTPUT_WARNING and layer.excess >= EXCESS_WARNING:
            return (
                "warning",
                f"; {_outputs(found, layer)} start {_about(found)} {_figure(last)}{_for_inputs(found, found.last(layer))}{dropped}",
            )
    if ratio < RATIO_WARNING and (not layer.hidden or layer.gain is None or layer.gain < GAIN):
        return None
    is_fine = small and last is not None and last <= OUTPUT_HARMLESS and not layer.assumed
    if is_fine and (ratio < RATIO_ERROR or not layer.hidden):
        return None
    if is_fine and last is not None:
        size = f"{_figure(last)}{_for_inputs(found, found.last(layer))}"
        return "info", f"{_growth(layer)}; {_outputs(found, layer)} start {_about(found)} {size} all the same"
    if layer.fan_in <= HARMLESS_FAN_IN and not layer.assumed:
        return "info", "; with so few inputs this may do no harm"
    if small and _ends_in(found.program, layer, "recurrent"):
        return "info", "; the recurrent layer behind bounds what it makes of them"
    if small and (
        ratio < RATIO_ERROR
        or (not layer.hidden and last is not None and last < OUTPUT_SMALL)
        or (not layer.hidden and _leaves_recurrence(found.program, layer))
    ):
        size = f"{_figure(last)}{_for_inputs(found, found.last(layer))}" if last is not None else "little"
        return "info", f"; {_outputs(found, layer)} start {_about(found)} {size} all the same"
    return "warning", (_growth(layer) if layer.hidden else "") + dropped


def _outputs(found: Sizes, layer: LayerSize) -> str:
    """What `outlook` tells the size of, in words: a sigmoid or tanh at the end bounds the outputs themselves."""
    last = found.last(layer)
    if last is None or last.activation not in SATURATING:
        return "the outputs"
    return f"the sums before the last {last.activation}"


def _about(found: Sizes) -> str:
    """How sure a size is: what is computed as if all weights had a mean of 0 is too little where they do not."""
    return "around" if all(map(_is_centred, found.layers)) else "far above"


def _is_centred(layer: LayerSize) -> bool:
    """Whether the weights are as often negative as positive."""
    drawn_from = {} if layer.source is None else layer.source.attributes
    low, high = drawn_from.get("low"), drawn_from.get("high")
    if drawn_from.get("distribution") == "uniform" and isinstance(low, (int, float)) and isinstance(high, (int, float)):
        return abs(low + high) / 2 <= MEAN * (high - low)
    mean, deviation = drawn_from.get("mean"), drawn_from.get("stddev")
    return not (isinstance(mean, (int, float)) and isinstance(deviation, (int, float)) and abs(mean) > MEAN * deviation)


def _figure(size: float) -> str:
    """An estimate with two digits."""
    if size >= 1e6:
        return f"{size:.1e}".replace("e+0", "e").replace("e+", "e")
    digits = max(0, math.floor(math.log10(max(size, 1.0))) - 1)
    return f"{round(size, -digits):.0f}"


def _for_inputs(found: Sizes, layer: LayerSize | None) -> str:
    """What a size is told for, where that of the inputs is another one, or not known."""
    told = layer is not None and (layer.enlarged or guessed(found.program, layer))
    return " for inputs of size 1" if told else ""


def _ends_in(program: Program, layer: LayerSize, kind: str) -> bool:
    """Whether a plain product goes into nothing but operations of a kind, such as recurrent layers, which bound it."""
    queue, seen, found = [layer.operation], {layer.operation.id}, False
    while queue:
        for user in program.consumers(queue.pop().id):
            if user.kind == "opaque" and user.name.startswith(SHOWING):
                continue
            if user.kind == kind:
                found = True
            elif user.kind in PASSING or user.kind == "add":
                if user.id not in seen:
                    seen.add(user.id)
                    queue.append(user)
            else:
                return False
    return found


def _leaves_recurrence(program: Program, layer: LayerSize) -> bool:
    """Whether a layer works on the state of a recurrent one, whose size is known within a factor of two."""
    source: Operation | None = program.source(layer.operation.inputs[0], PASSING | {"concat", "stack", "dropout"})
    return source is not None and source.kind == "recurrent"


def _growth(layer: LayerSize) -> str:
    return (
        f"; the layer makes its inputs {layer.gain:.1f} times larger"
        if layer.gain is not None and layer.gain > 1
        else ""
    )


def _trace(layer: LayerSize) -> list[Step]:
    steps = [
        Step(
            layer.operation.place,
            f"the layer sums over {layer.fan_in if not layer.assumed else 'an unknown number of'} inputs here",
        )
    ]
    if (
        layer.kernel.place != layer.operation.place
        and layer.source is not None
        and layer.kernel.place != layer.source.place
    ):
        steps.append(Step(layer.kernel.place, "the weights are made here"))
    return steps


def _remedies(found: Sizes, layer: LayerSize) -> list[Remedy]:
    source = layer.source
    assert source is not None
    # The same expression may draw other things, where a helper makes all variables.
    drawn_here = {o.source.id for o in found.layers if o.source is not None and o.ratio >= 1}
    if any(o.id not in drawn_here for o in sharing_place(found.program, source)):
        return []
    he = layer.hidden and layer.activation in RELU_LIKE
    scheme, title = ("he_normal", "He's initializer") if he else ("glorot_normal", "Glorot's initializer")
    if "initializer" in source.attributes:
        if layer.operation.layer is not None and layer.operation.name.startswith("keras"):
            return [Remedy(f"Use `{scheme}`", "unsafe", (ReplaceValue(source.place, (f'"{scheme}"',)),))]
        name = ApiName(f"tensorflow.keras.initializers.{scheme}", source.place)
        return [Remedy(f"Use {title}", "unsafe", (ReplaceValue(source.place, (name, "()")),))]
    root = f"({2.0 if he else 1.0} / {_width(layer)}) ** 0.5"
    fans = {o.fan_in for o in found.layers if o.source is not None and o.source.place == source.place}
    stable = len(fans) == 1 and not layer.assumed
    if source.symbol is not None and source.symbol.name == "np.random.randn" and stable:
        return [
            Remedy(f"Scale by `{root}`", "unsafe", (ReplaceValue(source.place, (Source(source.place), f" * {root}")),))
        ]
    spread = source.arguments.get("stddev")
    if spread is not None and stable:
        action = SetArgument(source.place, "stddev", _spread(layer, 2.0 if he else 1.0, root), existing=spread.place)
        return [Remedy(f"Set `stddev={root}`", "unsafe", (action,))]
    shape = source.arguments.get("shape")
    if shape is not None and shape.place is not None and source.name.startswith("tf."):
        name = ApiName(f"tensorflow.keras.initializers.{scheme}", source.place)
        action_ = ReplaceValue(source.place, (name, "()(", Source(shape.place), ")"))
        return [Remedy(f"Use {title}, which looks at the shape", "unsafe", (action_,))]
    return []


def _spread(layer: LayerSize, gain: float, root: str) -> tuple[Piece, ...]:
    """The root with the fan-in as the author wrote it in the shape of a matrix."""
    assert layer.source is not None
    shape = layer.source.arguments.get("shape")
    known = layer.kernel.output.shape
    if shape is None or shape.place is None or known is None or len(known) != 2 or known[0] != layer.fan_in:
        return (root,)
    return (f"({gain} / ", Element(shape.place, 0, _width(layer)), ") ** 0.5")


def _width(layer: LayerSize) -> str:
    dim = layer.operation.attributes.get("fan_in")
    return dim.name if isinstance(dim, Symbol) and dim.name.isidentifier() else str(layer.fan_in)
