"""output-rank-not-reduced: one answer for each step or pixel, where the labels hold one for each sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import ApiName, Remedy, RemoveArgument, Wrap
from trainlint.program.compiles import is_replaced
from trainlint.program.dims import show
from trainlint.program.labels import handed_over
from trainlint.program.training import computed_losses
from trainlint.program.values import Const, Tensor
from trainlint.program.weights import kernel_of, kernel_side
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.dims import Shape
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.source.code import Place

ENTROPIES = ("softmax-cross-entropy", "sparse-softmax-cross-entropy", "sigmoid-cross-entropy")
_THROUGH = frozenset((
    "activation", "add", "dropout", "normalization", "cast", "identity", "reshape", "expand", "squeeze", "pool",
    "transpose", "stop-gradient",
))  # fmt: skip


class OutputRankNotReduced(Rule):
    """
    ## What it does
    Reports a network that gives one answer for each time step or each place of an image, under a loss whose labels hold one for each sample.
    The usual causes are a missing `Flatten` or global pooling before the first `Dense` layer, and `return_sequences=True` on the last recurrent layer.
    Where the labels are not known, a classifier whose `Dense` layers stand on pooled convolutions gets a warning.

    ## Why it is bad
    `Dense` works on the last axis alone and keeps the others, so nothing complains when the network is built.
    Squared and absolute errors broadcast the label of a sample over all its answers and train silently; cross-entropies stop at the first batch, or did so only in newer versions.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((30, 4)), layers.LSTM(32, return_sequences=True), layers.Dense(1)])
    model.compile("adam", loss="mse")
    model.fit(np.random.normal(size=(500, 30, 4)), np.random.normal(size=(500, 1)))
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((30, 4)), layers.LSTM(32), layers.Dense(1)])
    model.compile("adam", loss="mse")
    model.fit(np.random.normal(size=(500, 30, 4)), np.random.normal(size=(500, 1)))
    ```

    ## Fix safety
    Unsafe: the network becomes another one, and labels for each step would be the other way.

    ## Probe
    Looks at the shape of labels minus predictions once.

    ## References
    - https://keras.io/api/layers/core_layers/dense/
    - https://keras.io/api/layers/recurrent_layers/lstm/
    - Nikanjam et al., "Automatic Fault Detection for Deep Learning Programs Using Graph Transformations", TOSEM 2021
    """

    name, code, category, severity = "output-rank-not-reduced", "TL703", "shape", "error"
    rank = 60
    evidence = ("certificate",)
    message = "the network gives {predictions}, one answer for each {unit}, but the labels are {labels}"

    VALID = [
        Valid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "\n"
                "model = keras.Sequential([keras.Input((30, 4)), layers.LSTM(32), layers.Dense(1)])\n"
                'model.compile("adam", loss="mse")\n'
                "model.fit(np.random.normal(size=(500, 30, 4)), np.random.normal(size=(500, 1)))\n"
            ),
        ),
        Valid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "\n"
                "model = keras.Sequential([keras.Input((30, 4)), layers.LSTM(32, return_sequences=True), layers.Dense(1)])\n"
                'model.compile("adam", loss="mse")\n'
                "model.fit(np.random.normal(size=(500, 30, 4)), np.random.normal(size=(500, 30)))\n"
            ),
            why="The labels hold a number for each step.",
        ),
        Valid(
            (
                "import tensorflow as tf\n"
                "\n"
                "images = tf.placeholder(tf.float32, [None, 64, 64, 3])\n"
                "masks = tf.placeholder(tf.int32, [None, 64, 64])\n"
                'hidden = tf.layers.conv2d(images, 16, 3, padding="same", activation=tf.nn.relu)\n'
                "scores = tf.layers.conv2d(hidden, 4, 1)\n"
                "loss = tf.losses.sparse_softmax_cross_entropy(masks, scores)\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            why="One class for each pixel.",
        ),
        Valid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "\n"
                'x, y = np.load("x.npy"), np.load("y.npy")\n'
                "model = keras.Sequential([keras.Input((30, 4))])\n"
                "for units in (32, 16):\n"
                "    model.add(layers.LSTM(units, return_sequences=True))\n"
                'model.add(layers.Dense(5, activation="softmax"))\n'
                'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
                "model.fit(x, y)\n"
            ),
            why="The labels are not known, and may well hold a class for each step.",
        ),
        Valid(
            "",
            cells=(
                (
                    "from tensorflow import keras\n"
                    "from tensorflow.keras import layers\n"
                    "inputs = keras.Input((32, 32, 3))\n"
                    'x = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)\n'
                    "x = layers.MaxPooling2D()(x)\n"
                    "x = layers.UpSampling2D()(x)\n"
                ),
                (
                    'model = keras.Model(inputs, layers.Dense(4, activation="softmax")(x))\n'
                    'model.compile("adam", loss="categorical_crossentropy")\n'
                ),
            ),
            why="As many places come out as went in.",
        ),
    ]
    INVALID = [
        Invalid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "\n"
                "model = keras.Sequential([keras.Input((30, 4)), layers.LSTM(32, return_sequences=True), layers.Dense(1)])\n"
                'model.compile("adam", loss="mse")\n'
                "model.fit(np.random.normal(size=(500, 30, 4)), np.random.normal(size=(500, 1)))\n"
            ),
            at="True",
            severity="error",
            message="the network gives [batch, 30, 1], one answer for each step, but the labels are [batch, 1]",
            traces=("the loss is here", "the labels are handed over here"),
            fixed=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "\n"
                "model = keras.Sequential([keras.Input((30, 4)), layers.LSTM(32), layers.Dense(1)])\n"
                'model.compile("adam", loss="mse")\n'
                "model.fit(np.random.normal(size=(500, 30, 4)), np.random.normal(size=(500, 1)))\n"
            ),
        ),
        Invalid(
            (
                "import tensorflow as tf\n"
                "\n"
                "images = tf.placeholder(tf.float32, [None, 28, 28, 1])\n"
                "y = tf.placeholder(tf.float32, [None, 10])\n"
                "hidden = tf.layers.conv2d(images, 16, 3, activation=tf.nn.relu)\n"
                "hidden = tf.layers.max_pooling2d(hidden, 2, 2)\n"
                "hidden = tf.layers.dense(hidden, 64, activation=tf.nn.relu)\n"
                "scores = tf.layers.dense(hidden, 10)\n"
                "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=scores))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            at="tf.layers.dense(hidden, 64, activation=tf.nn.relu)",
            severity="error",
            message="one answer for each place",
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "images = tf.placeholder(tf.float32, [None, 28, 28, 1])\n"
                "y = tf.placeholder(tf.float32, [None, 10])\n"
                "hidden = tf.layers.conv2d(images, 16, 3, activation=tf.nn.relu)\n"
                "hidden = tf.layers.max_pooling2d(hidden, 2, 2)\n"
                "hidden = tf.layers.dense(tf.layers.flatten(hidden), 64, activation=tf.nn.relu)\n"
                "scores = tf.layers.dense(hidden, 10)\n"
                "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=scores))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
        ),
        Invalid(
            (
                "from keras import Input, Sequential\n"
                "from keras.datasets import cifar10\n"
                "from keras.layers import Conv2D, Dense, MaxPooling2D, Rescaling\n"
                "\n"
                "\n"
                "class Config:\n"
                "    filters = (8, 16)\n"
                "    classes = 10\n"
                "\n"
                "\n"
                "def build():\n"
                "    model = Sequential([Input((32, 32, 3)), Rescaling(1 / 255)])\n"
                "    for filters in Config.filters:\n"
                '        model.add(Conv2D(filters, 3, activation="relu"))\n'
                "        model.add(MaxPooling2D())\n"
                '    model.add(Dense(Config.classes, activation="softmax"))\n'
                "    return model\n"
                "\n"
                "\n"
                "(x, y), _ = cifar10.load_data()\n"
                "model = build()\n"
                'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
                "model.fit(x, y)\n"
            ),
            at='Dense(Config.classes, activation="softmax")',
            severity="error",
            message="the labels are [batch, 1]",
        ),
        Invalid(
            (
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "\n"
                "model = keras.Sequential([keras.Input((72, 1))])\n"
                'model.add(layers.Conv1D(64, 3, activation="relu"))\n'
                "model.add(layers.MaxPooling1D(2))\n"
                'model.add(layers.Dense(64, activation="relu"))\n'
                'model.add(layers.Dense(28, activation="softmax"))\n'
                'model.compile("adam", loss="categorical_crossentropy", metrics=["accuracy"])\n'
            ),
            at='layers.Dense(64, activation="relu")',
            severity="warning",
            message="it gets [batch, 72, 1]",
            why="Labels for each of 35 pooled places are hardly meant.",
        ),
        Invalid(
            "",
            cells=(
                (
                    "import numpy as np\n"
                    "from tensorflow import keras\n"
                    "from tensorflow.keras import layers\n"
                    "x, y = np.random.normal(size=(500, 30, 4)), np.random.randint(0, 2, size=500)\n"
                ),
                (
                    "inputs = keras.Input((30, 4))\n"
                    "states = layers.GRU(16, return_sequences=True)(inputs)\n"
                    'model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(layers.Dropout(0.2)(states)))\n'
                    'model.compile("adam", loss="binary_crossentropy")\n'
                    "model.fit(x, y)\n"
                ),
            ),
            at="True",
            severity="error",
            cell=1,
            fixed=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "x, y = np.random.normal(size=(500, 30, 4)), np.random.randint(0, 2, size=500)\n"
                "\n"
                "inputs = keras.Input((30, 4))\n"
                "states = layers.GRU(16)(inputs)\n"
                'model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(layers.Dropout(0.2)(states)))\n'
                'model.compile("adam", loss="binary_crossentropy")\n'
                "model.fit(x, y)\n"
            ),
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        for loss in computed_losses(program):
            labels, predictions = loss.attributes.get("labels"), loss.attributes.get("predictions")
            if not isinstance(predictions, Tensor) or not isinstance(labels, Tensor) or is_replaced(program, loss):
                continue
            shape = predictions.shape
            if shape is None or len(shape) < 3 or not program.variables(predictions) or program.variables(labels):
                continue
            extra = [dim for dim in shape[1:-1] if dim != 1]
            if not extra:
                continue
            function = str(loss.attributes.get("function"))
            if labels.shape is not None and not _is_too_high(function, shape, labels.shape):
                continue
            first, behind = _reducible(program, predictions)
            message = None
            entry = None
            if labels.shape is None:
                entry = _entry(program, loss, predictions, first, behind)
                if entry is None:
                    continue
                message = (
                    "the network gives {predictions}, one answer for each {unit}, though it gets {entry}: "
                    "these dense layers work on the last axis alone"
                )
            yield self._report(program, loss, labels, predictions, first, behind, message, entry)

    def _report(
        self, program: Program, loss: Operation, labels: Tensor, predictions: Tensor, first: Operation | None,
        behind: Operation | None, message: str | None, entry: Tensor | None,
    ) -> Report:  # fmt: skip
        place, remedies = _repair(program, loss, first, behind)
        trace = [Step(loss.place, "the loss is here")] if loss.place != place else []
        given = handed_over(program, labels) if labels.shape is not None else None
        if given is not None and given != loss.place:
            trace.append(Step(given, "the labels are handed over here"))
        return self.report(
            place, severity="error" if message is None else "warning", message=message,
            predictions=show(predictions.shape), labels=show(labels.shape),
            unit="step" if len(predictions.shape or ()) == 3 and _is_sequence(behind) else "place",
            entry=show(entry.shape) if entry is not None else "", trace=trace, remedies=remedies, subject=loss.id,
        )  # fmt: skip


def _is_too_high(function: str, predictions: Shape, labels: Shape) -> bool:
    """Whether labels of one answer a sample meet predictions of several."""
    assert predictions is not None and labels is not None
    if len(labels) == 1 or (len(labels) == 2 and labels[1] == 1):
        return True
    if len(labels) != 2 or function == "sparse-softmax-cross-entropy":
        return False
    columns, outputs = labels[1], predictions[-1]
    if function == "softmax-cross-entropy":
        return isinstance(columns, int) and columns == outputs
    # [N, 30] against [N, 30, 1] is a number for each step.
    return (
        isinstance(columns, int)
        and columns == outputs
        and isinstance(predictions[1], int)
        and predictions[1] != columns
    )


def _reducible(program: Program, predictions: Tensor) -> tuple[Operation | None, Operation | None]:
    """The first of the dense layers at the end of a network, and the layer of another kind that it stands on."""
    first = None
    current = program.operation(predictions)
    for _ in range(64):
        if current is None:
            break
        if current.kind == "matmul" and kernel_of(program, current) is not None:
            first = current
            current = program.operation(current.inputs[1 - kernel_side(program, current)])
        elif current.kind in _THROUGH and current.inputs:
            parts = [program.operation(part) for part in current.inputs]
            others = [part for part in parts if part is not None and part.kind not in ("variable", "constant")]
            if current.kind == "add" and len(others) != 1:
                return first, current
            current = others[0] if others else None
        else:
            return first, current
    return first, None


def _is_sequence(behind: Operation | None) -> bool:
    return behind is not None and behind.kind == "recurrent"


def _entry(
    program: Program, loss: Operation, predictions: Tensor, first: Operation | None, behind: Operation | None
) -> Tensor | None:
    """What a classifier gets whose dense layers stand on convolutions that changed its size, None for other networks."""
    if loss.attributes.get("function") not in ENTROPIES or not loss.attributes.get("compiled"):
        return None
    if first is None or behind is None or behind.kind != "convolution":
        return None
    operations = [program.operation(key) for key in program.ancestors(predictions)]
    entries = [found for found in operations if found is not None and found.kind == "input"]
    if len(entries) != 1 or any(found is not None and found.kind in ("resize", "concat") for found in operations):
        return None
    given, shape = entries[0].output.shape, predictions.shape
    if given is None or shape is None or len(given) != len(shape):
        return None
    pairs = list(zip(given[1:-1], shape[1:-1]))
    if all(isinstance(a, int) and isinstance(b, int) for a, b in pairs) and any(a != b for a, b in pairs):
        return entries[0].output
    return None


def _repair(
    program: Program, loss: Operation, first: Operation | None, behind: Operation | None
) -> tuple[Place, list[Remedy]]:
    """Where the axes could be reduced, and how."""
    if behind is not None and behind.kind == "recurrent" and behind.layer is not None:
        record = program.object(behind.layer)
        argument = None if record is None else record.arguments.get("return_sequences")
        if record is not None and argument is not None and argument.place is not None:
            if argument.value != Const(True):
                return argument.place, []
            action = RemoveArgument(record.place, argument.place)
            return argument.place, [Remedy("Return the last state only", "unsafe", (action,))]
    if first is None:
        return loss.place, []
    given = first.arguments.get("inputs")
    if given is None or given.place is None or not first.name.startswith("tf.layers."):
        return first.place, []
    wrap = Wrap(given.place, (ApiName("tensorflow.layers.flatten", given.place), "("), (")",))
    return first.place, [Remedy("Flatten what goes into the dense layer", "unsafe", (wrap,))]
