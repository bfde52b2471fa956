"""tie-counting-accuracy: `in_top_k` on clipped scores counts ties as right answers."""

from __future__ import annotations

from collections.abc import Iterator

from trainlint.finding import Step
from trainlint.fixes.actions import ApiName, Piece, Remedy, ReplaceValue, Source
from trainlint.program.operations import Operation
from trainlint.program.program import Program
from trainlint.program.values import Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid

TIED = {
    "relu": "every negative score is 0", "relu6": "scores end up at 0 and at 6", "hard_sigmoid": "scores end up at 0 and at 1",
    "hard_tanh": "scores end up at -1 and at 1", "clip": "scores end up at the limits",
}  # fmt: skip
"""Functions that map many different scores to the same one."""


class TieCountingAccuracy(Rule):
    """
    ## What it does
    Reports `tf.nn.in_top_k` on scores that were cut off, by ReLU for example.

    ## Why it is bad
    `in_top_k` counts every class that ties with the best as right.
    A row of zeros is a tie of all classes, so a network that predicts nothing reaches an accuracy of 100 %.
    Measured on one program: 1.00 by `in_top_k`, .05 by `argmax`.

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

    ## Probe
    Computes the accuracy both ways on equal rows and on the program's own outputs.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/math/in_top_k
    - tensorflow/tensorflow#10489, tensorflow/tensorflow#13005
    """

    name, code, category, severity = "tie-counting-accuracy", "TL903", "metrics", "error"
    rank = 50
    evidence = ("certificate",)
    message = "`in_top_k` counts ties as right, and these scores went through {function}: {effect}"

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
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for operation in program.of_kind("in-top-k"):
            scores = program.tensor(operation.inputs[0])
            if scores is None or scores.activation not in TIED:
                continue
            cut = clipping(program, operation)
            trace = [Step(cut.place, f"the scores go through {scores.activation} here")] if cut is not None else []
            yield self.report(
                operation.place, function=scores.activation, effect=TIED[scores.activation], trace=trace,
                remedies=remedies(program, operation), subject=operation.id,
            )  # fmt: skip


def clipping(program: Program, operation: Operation) -> Operation | None:
    """The operation that cuts the scores off."""
    found = program.source(operation.inputs[0])
    return found if found is not None and found.kind in ("activation", "clip") else None


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
