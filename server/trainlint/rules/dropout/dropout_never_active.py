"""dropout-never-active: a dropout of TensorFlow 1 that nothing turns on."""

from __future__ import annotations

from collections.abc import Iterator

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, SetArgument, Source
from trainlint.program import dropouts
from trainlint.program.assumptions import assumptions
from trainlint.program.events import SessionRun
from trainlint.program.operations import Operation
from trainlint.program.program import Program
from trainlint.program.values import FALSE, Const, Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid

OFF_BY_DEFAULT = "tf.layers.dropout"

FORMS = (OFF_BY_DEFAULT, "tf.contrib.layers.dropout", "tf.contrib.slim.dropout")


class DropoutNeverActive(Rule):
    """
    ## What it does
    Reports `tf.layers.dropout` that is off in every training step: `training` is left at its default `False`, or its placeholder is never fed `True`.
    A rate that is written as 0 is an information.

    ## Why it is bad
    The layer then returns its input unchanged.
    The network trains without the regularization that the code promises, and nobody notices.

    ## Example
    ```python
    hidden = tf.layers.dropout(hidden, rate=0.4)
    ```

    ## Use instead
    ```python
    is_training = tf.placeholder_with_default(False, [])
    hidden = tf.layers.dropout(hidden, rate=0.4, training=is_training)
    session.run(train_op, {x: batch, y: labels, is_training: True})
    ```

    ## Fix safety
    Unsafe: dropout starts to act, so training changes.
    It is offered where another dropout of the same function shows the flag.

    ## Probe
    Counts the zeros behind the layer in training mode: there are none.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/compat/v1/layers/dropout
    - tensorflow/tensorflow#30301, tensorflow/benchmarks#195
    """

    name, code, category, severity = "dropout-never-active", "TL402", "dropout", "warning"
    rank = 45
    evidence = ("certificate",)
    message = "this dropout never drops anything: {why}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "is_training = tf.placeholder_with_default(False, [])\n"
            "hidden = tf.layers.dense(x, 16, activation=tf.nn.relu)\n"
            "hidden = tf.layers.dropout(hidden, rate=0.4, training=is_training)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=tf.layers.dense(hidden, 3))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {x: inputs, y: labels, is_training: True})\n",
            why="training turns it on",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def model_fn(features, labels, mode):\n"
            "    hidden = tf.layers.dense(features, 16, activation=tf.nn.relu)\n"
            "    hidden = tf.layers.dropout(hidden, rate=0.4, training=mode == tf.estimator.ModeKeys.TRAIN)\n"
            "    return tf.layers.dense(hidden, 3)\n",
            why="the mode of an Estimator is not known here",
        ),
        Valid(
            "import tensorflow.compat.v1 as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "learning = tf.placeholder(tf.bool, [])\n"
            "hidden = tf.layers.dropout(tf.layers.dense(x, 16), rate=0.4, training=learning)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=tf.layers.dense(hidden, 3))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(train, feed_dict=make_feeds())\n",
            why="the feeds are unknown",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "def network(training):\n"
            "    with tf.variable_scope('net', reuse=tf.AUTO_REUSE):\n"
            "        hidden = tf.layers.dense(x, 16, activation=tf.nn.relu, name='hidden')\n"
            "        hidden = tf.layers.dropout(hidden, rate=0.4, training=training)\n"
            "        return tf.layers.dense(hidden, 3, name='out')\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=network(True))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "answer = tf.argmax(network(False), 1)\n",
            why="off in the graph of the evaluation only",
        ),
        Valid(
            "import tensorflow as tf\n"
            "slim = tf.contrib.slim\n"
            "def network(x, is_training=True):\n"
            "    with slim.arg_scope([slim.dropout], is_training=is_training):\n"
            "        return slim.fully_connected(slim.dropout(x, 0.8), 10)\n"
            "answer = tf.argmax(network(tf.placeholder(tf.float32, [None, 8]), is_training=False), 1)\n",
            why="a scope turns it off where answers are computed",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dropout(0.4), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            why="Keras turns its layers on",
        ),
        Valid(
            "from tensorflow.keras import Input, Sequential, layers\n"
            "class Config:\n"
            "    rate = 0.0\n"
            "def block(rate=0.0):\n"
            "    return [layers.Dense(16, activation='relu'), layers.Dropout(rate)]\n"
            "model = Sequential([Input((8,)), *block(), *block(Config.rate), layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            why="a rate of 0 that can be set",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "hidden = tf.layers.dense(x, 16, activation=tf.nn.relu)\n"
            "hidden = tf.layers.dropout(hidden, rate=0.4)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=tf.layers.dense(hidden, 3))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.layers.dropout(hidden, rate=0.4)",
            severity="warning",
            message="`training` is False by default",
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "tf.disable_v2_behavior()\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "learning = tf.placeholder(tf.bool, [])\n"
            "first = tf.layers.dropout(tf.layers.dense(x, 16), 0.4, training=learning)\n"
            "second = tf.layers.dropout(tf.layers.dense(first, 16), 0.4)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=tf.layers.dense(second, 3))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {x: inputs, y: labels, learning: True})\n",
            at="tf.layers.dropout(tf.layers.dense(first, 16), 0.4)",
            why="one of two was forgotten",
            fixed=(
                "import tensorflow.compat.v1 as tf\n"
                "tf.disable_v2_behavior()\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.int64, [None])\n"
                "learning = tf.placeholder(tf.bool, [])\n"
                "first = tf.layers.dropout(tf.layers.dense(x, 16), 0.4, training=learning)\n"
                "second = tf.layers.dropout(tf.layers.dense(first, 16), 0.4, training=learning)\n"
                "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=tf.layers.dense(second, 3))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
                "with tf.Session() as session:\n"
                "    session.run(train, {x: inputs, y: labels, learning: True})\n"
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "def block(tensor, units, training):\n"
            "    tensor = tf.layers.dense(tensor, units, activation=tf.nn.relu)\n"
            "    return tf.layers.dropout(tensor, 0.3, training=training)\n"
            "training = tf.placeholder_with_default(False, [])\n"
            "hidden = x\n"
            "for units in (32, 16):\n"
            "    hidden = block(hidden, units, training)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=tf.layers.dense(hidden, 3))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {x: inputs, y: labels})\n",
            at="tf.layers.dropout(tensor, 0.3, training=training)",
            message="no training step",
            traces=("stays False",),
            why="the switch through a function and a loop, never fed",
        ),
        Invalid(
            "",
            cells=(
                "from tensorflow.compat.v1 import layers, losses, placeholder, train, float32, int64\n"
                "x, y = placeholder(float32, [None, 8]), placeholder(int64, [None])\n",
                "hidden = layers.dropout(layers.dense(x, 16), rate=0.5, training=False)\n"
                "loss = losses.sparse_softmax_cross_entropy(labels=y, logits=layers.dense(hidden, 3))\n"
                "step = train.AdamOptimizer().minimize(loss)\n",
            ),
            at="layers.dropout(layers.dense(x, 16), rate=0.5, training=False)",
            cell=1,
            message="`training` is False",
            why="in a notebook, names from the module",
        ),
        Invalid(
            "from tensorflow import keras\n"
            "from tensorflow.keras.layers import Dense, Dropout\n"
            "model = keras.Sequential([keras.Input((8,)), Dense(16, activation='relu'), Dropout(0.0), Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            at="Dropout(0.0)",
            severity="info",
            message="its rate is 0",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        losses = [event.loss for event in program.minimized]
        runs = [run for run in program.runs if dropouts.role(program, run) == "train"]
        for dropout in program.of_kind("dropout"):
            nothing = _keeps_all(dropout)
            if nothing is not None:
                yield self.report(dropout.place, why=nothing, severity="info", subject=dropout.id)
                continue
            if dropout.name not in FORMS:
                continue
            trained = [loss for loss in losses if isinstance(loss, Tensor) and dropout.id in program.ancestors(loss)]
            argument = dropout.arguments.get("training") or dropout.arguments.get("is_training")
            if argument is None:
                continue
            if dropout.attributes.get("training") == FALSE:
                # Those of tf.contrib are on, if nothing else is said: an `arg_scope` around the call says it.
                is_default = argument.place is None and dropout.name == OFF_BY_DEFAULT
                if (losses and not trained) or (not losses and not is_default):
                    continue
                why = "`training` is False by default" if is_default else "`training` is False"
                yield self.report(
                    dropout.place, why=why, assumed=assumptions(argument), remedies=self._remedies(program, dropout),
                    subject=dropout.id,
                )  # fmt: skip
            elif trained:
                steps = [run for run in runs if self._reaches(program, run, dropout)]
                if steps and all(self._off(program, run, dropout) for run in steps):
                    trace = [Step(steps[0].place, "the flag stays False in this training step")]
                    why = "no training step feeds its flag True"
                    yield self.report(dropout.place, why=why, trace=trace, subject=dropout.id)

    @staticmethod
    def _reaches(program: Program, run: SessionRun, dropout: Operation) -> bool:
        return any(dropout.id in program.ancestors(fetch) for fetch in run.fetches)

    @staticmethod
    def _off(program: Program, run: SessionRun, dropout: Operation) -> bool:
        return (
            dropouts.readable(program, dropout, run)
            and dropouts.active(program, dropout, dropouts.fed_in(run)) is False
        )

    @staticmethod
    def _remedies(program: Program, dropout: Operation) -> list[Remedy]:
        """The flag of another dropout, if one that stands before it in the same function has a named one."""
        for other in program.of_kind("dropout"):
            if other.id is dropout.id:
                break
            argument = other.arguments.get("training")
            if (
                argument is None
                or argument.place is None
                or argument.spelled is None
                or other.id.frame is not dropout.id.frame
            ):
                continue
            existing = dropout.arguments["training"].place
            action = SetArgument(dropout.place, "training", (Source(argument.place),), existing=existing)
            return [Remedy(f"Set `training={argument.spelled}`", "unsafe", (action,))]
        return []


def _keeps_all(dropout: Operation) -> str | None:
    """That a dropout is written to keep everything; a variable that happens to do so is a choice of the author."""
    for name, nothing in (("keep_prob", 1), ("rate", 0)):
        argument = dropout.arguments.get(name)
        attribute = dropout.attributes.get("keep" if name == "keep_prob" else name)
        if argument is None or not argument.given or argument.spelled is not None or argument.value != attribute:
            continue
        if isinstance(argument.value, Const) and not argument.value.assumed and argument.value.value == nothing:
            return f"its {'keep probability' if name == 'keep_prob' else 'rate'} is {nothing}"
    return None
