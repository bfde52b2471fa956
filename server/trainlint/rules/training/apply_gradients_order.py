"""apply-gradients-order: variables where an optimizer takes the gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.values import Stream, Tensor, Tuple
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Value


class ApplyGradientsOrder(Rule):
    """
    ## What it does
    Reports `apply_gradients` with pairs of a variable and its gradient; it takes the gradient first.

    ## Why it is bad
    TensorFlow takes each first part for a gradient and each second one for a variable.
    It stops with an error about a tensor that has no name or no `assign`, after the whole network was built and the first batch was computed.

    ## Example
    ```python
    optimizer.apply_gradients(zip(model.trainable_variables, gradients))
    ```

    ## Use instead
    ```python
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    ```

    ## Fix safety
    None: the pairs are often made elsewhere, and used for something else as well.

    ## Probe
    Gives an optimizer of the installed TensorFlow such a pair.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/keras/optimizers/Optimizer#apply_gradients
    """

    name, code, category, severity = "apply-gradients-order", "TL810", "training", "error"
    rank = 40
    evidence = ("certificate",)
    message = "these are pairs of a variable and its gradient; the gradient has to come first"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "optimizer = tf.keras.optimizers.Adam(1e-3)\n"
            "with tf.GradientTape() as tape:\n"
            "    loss = tf.reduce_mean(tf.square(model(tf.zeros([8, 4]))))\n"
            "gradients = tape.gradient(loss, model.trainable_variables)\n"
            "optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 4])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "optimizer = tf.train.AdamOptimizer(1e-3)\n"
            "pairs = [(tf.clip_by_norm(g, 1.0), v) for g, v in optimizer.compute_gradients(loss)]\n"
            "step = optimizer.apply_gradients(pairs)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def apply(optimizer, left, right):\n"
            "    optimizer.apply_gradients(zip(left, right))\n",
            why="which is which is not known",
        ),
        Valid(
            "import tensorflow as tf\n"
            "w = tf.Variable(tf.ones([3]))\n"
            "optimizer = tf.keras.optimizers.SGD(0.1)\n"
            "for _ in range(3):\n"
            "    optimizer.apply_gradients([(w, w)])\n",
            why="a decay of the weights by themselves",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "optimizer = tf.keras.optimizers.Adam(1e-3)\n"
            "with tf.GradientTape() as tape:\n"
            "    loss = tf.reduce_mean(tf.square(model(tf.zeros([8, 4]))))\n"
            "gradients = tape.gradient(loss, model.trainable_variables)\n"
            "optimizer.apply_gradients(zip(model.trainable_variables, gradients))\n",
            at="zip(model.trainable_variables, gradients)",
            severity="error",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Trainer:\n"
            "    def __init__(self, rate):\n"
            "        self.weights = [tf.Variable(tf.zeros([4, 1])), tf.Variable(tf.zeros([1]))]\n"
            "        self.optimizer = tf.keras.optimizers.SGD(rate)\n"
            "    def step(self, x, y):\n"
            "        with tf.GradientTape() as tape:\n"
            "            loss = tf.reduce_mean(tf.square(tf.matmul(x, self.weights[0]) + self.weights[1] - y))\n"
            "        gradients = tape.gradient(loss, self.weights)\n"
            "        self.optimizer.apply_gradients(list(zip(self.weights, gradients)))\n"
            "trainer = Trainer(0.1)\n"
            "for _ in range(10):\n"
            "    trainer.step(tf.zeros([8, 4]), tf.zeros([8, 1]))\n",
            at="list(zip(self.weights, gradients))",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
                "optimizer = tf.keras.optimizers.SGD(0.1)\n",
                "with tf.GradientTape() as tape:\n"
                "    loss = tf.reduce_mean(tf.square(model(tf.zeros([8, 4]))))\n"
                "found = [tf.clip_by_norm(g, 1.0) for g in tape.gradient(loss, model.trainable_weights)]\n"
                "optimizer.apply_gradients(zip(model.trainable_weights, found))\n",
            ),
            at="zip(model.trainable_weights, found)",
            cell=1,
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for step in program.of_kind("train"):
            argument = step.arguments.get("grads_and_vars")
            if argument is None or argument.place is None:
                continue
            pairs = _pairs(program, argument.value)
            if pairs and all(_is_swapped(program, *pair) for pair in pairs):
                yield self.report(argument.place, subject=step.id)


def _pairs(program: Program, value: Value) -> list[tuple[Value, Value]]:
    items = (value.element,) if isinstance(value, Stream) else program.items(value)
    found = []
    for item in items:
        if not isinstance(item, Tuple) or len(item.items) != 2:
            return []
        found.append((item.items[0], item.items[1]))
    return found


def _is_swapped(program: Program, first: Value, second: Value) -> bool:
    left, right = program.operation(first), program.operation(second)
    return (
        isinstance(first, Tensor)
        and left is not None
        and right is not None
        and left.kind == "variable"
        and _is_gradient(program, right)
    )


def _is_gradient(program: Program, operation: Operation) -> bool:
    current: Operation | None = operation
    for _ in range(8):
        if current is None or current.kind in ("gradient", "variable"):
            break
        current = program.operation(current.inputs[0]) if current.inputs else None
    return current is not None and current.kind == "gradient"
