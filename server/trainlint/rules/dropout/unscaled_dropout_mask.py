"""unscaled-dropout-mask: dropout by hand that does not scale up what it keeps."""

from __future__ import annotations

from collections.abc import Iterator

from trainlint.finding import Step
from trainlint.fixes.actions import Piece, Remedy, Source, Wrap
from trainlint.program import dropouts, masks
from trainlint.program.masks import Mask
from trainlint.program.operations import Operation
from trainlint.program.program import Program
from trainlint.program.values import Const, Tensor, Value
from trainlint.rules.base import Invalid, Report, Rule, Valid

TOLERANCE = 1e-6
RESCALING = frozenset({"opaque", "normalization", "loss"})
"""Behind these the size of what was kept is not known, or no longer matters."""


class UnscaledDropoutMask(Rule):
    """
    ## What it does
    Reports activations that are multiplied with a random mask of zeros and ones, or selected by one, and never divided by the share that is kept.

    ## Why it is bad
    In training the next layer sees values that are smaller on average: `keep` times their size.
    Once dropout is off they have their full size, and all layers behind get inputs that they were not trained on.
    With two such layers at `keep=0.5` the factor is 4.

    ## Example
    ```python
    mask = tf.cast(tf.random.uniform(tf.shape(hidden)) < keep, tf.float32)
    hidden = hidden * mask
    ```

    ## Use instead
    ```python
    mask = tf.cast(tf.random.uniform(tf.shape(hidden)) < keep, tf.float32)
    hidden = hidden * mask / keep
    ```

    `tf.nn.dropout` and `keras.layers.Dropout` do both at once.

    ## Fix safety
    Unsafe: training changes, and who multiplies by `keep` at prediction time in code that is not seen here would scale twice.
    The share is divided by as the author wrote it; evaluation has to set it to 1, or leave the mask out.

    ## Probe
    Counts what is dropped and what the rest is multiplied with: the mean becomes `keep` times what it was.

    ## References
    - Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 15, 2014, section 10
    - https://www.tensorflow.org/api_docs/python/tf/nn/dropout ("scaled up by 1.0 / (1 - rate)")
    """

    name, code, category, severity = "unscaled-dropout-mask", "TL409", "dropout", "error"
    rank = 40
    evidence = ("certificate",)
    message = "this random mask keeps {share} of the units and nothing divides by it: without the mask, the next layer sees values {factor} times as large"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "keep = tf.placeholder(tf.float32, [])\n"
            "hidden = tf.layers.dense(x, 16, activation=tf.nn.relu)\n"
            "mask = tf.cast(tf.random_uniform(tf.shape(hidden)) < keep, tf.float32)\n"
            "logits = tf.layers.dense(hidden * mask / keep, 3)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "keep = tf.placeholder(tf.float32, [])\n"
            "hidden = tf.layers.dense(x, 16, activation=tf.nn.relu)\n"
            "mask = tf.floor(tf.random_uniform(tf.shape(hidden)) + keep) / keep\n"
            "answer = tf.layers.dense(hidden * mask, 3)\n"
            "tf.Session().run(answer, {x: inputs, keep: 0.5})\n",
            why="the mask is scaled",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "noisy = x * tf.cast(tf.random_uniform(tf.shape(x)) < 0.7, tf.float32)\n"
            "loss = tf.losses.mean_squared_error(x, tf.layers.dense(noisy, 8))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="inputs are corrupted on purpose",
        ),
        Valid(
            "import tensorflow as tf\n"
            "class Thin(tf.keras.layers.Layer):\n"
            "    def call(self, x, training=False):\n"
            "        if not training:\n"
            "            return x * 0.8\n"
            "        return x * tf.cast(tf.random.uniform(tf.shape(x)) < 0.8, tf.float32)\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(16), Thin(), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            why="the evaluation is scaled down instead",
        ),
        Valid(
            "import tensorflow as tf\n"
            "w = tf.Variable(tf.random.normal((8, 3)))\n"
            "def network(x):\n"
            "    mask = tf.cast(tf.random.uniform(tf.shape(w)) < 0.8, tf.float32)\n"
            "    return x @ (w * mask)\n"
            "with tf.GradientTape() as tape:\n"
            "    loss = tf.reduce_mean(network(data) ** 2)\n"
            "tf.keras.optimizers.Adam().apply_gradients([(tape.gradient(loss, w), w)])\n",
            why="a mask on weights",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "hidden = tf.layers.dense(x, 16, activation=tf.nn.relu)\n"
            "answer = tf.layers.dense(hidden * make_mask(hidden), 3)\n"
            "tf.Session().run(answer, {x: inputs})\n",
            why="what the mask is cannot be known",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "hidden = tf.layers.dense(x, 16, activation=tf.nn.relu)\n"
            "mask = tf.round(tf.random_uniform(tf.shape(hidden)))\n"
            "answer = tf.layers.dense(2.0 * (hidden * mask), 3)\n"
            "tf.Session().run(answer, {x: inputs})\n",
            why="scaled by a number behind the product",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "keep = tf.placeholder(tf.float32, [])\n"
            "hidden = tf.layers.dense(x, 16, activation=tf.nn.relu)\n"
            "mask = tf.cast(tf.random_uniform(tf.shape(hidden)) < keep, tf.float32)\n"
            "hidden = hidden * mask\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=tf.layers.dense(hidden, 3))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "tf.Session().run(train, {x: inputs, y: labels, keep: 0.5})\n",
            at="hidden * mask",
            severity="error",
            message="keeps 0.5 of the units",
            traces=("drawn here", "next layer"),
            fixed=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.int64, [None])\n"
                "keep = tf.placeholder(tf.float32, [])\n"
                "hidden = tf.layers.dense(x, 16, activation=tf.nn.relu)\n"
                "mask = tf.cast(tf.random_uniform(tf.shape(hidden)) < keep, tf.float32)\n"
                "hidden = (hidden * mask) / keep\n"
                "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=tf.layers.dense(hidden, 3))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
                "tf.Session().run(train, {x: inputs, y: labels, keep: 0.5})\n"
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "def thin(tensor, rate):\n"
            "    chosen = tf.random.uniform(tf.shape(tensor)) > rate\n"
            "    return tf.where(chosen, tensor, 0.0)\n"
            "tensor = inputs = tf.keras.Input((8,))\n"
            "for units in (32, 16):\n"
            "    tensor = thin(tf.keras.layers.Dense(units, activation='relu')(tensor), rate=0.2)\n"
            "model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(tensor))\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            at="tf.where(chosen, tensor, 0.0)",
            message="keeps 0.8 of the units",
            fixed=(
                "import tensorflow as tf\n"
                "def thin(tensor, rate):\n"
                "    chosen = tf.random.uniform(tf.shape(tensor)) > rate\n"
                "    return tf.where(chosen, tensor, 0.0) / (1 - rate)\n"
                "tensor = inputs = tf.keras.Input((8,))\n"
                "for units in (32, 16):\n"
                "    tensor = thin(tf.keras.layers.Dense(units, activation='relu')(tensor), rate=0.2)\n"
                "model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(tensor))\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(x, y)\n"
            ),
            why="selected, the share to drop, through a function and a loop",
        ),
        Invalid(
            "import argparse\n"
            "import keras\n"
            "parser = argparse.ArgumentParser()\n"
            "parser.add_argument('--keep', type=float, default=0.75)\n"
            "args = parser.parse_args()\n"
            "class Drop(keras.layers.Layer):\n"
            "    def call(self, x, training=False):\n"
            "        if training:\n"
            "            mask = keras.random.binomial(keras.ops.shape(x), 1, args.keep)\n"
            "            x = keras.ops.multiply(x, mask)\n"
            "        return x\n"
            "inputs = keras.Input((8,))\n"
            "hidden = Drop()(keras.layers.Dense(16, activation='relu')(inputs))\n"
            "model = keras.Model(inputs, keras.layers.Dense(1)(hidden))\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(data, labels)\n",
            at="keras.ops.multiply(x, mask)",
            message="keeps 0.75",
            fixed=(
                "import argparse\n"
                "import keras\n"
                "parser = argparse.ArgumentParser()\n"
                "parser.add_argument('--keep', type=float, default=0.75)\n"
                "args = parser.parse_args()\n"
                "class Drop(keras.layers.Layer):\n"
                "    def call(self, x, training=False):\n"
                "        if training:\n"
                "            mask = keras.random.binomial(keras.ops.shape(x), 1, args.keep)\n"
                "            x = keras.ops.multiply(x, mask) / args.keep\n"
                "        return x\n"
                "inputs = keras.Input((8,))\n"
                "hidden = Drop()(keras.layers.Dense(16, activation='relu')(inputs))\n"
                "model = keras.Model(inputs, keras.layers.Dense(1)(hidden))\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(data, labels)\n"
            ),
            why="Keras 3, the share from the command line",
        ),
        Invalid(
            "",
            cells=(
                "import numpy as np\n"
                "import tensorflow.compat.v1 as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "mask = tf.placeholder(tf.float32, [None, 16])\n"
                "answer = tf.layers.dense(tf.layers.dense(x, 16) * mask, 3)\n",
                "tf.Session().run(answer, {x: np.zeros((4, 8)), mask: np.random.rand(4, 16) < 0.9})\n",
            ),
            at="tf.layers.dense(x, 16) * mask",
            cell=0,
            message="keeps 0.9",
            why="drawn by NumPy and fed, in a notebook",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for operation in program.of_kind("multiply", "select"):
            found = masked(program, operation)
            if found is None:
                continue
            mask, activation = found
            layer = next_layer(program, operation)
            if layer is None or is_scaled(program, activation) or scaled_elsewhere(program, mask):
                continue
            keep = keep_number(program, mask)
            if keep is not None and not 0 < keep < 1 - TOLERANCE:
                continue
            trace = [Step(mask.operation.place, "the mask is drawn here"), Step(layer.place, "the next layer")]
            yield self.report(
                operation.place, share="a share" if keep is None else f"{keep:.4g}",
                factor="1 / keep" if keep is None else f"{1 / keep:.3g}", trace=trace, remedies=remedies(operation, mask),
                subject=operation.id,
            )  # fmt: skip


def masked(program: Program, operation: Operation) -> tuple[Mask, Value] | None:
    """The mask and the activation of a product or selection; None when it is no dropout by hand."""
    if operation.kind == "select":
        if len(operation.inputs) != 3:
            return None
        condition, then, otherwise = operation.inputs
        mask = masks.bernoulli(program, condition)
        if mask is None or not _is_zero(program, otherwise):
            return None
        pair = (mask, then)
    else:
        if len(operation.inputs) != 2:
            return None
        left, right = operation.inputs
        mask, other = masks.bernoulli(program, right), left
        if mask is None:
            mask, other = masks.bernoulli(program, left), right
        if mask is None:
            return None
        pair = (mask, other)
    shape = mask.operation.output.shape
    if shape is not None and len(shape) > 1 and all(dim == 1 for dim in shape[1:]):
        return None  # one number for each sample: stochastic depth
    return pair if masks.is_activation(program, pair[1]) else None


def _is_zero(program: Program, value: Value) -> bool:
    if isinstance(value, Const):
        return bool(value.value == 0)
    tensor = program.tensor(value)
    return tensor is not None and tensor.low == tensor.high == 0


def is_number(value: Value) -> bool:
    """Whether an operand scales a whole tensor, or may do so."""
    return not isinstance(value, Tensor) or value.shape is None or all(dim == 1 for dim in value.shape)


def next_layer(program: Program, product: Operation) -> Operation | None:
    """The first weight layer behind a product; None when there is none, or something scales on a way to one."""
    found = None
    seen = {product.id}
    queue = [product]
    while queue:
        current = queue.pop(0)
        for user in program.consumers(current.id):
            if user.id in seen:
                continue
            seen.add(user.id)
            if user.kind in masks.WEIGHTED:
                found = found or user
                continue
            if user.kind in RESCALING:
                if user.kind != "loss":
                    return None
                continue
            if user.kind in ("multiply", "divide"):
                other = masks.other_input(user, current.output)
                if other is None or is_number(other) or _counts_mask(program, other):
                    return None
            queue.append(user)
    return found


def _counts_mask(program: Program, value: Value) -> bool:
    """Whether a divisor is the share that a mask really kept: its mean."""
    operation = program.source(value)
    return operation is not None and operation.kind == "reduce"


def is_scaled(program: Program, activation: Value) -> bool:
    """Whether the activation was divided by something before it was masked."""
    operation = program.source(activation)
    if operation is None or operation.kind not in ("multiply", "divide"):
        return False
    return any(is_number(item) for item in operation.inputs)


def scaled_elsewhere(program: Program, mask: Mask) -> bool:
    """Whether some path multiplies by the share that is kept: dropout that scales at prediction time."""
    keep = keep_number(program, mask)
    for world in program.worlds:
        for operation in world.of_kind("multiply"):
            if len(operation.inputs) != 2:
                continue
            for value in operation.inputs:
                if not world.variables(masks.other_input(operation, value)):
                    continue  # it scales data, not an activation or weights
                if isinstance(value, Tensor) and isinstance(mask.keep, Tensor) and not mask.flipped:
                    if value.op is not None and value.op is mask.keep.op:
                        return True
                number = (
                    value.low if isinstance(value, Tensor) and value.low == value.high and value.shape == () else None
                )
                if isinstance(value, Const) and isinstance(value.value, (int, float)):
                    number = value.value
                if number is not None and keep is not None and abs(number - keep) < TOLERANCE:
                    return True
    return False


def keep_number(program: Program, mask: Mask) -> float | None:
    """The share that is kept, as far as it is known: in training if it is fed."""
    amount = dropouts.number(program, mask.keep, {})
    if isinstance(mask.keep, Tensor):
        for run in program.runs:
            if dropouts.role(program, run) == "train":
                fed = dropouts.number(program, mask.keep, dropouts.fed_in(run))
                amount = fed if fed is not None else amount
    return None if amount is None else 1.0 - amount if mask.flipped else amount


def remedies(operation: Operation, mask: Mask) -> list[Remedy]:
    """Division by the share, as the author wrote it."""
    if mask.place is None:
        return []
    keep: tuple[Piece, ...] = ("(1 - ", Source(mask.place), ")") if mask.flipped else (Source(mask.place),)
    if mask.flipped and mask.name is not None and mask.operation.id.frame is operation.id.frame:
        keep = (mask.name,)
    return [Remedy("Divide by the share that is kept", "unsafe", (Wrap(operation.place, (), (" / ", *keep)),))]
