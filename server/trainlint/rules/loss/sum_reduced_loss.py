"""sum-reduced-loss: a loss summed over the batch, and steps that grow with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import ApiName, Remedy, ReplaceValue, Source
from trainlint.program.dims import Symbol, is_batch, show
from trainlint.program.events import SessionRun
from trainlint.program.heads import PLAIN, learning_rate, optimizer_name
from trainlint.program.training import training_feeds
from trainlint.program.values import Tensor
from trainlint.program.weights import constant, factor_of
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.events import Minimize
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Value
    from trainlint.source.code import Place

LARGE = 1.0
"""Rate times samples: the rate that a mean would need for the same step; ordinary networks bear 0.1."""


class SumReducedLoss(Rule):
    """
    ## What it does
    Reports a loss that is summed over the samples of a batch and minimised by plain gradient descent, where the rate times the number of samples is above 1.
    A cross-entropy that is written out, averaged over the classes and summed over the samples instead of the other way round, is a warning whatever the rate.

    ## Why it is bad
    The gradient of a sum is as many times larger as there are samples, and gradient descent takes steps in proportion.
    A rate that suits 16 samples diverges with 256, and the last, smaller batch of an epoch counts less than the others.
    Adam and its relatives divide by the size of the gradient and hardly notice, so they are not reported.

    ## Example
    ```python
    loss = tf.reduce_sum(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=z))
    step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    session.run(step, {x: images[:128], y: labels[:128]})
    ```

    ## Use instead
    ```python
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=z))
    step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    session.run(step, {x: images[:128], y: labels[:128]})
    ```

    ## Fix safety
    Unsafe: steps become as many times smaller as there are samples.

    ## Probe
    Compares training with the rate as written and divided by the size of the batch.

    ## References
    - Goyal et al., "Accurate, Large Minibatch SGD", arXiv:1706.02677, section 3: the loss is a mean, and what the rate depends on
    - Humbatova et al., "Taxonomy of Real Faults in Deep Learning Systems", arXiv:1910.11015
    """

    name, code, category, severity = "sum-reduced-loss", "TL311", "loss", "info"
    rank = 24
    evidence = ("training",)
    message = "the loss is a sum over {batch} samples: with a rate of {rate:g}, steps are those of a mean with {effective:.3g}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "y = tf.placeholder(tf.float32, [None, 3])\n"
            "z = tf.layers.dense(x, 3)\n"
            "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=z))\n"
            "step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "error = tf.reduce_sum(tf.square(tf.layers.dense(x, 1)), axis=1)\n"
            "step = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(error) / 64)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    session.run(step, {x: np.random.rand(64, 9)})\n",
            why="the sum is divided by the number of samples",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "loss = tf.reduce_sum(tf.square(tf.layers.dense(x, 1)))\n"
            "step = tf.train.AdamOptimizer(0.1).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    session.run(step, {x: np.random.rand(64, 9)})\n",
            why="Adam divides by the size of the gradient",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "loss = tf.reduce_sum(tf.square(tf.layers.dense(x, 1)))\n"
            "step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for batch in read_batches('train.csv'):\n"
            "        session.run(step, {x: batch})\n",
            why="the size of the batch is not known",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n",
                "optimizer = tf.keras.optimizers.SGD(0.01)\n"
                "with tf.GradientTape() as tape:\n"
                "    loss = tf.reduce_sum(tf.square(model(tf.zeros([8, 4]))))\n"
                "gradients = tape.gradient(loss, model.trainable_variables)\n"
                "optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
            ),
            why="as if a mean had a rate of 0.08",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "y = tf.placeholder(tf.float32, [None, 3])\n"
            "p = tf.nn.softmax(tf.layers.dense(x, 3))\n"
            "entropy = -tf.reduce_sum(y * tf.log(tf.clip_by_value(p, 1e-9, 1.0)), axis=1)\n"
            "step = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(entropy))\n",
            why="summed over the classes, averaged over the samples",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "y = tf.placeholder(tf.float32, [None, 3])\n"
            "p = tf.nn.softmax(tf.layers.dense(x, 3))\n"
            "loss = -tf.reduce_mean(y * tf.log(tf.clip_by_value(p, 1e-9, 1.0)))\n"
            "step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n",
            why="a mean over both is smaller by the number of classes, whatever the batch",
        ),
    ]
    INVALID = [
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "y = tf.placeholder(tf.float32, [None, 3])\n"
            "z = tf.layers.dense(tf.layers.dense(x, 16, tf.nn.relu), 3)\n"
            "loss = tf.reduce_sum(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=z))\n"
            "step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n"
            "inputs, labels = np.random.rand(1000, 9), np.eye(3)[np.random.randint(0, 3, 1000)]\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for i in range(0, 1000, 100):\n"
            "        session.run(step, {x: inputs[i:i + 100], y: labels[i:i + 100]})\n",
            at="tf.reduce_sum(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=z))",
            severity="info",
            message="a mean with 10",
            traces=("100", "reduces it"),
            fixed="import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "y = tf.placeholder(tf.float32, [None, 3])\n"
            "z = tf.layers.dense(tf.layers.dense(x, 16, tf.nn.relu), 3)\n"
            "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=z))\n"
            "step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n"
            "inputs, labels = np.random.rand(1000, 9), np.eye(3)[np.random.randint(0, 3, 1000)]\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for i in range(0, 1000, 100):\n"
            "        session.run(step, {x: inputs[i:i + 100], y: labels[i:i + 100]})\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "CONFIG = {'rate': 0.05, 'batch': 64}\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3)])\n"
            "optimizer = tf.keras.optimizers.SGD(CONFIG['rate'])\n"
            "def loss_of(x):\n"
            "    return tf.reduce_sum(tf.abs(model(x)))\n"
            "for _ in range(10):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = loss_of(tf.random.normal([CONFIG['batch'], 4]))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
            at="tf.reduce_sum(tf.abs(model(x)))",
            message="64 samples",
            fixed="import tensorflow as tf\n"
            "CONFIG = {'rate': 0.05, 'batch': 64}\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3)])\n"
            "optimizer = tf.keras.optimizers.SGD(CONFIG['rate'])\n"
            "def loss_of(x):\n"
            "    return tf.reduce_mean(tf.abs(model(x)))\n"
            "for _ in range(10):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = loss_of(tf.random.normal([CONFIG['batch'], 4]))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
        ),
        Invalid(
            "",
            cells=(
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 9])\n"
                "loss = tf.reduce_sum(tf.square(tf.layers.dense(x, 1) - 3.0))\n",
                "step = tf.train.MomentumOptimizer(0.01, 0.9).minimize(0.5 * loss)\n"
                "session = tf.InteractiveSession()\n"
                "session.run(tf.global_variables_initializer())\n"
                "step.run({x: np.random.rand(256, 9)})\n",
            ),
            at="tf.reduce_sum(tf.square(tf.layers.dense(x, 1) - 3.0))",
            cell=0,
            fixed="import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1) - 3.0))\n\n"
            "step = tf.train.MomentumOptimizer(0.01, 0.9).minimize(0.5 * loss)\n"
            "session = tf.InteractiveSession()\n"
            "session.run(tf.global_variables_initializer())\n"
            "step.run({x: np.random.rand(256, 9)})\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Network:\n"
            "    def __init__(self, units):\n"
            "        self.x = tf.placeholder(tf.float32, [None, 9])\n"
            "        self.y = tf.placeholder(tf.float32, [None, units])\n"
            "        self.p = tf.nn.softmax(tf.layers.dense(self.x, units))\n"
            "        entropy = self.entropy(self.y, self.p)\n"
            "        loss = tf.reduce_sum(entropy) + tf.losses.get_regularization_loss()\n"
            "        self.step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n"
            "    def entropy(self, y, p):\n"
            "        return -tf.reduce_mean(y * tf.log(tf.clip_by_value(p, 1e-9, 1.0)), axis=1)\n"
            "network = Network(3)\n",
            at="tf.reduce_sum(entropy)",
            severity="warning",
            message="averaged over the 3 classes",
            traces=("the mean is taken over the classes here", "reduces it"),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "y = tf.placeholder(tf.float32, [None, 3])\n"
            "p = tf.nn.softmax(tf.layers.dense(x, 3))\n"
            "loss = tf.reduce_mean(-tf.reduce_sum(y * tf.log(p + 1e-9), reduction_indices=[0]))\n"
            "step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n",
            at="[0]",
            severity="warning",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for event in program.minimized:
            optimizer = program.object(event.optimizer)
            if optimizer is None or optimizer_name(optimizer) not in PLAIN:
                continue
            swapped = _swapped(program, event.loss)
            if swapped is not None:
                yield self._of_swapped(program, event, *swapped)
                continue
            argument = learning_rate(optimizer)
            rate = constant(argument.value) if argument is not None else None
            if rate is None:
                continue
            momentum = optimizer.arguments.get("momentum")
            inertia = constant(momentum.value) if momentum is not None else 0.0
            found = _summed(program, event.loss)
            if found is None or inertia is None or not 0 <= inertia < 1:
                continue
            total, factor = found
            counted = _samples(program, total)
            if counted is None:
                continue
            batch, place = counted
            effective = rate * abs(factor) * batch / (1 - inertia)
            if effective <= LARGE:
                continue
            trace = [] if place is None else [Step(place, f"{batch} samples are fed here")]
            yield self.report(
                total.place,
                batch=batch,
                rate=rate,
                effective=effective,
                trace=[*trace, Step(event.place, "the optimizer reduces it here")],
                assumed=argument.value.assumed if argument is not None else (),
                remedies=_remedies(total),
                subject=total.id,
            )

    def _of_swapped(
        self, program: Program, event: Minimize, total: Operation, mean: Operation, terms: Tensor
    ) -> Report:
        written = (total.arguments.get(name) for name in ("axis", "reduction_indices"))
        return self.report(
            next((argument.place for argument in written if argument is not None and argument.place), total.place),
            severity="warning",
            message="the cross-entropy {shape} is summed over the samples and averaged over the {classes} classes; it is the other way round that a step does not depend on the size of the batch",
            shape=show(terms.shape), classes=terms.shape[1] if terms.shape else "",
            trace=[Step(mean.place, "the mean is taken over the classes here"), Step(event.place, "the optimizer reduces it here")],
            subject=total.id,
        )  # fmt: skip


def _swapped(program: Program, loss: Value) -> tuple[Operation, Operation, Tensor] | None:
    """The sum over samples, the mean over classes and the terms of a cross-entropy that is written out that way."""
    stack, seen = [program.operation(loss)], 0
    while stack and seen < 24:
        operation, seen = stack.pop(), seen + 1
        if operation is None:
            continue
        if operation.kind == "add":
            stack += [program.operation(value) for value in operation.inputs]
        elif operation.kind == "reduce" and operation.inputs:
            inner = _reduction(program, operation.inputs[0])
            found = _in_order(program, operation, inner) if inner is not None else None
            if found is not None:
                return found
        elif _scaled(operation) is not None:
            stack.append(program.operation(_scaled(operation)))
    return None


def _scaled(operation: Operation) -> Value | None:
    """What an operation passes on up to a constant factor; None if it does anything else."""
    scaled = factor_of(operation)
    if scaled is not None:
        return operation.inputs[scaled[0]]
    return operation.inputs[0] if operation.kind in ("identity", "negative", "cast") and operation.inputs else None


def _reduction(program: Program, value: Value) -> Operation | None:
    operation = program.operation(value)
    for _ in range(6):
        if operation is None or operation.kind == "reduce":
            return operation
        inner = _scaled(operation)
        operation = program.operation(inner) if inner is not None else None
    return None


def _in_order(program: Program, outer: Operation, inner: Operation) -> tuple[Operation, Operation, Tensor] | None:
    """A sum over samples and a mean over classes, of two reductions one after the other."""
    product = program.operation(inner.inputs[0])
    while product is not None and product.kind == "negative":
        product = program.operation(product.inputs[0])
    terms = product.output if product is not None and product.kind == "multiply" else None
    if product is None or terms is None or not terms.shape or len(terms.shape) != 2 or not program.variables(terms):
        return None
    samples, classes = terms.shape
    if not is_batch(samples) or not isinstance(classes, int) or classes < 2:
        return None
    if not any(factor is not None and factor.kind == "log" for factor in map(program.operation, product.inputs)):
        return None
    if outer.attributes.get("axis") not in ((), (0,)) or inner.attributes.get("keepdims") is not False:
        return None
    how, axis = (inner.attributes.get("how"), outer.attributes.get("how")), inner.attributes.get("axis")
    if how == ("mean", "sum") and axis in ((1,), (-1,)):
        return outer, inner, terms
    if how == ("sum", "mean") and axis == (0,):
        return inner, outer, terms
    return None


def _summed(program: Program, loss: Value) -> tuple[Operation, float] | None:
    """The sum over samples that a loss is, and the factor it is multiplied with."""
    operation, factor = program.operation(loss), 1.0
    for _ in range(12):
        if operation is None:
            return None
        if operation.kind == "reduce" and operation.attributes.get("how") == "sum" and operation.inputs:
            value = operation.inputs[0]
            if isinstance(value, Tensor) and value.shape and operation.attributes.get("axis") in ((), (0,)):
                return (operation, factor) if program.variables(value) and _is_batch(value) else None
            return None
        scaled = factor_of(operation)
        if scaled is not None:
            factor *= scaled[1]
            operation = program.operation(operation.inputs[scaled[0]])
        elif operation.kind in ("identity", "negative", "cast") and operation.inputs:
            operation = program.operation(operation.inputs[0])
        else:
            return None
    return None


def _is_batch(value: Tensor) -> bool:
    """Whether the first dimension counts samples."""
    first = value.shape[0] if value.shape else None
    return isinstance(first, (int, Symbol)) and len(value.shape or ()) <= 2


def _samples(program: Program, total: Operation) -> tuple[int, Place | None] | None:
    """How many samples a sum is over in training, the fewest of all feeds, and where they are fed."""
    value = total.inputs[0]
    assert isinstance(value, Tensor) and value.shape
    keys = program.ancestors(value)
    entries = [o for key in keys if (o := program.operation(key)) is not None and o.kind in ("placeholder", "input")]
    if not entries:
        return (value.shape[0], None) if isinstance(value.shape[0], int) else None
    found: list[tuple[int, Place]] = []
    for event, feed in training_feeds(program):
        if feed.key not in keys or not isinstance(event, SessionRun):
            continue
        shape = feed.value.shape if isinstance(feed.value, Tensor) else None
        if shape and shape != ():
            if not isinstance(shape[0], int):
                return None
            found.append((shape[0], feed.place))
    return min(found, key=lambda pair: pair[0]) if found else None


def _remedies(total: Operation) -> list[Remedy]:
    argument = total.arguments.get("input_tensor")
    given = [a for a in total.arguments.values() if a.given]
    if total.symbol is None or argument is None or argument.place is None or len(given) != 1:
        return []
    room = "tensorflow.compat.v1" if total.symbol.path.startswith("tensorflow.compat.v1") else "tensorflow"
    mean = ApiName(f"{room}.reduce_mean", total.place)
    action = ReplaceValue(total.place, (mean, "(", Source(argument.place), ")"))
    return [Remedy("Take the mean", "unsafe", (action,))]
