"""batch-shared-dropout-mask: one dropout mask for all samples of a batch."""

from __future__ import annotations

from collections.abc import Iterator

from trainlint.finding import Step
from trainlint.fixes.actions import ApiName, Remedy, RemoveArgument, ReplaceValue, Source
from trainlint.program import dropouts, masks
from trainlint.program.dims import Shape, Symbol
from trainlint.program.operations import Operation
from trainlint.program.program import Program
from trainlint.program.values import Const, Tensor, Tuple, Value
from trainlint.rules.base import Invalid, Report, Rule, Valid


class BatchSharedDropoutMask(Rule):
    """
    ## What it does
    Reports dropout that draws one mask for the whole batch: dropout of a row of ones that is multiplied in, or a `noise_shape` that starts with 1.

    ## Why it is bad
    All samples of a step lose the same units, so their noise does not average out.
    The gradient stays right on average and becomes noisier: 6 times the variance at a batch of 128, 17 times at 512.
    Training is slower, not wrong.

    ## Example
    ```python
    mask = tf.layers.dropout(tf.ones([1, 64]), rate=0.5, training=is_training)
    hidden = hidden * mask
    ```

    ## Use instead
    ```python
    hidden = tf.layers.dropout(hidden, rate=0.5, training=is_training)
    ```

    If sharing is wanted, `noise_shape=[1, 64]` says so; dropout scales by itself, so nothing has to be divided by `keep`.

    ## Fix safety
    Unsafe: sharing may be intended, and the noise of training changes.

    ## Probe
    Looks at the zeros behind the layer: the same columns in all rows prove it.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/nn/dropout (noise_shape)
    - Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 15, 2014
    """

    name, code, category, severity = "batch-shared-dropout-mask", "TL405", "dropout", "info"
    rank = 10
    evidence = ("certificate",)
    message = "all samples of a batch lose the same units: {why}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "with tf.Session() as sess:\n"
            "    d = tf.to_float(tf.reshape(tf.range(1, 17), [4, 4]))\n"
            "    print(sess.run(d))\n"
            "    # the share of keep_prob stays, the rest becomes 0\n"
            "    dropout1 = tf.nn.dropout(d, 0.2, noise_shape=None)\n"
            "    print(sess.run(dropout1))\n"
            "    dropout2 = tf.nn.dropout(d, 0.4, noise_shape=[4, 1])\n"
            "    print(sess.run(dropout2))\n"
            "    dropout3 = tf.nn.dropout(d, 0.4, noise_shape=[1, 4])\n"
            "    print(sess.run(dropout3))\n",
            why="what dropout does is shown: there is no network",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "is_training = tf.placeholder(tf.bool, [])\n"
            "hidden = tf.layers.dense(x, 16, activation=tf.nn.relu)\n"
            "hidden = tf.layers.dropout(hidden, rate=0.5, training=is_training)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=tf.layers.dense(hidden, 3))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "inputs = keras.Input((30, 4))\n"
            "steps = keras.layers.Conv1D(16, 3, activation='relu')(inputs)\n"
            "steps = keras.layers.Dropout(0.2, noise_shape=(None, 1, 16))(steps)\n"
            "model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(steps)))\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            why="shared over time, not over samples",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "hidden = tf.layers.dense(x, 16)\n"
            "mask = tf.nn.dropout(tf.ones_like(hidden), keep_prob=0.5)\n"
            "tf.Session().run(tf.layers.dense(hidden * mask, 1), {x: inputs})\n",
            why="a row for each sample",
        ),
        Valid(
            "import tensorflow as tf\n"
            "w = tf.Variable(tf.random.normal((8, 3)))\n"
            "with tf.GradientTape() as tape:\n"
            "    loss = tf.reduce_mean((data @ (w * tf.nn.dropout(tf.ones([1, 3]), rate=0.2))) ** 2)\n"
            "tf.keras.optimizers.Adam().apply_gradients([(tape.gradient(loss, w), w)])\n",
            why="a mask on weights",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def block(x, shape):\n"
            "    return tf.nn.dropout(x, rate=0.5, noise_shape=shape)\n",
            why="the shape cannot be known",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "is_training = tf.placeholder(tf.bool, [])\n"
            "hidden = tf.layers.dense(x, 16, activation=tf.nn.relu)\n"
            "mask = tf.layers.dropout(tf.ones([1, 16]), rate=0.5, training=is_training)\n"
            "hidden = tf.multiply(hidden, mask)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=tf.layers.dense(hidden, 3))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.layers.dropout(tf.ones([1, 16]), rate=0.5, training=is_training)",
            severity="info",
            message="one row",
            traces=("multiplied",),
            fixed=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.int64, [None])\n"
                "is_training = tf.placeholder(tf.bool, [])\n"
                "hidden = tf.layers.dense(x, 16, activation=tf.nn.relu)\n"
                "mask = tf.layers.dropout(tf.ones_like(hidden), rate=0.5, training=is_training)\n"
                "hidden = tf.multiply(hidden, mask)\n"
                "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=tf.layers.dense(hidden, 3))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Config:\n"
            "    units = (32, 16)\n"
            "def block(tensor, units):\n"
            "    tensor = tf.keras.layers.Dense(units, activation='relu')(tensor)\n"
            "    return tf.keras.layers.Dropout(0.3, noise_shape=[1, units])(tensor)\n"
            "tensor = inputs = tf.keras.Input((8,))\n"
            "for units in Config.units:\n"
            "    tensor = block(tensor, units)\n"
            "model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(tensor))\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            at="[1, units]",
            message="starts with 1",
            fixed=(
                "import tensorflow as tf\n"
                "class Config:\n"
                "    units = (32, 16)\n"
                "def block(tensor, units):\n"
                "    tensor = tf.keras.layers.Dense(units, activation='relu')(tensor)\n"
                "    return tf.keras.layers.Dropout(0.3)(tensor)\n"
                "tensor = inputs = tf.keras.Input((8,))\n"
                "for units in Config.units:\n"
                "    tensor = block(tensor, units)\n"
                "model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(tensor))\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(x, y)\n"
            ),
            why="a noise shape, through a function, a loop and a configuration",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow.compat.v1 as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "keep = tf.placeholder_with_default(1.0, [])\n",
                "hidden = tf.layers.dense(x, 16)\n"
                "row = tf.cast(tf.random_uniform([1, 16]) < keep, tf.float32) / keep\n"
                "answer = tf.layers.dense(hidden * row, 1)\n"
                "tf.Session().run(answer, {x: inputs})\n",
            ),
            at="tf.random_uniform([1, 16]) < keep",
            cell=1,
            why="by hand, in a notebook",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        if dropouts.is_shown(program):
            return
        for dropout in program.of_kind("dropout"):
            shared = self._by_noise_shape(program, dropout)
            if shared is not None:
                yield shared
        for product in program.of_kind("multiply"):
            found = self._by_row(program, product)
            if found is not None:
                yield found

    def _by_noise_shape(self, program: Program, dropout: Operation) -> Report | None:
        tensor = program.tensor(dropout.inputs[0]) if dropout.inputs else None
        if tensor is None or not is_batch(tensor.shape):
            return None
        shape = items_of(program, dropout.attributes.get("noise_shape"))
        argument = dropout.arguments.get("noise_shape")
        if not shape or shape[0] != Const(value=1) or argument is None or argument.place is None:
            return None
        rest = shape[1:]
        if rest and all(item == Const(value=1) for item in rest):
            return None  # all or nothing: another technique
        action = RemoveArgument(dropout.place, argument.place)
        remedies = [Remedy("Remove the noise shape: a mask for each sample", "unsafe", (action,))]
        return self.report(argument.place, why="the noise shape starts with 1", remedies=remedies, subject=dropout.id)

    def _by_row(self, program: Program, product: Operation) -> Report | None:
        if len(product.inputs) != 2:
            return None
        for value in product.inputs:
            other = masks.other_input(product, value)
            row = program.tensor(value)
            activation = program.tensor(other)
            if row is None or activation is None or not is_row(row.shape) or not is_batch(activation.shape):
                continue
            made = dropped_ones(program, value)
            if made is None or not masks.is_activation(program, other):
                continue
            trace = [Step(product.place, "this one row is multiplied with all samples here")]
            why = "the mask is one row for all of them"
            remedies = own_masks(program, made, product, other)
            return self.report(made.place, why=why, trace=trace, remedies=remedies, subject=made.id)
        return None


def is_batch(shape: Shape) -> bool:
    """Whether a shape starts with the number of samples and has features behind."""
    if shape is None or len(shape) < 2:
        return False
    rows = shape[0]
    return isinstance(rows, Symbol) or (isinstance(rows, int) and rows > 1)


def is_row(shape: Shape) -> bool:
    """Whether a shape is one row: a leading 1 and features behind."""
    return shape is not None and len(shape) > 1 and shape[0] == 1 and not all(dim == 1 for dim in shape)


def items_of(program: Program, value: Value | None) -> tuple[Value, ...]:
    """The items of a list or tuple of dimensions; none when it is something else."""
    return program.items(value) if isinstance(value, Tuple) or program.record(value) is not None else ()


def dropped_ones(program: Program, value: Value) -> Operation | None:
    """The dropout of ones, or the draw by hand, that makes a row; None when it is something else."""
    operation = program.operation(value)
    for _ in range(8):
        if operation is None:
            return None
        if operation.kind == "dropout":
            source = program.tensor(operation.inputs[0])
            return operation if source is not None and source.low == source.high == 1.0 else None
        mask = masks.bernoulli(program, operation.id)
        if mask is not None:
            return mask.operation if mask.operation.kind != "placeholder" else None
        if (
            operation.kind not in masks.PASSING and operation.kind not in ("divide", "multiply")
        ) or not operation.inputs:
            return None
        operation = program.operation(operation.inputs[0])
    return None


def own_masks(program: Program, made: Operation, product: Operation, other: Value | None) -> list[Remedy]:
    """Ones like the activation instead of a row, if the product names one that is there before the dropout."""
    activation = program.operation(other)
    if made.kind != "dropout" or activation is None or made.id.frame is not product.id.frame:
        return []
    order = {operation.id: index for index, operation in enumerate(program.operations)}
    given = next((a for name, a in made.arguments.items() if name in ("x", "inputs") and a.given), None)
    named = next(
        (
            a
            for a in product.arguments.values()
            if isinstance(a.value, Tensor) and a.value.op is activation.id and a.place and a.spelled
        ),
        None,
    )
    if given is None or given.place is None or named is None or named.place is None:
        return []
    if order.get(activation.id, 0) >= order.get(made.id, 0):
        return []
    pieces = (ApiName("tensorflow.ones_like", made.place), "(", Source(named.place), ")")
    return [Remedy("Draw a mask for each sample", "unsafe", (ReplaceValue(given.place, pieces),))]
