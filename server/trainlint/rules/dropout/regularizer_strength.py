"""regularizer-strength: a penalty on the weights that drowns the loss, or rewards large weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, ReplaceValue
from trainlint.program.heads import trained
from trainlint.program.penalties import Strength, mass, squared_weights, strengths
from trainlint.program.values import Const
from trainlint.program.weights import constant
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.source.code import Place

STRONG = 0.1
"""Published factors are 1e-5 to 1e-2; the default of Keras is 0.01."""

DROWNING = 5.0
"""Penalty before the first step; the cross-entropy of guessing is 0.7 for 2 classes, 2.3 for 10 and 4.6 for 100."""


class RegularizerStrength(Rule):
    """
    ## What it does
    Reports factors of L1 and L2 penalties of 0.1 and more where the penalty is far above the loss of guessing before the first step, and negative factors.
    The penalty is computed from the number and the spread of the initial weights, so a large factor on a few weights is not reported.

    ## Why it is bad
    The optimizer reduces the sum, and where the penalty is most of it, that is all it does: the weights go to 0 and the network answers the same for every input.
    A negative factor rewards large weights without end.

    ## Example
    ```python
    layer = keras.layers.Dense(512, kernel_regularizer=keras.regularizers.l2(0.5))
    ```

    ## Use instead
    ```python
    layer = keras.layers.Dense(512, kernel_regularizer=keras.regularizers.l2(1e-4))
    ```

    ## Fix safety
    Unsafe: training changes, which is the point.

    ## Probe
    Compares the penalty before the first step with the loss of always giving the same answer.
    Where the penalty alone is larger, no weights of this size can be the best ones.

    ## References
    - Ben Braiek and Khomh, "TheDeepChecker", arXiv:2204.00694: over-regularization
    - Zhang et al., "AutoTrainer: An Automatic DNN Training Problem Detection and Repair System", 2021
    """

    name, code, category, severity = "regularizer-strength", "TL408", "dropout", "warning"
    rank = 30
    evidence = ("certificate",)
    message = "{what}"

    VALID = [
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([\n"
            "    keras.Input((784,)),\n"
            "    keras.layers.Dense(512, 'relu', kernel_regularizer=keras.regularizers.l2(1e-4)),\n"
            "    keras.layers.Dense(10, 'softmax', kernel_regularizer='l2'),\n"
            "])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([\n"
            "    keras.Input((8,)), keras.layers.Dense(1, kernel_regularizer=keras.regularizers.l2(0.5)),\n"
            "])\n"
            "model.compile('sgd', 'mse')\n",
            why="ridge regression: the penalty of eight weights is below 1",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def dense(x, width, decay):\n"
            "    return tf.layers.dense(x, width, kernel_regularizer=tf.contrib.layers.l2_regularizer(decay))\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "loss = tf.reduce_mean(dense(x, 10, read_decay())) + tf.losses.get_regularization_loss()\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="the factor is not known",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 100])\n"
                "y = tf.placeholder(tf.float32, [None, 10])\n",
                "w = tf.Variable(tf.truncated_normal([100, 10], stddev=0.05))\n"
                "loss = tf.losses.softmax_cross_entropy(y, tf.matmul(x, w)) + 0.5 * tf.nn.l2_loss(w)\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n",
            ),
            why="half the sum of the squares is 1 here, and half of that is added",
        ),
    ]
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([\n"
            "    keras.Input((784,)),\n"
            "    keras.layers.Dense(512, 'relu', kernel_regularizer=keras.regularizers.l2(0.5)),\n"
            "    keras.layers.Dense(10, 'softmax'),\n"
            "])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
            at="0.5",
            severity="warning",
            message="penalty is 310",
            fixed="from tensorflow import keras\n"
            "model = keras.Sequential([\n"
            "    keras.Input((784,)),\n"
            "    keras.layers.Dense(512, 'relu', kernel_regularizer=keras.regularizers.l2(1e-4)),\n"
            "    keras.layers.Dense(10, 'softmax'),\n"
            "])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "BETA = 1.0\n"
            "x = tf.placeholder(tf.float32, [None, 100])\n"
            "y = tf.placeholder(tf.float32, [None, 2])\n"
            "w = tf.Variable(tf.truncated_normal([100, 2], stddev=0.5))\n"
            "loss = tf.reduce_mean(tf.losses.softmax_cross_entropy(y, tf.matmul(x, w)) + BETA * tf.nn.l2_loss(w))\n"
            "train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)\n",
            at="BETA * tf.nn.l2_loss(w)",
            severity="warning",
            message="factor of 1",
        ),
        Invalid(
            "import argparse\n"
            "import tensorflow as tf\n"
            "parser = argparse.ArgumentParser()\n"
            "parser.add_argument('--decay', type=float, default=0.2)\n"
            "args = parser.parse_args()\n"
            "def dense(x, width, activation=None):\n"
            "    penalty = tf.contrib.layers.l2_regularizer(args.decay)\n"
            "    return tf.layers.dense(x, width, activation, kernel_regularizer=penalty)\n"
            "x = tf.placeholder(tf.float32, [None, 100])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "logits = dense(dense(x, 256, tf.nn.relu), 10)\n"
            "loss = tf.losses.softmax_cross_entropy(y, logits) + tf.losses.get_regularization_loss()\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="args.decay",
            message="0.2",
            fixed="import argparse\n"
            "import tensorflow as tf\n"
            "parser = argparse.ArgumentParser()\n"
            "parser.add_argument('--decay', type=float, default=0.2)\n"
            "args = parser.parse_args()\n"
            "def dense(x, width, activation=None):\n"
            "    penalty = tf.contrib.layers.l2_regularizer(1e-4)\n"
            "    return tf.layers.dense(x, width, activation, kernel_regularizer=penalty)\n"
            "x = tf.placeholder(tf.float32, [None, 100])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "logits = dense(dense(x, 256, tf.nn.relu), 10)\n"
            "loss = tf.losses.softmax_cross_entropy(y, logits) + tf.losses.get_regularization_loss()\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Invalid(
            "import tf_keras\n"
            "model = tf_keras.Sequential([tf_keras.Input((64,))])\n"
            "for width in (128, 64):\n"
            "    model.add(tf_keras.layers.Dense(width, 'relu', kernel_regularizer=tf_keras.regularizers.L1(-0.01)))\n"
            "model.add(tf_keras.layers.Dense(1))\n"
            "model.compile('adam', 'mse')\n",
            at="-0.01",
            severity="error",
            message="rewards",
            fixed="import tf_keras\n"
            "model = tf_keras.Sequential([tf_keras.Input((64,))])\n"
            "for width in (128, 64):\n"
            "    model.add(tf_keras.layers.Dense(width, 'relu', kernel_regularizer=tf_keras.regularizers.L1(1e-4)))\n"
            "model.add(tf_keras.layers.Dense(1))\n"
            "model.compile('adam', 'mse')\n",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        yield from self._declared(program)
        yield from self._by_hand(program)

    def _declared(self, program: Program) -> Iterator[Report]:
        found: dict[Place, tuple[Strength, list[Operation]]] = {}
        for variable, strength in program.recall_each(_declared, "variable"):
            if strength.argument.place is not None:
                found.setdefault(strength.argument.place, (strength, []))[1].append(variable)
        for place, (strength, weights) in found.items():
            factor = strength.factor
            sizes = [mass(weight, strength.power) for weight in weights]
            penalty = factor * strength.share * sum(size for size in sizes if size is not None)
            if factor < 0:
                what = f"a negative factor ({factor:g}) rewards large weights, without end"
            elif factor >= STRONG and penalty >= DROWNING:
                what = _too_strong(factor, penalty)
            else:
                continue
            written = "1e-4" if strength.power == 2 or factor < 0 else "1e-5"
            remedy = Remedy(f"Set it to {written}", "unsafe", (ReplaceValue(place, (written,)),))
            trace = [Step(weights[0].place, "it is the penalty of these weights")] if weights[0].place != place else []
            yield self.report(
                place, severity="error" if factor < 0 else None, what=what, trace=trace, remedies=[remedy],
                assumed=strength.argument.value.assumed, subject=weights[0].id,
            )  # fmt: skip

    def _by_hand(self, program: Program) -> Iterator[Report]:
        for product in program.of_kind("multiply"):
            if len(product.inputs) != 2 or (
                constant(product.inputs[0]) is None and constant(product.inputs[1]) is None
            ):
                continue
            numbers = [constant(v) for v in product.inputs]
            index = 0 if numbers[0] is not None else 1
            factor, total = numbers[index], program.operation(product.inputs[1 - index])
            if factor is None or total is None or factor < STRONG or total.kind not in ("reduce", "add"):
                continue
            weights = squared_weights(program, total)
            if not weights or product.id not in trained(program):
                continue
            sizes = [mass(weight, 2) for weight in weights]
            penalty = factor * 0.5 * sum(size for size in sizes if size is not None)
            if penalty < DROWNING or not all(_is_kernel(program, weight) for weight in weights):
                continue
            value = product.inputs[index]
            yield self.report(
                product.place,
                what=_too_strong(factor, penalty),
                trace=[Step(weights[0].place, "these are the weights")],
                assumed=value.assumed if isinstance(value, Const) else (),
                subject=product.id,
            )


def _is_kernel(program: Program, weight: Operation) -> bool:
    return any(user.kind in ("matmul", "convolution", "add") for user in program.consumers(weight.output))


def _too_strong(factor: float, penalty: float) -> str:
    size = f"{penalty:.2g}" if penalty < 10 else f"{penalty:.0f}"
    return f"with a factor of {factor:g} the penalty is {size} before the first step, far above the loss of guessing"


def _declared(program: Program, variable: Operation) -> Iterator[tuple[Operation, Strength]]:
    """The strengths of the regularizer of a kernel."""
    regularizer = variable.attributes.get("regularizer")
    if regularizer is None or variable.attributes.get("trainable") is False:
        return
    if any(user.kind in ("matmul", "convolution") for user in program.consumers(variable.output)):
        for strength in strengths(program, regularizer):
            yield variable, strength
