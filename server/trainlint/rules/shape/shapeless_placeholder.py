"""shapeless-placeholder: a placeholder for arrays that is declared without a shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, SetArgument
from trainlint.program.dims import Shape, show
from trainlint.program.values import Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.events import Feed
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program


class ShapelessPlaceholder(Rule):
    """
    ## What it does
    Reports placeholders without a shape that arrays are fed to or that go into a matrix product.

    ## Why it is bad
    TensorFlow checks shapes when the graph is built, and here it cannot.
    Labels `[N]` against predictions `[N, 1]` then broadcast silently, also in the functions of `tf.losses`, which refuse them when both shapes are known.

    ## Example
    ```python
    x = tf.placeholder(tf.float32)
    ```

    ## Use instead
    ```python
    x = tf.placeholder(tf.float32, [None, 3])
    ```

    ## Fix safety
    Safe where every feed of the program was understood: the shape is what they have in common, with the number of rows left open, so each of them still fits.
    Unsafe where some feed is unknown, because it may not fit.

    ## Probe
    None: a shape that is declared changes no number.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/compat/v1/placeholder
    """

    name, code, category, severity = "shapeless-placeholder", "TL707", "shape", "info"
    rank = 30
    message = "this placeholder has no shape{fed}, so TensorFlow cannot check what it meets"

    VALID = [
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {x: np.random.rand(10, 3)})\n",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "keep_prob = tf.placeholder(tf.float32)\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(tf.nn.dropout(x, keep_prob), 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {x: np.random.rand(10, 3), keep_prob: 0.5})\n",
            why="a single number is fed",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32)\n"
            "slope = tf.Variable(0.0)\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.square(x * slope - 1.0))\n"
            "points = np.linspace(0, 1, 20)\n"
            "with tf.Session() as session:\n"
            "    for point in points:\n"
            "        session.run(train, {x: point})\n"
            "    print(session.run(x * slope, {x: points}))\n",
            why="numbers and arrays are fed, so no shape fits",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def scale(batch):\n"
            "    factor = tf.placeholder(tf.float32)\n"
            "    return batch * factor, factor\n",
            why="nothing tells what is fed",
        ),
        Valid(
            "import tensorflow as tf\n"
            "is_training = tf.placeholder_with_default(False, shape=None)\n"
            "x = tf.placeholder('float', shape=(None, 2))\n"
            "h = tf.layers.dropout(tf.layers.dense(x, 2), training=is_training)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(h))\n",
        ),
    ]
    INVALID = [
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32)\n"
            "w = tf.get_variable('w', [3, 1])\n"
            "loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "points = np.random.rand(1000, 3)\n"
            "with tf.Session() as session:\n"
            "    for i in range(0, 1000, 50):\n"
            "        session.run(train, feed_dict={x: points[i:i + 50]})\n",
            at="tf.placeholder(tf.float32)",
            severity="info",
            message="it is fed [50, 3]",
            traces=("fed here",),
            fixed="import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, shape=[None, 3])\n"
            "w = tf.get_variable('w', [3, 1])\n"
            "loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "points = np.random.rand(1000, 3)\n"
            "with tf.Session() as session:\n"
            "    for i in range(0, 1000, 50):\n"
            "        session.run(train, feed_dict={x: points[i:i + 50]})\n",
        ),
        Invalid(
            "import numpy as np\n"
            "from tensorflow.compat.v1 import placeholder as ph\n"
            "import tensorflow.compat.v1 as tf\n"
            "class Config:\n"
            "    kind = tf.float32\n"
            "def inputs():\n"
            "    return ph(Config.kind)\n"
            "x = inputs()\n"
            "slope = tf.Variable(0.0)\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(tf.square(x * slope - 1.0)))\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {x: np.linspace(0, 1, 20)})\n",
            at="ph(Config.kind)",
            fixed="import numpy as np\n"
            "from tensorflow.compat.v1 import placeholder as ph\n"
            "import tensorflow.compat.v1 as tf\n"
            "class Config:\n"
            "    kind = tf.float32\n"
            "def inputs():\n"
            "    return ph(Config.kind, shape=[None])\n"
            "x = inputs()\n"
            "slope = tf.Variable(0.0)\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(tf.square(x * slope - 1.0)))\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {x: np.linspace(0, 1, 20)})\n",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\nx = tf.placeholder(tf.float32)\n",
                "h = tf.matmul(x, tf.get_variable('w', [4, 2]))\n"
                "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(h))\n",
            ),
            at="tf.placeholder(tf.float32)",
            cell=0,
            why="a matrix product needs rows and columns",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for operation in program.of_kind("placeholder"):
            if operation.attributes.get("declared") is not None or "default" in operation.attributes:
                continue
            given = operation.arguments.get("shape")
            if given is not None and given.given and not _is_none(given.value):
                # A shape is written there, only not one that is known.
                continue
            feeds = program.feeds(operation.id)
            shapes = [feed.value.shape if isinstance(feed.value, Tensor) else None for feed in feeds]
            ranked = [shape for shape in shapes if shape]
            multiplied = any(
                user.kind in ("matmul", "convolution") and _takes(user, operation)
                for user in program.consumers(operation.id)
            )
            # A feed of unknown rank may be a single number, which a placeholder with a shape would refuse.
            if not multiplied and (not ranked or not all(shapes)):
                continue
            first = next((feed for feed in feeds if isinstance(feed.value, Tensor) and feed.value.shape), None)
            yield self.report(
                operation.place,
                fed=f" (it is fed {show(ranked[0])})" if ranked else "",
                trace=[Step(first.place, "fed here")] if first is not None else [],
                remedies=_remedies(operation, feeds, shapes),
                subject=operation.id,
            )


def _is_none(value: object) -> bool:
    return getattr(value, "value", ...) is None


def _takes(user: Operation, operation: Operation) -> bool:
    return any(isinstance(value, Tensor) and value.op is operation.id for value in user.inputs[:2])


def _remedies(operation: Operation, feeds: list[Feed], shapes: list[Shape]) -> list[Remedy]:
    """The shape that all known feeds have in common, with the number of rows left open."""
    known = [shape for shape in shapes if shape]
    if not known or any(len(shape) != len(known[0]) for shape in known):
        return []
    common = ["None"]
    for dims_ in list(zip(*known))[1:]:
        common.append(str(dims_[0]) if isinstance(dims_[0], int) and len(set(dims_)) == 1 else "None")
    text = f"[{', '.join(common)}]"
    argument = operation.arguments.get("shape")
    existing = argument.place if argument is not None else None
    safety = "safe" if len(known) == len(feeds) else "unsafe"
    return [
        Remedy(f"Declare `shape={text}`", safety, (SetArgument(operation.place, "shape", (text,), existing=existing),))
    ]
