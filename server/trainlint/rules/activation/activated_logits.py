"""activated-logits: a ReLU or its like on the scores that a cross-entropy turns into probabilities."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, ReplaceValue, Source
from trainlint.program.assumptions import assumptions
from trainlint.program.heads import (
    activation_behind,
    argument_for,
    is_answer,
    named,
    narrowest,
    sharing_place,
    trained,
    weights_before,
)
from trainlint.program.program import SHAPING, Program
from trainlint.program.training import computed_losses
from trainlint.program.values import Tensor, Value
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from trainlint.program.operations import Operation

CUTTING = ("relu", "relu6", "softplus", "sigmoid", "hard_sigmoid", "tanh", "hard_tanh", "softsign", "exponential")
"""Activations that restrict scores to a half line or an interval."""

BENDING = ("leaky_relu", "elu", "selu", "gelu", "silu", "mish")
"""Activations that only dampen negative scores."""

STANDARD = 2.0
"""Data of at most this root mean square counts as scaled: that of standardised data is 1."""

_KEEPING = SHAPING | {"matmul", "convolution", "add", "activation", "pool", "reduce"}
"""Kinds that give about the size that they get."""

_AGAIN = ("softmax", "sigmoid", "log_softmax", "hard_sigmoid")


class ActivatedLogits(Rule):
    """
    ## What it does
    Reports a non-linearity on the last layer whose result goes into a softmax or sigmoid cross-entropy.

    ## Why it is bad
    A cross-entropy needs scores of both signs and of any size: that is how the network says how sure it is.
    An activation in front of it cuts a part of them off.

    ReLU cuts off the negative ones: a class whose score is 0 gets no gradient any more, a row of zeros is a tie that
    `in_top_k` counts as right, and the loss stays at ln K for K classes.
    The bounded ones (tanh, sigmoid, ReLU6) also limit how sure the network can become.
    On unscaled data whole classes die; on standardised data the effect is often small.

    ## Example
    ```python
    logits = tf.layers.dense(hidden, 10, activation=tf.nn.relu)
    loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)
    ```

    ## Use instead
    ```python
    logits = tf.layers.dense(hidden, 10, activation=None)
    loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)
    ```

    ## Fix safety
    Unsafe: training changes, which is the point, and somebody may want bounded scores.

    ## Probe
    Where one score stands for two classes: looks whether a score below 0 ever occurs, which decides.
    Otherwise trains with and without the repair on data of the same scale, and compares by argmax.

    ## References
    - "Neural Network: Mysterious ReLu", Stack Overflow
    - maxim5/code-inspector, commit 079256c
    - Schoop et al., "UMLAUT: Debugging Deep Learning Programs using Program Structure and Model Behavior", CHI 2021
    - Own measurement on token counts: accuracy by argmax 0.19 with ReLU and 0.47 without after 200 steps
    """

    name, code, category, severity = "activated-logits", "TL202", "activation", "error"
    rank = 75
    evidence = ("certificate", "training")
    message = "{function} on the scores that go into {sink}: {effect}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.int32, [None])\n"
            "hidden = tf.layers.dense(x, 32, activation=tf.nn.relu)\n"
            "logits = tf.layers.dense(hidden, 10)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "\n"
            "model = keras.Sequential([\n"
            "    keras.Input((20,)),\n"
            '    keras.layers.Dense(32, activation="relu"),\n'
            '    keras.layers.Dense(10, activation="softmax"),\n'
            "])\n"
            'model.compile("adam", loss="sparse_categorical_crossentropy")\n',
        ),
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.int32, [None])\n"
            "logits = 10.0 * tf.tanh(tf.layers.dense(x, 10))\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="Scores that are clipped to a wide interval on purpose, as in pointer networks.",
        ),
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 16, 8])\n"
            "y = tf.placeholder(tf.int32, [None])\n"
            "weights = tf.nn.softmax(tf.nn.leaky_relu(tf.layers.dense(x, 1)), axis=1)\n"
            "logits = tf.layers.dense(tf.reduce_sum(weights * x, axis=1), 4)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="The softmax over leaky_relu weighs neighbours, as in graph attention, and is no answer.",
        ),
        Valid(
            "import tensorflow as tf\n"
            "from elsewhere import activation\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.int32, [None])\n"
            "logits = tf.layers.dense(x, 10, activation=activation)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="Which activation the module gives is not known.",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.int32, [None])\n"
            "hidden = tf.layers.dense(x, 32, activation=tf.nn.relu)\n"
            "logits = tf.layers.dense(hidden, 10, activation=tf.nn.relu)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.nn.relu",
            occurrence=1,
            severity="error",
            message="negative scores become 0",
            traces=("the loss is computed here",),
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                "y = tf.placeholder(tf.int32, [None])\n"
                "hidden = tf.layers.dense(x, 32, activation=tf.nn.relu)\n"
                "logits = tf.layers.dense(hidden, 10, activation=None)\n"
                "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
        ),
        Invalid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "\n"
            'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10, activation="relu")])\n'
            'model.add(keras.layers.Activation("softmax"))\n'
            'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
            "model.fit(np.random.normal(size=(500, 20)), np.random.randint(0, 10, size=500))\n",
            at='"relu"',
            severity="warning",
            message="go into the softmax",
            traces=("the softmax is applied here", "the loss is computed here"),
            fixed=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10, activation=None)])\n"
                'model.add(keras.layers.Activation("softmax"))\n'
                'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
                "model.fit(np.random.normal(size=(500, 20)), np.random.randint(0, 10, size=500))\n"
            ),
            why="On standardised data the effect is often small.",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "w = tf.Variable(tf.truncated_normal([20, 10], stddev=0.1))\n"
            "b = tf.Variable(tf.zeros([10]))\n"
            "logits = tf.nn.tanh(tf.matmul(x, w) + b)\n"
            "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=logits))\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n",
            at="tf.nn.tanh(tf.matmul(x, w) + b)",
            severity="error",
            message="none can become more probable than 0.45",
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                "y = tf.placeholder(tf.float32, [None, 10])\n"
                "w = tf.Variable(tf.truncated_normal([20, 10], stddev=0.1))\n"
                "b = tf.Variable(tf.zeros([10]))\n"
                "logits = tf.matmul(x, w) + b\n"
                "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=logits))\n"
                "train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n"
            ),
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "\n"
            "tf.disable_v2_behavior()\n"
            "x = tensor = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "for units in (64, 32, 10):\n"
            "    tensor = tf.layers.dense(tensor, units, activation=tf.nn.relu)\n"
            "loss = tf.losses.sigmoid_cross_entropy(y, tensor)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.nn.relu",
            severity="error",
            why="The hidden layers of the loop get their activation at the same place, which has to stay.",
        ),
        Invalid(
            "import argparse\n"
            "\n"
            "import keras\n"
            "from keras.layers import BatchNormalization, Dense\n"
            "\n"
            "parser = argparse.ArgumentParser()\n"
            'parser.add_argument("--activation", default="elu")\n'
            "args = parser.parse_args()\n"
            "\n"
            "\n"
            "def head(tensor, classes, activation):\n"
            "    return Dense(classes, activation)(BatchNormalization()(tensor))\n"
            "\n"
            "\n"
            "inputs = keras.Input((20,))\n"
            'model = keras.Model(inputs, head(Dense(32, "relu")(inputs), 10, args.activation))\n'
            'model.compile("adam", loss=keras.losses.CategoricalCrossentropy(from_logits=True))\n',
            at="activation",
            occurrence=2,
            severity="warning",
            message="negative scores are dampened",
            fixed=(
                "import argparse\n"
                "\n"
                "import keras\n"
                "from keras.layers import BatchNormalization, Dense\n"
                "\n"
                "parser = argparse.ArgumentParser()\n"
                'parser.add_argument("--activation", default="elu")\n'
                "args = parser.parse_args()\n"
                "\n"
                "\n"
                "def head(tensor, classes, activation):\n"
                "    return Dense(classes, None)(BatchNormalization()(tensor))\n"
                "\n"
                "\n"
                "inputs = keras.Input((20,))\n"
                'model = keras.Model(inputs, head(Dense(32, "relu")(inputs), 10, args.activation))\n'
                'model.compile("adam", loss=keras.losses.CategoricalCrossentropy(from_logits=True))\n'
            ),
            why="What is in front of the head is normalised.",
        ),
        Invalid(
            "",
            cells=(
                (
                    "import tensorflow as tf\n"
                    "layer = tf.keras.layers.Dense(3, activation=tf.keras.activations.softplus)\n"
                ),
                (
                    "model = tf.keras.Sequential([tf.keras.Input((20,)), layer])\n"
                    'model.compile("adam", loss=tf.keras.losses.BinaryCrossentropy(from_logits=True))\n'
                ),
            ),
            at="tf.keras.activations.softplus",
            severity="error",
            message="no score can be negative",
            cell=0,
            fixed=(
                "import tensorflow as tf\n"
                "layer = tf.keras.layers.Dense(3, activation=None)\n"
                "\n"
                "model = tf.keras.Sequential([tf.keras.Input((20,)), layer])\n"
                'model.compile("adam", loss=tf.keras.losses.BinaryCrossentropy(from_logits=True))\n'
            ),
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "from tensorflow.compat.v1.nn import sigmoid_cross_entropy_with_logits, tanh\n"
            "\n"
            "tf.disable_v2_behavior()\n"
            "\n"
            "\n"
            "class Config:\n"
            "    classes = 6\n"
            "    head = tanh\n"
            "\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, Config.classes])\n"
            "logits = tf.layers.dense(x, Config.classes, activation=Config.head)\n"
            "loss = tf.reduce_mean(sigmoid_cross_entropy_with_logits(labels=y, logits=logits))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="Config.head",
            severity="error",
            message="every probability is between 0.27 and 0.73",
            fixed=(
                "import tensorflow.compat.v1 as tf\n"
                "from tensorflow.compat.v1.nn import sigmoid_cross_entropy_with_logits, tanh\n"
                "\n"
                "tf.disable_v2_behavior()\n"
                "\n"
                "\n"
                "class Config:\n"
                "    classes = 6\n"
                "    head = tanh\n"
                "\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                "y = tf.placeholder(tf.float32, [None, Config.classes])\n"
                "logits = tf.layers.dense(x, Config.classes, activation=None)\n"
                "loss = tf.reduce_mean(sigmoid_cross_entropy_with_logits(labels=y, logits=logits))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            why="Each score goes through a sigmoid of its own.",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "\n"
            "\n"
            "def layer(tensor, rows, columns):\n"
            '    return tf.matmul(tensor, tf.get_variable("w%d" % columns, [rows, columns]))\n'
            "\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "hidden = tf.nn.relu(layer(x, 20, 32))\n"
            "answer = tf.nn.softmax(tf.nn.relu(layer(hidden, 32, 10)))\n"
            "loss = -tf.reduce_sum(y * tf.log(answer + 1e-8))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.nn.relu(layer(hidden, 32, 10))",
            severity="error",
            message="go into the softmax",
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "\n"
                "def layer(tensor, rows, columns):\n"
                '    return tf.matmul(tensor, tf.get_variable("w%d" % columns, [rows, columns]))\n'
                "\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                "y = tf.placeholder(tf.float32, [None, 10])\n"
                "hidden = tf.nn.relu(layer(x, 20, 32))\n"
                "answer = tf.nn.softmax(layer(hidden, 32, 10))\n"
                "loss = -tf.reduce_sum(y * tf.log(answer + 1e-8))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            why="The cross-entropy is written out.",
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        judged = set()
        for loss in computed_losses(program):
            scores, sink, through = _scores(program, loss)
            if through is not None:
                judged.add(through.id)
            yield from self._judge(program, scores, sink, through, loss)
        for last in program.of_kind("activation"):
            # A cross-entropy that is written out: -sum(y * log(softmax(scores))).
            if last.attributes.get("function") == "softmax" and last.id not in judged and _is_last(program, last):
                yield from self._judge(program, last.inputs[0], "the softmax", last, None)

    def _judge(
        self, program: Program, scores: Value | None, sink: str, through: Operation | None, loss: Operation | None
    ) -> Iterator[Report]:
        activation = None if scores is None else program.source(scores)
        if activation is None or activation.kind != "activation":
            return
        function = activation.attributes.get("function")
        if function not in CUTTING + BENDING or (function in _AGAIN and through is None):
            return
        layer = weights_before(program, activation.inputs[0])
        if layer is None and not program.variables(activation.inputs[0]):
            return
        mild = function in BENDING or (layer is not None and _is_standard(program, layer.inputs[0]))
        trace = []
        if through is not None:
            trace.append(Step(through.place, f"the {through.attributes.get('function')} is applied here"))
        if loss is not None and loss.place != activation.place:
            trace.append(Step(loss.place, "and the loss is computed here"))
        place = activation.place
        if activation.context.calls and _is_shared(program, activation):
            # A helper that hidden layers need as it is: the call that makes the last layer is wrong.
            hidden = program.ancestors(activation.inputs[0])
            last = {o.id for o in sharing_place(program, activation) if o.id not in hidden}
            place = narrowest(program, activation, last) or place
            if place != activation.place:
                trace.insert(0, Step(activation.place, f"the {function} is in what is called here"))
        effect = _effect(function, scores, _is_softmax(loss, through))
        yield self.report(
            place, severity="warning" if mild else "error", function=function, sink=sink, effect=effect,
            trace=trace, assumed=assumptions(activation, loss), remedies=_remedies(program, activation), subject=activation.id,
        )  # fmt: skip


_WEIGHTS = frozenset(("matmul", "convolution", "recurrent", "attention", "embedding"))


def _is_last(program: Program, softmax: Operation) -> bool:
    """Whether a softmax is the answer of a network in training, with no layer behind it."""
    if softmax.id not in trained(program) or any(u.kind in _WEIGHTS for u in program.descendants(softmax.output)):
        return False
    return is_answer(program, softmax)


def _scores(program: Program, loss: Operation) -> tuple[Tensor | None, str, Operation | None]:
    """What a cross-entropy takes for scores, how to call what takes them, and the activation that stands between."""
    predictions = loss.attributes.get("predictions")
    if not isinstance(predictions, Tensor):
        return None, "", None
    if loss.attributes.get("expects") == "logits":
        return predictions, named(loss), None
    if loss.attributes.get("expects") != "probabilities":
        return None, "", None
    last = activation_behind(program, predictions)
    function = None if last is None else last.attributes.get("function")
    if last is None or function not in ("softmax", "sigmoid") or not isinstance(last.inputs[0], Tensor):
        return None, "", None
    return last.inputs[0], f"the {function}", last


def _is_softmax(loss: Operation | None, through: Operation | None) -> bool:
    """Whether the scores compete in a softmax, rather than each going through a sigmoid."""
    if through is not None:
        return through.attributes.get("function") == "softmax"
    return loss is not None and "softmax" in str(loss.attributes.get("function"))


def _effect(function: str, scores: Value | None, is_softmax: bool) -> str:
    if function in BENDING:
        return "negative scores are dampened, so classes are hard to rule out"
    if function in ("tanh", "hard_tanh", "softsign", "sigmoid", "hard_sigmoid"):
        low = 0 if "sigmoid" in function else -1
        text = f"they stay between {low} and 1"
        n_classes = scores.shape[-1] if isinstance(scores, Tensor) and scores.shape else None
        if not is_softmax:
            lowest, highest = (1 / (1 + math.exp(-score)) for score in (low, 1))
            return f"{text}, so every probability is between {lowest:.2f} and {highest:.2f}"
        if not isinstance(n_classes, int):
            return f"{text}, so the network can never be sure"
        highest = 1 / (1 + (n_classes - 1) * math.exp(low - 1))
        return f"{text}, so with {n_classes} classes none can become more probable than {highest:.2f}"
    if function in ("softplus", "exponential"):
        return "no score can be negative, so no class can be ruled out"
    return "negative scores become 0, where a class gets no gradient and equal scores are ties"


def _is_standard(program: Program, value: Value) -> bool:
    """Whether what a layer gets is proved to be scaled: normalised on the way, or made of scaled data alone."""
    operation = program.operation(value)
    stack, seen, sources = [operation], set(), 0
    while stack:
        operation = stack.pop()
        if operation is None:
            return False
        if operation.id in seen:
            continue
        seen.add(operation.id)
        if operation.kind == "normalization":
            sources += 1
        elif operation.kind in ("placeholder", "input", "data"):
            rms = operation.output.rms
            if rms is None or rms > STANDARD:
                return False
            sources += 1
        elif operation.kind in _KEEPING:
            made = [program.operation(part) for part in operation.inputs]
            stack += [part for part in made if part is not None and part.kind not in ("variable", "constant", "random")]
        else:
            return False
    return sources > 0


def _remedies(program: Program, activation: Operation) -> list[Remedy]:
    if _is_shared(program, activation):
        # The hidden layers of a loop get their activation here as well.
        return []
    function = activation.attributes.get("function")
    argument = activation.arguments.get("activation")
    if activation.attributes.get("argument") and argument is not None and argument.place is not None:
        name = "" if activation.symbol is None else activation.symbol.name.rsplit(".", 1)[-1]
        new = '"linear"' if name == "Activation" else "None"
        return [Remedy("Make the last layer linear", "unsafe", (ReplaceValue(argument.place, (new,)),))]
    given = argument_for(activation, activation.inputs[0])
    if given is None or given.place is None or activation.layer is not None:
        return []
    return [Remedy(f"Take the {function} away", "unsafe", (ReplaceValue(activation.place, (Source(given.place),)),))]


def _is_shared(program: Program, activation: Operation) -> bool:
    """Whether another operation at the same place works on other weights, as in a loop over layers."""
    kernels = set()
    for other in sharing_place(program, activation):
        layer = weights_before(program, other.inputs[0])
        kernels.add(None if layer is None or not isinstance(layer.inputs[1], Tensor) else layer.inputs[1].op)
    return len(kernels) > 1
