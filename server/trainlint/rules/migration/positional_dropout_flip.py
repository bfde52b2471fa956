"""positional-dropout-flip: the second argument of `tf.nn.dropout` changed its meaning from TensorFlow 1 to 2."""

from __future__ import annotations

from collections.abc import Iterator

from trainlint import tfapi
from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, RenameArgument, Wrap
from trainlint.program import dropouts, shares
from trainlint.program.assumptions import assumptions
from trainlint.program.operations import Operation
from trainlint.program.program import Program
from trainlint.program.values import ApiObject, Argument
from trainlint.rules.base import Invalid, Report, Rule, Valid

USUAL_KEEP = 0.75
"""Shares to keep of published TensorFlow 1 code: .75, .8, .9 (rules.md, TL002)."""

TOLERANCE = 1e-6


class PositionalDropoutFlip(Rule):
    """
    ## What it does
    Reports `tf.nn.dropout(x, p)` whose second argument means the opposite in the version that the file is written for.
    In TensorFlow 1 it is the share to keep, in TensorFlow 2 the share to drop.

    ## Why it is bad
    Code that was moved over runs without an error.
    `tf.nn.dropout(x, 0.9)` used to set a tenth of the units to zero; now it sets nine tenths to zero.

    ## Example
    ```python
    keep_prob = 0.9
    hidden = tf.nn.dropout(hidden, keep_prob)
    ```

    ## Use instead
    ```python
    keep_prob = 0.9
    hidden = tf.nn.dropout(hidden, rate=1 - keep_prob)
    ```

    ## Fix safety
    Unsafe: training changes, and only the author knows which share is meant.

    ## Probe
    Counts the zeros behind such a call of the installed version.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/nn/dropout
    - https://www.tensorflow.org/api_docs/python/tf/compat/v1/nn/dropout
    - https://github.com/tensorflow/tensorflow/releases/tag/v1.13.1
    """

    name, code, category, severity = "positional-dropout-flip", "TL002", "migration", "error"
    rank = 32
    evidence = ("certificate",)
    message = "the second argument of `tf.nn.dropout` is {actual} here, and {given} {reason}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "keep_prob = 0.9\n"
            "weights = tf.Variable(tf.random.normal((8, 3)))\n"
            "def network(x):\n"
            "    return tf.nn.dropout(x @ weights, rate=1 - keep_prob)\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "with tf.GradientTape() as tape:\n"
            "    loss = tf.reduce_mean(network(x) ** 2)\n"
            "optimizer.apply_gradients([(tape.gradient(loss, weights), weights)])\n",
        ),
        Valid(
            "import tensorflow.compat.v1 as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "keep_prob = tf.placeholder(tf.float32)\n"
            "hidden = tf.nn.dropout(x, keep_prob)\n"
            "tf.Session().run(hidden, {x: data, keep_prob: 1.0})\n",
            why="in TensorFlow 1 it is the share to keep",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def block(x, dropout=0.2):\n"
            "    return tf.nn.dropout(x, dropout)\n"
            "print(block(tf.random.normal((4, 8))))\n",
            why="neither name nor value points to a share to keep",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def block(x, settings):\n"
            "    return tf.nn.dropout(x, settings.p)\n",
            why="it cannot be known",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def inference(net, keep_probability):\n"
            "    return tf.nn.dropout(tf.nn.relu(net), keep_probability)\n",
            why="nothing shows which version this is written for",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "keep_prob = 0.9\n"
            "weights = tf.Variable(tf.random.normal((8, 3)))\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "with tf.GradientTape() as tape:\n"
            "    hidden = tf.nn.dropout(tf.random.normal((4, 8)), keep_prob)\n"
            "    loss = tf.reduce_mean((hidden @ weights) ** 2)\n"
            "optimizer.apply_gradients([(tape.gradient(loss, weights), weights)])\n",
            at="keep_prob",
            occurrence=1,
            severity="error",
            message="`keep_prob` (0.9) is a share to keep",
            fixed=(
                "import tensorflow as tf\n"
                "keep_prob = 0.9\n"
                "weights = tf.Variable(tf.random.normal((8, 3)))\n"
                "optimizer = tf.keras.optimizers.Adam()\n"
                "with tf.GradientTape() as tape:\n"
                "    hidden = tf.nn.dropout(tf.random.normal((4, 8)), rate=1 - keep_prob)\n"
                "    loss = tf.reduce_mean((hidden @ weights) ** 2)\n"
                "optimizer.apply_gradients([(tape.gradient(loss, weights), weights)])\n"
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Config:\n"
            "    keep_rate = 0.8\n"
            "def block(x, units, keep):\n"
            "    for _ in range(2):\n"
            "        x = tf.nn.dropout(tf.keras.layers.Dense(units)(x), keep)\n"
            "    return x\n"
            "inputs = tf.keras.Input((8,))\n"
            "model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(block(inputs, 16, Config.keep_rate)))\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            at="keep",
            fixed=(
                "import tensorflow as tf\n"
                "class Config:\n"
                "    keep_rate = 0.8\n"
                "def block(x, units, keep):\n"
                "    for _ in range(2):\n"
                "        x = tf.nn.dropout(tf.keras.layers.Dense(units)(x), rate=1 - keep)\n"
                "    return x\n"
                "inputs = tf.keras.Input((8,))\n"
                "model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(block(inputs, 16, Config.keep_rate)))\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(x, y)\n"
            ),
            occurrence=2,
            message="0.8",
            why="through a function, in a loop",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "dropout_rate = tf.placeholder(tf.float32)\n"
            "hidden = tf.nn.dropout(tf.layers.dense(x, 16), dropout_rate)\n"
            "answer = tf.layers.dense(hidden, 1)\n"
            "tf.Session().run(answer, {x: data, dropout_rate: 0.1})\n",
            at="dropout_rate",
            occurrence=1,
            message="is a share to drop",
            fixed=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "dropout_rate = tf.placeholder(tf.float32)\n"
                "hidden = tf.nn.dropout(tf.layers.dense(x, 16), keep_prob=1 - dropout_rate)\n"
                "answer = tf.layers.dense(hidden, 1)\n"
                "tf.Session().run(answer, {x: data, dropout_rate: 0.1})\n"
            ),
            why="the other way round, in TensorFlow 1",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "v1 = tf.compat.v1\n"
                "w = v1.get_variable('w', [8, 3])\n",
                "hidden = tf.nn.dropout(tf.matmul(data, w), 0.75)\n"
                "loss = tf.reduce_mean(hidden ** 2)\n"
                "train = v1.train.AdamOptimizer().minimize(loss)\n",
            ),
            at="0.75",
            fixed=(
                "import tensorflow as tf\n"
                "v1 = tf.compat.v1\n"
                "w = v1.get_variable('w', [8, 3])\n"
                "\n"
                "hidden = tf.nn.dropout(tf.matmul(data, w), rate=1 - 0.75)\n"
                "loss = tf.reduce_mean(hidden ** 2)\n"
                "train = v1.train.AdamOptimizer().minimize(loss)\n"
            ),
            cell=1,
            message="from TensorFlow 1",
            why="the value and the company it keeps, in a notebook",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for dropout in program.of_kind("dropout"):
            if dropout.name != "tf.nn.dropout":
                continue
            for parameter, actual, expected in (
                ("rate", "the share to drop", "drop"),
                ("keep_prob", "the share to keep", "keep"),
            ):
                argument = dropout.arguments.get(parameter)
                if argument is None or not argument.positional or argument.place is None:
                    continue
                report = self._of(program, dropout, argument, parameter, actual, expected)
                if report is not None:
                    yield report

    def _of(
        self, program: Program, dropout: Operation, argument: Argument, parameter: str, actual: str, expected: str
    ) -> Report | None:
        if expected == "drop" and not is_modern(program):
            return None
        said = shares.meaning(argument.spelled)
        value = dropouts.number(program, argument.value, {})
        trace = []
        amount = "" if value is None else f" ({value:g})"
        if said is not None and said != expected:
            reason = f"is a share to {said}"
            given = f"`{argument.spelled}`{amount}"
        elif said is None and expected == "drop" and value is not None and USUAL_KEEP - TOLERANCE <= value < 1:
            origin = old_call(program)
            if origin is None:
                return None
            given, reason = f"{value:g}", "is a usual share to keep in code from TensorFlow 1"
            trace = [Step(origin.place, "a call from TensorFlow 1")]
        else:
            return None
        same = value is not None and abs(value - 0.5) < TOLERANCE
        assert argument.place is not None
        actions = (RenameArgument(dropout.place, argument.place, parameter), Wrap(argument.place, ("1 - ",), ()))
        shown = argument.spelled or f"{value:g}"
        return self.report(
            argument.place, actual=actual, given=given, reason=reason, severity="info" if same else "error", trace=trace,
            remedies=[Remedy(f"Write `{parameter}=1 - {shown}`", "unsafe", actions)], assumed=assumptions(argument),
            subject=dropout.id,
        )  # fmt: skip


def is_modern(program: Program) -> bool:
    """Whether the program shows that it runs on TensorFlow 2: Keras, compat.v1, or a name that TensorFlow 1 has not."""
    return bool(program.once(f"{__name__}.modern", _is_modern, lasts=True))


def _is_modern(program: Program) -> bool:
    for record in program.heap.values():
        symbol = record.symbol if isinstance(record, (Operation, ApiObject)) else None
        if symbol is None or not symbol.path.startswith(("tensorflow", "keras", "tf_keras")):
            continue
        if symbol.path.startswith(("tensorflow.keras.", "keras.", "tf_keras.", "tensorflow.compat.v1.")):
            return True
        allowed = tfapi.availability(symbol)
        if allowed and not any(generation.startswith("1") for generation in allowed):
            return True
    return False


def old_call(program: Program) -> Operation | None:
    """A call by a name of TensorFlow 1: the program was moved over, or is half moved."""
    for operation in program.operations:
        if operation.symbol is not None and operation.symbol.path.startswith("tensorflow.compat.v1."):
            return operation
    return None
