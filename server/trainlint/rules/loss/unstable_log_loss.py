"""unstable-log-loss: a logarithm, root or quotient of a trained value that can be exactly 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import ApiName, Remedy, ReplaceValue, Source, Wrap
from trainlint.program.heads import argument_for
from trainlint.program.singularities import (
    Zero,
    are_twins,
    differentiated,
    is_plain_regression,
    negative_product,
    twin_distance,
    zero_of,
)  # fmt: skip
from trainlint.program.values import Tensor, Tuple
from trainlint.program.weights import constant
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Id, Value

_ROOTED = ("rectifier", "bound", "distance")
"""Reasons for a 0 that is met in practice; a probability's root has no slope there that is not undone by its own."""

_SUMS = ("sum", "max", "mean")


class UnstableLogLoss(Rule):
    """
    ## What it does
    Reports a logarithm in a trained loss whose argument can become exactly 0, such as a softmax, a sigmoid or a ReLU without a lower bound.
    The same goes for the slope of a square root or norm at 0, for the arc cosine at 1, for a quotient by a ReLU, and for `tf.where` with such a branch.

    ## Why it is bad
    A softmax or sigmoid rounds to 0 in float32 as soon as the network is sure and wrong.
    The logarithm is then minus infinity, and 0 times infinity is NaN.
    One NaN in the gradient makes all weights NaN, and training is over without an error message.
    A softmax regression, one layer whose scores start small, hardly ever gets there, nor does the probability of an action that was drawn with it: a warning.
    `tf.where` does not help: the gradient of the branch that is not taken is multiplied by 0, and 0 times infinity is NaN as well.

    ## Example
    ```python
    probability = tf.nn.softmax(scores)
    loss = -tf.reduce_sum(labels * tf.log(probability))
    ```

    ## Use instead
    ```python
    loss = tf.reduce_sum(tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=scores))
    ```

    ## Fix safety
    Safe for the logarithm of a softmax that is written inside of it: `log_softmax` is the same function without the rounding.
    Unsafe otherwise: a lower bound changes the loss of answers that are sure and wrong.

    ## Probe
    Feeds scores that are fifty times as large and looks for NaN.

    ## References
    - tensorflow/tensorflow#8101, tensorflow/tensorflow#2540
    - "MNIST for ML Beginners" of TensorFlow 1: "we don't use this formulation, because it is numerically unstable"
    - Zhang et al., "The Prevalence of Code Smells in Machine Learning projects", 2021: a missing mask of invalid values
    """

    name, code, category, severity = "unstable-log-loss", "TL308", "loss", "error"
    rank = 80
    evidence = ("certificate", "training")
    message = "the argument of this logarithm can be exactly 0 ({why}): the loss becomes infinite, and with it all weights NaN"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "tf.keras.backend.set_floatx('float64')\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(2, activation='softmax')])\n"
            "optimizer = tf.keras.optimizers.Adam(0.001)\n"
            "for states, actions in episodes:\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = -tf.reduce_mean(tf.math.log(tf.reduce_sum(model(states) * actions, axis=1)))\n"
            "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n",
            why="in float64 scores would have to differ by 745",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "p = tf.nn.softmax(tf.layers.dense(x, 10))\n"
            "loss = tf.reduce_mean(-tf.reduce_sum(y * tf.log(p + 1e-8), axis=1))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "from tensorflow.keras import backend as K\n"
            "def loss(y, p):\n"
            "    p = K.clip(p, K.epsilon(), 1 - K.epsilon())\n"
            "    return -K.mean(y * K.log(p) + (1 - y) * K.log(1 - p))\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1, 'sigmoid')])\n"
            "model.compile('adam', loss)\n",
            why="clipped by an epsilon",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "scores = tf.layers.dense(x, 10)\n"
            "shown = -tf.reduce_mean(y * tf.log(tf.nn.softmax(scores)))\n"
            "loss = tf.losses.softmax_cross_entropy(y, scores)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    print(session.run(shown))\n",
            why="only shown, not trained with",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def safe_log(p, epsilon=1e-7):\n"
            "    return tf.math.log(tf.maximum(p, epsilon))\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3, 'softmax')])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "def step(x, y):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = -tf.reduce_mean(y * safe_log(model(x, training=True)))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n"
            "step(tf.zeros([8, 4]), tf.zeros([8, 3]))\n",
            why="bounded from below in a helper",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "p = tf.layers.dense(x, 1, my_activation)\n"
            "loss = -tf.reduce_mean(tf.log(p))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="what the activation gives is not known",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "loss = tf.sqrt(tf.reduce_mean(tf.square(tf.layers.dense(x, 1) - y)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="the root of a mean squared error is 0 for a perfect fit only",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\nx = tf.placeholder(tf.float32, [None, 8])\nh = tf.layers.dense(x, 4)\n",
                "exps = tf.exp(h - tf.reduce_max(h, axis=1, keepdims=True))\n"
                "loss = tf.reduce_mean(tf.log(tf.reduce_sum(exps, axis=1)))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n",
            ),
            why="one term of the sum is exp(0)",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "h = tf.nn.relu(tf.layers.dense(x, 4))\n"
            "positive = h > 0\n"
            "logarithm = tf.log(tf.where(positive, h, tf.ones_like(h)))\n"
            "loss = tf.reduce_mean(tf.where(positive, logarithm, tf.zeros_like(h)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="the argument itself is selected",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "state = tf.placeholder(tf.float32, [1, 4])\n"
            "action = tf.placeholder(tf.int32, None)\n"
            "hidden = tf.layers.dense(state, 20, activation=tf.nn.relu)\n"
            "policy = tf.layers.dense(hidden, 2, activation=tf.nn.softmax)\n"
            "train = tf.train.AdamOptimizer().minimize(-tf.log(policy[0, action]))\n",
            at="tf.log(policy[0, action])",
            severity="warning",
            why="An action that was drawn has no probability of 0.",
            fixed="import tensorflow as tf\n"
            "state = tf.placeholder(tf.float32, [1, 4])\n"
            "action = tf.placeholder(tf.int32, None)\n"
            "hidden = tf.layers.dense(state, 20, activation=tf.nn.relu)\n"
            "policy = tf.layers.dense(hidden, 2, activation=tf.nn.softmax)\n"
            "train = tf.train.AdamOptimizer().minimize(-tf.log(tf.clip_by_value(policy[0, action], 1e-7, 1.0)))\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 2])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "p = tf.sigmoid(tf.matmul(x, tf.Variable(tf.random_normal([2, 1]))) + tf.Variable(tf.zeros([1])))\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(-tf.reduce_mean(y * tf.log(p)))\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    session.run(train, {x: [[0, 1], [1, 0], [1, 1]], y: [[1], [1], [0]]})\n",
            at="tf.log(p)",
            severity="warning",
            why="One layer of weights of size 1 on inputs of size 1.",
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 2])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "p = tf.sigmoid(tf.matmul(x, tf.Variable(tf.random_normal([2, 1]))) + tf.Variable(tf.zeros([1])))\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(-tf.reduce_mean(y * tf.log(tf.clip_by_value(p, 1e-7, 1.0))))\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    session.run(train, {x: [[0, 1], [1, 0], [1, 1]], y: [[1], [1], [0]]})\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "p = tf.nn.softmax(tf.layers.dense(x, 10))\n"
            "loss = tf.reduce_mean(-tf.reduce_sum(y * tf.log(p), axis=1))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.log(p)",
            severity="error",
            message="a softmax becomes exactly 0",
            traces=("the softmax is applied here",),
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "p = tf.nn.softmax(tf.layers.dense(x, 10))\n"
            "loss = tf.reduce_mean(-tf.reduce_sum(y * tf.log(tf.clip_by_value(p, 1e-7, 1.0)), axis=1))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "scores = tf.layers.dense(x, 10)\n"
            "loss = -tf.reduce_sum(y * tf.log(tf.nn.softmax(scores)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.log(tf.nn.softmax(scores))",
            severity="error",
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "scores = tf.layers.dense(x, 10)\n"
            "loss = -tf.reduce_sum(y * tf.nn.log_softmax(scores))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "w, b = tf.Variable(tf.zeros([784, 10])), tf.Variable(tf.zeros([10]))\n"
            "p = tf.nn.softmax(tf.matmul(x, w) + b)\n"
            "loss = tf.reduce_mean(-tf.reduce_sum(y * tf.log(p), axis=1))\n"
            "train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)\n",
            at="tf.log(p)",
            severity="warning",
            why="the scores of one layer that starts with zeros hardly reach the hundred that makes a softmax 0",
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "w, b = tf.Variable(tf.zeros([784, 10])), tf.Variable(tf.zeros([10]))\n"
            "p = tf.nn.softmax(tf.matmul(x, w) + b)\n"
            "loss = tf.reduce_mean(-tf.reduce_sum(y * tf.log(tf.clip_by_value(p, 1e-7, 1.0)), axis=1))\n"
            "train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "def cross_entropy(y, p):\n"
            "    return -tf.reduce_mean(tf.reduce_sum(y * tf.math.log(p), axis=1))\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3, 'softmax')])\n"
            "model.compile('adam', cross_entropy)\n",
            at="tf.math.log(p)",
            fixed="import tensorflow as tf\n"
            "def cross_entropy(y, p):\n"
            "    return -tf.reduce_mean(tf.reduce_sum(y * tf.math.log(tf.clip_by_value(p, 1e-7, 1.0)), axis=1))\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3, 'softmax')])\n"
            "model.compile('adam', cross_entropy)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Config:\n"
            "    units = [16, 16]\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "noise = tf.placeholder(tf.float32, [None, 8])\n"
            "def discriminator(h, reuse=False):\n"
            "    with tf.variable_scope('d', reuse=reuse):\n"
            "        for i, units in enumerate(Config.units):\n"
            "            h = tf.layers.dense(h, units, tf.nn.relu, name='h%d' % i)\n"
            "        return tf.nn.sigmoid(tf.layers.dense(h, 1, name='out'))\n"
            "real = discriminator(x)\n"
            "fake = discriminator(noise, reuse=True)\n"
            "loss = -tf.reduce_mean(tf.log(real + 1e-8) + tf.log(1. - fake))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.log(1. - fake)",
            message="1 minus it",
            fixed="import tensorflow as tf\n"
            "class Config:\n"
            "    units = [16, 16]\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "noise = tf.placeholder(tf.float32, [None, 8])\n"
            "def discriminator(h, reuse=False):\n"
            "    with tf.variable_scope('d', reuse=reuse):\n"
            "        for i, units in enumerate(Config.units):\n"
            "            h = tf.layers.dense(h, units, tf.nn.relu, name='h%d' % i)\n"
            "        return tf.nn.sigmoid(tf.layers.dense(h, 1, name='out'))\n"
            "real = discriminator(x)\n"
            "fake = discriminator(noise, reuse=True)\n"
            "loss = -tf.reduce_mean(tf.log(real + 1e-8) + tf.log(tf.clip_by_value(1. - fake, 1e-7, 1.0)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 2])\n"
            "w = tf.Variable(tf.random_normal([8, 2]))\n"
            "loss = -tf.reduce_mean(y * tf.log(tf.matmul(x, w)))\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n",
            at="tf.log(tf.matmul(x, w))",
            message="negative as often as not",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "embed = tf.keras.Sequential([tf.keras.Input((10,)), tf.keras.layers.Dense(8)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "def step(left, right, same):\n"
            "    with tf.GradientTape() as tape:\n"
            "        distance = tf.sqrt(tf.reduce_sum(tf.square(embed(left) - embed(right)), axis=1))\n"
            "        loss = tf.reduce_mean(same * distance + (1 - same) * tf.maximum(0.0, 1.0 - distance))\n"
            "    gradients = tape.gradient(loss, embed.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, embed.trainable_variables))\n"
            "step(tf.ones([4, 10]), tf.ones([4, 10]), tf.ones([4]))\n",
            at="tf.sqrt(tf.reduce_sum(tf.square(embed(left) - embed(right)), axis=1))",
            severity="warning",
            message="slope",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "h = tf.layers.dense(x, 4)\n"
            "root = tf.where(h > 0, tf.sqrt(h), tf.zeros_like(h))\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(root))\n",
            at="tf.where(h > 0, tf.sqrt(h), tf.zeros_like(h))",
            severity="error",
            message="not taken",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "h = tf.nn.relu(tf.layers.dense(x, 4))\n"
            "share = h / tf.reduce_sum(h, axis=1, keepdims=True)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(share - 0.25)))\n",
            at="h / tf.reduce_sum(h, axis=1, keepdims=True)",
            severity="warning",
            message="divided by",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "a = tf.placeholder(tf.float32, [None, 8])\n"
            "w = tf.get_variable('w', [8, 4])\n"
            "cosine = tf.tanh(tf.matmul(a, w))\n"
            "angle = tf.acos(tf.clip_by_value(cosine, -1.0, 1.0))\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(angle))\n",
            at="tf.acos(tf.clip_by_value(cosine, -1.0, 1.0))",
            severity="warning",
            message="slope",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow.compat.v1 as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 2])\n",
                "scores = tf.matmul(x, tf.get_variable('w', [8, 2]))\n"
                "p = tf.exp(scores) / tf.reduce_sum(tf.exp(scores), axis=1, keepdims=True)\n",
                "loss = -tf.reduce_mean(tf.reduce_sum(y * tf.log(p), axis=1))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n",
            ),
            at="tf.log(p)",
            cell=2,
            severity="error",
            fixed="import tensorflow.compat.v1 as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 2])\n\n"
            "scores = tf.matmul(x, tf.get_variable('w', [8, 2]))\n"
            "p = tf.exp(scores) / tf.reduce_sum(tf.exp(scores), axis=1, keepdims=True)\n\n"
            "loss = -tf.reduce_mean(tf.reduce_sum(y * tf.log(tf.clip_by_value(p, 1e-7, 1.0)), axis=1))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x, y = tf.placeholder(tf.float32, [None, 2]), tf.placeholder(tf.float32, [None, 1])\n"
            "w1, b1 = tf.Variable(tf.random_normal([2, 2])), tf.Variable(tf.zeros([2]))\n"
            "w2, b2 = tf.Variable(tf.random_normal([2, 1])), tf.Variable(tf.zeros([1]))\n"
            "p = tf.sigmoid(tf.matmul(tf.sigmoid(tf.matmul(x, w1) + b1), w2) + b2)\n"
            "cost = -tf.reduce_mean(y * tf.log(p))\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(cost)\n",
            at='tf.log(p)',
            severity='warning',
            why='two bounded hidden units are far from where a sigmoid rounds to 0',
            fixed="import tensorflow as tf\n"
            "x, y = tf.placeholder(tf.float32, [None, 2]), tf.placeholder(tf.float32, [None, 1])\n"
            "w1, b1 = tf.Variable(tf.random_normal([2, 2])), tf.Variable(tf.zeros([2]))\n"
            "w2, b2 = tf.Variable(tf.random_normal([2, 1])), tf.Variable(tf.zeros([1]))\n"
            "p = tf.sigmoid(tf.matmul(tf.sigmoid(tf.matmul(x, w1) + b1), w2) + b2)\n"
            "cost = -tf.reduce_mean(y * tf.log(tf.clip_by_value(p, 1e-7, 1.0)))\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(cost)\n",
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "states, chosen = tf.placeholder(tf.float32, [None, 80]), tf.placeholder(tf.float32, [None, 3])\n"
            "rewards = tf.placeholder(tf.float32, [None])\n"
            "policy = tf.nn.softmax(tf.matmul(states, tf.Variable(tf.truncated_normal([80, 3], stddev=0.1))))\n"
            "picked = tf.reduce_sum(policy * chosen, 1)\n"
            "loss = -tf.reduce_mean(tf.log(picked) * rewards)\n"
            "train = tf.train.RMSPropOptimizer(0.001).minimize(loss)\n",
            at='tf.log(picked)',
            severity='warning',
            why='an action that was drawn has no probability of 0',
            fixed="import numpy as np\n"
            "import tensorflow as tf\n"
            "states, chosen = tf.placeholder(tf.float32, [None, 80]), tf.placeholder(tf.float32, [None, 3])\n"
            "rewards = tf.placeholder(tf.float32, [None])\n"
            "policy = tf.nn.softmax(tf.matmul(states, tf.Variable(tf.truncated_normal([80, 3], stddev=0.1))))\n"
            "picked = tf.reduce_sum(policy * chosen, 1)\n"
            "loss = -tf.reduce_mean(tf.log(tf.clip_by_value(picked, 1e-7, 1.0)) * rewards)\n"
            "train = tf.train.RMSPropOptimizer(0.001).minimize(loss)\n",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        found = [o for o in program.of_kind("log", "sqrt", "divide", "select", "reduce", "elementwise") if _concerns(o)]
        if not found:
            return
        reached = differentiated(program)
        reported: set[Id] = set()
        for operation in found:
            if operation.id not in reached:
                continue
            report = self._of(program, operation, reported)
            if report is not None:
                reported.add(operation.id)
                yield report

    def _of(self, program: Program, operation: Operation, reported: set[Id]) -> Report | None:
        kind = operation.kind
        if kind == "log":
            return self._logarithm(program, operation)
        if kind == "sqrt" or kind == "reduce":
            return self._root(program, operation)
        if kind == "divide":
            return self._quotient(program, operation)
        if kind == "select":
            return self._selection(program, operation, reported)
        return self._angle(program, operation)

    def _logarithm(self, program: Program, operation: Operation) -> Report | None:
        value = operation.inputs[0]
        zero = zero_of(program, value)
        if zero is not None:
            source = program.operation(value)
            is_seldom = (
                _is_picked(program, source)
                or is_plain_regression(program, zero)
                or (_is_picked_by_feed(program, source) and _is_rewarded(program, operation))
            )
            severity = "warning" if is_seldom else None
            return self._report(program, operation, zero, None, severity, why=zero.text)
        zero = negative_product(program, value)
        if zero is None:
            return None
        message = (
            "this is the logarithm of a plain product with weights, which is negative as often as not: the loss is NaN"
        )
        return self._report(program, operation, zero, message)

    def _root(self, program: Program, operation: Operation) -> Report | None:
        value = operation.inputs[0]
        zero = zero_of(program, value) if operation.kind == "sqrt" else None
        if zero is not None and zero.kind not in _ROOTED:
            return None
        if zero is None and operation.kind == "sqrt":
            zero = twin_distance(program, value)
        if zero is None and operation.kind == "reduce":
            zero = _norm(program, operation)
        if zero is None:
            return None
        message = "the slope of this root is infinite at 0, and its argument can be 0 ({why}): the gradient becomes NaN"
        return self._report(program, operation, zero, message, "warning", why=zero.text)

    def _quotient(self, program: Program, operation: Operation) -> Report | None:
        below = operation.inputs[1]
        zero = zero_of(program, below)
        severity = "error"
        if zero is None:
            inner = program.operation(below)
            if inner is None or inner.kind != "reduce" or inner.attributes.get("how") not in _SUMS:
                return None
            if inner.attributes.get("axis") in ((), None):
                return None
            zero, severity = zero_of(program, inner.inputs[0]), "warning"
        if zero is None or zero.kind not in ("rectifier", "bound"):
            return None
        message = "this is divided by a value that can be exactly 0 ({why}): the result is NaN or infinite"
        return self._report(program, operation, zero, message, severity, why=zero.text)

    def _angle(self, program: Program, operation: Operation) -> Report | None:
        value = operation.inputs[0]
        if not isinstance(value, Tensor) or not program.variables(value):
            return None
        source = program.operation(value)
        if source is None or value.interval is None or value.interval[0] > -1.0 or value.interval[1] < 1.0:
            return None
        is_bounded = source.kind == "clip" or source.attributes.get("function") == "tanh"
        if not is_bounded:
            return None
        name = operation.attributes.get("function")
        message = (
            f"the slope of `{name}` is infinite at -1 and 1, and its argument reaches them: the gradient becomes NaN"
        )
        return self._report(program, operation, Zero(source, "bound", ""), message, "warning")

    def _selection(self, program: Program, operation: Operation, reported: set[Id]) -> Report | None:
        if len(operation.inputs) != 3:
            return None
        test = program.operation(operation.inputs[0])
        if test is None or test.kind != "compare" or len(test.inputs) != 2:
            return None
        tested = [v for v in test.inputs if constant(v) is None]
        if len(tested) != 1 or not any(constant(v) == 0 for v in test.inputs) or not isinstance(tested[0], Tensor):
            return None
        if not program.variables(tested[0]):
            return None
        for branch in operation.inputs[1:]:
            inner = program.operation(branch)
            if inner is None or inner.id in reported:
                continue
            index = 1 if inner.kind == "divide" else 0
            is_singular = inner.kind in ("log", "sqrt", "divide") and len(inner.inputs) > index
            if is_singular and inner.attributes.get("operator") != "divide_no_nan":
                argument = inner.inputs[index]
                if isinstance(argument, Tensor) and argument.op is tested[0].op:
                    message = (
                        "the branch that is not taken still has a gradient: at 0 that is infinite, "
                        "and 0 times infinity is NaN"
                    )
                    return self._report(program, operation, Zero(inner, "branch", ""), message)
        return None

    def _report(
        self,
        program: Program,
        operation: Operation,
        zero: Zero,
        message: str | None,
        severity: str | None = None,
        why: str = "",
    ) -> Report:
        steps = {
            "probability": "the {function} is applied here", "complement": "the {function} is applied here",
            "rectifier": "the {function} is applied here", "negative": "the product is computed here",
            "branch": "this branch is the one", "distance": "the distance is summed here",
        }  # fmt: skip
        function = zero.operation.attributes.get("function") or "softmax"
        step = steps.get(zero.kind, "the bound is set here").format(function=function)
        trace = [Step(zero.operation.place, step)] if zero.operation.place != operation.place else []
        remedies = _remedies(program, operation, zero) if operation.kind == "log" else []
        return self.report(
            operation.place, severity=severity, message=message, trace=trace, remedies=remedies, subject=operation.id,
            why=why,
        )  # fmt: skip


def _concerns(operation: Operation) -> bool:
    """Whether an operation is infinite or steep somewhere; arrays have no gradient."""
    if operation.output.library != "tf" or not operation.inputs:
        return False
    kind = operation.kind
    if kind == "reduce":
        return operation.attributes.get("how") == "norm" and operation.attributes.get("axis") not in ((), None)
    if kind == "divide":
        return len(operation.inputs) == 2 and operation.attributes.get("operator") != "divide_no_nan"
    if kind == "elementwise":
        return operation.attributes.get("function") in ("acos", "asin", "arccos", "arcsin")
    return True


def _is_picked(program: Program, source: Operation | None) -> bool:
    """Whether a value is picked by an index: one drawn with that probability, as in policy gradients, is seldom a 0."""
    if source is None:
        return False
    if source.kind == "slice":
        begin = source.arguments.get("begin")
        index = source.attributes.get("index") if begin is None else begin.value
        parts = index.items if isinstance(index, Tuple) else (index,)
        return any(isinstance(part, Tensor) and constant(part) is None for part in parts)
    inner = program.operation(source.inputs[0]) if source.kind == "reduce" and source.inputs else None
    if inner is not None and inner.kind == "multiply":
        return any(maker.kind == "one-hot" for maker in map(program.operation, inner.inputs) if maker is not None)
    return source.kind == "gather"


def _is_picked_by_feed(program: Program, source: Operation | None) -> bool:
    """Whether a value is the sum of a row times a row that is fed, such as the one-hot row of an action."""
    inner = program.operation(source.inputs[0]) if source is not None and source.kind == "reduce" else None
    if inner is None or inner.kind != "multiply" or source is None or source.attributes.get("axis") in ((), None):
        return False
    return any(maker is not None and maker.kind == "placeholder" for maker in map(program.source, inner.inputs))


def _is_rewarded(program: Program, logarithm: Operation) -> bool:
    """Whether a logarithm is multiplied by something else that is fed: the reward of the action that was drawn."""
    behind = {logarithm.id, *(operation.id for operation in program.descendants(logarithm.id))}
    for product in program.of_kind("multiply"):
        if product.id not in behind:
            continue
        for value in product.inputs:
            maker = program.operation(value)
            if maker is None or maker.id in behind or program.variables(value):
                continue
            if any(o.kind == "placeholder" for key in program.ancestors(value) if (o := program.operation(key))):
                return True
    return False


def _norm(program: Program, operation: Operation) -> Zero | None:
    """The difference of two results of one network whose length is taken."""
    inner = program.operation(operation.inputs[0])
    if inner is None or inner.kind != "subtract" or not are_twins(program, inner.inputs):
        return None
    return Zero(inner, "distance", "two equal inputs have the distance 0")


def _remedies(program: Program, operation: Operation, zero: Zero) -> list[Remedy]:
    value: Value = operation.inputs[0]
    argument = argument_for(operation, value)
    symbol = operation.symbol
    if zero.kind == "negative" or argument is None or argument.place is None or symbol is None:
        return []
    scores = _softmax_scores(zero, value, argument.place)
    if scores is not None and symbol.name == "tf.math.log":
        name = ApiName(_tensorflow(symbol.path, "nn.log_softmax"), operation.place)
        return [Remedy("Use `log_softmax`", "safe", (ReplaceValue(operation.place, (name, "(", scores, ")")),))]
    least, room = "1e-7", symbol.path.rpartition(".")[0]
    is_tensorflow = symbol.path.startswith("tensorflow") and ".keras" not in symbol.path
    if zero.kind in ("probability", "complement"):
        name = ApiName(_tensorflow(symbol.path, "clip_by_value") if is_tensorflow else f"{room}.clip", argument.place)
        action = Wrap(argument.place, (name, "("), (f", {least}, 1.0)",))
        return [Remedy("Clip its argument from below", "unsafe", (action,))]
    name = ApiName(_tensorflow(symbol.path, "maximum") if is_tensorflow else f"{room}.maximum", argument.place)
    return [Remedy("Bound its argument from below", "unsafe", (Wrap(argument.place, (name, "("), (f", {least})",)),))]


def _softmax_scores(zero: Zero, value: Value, place: object) -> Source | None:
    """The scores of a plain softmax that is written inside of the logarithm."""
    softmax = zero.operation
    if softmax.attributes.get("function") != "softmax" or softmax.place != place or softmax.layer is not None:
        return None
    if not isinstance(value, Tensor) or value.op is not softmax.id:
        return None
    given = [a for a in softmax.arguments.values() if a.given]
    return Source(given[0].place) if len(given) == 1 and given[0].place is not None else None


def _tensorflow(path: str, name: str) -> str:
    """A name of TensorFlow in the version that a path is written in."""
    return f"tensorflow.compat.v1.{name}" if path.startswith("tensorflow.compat.v1") else f"tensorflow.{name}"
