"""probabilities-into-logits-loss: a softmax or sigmoid before a loss that applies it again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, ReplaceValue, Source
from trainlint.program.assumptions import assumptions, told
from trainlint.program.heads import (
    PICKING,
    activation_behind,
    argument_for,
    is_fetched,
    is_only_shown,
    named,
    only_feeds_losses,
    sharing_place,
)
from trainlint.program.training import computed_losses
from trainlint.program.values import Api, Const, Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.source.code import Place

PROBABILITIES = ("softmax", "sigmoid", "hard_sigmoid")

SOFTMAX_LOSSES = ("softmax-cross-entropy", "sparse-softmax-cross-entropy")


class ProbabilitiesIntoLogitsLoss(Rule):
    """
    ## What it does
    Reports a softmax or sigmoid whose result goes into a loss that applies softmax or sigmoid itself.

    ## Why it is bad
    The loss takes the probabilities for scores and squeezes them a second time.
    Gradients shrink and confidence is capped.

    With K classes the loss cannot fall below ln(e + K - 1) - 1, which is 1.46 for ten.
    Keras on TensorFlow finds the scores behind its own activations and only warns.
    Keras on JAX and PyTorch and TensorFlow's own losses do not, nor does Keras when any operation stands between.
    Where the loss is only shown and another call of it is trained with, the network learns rightly and the number is wrong: that is a warning.

    ## Example
    ```python
    answer = tf.nn.softmax(tf.layers.dense(hidden, 10))
    loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=answer)
    ```

    ## Use instead
    ```python
    logits = tf.layers.dense(hidden, 10)
    answer = tf.nn.softmax(logits)
    loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)
    ```

    ## Fix safety
    Safe for `from_logits=True` where Keras on TensorFlow works with the scores anyway: the numbers stay the same.
    Unsafe elsewhere: training changes, which is the point.

    ## Probe
    Looks at what enters the loss in the user's own backend: values in [0, 1] whose rows sum to 1.

    ## References
    - TensorFlow's page of `tf.nn.softmax_cross_entropy_with_logits`: "Do not call this op with the output of softmax"
    - tensorflow/tensorflow#32869
    - Nikanjam et al., "Automatic Fault Detection for Deep Learning Programs Using Graph Transformations" (NeuraLint)
    """

    name, code, category, severity = "probabilities-into-logits-loss", "TL302", "loss", "error"
    rank = 100
    evidence = ("certificate", "training")
    message = (
        "the {function} has been applied already; {loss} takes the result for scores and applies {again} again{floor}"
    )

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.int32, [None])\n"
            "logits = tf.layers.dense(x, 10)\n"
            "answer = tf.nn.softmax(logits)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "\n"
            'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10, activation="softmax")])\n'
            'model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy())\n',
        ),
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "gate = tf.sigmoid(tf.layers.dense(x, 10))\n"
            "loss = tf.losses.sigmoid_cross_entropy(y, gate * tf.layers.dense(x, 10))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="The sigmoid is a gate: what it multiplies goes into the loss.",
        ),
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "teacher = tf.stop_gradient(tf.nn.softmax(tf.layers.dense(x, 10)))\n"
            "loss = tf.nn.softmax_cross_entropy_with_logits_v2(labels=teacher, logits=tf.layers.dense(x, 10))\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(loss))\n",
            why="Soft targets of a teacher are probabilities, and the scores are scores.",
        ),
        Valid(
            "import argparse\n"
            "\n"
            "from tensorflow import keras\n"
            "\n"
            "parser = argparse.ArgumentParser()\n"
            'parser.add_argument("activation")\n'
            "args = parser.parse_args()\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10, activation=args.activation)])\n"
            'model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n',
            why="The activation comes from the command line, without a default.",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "\n"
            "weights = tf.Variable(tf.random.normal([20, 4], stddev=0.1))\n"
            "optimizer = tf.optimizers.SGD(0.1)\n"
            "\n"
            "\n"
            "def network(x, training=False):\n"
            "    scores = tf.matmul(x, weights)\n"
            "    return scores if training else tf.nn.softmax(scores)\n"
            "\n"
            "\n"
            "def cross_entropy(answer, labels):\n"
            "    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=answer)\n"
            "    return tf.reduce_mean(losses)\n"
            "\n"
            "\n"
            'x = np.random.normal(size=(64, 20)).astype("float32")\n'
            "y = np.random.randint(0, 4, size=64)\n"
            "for step in range(100):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = cross_entropy(network(x, training=True), y)\n"
            "    optimizer.apply_gradients([(tape.gradient(loss, weights), weights)])\n"
            "    print(step, cross_entropy(network(x, training=True), y))\n",
            why="The softmax is left to the loss in training and in what is shown of it.",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.int32, [None])\n"
            "answer = tf.nn.softmax(tf.layers.dense(x, 10))\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=answer)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.nn.softmax(tf.layers.dense(x, 10))",
            severity="error",
            message="cannot fall below 1.46",
            traces=("applies the softmax again here",),
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                "y = tf.placeholder(tf.int32, [None])\n"
                "answer = tf.layers.dense(x, 10)\n"
                "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=answer)\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
        ),
        Invalid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "\n"
            'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10, activation="softmax")])\n'
            'model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n'
            "model.fit(np.random.normal(size=(500, 20)), np.random.randint(0, 10, size=500))\n",
            at="True",
            severity="warning",
            message="other backends",
            fixed=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10, activation="softmax")])\n'
                'model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=False))\n'
                "model.fit(np.random.normal(size=(500, 20)), np.random.randint(0, 10, size=500))\n"
            ),
            why="Keras on TensorFlow finds the scores behind its own activations.",
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "\n"
            "tf.disable_v2_behavior()\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "scores = tf.layers.dense(x, 10)\n"
            "answer = tf.nn.softmax(scores)\n"
            "right = tf.equal(tf.argmax(answer, 1), tf.argmax(y, 1))\n"
            "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=answer))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="answer",
            occurrence=2,
            severity="error",
            fixed=(
                "import tensorflow.compat.v1 as tf\n"
                "\n"
                "tf.disable_v2_behavior()\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                "y = tf.placeholder(tf.float32, [None, 10])\n"
                "scores = tf.layers.dense(x, 10)\n"
                "answer = tf.nn.softmax(scores)\n"
                "right = tf.equal(tf.argmax(answer, 1), tf.argmax(y, 1))\n"
                "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=scores))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            why="The answers are used elsewhere, so the softmax stays for them.",
        ),
        Invalid(
            "import keras\n"
            "import tensorflow as tf\n"
            "\n"
            "\n"
            'def build(width, activation="sigmoid"):\n'
            "    inputs = keras.Input((width,))\n"
            "    answer = keras.layers.Dense(3, activation=activation)(inputs)\n"
            "    return keras.Model(inputs, keras.layers.Reshape((3,))(answer))\n"
            "\n"
            "\n"
            "model = build(20)\n"
            'model.compile("adam", loss=keras.losses.BinaryCrossentropy(from_logits=True))\n',
            at="True",
            severity="error",
            message="applies the sigmoid again",
            traces=("the sigmoid is applied here",),
            fixed=(
                "import keras\n"
                "import tensorflow as tf\n"
                "\n"
                "\n"
                'def build(width, activation="sigmoid"):\n'
                "    inputs = keras.Input((width,))\n"
                "    answer = keras.layers.Dense(3, activation=activation)(inputs)\n"
                "    return keras.Model(inputs, keras.layers.Reshape((3,))(answer))\n"
                "\n"
                "\n"
                "model = build(20)\n"
                'model.compile("adam", loss=keras.losses.BinaryCrossentropy(from_logits=False))\n'
            ),
            why="A cast stands between the activation and the loss, and Keras does not find the scores any more.",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "\n"
            "head = tf.keras.layers.Dense(10, activation=tf.nn.softmax)\n"
            "model = tf.keras.Sequential([tf.keras.Input((20,)), head])\n"
            "entropy = tf.keras.losses.CategoricalCrossentropy(from_logits=True)\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "x, y = tf.random.normal([64, 20]), tf.one_hot(tf.zeros([64], tf.int32), 10)\n"
            "for step in range(10):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = entropy(y, model(x))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
            at="True",
            severity="error",
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "head = tf.keras.layers.Dense(10, activation=tf.nn.softmax)\n"
                "model = tf.keras.Sequential([tf.keras.Input((20,)), head])\n"
                "entropy = tf.keras.losses.CategoricalCrossentropy(from_logits=False)\n"
                "optimizer = tf.keras.optimizers.Adam()\n"
                "x, y = tf.random.normal([64, 20]), tf.one_hot(tf.zeros([64], tf.int32), 10)\n"
                "for step in range(10):\n"
                "    with tf.GradientTape() as tape:\n"
                "        loss = entropy(y, model(x))\n"
                "    gradients = tape.gradient(loss, model.trainable_variables)\n"
                "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n"
            ),
            why="Outside of a graph an operation of TensorFlow is not recognized.",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.int32, [None])\n"
            "logarithms = tf.nn.log_softmax(tf.layers.dense(x, 10))\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logarithms)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="logarithms",
            occurrence=1,
            severity="info",
            why="Softmax of log_softmax is softmax: superfluous, not wrong.",
        ),
        Invalid(
            "",
            cells=(
                (
                    "import tensorflow as tf\n"
                    "from tensorflow.nn import sigmoid as squash\n"
                    "x = tf.placeholder(tf.float32, [None, 20])\n"
                    "y = tf.placeholder(tf.float32, [None, 3])\n"
                ),
                "answer = squash(tf.layers.dense(x, 3))\n",
                (
                    "loss = tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=answer)\n"
                    "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(loss))\n"
                ),
            ),
            at="squash(tf.layers.dense(x, 3))",
            severity="error",
            cell=1,
            fixed=(
                "import tensorflow as tf\n"
                "from tensorflow.nn import sigmoid as squash\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                "y = tf.placeholder(tf.float32, [None, 3])\n"
                "\n"
                "answer = tf.layers.dense(x, 3)\n"
                "\n"
                "loss = tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=answer)\n"
                "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(loss))\n"
            ),
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "from tensorflow.keras import layers as L\n"
            "\n"
            'HEADS = {"softmax": L.Softmax, "none": L.Layer}\n'
            'config = {"head": "softmax", "classes": 4}\n'
            "stack = []\n"
            'for units in (32, config["classes"]):\n'
            "    stack.append(L.Dense(units))\n"
            'stack.append(HEADS[config["head"]]())\n'
            "model = tf.keras.Sequential([tf.keras.Input((20,)), *stack])\n"
            'model.compile("adam", tf.keras.losses.CategoricalCrossentropy(from_logits=True))\n'
            "model.fit(np.random.normal(size=(100, 20)), np.eye(4)[np.random.randint(0, 4, size=100)])\n",
            at="True",
            severity="warning",
            traces=("the softmax is applied here",),
            fixed=(
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "from tensorflow.keras import layers as L\n"
                "\n"
                'HEADS = {"softmax": L.Softmax, "none": L.Layer}\n'
                'config = {"head": "softmax", "classes": 4}\n'
                "stack = []\n"
                'for units in (32, config["classes"]):\n'
                "    stack.append(L.Dense(units))\n"
                'stack.append(HEADS[config["head"]]())\n'
                "model = tf.keras.Sequential([tf.keras.Input((20,)), *stack])\n"
                'model.compile("adam", tf.keras.losses.CategoricalCrossentropy(from_logits=False))\n'
                "model.fit(np.random.normal(size=(100, 20)), np.eye(4)[np.random.randint(0, 4, size=100)])\n"
            ),
            why="The two choices meet in a table of heads.",
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "\n"
            "weights = tf.Variable(tf.random.normal([20, 4], stddev=0.1))\n"
            "optimizer = tf.optimizers.SGD(0.1)\n"
            "\n"
            "\n"
            "def network(x, training=False):\n"
            "    scores = tf.matmul(x, weights)\n"
            "    return scores if training else tf.nn.softmax(scores)\n"
            "\n"
            "\n"
            "def cross_entropy(answer, labels):\n"
            "    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=answer)\n"
            "    return tf.reduce_mean(losses)\n"
            "\n"
            "\n"
            'x = np.random.normal(size=(64, 20)).astype("float32")\n'
            "y = np.random.randint(0, 4, size=64)\n"
            "for step in range(100):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = cross_entropy(network(x, training=True), y)\n"
            "    optimizer.apply_gradients([(tape.gradient(loss, weights), weights)])\n"
            "    print(step, cross_entropy(network(x), y))\n",
            at="answer",
            occurrence=1,
            severity="warning",
            message="nothing is trained with this loss",
            fixed=(
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "\n"
                "weights = tf.Variable(tf.random.normal([20, 4], stddev=0.1))\n"
                "optimizer = tf.optimizers.SGD(0.1)\n"
                "\n"
                "\n"
                "def network(x, training=False):\n"
                "    scores = tf.matmul(x, weights)\n"
                "    return scores if training else scores\n"
                "\n"
                "\n"
                "def cross_entropy(answer, labels):\n"
                "    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=answer)\n"
                "    return tf.reduce_mean(losses)\n"
                "\n"
                "\n"
                'x = np.random.normal(size=(64, 20)).astype("float32")\n'
                "y = np.random.randint(0, 4, size=64)\n"
                "for step in range(100):\n"
                "    with tf.GradientTape() as tape:\n"
                "        loss = cross_entropy(network(x, training=True), y)\n"
                "    optimizer.apply_gradients([(tape.gradient(loss, weights), weights)])\n"
                "    print(step, cross_entropy(network(x), y))\n"
            ),
            why="Training gets the scores; the display gets the answers, in the same line of the same function.",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(10, activation=tf.nn.softmax)])\n"
            "loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "@tf.function\n"
            "def step(x, y):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = loss_of(y, model(x))\n"
            "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n"
            "for x, y in dataset:\n"
            "    step(x, y)\n",
            at="True",
            severity="warning",
            message="Keras on TensorFlow finds the scores",
            why="In a graph Keras looks behind an operation of TensorFlow.",
            fixed="import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(10, activation=tf.nn.softmax)])\n"
            "loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=False)\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "@tf.function\n"
            "def step(x, y):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = loss_of(y, model(x))\n"
            "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n"
            "for x, y in dataset:\n"
            "    step(x, y)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(10, activation=tf.nn.softmax)])\n"
            "loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "def step(x, y):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = loss_of(y, model(x))\n"
            "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n"
            "step = tf.function(step)\n"
            "for x, y in dataset:\n"
            "    step(x, y)\n",
            at="True",
            severity="warning",
            message="Keras on TensorFlow finds the scores",
            why="The function is made a graph after its definition.",
            fixed="import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(10, activation=tf.nn.softmax)])\n"
            "loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=False)\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "def step(x, y):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = loss_of(y, model(x))\n"
            "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n"
            "step = tf.function(step)\n"
            "for x, y in dataset:\n"
            "    step(x, y)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "from tensorflow import function as graph\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(10, activation=tf.nn.softmax)])\n"
            "loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "@graph\n"
            "def step(x, y):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = loss_of(y, model(x))\n"
            "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n"
            "for x, y in dataset:\n"
            "    step(x, y)\n",
            at="True",
            severity="warning",
            message="Keras on TensorFlow finds the scores",
            why="It is `tf.function` under another name.",
            fixed="import tensorflow as tf\n"
            "from tensorflow import function as graph\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(10, activation=tf.nn.softmax)])\n"
            "loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=False)\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "@graph\n"
            "def step(x, y):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = loss_of(y, model(x))\n"
            "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n"
            "for x, y in dataset:\n"
            "    step(x, y)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "def function(f):\n"
            "    return f\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(10, activation=tf.nn.softmax)])\n"
            "loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "@function\n"
            "def step(x, y):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = loss_of(y, model(x))\n"
            "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n"
            "for x, y in dataset:\n"
            "    step(x, y)\n",
            at="True",
            severity="error",
            message="the softmax has been applied already",
            why="A function of this name that is none of TensorFlow's.",
            fixed="import tensorflow as tf\n"
            "def function(f):\n"
            "    return f\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(10, activation=tf.nn.softmax)])\n"
            "loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=False)\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "@function\n"
            "def step(x, y):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = loss_of(y, model(x))\n"
            "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n"
            "for x, y in dataset:\n"
            "    step(x, y)\n",
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        seen: set[Place] = set()
        for loss in computed_losses(program):
            predictions = loss.attributes.get("predictions")
            if loss.attributes.get("expects") != "logits" or not isinstance(predictions, Tensor):
                continue
            function = predictions.activation
            if function == "log_softmax" and loss.attributes.get("function") in SOFTMAX_LOSSES:
                yield self._idempotent(program, loss, predictions)
            if function not in PROBABILITIES:
                continue
            activation = activation_behind(program, predictions)
            rescued = activation is not None and _is_rescued(program, loss, predictions, activation)
            place = _place(loss, predictions)
            shown = is_only_shown(program, loss)
            trace = []
            if activation is not None and activation.place != place:
                if not shown and _is_needless(program, loss, activation):
                    trace = [Step(place, f"{named(loss)} applies {_again(loss)} again here")]
                    place = activation.place
                else:
                    trace = [Step(activation.place, f"the {function} is applied here")]
            message = self.message
            if rescued:
                message = (
                    "the {function} has been applied already; {loss} is told to expect scores; "
                    "Keras on TensorFlow finds the scores and warns, other backends apply {again} on top of it"
                )
            if shown and activation is not None and activation.place in seen:
                continue
            if activation is not None and activation.place == place:
                seen.add(place)
            if shown and not rescued:
                message = (
                    "the {function} has been applied already; {loss} applies {again} again{floor}; nothing is trained "
                    "with this loss, only the number that it shows is wrong"
                )
            yield self.report(
                place, severity="warning" if rescued or shown else "error", message=message, trace=trace,
                function=function, loss=named(loss), again=_again(loss), floor=_floor(loss, predictions),
                remedies=_remedies(program, loss, activation, rescued), assumed=assumptions(loss, told(program, loss), activation),
                subject=None if activation is None else activation.id,
            )  # fmt: skip

    def _idempotent(self, program: Program, loss: Operation, predictions: Tensor) -> Report:
        activation = activation_behind(program, predictions)
        message = "log_softmax before {loss} does nothing: the loss applies it itself, with the same result"
        return self.report(
            _place(loss, predictions),
            severity="info",
            message=message,
            loss=named(loss),
            subject=None if activation is None else activation.id,
        )


def _place(loss: Operation, predictions: Tensor) -> Place:
    """`from_logits=True` where it is written, else the predictions in the call of the loss."""
    told = loss.arguments.get("from_logits")
    if told is not None and told.place is not None:
        return told.place
    given = argument_for(loss, predictions)
    return given.place if given is not None and given.place is not None else loss.place


def _is_needless(program: Program, loss: Operation, activation: Operation) -> bool:
    """Whether the activation is what is wrong, and not what a loss of TensorFlow is given.

    So it is where nobody asks for probabilities, and where there are no scores that the loss could be given instead.
    """
    if loss.attributes.get("form") not in ("raw", "v1"):
        return False
    written = sharing_place(program, activation)
    if all(only_feeds_losses(program, other) for other in written):
        return True
    given = argument_for(activation, activation.inputs[0])
    scores = program.operation(activation.inputs[0])
    are_named = given is not None and scores is not None and given.place != scores.place
    if are_named and activation.id.frame is loss.id.frame:
        return False
    return all(_decides_only(program, other) for other in written)


def _decides_only(program: Program, activation: Operation) -> bool:
    """Whether all that uses a result would be the same, or better, without the activation."""
    queue = [activation]
    for current in queue:
        if is_fetched(program, current):
            return False
        for user in program.consumers(current.output):
            if user.kind in PICKING:
                queue.append(user)
            elif user.kind not in ("loss", "argmax") and user.attributes.get("function") != "softmax":
                return False
    return True


def _again(loss: Operation) -> str:
    return "the softmax" if loss.attributes.get("function") in SOFTMAX_LOSSES else "the sigmoid"


def _floor(loss: Operation, predictions: Tensor) -> str:
    """The smallest value that the loss can still take, for a known number of classes."""
    n_classes = predictions.shape[-1] if predictions.shape else None
    if loss.attributes.get("function") not in SOFTMAX_LOSSES or not isinstance(n_classes, int) or n_classes < 2:
        return ""
    # All of the probability on the right class: scores of 1 and 0.
    return f"; with {n_classes} classes the loss cannot fall below {math.log(math.e + n_classes - 1) - 1:.2f}"


def _is_rescued(program: Program, loss: Operation, predictions: Tensor, activation: Operation) -> bool:
    """Whether Keras on TensorFlow computes the loss from the scores behind the activation, measured with Keras 3.15."""
    if loss.attributes.get("form") in ("raw", "v1") or predictions.op is not activation.id:
        return False
    inner = activation.context.graph
    if inner is not None and loss.context.calls[: len(inner)] != inner:
        return False  # the scores stay inside of the other graph
    if _is_of_keras(activation):
        return True
    # An operation of TensorFlow is recognized in a graph only, and only if it is the one that the loss has in mind.
    compiled = program.compiles(loss.id)
    eager = any(e.arguments["run_eagerly"].given for e in compiled if "run_eagerly" in e.arguments)
    in_graph = bool(compiled) or loss.context.graph is not None
    expected = "softmax" if loss.attributes.get("function") in SOFTMAX_LOSSES else "sigmoid"
    return in_graph and not eager and activation.attributes.get("function") == expected


def _is_of_keras(activation: Operation) -> bool:
    """Whether the activation is one of Keras, which remembers its scores, rather than of TensorFlow."""
    argument = activation.arguments.get("activation")
    if activation.attributes.get("argument") and argument is not None and isinstance(argument.value, Api):
        return argument.value.symbol.name.startswith("keras.")
    return activation.symbol is not None and activation.symbol.name.startswith("keras.")


def _remedies(program: Program, loss: Operation, activation: Operation | None, rescued: bool) -> list[Remedy]:
    told = loss.arguments.get("from_logits")
    if told is not None and told.place is not None:
        if not isinstance(told.value, Const):
            return []
        return [
            Remedy("Pass `from_logits=False`", "safe" if rescued else "unsafe", (ReplaceValue(told.place, ("False",)),))
        ]
    if activation is None or loss.attributes.get("form") not in ("raw", "v1"):
        return []
    unwrapped = _scores(activation)
    if (
        unwrapped is not None
        and only_feeds_losses(program, activation)
        and len(sharing_place(program, activation)) == 1
    ):
        title = f"Leave the {activation.attributes.get('function')} to the loss"
        return [Remedy(title, "unsafe", (ReplaceValue(activation.place, unwrapped),))]
    given = argument_for(loss, loss.attributes["predictions"])
    is_here = activation.id.frame is loss.id.frame and activation.id.iteration == loss.id.iteration
    if (
        given is None
        or given.place is None
        or not is_here
        or not isinstance(unwrapped, tuple)
        or unwrapped == ("None",)
    ):
        return []
    if activation.id is not loss.attributes["predictions"].op:
        return []
    return [Remedy("Give the scores to the loss", "unsafe", (ReplaceValue(given.place, unwrapped),))]


def _scores(activation: Operation) -> tuple[str | Source, ...] | None:
    """What stands in the place of an activation once it is taken away."""
    if activation.attributes.get("argument"):
        return None if _is_layer(activation) else ("None",)
    given = argument_for(activation, activation.inputs[0])
    return None if given is None or given.place is None or activation.layer is not None else (Source(given.place),)


def _is_layer(activation: Operation) -> bool:
    return activation.symbol is not None and activation.symbol.name.rsplit(".", 1)[-1] == "Activation"
