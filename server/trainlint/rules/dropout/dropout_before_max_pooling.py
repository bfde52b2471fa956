"""dropout-before-max-pooling: the largest of what dropout scaled up is larger than evaluation ever sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.program.dropouts import dropped, is_switched
from trainlint.program.values import UNKNOWN, Tensor, is_none
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

_PLAIN = frozenset(("tf.nn.dropout", "tf.layers.dropout", "tf.contrib.layers.dropout", "keras.layers.Dropout"))
"""Dropout that draws for each value; what drops whole channels leaves the largest of a channel as it is."""

_SCALING = frozenset(("relu", "relu6", "leaky_relu", "prelu", "linear"))
"""Activations that grow with their input, so that it does not matter on which side of dropout they stand."""


class DropoutBeforeMaxPooling(Rule):
    """
    ## What it does
    Reports dropout whose result goes into max pooling with nothing but a rectifier between.

    ## Why it is bad
    Dropout scales up what it keeps, so that the mean stays as it is; max pooling then takes the largest, and that mean does not stay.
    In evaluation nothing is scaled, so all pooled values are smaller than in training: for windows of 2 x 2 and a rate of 0.35 by a factor of 1.15 where the values are independent, and 1.31 where neighbours are alike.
    The layers behind were trained with the larger ones.
    Behind the pooling, the same dropout keeps the mean and has fewer values to draw for.
    How much that costs depends on the rate and on what follows, so this is an information.

    ## Example
    ```python
    x = keras.layers.Dropout(0.35)(x)
    x = keras.layers.MaxPooling2D()(x)
    ```

    ## Use instead
    ```python
    x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Dropout(0.35)(x)
    ```

    ## Fix safety
    None: two statements have to change places, or the dropout goes.

    ## Probe
    Compares the mean of the pooled values on the same batch in training and in evaluation mode.

    ## References
    - Wu and Gu, "Towards dropout training for convolutional neural networks", Neural Networks 71, 2015: max pooling behind dropout needs another scaling in evaluation
    - Nikanjam et al., "Automatic Fault Detection for Deep Learning Programs Using Graph Transformations", arXiv:2105.08095
    """

    name, code, category, severity = "dropout-before-max-pooling", "TL410", "dropout", "info"
    rank = 20
    evidence = ("certificate",)
    message = (
        "max pooling takes the largest of what this dropout{rate} scales up, so what comes out is larger in training "
        "than in evaluation"
    )

    VALID = [
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([\n"
            "    keras.Input((28, 28, 1)), keras.layers.Conv2D(8, 3, activation='relu'), keras.layers.MaxPooling2D(),\n"
            "    keras.layers.Dropout(0.25), keras.layers.Flatten(), keras.layers.Dense(10, 'softmax'),\n"
            "])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([\n"
            "    keras.Input((28, 28, 1)), keras.layers.Conv2D(8, 3, activation='relu'), keras.layers.Dropout(0.25),\n"
            "    keras.layers.AveragePooling2D(), keras.layers.Conv2D(8, 3), keras.layers.SpatialDropout2D(0.2),\n"
            "    keras.layers.MaxPooling2D(), keras.layers.Flatten(), keras.layers.Dense(10, 'softmax'),\n"
            "])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
            why="the average keeps the mean, and so does the largest of a channel that is kept or dropped as a whole",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 28, 28, 1])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "h = tf.nn.dropout(tf.layers.conv2d(x, 8, 3, activation=tf.nn.relu), keep_prob=1.0)\n"
            "h = tf.nn.max_pool(h, [1, 2, 2, 1], [1, 2, 2, 1], 'SAME')\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(tf.layers.flatten(h), 10))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="nothing is dropped",
        ),
        Valid(
            "from tensorflow import keras\n"
            "def block(x, regularize):\n"
            "    return keras.layers.MaxPooling2D()(regularize(keras.layers.Conv2D(8, 3)(x)))\n"
            "inputs = keras.Input((28, 28, 1))\n"
            "x = block(inputs, make_regularizer())\n"
            "model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(x)))\n"
            "model.compile('adam', 'mse')\n",
            why="what stands before is not known",
        ),
    ]
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([\n"
            "    keras.Input((28, 28, 1)), keras.layers.Conv2D(8, 3, activation='relu'), keras.layers.Dropout(0.25),\n"
            "    keras.layers.MaxPooling2D(), keras.layers.Flatten(), keras.layers.Dense(10, 'softmax'),\n"
            "])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
            at="keras.layers.Dropout(0.25)",
            severity="info",
            message="of rate 0.25",
            traces=("this is the pooling",),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "keep = tf.placeholder(tf.float32)\n"
            "x = tf.placeholder(tf.float32, [None, 28, 28, 1])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "def block(x):\n"
            "    h = tf.nn.dropout(tf.layers.conv2d(x, 8, 3), keep)\n"
            "    return tf.nn.max_pool(tf.nn.relu(h), [1, 2, 2, 1], [1, 2, 2, 1], 'SAME')\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(tf.layers.flatten(block(x)), 10))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.nn.dropout(tf.layers.conv2d(x, 8, 3), keep)",
        ),
        Invalid(
            "import argparse\n"
            "import tensorflow as tf\n"
            "parser = argparse.ArgumentParser()\n"
            "parser.add_argument('--dropout', type=float, default=0.3)\n"
            "args = parser.parse_args()\n"
            "model = tf.keras.Sequential([tf.keras.Input((100, 4))])\n"
            "for width in (16, 32):\n"
            "    model.add(tf.keras.layers.Conv1D(width, 3))\n"
            "    model.add(tf.keras.layers.Dropout(args.dropout))\n"
            "    model.add(tf.keras.layers.Activation('relu'))\n"
            "    model.add(tf.keras.layers.MaxPooling1D(2))\n"
            "model.add(tf.keras.layers.Flatten())\n"
            "model.add(tf.keras.layers.Dense(1))\n"
            "model.compile('adam', 'mse')\n",
            at="tf.keras.layers.Dropout(args.dropout)",
            message="of rate 0.3",
        ),
        Invalid(
            "",
            cells=(
                "from keras.models import Sequential\n"
                "from keras.layers import Conv2D, Dense, Dropout, GlobalMaxPooling2D\n",
                "model = Sequential()\n"
                "model.add(Conv2D(8, 3, activation='relu', input_shape=(16, 16, 3)))\n"
                "model.add(Dropout(0.5))\n"
                "model.add(GlobalMaxPooling2D())\n"
                "model.add(Dense(1))\n"
                "model.compile('adam', 'mse')\n",
            ),
            at="Dropout(0.5)",
            cell=1,
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        seen = set()
        for pool in program.of_kind("pool"):
            dropout = _dropout(program, pool) if pool.attributes.get("how") == "max" and _shrinks(pool) else None
            if dropout is None or dropout.place in seen or not is_switched(program, dropout):
                continue
            share = dropped(program, dropout)
            if share is not None and not 0.0 < share < 1.0:
                continue
            seen.add(dropout.place)
            yield self.report(
                dropout.place,
                rate="" if share is None else f" of rate {share:g}",
                trace=[Step(pool.place, "this is the pooling")],
                subject=dropout.layer or dropout.id,
            )


def _shrinks(pool: Operation) -> bool:
    """Whether several values become one."""
    before = pool.inputs[0] if pool.inputs else None
    return isinstance(before, Tensor) and before.shape is not None and pool.output.shape not in (None, before.shape)


def _dropout(program: Program, pool: Operation) -> Operation | None:
    """The dropout whose result is pooled, looked for through rectifiers."""
    operation = program.operation(pool.inputs[0]) if pool.inputs else None
    for _ in range(4):
        if operation is None:
            return None
        if operation.kind == "dropout":
            is_plain = operation.name in _PLAIN and is_none(operation.attributes.get("noise_shape", UNKNOWN))
            return operation if is_plain else None
        is_passing = operation.kind in ("identity", "cast") or operation.attributes.get("function") in _SCALING
        if operation.kind not in ("activation", "identity", "cast") or not is_passing or not operation.inputs:
            return None
        operation = program.operation(operation.inputs[0])
    return None
