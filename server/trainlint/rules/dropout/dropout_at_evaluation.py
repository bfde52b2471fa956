"""dropout-at-evaluation: results are measured while units are still being dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, ReplaceValue, SetArgument
from trainlint.program import dropouts
from trainlint.program.assumptions import assumptions
from trainlint.program.events import Feed, ModelCall, SessionRun
from trainlint.program.masks import WEIGHTED
from trainlint.program.operations import Operation
from trainlint.program.program import Program
from trainlint.program.values import TRUE, Function, Id, Tensor, Value
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from trainlint.source.code import Place

DELIBERATE = re.compile(r"(^|_)(mc|monte|carlo|uncertain\w*|bayes\w*|stochastic)(_|$|\d)|MonteCarlo|Bayes|Uncertain")
"""Names of functions that ask a network many times with dropout on, to see how much the answers differ."""

EVALUATES = re.compile(r"(^|_)(test|val|valid|validat\w*|eval\w*|infer\w*)(_|$|\d)")
"""Names of functions that evaluate; training accuracy is often measured with dropout on, and knowingly."""

SWITCH = re.compile(
    r"^(is|in|use|apply|do)?_*(train|training|phase\w*|mode|infer|inference|eval\w*|test|testing|learning\w*|dropout\w*)$"
)
"""Names of parameters and attributes that tell training from evaluation."""

SCORES = frozenset({"compare", "in-top-k", "metric"})
ASKING = ("evaluate", "evaluate_generator", "test_on_batch", "predict", "predict_generator", "predict_on_batch")
OFF = {"keep": "1.0", "rate": "0.0", "training": "False"}


class DropoutAtEvaluation(Rule):
    """
    ## What it does
    Reports a run that only asks for predictions or an accuracy while dropout is still on.
    It is on because the run feeds the share of training, because its flag is fed `True`, or because nothing can switch it off.
    In TensorFlow 2 that is a layer called with `training=True`, or `tf.nn.dropout` in a model that asks no flag.

    ## Why it is bad
    Dropout is noise for training.
    With it, the same sample gets another answer each time, and the accuracy is that of a thinned network: too low, and never the same twice.

    ## Example
    ```python
    keep_prob = tf.placeholder(tf.float32)
    hidden = tf.nn.dropout(hidden, keep_prob=keep_prob)
    session.run(train_op, {x: batch, y: labels, keep_prob: 0.5})
    print(session.run(accuracy, {x: test_x, y: test_y, keep_prob: 0.5}))
    ```

    ## Use instead
    ```python
    keep_prob = tf.placeholder_with_default(1.0, [])
    hidden = tf.nn.dropout(hidden, keep_prob=keep_prob)
    session.run(train_op, {x: batch, y: labels, keep_prob: 0.5})
    print(session.run(accuracy, {x: test_x, y: test_y}))
    ```

    ## Fix safety
    Unsafe: who wants to see how much the answers vary (Monte Carlo dropout) leaves it on, and the code may not show that.
    Only a fed value is changed; a dropout that nothing switches off needs a placeholder or a `training` argument first.

    ## Probe
    Evaluates one batch twice with the same weights: different outputs prove it.

    ## References
    - Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 15, 2014
    - Gal and Ghahramani, "Dropout as a Bayesian Approximation", arXiv:1506.02142 (the exception)
    - https://www.tensorflow.org/api_docs/python/tf/compat/v1/nn/dropout
    """

    name, code, category, severity = "dropout-at-evaluation", "TL401", "dropout", "error"
    rank = 48
    evidence = ("certificate",)
    message = "dropout keeps only {kept:.4g} of the units in a run that evaluates: {why}"

    VALID = [
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "\n"
            "\n"
            "def conv(name, x, n):\n"
            "    w = tf.get_variable(name, [4, 4, int(x.shape[-1]), n], initializer=tf.truncated_normal_initializer(stddev=0.02))\n"
            '    return tf.nn.conv2d(x, w, [1, 2, 2, 1], "SAME")\n'
            "\n"
            "\n"
            "def up(name, x, n):\n"
            "    size = int(x.shape[1])\n"
            "    w = tf.get_variable(name, [4, 4, n, int(x.shape[-1])], initializer=tf.truncated_normal_initializer(stddev=0.02))\n"
            "    return tf.nn.conv2d_transpose(x, w, [1, 2 * size, 2 * size, n], [1, 2, 2, 1])\n"
            "\n"
            "\n"
            "class Translation:\n"
            "    def __init__(self):\n"
            "        self.condition = tf.placeholder(tf.float32, [1, 256, 256, 3])\n"
            "        self.real = tf.placeholder(tf.float32, [1, 256, 256, 3])\n"
            "        self.fake = self.generator(self.condition)\n"
            "        self.fake_logit = self.discriminator(self.fake, self.condition)\n"
            "        self.sess = tf.Session()\n"
            "        self.sess.run(tf.global_variables_initializer())\n"
            "\n"
            "    def test(self):\n"
            '        saver = tf.train.Saver(tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES, "generator"))\n'
            '        saver.restore(self.sess, "./save/model.ckpt")\n'
            "        image = np.zeros([1, 256, 256, 3])\n"
            "        return self.sess.run(self.fake, feed_dict={self.condition: image})\n"
            "\n"
            "    def discriminator(self, image, condition):\n"
            '        with tf.variable_scope("discriminator", reuse=tf.AUTO_REUSE):\n'
            '            return conv("c2", tf.nn.leaky_relu(conv("c1", tf.concat([image, condition], 3), 64)), 1)\n'
            "\n"
            "    def generator(self, condition):\n"
            '        with tf.variable_scope("generator", reuse=tf.AUTO_REUSE):\n'
            '            a = tf.nn.leaky_relu(conv("c1", condition, 64))\n'
            '            b = tf.nn.leaky_relu(conv("c2", a, 128))\n'
            '            c = tf.nn.relu(tf.concat([tf.nn.dropout(up("d1", b, 64), 0.5), a], 3))\n'
            '            return tf.nn.tanh(up("d2", c, 3))\n'
            "\n"
            "\n"
            'if __name__ == "__main__":\n'
            "    pix2pix().test()\n",
            why="dropout is the noise of a generator that draws a picture from another",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, (None, None, 8))\n"
            "y = tf.placeholder(tf.float32, (None, 3))\n"
            "encoder = tf.contrib.rnn.DropoutWrapper(tf.nn.rnn_cell.LSTMCell(64), output_keep_prob=0.5)\n"
            "_, state = tf.nn.dynamic_rnn(encoder, x, dtype=tf.float32)\n"
            "with tf.variable_scope('decoder'):\n"
            "    outputs, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.LSTMCell(64), x, initial_state=state, dtype=tf.float32)\n"
            "logits = tf.layers.dense(outputs[:, -1], 3)\n"
            "cost = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(logits=logits, labels=y))\n"
            "train = tf.train.AdamOptimizer(0.001).minimize(cost)\n"
            "accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), tf.argmax(y, 1)), tf.float32))\n"
            "session = tf.Session()\n"
            "session.run(tf.global_variables_initializer())\n"
            "for _ in range(100):\n"
            "    session.run(train, feed_dict={x: np.random.rand(16, 5, 8), y: np.eye(3)[np.random.randint(3, size=16)]})\n"
            "print(session.run(accuracy, feed_dict={x: np.random.rand(16, 5, 8), y: np.eye(3)[np.random.randint(3, size=16)]}))\n",
            why="the state of a cell does not go through the dropout of what it gives",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.int32, [None])\n"
            "training = tf.placeholder(tf.bool)\n"
            "hidden = tf.layers.dense(x, 32, activation=tf.nn.relu)\n"
            "def thinned(values):\n"
            "    values = tf.nn.dropout(values, keep_prob=0.9)\n"
            "    return values\n"
            "hidden = tf.cond(training, lambda: thinned(hidden), lambda: hidden)\n"
            "logits = tf.layers.dense(hidden, 3)\n"
            "cost = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=y))\n"
            "train = tf.train.AdamOptimizer(0.001).minimize(cost)\n"
            "session = tf.Session()\n"
            "session.run(tf.global_variables_initializer())\n"
            "for _ in range(100):\n"
            "    session.run(train, feed_dict={x: np.random.rand(16, 20), y: np.random.randint(3, size=16), training: True})\n"
            "print(session.run(logits, feed_dict={x: np.random.rand(16, 20), training: False}))\n",
            why="the graph decides whether it is there",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "keep_prob = tf.placeholder(tf.float32)\n"
            "hidden = tf.nn.dropout(tf.layers.dense(x, 16, activation=tf.nn.relu), keep_prob=keep_prob)\n"
            "logits = tf.layers.dense(hidden, 3)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), y), tf.float32))\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {x: inputs, y: labels, keep_prob: 0.5})\n"
            "    print(session.run(accuracy, {x: test_inputs, y: test_labels, keep_prob: 1.0}))\n",
            why="the evaluation keeps everything",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "rate = tf.placeholder_with_default(0.0, [])\n"
            "hidden = tf.nn.dropout(tf.layers.dense(x, 16, activation=tf.nn.relu), rate=rate)\n"
            "answer = tf.argmax(tf.layers.dense(hidden, 3), 1)\n"
            "session = tf.Session()\n"
            "print(session.run(answer, {x: inputs}))\n",
            why="the default drops nothing",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "keep_prob = tf.placeholder(tf.float32)\n"
            "hidden = tf.nn.dropout(tf.layers.dense(x, 16), keep_prob=keep_prob)\n"
            "answer = tf.argmax(tf.layers.dense(hidden, 3), 1)\n"
            "session = tf.Session()\n"
            "print(session.run(answer, {x: inputs, keep_prob: config.keep_prob}))\n",
            why="what is fed cannot be known",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "keep = tf.placeholder(tf.float32, [])\n"
            "hidden = tf.nn.dropout(tf.layers.dense(x, 16), keep_prob=keep)\n"
            "answer = tf.layers.dense(hidden, 1)\n"
            "def mc_predict(session, data):\n"
            "    return np.std([session.run(answer, {x: data, keep: 0.9}) for _ in range(100)], axis=0)\n"
            "print(mc_predict(tf.Session(), np.zeros((4, 8))))\n",
            why="Monte Carlo dropout leaves it on by intent",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "keep = tf.placeholder(tf.float32, [])\n"
            "hidden = tf.nn.dropout(tf.layers.dense(x, 16), keep_prob=keep)\n"
            "loss = tf.losses.mean_squared_error(y, tf.layers.dense(hidden, 1))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "session = tf.Session()\n"
            "for _ in range(1000):\n"
            "    session.run(train, {x: inputs, y: targets, keep: 0.9})\n"
            "    print(session.run(loss, {x: inputs, y: targets, keep: 0.9}))\n",
            why="the loss of the training batch is watched, not a result",
        ),
        Valid(
            "import tensorflow as tf\n"
            "slim = tf.contrib.slim\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "with slim.arg_scope([slim.dropout], is_training=False):\n"
            "    hidden = slim.dropout(slim.fully_connected(x, 16), 0.8)\n"
            "answer = slim.fully_connected(hidden, 3)\n"
            "print(tf.Session().run(answer, {x: inputs}))\n",
            why="a scope sets the flag",
        ),
        Valid(
            "from tensorflow import keras\n"
            "inputs = keras.Input(shape=(8,))\n"
            "hidden = keras.layers.Dropout(0.5)(keras.layers.Dense(16, activation='relu')(inputs))\n"
            "model = keras.Model(inputs, keras.layers.Dense(3, activation='softmax')(hidden))\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n"
            "model.fit(x, y)\n"
            "model.evaluate(x_test, y_test)\n",
            why="Keras switches the layer off",
        ),
        Valid(
            "import tensorflow as tf\n"
            "class Network(tf.keras.Model):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.hidden = tf.keras.layers.Dense(16, 'relu')\n"
            "        self.out = tf.keras.layers.Dense(3)\n"
            "    def call(self, x, training=None):\n"
            "        h = self.hidden(x)\n"
            "        h = tf.nn.dropout(h, rate=0.5) if training else h\n"
            "        return self.out(h)\n"
            "model = Network()\n"
            "model.compile('adam', tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
            "model.fit(x, y)\n"
            "print(model.evaluate(x_test, y_test))\n",
            why="Keras sets the flag that the model asks",
        ),
        Valid(
            "import tensorflow as tf\n"
            "from tensorflow.keras import layers\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), layers.Dense(8, 'relu'), layers.Dropout(0.5), layers.Dense(3)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "entropy = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
            "accuracy = tf.keras.metrics.SparseCategoricalAccuracy()\n"
            "def train_step(x, y):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = entropy(y, model(x, training=True))\n"
            "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n"
            "def test_step(x, y):\n"
            "    accuracy.update_state(y, model(x, training=False))\n"
            "for x, y in training_data:\n"
            "    train_step(x, y)\n"
            "for x, y in test_data:\n"
            "    test_step(x, y)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "from tensorflow.keras import layers\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), layers.Dense(8, 'relu'), layers.Dropout(0.5), layers.Dense(3)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "entropy = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
            "accuracy = tf.keras.metrics.SparseCategoricalAccuracy()\n"
            "def train_step(x, y):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = entropy(y, model(x, training=True))\n"
            "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n"
            "def training_accuracy(x, y):\n"
            "    accuracy.update_state(y, model(x, training=True))\n"
            "for x, y in training_data:\n"
            "    train_step(x, y)\n"
            "for x, y in test_data:\n"
            "    training_accuracy(x, y)\n",
            why="how well training goes is often measured as it goes",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "from tensorflow.keras import layers\n"
            "x, labels = np.random.rand(500, 8), np.random.randint(0, 3, 500)\n"
            "model = tf.keras.Sequential([layers.Dense(8, 'relu'), layers.Dropout(0.5), layers.Dense(3, 'softmax')])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n"
            "model.fit(x, labels)\n"
            "answers = np.stack([model(x, training=True) for _ in range(50)])\n"
            "print(np.mean(np.argmax(answers.mean(axis=0), axis=1) == labels))\n"
            "print(answers.std(axis=0))\n",
            why="Monte Carlo dropout: the mean of many answers",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "keep_prob = tf.placeholder(tf.float32)\n"
            "hidden = tf.nn.dropout(tf.layers.dense(x, 16, activation=tf.nn.relu), keep_prob=keep_prob)\n"
            "logits = tf.layers.dense(hidden, 3)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), y), tf.float32))\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {x: inputs, y: labels, keep_prob: 0.75})\n"
            "    print(session.run(accuracy, {x: test_inputs, y: test_labels, keep_prob: 0.75}))\n",
            at="0.75",
            occurrence=1,
            severity="error",
            message="keeps only 0.75 of the units",
            traces=("this dropout",),
            fixed=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.int64, [None])\n"
                "keep_prob = tf.placeholder(tf.float32)\n"
                "hidden = tf.nn.dropout(tf.layers.dense(x, 16, activation=tf.nn.relu), keep_prob=keep_prob)\n"
                "logits = tf.layers.dense(hidden, 3)\n"
                "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
                "accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), y), tf.float32))\n"
                "with tf.Session() as session:\n"
                "    session.run(train, {x: inputs, y: labels, keep_prob: 0.75})\n"
                "    print(session.run(accuracy, {x: test_inputs, y: test_labels, keep_prob: 1.0}))\n"
            ),
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "tf.disable_v2_behavior()\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "is_training = tf.placeholder(tf.bool, [])\n"
            "hidden = tf.layers.dense(x, 16, activation=tf.nn.relu)\n"
            "hidden = tf.layers.dropout(hidden, rate=0.4, training=is_training)\n"
            "answer = tf.argmax(tf.layers.dense(hidden, 3), 1)\n"
            "def predict(session, inputs):\n"
            "    return session.run(answer, feed_dict={x: inputs, is_training: True})\n"
            "with tf.Session() as session:\n"
            "    print(predict(session, inputs))\n",
            at="True",
            message="keeps only 0.6",
            why="the flag, through a function",
            fixed=(
                "import tensorflow.compat.v1 as tf\n"
                "tf.disable_v2_behavior()\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "is_training = tf.placeholder(tf.bool, [])\n"
                "hidden = tf.layers.dense(x, 16, activation=tf.nn.relu)\n"
                "hidden = tf.layers.dropout(hidden, rate=0.4, training=is_training)\n"
                "answer = tf.argmax(tf.layers.dense(hidden, 3), 1)\n"
                "def predict(session, inputs):\n"
                "    return session.run(answer, feed_dict={x: inputs, is_training: False})\n"
                "with tf.Session() as session:\n"
                "    print(predict(session, inputs))\n"
            ),
        ),
        Invalid(
            "import argparse\n"
            "import tensorflow as tf\n"
            "parser = argparse.ArgumentParser()\n"
            "parser.add_argument('--keep', type=float, default=0.8)\n"
            "args = parser.parse_args()\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "tensor = x\n"
            "for units in (32, 16):\n"
            "    tensor = tf.layers.dense(tensor, units, activation=tf.nn.relu)\n"
            "    tensor = tf.nn.dropout(tensor, keep_prob=args.keep)\n"
            "logits = tf.layers.dense(tensor, 3)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "correct = tf.equal(tf.argmax(logits, 1), y)\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {x: inputs, y: labels})\n"
            "    print(session.run(correct, {x: test_inputs, y: test_labels}))\n",
            at="args.keep",
            message="nothing can switch it off",
            why="hard-wired in a loop, the share from the command line",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "drop = tf.placeholder(tf.float32, [])\n"
                "hidden = tf.nn.dropout(tf.layers.dense(x, 16), keep_prob=1 - drop)\n"
                "answer = tf.argmax(tf.layers.dense(hidden, 3), 1)\n",
                "session = tf.Session()\n"
                "feeds = {x: inputs}\n"
                "feeds[drop] = 0.25\n"
                "print(answer.eval(feeds, session=session))\n",
            ),
            at="0.25",
            cell=1,
            message="keeps only 0.75",
            why="the share to drop, in a notebook",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "keep = tf.placeholder(tf.float32)\n"
            "logits = tf.layers.dense(tf.nn.dropout(tf.layers.dense(x, 16), keep), 3)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "correct = tf.equal(tf.argmax(logits, 1), y)\n"
            "session = tf.Session()\n"
            "for i in range(1000):\n"
            "    feeds = {x: inputs, y: labels, keep: 0.5}\n"
            "    session.run(train, feeds)\n"
            "    print(session.run(correct, feeds))\n",
            at="session.run(correct, feeds)",
            message="the value of training",
            traces=("the same value",),
            why="one dictionary for both: a changed value would change training",
        ),
        Invalid(
            "from tensorflow import keras\n"
            "from tensorflow.keras import layers\n"
            "inputs = keras.Input(shape=(8,))\n"
            "hidden = layers.Dense(16, activation='relu')(inputs)\n"
            "hidden = layers.Dropout(0.5)(hidden, training=True)\n"
            "model = keras.Model(inputs, layers.Dense(3, activation='softmax')(hidden))\n"
            "model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])\n"
            "model.fit(x, y)\n"
            "print(model.evaluate(x_test, y_test))\n",
            at="layers.Dropout(0.5)",
            message="`training=True`",
            why="a Keras layer that is always on",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Network(tf.keras.Model):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.hidden = tf.keras.layers.Dense(16, 'relu')\n"
            "        self.out = tf.keras.layers.Dense(3)\n"
            "    def call(self, x):\n"
            "        h = self.hidden(x)\n"
            "        h = tf.nn.dropout(h, rate=0.5)\n"
            "        return self.out(h)\n"
            "model = Network()\n"
            "model.compile('adam', tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
            "model.fit(x, y)\n"
            "print(model.evaluate(x_test, y_test))\n",
            at="tf.nn.dropout(h, rate=0.5)",
            severity="error",
            message="knows no evaluation",
            traces=("evaluated here",),
            why="a function in a model of TensorFlow 2",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "from tensorflow.keras import layers\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), layers.Dense(8, 'relu'), layers.Dropout(0.5), layers.Dense(3)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "entropy = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
            "accuracy = tf.keras.metrics.SparseCategoricalAccuracy()\n"
            "def train_step(x, y):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = entropy(y, model(x, training=True))\n"
            "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n"
            "def test_step(x, y):\n"
            "    accuracy.update_state(y, model(x, training=True))\n"
            "for x, y in training_data:\n"
            "    train_step(x, y)\n"
            "for x, y in test_data:\n"
            "    test_step(x, y)\n",
            at="accuracy.update_state(y, model(x, training=True))",
            severity="error",
            message="called with `training=True`",
            traces=("still on",),
            why="a loop of one's own",
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "from tensorflow.keras import layers\n"
            "x, labels = np.random.rand(500, 8), np.random.randint(0, 3, 500)\n"
            "model = tf.keras.Sequential([layers.Dense(8, 'relu'), layers.Dropout(0.5), layers.Dense(3)])\n"
            "model.compile('adam', tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
            "model.fit(x, labels)\n"
            "answers = model(x, training=True)\n"
            "print(np.mean(np.argmax(answers, axis=1) == labels))\n",
            at="model(x, training=True)",
            severity="error",
            message="called with `training=True`",
            fixed=(
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "from tensorflow.keras import layers\n"
                "x, labels = np.random.rand(500, 8), np.random.randint(0, 3, 500)\n"
                "model = tf.keras.Sequential([layers.Dense(8, 'relu'), layers.Dropout(0.5), layers.Dense(3)])\n"
                "model.compile('adam', tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
                "model.fit(x, labels)\n"
                "answers = model(x, training=False)\n"
                "print(np.mean(np.argmax(answers, axis=1) == labels))\n"
            ),
            why="an accuracy of one's own after training",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        reported: set[object] = set()
        for run in program.runs:
            for report, key in program.recall(self._of_run, run):
                if key not in reported:
                    reported.add(key)
                    yield report
        yield from self._of_models(program)
        yield from self._of_metrics(program)
        yield from self._of_calls(program)

    def _of_run(self, program: Program, run: SessionRun) -> Iterator[tuple[Report, object]]:
        if dropouts.role(program, run) != "evaluate" or deliberate(program, run):
            return
        if not any(True for _ in program.of_kind("variable")):
            return  # no network: it shows what dropout does
        feeds = dropouts.fed_in(run)
        trained = dropouts.places_fed_in_training(program)
        for answer in run.fetches:
            if not is_result(program, answer) or is_judged(program, answer):
                continue
            for dropout in dropouts.dropouts_behind(program, answer):
                share = dropouts.kept(program, dropout, feeds)
                if share is None or not 0 <= share < 1 or not dropouts.readable(program, dropout, run):
                    continue
                feed = dropouts.responsible(program, dropout, run)
                if feed is not None and feed.place in trained:
                    trace = [
                        Step(feed.place, "training and evaluation are fed the same value"),
                        Step(dropout.place, "this dropout"),
                    ]
                    why = "it is fed the value of training"
                    yield (
                        self.report(
                            run.place,
                            kept=share,
                            why=why,
                            trace=trace,
                            assumed=assumptions(feed.value),
                            subject=feed.key,
                        ),
                        (run.place, feed.key),
                    )
                elif feed is not None:
                    yield self._of_feed(program, run, dropout, feed, share), feed.place
                elif inherits(dropout):
                    continue
                elif not dropouts.switches(program, dropout):
                    step = Step(run.place, "it is evaluated here")
                    why = "it is written into the graph, and nothing can switch it off"
                    argument = dropouts.share_argument(dropout)
                    place = dropout.place if argument is None or argument.place is None else argument.place
                    yield self._of_graph(place, dropout, share, why, step), dropout.id
                else:
                    step = Step(dropout.place, "this dropout is still on")
                    why = "its switch is not fed, and the default leaves it on"
                    yield (
                        self.report(run.place, kept=share, why=why, trace=[step], subject=dropout.id),
                        (run.place, dropout.id),
                    )

    def _of_graph(self, place: Place, dropout: Operation, share: float, why: str, step: Step) -> Report:
        """A value that is written into the graph."""
        assumed = assumptions(dropout, names=("rate", "keep_prob", "training"))
        return self.report(place, kept=share, why=why, trace=[step], assumed=assumed, subject=dropout.id)

    def _of_feed(self, program: Program, run: SessionRun, dropout: Operation, feed: Feed, share: float) -> Report:
        """A value that only evaluation is fed."""
        used = dropouts.direct(program, dropout, feed.key)
        remedies = []
        if used is not None and feed.place != run.place:
            remedies = [Remedy(f"Feed `{OFF[used]}` here", "unsafe", (ReplaceValue(feed.place, (OFF[used],)),))]
        trace = [Step(dropout.place, "this dropout is still on")]
        why = "this is what it is fed"
        return self.report(
            feed.place, kept=share, why=why, trace=trace, assumed=assumptions(feed.value), remedies=remedies,
            subject=feed.key,
        )  # fmt: skip

    def _of_models(self, program: Program) -> Iterator[Report]:
        """Keras layers that are called with `training=True` inside of a model that is evaluated."""
        asked: dict[Id, list[ModelCall]] = {}
        for call in program.model_calls:
            if call.method in ASKING:
                asked.setdefault(call.model, []).append(call)
        for compiled in program.compiled:
            calls = asked.get(compiled.model, [])
            if not calls or any(repeated(call, calls) for call in calls):
                continue
            for key in compiled.losses:
                loss = program.operation(key)
                predictions = loss.attributes.get("predictions") if loss is not None else None
                for dropout in dropouts.dropouts_behind(program, predictions) if predictions is not None else ():
                    share = dropouts.share(program, dropout, {})
                    form = dropout.attributes.get("form")
                    if form not in ("keras", "function") or dropout.attributes.get("training") != TRUE:
                        continue
                    if share is None or not 0 <= share < 1:
                        continue
                    if form == "function" and (dropout.context.conditions or has_switch(program)):
                        continue
                    step = Step(calls[0].place, "the model is evaluated here")
                    why = "it is called with `training=True`"
                    if form == "function":
                        why = f"`{dropout.name}` knows no evaluation, and nothing around it does"
                    yield self.report(dropout.place, kept=share, why=why, trace=[step], subject=dropout.id)

    def _of_metrics(self, program: Program) -> Iterator[Report]:
        """Metrics of a function that evaluates by its name, on what a model says with `training=True`."""
        trained = [program.ancestors(event.loss) for event in program.minimized if isinstance(event.loss, Tensor)]
        for metric in program.of_kind("metric") if trained else ():
            predictions = metric.attributes.get("predictions")
            if not isinstance(predictions, Tensor) or metric.context.tape is not None:
                continue
            function = metric.context.function
            if not EVALUATES.search(function) or DELIBERATE.search(function) or not is_result(program, predictions):
                continue
            for dropout in dropouts.dropouts_behind(program, predictions):
                share = dropouts.share(program, dropout, {})
                is_on = dropout.attributes.get("form") == "keras" and dropout.attributes.get("training") == TRUE
                if not is_on or share is None or not 0 <= share < 1 or any(dropout.id in keys for keys in trained):
                    continue
                if dropout.context.loop > metric.context.loop:
                    continue
                step = Step(dropout.place, "this dropout is still on")
                why = "the model is called with `training=True`"
                yield self.report(metric.place, kept=share, why=why, trace=[step], subject=metric.id)
                break

    def _of_calls(self, program: Program) -> Iterator[Report]:
        """Scores that are computed of what a trained model says with `training=True`."""
        if not any(True for _ in program.minimized):
            return
        for place, dropout in dropouts.scored_calls(program):
            share = dropouts.share(program, dropout, {})
            if share is None or not 0 <= share < 1 or EVALUATES.search(dropout.context.function):
                continue
            if DELIBERATE.search(dropout.context.function):
                continue
            off = Remedy("Pass `training=False`", "unsafe", (SetArgument(place, "training", ("False",)),))
            step = Step(dropout.place, "this dropout is still on")
            why = "the model is called with `training=True`"
            yield self.report(place, kept=share, why=why, trace=[step], remedies=[off], subject=dropout.id)


def has_switch(program: Program) -> bool:
    """Whether a function takes, or an object has, what may turn a dropout off."""
    return bool(program.once(f"{__name__}.has_switch", _has_switch, lasts=True))


def _has_switch(program: Program) -> bool:
    for value in program.heap.values():
        if isinstance(value, Function) and any(SWITCH.search(each.name) for each in value.define.parameters):
            return True
    return any(SWITCH.search(name) for _, instance in program.instances for name in instance.attributes)


def inherits(dropout: Operation) -> bool:
    """Whether the flag of a dropout is left to its default, which an `arg_scope` around the call may set."""
    argument = dropout.arguments.get("is_training")
    return argument is not None and not argument.given


def is_result(program: Program, value: Value) -> bool:
    """Whether a fetched tensor is a prediction or a score, not the loss that is watched in training."""
    if not isinstance(value, Tensor):
        return False
    watched = {event.loss.op for event in program.minimized if isinstance(event.loss, Tensor)}
    for key in program.ancestors(value):
        operation = program.operation(key)
        if key in watched or (operation is not None and operation.kind in ("loss", "opaque")):
            return False
    return True


def is_judged(program: Program, value: Value) -> bool:
    """Whether a fetched picture also enters another network: it comes from the generator of a GAN.

    Dropout is the noise of one that draws a picture from another (Isola et al., "Image-to-Image Translation with
    Conditional Adversarial Networks", CVPR 2017, section 3.2).
    """
    if not isinstance(value, Tensor) or value.shape is None or len(value.shape) != 4:
        return False
    return any(operation.kind in WEIGHTED for operation in program.descendants(value))


def deliberate(program: Program, run: SessionRun) -> bool:
    """Whether a run looks like Monte Carlo dropout: by its name, or because it asks for the same predictions again and again."""
    if DELIBERATE.search(run.context.function):
        return True
    if not run.context.loop or any(_scored(program, fetch) for fetch in run.fetches):
        return False
    fed = [feed.value for feed in run.feeds if isinstance(feed.value, Tensor) and feed.value.op is not None]
    return all("*" not in value.op.iteration for value in fed if value.op is not None)


def _scored(program: Program, value: Value) -> bool:
    found = (program.operation(key) for key in program.ancestors(value))
    return any(operation is not None and operation.kind in SCORES for operation in found)


def repeated(call: ModelCall, calls: list[ModelCall]) -> bool:
    """Whether a model is asked the same thing many times: in a loop, or from one place more than once."""
    if DELIBERATE.search(call.context.function) or call.context.loop:
        return True
    return sum(other.place == call.place for other in calls) > 1
