"""dropout-before-batchnorm: dropout changes the variance that batch normalization remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.program.dropouts import dropped, is_switched
from trainlint.program.values import FALSE, TRUE
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

_PASSING = frozenset(("activation", "reshape", "flatten", "identity", "cast", "transpose", "squeeze", "expand"))


class DropoutBeforeBatchnorm(Rule):
    """
    ## What it does
    Reports dropout whose result goes into batch normalization with no weights between, only an activation or a change of shape.

    ## Why it is bad
    Dropout keeps the mean but makes the variance larger: with a rate of 0.5 a standardised feature varies twice as much.
    Batch normalization learns that variance while training, and divides by it in evaluation too, where dropout is off.
    So all features are too small there, and the network answers worse than it was trained to.
    How much that costs depends on the rate and on what follows, so this is an information.

    ## Example
    ```python
    x = keras.layers.Dropout(0.5)(x)
    x = keras.layers.BatchNormalization()(x)
    ```

    ## Use instead
    ```python
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    ```

    ## Fix safety
    None: which of the two should move, and how far, is up to the author.

    ## Probe
    Compares the mean square of what is normalized in training and in evaluation.

    ## References
    - Li et al., "Understanding the Disharmony between Dropout and Batch Normalization by Variance Shift", arXiv:1801.05134
    - Nikanjam et al., "Automatic Fault Detection for Deep Learning Programs Using Graph Transformations", arXiv:2105.08095
    """

    name, code, category, severity = "dropout-before-batchnorm", "TL456", "normalization", "info"
    rank = 30
    evidence = ("certificate",)
    message = "batch normalization right behind dropout{rate}: it learns a variance that evaluation does not have"

    VALID = [
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([\n"
            "    keras.Input((20,)), keras.layers.Dense(32, use_bias=False), keras.layers.BatchNormalization(),\n"
            "    keras.layers.ReLU(), keras.layers.Dropout(0.5), keras.layers.Dense(10, 'softmax'),\n"
            "])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "training = tf.placeholder_with_default(False, [])\n"
            "h = tf.layers.dropout(tf.layers.dense(x, 16, tf.nn.relu), 0.5, training=training)\n"
            "h = tf.layers.batch_normalization(tf.layers.dense(h, 16, use_bias=False), training=training)\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(tf.nn.relu(h), 1)))\n"
            "with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):\n"
            "    train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="the weights between average over the features",
        ),
        Valid(
            "from tensorflow import keras\n"
            "RATES = {'small': 0.0, 'large': 0.3}\n"
            "model = keras.Sequential([\n"
            "    keras.Input((20,)), keras.layers.Dense(32, 'relu'), keras.layers.Dropout(RATES['small']),\n"
            "    keras.layers.BatchNormalization(), keras.layers.Dense(1),\n"
            "])\n"
            "model.compile('adam', 'mse')\n",
            why="nothing is dropped",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "h = tf.layers.dropout(tf.layers.dense(x, 16, tf.nn.relu), 0.3, training=True)\n"
            "h = tf.layers.batch_normalization(h, training=True)\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(h, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="dropout is never off, so the variance is the same everywhere",
        ),
        Valid(
            "import tensorflow as tf\n"
            "class Net(tf.keras.Model):\n"
            "    def __init__(self, training):\n"
            "        super().__init__()\n"
            "        self.training = training\n"
            "        self.hidden, self.drop = tf.keras.layers.Dense(16, 'relu'), tf.keras.layers.Dropout(0.5)\n"
            "        self.normal, self.head = tf.keras.layers.BatchNormalization(), tf.keras.layers.Dense(4)\n"
            "    def call(self, x):\n"
            "        return self.head(self.normal(self.drop(self.hidden(x)), training=self.training))\n"
            "net = Net(True)\n"
            "print(net(tf.ones([8, 20])))\n",
            why="it normalizes by each batch, in evaluation too, and remembers nothing",
        ),
        Valid(
            "from tensorflow import keras\n"
            "def build(regularize):\n"
            "    inputs = keras.Input((20,))\n"
            "    x = keras.layers.Dense(32, 'relu')(inputs)\n"
            "    x = regularize(x)\n"
            "    x = keras.layers.BatchNormalization()(x)\n"
            "    model = keras.Model(inputs, keras.layers.Dense(1)(x))\n"
            "    model.compile('adam', 'mse')\n"
            "    return model\n",
            why="what stands before is not known",
        ),
    ]
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([\n"
            "    keras.Input((20,)), keras.layers.Dense(32, 'relu'), keras.layers.Dropout(0.5),\n"
            "    keras.layers.BatchNormalization(), keras.layers.Dense(10, 'softmax'),\n"
            "])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
            at="keras.layers.BatchNormalization()",
            severity="info",
            message="of rate 0.5",
            traces=("dropout",),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "training = tf.placeholder_with_default(False, [])\n"
            "h = tf.layers.dropout(tf.layers.dense(x, 16, tf.nn.relu), 0.3, training=training)\n"
            "h = tf.layers.batch_normalization(h, training=training)\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(h, 1)))\n"
            "with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):\n"
            "    train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.layers.batch_normalization(h, training=training)",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "def build(x, training, reuse):\n"
            "    with tf.variable_scope('net', reuse=reuse):\n"
            "        h = tf.layers.dense(x, 16, tf.nn.relu)\n"
            "        h = tf.layers.dropout(h, 0.3, training=training)\n"
            "        h = tf.layers.batch_normalization(h, training=training)\n"
            "        return tf.layers.dense(h, 1)\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(build(x, training=True, reuse=False)))\n"
            "check = tf.reduce_mean(tf.square(build(x, training=False, reuse=True)))\n"
            "with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):\n"
            "    train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.layers.batch_normalization(h, training=training)",
            why="one network for training and one for evaluation",
        ),
        Invalid(
            "import argparse\n"
            "import tensorflow as tf\n"
            "parser = argparse.ArgumentParser()\n"
            "parser.add_argument('--dropout', type=float, default=0.25)\n"
            "args = parser.parse_args()\n"
            "def block(x, width):\n"
            "    x = tf.keras.layers.Dense(width)(x)\n"
            "    x = tf.keras.layers.Dropout(args.dropout)(x)\n"
            "    x = tf.keras.layers.Activation('relu')(x)\n"
            "    return tf.keras.layers.BatchNormalization()(x)\n"
            "inputs = tf.keras.Input((20,))\n"
            "x = inputs\n"
            "for width in (64, 32):\n"
            "    x = block(x, width)\n"
            "model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(x))\n"
            "model.compile('adam', 'mse')\n",
            at="tf.keras.layers.BatchNormalization()",
        ),
        Invalid(
            "",
            cells=(
                "from keras.models import Sequential\n"
                "from keras.layers import BatchNormalization, Dense, Dropout, Flatten\n",
                "model = Sequential()\n"
                "model.add(Dense(8, activation='relu', input_shape=(4, 5)))\n"
                "model.add(Dropout(0.2))\n"
                "model.add(Flatten())\n"
                "model.add(BatchNormalization())\n"
                "model.add(Dense(1))\n"
                "model.compile('adam', 'mse')\n",
            ),
            at="BatchNormalization()",
            cell=1,
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for normalization in program.of_kind("normalization"):
            if normalization.attributes.get("form") != "batch" or not _remembers(program, normalization):
                continue
            dropout = _dropout(program, normalization)
            if dropout is None or not is_switched(program, dropout):
                continue
            share = dropped(program, dropout)
            if share is not None and not 0.0 < share < 1.0:
                continue
            yield self.report(
                normalization.place,
                rate="" if share is None else f" of rate {share:g}",
                trace=[Step(dropout.place, "this is the dropout")],
                subject=normalization.layer or normalization.id,
            )


def _remembers(program: Program, normalization: Operation) -> bool:
    """Whether it learns statistics while training that it uses in evaluation: its flag is not fixed."""
    flag = normalization.attributes.get("training")
    if flag == TRUE:
        twins = (o for o in program.of_kind("normalization") if o.place == normalization.place)
        return any(twin.attributes.get("training") == FALSE for twin in twins)
    return flag != FALSE


def _dropout(program: Program, normalization: Operation) -> Operation | None:
    """The dropout whose result is normalized, looked for through activations and shapes."""
    operation = program.operation(normalization.inputs[0]) if normalization.inputs else None
    for _ in range(8):
        if operation is None or operation.kind == "dropout":
            return operation
        if operation.kind not in _PASSING or not operation.inputs:
            return None
        operation = program.operation(operation.inputs[0])
    return None
