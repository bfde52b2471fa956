"""slow-default-learning-rate: Adadelta with a rate a thousand times smaller than its paper's."""

from __future__ import annotations

from collections.abc import Iterator

from trainlint.fixes.actions import Remedy, SetArgument
from trainlint.program.program import Program
from trainlint.program.values import Const
from trainlint.rules.base import Invalid, Report, Rule, Valid

TOO_SLOW = 0.01
"""Constant rates up to this one crawl as well: measured .001 against 1.0, relative skill lost 1.7 at 50 steps (rules.md, TL501)."""


class SlowDefaultLearningRate(Rule):
    """
    ## What it does
    Reports Adadelta with its default learning rate of 0.001, or with a constant rate of at most 0.01.

    ## Why it is bad
    The method was published with a rate of 1.0, and old standalone Keras used that.
    TensorFlow's default is a thousand times smaller, so the weights hardly move and the loss crawls.

    ## Example
    ```python
    model.compile(optimizer="adadelta", loss="mse")
    ```

    ## Use instead
    ```python
    model.compile(optimizer=keras.optimizers.Adadelta(learning_rate=1.0), loss="mse")
    ```

    ## Fix safety
    Unsafe: training changes, which is the point.

    ## Probe
    Trains with the rate as written and with 1.0, and compares how far the weights move.

    ## References
    - Zeiler, "ADADELTA: An Adaptive Learning Rate Method", arXiv:1212.5701
    - tensorflow/tensorflow#36785, tensorflow/tensorflow#39432
    """

    name, code, category, severity = "slow-default-learning-rate", "TL501", "optimizer", "warning"
    rank = 60
    evidence = ("training",)
    message = "Adadelta runs with a learning rate of {rate:g}; the method was made for 1.0, so the weights hardly move"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "optimizer = tf.train.AdadeltaOptimizer(learning_rate=1.0)\n"
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "w = tf.get_variable('w', [3, 1])\n"
            "loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))\n"
            "train = tf.train.AdadeltaOptimizer().minimize(loss)\n",
            at="tf.train.AdadeltaOptimizer()",
            severity="warning",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for key, optimizer in program.objects:
            if optimizer.kind != "optimizer" or not optimizer.name.endswith(("Adadelta", "AdadeltaOptimizer")):
                continue
            argument = optimizer.arguments.get("learning_rate") or optimizer.arguments.get("lr")
            if argument is None or not isinstance(argument.value, Const):
                continue
            rate = argument.value.value
            if not isinstance(rate, (int, float)) or isinstance(rate, bool) or not 0 < rate <= TOO_SLOW:
                continue
            remedy = Remedy(
                "Set `learning_rate=1.0`",
                "unsafe",
                (SetArgument(optimizer.place, "learning_rate", ("1.0",), existing=argument.place),),
            )
            yield self.report(optimizer.place, rate=rate, remedies=[remedy], subject=key)
