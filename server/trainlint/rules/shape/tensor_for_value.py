"""tensor-for-value: a tensor of a graph that is given to what needs a value or a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.program.events import SessionOpened
from trainlint.program.values import Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Value
    from trainlint.source.code import Place

_ASSIGNS = ("tf.assign", "tf.assign_add", "tf.assign_sub")
_COMPUTED = frozenset((
    "add", "subtract", "multiply", "divide", "matmul", "convolution", "reduce", "activation", "constant", "random", "square",
    "exp", "log", "negative", "cast", "loss",
))  # fmt: skip
"""Kinds whose results are certainly no variables."""


class TensorForValue(Rule):
    """
    ## What it does
    Reports tensors of a graph of TensorFlow 1 in the value of `tf.constant` and in a dictionary of feeds, and a result of an operation that `tf.assign` shall change.
    Only programs that open a session are looked at.

    ## Why it is bad
    A tensor of a graph stands for what a session will compute; it has no value yet.
    A constant needs one when it is made, a feed when it is run: both end with a `TypeError`.
    Only a variable can be assigned to; other tensors are computed anew in each run.

    ## Example
    ```python
    noise = tf.constant(tf.random_normal([2, 2]))
    session.run(step, {x: tf.zeros([32, 784])})
    ```

    ## Use instead
    ```python
    noise = tf.random_normal([2, 2])
    session.run(step, {x: np.zeros([32, 784])})
    ```

    ## Fix safety
    None: a tensor, a variable or a run of the session may be meant.

    ## Probe
    Makes the same mistake in a small graph of the installed TensorFlow.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/compat/v1/Session
    - https://www.tensorflow.org/api_docs/python/tf/compat/v1/assign
    - Zhang et al., "An Empirical Study on TensorFlow Program Bugs", ISSTA 2018: confusion with the computation model
    """

    name, code, category, severity = "tensor-for-value", "TL711", "shape", "error"
    rank = 40
    evidence = ("certificate",)
    message = "{what}"

    VALID = [
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "scale = tf.constant(np.random.normal(size=8), tf.float32)\n"
            "y = x * scale\n"
            "with tf.Session() as session:\n"
            "    print(session.run(y, {x: np.zeros([2, 8])}))\n",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [2])\n"
            "state = tf.Variable(tf.zeros([2]))\n"
            "after = state + x\n"
            "keep = tf.assign(state, after)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    value = session.run(tf.zeros([2]))\n"
            "    for _ in range(10):\n"
            "        value = session.run(keep, {x: value})\n",
            why="what a run gives is a value",
        ),
        Valid(
            "import tensorflow as tf\na = tf.random.normal([2, 2])\nb = tf.constant(a)\nprint(b.numpy())\n",
            why="without a graph, each tensor has a value",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def weights(name, shape):\n"
            "    return tf.get_variable(name, shape)\n"
            "w = weights('w', [3])\n"
            "shrink = tf.assign(w, w * 0.9)\n"
            "session = tf.Session()\n"
            "session.run(tf.global_variables_initializer())\n"
            "session.run(shrink)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "import layers\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "change = tf.assign(layers.state(x), [1.0])\n"
            "with tf.Session() as session:\n"
            "    session.run(change, {x: layers.batch()})\n",
            why="what other code returns is not known",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\nx = tf.placeholder(tf.float32, [3])\nsize = x.get_shape()[0]\n",
                "session = tf.InteractiveSession()\n"
                "ones = tf.constant(1.0, shape=[size])\n"
                "print((x + ones).eval({x: [1.0, 2.0, 3.0]}))\n",
            ),
            why="a shape that is known is a number",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "noise = tf.constant(tf.random_normal([2, 2]))\n"
            "with tf.Session() as session:\n"
            "    print(session.run(noise))\n",
            at="tf.random_normal([2, 2])",
            severity="error",
            message="`tf.constant` needs a value",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [10])\n"
            "y = x * 2\n"
            "value = tf.zeros_like(x)\n"
            "with tf.Session() as session:\n"
            "    print(session.run(y, {x: value}))\n",
            at="value",
            occurrence=1,
            severity="error",
            message="cannot be fed",
            traces=("this tensor is made here",),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Counter:\n"
            "    def __init__(self, size):\n"
            "        self.state = tf.zeros([size])\n"
            "        self.up = tf.assign_add(self.state, tf.ones([size]))\n"
            "counter = Counter(2)\n"
            "with tf.Session() as session:\n"
            "    print(session.run(counter.up))\n",
            at="self.state",
            occurrence=1,
            severity="error",
            message="no variable",
            traces=("made here",),
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "CONFIG = {'scale': 5}\n"
                "x = tf.constant(35, name='x')\n"
                "y = tf.constant(x + CONFIG['scale'], name='y')\n",
                "session = tf.InteractiveSession()\n"
                "print(y.eval())\n",
            ),
            at="x + CONFIG['scale']",
            cell=0,
            severity="error",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        if not any(program.events_of(SessionOpened)):
            return
        for operation in program.of_kind("identity", "assign"):
            if operation.context.guarded:
                continue
            if operation.name == "tf.constant" and operation.inputs:
                what = "`tf.constant` needs a value, and this is a tensor of the graph: TypeError"
                yield from self._of(program, operation, operation.inputs[0], what)
            elif operation.name in _ASSIGNS and operation.inputs:
                target = program.operation(operation.inputs[0])
                if target is not None and target.kind in _COMPUTED:
                    what = f"`{operation.name}` changes a variable, and this is no variable: it has no value to keep"
                    yield from self._of(program, operation, operation.inputs[0], what)
        seen: set[Place] = set()
        for run in program.runs:
            for feed in run.feeds if not run.context.guarded else ():
                made = program.operation(feed.value)
                if made is None or feed.place in seen or not _is_of_graph(made, feed.value):
                    continue
                seen.add(feed.place)
                yield self.report(
                    feed.place,
                    what="a tensor of the graph cannot be fed: TypeError; a feed is an array or a number",
                    trace=[Step(made.place, "this tensor is made here")] if made.place != feed.place else [],
                    subject=made.id,
                )

    def _of(self, program: Program, operation: Operation, value: Value, what: str) -> Iterator[Report]:
        made = program.operation(value)
        if made is None or not _is_of_graph(made, value):
            return
        argument = next((a for a in operation.arguments.values() if a.given and a.value == value and a.place), None)
        place = (argument.place if argument is not None else None) or operation.place
        trace = [Step(made.place, "this tensor is made here")] if made.place != place else []
        yield self.report(place, what=what, trace=trace, subject=operation.id)


def _is_of_graph(made: Operation, value: Value) -> bool:
    """Whether a function of TensorFlow has put a value into the graph."""
    if not isinstance(value, Tensor) or value.library != "tf" or value.assumed or made.context.guarded:
        return False
    if made.kind in ("placeholder", "variable"):
        return made.name.startswith("tf.")
    return made.kind in _COMPUTED and (made.name.startswith("tf.") or made.name.startswith("operator"))
