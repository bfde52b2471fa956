"""single-unit-softmax: a softmax over one unit, which is the constant 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Action, ApiName, Remedy, ReplaceValue, Source
from trainlint.program.assumptions import assumptions
from trainlint.program.dims import show
from trainlint.program.heads import argument_for, is_answer, sharing_place, width
from trainlint.program.values import Const, Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

CONSTANTS = {"softmax": 1, "log_softmax": 0}


class SingleUnitSoftmax(Rule):
    """
    ## What it does
    Reports a softmax over an axis that has a single entry.

    ## Why it is bad
    Softmax divides each score by the sum of all scores, and the only score divided by itself is 1.
    The network answers 1 whatever it sees.
    With squared error nothing trains at all.
    With binary cross-entropy Keras works on the score before the softmax: the loss falls, and every prediction stays 1.

    ## Example
    ```python
    model = keras.Sequential([keras.layers.Dense(1, activation="softmax")])
    model.compile("adam", loss="binary_crossentropy")
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", loss="binary_crossentropy")
    ```

    ## Fix safety
    Safe where the loss is a binary cross-entropy: one unit under that loss means the probability of "yes".
    A program that answers 1 to everything was not right before.
    Unsafe under any other loss, where two units may have been meant.

    ## Probe
    Compares the predictions for different inputs: they are all equal.

    ## References
    - Keras warns about it at run time: `keras/src/activations/activations.py`, `softmax`
    - "Why does CNN binary Keras always predict 1?", Stack Overflow
    """

    name, code, category, severity = "single-unit-softmax", "TL201", "activation", "error"
    rank = 100
    evidence = ("certificate",)
    message = "{function} over an axis of 1 entry{shape}: the result is always {constant}"

    VALID = [
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "\n"
            "x = np.random.normal(size=(500, 8))\n"
            "y = np.random.randint(0, 2, size=500)\n"
            'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
            'model.compile("adam", loss="binary_crossentropy")\n'
            "model.fit(x, y)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int32, [None])\n"
            "scores = tf.layers.dense(x, 2)\n"
            "answer = tf.nn.softmax(scores)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=scores)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "from tensorflow.keras import layers\n"
            "\n"
            "steps = keras.Input((30, 4))\n"
            "weights = layers.Softmax(axis=1)(layers.Dense(1)(steps))\n"
            "summary = layers.Flatten()(layers.Dot(axes=1)([weights, steps]))\n"
            'model = keras.Model(steps, layers.Dense(1, activation="sigmoid")(summary))\n'
            'model.compile("adam", "binary_crossentropy")\n',
            why="Softmax over the 30 steps of time weighs them; the last axis is not the one that it runs over.",
        ),
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 16])\n"
            "attention = tf.nn.softmax(tf.layers.dense(x, 1))\n"
            "answer = attention * tf.layers.dense(x, 16)\n"
            "loss = tf.losses.mean_squared_error(y, answer)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="Attention over a single head weighs values by 1, which harms nobody.",
        ),
        Valid(
            "import sys\n"
            "from tensorflow import keras\n"
            "\n"
            "classes = int(sys.argv[1])\n"
            'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(classes, activation="softmax")])\n'
            'model.compile("adam", "categorical_crossentropy")\n',
            why="How many units there are is not known.",
        ),
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 8])\n"
            "answer = tf.layers.dense(tf.nn.softmax(tf.layers.dense(x, 1)) * x, 8)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.losses.mean_squared_error(y, answer))\n",
            why="The same over what goes into the network.",
        ),
        Valid(
            "import numpy as np\n"
            "from keras import backend as K\n"
            "from keras.layers import Layer\n"
            "from keras.models import Sequential\n"
            "\n"
            "\n"
            "class Routed(Layer):\n"
            "    def call(self, inputs):\n"
            "        shares = K.softmax(K.zeros_like(inputs[:, :, 0]), 1)\n"
            "        return K.batch_dot(shares, inputs, [1, 1])\n"
            "\n"
            "\n"
            "model = Sequential([Routed()])\n"
            "model.compile(loss='mse', optimizer='rmsprop')\n"
            "model.fit(np.random.random((10, 1, 4)), np.random.random((10, 4)))\n",
            why="Shares that start equal, of the one vector that these data have, answer nothing.",
        ),
    ]
    INVALID = [
        Invalid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "\n"
            "x = np.random.normal(size=(500, 8))\n"
            "y = np.random.randint(0, 2, size=500)\n"
            'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="softmax")])\n'
            'model.compile("adam", loss="binary_crossentropy")\n'
            "model.fit(x, y)\n",
            at='"softmax"',
            severity="error",
            message="always 1",
            fixed=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "x = np.random.normal(size=(500, 8))\n"
                "y = np.random.randint(0, 2, size=500)\n"
                'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
                'model.compile("adam", loss="binary_crossentropy")\n'
                "model.fit(x, y)\n"
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "scores = tf.layers.dense(x, 1)\n"
            "answer = tf.nn.softmax(scores)\n"
            "loss = tf.losses.log_loss(y, answer)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.nn.softmax(scores)",
            severity="error",
            traces=("the scores [batch, 1] are computed here",),
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "scores = tf.layers.dense(x, 1)\n"
                "answer = tf.nn.sigmoid(scores)\n"
                "loss = tf.losses.log_loss(y, answer)\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "\n"
            "\n"
            "def head(tensor, units, activation=tf.nn.softmax):\n"
            "    return tf.layers.dense(tensor, units, activation=activation)\n"
            "\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "loss = tf.losses.mean_squared_error(y, head(x, 1))\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n",
            at="activation",
            occurrence=2,
            severity="error",
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "\n"
                "def head(tensor, units, activation=tf.nn.softmax):\n"
                "    return tf.layers.dense(tensor, units, activation=tf.nn.sigmoid)\n"
                "\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "loss = tf.losses.mean_squared_error(y, head(x, 1))\n"
                "train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n"
            ),
        ),
        Invalid(
            "import argparse\n"
            "\n"
            "import keras\n"
            "from keras.layers import Activation, Dense\n"
            "\n"
            "parser = argparse.ArgumentParser()\n"
            'parser.add_argument("--classes", type=int, default=1)\n'
            "args = parser.parse_args()\n"
            "model = keras.Sequential([keras.Input((8,))])\n"
            "for units in (32, args.classes):\n"
            "    model.add(Dense(units))\n"
            'model.add(Activation("softmax"))\n'
            'model.compile("adam", loss="binary_crossentropy")\n',
            at='"softmax"',
            severity="error",
            fixed=(
                "import argparse\n"
                "\n"
                "import keras\n"
                "from keras.layers import Activation, Dense\n"
                "\n"
                "parser = argparse.ArgumentParser()\n"
                'parser.add_argument("--classes", type=int, default=1)\n'
                "args = parser.parse_args()\n"
                "model = keras.Sequential([keras.Input((8,))])\n"
                "for units in (32, args.classes):\n"
                "    model.add(Dense(units))\n"
                'model.add(Activation("sigmoid"))\n'
                'model.compile("adam", loss="binary_crossentropy")\n'
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "\n"
            "inputs = tf.keras.Input((8,))\n"
            "answer = tf.keras.layers.Softmax()(tf.keras.layers.Dense(1)(inputs))\n"
            "model = tf.keras.Model(inputs, answer)\n"
            'model.compile("adam", loss="sparse_categorical_crossentropy")\n',
            at="tf.keras.layers.Softmax()",
            severity="error",
            why="Under a categorical loss two units may have been meant.",
        ),
        Invalid(
            "",
            cells=(
                ("from tensorflow import keras\nhead = keras.layers.Dense(1, activation=keras.activations.softmax)\n"),
                (
                    "model = keras.Sequential([keras.Input((8,)), head])\n"
                    'model.compile("sgd", loss=keras.losses.BinaryCrossentropy())\n'
                ),
            ),
            at="keras.activations.softmax",
            severity="error",
            cell=0,
            fixed=(
                "from tensorflow import keras\n"
                "head = keras.layers.Dense(1, activation=keras.activations.sigmoid)\n"
                "\n"
                "model = keras.Sequential([keras.Input((8,)), head])\n"
                'model.compile("sgd", loss=keras.losses.BinaryCrossentropy())\n'
            ),
        ),
        Invalid(
            "import pandas as pd\n"
            "from tensorflow import keras\n"
            "table = pd.read_pickle('visits.pkl')\n"
            "answers = table.pop('bought')\n"
            "model = keras.Sequential([keras.layers.Dense(16, activation='relu'), keras.layers.Dense(1, activation='softmax')])\n"
            "model.compile('adam', loss='binary_crossentropy', metrics=['accuracy'])\n"
            "model.fit(table.values, answers)\n",
            at="'softmax'",
            severity="error",
            message="over an axis of 1 entry: the result",
            fixed="import pandas as pd\n"
            "from tensorflow import keras\n"
            "table = pd.read_pickle('visits.pkl')\n"
            "answers = table.pop('bought')\n"
            "model = keras.Sequential([keras.layers.Dense(16, activation='relu'), keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile('adam', loss='binary_crossentropy', metrics=['accuracy'])\n"
            "model.fit(table.values, answers)\n",
            why="The layer says how wide it is, whatever the data is.",
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        if 1 in program.defaults:
            return  # the default of a number of classes, which is given where it is used
        for operation in program.of_kind("activation"):
            function = operation.attributes.get("function")
            if function not in CONSTANTS or _size(program, operation) != 1 or not is_answer(program, operation):
                continue
            scores = operation.inputs[0]
            assert isinstance(scores, Tensor)
            weights = program.source(scores)
            trace = []
            if (
                weights is not None
                and weights.kind in ("add", "matmul", "convolution")
                and (weights.layer is None or weights.layer is not operation.layer)
            ):
                trace.append(
                    Step(
                        weights.place,
                        f"the scores {show(scores.shape) if scores.shape else ''} are computed here".replace("  ", " "),
                    )
                )
            yield self.report(
                operation.place, function=function, shape=f" (the scores are {show(scores.shape)})" if scores.shape else "", constant=CONSTANTS[function],
                trace=trace, assumed=assumptions(operation, weights, names=("activation", "units", "filters", "num_outputs")),
                remedies=_remedies(program, operation), subject=operation.id,
            )  # fmt: skip


def _size(program: Program, operation: Operation) -> object:
    """The size of the axis that a softmax runs over."""
    axis, scores = operation.attributes.get("axis", -1), operation.inputs[0]
    if not isinstance(scores, Tensor):
        return None
    axis = -1 if axis is None else axis
    if not scores.shape:
        return width(program, scores, operation) if axis == -1 else None
    if not isinstance(axis, int) or not -len(scores.shape) <= axis < len(scores.shape):
        return None
    return scores.shape[axis]


def _remedies(program: Program, operation: Operation) -> list[Remedy]:
    losses = [user for user in program.descendants(operation.output) if user.kind == "loss"]
    if operation.attributes.get("function") != "softmax" or not losses:
        return []
    if any(
        loss.attributes.get("from_logits") is not False and loss.attributes.get("expects") != "values"
        for loss in losses
    ):
        return []
    if (
        len(
            {
                other.inputs[0].shape
                for other in sharing_place(program, operation)
                if isinstance(other.inputs[0], Tensor)
            }
        )
        > 1
    ):
        return []
    action = _sigmoid(operation)
    functions = {loss.attributes.get("function") for loss in losses}
    if action is None or not functions <= {"sigmoid-cross-entropy", "squared-error", "absolute-error"}:
        return []
    safety = "safe" if functions == {"sigmoid-cross-entropy"} else "unsafe"
    return [Remedy("Use a sigmoid", safety, (action,))]


def _sigmoid(operation: Operation) -> Action | None:
    """The softmax written as a sigmoid, in the author's way of naming it."""
    argument = operation.arguments.get("activation")
    if argument is not None and argument.place is not None:
        if isinstance(argument.value, Const):
            return ReplaceValue(argument.place, ('"sigmoid"',))
        path = "tensorflow.keras.activations.sigmoid" if _is_keras(operation) else "tensorflow.nn.sigmoid"
        return ReplaceValue(argument.place, (ApiName(path, argument.place),))
    given = argument_for(operation, operation.inputs[0])
    if given is None or given.place is None or operation.layer is not None:
        return None
    name = ApiName("tensorflow.nn.sigmoid", operation.place)
    return ReplaceValue(operation.place, (name, "(", Source(given.place), ")"))


def _is_keras(operation: Operation) -> bool:
    return operation.symbol is not None and operation.symbol.name.startswith("keras.")
