"""tie-counting-accuracy: `in_top_k` on clipped scores counts ties as right answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import ApiName, Piece, Remedy, ReplaceValue, Source
from trainlint.program.assumptions import assumptions
from trainlint.program.metrics import Measured, measured
from trainlint.program.operations import Operation
from trainlint.program.program import Program
from trainlint.program.values import Const, Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from trainlint.program.values import Id, Value
    from trainlint.source.code import Place

TIED = {
    "relu": "every negative score is 0", "relu6": "scores end up at 0 and at 6", "hard_sigmoid": "scores end up at 0 and at 1",
    "hard_tanh": "scores end up at -1 and at 1", "clip": "scores end up at the limits",
}  # fmt: skip
"""Functions that map many different scores to the same one."""

STEPS = {"round": "scores end up at whole numbers", "sign": "scores end up at -1 and at 1"}
"""The same of operations that are no activation."""

SATURATED = 30.0
"""Root mean square before a sigmoid from which more than a quarter of its values is exactly 1 in float32 (17 is enough)."""

METRICS = {
    "TopKCategoricalAccuracy": "CategoricalAccuracy", "SparseTopKCategoricalAccuracy": "SparseCategoricalAccuracy",
}  # fmt: skip
"""Metrics of Keras that ask `in_top_k`, and what computes the same for the best one."""


class TieCountingAccuracy(Rule):
    """
    ## What it does
    Reports `tf.nn.in_top_k`, and the top-k metrics of Keras that call it, on scores that were cut off, by ReLU for example.
    A sigmoid counts as well where its inputs are so large (a root mean square above 30) that many results are exactly 1.

    ## Why it is bad
    `in_top_k` counts every class that ties with the best as right.
    A row of zeros is a tie of all classes, so a network that predicts nothing reaches an accuracy of 100 %.
    Measured on one program: 1.00 by `in_top_k`, 0.05 by `argmax`.

    ## Example
    ```python
    logits = tf.layers.dense(hidden, 7, activation=tf.nn.relu)
    correct = tf.nn.in_top_k(logits, labels, 1)
    ```

    ## Use instead
    ```python
    logits = tf.layers.dense(hidden, 7)
    correct = tf.equal(tf.argmax(logits, 1, output_type=labels.dtype), labels)
    ```

    ## Fix safety
    Safe for `k=1`: where no two scores tie, `argmax` counts the same answers, and where they tie it counts one class instead of all.
    For a larger k there is no fix.
    Unsafe for a metric of a compiled model, since its name in the history changes.

    ## Probe
    Asks the installed metric about a network that answers the same for every class.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/math/in_top_k
    - tensorflow/tensorflow#10489, tensorflow/tensorflow#13005
    """

    name, code, category, severity = "tie-counting-accuracy", "TL903", "metrics", "error"
    rank = 50
    evidence = ("certificate",)
    message = "`{metric}` counts ties as right, and these scores went through {function}: {effect}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int32, [None])\n"
            "logits = tf.layers.dense(x, 7)\n"
            "accuracy = tf.reduce_mean(tf.cast(tf.nn.in_top_k(logits, y, 1), tf.float32))\n"
            "print(tf.Session().run(accuracy, {x: inputs, y: labels}))\n",
            why="free scores hardly ever tie",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int32, [None])\n"
            "logits = tf.layers.dense(x, 7, activation=tf.nn.relu)\n"
            "correct = tf.equal(tf.argmax(logits, 1, output_type=tf.int32), y)\n"
            "print(tf.Session().run(correct, {x: inputs, y: labels}))\n",
            why="argmax picks one of them",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def hits(scores, labels):\n"
            "    return tf.nn.in_top_k(scores, labels, 1)\n",
            why="what the scores are cannot be known",
        ),
        Valid(
            "import tensorflow as tf\n"
            "scores = tf.nn.softmax(tf.keras.layers.Dense(4)(tf.random.normal((8, 5))))\n"
            "print(tf.math.in_top_k(labels, scores, 1))\n",
            why="a softmax keeps different scores different",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(10, activation='softmax')])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy', metrics=['sparse_top_k_categorical_accuracy'])\n"
            "model.fit(x, y)\n",
            why="the same of a metric of Keras",
        ),
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(10, activation='sigmoid')])\n"
            "model.compile('adam', 'binary_crossentropy', metrics=[tf.keras.metrics.TopKCategoricalAccuracy(k=3)])\n"
            "model.fit(x, y)\n",
            why="sigmoids whose inputs are not known to be large",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int32, [None])\n"
            "logits = tf.layers.dense(x, 7, activation=tf.nn.relu)\n"
            "correct = tf.nn.in_top_k(logits, y, 1)\n"
            "accuracy = tf.reduce_mean(tf.cast(correct, tf.float32))\n"
            "print(tf.Session().run(accuracy, {x: inputs, y: labels}))\n",
            at="tf.nn.in_top_k(logits, y, 1)",
            severity="error",
            message="relu",
            traces=("the scores",),
            fixed=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.int32, [None])\n"
                "logits = tf.layers.dense(x, 7, activation=tf.nn.relu)\n"
                "correct = tf.equal(tf.argmax(logits, 1, output_type=tf.int32), y)\n"
                "accuracy = tf.reduce_mean(tf.cast(correct, tf.float32))\n"
                "print(tf.Session().run(accuracy, {x: inputs, y: labels}))\n"
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "head = {'relu': tf.nn.relu6}\n"
            "def hits(scores, targets):\n"
            "    return tf.math.in_top_k(targets, scores, 1)\n"
            "model = tf.keras.Sequential([tf.keras.Input((5,)), tf.keras.layers.Dense(4, activation=head['relu'])])\n"
            "model.compile('adam', 'mse')\n"
            "print(hits(model(data), labels))\n",
            at="tf.math.in_top_k(targets, scores, 1)",
            message="relu6",
            fixed=(
                "import tensorflow as tf\n"
                "head = {'relu': tf.nn.relu6}\n"
                "def hits(scores, targets):\n"
                "    return tf.equal(tf.argmax(scores, 1), tf.cast(targets, tf.int64))\n"
                "model = tf.keras.Sequential([tf.keras.Input((5,)), tf.keras.layers.Dense(4, activation=head['relu'])])\n"
                "model.compile('adam', 'mse')\n"
                "print(hits(model(data), labels))\n"
            ),
            why="TensorFlow 2 takes the targets first; the scores come through a function and a dictionary",
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "from tensorflow.compat.v1 import nn\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "tensor = x\n"
            "for units in (16, 10):\n"
            "    tensor = tf.layers.dense(tensor, units, activation=nn.relu)\n"
            "best = nn.in_top_k(tensor, y, 5)\n"
            "print(tf.Session().run(best, {x: inputs, y: labels}))\n",
            at="nn.in_top_k(tensor, y, 5)",
            why="from a loop; no fix for the best five",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow.compat.v1 as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.int64, [None])\n",
                "scores = tf.clip_by_value(tf.layers.dense(x, 3), -1.0, 1.0)\n"
                "accuracy = tf.reduce_mean(tf.cast(tf.nn.in_top_k(scores, y, 1), 'float'))\n"
                "print(accuracy.eval({x: inputs, y: labels}, session=tf.Session()))\n",
            ),
            at="tf.nn.in_top_k(scores, y, 1)",
            fixed=(
                "import tensorflow.compat.v1 as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.int64, [None])\n"
                "\n"
                "scores = tf.clip_by_value(tf.layers.dense(x, 3), -1.0, 1.0)\n"
                "accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(scores, 1), y), 'float'))\n"
                "print(accuracy.eval({x: inputs, y: labels}, session=tf.Session()))\n"
            ),
            cell=1,
            message="the limits",
            why="clipped, in a notebook",
        ),
        Invalid(
            "from tensorflow import keras\n"
            "from tensorflow.keras import layers, metrics\n"
            "model = keras.Sequential([keras.Input((8,)), layers.Dense(16, 'relu'), layers.Dense(10, 'relu')])\n"
            "loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
            "model.compile('adam', loss, metrics=[metrics.SparseTopKCategoricalAccuracy(k=1)])\n"
            "model.fit(x, y)\n",
            at="metrics.SparseTopKCategoricalAccuracy(k=1)",
            fixed=(
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers, metrics\n"
                "model = keras.Sequential([keras.Input((8,)), layers.Dense(16, 'relu'), layers.Dense(10, 'relu')])\n"
                "loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
                "model.compile('adam', loss, metrics=[metrics.SparseCategoricalAccuracy()])\n"
                "model.fit(x, y)\n"
            ),
            severity="error",
            message="`SparseTopKCategoricalAccuracy` counts ties as right",
            traces=("through relu here",),
            why="a metric of Keras",
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = 200 * np.random.normal(size=(1000, 32)).astype('float32')\n"
            "y = tf.one_hot(np.random.randint(0, 5, size=1000), 5)\n"
            "model = tf.keras.Sequential([tf.keras.Input((32,)), tf.keras.layers.Dense(5, activation='sigmoid')])\n"
            "model.compile('adam', 'binary_crossentropy', metrics=['top_k_categorical_accuracy'])\n"
            "model.fit(x, y)\n",
            at="['top_k_categorical_accuracy']",
            severity="warning",
            message="exactly 1",
            why="sigmoids that are flat, a metric by its name",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "scores = tf.round(tf.layers.dense(x, 3))\n"
            "print(tf.Session().run(tf.nn.in_top_k(scores, y, 1), {x: inputs, y: labels}))\n",
            at="tf.nn.in_top_k(scores, y, 1)",
            fixed=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.int64, [None])\n"
                "scores = tf.round(tf.layers.dense(x, 3))\n"
                "print(tf.Session().run(tf.equal(tf.argmax(scores, 1), y), {x: inputs, y: labels}))\n"
            ),
            message="whole numbers",
            why="rounded",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for operation in program.of_kind("in-top-k"):
            yield from self._report(
                program, operation.inputs[0], "in_top_k", operation.place, remedies(program, operation), operation.id
            )
        for use in measured(program):
            if use.metric in METRICS and use.predictions is not None:
                yield from self._report(
                    program, use.predictions, use.text or use.metric, use.place, other_metric(use), use.subject
                )

    def _report(
        self, program: Program, value: Value, metric: str, place: Place, found: list[Remedy], subject: Id | None
    ) -> Iterator[Report]:
        tied = ties(program, value)
        if tied is None:
            return
        function, effect = tied
        cut = clipping(program, value)
        trace = [Step(cut.place, f"the scores go through {function} here")] if cut is not None else []
        yield self.report(
            place, metric=metric, function=function, effect=effect, trace=trace, remedies=found, subject=subject,
            severity="warning" if function == "sigmoid" else None, assumed=assumptions(cut),
        )  # fmt: skip


def ties(program: Program, value: Value) -> tuple[str, str] | None:
    """What makes many scores equal, and to what they become; None where that is not known."""
    scores = program.tensor(value)
    if scores is None:
        return None
    if scores.activation in TIED:
        return str(scores.activation), TIED[str(scores.activation)]
    source = program.source(value)
    if source is None:
        return None
    if source.kind in STEPS:
        return source.kind, STEPS[source.kind]
    entering = program.tensor(source.inputs[0]) if source.inputs else None
    if scores.activation == "sigmoid" and source.kind == "activation" and entering is not None:
        if entering.rms is not None and entering.rms > SATURATED:
            return "sigmoid", f"its inputs have an rms of {entering.rms:.0f} at the start, so many scores are exactly 1"
    return None


def clipping(program: Program, value: Value) -> Operation | None:
    """The operation that makes scores equal."""
    found = program.source(value)
    return found if found is not None and (found.kind in ("activation", "clip") or found.kind in STEPS) else None


def other_metric(use: Measured) -> list[Remedy]:
    """The metric for the best one, which takes the first of equal scores."""
    k = use.arguments.get("k")
    given = [name for name, argument in use.arguments.items() if argument.given]
    if use.form not in ("object", "call") or given != ["k"] or k is None or k.value != Const(value=1):
        return []
    better = METRICS[use.metric]
    value = (ApiName(f"tensorflow.keras.metrics.{better}", use.place), "()")
    return [Remedy(f"Measure `{better}`", "unsafe", (ReplaceValue(use.place, value),))]


def remedies(program: Program, operation: Operation) -> list[Remedy]:
    """`argmax` instead, for the best one only."""
    scores, labels = operation.arguments.get("predictions"), operation.arguments.get("targets")
    if (
        operation.attributes.get("k") != 1
        or scores is None
        or labels is None
        or scores.place is None
        or labels.place is None
    ):
        return []
    known = program.tensor(operation.inputs[1])
    dtype = known.dtype if isinstance(known, Tensor) else None
    near = operation.place
    equal, argmax = ApiName("tensorflow.equal", near), ApiName("tensorflow.argmax", near)
    best: tuple[Piece, ...] = (argmax, "(", Source(scores.place), ", 1)")
    answer: tuple[Piece, ...] = (Source(labels.place),)
    if dtype == "int32":
        best = (argmax, "(", Source(scores.place), ", 1, output_type=", ApiName("tensorflow.int32", near), ")")
    elif dtype != "int64":
        answer = (
            ApiName("tensorflow.cast", near),
            "(",
            Source(labels.place),
            ", ",
            ApiName("tensorflow.int64", near),
            ")",
        )
    value = (equal, "(", *best, ", ", *answer, ")")
    return [Remedy("Compare with `argmax`", "safe", (ReplaceValue(near, value),))]
