"""redundant-reduction: a mean of a loss that is one number already."""

from __future__ import annotations

from collections.abc import Iterator

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, ReplaceValue, Source
from trainlint.program.operations import Operation
from trainlint.program.program import Program
from trainlint.program.values import Argument, Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid


class RedundantReduction(Rule):
    """
    ## What it does
    Reports a `reduce_mean` or `reduce_sum` over a loss of `tf.losses` or of a Keras loss object, which is a single number already.

    ## Why it is bad
    It changes nothing and says something wrong to the reader: that there is one loss per sample.
    Who then takes `reduce_sum` for `reduce_mean` wonders why the loss stays the same.

    ## Example
    ```python
    loss = tf.reduce_mean(tf.losses.sparse_softmax_cross_entropy(labels, logits))
    ```

    ## Use instead
    ```python
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    ```

    ## Fix safety
    Safe: the mean and the sum of one number are that number.

    ## Probe
    Evaluates the loss with and without the reduction.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/compat/v1/losses/sparse_softmax_cross_entropy
    - https://keras.io/api/losses/
    """

    name, code, category, severity = "redundant-reduction", "TL909", "metrics", "info"
    rank = 10
    evidence = ("certificate",)
    message = "the loss is a single number already: this {how} of it changes nothing"

    VALID = [
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "(x, y), _ = tf.keras.datasets.mnist.load_data()\n"
            "data = tf.data.Dataset.from_tensor_slices((x / 255.0, y)).batch(32)\n"
            "model = tf.keras.Sequential([tf.keras.layers.Flatten(input_shape=(28, 28)), tf.keras.layers.Dense(10)])\n"
            "entropy = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "for epoch in range(3):\n"
            "    history = []\n"
            "    for images, target in data:\n"
            "        with tf.GradientTape() as tape:\n"
            "            loss = entropy(target, model(images, training=True))\n"
            "            grads = tape.gradient(loss, model.trainable_variables)\n"
            "        history.append(loss)\n"
            "        optimizer.apply_gradients(zip(grads, model.trainable_variables))\n"
            "    mean_of_epoch = np.mean(history)\n"
            "    print(epoch, mean_of_epoch)\n",
            why="the mean over the batches of an epoch",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(x, 3))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=tf.layers.dense(x, 3))\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(losses))\n",
            why="one loss for each sample",
        ),
        Valid(
            "import tensorflow as tf\n"
            "error = tf.keras.losses.MeanSquaredError(reduction='none')\n"
            "model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "with tf.GradientTape() as tape:\n"
            "    loss = tf.reduce_mean(error(y, model(x)))\n"
            "optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n",
            why="the object does not reduce",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def total(loss):\n"
            "    return tf.reduce_mean(loss)\n",
            why="the shape of the loss cannot be known",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "errors = tf.losses.mean_squared_error(y, tf.layers.dense(x, 1), reduction=tf.losses.Reduction.NONE)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(errors))\n",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "loss = tf.reduce_mean(tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(x, 3)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.reduce_mean(tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(x, 3)))",
            severity="info",
            message="mean",
            fixed=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.int64, [None])\n"
                "loss = tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(x, 3))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "from tensorflow.keras.losses import BinaryCrossentropy\n"
            "class Config:\n"
            "    objects = {'bce': BinaryCrossentropy(from_logits=True)}\n"
            "def error_of(y, scores):\n"
            "    values = Config.objects['bce'](y, scores)\n"
            "    return tf.reduce_sum(values)\n"
            "model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "for _ in range(10):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = error_of(y, model(x))\n"
            "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n",
            at="tf.reduce_sum(values)",
            message="sum",
            traces=("one number",),
            fixed=(
                "import tensorflow as tf\n"
                "from tensorflow.keras.losses import BinaryCrossentropy\n"
                "class Config:\n"
                "    objects = {'bce': BinaryCrossentropy(from_logits=True)}\n"
                "def error_of(y, scores):\n"
                "    values = Config.objects['bce'](y, scores)\n"
                "    return values\n"
                "model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1)])\n"
                "optimizer = tf.keras.optimizers.Adam()\n"
                "for _ in range(10):\n"
                "    with tf.GradientTape() as tape:\n"
                "        loss = error_of(y, model(x))\n"
                "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n"
            ),
            why="a loss object from a configuration, in a function and a loop",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow.compat.v1 as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n",
                "loss = tf.losses.mean_squared_error(y, tf.layers.dense(x, 1))\n"
                "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(loss))\n",
            ),
            at="tf.reduce_mean(loss)",
            fixed=(
                "import tensorflow.compat.v1 as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "\n"
                "loss = tf.losses.mean_squared_error(y, tf.layers.dense(x, 1))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            cell=1,
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for operation in program.of_kind("reduce"):
            how = operation.attributes.get("how")
            if how not in ("mean", "sum") or operation.attributes.get("keepdims") is not False:
                continue
            loss = program.operation(operation.inputs[0])
            if loss is None or loss.kind != "loss" or not loss.attributes.get("reduced") or loss.output.shape != ():
                continue
            taken = operation.inputs[0]
            if not isinstance(taken, Tensor) or taken.shape != ():
                continue  # a list of losses, one of each batch
            argument = operand_of(operation, loss)
            remedies = []
            if argument is not None and argument.place is not None:
                value = (Source(argument.place),)
                remedies = [Remedy(f"Remove the {how}", "safe", (ReplaceValue(operation.place, value),))]
            trace = [Step(loss.place, "this gives one number for the batch")]
            yield self.report(operation.place, how=how, trace=trace, remedies=remedies, subject=operation.id)


def operand_of(operation: Operation, loss: Operation) -> Argument | None:
    """The argument of a reduction that holds the loss."""
    for argument in operation.arguments.values():
        if isinstance(argument.value, Tensor) and argument.value.op is loss.id:
            return argument
    return None
