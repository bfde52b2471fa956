"""unfed-placeholder: a run that needs a placeholder and does not feed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.program.sessions import needed
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.source.code import Place

_ALL = frozenset((
    "add", "subtract", "multiply", "divide", "squared-difference", "matmul", "convolution", "compare", "logical", "loss", "train",
    "concat", "maximum", "minimum",
))  # fmt: skip
"""Kinds that compute with all that goes in."""

_FIRST = frozenset((
    "activation", "argmax", "cast", "reduce", "square", "sqrt", "exp", "log", "abs", "negative", "clip", "reshape", "flatten",
    "transpose", "expand", "squeeze", "pool", "power", "one-hot", "normalization",
))  # fmt: skip
"""Kinds whose first input is computed with; the others may be shapes, which are known without a feed."""

_SHAPES = ("shape", "size", "rank", "zeros", "ones", "fill")


class UnfedPlaceholder(Rule):
    """
    ## What it does
    Reports a run of a session that needs the value of a placeholder, where the dictionary of feeds is known and does not have it.
    Placeholders with a default and feeds that other code puts together are not reported.

    ## Why it is bad
    A placeholder has no value of its own.
    Each run needs its own feeds, also one that only fetches a loss or an accuracy after a training step that was fed.
    The run ends with `InvalidArgumentError: You must feed a value for placeholder tensor`.

    ## Example
    ```python
    session.run(train_step, {x: images, y: labels})
    print(session.run(loss))
    ```

    ## Use instead
    ```python
    _, value = session.run([train_step, loss], {x: images, y: labels})
    print(value)
    ```

    ## Fix safety
    None: whether to fetch both in one run or to feed other data is up to the author.

    ## Probe
    Makes the same mistake in a small graph of the installed TensorFlow.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/compat/v1/placeholder
    - Zhang et al., "An Empirical Study on TensorFlow Program Bugs", ISSTA 2018: API misuse
    """

    name, code, category, severity = "unfed-placeholder", "TL816", "training", "error"
    rank = 40
    evidence = ("certificate",)
    message = "this run needs a placeholder that it does not feed: InvalidArgumentError"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "step = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    _, value = session.run([step, loss], {x: batch()})\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "rate = tf.placeholder_with_default(0.5, [])\n"
            "hidden = tf.nn.dropout(tf.layers.dense(x, 8), rate=rate)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    print(session.run(hidden, {x: batch()}))\n",
            why="one has a default",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "hidden = tf.layers.dense(x, 8)\n"
            "answer = tf.nn.softmax(hidden)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    print(session.run(answer, {hidden: [[0.0] * 8]}))\n",
            why="what is fed in the middle needs nothing before it",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def feeds(x, y):\n"
            "    images, labels = load()\n"
            "    return fill({x: images}, labels)\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1) - y))\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    print(session.run(loss, feed_dict=feeds(x, y)))\n",
            why="other code puts the feeds together",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [4, 8])\n"
            "start = tf.zeros_like(x) + 1.0\n"
            "with tf.Session() as session:\n"
            "    print(session.run(start))\n",
            why="only the shape is used, and it is known",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\nx = tf.placeholder(tf.float32)\ny = x * 2\n",
                "session = tf.InteractiveSession()\n"
                "try:\n"
                "    y.eval()\n"
                "except tf.errors.InvalidArgumentError as error:\n"
                "    print(error)\n",
            ),
            why="the error is expected",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "step = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    session.run(step, {x: batch()})\n"
            "    print(session.run(loss))\n",
            at="session.run(loss)",
            severity="error",
            message="needs a placeholder",
            traces=("the placeholder",),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Network:\n"
            "    def __init__(self, size):\n"
            "        self.images = tf.placeholder(tf.float32, [None, size])\n"
            "        self.labels = tf.placeholder(tf.int64, [None])\n"
            "        self.scores = tf.layers.dense(self.images, 10)\n"
            "        right = tf.equal(tf.argmax(self.scores, 1), self.labels)\n"
            "        self.accuracy = tf.reduce_mean(tf.cast(right, tf.float32))\n"
            "network = Network(784)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for images, labels in batches():\n"
            "        print(session.run(network.accuracy, feed_dict={network.images: images}))\n",
            at="session.run(network.accuracy, feed_dict={network.images: images})",
            severity="error",
            message="does not feed",
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "tf.disable_eager_execution()\n"
            "CONFIG = {'features': 3}\n"
            "x = tf.placeholder(tf.float32, [None, CONFIG['features']], name='x')\n"
            "total = tf.reduce_sum(x)\n"
            "session = tf.Session()\n"
            "for _ in range(10):\n"
            "    print(session.run(total))\n",
            at="session.run(total)",
            severity="error",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32)\n"
                "y = x * 2\n",
                "session = tf.InteractiveSession()\n"
                "y.eval()\n",
            ),
            at="y.eval()",
            cell=1,
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        seen: set[Place] = set()
        for run in program.runs:
            if run.opaque or run.context.guarded or run.context.conditions or run.place in seen:
                continue
            for operation in needed(program, run, _computes):
                if operation.kind == "placeholder" and operation.name == "tf.placeholder":
                    seen.add(run.place)
                    yield self.report(
                        run.place,
                        trace=[Step(operation.place, "the placeholder is made here")],
                        subject=operation.id,
                    )
                    break


def _computes(operation: Operation, position: int) -> bool:
    if operation.name.rsplit(".", 1)[-1].startswith(_SHAPES):
        return False
    return operation.kind in _ALL or (position == 0 and operation.kind in _FIRST)
